"""On the ground of Jezero: the rover that has the tubes, and the lander that loads them."""

from __future__ import annotations

import asyncio
import math
from typing import ClassVar

from pydantic import Field

from lightlag.bus.errors import MessageError
from lightlag.nodes import Event, Node, NodeName, NodeParams, Port, Radio, RadioSpec
from lightlag.nodes.units import Seconds, Utc
from lightlag.orbiters import GroundSite

from .messages import Fetch, Go, Missing, Seal, Tube
from .outbox import Outbox
from .params import NEAR, UP, StudyParams
from .plan import JEZERO

#: Dust and rock of a tube: 470 g in thirty (Orbital Index 157, 2022), here more and there less (an assumption).
_MASS_G, _SPREAD_G = 470 / 30, 3.0


def tube_name(number: int) -> str:
    """The identifier of a tube: ``m2020-01``. They are invented; those of flight have names."""
    return f"m2020-{number:02d}"


class FetchRover(Node):
    """Has the tubes, and brings the one that it is asked for."""

    class Params(NodeParams):
        """What a graph may change."""

        uhf: RadioSpec = Field(default=NEAR, description="to the lander")
        tubes: int = Field(default=30, ge=0, le=43, description="how many it has; m2020-01 is the first")
        trip: Seconds = Field(default=3600.0, gt=0, le=864_000, description="what it takes to bring one")

    sends: ClassVar[tuple[type, ...]] = (Missing, Tube)
    hears: ClassVar[tuple[type, ...]] = (Fetch,)

    params: Params
    uhf: Radio
    #: 30 m north of the lander.
    trajectory = GroundSite(body="mars", lat_deg=18.4451, lon_deg=77.4509, height_km=-2.57)

    async def run(self) -> None:
        """Bring what is asked for, one after the other."""
        cache = {
            tube_name(number): round(max(1.0, self.rng.gauss(_MASS_G, _SPREAD_G)), 1)
            for number in range(1, self.params.tubes + 1)
        }
        async for reception in self.uhf.received(Fetch):
            try:
                tube = reception.message.tube
            except MessageError as error:
                self.log(str(error), level="warning")
                continue
            if tube not in cache:
                self.log("has no such tube", level="warning", tube=tube)
                self.uhf.send(Missing(tube))
                continue
            await asyncio.sleep(self.params.trip)
            self.uhf.send(Tube(tube, cache.pop(tube)))


class RetrievalLander(Node):
    """Asks for the tubes one by one, loads them, shuts the container, and gives the go for launch."""

    class Params(NodeParams):
        """What a graph may change."""

        proximity: RadioSpec = Field(default=NEAR, description="to the rover")
        uhf: RadioSpec = Field(default=UP, description="to the orbiter")
        tubes: int = Field(default=30, ge=0, le=43, description="how many it asks for")
        start: Utc = Field(default="2033-01-29T00:00:00Z", description="when it asks for the first")
        patience: Seconds = Field(default=7200.0, gt=0, le=864_000, description="how long it waits for one")
        stowing: Seconds = Field(default=1800.0, ge=0, le=864_000, description="what the arm takes for one")
        orbiter: NodeName = Field(default="orbiter", description="who relays what it says")
        study: StudyParams = Field(default=StudyParams(), description="dates and figures of the return")

    sends: ClassVar[tuple[type, ...]] = (Event, Fetch, Go, Seal, Tube)
    hears: ClassVar[tuple[type, ...]] = (Missing, Tube)
    ports = ("arm", "umbilical")

    params: Params
    proximity: Radio
    uhf: Radio
    arm: Port
    umbilical: Port
    trajectory = JEZERO

    async def run(self) -> None:
        """Load, seal, and tell Earth of each tube when the orbiter is over it."""
        self.outbox = Outbox(self, (self.params.orbiter,))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.outbox.run())
            tasks.create_task(self.load())

    async def load(self) -> None:
        """All tubes; the container is shut even if some did not come."""
        await self.sleep_until(self.params.start)
        loaded = 0
        for number in range(1, self.params.tubes + 1):
            tube = await self.fetched(tube_name(number))
            if tube is None:
                self.tell(f"{tube_name(number)}_not_brought", {})
                continue
            await asyncio.sleep(self.params.stowing)
            self.arm.send(tube)
            loaded += 1
            self.tell(f"{tube.tube}_loaded", {"mass_g": tube.mass_g, "tubes": float(loaded)})
        self.arm.send(Seal())
        self.umbilical.send(Go(loaded))
        self.tell("container_shut", {"tubes": float(loaded)})

    async def fetched(self, name: str) -> Tube | None:
        """A tube that was asked for, or None if nobody brings it."""
        self.proximity.send(Fetch(name))
        try:
            async with asyncio.timeout(self.params.patience):
                async for reception in self.proximity.received(Missing, Tube):
                    try:
                        told: Missing | Tube = reception.message
                    except MessageError as error:
                        self.log(str(error), level="warning")
                        continue
                    if told.tube == name and isinstance(told, Missing):
                        return None
                    if told.tube == name and isinstance(told, Tube) and math.isfinite(told.mass_g):
                        return told
        except TimeoutError:
            self.log("was not brought", level="warning", tube=name)
        return None

    def tell(self, event: str, values: dict[str, float]) -> None:
        """Say what has happened, when the orbiter is over it."""
        self.log(event, values=values)
        news = Event(event, self.now_ns, values)
        self.outbox.put(lambda: self.uhf.send(news))
