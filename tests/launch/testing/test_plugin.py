"""The plug-in in suites of somebody else: active once installed, side by side with everything else that pytest does."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

SUITE = """
import asyncio
import pytest

GRAPH = '''
version: 1
name: ticks
epoch: 2021-02-18T20:26:00Z
until: 20 s
nodes:
  ticker: {type: "ticking:Ticker"}
  listener: {type: "ticking:Listener"}
channels:
  ticks: {medium: {wire: {latency: 2500 ms}}, members: [listener.heard], senders: [ticker.out]}
'''

@pytest.fixture
def ticks(launch_graph):
    return launch_graph(GRAPH)

async def test_without_a_mark(launch_graph):
    async with launch_graph(GRAPH) as run:
        assert (await run.expect("listener", within="4 s")).id == "tick-1"

async def test_by_way_of_a_fixture(ticks):
    async with ticks as run:
        await asyncio.sleep(3600)
        assert asyncio.get_running_loop().time() == 3600

class TestInAClass:
    async def test_of_it(self, launch_graph):
        async with launch_graph(GRAPH) as run:
            await run.expect("listener", id="tick-2")

@pytest.mark.asyncio
async def test_that_is_nobodys_business():
    loop = asyncio.get_running_loop()
    assert "lightlag" not in type(loop).__module__
    await asyncio.sleep(0)

def test_that_is_plain():
    assert 1 + 1 == 2
"""

NODES = '''
from typing import ClassVar
from lightlag.nodes import Event, Node, Port

class Ticker(Node):
    """Says tick-N every second."""
    ports: ClassVar = ("out",)
    out: Port

    async def run(self):
        for number in range(1, 100):
            await self.sleep_until(number * 10**9)
            self.out.send(Event(f"tick-{number}", self.now_ns, {}))

class Listener(Node):
    """Hears."""
    ports: ClassVar = ("heard",)
'''

FAILING = (
    SUITE
    + """
async def test_that_fails(launch_graph):
    async with launch_graph(GRAPH) as run:
        await run.expect("listener", "lightlag.event", id="tick-99", within="5 s")

async def test_that_fails_by_itself(launch_graph):
    async with launch_graph(GRAPH) as run:
        await asyncio.sleep(5)
        assert len(run.receptions("listener")) == 17

async def test_that_waits_for_ever(launch_graph):
    async with launch_graph(GRAPH) as run:
        await asyncio.Event().wait()
"""
)


@pytest.fixture
def suite(pytester, monkeypatch):
    """A folder with nodes and tests, in which pytest is run as a program of its own."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(ticking=NODES)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\npythonpath = .")
    return pytester


def test_it_needs_neither_marks_nor_configuration_and_leaves_other_tests_alone(suite):
    suite.makepyfile(test_it=SUITE)
    result = suite.runpytest_subprocess("-v", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*::test_without_a_mark PASSED*", "*::test_that_is_nobodys_business PASSED*"])


def test_it_works_over_processes_and_over_workers(suite):
    suite.makepyfile(test_it=SUITE)
    suite.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider").assert_outcomes(passed=5)
    suite.runpytest_subprocess("--lightlag-processes", "2", "-k", "mark or class").assert_outcomes(passed=2)


def test_a_failure_is_understood_from_its_message(suite):
    suite.makepyfile(test_it=FAILING)
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", "-k", "fails or ever")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            ">*await run.expect(*tick-99*",
            "E*listener did not receive lightlag.event with id = 'tick-99'",
            "E*from 2021-02-18T20:26:00.000Z to 2021-02-18T20:26:05.000Z (5 s): the limit was 5 s",
            "E*nearest: 2021-02-18T20:26:0*ERT  lightlag.event  ticker > listener  after 2.5 s  id='tick-*",
            "E*field  expected *got",
            "E*last messages at listener, of 2:",
            "E*lightlag replay */run --node listener --pdb",
            "*- lightlag run -*",
            "ticks, seed 1, had come to 2021-02-18T20:26:05.000Z SCET; its files: *",
            "*assert 2 == 17*",
            "*NotInSimulation: 20 s after it began, the test waits for something that nothing will bring*",
        ],
        consecutive=False,
    )
    assert "under_test.py" not in result.stdout.str().replace("under_test.ExpectationFailed", "")


def test_a_graph_file_is_found_beside_the_test(suite):
    suite.mkdir("inner")
    folder = suite.path / "inner"
    text = SUITE.partition("GRAPH = '''")[2].partition("'''")[0]
    (folder / "ticks.yaml").write_text(text)
    (folder / "test_file.py").write_text(
        "async def test_it(launch_graph):\n"
        "    async with launch_graph('ticks.yaml', until='5 s') as run:\n"
        "        assert run.until_ns == 5 * 10**9\n"
        "        assert 'tmp' in str(run.run_dir) or run.run_dir.exists()\n"
    )
    suite.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert sorted(file.name for file in folder.iterdir() if file.name != "__pycache__") == [
        "test_file.py",
        "ticks.yaml",
    ]


def test_a_broken_graph_fails_the_test_with_its_line(suite):
    suite.makepyfile(test_it=SUITE.replace("until: 20 s", "until: 20"))
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", "-k", "mark")
    result.stdout.fnmatch_lines(["E*InvalidGraph: *run.yaml:5:8: 20 has no unit*", "E*until: 20*", "E*^*"])


FRAGILE = (
    SUITE.split("async def")[0]
    + """
async def test_that_is_fragile(launch_graph):
    async with launch_graph(GRAPH, until="60 s") as run:
        await asyncio.sleep(50)
        assert len(run.receptions("listener", "lightlag.event")) == 47

async def test_that_is_robust(launch_graph):
    async with launch_graph(GRAPH) as run:
        await asyncio.sleep(5)

def test_that_launches_nothing(launch_graph):
    pass
"""
)


def test_under_faults_the_least_that_a_test_does_not_survive_is_told(suite):
    suite.makepyfile(test_it=FRAGILE)
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", "--lightlag-faults", "seed:=1..20")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*ExpectationFailed: with the faults of seed * the test fails; of * faults 1 is enough, found in * runs:",
            "E*faults:",
            "E*- {*, * 30 s*}",
            "E*assert * == 47*",
        ]
    )
    assert len(list((suite.path / "runpytest-0").glob("test_that_is_fragile0/run*"))) <= 3


def test_seeds_that_are_none_are_told(suite):
    suite.makepyfile(test_it=FRAGILE)
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", "--lightlag-faults", "many")
    result.stdout.fnmatch_lines(["*'many' are no seeds; write seed:=1..200, or 7 alone*"])
