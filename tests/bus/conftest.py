"""Benches on which hubs and hosts run over real sockets, in threads."""

import tempfile
from pathlib import Path

import pytest
from tests.bus.mortals import SEED, Bench
from tests.bus.worlds import World


@pytest.fixture
def benches():
    """Makes benches, and waits for their hosts."""
    made = []
    with tempfile.TemporaryDirectory(prefix="ll-", dir="/tmp") as folder:

        def bench(world=None, fate=None) -> Bench:
            place = Path(folder, str(len(made)))
            place.mkdir()
            made.append(Bench(place, world or World(SEED), fate))
            return made[-1]

        yield bench
        for each in made:
            each.close()


@pytest.fixture
def bench(benches):
    return benches()
