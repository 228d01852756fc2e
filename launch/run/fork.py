"""Forks: the run that a run would have become, had something been different from an instant on.

A fork is a run of its own, in a directory of its own. Until the instant it is the old run, event for event, because
it is given the same graph, seed and acts from outside; at the instant nodes get their new parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lightlag.bus import wire
from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError
from lightlag.bus.journal import Journal, read_facts, read_journal
from lightlag.bus.message import decoders
from lightlag.bus.operator import OPERATOR
from lightlag.launch.graph.diagnostics import did_you_mean
from lightlag.launch.graph.faults import acts_of_graph
from lightlag.launch.graph.instants import instant_ns
from lightlag.launch.graph.spec import Graph
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.nodes.faults import CHANNEL as FAULTS
from lightlag.nodes.faults import FaultEnds
from lightlag.nodes.setting import CHANNEL, Setting, changed

from .beginning import begin_journal, begun_graph


def fork(run_dir: Path, at: str, settings: Mapping[str, str], into: Path | None) -> RunDirectory:
    """The directory of a new run, ready to be resumed, that leaves the old one at ``at``.

    ``at`` is a duration after the epoch or a UTC instant, ``settings`` new parameters: ``{"mro.uhf.rate_bps":
    "16 kbit/s"}``.

    Raises:
        GraphError: there is no such run, instant, node or parameter.
    """
    old = RunDirectory(run_dir)
    if not old.journal.is_file():
        raise GraphError(f"{run_dir} holds no run: it has no journal; see the folders under runs/")
    facts = read_facts(old.journal)
    graph = begun_graph(old, facts)
    at_ns = _instant_ns(graph, at)
    acted = [(host, envelope.emissions[0]) for host, envelope in read_journal(old.journal) if envelope.kind == wire.ACT]
    planned = len(acts_of_graph(graph))  # the journal of the new run begins with the same
    acts = [act for act in acted[planned:] if act[1].sent_ns < at_ns - 1]
    # A fault that stands at the instant ends when it was to end.
    begun = {(emission.to, _told(emission).id) for _, emission in acts if emission.channel == FAULTS}
    acts += [act for act in acted[planned:] if _ends_later(act[1], begun, at_ns)]
    host_of = {node: index for index, group in enumerate(facts["groups"]) for node in group}
    for node, values in by_node(graph, settings).items():
        body, _ = Setting(values).encode()  # type: ignore[attr-defined]
        seq = max([planned, *(emission.seq for _, emission in acts)]) + 1
        # What an operator sends arrives a nanosecond later: at the instant itself.
        setting = Emission(OPERATOR, seq, CHANNEL, Setting.__message_type__, at_ns - 1, body, to=node)  # type: ignore[attr-defined]
        acts.append((host_of[node], setting))
    new = RunDirectory.create(graph.name, into)
    new.graph.write_text(graph.to_yaml(), encoding="utf-8")
    same = {"processes": facts["processes"], "record": facts["record"], "mixed": facts.get("mixed", False)}
    of = {"of": old.path.resolve().name, "run": facts["run"], "at": graph.epoch.utc(at_ns)}
    begin_journal(graph, facts["groups"], new, **same, fork={**of, "set": dict(settings)})
    run_id = read_facts(new.journal)["run"]
    with Journal(new.journal) as journal:
        for host, emission in acts:
            journal.append(host, wire.encode(run_id, wire.ACT, (), [emission]), [emission])
    return new


def _ends_later(emission: Emission, begun: Collection[tuple[str, str]], at_ns: int) -> bool:
    """Whether an act ends, from the instant on, one of the faults that have begun at a node."""
    is_end = emission.type == FaultEnds.__message_type__  # type: ignore[attr-defined]
    return is_end and emission.sent_ns >= at_ns - 1 and (emission.to, _told(emission).id) in begun


def _told(emission: Emission) -> Any:
    return decoders[emission.type](emission.body, emission.arrays)


def _instant_ns(graph: Graph, at: str) -> int:
    at_ns = instant_ns(graph.epoch, at)
    if not 0 < at_ns < graph.until_ns:
        begin, end = graph.epoch.utc(0, 0), graph.epoch.utc(graph.until_ns, 0)
        raise GraphError(f"--at {at} is not within the run, which goes from {begin} to {end}")
    return at_ns


def by_node(graph: Graph, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The settings of each node, every one checked against its parameters.

    Raises:
        GraphError: there is no such node or parameter, or the value is wrong.
    """
    found: dict[str, dict[str, str]] = {}
    for path, text in settings.items():
        node, _, parameter = path.partition(".")
        if node not in graph.nodes:
            near = did_you_mean(node, graph.nodes) or f"nodes of this graph: {', '.join(graph.nodes)}"
            raise GraphError(f"--set {path}: unknown node {node!r}; {near}")
        found.setdefault(node, {})[parameter] = text
    for node, values in found.items():
        try:
            changed(graph.nodes[node].params, values)
        except GraphError as error:
            raise GraphError(f"--set {node}: {error}") from None
    return found
