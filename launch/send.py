"""``lightlag send``: have a node of a live run receive a message, as soon as that cannot be in anybody's past.

What is sent is stamped and journalled by the hub, so that a run that is resumed, or whose hosts are started again,
receives it again at the same instant.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from lightlag.bus.errors import GraphError, LightlagError

from .arguments import split_words
from .diagnostics import Diagnostic, InvalidGraph, Report, Source
from .live import operator
from .options import EXIT_BAD_INPUT
from .source import read_yaml


def send(
    target: Annotated[str, typer.Argument(metavar="NODE.PORT", help="Who is to receive it, at which port.")],
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="The type of message: lightlag.event, or NAME@VERSION.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="FIELD:=VALUE", help="Its fields, values in YAML; or one JSON object of all of them."),
    ] = None,
    run: Annotated[Path, typer.Option("--run", metavar="RUN", help="The directory of the run.")] = Path("runs/latest"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Have a node of a live run receive a message from you.

    \b
    lightlag send perseverance.command lightlag.event id:=go scet_ns:=0 values:='{height_km: 11.5}'
    lightlag send mro.heard lightlag.event '{"id": "go", "scet_ns": 0, "values": {}}' --run runs/latest

    It arrives as soon as nothing that was granted to anybody can depend on it, one nanosecond after it was sent, and is
    part of the run from then on. Bytes are written in base64, an array as a list of numbers.
    """
    try:
        node, dot, port = target.partition(".")
        if not dot or not port:
            raise GraphError(f"{target!r} names no port; write NODE.PORT, for example {node or 'mro'}.heard")
        values = read_fields(fields or [])
        with operator(run) as line:
            told = line.ask("send", node=node, port=port, type=kind, fields=values)
    except InvalidGraph as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    except (LightlagError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    typer.echo(json.dumps(told) if as_json else told_text(told))


def read_fields(words: Sequence[str]) -> dict[str, Any]:
    """The fields that a command line gives: ``FIELD:=VALUE`` words in YAML, or one JSON object.

    Raises:
        InvalidGraph: a word is neither, or no YAML; every error is in it.
    """
    report = Report()
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        found = _value(words[0], report)
    else:
        found = {name: _value(text, report) for name, text in split_words(words, report).items()}
    report.check()
    if not isinstance(found, dict):
        raise InvalidGraph([Diagnostic(f"{words[0]!r} is no JSON object")])
    return found


def _value(text: str, report: Report) -> Any:
    """A value in YAML 1.2, of which JSON is a part."""
    item = read_yaml(Source.of_word(text), text, report)
    return item.plain() if item is not None and item.is_known() else None


def told_text(told: dict[str, Any]) -> str:
    """What was sent, and when, for people."""
    to = f"{told['node']}.{told['port']}"
    return (
        f"sent      {told['sent_scet']} SCET (sent_ns {told['sent_ns']})\n"
        f"received  {told['received_ert']} ERT, by {to}\n"
        f"message   {told['type']} {json.dumps(told['message'])}"
    )
