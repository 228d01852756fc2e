"""An operator's line to the hub: for whoever asks where a run stands, or acts upon it from outside, and is no host."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .errors import RunError

if TYPE_CHECKING:
    from .security import Keys

#: The source of what operators send; no node can have this name.
OPERATOR = "@operator"
#: Their channel to a port is this and the name of the port.
OUTSIDE = "@"


class Operator:
    """Asks the hub at ``endpoint``; a context manager. ``keys`` are needed where the run reaches over a network."""

    def __init__(self, endpoint: str, run_id: str, name: str = "operator", keys: Keys | None = None) -> None:
        import zmq  # here: every host has the names above, and few processes have an operator

        self.endpoint = endpoint
        self._run_id = run_id
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IDENTITY, f"{name}-{secrets.token_hex(4)}".encode())
        self._socket.setsockopt(zmq.LINGER, 0)
        if keys is None:
            self._socket.connect(endpoint)
        else:
            keys.connect(self._socket, endpoint)

    def ask(self, what: str, timeout_s: float = 5.0, **arguments: Any) -> dict[str, Any]:
        """The hub's answer.

        Raises:
            RunError: there was none in time, or the hub could not do what was asked.
        """
        self._say(what, arguments)
        if not self._socket.poll(round(timeout_s * 1000)):
            raise RunError(f"the hub did not answer within {timeout_s:g} s; it may be starting, or the run has ended")
        return self._answer()

    def await_answer(
        self, what: str, arguments: dict[str, Any], look_s: float, look: Callable[[], None]
    ) -> dict[str, Any]:
        """The hub's answer, however long it takes; every ``look_s`` (wall) ``look`` may raise what makes that vain.

        Raises:
            RunError: the hub could not do what was asked.
        """
        self._say(what, arguments)
        while not self._socket.poll(round(look_s * 1000)):
            look()
        return self._answer()

    def _say(self, what: str, arguments: dict[str, Any]) -> None:
        from . import wire

        self._socket.send_multipart(wire.encode(self._run_id, wire.ASK, (what, arguments)))

    def _answer(self) -> dict[str, Any]:
        from . import wire

        envelope = wire.decode(self._run_id, self._socket.recv_multipart())
        told: dict[str, Any] = envelope.fields[0] if envelope.kind == wire.TOLD else {"error": str(envelope.fields)}
        if "error" in told:
            raise RunError(told["error"])
        return told

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
