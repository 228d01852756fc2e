"""Tracks: Hermite interpolation of fifth degree on a grid fixed to the epoch, and the balls that such curves keep to.

A ``Track`` is the one implementation of ``lightlag.nodes.trajectory.Trajectory`` beneath everything here. What is
exact, or integrated, is sampled at the instants k * step after the epoch, whatever is asked, so that a state never
depends on what was asked before; between samples the curve *is* the polynomial. Its acceleration is continuous and
known to be less than a figure that is kept with it, which makes bounds cheap: in a time dt a curve leaves its chord by
at most a dt^2 / 8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import Ball, State, Trajectory, Vector

#: Speed of light. Source: definition of the metre.
C_KM_S = 299_792.458
#: States at many times: shape (times, 2, 3), positions (km) and velocities (km/s).
States = NDArray[np.float64]
#: Samples of one call of a sampler: the first index and how many, to as many states.
Sampler = Callable[[int, int], Sequence[State] | States]

#: Coefficients of one piece, by seconds: position, velocity, then those of the square to the fifth power, three each.
Piece = list[float]

# To sample so many at once costs little more than half of them.
_BLOCK = 64
# 50 MB of pieces per track at most; they are made again when asked for again, to the same bits.
_KEEP = 1 << 16
# Evaluation rounds at 2e8 km to 3e-8 km a term; a ball is made wider by 1 mm.
_ROUNDING_KM = 1e-6
# A ball is built on chords from which the curve strays by less than this part of the way made; at most so many.
_STRAY = 0.004
_MOST_CHORDS = 64
# Two looks at where a signal meets a track, the first no more than this off: between them the velocity changes by so
# little (4 m/s2) that a step from both errs by 1e-4 ns. Looks that are as near as this are one.
_NEAR_S, _SAME_S = 0.3, 1e-9
_TURNS = 10
# A named tuple, made without the Python function that a call of its class runs.
_new = tuple.__new__


class Track:
    """A curve through samples on the grid k * ``step_ns``, in clear space (no zenith, no attenuation).

    ``sampler(first, count)`` returns the states (ICRF, barycentric) at indices first .. first + count - 1; each
    must depend on its own index only. The error of the interpolation is step^6 / 15,360 times the sixth derivative.
    What follows from the curve is final, because lookahead rests on it.
    """

    def __init__(self, step_ns: int, sampler: Sampler) -> None:
        self._step_ns = step_ns
        self._block_ns = _BLOCK * step_ns
        self._sampler = sampler
        self._pieces: dict[int, Piece] = {}
        self._fiercest_km_s2: dict[int, float] = {}

    @final
    def state(self, t_ns: int) -> State:
        """State at ``t_ns``: ICRF, barycentric, km and km/s."""
        index, rest_ns = divmod(t_ns, self._step_ns)
        px, py, pz, vx, vy, vz, cx, cy, cz, dx, dy, dz, ex, ey, ez, fx, fy, fz = self._pieces.get(index) or self._fill(
            index
        )
        u = rest_ns * 1e-9
        u2, u3, u4, u5 = u + u, 3.0 * u, 4.0 * u, 5.0 * u
        state = (
            (
                px + u * (vx + u * (cx + u * (dx + u * (ex + u * fx)))),
                py + u * (vy + u * (cy + u * (dy + u * (ey + u * fy)))),
                pz + u * (vz + u * (cz + u * (dz + u * (ez + u * fz)))),
            ),
            (
                vx + u2 * cx + u * (u3 * dx + u * (u4 * ex + u * u5 * fx)),
                vy + u2 * cy + u * (u3 * dy + u * (u4 * ey + u * u5 * fy)),
                vz + u2 * cz + u * (u3 * dz + u * (u4 * ez + u * u5 * fz)),
            ),
        )
        return _new(State, state)

    @final
    def position_km(self, t_ns: int) -> Vector:
        """``state(t_ns).position_km``, in half the time."""
        index, rest_ns = divmod(t_ns, self._step_ns)
        px, py, pz, vx, vy, vz, cx, cy, cz, dx, dy, dz, ex, ey, ez, fx, fy, fz = self._pieces.get(index) or self._fill(
            index
        )
        u = rest_ns * 1e-9
        return (
            px + u * (vx + u * (cx + u * (dx + u * (ex + u * fx)))),
            py + u * (vy + u * (cy + u * (dy + u * (ey + u * fy)))),
            pz + u * (vz + u * (cz + u * (dz + u * (ez + u * fz)))),
        )

    @final
    def states(self, t_ns: NDArray[np.int64]) -> States:
        """``state`` at many times, to the rounding of a double."""
        index, rest_ns = np.divmod(t_ns, self._step_ns)
        pieces = np.array([self._pieces.get(k) or self._fill(k) for k in index.tolist()])
        p, v, c, d, e, f = pieces.reshape(-1, 6, 3).transpose(1, 0, 2)
        u = rest_ns[:, None] * 1e-9
        position = p + u * (v + u * (c + u * (d + u * (e + u * f))))
        velocity = v + u * (2.0 * c + u * (3.0 * d + u * (4.0 * e + u * (5.0 * f))))
        return np.stack((position, velocity), axis=1)

    @final
    def meet(self, from_km: Vector, t_ns: int, way: int = 1) -> tuple[float, Vector]:
        """Light time (ns) from an event to this track, later (``way`` 1) or earlier (-1); where it is then (km).

        ``geometry.meet`` on the polynomials themselves, which are sought once or twice: the last serves for two looks.
        """
        ax, ay, az = from_km
        pieces, step_ns = self._pieces, self._step_ns
        # The first guess is as if it stood still where the piece of ``t_ns`` begins.
        index = t_ns // step_ns
        piece = pieces.get(index) or self._fill(index)
        x, y, z = piece[0] - ax, piece[1] - ay, piece[2] - az
        whole_ns = round(math.sqrt(x * x + y * y + z * z) / C_KM_S * 1e9)
        for _ in range(_TURNS):
            before = index
            index, rest_ns = divmod(t_ns + way * whole_ns, step_ns)
            if index != before:
                piece = pieces.get(index) or self._fill(index)
            px, py, pz, vx, vy, vz, cx, cy, cz, dx, dy, dz, ex, ey, ez, fx, fy, fz = piece
            px, py, pz, u = px - ax, py - ay, pz - az, rest_ns * 1e-9
            x = px + u * (vx + u * (cx + u * (dx + u * (ex + u * fx))))
            y = py + u * (vy + u * (cy + u * (dy + u * (ey + u * fy))))
            z = pz + u * (vz + u * (cz + u * (dz + u * (ez + u * fz))))
            range_km = math.sqrt(x * x + y * y + z * z)
            late_s = range_km / C_KM_S - whole_ns * 1e-9
            if -_NEAR_S < late_s < _NEAR_S:
                break
            whole_ns += round(late_s * 1e9)
        # The second look goes on in the same piece, even if another begins there: they touch with the same
        # acceleration.
        u += way * late_s
        qx = px + u * (vx + u * (cx + u * (dx + u * (ex + u * fx))))
        qy = py + u * (vy + u * (cy + u * (dy + u * (ey + u * fy))))
        qz = pz + u * (vz + u * (cz + u * (dz + u * (ez + u * fz))))
        more_km = math.sqrt(qx * qx + qy * qy + qz * qz) - range_km
        # By how it moved between the two looks; if they are one and the same to a double, it is there.
        part = more_km / (C_KM_S * late_s - more_km) if abs(late_s) > _SAME_S else 0.0
        tau_ns = whole_ns + (late_s + part * late_s) * 1e9
        return tau_ns, (ax + qx + part * (qx - x), ay + qy + part * (qy - y), az + qz + part * (qz - z))

    @final
    def bound(self, t0_ns: int, t1_ns: int) -> Ball:
        """A ball around every position in [t0_ns, t1_ns] (km)."""
        span_ns = max(0, t1_ns - t0_ns)
        span_s = span_ns * 1e-9
        begin, end = self.position_km(t0_ns), self.position_km(t0_ns + span_ns)
        fiercest = self.fiercest_km_s2(t0_ns, t0_ns + span_ns)
        stray_km = fiercest * span_s * span_s / 8.0
        way_km = math.dist(begin, end)
        if stray_km <= _STRAY * way_km:
            centre = ((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2, (begin[2] + end[2]) / 2)
            return Ball(centre, way_km / 2 + stray_km + _ROUNDING_KM)
        bends = stray_km / (_STRAY * max(way_km, _ROUNDING_KM))
        chords = min(_MOST_CHORDS, 1 + int(math.sqrt(bends)))
        between = [self.position_km(t0_ns + span_ns * k // chords) for k in range(1, chords)]
        ball = enclosing_ball([begin, *between, end])
        return Ball(ball.centre_km, ball.radius_km + fiercest * (span_s / chords + 1e-9) ** 2 / 8.0)

    @final
    def fiercest_km_s2(self, t0_ns: int, t1_ns: int) -> float:
        """What the acceleration (km/s2, barycentric) does not exceed in [t0_ns, t1_ns]."""
        block_ns = self._block_ns
        known = self._fiercest_km_s2
        first, last = t0_ns // block_ns, t1_ns // block_ns
        if first == last and first in known:
            return known[first]
        fiercest = 0.0
        for block in range(first, last + 1):
            if block not in known:
                self._fill(block * _BLOCK)
            fiercest = max(fiercest, known[block])
        return fiercest

    def zenith(self, t_ns: int) -> Vector | None:
        """None: in flight."""
        return None

    def attenuation_db(self, t_ns: int, frequency_hz: float) -> float:
        """0: clear space."""
        return 0.0

    def _fill(self, index: int) -> Piece:
        if len(self._pieces) >= _KEEP:
            self._pieces.clear()
        block = index // _BLOCK
        first = block * _BLOCK
        # One sample more at either end, from which acceleration is told.
        samples = self._sampler(first - 1, _BLOCK + 3)
        pieces, fiercest = _pieces(samples, self._step_ns / NS_PER_S)
        self._pieces.update(enumerate(pieces, start=first))
        self._fiercest_km_s2[block] = fiercest
        return self._pieces[index]


class Settling(Trajectory, Protocol):
    """A trajectory that from some time on is a track: a lander, once it stands."""

    def settled(self, t_ns: int) -> Track | None:
        """The track that it is from ``t_ns`` on, if it is one by then."""
        ...


def settled(trajectory: Trajectory | Settling, t_ns: int) -> Track | None:
    """The track that a trajectory is from ``t_ns`` on; None if it is none, or none yet."""
    if isinstance(trajectory, Track):
        return trajectory
    told = getattr(trajectory, "settled", None)
    return told(t_ns) if told else None


def kinks_ns(trajectory: Trajectory) -> Sequence[int]:
    """Instants at which a trajectory's velocity leaps, in order: what is told before one does not hold after it."""
    kinks: Sequence[int] = getattr(trajectory, "kinks_ns", ())
    return kinks


