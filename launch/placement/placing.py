"""Which nodes run in which process: grouped by light time.

Nodes that a message can cross between quickly belong together; those that lie light-minutes apart can run far ahead
of each other. Starting from every node alone, the two groups with the least delay between them are joined until there
are no more groups than processes, and as long as two touch. The delays are the least of all the windows of the run,
the same windows that the run is coordinated by.

Whether several processes are worth it at all is decided by a plain model, in wall seconds:

    in process        work
    in N processes    start-up x ceil(N / CPUs) + work x share of the busiest + grants x round trip

Nobody knows the work of a run beforehand. It is taken to be that of a quiet one, of nodes that speak once a minute,
so that processes are chosen on their own only where even such a run gains by them; a busy one may gain sooner, which
is for the person who knows it to say, with ``--processes N``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.lookahead import Window
from lightlag.bus.medium import Wire
from lightlag.bus.time import NEVER_NS, NS_PER_S

from .world import World

Groups = list[list[str]]
#: Told how many of how many links have been looked at, now and then.
Progress = Callable[[int, int], None]

#: From the start of a host's process until it is ready, one to a CPU (s). Measured with mars2020, two hosts on two
#: cores of an AMD EPYC: a run of 1 s took 4.2 s longer than in process, 0.5 s of it for the plan. Most is imports.
START_UP_S = 3.7
#: A grant and its report over ipc, with journal and codec (s): put at twice a bare round trip, of which that machine
#: makes 12,000 a second between two cores.
ROUND_TRIP_S = 170e-6
#: Work of a node that sends a message a minute and hears those of others, per simulated hour (s): what ten sols of
#: eight such nodes take at 50,000 x real time (17.8 s). A node of mars2020 takes a hundred times as much.
QUIET_WORK_S_PER_NODE_H = 0.01
#: The model is rough: processes must be this much faster before they are chosen.
MARGIN = 1.25

_Matrix = NDArray[np.int64]
# Nobody gains by more processes than this without knowing it.
_MOST_TRIED = 16
# The instant of a closest approach is told to the second.
_INSTANT_NS = NS_PER_S
# Between a group and itself: never the least of anything.
_ITSELF_NS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Closest:
    """The pair of nodes, of two groups, between which an emission can cross soonest in the whole run."""

    one: str
    two: str
    #: Lower bound of the delay, the lesser of both ways; under 1 if their balls touch, NEVER_NS if nothing joins them.
    delay_ns: int
    #: When, for a link in space; None for a wire, or if nothing joins them.
    at_ns: int | None


@dataclass(frozen=True, slots=True)
class Join:
    """Two groups that became one, and what was closest between them."""

    one: Sequence[str]
    two: Sequence[str]
    closest: Closest

    @property
    def touch(self) -> bool:
        """Whether they had to: no lookahead is left between them."""
        return self.closest.delay_ns < 1


@dataclass(frozen=True, slots=True)
class Placement:
    """Groups, each sorted, in the order of their first names, and how they came to be: by which joins, in order."""

    groups: Groups
    joins: Sequence[Join]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a run in which one window of the lookahead holds."""

    length_ns: int
    #: From its start to the end of the window, which is behind its own: no grant reaches farther.
    reach_ns: int
    window: Window
    #: Of each host: see ``turns_ns``.
    turns_ns: Sequence[float]


@dataclass(frozen=True, slots=True)
class Choice:
    """What ``choose`` chose: groups for as many processes, or None for all nodes in this process; why, in one line."""

    groups: Groups | None
    reason: str


def place(world: World, processes: int, progress: Progress | None = None) -> Groups:
    """At most ``processes`` groups of nodes, each sorted, in the order of their first names.

    Raises:
        GraphError: nodes that are pinned apart are too close to run apart.
    """
    unjoined = _unjoined(world)
    if len(unjoined) == processes and all(len(_pins(world, group)) < 2 for group in unjoined):
        return unjoined  # as ``arrange`` would: it joins what is joined by a channel before anything else
    return arrange(world, processes, progress).groups


