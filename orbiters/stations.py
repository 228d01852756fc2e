"""Stations on Earth: the antennas of the Deep Space Network, and the one that stands for each complex.

Coordinates are ITRF2005 at epoch 2003.0 (plate motion since then, below 1 m, is left out). Sources: IAU Commission 4
(iau-comm4.jpl.nasa.gov/plan-eph-data/stations27oct2008.html) for DSS-14, 24, 34, 43, 54 and 65; table 1 of the paper
on the KPLO mission's DSN stations (JASS 40-2-79) for DSS-36, 53, 56 and 63.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator

from lightlag.nodes.ground_station import GroundStation

from .ephemeris import nearest
from .sites import GroundSite


def _site(x_m: float, y_m: float, z_m: float) -> GroundSite:
    return GroundSite(body="earth", xyz_km=(x_m / 1e3, y_m / 1e3, z_m / 1e3))


#: Antennas by name.
DSN_ANTENNAS: Mapping[str, GroundSite] = {
    # Goldstone
    "DSS-14": _site(-2353621.3873, -4641341.4492, 3677052.2629),
    "DSS-24": _site(-2354906.7043, -4646840.1231, 3669242.3109),
    # Canberra
    "DSS-34": _site(-4461147.1342, 2682439.3011, -3674393.0678),
    "DSS-36": _site(-4461168.415, 2682814.657, -3674083.901),
    "DSS-43": _site(-4460894.9092, 2682361.5401, -3674748.0458),
    # Madrid
    "DSS-53": _site(4849338.209, -360657.812, 4114746.173),
    "DSS-54": _site(4849434.5133, -360723.9325, 4114618.8160),
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

#: Antennas and complexes.
DSN_SITES: Mapping[str, GroundSite] = {**DSN_ANTENNAS, **DSN_COMPLEXES}


class DsnStation(GroundStation):
    """A ground station at one of the antennas, or at a complex, by name."""

    class Params(GroundStation.Params):
        """What a graph may change."""

        station: str = Field(description="antenna (DSS-14) or complex (goldstone)")

        @field_validator("station")
        @classmethod
        def _known(cls, name: str) -> str:
            if name not in DSN_SITES:
                raise ValueError(f"{name!r} is no station of the Deep Space Network{nearest(name, DSN_SITES)}")
            return name

    params: Params

    @property
    def trajectory(self) -> GroundSite:
        """Where the antenna stands."""
        return DSN_SITES[self.params.station]
