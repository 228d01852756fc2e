"""``lightlag bag trajectories``: where the nodes of a run were, for other tools: OEM of the CCSDS, SPK of SPICE."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .teaching import AsJson, errors_taught


class Format(StrEnum):
    """How trajectories can be written."""

    OEM = "oem"
    SPK = "spk"


def trajectories(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The directory of a run, finished or not.")],
    form: Annotated[Format, typer.Option("--format", help="oem: CCSDS, text; spk: SPICE, binary.")] = Format.OEM,
    node: Annotated[
        list[str] | None, typer.Option("--node", metavar="NODE", help="Of whom; may be repeated. Else of all.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there; else RUN.oem or .bsp here."),
    ] = None,
    step: Annotated[str, typer.Option(metavar="DURATION", help="Between two states, at most.")] = "60s",
    as_json: AsJson = False,
) -> None:
    """Write where the nodes of a run were, from its epoch to its end.

    \b
    lightlag bag trajectories runs/latest --node mro
    lightlag bag trajectories runs/latest --format spk --node mro --node maven -o orbiters.bsp
    lightlag bag trajectories runs/latest --node perseverance --step 10s

    States are nearer to each other than the step where a cubic through them would stray by more than 10 cm. They are
    in the axes of the ICRF, about the planet that a node is near at the epoch, or about the sun. Of a node that steers
    it is the nominal trajectory, without its burns. A graph can fly what was written: trajectory: {oem: {file:
    mro.oem}}, of a node of type spacecraft.
    """
    with errors_taught(nothing="nothing was written"):
        from lightlag.launch.graph.spec import duration_ns
        from lightlag.launch.run.trajectories import export_trajectories

        suffix = ".oem" if form == Format.OEM else ".bsp"
        path = output or Path(run.resolve().name + suffix)
        told = export_trajectories(run, form.value, path, nodes=node or (), step_ns=duration_ns(step))
        if as_json:
            found = [{"node": it.node, "id": it.naif_id, "center": it.center, "states": it.states} for it in told]
            typer.echo(json.dumps({"file": str(path), "format": form.value, "nodes": found}))
            return
        for it in told:
            typer.echo(f"{it.node}: {it.states:,} states about {it.center}, as {it.naif_id}", err=True)
        typer.echo(str(path))
