"""What a camera on a rover sees: ground up to the horizon and sky, from a height of a metre or two.

The ground is a ``Ground`` of ``missions.terrain``, the same that a camera in orbit sees, with soil and stones of a
kind added that are too small for that one. It is a drawing: large forms are the mission's, all that is near is drawn
from statistics. The picture is cylindrical: columns are azimuths and rows are elevations, evenly spaced. In every
column samples of the ground run away from the eye; what stands higher hides what is behind it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lightlag.missions.terrain import Field, Ground, fractal_tile
from lightlag.nodes.camera import dot
from lightlag.nodes.trajectory import Vector

_F = np.float32
#: Distances over flat ground, per row below the horizon, as far as _FLAT_M; beyond it so many more, to _FAR_M.
_PER_ROW, _FLAT_M, _FAR, _FAR_M = 2.0, 60.0, 260, 14_000.0
#: Radiance of the sky at the horizon and overhead, as shares of full light on white ground, and how far haze lets see.
_SKY_LOW, _SKY_HIGH, _HAZE_M = 0.3, 0.2, 11_000.0
#: Light from the sky, as a share of all on level ground.
_SKY_LIGHT = 0.25
#: Soil: wavelengths and heights of its roughness, m.
_SOIL = ((0.12, 0.003), (0.5, 0.011), (2.0, 0.035), (9.0, 0.1))
#: Where a rover lands it is flat: large forms rise to half their height at this distance (assumed).
_LEVEL_M = 700.0
#: Stones are told one by one as far as this: so many per m2 of more than the least diameter (m), fewer the larger they
#: are, by this power. Assumed, of the order of counts at landing sites.
_STONES_M, _STONES_M2, _LEAST_M, _STONES_SLOPE, _MOST_M = 60.0, 0.7, 0.06, 2.1, 0.8


class Eye(NamedTuple):
    """A camera on a mast: height (m), azimuth of the middle, elevation of the middle, width of the view (deg)."""

    height_m: float
    azimuth_deg: float
    elevation_deg: float
    width_deg: float


def ground_view(ground: Ground, eye: Eye, size: tuple[int, int], sun: Vector) -> Field:
    """Radiance factor (0 to about 0.5) of each pixel, (height, width) of ``size``; ``sun`` body-fixed, any length."""
    rows, columns = size
    pixel = math.radians(eye.width_deg) / columns
    up = np.array(sun) / math.sqrt(float(dot(np.array(sun), np.array(sun))))
    east, north, zenith = (float(dot(up, axis)) for axis in ground.axes())
    azimuth = np.radians(eye.azimuth_deg) + (np.arange(columns) - columns / 2 + 0.5) * pixel
    elevation = np.radians(eye.elevation_deg) - (np.arange(rows) - rows / 2 + 0.5) * pixel

    distance = _distances(eye, float(elevation[-1]), pixel)
    sine, cosine = np.sin(azimuth).astype(_F), np.cos(azimuth).astype(_F)
    x, y = distance[:, np.newaxis] * sine, distance[:, np.newaxis] * cosine
    height, albedo = ground.relief(x, y)
    height = height - _F(ground.relief(np.zeros((1, 1), _F), np.zeros((1, 1), _F))[0][0, 0])
    height = height * (distance / (distance + _F(_LEVEL_M)))[:, np.newaxis]
    blur_m = np.maximum(distance * _F(2 * pixel), np.gradient(distance))[:, np.newaxis]
    for number, (wave_m, rise_m) in enumerate(_SOIL):
        # A tile's relief is strongest at its full width; a wavelength is taken as eight texels of it.
        soil = fractal_tile(ground.seed + 11 + number, 0.5).sample(x * _F(8 / wave_m), y * _F(8 / wave_m))
        height = height + soil * np.clip(_F(1.5) - blur_m / _F(0.6 * wave_m), 0, 1) * _F(rise_m)
        albedo = albedo + soil * _F(0.009)
    lit = _strew(ground.seed, (x, y), (distance, azimuth), height, (east, north, zenith))

    # Slopes away from the eye and to the right of it, and the Sun in the same axes.
    away = np.gradient(height, axis=0) / np.gradient(distance)[:, np.newaxis]
    across = np.gradient(height, axis=1) / (distance[:, np.newaxis] * _F(pixel))
    facing = (
        _F(zenith) - away * (_F(east) * sine + _F(north) * cosine) - across * (_F(east) * cosine - _F(north) * sine)
    )
    facing = np.maximum(facing, _F(0)) / np.sqrt(1 + away * away + across * across)
    light = albedo * (_F(_SKY_LIGHT * max(zenith, 0.0)) + _F(1 - _SKY_LIGHT) * facing * lit + _F(0.01))
    haze = np.exp(-distance / _F(_HAZE_M))[:, np.newaxis]
    light = light * haze + _F(_SKY_LOW * max(zenith, 0.05)) * (1 - haze)

    seen = np.arctan2(height - _F(eye.height_m), distance[:, np.newaxis])
    skyline = np.maximum.accumulate(seen, axis=0)
    picture = np.empty((rows, columns), dtype=_F)
    sky = _sky(elevation, azimuth, (east, north, zenith))
    for column in range(columns):
        at = np.searchsorted(skyline[:, column], elevation.astype(_F))
        ground_here = at < len(distance)
        picture[:, column] = np.where(ground_here, light[np.minimum(at, len(distance) - 1), column], sky[:, column])
    return picture


def _distances(eye: Eye, lowest_rad: float, pixel: float) -> Field:
    """Distances of the samples in a column, m: even in rows over flat ground near by, even in their ratio far away."""
    nearest = 0.6 * eye.height_m / math.tan(min(1.45, max(0.02, -lowest_rad)))
    steps = int(_PER_ROW * (math.atan(eye.height_m / nearest) - math.atan(eye.height_m / _FLAT_M)) / pixel)
    low = np.linspace(math.atan(eye.height_m / nearest), math.atan(eye.height_m / _FLAT_M), max(steps, 2))
    far = np.geomspace(_FLAT_M, _FAR_M, _FAR + 1)[1:]
    return np.concatenate([eye.height_m / np.tan(low), far]).astype(_F)


def _strew(seed: int, place: tuple[Field, Field], polar: tuple[Field, np.ndarray], height: Field, sun: Vector) -> Field:
    """Put stones on the ground, in place; how much of the Sun reaches each sample past them, 0 or 1, softly.

    The same stones lie there whoever looks. Each is half an ellipsoid, and casts a shadow of that shape.
    """
    (x, y), (distance, azimuth), (east, north, zenith) = place, polar, sun
    lit = np.ones_like(height)
    rough = fractal_tile(seed + 19, 0.6).sample(x * _F(60.0), y * _F(60.0))
    flat = math.hypot(east, north)
    toward = (east / flat, north / flat) if flat > 1e-6 else (0.0, 1.0)
    rng = np.random.Generator(np.random.PCG64([seed, 7]))
    count = int(_STONES_M2 * math.pi * _STONES_M**2)
    draws = rng.random((count, 6))
    middle, half = float(azimuth[len(azimuth) // 2]), float(azimuth[-1] - azimuth[0]) / 2
    for far, bearing, size, flatness, stretch, turn in draws.tolist():
        away_m, heading = _STONES_M * math.sqrt(far), math.tau * bearing
        radius = min(_LEAST_M * (1 - size) ** (-1 / _STONES_SLOPE), _MOST_M) / 2
        rise = radius * (0.35 + 0.55 * flatness)
        shadow = min(rise * flat / max(zenith, 0.05), 12 * radius)
        reach = 1.4 * radius + shadow
        aside = (heading - middle + math.pi) % math.tau - math.pi
        if away_m < 1.0 or abs(aside) > half + reach / away_m:
            continue
        rows = slice(*np.searchsorted(distance, (away_m - reach, away_m + reach)).tolist())
        left, right = np.searchsorted(
            azimuth, (middle + aside - reach / away_m, middle + aside + reach / away_m)
        ).tolist()
        if rows.start == rows.stop or left == right:
            continue
        box = rows, slice(left, right)
        dx, dy = x[box] - _F(away_m * math.sin(heading)), y[box] - _F(away_m * math.cos(heading))
        c, s = math.cos(math.pi * turn), math.sin(math.pi * turn)
        dx = dx + rough[box] * _F(0.3 * radius)  # no stone is quite round
        long, wide = _F(1 / (radius * (1 + 0.35 * stretch))), _F(1 / radius)
        q = ((dx * _F(c) + dy * _F(s)) * long) ** 2 + ((dy * _F(c) - dx * _F(s)) * wide) ** 2
        along = -(dx * _F(toward[0]) + dy * _F(toward[1])) / _F(radius + shadow)
        across = (dx * _F(toward[1]) - dy * _F(toward[0])) / _F(radius)
        shade = np.clip((1 - along * along - across * across) * _F(4), 0, 1) * (along > 0) * (q > 1)
        lit[box] *= 1 - _F(0.9) * shade
        # The bare top is rounder than an ellipsoid, so that stones have edges to the ground and faces.
        height[box] += np.maximum(1 - q * q, 0) ** _F(0.6) * (1 + _F(0.25) * rough[box]) * _F(rise)
    return lit


def _sky(elevation: np.ndarray, azimuth: np.ndarray, sun: Vector) -> Field:
    """A dusty sky: brighter at the horizon and around the Sun."""
    east, north, zenith = sun
    high = np.clip(elevation, 0, None)[:, np.newaxis]
    toward = np.cos(high) * (np.sin(azimuth) * east + np.cos(azimuth) * north) + np.sin(high) * zenith
    glow = 0.14 * np.clip(toward, 0, 1) ** 8
    base = _SKY_HIGH + (_SKY_LOW - _SKY_HIGH) * np.exp(-high / 0.35)
    return np.asarray((base + glow) * max(zenith, 0.05) ** 0.5, dtype=_F)
