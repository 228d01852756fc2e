"""Jezero crater on landing day, as a camera in orbit sees it: the delta, the craters, and what comes down over them.

The ground is a drawing, not a map. A delta with lobes and a scarp stands north-west of the landing site, and one big
crater lies beyond it; relief, small craters and albedo are drawn from statistics and are the same in every run. The
vehicle is built to its published sizes and lit by the Sun of the moment.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lightlag.missions.parachute import GORES, Canopy
from lightlag.missions.scene import SiteScene
from lightlag.missions.terrain import Crater, Field, Ground, fractal_tile, ground_texture, smooth
from lightlag.nodes.camera import MARS

_F = np.float32

#: Perseverance's landing site, planetocentric, IAU_MARS, at a radius of 3391.937 km
#: (m2020_surf_rover_loc_0000_0089_v1.bsp, NAIF).
_SITE_LAT_DEG, _SITE_LON_DEG = 18.44463, 77.45089
#: The crater floor there against the ellipsoid (radius 3394.173 km at that latitude).
_FLOOR_KM = 3391.937 - 3394.173
_SEED = 20210218

#: The western delta as a union of discs: centre (east, north) from the landing site and radius, m. The channel enters
#: in the west; the real fan lies around 18.48 N 77.36 E and ends 2 km from the landing site. The lobes in the
#: north-east are drawn some 2 km farther out than they reach today, to where they come into the picture of the descent.
_LOBES = (
    (-6200.0, 1500.0, 4000.0),
    (-3300.0, 4600.0, 2900.0),
    (-3900.0, 2300.0, 1900.0),
    (-4400.0, 300.0, 1700.0),
    (-900.0, 4400.0, 1450.0),
    (-1500.0, 6400.0, 1500.0),
    (-2300.0, 8200.0, 1500.0),
)
#: Height of the fan over the floor, and width of its scarp, m (both assumed).
_DELTA_M, _FRONT_M = 60.0, 330.0
#: Two craters of about a kilometre: one in the picture of the descent, one south of the delta (both assumed).
_BIG_CRATERS = (Crater(2330.0, 5720.0, 380.0, 0.13, (0.08, -0.1, 0.03)), Crater(-2600.0, -4300.0, 620.0, 0.14))


def _relief(east_m: Field, north_m: Field) -> tuple[Field, Field]:
    """Large forms: height (m) and albedo at places (east, north), m from the landing site."""
    broad = fractal_tile(_SEED, 0.9)
    rolling = broad.sample(east_m / _F(8.0), north_m / _F(8.0))
    patches = fractal_tile(_SEED + 1, 0.75).sample(north_m / _F(5.0), east_m / _F(5.0))
    inside = np.full_like(east_m, -1e9)
    for east, north, radius in _LOBES:
        inside = np.maximum(inside, _F(radius) - np.sqrt((east_m - _F(east)) ** 2 + (north_m - _F(north)) ** 2))
    inside += patches * _F(9.0) + rolling * _F(90.0)
    fan = smooth(inside / _F(_FRONT_M))
    # Ledges on the scarp, where harder beds crop out.
    steps = np.floor(fan * _F(3))
    beds = _F(0.7) * fan + _F(0.1) * (steps + smooth(fan * _F(3) - steps))
    height = rolling * _F(22.0) + patches * _F(2.5) + beds * (_F(_DELTA_M) + patches * _F(3.0))
    for crater in _BIG_CRATERS:
        height += crater.height(east_m, north_m)
    strata = np.abs(fan * _F(5) - np.floor(fan * _F(5) + _F(0.5))) * (fan < 1)
    albedo = _F(0.2) + _F(0.022) * patches - _F(0.012) * rolling + _F(0.025) * fan + _F(0.05) * strata
    return height, np.clip(albedo, _F(0.12), _F(0.32))


def jezero_ground() -> Ground:
    """The ground of Jezero crater, as drawn here."""
    return Ground(
        surface=MARS.raised(_FLOOR_KM),
        site_km=MARS.point_km(_SITE_LAT_DEG, _SITE_LON_DEG, _FLOOR_KM),
        relief=_relief,
        texture=ground_texture(_SEED + 2),
        seed=_SEED,
        crater_levels=range(4, 8),
        craters_over_100m_per_km2=2.0,  # assumed; of the order of counts on old plains of Mars
        crater_slope=2.1,
    )


def _ring(words: str) -> NDArray[np.bool_]:
    """Eighty gores that spell ``words``: ten bits a letter (A = 1) or number, the rest filled with 0001111111.

    The canopy of 2021 said so in red and white: "dare mighty things" from the inside out, and where it was sewn.
    """
    numbers = [int(word) if word.isdigit() else ord(word) - 64 for word in words.split()]
    numbers += [127] * (GORES // 10 - len(numbers))
    return np.array([bit == "1" for number in numbers for bit in f"{number:010b}"])


_CANOPY = Canopy(
    disk=np.stack([_ring("D A R E"), _ring("M I G H T Y"), _ring("T H I N G S")]),
    band=_ring("34 11 58 N 118 10 31 W")[np.newaxis],
)
#: What a camera's ``scene`` names as ``lightlag.missions.mars2020.scene:JEZERO``.
JEZERO = SiteScene(jezero_ground, vehicle="perseverance", canopy=_CANOPY)
