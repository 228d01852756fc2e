"""Multipart messages: they arrive as they were sent; what is large is not copied on its way, and cannot be changed."""

from __future__ import annotations

import numpy as np
import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from lightlag.bus import multipart
from lightlag.bus.message import message

SIZES = [0, 1, 4_095, 4_096, 8_191, 8_192, 8_193, 65_535, 65_536, 1 << 20]


@message("test.multipart.matrix")
class Matrix:
    """An array."""

    values: np.ndarray


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A ROUTER and a DEALER that is called ``mars``, over ipc."""
    endpoint = f"ipc://{tmp_path_factory.mktemp('s')}/s"
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router, context.socket(zmq.DEALER) as dealer:
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        dealer.setsockopt(zmq.IDENTITY, b"mars")
        router.bind(endpoint)
        dealer.connect(endpoint)
        multipart.send(dealer, [b"hello"])
        assert multipart.receive(router) == [b"mars", b"hello"]
        yield router, dealer


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(SIZES), min_size=1, max_size=5))
def test_whatever_is_sent_is_received(line, sizes):
    router, dealer = line
    frames = [bytes([65 + n]) * size for n, size in enumerate(sizes)]
    multipart.send(router, [b"mars", *frames])
    received = multipart.receive(dealer)
    assert [bytes(frame) for frame in received] == frames
    multipart.send(dealer, received)  # as a relay does
    identity, *again = multipart.receive(router)
    assert (identity, [bytes(frame) for frame in again]) == (b"mars", frames)


def test_what_was_received_cannot_be_changed(line):
    router, dealer = line
    multipart.send(router, [b"mars", b"picture", bytes(1 << 16)])
    view = multipart.receive(dealer)[1]
    assert isinstance(view, memoryview)
    with pytest.raises(TypeError, match="read-only"):
        view[0] = 1


def test_part_of_what_was_received_is_sent_as_that_part(line):
    router, dealer = line
    multipart.send(router, [b"mars", bytes(1 << 16) + b"end"])
    (view,) = multipart.receive(dealer)
    multipart.send(dealer, [view[-3:]])
    assert multipart.receive(router) == [b"mars", b"end"]


def test_to_whom_nobody_is_nothing_is_sent(line):
    router, dealer = line
    with pytest.raises(zmq.ZMQError) as raised:
        multipart.send(router, [b"venus", b"a", bytes(1 << 16)])
    assert raised.value.errno == zmq.EHOSTUNREACH
    multipart.send(router, [b"mars", b"b"])
    assert multipart.receive(dealer) == [b"b"]


@pytest.mark.parametrize("rows", [3, 12, 27, 41])
def test_arithmetic_on_what_was_received_gives_the_bits_of_what_was_sent(line, rows):
    """Wherever in memory a frame came to lie: with operands that are not aligned NumPy adds up in another order."""
    router, dealer = line
    values = np.random.default_rng(rows).normal(size=(rows, 20))
    expected = (values @ values.T).tobytes()
    body, arrays = Matrix(values).encode()
    for padding in range(40):
        multipart.send(router, [b"mars", bytes(padding), body, *arrays])
        _, body_again, *arrays_again = multipart.receive(dealer)
        for frames in (tuple(arrays_again), tuple(shifted(array, padding % 8) for array in arrays_again)):
            found = Matrix.decode(bytes(body_again), frames).values
            assert found.flags.aligned
            assert not found.flags.writeable
            assert (found @ found.T).tobytes() == expected


def shifted(array, by):
    """The same bytes, ``by`` bytes further in memory than an array would begin."""
    return memoryview(bytes(by) + bytes(array))[by:]
