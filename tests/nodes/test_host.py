"""The host: the order of contract 2, every emission accounted for, failures that name the node's own code."""

import asyncio
import decimal
import random
import sys
from pathlib import Path

import pytest
from tests.nodes.worlds import Note, Scripted, host, listen, note_from, run_to_end, wire

from lightlag.bus.activation import Tally
from lightlag.bus.digest import run_digest
from lightlag.bus.errors import BrokenPromise, NodeError
from lightlag.bus.medium import Channel, Verdict, Wire
from lightlag.bus.operator import OPERATOR, OUTSIDE
from lightlag.bus.time import NEVER_NS


class Space:
    """A medium that delivers after a while of its own for each receiver, and loses for a reason."""

    def __init__(self, delays_ns, reasons=()):
        self.delays_ns = delays_ns
        self.reasons = dict(reasons)

    def stamp(self, source, sent_ns):
        return source.encode()

    def judge(self, emission, receiver):
        return Verdict(emission.sent_ns + self.delays_ns[receiver], self.reasons.get(receiver))

    def lower_bound_ns(self, source, receiver, t0_ns, t1_ns):
        return 1


# -- order ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", range(6))
def test_receptions_of_an_instant_come_by_source_and_number_whenever_the_host_learnt_of_them(order):
    emissions = [note_from(source, seq, 5, f"{source}{seq}") for source in ("a", "b", "c") for seq in (9, 10)]
    random.Random(order).shuffle(emissions)
    node = Scripted("z", listen)
    world = host([node], [wire("wire", "a", "b", "c", "z")])
    for emission in emissions:
        world.activate(15, [emission], NEVER_NS)
    done = world.activate(16, [], NEVER_NS)
    assert [text for _, _, text in node.seen] == ["a9", "a10", "b9", "b10", "c9", "c10"]
    assert [reception.received_ns for reception in done.receptions] == [15] * 6


def test_receptions_that_nobody_writes_are_counted_and_digested_all_the_same():
    def run(lists_receptions):
        made = host([Scripted("a", chatter), Scripted("b", listen)], [wire("wire", "a", "b")], until_ns=60)
        made.lists_receptions = lists_receptions
        done, tally = made.activate(NEVER_NS, [], NEVER_NS), Tally()
        tally.add(done)
        return len(done.receptions), tally.receptions, made.chains()

    (listed, counted, chains), bare = run(True), run(False)
    assert listed == counted > 0
    assert bare == (0, counted, chains)


def test_timers_of_an_instant_come_after_all_its_receptions():
    async def timers(node):
        loop = asyncio.get_running_loop()
        loop.call_at_ns(15, node.seen.append, "timer 1")
        loop.call_at_ns(15, node.seen.append, "timer 2")
        await listen(node)

    node = Scripted("z", timers)
    world = host([node], [wire("wire", "a", "b", "z")])
    world.activate(20, [note_from("b", 1, 5, ""), note_from("a", 1, 5, "")], NEVER_NS)
    assert node.seen == [(15, "a", ""), (15, "b", ""), "timer 1", "timer 2"]


def test_a_node_reacts_to_a_reception_before_the_next_one_of_the_instant_is_delivered():
    async def relay(node):
        async for reception in node.link.received():
            node.seen.append((reception.emission.source, node.link.waiting))

    node = Scripted("z", relay)
    host([node], [wire("wire", "a", "b", "z")]).activate(
        20, [note_from(source, 1, 5, "") for source in ("a", "b")], NEVER_NS
    )
    assert node.seen == [("a", 0), ("b", 0)]


def test_a_host_runs_what_is_before_its_bound_and_nothing_at_it():
    node = Scripted("z", listen)
    world = host([node], [wire("wire", "a", "z")])
    done = world.activate(15, [note_from("a", 1, 5, "at the bound")], NEVER_NS)
    assert (node.seen, done.next_ns, node.now_ns) == ([], 15, 0)
    done = world.activate(16, [], NEVER_NS)
    assert (len(node.seen), done.next_ns) == (1, NEVER_NS)


