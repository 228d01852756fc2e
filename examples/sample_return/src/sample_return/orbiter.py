"""The orbiter that relays the surface, catches the container, and brings it home."""

from __future__ import annotations

import asyncio
import math
from typing import ClassVar, Self

from pydantic import Field, model_validator

from lightlag.bus.errors import MessageError
from lightlag.bus.message import Message
from lightlag.bus.time import NS_PER_S
from lightlag.nodes import Event, Housekeeping, NodeName, RadioSpec
from lightlag.nodes.units import Kilometres
from lightlag.orbiters import RelayOrbiter

from .messages import Manifest, Ranging
from .outbox import Outbox
from .params import UP, StudyParams
from .paths import OrbiterPath
from .plan import Plan, plan

#: It looks at the container every six hours, in the last hour every five minutes.
_LOOK_NS, _CLOSE_LOOK_NS, _CLOSE_NS = 6 * 3600 * NS_PER_S, 300 * NS_PER_S, 3600 * NS_PER_S
#: What the container says of itself is waited for so long.
_MANIFEST_S = 60.0


class EarthReturnOrbiter(RelayOrbiter):
    """Relays, catches the container, leaves Mars, lets the capsule go before the Earth and turns aside."""

    sends: ClassVar[tuple[type, ...]] = (Event, Housekeeping, Ranging)
    hears: ClassVar[tuple[type, ...]] = (Message,)

    class Params(RelayOrbiter.Params):
        """What a graph may change."""

        xband: RadioSpec = Field(
            default=RadioSpec(rate_bps="32 kbit/s", transmit_hz="8420 MHz", power_dbw="20 dBW"),
            description="downlink to Earth",
        )
        uhf: RadioSpec = Field(
            default=UP.model_copy(update={"transmit_hz": 437.1e6, "receive_hz": UP.transmit_hz}),
            description="relay radio",
        )
        container: NodeName = Field(default="container", description="what it is to catch")
        stations: tuple[NodeName, ...] = Field(
            default=("goldstone", "madrid", "canberra"), description="to whom it says what has happened, any of them"
        )
        reach: Kilometres = Field(default=0.01, gt=0, le=1, description="it can catch what is nearer than this")
        gentle_m_s: float = Field(default=1.0, gt=0, le=10, description="and comes no faster than this, m/s")
        study: StudyParams = Field(default=StudyParams(), description="dates and figures of the return")

        @model_validator(mode="after")
        def _as_planned(self) -> Self:
            if self.trajectory is not None or self.relay != "at once" or self.playback_at is not None:
                raise ValueError(
                    "it flies by its study, and relays when a station is in view; leave trajectory, relay and "
                    "playback_at away, or use the type spacecraft"
                )
            return self

    params: Params
    _heard = 0
    _manifest: Manifest | None = None

    @property
    def trajectory(self) -> OrbiterPath:  # type: ignore[override]
        """Where it is."""
        return OrbiterPath(self.params.study.study())

    @property
    def plan(self) -> Plan:
        """The plan that it flies."""
        return plan(self.params.study.study())

    @property
    def frames_received(self) -> int:
        """Frames heard so far."""
        return self._heard

    async def run(self) -> None:
        """All that a relay orbiter does, and the catch."""
        self.outbox = Outbox(self, self.params.stations)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().run())
            tasks.create_task(self.outbox.run())
            tasks.create_task(self.approach())

    async def hear(self) -> None:
        """Store what is heard until a station is in view; note what the container says of itself."""
        async for reception in self.uhf.received():
            self._heard += 1
            with self.refusals_told():
                self.store.put(reception)
                self.outbox.put(self.play)
            if reception.emission.type == Manifest.__message_type__:  # type: ignore[attr-defined]
                try:
                    self._manifest = reception.message
                except MessageError as error:
                    self.log(str(error), level="warning")

    def play(self) -> None:
        """Send home what is stored, the oldest first."""
        for reception in self.store.take():
            self.xband.relay(reception)

    def announce(self, event: str, values: dict[str, float]) -> None:
        """Tell home what has happened, when a station is in view."""
        self.log(event, values=values)
        news = Event(event, self.now_ns, values)
        self.outbox.put(lambda: self.xband.send(news, priority=1))

    async def approach(self) -> None:
        """Look at the container again and again, and catch it."""
        it = self.plan
        catch_ns = self.epoch.t_ns(it.catch)
        if self.now_ns > catch_ns:
            return
        await self.sleep_until(it.in_orbit)
        while self.now_ns < catch_ns:
            self.look()
            close = catch_ns - self.now_ns <= _CLOSE_NS
            next_ns = self.now_ns + (_CLOSE_LOOK_NS if close else _LOOK_NS)
            await self.sleep_until(min(next_ns, catch_ns if close else catch_ns - _CLOSE_NS))
        range_km, speed_m_s = self.look()
        values = {"range_m": round(range_km * 1e3, 2), "speed_m_s": round(speed_m_s, 3)}
        if range_km > self.params.reach or speed_m_s > self.params.gentle_m_s:
            self.announce("missed", values)
            return
        await asyncio.sleep(_MANIFEST_S)
        tubes = len(self._manifest.tubes) if self._manifest else 0
        self.announce("caught", {**values, "tubes": float(tubes)})
        await self.sleep_until(it.release)
        self.announce("released", {"tubes": float(tubes)})

    def look(self) -> tuple[float, float]:
        """How far the container is (km), and how fast relative to here (m/s); Earth is told how far."""
        # A nanosecond ago: at the catch the two become one.
        here, there = (self.surroundings.state(it, self.now_ns - 1) for it in (self.name, self.params.container))
        arm = [b - a for a, b in zip(here.position_km, there.position_km, strict=True)]
        drift = [b - a for a, b in zip(here.velocity_km_s, there.velocity_km_s, strict=True)]
        range_km = math.hypot(*arm)
        closing = -sum(a * b for a, b in zip(arm, drift, strict=True)) / range_km if range_km else 0.0
        seen = Ranging(range_km, closing * 1e3)
        self.log("range", range_km=round(seen.range_km, 4), closing_m_s=round(seen.closing_m_s, 3))
        self.outbox.put(lambda: self.xband.send(seen))
        return range_km, 1e3 * math.hypot(*drift)
