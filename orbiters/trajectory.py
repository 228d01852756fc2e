"""Tracks: cubic Hermite interpolation on a grid fixed to the epoch, and the ball that such a curve stays in.

A ``Track`` is the one implementation of ``lightlag.nodes.trajectory.Trajectory`` beneath everything here. What is
exact, or integrated, is sampled at the instants k * step after the epoch, whatever is asked, so that a state never
depends on what was asked before; between samples the curve *is* the cubic, which makes its bound a theorem: a cubic
stays in the convex hull of its four Bezier points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import Ball, State, Vector

#: Samples of one call of a sampler: the first index and how many, to as many states.
Sampler = Callable[[int, int], Sequence[State]]

# Coefficients of one cubic: three each of position, velocity, square and cube.
_Cubic = tuple[float, float, float, float, float, float, float, float, float, float, float, float]

_BLOCK = 32
# 30 MB of cubics per track at most; they are made again when asked for again, to the same bits.
_KEEP = 1 << 16
# Evaluation rounds at 2e8 km to 3e-8 km a term; a ball is made wider by 1 mm.
_ROUNDING_KM = 1e-6


class Track:
    """A curve through samples on the grid k * ``step_ns``, in clear space (no zenith, no attenuation).

    ``sampler(first, count)`` returns the states (ICRF, barycentric) at indices first .. first + count - 1; each
    must depend on its own index only. The error of the interpolation is step^4 / 384 times the fourth derivative.
    """

    def __init__(self, step_ns: int, sampler: Sampler) -> None:
        self._step_ns = step_ns
        self._sampler = sampler
        self._cubics: dict[int, _Cubic] = {}

    def state(self, t_ns: int) -> State:
        """State at ``t_ns``: ICRF, barycentric, km and km/s."""
        index, rest_ns = divmod(t_ns, self._step_ns)
        px, py, pz, vx, vy, vz, sx, sy, sz, cx, cy, cz = self._cubics.get(index) or self._fill(index)
        u = rest_ns / NS_PER_S
        return State(
            (px + u * (vx + u * (sx + u * cx)), py + u * (vy + u * (sy + u * cy)), pz + u * (vz + u * (sz + u * cz))),
            (
                vx + u * (2.0 * sx + u * 3.0 * cx),
                vy + u * (2.0 * sy + u * 3.0 * cy),
                vz + u * (2.0 * sz + u * 3.0 * cz),
            ),
        )

    def bound(self, t0_ns: int, t1_ns: int) -> Ball:
        """A ball around every position in [t0_ns, t1_ns] (km)."""
        points: list[Vector] = []
        for a_ns, b_ns in pairwise(self._cuts(t0_ns, t1_ns)):
            third_s = (b_ns - a_ns) / NS_PER_S / 3.0
            (a, va), (b, vb) = self.state(a_ns), self.state(b_ns)
            points += (
                a,
                (a[0] + third_s * va[0], a[1] + third_s * va[1], a[2] + third_s * va[2]),
                (b[0] - third_s * vb[0], b[1] - third_s * vb[1], b[2] - third_s * vb[2]),
                b,
            )
        return enclosing_ball(points)

    def zenith(self, t_ns: int) -> Vector | None:
        """None: in flight."""
        return None

    def attenuation_db(self, t_ns: int, frequency_hz: float) -> float:
        """0: clear space."""
        return 0.0

    def _cuts(self, t0_ns: int, t1_ns: int) -> list[int]:
        # The interval cut at the samples: between two cuts the curve is one cubic.
        step_ns = self._step_ns
        return [t0_ns, *range((t0_ns // step_ns + 1) * step_ns, t1_ns, step_ns), max(t0_ns, t1_ns)]

    def _fill(self, index: int) -> _Cubic:
        if len(self._cubics) >= _KEEP:
            self._cubics.clear()
        first = index // _BLOCK * _BLOCK
        samples = self._sampler(first, _BLOCK + 1)
        step_s = self._step_ns / NS_PER_S
        for number, (begin, end) in enumerate(pairwise(samples), start=first):
            self._cubics[number] = _cubic(begin, end, step_s)
        return self._cubics[index]


def _cubic(begin: State, end: State, step_s: float) -> _Cubic:
    squares, cubes = [], []
    for p0, p1, v0, v1 in zip(begin[0], end[0], begin[1], end[1], strict=True):
        mean = (p1 - p0) / step_s
        squares.append((3.0 * mean - 2.0 * v0 - v1) / step_s)
        cubes.append((v0 + v1 - 2.0 * mean) / (step_s * step_s))
    (sx, sy, sz), (cx, cy, cz) = squares, cubes
    return (*begin[0], *begin[1], sx, sy, sz, cx, cy, cz)


def enclosing_ball(points: Sequence[Vector]) -> Ball:
    """A ball around ``points`` (km): about the middle of their box, with 1 mm for rounding."""
    x, y, z = zip(*points, strict=True)
    centre = ((min(x) + max(x)) / 2, (min(y) + max(y)) / 2, (min(z) + max(z)) / 2)
    return Ball(centre, max(math.dist(centre, point) for point in points) + _ROUNDING_KM)
