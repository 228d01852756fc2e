"""``lightlag topic``: what is heard on the topics of a run, live through the tap, or from its recording.

A topic is what one receiver gets of one type on one channel, as in the recording: ``/RECEIVER/CHANNEL/MESSAGE_TYPE``,
``/RECEIVER/lost``, ``/NODE/log``. What was asked for goes to standard output, what is said about it to standard error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT, EXIT_INTERRUPTED

from . import completing
from .page import table
from .records import labelled, records_text, yaml_lines
from .teaching import LATEST

if TYPE_CHECKING:
    from rich.console import Console

    from lightlag.launch.look.heard import Feed, Seen

app = typer.Typer(
    name="topic",
    help="Listen to what nodes of a run receive, live or recorded.\n\nNothing of the run changes by it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Run = Annotated[
    Path,
    typer.Option(
        "--run",
        metavar="RUN|FILE",
        help="A run directory, live or not, or a recording (run.mcap).",
        autocompletion=completing.runs,
    ),
]
Topic = Annotated[str, typer.Argument(metavar="TOPIC", help="One topic, or a pattern: '/goldstone/*'.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, one object a line.")]
For = Annotated[
    float | None, typer.Option("--for", metavar="SECONDS", min=0.0, help="Listen to a live run for so long (wall s).")
]

#: How long ``list`` and ``info`` listen to a live run (wall s).
_LOOK_S = 2.0
#: How often figures of a live run are shown (wall s).
_SHOWN_S = 1.0


# -- the commands -----------------------------------------------------------------------------------------------------


@app.command(name="list")
def list_(run: Run = LATEST, seconds: For = None, as_json: AsJson = False) -> None:
    """The topics of a run, and how much was heard on each.

    \b
    lightlag topic list                     a live run: what is heard within two seconds
    lightlag topic list --run run.mcap      all of a recording
    """
    seen: dict[str, Seen] = {}
    with _feed(run, "*", bodies=False, seconds=_LOOK_S if seconds is None else seconds) as feed:
        for heard in feed:
            heard.note(seen)
    rows = [("topic", "records", "type")]
    for topic, it in sorted(seen.items()):
        if as_json:
            typer.echo(json.dumps({"topic": topic, "records": it.count, "bytes": it.size, "type": it.schema}))
        rows.append((topic, f"{it.count:,}", it.schema))
    if not as_json:
        _print(table(rows, right=(1,)))


@app.command()
def info(topic: Topic, run: Run = LATEST, seconds: For = None, as_json: AsJson = False) -> None:
    """What a topic is: its type and fields, who sends, how much, and when.

    \b
    lightlag topic info /goldstone/dsn/lightlag.event
    """
    seen: dict[str, Seen] = {}
    fields: dict[str, dict[str, Any]] = {}
    with _feed(run, topic, bodies=True, seconds=_LOOK_S if seconds is None else seconds) as feed:
        for heard in feed:
            heard.note(seen)
            fields[heard.topic] = heard.data.get("message", {})
        epoch = feed.epoch
    for name, it in sorted(seen.items()):
        told = {
            "topic": name,
            "type": it.schema,
            "records": it.count,
            "bytes": it.size,
            "sources": it.sources,
            "first": epoch.utc(it.first_ns),
            "last": epoch.utc(it.last_ns),
            "latest": fields[name],
        }
        typer.echo(json.dumps(told) if as_json else "\n".join(yaml_lines(told)) + "\n---")


@app.command()
def echo(
    topic: Topic = "*",
    run: Run = LATEST,
    number: Annotated[int | None, typer.Option("-n", metavar="N", min=1, help="End after so many.")] = None,
    wanted: Annotated[
        list[str] | None, typer.Option("--filter", metavar="FIELD=VALUE", help="Only those; a.b is a field of a field.")
    ] = None,
    seconds: For = None,
    as_json: AsJson = False,
) -> None:
    """Print what is heard: each message with when it was sent (SCET) and received (ERT).

    \b
    lightlag topic echo                                         everything
    lightlag topic echo /goldstone/dsn/lightlag.event -n 3
    lightlag topic echo '/*/lost' --filter reason=occulted --json

    Arrays are shown by their type and shape; the recording has them whole.
    """
    filters = [_filter(word) for word in wanted or ()]
    shown = 0
    with _feed(run, topic, bodies=True, seconds=seconds) as feed:
        for heard in feed:
            if all(_matches(heard.data, path, text) for path, text in filters):
                shown += 1
                told = labelled(heard, feed.epoch)
                typer.echo(json.dumps(told) if as_json else "\n".join(yaml_lines(told)) + "\n---")
                if shown == number:
                    break
        feed.tell(f"{records_text(shown)} shown")


@app.command()
def hz(topic: Topic = "*", run: Run = LATEST, seconds: For = None, as_json: AsJson = False) -> None:
    """How often messages are received, in simulated time.

    \b
    lightlag topic hz /mro/uhf/lightlag.telemetry
    """
    _figures(run, topic, seconds, _RATE, as_json=as_json)


@app.command()
def delay(topic: Topic = "*", run: Run = LATEST, seconds: For = None, as_json: AsJson = False) -> None:
    """How long messages are on their way: the light time, least, mean and most, and how it is spread.

    \b
    lightlag topic delay '/goldstone/*'
    """
    _figures(run, topic, seconds, _LIGHT_TIME, as_json=as_json)


# -- what is heard ----------------------------------------------------------------------------------------------------


@contextmanager
def _feed(run: Path, pattern: str, *, bodies: bool, seconds: float | None) -> Iterator[Feed]:
    """A feed, whose errors become lines on standard error; Ctrl-C ends it, with what is to be said at the end."""
    from lightlag.bus.errors import LightlagError
    from lightlag.launch.look.heard import Feed

    try:
        feed = Feed(run, pattern, bodies=bodies, seconds=seconds)
        try:
            yield feed
        except KeyboardInterrupt:
            feed.tell(f"interrupted after {records_text(feed.count)}")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        finally:
            feed.close()
    except (LightlagError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from None


# -- figures ----------------------------------------------------------------------------------------------------------


_RATE = ("records", "rate Hz", "least s", "mean s", "most s", "between messages")
_LIGHT_TIME = ("records", "least s", "mean s", "most s", "spread")


def _figures(run: Path, topic: str, seconds: float | None, heading: tuple[str, ...], *, as_json: bool) -> None:
    """Show figures of every topic: at the end, and once a second while a run is live.

    On a terminal they are drawn anew in their place; elsewhere each topic that was heard meanwhile is a line.
    """
    seen: dict[str, Seen] = {}
    news: dict[str, None] = {}

    def figures(names: Sequence[str]) -> list[str]:
        rows = [("topic", *heading), *(_figures_of(name, seen[name], heading) for name in names)]
        return table(rows, right=range(1, len(heading))) if names else []

    def shown() -> list[str]:
        # logs are not on their way anywhere
        return sorted(name for name, it in seen.items() if it.delays.count or heading is _RATE)

    with _feed(run, topic, bodies=False, seconds=seconds) as feed:
        draws = feed.is_live and not as_json
        with _screen() if draws and sys.stdout.isatty() else nullcontext() as screen:
            try:
                shown_s = time.monotonic()
                for heard in feed:
                    heard.note(seen)
                    news[heard.topic] = None
                    if draws and time.monotonic() - shown_s > _SHOWN_S:
                        shown_s = time.monotonic()
                        if screen is not None:
                            screen(figures(shown()))
                        else:
                            _print(figures([name for name in shown() if name in news])[1:])
                        news.clear()
            finally:
                if as_json:
                    _print(json.dumps(_data_of(name, seen[name], heading)) for name in shown())
                elif screen is not None:
                    screen(figures(shown()))
                else:
                    _print(figures(shown()))
        feed.tell(records_text(feed.count))


def _known(it: Seen, heading: tuple[str, ...]) -> dict[str, float | None]:
    spread = it.intervals if heading is _RATE else it.delays
    known = {"least_s": spread.least, "mean_s": spread.mean, "most_s": spread.most}
    figures: dict[str, float | None] = {**known} if spread.count else dict.fromkeys(known)
    return {"rate_hz": 1 / spread.mean if spread.mean > 0 else None, **figures} if heading is _RATE else figures


def _data_of(name: str, it: Seen, heading: tuple[str, ...]) -> dict[str, Any]:
    return {"topic": name, "records": it.count, **_known(it, heading)}


def _figures_of(name: str, it: Seen, heading: tuple[str, ...]) -> tuple[str, ...]:
    digits = ",.6g" if heading is _RATE else ",.6f"
    told = ["" if figure is None else f"{figure:{digits}}" for figure in _known(it, heading).values()]
    spread = it.intervals if heading is _RATE else it.delays
    return name, f"{it.count:,}", *told, spread.histogram()


@contextmanager
def _screen(console: Console | None = None) -> Iterator[Callable[[Sequence[str]], None]]:
    """Lines on a terminal, drawn anew in the place of the last; the last stay."""
    from rich.live import Live
    from rich.text import Text

    # More lines than the terminal has would scroll away what cannot be drawn over.
    with Live(console=console, auto_refresh=False) as live:
        yield lambda lines: live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)


# -- what is printed --------------------------------------------------------------------------------------------------


def _filter(word: str) -> tuple[str, str]:
    path, equals, text = word.partition("=")
    if not equals or not path:
        typer.echo(
            f"error: --filter {word}: write FIELD=VALUE, for example source=mro or values.height_km=11.5", err=True
        )
        raise typer.Exit(EXIT_BAD_INPUT)
    return path, text


def _matches(data: dict[str, Any], path: str, text: str) -> bool:
    """Whether a field of the message, or of its header, has a value, as text or as a number."""
    for root in (data.get("message", {}), data):
        value: Any = root
        for step in path.split("."):
            if isinstance(value, list) and step.isdecimal():
                value = value[int(step)] if int(step) < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
        if value is not None:
            with suppress(ValueError):
                if json.loads(text) == value:
                    return True
            return str(value) == text
    return False


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)
