"""Steps: what a task cannot tell from asyncio's own, though its loop runs it from waiter to waiter without it."""

import asyncio
import contextvars
import gc
import weakref

import pytest

from lightlag.bus.loop import VirtualLoop, run

variable = contextvars.ContextVar("variable", default="nobody's")


async def until(t_ns):
    """Await a waiter in simulated time, and what costs as little on asyncio's own loop."""
    loop = asyncio.get_running_loop()
    if hasattr(loop, "until_ns"):
        await loop.until_ns(t_ns)
    else:
        await asyncio.sleep(t_ns / 1e9)


def both(script):
    """What a script tells on a virtual loop and on asyncio's own: (told, told)."""

    def told(runner):
        said = []

        async def main():
            task = asyncio.create_task(script(said.append))
            await asyncio.wait([task])
            said.append("cancelled" if task.cancelled() else repr(task.exception() or task.result()))
            said.append(task.cancelling())

        runner(main())
        return said

    return told(run), told(asyncio.run)


def me():
    return asyncio.current_task()


async def at_a_waiter(say):
    me().cancel("enough")
    await until(3)
    say("not reached")


async def at_a_future(say):
    me().cancel("enough")
    future = asyncio.get_running_loop().create_future()
    try:
        await future
    finally:
        say(future.cancelled())


async def at_another_task(say):
    async def work():
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            say("cancelled with it")
            raise

    other = asyncio.create_task(work())
    await asyncio.sleep(0)
    await until(3)
    me().cancel()
    await other


async def at_nothing(say):
    me().cancel()
    await asyncio.sleep(0)
    say("not reached")


async def at_a_future_that_is_done(say):
    me().cancel()
    future = asyncio.get_running_loop().create_future()
    future.set_result(1)
    say(await future)
    await asyncio.sleep(0)
    say("not reached")


async def before_it_returns(say):
    me().cancel()
    return "done"


async def before_it_raises(say):
    me().cancel()
    raise ValueError("no")


async def and_takes_it_back(say):
    me().cancel("enough")
    try:
        await until(3)
    except asyncio.CancelledError as error:
        say(error.args)
        me().uncancel()
    await until(4)
    return "goes on"


async def twice(say):
    for t_ns in (3, 4):
        me().cancel()
        try:
            await until(t_ns)
        except asyncio.CancelledError:
            say("cancelled")


@pytest.mark.parametrize(
    "script",
    [
        at_a_waiter,
        at_a_future,
        at_another_task,
        at_nothing,
        at_a_future_that_is_done,
        before_it_returns,
        before_it_raises,
        and_takes_it_back,
        twice,
    ],
)
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_task_that_cancels_itself_ends_as_it_does_with_asyncio(script, steps):
    async def after_some_steps(say):
        for t_ns in range(steps):
            await until(1 + t_ns)
        return await script(say)

    ours, asyncios = both(after_some_steps)
    assert ours == asyncios


def test_a_task_that_is_cancelled_at_a_waiter_is_told_why_and_may_clean_up():
    async def script(say):
        async def work():
            await until(1)
            try:
                await until(2_000_000_000)
            except asyncio.CancelledError as error:
                say(error.args)
                await asyncio.sleep(0)
                say("cleaned up")
                raise

        task = asyncio.create_task(work())
        await until(5_000_000)
        say(task.cancel("why"))
        await asyncio.wait([task])
        say(task.cancelled())

    ours, asyncios = both(script)
    assert ours == asyncios
    assert ours[:4] == [True, ("why",), "cleaned up", True]


def test_between_waiters_a_task_is_the_current_one_in_its_own_context():
    async def main():
        seen = []

        async def work(name):
            variable.set(name)
            for t_ns in (1, 2, 3):
                await until(t_ns)
                seen.append((t_ns, asyncio.current_task().get_name(), variable.get()))

        await asyncio.gather(*[asyncio.create_task(work(name), name=name) for name in "ab"])
        return seen, variable.get()

    assert run(main()) == ([(t_ns, name, name) for t_ns in (1, 2, 3) for name in "ab"], "nobody's")


def test_a_timeout_begun_between_waiters_ends_at_a_waiter_and_at_a_future():
    async def main():
        loop = asyncio.get_running_loop()
        for endless in (loop.until_ns(10**15), loop.create_future()):
            await loop.until_ns(loop.now_ns + 5)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await endless
        return loop.now_ns

    assert run(main()) == 2 * (5 + 10**9)


def test_waiters_futures_and_ends_follow_each_other_in_every_order():
    async def main():
        loop = asyncio.get_running_loop()

        async def work(end):
            for _ in range(3):
                await loop.until_ns(loop.now_ns + 1)
                await loop.until_ns(loop.now_ns + 1)
                await asyncio.sleep(1e-9)
                await asyncio.sleep(0)
            await loop.until_ns(loop.now_ns + 1)
            return end()

        ended = await asyncio.gather(work(lambda: loop.now_ns), work(lambda: 1 / 0), return_exceptions=True)
        return ended[0], type(ended[1])

    assert run(main()) == (10, ZeroDivisionError)


def test_an_ended_task_is_gone_at_once():
    async def main():
        async def work(fail):
            await until(asyncio.get_running_loop().now_ns + 1)
            await until(asyncio.get_running_loop().now_ns + 1)
            if fail:
                raise ValueError("no")

        gone = []
        for fail in (False, True):
            task = asyncio.create_task(work(fail))
            await asyncio.wait([task])
            gone.append(weakref.ref(task))
            if fail:
                task.exception()
            del task
            await asyncio.sleep(1)
        return [ref() for ref in gone]

    gc.disable()
    try:
        assert run(main()) == [None, None]
    finally:
        gc.enable()


def test_a_task_shows_its_coroutine_and_takes_nothing_else():
    async def work():
        await until(1)

    loop = VirtualLoop("shown")
    task = loop.create_task(work(), name="a task")
    assert task.get_coro().__name__ == "work"
    assert "work() running at" in repr(task)
    assert task.get_stack()[0].f_code.co_name == "work"
    with pytest.raises(TypeError, match="a coroutine was expected, got 5"):
        loop.create_task(5)
    loop.close()
