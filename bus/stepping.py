"""Stepping: a run over processes that somebody outside lets go on, a stretch at a time, and hears all of.

For tests of the real thing. ``Held`` takes the place of the pace at the hub (``HeldHub``), so that nothing is granted
beyond what the holder has asked for; ``Collected`` takes the place of the tap, and keeps whole what every report's
activation recorded until the holder is answered. So the holder knows of everything up to its instant, and nothing has
happened after it: an act of his then is stamped with that instant, as it would be in one process.

He may watch some nodes. Then the run stops with the first instant in which one of them gets or loses anything; until
then every host may go on to the earliest instant at which anything can happen where they are (``soonest_ns``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import zmq

from . import wire
from .hub import Hub
from .outcome import Outcome
from .pace import Pace
from .tap import Tap

#: What the holder asks the hub: to go on, before ``bound_ns``; and to end the run where it is.
ADVANCE, FINISH = "advance", "finish"


class Held(Pace):
    """A pace that stands still until somebody asks; nobody else decides when anything happens."""

    def __init__(self) -> None:
        super().__init__(speed=1.0)
        #: Nothing at or after this may happen.
        self.bound_ns = 0
        #: Who has asked for the run to go on, and has not been answered.
        self.asker: bytes | None = None
        #: Whether the run may end.
        self.let_go = False

    def start(self, t_ns: int) -> None:
        """The wall clock says nothing here."""

    def now_ns(self) -> int:
        """See ``Pace``."""
        return self.bound_ns

    def reached_ns(self) -> int:
        """See ``Pace``: everything up to here has happened."""
        return max(0, self.bound_ns - 1)

    def wait_ms(self, next_ns: int) -> int | None:
        """See ``Pace``: time does not bring what the holder does not ask for."""
        return None

    def behind_s(self, frontier_ns: int) -> float:
        """See ``Pace``."""
        return 0.0


class Collected(Tap):
    """What hosts have recorded since the holder was answered last."""

    whole = True

    def __init__(self) -> None:
        super().__init__("")
        self._found: list[bytes] = []
        #: Who has received or lost anything of that.
        self.receivers: set[str] = set()

    @property
    def wanted(self) -> bool:
        """Always."""
        return True

    def publish(self, found: Sequence[Any]) -> None:
        """Keep it."""
        for receivers, piece in found:
            self.receivers.update(receivers)
            self._found.append(piece)

    def taken(self) -> list[bytes]:
        """All that was kept, which is forgotten here."""
        found, self._found = self._found, []
        self.receivers = set()
        return found


class HeldHub(Hub):
    """A hub whose pace is ``Held`` and whose tap is ``Collected``."""

    _pace: Held
    _tap: Collected
    #: Whom the holder watches, and the hosts where they are; none: it wants the run to go all the way.
    _watched: frozenset[str] = frozenset()
    _watched_hosts: tuple[int, ...] = ()
    _wanted_ns = 0

    def serve(self, socket: zmq.Socket[bytes]) -> Outcome:
        """See ``Hub``; the holder is told what the end has brought."""
        outcome = super().serve(socket)
        self._tell_holder(socket)
        return outcome

    def _told(self, socket: zmq.Socket[bytes], identity: bytes, envelope: wire.Envelope) -> None:
        what, arguments = envelope.fields
        if what not in (ADVANCE, FINISH):
            super()._told(socket, identity, envelope)
            return
        self._pace.asker = identity
        if what == ADVANCE:
            self._wanted_ns = max(self._pace.bound_ns, int(arguments["bound_ns"]))
            self._watched = frozenset(arguments["watched"])
            self._watched_hosts = tuple(sorted(arguments["hosts"]))
            if not self._watched:
                self._pace.bound_ns = self._wanted_ns
        else:
            self._pace.let_go = True
            if not self.coordinator.finished:
                self.stop()

    def _rest(self, socket: zmq.Socket[bytes]) -> None:
        pace = self._pace
        if pace.let_go or self.stopping:
            super()._rest(socket)
        elif pace.asker is not None:
            if self._tap.receivers & self._watched or pace.bound_ns >= self._wanted_ns or self.coordinator.finished:
                self._tell_holder(socket)
            else:
                pace.bound_ns = min(self._wanted_ns, self.coordinator.soonest_ns(self._watched_hosts) + 1)
                self._go_on(socket)

    def _stamp(self, host: int, at_ns: int | None) -> int:
        """What somebody outside does is stamped with the instant up to which everything has happened."""
        return self._pace.reached_ns() if at_ns is None else at_ns

    def _tell_holder(self, socket: zmq.Socket[bytes]) -> None:
        asker, self._pace.asker = self._pace.asker, None
        if asker is not None:
            failure = self.coordinator.failure
            told = {
                "next_ns": min(self.coordinator.earliest_ns()),
                "reached_ns": self._pace.reached_ns(),
                "recorded": self._tap.taken(),
                "failure": None if failure is None else tuple(failure),
            }
            self._send(socket, asker, wire.encode(self._run_id, wire.TOLD, (told,)))
