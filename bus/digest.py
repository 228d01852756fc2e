"""The digest: the hash that proves that two runs were the same.

One SHA-256 chain per receiver, over its receptions and losses in their order; the run's digest is the SHA-256 of
(name, chain) sorted by name. An item is its kind, its time, its reason with its length if lost, and the emission's
packed bytes. These are one msgpack array, so they need no length in front, and no two different histories feed the same
bytes; arrays are in them by their sizes and their SHA-256.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping

from .emission import Emission

_received = struct.Struct("<cq").pack
_LOST = struct.Struct("<cqB")


class DigestChain:
    """The streaming hash of what one receiver got and lost."""

    __slots__ = ("_hash", "_update")

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._update = self._hash.update

    def received(self, emission: Emission, t_ns: int) -> None:
        """Append a reception at ``t_ns``."""
        update = self._update  # to call an attribute as if it were a method takes CPython longer
        update(_received(b"R", t_ns) + emission.pack())

    def lost(self, emission: Emission, t_ns: int, reason: str) -> None:
        """Append a loss that would have been a reception at ``t_ns``."""
        told = reason.encode()
        self._hash.update(_LOST.pack(b"L", t_ns, len(told)) + told + emission.pack())

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
