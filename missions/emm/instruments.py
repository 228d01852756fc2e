"""Instruments that look at all of Mars: how one is declared, and what it brings home, a picture with its geometry."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lightlag.nodes.camera import MARS, PinholeCamera, Window, angle_deg
from lightlag.nodes.params import NodeParams
from lightlag.nodes.trajectory import Vector
from lightlag.nodes.units import Seconds, Utc

#: A field that is wider than this many pixels is not drawn: 16 MB.
_MOST_PX = 4096
_CENTRE, _NORTH = (0.0, 0.0, 0.0), (0.0, 0.0, 1.0)


class InstrumentSpec(NodeParams):
    """An instrument that looks at the whole planet, again and again."""

    sees: Literal["visible", "infrared", "ultraviolet"] = Field(description="the light that it looks at")
    first: Utc = Field(description="its first observation, UTC at the spacecraft")
    every: Seconds = Field(gt=0, description="from one observation to the next")
    pixel_rad: float = Field(gt=0, description="angle of one picture element, rad")
    field: float = Field(default=1.1, gt=1, le=20, description="half width of what it looks at, in radii of the planet")


class Observation(NamedTuple):
    """What an instrument saw: pixels (height, width), row 0 at the top, north up; and the geometry in figures."""

    pixels: NDArray[np.uint8]
    facts: dict[str, float]


def observe(spec: InstrumentSpec, position_km: Vector, sun: Vector) -> Observation:
    """Look at the planet from ``position_km``, both it and the direction of the Sun in body-fixed axes (km)."""
    from lightlag.missions.globe import Globe  # half a second that a node without instruments need not spend

    range_km = math.hypot(*position_km)
    altitude_km = range_km - MARS.equatorial_km
    across = spec.field * MARS.equatorial_km / math.sqrt(range_km**2 - MARS.equatorial_km**2)
    size = min(_MOST_PX, 2 * math.ceil(across / spec.pixel_rad))
    window = Window(-size // 2, -size // 2, size, size)
    camera = PinholeCamera.aimed(position_km, _CENTRE, _NORTH, spec.pixel_rad, window)
    longitude, suns = (math.degrees(math.atan2(place[1], place[0])) for place in (position_km, sun))
    facts = {
        "altitude_km": altitude_km,
        "scale_m_px": altitude_km * spec.pixel_rad * 1e3,
        "phase_deg": angle_deg(position_km, sun),
        "latitude_below_deg": math.degrees(math.asin(position_km[2] / range_km)),
        "longitude_below_deg": longitude % 360.0,
        "local_time_below_h": (12.0 + (longitude - suns) / 15.0) % 24.0,
    }
    return Observation(Globe(spec.sees).render(camera, sun), facts)
