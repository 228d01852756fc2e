"""Earth and the hub on one machine, Mars on another: the same run, and a round trip of the network for a light time.

The other machine is a network namespace of its own where this one lets us make any, and else a process that is started
as if it were elsewhere; between them bytes take 50 ms each way.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import zmq
from tests.forwarder import Forwarder
from tests.integration.conftest import RunFiles
from tests.integration.far import FAR

from lightlag.bus.journal import read_facts, read_journal
from lightlag.bus.security import RunKeys
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World

ROOT = Path(__file__).parents[2]
DELAY_S = 0.05
#: Until hosts have said hello and are done with their first instants.
START_UP_GRANTS = 4
AGENT = f"{shlex.quote(sys.executable)} -P -m lightlag"

pytestmark = [
    pytest.mark.timeout(200),
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc"),
]


@dataclass(frozen=True)
class Elsewhere:
    """Another machine: how something is started there, and the address of this one as it is seen from there."""

    start: str
    address: str


#: This machine, taken for another.
LOOPBACK = Elsewhere("{command}", "127.0.0.1")


@pytest.fixture(scope="session")
def namespace() -> Iterator[Elsewhere]:
    """A network namespace that has nothing but a cable to this one; where none can be made, this machine."""
    name, net = f"ll{os.getpid()}", f"10.{os.getpid() % 200 + 20}.77"

    def ip(words: str, *, check: bool = True) -> None:
        subprocess.run(["ip", *words.split()], check=check, capture_output=True, text=True)

    try:
        ip(f"netns add {name}")
        ip(f"link add {name}a type veth peer name {name}b netns {name}")
        ip(f"addr add {net}.1/24 dev {name}a")
        ip(f"link set {name}a up")
        ip(f"-n {name} addr add {net}.2/24 dev {name}b")
        ip(f"-n {name} link set {name}b up")
    except (OSError, subprocess.CalledProcessError):
        with suppress(OSError):
            ip(f"netns del {name}", check=False)
        yield LOOPBACK
        return
    yield Elsewhere(f"ip netns exec {name} {{command}}", f"{net}.1")
    ip(f"netns del {name}", check=False)


@pytest.fixture
def loopback() -> Elsewhere:
    return LOOPBACK


@pytest.fixture(params=[pytest.param("loopback", marks=pytest.mark.thorough), "namespace"])
def elsewhere(request) -> Elsewhere:
    return request.getfixturevalue(request.param)


def free_port(address: str) -> int:
    with socket.create_server((address, 0)) as probe:
        return probe.getsockname()[1]


class Launch:
    """A launcher of the far graph, under way."""

    def __init__(self, directory: Path, *words: str, machine: str = "", until: str = "", **environment: str) -> None:
        text = FAR + (f"hosts:\n  mars: {machine}\n" if machine else "")
        (directory / "far.yaml").write_text(text)
        self.files = RunFiles(directory / "run")
        self.shown = directory / "shown.txt"
        command = [sys.executable, "-P", "-m", "lightlag", "launch", "far.yaml", "--no-report", *words]
        with self.shown.open("w") as shown:
            self.process = subprocess.Popen(
                [*command, "--run-dir", "run", *(["--until", until] if until else [])],
                cwd=directory,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdin=subprocess.DEVNULL,
                stdout=shown,
                stderr=shown,
                start_new_session=True,
            )

    def agent(self) -> int:
        """The process id of the agent, once it is there."""
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            for path in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
                with suppress(OSError):
                    words = Path(f"/proc/{path}/cmdline").read_bytes().split(b"\0")
                    if words[-3:-1] == [b"host", b"explorer"]:
                        return int(path)
            time.sleep(0.02)
        raise AssertionError(f"there is no agent: {self.shown.read_text()}")

    def ended(self) -> RunFiles:
        code = self.process.wait(150)
        assert code == 0, self.shown.read_text()
        return self.files

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def launch(tmp_path) -> Iterator:
    under_way: list[Launch] = []

    def launched(name: str, *words: str, **asked: str) -> Launch:
        (tmp_path / name).mkdir()
        under_way.append(Launch(tmp_path / name, *words, **asked))
        return under_way[-1]

    yield launched
    for it in under_way:
        it.kill()


def machine(elsewhere: Elsewhere, address: str = "", bind: str = "", agent: str = AGENT) -> str:
    """The machine in a graph file."""
    more = f", bind: '{bind}'" if bind else ""
    return f'{{start: "{elsewhere.start}", address: "{address or elsewhere.address}", lightlag: "{agent}"{more}}}'


def assert_same(one: RunFiles, two: RunFiles) -> None:
    """Digest, recording, logs and what was published."""
    assert one.summary["digest"] == two.summary["digest"] != ""
    assert (one.path / "run.mcap").read_bytes() == (two.path / "run.mcap").read_bytes()
    for folder in ("logs", "pictures"):
        mine, others = ({it.name: it.read_bytes() for it in (run.path / folder).iterdir()} for run in (one, two))
        assert mine == others
        assert mine


def left_behind(run_id: str) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"ll-agent-{run_id}-*"))


def test_on_two_machines_a_run_is_the_same_and_costs_a_round_trip_for_each_light_time(
    launch, elsewhere, record_property
):
    here = launch("here", "--in-process", until="6 h")
    port = free_port(elsewhere.address)
    with Forwarder((elsewhere.address, port), elsewhere.address, delay_s=DELAY_S) as between:
        reached, listens = f"{elsewhere.address}:{between.port}", f"{elsewhere.address}:{port}"
        there = launch("there", machine=machine(elsewhere, reached, listens), until="6 h")
        assert_same(here.ended(), there.ended())
        assert between.crossed_bytes > 10_000
    journal = there.files.path / "journal"
    facts = read_facts(journal)
    graph = load_graph(there.files.path / "graph.resolved.yaml")
    mars = facts["hosts"].index("explorer")
    reports = [entry for entry in read_journal(journal) if entry.host == mars]
    light_time_ns = World(graph).delay_bound_ns("explorer", "goldstone", 0, graph.until_ns)
    light_times = float(there.files.summary["simulated_s"]) * 1e9 / light_time_ns
    drive_s = float(there.files.summary["wall_s"])
    figures = f"{len(reports)} grants in {light_times:.1f} light times of {light_time_ns / 1e9:.0f} s, {drive_s:.1f} s"
    record_property("figures", figures)
    assert len(reports) <= light_times + START_UP_GRANTS, figures
    assert left_behind(facts["run"]) == []


def test_an_agent_that_is_killed_is_started_again(launch, elsewhere):
    here = launch("here", "--in-process", until="6 h")
    there = launch("there", "--speed", "3600x", machine=machine(elsewhere), until="6 h")
    agent = there.agent()
    parts = there.files.path / "parts"
    until_s = time.monotonic() + 60
    while not (parts / "goldstone.part").exists() and time.monotonic() < until_s:
        time.sleep(0.05)
    os.kill(agent, signal.SIGKILL)
    assert_same(here.ended(), there.ended())
    assert "host explorer was killed by signal 9; starting it again (1 of 10)" in there.shown.read_text()
    assert left_behind(read_facts(there.files.path / "journal")["run"]) == []


def test_an_agent_whose_line_breaks_is_started_again(launch, loopback, tmp_path):
    """A shell says 137 where its command was killed, ssh 255."""
    here = launch("here", "--in-process", until="2 h")
    mark = tmp_path / "died"
    there = launch("there", machine=machine(loopback), until="2 h", LIGHTLAG_TEST_DIES_ONCE=str(mark))
    assert_same(here.ended(), there.ended())
    assert mark.exists()
    assert "host explorer was killed there (exit code 137); starting it again" in there.shown.read_text()


OTHER = """
import sys
import lightlag.bus.shell
from lightlag.launch.cli import main
lightlag.bus.shell.arithmetic_fingerprint = lambda: "f" * 16
sys.exit(main())
"""


def test_another_arithmetic_is_refused_unless_the_run_may_be_mixed(launch, loopback, tmp_path):
    (tmp_path / "other.py").write_text(OTHER)
    other = machine(loopback, agent=f"{shlex.quote(sys.executable)} -P {tmp_path / 'other.py'}")
    strict = launch("strict", machine=other, until="1 h")
    assert strict.process.wait(60) == 1
    assert "or launch it --mixed" in strict.shown.read_text()
    assert "mixed" not in strict.files.summary
    mixed = launch("mixed", "--mixed", machine=other, until="1 h").ended()
    assert mixed.summary["mixed"] is True
    here = mixed.summary["fingerprint"]
    assert mixed.summary["fingerprints"] == {"explorer": "f" * 16, "goldstone": here}
    assert read_facts(mixed.path / "journal")["mixed"] is True
    assert f"explorer computes with arithmetic fingerprint {'f' * 16}, the hub with {here}" in (
        (tmp_path / "mixed" / "shown.txt").read_text()
    )


def test_no_agent_outlives_its_launcher(launch, elsewhere):
    run = launch("run", "--speed", "1x", machine=machine(elsewhere))
    agent = run.agent()
    run_id = read_facts(run.files.path / "journal")["run"]
    until_s = time.monotonic() + 30
    while not left_behind(run_id) and time.monotonic() < until_s:
        time.sleep(0.02)
    words = Path(f"/proc/{agent}/cmdline").read_bytes().split(b"\0")
    assert words[1:] == [b"-P", b"-m", b"lightlag", b"host", b"explorer", b""]  # nothing secret
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    until_s = time.monotonic() + 5
    while (Path(f"/proc/{agent}").exists() or left_behind(run_id)) and time.monotonic() < until_s:
        time.sleep(0.02)
    assert not Path(f"/proc/{agent}").exists()
    assert left_behind(run_id) == []


def test_strangers_at_the_hubs_door_are_told_and_the_run_goes_on(launch, loopback):
    port = free_port(loopback.address)
    run = launch("run", "--speed", "600x", machine=machine(loopback, f"127.0.0.1:{port}"), until="1 h")
    run.agent()
    stranger = RunKeys.make(["explorer"]).of("explorer")
    with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
        peer.setsockopt(zmq.IDENTITY, b"explorer")
        peer.setsockopt(zmq.LINGER, 0)
        stranger.connect(peer, f"tcp://127.0.0.1:{port}")
        peer.send_multipart([b"let me in"])
        files = run.ended()
    assert files.summary["refusals"] >= 1
    assert files.summary["digest"]
    assert "refused by the hub (1 so far): a connection" in run.shown.read_text()


def test_an_agent_that_cannot_run_ends_the_run_with_its_words(launch, loopback):
    run = launch("run", machine=machine(loopback, agent="no-such-lightlag"))
    assert run.process.wait(60) == 1
    assert "host explorer cannot be started: no-such-lightlag: No such file or directory" in run.shown.read_text()


def test_an_address_that_is_not_of_this_machine_is_told_before_anything_starts(launch, loopback):
    run = launch("run", machine=machine(loopback, "192.0.2.1"))
    assert run.process.wait(60) == 2
    shown = run.shown.read_text()
    assert "host 'mars': the hub cannot listen at 192.0.2.1" in shown
    assert "say with 'bind: ADDRESS:PORT' where it forwards to" in shown
