"""A probe about Mars that burns when it is told to, a base under it, and a station on Earth that tells it."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from lightlag.bus.message import message
from lightlag.bus.time import NS_PER_S
from lightlag.nodes import Housekeeping, Node, NodeParams, Radio, RadioSpec, Steering
from lightlag.orbiters import DSN_COMPLEXES, GroundSite, KeplerOrbit, Steered

GO_S, OVER_S, STEP_S, EVERY_S = 30.0, 120.0, 10, 7
#: Half a metre per second each second: after two minutes 60 m/s forward, and a little out of the plane.
DELTA_V = (0.0, 0.060, 0.010)

GRAPH = """
version: 1
name: steering
epoch: 2021-02-18T20:26:00Z
until: 25 min
nodes:
  probe: {type: "tests.integration.steering:Probe"}
  base: {type: "tests.integration.steering:Base"}
  earth: {type: "tests.integration.steering:Station"}
channels:
  deep_space: {medium: space, members: [probe.xband, earth.xband]}
  uhf: {medium: space, members: [probe.uhf], senders: [base.uhf]}
"""


@message("test.steering.go")
class Go:
    """Burn now: ``delta_v_km_s`` (radial, forward, normal) over so many seconds."""

    delta_v_km_s: tuple[float, float, float]
    over_s: float


class Probe(Node):
    """Burns when it is told to, and says where it is."""

    class Params(NodeParams):
        xband: RadioSpec = RadioSpec(rate_bps="2 kbit/s", transmit_hz="8425 MHz", receive_hz="7167 MHz")
        uhf: RadioSpec = RadioSpec(receive_hz="401.585625 MHz")

    trajectory = Steered(
        nominal=KeplerOrbit(
            center="mars", epoch="2021-02-18T20:20:00Z", a_km=9000, e=0.3, inclination_deg=30, raan_deg=60, aop_deg=30
        ),
        center="mars",
        leeway_km=300,
    )
    sends: ClassVar[tuple[type, ...]] = (Housekeeping,)
    hears: ClassVar[tuple[type, ...]] = (Go,)
    params: Params
    xband: Radio
    uhf: Radio

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._obey())
            tasks.create_task(self._tell())

    async def _obey(self) -> None:
        engine = Steering(self)
        async for reception in self.xband.received(Go):
            go: Go = reception.message
            end_ns = engine.burn(go.delta_v_km_s, over_s=go.over_s)
            self.log("burn begins", ends_ns=end_ns)

    async def _tell(self) -> None:
        number = 0
        while True:
            number += 1
            await self.sleep_until(number * EVERY_S * NS_PER_S)
            self.xband.send(Housekeeping(self.surroundings.altitude_km("mars", self.now_ns), 0.0, number, 0))


class Base(Node):
    """Stands on Mars and talks all the time."""

    class Params(NodeParams):
        uhf: RadioSpec = RadioSpec(rate_bps="32 kbit/s", transmit_hz="401.585625 MHz", min_elevation_deg="-90 deg")

    trajectory = GroundSite(body="mars", lat_deg=18.44, lon_deg=77.45, height_km=-2.57)
    params: Params
    uhf: Radio

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            self.uhf.send(Housekeeping(0.0, 0.0, 0, 0))


class Station(Node):
    """Commands the burn, and talks before and after it, so that much is on its way when the probe burns."""

    class Params(NodeParams):
        xband: RadioSpec = RadioSpec(rate_bps="2 kbit/s", transmit_hz="7167 MHz", receive_hz="8425 MHz")
        leave: bool = True

    trajectory = DSN_COMPLEXES["madrid"]
    params: Params
    xband: Radio

    async def run(self) -> None:
        for step in range(200):
            await self.sleep_until(step * STEP_S * NS_PER_S)
            if step * STEP_S == GO_S:
                self.xband.send(Go(DELTA_V, OVER_S))
            self.xband.send(Housekeeping(self.surroundings.range_km("probe", self.now_ns), 0.0, step, 0))
