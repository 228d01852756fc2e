"""Mars Express."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lightlag.nodes.params import RadioSpec

from .orbits import KeplerOrbit
from .relay import RelayOrbiter

#: Mars Express in 2021: 330 x 10,500 km, 86.9 deg, 7.0 h (from memory). ASSUMED, for want of a state in reach: its
#: orientation and phase, so that where it stands on a given day is an example, not history.
TRAJECTORY = KeplerOrbit(
    center="mars",
    epoch="2021-02-18T20:36:50Z",
    periapsis_km=330.0,
    apoapsis_km=10500.0,
    inclination_deg=86.9,
    raan_deg=60.0,
    aop_deg=0.0,
)


class MarsExpress(RelayOrbiter):
    """Records what it hears from the surface, open loop, and plays it back when it is told to."""

    trajectory = TRAJECTORY

    class Params(RelayOrbiter.Params):
        """What a graph may change."""

        # 1.6 m antenna, 65 W, up to 230 kbit/s: from memory.
        xband: RadioSpec = Field(
            default=RadioSpec(rate_bps="100 kbit/s", transmit_hz="8420.4 MHz", power_dbw="18.1 dBW"),
            description="downlink to Earth",
        )
        relay: Literal["no", "at once", "record"] = Field(
            default="record", description="not at all, bent pipe, or store and play back"
        )

    params: Params
