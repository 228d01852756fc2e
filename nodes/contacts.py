"""Contacts: which of several others can be reached next, and for how long; and asking one whether it is there.

Geometry says when somebody is in view (``Surroundings.passes``). Whether it answers then is found out by a ``Hail``:
who wants to send calls, who hears the call repeats it. Frames that would not have left by the end of a contact wait
for the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lightlag.bus.message import message
from lightlag.bus.time import NS_PER_S

from .radio import Radio
from .trajectory import Pass, Surroundings

#: How far ahead is looked at once, and a contact that is shorter is none.
_LOOK_NS, LEAST_NS = 6 * 3600 * NS_PER_S, 60 * NS_PER_S


@message("lightlag.hail")
class Hail:
    """A call to one other, which answers with the same."""

    answer: bool


class Contact(NamedTuple):
    """An interval in which another is in view, the whole of it or what is left (run time, ns)."""

    target: str
    aos_ns: int
    los_ns: int


def next_contact(
    surroundings: Surroundings,
    targets: Sequence[str],
    now_ns: int,
    until_ns: int,
    *,
    mask_deg: float = 0.0,
    target_mask_deg: float = 0.0,
    not_before_ns: Mapping[str, int] | None = None,
) -> Contact | None:
    """The contact that begins first; of several, with the first of ``targets``. None: there is none in the run.

    A contact that is going on begins now. One of less than a minute is none. ``not_before_ns`` says of whom nothing is
    wanted until when.
    """
    closed = not_before_ns or {}

    def seen(target: str, from_ns: int, to_ns: int) -> Sequence[Pass]:
        if from_ns >= to_ns:
            return []
        return surroundings.passes(target, from_ns, to_ns, mask_deg=mask_deg, target_mask_deg=target_mask_deg)

    for start_ns in range(now_ns, until_ns, _LOOK_NS):
        # What begins in the second half is looked at again from the next start: of that it is not known how long it is.
        half_ns, end_ns = start_ns + _LOOK_NS, min(start_ns + 2 * _LOOK_NS, until_ns)
        found = [
            Contact(target, *it)
            for target in targets
            for it in seen(target, max(start_ns, closed.get(target, start_ns)), end_ns)
            if it.los_ns - it.aos_ns >= LEAST_NS and it.aos_ns < half_ns
        ]
        if found:
            contact = min(found, key=lambda contact: contact.aos_ns)
            while contact.los_ns == end_ns < until_ns:
                end_ns = min(end_ns + _LOOK_NS, until_ns)
                contact = Contact(contact.target, *seen(contact.target, contact.aos_ns, end_ns)[0])
            return contact
    return None


async def has_room(radio: Radio, size_bytes: int, los_ns: int, *, priority: int = 0) -> bool:
    """Wait until a frame of that priority would be next; whether its last bit would leave before a contact ends."""
    await radio.drained(priority)
    return radio.leaves_ns(size_bytes) <= los_ns


async def answers(radio: Radio, target: str, *, calls: int = 3, patience_s: float = 10.0) -> bool:
    """Call ``target`` on a radio that nobody else reads, and wait for its answer; again, if none comes."""
    for _ in range(calls):
        radio.send(Hail(answer=False), to=target, priority=1)
        try:
            async with asyncio.timeout(patience_s):
                async for reception in radio.received(Hail):
                    if reception.emission.source == target and reception.message.answer:
                        return True
        except TimeoutError:
            continue
    return False
