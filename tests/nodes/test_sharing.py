"""Nodes share no objects of asyncio: what would pass through one in no time is refused, with the names of both."""

from __future__ import annotations

import asyncio

import pytest
from tests.nodes.worlds import Scripted, run_to_end


def queue(shared):
    shared.it = asyncio.Queue()
    return shared.it.get, lambda: shared.it.put_nowait("news")


def full_queue(shared):
    shared.it = asyncio.Queue(maxsize=1)
    shared.it.put_nowait("old")
    return lambda: shared.it.put("news"), lambda: shared.it.get_nowait()


def event(shared):
    shared.it = asyncio.Event()
    return shared.it.wait, shared.it.set


def semaphore(shared):
    shared.it = asyncio.Semaphore(0)
    return shared.it.acquire, shared.it.release


def future(shared):
    """Made by the node that waits."""

    async def wait():
        shared.it = asyncio.get_running_loop().create_future()
        await shared.it

    return wait, lambda: shared.it.set_result(1)


def task(shared):
    async def wait():
        shared.it = asyncio.current_task()
        await asyncio.sleep(10)

    return wait, lambda: shared.it.cancel()


def sleeping_task(shared):
    async def wait():
        shared.it = asyncio.current_task()
        await shared.waits.sleep_until(10_000_000_000)

    return wait, lambda: shared.it.cancel()


class Shared:
    """What two nodes have both got hold of."""


@pytest.mark.parametrize("way", [queue, full_queue, event, semaphore, future, task, sleeping_task])
def test_who_wakes_a_task_of_another_node_is_told_to_use_a_channel(way):
    shared = Shared()
    wait, wake = way(shared)

    async def waits(node):
        await wait()
        node.seen.append("woken")

    async def wakes(node):
        await asyncio.sleep(0.5)
        wake()

    shared.waits = waiting = Scripted("a", waits)
    done, _ = run_to_end([waiting, Scripted("b", wakes)], [])
    assert (done.failure.t_ns, done.failure.node) == (500_000_000, "b")
    assert "b wakes a task of a (a.run): they share an object of asyncio" in done.failure.traceback
    assert "let them talk over a channel of the graph" in done.failure.traceback
    assert "in wakes" in done.failure.traceback  # the line that did it
    assert waiting.seen == []


@pytest.mark.parametrize("how", ["await", "wait", "gather"])
def test_who_waits_for_what_another_node_will_do_is_not_woken(how):
    """The future is the other's own, and so is the instant in which it is done."""
    shared = Shared()

    async def does(node):
        shared.it = asyncio.get_running_loop().create_future()
        await asyncio.sleep(0.5)
        shared.it.set_result(1)

    async def waits(node):
        await asyncio.sleep(0.1)
        if how == "await":
            await shared.it
        elif how == "wait":
            await asyncio.wait([shared.it])
        else:
            await asyncio.gather(shared.it)
        node.seen.append("woken")

    waiting = Scripted("b", waits)
    done, _ = run_to_end([Scripted("a", does), waiting], [])
    assert (done.failure.t_ns, done.failure.node) == (500_000_000, "a")
    assert "a wakes a task of b (b.run): they share an object of asyncio" in done.failure.traceback
    assert waiting.seen == []


def test_a_node_may_share_with_itself_what_it_likes():
    async def talks(node):
        queue, ready = asyncio.Queue(), asyncio.Event()

        async def produce():
            await ready.wait()
            for number in range(3):
                await asyncio.sleep(0.1)
                queue.put_nowait(number)

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            ready.set()
            for _ in range(3):
                node.seen.append(await queue.get())

    nodes = [Scripted("a", talks), Scripted("b", talks)]
    done, _ = run_to_end(nodes, [])
    assert done.failure is None
    assert [node.seen for node in nodes] == [[0, 1, 2]] * 2
