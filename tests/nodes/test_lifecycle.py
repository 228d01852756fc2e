"""What befalls nodes: they crash and start again, go into safe mode, and their clocks jump."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest
from tests.nodes.worlds import Note, Scripted, host, listen, note_from, wire

from lightlag.bus.emission import Emission
from lightlag.bus.time import NEVER_NS
from lightlag.nodes.faults import act, acts_of, clock_jump, crash, end_of, safe_mode
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams
from lightlag.nodes.setting import CHANNEL as SETTINGS
from lightlag.nodes.setting import Setting


def acts(*faults):
    """The acts of faults (fault, from_ns, until_ns or None) of nodes alone."""
    told = []
    for number, (fault, from_ns, until_ns) in enumerate(faults):
        begin = acts_of(fault, f"f{number}", fault.nodes, {})
        told += [(from_ns, *each) for each in begin]
        told += [] if until_ns is None else [(until_ns, *each) for each in end_of(begin)]
    told.sort(key=lambda each: each[0])
    return [act(node, what, at_ns, seq) for seq, (at_ns, node, what) in enumerate(told, 1)]


def run(nodes, *faults, until_ns=100, presence=None, also=()):
    """Run nodes on one wire of 10 ns to the end; what the run did."""
    made = host(nodes, [wire("wire", *[node.name for node in nodes])], until_ns, presence)
    done = made.activate(NEVER_NS, [*acts(*faults), *also], NEVER_NS)
    assert done.failure is None, done.failure.traceback
    last = made.finish([])
    assert last.failure is None
    return done


async def beat(node):
    """A note every 10 ns, that says how many this instance has sent and what its randomness is."""
    count = 0
    while True:
        count += 1
        node.link.send(Note(f"{count} {node.rng.random():.3f}"))
        await asyncio.sleep(10e-9)


def said(done, by="a"):
    return [(r.emission.sent_ns, r.emission.seq, r.message.text) for r in done.receptions if r.emission.source == by]


# -- crash ----------------------------------------------------------------------------------------------------------


def test_a_crashed_node_does_nothing_and_what_reaches_it_is_lost_as_absent():
    victim, other = Scripted("a", beat), Scripted("b", beat)
    done = run([victim, other], (crash("a"), 35, None))
    assert [sent_ns for sent_ns, _, _ in said(done)] == [0, 10, 20, 30]
    assert [(loss.receiver, loss.t_ns, loss.reason) for loss in done.losses] == [
        ("a", t_ns, "absent") for t_ns in range(40, 100, 10)
    ]


def test_a_node_that_starts_again_begins_anew_with_other_randomness_and_goes_on_counting():
    done = run([Scripted("a", beat), Scripted("b")], (crash("a"), 35, 57))
    texts = said(done)
    assert [(sent_ns, seq) for sent_ns, seq, _ in texts] == [
        (0, 1),
        (10, 2),
        (20, 3),
        (30, 4),
        (57, 5),
        (67, 6),
        (77, 7),
        (87, 8),
    ]
    assert [int(text.split()[0]) for _, _, text in texts] == [1, 2, 3, 4, 1, 2, 3, 4]
    first, second = [[text for _, _, text in part] for part in (texts[:4], texts[4:])]
    assert first != second
    assert said(run([Scripted("a", beat), Scripted("b")], (crash("a"), 35, 57))) == texts


def test_nothing_that_the_dead_had_planned_happens():
    async def plan(node):
        if node.seen:
            return
        node.seen.append("planned")
        asyncio.get_running_loop().call_at_ns(60, node.seen.append, "callback of the dead")
        await asyncio.sleep(70e-9)
        node.seen.append("slept through")

    node = Scripted("a", plan)
    run([node], (crash("a"), 30, 40))
    assert node.seen == ["planned"]


def test_what_the_dead_was_doing_is_cleaned_up_at_its_death_and_says_nothing():
    async def tidy(node):
        try:
            await asyncio.sleep(1)
        finally:
            node.seen.append(node.now_ns)
            node.link.send(Note("last words"))

    node = Scripted("a", tidy)
    done = run([node, Scripted("b")], (crash("a"), 30, 40))
    assert node.seen == [30, 40]  # and the other instance's at the end of the run, in its own last instant
    assert "port link: the node has crashed, a test.nodes.note@1 was not sent" in [log.text for log in done.logs]
    assert not said(done)


def test_a_node_that_started_again_hears_at_its_ports_and_those_of_operators():
    body, _ = Note("by hand").encode()
    operator = [
        Emission("@operator", 90 + n, "@link", "test.nodes.note@1", t, body, to="a") for n, t in ((0, 5), (1, 60))
    ]
    node = Scripted("a", listen)
    run([node, Scripted("b", beat)], (crash("a"), 25, 55), also=operator)
    assert [(t_ns, source) for t_ns, source, _ in node.seen] == [
        (6, "@operator"), (10, "b"), (20, "b"), (60, "b"), (61, "@operator"), (70, "b"), (80, "b"), (90, "b"),
    ]  # fmt: skip


class Counting(Node):
    """A node with a parameter, of which every instance is kept."""

    class Params(NodeParams):
        """One."""

        every: int = 10

    ports = ("link",)
    made: ClassVar[list[Counting]] = []

    async def run(self):
        """Be noted."""
        type(self).made.append(self)


def test_a_node_starts_again_as_another_instance_with_its_parameters_as_they_were_set():
    Counting.made = []
    body, _ = Setting({"every": "20"}).encode()
    setting = [
        Emission("@operator", seq, SETTINGS, Setting.__message_type__, t_ns, body, to="a")
        for seq, t_ns in ((8, 10), (9, 70))
    ]
    run([Counting("a", Counting.Params(every=15))], (crash("a"), 30, 40), also=setting)
    first, second = Counting.made
    assert first is not second
    assert first.params.every == second.params.every == 20


def test_two_crashes_that_overlap_are_over_when_both_are():
    done = run([Scripted("a", beat), Scripted("b")], (crash("a"), 25, 45), (crash("a"), 35, 65))
    assert [sent_ns for sent_ns, _, _ in said(done)] == [0, 10, 20, 65, 75, 85]


@pytest.mark.parametrize(
    ("faulty", "spoken"),
    [
        ((5, 15), [30, 40, 50]),
        ((5, 45), [45, 55]),
        ((35, 45), [30, 45, 55]),
        ((55, None), [30, 40, 50]),
        ((55, 80), [30, 40, 50]),
    ],
)
def test_a_crash_of_a_node_that_is_not_there_all_the_time(faulty, spoken):
    done = run([Scripted("a", beat), Scripted("b")], (crash("a"), *faulty), presence={"a": (30, 60)})
    assert [sent_ns for sent_ns, _, _ in said(done)] == spoken


def test_a_node_that_starts_again_often_has_other_randomness_each_time():
    bounces = [(crash("a"), t_ns, t_ns + 3) for t_ns in (5, 25, 45)]
    done = run([Scripted("a", beat), Scripted("b")], *bounces)
    firsts = [text for _, _, text in said(done) if text.startswith("1 ")]
    assert len(firsts) == len(set(firsts)) == 4


def test_a_failure_after_a_new_start_is_the_nodes():
    async def fail_again(node):
        node.seen.append(node.now_ns)
        await asyncio.sleep(5e-9)
        if len(node.seen) > 1:
            raise ZeroDivisionError

    made = host([Scripted("a", fail_again)], [wire("wire", "a")], 100)
    done = made.activate(NEVER_NS, acts((crash("a"), 30, 40)), NEVER_NS)
    assert done.failure[:2] == (45, "a")


def test_a_constructor_that_raises_is_a_failure_at_the_new_start():
    class Once(Scripted):
        def again(self):
            raise OverflowError("there is only one of me")

    made = host([Once("a")], [wire("wire", "a")], 100)
    done = made.activate(NEVER_NS, acts((crash("a"), 30, 40)), NEVER_NS)
    assert done.failure[:2] == (40, "a")
    assert "there is only one of me" in done.failure.traceback


# -- safe mode ------------------------------------------------------------------------------------------------------


class Careful(Scripted):
    """Beats, and in safe mode sighs."""

    async def safe_mode(self):
        """Every 20 ns."""
        while True:
            await asyncio.sleep(20e-9)
            self.link.send(Note("sigh"))


def test_in_safe_mode_a_node_does_that_instead_and_runs_anew_after_it():
    done = run([Careful("a", beat), Scripted("b")], (safe_mode("a"), 25, 75))
    texts = [(sent_ns, text.split()[0]) for sent_ns, _, text in said(done)]
    assert texts == [(0, "1"), (10, "2"), (20, "3"), (45, "sigh"), (65, "sigh"), (75, "1"), (85, "2")]


def test_in_safe_mode_a_plain_node_receives_and_forgets():
    node = Scripted("a", listen)
    done = run([node, Scripted("b", beat)], (safe_mode("a"), 25, 75))
    assert [t_ns for t_ns, _, _ in node.seen] == [10, 20, 80, 90]
    assert not done.losses
    assert sum(r.receiver == "a" and r.emission.source == "b" for r in done.receptions) == 9


def test_tasks_that_a_node_has_started_stop_with_its_run():
    async def start(node):
        node.kept = asyncio.get_running_loop().create_task(beat(node))

    done = run([Scripted("a", start), Scripted("b")], (safe_mode("a"), 25, 75))
    assert [sent_ns for sent_ns, _, _ in said(done)] == [0, 10, 20, 75, 85]


def test_two_safe_modes_that_overlap_are_one():
    done = run([Careful("a", beat), Scripted("b")], (safe_mode("a"), 25, 55), (safe_mode("a"), 40, 75))
    assert [sent_ns for sent_ns, _, text in said(done) if text == "sigh"] == [45, 65]


def test_a_node_that_starts_again_in_safe_mode_is_in_safe_mode():
    done = run([Careful("a", beat), Scripted("b")], (safe_mode("a"), 25, None), (crash("a"), 30, 40))
    assert [(sent_ns, text) for sent_ns, _, text in said(done)][3:] == [(60, "sigh"), (80, "sigh")]


def test_what_a_run_raises_when_it_is_put_aside_is_told_and_no_failure():
    async def stumble(node):
        try:
            await asyncio.sleep(1)
        finally:
            raise ValueError("never mind")

    node = Scripted("a", stumble)
    done = run([node], (safe_mode("a"), 25, None))
    assert [log.text for log in done.logs if log.level == "error"] == ["raised while the run was ending"]


# -- clocks ---------------------------------------------------------------------------------------------------------


class Clock:
    """A part that can jump."""

    def __init__(self):
        self.jumps = []

    def jump(self, seconds):
        self.jumps.append(seconds)


class Clocked(Scripted):
    """A node with a clock."""

    def __init__(self, name, script=None):
        super().__init__(name, script)
        self.clock = Clock()


def test_a_clock_jumps_and_jumps_back():
    node = Clocked("a")
    run([node], (clock_jump("a", 2.5), 25, 75))
    assert node.clock.jumps == [2.5, -2.5]


def test_the_clock_of_a_node_that_started_again_has_not_jumped():
    instances = []

    async def show(node):
        instances.append(node)

    run([Clocked("a", show)], (clock_jump("a", 2.5), 25, 75), (crash("a"), 30, 40))
    assert [node.clock.jumps for node in instances] == [[2.5], []]


def test_a_clock_that_was_not_there_to_jump_does_not_jump_back():
    late, instances = Clocked("a"), []

    async def show(node):
        instances.append(node)

    run([late], (clock_jump("a", 2.5), 25, 75), presence={"a": (50, NEVER_NS)})
    run([Clocked("a", show)], (crash("a"), 20, 50), (clock_jump("a", 2.5), 30, 75))
    assert late.clock.jumps == []
    assert [node.clock.jumps for node in instances] == [[], []]


def test_a_clock_of_a_node_that_has_left_does_not_jump_back():
    node = Clocked("a")
    run([node], (clock_jump("a", 2.5), 25, 75), presence={"a": (0, 50)})
    assert node.clock.jumps == [2.5]


def test_a_node_without_a_clock_whose_clock_is_to_jump_fails():
    made = host([Scripted("a")], [wire("wire", "a")], 100)
    done = made.activate(NEVER_NS, acts((clock_jump("a", 1), 30, None)), NEVER_NS)
    assert "the clock of a is to jump, but Scripted has none" in done.failure.traceback


def test_a_fault_of_a_node_that_has_failed_changes_nothing_in_its_last_instant():
    async def fail(node):
        await asyncio.sleep(30e-9)
        raise ZeroDivisionError

    made = host([Scripted("a", fail)], [wire("wire", "a", "b")], 100)
    done = made.activate(NEVER_NS, [*acts((crash("a"), 31, None)), note_from("b", 1, 5, "x")], NEVER_NS)
    assert done.failure[:2] == (30, "a")
