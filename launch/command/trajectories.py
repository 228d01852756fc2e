"""``lightlag bag export`` of trajectories: where the nodes of a run were, as OEM of the CCSDS or SPK of SPICE."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

import typer

from .teaching import errors_taught

#: The suffix of a file in each format.
SUFFIXES = {"oem": ".oem", "spk": ".bsp"}


def write_trajectories(
    run: Path, form: str, nodes: Sequence[str], output: Path | None, step: str, *, as_json: bool
) -> None:
    """Write them, and tell what was written; without ``output`` into a file here that is named after the run."""
    with errors_taught(nothing="nothing was written"):
        from lightlag.launch.graph.spec import duration_ns
        from lightlag.launch.run.trajectories import export_trajectories

        path = output or Path(run.resolve().name + SUFFIXES[form])
        told = export_trajectories(run, cast(Literal["oem", "spk"], form), path, nodes=nodes, step_ns=duration_ns(step))
        if as_json:
            found = [{"node": it.node, "id": it.naif_id, "center": it.center, "states": it.states} for it in told]
            typer.echo(json.dumps({"file": str(path), "format": form, "nodes": found}))
            return
        for it in told:
            typer.echo(f"{it.node}: {it.states:,} states about {it.center}, as {it.naif_id}", err=True)
        typer.echo(str(path))
