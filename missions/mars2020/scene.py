"""Jezero crater on landing day, as a camera in orbit sees it: the delta, the craters, and what comes down over them.

The ground is a drawing, not a map. A delta with lobes and a scarp stands north-west of the landing site, and one big
crater lies beyond it; relief, small craters and albedo are drawn from statistics and are the same in every run. The
vehicle is built to its published sizes and lit by the Sun of the moment.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lightlag.missions.mars2020.parachute import draw
from lightlag.missions.terrain import Crater, Field, Ground, fractal_tile, ground_texture, oblique_view
from lightlag.nodes.camera import MARS, PinholeCamera
from lightlag.nodes.scene import SceneObject
from lightlag.nodes.trajectory import Vector

_F = np.float32

#: Perseverance's landing site, planetocentric, IAU_MARS, at a radius of 3391.937 km
#: (m2020_surf_rover_loc_0000_0089_v1.bsp, NAIF).
_SITE_LAT_DEG, _SITE_LON_DEG = 18.44463, 77.45089
#: The crater floor there against the ellipsoid (radius 3394.173 km at that latitude).
_FLOOR_KM = 3391.937 - 3394.173
#: The node that comes down under a parachute.
_VEHICLE = "perseverance"
_SEED = 20210218

#: Detector (assumed, of HiRISE's order): electrons for a radiance factor of 1, read noise in electrons, and how much
#: of its light a pixel gives to each neighbour. The table to 8 bits takes off the haze and rounds off the highlights.
_ELECTRONS, _READ_NOISE, _SPREAD = _F(120_000), _F(60), _F(0.13)
_BLACK, _KNEE, _ROWS = _F(0.065), _F(0.16), 16

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


def _smooth(x: Field) -> Field:
    """From 0 to 1 as x goes from 0 to 1, level at both ends."""
    x = np.clip(x, _F(0), _F(1))
    return x * x * (_F(3) - _F(2) * x)


def _relief(east_m: Field, north_m: Field) -> tuple[Field, Field]:
    """Large forms: height (m) and albedo at places (east, north), m from the landing site."""
    broad = fractal_tile(_SEED, 0.9)
    rolling = broad.sample(east_m / _F(8.0), north_m / _F(8.0))
    patches = fractal_tile(_SEED + 1, 0.75).sample(north_m / _F(5.0), east_m / _F(5.0))
    inside = np.full_like(east_m, -1e9)
    for east, north, radius in _LOBES:
        inside = np.maximum(inside, _F(radius) - np.sqrt((east_m - _F(east)) ** 2 + (north_m - _F(north)) ** 2))
    inside += patches * _F(9.0) + rolling * _F(90.0)
    fan = _smooth(inside / _F(_FRONT_M))
    # Ledges on the scarp, where harder beds crop out.
    steps = np.floor(fan * _F(3))
    beds = _F(0.7) * fan + _F(0.1) * (steps + _smooth(fan * _F(3) - steps))
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


def develop(light: Field, seed: int) -> NDArray[np.uint8]:
    """What the detector makes of radiance factors: point spread, shot and read noise, 8 bits through a table.

    Works in blocks of rows; the noise is PCG64's, keyed by ``seed``.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    height, width = light.shape
    picture = np.empty((height, width), dtype=np.uint8)
    for top in range(0, height, _ROWS):
        stop = min(top + _ROWS, height)
        block = light[max(top - 1, 0) : stop + 1]
        block = np.pad(block, ((top == 0, stop == height), (1, 1)), mode="edge")
        block = (block[:-2] + block[2:]) * _SPREAD + block[1:-1] * (_F(1) - _SPREAD - _SPREAD)
        electrons = (block[:, :-2] + block[:, 2:]) * (_SPREAD * _ELECTRONS)
        electrons += block[:, 1:-1] * ((_F(1) - _SPREAD - _SPREAD) * _ELECTRONS)
        noise = rng.standard_normal(electrons.shape, dtype=_F)
        electrons += noise * np.sqrt(np.maximum(electrons, _F(0)) + _READ_NOISE * _READ_NOISE)
        above = np.maximum(electrons * (_F(1) / _ELECTRONS) - _BLACK, _F(0))
        picture[top:stop] = np.minimum(_F(255 * 1.36) * above / (above + _KNEE) + _F(0.5), _F(255))
    return picture


class JezeroScene:
    """Jezero crater, and Perseverance if it is in sight."""

    def render(
        self, camera: PinholeCamera, sun: Vector, objects: Sequence[SceneObject], seed: int
    ) -> NDArray[np.uint8]:
        """The picture (window height, window width); see ``lightlag.nodes.scene.Scene``."""
        light = oblique_view(jezero_ground(), camera, sun)
        for thing in objects:
            if thing.name == _VEHICLE:
                draw(light, camera, sun, thing)
        return develop(light, seed)


#: What a camera's ``scene`` names as ``lightlag.missions.mars2020.scene:JEZERO``.
JEZERO = JezeroScene()
