"""Multipart messages over ZeroMQ sockets, at the price of what libzmq does.

pyzmq's own ``send_multipart`` and ``recv_multipart`` ask the socket an option after every frame, which costs more than
the frame; here the last frame read says whether more follow. Small frames are ``bytes``. What is large stays in the
memory in which libzmq received it, and goes out again from there: a hub or a relay copies nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import zmq

from .emission import Buffer

_BARE = zmq.backend.Socket
_send: Any = _BARE.send
_receive = _BARE.recv
_MORE = int(zmq.SNDMORE)
#: What is smaller is copied: libzmq keeps it in one piece of memory with its neighbours, at any address.
_SMALL_BYTES = 1 << 13
#: What is as large is sent from where it lies; to tell when it may be forgotten costs more than to copy less.
_LARGE_BYTES = 1 << 16


def send(socket: zmq.Socket[Any], frames: Sequence[Buffer]) -> None:
    """Send the frames of one message.

    Raises:
        ZMQError: of the first frame, and nothing was sent: nobody of that identity is there (ROUTER).
    """
    left = len(frames)
    for frame in frames:
        left -= 1
        sent = frame if type(frame) is bytes else _source(frame)
        _send(socket, sent, _MORE if left else 0, len(frame) < _LARGE_BYTES)


def receive(socket: zmq.Socket[Any]) -> list[Buffer]:
    """Wait for a message.

    Raises:
        Again: none came within the socket's own timeout.
    """
    frame = _receive(socket, 0, False)
    frames = [content(frame)]
    while frame.more:
        frame = _receive(socket, 0, False)
        frames.append(content(frame))
    return frames


def content(frame: zmq.Frame) -> Buffer:
    """The content of a received frame."""
    return frame.bytes if len(frame) < _SMALL_BYTES else frame.buffer.toreadonly()


def _source(frame: Buffer) -> Any:
    """What to send: of a view of what was received as a whole, that itself, which is not copied."""
    if type(frame) is memoryview:
        whole: Any = frame.obj
        if isinstance(whole, zmq.Frame) and len(whole) == frame.nbytes:
            return whole
    return frame