def arrange(world: World, processes: int, progress: Progress | None = None) -> Placement:
    """As ``place``, with the reasons."""
    delays = Delays(world, progress)
    groups = _pinned(world)
    between = delays.between(groups)
    joins: list[Join] = []
    while len(groups) > 1 and (len(groups) > processes or between.min() < 1):
        i, j = _closest(between, [len(group) for group in groups])
        join = Join(groups[i], groups[j], delays.closest(groups[i], groups[j]))
        _refuse_pinned(world, join)
        joins.append(join)
        between[i, :] = between[:, i] = np.minimum(between[i], between[j])
        between[i, i] = _ITSELF_NS
        between = np.delete(np.delete(between, j, 0), j, 1)
        groups[i] = sorted(groups[i] + groups.pop(j))
    return Placement(groups, joins)


def choose(world: World, cpu_count: int, progress: Progress | None = None) -> Choice:
    """In process, unless several processes, at most ``cpu_count`` and 16, would be faster by the model above.

    Raises:
        GraphError: nodes that are pinned apart are too close to run apart.
    """
    hours = world.graph.until_ns / NS_PER_S / 3600
    work_s = len(world.nodes) * hours * QUIET_WORK_S_PER_NODE_H
    put_at = f"{_seconds(work_s)} of work (a node that speaks once a minute: {QUIET_WORK_S_PER_NODE_H} s an hour)"
    cpu_count = min(cpu_count, _MOST_TRIED)
    if cpu_count < 2:
        return Choice(None, "in process: this machine gives one CPU")
    if work_s < START_UP_S * MARGIN:
        return Choice(None, f"in process: processes need {START_UP_S} s to start, this run is put at {put_at}")
    placed = {len(groups): groups for groups in _on_the_way(world, progress) if 1 < len(groups) <= cpu_count}
    if not placed:
        return Choice(None, "in process: every two groups touch somewhere, nothing can run apart")
    costs = {count: cost_s(world, groups, cpu_count, work_s) for count, groups in placed.items()}
    best = min(costs, key=lambda count: (costs[count], count))
    model = f"{best} processes would take {_seconds(costs[best])} for {put_at}"
    if costs[best] * MARGIN > work_s:
        return Choice(None, f"in process: {model}")
    return Choice(placed[best], model)


def _on_the_way(world: World, progress: Progress | None) -> Iterator[Groups]:
    """Every grouping that ``arrange`` gives, for any number of processes, from the most groups down."""
    joins = arrange(world, 2, progress).joins
    groups = _pinned(world)
    touching = sum(join.touch for join in joins)  # these come first
    for number in range(len(joins) + 1):
        if number >= touching:
            yield groups
        if number < len(joins):
            one, two = joins[number].one, joins[number].two
            rest = [group for group in groups if group not in (one, two)]
            groups = sorted([*rest, sorted([*one, *two])])


def cost_s(world: World, groups: Groups, cpu_count: int, work_s: float) -> float:
    """Wall seconds of a run whose work is ``work_s``, with each group in a process of its own, by the model above."""
    fixed_s, share = cost_model(world, groups, cpu_count)
    return fixed_s + share * work_s


def pays_from_s(world: World, groups: Groups, cpu_count: int) -> float | None:
    """From how much work on (s, in process) these groups are faster, each in its own process; None: never."""
    fixed_s, share = cost_model(world, groups, cpu_count)
    return fixed_s / (1 - share) if share < 1 else None


