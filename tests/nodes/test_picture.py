"""Pictures in pieces: whatever happens to the order of the pieces, the picture on the ground is the one taken."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from lightlag.bus.errors import MessageError
from lightlag.nodes.picture import Assembler, PicturePiece, crop, pieces, png_bytes

FACTS = {"range_km": 697.0, "scale_m_px": 0.697}
GRADIENT = np.arange(60 * 100, dtype=np.uint16).reshape(60, 100)


def changed(piece, **changes):
    fields = ("picture", "index", "count", "height", "width", "step", "taken_ns", "facts", "samples")
    return PicturePiece(**{**{name: getattr(piece, name) for name in fields}, **changes})


pictures = hnp.arrays(
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32, np.bool_]),
    shape=hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
)


@given(pictures, st.integers(4, 300), st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_pieces_gives_the_picture_that_was_taken(pixels, size, random):
    sent = list(pieces("esp", pixels, 356, FACTS, bytes_per_piece=size))
    arriving = sent + random.choices(sent, k=len(sent))
    random.shuffle(arriving)
    assembler = Assembler()
    for piece in arriving:
        assembler.add(PicturePiece.decode(*piece.encode()))
    picture = assembler.picture()
    assert assembler.complete
    assert assembler.missing() == []
    assert (picture.id, picture.taken_ns, dict(picture.facts)) == ("esp", 356, FACTS)
    assert picture.pixels.dtype == pixels.dtype
    assert picture.pixels.shape == pixels.shape
    assert picture.pixels.tobytes() == pixels.tobytes()


def test_a_piece_is_about_eight_kibibytes():
    frame = np.zeros((2560, 4096), dtype=np.uint8)
    sent = list(pieces("esp", frame, 0, FACTS))
    assert len(sent) == 1280
    body, (samples,) = sent[0].encode()
    assert len(samples) == 8192
    assert len(body) < 512


def test_a_missing_piece_is_named_and_leaves_black():
    sent = list(pieces("esp", GRADIENT + 1, 0, bytes_per_piece=200))
    assembler = Assembler()
    assert not assembler.complete
    new = [assembler.add(piece) for piece in sent if piece.index != 7]
    assert all(new)
    assert not assembler.complete
    assert assembler.missing() == [7]
    assert (assembler.received, assembler.count) == (59, 60)
    picture = assembler.picture()
    assert not picture.pixels[7].any()
    assert picture.pixels[8:].all()


def test_a_piece_that_comes_twice_is_told_from_a_new_one():
    piece = next(pieces("esp", GRADIENT, 0))
    assembler = Assembler()
    assert assembler.add(piece) is True
    assert assembler.add(piece) is False


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"picture": "other"}, "has picture 'other'"),
        ({"width": 50, "height": 120}, "has height 120"),
        ({"taken_ns": 9}, "has taken_ns 9"),
        ({"facts": {}}, "has facts"),
        ({"index": 60}, "expected"),
        ({"index": -1}, "expected"),
        ({"samples": np.zeros(99, dtype=np.uint16)}, "samples"),
        ({"samples": np.zeros(100, dtype=np.uint8)}, "is uint8; the first was uint16"),
        ({"index": 0}, "came twice with different pixels"),
    ],
)
def test_a_piece_that_contradicts_the_others_is_refused(changes, reason):
    first, second, *_ = pieces("esp", GRADIENT, 0, FACTS, bytes_per_piece=200)
    assembler = Assembler()
    assembler.add(first)
    with pytest.raises(MessageError, match=reason):
        assembler.add(changed(second, **changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"count": 3}, "are not 3 pieces"),
        ({"step": 0}, "are not"),
        ({"height": 0}, "are not"),
        ({"height": 1 << 20, "width": 1 << 20, "count": (1 << 40) // 100 + 1}, "would take"),
    ],
)
def test_a_first_piece_of_an_impossible_picture_is_refused(changes, reason):
    first = next(pieces("esp", GRADIENT, 0, FACTS, bytes_per_piece=200))
    with pytest.raises(MessageError, match=reason):
        Assembler().add(changed(first, **changes))


def test_a_received_picture_cannot_be_changed():
    assembler = Assembler()
    for piece in pieces("esp", GRADIENT, 0):
        assembler.add(piece)
    with pytest.raises(ValueError, match="read-only"):
        assembler.picture().pixels[0, 0] = 1


def test_what_is_no_picture_is_not_sent():
    with pytest.raises(MessageError, match="expected \\(height, width\\)"):
        next(pieces("esp", np.zeros(5), 0))
    with pytest.raises(MessageError, match="holds no pixel"):
        next(pieces("esp", np.zeros((2, 2)), 0, bytes_per_piece=4))
    with pytest.raises(MessageError, match="no piece"):
        Assembler().picture()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_png_holds_the_same_pixels_and_the_same_bytes_every_time(dtype):
    pixels = GRADIENT.astype(dtype)
    file = png_bytes(pixels)
    assert file == png_bytes(pixels.copy())
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(file))), pixels)


def test_a_png_of_floats_is_refused():
    with pytest.raises(MessageError, match="float64"):
        png_bytes(np.zeros((2, 2)))


def test_a_crop_shows_its_centre_enlarged():
    pixels = np.zeros((100, 200), dtype=np.uint8)
    pixels[40, 120] = 255
    near = crop(pixels, (120.2, 39.9), size=16, enlarge=4)
    assert near.shape == (64, 64)
    assert near[32:36, 32:36].min() == 255


def test_a_crop_at_the_edge_stays_inside_the_picture():
    assert crop(GRADIENT, (-50, 1000), size=16).shape == (16, 16)
    assert np.array_equal(crop(GRADIENT, (0, 0), size=200), GRADIENT)
