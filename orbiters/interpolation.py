"""Interpolation between tabulated states, as ephemeris files ask for it: Lagrange's and Hermite's.

Both work on seconds from an instant near to what is asked, and see only the few states around it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]


def lagrange(at_s: float, times_s: Sequence[float], states: _Array) -> _Array:
    """The polynomials through positions and, apart from them, through velocities: ``states`` is of shape (n, 2, 3)."""
    value = np.zeros((2, 3))
    for i, here_s in enumerate(times_s):
        weight = 1.0
        for j, there_s in enumerate(times_s):
            if j != i:
                weight *= (at_s - there_s) / (here_s - there_s)
        value += weight * states[i]
    return value


def hermite(at_s: float, times_s: Sequence[float], states: _Array) -> _Array:
    """The polynomial of degree 2 n - 1 through n positions with their velocities, and its derivative: shape (2, 3)."""
    count = len(times_s)
    nodes = [time_s for time_s in times_s for _ in range(2)]
    # Divided differences with every node twice; where two nodes are one, the difference is the derivative.
    table = [states[k // 2, 0] for k in range(2 * count)]
    coefficients = [table[0]]
    for order in range(1, 2 * count):
        table = [
            states[k // 2, 1]
            if order == 1 and k % 2 == 0
            else (table[k + 1] - table[k]) / (nodes[k + order] - nodes[k])
            for k in range(2 * count - order)
        ]
        coefficients.append(table[0])
    position, velocity = np.zeros(3), np.zeros(3)
    for coefficient, node in zip(reversed(coefficients), reversed(nodes), strict=True):
        velocity = velocity * (at_s - node) + position
        position = position * (at_s - node) + coefficient
    return np.stack((position, velocity))
