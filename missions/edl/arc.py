"""Pieces of trajectory: states on a fixed grid, cubic Hermite between them.

An arc ends where the motion has a corner (a mortar, a jettison, a contact), so that no polynomial reaches across one.
At the steps used here (0.1 s in the air, 5 s in cruise) interpolation adds less than 1 mm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .dynamics import Vector

#: States at a list of E in seconds: Mars-fixed positions (km) and velocities (km/s).
StatesAt = Callable[[list[float]], list[tuple[Vector, Vector]]]


@dataclass(frozen=True, slots=True)
class Arc:
    """A smooth piece of trajectory from ``t0_s`` to ``t1_s`` (E)."""

    t0_s: float
    t1_s: float
    step_s: float
    positions_km: tuple[Vector, ...]
    velocities_km_s: tuple[Vector, ...]
    #: Size of the non-gravitational acceleration at the nodes, m/s2.
    sensed_m_s2: tuple[float, ...]

    @classmethod
    def sampled(
        cls,
        t0_s: float,
        t1_s: float,
        step_s: float,
        states_at: StatesAt,
        sensed: Callable[[float, Vector, Vector], Vector],
    ) -> Arc:
        """Sample ``states_at`` every ``step_s`` from ``t0_s`` and at ``t1_s``; ``sensed`` is in km/s2."""
        times = grid(t0_s, t1_s, step_s)
        states = states_at(times)
        felt = [sensed(t, position, velocity) for t, (position, velocity) in zip(times, states, strict=True)]
        return cls(
            t0_s,
            t1_s,
            step_s,
            tuple(position for position, _ in states),
            tuple(velocity for _, velocity in states),
            tuple(1e3 * math.sqrt(x * x + y * y + z * z) for x, y, z in felt),
        )

    @property
    def times_s(self) -> list[float]:
        """E of the nodes."""
        return grid(self.t0_s, self.t1_s, self.step_s)

    def state(self, t_s: float) -> tuple[Vector, Vector]:
        """Position (km) and its derivative (km/s) at an E within the arc."""
        i, u, h = self._cell(t_s)
        p, q = self.positions_km[i], self.positions_km[i + 1]
        v, w = self.velocities_km_s[i], self.velocities_km_s[i + 1]
        u2, u3 = u * u, u * u * u
        rise, from_v, from_w = 3.0 * u2 - 2.0 * u3, h * (u - 2.0 * u2 + u3), h * (u3 - u2)
        d_rise, d_from_v, d_from_w = 6.0 * (u - u2) / h, 1.0 - 4.0 * u + 3.0 * u2, 3.0 * u2 - 2.0 * u
        return (
            (
                p[0] + rise * (q[0] - p[0]) + from_v * v[0] + from_w * w[0],
                p[1] + rise * (q[1] - p[1]) + from_v * v[1] + from_w * w[1],
                p[2] + rise * (q[2] - p[2]) + from_v * v[2] + from_w * w[2],
            ),
            (
                d_rise * (q[0] - p[0]) + d_from_v * v[0] + d_from_w * w[0],
                d_rise * (q[1] - p[1]) + d_from_v * v[1] + d_from_w * w[1],
                d_rise * (q[2] - p[2]) + d_from_v * v[2] + d_from_w * w[2],
            ),
        )

    def sensed_at(self, t_s: float) -> float:
        """Size of the non-gravitational acceleration, m/s2, linear between nodes."""
        i, u, _ = self._cell(t_s)
        return self.sensed_m_s2[i] + u * (self.sensed_m_s2[i + 1] - self.sensed_m_s2[i])

    def _cell(self, t_s: float) -> tuple[int, float, float]:
        """Index of the node before ``t_s``, the part of the cell behind it, and the cell's length."""
        last = len(self.positions_km) - 2
        i = max(0, min(last, int((t_s - self.t0_s) // self.step_s)))
        start_s = self.t0_s + i * self.step_s
        length_s = (self.t1_s if i == last else start_s + self.step_s) - start_s
        return i, (t_s - start_s) / length_s, length_s


def grid(t0_s: float, t1_s: float, step_s: float) -> list[float]:
    """From ``t0_s`` every ``step_s``, and ``t1_s``; the last step is the rest and never a sliver."""
    steps = max(1, math.ceil((t1_s - t0_s) / step_s - 1e-6))
    return [t0_s + i * step_s for i in range(steps)] + [t1_s]


def peak(times: Sequence[float], values: Sequence[float]) -> float:
    """Where ``values`` over evenly spaced ``times`` are greatest, by the parabola through the three highest."""
    i = max(range(len(values)), key=lambda k: values[k])
    if i in (0, len(values) - 1):
        return times[i]
    before, at, after = values[i - 1 : i + 2]
    return times[i] + 0.5 * (times[i + 1] - times[i]) * (before - after) / (before - 2.0 * at + after)
