"""A vehicle under its parachute, drawn to size: a disk-gap-band canopy, its lines, and the backshell below.

The sizes are those that Curiosity and Perseverance shared; the colours of a canopy's gores are its mission's. Every
part is a surface of revolution about the axis of the airflow whose radius squared is quadratic in height, so one
ray intersection serves the dome, the band and the backshell. The vehicle covers a few thousand samples of a picture;
they are cast several to a pixel and averaged. Lengths are metres above the vehicle's position, along the axis.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.missions.terrain import Field
from lightlag.nodes.camera import Doubles, PinholeCamera, dot, unit
from lightlag.nodes.scene import SceneObject
from lightlag.nodes.trajectory import Vector

#: Nominal diameter (NASA press kit) of the canopy, taken as its width in flight; real ones inflate to about 0.7 of it.
CANOPY_M = 21.5
#: Suspension lines: 1.7 D0, assumed from the Viking family of disk-gap-band parachutes. They meet above the bridle.
LINES_M, CONFLUENCE_M = 1.7 * CANOPY_M, 5.0
#: Gap and band of the Viking design, as heights (assumed: 0.042 and 0.121 D0), and the dome's rise (assumed).
_GAP_M, _BAND_M, _DOME_M = 0.042 * CANOPY_M, 0.121 * CANOPY_M, 0.31 * CANOPY_M
#: Diameter of the aeroshell, and the height of the backshell's cone (assumed). The heat shield is gone by now.
CAPSULE_M, _BACKSHELL_M = 4.5, 2.3

_RADIUS_M = CANOPY_M / 2
_SKIRT_M = CONFLUENCE_M + math.sqrt(LINES_M**2 - _RADIUS_M**2)
_HEM_M = _SKIRT_M + _BAND_M + _GAP_M
#: The highest point of the canopy over the vehicle.
APEX_M = _HEM_M + _DOME_M

#: Rays per pixel and axis, and metres of margin around the vehicle.
_FINE, _MARGIN_M = 6, 4.0
#: Real lines are millimetres thick and invisible from here; these are drawn thick enough to be seen, and fewer.
_DRAWN_LINES, _LINE_WIDTH_M = 20, 0.055
#: Of the canopy, around its axis.
GORES = 80
_WHITE, _RED, _SHELL, _BELLY, _CORD = 0.46, 0.2, 0.36, 0.1, 0.5


class Canopy(NamedTuple):
    """Which gores are red and which white: (rings, gores) of the disk from the inside out, and of the band."""

    disk: NDArray[np.bool_]
    band: NDArray[np.bool_]


class _Part(NamedTuple):
    """A surface of revolution: radius^2 = a + b z + c z^2 between two heights; rings of gores, from the top down."""

    low_m: float
    high_m: float
    a: float
    b: float
    c: float
    albedo: float
    gores: NDArray[np.bool_] | None


def _dome(gores: NDArray[np.bool_]) -> _Part:
    squash = (_RADIUS_M / _DOME_M) ** 2
    a, b = _RADIUS_M**2 - squash * _HEM_M**2, 2 * squash * _HEM_M
    return _Part(_HEM_M, APEX_M - 0.04 * _DOME_M, a, b, -squash, _WHITE, gores)


def _cone(low_m: float, high_m: float, base_m: float, top_m: float, albedo: float) -> _Part:
    taper = (base_m - top_m) / (high_m - low_m)
    at_zero = base_m + taper * low_m
    return _Part(low_m, high_m, at_zero**2, -2 * at_zero * taper, taper**2, albedo, None)


def _parts(canopy: Canopy) -> tuple[_Part, ...]:
    return (
        _dome(canopy.disk),
        _Part(_SKIRT_M, _SKIRT_M + _BAND_M, _RADIUS_M**2, 0.0, 0.0, _WHITE, canopy.band),
        _cone(0.0, _BACKSHELL_M, CAPSULE_M / 2, 0.45 * CAPSULE_M / 2, _SHELL),
        _cone(_BACKSHELL_M, _BACKSHELL_M + 0.8, 0.9, 0.7, _SHELL),
        _cone(-0.9, 0.0, 0.3 * CAPSULE_M, 0.36 * CAPSULE_M, _BELLY),
    )


def draw(picture: Field, camera: PinholeCamera, sun: Vector, vehicle: SceneObject, canopy: Canopy) -> None:
    """Draw ``vehicle`` under its ``canopy`` into ``picture``; in place.

    ``picture`` holds the radiance factors (height, width) of ``camera``'s window. The canopy trails: it stands opposite
    to the velocity relative to the air. Without such a velocity, or behind the camera, there is nothing to see.
    """
    sight = np.subtract(vehicle.position_km, camera.position_km)
    if not any(vehicle.velocity_km_s) or float(dot(sight, np.array(camera.boresight))) <= 0:
        return
    axis = -unit(vehicle.velocity_km_s)
    points = np.array(vehicle.position_km) + np.array([[-1e-3], [APEX_M * 1e-3]]) * axis
    columns, rows = camera.project(points)
    m_px = math.sqrt(float(dot(sight, sight))) * camera.ifov_rad * 1e3
    room = (_RADIUS_M + _MARGIN_M) / m_px
    left, right = max(0, int(columns.min() - room)), min(picture.shape[1], int(columns.max() + room))
    top, bottom = max(0, int(rows.min() - room)), min(picture.shape[0], int(rows.max() + room))
    if left >= right or top >= bottom:
        return

    # Sample positions in the plane of the picture through the vehicle, m, then in the vehicle's own axes.
    foot = camera.project(vehicle.position_km)
    x = ((np.arange((right - left) * _FINE) + 0.5) / _FINE - 0.5 + left - float(foot[0])) * m_px
    y = -((np.arange((bottom - top) * _FINE) + 0.5) / _FINE - 0.5 + top - float(foot[1])) * m_px
    forward = unit(sight)
    across = unit(np.cross(forward, axis))
    turned = np.stack([across, np.cross(axis, across), axis])
    screen = x[np.newaxis, :, np.newaxis] * dot(turned, camera.right) + y[:, np.newaxis, np.newaxis] * dot(
        turned, np.array(camera.up)
    )
    ray, light = dot(turned, forward), dot(turned, np.array(sun))

    nearest = np.full(screen.shape[:2], np.inf)
    shade = np.zeros(screen.shape[:2])
    for part in _parts(canopy):
        _cast(part, screen, ray, light, nearest, shade)
    cover = np.isfinite(nearest).astype(np.float64)
    cords = _lines(x, y, dot(np.stack([camera.right, np.array(camera.up)]), axis), turned, camera) * (1.0 - cover)
    cover += cords
    shade += cords * _CORD * 0.8

    def pixel(samples: Doubles) -> Field:
        boxes = samples.reshape(bottom - top, _FINE, right - left, _FINE)
        return np.asarray(boxes.mean(axis=(1, 3)), dtype=np.float32)

    patch = picture[top:bottom, left:right]
    patch *= np.float32(1) - pixel(cover)
    patch += pixel(shade)


def _cast(part: _Part, start: Doubles, ray: Doubles, light: Doubles, nearest: Doubles, shade: Doubles) -> None:
    """Meet the rays start + t ray with one part; where it is the nearest yet, note the distance and what is seen."""
    x, y, z = start[..., 0], start[..., 1], start[..., 2]
    dx, dy, dz = (float(value) for value in ray)
    # x^2 + y^2 - (a + b z + c z^2) = 0 along the ray.
    k2 = dx * dx + dy * dy - part.c * dz * dz
    k1 = 2 * (x * dx + y * dy) - part.b * dz - 2 * part.c * z * dz
    k0 = x * x + y * y - part.a - part.b * z - part.c * z * z
    room = k1 * k1 - 4 * k2 * k0
    root = np.sqrt(np.maximum(room, 0.0))
    for outside, t in ((True, (-k1 - root) / (2 * k2)), (False, (-k1 + root) / (2 * k2))):
        height = z + t * dz
        hit = (room > 0) & (height >= part.low_m) & (height <= part.high_m) & (t < nearest)
        nx, ny, nz = x[hit] + t[hit] * dx, y[hit] + t[hit] * dy, -(part.b + 2 * part.c * height[hit]) / 2
        facing = (nx * light[0] + ny * light[1] + nz * light[2]) / np.sqrt(nx * nx + ny * ny + nz * nz)
        albedo = np.full(facing.shape, part.albedo)
        if part.gores is not None:
            rings, gores = part.gores.shape
            down = (part.high_m - height[hit]) / (part.high_m - part.low_m)
            ring = np.minimum((np.sqrt(down) if rings > 1 else down) * rings, rings - 1).astype(np.intp)
            gore = ((np.arctan2(ny, nx) / math.tau + 0.5) * gores).astype(np.intp) % gores
            albedo = np.where(part.gores[ring, gore], _RED, _WHITE)
        # Fabric lets a third of the light through from behind; the sky fills the shadows a little.
        lit = np.maximum(facing, 0.0) + 0.3 * np.maximum(-facing, 0.0) * (part.gores is not None)
        shade[hit] = albedo * (lit + 0.1) * (1.0 if outside else 0.45)
        nearest[hit] = t[hit]


def _lines(x: Doubles, y: Doubles, axis: Doubles, turned: Doubles, camera: PinholeCamera) -> Doubles:
    """How much of each sample the suspension lines and the bridle cover, 0 to 1."""
    picture_axes = np.stack([camera.right, np.array(camera.up)])
    sides = [dot(picture_axes, side) for side in (turned[0], turned[1])]
    knot = CONFLUENCE_M * axis
    ends = [(axis * (_BACKSHELL_M + 0.8), knot, 2 * _LINE_WIDTH_M)]
    for k in range(_DRAWN_LINES):
        turn = math.tau * (k + 0.5) / _DRAWN_LINES
        skirt = _SKIRT_M * axis + _RADIUS_M * (math.cos(turn) * sides[0] + math.sin(turn) * sides[1])
        ends.append((knot, skirt, _LINE_WIDTH_M))
    cover = np.zeros((y.size, x.size))
    grain = abs(float(x[1] - x[0]))
    for (x0, y0), (x1, y1), width in ends:
        length = math.hypot(x1 - x0, y1 - y0)
        ex, ey = (x1 - x0) / length, (y1 - y0) / length
        along = (x - x0)[np.newaxis, :] * ex + (y - y0)[:, np.newaxis] * ey
        off = np.abs((x - x0)[np.newaxis, :] * ey - (y - y0)[:, np.newaxis] * ex)
        # A line thinner than a sample covers its share of it.
        share = np.clip(1.0 - off / grain, 0.0, 1.0) * min(1.0, width / grain)
        cover += np.where((along >= 0) & (along <= length), share, 0.0)
    return np.minimum(cover, 1.0)
