"""What the hub process tells the launcher: whole things, each once, also when the hub was started again in between."""

from __future__ import annotations

import os

import pytest

from lightlag.bus.activation import Failure, Tally
from lightlag.bus.outcome import Outcome
from lightlag.launch.run.feed import Feed, Listener, outcome_of

OUTCOME = Outcome(
    chains={"mro": b"\x01" * 32},
    tally=Tally(3, 2, {"snr": 1}),
    failure=Failure(7, "mro", "Traceback ..."),
    interrupted=True,
    reached_ns=8,
    peak_rss_kb=1000,
    drive_s=0.5,
    refusals=2,
    grants=(3, 4),
    fingerprints={"mro": "0123456789abcdef"},
)


class Pipe:
    """A pipe with a hub at one end."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        self.hub = Feed(self._writing)

    def said(self) -> bytes:
        """All that it has told."""
        os.close(self._writing)
        with os.fdopen(self._reading, "rb") as pipe:
            return pipe.read()


@pytest.fixture
def pipe():
    return Pipe()


def news(number):
    return [("learnt", f"event-{number}")]


def kinds(told):
    return [each.kind for each in told]


def test_news_is_told_at_once_and_the_frontier_seldom(pipe):
    for t_ns in range(1000):
        pipe.hub.watch(t_ns, news(t_ns) if t_ns in (400, 401) else [])
    told = list(Listener().heard(pipe.said()))
    assert [each.fields for each in told if each.kind == "news"] == [
        (401, 400, (("learnt", "event-400"),)),
        (402, 401, (("learnt", "event-401"),)),
    ]
    assert 1 <= kinds(told).count("at") < 50


def test_how_far_a_run_is_behind_is_told_with_the_frontier(pipe):
    pipe.hub.watch(5, [], 2.5)
    assert list(Listener().heard(pipe.said())) == [("at", (5, 2.5))]


def test_the_end_is_the_outcome_with_the_hub_itself_counted(pipe):
    pipe.hub.end(OUTCOME, 200)
    ((kind, fields),) = Listener().heard(pipe.said())
    assert kind == "end"
    outcome = outcome_of(fields)
    assert outcome.tally.fields() == OUTCOME.tally.fields()
    for name in ("chains", "failure", "interrupted", "reached_ns", "drive_s"):
        assert getattr(outcome, name) == getattr(OUTCOME, name)
    assert outcome.peak_rss_kb == 1200


def test_what_comes_byte_by_byte_is_heard_when_it_is_whole(pipe):
    pipe.hub.watch(5, news(1))
    pipe.hub.error("no host can go on")
    listener = Listener()
    heard = [list(listener.heard(bytes([byte]))) for byte in pipe.said()]
    assert [each for told in heard for each in told] == [
        ("news", (1, 5, (("learnt", "event-1"),))),
        ("error", ("no host can go on",)),
    ]
    assert kinds(heard[-1]) == ["error"]


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_hub_that_was_started_again_tells_nothing_twice_and_leaves_nothing_out(cut):
    """Out of the journal it tells everything from the beginning; half a word of the dead one is worth nothing."""
    first, second = Pipe(), Pipe()
    for number in range(1, 4):
        first.hub.watch(number, news(number))
    for number in range(1, 6):
        second.hub.watch(number, news(number))
    listener = Listener()
    heard = list(listener.heard(first.said()[:cut]))
    listener.again()
    heard += listener.heard(second.said())
    assert [each.fields[0] for each in heard if each.kind == "news"] == [1, 2, 3, 4, 5]
