"""What the air does to the vehicle: drag and lift of the capsule with its bank, drag of the parachute.

Lift stands across the airflow, tilted from the vertical plane by the bank (positive to the right of the flight).
Left out: the trim that changes with Mach number, pitch and yaw motion, the swing under the parachute (a few m/s2 at
10 Hz that a camera sees and a trajectory does not).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .atmosphere import Atmosphere, interpolate
from .dynamics import Vector, norm
from .parameters import Banking, LandingParams, Table, TrimFlap


class Craft(NamedTuple):
    """What flies between two changes of configuration."""

    mass_kg: float
    #: Of the full lift: 1 with all balance masses, 0 when they are gone.
    lift: float = 0.0
    #: E of line stretch; None while the parachute is packed.
    stretched_s: float | None = None


class Forces:
    """The acceleration by the air, for one set of parameters."""

    def __init__(self, params: LandingParams) -> None:
        self.atmosphere = Atmosphere(params.air)
        self._vehicle = params.vehicle
        self._parachute = params.parachute
        self._bank = bank_profile(params.guidance)

    def acceleration(self, craft: Craft, t_s: float, position_km: Vector, velocity_km_s: Vector) -> Vector:
        """Non-gravitational acceleration in km/s2, Mars-fixed, at E ``t_s``."""
        flow = self.atmosphere.flow(position_km, velocity_km_s)
        if flow.speed_m_s == 0.0:
            return 0.0, 0.0, 0.0
        capsule = interpolate(self._vehicle.drag, flow.mach) * self._vehicle.reference_area_m2
        drag_area = capsule + self._parachute_area_m2(craft, t_s, flow.mach)
        scale = flow.pressure_pa / craft.mass_kg * 1e-3
        x, y, z = flow.velocity_m_s
        back = -scale * drag_area / flow.speed_m_s
        if craft.lift == 0.0:
            return back * x, back * y, back * z
        (rx, ry, rz), (ux, uy, uz) = _right_and_up(position_km, flow.velocity_m_s, flow.speed_m_s)
        lift = scale * capsule * craft.lift * self._vehicle.lift_to_drag
        bank = math.radians(interpolate(self._bank, t_s))
        up, right = lift * math.cos(bank), lift * math.sin(bank)
        return back * x + up * ux + right * rx, back * y + up * uy + right * ry, back * z + up * uz + right * rz

    def _parachute_area_m2(self, craft: Craft, t_s: float, mach: float) -> float:
        """Drag area of the parachute as it fills (Knacke's growth with the square of the time, infinite mass)."""
        if craft.stretched_s is None:
            return 0.0
        chute = self._parachute
        filled = max(0.0, min(1.0, (t_s - craft.stretched_s) / chute.inflation_s))
        return filled * filled * chute.area_m2 * chute.drag_factor * interpolate(chute.drag, mach)


def _right_and_up(position_km: Vector, velocity: Vector, speed: float) -> tuple[Vector, Vector]:
    """Unit vectors across the flow: to the right of it, and upwards in the vertical plane that holds it."""
    (px, py, pz), (vx, vy, vz) = position_km, velocity
    right = (vy * pz - vz * py, vz * px - vx * pz, vx * py - vy * px)
    length = norm(right)
    rx, ry, rz = right[0] / length, right[1] / length, right[2] / length
    return (rx, ry, rz), ((ry * vz - rz * vy) / speed, (rz * vx - rx * vz) / speed, (rx * vy - ry * vx) / speed)


def bank_profile(guidance: Banking | TrimFlap) -> Table:
    """Bank in degrees by E: the commands of the guidance, flown at the roll rate it can do."""
    side = math.copysign(1.0, guidance.bank_deg)
    last_deg = guidance.alignment_bank_deg if isinstance(guidance, Banking) else abs(guidance.bank_deg)
    rows: list[tuple[float, float]] = [(-math.inf, guidance.bank_deg)]
    for count, at_s in enumerate(guidance.reversals_s, start=1):
        side = -side
        last = count == len(guidance.reversals_s)
        target = side * (last_deg if last else abs(guidance.bank_deg))
        here = interpolate(tuple(rows), at_s) if len(rows) > 1 else guidance.bank_deg
        rows = [row for row in rows if row[0] < at_s]
        rows.append((at_s, here))
        roll_s = abs(target - here) / guidance.roll_rate_deg_s
        if roll_s > 0.0:
            rows.append((at_s + roll_s, target))
    return tuple(rows[1:] or rows)
