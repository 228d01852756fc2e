"""Where a host is in simulated time while its nodes compute: which node, at which instant.

A host that computes answers nobody, and to note on its way where it is would cost something at every event. But at any
moment another thread can read it. So a thread of the host's process sleeps at a socket beside the hub's, in the private
directory of the run, and tells whoever calls. While a library keeps Python's lock it says nothing: then the stack,
which needs no thread, is all that there is to see.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lightlag.nodes.host import Host

#: How long a thread may take to answer (wall s).
_ANSWER_S = 0.5
_LOCAL = "ipc://"


class Whereabouts(NamedTuple):
    """The node whose instant it is, the instant (ns), and that in UTC; no node: the host itself is at work."""

    node: str
    t_ns: int
    scet: str


#: No node computes: the host takes in or writes, or it waits.
NOWHERE = Whereabouts("", -1, "")


@contextmanager
def telling(host: Host, endpoint: str, number: int) -> Iterator[None]:
    """Tell callers, meanwhile, where the host of this process is, the run's host of that number.

    On another machine than the hub's nobody is told.
    """
    if not endpoint.startswith(_LOCAL):
        yield
        return
    path = _socket_of(endpoint, number)
    path.unlink(missing_ok=True)  # of an incarnation that was killed
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        thread = threading.Thread(target=_tell, args=(door, host), name="whereabouts", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            thread.join(_ANSWER_S)


def _tell(door: socket.socket, host: Host) -> None:
    while True:
        try:
            caller, _ = door.accept()
        except OSError:  # it was shut
            return
        with caller, suppress(OSError):  # who has hung up need not be told
            caller.sendall(json.dumps(_whereabouts(host)).encode())


def _whereabouts(host: Host) -> Whereabouts:
    turn = host.turn
    return Whereabouts(*turn, host.epoch.utc(turn[1])) if turn else NOWHERE


def ask(endpoint: str, number: int) -> Whereabouts | None:
    """Where the host of that number is; None if it does not say."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_ANSWER_S)
            line.connect(str(_socket_of(endpoint, number)))
            with line.makefile("rb") as told:
                return Whereabouts(*json.loads(told.read()))
    except (OSError, ValueError):
        return None


def _socket_of(endpoint: str, number: int) -> Path:
    return Path(endpoint.removeprefix(_LOCAL)).with_name(f"host-{number}")
