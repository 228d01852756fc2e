"""An orbiter of Mars and a station on Earth that talk to each other, for runs over several machines."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.params import NodeParams
from lightlag.nodes.telemetry import Housekeeping
from lightlag.orbiters.maven import TRAJECTORY
from lightlag.orbiters.relay import Orbiter
from lightlag.orbiters.stations import NamedStation

_HOUR_NS = 3600 * NS_PER_S

FAR = """
version: 1
name: far
epoch: 2021-02-18T20:26:00Z
until: 1 sol
nodes:
  explorer:
    type: tests.integration.far:Explorer
    params: {xband: {rate_bps: 2 kbit/s, transmit_hz: 8425 MHz, receive_hz: 7167 MHz}}
  goldstone:
    type: tests.integration.far:Station
    params:
      station: goldstone
      xband: {rate_bps: 2 kbit/s, transmit_hz: 7167 MHz, receive_hz: 8425 MHz, min_elevation_deg: 6 deg}
channels:
  deep_space: {medium: space, members: [explorer.xband, goldstone.xband]}
place: {explorer: mars}
"""


class Explorer(Orbiter):
    """Sends housekeeping, notes what it hears, and publishes a page every hour; prints, which disturbs nobody."""

    trajectory = TRAJECTORY
    _heard = 0

    async def run(self) -> None:
        if "LIGHTLAG_TEST_DIES_ONCE" in os.environ:
            die_once(Path(os.environ["LIGHTLAG_TEST_DIES_ONCE"]))
        print("explorer wakes up")  # noqa: T201
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.housekeeping())
            tasks.create_task(self._listen())
            tasks.create_task(self._write())

    @property
    def frames_received(self) -> int:
        return self._heard

    async def _listen(self) -> None:
        async for _ in self.xband.received():
            self._heard += 1

    async def _write(self) -> None:
        number = 0
        while True:
            number += 1
            await self.sleep_until(number * _HOUR_NS)
            self.log("an hour more", hours=number, heard=self._heard)
            self.publish("page.txt", f"{number} {self._heard}".encode())


class Station(NamedStation):
    """Answers once a minute, whatever it hears."""

    class Params(NamedStation.Params):
        """Nothing more."""

    params: NodeParams

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._talk())
            tasks.create_task(self._listen())

    async def _listen(self) -> None:
        async for _ in self.xband.received():
            pass

    async def _talk(self) -> None:
        number = 0
        while True:
            number += 1
            await self.sleep_until(number * 60 * NS_PER_S)
            self.xband.send(Housekeeping(0.0, 0.0, number, 0))


def die_once(mark: Path) -> None:
    """End this process as a shell ends whose command was killed, the first time."""
    if not mark.exists():
        mark.touch()
        os._exit(137)
