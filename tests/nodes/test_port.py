"""A port: what arrives waits until it is read, is read once, and survives readers that give up."""

import asyncio
import contextlib

import pytest
from tests.nodes.worlds import Note, Scripted, listen, note_from, run_to_end, wire

from lightlag.bus.emission import Reception
from lightlag.bus.errors import MessageError, NodeError
from lightlag.bus.loop import run
from lightlag.bus.message import message
from lightlag.nodes.port import Port


@message("test.port.other")
class Other:
    number: int


def delivery(text):
    return Reception(note_from("a", 1, 0, text), "z", 10)


def port():
    """A port of a node that is in no run; its loop is the one that runs, if any."""
    node = Scripted("z")
    with contextlib.suppress(RuntimeError):
        node.loop = asyncio.get_running_loop()
    return Port(node, "link")


def arrive(link, text):
    """What a host does: deliver at the top of the loop."""
    asyncio.get_running_loop().call_soon(link.deliver, delivery(text))


def test_what_arrives_before_anybody_reads_waits_in_order():
    async def late():
        link = port()
        for text in ("one", "two"):
            arrive(link, text)
        await asyncio.sleep(0)
        return link.waiting, [(await link.receive()).message.text for _ in range(2)], link.waiting

    assert run(late()) == (2, ["one", "two"], 0)


def test_each_reception_goes_to_one_reader_in_the_order_in_which_they_came():
    async def two_readers():
        link, seen = port(), []

        async def read(name):
            while True:
                seen.append((name, (await link.receive()).message.text))

        tasks = [asyncio.create_task(read(name)) for name in ("first", "second")]
        await asyncio.sleep(1)
        for text in ("one", "two", "three"):
            arrive(link, text)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        return seen

    assert run(two_readers()) == [("first", "one"), ("second", "two"), ("first", "three")]


def test_readers_that_time_out_lose_nothing_and_leave_nothing():
    async def impatient():
        link = port()
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(link.receive(), 1)
        assert link._reader is None
        assert not link._others
        arrive(link, "late")
        return (await link.receive()).message.text

    assert run(impatient()) == "late"


def test_a_reader_that_is_woken_and_cancelled_at_once_passes_the_reception_on():
    async def race():
        link, seen = port(), []

        async def read(name):
            seen.append((name, (await link.receive()).message.text))

        first, second = (asyncio.create_task(read(name)) for name in ("first", "second"))
        await asyncio.sleep(1)
        arrive(link, "one")
        first.cancel()
        await asyncio.sleep(1)
        assert first.cancelled()
        assert second.done()
        return seen

    assert run(race()) == [("second", "one")]


def test_readers_that_are_all_cancelled_at_once_leave_the_reception_for_the_next():
    async def race():
        link = port()
        readers = [asyncio.create_task(link.receive()) for _ in range(3)]
        await asyncio.sleep(1)
        arrive(link, "one")
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)
        assert all(reader.cancelled() for reader in readers)
        assert link._reader is None
        assert not link._others
        return (await link.receive()).message.text

    assert run(race()) == "one"


def test_an_iteration_over_one_kind_passes_over_the_others():
    async def say(node):
        for content in (Note("one"), Other(2), Note("three")):
            node.link.send(content)

    async def read(node):
        async for reception in node.link.received(Other):
            node.seen.append(reception.message)

    nodes = [Scripted("a", say), Scripted("b", read)]
    run_to_end(nodes, [wire("wire", "a", "b")])
    assert nodes[1].seen == [Other(2)]


def test_an_iteration_over_what_is_no_message_is_refused_at_once():
    with pytest.raises(MessageError, match=r"z\.link\.received got <class 'int'>, which is no message type; pass"):
        port().received(Other, int)


def test_an_iteration_left_by_break_can_be_taken_up_again():
    async def say(node):
        for text in ("one", "two"):
            node.link.send(Note(text))

    async def read(node):
        for _ in range(2):
            async for reception in node.link.received():
                node.seen.append(reception.message.text)
                break

    nodes = [Scripted("a", say), Scripted("b", read)]
    run_to_end(nodes, [wire("wire", "a", "b")])
    assert nodes[1].seen == ["one", "two"]


@pytest.mark.parametrize(
    ("given", "told"), [("hello", r"'hello' \(str\)"), (Note, r"<class .*Note'> \(type\)"), (None, "None")]
)
def test_only_messages_are_sent(given, told):
    with pytest.raises(MessageError, match=rf"z\.link\.send got {told}.*; send an instance of a class"):
        port().send(given)


def test_a_relay_keeps_the_origin_and_adds_itself_to_the_path():
    async def say(node):
        await asyncio.sleep(3e-9)
        node.link.send(Note("hello"))

    async def relay(node):
        async for reception in node.link.received():
            node.side.relay(reception)

    async def read(node):
        async for reception in node.side.received():
            node.seen.append(reception)

    last = Scripted("c", read)
    run_to_end(
        [Scripted("a", say), Scripted("b", relay), last], [wire("up", "a", "b"), wire("down", "b", "c", port="side")]
    )
    (reception,) = last.seen
    assert reception.path == ("a", "b", "c")
    assert reception.emission.origin == ("a", 1, 3)
    assert (reception.emission.source, reception.emission.sent_ns, reception.received_ns) == ("b", 13, 23)
    assert reception.message == Note("hello")


# -- to one member, and later ---------------------------------------------------------------------------------------


