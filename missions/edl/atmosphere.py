"""The air: density, temperature and wind by altitude above the areoid.

The reference is the COSPAR northern-summer mean table in 10 km rows, log-linear in density between them (at most 2 %
from its 1 km form), with factors for the day that a mission names and fits. Winds above the lower air, tides, dust and
horizontal gradients are left out: they are what the factors absorb, to about 5 % of the peak deceleration.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from .dynamics import Vector, east_north, norm
from .parameters import Air, Table

# Altitude km, density kg/m3, temperature K. Source: Cospar2.dat of Mars-GRAM 2010, as in github.com/kwan3217/edl
# (mars_atm.py), every tenth row.
_COSPAR = (
    (-10.0, 3.85e-2, 214.0),
    (0.0, 1.55e-2, 214.0),
    (10.0, 6.47e-3, 205.0),
    (20.0, 2.63e-3, 188.3),
    (30.0, 9.80e-4, 175.0),
    (40.0, 3.40e-4, 162.4),
    (50.0, 1.08e-4, 152.2),
    (60.0, 3.18e-5, 144.2),
    (70.0, 8.73e-6, 139.5),
    (80.0, 2.29e-6, 139.0),
    (90.0, 6.01e-7, 139.0),
    (100.0, 1.59e-7, 139.0),
    (110.0, 4.14e-8, 149.4),
    (120.0, 1.19e-8, 159.7),
    (130.0, 3.76e-9, 170.0),
)
_ALTITUDES = [row[0] for row in _COSPAR]
_LOG_DENSITIES = [math.log(row[1]) for row in _COSPAR]
_TEMPERATURES = [row[2] for row in _COSPAR]
_LAST = len(_COSPAR) - 2

#: Specific gas constant (J/kg/K) and ratio of specific heats of the Martian air (memory; CO2 with 5 % N2 and Ar).
GAS_CONSTANT, HEAT_RATIO = 191.0, 1.29


def interpolate(table: Table, x: float) -> float:
    """Linear between the rows of ``table``, constant outside."""
    if x <= table[0][0]:
        return table[0][1]
    for (x0, y0), (x1, y1) in pairwise(table):
        if x < x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return table[-1][1]


class Flow(NamedTuple):
    """The air as it meets the vehicle: density (kg/m3), Mach number, dynamic pressure (Pa), velocity (m/s)."""

    density_kg_m3: float
    mach: float
    pressure_pa: float
    speed_m_s: float
    velocity_m_s: Vector


class Atmosphere:
    """The table, with the factors and the wind of one day."""

    def __init__(self, air: Air) -> None:
        self._air = air

    def density_kg_m3(self, altitude_km: float) -> float:
        """Density; above 130 km it goes on falling as it did below."""
        row, part = _row(altitude_km)
        log_density = _LOG_DENSITIES[row] + part * (_LOG_DENSITIES[row + 1] - _LOG_DENSITIES[row])
        return math.exp(log_density) * interpolate(self._air.density_factors, altitude_km)

    def sound_m_s(self, altitude_km: float) -> float:
        """Speed of sound."""
        row, part = _row(min(altitude_km, _ALTITUDES[-1]))
        kelvin = _TEMPERATURES[row] + part * (_TEMPERATURES[row + 1] - _TEMPERATURES[row])
        return math.sqrt(HEAT_RATIO * GAS_CONSTANT * kelvin)

    def flow(self, position_km: Vector, velocity_km_s: Vector) -> Flow:
        """The flow around a vehicle at a Mars-fixed position, moving over the turning planet at ``velocity_km_s``."""
        air = self._air
        radius = norm(position_km)
        altitude_km = radius - air.areoid_radius_km
        vx, vy, vz = velocity_km_s[0] * 1e3, velocity_km_s[1] * 1e3, velocity_km_s[2] * 1e3
        fade = (air.wind_gone_above_km - altitude_km) / (air.wind_gone_above_km - air.wind_full_below_km)
        if fade > 0.0:
            fade = min(fade, 1.0)
            east, north = east_north((position_km[0] / radius, position_km[1] / radius, position_km[2] / radius))
            to_east, to_north = fade * air.wind_east_m_s, fade * air.wind_north_m_s
            vx -= to_east * east[0] + to_north * north[0]
            vy -= to_east * east[1] + to_north * north[1]
            vz -= to_east * east[2] + to_north * north[2]
        speed = math.sqrt(vx * vx + vy * vy + vz * vz)
        density = self.density_kg_m3(altitude_km)
        return Flow(density, speed / self.sound_m_s(altitude_km), 0.5 * density * speed * speed, speed, (vx, vy, vz))


def _row(altitude_km: float) -> tuple[int, float]:
    row = max(0, min(_LAST, bisect_right(_ALTITUDES, altitude_km) - 1))
    return row, (altitude_km - _ALTITUDES[row]) / (_ALTITUDES[row + 1] - _ALTITUDES[row])
