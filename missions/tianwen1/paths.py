"""Where Tianwen-1 was: states of its telemetry and the burns between them, out of the facts, as graphs declare them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from lightlag.missions.facts import Facts, load_facts
from lightlag.orbiters.declared import TrajectorySpec

#: The paths that an orbiter can be told to be on.
PathName = Literal["arrival", "february", "orbits", "landing", "relay", "remote_sensing"]

FACTS_FILE = Path(__file__).with_name("facts.yaml")
_OF_A_BURN = ("at", "over", "delta_v_km_s")


def facts() -> Facts:
    """The facts of the mission."""
    return load_facts(FACTS_FILE)


def state(name: str) -> dict[str, Any]:
    """The declaration of a coast through a state of the telemetry."""
    found = _record("states", name)
    told = {key: found[key] for key in ("epoch", "position_km", "velocity_km_s")}
    return {"state": {"center": "mars", "frame": "equator_j2000", **told}}


def declared(name: str) -> dict[str, Any]:
    """The declaration of a path: a state, and the burns that follow it."""
    first, *burns = facts().value(f"paths.{name}")
    if not burns:
        return state(first)
    return {"manoeuvred": {"nominal": state(first), "burns": [_burn(burn) for burn in burns]}}


def path(name: str) -> TrajectorySpec:
    """The same, checked."""
    return TrajectorySpec.model_validate(declared(name))


def _burn(name: str) -> dict[str, Any]:
    found = _record("burns", name)
    return {"name": name, **{key: found[key] for key in _OF_A_BURN if key in found}}


def _record(section: str, name: str) -> dict[str, Any]:
    return next(record for record in facts().records(section) if record["id"] == name)
