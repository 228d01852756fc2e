"""The search for a schedule of faults that a graph does not survive, and the least of it that is enough.

For each seed a schedule is drawn from what the graph has: its nodes, its channels, its time; the same for ever. The
first of which a run fails is shrunk: faults are left out, made shorter, put at round times, as long as the run still
fails. How a graph is run, and what a failure is, is the caller's business: ``run_one`` says in words what failed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import NamedTuple

from lightlag.bus.time import NEVER_NS
from lightlag.launch.graph.faults import fault_text
from lightlag.launch.graph.spec import FaultSpec, Graph
from lightlag.nodes import faults as verbs
from lightlag.nodes.faults import ALL, Fault
from lightlag.nodes.lifecycle import clock_of

#: A schedule has up to so many faults.
MOST_FAULTS = 5
#: A fault is short enough if the run is so many times longer; it is put between times of which a run has that many.
_MANY, _FEW = 1000, 20
#: Shrinking gives up after so many runs.
MOST_RUNS = 300
#: Round numbers of time, roundest first (ns).
_ROUND_NS = tuple(10**9 * s for s in (86_400, 3600, 600, 60, 10, 1)) + tuple(10**k for k in range(8, 0, -1))

#: Runs a graph; says what failed, or None.
RunOne = Callable[[Graph], str | None]
#: As the built-in ``map``, or that of an executor: in order.
Map = Callable[[RunOne, Iterable[Graph]], Iterator[str | None]]


@dataclass(frozen=True, slots=True)
class Found:
    """A schedule of faults with which a run fails."""

    #: Of which the schedule was drawn; None: it fails without any.
    seed: int | None
    #: What fails, with the least faults that were found to be enough; ``graph`` has them besides its own.
    failure: str
    faults: tuple[FaultSpec, ...]
    graph: Graph
    #: As it was drawn.
    drawn: tuple[FaultSpec, ...] = ()
    #: How many runs it took to shrink it.
    runs: int = 0

    @property
    def yaml(self) -> str:
        """The faults as they can be pasted into the graph file."""
        return "\n".join(["faults:", *(f"  - {fault_text(spec)}" for spec in self.graph.faults)])


def search(
    graph: Graph,
    seeds: Sequence[int],
    run_one: RunOne,
    *,
    mapped: Map = map,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Found | None:
    """The first of ``seeds`` whose schedule of faults a graph does not survive, shrunk; None if it survives them all.

    The graph is run first as it is, with the faults that it has itself. ``mapped`` may run several graphs at a time.
    """
    if (failure := run_one(graph)) is not None:
        return Found(None, failure, (), graph)
    drawn = [draw_faults(graph, seed) for seed in seeds]
    graphs = [replace(graph, faults=graph.faults + faults) for faults in drawn]
    first = _first(mapped(run_one, graphs), lambda done: progress("searching", done, len(seeds)))
    if first is None:
        return None
    number, failure = first
    return _shrunk(graph, seeds[number], drawn[number], failure, run_one, progress)


def _first(outcomes: Iterator[str | None], progress: Callable[[int], None]) -> tuple[int, str] | None:
    """The first failure, and its place; what an executor has not begun by then is left."""
    for number, failure in enumerate(outcomes):
        progress(number + 1)
        if failure is not None:
            return number, failure
    return None


# -- drawing ----------------------------------------------------------------------------------------------------------


class _Parts(NamedTuple):
    """What of a graph faults can concern."""

    nodes: list[str]
    #: By channel, who can send on it and who receives.
    ends: dict[str, tuple[list[str], list[str]]]
    #: (node, port) of those that receive.
    ports: list[tuple[str, str]]
    clocks: list[str]


def draw_faults(graph: Graph, seed: int) -> tuple[FaultSpec, ...]:
    """The schedule of faults of a seed, in the order in which they begin."""
    draw = random.Random(blake2b(f"faults/{seed}".encode(), digest_size=16).digest())
    parts = _parts(graph)
    grain_ns = next((size_ns for size_ns in _ROUND_NS if size_ns * 1000 <= graph.until_ns), 1)
    specs = []
    for _ in range(draw.randint(1, MOST_FAULTS)):
        fault = _draw_fault(draw, parts, graph.until_ns)
        from_ns = draw.randrange(graph.until_ns) // grain_ns * grain_ns
        # From a thousandth of the run to all of it, short ones as likely as long ones.
        for_ns = max(1, round(graph.until_ns * 10 ** draw.uniform(-3, 0)) // grain_ns) * grain_ns
        lasts = fault.verb != "clock_jump" and draw.random() < 0.9
        specs.append(FaultSpec(fault, from_ns, from_ns + for_ns if lasts else NEVER_NS))
    return tuple(sorted(specs, key=lambda spec: spec.from_ns))


def _parts(graph: Graph) -> _Parts:
    ends = {
        name: (sorted({*channel.members, *channel.senders}), sorted(channel.members))
        for name, channel in graph.channels.items()
    }
    # A channel on which somebody can hear somebody else.
    ends = {name: (speak, hear) for name, (speak, hear) in ends.items() if len(speak) > 1 and hear}
    ports = sorted({end for channel in graph.channels.values() for end in channel.members.items()})
    clocks = [name for name, spec in graph.nodes.items() if clock_of(spec.cls(name, spec.params)) is not None]
    return _Parts(sorted(graph.nodes), ends, ports, sorted(clocks))


def _draw_fault(draw: random.Random, parts: _Parts, until_ns: int) -> Fault:
    node = draw.choice(parts.nodes)
    made: list[Callable[[], Fault]] = [
        lambda: verbs.crash(node),
        lambda: verbs.safe_mode(node),
        lambda: verbs.blackout(node),
    ]
    if parts.ends:
        channel, (speak, hear) = draw.choice(list(parts.ends.items()))
        b = draw.choice(hear)
        a = draw.choice([name for name in speak if name != b])
        on = channel if draw.random() < 0.5 else ""
        other = ALL if draw.random() < 0.2 else b
        p = draw.choice([0.01, 0.1, 0.5, 1.0])
        delay_s = 10 ** draw.uniform(-6, -1) * until_ns / 1e9
        made += [
            lambda: verbs.partition(a, other, channel=on),
            lambda: verbs.hold(a, other, channel=on),
            lambda: verbs.drop(a, other, p, channel=on),
            lambda: verbs.corrupt(a, other, p, channel=on),
            lambda: verbs.delay(a, other, max(1e-9, float(f"{delay_s:.1g}")), channel=on),
        ]
    if parts.ports:
        end = draw.choice(parts.ports)
        made.append(lambda: verbs.stuck_receiver(*end))
    if parts.clocks:
        clock, leap_s = draw.choice(parts.clocks), draw.choice([-3600.0, -1.0, 1.0, 60.0, 3600.0])
        made.append(lambda: verbs.clock_jump(clock, leap_s))
    return draw.choice(made)()


# -- shrinking --------------------------------------------------------------------------------------------------------


def _shrunk(
    graph: Graph,
    seed: int,
    drawn: tuple[FaultSpec, ...],
    failure: str,
    run_one: RunOne,
    progress: Callable[[str, int, int], None],
) -> Found:
    """The least faults of a schedule that are enough, and what fails then."""
    runs, failures = 0, {drawn: failure}

    def fails(faults: tuple[FaultSpec, ...]) -> bool:
        nonlocal runs
        if runs >= MOST_RUNS:
            return False
        runs += 1
        progress("shrinking", runs, MOST_RUNS)
        told = run_one(replace(graph, faults=graph.faults + faults))
        if told is not None:
            failures[faults] = told
        return told is not None

    least = shrink(drawn, fails, graph.until_ns)
    return Found(seed, failures[least], least, replace(graph, faults=graph.faults + least), drawn, runs)


def shrink(
    faults: tuple[FaultSpec, ...], fails: Callable[[tuple[FaultSpec, ...]], bool], until_ns: int
) -> tuple[FaultSpec, ...]:
    """The least of some faults that still ``fails``: none can be left out; they are short, and at round times."""
    tried = {faults}
    changed = True
    while changed:
        changed = False
        for simpler in _simpler(faults, until_ns):
            if simpler in tried:
                continue
            tried.add(simpler)
            if fails(simpler):
                faults, changed = simpler, True
                break
    for at in range(len(faults)):
        wider = ((*faults[:at], spec, *faults[at + 1 :]) for spec in _wider(faults[at], until_ns))
        faults = next((candidate for candidate in wider if fails(candidate)), faults)
    return faults


def _wider(spec: FaultSpec, until_ns: int) -> Iterator[FaultSpec]:
    """The same fault from one round time to another, a little longer: the roundest first."""
    for round_ns in _ROUND_NS:
        if _FEW * round_ns <= until_ns and spec.until_ns < NEVER_NS:
            end_ns = -(-spec.until_ns // round_ns) * round_ns
            wider = replace(spec, from_ns=spec.from_ns // round_ns * round_ns, until_ns=end_ns)
            if wider == spec:
                return
            yield wider


def _simpler(faults: tuple[FaultSpec, ...], until_ns: int) -> Iterator[tuple[FaultSpec, ...]]:
    """What is simpler by one step, what saves most first."""
    half = len(faults) // 2
    if half > 1:
        yield faults[:half]
        yield faults[half:]
    for at in range(len(faults)):
        yield faults[:at] + faults[at + 1 :]
    for at, spec in enumerate(faults):
        for simpler in _simpler_one(spec, until_ns):
            yield (*faults[:at], simpler, *faults[at + 1 :])


def _simpler_one(spec: FaultSpec, until_ns: int) -> Iterator[FaultSpec]:
    """The same fault certain, at rounder times, and shorter by half."""
    fault = spec.fault
    if fault.probability < 1:
        yield replace(spec, fault=replace(fault, probability=1.0))
    begin_ns, end_ns = spec.from_ns, spec.until_ns
    if end_ns < NEVER_NS:
        for_ns = end_ns - begin_ns
        for round_ns in _ROUND_NS:
            if for_ns % round_ns and round_ns < for_ns:
                yield replace(spec, until_ns=begin_ns + for_ns // round_ns * round_ns)
        if for_ns * _MANY > until_ns:
            yield replace(spec, until_ns=begin_ns + for_ns // 2)
            yield replace(spec, from_ns=end_ns - for_ns // 2)
    for round_ns in _ROUND_NS:
        if begin_ns % round_ns and round_ns < until_ns:
            rounded_ns = begin_ns // round_ns * round_ns
            moved_ns = end_ns if end_ns == NEVER_NS else end_ns + rounded_ns - begin_ns
            yield replace(spec, from_ns=rounded_ns, until_ns=moved_ns)
