"""``lightlag where``: where something is at an instant, told as people ask for it, and who is in its view."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT

from . import completing
from .owlt import in_the_way
from .page import painted, table
from .teaching import AsJson, At, OfGraph, errors_taught, sky_of

if TYPE_CHECKING:
    from lightlag.launch.placement.sky import Ray, Whereabouts

_AU_KM = 149_597_870.7


def where(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NODE|BODY",
            help="A node of a graph (mro), a body (mars), or a ground station (DSS-14).",
            autocompletion=completing.places,
        ),
    ],
    at: At = None,
    graph: OfGraph = None,
    as_json: AsJson = False,
) -> None:
    """Where a spacecraft, station or body is, and who sees it.

    \b
    lightlag where mro --at 2021-02-18T20:42:46Z
    lightlag where mars
    lightlag where beacon --graph examples/hello_mars/hello_mars.yaml

    Told are its state (ICRF, barycentric), height and the point below it if it is at a planet, how far it is and the
    light time to Earth, and whether a signal that leaves it now gets to the ground stations and to the graph's nodes.
    """
    with errors_taught(nothing="nothing was computed", refused=EXIT_BAD_INPUT):
        sky, t_ns = sky_of((name,), graph, at)
        found = sky.whereabouts(name, t_ns)
    typer.echo(json.dumps(asdict(found)) if as_json else "\n".join(_page(found)))


def _page(found: Whereabouts) -> Iterator[str]:
    yield f"{painted(found.name, 'bold')} at {found.utc} UTC"
    yield ""
    rows = [*_facts(found)]
    yield from table([("", ""), *rows], styles=["dim"])
    told = {ray.target for ray in found.stations}
    for heading, rays in (
        ("ground stations", found.stations),
        ("nodes", [ray for ray in found.nodes if ray.target not in told]),
    ):
        if rays:
            yield ""
            yield from _seen(heading, rays)


def _facts(found: Whereabouts) -> Iterator[tuple[str, str]]:
    near = found.nearby
    if near is not None:
        yield "height", f"{near.altitude_km:,.3f} km over the ellipsoid of {near.planet}"
        north, east = ("N" if near.lat_deg >= 0 else "S"), ("E" if near.lon_east_deg >= 0 else "W")
        lat, lon = abs(near.lat_deg), abs(near.lon_east_deg)
        yield "over", f"{lat:.4f} deg {north}, {lon:.4f} deg {east} (planetocentric)"
        yield "speed", f"{near.speed_km_s:.4f} km/s about {near.planet}, {near.ground_speed_km_s:.4f} km/s over ground"
    for body, distance_km in found.distances_km.items():
        au = f" ({distance_km / _AU_KM:.4f} au)" if distance_km > _AU_KM / 100 else ""
        yield f"to {body}", f"{distance_km:,.0f} km{au}"
    if found.owlt_to_earth_s is not None:
        minutes, seconds = divmod(found.owlt_to_earth_s, 60)
        clock = f" ({minutes:.0f} min {seconds:.0f} s)" if minutes else ""
        yield "light time", f"{found.owlt_to_earth_s:,.6f} s to the centre of earth{clock}"
    if found.sun_earth_probe_deg is not None:
        yield "sun", f"{found.sun_earth_probe_deg:.1f} deg from it, seen from earth"
    x, y, z = found.position_icrf_km
    yield "position", f"{x:,.3f}  {y:,.3f}  {z:,.3f} km, ICRF, barycentric"
    x, y, z = found.velocity_icrf_km_s
    yield "velocity", f"{x:,.6f}  {y:,.6f}  {z:,.6f} km/s"


def _seen(heading: str, rays: Sequence[Ray]) -> Iterator[str]:
    rows = [(heading, "light time", "range", "elevation", "in the way")]
    for ray in rays:
        elevation = ray.target_elevation_deg
        rows.append(
            (
                ray.target,
                f"{ray.owlt_s:,.6f} s",
                f"{ray.range_km:,.0f} km",
                "" if elevation is None else f"{elevation:+.1f} deg",
                in_the_way(ray),
            )
        )
    yield from table(rows, right=(1, 2, 3), styles=["cyan"])
