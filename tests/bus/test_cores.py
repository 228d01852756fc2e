"""Together or apart: one core for processes that take turns, if that is quicker; results do not depend on it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lightlag.bus.cores import STRETCH, Cores, Placer


class Machine:
    """A machine on which a grant takes so long (wall s), apart and together."""

    def __init__(self, apart_s, together_s):
        self.now_s = 1_000.0
        self.takes_s = {False: apart_s, True: together_s}
        self.placed = []
        self.cores = Cores(lambda: [1, 2], lambda pids, together: self.placed.append(together))

    def run(self, stretches, running=1):
        for _ in range(stretches * STRETCH):
            self.now_s += self.takes_s[self.cores.together]
            self.cores.granted(1, running, self.now_s)
        return self


def test_processes_that_take_turns_are_put_together_where_that_is_quicker():
    machine = Machine(apart_s=80e-6, together_s=40e-6).run(10)
    assert machine.cores.together
    assert machine.placed == [True]


def test_now_and_then_it_is_tried_whether_it_still_is():
    machine = Machine(apart_s=80e-6, together_s=40e-6).run(40)
    assert machine.placed[:3] == [True, False, True]
    machine.takes_s[True] = 200e-6  # somebody else needs that core now
    machine.run(5)
    assert not machine.cores.together


def test_one_slow_stretch_does_not_part_them_for_long():
    machine = Machine(apart_s=80e-6, together_s=40e-6).run(10)
    machine.takes_s[True] = 200e-6
    machine.run(1)
    machine.takes_s[True] = 40e-6
    machine.run(4)
    assert machine.cores.together


def test_a_trial_that_fails_is_repeated_ever_more_seldom():
    machine = Machine(apart_s=40e-6, together_s=80e-6).run(40)
    early = len(machine.placed)
    machine.run(40)
    assert not machine.cores.together
    assert early >= 4
    assert len(machine.placed) - early <= 2


@pytest.mark.parametrize("running", [2, 8])
def test_processes_that_run_at_once_are_never_put_together(running):
    assert Machine(apart_s=80e-6, together_s=40e-6).run(100, running).placed == []


def test_processes_that_begin_to_run_at_once_are_let_apart():
    machine = Machine(apart_s=80e-6, together_s=40e-6).run(10)
    assert machine.run(1, running=2).placed == [True, False]


def test_when_a_process_is_started_again_all_are_let_apart():
    machine = Machine(apart_s=80e-6, together_s=40e-6).run(10)
    machine.cores.joined(3)
    assert machine.placed == [True, False, False]
    assert not machine.cores.together


def test_what_a_dead_hub_has_left_on_one_core_is_let_go():
    machine = Machine(apart_s=80e-6, together_s=40e-6)
    machine.cores.joined(1)
    assert machine.placed == [False]


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="this system has one core, or does not place processes on cores",
)
def test_a_process_and_its_threads_share_the_core_of_the_hub_and_are_let_go_again():
    body = "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); input()"
    with subprocess.Popen([sys.executable, "-c", body], stdin=subprocess.PIPE) as other:
        threads = f"/proc/{other.pid}/task"
        while len(os.listdir(threads)) < 2:
            pass
        placer, everywhere = Placer(), os.sched_getaffinity(0)
        placer.place([other.pid], together=True)
        cores = [os.sched_getaffinity(int(thread)) for thread in os.listdir(threads)]
        assert [len(each) for each in cores] == [1, 1]
        placer.place([other.pid, 2**22 + 1], together=False)  # the second is dead
        assert [os.sched_getaffinity(int(thread)) for thread in os.listdir(threads)] == [everywhere] * 2
        other.communicate(b"\n")
