"""``lightlag send``: have a node of a live run receive a message, as soon as that cannot be in anybody's past.

What is sent is stamped and journalled by the hub, so that a run that is resumed, or whose hosts are started again,
receives it again at the same instant.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from lightlag.bus.errors import GraphError
from lightlag.launch.graph.arguments import split_words
from lightlag.launch.graph.diagnostics import Diagnostic, InvalidGraph, Report, Source
from lightlag.launch.graph.source import read_yaml
from lightlag.launch.rundir.live import operator


def send(target: str, kind: str, fields: Sequence[str], run_dir: Path, *, as_json: bool) -> None:
    """Send, and print when; ``target`` is NODE.PORT, ``fields`` as on the command line.

    Raises:
        GraphError: what was typed is not NODE.PORT, or are no fields.
        RunError: there is no such run, node, port, type or field.
    """
    node, dot, port = target.partition(".")
    if not dot or not port:
        raise GraphError(f"{target!r} names no port; write NODE.PORT, for example {node or 'mro'}.heard")
    values = read_fields(fields)
    with operator(run_dir) as line:
        told = line.ask("send", node=node, port=port, type=kind, fields=values)
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
        f"arrives   {told['arrives_ert']} ERT, at {to}\n"
        f"message   {told['type']} {json.dumps(told['message'])}"
    )
