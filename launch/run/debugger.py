"""A debugger for a replay: pdb, entered in the node's own code, while simulated time stands still.

It stands where a difference shows: in the innermost frame that is not the kernel's, which for a port is where the node
sent, noted or published. What a radio sends leaves later than it was given to it, so that there it is the radio's last
bit. To leave it (``q``) ends the replay; nothing is raised in the node.
"""

from __future__ import annotations

import inspect
import pdb
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from lightlag.nodes.node import Node

from .check import Difference

#: Where the kernel calls nodes, or is called by them: the ends of file names.
_KERNEL = (
    "bus/futures.py",
    "bus/loop.py",
    "launch/run/check.py",
    "launch/run/debugger.py",
    "launch/run/replaying.py",
    "launch/run/witness.py",
    "nodes/host.py",
    "nodes/node.py",
    "nodes/outlet.py",
    "nodes/port.py",
)


class Debugger(pdb.Pdb):
    """Enters pdb for a replay; ``tell`` shows a person a difference, ``at_the_start`` stops at the start of run()."""

    def __init__(self, tell: Callable[[Difference], None], *, at_the_start: bool = False, **streams: Any) -> None:
        super().__init__(**streams)
        self.left = False
        self._tell = tell
        self._at_the_start = at_the_start
        self._leave: Callable[[], None] = lambda: None

    def begin(self, node: Node, leave: Callable[[], None]) -> None:
        """The node is about to run; ``leave`` ends the replay."""
        self._leave = leave
        if not self._at_the_start:
            return
        run = inspect.unwrap(type(node).run).__code__

        def wait(frame: FrameType, event: str, arg: Any) -> Any:
            if frame.f_code is not run:
                return None
            self._stand_in(frame)
            self.set_next(frame)  # at its first line
            sys.settrace(self.trace_dispatch)
            return self.trace_dispatch

        sys.settrace(wait)

    def stop(self, difference: Difference, node: Node) -> None:
        """A difference has just shown: in the node's own stack, or when something did not come."""
        sys.settrace(None)
        self._tell(difference)
        frame = _own_frame()
        if frame is None:
            _stands_still(self, node)
        else:
            self._enter(frame)

    def post_mortem(self, error: BaseException) -> None:
        """The node has raised."""
        sys.settrace(None)
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self.message(f"{type(error).__name__}: {error}")
        self.reset()
        self.interaction(None, error.__traceback__)

    def do_quit(self, arg: str) -> bool:
        """Leave the debugger; the replay ends."""
        self.left = True
        self._leave()
        self.clear_all_breaks()
        self.set_continue()
        return True

    do_q = do_exit = do_quit

    def do_EOF(self, arg: str) -> bool:  # noqa: N802 - pdb's name
        """The same at the end of the input."""
        self.message("")
        return self.do_quit(arg)

    def _stand_in(self, frame: FrameType) -> None:
        """Let the stack that a person sees end where the host runs an instant."""
        self.reset()
        self.botframe = next((it for it in _outwards(frame) if _is_host(it)), frame)

    def _enter(self, frame: FrameType) -> None:
        """Stand in a frame, at the line that it is at, and go on as the person says."""
        self._stand_in(frame)
        self.interaction(frame, None)
        if self.stopframe is self.botframe and not self.breaks:
            return  # to go on, and nowhere to stop
        for traced in _outwards(frame):
            traced.f_trace = self.trace_dispatch
            if traced is self.botframe:
                break
        sys.settrace(self.trace_dispatch)


def _stands_still(debugger: Debugger, node: Node) -> None:
    """Something has not come: nothing of the node is being run, but it is at hand, as ``node``."""
    debugger._enter(sys._getframe())


def _own_frame() -> FrameType | None:
    """The innermost frame of the node's own code; of its radio's, if that sends what it was given earlier.

    None if the host runs no instant.
    """
    found = None
    for frame in _outwards(sys._getframe()):
        if _is_host(frame):
            return found
        if found is None and not _file(frame).endswith(_KERNEL):
            found = frame
    return None


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_host(frame: FrameType) -> bool:
    return frame.f_code.co_name in ("activate", "finish") and _file(frame).endswith("nodes/host.py")


def _file(frame: FrameType) -> str:
    return frame.f_code.co_filename.replace("\\", "/")
