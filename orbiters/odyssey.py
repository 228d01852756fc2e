"""2001 Mars Odyssey."""

from __future__ import annotations

from pydantic import Field

from lightlag.nodes.params import RadioSpec

from .orbits import KeplerOrbit
from .relay import RelayOrbiter

#: Odyssey in February 2021. Period of 7,115 s, height over the equator and inclination: NAIF's orbit numbers of
#: 2020-07-01 (m01_ext64.nrb) and published figures; the eccentricity is from memory (370 x 440 km). ASSUMED, for want
#: of a state in reach: that it crosses the equator northward at 06:45 local true solar time (it flies along the
#: terminator; the sun stood at a right ascension of 228.34 deg in this frame), and the phase.
TRAJECTORY = KeplerOrbit(
    center="mars",
    epoch="2021-02-18T20:36:50Z",
    a_km=3801.0,
    e=0.0092,
    inclination_deg=93.1,
    raan_deg=149.6,
    aop_deg=270.0,
    mean_anomaly_deg=0.0,
)


class Odyssey(RelayOrbiter):
    """Relays the surface at once, demodulated: the bent pipe of the landings."""

    trajectory = TRAJECTORY

    class Params(RelayOrbiter.Params):
        """What a graph may change."""

        # 1.3 m antenna, up to 256 kbit/s. Source: orbiters.yaml's sources (UHF rates) and memory (the rest).
        xband: RadioSpec = Field(
            default=RadioSpec(rate_bps="110 kbit/s", transmit_hz="8406.85 MHz", power_dbw="11.8 dBW"),
            description="downlink to Earth",
        )
        # CE-505: 8, 32, 128 and 256 kbit/s. The range is that of the same link budget as for Electra.
        uhf: RadioSpec = Field(
            default=RadioSpec(
                rate_bps="8 kbit/s",
                transmit_hz="437.1 MHz",
                receive_hz="401.585625 MHz",
                power_dbw="10 dBW",
                max_range_km="7000 km",
            ),
            description="relay radio",
        )

    params: Params