def cost_model(world: World, groups: Groups, cpu_count: int) -> tuple[float, float]:
    """What processes cost whatever the work (s), and the share of the work that is done one after the other.

    Nodes are taken to have equal work. A process waits for the one with the most nodes, and for a CPU.
    """
    start_up_s = START_UP_S * -(-len(groups) // cpu_count)
    share = max(max(len(group) for group in groups) / len(world.nodes), 1 / cpu_count)
    return start_up_s + sum(grants(world, groups)) * ROUND_TRIP_S, share


def asked_processes(text: str) -> int | None:
    """The number of processes that ``--processes`` asks for; None for ``auto``.

    Raises:
        GraphError: it is neither.
    """
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise GraphError(f"--processes is {text!r}; expected a whole number from 1 on, or auto")
    return int(text)


def host_names(groups: Groups) -> list[str]:
    """A name for each group: its first node's, which says more than a number."""
    return [group[0] if len(group) == 1 else f"{group[0]}+{len(group) - 1}" for group in groups]


def grants(world: World, groups: Groups) -> list[float]:
    """How many grants each host of a run is expected to get, if every host always has something to do.

    Idle time is jumped, so hosts that seldom have something to do need fewer.
    """
    expected = [0.0] * len(groups)
    for stretch in stretches(world, groups):
        for host, in_turns_ns in enumerate(stretch.turns_ns):
            expected[host] += stretch.length_ns / min(in_turns_ns, stretch.reach_ns, world.run_ahead_ns)
    return expected


def turns_ns(window: Window) -> list[float]:
    """How far a grant gets each host (ns) where hosts wait for each other in turns; infinite where none does.

    Around a cycle of k hosts k grants get all of them as far as the sum of the lookaheads between them, so that a grant
    is worth the mean. What counts for a host is the least mean of the cycles from which a path leads to it. (The
    growth of a min-plus linear system; Karp 1978 for the means: closed walks of 1, 2, ... hops.)
    """
    hops = np.array(window.closed, dtype=float)
    hops[hops >= NEVER_NS] = np.inf
    leads = np.isfinite(hops)
    walks, mean_ns = hops, np.diag(hops).copy()
    for length in range(2, len(hops) + 1):
        walks = (walks[:, :, None] + hops[None, :, :]).min(axis=1)
        mean_ns = np.minimum(mean_ns, np.diag(walks) / length)
    return [float(min(mean_ns[host], *np.where(leads[:, host], mean_ns, np.inf))) for host in range(len(hops))]


def stretches(world: World, groups: Groups) -> list[Stretch]:
    """A whole run with these groups, window by window."""
    lookahead, until_ns = world.lookahead(groups), world.graph.until_ns
    starts = [0] if lookahead.window(0).end_ns == NEVER_NS else list(world.windows)
    found = []
    for start_ns, end_ns in zip(starts, [*starts[1:], until_ns], strict=True):
        window = lookahead.window(start_ns)
        reach_ns = min(window.end_ns, until_ns) - start_ns
        found.append(Stretch(end_ns - start_ns, reach_ns, window, turns_ns(window)))
    return found


class Delays:
    """The least delay between nodes over the whole run, the lesser of both ways (ns)."""

    def __init__(self, world: World, progress: Progress | None = None) -> None:
        self._world = world
        self._number = {node: number for number, node in enumerate(world.nodes)}
        self._least: _Matrix = np.full((len(self._number), len(self._number)), NEVER_NS)
        for channel in world.channels.values():
            if isinstance(channel.medium, Wire):
                ends = np.ix_(self._numbers(world.speakers(channel)), self._numbers(sorted(channel.members)))
                self._least[ends] = np.minimum(self._least[ends], channel.medium.latency_ns)
        # What is pinned together stays together, however near it comes.
        place = world.graph.place
        apart = [link for link in world.space_links if len({place.get(node, f"node {node}") for node in link}) > 1]
        self._links = dict.fromkeys(apart)
        for done, (source, receiver) in enumerate(self._links):
            if progress is not None:
                progress(done, len(self._links))
            bound_ns = min(world.window_bound_ns(source, receiver, start_ns) for start_ns in world.windows)
            i, j = self._number[source], self._number[receiver]
            self._least[i, j] = min(int(self._least[i, j]), bound_ns)
        self._least = np.minimum(self._least, self._least.T)

    def between(self, groups: Groups) -> _Matrix:
        """The least delay between each two groups, symmetric; NEVER_NS if nothing joins them."""
        group_of = {node: index for index, group in enumerate(groups) for node in group}
        at = np.array([group_of[node] for node in self._number])
        least = np.full((len(groups), len(groups)), NEVER_NS)
        np.minimum.at(least, (at[:, None], at[None, :]), self._least)
        np.fill_diagonal(least, _ITSELF_NS)
        return least

    def closest(self, one: Sequence[str], two: Sequence[str]) -> Closest:
        """Between which nodes of two groups it is least, and when."""
        least = self._least[np.ix_(self._numbers(one), self._numbers(two))]
        i, j = divmod(int(least.argmin()), len(two))
        return Closest(one[i], two[j], int(least[i, j]), self._when(one[i], two[j], int(least[i, j])))

    def _when(self, one: str, two: str, delay_ns: int) -> int | None:
        world = self._world
        for source, receiver in ((one, two), (two, one)):
            for start_ns in world.windows if (source, receiver) in self._links else ():
                if world.window_bound_ns(source, receiver, start_ns) == delay_ns:
                    return _instant(world, source, receiver, start_ns)
        return None

    def _numbers(self, nodes: Sequence[str]) -> list[int]:
        return [self._number[node] for node in nodes]


def _instant(world: World, source: str, receiver: str, start_ns: int) -> int:
    """When in a window the bound is least: halved, and on with the half that has the lesser bound."""
    end_ns = min(start_ns + world.window_ns, world.graph.until_ns)
    while end_ns - start_ns > _INSTANT_NS:
        middle_ns = (start_ns + end_ns) // 2
        halves = ((start_ns, middle_ns), (middle_ns, end_ns))
        start_ns, end_ns = min(halves, key=lambda half: world.delay_bound_ns(source, receiver, *half))
    return start_ns


def _closest(between: _Matrix, sizes: Sequence[int]) -> tuple[int, int]:
    """The two groups to join next: the least delay, of those the fewest nodes, of those the first in the alphabet."""
    together = np.add.outer(sizes, sizes)
    fewest = np.where(between == between.min(), together, together.max() + 1).argmin()
    i, j = divmod(int(fewest), len(sizes))
    return i, j


def _pinned(world: World) -> Groups:
    groups: dict[str, list[str]] = {}
    for node in world.nodes:
        pin = world.graph.place.get(node)
        groups.setdefault(f"place {pin}" if pin else f"node {node}", []).append(node)
    return sorted(sorted(group) for group in groups.values())


def _unjoined(world: World) -> Groups:
    """The groups between which there is neither a channel nor a pin, each sorted, in the order of their first names."""
    groups = [set(group) for group in _pinned(world)]
    for channel in world.channels.values():
        ends = {*world.speakers(channel), *channel.members}
        met = [group for group in groups if group & ends]
        groups = [*(group for group in groups if not group & ends), set().union(*met)] if met else groups
    return sorted(sorted(group) for group in groups)


def _pins(world: World, group: Sequence[str]) -> set[str]:
    return {world.graph.place[node] for node in group if node in world.graph.place}


def _refuse_pinned(world: World, join: Join) -> None:
    pins = world.graph.place
    one, two = (
        {pins[node]: node for node in sorted(group, reverse=True) if node in pins} for group in (join.one, join.two)
    )
    if not join.touch or not one or not two or one.keys() == two.keys():
        return
    a, b = join.closest.one, join.closest.two
    when = "" if join.closest.at_ns is None else f" at {world.graph.epoch.utc(join.closest.at_ns, 0)} SCET"
    follows = [
        f"{node} runs with {next(iter(placed.values()))}" for node, placed in ((a, one), (b, two)) if node not in pins
    ]
    raise world.graph.error(
        f"place.{a if a in pins else next(iter(one.values()))}",
        f"{a} and {b} are placed apart ({next(iter(one))!r} and {next(iter(two))!r}), but come too close for any "
        f"lookahead: their balls touch{when}" + (f"; {', '.join(follows)}" if follows else ""),
        "give them the same place, or none",
    )


def _seconds(wall_s: float) -> str:
    return f"{wall_s:.2f} s" if wall_s < 10 else f"{wall_s:,.0f} s"
