"""The facts about a placement: which nodes run together and why, how far hosts can run apart, and what that costs.

Plain data, which ``lightlag plan`` prints, and writes as it is with ``--json``. All times are integer nanoseconds,
None for "never": no channel joins the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lightlag.bus.lookahead import Matrix
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.launch.graph.spec import Graph

from .placing import (
    Closest,
    Delays,
    Groups,
    Join,
    Placement,
    Progress,
    arrange,
    choose,
    grants,
    host_names,
    pays_from_s,
    stretches,
)
from .world import World

Range = tuple[int, int] | None

#: Splits of so many groups are looked at.
_SPLITS = 16
_HOUR_NS = 3600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Near:
    """Two nodes, how soon an emission can cross between them at the closest, and when that is (UTC, SCET)."""

    one: str
    two: str
    delay_ns: int | None
    at: str | None
    #: Whether nothing is left of the lookahead: their balls touch.
    touch: bool


@dataclass(frozen=True, slots=True)
class Step:
    """Two groups that were joined, and why: they touch, or they were the closest and there were too many."""

    one: Sequence[str]
    two: Sequence[str]
    near: Near


@dataclass(frozen=True, slots=True)
class HostPlan:
    """A host, how far it can run, and how many grants that takes. Ranges are the least and the most over the run."""

    name: str
    nodes: Sequence[str]
    #: How far it can be ahead of the others: the least of the closure into it; None if nobody sends to it.
    lookahead_ns: Range
    #: How far a grant gets it if all hosts always have something to do.
    grant_ns: tuple[int, int]
    #: What ends most of its grants: ``turns`` (it waits for others and they for each other), ``window``, ``run-ahead``.
    limit: str
    grants: float
    grants_per_h: float


@dataclass(frozen=True, slots=True)
class Change:
    """Another grouping: what is joined or split, and what that gives."""

    what: str
    #: The closest pair of nodes in different hosts then; None if nothing joins hosts.
    near: Near | None
    #: Of the host that gets the most; None if the change cannot be: they touch.
    grants_per_h: float | None
    #: Nodes of the largest host, which has the most to do.
    largest: int
    processes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a plan says. ``direct`` and ``closed`` are matrices from row to column of (least, most) over the run."""

    graph: str
    epoch: str
    end: str
    until_ns: int
    windows: int
    #: None: the lookahead is the same throughout.
    window_ns: int | None
    #: How far a grant may reach over windows.
    reach_ns: int
    run_ahead_ns: int
    hosts: Sequence[HostPlan]
    steps: Sequence[Step]
    direct: Sequence[Sequence[Range]]
    closed: Sequence[Sequence[Range]]
    #: The closest pair of nodes in different hosts, which limits everything; None if nothing joins the hosts.
    limiting: Near | None
    changes: Sequence[Change]
    #: From how much work in process on (wall s) these processes are faster by the model of ``placing``; None: never.
    pays_from_s: float | None
    auto: str


def survey(world: World, processes: int | None, cpu_count: int, progress: Progress | None = None) -> Facts:
    """The facts about placing a run on ``processes``; None: on as many as ``auto`` takes, or 2 if it takes none.

    Raises:
        GraphError: nodes that are pinned apart are too close to run apart.
    """
    choice = choose(world, cpu_count, progress)
    placed = arrange(world, processes or (len(choice.groups) if choice.groups else 2), progress)
    graph, groups, every = world.graph, placed.groups, stretches(world, placed.groups)
    delays = Delays(world)
    limiting = _limiting(world, delays, groups)
    constant = every[0].window.end_ns == NEVER_NS
    return Facts(
        graph=graph.name,
        epoch=graph.epoch.utc(0, 0),
        end=graph.epoch.utc(graph.until_ns, 0),
        until_ns=graph.until_ns,
        windows=len(every),
        window_ns=None if constant else world.window_ns,
        reach_ns=max(stretch.reach_ns for stretch in every),
        run_ahead_ns=world.run_ahead_ns,
        hosts=_hosts(world, groups),
        steps=[Step(join.one, join.two, _near(graph, join.closest)) for join in placed.joins],
        direct=_ranges([stretch.window.direct for stretch in every]),
        closed=_ranges([stretch.window.closed for stretch in every]),
        limiting=limiting,
        changes=_changes(world, delays, placed),
        pays_from_s=pays_from_s(world, groups, cpu_count) if len(groups) > 1 else None,
        auto=choice.reason,
    )


