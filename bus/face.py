"""What surrounds the loops of a host while they run: the face they show to asyncio, and a patient garbage collector."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVarTuple, Unpack

from .errors import NotInSimulation
from .futures import VirtualTask

if TYPE_CHECKING:
    from .loop import VirtualLoop

Ts = TypeVarTuple("Ts")

#: New objects that a patient garbage collector waits for: some megabytes.
_YOUNG_OBJECTS = 50_000
#: What CPython 3.11 and 3.13 begin with; somebody who set another number meant it.
_DEFAULTS = (700, 2_000)


class Face(asyncio.AbstractEventLoop):
    """What asyncio takes for the running loop: it hands everything on to the loop whose instant it is.

    The loops of a host share one face. To tell asyncio for every instant which loop runs would cost a system call
    each time (CPython 3.11), a tenth of the price of a message; with a face it is told once.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        #: Whether it is the running loop.
        self.driven = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loop, name)

    # What every ``sleep`` asks, written out; whatever else a loop can do is handed on below.

    def get_debug(self) -> bool:
        """Debug mode does not exist here."""
        return False

    def create_future(self) -> asyncio.Future[Any]:
        """A future of the loop."""
        return self.loop.create_future()

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Run ``callback`` in this instant.

        Raises:
            NotInSimulation: it wakes a task of another node.
        """
        task = getattr(callback, "__self__", None)  # what a future calls to wake a task is a method of the task
        if type(task) is VirtualTask and task.home is not self.loop:
            raise NotInSimulation(
                f"{self.loop.name} wakes a task of {task.home.name} ({task.get_name()}): they share an object of "
                f"asyncio (a queue, event, lock, future or task), which would carry news in no time, and none at all "
                f"between two processes; give each node its own, and let them talk over a channel of the graph"
            )
        return self.loop.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run ``callback`` in ``delay`` simulated seconds."""
        return self.loop.call_later(delay, callback, *args, context=context)


def _handed_on(method: str) -> Callable[..., Any]:
    def hand_on(self: Face, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.loop, method)(*args, **kwargs)

    return hand_on


for _method in vars(asyncio.AbstractEventLoop):
    if not _method.startswith("__") and _method not in vars(Face):
        setattr(Face, _method, _handed_on(_method))


class driving:  # noqa: N801 - named like what contextlib has
    """Around all that runs virtual loops: whoever drives them gets back its place as the running loop, and a loop that
    runs around them (a notebook's, a test's) does not finalise the nodes' generators."""

    __slots__ = ("_before", "_face")

    def __init__(self, face: Face) -> None:
        self._face = face

    def __enter__(self) -> None:
        face = self._face
        self._before = (asyncio._get_running_loop(), face.driven, sys.get_asyncgen_hooks())
        sys.set_asyncgen_hooks(None, None)
        asyncio._set_running_loop(face)
        face.driven = True

    def __exit__(self, *_: object) -> None:
        loop, self._face.driven, hooks = self._before
        asyncio._set_running_loop(loop)
        sys.set_asyncgen_hooks(*hooks)


@contextlib.contextmanager
def patient_collector() -> Iterator[None]:
    """Around a whole run: the garbage collector waits for some megabytes of new objects before it looks at them.

    Python's own default, which alone is changed, is to do so after 700 (2,000) of them, again and again through all
    that a host is about to report and that is on its way, and finds nothing: a tenth of the time of a run of 8 nodes,
    a fifth of 1,000.
    """
    thresholds = gc.get_threshold()
    if thresholds[0] in _DEFAULTS:
        gc.set_threshold(_YOUNG_OBJECTS, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
