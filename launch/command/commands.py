"""The commands beside ``launch``: what looks at a graph, and what looks at, or acts upon, a live run.

Each is its words and its ``--help``; what it does lives in other modules, imported when it is called.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from lightlag.launch.run.options import AUTO, EXIT_BAD_INPUT

from .teaching import LATEST, AsJson, GraphName, Run, Words, errors_taught, load, processes_asked


def plan(
    graph: GraphName,
    arguments: Words = None,
    processes: Annotated[str, typer.Option(metavar="N|auto", help="How many processes, at most.")] = "auto",
    whole: Annotated[
        bool, typer.Option("--all", "-a", help="Also each step, the lookahead between all hosts, other groupings.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Show which nodes would run together.

    \b
    lightlag plan mars2020
    lightlag plan mars2020 --processes 4 --all

    They are put together by light time; shown is how far they can run ahead of each other, and why.
    """
    count = processes_asked(processes)
    with errors_taught():
        from .plan import show_plan

        show_plan(load(graph, arguments, None), None if count == AUTO else count, whole=whole, as_json=as_json)


def lint(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="GRAPH|PATH", help="Graphs (with NAME:=VALUE), .py files, or folders."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Find in node code what may give another result in another run.

    \b
    lightlag lint my.yaml                  a graph's node classes
    lightlag lint escapade.py src/         files; all .py files in a folder
    lightlag lint my.yaml seed:=7 --json   as data

    Found are the wall clock, randomness without a seed, the order of sets and
    folders, hash() and id(), threads, programs, sockets. What is right for a
    reason says so on its line:  # lightlag: allow RULE (the reason)

    Exit code 0: nothing, or warnings only; 1: something; 2: it cannot be read.
    """
    with errors_taught():
        from .lint import lint as look

        raise typer.Exit(look(targets, as_json=as_json))


def why(run: Run = LATEST, as_json: AsJson = False) -> None:
    """Who waits for whom in a live run, and what is being computed.

    \b
    lightlag why                         the run under runs/latest
    lightlag why runs/20260101T120000Z-mars2020 --json

    The run goes on undisturbed. Ctrl-\\ where it was launched says the same, and so does the launcher by itself when
    the run has not got on for a while (lightlag launch --watchdog).
    """
    with errors_taught(refused=EXIT_BAD_INPUT):
        from lightlag.launch.look.why import explain, sentences

        found = explain(run)
        said = sentences(found)
        typer.echo(json.dumps({**found, "why": said}) if as_json else "\n".join(said))


def send(
    target: Annotated[str, typer.Argument(metavar="NODE.PORT", help="Who is to receive it, at which port.")],
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="The type of message: lightlag.event, or NAME@VERSION.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="FIELD:=VALUE", help="Its fields, values in YAML; or one JSON object of all of them."),
    ] = None,
    run: Annotated[Path, typer.Option("--run", metavar="RUN", help="The directory of the run.")] = LATEST,
    as_json: AsJson = False,
) -> None:
    """Have a node of a live run receive a message from you.

    \b
    lightlag send perseverance.uhf lightlag.event id:=go scet_ns:=0 values:='{height_km: 11.5}'
    lightlag send mro.uhf lightlag.event '{"id": "go", "scet_ns": 0, "values": {}}' --run runs/latest

    It arrives as soon as nothing that was granted to anybody can depend on it, one nanosecond after it was sent, and is
    part of the run from then on. Bytes are written in base64, an array as a list of numbers.
    """
    with errors_taught(nothing="nothing was sent", refused=EXIT_BAD_INPUT):
        from .send import send as say

        say(target, kind, fields or [], run, as_json=as_json)
