"""What a shell offers when somebody presses Tab: the names that the config has."""

from pathlib import Path

import click

from syncer import bootstrap, config
from syncer.errors import SyncError
from syncer.model import Config


def pairs(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of pairs that begin with *incomplete*; none if the config does not hold."""
    settings = _settings(context)
    return [pair.name for pair in settings.pairs if pair.name.startswith(incomplete)] if settings else []


def accounts(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of accounts that begin with *incomplete*; none if the config does not hold."""
    settings = _settings(context)
    return [account.name for account in settings.accounts if account.name.startswith(incomplete)] if settings else []


def _settings(context: click.Context) -> Config | None:
    """Return the config that the command line so far speaks of; a shell has no use for what is wrong with it."""
    named = (each.params.get("config_path") for each in (context, context.parent) if each)
    try:
        return config.load(Path(next(filter(None, named), None) or bootstrap.config_path()))
    except (SyncError, OSError):
        return None
