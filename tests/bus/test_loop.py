"""The virtual loop: plain asyncio in simulated time, in one order, whatever the machine does meanwhile."""

import asyncio
import gc
import os
import subprocess
import sys

import pytest

from lightlag.bus import loop as loop_module
from lightlag.bus.errors import NotInSimulation, StuckInstant
from lightlag.bus.loop import _REFUSED, VirtualLoop, run
from lightlag.bus.time import NEVER_NS, NS_PER_S

YEAR_NS = 365 * 86_400 * NS_PER_S


def now_ns():
    return asyncio.get_running_loop().now_ns


# -- asyncio in simulated time --------------------------------------------------------------------------------------


def test_sleep_takes_simulated_time_and_no_other():
    async def nap():
        await asyncio.sleep(365 * 86_400)
        return now_ns(), asyncio.get_running_loop().time()

    assert run(nap()) == (YEAR_NS, YEAR_NS / NS_PER_S)


def test_a_nanosecond_after_a_hundred_years_is_a_nanosecond():
    async def nap():
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        loop.call_at_ns(100 * YEAR_NS, woken.set_result, None)
        await woken
        await asyncio.sleep(1e-9)
        return now_ns()

    assert run(nap()) == 100 * YEAR_NS + 1


def test_a_timeout_ends_what_takes_too_long():
    async def impatient():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.sleep(3)
        async with asyncio.timeout(2):
            await asyncio.sleep(1)
        return now_ns()

    assert run(impatient()) == 3 * NS_PER_S


def test_wait_for_gives_the_result_or_times_out():
    async def patient():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 2)
        return await asyncio.wait_for(asyncio.sleep(1, "done"), 2), now_ns()

    assert run(patient()) == ("done", 3 * NS_PER_S)


def test_queues_and_events_hand_over_within_the_instant():
    async def both():
        queue, event, seen = asyncio.Queue(1), asyncio.Event(), []

        async def produce():
            for item in range(3):
                await queue.put(item)
                await asyncio.sleep(1)
            event.set()

        async def consume():
            for _ in range(3):
                seen.append((await queue.get(), now_ns()))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(produce())
            tasks.create_task(consume())
            await event.wait()
            seen.append(("event", now_ns()))
        return seen

    assert run(both()) == [(0, 0), (1, NS_PER_S), (2, 2 * NS_PER_S), ("event", 3 * NS_PER_S)]


def test_a_task_group_cancels_the_others_when_one_fails():
    async def group():
        ended = []

        async def work(name):
            try:
                await asyncio.sleep(10)
            finally:
                ended.append((name, now_ns()))

        async def fail():
            await asyncio.sleep(1)
            raise ValueError("no")

        async def all_of_them():
            async with asyncio.TaskGroup() as tasks:
                for coroutine in (work("a"), fail(), work("b")):
                    tasks.create_task(coroutine)

        with pytest.raises(ExceptionGroup):
            await all_of_them()
        return ended

    assert run(group()) == [("a", NS_PER_S), ("b", NS_PER_S)]


def test_gather_shield_and_as_completed_work():
    async def all_three():
        sleeps = [asyncio.create_task(asyncio.sleep(delay, delay)) for delay in (3, 1, 2)]
        first = [await done for done in asyncio.as_completed(sleeps)]
        return first, await asyncio.gather(*sleeps), await asyncio.shield(sleeps[0])

    assert run(all_three()) == ([1, 2, 3], [3, 1, 2], 3)


def test_infinite_patience_is_never():
    async def forever():
        await asyncio.sleep(float("inf"))

    with pytest.raises(NotInSimulation, match="waits for something that nothing scheduled will bring"):
        run(forever(), "waiter")


# -- order ----------------------------------------------------------------------------------------------------------


def test_arrivals_come_before_timers_and_each_is_followed_by_what_it_makes_ready():
    loop, seen = VirtualLoop("order"), []

    def then(name):
        seen.append(name)
        loop.call_soon(seen.append, f"after {name}")

    loop.call_at_ns(5, then, "timer 1")
    loop.call_at_ns(5, then, "timer 2")
    loop.run_instant(5, [lambda: then("arrival 1"), lambda: then("arrival 2")])
    names = ["arrival 1", "arrival 2", "timer 1", "timer 2"]
    assert seen == [text for name in names for text in (name, f"after {name}")]