def _near(graph: Graph, closest: Closest) -> Near:
    at = None if closest.at_ns is None else graph.epoch.utc(closest.at_ns, 0)
    delay_ns = None if closest.delay_ns >= NEVER_NS else max(0, closest.delay_ns)
    return Near(closest.one, closest.two, delay_ns, at, closest.delay_ns < 1)


def _limiting(world: World, delays: Delays, groups: Groups) -> Near | None:
    pairs = [delays.closest(one, two) for k, one in enumerate(groups) for two in groups[k + 1 :]]
    closest = min(pairs, key=lambda pair: pair.delay_ns, default=None)
    return _near(world.graph, closest) if closest is not None and closest.delay_ns < NEVER_NS else None


def _hosts(world: World, groups: Groups) -> list[HostPlan]:
    every = stretches(world, groups)
    plans = []
    for host, (name, count) in enumerate(zip(host_names(groups), grants(world, groups), strict=True)):
        limits: dict[str, float] = {}
        worths: list[int] = []
        for stretch in every:
            worth_ns, limit = min(
                (stretch.turns_ns[host], "turns"),
                (world.run_ahead_ns, "run-ahead"),
                (stretch.reach_ns, "window"),
            )
            worths.append(round(worth_ns))
            limits[limit] = limits.get(limit, 0.0) + stretch.length_ns / worth_ns
        into = [min(stretch.window.into[host]) for stretch in every]
        plans.append(
            HostPlan(
                name=name,
                nodes=groups[host],
                lookahead_ns=_range(into),
                grant_ns=(min(worths), max(worths)),
                limit=max(limits, key=lambda limit: limits[limit]),
                grants=count,
                grants_per_h=count * _HOUR_NS / world.graph.until_ns,
            )
        )
    return plans


def _ranges(matrices: Sequence[Matrix]) -> list[list[Range]]:
    hosts = range(len(matrices[0]))
    return [[_range([matrix[i][j] for matrix in matrices]) for j in hosts] for i in hosts]


def _range(bounds: Sequence[int]) -> Range:
    return (min(bounds), max(bounds)) if min(bounds) < NEVER_NS else None


# -- other groupings ----------------------------------------------------------------------------------------------


def _changes(world: World, delays: Delays, placed: Placement) -> list[Change]:
    """Joining the two closest hosts, and splitting every host where that leaves the most lookahead."""
    names = dict(zip(map(tuple, placed.groups), host_names(placed.groups), strict=True))
    changes: list[Change] = []
    pairs = [(one, two) for k, one in enumerate(placed.groups) for two in placed.groups[k + 1 :]]
    joinable = [(delays.closest(one, two).delay_ns, one, two) for one, two in pairs]
    if joinable:
        _, one, two = min(joinable)
        rest = [group for group in placed.groups if group not in (one, two)]
        what = f"join {names[tuple(one)]} and {names[tuple(two)]}"
        changes.append(_change(world, delays, what, sorted([*rest, sorted(one + two)])))
    for group in placed.groups[:_SPLITS]:
        parts = _last_join(placed.joins, group)
        if parts is None:
            continue
        smaller = min(parts.one, parts.two, key=len)
        what = f"split {listed(smaller, 2)} from {names[tuple(group)]}"
        if parts.touch:
            largest = max(map(len, placed.groups))
            changes.append(Change(what, _near(world.graph, parts.closest), None, largest, len(placed.groups) + 1))
            continue
        rest = [other for other in placed.groups if other != group]
        changes.append(_change(world, delays, what, sorted([*rest, list(parts.one), list(parts.two)])))
    return changes


def _change(world: World, delays: Delays, what: str, groups: Groups) -> Change:
    per_h = max(grants(world, groups)) * _HOUR_NS / world.graph.until_ns
    return Change(what, _limiting(world, delays, groups), per_h, max(map(len, groups)), len(groups))


def _last_join(joins: Sequence[Join], group: Sequence[str]) -> Join | None:
    return next((join for join in joins if sorted([*join.one, *join.two]) == list(group)), None)


def listed(names: Sequence[str], most: int) -> str:
    """Names in a row; of more than ``most`` the first, and how many more."""
    left = f" and {len(names) - most + 1:,} more" if len(names) > most else ""
    return ", ".join(names[: most - 1] if left else names) + left
