"""The agenda gives back what was put in, soonest first, whatever lies in which bucket."""

from heapq import heappop, heappush
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightlag.bus.agenda import TIMER, Agenda

#: Delays of every size, many of them alike: of an instant, a burst, a pass, a cruise.
DELAYS = st.one_of(
    st.integers(0, 3), st.integers(1, 10**6), st.integers(1, 10**10), st.sampled_from([10**9, 2**20, 2**61])
)


def entry(t_ns, number, place=0):
    return (t_ns, place, TIMER, number, SimpleNamespace(_cancelled=False), TIMER)


@given(st.lists(st.one_of(DELAYS, st.none()), max_size=400))
def test_it_is_a_heap_to_whoever_takes_the_soonest(steps):
    agenda, heap, now_ns = Agenda(), [], 0
    for number, delay_ns in enumerate(steps):
        if delay_ns is not None:
            put = entry(now_ns + delay_ns, number, place=number % 3)
            agenda.put(put)
            heappush(heap, put[:4])
        elif heap:
            assert agenda.head()[:4] == heap[0]
            now_ns = heap[0][0]
            assert agenda.take()[:4] == heappop(heap)
        else:
            assert agenda.head() is None
    assert sorted(it[:4] for it in agenda.entries()) == sorted(heap)
    assert [agenda.take()[:4] for _ in range(len(heap))] == sorted(heap)
    assert agenda.head() is None


@pytest.mark.parametrize("apart_ns", [1_000, 10**6, 10**9, 10**13])
def test_buckets_become_as_wide_as_they_must_to_hold_a_few(apart_ns):
    agenda, many = Agenda(), 2_000
    for number in range(many):
        agenda.put(entry(number * apart_ns, number))
    sizes = []
    for number in range(20 * many):
        if not agenda.near and not agenda.soon:
            agenda.open()
            sizes.append(len(agenda.near))
        assert agenda.take()[3] == number
        agenda.put(entry((number + many) * apart_ns, number + many))
    settled = sizes[len(sizes) // 2 : -1]
    assert 4 <= sum(settled) / len(settled) <= 128


def test_what_all_happens_at_one_instant_is_sorted_once():
    agenda = Agenda()
    for number in reversed(range(50_000)):
        agenda.put(entry(7, number))
    assert [agenda.take()[3] for _ in range(50_000)] == list(range(50_000))


def test_cancelled_timers_are_swept_when_they_are_most():
    agenda = Agenda()
    kept = [entry(10**12 + number, number) for number in range(100)]
    for it in kept:
        agenda.put(it)
    for number in range(5_000):
        met = entry(10**11, 1_000 + number)
        agenda.put(met)
        met[4]._cancelled = True
        agenda.timer_cancelled()
    assert len(agenda.entries()) < 400
    assert [it for it in sorted(agenda.entries()) if not it[4]._cancelled] == kept


def test_it_can_be_swept_while_a_bucket_is_open():
    agenda = Agenda()
    for number in range(10):
        agenda.put(entry(number, number))
    assert agenda.take()[3] == 0
    near, soon = agenda.near, agenda.soon
    agenda.keep([it for it in agenda.entries() if it[3] % 2])
    assert agenda.near is near
    assert agenda.soon is soon
    assert [agenda.take()[3] for _ in range(5)] == [1, 3, 5, 7, 9]
