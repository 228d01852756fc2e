"""The digest: the hash that proves that two runs were the same.

One SHA-256 chain per receiver, over its receptions and losses in their order; the run's digest is the SHA-256 of
(name, chain) sorted by name. An item is its kind, its time, its reason if lost, and the emission's packed bytes and
frames, each length-delimited, so that no two different histories can feed the same bytes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping

from .emission import Emission

_ITEM = struct.Struct("<cqII")


class DigestChain:
    """The streaming hash of what one receiver got and lost."""

    __slots__ = ("_hash", "items")

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        #: Receptions and losses so far.
        self.items = 0

    def received(self, emission: Emission, t_ns: int) -> None:
        """Append a reception at ``t_ns``."""
        self._append(b"R", t_ns, b"", emission)

    def lost(self, emission: Emission, t_ns: int, reason: str) -> None:
        """Append a loss that would have been a reception at ``t_ns``."""
        self._append(b"L", t_ns, reason.encode(), emission)

    def _append(self, kind: bytes, t_ns: int, reason: bytes, emission: Emission) -> None:
        packed = emission.packed
        self._hash.update(_ITEM.pack(kind, t_ns, len(reason), len(packed)) + reason + packed)
        for array in emission.arrays:  # their sizes are in the packed bytes
            self._hash.update(array)
        self.items += 1

    def value(self) -> bytes:
        """The 32 bytes of the chain as it stands."""
        return self._hash.digest()


def run_digest(chains: Mapping[str, bytes]) -> str:
    """The digest of a run, in hexadecimal, from each receiver's chain value."""
    whole = hashlib.sha256()
    for name in sorted(chains):
        encoded = name.encode()
        whole.update(struct.pack("<I", len(encoded)) + encoded + chains[name])
    return whole.hexdigest()
