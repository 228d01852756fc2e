"""What ``lightlag plan`` prints of a placement: in short, all in tables of at most 100 columns, or JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING

from lightlag.bus.time import NS_PER_S
from lightlag.launch.graph.spec import Graph, duration_text
from lightlag.launch.placement.placing import Progress, host_names
from lightlag.launch.placement.survey import Change, Facts, HostPlan, Near, Range, Step, listed, survey
from lightlag.launch.placement.world import World

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = 100
#: Up to so many hosts the lookahead is shown as a matrix, beyond as a list of the closest pairs.
_MATRIX_HOSTS = 8
_ROWS = 16
_NAMED = 12
_FORMULA = (
    "A host can be ahead of the others by its lookahead, the least closed bound into it. Hosts that send to each other "
    "take turns: k grants around a cycle of k hosts get them as far as its lookaheads add up to, so a grant is worth "
    "their mean, over the slowest cycle that leads to the host; a window's end and the run-ahead end it too. That is "
    "if all hosts always have something to do: idle time is jumped, and they need fewer."
)
_APART_FOR_EVER = "never: no channel joins the hosts"
_HOUR_NS = 3600 * NS_PER_S


def show_plan(
    graph: Graph,
    processes: int | None,
    *,
    whole: bool = False,
    as_json: bool = False,
    cpu_count: int | None = None,
) -> None:
    """Print the plan of a graph on standard output; ``processes`` None: auto. Progress goes to standard error.

    ``whole``: with the steps that led there, the lookahead between all hosts, and other groupings.

    Raises:
        GraphError: the graph cannot run, or not apart as it is pinned.
    """
    world = World(graph)
    world.check()
    with _watched() as progress:
        facts = survey(world, processes, cpu_count or len(os.sched_getaffinity(0)), progress)
    if as_json:
        sys.stdout.write(json.dumps(asdict(facts), indent=2) + "\n")
        return
    from rich.console import Console

    shown = render if whole else render_short
    screen = Console(highlight=False)
    if screen.is_terminal:
        shown(facts, screen)
        return
    text = StringIO()
    shown(facts, Console(file=text, width=_COLUMNS, highlight=False))
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


@contextmanager
def _watched() -> Iterator[Progress]:
    """Progress of a plan that takes long, on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console

    with Console(stderr=True).status("looking at every window of the run") as status:
        yield lambda done, total: status.update(f"looking at every window of the run: link {done + 1} of {total}")


