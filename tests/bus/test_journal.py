"""The journal: what the hub accepted can be read again, also after the hub was killed in the middle of a word."""

from __future__ import annotations

import os
import random

import pytest
from tests.bus.worlds import ModelHost, World, alone, drive

from lightlag.bus import wire
from lightlag.bus.coordinator import Coordinator, Report
from lightlag.bus.emission import Emission
from lightlag.bus.errors import JournalError
from lightlag.bus.journal import Journal, past_of, read_facts, read_journal, restore
from lightlag.bus.lookahead import Lookahead
from lightlag.bus.time import NEVER_NS

FACTS = {"run": "0123456789abcdef", "graph": "mars2020", "seed": 7, "hosts": ["mars", "earth"]}
RUN = FACTS["run"]


def said(incarnation, number, bound_ns, next_ns, got, emissions, news=()):
    return wire.encode(RUN, wire.REPORT, (incarnation, number, bound_ns, next_ns, got, None, list(news)), emissions)


PICTURE = [bytes(range(256)) * 4, b"and a mask"]
#: What each host said, as it came from the wire: host and frames.
RECORDS = [
    (0, said(1, 1, 60, 60, 0, [])),
    (1, said(1, 1, 60, 1 << 62, 0, [Emission("b", 1, "c", "x@1", 5, b"body", PICTURE, emitter=b"here")])),
    (0, wire.encode(RUN, wire.ACT, (), [Emission("@operator", 1, "@uhf", "x@1", 65, b"body", to="a")])),
    (0, said(1, 2, 90, 80, 2, [Emission("a", n, "c", "x@1", 60 + n, b"body", PICTURE[:n]) for n in (1, 2)], [("n",)])),
]


def append(journal, host, frames):
    journal.append(host, frames, wire.decode(RUN, frames).emissions)


def as_read(records):
    """The entries that a journal of these records holds, as plain data."""
    return [(host, *as_data(wire.decode(RUN, [bytes(frame) for frame in frames]))) for host, frames in records]


def as_data(envelope):
    emissions = [(e.packed, [bytes(a) for a in e.arrays], e.emitter) for e in envelope.emissions]
    return envelope.kind, tuple(envelope.fields), emissions


def to_the_other(emission):
    """The destinations of an emission, where node a lives on host 0 and node b on host 1."""
    return [1] if emission.source == "a" else [0]


def read(path):
    return [(host, *as_data(envelope)) for host, envelope in read_journal(path)]


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "journal"
    with Journal(path, FACTS) as journal:
        for host, frames in RECORDS:
            append(journal, host, frames)
    return path


def test_what_was_accepted_is_read_again(journal):
    assert read_facts(journal) == FACTS
    assert read(journal) == as_read(RECORDS)


def test_only_what_is_wanted_is_read(journal):
    assert [(host, *as_data(envelope)) for host, envelope in read_journal(journal, lambda host: host == 1)] == as_read(
        RECORDS[1:2]
    )


def test_a_journal_that_was_cut_short_ends_with_its_last_whole_record(journal):
    whole = journal.read_bytes()
    counts = []
    for size in range(len(whole) + 1):
        journal.write_bytes(whole[:size])
        try:
            entries = read(journal)
        except JournalError:
            assert not counts  # only before the first record, which says of which run it is
            continue
        assert entries == as_read(RECORDS[: len(entries)])
        counts.append(len(entries))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(RECORDS))


def test_a_journal_that_was_cut_short_is_continued_where_it_is_whole(journal):
    """At every byte: what a dead hub has left of a word would make nonsense of what follows."""
    whole = journal.read_bytes()
    more = (1, said(2, 1, 95, 95, 0, [Emission("b", 2, "c", "x@1", 70, b"", [b"12345"])]))
    tried = 0
    for size in range(len(whole), 0, -1):
        journal.write_bytes(whole[:size])
        try:
            before = read(journal)
        except JournalError:
            with pytest.raises(JournalError, match="journal"):
                Journal(journal)
            continue
        with Journal(journal) as continued:
            append(continued, *more)
        assert read_facts(journal) == FACTS
        assert read(journal) == before + as_read([more])
        tried += 1
    assert tried > len(whole) / 2


def test_a_damaged_record_is_told(journal):
    whole = bytearray(journal.read_bytes())
    for at in (whole.rindex(b"body"), whole.index(PICTURE[0]) + 7):
        damaged = whole.copy()
        damaged[at] ^= 1
        journal.write_bytes(damaged)
        with pytest.raises(JournalError, match=r"damaged \(checksum\)"):
            list(read_journal(journal))


def test_a_picture_that_passes_a_relay_is_written_once(journal):
    whole = journal.read_bytes()
    assert whole.count(PICTURE[0]) == 2  # as it was sent with a mask, and without
    assert whole.count(PICTURE[1]) == 1


def test_pictures_that_are_remembered_do_not_grow_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("lightlag.bus.journal._REMEMBERED", 2)
    pictures = [[bytes([n]) * 2000] for n in (1, 2, 3, 1, 3)]
    records = [(0, said(1, n, n, n, 0, [Emission("a", n, "c", "x@1", n, b"", it)])) for n, it in enumerate(pictures, 1)]
    with Journal(tmp_path / "journal", FACTS) as journal:
        for record in records:
            append(journal, *record)
    assert read(tmp_path / "journal") == as_read(records)
    assert [(tmp_path / "journal").read_bytes().count(it[0]) for it in pictures[:3]] == [2, 1, 1]


