from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.process import Machine, machine


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Machine]:
    """A machine whose user is signed in, with one pair: 7 tracks in ``week``, of which ``archive`` has the first 4."""
    with machine(tmp_path) as made:
        week = made.world.playlist("week", tracks=7)
        archive = made.world.playlist("archive", items=[entry.media for entry in week.entries[:4]])
        made.pairs(**{"discover-weekly": (week, archive)})
        made.sign_in()
        yield made
