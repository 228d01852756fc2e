"""Whose code has raised: what a person is shown of it, without the kernel's own frames."""

from __future__ import annotations

import traceback

from lightlag.bus.errors import LightlagError

#: Frames of these that lead to a node's own code are left out of what a person is shown.
_KERNEL = (
    "asyncio/events.py",
    "bus/futures.py",
    "bus/loop.py",
    "nodes/foreign/conversation.py",
    "nodes/foreign/running.py",
    "nodes/host.py",
    "nodes/port.py",
)


def traceback_of_node(error: BaseException) -> str:
    """The traceback without the frames of the kernel that lead to the node's own code.

    What came out of task groups as the one failure of its group is told as that failure.
    """
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    summary = traceback.TracebackException.from_exception(error)
    frames = list(summary.stack)
    own = next((k for k, frame in enumerate(frames) if not _of_kernel(frame.filename)), None)
    if own is not None:
        del summary.stack[:own]
    elif isinstance(error, LightlagError):  # it is about a program in another language: no place here says more
        return f"{type(error).__name__}: {error}\n"
    return "".join(summary.format())


def _of_kernel(filename: str) -> bool:
    return filename.replace("\\", "/").endswith(_KERNEL)