def test_timers_of_an_instant_run_in_the_order_in_which_they_were_set():
    loop, seen = VirtualLoop("order"), []
    for name in "cab":
        loop.call_at_ns(7, seen.append, name)
    loop.call_at_ns(6, loop.call_at_ns, 7, seen.append, "d")
    loop.call_at_ns(7, loop.call_at_ns, 7, seen.append, "e")
    loop.call_at_ns(7, loop.call_at_ns, 3, seen.append, "the past is now")
    loop.advance(8)
    assert seen == ["c", "a", "b", "d", "e", "the past is now"]


def test_advance_stops_short_of_its_bound_and_never_moves_the_clock_there():
    loop, seen = VirtualLoop("bound"), []
    for t_ns in (3, 9, 10):
        loop.call_at_ns(t_ns, seen.append, t_ns)
    loop.advance(10)
    assert (seen, loop.now_ns, loop.peek()) == ([3, 9], 9, 10)


def test_cancelled_timers_are_nothing_to_wait_for():
    loop = VirtualLoop("cancelled")
    timers = [loop.call_at_ns(t_ns, print) for t_ns in range(1, 500)]
    for timer in timers:
        timer.cancel()
    assert loop.peek() == NEVER_NS
    kept = loop.call_at_ns(77, print)
    assert loop.peek() == 77
    kept.cancel()
    assert loop.peek() == NEVER_NS


def test_met_timeouts_do_not_pile_up():
    async def many():
        for _ in range(2_000):
            async with asyncio.timeout(1_000_000):
                await asyncio.sleep(0.001)
        return len(asyncio.get_running_loop()._agenda.entries())

    assert run(many()) < 200


def test_ended_tasks_do_not_pile_up():
    async def many():
        for _ in range(2_000):
            await asyncio.create_task(asyncio.sleep(1))
        return len(asyncio.get_running_loop()._tasks)

    assert run(many()) < 200


ORDERS = """
import asyncio
import random
from lightlag.bus.loop import VirtualLoop, run

async def main():
    seen = []
    async def work(k):
        try:
            await asyncio.sleep(k % 3)
            seen.append(k)
            if k == 13:
                raise ValueError
            await asyncio.sleep(5)
        finally:
            seen.append(-k)
    tasks = [asyncio.create_task(work(k)) for k in range(8)]
    done, pending = await asyncio.wait(tasks, timeout=2.5, return_when=asyncio.FIRST_COMPLETED)
    seen.extend(task.get_name() for task in pending)
    for task in pending:
        task.cancel()
    await asyncio.wait(pending)
    try:
        async with asyncio.TaskGroup() as group:
            for k in range(10, 40):
                group.create_task(work(k))
    except ExceptionGroup:
        pass
    return seen

# Holes in the heap, each the size of a task, so that tasks do not lie in it in their order.
other = VirtualLoop("other")
holes = [other.create_task(asyncio.sleep(0)) for _ in range(SIZE)]
random.Random(SIZE).shuffle(holes)
other.close()
while holes:
    holes.pop()

print(run(main()))
"""