def test_a_host_stops_early_when_it_has_done_enough_and_says_where_it_goes_on():
    async def chatter(node):
        for _ in range(100):
            await asyncio.sleep(1e-9)
            node.link.send(Note("x"))

    world = host([Scripted("a", chatter)], [wire("wire", "a", "elsewhere")])
    done = world.activate(NEVER_NS, [], 10)
    assert (len(done.outbox), done.next_ns) == (10, 11)
    said = 10
    while done.next_ns < NEVER_NS:
        done = world.activate(NEVER_NS, [], 10)
        said += len(done.outbox)
    assert said == 100


def test_the_same_nodes_on_two_hosts_give_the_same_chains():
    async def answer(node):
        async for reception in node.link.received():
            if len(reception.message.text) < 5:
                await asyncio.sleep(node.rng.random() * 1e-6)
                node.link.send(Note(reception.message.text + node.name))

    async def ask(node):
        node.link.send(Note(""))
        await answer(node)

    def nodes():
        return [Scripted("a", ask), Scripted("b", answer), Scripted("c", answer)]

    channel = wire("wire", "a", "b", "c", latency_ns=1_000)
    together = host(nodes(), [channel])
    together.activate(NEVER_NS, [], NEVER_NS)
    together.finish([])
    first, second = host(nodes()[:1], [channel]), host(nodes()[1:], [channel])
    to_first, to_second = [], []
    for bound_ns in range(1_000, 100_000, 1_000):
        done = [first.activate(bound_ns, to_first, NEVER_NS), second.activate(bound_ns, to_second, NEVER_NS)]
        to_second, to_first = done[0].outbox, done[1].outbox
    first.finish(to_first)
    second.finish(to_second)
    assert run_digest(first.chains() | second.chains()) == run_digest(together.chains())


# -- nothing is lost in silence -------------------------------------------------------------------------------------


def test_each_emission_ends_in_one_reception_or_one_loss_at_each_member():
    async def chatter(node):
        for _ in range(20):
            await asyncio.sleep(node.rng.random() * 1e-7)
            node.link.send(Note(node.name))

    names = ["a", "b", "c", "d"]
    space = Space({"a": 3, "b": 50, "c": 900, "d": 200}, {"b": "occulted"})
    nodes = [Scripted(name, chatter) for name in names]
    ran, finished = run_to_end(nodes, [wire("wire", *names, medium=space)], until_ns=1_000)
    ends = [(r.emission.source, r.emission.seq, r.receiver) for r in ran.receptions]
    ends += [(x.emission.source, x.emission.seq, x.receiver) for x in ran.losses + finished.losses]
    assert len(ends) == len(set(ends)) == ran.emissions * 3
    assert {x.reason for x in ran.losses} == {"occulted"}
    assert {x.reason for x in finished.losses} == {"in_flight"}
    assert all(x.t_ns >= 1_000 for x in finished.losses)
    assert finished.losses


def test_a_loss_is_in_the_chain_of_its_receiver():
    def chain(reasons):
        async def say(node):
            node.link.send(Note("x"))

        world = host([Scripted("a", say), Scripted("b")], [wire("wire", "a", "b", medium=Space({"b": 5}, reasons))])
        world.activate(NEVER_NS, [], NEVER_NS)
        return world.chains()["b"]

    assert len({chain({}), chain({"b": "snr"}), chain({"b": "occulted"})}) == 3


def test_what_is_on_the_way_to_another_host_at_the_end_is_lost_there():
    world = host([Scripted("z", listen)], [wire("wire", "a", "z")], until_ns=12)
    world.activate(12, [], NEVER_NS)
    (loss,) = world.finish([note_from("a", 1, 5, "too late")]).losses
    assert (loss.receiver, loss.t_ns, loss.reason) == ("z", 15, "in_flight")


def test_a_port_on_no_channel_warns_once():
    async def shout(node):
        for _ in range(3):
            node.side.send(Note("anybody?"))
            await asyncio.sleep(1e-9)

    ran, _ = run_to_end([Scripted("a", shout)], [])
    assert [(record.node, record.level) for record in ran.logs] == [("a", "warning")]
    assert "port side is on no channel" in ran.logs[0].text
    assert ran.emissions == 0


def test_nobody_hears_itself():
    async def say(node):
        node.link.send(Note("hello"))
        await listen(node)

    nodes = [Scripted("a", say), Scripted("b", listen)]
    run_to_end(nodes, [wire("wire", "a", "b")])
    assert [node.seen for node in nodes] == [[], [(10, "a", "hello")]]


