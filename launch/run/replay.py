"""Replay: one node alone is given again what it received in a run, and what it says is compared with the recording.

It runs in a real host (``witness``), with the surroundings, the seed and the media of the run, and no other node: that
is quick, and a debugger can stop at the first difference while simulated time stands still. What the run has of the
node is its ``account``; a run that was killed, or is still under way, is replayed as far as the node is known to have
got in it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lightlag.bus.errors import GraphError, JournalError
from lightlag.bus.fingerprint import arithmetic_fingerprint
from lightlag.bus.journal import read_facts
from lightlag.bus.time import NS_PER_S
from lightlag.launch.graph.diagnostics import did_you_mean
from lightlag.launch.graph.instants import instant_ns
from lightlag.launch.graph.parameters import params_of
from lightlag.launch.graph.plugins import node_type, ports
from lightlag.launch.graph.spec import Graph
from lightlag.launch.look.account import Account
from lightlag.launch.look.recorded import Recorded, open_recorded
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.nodes.setting import changed

from .beginning import begun_graph
from .check import AllDifferences, Files, FirstDifference
from .fork import by_node
from .replaying import Debugger, Drive, Replayed

#: How a summary tells of a failure: node, instant in UTC to the millisecond, traceback.
_FAILURE = re.compile(r"(\S+) failed at (\S+) SCET\n(.*)", re.DOTALL)


@dataclass(slots=True)
class Replay:
    """A node of a run that can be replayed; made by ``prepare``."""

    bag: Recorded
    graph: Graph
    node: str
    account: Account
    pictures: Path
    #: How the node failed in the run: when, in UTC, and the traceback.
    failed: tuple[str, str] | None
    until_ns: int
    to_the_end: bool
    #: What may make a difference besides the node.
    warnings: list[str]

    @property
    def cls(self) -> str:
        """The class that is run, as ``package.module:Class``."""
        kind = self.graph.nodes[self.node].cls
        return f"{kind.__module__}:{kind.__qualname__}"

    @property
    def files(self) -> Files:
        """What the node published in the run."""
        return Files(self.pictures, self.node, (other for other in self.graph.nodes if other != self.node))

    def first_difference(
        self, *, debugger: Debugger | None = None, progress: Callable[[float], None] = lambda done: None
    ) -> Replayed:
        """Run the node until it does what is not recorded, or to the end; ``progress`` is told fractions of that."""
        drive = Drive(self, debugger, progress)
        listener = FirstDifference(self.account, self.files, drive.found, drive.stop)
        replayed = drive.run(listener)
        replayed.differences = [listener.first] if listener.first is not None else []
        return replayed

    def all_differences(self, *, progress: Callable[[float], None] = lambda done: None) -> Replayed:
        """Run the node to the end, and compare all that it did."""
        listener = AllDifferences(self.account, self.files)
        replayed = Drive(self, None, progress).run(listener)
        replayed.differences = listener.differences(self.until_ns)
        return replayed


def prepare(
    path: Path,
    node: str,
    *,
    cls: str | None = None,
    settings: Mapping[str, str] | None = None,
    until: str | None = None,
) -> Replay:
    """Read what a run has of a node.

    ``path`` is a run directory, or a recording beside its graph. ``cls`` is another class for the node,
    ``package.module:Class``; ``settings`` are other parameters from the start, by NODE.PARAM; ``until`` is a duration
    after the epoch or a UTC instant.

    Raises:
        GraphError: there is no such run, node, class, parameter or instant, or the graph of the run is not there.
        JournalError: the run was not recorded, or its recording cannot be read.
    """
    directory = RunDirectory(path if path.is_dir() else path.parent)
    facts: dict[str, Any] = {}
    if directory.journal.is_file():
        facts = read_facts(directory.journal)
        if not facts["record"]:
            raise JournalError(
                f"{path} was launched with --no-record, so there is nothing to replay from; launch it again without"
            )
    if (here := str(Path.cwd())) not in sys.path:  # a class may lie there, as with a script
        sys.path.append(here)
    bag = open_recorded(path)
    if not directory.graph.is_file():
        raise GraphError(
            f"{directory.graph} does not exist; a replay needs the graph of the run: name a run directory, or put its "
            f"graph.resolved.yaml beside the recording"
        )
    graph = begun_graph(directory, facts)
    if node not in graph.nodes:
        near = did_you_mean(node, graph.nodes) or f"its nodes are: {', '.join(graph.nodes)}"
        raise GraphError(f"{path} has no node {node!r}; {near}")
    if cls is not None:
        graph = _with_class(graph, node, cls)
    if settings:
        graph = _with_settings(graph, node, settings)
    mine = [name for name, channel in graph.channels.items() if node in {**channel.members, **channel.senders}]
    account = Account(bag, node, mine)
    failed = _failure_of(directory, node)
    until_ns, to_the_end = _end(graph, account, failed, until)
    return Replay(bag, graph, node, account, directory.pictures, failed, until_ns, to_the_end, _warnings(bag))


def _with_class(graph: Graph, node: str, name: str) -> Graph:
    """The graph with another class for a node, which gets the parameters that the graph gives."""
    kind = node_type(name)
    if kind is None:
        raise GraphError(f"--class {name}: there is no such node type; write package.module:Class")
    spec = graph.nodes[node]
    try:
        params = params_of(kind.Params, spec.given)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in error.errors(include_url=False))
        raise GraphError(
            f"--class {name} does not take the parameters that {node} had ({told}); let its Params be those of "
            f"{spec.cls.__name__}, or more"
        ) from None
    has = ports(kind)
    for channel in graph.channels.values():
        port = {**channel.members, **channel.senders}.get(node)
        if port is not None and port not in has:
            raise GraphError(f"--class {name} has no port {port!r}, by which {node} is on channel {channel.name}")
    changed_spec = replace(spec, type=name, cls=kind, params=params)
    return _checked(replace(graph, nodes={**graph.nodes, node: changed_spec}), node)


def _with_settings(graph: Graph, node: str, settings: Mapping[str, str]) -> Graph:
    """The graph with other parameters for a node."""
    for other, values in by_node(graph, settings).items():
        if other != node:
            raise GraphError(f"--set {other}.{next(iter(values))}: only {node} is replayed; what others do is recorded")
        spec = graph.nodes[node]
        graph = replace(graph, nodes={**graph.nodes, node: replace(spec, params=changed(spec.params, values))})
    return _checked(graph, node)


def _checked(graph: Graph, node: str) -> Graph:
    spec = graph.nodes[node]
    spec.cls(node, spec.params).check(graph.nodes)
    return graph


def _failure_of(directory: RunDirectory, node: str) -> tuple[str, str] | None:
    """When the node failed in the run, in UTC, and the traceback; None if it did not, as far as is known."""
    with suppress(OSError, ValueError):
        told = _FAILURE.match(json.loads(directory.summary.read_text(encoding="utf-8")).get("failure") or "")
        if told is not None and told[1] == node:
            return told[2], told[3]
    return None


def _end(graph: Graph, account: Account, failed: tuple[str, str] | None, until: str | None) -> tuple[int, bool]:
    """Up to when (ns) there is something to compare with, and whether that is the end of the run."""
    end_ns = graph.until_ns if account.is_whole else account.reached_ns + 1
    if failed is not None:  # that is told to the millisecond
        end_ns = min(graph.until_ns, graph.epoch.t_ns(failed[0]) + NS_PER_S // 1000)
    if until is None:
        return end_ns, account.is_whole
    until_ns = instant_ns(graph.epoch, until)
    if not 0 < until_ns <= graph.until_ns:
        begin, end = graph.epoch.utc(0, 0), graph.epoch.utc(graph.until_ns, 0)
        raise GraphError(f"--until {until} is not within the run, which goes from {begin} to {end}")
    return min(until_ns, end_ns), account.is_whole and until_ns == graph.until_ns


def _warnings(bag: Recorded) -> list[str]:
    """What is not as it was when the run was recorded."""
    here = {"lightlag": version("lightlag"), "fingerprint": arithmetic_fingerprint()}
    words = {"lightlag": "by lightlag", "fingerprint": "with arithmetic"}
    return [
        f"the run was recorded {words[key]} {was}; here it is {now}: a difference may come from that"
        for key, now in here.items()
        if (was := bag.metadata.get(key, "")) and was != now
    ]
