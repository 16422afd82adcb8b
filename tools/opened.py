"""Do what `syncer run --format json` does with another pace than the shipped one: python -m tools.opened PER_SECOND."""

import json
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from syncer import bootstrap, config, report
from syncer.budget import Stop
from syncer.reading import SIDE_BY_SIDE
from syncer.service import Service
from syncer.spotify.accounts import SpotifyAccounts
from syncer.spotify.wire import Wire


def opened(per_second: float) -> Service:
    """Wire the service as the composition root does, but for the pace."""
    stop, chance = Stop(), random.SystemRandom()
    clock, places = bootstrap.SystemClock(stop), bootstrap.hosts(os.environ)
    state = bootstrap.state_store(os.environ, clock)
    connect = SpotifyAccounts(
        api_url=places.api,
        accounts_url=places.accounts,
        store=partial(bootstrap.credential_store, environ=os.environ),
        state=state,
        wire=Wire(monotonic=time.monotonic),
        clock=clock,
        chance=chance,
        per_second=per_second,
    )
    return Service(
        connect=connect,
        state=state,
        clock=clock,
        chance=chance,
        watch=bootstrap.NobodyWatches(),
        stop=stop,
        executor=ThreadPoolExecutor(SIDE_BY_SIDE),
        files=bootstrap.read_file,
    )


if __name__ == "__main__":
    print(json.dumps(report.as_json(opened(float(sys.argv[1])).run(config.load(bootstrap.config_path())))))
