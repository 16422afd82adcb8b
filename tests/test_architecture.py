"""Imports go downward only, by layer; what touches time, chance and sockets is known by name."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "syncer"

LAYERS = (
    ("ways in", ("cli", "handler", "sandbox.demo", "bootstrap", "__main__")),
    (
        "adapters",
        (
            "config",
            "forms",
            "options",
            "document",
            "credentials",
            "secretsmanager",
            "sqs",
            "aws",
            "state",
            "spotify",
            "tracklist",
        ),
    ),
    (
        "the one path",
        (
            "service",
            "run",
            "dispatching",
            "working",
            "closing",
            "fleet",
            "part",
            "library",
            "shelf",
            "diary",
            "cache",
            "leasing",
            "deciding",
            "destination",
            "targets",
            "recordings",
            "reading",
            "appending",
            "undoing",
            "recalling",
            "checkup",
            "judging",
            "sampling",
            "capturing",
            "seeking",
            "restoring",
        ),
    ),
    (
        "pure",
        (
            "planner",
            "grouping",
            "gathering",
            "turns",
            "selecting",
            "matching",
            "titles",
            "vocabulary",
            "growing",
            "chronicle",
            "findings",
            "report",
        ),
    ),
    ("words", ("model", "rules", "naming", "spelling", "errors", "ids", "scopes", "ports", "budget", "allowance", "")),
)
"""From top to bottom. A new file needs a layer, not a decision."""
ADAPTERS_MAY = ("adapters", "words")
"""An adapter knows words and ports, and never the path that calls it."""
APART = "sandbox"
"""The sandbox but its demo imports nothing of ours: a fake that shares our code shares our mistakes."""
WORLDLY = {
    "time": {"bootstrap", "handler"},
    "random": {"bootstrap"},
    "secrets": {"cli.debuglog", "cli.login"},
    "selectors": {"cli.callback"},
    "socket": {"spotify.wire", "cli.callback"},
    "threading": {"cli.login", "allowance", "budget", "leasing", "spotify.auth", "spotify.gate", "spotify.transport"},
    "concurrent": {"bootstrap", "ports", "reading"},
    "webbrowser": {"cli.login"},
    "sqlite3": {"state.sqlite"},
    "subprocess": set(),
    "spotipy": {"spotify.playlists", "spotify.sources", "spotify.player"},
    "requests": {"spotify.wire", "spotify.transport", "spotify.auth"},
    "urllib3": {"spotify.wire"},
    "boto3": {"aws"},
    "yaml": {"document", "cli.editing"},
    "jsonschema": {"config"},
    "re2": {"rules"},
    "rich": {"cli.terminal"},
    "click": {
        "cli.capture",
        "cli.completion",
        "cli.main",
        "cli.editing",
        "cli.login",
        "cli.record",
        "cli.setup",
        "cli.terminal",
        "sandbox.demo",
    },
    "platformdirs": {"bootstrap"},
}
"""Who may touch the world outside, and through which library."""


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix("__init__").removesuffix("."): path
        for path in sorted(ROOT.rglob("*.py"))
    }


def imports(path: Path) -> set[str]:
    """Return the modules that *path* imports, anywhere in it, but not those for type checking alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "syncer":
                found |= {f"syncer.{alias.name}" for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    known = modules()
    names = {name.removeprefix("syncer").removeprefix(".") for name in imports(path) if name.split(".")[0] == "syncer"}
    return {name for name in names if name in known and name}


def layer(module: str) -> str:
    for name, members in LAYERS:
        if any(module == member or (member and module.startswith(member + ".")) for member in members):
            return name
    raise AssertionError(f"{module} has no layer: give it one in {__file__}")


def is_apart(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] == APART and module != "sandbox.demo"


@pytest.mark.parametrize("module", [name for name in modules() if not is_apart(name)])
def test_imports_go_downward_only(module: str) -> None:
    order = [name for name, _ in LAYERS]
    mine = layer(module)
    for other in ours(modules()[module]):
        if is_apart(other):
            assert module in ("sandbox.demo", "cli.main"), f"{module} imports the sandbox"
            continue
        theirs = layer(other)
        assert order.index(theirs) >= order.index(mine), f"{module} ({mine}) imports {other} ({theirs}) above it"
        if mine == "adapters":
            assert theirs in ADAPTERS_MAY, f"{module} is an adapter and imports {other} ({theirs})"


@pytest.mark.parametrize("module", [name for name in modules() if is_apart(name)])
def test_the_sandbox_shares_no_code_with_us(module: str) -> None:
    strange = {name for name in ours(modules()[module]) if not is_apart(name)}
    assert not strange


@pytest.mark.parametrize("module", [name for name in modules() if not is_apart(name)])
def test_only_those_named_touch_the_world(module: str) -> None:
    for name in imports(modules()[module]):
        allowed = WORLDLY.get(name.split(".")[0])
        assert allowed is None or module in allowed, f"{module} imports {name}"


def test_what_runs_in_lambda_imports_nothing_of_the_command_line() -> None:
    shipped = [name for name in modules() if name.split(".")[0] not in ("cli", "sandbox", "__main__")]
    for module in shipped:
        tops = {name.split(".")[0] for name in imports(modules()[module])}
        assert not tops & {"click", "rich"}, module
        assert not {name for name in ours(modules()[module]) if name.split(".")[0] in ("cli", "sandbox")}, module
