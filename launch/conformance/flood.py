"""The check by ten thousand random messages, at every port: what a node hears, what it does not know, what is odd."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, cast

from lightlag.bus.errors import NodeFailed
from lightlag.bus.message import Message
from lightlag.bus.operator import OUTSIDE
from lightlag.launch.run.simulation import Simulation

from .finding import Finding, counted, fail, ok, told, warn
from .messages import random_message
from .trial import IT, SEED, Trial

#: Messages that can be read, and such that cannot.
VALID, UNREADABLE = 8_000, 2_000
_STEP_NS = 1_000_000
_READING = "MessageError"


class Raw:
    """Bytes that claim to be a message of a type."""

    def __init__(self, kind: str, body: bytes, arrays: tuple[bytes, ...] = ()) -> None:
        self.__message_type__ = kind
        self._content = body, arrays

    def encode(self) -> tuple[bytes, tuple[bytes, ...]]:
        """See ``Message``."""
        return self._content


def flood(trial: Trial) -> Finding:
    """Ten thousand messages, at every port, and it lives."""
    ports = sorted(trial.cls(IT, trial.params).port)
    if not ports:
        return ok("has no ports at which anything could come")
    died = _poured(trial, ports, list(_valid(trial)))
    if died is not None:
        return fail(
            f"it died of a message that is valid: {died}",
            "expect any value that the annotations allow, from anybody: check what you read, log it and go on",
        )
    died = _poured(trial, ports, list(_unreadable(trial)))
    number = counted(VALID + UNREADABLE, "message")
    if died is not None and f"{_READING}:" not in died:
        return fail(
            f"it died of bytes that are no message: {died}",
            "ask for the types that you know (port.received(Event)), and catch MessageError around reception.message",
        )
    if died is not None:
        return warn(
            f"it lives through {counted(VALID, 'valid message')}, and dies of one that it cannot read: {died}",
            "that is its own choice; if it is not meant, catch MessageError around reception.message, log it and go on",
            messages=VALID,
        )
    return ok(f"{number} arrived at {counted(len(ports), 'port')}, and it lives", messages=VALID + UNREADABLE)


def _poured(trial: Trial, ports: list[str], pours: list[tuple[str, Any]]) -> str | None:
    """Let messages arrive, one a millisecond; what the node died of, with how, or None."""
    draw = Random(SEED)
    with Simulation(trial.graph) as sim:
        sim.advance(1)
        for number, (what, message) in enumerate(pours, start=1):
            port = draw.choice(ports)
            try:
                sim.act(IT, f"{OUTSIDE}{port}", cast(Message, message))
                sim.advance(sim.now_ns + _STEP_NS)
            except NodeFailed as error:
                return f"{what}, number {number}, at {port}\n{told(str(error))}"
    arrived = sum(it.emission.channel.startswith(OUTSIDE) for it in sim.receptions(IT))
    return None if arrived == len(pours) else f"of {len(pours):,} {arrived:,} arrived"


def _valid(trial: Trial) -> Iterator[tuple[str, Any]]:
    draw = Random(SEED)
    for _ in range(VALID):
        kind, odd = draw.choice(trial.kinds), draw.random() < 0.5
        message = random_message(kind, draw, odd=odd)
        yield f"{_short(message)}", message


def _unreadable(trial: Trial) -> Iterator[tuple[str, Any]]:
    """Types that nobody knows, versions to come, and bytes that are nothing under a type that is known."""
    draw = Random(SEED)
    for _ in range(UNREADABLE):
        kind = str(draw.choice(trial.kinds).__message_type__)  # type: ignore[attr-defined]
        name = draw.choice((kind, f"{kind.partition('@')[0]}@99", "conformance.unknown@1", "", "@", "no version"))
        body = draw.choice((b"", b"\xc1", b"\x90", b"\x91\xc0", b"\xdd\xff\xff\xff\xff", draw.randbytes(60)))
        yield f"{len(body)} bytes as {name!r}", Raw(name, body)


def _short(message: Any, most: int = 160) -> str:
    kind = message.__message_type__
    fields = ", ".join(f"{name}={getattr(message, name)!r}" for name, _, _ in message.__message_checks__)
    text = " ".join(f"{kind} {fields}".split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
