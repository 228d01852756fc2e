"""Randomness of a message: a number drawn by hash, the same wherever and in whatever order messages are judged.

A node draws from its own ``rng``. What befalls a message on the way (a frame error, a fault that drops one in ten) is
drawn here instead, from the run's seed and who sent what to whom, so that no draw depends on another.
"""

from __future__ import annotations

import hashlib


def draw(seed: int, source: str, seq: int, receiver: str, what: str = "") -> float:
    """A number in [0, 1), uniform, for emission ``seq`` of ``source`` on its way to ``receiver``.

    It is 53 bits of blake2b. ``what`` tells apart the numbers that decide different things of one message.
    """
    text = f"{seed}\0{source}\0{seq}\0{receiver}" + (f"\0{what}" if what else "")
    hashed = hashlib.blake2b(text.encode(), digest_size=8, person=b"lightlag.draw").digest()
    return (int.from_bytes(hashed, "little") >> 11) / (1 << 53)
