"""Events of a mission, and how the news of them spreads.

An ``Event`` is what a spacecraft says when something happened to it; a ``Tone`` says the same in a few bits, ten
seconds long, to stations that hear little more than a carrier. Every reception of either is news: who learnt what,
when, and by which path.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from lightlag.bus.emission import Reception
from lightlag.bus.errors import MessageError
from lightlag.bus.message import message


@message("lightlag.event")
class Event:
    """Something happened at its source: ``id`` at ``scet_ns`` (run time), with named values (units in the names)."""

    id: str
    scet_ns: int
    values: dict[str, float]


@message("lightlag.tone")
class Tone:
    """A multiple-frequency-shift-keying tone: one of 256 numbers, which the ground looks up as an event.

    On the air it is ``number`` alone; ``event`` and ``scet_ns`` are what the look-up yields, carried along so that a
    station needs no table of the mission.
    """

    number: int
    event: str
    scet_ns: int


class Learnt(NamedTuple):
    """A receiver got news of an event: times are run times in ns, ``path`` the names it passed, joined by ``>``."""

    event: str
    source: str
    scet_ns: int
    receiver: str
    path: str
    ert_ns: int


class Published(NamedTuple):
    """What the record of the real flight says of an event, for people to compare with; no model reads it."""

    event: str
    scet_utc: str
    #: Least and greatest of what is published, by names with units: ``{"height_km": (12.0, 12.0)}``.
    values: dict[str, tuple[float, float]]
    source: str


def news_of(reception: Reception) -> Iterator[tuple[Any, ...]]:
    """The ``Learnt`` of a reception, if it is news of an event; bytes that only claim to be are none."""
    if reception.emission.type in NEWS_TYPES:
        try:
            told = reception.message
        except MessageError:
            return
        name = told.id if isinstance(told, Event) else told.event
        yield Learnt(
            name,
            reception.emission.origin.source,
            told.scet_ns,
            reception.receiver,
            ">".join(reception.path),
            reception.received_ns,
        )


#: The types of messages that are news; few of a run's messages are.
NEWS_TYPES = frozenset((Event.__message_type__, Tone.__message_type__))  # type: ignore[attr-defined]
