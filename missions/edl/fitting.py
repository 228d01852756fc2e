"""How a mission's fitted figures were found: least squares on what is known of the flight, for anybody to do again.

A mission says which of its parameters are unknown, with what was expected of each beforehand and how surely (a
``Knob``), and what of its flight is to come out, and how closely (a ``Goal``). Both pull on the fit in units of their
own spreads, so that what the record says nothing about stays where it was expected. A landing never calls this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lightlag.bus.errors import GraphError

from .dynamics import STANDARD_GRAVITY_M_S2, direction, norm, range_km
from .flight import Flight, fly
from .flown import FlownLanding

#: What a flight that never lands is worth to the search, in spreads, for every goal.
_NO_LANDING = 100.0
#: Differences for the derivatives, in spreads of the knobs.
_STEP = 1e-2


class Knob(NamedTuple):
    """A parameter to be found: its path in the facts, what was expected, and the spread of the expectation.

    The path ends in the number of a row where the parameter is a table: ``air.density_factors.0`` is its first value.
    Numbers are in the unit in which the facts give the parameter.
    """

    path: str
    expected: float
    spread: float


class Goal(NamedTuple):
    """What is to come out: an event's ``e_s``, ``height_km``, ``deceleration_g`` or ``miss_km``, and how closely."""

    event: str
    quantity: str
    value: float
    spread: float


@dataclass(frozen=True, slots=True)
class Fit:
    """What a search found: a value for every knob, and what the flight with these values gives for every goal."""

    values: Mapping[str, float]
    reached: tuple[float, ...]


def fit(landing: type[FlownLanding], knobs: Sequence[Knob], goals: Sequence[Goal], *, most_steps: int = 20) -> Fit:
    """Search for the values of ``knobs`` that reach ``goals`` as well as expectations allow, from the expectations on.

    Raises:
        GraphError: with what is expected of the knobs there is no landing to begin with.
    """
    import numpy as np
    from scipy.optimize import least_squares

    def values(turns: Any) -> dict[str, float]:
        return {knob.path: knob.expected + turn * knob.spread for knob, turn in zip(knobs, turns.tolist(), strict=True)}

    def misfit(turns: Any) -> Any:
        try:
            got = outcome(landing, values(turns), goals)
        except GraphError:
            return np.full(len(goals) + len(knobs), _NO_LANDING)
        return np.array([*((is_ - g.value) / g.spread for is_, g in zip(got, goals, strict=True)), *turns])

    outcome(landing, values(np.zeros(len(knobs))), goals)
    found = least_squares(misfit, np.zeros(len(knobs)), diff_step=_STEP, x_scale=1.0, max_nfev=most_steps)
    best = values(found.x)
    return Fit(best, outcome(landing, best, goals))


def outcome(landing: type[FlownLanding], values: Mapping[str, float], goals: Sequence[Goal]) -> tuple[float, ...]:
    """What a flight with these values for paths of parameters gives for every goal."""
    tree = landing.facts().values("parameters")
    for path, value in values.items():
        tree = _with(tree, path.split("."), value)
    flight = fly(landing.model_validate(tree))
    return tuple(_quantity(flight, landing, goal) for goal in goals)


def written(landing: type[FlownLanding], path: str) -> float:
    """The number that the facts have at the path of a knob."""
    here: Any = landing.facts().values("parameters")
    for key in path.split("."):
        here = here[key] if isinstance(here, Mapping) else here[int(key)][1]
    return float(here.split()[0] if isinstance(here, str) else here)


def _with(here: Any, path: Sequence[str], value: float) -> Any:
    """``here`` with another number at ``path``; a text keeps its unit, and a table's row its argument."""
    if not path:
        return f"{value!r} {here.split()[1]}" if isinstance(here, str) else value
    key, *rest = path
    if isinstance(here, Mapping):
        return {**here, key: _with(here[key], rest, value)}
    return [(row[0], value) if count == int(key) else row for count, row in enumerate(here)]


def _quantity(flight: Flight, landing: type[FlownLanding], goal: Goal) -> float:
    site = landing.model_validate({}).site
    at_s = flight.events_s[goal.event]
    if goal.quantity == "e_s":
        return at_s
    if goal.quantity == "miss_km":
        return range_km(flight.landed_km, direction(site.lat_deg, site.lon_deg), site.radius_km)
    arc = flight.arc(at_s)
    if goal.quantity == "height_km":
        return norm(arc.state(at_s)[0]) - site.radius_km
    if goal.quantity == "deceleration_g":
        return arc.sensed_at(at_s) / STANDARD_GRAVITY_M_S2
    raise GraphError(f"{goal.quantity!r} is nothing to fit to; there is: e_s, height_km, deceleration_g, miss_km")
