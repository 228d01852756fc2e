"""ExoMars Trace Gas Orbiter (TGO)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lightlag.nodes.params import RadioSpec

from .orbits import KeplerOrbit
from .relay import RelayOrbiter

#: TGO in February 2021. Size, shape and inclination: osculating elements of 2021-05-08T20:45 (NAIF's SPK
#: em16_tgo_fsp_181_01, as reduced in this project's reference tables); node and periapsis are those, carried back 78.8
#: days by the secular rates of J2 (-2.745 and -3.351 deg a day). The phase is FITTED to its first pass over
#: Perseverance, 2021-02-19T01:07: it is highest, 26 deg, at that time. That a pass is there at all is a check of the
#: plane, which was not fitted.
TRAJECTORY = KeplerOrbit(
    center="mars",
    epoch="2021-02-19T01:07:00Z",
    a_km=3790.4,
    e=0.00707,
    inclination_deg=74.61,
    raan_deg=177.844,
    aop_deg=181.987,
    mean_anomaly_deg=336.0,
)


class Tgo(RelayOrbiter):
    """Records what it hears from the surface, and plays it back when it is told to."""

    trajectory = TRAJECTORY

    class Params(RelayOrbiter.Params):
        """What a graph may change."""

        # 65 W amplifier (published); 2.2 m antenna, frequency and rate from memory.
        xband: RadioSpec = Field(
            default=RadioSpec(rate_bps="500 kbit/s", transmit_hz="8410.7 MHz", power_dbw="18.1 dBW"),
            description="downlink to Earth",
        )
        relay: Literal["no", "at once", "record"] = Field(
            default="record", description="not at all, bent pipe, or store and play back"
        )

    params: Params
