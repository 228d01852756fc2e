"""What a test expects of a reception, as data; and what a reception lacks of it, field by field. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from lightlag.bus.emission import Emission, Loss, Reception
from lightlag.bus.errors import MessageError
from lightlag.bus.message import Message, message_class, message_types
from lightlag.bus.schema import declared
from lightlag.launch.run.driven import is_of

_MISSING = object()
_EXACT_S = 1e-3


class Miss(NamedTuple):
    """Something of a reception that is not as it was expected."""

    what: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """A reception that somebody waits for, or wants never to see."""

    #: A node; empty: whichever receives it.
    receiver: str
    #: A class of message, its name, or its name with a version; None: any.
    kind: type | str | None = None
    #: Who said it first; who sent the frame that arrives (a relay); and on which channel.
    source: str | None = None
    sender: str | None = None
    channel: str | None = None
    #: Asked of the message.
    where: Callable[[Any], object] | None = None
    #: Values of fields of the message, or what is asked of them.
    fields: Mapping[str, Any] = field(default_factory=dict)

    def is_met_by(self, reception: Reception) -> bool:
        """Whether a reception is what was expected."""
        return (
            self.receiver in ("", reception.receiver)
            and self.is_said_by(reception.emission)
            and not any(True for _ in self._misses_of_message(reception))
        )

    def is_said_by(self, emission: Emission) -> bool:
        """Whether an emission is of the kind, source, sender and channel, whatever is in it."""
        return (
            (self.kind is None or is_of(emission.type, self.kind))
            and self.source in (None, emission.origin.source)
            and self.sender in (None, emission.source)
            and self.channel in (None, emission.channel)
        )

    def misses(self, reception: Reception) -> list[Miss]:
        """What a reception lacks; of one that is of another kind the fields are not looked at."""
        emission = reception.emission
        if self.kind is not None and not is_of(emission.type, self.kind):
            return [Miss("type", kind_name(self.kind), emission.type)]
        header = (
            ("source", self.source, emission.origin.source),
            ("sender", self.sender, emission.source),
            ("channel", self.channel, emission.channel),
        )
        misses = [Miss(what, wanted, got) for what, wanted, got in header if wanted not in (None, got)]
        return [*misses, *self._misses_of_message(reception)]

    def nearest(self, receptions: Iterable[Reception]) -> tuple[Reception, list[Miss]] | None:
        """Of the receptions that lack least the one that reads most alike, and what it lacks; of several the latest.

        One of another kind is not near.
        """
        best: tuple[Reception, list[Miss]] | None = None
        least, most_alike = 0, 0.0
        for reception in receptions:
            if self.kind is None or is_of(reception.emission.type, self.kind):
                misses = self.misses(reception)
                if best is None or len(misses) <= least:
                    alike = sum(SequenceMatcher(None, miss.expected, miss.got).ratio() for miss in misses)
                    if best is None or len(misses) < least or alike >= most_alike:
                        best, least, most_alike = (reception, misses), len(misses), alike
        return best

    def lost(self, losses: Iterable[Loss]) -> list[Loss]:
        """What was lost and may have been it: of a loss only the header is looked at."""
        return [loss for loss in losses if self.is_said_by(loss.emission)]

    @property
    def cls(self) -> Any:
        """The class of the kind of message; None if any will do, or it is known by a name alone."""
        if not isinstance(self.kind, str):
            return self.kind if hasattr(self.kind, "__message_checks__") else None
        try:
            return message_class(self.kind)
        except MessageError:
            return None

    def text(self) -> str:
        """In words, after "goldstone to receive"."""
        words = ["any message" if self.kind is None else kind_name(self.kind)]
        words += [f"from {self.source}"] if self.source else []
        words += [f"sent by {self.sender}"] if self.sender else []
        words += [f"on {self.channel}"] if self.channel else []
        asked = [f"{name} = {_shown(value)}" for name, value in self.fields.items()]
        asked += [f"where {source_of(self.where)}"] if self.where else []
        return " ".join(words) + (f" with {', '.join(asked)}" if asked else "")

    def _misses_of_message(self, reception: Reception) -> Iterable[Miss]:
        if not self.fields and self.where is None:
            return
        try:
            message: Any = reception.message
        except MessageError as error:
            yield Miss("message", "one that can be read", str(error))
            return
        for name, wanted in self.fields.items():
            got = getattr(message, name, _MISSING)
            if got is _MISSING:
                yield Miss(name, _shown(wanted), "no such field")
            elif not _is_as_wanted(got, wanted):
                yield Miss(name, _shown(wanted), _shown(got))
        if self.where is not None and not self.where(message):
            yield Miss("where", source_of(self.where), f"not so of {short(message)}")


def is_as_long(took_s: float, wanted: Any) -> bool:
    """Whether a time (s) is what is wanted: a number to the millisecond, ``pytest.approx``, or what a function says."""
    if callable(wanted):
        return bool(wanted(took_s))
    if isinstance(wanted, int | float):
        return abs(took_s - wanted) <= _EXACT_S
    return bool(took_s == wanted)


def kind_name(kind: type | str) -> str:
    """The name of a kind of message, without its version unless that was asked for."""
    if isinstance(kind, str):
        return kind
    return str(getattr(kind, "__message_type__", kind.__name__)).partition("@")[0]


def names_of_kinds() -> set[str]:
    """The names of all messages that are known here, by a class or because a program has declared them."""
    return {name.partition("@")[0] for name in (*message_types(), *declared)}


def short(message: Any, most: int = 120) -> str:
    """A message in one line, as its fields."""
    if not isinstance(message, Message):
        return repr(message)[:most]
    told = ", ".join(f"{name}={_shown(getattr(message, name))}" for name, _, _ in message.__message_checks__)
    return told if len(told) <= most else f"{told[: most - 1]}…"


def source_of(predicate: Callable[..., object]) -> str:
    """A predicate as it was written: of a lambda its text, of a function its name."""
    name = getattr(predicate, "__name__", repr(predicate))
    if name != "<lambda>":
        return name
    try:
        text = " ".join(inspect.getsource(predicate).split())
    except (OSError, TypeError):
        return "a lambda"
    _, found, body = text.partition("lambda")
    return f"lambda{_balanced(body)}" if found else "a lambda"


def _balanced(text: str) -> str:
    """The start of a text, up to a bracket that closes what it does not open, or a comma outside of brackets."""
    depth, past_colon = 0, False
    for at, character in enumerate(text):
        depth += character in "([{"
        depth -= character in ")]}"
        past_colon |= character == ":"
        if depth < 0 or (character == "," and depth == 0 and past_colon):
            return text[:at].rstrip()
    return text.rstrip()


def _is_as_wanted(got: Any, wanted: Any) -> bool:
    if callable(wanted) and not isinstance(wanted, type):
        return bool(wanted(got))
    return bool(got == wanted)


def _shown(value: Any) -> str:
    if callable(value) and not isinstance(value, type):
        return source_of(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"array of {value.dtype} {value.shape}"
    if isinstance(value, bytes | memoryview):
        return f"{len(value)} bytes"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