def test_numbers_count_per_source_over_all_its_channels():
    async def say(node):
        for port in (node.link, node.side, node.link):
            port.send(Note("x"))

    channels = [wire("one", "a", "b"), wire("two", "a", "b", port="side")]
    ran, _ = run_to_end([Scripted("a", say), Scripted("b")], channels)
    assert [(r.emission.channel, r.emission.seq) for r in ran.receptions] == [("one", 1), ("two", 2), ("one", 3)]


def test_a_mere_sender_is_heard_and_hears_nothing():
    async def say(node):
        node.link.send(Note("beacon"))
        await listen(node)

    nodes = [Scripted("a", say), Scripted("b", listen), Scripted("c", say)]
    channel = Channel("wire", Wire(10), {"b": "link", "c": "link"}, senders={"a": "link"})
    run_to_end(nodes, [channel])
    assert [len(node.seen) for node in nodes] == [0, 2, 1]


def test_a_changed_trajectory_solves_again_what_is_on_the_way():
    async def say(node):
        node.link.send(Note("hello"))

    space = Space({"b": 100})
    receiver = Scripted("b", listen)
    world = host([Scripted("a", say), receiver], [wire("wire", "a", "b", medium=space)])
    world.activate(50, [], NEVER_NS)
    space.delays_ns["b"] = 80
    world.rejudge("b")
    assert world.activate(NEVER_NS, [], NEVER_NS).failure is None
    assert receiver.seen == [(80, "a", "hello")]


def test_a_node_that_moves_is_reached_by_what_is_on_its_way_where_it_now_is_and_never_in_the_past():
    async def say(node):
        for _ in range(3):
            node.link.send(Note("hello"))
            await asyncio.sleep(20e-9)

    async def move_at_50(node):
        async def move():
            await node.sleep_until(50)
            space.delays_ns["b"] = 15  # 0 + 15 is past, 20 + 15 too; they are there at once
            node.moved()

        asyncio.get_running_loop().create_task(move())
        await listen(node)

    space = Space({"b": 100, "c": 100})
    receiver, other = Scripted("b", move_at_50), Scripted("c", listen)
    world = host([Scripted("a", say), receiver, other], [wire("wire", "a", "b", "c", medium=space)])
    act = note_from(OPERATOR, 1, 70, "from outside", channel=f"{OUTSIDE}link")
    act.to = "b"
    assert world.activate(NEVER_NS, [act], NEVER_NS).failure is None
    assert receiver.seen == [(51, "a", "hello")] * 2 + [(55, "a", "hello"), (71, OPERATOR, "from outside")]
    assert [t_ns for t_ns, _, _ in other.seen] == [100, 120, 140]


# -- failures -------------------------------------------------------------------------------------------------------


def explode():
    raise ZeroDivisionError("in the node's own code")


async def fail_at_20(node):
    await asyncio.sleep(20e-9)
    explode()


async def fail_in_a_callback(node):
    asyncio.get_running_loop().call_at_ns(20, explode)


async def leave_the_process(node):
    await asyncio.sleep(20e-9)
    sys.exit("enough")


async def never_move_on(node):
    await asyncio.sleep(20e-9)
    while True:
        await asyncio.sleep(0)


async def count(node):
    while True:
        node.seen.append(node.now_ns)
        await asyncio.sleep(5e-9)


@pytest.mark.parametrize("script", [fail_at_20, fail_in_a_callback, leave_the_process, never_move_on])
def test_a_failing_node_stops_the_run_after_the_instant_of_its_failure(script):
    before, after = Scripted("a", count), Scripted("z", count)
    ran, _ = run_to_end([before, Scripted("m", script), after], [])
    assert ran.failure[:2] == (20, "m")
    assert before.seen == after.seen == [0, 5, 10, 15, 20]


@pytest.mark.parametrize("script", [fail_at_20, fail_in_a_callback])
def test_the_traceback_of_a_failure_begins_in_the_code_of_the_node(script):
    ran, _ = run_to_end([Scripted("m", script)], [])
    text = ran.failure.traceback
    assert "ZeroDivisionError: in the node's own code" in text
    assert str(Path(__file__).parent) in text.splitlines()[1]
    assert "bus/loop.py" not in text
    assert "nodes/host.py" not in text


