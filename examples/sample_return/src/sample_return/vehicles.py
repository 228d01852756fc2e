"""What leaves the ground of Mars: the ascent vehicle, and the container that goes all the way."""

from __future__ import annotations

import asyncio
import math
from typing import ClassVar

from pydantic import Field

from lightlag.bus.errors import MessageError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes import Event, Node, NodeName, NodeParams, Port, Radio, RadioSpec
from lightlag.nodes.units import Seconds

from .messages import Go, Manifest, Seal, Tube
from .outbox import Outbox
from .params import LYING, UP, StudyParams
from .paths import AscentPath, ContainerPath
from .plan import Plan, plan


class Flyer(Node):
    """What the two have in common: a plan, events of it, and an orbiter that they tell of them when it is in view."""

    class Params(NodeParams):
        """What a graph may change."""

        uhf: RadioSpec = Field(default=UP, description="to the orbiter")
        orbiter: NodeName = Field(default="orbiter", description="who relays what it says")
        study: StudyParams = Field(default=StudyParams(), description="dates and figures of the return")

    sends: ClassVar[tuple[type, ...]] = (Event,)

    params: Params
    uhf: Radio

    @property
    def plan(self) -> Plan:
        """The plan that it flies."""
        return plan(self.params.study.study())

    async def run(self) -> None:
        """Live through the events of the plan, and tell of them."""
        self.outbox = Outbox(self, (self.params.orbiter,))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.outbox.run())
            tasks.create_task(self.fly())
            tasks.create_task(self.listen())

    async def fly(self) -> None:
        """What happens to it."""

    async def listen(self) -> None:
        """What it is given before the launch."""

    async def at(self, instant: str, after_s: float = 0.0) -> bool:
        """Wait until an instant of the plan; whether it has not passed yet."""
        t_ns = self.epoch.t_ns(instant) + round(after_s * NS_PER_S)
        if t_ns < self.now_ns:
            return False
        await self.sleep_until(t_ns)
        return True

    def tell(self, event: str, values: dict[str, float]) -> None:
        """Say what has happened, when the orbiter is in view."""
        self.log(event, values=values)
        news = Event(event, self.now_ns, values)
        self.outbox.put(lambda: self.uhf.send(news))

    def about(self, body: str) -> dict[str, float]:
        """Height over a body, and speed relative to its centre."""
        here, centre = (self.surroundings.state(it, self.now_ns) for it in (self.name, body))
        return {
            "altitude_km": round(self.surroundings.altitude_km(body, self.now_ns), 3),
            "speed_km_s": round(math.dist(here.velocity_km_s, centre.velocity_km_s), 4),
        }


class AscentVehicle(Flyer):
    """Stands on the lander, flies into orbit when the plan says, and stays there."""

    hears: ClassVar[tuple[type, ...]] = (Go,)
    ports = ("umbilical",)

    umbilical: Port
    _go: Go | None = None

    @property
    def trajectory(self) -> AscentPath:
        """Where it is."""
        return AscentPath(self.params.study.study())

    async def listen(self) -> None:
        """Take in the lander's go."""
        async for reception in self.umbilical.received(Go):
            try:
                self._go = reception.message
            except MessageError as error:
                self.log(str(error), level="warning")

    async def fly(self) -> None:
        """The launch is when the orbit passes over the site: what is loaded by then goes, and it says how much that is.

        Whether it goes is not the node's to decide: its trajectory is declared, for lookahead and passes rest on it.
        """
        it, ascent = self.plan, self.plan.ascent
        if await self.at(it.launch):
            if self._go is None:
                self.log("launched without a go", level="warning")
            self.tell("liftoff", {"tubes": float(self._go.tubes if self._go else 0)})
        for event, after_s in (("stage1_burnout", ascent.stage1_end_s), ("stage2_ignition", ascent.stage2_begin_s)):
            if await self.at(it.launch, after_s):
                self.tell(event, self.about("mars"))
        if await self.at(it.in_orbit):
            self.tell("orbit_reached", {**self.about("mars"), "delta_v_km_s": round(ascent.delta_v_km_s, 4)})


class Container(Flyer):
    """Holds the tubes, knows which, and says so to whoever is to have it: the orbiter first, people on Earth last."""

    class Params(Flyer.Params):
        """What a graph may change."""

        beacon: RadioSpec = Field(
            default=RadioSpec(rate_bps="1 kbit/s", transmit_hz="406 MHz", power_dbw="-3 dBW", **LYING),
            description="to those who look for it on Earth",
        )
        beacon_every: Seconds = Field(default=60.0, gt=0, le=86_400, description="between two words on Earth")

    sends: ClassVar[tuple[type, ...]] = (Event, Manifest)
    hears: ClassVar[tuple[type, ...]] = (Seal, Tube)
    ports = ("hatch",)

    params: Params
    beacon: Radio
    hatch: Port

    @property
    def trajectory(self) -> ContainerPath:
        """Where it is."""
        return ContainerPath(self.params.study.study())

    async def listen(self) -> None:
        """Take tubes until the lid is shut."""
        async for reception in self.hatch.received(Seal, Tube):
            try:
                given = reception.message
            except MessageError as error:
                self.log(str(error), level="warning")
                continue
            if isinstance(given, Seal):
                self.log("shut", tubes=len(self.tubes))
                return
            self.tubes[given.tube] = given.mass_g

    async def run(self) -> None:
        """Be empty at first."""
        #: What is in it, by identifier: grams.
        self.tubes: dict[str, float] = {}
        await super().run()

    def manifest(self) -> Manifest:
        """What is in it."""
        return Manifest(tuple(self.tubes), round(sum(self.tubes.values()), 1))

    async def fly(self) -> None:
        """Say who it is in orbit, when it is caught, and on the ground, where it goes on until it is found."""
        it = self.plan
        if await self.at(it.in_orbit):
            self.tell("let_go", self.about("mars"))
            self.outbox.put(lambda: self.uhf.send(self.manifest()))
        if await self.at(it.catch, 1.0):
            self.uhf.send(self.manifest())
        if await self.at(it.entry):
            self.log("entry", values=self.about("earth"))
        if await self.at(it.landing):
            values = {
                "speed_m_s": round(it.fall.touchdown_m_s, 1),
                "peak_g": round(it.fall.peak_g, 1),
                "miss_km": round(it.landing_miss_km, 3),
            }
            self.log("landed", values=values)
            self.beacon.send(Event("landed", self.now_ns, values))
        while True:
            self.beacon.send(self.manifest())
            await asyncio.sleep(self.params.beacon_every)
