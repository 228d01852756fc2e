"""Mars Reconnaissance Orbiter."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import ClassVar

from pydantic import Field

from lightlag.bus.errors import GraphError
from lightlag.nodes.camera import CameraSpec, find_scene, photograph
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.picture import PicturePiece, pieces

from .ephemeris import nearest
from .orbits import StateOrbit
from .relay import PICTURE_PRIORITY, RelayOrbiter

#: MRO about the landing of Perseverance: a state at an ascending node, fitted (with this field of gravity) to the node
#: times and longitudes of orbits 68280 to 68282 in NAIF's orbit numbers (mro_psp58.nrb); within 1.0 s and 0.01 deg of
#: them. No trim manoeuvres, so that it drifts from the flown orbit by about a second a day.
TRAJECTORY = StateOrbit(
    center="mars",
    epoch="2021-02-18T20:39:49Z",
    position_km=(2221.806113, -1892.985847, -2208.342256),
    velocity_km_s=(1.446633, -1.515819, 2.706115),
)


class Mro(RelayOrbiter):
    """Relays the surface at once, and takes one commanded picture with HiRISE."""

    trajectory = TRAJECTORY

    class Params(RelayOrbiter.Params):
        """What a graph may change."""

        # 3 m antenna, 100 W, 0.5 to 4 Mbit/s in use. Source: mars.nasa.gov/mro/mission/communications/commxband.
        xband: RadioSpec = Field(
            default=RadioSpec(rate_bps="2 Mbit/s", transmit_hz="8439.4 MHz", power_dbw="20 dBW"),
            description="downlink to Earth",
        )
        hirise: CameraSpec | None = Field(default=None, description="the picture to take, if any")

    sends: ClassVar[tuple[type, ...]] = (*RelayOrbiter.sends, PicturePiece)

    params: Params

    def check(self, nodes: Collection[str]) -> None:
        """A picture that is to be taken needs a target among the nodes, and a scene that can be found."""
        super().check(nodes)
        spec = self.params.hirise
        if spec is None or not spec.take:
            return
        if spec.target not in nodes:
            raise GraphError(f"hirise.target {spec.target!r} is no node of this graph{nearest(spec.target, nodes)}")
        find_scene(spec.scene)

    async def run(self) -> None:
        """Relay, send housekeeping, and take the picture."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().run())
            if self.params.hirise is not None and self.params.hirise.take:
                tasks.create_task(self.take_picture(self.params.hirise))

    async def take_picture(self, spec: CameraSpec) -> None:
        """Wait for the shutter, take the picture, and send it home when that is due, behind everything more urgent."""
        shutter_ns = self.epoch.t_ns(spec.shutter)
        if shutter_ns < self.now_ns:
            self.log("the shutter time has passed", level="warning", shutter=spec.shutter)
            return
        await self.sleep_until(shutter_ns)
        here, target, sun = (
            self.surroundings.fixed(self.planet, name, shutter_ns) for name in (self.name, spec.target, "sun")
        )
        photo = photograph(
            spec,
            here.position_km,
            target.position_km,
            target.velocity_km_s,
            sun.position_km,
            find_scene(spec.scene),
            self.rng.getrandbits(32),
        )
        facts = photo.facts()
        self.log("picture taken", facts=facts)
        if spec.send_at is not None:
            await self.sleep_until(spec.send_at)
        for piece in pieces(spec.name, photo.pixels, shutter_ns, facts):
            with self.refusals_told():
                self.xband.send(piece, priority=PICTURE_PRIORITY)
