"""What a person sees of a run: the timeline as it unfolds, and what the run came to.

On a terminal the timeline scrolls above one status line with simulated time and speed; elsewhere there are plain
lines, one for each piece of news, without control codes; with ``--quiet`` only the last lines. The screen is drawn
from the observer's calls, not from a thread of its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.run.options import RunResult

from .page import is_screen

if TYPE_CHECKING:
    from lightlag.launch.graph.diagnostics import InvalidGraph
    from lightlag.launch.graph.spec import Graph
    from lightlag.nodes.events import Learnt

_REDRAW_S = 0.1
_BAR_CHARACTERS = 24
#: News that was on its way for less than this was learnt on the spot.
_FAR_S = 1.0
#: From this width on there is room for whole paths in the timeline.
_WIDE_CHARACTERS = 104
_STYLE = {"message": "bold red", "source": "", "caret": "bold yellow", "hint": "cyan"}


def make_display(*, quiet: bool) -> PlainDisplay | LiveDisplay:
    """The display that fits where standard output goes, to be used in a ``with`` around the run."""
    return LiveDisplay() if is_screen(sys.stdout) and not quiet else PlainDisplay(sys.stdout, quiet=quiet)


def show_errors(error: InvalidGraph, nothing: str = "nothing was started") -> None:
    """Print every diagnostic to standard error, in colour on a terminal; then what they have come to."""
    count = len(error.diagnostics)
    last = f"{count} error{'s' if count > 1 else ''}; {nothing}"
    lines = [line for diagnostic in error.diagnostics for line in (*diagnostic.lines(), ("", ""))]
    if not is_screen(sys.stderr):
        print("\n".join([*(text for _, text in lines), last]), file=sys.stderr)  # noqa: T201
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    for role, text in lines:
        console.print(Text(text, style=_STYLE.get(role, "")), soft_wrap=True)
    console.print(Text(last, style="bold"))


def last_lines(result: RunResult) -> list[tuple[str, str]]:
    """Label and text of the lines that end every run."""
    losses = ", ".join(f"{reason} {count:,}" for reason, count in sorted(result.losses.items()) if count)
    lost = sum(result.losses.values())
    speed = result.simulated_s / result.wall_s if result.wall_s > 0 else 0.0
    where = f"{result.processes} process{'es' if result.processes != 1 else ''}"
    lines = [
        ("digest", result.digest or "none; the run did not reach its end"),
        ("emissions", f"{result.emissions:,}" if result.emissions else "0; no node said anything in this span of time"),
        ("receptions", f"{result.receptions:,}"),
        ("losses", f"{lost:,} ({losses})" if lost else "0"),
        ("simulated", f"{result.simulated_s:,.1f} s in {result.wall_s:.2f} s of wall time, {speed:,.0f} x real time"),
        ("machine", f"{where}, {result.peak_rss_mb:,.0f} MB at the peak"),
    ]
    lines += [("picture", _picture(picture)) for picture in result.pictures]
    if result.run_dir is not None:
        lines.append(("run", str(result.run_dir)))
    if result.report is not None:
        lines.append(("report", str(result.report)))
    return lines


def _picture(picture: object) -> str:
    facts = dict(picture) if isinstance(picture, dict) else {}
    taken, complete = facts.get("taken_scet", "?"), facts.get("complete_ert", "?")
    return f"{facts.get('file', '?')} (taken {taken} SCET, complete {complete} ERT)"


class PlainDisplay:
    """Lines for files, pipes and logs."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._epoch = Epoch(0)

    def started(self, graph: Graph, run_dir: Path | None) -> None:
        """See ``Observer``."""
        self._epoch = graph.epoch
        if not self._quiet:
            ends = f"{graph.epoch.utc(0, 0)} to {graph.epoch.utc(graph.until_ns, 0)}"
            self._print(f"{graph.name}: {ends}, seed {graph.seed}, {len(graph.nodes)} nodes")

    def noticed(self, text: str) -> None:
        """See ``Observer``; for people, so not among what is read by programs."""
        print(text, file=sys.stderr, flush=True)  # noqa: T201

    def progress(self, frontier_ns: int) -> None:
        """See ``Observer``; a line per call would drown the timeline."""

    def learnt(self, items: Sequence[Learnt]) -> None:
        """See ``Observer``."""
        for item in () if self._quiet else items:
            scet, ert = self._epoch.utc(item.scet_ns), self._epoch.utc(item.ert_ns)
            delay_s = (item.ert_ns - item.scet_ns) / NS_PER_S
            self._print(
                f"{scet} SCET  {item.event}  learnt by {item.receiver} via {item.path}  {ert} ERT  {delay_s:.3f} s"
            )

    def finished(self, result: RunResult) -> None:
        """See ``Observer``."""
        for label, text in last_lines(result):
            self._print(f"{label:<10}  {text}")
        if result.failure is not None:
            self._print(f"\nFAILED\n{result.failure.rstrip()}")
        if result.interrupted:
            self._print("interrupted: what had happened by then is recorded")

    def __enter__(self) -> PlainDisplay:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class LiveDisplay:
    """A terminal: the timeline scrolls, a status line stays."""

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console: Console = console or Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._graph: Graph | None = None
        self._began_s = self._drawn_s = time.perf_counter()
        self._told: dict[tuple[str, str], None] = {}

    def started(self, graph: Graph, run_dir: Path | None) -> None:
        """See ``Observer``."""
        from rich.text import Text

        self._graph = graph
        self._began_s = time.perf_counter()
        print_line = self._console.print
        heading = Text.assemble((graph.name, "bold"), ("  ", ""), (graph.description.strip().partition("\n")[0], ""))
        print_line(heading, no_wrap=True, overflow="ellipsis")
        seed = f"{graph.epoch.utc(0, 0)}  seed {graph.seed}  {len(graph.nodes)} nodes  {len(graph.channels)} channels"
        print_line(Text(seed, style="dim"), no_wrap=True, overflow="ellipsis")
        print_line()
        columns = _columns("SCET", "event", "ERT", "after", "learnt by", "", "dim", "dim")
        print_line(columns, no_wrap=True, overflow="ellipsis")
        self._live.start()
        self.progress(0)

    def noticed(self, text: str) -> None:
        """See ``Observer``."""
        from rich.text import Text

        self._console.print(Text(text, style="yellow"), soft_wrap=True)

    def progress(self, frontier_ns: int) -> None:
        """See ``Observer``; drawn ten times a second at most."""
        now_s = time.perf_counter()
        if self._graph is None or (frontier_ns and now_s - self._drawn_s < _REDRAW_S):
            return
        self._drawn_s = now_s
        self._live.update(self._status(min(frontier_ns, self._graph.until_ns), now_s - self._began_s), refresh=True)

    def learnt(self, items: Sequence[Learnt]) -> None:
        """See ``Observer``; news is bright where it first gets far, dim when it comes again."""
        assert self._graph is not None
        epoch = self._graph.epoch
        for item in items:
            delay_s = (item.ert_ns - item.scet_ns) / NS_PER_S
            after = f"+{delay_s:.1f} s" if delay_s >= _FAR_S else f"+{delay_s * 1e3:.0f} ms"
            news = (item.source, item.event)
            style = ("", "dim")
            if delay_s >= _FAR_S:
                style = ("dim", "dim") if news in self._told else ("bold", "")
                self._told[news] = None
            scet, ert = _clock(epoch, item.scet_ns), _clock(epoch, item.ert_ns)
            row = _columns(scet, item.event, ert, after, item.receiver, self._path(item.path), *style)
            self._console.print(row, no_wrap=True, overflow="ellipsis")

    def finished(self, result: RunResult) -> None:
        """See ``Observer``."""
        from rich.text import Text

        self._live.stop()
        self._console.print()
        for label, text in last_lines(result):
            style = "bold" if label in ("digest", "report") else ""
            self._console.print(Text.assemble((f"{label:<10}  ", "dim"), (text, style)), soft_wrap=True)
        if result.failure is not None:
            self._console.print(Text("\nFAILED", style="bold red"))
            self._console.print(Text(result.failure.rstrip()), soft_wrap=True)
        if result.interrupted:
            self._console.print(Text("interrupted: what had happened by then is recorded", style="yellow"))

    def __enter__(self) -> LiveDisplay:
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()  # also when the run raised: the cursor must come back

    def _path(self, path: str) -> str:
        """The path in full where there is room, else the relays on it."""
        nodes = path.split(">")
        if self._console.width >= _WIDE_CHARACTERS:
            return "via " + " > ".join(nodes)
        return "via " + ", ".join(nodes[1:-1]) if len(nodes) > 2 else "direct"

    def _status(self, frontier_ns: int, wall_s: float) -> Any:
        from rich.text import Text

        assert self._graph is not None
        done = frontier_ns / self._graph.until_ns
        filled = int(done * _BAR_CHARACTERS)
        speed = frontier_ns / NS_PER_S / wall_s if wall_s > 0 else 0.0
        return Text.assemble(
            (self._graph.epoch.utc(frontier_ns, 0), "bold"),
            "  ",
            ("━" * filled, "cyan"),
            ("━" * (_BAR_CHARACTERS - filled), "bright_black"),
            f" {done:4.0%}  ",
            (f"{speed:,.0f} x real time", "dim"),
        )


def _clock(epoch: Epoch, t_ns: int) -> str:
    """Time of day, UTC; the date stands in the status line."""
    return epoch.utc(t_ns)[11:-1]


def _columns(scet: str, event: str, ert: str, after: str, receiver: str, path: str, name: str, rest: str) -> Any:
    """A line of the timeline; ``name`` and ``rest`` are the styles of the event and of who learnt of it."""
    from rich.text import Text

    return Text.assemble(
        (f"{scet:<12}  ", "dim"),
        (f"{event:<22}  ", name),
        (f"{ert:<12}  ", rest),
        (f"{after:>8}  ", "dim"),
        (f"{receiver:<10}", rest),
        (path, "dim"),
    )
