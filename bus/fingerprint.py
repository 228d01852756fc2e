"""The arithmetic fingerprint: whether two machines compute the same floating-point numbers.

A dozen functions of libm, NumPy and BLAS over fixed inputs, hashed. Hosts exchange it in the handshake: with different
ones the same run could give other bits, so a run refuses them unless told that it may be mixed.
"""

from __future__ import annotations

import hashlib
import math
import struct
from functools import cache

import numpy as np


@cache
def arithmetic_fingerprint() -> str:
    """16 hexadecimal digits that are equal where these functions give equal bits."""
    inputs = [0.1 + 0.37 * k for k in range(64)]
    digest = hashlib.blake2b(digest_size=8)
    libm = (math.sin, math.tan, math.exp, math.log, math.atan, lambda x: math.pow(x, 1.7))
    for function in libm:
        digest.update(struct.pack(f"<{len(inputs)}d", *map(function, inputs)))
    array = np.array(inputs)
    square = np.add.outer(array, 1.0 / array)
    for result in (
        np.arccos(np.sin(array) * np.cos(array)),
        np.sqrt(array).sum(),
        square @ square,
        np.linalg.solve(square + 9 * np.eye(64), array),
    ):
        digest.update(np.asarray(result, dtype="<f8").tobytes())
    return digest.hexdigest()
