"""Hope, the Emirates Mars Mission."""

from __future__ import annotations

from pydantic import Field

from lightlag.nodes.params import RadioSpec

from .orbits import KeplerOrbit
from .relay import Orbiter

#: Hope in its capture orbit of February 2021. Published: 1,000 x 49,380 km over the surface, orbit insertion ending
#: about 15:57 UTC on 2021-02-09 (lions101.com, gulfnews). ASSUMED, for want of a state vector in reach: that this end
#: of the burn was a passage of periapsis, the inclination (the 25 deg of the later science orbit), and the orientation
#: (node and argument of periapsis 0). Where Hope stands on a given day is therefore an example, not history.
TRAJECTORY = KeplerOrbit(
    center="mars",
    epoch="2021-02-09T15:57:00Z",
    periapsis_km=1000.0,
    apoapsis_km=49380.0,
    inclination_deg=25.0,
    raan_deg=0.0,
    aop_deg=0.0,
)


class Hope(Orbiter):
    """Sends housekeeping home; it carries no relay radio."""

    trajectory = TRAJECTORY

    class Params(Orbiter.Params):
        """What a graph may change."""

        # A carrier in the deep-space band and an uplink at 7190 MHz: assumptions, as is the rate.
        xband: RadioSpec = Field(
            default=RadioSpec(
                rate_bps="16 kbit/s", transmit_hz="8402.7 MHz", receive_hz="7190 MHz", power_dbw="20 dBW"
            ),
            description="downlink to Earth",
        )

    params: Params
