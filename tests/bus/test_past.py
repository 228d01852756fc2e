"""The past of a host that was killed: fed in batches in which nothing comes too late, and compared with what it was."""

from __future__ import annotations

import random
from itertools import chain, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bus.worlds import World, alone, run_world

from lightlag.bus.emission import Emission
from lightlag.bus.errors import NondeterminismError
from lightlag.bus.past import Past
from lightlag.bus.time import NEVER_NS


def sent(source, seq, sent_ns, body=b""):
    return Emission(source, seq, "channel", "x@1", sent_ns, body)


def fed(past):
    """All that a past feeds."""
    fed = []
    while not fed or fed[-1][0]:
        fed.append(past.feed())
    return fed[:-1] or fed


@given(
    batch=st.integers(1, 5),
    sent_ns=st.lists(st.integers(0, 50), max_size=20),
    settled_ns=st.integers(0, 60),
)
def test_no_batch_lets_a_host_run_beyond_what_a_later_one_can_bring(batch, sent_ns, settled_ns):
    inbox = [sent("a", seq, at_ns) for seq, at_ns in enumerate(sent_ns, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lightlag.bus.past.BATCH", batch)
        batches = fed(Past(lambda: iter(inbox), [], settled_ns))
    assert list(chain.from_iterable(emissions for emissions, _ in batches)) == inbox
    assert all(len(emissions) <= batch for emissions, _ in batches)
    bounds_ns = [bound_ns for _, bound_ns in batches]
    assert bounds_ns == sorted(bounds_ns)
    assert bounds_ns[-1] == settled_ns
    for at, bound_ns in enumerate(bounds_ns):
        for later, _ in batches[at + 1 :]:
            # Strictly before its bound a host runs; an emission arrives 1 ns after it was sent, or later.
            assert all(bound_ns <= emission.sent_ns + 1 for emission in later)


def test_a_past_without_emissions_is_one_bound():
    past = Past(list, [], 30)
    assert past.feed() == ([], 30)
    assert past.is_over(30)


def test_a_past_is_over_when_all_of_it_was_given_and_run(monkeypatch):
    monkeypatch.setattr("lightlag.bus.past.BATCH", 1)
    past = Past(lambda: [sent("b", 1, 3), sent("b", 2, 70)], [], 60)
    past.feed()
    assert not past.is_over(NEVER_NS)  # there is more
    past.feed()
    assert not past.is_over(59)  # it reported early
    assert past.feed() == ([], 60)
    assert past.is_over(60)


BEFORE = [sent("a", 1, 3), sent("a", 2, 5), sent("b", 1, 5), sent("b", 2, 8)]


def in_order(emissions):
    """Whether each source's emissions come in the order of their numbers."""
    return all([e.seq for e in emissions if e.source == source] == [1, 2] for source in "ab")


def test_nodes_of_a_host_may_be_told_of_in_another_order():
    """How a host's events fall into reports is its driver's business; what each node says is not."""
    orders = [order for order in permutations(BEFORE) if in_order(order)]
    assert len(orders) == 6
    for order in orders:
        past = Past(list, iter(BEFORE), 10)
        past.feed()
        for emission in order:
            assert not past.is_over(9)
            past.repeat([emission])
        assert past.is_over(10)


@pytest.mark.parametrize(
    ("again", "what"),
    [
        ([BEFORE[0], sent("a", 2, 6)], r"emission 2 \(x@1, sent at 6 ns\) differs from the first time"),
        ([sent("a", 1, 3, b"!")], r"emission 1 \(x@1, sent at 3 ns\) differs"),
        ([*BEFORE, sent("b", 3, 9)], r"emission 3 \(x@1, sent at 9 ns\) is new"),
        ([BEFORE[0], BEFORE[0]], r"emission 1 \(x@1, sent at 3 ns\) is new"),
    ],
    ids=["another time", "another content", "one more", "twice"],
)
def test_what_differs_names_node_and_message(again, what):
    past = Past(list, iter(BEFORE), 10)
    past.feed()
    with pytest.raises(NondeterminismError, match=f"^[ab] was run again from the same journal and its {what}"):
        past.repeat(again)


@pytest.mark.parametrize("left_out", range(4))
def test_what_is_left_out_names_node_and_message(left_out):
    past = Past(list, iter(BEFORE), 10)
    past.feed()
    past.repeat(BEFORE[:left_out] + BEFORE[left_out + 1 :])
    source, seq = BEFORE[left_out].source, BEFORE[left_out].seq
    with pytest.raises(NondeterminismError, match=f"{source} was run again .* emission {seq} did not come again"):
        past.is_over(10)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_a_past_in_small_batches_brings_every_world_to_the_same_end(batch, monkeypatch):
    """Nothing arrives in a host's past, and nothing differs, however a past is cut."""
    monkeypatch.setattr("lightlag.bus.past.BATCH", batch)
    kills = 0
    for world in map(World, range(60)):
        chains, killed = run_world(world, random.Random(world.seed), kill_share=0.02)
        assert chains == alone(world), world
        kills += killed
    assert kills > 30
