"""Lambert's problem: the velocities at both ends of a path about one body, from two places and the time between."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError

Array = NDArray[np.float64]

_TURNS = 200


def lambert(r1_km: Array, r2_km: Array, time_s: float, gm_km3_s2: float, pole: Array) -> tuple[Array, Array]:
    """Velocities (km/s) at ``r1_km`` and ``r2_km``, less than once around, counter-clockwise as seen from ``pole``.

    By universal variables, the time of flight halved (Bate, Mueller and White, Fundamentals of Astrodynamics, 5.3).

    Raises:
        GraphError: the two places lie opposite to each other, so that there is no one plane; or no path takes so long.
    """
    r1, r2 = float(np.linalg.norm(r1_km)), float(np.linalg.norm(r2_km))
    angle = math.acos(max(-1.0, min(1.0, float(r1_km @ r2_km) / (r1 * r2))))
    if float(np.cross(r1_km, r2_km) @ pole) < 0:
        angle = math.tau - angle
    a = math.sin(angle) * math.sqrt(r1 * r2 / (1.0 - math.cos(angle)))
    if abs(a) < 1e-6 * r1:
        raise GraphError("the places of departure and arrival lie opposite to each other: choose another day")
    low, high = -4.0 * math.pi**2, 4.0 * math.pi**2
    y = 0.0
    for _ in range(_TURNS):
        z = (low + high) / 2
        c, s = _stumpff(z)
        y = r1 + r2 + a * (z * s - 1.0) / math.sqrt(c)
        if y < 0 or ((y / c) ** 1.5 * s + a * math.sqrt(y)) / math.sqrt(gm_km3_s2) < time_s:
            low = z
        else:
            high = z
    if y <= 0:
        raise GraphError(f"no path takes {time_s / 86_400:.0f} days there: choose other days")
    f, g, g_dot = 1.0 - y / r1, a * math.sqrt(y / gm_km3_s2), 1.0 - y / r2
    return (r2_km - f * r1_km) / g, (g_dot * r2_km - r1_km) / g


def _stumpff(z: float) -> tuple[float, float]:
    if z > 1e-6:
        root = math.sqrt(z)
        return (1.0 - math.cos(root)) / z, (root - math.sin(root)) / root**3
    if z < -1e-6:
        root = math.sqrt(-z)
        return (1.0 - math.cosh(root)) / z, (math.sinh(root) - root) / root**3
    return 0.5 - z / 24.0, 1.0 / 6.0 - z / 120.0