def test_what_is_for_one_member_reaches_that_member_alone():
    async def say(node):
        node.link.send(Note("for c"), to="c")
        node.link.send(Note("for all"))

    nodes = [Scripted("a", say), Scripted("b", listen), Scripted("c", listen)]
    ran, finished = run_to_end(nodes, [wire("wire", "a", "b", "c")])
    assert [text for _, _, text in nodes[1].seen] == ["for all"]
    assert [text for _, _, text in nodes[2].seen] == ["for c", "for all"]
    assert [(r.receiver, r.emission.to, r.emission.seq) for r in ran.receptions] == [
        ("b", "", 2),
        ("c", "c", 1),
        ("c", "", 2),
    ]
    assert ran.losses == finished.losses == []


def test_a_member_may_send_to_itself():
    async def say(node):
        node.link.send(Note("to myself"), to="a")
        await listen(node)

    nodes = [Scripted("a", say), Scripted("b", listen)]
    run_to_end(nodes, [wire("wire", "a", "b")])
    assert [node.seen for node in nodes] == [[(10, "a", "to myself")], []]


def test_what_is_for_nobody_is_refused_where_it_is_sent_and_takes_no_number():
    async def say(node):
        with pytest.raises(NodeError, match=r"a sent to 'c', which is no member of channel wire; its members are a, b"):
            node.link.send(Note("x"), to="c")
        node.link.send(Note("y"), to="b")

    ran, _ = run_to_end([Scripted("a", say), Scripted("b"), Scripted("c")], [wire("wire", "a", "b")])
    assert ran.failure is None
    assert [r.emission.seq for r in ran.receptions] == [1]


def test_what_is_sent_for_later_leaves_later_and_is_numbered_now():
    async def say(node):
        node.link.send(Note("later"), after_ns=100)
        node.link.send(Note("now"))

    listener = Scripted("b", listen)
    ran, _ = run_to_end([Scripted("a", say), listener], [wire("wire", "a", "b")])
    assert listener.seen == [(10, "a", "now"), (110, "a", "later")]
    assert [(r.emission.seq, r.emission.sent_ns) for r in ran.receptions] == [(2, 0), (1, 100)]


def test_nothing_leaves_in_the_past():
    async def say(node):
        with pytest.raises(NodeError, match=r"a\.link\.send got after_ns=-1; nothing leaves in the past"):
            node.link.send(Note("x"), after_ns=-1)

    ran, _ = run_to_end([Scripted("a", say)], [wire("wire", "a", "b")])
    assert ran.failure is None


def test_a_port_outside_a_run_sends_nothing():
    with pytest.raises(NodeError, match="z is not in a run yet"):
        Scripted("z").link.send(Note("x"))


# -- readers --------------------------------------------------------------------------------------------------------


def test_a_port_is_itself_the_iterator_over_what_it_receives():
    async def say(node):
        node.link.send(Note("hello"))

    async def read(node):
        async for reception in node.link:
            node.seen.append(reception.message.text)

    listener = Scripted("b", read)
    run_to_end([Scripted("a", say), listener], [wire("wire", "a", "b")])
    assert listener.seen == ["hello"]


def test_a_reader_that_times_out_in_the_instant_of_a_reception_has_got_it():
    async def say(node):
        node.link.send(Note("just in time"))

    async def read(node):
        async with asyncio.timeout(10e-9):
            node.seen.append((await node.link.receive()).message.text)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10e-9):
                await node.link.receive()
        node.seen.append(node.now_ns)

    listener = Scripted("b", read)
    ran, _ = run_to_end([Scripted("a", say), listener], [wire("wire", "a", "b")])
    assert ran.failure is None, ran.failure.traceback
    assert listener.seen == ["just in time", 20]


def test_a_cancelled_reader_is_told_so_and_may_read_again():
    async def main():
        link, told = port(), []

        async def read():
            try:
                await link.receive()
            except asyncio.CancelledError as error:
                told.append(error.args)
            return (await link.receive()).message.text

        reader = asyncio.create_task(read())
        await asyncio.sleep(1)
        reader.cancel("enough")
        reader.cancel("again")
        await asyncio.sleep(1)
        arrive(link, "one")
        return told, await reader

    assert run(main()) == ([("enough",)], "one")


def test_the_reader_next_in_turn_is_woken_when_the_first_was_cancelled():
    async def main():
        link, seen = port(), []

        async def read(name):
            seen.append((name, (await link.receive()).message.text))

        readers = [asyncio.create_task(read(name)) for name in ("first", "second", "third")]
        await asyncio.sleep(1)
        readers[0].cancel()
        for text in ("one", "two"):
            arrive(link, text)
        await asyncio.sleep(1)
        return seen, link.waiting

    assert run(main()) == ([("second", "one"), ("third", "two")], 0)


def test_a_reader_may_set_off_another_of_the_same_port():
    async def main():
        link, seen = port(), []

        async def read(name):
            seen.append((name, (await link.receive()).message.text))
            if name < 3:
                asyncio.create_task(read(name + 1))  # noqa: RUF006 - the loop keeps it

        asyncio.create_task(read(1))  # noqa: RUF006
        await asyncio.sleep(1)
        for text in ("one", "two", "three", "four"):
            arrive(link, text)
        await asyncio.sleep(1)
        return seen, link.waiting

    assert run(main()) == ([(1, "one"), (2, "two"), (3, "three")], 1)
