"""A program that dies: it is started again and hears everything anew; it never outlives its host."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.nodes.worlds import Note, Scripted, host, wire

from lightlag.bus.errors import NondeterminismError
from lightlag.bus.time import NEVER_NS
from lightlag.nodes.faults import act, acts_of, crash, end_of, safe_mode
from lightlag.nodes.foreign import let_run
from lightlag.nodes.foreign.conversation import Conversation

FOLDER = str(Path(__file__).parent)
ROOT = Path(__file__).parents[3]
#: How long the kernel may take to end a process (wall s).
PATIENCE_S = 10.0

HELLO = {"kind": "hello", "protocol": 1, "params": {}, "node_seed": b""}


def instant(t_ns):
    return {"kind": "activate", "t_ns": t_ns, "due": True, "receptions": [], "queued": {}}


def talking(how):
    return Conversation("z", ["python", "foreign_program.py", how], FOLDER)


def kill(talk):
    os.kill(talk._process.pid, signal.SIGKILL)


async def chat(node):
    for number in range(20):
        await node.sleep_until(1000 * number)
        node.link.send(Note(f"{number}"))


@pytest.fixture
def talks(monkeypatch):
    """The conversations of the nodes of a test, in the order of their beginnings."""
    begun = []

    def begin(*given):
        begun.append(Conversation(*given))
        return begun[-1]

    monkeypatch.setattr("lightlag.nodes.foreign.running.Conversation", begin)
    return begun


def chains(talks, kill_at=(), fault=None):
    """The digest chains of a run in which the program is killed before these instants, and the node's log.

    A fault, if there is one, stands from 4.5 to 8.5 us.
    """
    node = Scripted("z")
    let_run(node, ["python", "foreign_program.py", "listen"], FOLDER)
    run = host([Scripted("a", chat), node], [wire("wire", "a", "z")])
    begin = [] if fault is None else acts_of(fault, "f", "az", {})
    acts = [act(name, told, 4_500, 1) for name, told in begin]
    acts += [act(name, told, 8_500, 2) for name, told in end_of(begin)]
    logs = []
    for t_ns in kill_at:
        logs += run.activate(t_ns, acts, NEVER_NS).logs
        acts = []
        kill(talks[-1])
    done = run.activate(NEVER_NS, acts, NEVER_NS)
    assert done.failure is None, done.failure.traceback
    logs += done.logs
    logs += run.finish([]).logs
    return run.chains(), [log.text for log in logs if log.node == "z"]


def test_a_program_that_is_killed_makes_no_difference(talks):
    expected, told = chains(talks)
    again, told_again = chains(talks, [1, 5_000, 5_011, 19_000])
    assert again == expected
    restarts = [text for text in told_again if "killed" in text]
    assert restarts[0] == "the program was killed by SIGKILL; starting it again (1 of 10)"
    assert len(restarts) == 4
    assert [text for text in told_again if text not in restarts] == told


@pytest.mark.parametrize("fault", [crash("z"), safe_mode("z")])
def test_a_program_begins_anew_after_a_crash_and_after_safe_mode_and_may_be_killed_then(fault, talks):
    expected, told = chains(talks, fault=fault)
    first, second = talks
    assert told[0] == told[told.index("fault f ends") + 1] == "woken"
    heard = [text for text in told if text.startswith("a:")]
    assert heard == [f"a:{number + 1}={number}" for number in (*range(5), *range(9, 20))]
    assert first._process.pid != second._process.pid
    again, told_again = chains(talks, [3_000, 9_000, 12_000], fault)
    assert again == expected
    assert len([text for text in told_again if "killed" in text]) == 3


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (
            "pid",
            r"of what it does at 2000 ns, its emission 1 \(test.foreign.pid@1 on link\) differs from the first time",
        ),
        ("more", r"of what it does at 2000 ns, its emission 2 \(test.x@1 on link\) is new"),
        ("less", r"of what it does at 2000 ns, its emission 2 did not come again"),
        ("later", r"of what it does at 2000 ns, it wants to be woken at \d+ ns, which it did not"),
        ("types", r"it declares other types"),
    ],
)
def test_a_program_that_does_something_else_the_second_time_is_found_out(how, told, tmp_path):
    talk = Conversation("z", ["python", "foreign_program.py", how, str(tmp_path / "before")], FOLDER)
    talk.begin(HELLO)
    talk.activate(instant(2_000))
    kill(talk)
    with pytest.raises(NondeterminismError, match=told):
        talk.activate(instant(3_000))
    talk.end()


def test_what_it_wrote_before_it_was_killed_is_noted_once():
    talk = talking("stderr")
    talk.begin(HELLO)
    talk.activate(instant(0))
    assert talk.lines() == ["instant 1"]
    kill(talk)
    talk.activate(instant(10))
    assert talk.lines() == ["instant 2"]
    talk.end()


def test_a_long_past_goes_to_a_file_and_comes_back(monkeypatch):
    monkeypatch.setattr("lightlag.nodes.foreign.conversation._IN_MEMORY_BYTES", 100)
    talk = talking("listen")
    talk.begin(HELLO)
    for t_ns in range(50):
        talk.activate(instant(t_ns))
    kill(talk)
    talk.activate(instant(50))
    kill(talk)
    assert talk.activate(instant(51)).next_ns == 1_000_000_051
    assert talk.restarts == 2
    talk.end()


_ABANDONED = """
import sys
from lightlag.nodes.foreign.process import Process
process = Process(["python", "foreign_program.py", "mute"], {folder!r})
print(process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_that_reads_nothing_dies_with_its_host(number):
    with subprocess.Popen(
        [sys.executable, "-c", _ABANDONED.format(folder=FOLDER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as parent:
        pid = int(re.match(rb"\d+", parent.stdout.readline())[0])
        assert Path(f"/proc/{pid}").exists()
        parent.send_signal(number)
        parent.wait()
    until_s = time.monotonic() + PATIENCE_S
    while _runs(pid):
        assert time.monotonic() < until_s, "an orphan"


def _runs(pid):
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_process_that_is_forgotten_is_ended():
    talk = talking("listen")
    talk.begin(HELLO)
    pid = talk._process.pid
    with pytest.warns(ResourceWarning):
        talk._process = None
    assert not _runs(pid)
    talk.end()