@pytest.mark.parametrize("content", [b"", b"lightlag", b"\x89MCAP0\r\n and so on and on", b"lightlag journal 1\n"])
def test_another_file_is_no_journal(tmp_path, content):
    path = tmp_path / "run.mcap"
    path.write_bytes(content)
    for read_it in (read_facts, lambda path: list(read_journal(path)), Journal):
        with pytest.raises(JournalError, match="no lightlag journal, or of another version"):
            read_it(path)


def test_a_journal_is_never_written_over(journal):
    with pytest.raises(FileExistsError):
        Journal(journal, FACTS)


def test_a_report_of_many_arrays_is_written_in_pieces(tmp_path):
    """The system takes no more than 1024 pieces at once."""
    emissions = [Emission("a", n, "c", "x@1", n, b"", [b"%d" % n] * 9) for n in range(1, 400)]
    record = (0, said(1, 1, 500, 500, 0, emissions))
    with Journal(tmp_path / "journal", FACTS) as journal:
        append(journal, *record)
    assert read(tmp_path / "journal") == as_read([record])


def test_a_coordinator_stands_where_the_journal_ends(journal):
    matrix = [[NEVER_NS, 10], [10, NEVER_NS]]
    news = []
    coordinator = Coordinator(2, Lookahead(lambda start, end: matrix), {"a": 0, "b": 1}, to_the_other, 1000)
    acts = []
    assert restore(journal, coordinator, acted=acts.append, news=news.append) == 1
    assert [act.seq for act in acts] == [1]
    assert [tuple(each) for each in news] == [(), (), (("n",),)]
    assert coordinator.position(0) == (2, 80)
    assert coordinator.position(1) == (0, 60)
    assert [coordinator.unacknowledged(host) for host in (0, 1)] == [0, 2]


def test_the_past_of_a_host_is_what_it_took_in_by_its_last_report(journal):
    past = past_of(journal, 0, to_the_other, 2, 80)
    emissions, bound_ns = past.feed()
    assert ([(e.source, e.seq) for e in emissions], bound_ns) == ([("b", 1), ("@operator", 1)], 80)
    past.repeat([Emission("a", n, "c", "x@1", 60 + n, b"body", PICTURE[:n]) for n in (1, 2)])
    assert past.is_over(80)
    # What it was sent and had not taken in is not of its past: it is granted that as everybody is.
    assert past_of(journal, 0, to_the_other, 0, 80).feed() == ([], 80)


class Journalled(Coordinator):
    """Writes what it accepts."""

    journal: Journal

    def accept(self, report):
        if not self.repeats(report.host):
            fields = (*report[1:6], report.failure, [])
            self.journal.append(report.host, wire.encode(RUN, wire.REPORT, fields, report.outbox), report.outbox)
        super().accept(report)


@pytest.mark.parametrize("seed", range(8))
def test_the_journal_holds_what_restarted_hosts_and_a_restarted_hub_must_know(tmp_path, seed):
    """All are killed when all is over, started again from the journal alone, and come to the same end."""
    world = World(seed)
    path = tmp_path / "journal"

    def coordinator(rule):
        return rule(world.hosts, world.lookahead(), world.host_of, world.destinations, world.until_ns)

    first = coordinator(Journalled)
    with Journal(path, FACTS) as first.journal:
        drive(first, lambda at: ModelHost(world, at), world.hosts, random.Random(seed), kill_share=0.03)
    second = coordinator(Coordinator)
    restore(path, second, acted=lambda act: None)
    assert second.finished

    hosts = [ModelHost(world, at) for at in range(world.hosts)]
    for at in range(world.hosts):
        past = past_of(path, at, world.destinations, *second.position(at))
        second.joined(at, 1000, 0, 0, lambda past=past: past)
    draw = random.Random(seed)
    taken = [0] * world.hosts
    while not second.finished:
        for grant in second.grants():
            at = grant.host
            done = hosts[at].activate(grant.bound_ns, grant.emissions, draw.choice([1, NEVER_NS]))
            taken[at] += len(grant.emissions)
            said = Report(at, 1000, grant.number, grant.bound_ns, done.next_ns, taken[at], done.outbox)
            assert second.is_news(said)
            second.accept(said)
    chains = {}
    for at, host in enumerate(hosts):
        host.finish(second.last_grant(at).emissions)
        chains |= host.chains()
    assert chains == alone(world)


def test_what_could_not_be_written_whole_is_not_in_the_journal(tmp_path, monkeypatch):
    """A disk that is full for a moment: nothing that was written before or is written later is lost."""
    records = [(0, said(1, n, n, n, 0, [Emission("a", n, "c", "x@1", n, b"", PICTURE)])) for n in (1, 2, 3)]
    with Journal(tmp_path / "journal", FACTS) as journal:
        append(journal, *records[0])

        def full(file, pieces, write=os.writev):
            write(file, [pieces[0][:7]])
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "writev", full)
            with pytest.raises(OSError, match="No space left"):
                append(journal, *records[1])
        append(journal, *records[1])
        append(journal, *records[2])
    assert read(tmp_path / "journal") == as_read(records)
