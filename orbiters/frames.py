"""Frames: how bodies turn, and the few operations on 3-vectors that need no numpy.

Vectors are tuples of three floats and a rotation is three rows, because at this size plain Python is several times
faster than arrays. Rotations lead from body-fixed axes to the ICRF: ``apply(rows, fixed) == icrf``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lightlag.nodes.trajectory import Vector

Rows = tuple[Vector, Vector, Vector]

_DAY_S = 86_400.0
_CENTURY_DAYS = 36_525.0
_ARCSEC = math.pi / 648_000


def add(a: Vector, b: Vector) -> Vector:
    """a + b."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def subtract(a: Vector, b: Vector) -> Vector:
    """a - b."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def scale(factor: float, a: Vector) -> Vector:
    """factor * a."""
    return (factor * a[0], factor * a[1], factor * a[2])


def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """Vector product."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def unit(a: Vector) -> Vector:
    """``a`` scaled to length 1."""
    return scale(1.0 / math.hypot(*a), a)


def apply(rows: Rows, a: Vector) -> Vector:
    """The rotation ``rows`` applied to ``a``."""
    return (dot(rows[0], a), dot(rows[1], a), dot(rows[2], a))


def apply_inverse(rows: Rows, a: Vector) -> Vector:
    """The inverse (transposed) rotation applied to ``a``."""
    p, q, r = rows
    x, y, z = a
    return (
        p[0] * x + q[0] * y + r[0] * z,
        p[1] * x + q[1] * y + r[1] * z,
        p[2] * x + q[2] * y + r[2] * z,
    )


def pole_and_angle(right_ascension: float, declination: float, angle: float) -> Rows:
    """Axes with their z at a pole (ICRF, radians) and their x at ``angle`` from the equator's node on the ICRF equator.

    With the angle W this is the IAU's body-fixed frame; with 0 it is the frame "equator and node".
    Rows of (R3(W) R1(90 deg - dec) R3(90 deg + ra)) transposed: Archinal et al. 2011, figure 1.
    """
    ca, sa = math.cos(right_ascension), math.sin(right_ascension)
    cd, sd = math.cos(declination), math.sin(declination)
    cw, sw = math.cos(angle), math.sin(angle)
    return (
        (-sa * cw - ca * sd * sw, sa * sw - ca * sd * cw, ca * cd),
        (ca * cw - sa * sd * sw, -ca * sw - sa * sd * cw, sa * cd),
        (cd * sw, cd * cw, sd),
    )


@dataclass(frozen=True, slots=True)
class IauRotation:
    """How a body turns after the IAU: pole in degrees and degrees per Julian century, W in degrees and per day."""

    pole_ra_deg: tuple[float, float]
    pole_dec_deg: tuple[float, float]
    prime_meridian_deg: tuple[float, float]

    @property
    def rate_rad_s(self) -> float:
        """Rate of W: the sidereal rotation."""
        return math.radians(self.prime_meridian_deg[1]) / _DAY_S

    def fixed(self, et_s: float) -> Rows:
        """Body-fixed to ICRF at ``et_s`` (seconds of TDB since J2000)."""
        days = et_s / _DAY_S
        w = self.prime_meridian_deg
        return pole_and_angle(*self._pole(days), math.radians(w[0] + w[1] * days))

    def pole(self, et_s: float) -> Vector:
        """Unit vector (ICRF) of the axis at ``et_s``: the last column of ``fixed``."""
        right_ascension, declination = self._pole(et_s / _DAY_S)
        along = math.cos(declination)
        return (along * math.cos(right_ascension), along * math.sin(right_ascension), math.sin(declination))

    def equator_and_node(self, et_s: float) -> Rows:
        """To ICRF from the axes of the equator of date: z the pole, x its ascending node on the ICRF equator."""
        return pole_and_angle(*self._pole(et_s / _DAY_S), 0.0)

    def _pole(self, days: float) -> tuple[float, float]:
        centuries = days / _CENTURY_DAYS
        ra, dec = self.pole_ra_deg, self.pole_dec_deg
        return math.radians(ra[0] + ra[1] * centuries), math.radians(dec[0] + dec[1] * centuries)


@dataclass(frozen=True, slots=True)
class EarthRotation:
    """The rotation of the Earth: earth rotation angle about a precessing pole (IERS Conventions 2010, chapter 5).

    Left out, with what it shifts a station by, at most: nutation 290 m (9.2 arcsec), polar motion 15 m, change of
    UT1 - UTC from its value of 2021-02-18 75 m over 2021 (0.16 s at worst), TDB taken for TT 1 m. Together about
    0.003 deg of direction and 1.3 us of light time.

    ``tt_minus_ut1_s`` is a constant: in other years it is wrong by more, 2.6 s in 2012 and over 12 s before 1990
    (USNO's tables of Delta T, from memory). Each second shifts a station at the equator by 465 m: 1.6 us of light time.
    """

    #: TT - UT1: 32.184 + 37 - (UT1 - UTC), UT1 - UTC = -0.172 s on 2021-02-18. Source: IERS finals2000A.
    tt_minus_ut1_s: float = 69.356

    @property
    def rate_rad_s(self) -> float:
        """Rate of the earth rotation angle. Source: IERS Conventions 2010, equation 5.15."""
        return math.tau * 1.00273781191135448 / _DAY_S

    def fixed(self, et_s: float) -> Rows:
        """Earth-fixed (ITRF) to ICRF at ``et_s`` (seconds of TDB since J2000)."""
        days = (et_s - self.tt_minus_ut1_s) / _DAY_S
        turn = 0.7790572732640 + 0.00273781191135448 * days + days % 1.0  # equation 5.15, whole turns left out
        angle = math.tau * (turn % 1.0)
        c, s = math.cos(angle), math.sin(angle)
        (a, b, x), (_, d, y), (f, g, z) = self._pole(et_s)
        return (
            (a * c + b * s, b * c - a * s, x),
            (b * c + d * s, d * c - b * s, y),
            (f * c + g * s, g * c - f * s, z),
        )

    def pole(self, et_s: float) -> Vector:
        """Unit vector (ICRF) of the axis at ``et_s``: the last column of ``fixed``."""
        (_, _, x), (_, _, y), (_, _, z) = self._pole(et_s)
        return (x, y, z)

    @staticmethod
    def _pole(et_s: float) -> Rows:
        # Equation 5.16 up to the square of time (what is left of X and Y is nutation), and equation 5.10 without s.
        t = et_s / _DAY_S / _CENTURY_DAYS
        x = (-0.016617 + 2004.191898 * t - 0.4297829 * t * t) * _ARCSEC
        y = (-0.006951 - 0.025896 * t - 22.4072747 * t * t) * _ARCSEC
        square = x * x + y * y
        a = 0.5 + square / 8
        return ((1 - a * x * x, -a * x * y, x), (-a * x * y, 1 - a * y * y, y), (-x, -y, 1 - a * square))


#: Rotation of a body: one of the two above.
Rotation = IauRotation | EarthRotation
