"""MAVEN: Mars Atmosphere and Volatile Evolution."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lightlag.nodes.params import RadioSpec

from .orbits import KeplerOrbit
from .relay import RelayOrbiter

#: MAVEN about the landing of Perseverance. The periapsis of 2021-02-18T21:11:17 and the one before it, 12,991 s
#: earlier, are NAIF's (maven_orb_rec_210101_210401_v1.orb: times, planetocentric latitudes and longitudes, altitudes of
#: 181 km): ``a_km`` gives that period, ``e`` those altitudes over the ellipsoid, node and periapsis those two places
#: (within 0.02 deg; fitted). Inclination and drifts: from the osculating elements of 2021-01-01 and 2021-04-01 there.
TRAJECTORY = KeplerOrbit(
    center="mars",
    epoch="2021-02-18T21:11:17Z",
    a_km=5678.309,
    e=0.37318,
    inclination_deg=74.80,
    raan_deg=81.19,
    aop_deg=261.34,
    raan_rate_deg_day=-0.871,
    aop_rate_deg_day=-1.094,
)


class Maven(RelayOrbiter):
    """Records what it hears from the surface, and plays it back when it is told to."""

    trajectory = TRAJECTORY

    class Params(RelayOrbiter.Params):
        """What a graph may change."""

        # 2 m antenna; the rate is an assumption of the order that its telecommunications papers give.
        xband: RadioSpec = Field(
            default=RadioSpec(rate_bps="500 kbit/s", transmit_hz="8445 MHz", power_dbw="20 dBW"),
            description="downlink to Earth",
        )
        relay: Literal["no", "at once", "record"] = Field(
            default="record", description="not at all, bent pipe, or store and play back"
        )

    params: Params