def test_of_two_failures_in_one_instant_the_least_name_is_the_run_s():
    for names in (("b", "c"), ("c", "b")):
        ran, _ = run_to_end([Scripted(name, fail_at_20) for name in names], [])
        assert ran.failure[:2] == (20, "b")


def test_a_failure_stays_reported():
    world = host([Scripted("m", fail_at_20)], [])
    assert world.activate(10, [], NEVER_NS).failure is None
    failure = world.activate(30, [], NEVER_NS).failure
    assert failure is not None
    assert world.activate(40, [], NEVER_NS).failure == failure


class Untrue(Space):
    """A medium whose receivers break when they are asked where they are."""

    def judge(self, emission, receiver):
        raise OverflowError(f"{receiver} is nowhere")


@pytest.mark.parametrize("together", [True, False])
def test_a_receiver_whose_trajectory_raises_is_the_one_that_fails_wherever_the_sender_ran(together):
    async def say(node):
        await asyncio.sleep(5e-9)
        node.link.send(Note("hello"))
        node.seen.append("sent")

    channels = [wire("wire", "a", "z", medium=Untrue({}))]
    sender, receiver = Scripted("a", say), Scripted("z", listen)
    if together:
        world = host([sender, receiver], channels)
        done = world.activate(NEVER_NS, [], NEVER_NS)
        assert sender.seen == ["sent"]
    else:
        world = host([receiver], channels)
        done = world.activate(NEVER_NS, [note_from("a", 1, 5, "hello")], NEVER_NS)
    world.finish([])
    assert done.failure[:2] == (5, "z")
    assert "z is nowhere" in done.failure.traceback


def test_an_arrival_in_the_past_is_a_failure_and_not_a_wrong_run():
    world = host([Scripted("z", count)], [wire("wire", "a", "z")])
    world.activate(100, [], NEVER_NS)
    done = world.activate(200, [note_from("a", 1, 5, "late")], NEVER_NS)
    assert done.failure[:2] == (5, "z")
    assert "channel wire promises more lookahead than its medium keeps" in done.failure.traceback


def test_a_medium_without_delay_is_a_failure():
    async def say(node):
        node.link.send(Note("hello"))

    ran, _ = run_to_end([Scripted("a", say), Scripted("b")], [wire("wire", "a", "b", medium=Space({"b": 0}))])
    assert ran.failure[:2] == (0, "b")


def test_a_sender_that_breaks_its_promise_learns_it_where_it_sent():
    class Elsewhere(Space):
        def stamp(self, source, sent_ns):
            raise BrokenPromise(f"{source} is outside its ball")

    async def say(node):
        node.link.send(Note("hello"))

    ran, _ = run_to_end([Scripted("a", say), Scripted("b")], [wire("wire", "a", "b", medium=Elsewhere({"b": 1}))])
    assert ran.failure[:2] == (0, "a")
    assert 'node.link.send(Note("hello"))' in ran.failure.traceback


def test_a_task_that_nobody_awaited_is_told_of():
    async def careless(node):
        async def lost():
            explode()

        node.kept = asyncio.create_task(lost())
        await asyncio.sleep(1)

    ran, _ = run_to_end([Scripted("a", careless)], [])
    assert ran.failure is None
    (told,) = ran.logs
    assert told.t_ns == 0
    assert "nobody awaited" in told.text


def test_a_run_that_is_cancelled_from_within_has_failed():
    async def quitter(node):
        raise asyncio.CancelledError

    ran, _ = run_to_end([Scripted("a", quitter)], [])
    assert ran.failure is not None
    assert "run() was cancelled" in ran.failure.traceback


def test_nodes_of_one_process_share_no_context():
    seen = {}

    async def careless(node):
        decimal.getcontext().prec = 5

    async def careful(node):
        await asyncio.sleep(1e-9)
        seen["prec"] = decimal.getcontext().prec

    run_to_end([Scripted("a", careless), Scripted("b", careful)], [])
    assert seen["prec"] == decimal.DefaultContext.prec


# -- the end --------------------------------------------------------------------------------------------------------