def test_sets_of_tasks_iterate_in_one_order_in_every_process():
    outputs = set()
    for hash_seed, size in (("0", 0), ("1", 200), ("2", 333)):
        outputs.add(
            subprocess.run(
                [sys.executable, "-c", ORDERS.replace("SIZE", str(size))],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
    assert len(outputs) == 1
    assert "-39" in outputs.pop()


# -- what lives, and who cleans up ----------------------------------------------------------------------------------


def test_a_task_that_nobody_holds_is_not_torn_down_by_the_garbage_collector():
    async def main():
        torn = []

        async def wait_alone():
            try:
                await asyncio.Event().wait()  # nothing but its own frame refers to the event, or to the task
            finally:
                torn.append(now_ns())

        asyncio.create_task(wait_alone())  # noqa: RUF006 - that is the point
        await asyncio.sleep(1)
        gc.collect()
        await asyncio.sleep(1)
        return list(torn)

    assert run(main()) == []


def test_an_abandoned_generator_is_not_finished_by_the_loop_around():
    seen = []

    async def ticks():
        try:
            while True:
                yield now_ns()
        finally:
            seen.append(asyncio._get_running_loop())

    async def node():
        async for _ in ticks():
            break
        await asyncio.sleep(1)

    async def notebook():
        loop = VirtualLoop("inner")
        loop.create_task(node())
        loop.advance(NEVER_NS)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop.close()
        return loop, asyncio.get_running_loop()

    inner, outer = asyncio.run(notebook())
    assert outer not in seen
    assert seen == [inner.face]


def test_closing_a_loop_lets_its_tasks_clean_up_at_once():
    ended = []

    async def work():
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(asyncio.sleep(100))
                await asyncio.sleep(100)
        finally:
            ended.append(now_ns())

    loop = VirtualLoop("closing")
    loop.create_task(work())
    loop.advance(NS_PER_S)
    loop.close()
    assert ended == [0]
    assert loop.is_closed()
    assert loop.peek() == NEVER_NS


def test_a_running_loop_is_the_running_loop_and_gives_the_place_back():
    async def outer():
        async def inner():
            return asyncio.get_running_loop()

        around = asyncio.get_running_loop()
        within = run(inner())
        assert isinstance(within.loop, VirtualLoop)
        assert asyncio.get_running_loop() is around

    asyncio.run(outer())


def test_exceptions_that_nobody_awaits_are_kept_for_the_host():
    loop = VirtualLoop("careless")
    loop.call_soon(lambda: 1 / 0)
    loop.run_instant(0)
    (context,) = loop.unhandled
    assert isinstance(context["exception"], ZeroDivisionError)


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", sorted(_REFUSED))
def test_what_needs_the_real_world_is_refused_with_the_way_out(method):
    with pytest.raises(NotInSimulation, match=rf"rover: {method} is not possible in simulated time: .{{20}}"):
        getattr(VirtualLoop("rover"), method)("anything")


def test_nothing_of_asyncio_is_left_unanswered():
    inherited = [
        name
        for name in vars(asyncio.AbstractEventLoop)
        if not name.startswith("__") and getattr(VirtualLoop, name) is getattr(asyncio.AbstractEventLoop, name)
    ]
    assert inherited == []


def test_stopping_from_inside_is_refused():
    with pytest.raises(NotInSimulation, match="return from run"):
        VirtualLoop("rover").stop()


@pytest.mark.parametrize(
    "reach_out",
    [
        lambda: asyncio.to_thread(print),
        lambda: asyncio.open_connection("localhost", 1),
        lambda: asyncio.create_subprocess_exec("true"),
    ],
    ids=["thread", "socket", "program"],
)
def test_reaching_out_of_the_simulation_is_refused(reach_out):
    async def node():
        await reach_out()

    with pytest.raises(NotInSimulation):
        run(node())


@pytest.fixture
def short_patience(monkeypatch):
    monkeypatch.setattr(loop_module, "MAX_CALLBACKS_PER_INSTANT", 1_000)


async def _spin():
    while True:
        await asyncio.sleep(0)


async def _spin_on_timers():
    loop = asyncio.get_running_loop()

    def again():
        loop.call_later(0, again)

    again()


@pytest.mark.parametrize("spin", [_spin, _spin_on_timers])
def test_a_node_that_keeps_time_from_moving_is_named(spin, short_patience):
    loop = VirtualLoop("perseverance")
    loop.create_task(spin())
    with pytest.raises(StuckInstant, match=r"perseverance ran more than 1,000 callbacks at 0 ns"):
        loop.run_instant(0)
    loop.close()


def test_a_million_callbacks_spread_over_time_are_no_matter(short_patience):
    async def busy():
        for _ in range(3_000):
            await asyncio.sleep(1e-9)
        return now_ns()

    assert run(busy()) == 3_000


def test_time_never_runs_backwards():
    loop = VirtualLoop("clock")
    loop.run_instant(5)
    with pytest.raises(AssertionError, match="from 5 to 4 ns"):
        loop.run_instant(4)
