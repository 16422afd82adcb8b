"""Many trials made from seeds. ``tools/soak.py --replay SEED`` plays one of them again.

What they met is added up in conftest.py.
"""

from collections.abc import Callable

import pytest

from tests.promise.conftest import CHUNKS
from tests.promise.stories import SEEDS, play

CHUNK = SEEDS // CHUNKS


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_schedule_doubles_or_loses_anything(chunk: int, record_property: Callable[[str, object], None]) -> None:
    failed: dict[int, str] = {}
    met = play(range(chunk * CHUNK, (chunk + 1) * CHUNK), fail=lambda seed, error: failed.update({seed: repr(error)}))
    record_property("met", dict(met))
    assert not failed, failed