def test_at_the_end_nodes_clean_up_but_nothing_is_sent_any_more():
    async def tidy(node):
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen(node))
                await asyncio.sleep(3600)
        finally:
            node.log("closing down")
            node.link.send(Note("last words"))
            node.publish("summary.txt", b"all well")

    nodes = [Scripted(name, tidy) for name in ("a", "b")]
    ran, finished = run_to_end(nodes, [wire("wire", "a", "b")])
    assert ran.failure is finished.failure is None
    assert [product.node for product in finished.products] == ["a", "b"]
    assert [record.text for record in finished.logs if record.node == "a"] == [
        "closing down",
        "port link: the run is over, a test.nodes.note@1 was not sent",
    ]
    assert (finished.emissions, finished.outbox, finished.losses) == (0, [], [])


def test_every_node_cleans_up_in_its_own_loop_whichever_ran_last():
    async def wait_for_ever(node):
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen(node))
                while True:
                    await asyncio.sleep(node.rng.randrange(1, 20) * 1e-9)
        finally:
            await asyncio.sleep(0)
            node.log("closing down")

    for until_ns in range(50, 70):
        world = host([Scripted(name, wait_for_ever) for name in "abcd"], [wire("wire", *"abcd")], until_ns)
        world.activate(NEVER_NS, [], NEVER_NS)
        assert [record.node for record in world.finish([]).logs] == ["a", "b", "c", "d"]


def test_a_node_that_fails_while_it_cleans_up_does_not_fail_the_run():
    async def stumble(node):
        try:
            await asyncio.sleep(3600)
        finally:
            explode()

    _, finished = run_to_end([Scripted("a", stumble)], [])
    assert finished.failure is None
    assert [record.text for record in finished.logs] == ["raised while the run was ending"]


# -- what a node gets of its host -----------------------------------------------------------------------------------


def test_a_graph_without_space_has_no_surroundings():
    async def look(node):
        with pytest.raises(NodeError, match="a asked for its surroundings, but this graph has no space"):
            _ = node.surroundings

    ran, _ = run_to_end([Scripted("a", look)], [])
    assert ran.failure is None


# -- joining late and leaving ---------------------------------------------------------------------------------------


async def chatter(node):
    """A note every 10 ns, numbered by its own randomness."""
    while True:
        node.link.send(Note(f"{node.rng.random():.3f}"))
        await asyncio.sleep(10e-9)


def present(nodes, until_ns, **presence):
    channels = [wire("wire", *[node.name for node in nodes], latency_ns=5)]
    return host(nodes, channels, until_ns, presence=presence)


def test_a_node_that_joins_late_hears_and_says_nothing_before():
    early, late = Scripted("a", chatter), Scripted("b", listen)
    world = present([early, late], 60, b=(25, NEVER_NS))
    done = world.activate(NEVER_NS, [], NEVER_NS)
    assert [(loss.receiver, loss.t_ns, loss.reason) for loss in done.losses] == [
        ("b", 5, "absent"),
        ("b", 15, "absent"),
    ]
    assert [t_ns for t_ns, _, _ in late.seen] == [25, 35, 45, 55]


def test_a_late_joiner_starts_at_its_time_with_its_own_randomness_and_numbers():
    def said_by_b(**presence):
        world = present([Scripted("a", listen), Scripted("b", chatter)], 60, **presence)
        return [(r.emission.seq, r.message.text) for r in world.activate(NEVER_NS, [], NEVER_NS).receptions]

    always, late = said_by_b(), said_by_b(b=(25, NEVER_NS))
    assert late == always[: len(late)]
    assert len(late) == 3


def test_a_node_that_leaves_cleans_up_and_says_nothing_more():
    async def tidy(node):
        try:
            await chatter(node)
        finally:
            node.log("closing down")
            node.link.send(Note("last words"))

    leaver, stayer = Scripted("a", tidy), Scripted("b", chatter)
    world = present([leaver, stayer], 60, a=(0, 30))
    done = world.activate(NEVER_NS, [], NEVER_NS)
    assert [r.emission.sent_ns for r in done.receptions if r.receiver == "b"] == [0, 10, 20]
    assert [(loss.receiver, loss.t_ns) for loss in done.losses] == [("a", 35), ("a", 45), ("a", 55)]
    assert {loss.reason for loss in done.losses} == {"absent"}
    assert [(record.t_ns, record.text) for record in done.logs] == [
        (30, "closing down"),
        (30, "port link: the node has left, a test.nodes.note@1 was not sent"),
    ]
    finished = world.finish([])
    assert (finished.logs, finished.failure) == ([], None)


