"""The nodes of ``sols.yaml``: whoever they are, once a minute they write to everybody who is in view of them.

Who is in view is asked of the surroundings, whose passes are found once; each word is addressed to one receiver.
"""

from __future__ import annotations

import asyncio
import math
from typing import Literal

from pydantic import Field

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams, RadioSpec
from lightlag.nodes.radio import Radio
from lightlag.nodes.telemetry import Housekeeping
from lightlag.nodes.trajectory import TrajectoryModel
from lightlag.nodes.units import Degrees, Seconds
from lightlag.orbiters import DSN_COMPLEXES, GroundSite
from lightlag.orbiters.hope import TRAJECTORY as HOPE
from lightlag.orbiters.maven import TRAJECTORY as MAVEN
from lightlag.orbiters.mro import TRAJECTORY as MRO
from lightlag.orbiters.tianwen1 import TRAJECTORY as TIANWEN1

_PLACES: dict[str, TrajectoryModel] = {
    "jezero": GroundSite.planetocentric("mars", 18.44463, 77.45089, 3391.9372),
    "mro": MRO,
    "maven": MAVEN,
    "tianwen1": TIANWEN1,
    "hope": HOPE,
    **DSN_COMPLEXES,
}


class Link(NodeParams):
    """Whom a radio writes to, and over which elevation they listen if they stand on a surface."""

    to: tuple[str, ...] = ()
    target_mask: Degrees = 0.0


class Talker(Node):
    """Writes to everybody in view, and counts what comes in."""

    class Params(NodeParams):
        """What the graph says."""

        place: Literal["jezero", "mro", "maven", "tianwen1", "hope", "goldstone", "madrid", "canberra"]
        every: Seconds = Field(default=60.0, gt=0)
        xband: RadioSpec
        xband_link: Link = Link()

    params: Params
    xband: Radio
    _heard = 0

    @property
    def trajectory(self) -> TrajectoryModel:
        """Where it is."""
        return _PLACES[self.params.place]

    def links(self) -> list[tuple[Radio, Link]]:
        """Its radios, and whom each writes to."""
        return [(self.xband, self.params.xband_link)]

    async def run(self) -> None:
        """Talk and listen, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for radio, _ in self.links():
                tasks.create_task(self._listen(radio))
            tasks.create_task(self._talk())

    async def _listen(self, radio: Radio) -> None:
        async for _ in radio.received():
            self._heard += 1

    async def _talk(self) -> None:
        around, step_ns = self.surroundings, round(self.params.every * NS_PER_S)
        links = [
            (radio, name, radio.spec.min_elevation_deg, link.target_mask)
            for radio, link in self.links()
            for name in link.to
        ]
        t_ns = 0
        while True:
            t_ns += step_ns
            await self.sleep_until(t_ns)
            in_view = [
                (radio, name)
                for radio, name, mask_deg, target_mask_deg in links
                if around.in_view(name, t_ns, mask_deg=mask_deg, target_mask_deg=target_mask_deg)
            ]
            if in_view:
                word = self.word()
                for radio, name in in_view:
                    radio.send(word, to=name)

    def word(self) -> Housekeeping:
        """What it has to say: here, of a thing that stands still."""
        return Housekeeping(altitude_km=0.0, speed_km_s=0.0, frames_received=self._heard, stored_bits=0)


class Station(Talker):
    """A station on Earth."""


class Lander(Talker):
    """A vehicle on Mars, with a relay radio."""

    class Params(Talker.Params):
        """What the graph says."""

        uhf: RadioSpec
        uhf_link: Link = Link()

    params: Params
    uhf: Radio

    def links(self) -> list[tuple[Radio, Link]]:
        """Its radios, and whom each writes to."""
        return [(self.uhf, self.params.uhf_link), *super().links()]


class Orbiter(Talker):
    """An orbiter of Mars."""

    def word(self) -> Housekeeping:
        """Where it is over Mars, and how much it has heard."""
        now_ns, around = self.now_ns, self.surroundings
        here, planet = around.state(self.name, now_ns), around.state("mars", now_ns)
        return Housekeeping(
            altitude_km=around.altitude_km("mars", now_ns),
            speed_km_s=math.dist(here.velocity_km_s, planet.velocity_km_s),
            frames_received=self._heard,
            stored_bits=0,
        )


class RelayOrbiter(Orbiter, Lander):
    """An orbiter of Mars with a relay radio."""

    class Params(Lander.Params):
        """What the graph says."""

    params: Params