def render_short(facts: Facts, console: Console) -> None:
    """The groups, how far ahead each may be and how often it is granted, and why they are these."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    count, limits = len(facts.hosts), _limits(facts)
    console.print(Text(f"{facts.graph} in {count} {_plural(count, 'process', 'processes')}", style="bold"))
    rows = [
        (
            host.name,
            listed(host.nodes, _NAMED),
            "none" if host.lookahead_ns is None else _span(host.lookahead_ns),
            *((_count(host.grants_per_h), limits[host.limit]) if count > 1 else ("none", "")),
        )
        for host in facts.hosts[:_ROWS]
    ]
    _print(console, ("host", "nodes", "lookahead", "grants an hour", "limited by"), rows, right=(2, 3))
    if count > _ROWS:
        _say(console, f"and {count - _ROWS:,} hosts more")
    why = Table.grid(padding=(0, 3, 0, 0))
    if facts.steps:
        first, last = facts.steps[0].near, facts.steps[-1].near
        why.add_row("together", _told(facts, first) + (f" ...\n{_told(facts, last)}" if last != first else ""))
    if count > 1:
        why.add_row("apart", _told(facts, facts.limiting) if facts.limiting else _APART_FOR_EVER)
    why.add_row("auto", facts.auto)
    if count > 1:
        why.add_row("", _pay(facts))
    why.add_row("--all", "every step, the lookahead between all hosts, other groupings", style="dim")
    console.print(Padding(why, (1, 0, 0, 1)))


def render(facts: Facts, console: Console) -> None:
    """All the facts as tables."""
    from rich.text import Text

    say = partial(_say, console)

    def head(text: str) -> None:
        console.print()
        console.print(Text(text, style="bold"))

    count = len(facts.hosts)
    console.print(Text(f"{facts.graph} in {count} {_plural(count, 'process', 'processes')}", style="bold"))
    say(f"{facts.epoch} for {duration_text(facts.until_ns)}; {_looked_at(facts)}")
    _print(console, ("host", "nodes"), [(host.name, listed(host.nodes, _NAMED)) for host in facts.hosts])
    if facts.steps:
        head("Together, because")
        rows = [_step_row(facts, step) for step in facts.steps[-_ROWS:]]
        _print(console, ("joined", "closest", "soonest", "when"), rows, right=(2,))
        if len(facts.steps) > _ROWS:
            say(f"and {len(facts.steps) - _ROWS:,} more, closer than these")
    if count > 1:
        head("Lookahead: the soonest that an emission of a host reaches another (least and most over the run)")
        _print_matrix(console, facts, facts.direct)
        if facts.closed == facts.direct:
            say("Closed over any number of hops it is the same.")
        else:
            head("Closed over any number of hops (from a host to itself: out and back)")
            _print_matrix(console, facts, facts.closed)
        head("Grants")
        _print(
            console,
            ("host", "lookahead", "a grant is worth", "limited by", "an hour", "in the run"),
            [_grant_row(facts, host) for host in facts.hosts],
            right=(1, 2, 4, 5),
        )
        say(_FORMULA, "dim")
        head("The closest that nodes in different hosts come")
        say(_told(facts, facts.limiting) if facts.limiting else _APART_FOR_EVER)
    if facts.changes:
        head("Other groupings")
        titles = ("", "lookahead", "between", "grants an hour", "largest host")
        _print(console, titles, [_change_row(change) for change in facts.changes], right=(1, 3, 4))
    head("--processes auto")
    say(facts.auto)
    if count > 1:
        say(_pay(facts))


def _say(console: Console, text: str, style: str = "") -> None:
    from rich.padding import Padding
    from rich.text import Text

    console.print(Padding(Text(text, style=style), (0, 0, 0, 2)))


def _pay(facts: Facts) -> str:
    pays = "never pay" if facts.pays_from_s is None else f"pay from about {facts.pays_from_s:,.0f} s of work on"
    return f"By the same model these {len(facts.hosts)} processes {pays}."


def _print(console: Console, titles: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    from rich import box
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold cyan", pad_edge=False, show_edge=False)
    for k, title in enumerate(titles):
        table.add_column(title, justify="right" if k in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(Padding(table, (0, 0, 0, 1)))


def _print_matrix(console: Console, facts: Facts, matrix: Sequence[Sequence[Range]]) -> None:
    names = [host.name for host in facts.hosts]
    if len(names) <= _MATRIX_HOSTS:
        heads = [f"to {name}" if len(names) < 4 else name for name in names]
        rows = [
            [names[i], *("none" if cell is None else _span(cell, "\n" if len(names) > 3 else " to ") for cell in row)]
            for i, row in enumerate(matrix)
        ]
        _print(console, ("from", *heads), rows, right=range(1, len(names) + 1))
        return
    pairs = [(cell, i, j) for i, row in enumerate(matrix) for j, cell in enumerate(row) if cell is not None]
    rows = [[names[i], names[j], _span(cell)] for cell, i, j in sorted(pairs)[:_ROWS]]
    _print(console, ("from", "to", f"the closest {len(rows)} of {len(pairs):,}"), rows, right=(2,))


def _looked_at(facts: Facts) -> str:
    if facts.window_ns is None:
        return "only wires between the hosts: one lookahead for the whole run"
    return f"every window looked at ({facts.windows:,} of {duration_text(facts.window_ns)})"


def _step_row(facts: Facts, step: Step) -> Sequence[str]:
    one, two = host_names([list(step.one), list(step.two)])
    near = step.near
    if near.delay_ns is None:
        return f"{one} and {two}", "nothing joins them", "none", "processes are fewer"
    when = _when(facts, near.at).removeprefix(" at ") + (", balls touch" if near.touch else "")
    return f"{one} and {two}", f"{near.one} and {near.two}", _human(near.delay_ns), when.removeprefix(", ")


def _told(facts: Facts, near: Near) -> str:
    touch = " (balls touch)" if near.touch else ""
    return f"{near.one} and {near.two}: {_human(near.delay_ns)}{_when(facts, near.at)}{touch}"


def _when(facts: Facts, at: str | None) -> str:
    """An instant, without the date where the run is within one day."""
    if at is None:
        return ""
    one_day = facts.epoch[:10] == facts.end[:10]
    return f" at {at[11:19] if one_day else at} SCET"


def _grant_row(facts: Facts, host: HostPlan) -> Sequence[str]:
    lookahead = "none" if host.lookahead_ns is None else _span(host.lookahead_ns)
    limit = _limits(facts)[host.limit]
    return host.name, lookahead, _span(host.grant_ns), limit, _count(host.grants_per_h), _count(host.grants)


def _change_row(change: Change) -> Sequence[str]:
    near, largest = change.near, _nodes(change.largest)
    if change.processes == 1:
        return change.what, "none", "all in one process", "none", largest
    lookahead = _human(near.delay_ns) if near else "none"
    between = f"{near.one} and {near.two}" if near else "nothing joins the hosts"
    if change.grants_per_h is None:
        return change.what, lookahead, between, "cannot: they touch", ""
    return change.what, lookahead, between, _count(change.grants_per_h), largest


def _limits(facts: Facts) -> dict[str, str]:
    return {
        "turns": "taking turns",
        "window": f"window of {_human(facts.reach_ns)}",
        "run-ahead": f"run-ahead of {_human(facts.run_ahead_ns)}",
    }


def _nodes(count: int) -> str:
    return f"{count:,} {_plural(count, 'node', 'nodes')}"


def _plural(count: int, one: str, more: str) -> str:
    return one if count == 1 else more


def _span(bounds: tuple[int, int], to: str = " to ") -> str:
    least, most = map(_human, bounds)
    return least if least == most else f"{least}{to}{most}"


def _human(t_ns: int | None) -> str:
    """A time as people say it: 682.3 s, 2.1 ms."""
    if t_ns is None:
        return "none"
    sizes: Sequence[tuple[str, int]] = (("h", _HOUR_NS), ("s", NS_PER_S), ("ms", 1_000_000), ("us", 1_000))
    for unit, size_ns in sizes:
        if t_ns >= size_ns * (3 if unit == "h" else 1):
            return f"{t_ns / size_ns:,.1f} {unit}"
    return "0.0 ms" if t_ns == 0 else f"{t_ns} ns"


def _count(number: float) -> str:
    return f"{number:.1f}" if number < 100 else f"{number:,.0f}"
