"""Gale crater on landing day, as a camera in orbit sees it: etched plains, and the dark dunes to the south of them.

The ground is a drawing, not a map. Light bedrock stands in patches out of a rolling plain that few craters have hit;
south of the site, toward the mountain, dark dunes lie across it. Relief, craters and albedo are drawn from statistics
and are the same in every run.
"""

from __future__ import annotations

import numpy as np

from lightlag.missions.parachute import GORES, Canopy
from lightlag.missions.scene import SiteScene
from lightlag.missions.terrain import Crater, Field, Ground, fractal_tile, ground_texture, smooth
from lightlag.nodes.camera import MARS

from .landing import CuriosityLanding

_F = np.float32
_SEED = 20120806
#: A crater of two hundred metres in the picture of the descent (assumed).
_CRATER = Crater(1830.0, 330.0, 105.0, 0.13, (0.06, 0.1, -0.02))
#: Where the plain ends and the dunes begin, m south of the site (nearer than the real ones, 5 km away, so that the
#: picture of the descent reaches them), how far apart their crests are, and how high they stand (all assumed).
_DUNES_M, _CREST_M, _DUNE_M = 130.0, 105.0, 4.5


def _relief(east_m: Field, north_m: Field) -> tuple[Field, Field]:
    """Large forms: height (m) and albedo at places (east, north), m from the landing site."""
    rolling = fractal_tile(_SEED, 0.9).sample(east_m / _F(9.0), north_m / _F(9.0))
    patches = fractal_tile(_SEED + 1, 0.7).sample(north_m / _F(3.0), east_m / _F(3.0))
    ragged = fractal_tile(_SEED + 3, 0.55).sample(east_m / _F(1.5), north_m / _F(1.5))
    # Bedrock: plateaus with scarps of a few metres, and on them the etching of the wind.
    rock = smooth((patches - _F(0.15)) * _F(2.2))
    height = rolling * _F(16.0) + rock * (_F(5.0) + _F(1.6) * ragged)
    # Dunes: crests across the wind, bent by the ground that they lie on, steeper in their lee.
    cover = smooth((-north_m - _F(_DUNES_M) + rolling * _F(110.0) + patches * _F(60.0)) / _F(140.0))
    phase = (east_m * _F(0.83) - north_m * _F(0.56) + rolling * _F(150.0) + patches * _F(26.0)) / _F(_CREST_M)
    phase -= np.floor(phase)
    crest = np.minimum(phase / _F(0.72), (_F(1) - phase) / _F(0.28))
    height += cover * (smooth(crest) * _F(_DUNE_M) - rock * _F(4.0))
    height += _CRATER.height(east_m, north_m)
    albedo = _F(0.205) + _F(0.03) * rock + _F(0.012) * ragged * rock - _F(0.01) * rolling - _F(0.06) * cover
    return height, np.clip(albedo, _F(0.1), _F(0.3))


def gale_ground() -> Ground:
    """The ground of Gale crater, as drawn here."""
    site = CuriosityLanding.model_validate({}).site
    level = MARS.point_km(site.lat_deg, site.lon_deg, 0.0)
    floor_km = site.radius_km - float(np.sqrt(sum(x * x for x in level)))
    return Ground(
        surface=MARS.raised(floor_km),
        site_km=MARS.point_km(site.lat_deg, site.lon_deg, floor_km),
        relief=_relief,
        texture=ground_texture(_SEED + 2),
        seed=_SEED,
        crater_levels=range(4, 8),
        craters_over_100m_per_km2=0.9,  # assumed; a younger plain than Jezero's
        crater_slope=2.4,
    )


#: White, with a red band; so it looks in pictures of the canopy on the ground.
_CANOPY = Canopy(disk=np.zeros((1, GORES), dtype=bool), band=np.ones((1, GORES), dtype=bool))
#: What a camera's ``scene`` names as ``lightlag.missions.msl.scene:GALE``.
GALE = SiteScene(gale_ground, vehicle="curiosity", canopy=_CANOPY)
