"""The fall of the capsule through the Earth's air, integrated from 125 km to the ground: no lift, no parachute.

In axes that stand still and are Earth-fixed when it enters, as the ascent is. Forces: gravity with J2, and drag of an
atmosphere that turns with the Earth. The one figure of the capsule is its mass over its drag area; it is fitted to the
40 m/s at which NASA's passive capsule is to come down. That it takes about six minutes is published, too, and was not
fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ascent import between, on_the_ground

Array = NDArray[np.float64]

#: Earth: GM (gm_de440.tpc), J2 (EGM96), the ellipsoid (pck00010.tpc), what it turns by.
GM_KM3_S2, J2 = 398600.435507, 1.08263e-3
EQUATOR_KM, POLE_KM = 6378.1366, 6356.7519
TURN_RAD_S = 7.292115e-5
#: Entry interface, over the equator's radius.
INTERFACE_KM = 125.0
#: Mass over drag area, kg/m2 (a fit: 40 m/s at the ground), and the height of the ground in the west of Utah.
BALLISTIC_KG_M2 = 88.0
GROUND_KM = 1.3
#: Density at 0, 10, 20, .. 120 km (kg/m3). Source: U.S. Standard Atmosphere 1976.
DENSITY = (
    1.225, 4.1351e-1, 8.8910e-2, 1.8410e-2, 3.9957e-3, 1.0269e-3, 3.0968e-4, 8.2829e-5, 1.8458e-5, 3.416e-6, 5.604e-7,
    9.708e-8, 2.222e-8,
)  # fmt: skip
_STEP_S = 0.25
_MOST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Fall:
    """States (n, 6; km, km/s) at times after entry, in the axes of the entry; the last is on the ground."""

    times_s: Array
    states: Array
    peak_g: float

    @property
    def end_s(self) -> float:
        """How long it took."""
        return float(self.times_s[-1])

    @property
    def touchdown_m_s(self) -> float:
        """How fast it meets the ground, which moves."""
        ground = on_the_ground(self.states[-1, :3], TURN_RAD_S, np.zeros(1))[0, 3:]
        return 1e3 * float(np.linalg.norm(self.states[-1, 3:] - ground))

    def at(self, t_s: Array) -> Array:
        """States (n, 6) at times after entry: before it straight back, after the end on the ground."""
        known_s = np.clip(t_s, 0.0, self.end_s)
        states = between(self.times_s, self.states, known_s)
        states[:, :3] += np.minimum(0.0, t_s)[:, None] * states[:, 3:]
        after = t_s > self.end_s
        states[after] = on_the_ground(self.states[-1, :3], TURN_RAD_S, t_s[after] - self.end_s)
        return states

    def ground_km(self) -> Array:
        """Where it comes down, Earth-fixed."""
        angle = TURN_RAD_S * self.end_s
        x, y, z = self.states[-1, :3]
        c, s = math.cos(angle), math.sin(angle)
        return np.array((c * x + s * y, c * y - s * x, z))


def fall(state: Array) -> Fall:
    """From a state (6; km, km/s) in Earth-fixed axes of that instant down to the ground."""
    from scipy.integrate import solve_ivp

    def rates(t: float, y: Array) -> list[float]:
        x, yy, z, vx, vy, vz = y.tolist()
        square = x * x + yy * yy + z * z
        radius = math.sqrt(square)
        k, squash = 1.5 * J2 * EQUATOR_KM**2 / square, 5.0 * z * z / square
        g = -GM_KM3_S2 / (square * radius)
        wx, wy = vx + TURN_RAD_S * yy, vy - TURN_RAD_S * x
        # kg/m3 over kg/m2 is 1/m: by 1000 to 1/km.
        d = -0.5e3 * _density(_height_km(radius, z)) / BALLISTIC_KG_M2 * math.sqrt(wx * wx + wy * wy + vz * vz)
        level = g * (1.0 + k * (1.0 - squash))
        return [vx, vy, vz, level * x + d * wx, level * yy + d * wy, g * (1.0 + k * (3.0 - squash)) * z + d * vz]

    def ground(t: float, y: Array) -> float:
        return _height_km(float(np.linalg.norm(y[:3])), float(y[2])) - GROUND_KM

    ground.terminal = True  # type: ignore[attr-defined]
    solved = solve_ivp(
        rates, (0.0, _MOST_S), state, method="DOP853", rtol=1e-7, atol=1e-7, events=ground, dense_output=True
    )
    end_s = float(solved.t[-1])
    times = np.linspace(0.0, end_s, max(3, math.ceil(end_s / _STEP_S) + 1))
    states = np.asarray(solved.sol(times)).T
    felt = np.linalg.norm(np.diff(states[:, 3:], axis=0), axis=1) / np.diff(times)
    return Fall(times, states, float(felt.max()) / 9.80665e-3)


def _density(height_km: float) -> float:
    step = height_km / 10.0
    k = min(len(DENSITY) - 2, max(0, int(step)))
    return float(DENSITY[k] * (DENSITY[k + 1] / DENSITY[k]) ** (step - k))


def _height_km(radius_km: float, z_km: float) -> float:
    sine2 = (z_km / radius_km) ** 2
    return radius_km - EQUATOR_KM * POLE_KM / math.sqrt(POLE_KM**2 * (1 - sine2) + EQUATOR_KM**2 * sine2)
