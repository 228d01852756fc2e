"""Mission control: sends a rover the plan of each sol, by a station that sees it, until the rover has said it came."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import ClassVar

from pydantic import Field

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.events import Event
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeName, NodeParams
from lightlag.nodes.port import Port
from lightlag.nodes.sols import Lmst, Sols
from lightlag.nodes.units import Degrees, Utc
from lightlag.orbiters.ephemeris import nearest
from lightlag.orbiters.geometry import elevation_deg, light_time_ns

from .plans import Plan, PlanSpec

#: How often a plan is sent at most, and how long after two light times the word that it came is waited for.
_MOST_TRIES, _PATIENCE_NS = 3, 120 * NS_PER_S


class MissionControl(Node):
    """Has no radio: a line joins it to stations, which send up what it says and pass on the events that they hear."""

    class Params(NodeParams):
        """What a graph may change."""

        rover: NodeName = Field(description="who is commanded")
        stations: tuple[NodeName, ...] = Field(min_length=1, description="by whom; the one that sees it highest")
        landed: Utc = Field(description="SCET of the landing, which is on sol 0")
        longitude: Degrees = Field(ge=-360, le=360, description="east longitude of the landing")
        uplink: Lmst = Field(default="09:30", description="local time at which the plan of a sol arrives")
        plans: tuple[PlanSpec, ...] | None = Field(
            default=None, description="what is to be done, sol by sol; those on record, if its mission has any"
        )
        send: bool = Field(default=True, description="whether the plans are sent at all")

    ports: ClassVar[tuple[str, ...]] = ("line",)
    sends: ClassVar[tuple[type, ...]] = (Plan,)
    hears: ClassVar[tuple[type, ...]] = (Event,)

    params: Params
    line: Port

    def check(self, nodes: Collection[str]) -> None:
        """The rover and the stations are nodes of the graph."""
        for name in (self.params.rover, *self.params.stations):
            if name not in nodes:
                raise GraphError(f"{self.name}: {name!r} is no node of this graph{nearest(name, nodes)}")

    def plans(self) -> tuple[PlanSpec, ...]:
        """What is to be done; a mission has its own where none are given."""
        return self.params.plans or ()

    async def run(self) -> None:
        """Send the plans, each in its time, and hear what comes of it."""
        params = self.params
        self.sols = Sols.since(self.epoch, self.epoch.t_ns(params.landed), params.longitude)
        #: Of each event that was heard of, that it was; of a plan, whether it came in time or not.
        self._known: dict[str, asyncio.Event] = {}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear())
            for spec in self.plans() if params.send else ():
                tasks.create_task(self._command(spec.plan()))

    async def _hear(self) -> None:
        async for reception in self.line.received(Event):
            event: Event = reception.message
            if reception.emission.origin.source == self.params.rover:
                known = self._knows(event.id.removesuffix("_received").removesuffix("_late"))
                if not known.is_set():
                    known.set()
                    self.log(event.id, lmst=self.sols.text(event.scet_ns), path=">".join(reception.path))

    def _knows(self, event: str) -> asyncio.Event:
        return self._known.setdefault(event, asyncio.Event())

    async def _command(self, plan: Plan) -> None:
        arrive_ns = self.sols.t_ns(plan.sol, self.params.uplink)
        light_ns = self._light_ns(arrive_ns)
        if arrive_ns - light_ns < self.now_ns:
            self.log("the time of a plan was before the run", sol=plan.sol)
            return
        await self.sleep_until(arrive_ns - light_ns)
        for _ in range(_MOST_TRIES):
            station = self._highest(self.now_ns)
            self.log(f"plan for sol {plan.sol}", station=station, activities=len(plan.activities))
            self.line.send(plan, to=station)
            try:
                async with asyncio.timeout((2 * light_ns + _PATIENCE_NS) / NS_PER_S):
                    await self._knows(f"plan_sol_{plan.sol}").wait()
                return
            except TimeoutError:
                continue
        self.log(f"nobody has said that the plan for sol {plan.sol} came", level="warning")

    def _light_ns(self, t_ns: int) -> int:
        """Light time to the rover, from the first of the stations: they are 40 ms apart at most."""
        here = self.surroundings.state(self.params.stations[0], t_ns).position_km
        return round(light_time_ns(here, t_ns, self.surroundings.trajectory(self.params.rover)))

    def _highest(self, t_ns: int) -> str:
        """The station that sees the rover highest."""
        there_km = self.surroundings.state(self.params.rover, t_ns).position_km

        def elevation(station: str) -> float:
            track = self.surroundings.trajectory(station)
            zenith = track.zenith(t_ns)
            return -90.0 if zenith is None else elevation_deg(zenith, track.state(t_ns).position_km, there_km)

        return max(self.params.stations, key=elevation)
