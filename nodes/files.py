"""Files on the way: any bytes (a sound, a table) cut into pieces that are messages, put together on the ground."""

from __future__ import annotations

from collections.abc import Iterator

from lightlag.bus.errors import MessageError
from lightlag.bus.message import message

#: What pieces, which come from outside, may make the ground set aside for their file.
_MOST_PIECES = 1 << 20


@message("lightlag.file_piece")
class FilePiece:
    """One piece of a file: number ``index``, from 0, of ``count``."""

    file: str
    index: int
    count: int
    #: When the file was made, run time.
    made_ns: int
    data: bytes


def file_pieces(name: str, data: bytes, made_ns: int, bytes_per_piece: int = 8192) -> Iterator[FilePiece]:
    """The messages that carry ``data``; an empty file is one piece.

    Raises:
        MessageError: a piece would hold nothing.
    """
    if bytes_per_piece < 1:
        raise MessageError(f"file {name!r} cannot be cut into pieces of {bytes_per_piece} B; make pieces larger")
    count = max(1, -(-len(data) // bytes_per_piece))
    for index in range(count):
        yield FilePiece(name, index, count, made_ns, data[index * bytes_per_piece : (index + 1) * bytes_per_piece])


class FileAssembler:
    """Puts one file together on the ground, from pieces in any order, some of them twice."""

    def __init__(self) -> None:
        self._pieces: dict[int, FilePiece] = {}

    def add(self, piece: FilePiece) -> bool:
        """Take a piece in; True if it was new, False if it was here already.

        Raises:
            MessageError: the piece contradicts itself, the pieces before it, or an earlier copy of itself.
        """
        first = next(iter(self._pieces.values()), piece)
        same = (piece.count, piece.made_ns) == (first.count, first.made_ns)
        if not same or not 0 <= piece.index < piece.count <= _MOST_PIECES:
            raise MessageError(
                f"piece {piece.index} of {piece.count} of {piece.file!r}, made at {piece.made_ns}, does not go with "
                f"{first.count} pieces made at {first.made_ns}; give every file its own name"
            )
        known = self._pieces.get(piece.index)
        if known is not None and known.data != piece.data:
            raise MessageError(f"piece {piece.index} of {piece.file!r} came twice with different bytes")
        self._pieces[piece.index] = piece
        return known is None

    @property
    def complete(self) -> bool:
        """Whether every piece is here."""
        return bool(self._pieces) and len(self._pieces) == next(iter(self._pieces.values())).count

    def data(self) -> bytes:
        """The bytes, as far as they are here."""
        return b"".join(self._pieces[index].data for index in sorted(self._pieces))
