"""Orbiters as nodes: their word home, and the relay of what they hear from the surface.

A relay orbiter passes frames on at once (bent pipe, no processing delay) or records them and plays them back: once, at
a commanded time, or whenever a pass is over and one of its stations is in view.
Either way the content stays as it was sent; only the header says through whom it came.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import ClassVar, Literal

from pydantic import Field

from lightlag.bus.errors import GraphError, QueueRefused
from lightlag.bus.message import Message
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.contacts import Hail, has_room, next_contact
from lightlag.nodes.events import Event
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeName, NodeParams, RadioSpec
from lightlag.nodes.radio import Radio
from lightlag.nodes.steering import Planned
from lightlag.nodes.store import Store
from lightlag.nodes.telemetry import Housekeeping
from lightlag.nodes.trajectory import TrajectoryModel
from lightlag.nodes.units import Bits, Seconds, Utc

from .declared import TrajectorySpec
from .ephemeris import nearest
from .turns import turns

#: In safe mode an orbiter sends housekeeping so many times less often. An assumption: what safe modes have in common is
#: that little is sent, at a low rate; how little differs.
SAFE_MODE_SLOWER = 10
#: Turning points are looked for this far ahead.
_AHEAD_NS = 600 * NS_PER_S
#: On the downlink, what is relayed goes before housekeeping, and pictures after it.
RELAY_PRIORITY, PICTURE_PRIORITY = 1, -1
#: When nothing has been heard from the surface for so long, a pass is over (an assumption); the elevation from which on
#: a station is counted on is a little above the six degrees at which stations hand over.
_PASS_OVER_NS, _STATION_MASK_DEG = 60 * NS_PER_S, 8.0

# Electra: return link 401.585625 MHz, forward 437.1 MHz, 5 W, 1 to 2048 kbit/s. Source: orbiters.yaml's sources
# (rates read; frequencies and power from memory). The range limit stands for the link budget: at 8 kbit/s and 2,300 km
# Eb/N0 is 20 dB, so 10 dB above threshold is reached at about 7,000 km.
ELECTRA = RadioSpec(
    rate_bps="8 kbit/s", transmit_hz="437.1 MHz", receive_hz="401.585625 MHz", power_dbw="7 dBW", max_range_km="7000 km"
)


class Orbiter(Node):
    """A spacecraft in orbit that sends housekeeping to Earth."""

    class Params(NodeParams):
        """What a graph may change."""

        xband: RadioSpec = Field(
            default=RadioSpec(rate_bps="2 kbit/s", transmit_hz="8425 MHz"), description="downlink to Earth"
        )
        housekeeping_every: Seconds | None = Field(default=60.0, gt=0, description="between two words home")
        trajectory: TrajectorySpec | None = Field(
            default=None, description="where it is, if not as its type declares: kepler, state, manoeuvred, ..."
        )

    sends: ClassVar[tuple[type, ...]] = (Housekeeping, Event)

    params: Params
    xband: Radio
    #: The body it orbits.
    planet: str = "mars"
    _refused = 0

    #: Where nodes of the type are, unless a graph says where they are.
    trajectory: TrajectoryModel | None = None

    def __init__(self, name: str, params: NodeParams | None = None) -> None:
        super().__init__(name, params)
        #: How often it has turned so far, by what that is called.
        self._turned: dict[str, int] = {}
        if self.params.trajectory is not None:
            self.trajectory = self.params.trajectory.model()

    async def run(self) -> None:
        """Send housekeeping for ever, and tell of burns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.housekeeping())
            tasks.create_task(self.tell_burns())

    async def safe_mode(self) -> None:
        """Housekeeping goes on, ten times slower; what is heard meanwhile is neither kept nor relayed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.housekeeping(slower=SAFE_MODE_SLOWER))
            tasks.create_task(super().safe_mode())

    async def housekeeping(self, slower: int = 1) -> None:
        """Send a word home at every multiple of ``housekeeping_every``, times ``slower``, after the epoch.

        None if that is None. Who starts late does not make up for what it missed.
        """
        if self.params.housekeeping_every is None:
            return
        step_ns = round(self.params.housekeeping_every * slower * NS_PER_S)
        number = max(0, -(-self.now_ns // step_ns) - 1)
        while True:
            number += 1
            await self.sleep_until(number * step_ns)
            with self.refusals_told():
                self.home.send(self.status())

    async def tell_burns(self) -> None:
        """Say when a burn that is declared with its trajectory begins and ends: ``burn_start``, ``burn_end``.

        One that is at once is one event, ``burn``.
        Of those that began before it was started, or end after the run, it says nothing of what it does not see.
        """
        if self.trajectory is None:
            return
        path = self.surroundings.trajectory(self.name)
        for burn in path.burns if isinstance(path, Planned) else ():
            delta_v = {"delta_v_km_s": math.hypot(*burn.delta_v_km_s)}
            at_once = burn.end_ns == burn.begin_ns
            told = [(burn.name if at_once else f"{burn.name}_start", burn.begin_ns, delta_v)]
            told += [] if at_once else [(f"{burn.name}_end", burn.end_ns, {})]
            for event, t_ns, values in told:
                if self.now_ns <= t_ns:
                    await self.sleep_until(t_ns)
                    self.announce(event, values)

    async def tell_turns(self) -> None:
        """Say when it is captured, and each time when it is nearest to its planet and farthest, for ever.

        ``captured``, ``periapsis_1``, ``apoapsis_1``, ``periapsis_2``: a type whose orbit is a story starts this.
        """
        count = self._turned
        while True:
            later_ns = self.now_ns + _AHEAD_NS
            for t_ns, event in turns(self.surroundings, self.name, self.planet, self.now_ns, later_ns):
                await self.sleep_until(t_ns)
                count[event] = count.get(event, 0) + 1
                here = self.status()
                told = {"altitude_km": here.altitude_km, "speed_km_s": here.speed_km_s}
                self.announce(event if event == "captured" else f"{event}_{count[event]}", told)
            await self.sleep_until(later_ns)

    def announce(self, event: str, values: dict[str, float]) -> None:
        """Tell home what has just happened, before anything less urgent."""
        self.log(event, values=values)
        with self.refusals_told():
            self.home.send(Event(event, self.now_ns, values), priority=RELAY_PRIORITY)

    @contextmanager
    def refusals_told(self) -> Iterator[None]:
        """What a full queue or store refuses in here is lost; the log says so and counts, and the orbiter goes on."""
        try:
            yield
        except QueueRefused as refusal:
            self._refused += 1
            self.log(str(refusal), level="warning", refused=self._refused)

    @property
    def home(self) -> Radio:
        """The radio that carries its word home."""
        return self.xband

    def status(self) -> Housekeeping:
        """The state of the spacecraft now."""
        here = self.surroundings.state(self.name, self.now_ns)
        planet = self.surroundings.state(self.planet, self.now_ns)
        return Housekeeping(
            altitude_km=self.surroundings.altitude_km(self.planet, self.now_ns),
            speed_km_s=math.dist(here.velocity_km_s, planet.velocity_km_s),
            frames_received=self.frames_received,
            stored_bits=self.stored_bits,
        )

    @property
    def frames_received(self) -> int:
        """Frames heard from the surface so far."""
        return 0

    @property
    def stored_bits(self) -> int:
        """What waits on board to be sent."""
        return 0


class RelayOrbiter(Orbiter):
    """An orbiter with a UHF radio that relays what it hears."""

    class Params(Orbiter.Params):
        """What a graph may change."""

        uhf: RadioSpec = Field(default=ELECTRA, description="relay radio")
        relay: Literal["no", "at once", "record"] = Field(
            default="at once", description="not at all, bent pipe, or store and play back"
        )
        playback_at: Utc | None = Field(default=None, description="when a recording orbiter plays back")
        stations: tuple[NodeName, ...] = Field(
            default=(), description="recording: play back after every pass, while one of these has it in view"
        )
        store: Bits = Field(default=1e9, gt=0, description="capacity of the on-board store")

    sends: ClassVar[tuple[type, ...]] = (*Orbiter.sends, Hail)
    hears: ClassVar[tuple[type, ...]] = (Message,)

    params: Params
    uhf: Radio
    #: What waits to be played back.
    store: Store

    def check(self, nodes: Collection[str]) -> None:
        """The stations that it plays back to are nodes of the graph."""
        for station in self.params.stations:
            if station not in nodes:
                raise GraphError(f"stations: {station!r} is no node of this graph{nearest(station, nodes)}")

    async def run(self) -> None:
        """Relay and send housekeeping, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().run())
            tasks.create_task(self.hear())
            if self.params.relay == "record":
                tasks.create_task(self.play_back())

    async def hear(self) -> None:
        """Pass on what comes in on UHF, or keep it; who calls is answered."""
        async for reception in self.uhf.received():
            self._frames += 1
            self._heard_ns = self.now_ns
            if reception.emission.type == Hail.__message_type__:  # type: ignore[attr-defined]
                if self.params.relay != "no" and not reception.message.answer:
                    self.uhf.send(Hail(answer=True), to=reception.emission.source)
                continue
            with self.refusals_told():
                if self.params.relay == "at once":
                    self.xband.relay(reception, priority=RELAY_PRIORITY)
                elif self.params.relay == "record":
                    self.store.put(reception)
                    self._something.set()

    async def play_back(self) -> None:
        """Send what was recorded, oldest first: after every pass if it has stations, else at the commanded time."""
        if self.params.stations:
            await self.play_back_passes()
            return
        if self.params.playback_at is None:
            self.log("records without a commanded playback", level="warning")
            return
        await self.sleep_until(self.params.playback_at)
        self.log("playback begins", frames=len(self.store), bits=self.store.used_bits)
        for reception in self.store.take():
            with self.refusals_told():
                self.xband.relay(reception, priority=RELAY_PRIORITY)
        await self.xband.drained()
        self.log("playback ends")

    async def play_back_passes(self) -> None:
        """When a pass is over, and one of the stations is in view, send what there is, as far as there is time."""
        while True:
            await self._something.wait()
            while (over_ns := self._heard_ns + _PASS_OVER_NS) > self.now_ns:
                await self.sleep_until(over_ns)
            contact = next_contact(
                self.surroundings, self.params.stations, self.now_ns, self.until_ns, target_mask_deg=_STATION_MASK_DEG
            )
            if contact is None:
                self.log("no station will be in view any more", level="warning", frames=len(self.store))
                return
            await self.sleep_until(contact.aos_ns)
            kept = len(self.store)
            self.log("playback begins", station=contact.target, frames=kept, bits=self.store.used_bits)
            while (frame := self.store.oldest) is not None and await has_room(
                self.xband, frame.emission.size_bytes, contact.los_ns, priority=RELAY_PRIORITY
            ):
                with self.refusals_told():
                    self.xband.relay(next(self.store.take()), priority=RELAY_PRIORITY)
            await self.xband.drained(RELAY_PRIORITY)
            self.log("playback ends", frames=len(self.store))
            if self.store.oldest is None:
                self._something.clear()
                continue
            if len(self.store) >= kept:
                self.log("no frame has left: the oldest takes longer than the contact", level="warning")
            await self.sleep_until(contact.los_ns)

    def __init__(self, name: str, params: NodeParams | None = None) -> None:
        super().__init__(name, params)
        self.store = Store(self.params.store)
        self._frames = 0
        #: When the surface was heard last, and that something is in the store.
        self._heard_ns = 0
        self._something = asyncio.Event()

    def again(self) -> RelayOrbiter:
        """Started again after a crash it has what it had recorded: a store needs no power to keep it."""
        again = type(self)(self.name, self.params)
        again.store, again._heard_ns, again._turned = self.store, self._heard_ns, self._turned
        if self.store.oldest is not None:
            again._something.set()
        return again

    @property
    def frames_received(self) -> int:
        """Frames heard from the surface so far."""
        return self._frames

    @property
    def stored_bits(self) -> int:
        """What waits on board to be played back."""
        return self.store.used_bits
