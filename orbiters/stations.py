"""Stations on Earth, by name: the Deep Space Network and the antenna that stands for each complex, ESTRACK, China's.

The coordinates of the DSN are ITRF2005 at epoch 2003.0 (plate motion since then, below 1 m, is left out). Sources: IAU
Commission 4 (iau-comm4.jpl.nasa.gov/plan-eph-data/stations27oct2008.html) for DSS-13, 14, 24, 25, 26, 34, 43, 54, 55
and 65; table 1 of the paper on the KPLO mission's DSN stations (JASS 40-2-79) for DSS-36, 53, 56 and 63.

Of the others latitude and longitude are known: ESTRACK's from ESA's frame kernel estrack_v04.tf (NASA-PDS/
naif-pds4-bundler), China's from memory. They stand here at sea level, which they do not (up to 1.6 km): 6 microseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, field_validator

from lightlag.bus.emission import Reception
from lightlag.nodes.events import Event
from lightlag.nodes.ground_station import GroundStation
from lightlag.nodes.port import Port

from .ephemeris import nearest
from .sites import GroundSite


def _site(x_m: float, y_m: float, z_m: float) -> GroundSite:
    return GroundSite(body="earth", xyz_km=(x_m / 1e3, y_m / 1e3, z_m / 1e3))


#: Antennas by name.
DSN_ANTENNAS: Mapping[str, GroundSite] = {
    # Goldstone
    "DSS-13": _site(-2351112.6524, -4655530.6640, 3660912.7137),
    "DSS-14": _site(-2353621.3873, -4641341.4492, 3677052.2629),
    "DSS-24": _site(-2354906.7043, -4646840.1231, 3669242.3109),
    "DSS-25": _site(-2355022.0073, -4646953.2321, 3669040.5529),
    "DSS-26": _site(-2354890.7903, -4647166.3561, 3668871.7409),
    # Canberra
    "DSS-34": _site(-4461147.1342, 2682439.3011, -3674393.0678),
    "DSS-36": _site(-4461168.415, 2682814.657, -3674083.901),
    "DSS-43": _site(-4460894.9092, 2682361.5401, -3674748.0458),
    # Madrid
    "DSS-53": _site(4849338.209, -360657.812, 4114746.173),
    "DSS-54": _site(4849434.5133, -360723.9325, 4114618.8160),
    "DSS-55": _site(4849525.2813, -360606.1255, 4114495.0650),
    "DSS-56": _site(4849421.679, -360549.659, 4114646.987),
    "DSS-63": _site(4849092.518, -360180.348, 4115109.251),
    "DSS-65": _site(4849339.634, -360427.6637, 4114750.733),
}

#: The 70 m antenna of each complex, which stands for it.
DSN_COMPLEXES: Mapping[str, GroundSite] = {
    "canberra": DSN_ANTENNAS["DSS-43"],
    "goldstone": DSN_ANTENNAS["DSS-14"],
    "madrid": DSN_ANTENNAS["DSS-63"],
}

#: The 35 m antennas of ESA's network.
ESTRACK_ANTENNAS: Mapping[str, GroundSite] = {
    "New_Norcia": GroundSite(body="earth", lat_deg=-31.0482254, lon_deg=116.1914978),
    "Cebreros": GroundSite(body="earth", lat_deg=40.4526901, lon_deg=355.6324501),
    "Malargue": GroundSite(body="earth", lat_deg=-35.7760086, lon_deg=290.6018066),
}

#: The Chinese Deep Space Network: 66 m at Jiamusi, four of 35 m at Kashi, 35 m at Zapala (Las Lajas, Argentina).
CDSN_ANTENNAS: Mapping[str, GroundSite] = {
    "Jiamusi": GroundSite(body="earth", lat_deg=46.4936, lon_deg=130.7708),
    "Kashi": GroundSite(body="earth", lat_deg=38.4214, lon_deg=76.7143),
    "Zapala": GroundSite(body="earth", lat_deg=-38.1914, lon_deg=289.8504),
}

#: All that have a name.
STATIONS: Mapping[str, GroundSite] = {**DSN_ANTENNAS, **DSN_COMPLEXES, **ESTRACK_ANTENNAS, **CDSN_ANTENNAS}


class NamedStation(GroundStation):
    """A ground station at one of the antennas, or at a complex, by name."""

    class Params(GroundStation.Params):
        """What a graph may change."""

        station: str = Field(description="antenna (DSS-14, Cebreros, Jiamusi) or complex of the DSN (goldstone)")

        @field_validator("station")
        @classmethod
        def _known(cls, name: str) -> str:
            named = {known.casefold(): known for known in STATIONS}.get(name.casefold())
            if named is None:
                raise ValueError(
                    f"{name!r} is no station that is known here{nearest(name, STATIONS)}; there are "
                    f"{', '.join(STATIONS)}"
                )
            return named

    params: Params

    @property
    def trajectory(self) -> GroundSite:
        """Where the antenna stands."""
        return STATIONS[self.params.station]


class CommandingStation(NamedStation):
    """A station with a line to those who operate spacecraft: it sends up what comes, and passes on events at once."""

    ports: ClassVar[tuple[str, ...]] = ("line",)

    line: Port

    async def run(self) -> None:
        """Receive, and transmit what is to be transmitted, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().run())
            tasks.create_task(self._transmit())

    async def _transmit(self) -> None:
        async for reception in self.line:
            # On a line that several stations share, another's news is nothing to send up.
            if not isinstance(reception.message, Event):
                self.xband.relay(reception)

    def _take_in(self, reception: Reception) -> None:
        super()._take_in(reception)
        if isinstance(reception.message, Event):
            self.line.relay(reception)
