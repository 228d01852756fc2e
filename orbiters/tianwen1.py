"""Tianwen-1, the orbiter."""

from __future__ import annotations

from pydantic import Field

from lightlag.nodes.params import RadioSpec
from lightlag.nodes.trajectory import TrajectoryModel

from .orbits import StateOrbit
from .relay import RelayOrbiter

#: Tianwen-1 in its phasing orbit (280 x 84,600 km, 82.7 h), from its own telemetry of 2021-02-21 as received by
#: AMSAT-DL in Bochum and decoded by D. Estevez (github.com/daniestevez/jupyter_notebooks, Tianwen/orbit), integrated to
#: other times. Good back to the plane change of 2021-02-15 and on to the parking orbit of 2021-02-23; manoeuvres are
#: not modelled.
TRAJECTORY = StateOrbit(
    center="mars",
    epoch="2021-02-21T22:32:58.245Z",
    position_km=(-31154.22134150465, 78306.96773570323, -19676.586765779637),
    velocity_km_s=(-0.06858389965119524, 0.1499489418763738, 0.16767547327519577),
    frame="equator_j2000",
)


class Tianwen1(RelayOrbiter):
    """Sends housekeeping home. Its relay radio waits, switched off, for its own lander (an assumption)."""

    trajectory: TrajectoryModel | None = TRAJECTORY

    class Params(RelayOrbiter.Params):
        """What a graph may change."""

        # 8431 MHz, 2.5 m antenna. Source: orbiters.yaml's sources (memory); the rate is an assumption.
        xband: RadioSpec = Field(
            default=RadioSpec(rate_bps="16 kbit/s", transmit_hz="8431 MHz", power_dbw="20 dBW"),
            description="downlink to Earth",
        )
        uhf: RadioSpec = Field(default=RadioSpec(max_range_km="7000 km"), description="relay radio, switched off")

    params: Params
