"""Spacecraft for people who write a graph file and no Python: where they are is a parameter like any other.

``spacecraft`` is an orbiter or a probe, ``lander`` stands (or lands, by a file). They differ in which of the two UHF
frequencies they send on, and in what they do unasked: the one relays, the other does not.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lightlag.nodes.params import RadioSpec
from lightlag.nodes.radio import Radio
from lightlag.nodes.units import Seconds

from .declared import Body, TrajectorySpec
from .relay import ELECTRA, RelayOrbiter


class Spacecraft(RelayOrbiter):
    """Is where its parameters say, relays what it hears on UHF, and sends housekeeping if it is told how often."""

    class Params(RelayOrbiter.Params):
        """What a graph may change."""

        trajectory: TrajectorySpec = Field(
            description="where it is: kepler, state, oem, spk, states, site or manoeuvred"
        )
        planet: Body | None = Field(
            default=None, description="whose surface its altitude is over; else what its trajectory is about, or mars"
        )
        housekeeping_every: Seconds | None = Field(default=None, gt=0, description="between two words home, if any")
        housekeeping_on: Literal["xband", "uhf"] = Field(default="xband", description="the radio that carries them")

    params: Params

    @property
    def planet(self) -> str:  # type: ignore[override]
        """The body that its altitude is over."""
        return self.params.planet or self.params.trajectory.about or "mars"

    @property
    def home(self) -> Radio:
        """The radio that carries its word home."""
        return self.uhf if self.params.housekeeping_on == "uhf" else self.xband


class SurfaceCraft(Spacecraft):
    """The same, on a surface: it sends on the frequency that orbiters listen to, and relays nothing unless told to."""

    class Params(Spacecraft.Params):
        """What a graph may change."""

        uhf: RadioSpec = Field(
            default=ELECTRA.model_copy(
                update={"transmit_hz": ELECTRA.receive_hz, "receive_hz": ELECTRA.transmit_hz, "power_dbw": 9.3}
            ),
            description="relay radio",
        )
        relay: Literal["no", "at once", "record"] = Field(default="no", description="what becomes of what it hears")
        housekeeping_on: Literal["xband", "uhf"] = Field(default="uhf", description="the radio that carries them")

    params: Params
