"""The launcher's own watch: it says why a run stands still, unasked after a while, and at Ctrl-\\ (SIGQUIT)."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from lightlag.bus.errors import GraphError, LightlagError
from lightlag.launch.look.why import explain, is_stalled, sentences

#: The frontier may stand still for so long (wall s) before the launcher says why.
WATCHDOG_S = 10.0
_LOOK_S = 0.25


def watchdog_s(text: str) -> float | None:
    """The seconds of ``--watchdog``: a duration, or None for ``off``.

    Raises:
        GraphError: it is neither.
    """
    from lightlag.nodes.units import quantity

    if text.strip().lower() == "off":
        return None
    try:
        seconds = quantity(text, "duration")
    except GraphError as error:
        raise GraphError(f"--watchdog {text}: {error}; or off") from None
    if seconds <= 0:
        raise GraphError(f"--watchdog {text}: write a duration longer than nothing, like 30s, or off")
    return seconds


class Watchdog:
    """Says why a run stands still, from a thread of its own, which a launcher that computes does not keep from it.

    Told every frontier by ``watch``; says something when it has not moved for ``after_s`` (wall s; None: never), again
    when that has doubled, and whenever ``ask`` is called. ``tell`` is called from its thread.
    """

    def __init__(
        self,
        run_dir: Path,
        tell: Callable[[str], None],
        after_s: float | None = WATCHDOG_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run_dir = run_dir
        self._tell = tell
        self._after_s = after_s
        self._clock_s = clock_s
        self._frontier_ns = -1
        self._moved_s = clock_s()
        self._next_s = after_s or 0.0
        self._over = False
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def watch(self, frontier_ns: int) -> None:
        """The run has got to ``frontier_ns``."""
        if frontier_ns != self._frontier_ns:
            self._frontier_ns = frontier_ns
            self._moved_s = self._clock_s()

    def ask(self) -> None:
        """Say it now. Safe in a signal handler."""
        self._asked.set()

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._asked.set()
        self._thread.join(_LOOK_S)

    def _run(self) -> None:
        while True:
            asked = self._asked.wait(_LOOK_S)
            self._asked.clear()
            if self._over:
                return
            still_s = self._clock_s() - self._moved_s
            if asked:
                self._say("")
            elif self._after_s is not None and still_s < self._after_s:
                self._next_s = self._after_s
            elif self._after_s is not None and still_s >= self._next_s:
                self._say(f"no progress for {still_s:.0f} s: ")
                self._next_s = 2 * still_s

    def _say(self, opening: str) -> None:
        try:
            found = explain(self._run_dir)
        except (LightlagError, OSError) as error:  # it is starting, or ends just now
            if not opening:
                self._tell(str(error))
            return
        if not self._over and (not opening or is_stalled(found)):
            self._tell(f"{opening}{'; '.join(sentences(found))}")


@contextmanager
def explaining(watchdog: Watchdog) -> Iterator[None]:
    """With the watchdog awake, and Ctrl-\\ asking it, while the run lives."""

    def pressed(signum: int, frame: FrameType | None) -> None:
        watchdog.ask()

    before = signal.signal(signal.SIGQUIT, pressed)
    try:
        with watchdog:
            yield
    finally:
        signal.signal(signal.SIGQUIT, before)
