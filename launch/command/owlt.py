"""``lightlag owlt``: how long a signal is on its way between two places, both ways, and what is in between."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT

from . import completing
from .page import table
from .teaching import AsJson, At, OfGraph, errors_taught, sky_of

if TYPE_CHECKING:
    from lightlag.launch.placement.sky import Ray

_PLACE = "A body (mars), a ground station (DSS-14, goldstone), or a node of a graph (mro)."


def owlt(
    a: Annotated[str, typer.Argument(metavar="A", help=_PLACE, autocompletion=completing.places)],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.", autocompletion=completing.places)],
    at: At = None,
    received: Annotated[bool, typer.Option("--received", help="The instant is when B receives it (ERT).")] = False,
    graph: OfGraph = None,
    as_json: AsJson = False,
) -> None:
    """How long light takes from one place to another.

    \b
    lightlag owlt mars earth --at 2021-02-18T20:43:49Z
    lightlag owlt mro goldstone --at 2021-02-18T20:42:46Z
    lightlag owlt mars earth --at 2021-02-18T20:55:00Z --received
    lightlag owlt mars earth                                  now

    Told are a signal from A to B and its answer, sent at once: when each leaves (SCET) and arrives (ERT), its light
    time and how far it goes, how high over the horizon each is seen by an end on the ground, and whether the horizon
    or a body is in the way. Light times are Newtonian.
    """
    with errors_taught(nothing="nothing was computed", refused=EXIT_BAD_INPUT):
        sky, t_ns = sky_of((a, b), graph, at)
        there = sky.ray_back(a, b, t_ns) if received else sky.ray(a, b, t_ns)
        back = sky.ray(b, a, there.arrive_ns)
    rtlt_s = there.owlt_s + back.owlt_s
    if as_json:
        told = {"there": asdict(there), "back": asdict(back), "rtlt_s": rtlt_s}
        typer.echo(json.dumps({**told, "ephemeris": sky.space.ephemeris.planets}))
    else:
        typer.echo("\n".join(table([*_rows((there, back)), ("round trip", f"{rtlt_s:,.6f} s", "")], styles=["dim"])))


def _rows(rays: Sequence[Ray]) -> Iterator[tuple[str, ...]]:
    """The heading, and a row for each thing that is told of every ray."""
    yield "", *(f"{ray.source} > {ray.target}" for ray in rays)
    yield "leaves (SCET)", *(ray.sent_utc for ray in rays)
    yield "arrives (ERT)", *(ray.arrive_utc for ray in rays)
    yield "light time", *(f"{ray.owlt_s:,.6f} s" for ray in rays)
    yield "range", *(f"{ray.range_km:,.0f} km" for ray in rays)
    for end in (rays[0].source, rays[0].target):
        heights = [ray.source_elevation_deg if ray.source == end else ray.target_elevation_deg for ray in rays]
        if any(height is not None for height in heights):
            yield f"from {end}", *("" if height is None else f"{height:+.1f} deg high" for height in heights)
    yield "in the way", *(in_the_way(ray) for ray in rays)


def in_the_way(ray: Ray) -> str:
    """What keeps a signal from arriving, in words."""
    return {None: "nothing", "below_horizon": "the horizon"}.get(ray.blocked, str(ray.blocked))
