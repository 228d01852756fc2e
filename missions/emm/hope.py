"""Hope on its mission: tells of its burns and its turning points, looks at Mars, and sends home when a station listens.

Where it is, and its radio, are those of ``lightlag.orbiters.hope``; a graph says which orbit it flies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import Field

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.missions.facts import load_facts
from lightlag.nodes.events import Published
from lightlag.nodes.params import NodeParams, RadioSpec
from lightlag.nodes.picture import PicturePiece, pieces
from lightlag.nodes.radio import Radio
from lightlag.nodes.recorder import ContactSpec, Recorder
from lightlag.nodes.units import Utc
from lightlag.orbiters import hope
from lightlag.orbiters.ephemeris import nearest
from lightlag.orbiters.relay import PICTURE_PRIORITY

from . import FACTS
from .instruments import InstrumentName, InstrumentSpec, observe


class Hope(hope.Hope):
    """Sends housekeeping home, and pictures of all of Mars if it is given instruments; it carries no relay radio."""

    class Params(hope.Hope.Params):
        """What a graph may change."""

        lga: RadioSpec | None = Field(default=None, description="downlink through the low-gain antenna, if it is used")
        low_gain_until: Utc | None = Field(default=None, description="until when it sends by lga and not by xband")
        instruments: dict[InstrumentName, InstrumentSpec] = Field(default={}, description="what looks at Mars")
        contacts: tuple[ContactSpec, ...] = Field(
            default=(),
            description="when it sends, what it has to tell being kept until then; always, if there are none",
        )

    sends = (*hope.Hope.sends, PicturePiece)

    params: Params
    lga: Radio | None = None

    def __init__(self, name: str, params: NodeParams | None = None) -> None:
        super().__init__(name, params)
        self._recorder = Recorder(self.xband)

    def again(self) -> Hope:
        """Started again after a crash it has what it had recorded."""
        again = type(self)(self.name, self.params)
        again._recorder, again._turned = self._recorder.again(again.xband), self._turned
        return again

    def check(self, nodes: Collection[str]) -> None:
        """Contacts are with nodes of the graph; what is to be sent through an antenna needs one."""
        if self.lga is None and self.params.low_gain_until is not None:
            raise GraphError("low_gain_until is given and lga is not; give lga a rate_bps and a transmit_hz")
        for contact in self.params.contacts:
            if contact.station not in nodes:
                what = f"contacts: {contact.station!r} is no node of this graph"
                raise GraphError(f"{what}{nearest(contact.station, nodes)}")

    @property
    def published(self) -> Sequence[Published]:
        """What was published of the insertion."""
        arrival = load_facts(FACTS).values("arrival")
        names = {"insertion_start": "burn_start_utc", "insertion_end": "burn_end_utc"}
        return [Published(event, arrival[key], {}, "The National, 2021-02") for event, key in names.items()]

    @property
    def home(self) -> Any:
        """What carries its word home: the antenna of the hour, or the recorder if there are contacts."""
        if self.params.contacts:
            return self._recorder
        until = self.params.low_gain_until
        return self.lga if until and self.now_ns < self.epoch.t_ns(until) else self.xband

    @property
    def stored_bits(self) -> int:
        """What waits on board to be sent."""
        return self._recorder.used_bits

    async def run(self) -> None:
        """Go round, look, and send."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().run())
            tasks.create_task(self.tell_turns())
            for name, spec in self.params.instruments.items():
                tasks.create_task(self.look(name, spec))
            self._open_contacts(tasks)

    async def safe_mode(self) -> None:
        """Contacts go on; what is taken and told is less."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().safe_mode())
            self._open_contacts(tasks)

    def _open_contacts(self, tasks: asyncio.TaskGroup) -> None:
        for contact in self.params.contacts:
            tasks.create_task(self._recorder.contact(contact))

    async def look(self, name: str, spec: InstrumentSpec) -> None:
        """Take a picture again and again; each goes to the ground in pieces."""
        step_ns, first_ns = round(spec.every * NS_PER_S), self.epoch.t_ns(spec.first)
        number = max(0, -(-(self.now_ns - first_ns) // step_ns))
        while True:
            taken_ns = first_ns + number * step_ns
            number += 1
            await self.sleep_until(taken_ns)
            here, sun = (self.surroundings.fixed(self.planet, it, taken_ns).position_km for it in (self.name, "sun"))
            seen = observe(spec, here, sun)
            picture = f"{name}-{number:02}"
            self.log(f"{picture} taken", facts=seen.facts)
            for piece in pieces(picture, seen.pixels, taken_ns, seen.facts):
                with self.refusals_told():
                    self.home.send(piece, priority=PICTURE_PRIORITY)
