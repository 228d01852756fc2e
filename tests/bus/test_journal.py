"""The journal: what the hub accepted can be read again, also after the hub was killed in the middle of a word."""

from __future__ import annotations

import random

import pytest
from tests.bus.worlds import ModelHost, World, alone, drive

from lightlag.bus.coordinator import Coordinator
from lightlag.bus.emission import Emission
from lightlag.bus.errors import JournalError
from lightlag.bus.journal import Entry, Journal, history, read_journal

FACTS = {"graph": "mars2020", "seed": 7, "hosts": ["mars", "earth"]}
ENTRIES = [
    Entry(0, 1, 1, 60, 0, []),
    Entry(1, 1, 1, 1 << 62, 0, [Emission("b", 1, "c", "x@1", 5, b"body", [b"raw", b""], emitter=b"here")]),
    Entry(0, 1, 2, 80, 1, [Emission("a", n, "c", "x@1", 60 + n, b"body") for n in range(1, 4)]),
]


def as_data(entry):
    return (*entry[:5], [(e.packed, [bytes(a) for a in e.arrays], e.emitter) for e in entry.emissions])


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "journal"
    with Journal(path, FACTS) as journal:
        for entry in ENTRIES:
            journal.append(entry)
    return path


def test_what_was_accepted_is_read_again(journal):
    facts, entries = read_journal(journal)
    assert facts == FACTS
    assert [as_data(entry) for entry in entries] == [as_data(entry) for entry in ENTRIES]


def test_a_journal_that_was_cut_short_ends_with_its_last_whole_record(journal):
    whole = journal.read_bytes()
    counts = []
    for size in range(len(whole) + 1):
        journal.write_bytes(whole[:size])
        try:
            entries = [as_data(entry) for entry in read_journal(journal)[1]]
        except JournalError:
            assert not counts  # only before the first record, which says of which run it is
            continue
        assert entries == [as_data(entry) for entry in ENTRIES[: len(entries)]]
        counts.append(len(entries))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(ENTRIES))


def test_a_damaged_record_is_told(journal):
    whole = bytearray(journal.read_bytes())
    whole[-3] ^= 1
    journal.write_bytes(whole)
    entries = read_journal(journal)[1]
    with pytest.raises(JournalError, match=r"is damaged \(checksum\)"):
        list(entries)


def test_another_file_is_no_journal(tmp_path):
    path = tmp_path / "run.mcap"
    path.write_bytes(b"\x89MCAP0\r\n and so on and on")
    with pytest.raises(JournalError, match="no lightlag journal"):
        read_journal(path)


def test_a_journal_is_never_written_over(journal):
    with pytest.raises(FileExistsError):
        Journal(journal, FACTS)


class Journalled(Coordinator):
    """Writes what it accepts."""

    journal: Journal

    def accept(self, report):
        fresh = super().accept(report)
        self.journal.append(Entry(report.host, report.incarnation, report.number, report.next_ns, report.got, fresh))
        return fresh


@pytest.mark.parametrize("seed", range(8))
def test_the_journal_holds_what_a_restarted_host_must_be_given(tmp_path, seed):
    """Each host is killed when all is over, restarted from the journal alone, and comes to the same end."""
    world = World(seed)
    coordinator = Journalled(world.hosts, world.lookahead(), world.host_of, world.destinations, world.until_ns)
    path = tmp_path / "journal"
    with Journal(path, FACTS) as coordinator.journal:
        drive(coordinator, lambda at: ModelHost(world, at), world.hosts, random.Random(seed))
        chains = {}
        for at in range(world.hosts):
            inbox, sent = history(path, at, world.destinations)
            coordinator.restart(at, inbox, sent)
        chains, _ = drive(coordinator, lambda at: ModelHost(world, at), world.hosts, random.Random(seed))
    assert chains == alone(world)
