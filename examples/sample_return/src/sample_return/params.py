"""What the nodes of the return are told: the study, which several share, and radios that fit together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from lightlag.nodes import NodeParams, RadioSpec
from lightlag.nodes.units import Degrees, Kilometres, Utc

from .plan import Study

#: Between vehicles about Mars: the frequencies of the relays that fly today (Electra), 8 kbit/s.
UP = RadioSpec(rate_bps="8 kbit/s", transmit_hz="401.585625 MHz", power_dbw="7 dBW", max_range_km="7000 km")
#: What two on the same ground have in common: on a round planet and without masts, one sees the other a little lower
#: than the horizon. What flies over them hears them from farther.
LYING: Mapping[str, Any] = {"max_range_km": "200 km", "min_elevation_deg": "-1 deg"}
#: Between rover and lander, within sight.
NEAR = RadioSpec(rate_bps="32 kbit/s", transmit_hz="433 MHz", receive_hz="433 MHz", power_dbw="-10 dBW", **LYING)


class StudyParams(NodeParams):
    """The dates and figures that all who fly have to share."""

    launch: Utc = Field(default="2033-02-01T00:00:00Z", description="the day of Mars in which it is launched begins")
    catch: Utc = Field(default="2033-02-03T12:00:00Z", description="when the orbiter catches the container")
    departure: Utc = Field(default="2033-02-07T00:00:00Z", description="it leaves Mars within two hours of this")
    arrival: Utc = Field(default="2033-11-01T00:00:00Z", description="the day in which it lands on the Earth begins")
    altitude: Kilometres = Field(default=400.0, ge=250, le=500, description="of the orbit of the container")
    inclination: Degrees = Field(default=27.0, ge=0, le=90, description="of that orbit")

    def study(self) -> Study:
        """What a plan is made for."""
        return Study(self.launch, self.catch, self.departure, self.arrival, self.altitude, self.inclination)
