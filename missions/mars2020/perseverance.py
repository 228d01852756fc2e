"""Perseverance: it lands, and if it is told to, goes on with its work on the surface."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import ClassVar, Self

from pydantic import Field

from lightlag.bus.errors import GraphError
from lightlag.missions.edl import LandingTrajectory
from lightlag.missions.edl.lander import Lander
from lightlag.missions.surface import Plan, SurfaceWork
from lightlag.nodes.contacts import Hail
from lightlag.nodes.files import FilePiece
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.picture import PicturePiece
from lightlag.nodes.products import Products
from lightlag.nodes.radio import Radio
from lightlag.nodes.sols import Sols
from lightlag.nodes.telemetry import SurfaceState
from lightlag.orbiters.ephemeris import nearest

from .landing import Mars2020Landing
from .surface import PerseveranceSkills, PerseveranceSurface


class Perseverance(Lander):
    """Lands in Jezero, as flown unless the graph changes something; works there if the graph says with which relays."""

    class Params(Lander.Params):
        """What a graph may change."""

        landing: Mars2020Landing = Field(
            default_factory=lambda: Mars2020Landing.model_validate({}), description="the landing; defaults as flown"
        )
        hga: RadioSpec = Field(
            # Commands come at 7145 to 7190 MHz; what it answers directly is little. Source: memory; rate assumed.
            default=RadioSpec(
                rate_bps="500 bit/s", transmit_hz="8414.9 MHz", receive_hz="7167 MHz", receive_bandwidth_hz="50 MHz"
            ),
            description="high-gain antenna on the surface: plans from Earth, and the word that they came",
        )
        surface: PerseveranceSurface | None = Field(
            default=None, description="its work on the surface after the landing, if any"
        )

    sends: ClassVar[tuple[type, ...]] = (*Lander.sends, Hail, SurfaceState, PicturePiece, FilePiece)
    hears: ClassVar[tuple[type, ...]] = (Plan, Hail)

    params: Params
    hga: Radio
    #: Its work on the surface, once it has begun.
    work: SurfaceWork | None = None

    def check(self, nodes: Collection[str]) -> None:
        """The relays that it is to work with are nodes of the graph."""
        for relay in self.params.surface.relays if self.params.surface else ():
            if relay.node not in nodes:
                raise GraphError(f"surface.relays: {relay.node!r} is no node of this graph{nearest(relay.node, nodes)}")

    async def run(self) -> None:
        """Land, and work."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().run())
            if self.params.surface is not None:
                tasks.create_task(self._work(self.params.surface))

    async def _work(self, surface: PerseveranceSurface) -> None:
        landing = self.surroundings.trajectory(self.name)
        assert isinstance(landing, LandingTrajectory)
        landed_ns = landing.events[-1].t_ns
        await self.sleep_until(landed_ns)
        if self.work is None:
            sols = Sols.since(self.epoch, landed_ns, landing.telemetry(landed_ns).lon_deg)
            skills = PerseveranceSkills(self, sols, Products(surface.store))
            self.work = SurfaceWork(self, surface, sols, landed_ns, skills, self.hga)
        await self.work.run()

    async def safe_mode(self) -> None:
        """On the surface it goes on telling, and does nothing else."""
        await (super().safe_mode() if self.work is None else self.work.safe_mode())

    def again(self) -> Self:
        """Started again after a crash it knows what it has done, and what it is to do."""
        again = super().again()
        again.work = self.work.again(again, again.hga) if self.work else None
        return again