def _pieces(samples: Sequence[State] | States, h: float) -> tuple[list[Piece], float]:
    """The polynomials between samples 1, 2, .. and the last but one, ``h`` seconds apart; and their acceleration.

    Acceleration at a sample is 2 (p+ - 2 p + p-) / h^2 - (v+ - v-) / 2h: off by h^4 / 360 of the sixth derivative.
    """
    table = np.asarray(samples)
    p, v = table[:, 0], table[:, 1]
    a = 2.0 * ((p[2:] - p[1:-1]) - (p[1:-1] - p[:-2])) / (h * h) - (v[2:] - v[:-2]) / (2.0 * h)
    p0, v0, a0, v1, a1 = p[1:-2], v[1:-2], a[:-1], v[2:-1], a[1:]
    # What is left at the far end of position, velocity and acceleration, all as lengths.
    far = (p[2:-1] - p0) - h * (v0 + 0.5 * h * a0)
    drift, bend = h * (v1 - v0 - h * a0), h * h * (a1 - a0)
    d = (10.0 * far - 4.0 * drift + 0.5 * bend) / h**3
    e = (-15.0 * far + 7.0 * drift - bend) / h**4
    f = (6.0 * far - 3.0 * drift + 0.5 * bend) / h**5
    # The second derivative is a cubic, and stays in the hull of its four Bezier points.
    inner0, inner1 = a0 + 2.0 * h * d, a1 - h * (2.0 * d + 8.0 * h * e + 20.0 * h * h * f)
    fiercest = max(float(np.sqrt((points * points).sum(axis=1)).max()) for points in (a0, inner0, inner1, a1))
    return np.concatenate((p0, v0, 0.5 * a0, d, e, f), axis=1).tolist(), fiercest * (1.0 + 1e-9)


def enclosing_ball(points: Sequence[Vector]) -> Ball:
    """A ball around ``points`` (km): about the middle of their box, with 1 mm for rounding."""
    x, y, z = zip(*points, strict=True)
    centre = ((min(x) + max(x)) / 2, (min(y) + max(y)) / 2, (min(z) + max(z)) / 2)
    return Ball(centre, max(math.dist(centre, point) for point in points) + _ROUNDING_KM)


def ball_of_balls(balls: Sequence[Ball]) -> Ball:
    """A ball around ``balls``."""
    if len(balls) == 1:
        return balls[0]
    centre_km = enclosing_ball([ball.centre_km for ball in balls]).centre_km
    return Ball(centre_km, max(math.dist(centre_km, ball.centre_km) + ball.radius_km for ball in balls) + _ROUNDING_KM)