def test_what_was_sent_before_leaving_still_arrives():
    async def say(node):
        node.link.send(Note("from afar"), after_ns=100)
        await asyncio.sleep(3600)

    listener = Scripted("b", listen)
    present([Scripted("a", say), listener], 200, a=(0, 50)).activate(NEVER_NS, [], NEVER_NS)
    assert listener.seen == [(105, "a", "from afar")]


def test_losses_of_the_absent_are_in_the_digest_and_the_same_on_two_hosts():
    def nodes():
        return [Scripted("a", chatter), Scripted("b", chatter), Scripted("c", listen)]

    presence = {"b": (25, 45), "c": (12, NEVER_NS)}
    together = present(nodes(), 100, **presence)
    together.activate(NEVER_NS, [], NEVER_NS)
    together.finish([])
    channel = wire("wire", "a", "b", "c", latency_ns=5)
    apart = [host(nodes()[:1], [channel], 100, presence=presence), host(nodes()[1:], [channel], 100, presence=presence)]
    inboxes = [[], []]
    for bound_ns in range(5, 105, 5):
        done = [world.activate(bound_ns, inbox, NEVER_NS) for world, inbox in zip(apart, inboxes, strict=True)]
        inboxes = [done[1].outbox, done[0].outbox]
    for world, inbox in zip(apart, inboxes, strict=True):
        world.finish(inbox)
    assert apart[0].chains() | apart[1].chains() == together.chains()
    always = present(nodes(), 100)
    always.activate(NEVER_NS, [], NEVER_NS)
    always.finish([])
    assert all(always.chains()[name] != chain for name, chain in together.chains().items())


def test_a_host_tells_when_its_next_node_joins():
    world = present([Scripted("a", chatter)], 60, a=(25, 40))
    assert world.activate(10, [], NEVER_NS).next_ns == 25
    assert world.activate(30, [], NEVER_NS).next_ns == 35
    assert world.activate(40, [], NEVER_NS).next_ns == 40
    assert world.activate(60, [], NEVER_NS).next_ns == NEVER_NS


def test_a_node_that_fails_while_it_leaves_does_not_fail_the_run():
    async def stumble(node):
        try:
            await asyncio.sleep(3600)
        finally:
            explode()

    done = present([Scripted("a", stumble)], 60, a=(0, 30)).activate(NEVER_NS, [], NEVER_NS)
    assert done.failure is None
    assert [(record.t_ns, record.level) for record in done.logs] == [(30, "error")]


# -- how grants are cut ---------------------------------------------------------------------------------------------


def test_what_a_host_reports_does_not_depend_on_how_its_grants_are_cut():
    async def gossip(node):
        node.link.send(Note(node.name), after_ns=node.rng.randrange(20))
        async for reception in node.link.received():
            if len(reception.message.text) < 6:
                await asyncio.sleep(node.rng.randrange(1, 4) * 1e-9)
                node.link.send(Note(reception.message.text + node.name), after_ns=node.rng.randrange(3))

    def report(bounds, limit):
        names = ["a", "b", "c"]
        world = host([Scripted(name, gossip) for name in names], [wire("wire", *names, "far", latency_ns=7)], 2_000)
        parts = []
        for bound_ns in bounds:
            while True:
                parts.append(world.activate(bound_ns, [], limit))
                if parts[-1].next_ns >= bound_ns:
                    break
        assert parts[-1].failure is None
        return (
            [(e.source, e.seq) for part in parts for e in part.outbox],
            [(r.receiver, r.received_ns, r.emission.source, r.emission.seq) for part in parts for r in part.receptions],
            world.chains(),
        )

    whole = report([NEVER_NS], NEVER_NS)
    assert len(whole[0]) > 100
    for bounds, limit in (([NEVER_NS], 1), (range(1, 2_001), NEVER_NS), (range(0, 2_013, 13), 3)):
        assert report(bounds, limit) == whole


def test_a_host_never_stops_within_an_instant():
    async def at_20(node):
        await asyncio.sleep(20e-9)
        node.link.send(Note("x"))

    world = host([Scripted(name, at_20) for name in "abc"], [wire("wire", *"abc", "far")])
    done = world.activate(NEVER_NS, [], 1)
    assert (len(done.outbox), done.next_ns) == (3, 30)
