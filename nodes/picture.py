"""Pictures on the way: cut into pieces that are messages, put together again on the ground, written as PNG.

A piece is small (8 KiB), so that no telemetry frame waits long behind one on a shared radio. Every piece says which
picture it is of and how that picture was cut, so an ``Assembler`` may meet them in any order, twice, or not at all.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import MessageError
from lightlag.bus.message import message

Pixels = NDArray[Any]

#: Memory that a piece, which comes from outside, may make the ground set aside for its picture. A HiRISE frame of
#: 20,000 x 60,000 pixels of 16 bit is 2.4 GB; 4 GiB is above anything that is sent.
_MOST_BYTES = 1 << 32


@message("lightlag.picture_piece", version=1)
class PicturePiece:
    """One run of samples of a picture, in row-major order."""

    #: Name of the picture.
    picture: str
    #: Number of this piece, from 0, of ``count``.
    index: int
    count: int
    #: Size of the whole picture.
    height: int
    width: int
    #: Samples in each piece but the last, which holds the rest.
    step: int
    #: When the picture was taken, run time.
    taken_ns: int
    #: Figures about the picture, with their unit in the name (``range_km``).
    facts: dict[str, float]
    #: Samples ``index * step`` onward, one-dimensional.
    samples: np.ndarray


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole picture: pixels (height, width), read-only."""

    id: str
    pixels: Pixels
    taken_ns: int
    facts: Mapping[str, float] = field(default_factory=dict)


def pieces(
    picture_id: str,
    pixels: Pixels,
    taken_ns: int,
    facts: Mapping[str, float] | None = None,
    bytes_per_piece: int = 8192,
) -> Iterator[PicturePiece]:
    """The messages that carry ``pixels`` (height, width), ``bytes_per_piece`` of samples in each.

    Raises:
        MessageError: not a two-dimensional picture with pixels in it, or a piece too small for one pixel.
    """
    if pixels.ndim != 2 or pixels.size == 0:
        raise MessageError(f"picture {picture_id!r} has shape {pixels.shape}; expected (height, width), both above 0")
    if bytes_per_piece < pixels.itemsize:
        raise MessageError(f"a piece of {bytes_per_piece} B holds no pixel of {pixels.itemsize} B; make pieces larger")
    height, width = pixels.shape
    step = bytes_per_piece // pixels.itemsize
    flat = np.ascontiguousarray(pixels).reshape(-1)
    count = -(-flat.size // step)
    for index in range(count):
        yield PicturePiece(
            picture=picture_id,
            index=index,
            count=count,
            height=height,
            width=width,
            step=step,
            taken_ns=taken_ns,
            facts=dict(facts or {}),
            samples=flat[index * step : (index + 1) * step],
        )


class Assembler:
    """Puts one picture together on the ground, from pieces in any order, some of them twice."""

    def __init__(self) -> None:
        self._first: PicturePiece | None = None
        self._flat: Pixels = np.empty(0, dtype=np.uint8)
        self._have: NDArray[np.bool_] = np.empty(0, dtype=np.bool_)

    def add(self, piece: PicturePiece) -> bool:
        """Take a piece in; True if it was new, False if it was here already.

        Raises:
            MessageError: the piece contradicts itself, the pieces before it, or an earlier copy of itself.
        """
        first = self._first or self._begin(piece)
        for name in ("picture", "count", "height", "width", "step", "taken_ns", "facts"):
            if getattr(piece, name) != getattr(first, name):
                raise MessageError(
                    f"piece {piece.index} of {piece.picture!r} has {name} {getattr(piece, name)!r}; the pieces before "
                    f"it have {getattr(first, name)!r}: give every picture its own id and assembler"
                )
        start = piece.index * piece.step
        length = min(piece.step, self._flat.size - start)
        if not 0 <= piece.index < piece.count or piece.samples.shape != (length,):
            raise MessageError(
                f"piece {piece.index} of {piece.count} of {piece.picture!r} holds {piece.samples.shape} samples; "
                f"expected ({max(length, 0)},)"
            )
        if piece.samples.dtype != self._flat.dtype:
            raise MessageError(
                f"piece {piece.index} of {piece.picture!r} is {piece.samples.dtype}; the first was {self._flat.dtype}"
            )
        place = self._flat[start : start + length]
        if self._have[piece.index]:
            if place.tobytes() != piece.samples.tobytes():
                raise MessageError(f"piece {piece.index} of {piece.picture!r} came twice with different pixels")
            return False
        place[:] = piece.samples
        self._have[piece.index] = True
        return True

    def _begin(self, piece: PicturePiece) -> PicturePiece:
        size = piece.height * piece.width
        if min(piece.height, piece.width, piece.step) < 1 or piece.count != -(-size // piece.step):
            raise MessageError(
                f"piece {piece.index} of {piece.picture!r}: {piece.height} x {piece.width} pixels in steps of "
                f"{piece.step} are not {piece.count} pieces"
            )
        if size * piece.samples.itemsize > _MOST_BYTES:
            raise MessageError(
                f"picture {piece.picture!r} would take {size * piece.samples.itemsize} B; at most {_MOST_BYTES} B"
            )
        self._first = piece
        self._flat = np.zeros(size, dtype=piece.samples.dtype)
        self._have = np.zeros(piece.count, dtype=np.bool_)
        return piece

    @property
    def received(self) -> int:
        """How many different pieces are here."""
        return int(np.count_nonzero(self._have))

    @property
    def count(self) -> int:
        """How many pieces the picture has; 0 before the first one came."""
        return self._have.size

    @property
    def complete(self) -> bool:
        """Whether every piece is here."""
        return 0 < self.count == self.received

    def missing(self) -> list[int]:
        """Numbers of the pieces that are not here yet, ascending."""
        return [int(index) for index in np.flatnonzero(~self._have)]

    def picture(self) -> Picture:
        """The picture as it stands: pixels of missing pieces are 0.

        Raises:
            MessageError: not one piece has come.
        """
        if self._first is None:
            raise MessageError("no piece of a picture has come yet; add() one first")
        pixels = self._flat.copy().reshape(self._first.height, self._first.width)
        pixels.flags.writeable = False
        return Picture(self._first.picture, pixels, self._first.taken_ns, dict(self._first.facts))


def png_bytes(pixels: Pixels) -> bytes:
    """A greyscale PNG file of ``pixels`` (height, width), uint8 or uint16; the same bytes for the same pixels.

    Raises:
        MessageError: pixels of another type or shape.
    """
    from PIL import Image  # a tenth of a second that a node which writes no file need not spend

    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16):
        raise MessageError(f"a PNG is made of (height, width) uint8 or uint16, not {pixels.shape} {pixels.dtype}")
    file = io.BytesIO()
    # Noise does not compress: level 6 would take six times as long to save another 15 %.
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="PNG", compress_level=1)
    return file.getvalue()


def crop(pixels: Pixels, centre: tuple[float, float], size: int, enlarge: int = 1) -> Pixels:
    """The square of ``size`` pixels around ``centre`` (column, row), each pixel repeated ``enlarge`` times.

    Near an edge the square is moved inside the picture; of a picture smaller than ``size`` all of it is taken.
    """
    height, width = pixels.shape
    left = max(0, min(round(centre[0]) - size // 2, width - size))
    top = max(0, min(round(centre[1]) - size // 2, height - size))
    square = pixels[top : top + size, left : left + size]
    return np.repeat(np.repeat(square, enlarge, axis=0), enlarge, axis=1)
