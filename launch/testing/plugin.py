"""The pytest plug-in: the fixture ``launch_graph``, and simulated time for the tests that use it.

    async def test_earth_hears_of_touchdown(launch_graph):
        async with launch_graph("mars2020", seed=7) as run:
            await run.expect("goldstone", Event, id="touchdown", within="40 min")

A test that uses the fixture, itself or by way of its own fixtures, runs on a ``DrivingLoop``, which pytest-asyncio gets
by its hook for loop factories; it needs no mark. Files go to the test's ``tmp_path``, sockets (with
``--lightlag-processes``) to a private folder of their own, so that suites never hear each other.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from lightlag.launch.graph.spec import Graph
    from lightlag.launch.testing.under_test import RunUnderTest

_FIXTURE = "launch_graph"
_RUNS = pytest.StashKey[list[Any]]()
_TRIALS = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("lightlag")
    group.addoption(
        "--lightlag-processes",
        metavar="N",
        type=int,
        default=0,
        help="run the graphs of launch_graph in N processes each, as lightlag launch --processes N does (default: in "
        "the process of the test)",
    )
    group.addoption(
        "--lightlag-faults",
        metavar="SEEDS",
        help="run every test of launch_graph again for each of these seeds (seed:=1..200), with the faults that it "
        "draws, and tell the least of the first faults with which the test fails",
    )
    group.addoption(
        "--lightlag-update-golden",
        action="store_true",
        help="let run.assert_golden write its files instead of comparing with them, and show what changes",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> None:
    """Mark coroutines that use the fixture as tests for pytest-asyncio."""
    if not (inspect.iscoroutinefunction(obj) and collector.funcnamefilter(name)):
        return
    manager = collector.session._fixturemanager
    owner = collector.obj if isinstance(collector, pytest.Class) else None
    info = manager.getfixtureinfo(node=collector, func=obj, cls=owner)  # type: ignore[arg-type]
    if _FIXTURE in info.names_closure:
        if not collector.config.pluginmanager.has_plugin("asyncio"):
            raise pytest.UsageError(
                f"{name} uses {_FIXTURE}, for which pytest-asyncio is needed: pip install 'lightlag[test]'"
            )
        pytest.mark.asyncio(obj)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Generator[None, Mapping[str, Callable[[], asyncio.AbstractEventLoop]] | None, Mapping[str, Any]]:
    """Give tests that use the fixture a loop in simulated time; all others what they would have had."""
    given = yield
    if _FIXTURE in getattr(item, "fixturenames", ()):
        from lightlag.launch.testing.loop import new_loop

        return {"lightlag": new_loop}
    return given or {"asyncio": asyncio.new_event_loop}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test under faults, if that is asked for; else it is nobody's business here."""
    __tracebackhide__ = True
    trials = pyfuncitem.stash.get(_TRIALS, None)
    if trials is None:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    trials.conduct(lambda: pyfuncitem.obj(**arguments), pyfuncitem.stash[_RUNS])
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say of a test that failed where its runs are, and how far they had come."""
    report = yield
    if report.when == "call" and report.failed:
        for run in item.stash.get(_RUNS, []):
            at = f"{run.graph.name}, seed {run.graph.seed}, had come to {run.now} SCET; its files: {run.run_dir}"
            report.sections.append(("lightlag run", at))
    return report


@pytest.fixture
def launch_graph(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., RunUnderTest]]:
    """Launch a graph, to be used in ``async with``: by its name, its path (from the test's own folder, else from the
    current one), as the text of a graph file, or as a ``Graph``; its arguments are given by keyword."""
    runs: list[RunUnderTest] = []
    request.node.stash[_RUNS] = runs
    launched = 0
    trials = _trials(request.config.option.lightlag_faults)
    if trials is not None:
        request.node.stash[_TRIALS] = trials

    def launch(graph: str | Path | Graph, *, until: str | None = None, **arguments: Any) -> RunUnderTest:
        from lightlag.launch.rundir.directory import RunDirectory
        from lightlag.launch.testing.goldens import Golden
        from lightlag.launch.testing.launching import staged, the_graph
        from lightlag.launch.testing.under_test import RunUnderTest

        nonlocal launched
        launched += 1
        number = f"-{launched}" if launched > 1 else ""
        directory = RunDirectory.create("test", tmp_path / f"run{number}")
        options, folder = request.config.option, request.path.parent
        loaded = the_graph(graph, arguments, until, folder, directory)
        loaded = loaded if trials is None else trials.faulty(loaded)
        stage = staged(loaded, directory, options.lightlag_processes)
        run = RunUnderTest(stage, Golden(folder, options.lightlag_update_golden))
        runs.append(run)
        return run

    yield launch
    for run in runs:
        run.close()
    for run in runs:
        if (forgotten := run.forgotten()) is not None:
            raise forgotten


def _trials(seeds: str | None) -> Any:
    if seeds is None:
        return None
    from lightlag.launch.testing.searching import Trials, read_seeds

    try:
        return Trials(read_seeds(seeds))
    except ValueError as error:
        raise pytest.UsageError(f"--lightlag-faults: {error}") from None
