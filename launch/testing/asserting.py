"""What a test asserts of what a run has brought, however it has got there: delays, and the golden run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.launch.graph.diagnostics import did_you_mean
from lightlag.launch.run.driven import Driven
from lightlag.launch.run.stage import Stage

from .expectation import Expectation, is_as_long, names_of_kinds
from .goldens import Golden
from .pending import ExpectationFailed, to_be_awaited


class Asserting(Driven, ABC):
    """A run of which something is asserted."""

    def __init__(self, stage: Stage, golden: Golden | None = None) -> None:
        super().__init__(stage)
        self._golden = golden or Golden()

    @abstractmethod
    async def to_the_end(self) -> str:
        """Let the run go to its end; returns its digest."""

    def assert_delay(
        self, sender: str, receiver: str, delay_s: Any, *, kind: type | str | None = None, channel: str | None = None
    ) -> None:
        """Whatever a node has received from another took ``delay_s``: seconds to the millisecond, ``pytest.approx``, or
        a function that says whether a delay (s) will do.

        Raises:
            ExpectationFailed: something took another time, or nothing came.
        """
        __tracebackhide__ = True
        expectation = self._expectation(receiver, kind, None, self.known(sender), channel, None, {})
        found = [it for it in self._receptions[receiver] if expectation.is_met_by(it)]
        if not found:
            raise ExpectationFailed(
                f"{receiver} has received {expectation.text()} not once; there is no delay to look at"
            )
        for it in found:
            took_s = (it.received_ns - it.emission.sent_ns) / NS_PER_S
            if not is_as_long(took_s, delay_s):
                when = self.epoch.utc(it.received_ns)
                raise ExpectationFailed(
                    f"{it.emission.type} {sender}:{it.emission.seq} took {took_s:.6f} s to {receiver}, received {when} "
                    f"ERT; expected: {delay_s}"
                )

    @to_be_awaited
    async def assert_golden(self, file: Path | str) -> None:
        """Let the run go to its end; it is then the golden one in ``file``, from the test's folder, within what may
        depart there. With ``--lightlag-update-golden`` the file is written instead, and what has changed is shown.

        Raises:
            ExpectationFailed: it is another, or there is no such file.
        """
        __tracebackhide__ = True
        await self.to_the_end()
        self.conclude(report=False)
        assert self.run_dir is not None
        if told := self._golden.check(file, self.run_dir):
            raise ExpectationFailed(told)

    def _expectation(
        self,
        receiver: str,
        kind: type | str | None,
        source: str | None,
        sender: str | None,
        channel: str | None,
        where: Callable[[Any], object] | None,
        fields: dict[str, Any],
    ) -> Expectation:
        for node in (receiver, source, sender):
            if node is not None:
                self.known(node)
        if channel is not None and channel not in self.graph.channels:
            raise GraphError(f"there is no channel {channel!r}; there are: {', '.join(self.graph.channels)}")
        expectation = Expectation(receiver, kind, source, sender, channel, where, fields)
        if isinstance(kind, str) and (name := kind.partition("@")[0]) not in (known := names_of_kinds()):
            near = did_you_mean(name, known)
            if near:  # programs may say what is known once they run
                raise GraphError(f"no node speaks of {kind!r}; {near}")
        cls = expectation.cls
        for name in fields:
            if cls is not None and not hasattr(cls, name):
                named = [field for field, _, _ in cls.__message_checks__]
                near = did_you_mean(name, named) or f"there are: {', '.join(named)}"
                raise GraphError(f"{cls.__message_type__.partition('@')[0]} has no field {name!r}; {near}")
        return expectation
