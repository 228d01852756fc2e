"""Files in pieces: put together whatever the order, and never out of what does not belong together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightlag.bus.errors import MessageError
from lightlag.nodes.files import FileAssembler, FilePiece, file_pieces


@given(st.binary(max_size=300), st.integers(1, 64), st.randoms())
def test_a_file_is_the_same_whatever_the_order_of_its_pieces(data, size, random):
    pieces = list(file_pieces("wind.wav", data, 5, size))
    twice = pieces + pieces[:3]
    random.shuffle(twice)
    assembler = FileAssembler()
    new = [assembler.add(piece) for piece in twice]
    assert (sum(new), assembler.complete, assembler.data()) == (len(pieces), True, data)


def test_a_file_is_not_complete_before_its_last_piece():
    first, second = file_pieces("a", b"abcd", 0, 2)
    assembler = FileAssembler()
    assert not assembler.complete
    assembler.add(second)
    assert not assembler.complete
    assembler.add(first)
    assert assembler.complete


def test_a_piece_of_another_file_of_that_name_is_refused():
    assembler = FileAssembler()
    assembler.add(FilePiece("a", 0, 2, 0, b"x"))
    for other in (FilePiece("a", 1, 3, 0, b"y"), FilePiece("a", 1, 2, 7, b"y"), FilePiece("a", 2, 2, 0, b"y")):
        with pytest.raises(MessageError, match="give every file its own name"):
            assembler.add(other)
    with pytest.raises(MessageError, match="twice with different bytes"):
        assembler.add(FilePiece("a", 0, 2, 0, b"z"))


def test_pieces_of_nothing_are_refused():
    with pytest.raises(MessageError, match="make pieces larger"):
        next(file_pieces("a", b"x", 0, 0))
