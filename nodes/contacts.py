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
from .trajectory import Surroundings

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
    for start_ns in range(now_ns, until_ns, _LOOK_NS):
        found = [
            Contact(target, *seen)
            for target in targets
            for seen in surroundings.passes(
                target,
                max(start_ns, closed.get(target, start_ns)),
                min(start_ns + 2 * _LOOK_NS, until_ns),
                mask_deg=mask_deg,
                target_mask_deg=target_mask_deg,
            )
            if seen.los_ns - seen.aos_ns >= LEAST_NS
        ]
        if found:
            return min(found, key=lambda contact: contact.aos_ns)
    return None


async def answers(radio: Radio, target: str, *, calls: int = 3, patience_s: float = 10.0) -> bool:
    """Call ``target`` on a radio that nobody else reads, and wait for its answer; again, if none comes."""
    for _ in range(calls):
        radio.send(Hail(answer=False), to=target, priority=1)
        try:
            async with asyncio.timeout(patience_s):
                async for reception in radio.received(Hail):
                    if reception.emission.source == target:
                        return True
        except TimeoutError:
            continue
    return False
