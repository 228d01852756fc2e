"""Those who wait in the desert of Utah."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from lightlag.bus.errors import MessageError
from lightlag.nodes import Event, Node, NodeParams, Radio, RadioSpec
from lightlag.orbiters import GroundSite

from .messages import Manifest
from .params import LYING


class Recovery(Node):
    """Hears the container's beacon, and compares what is in it with what was asked for."""

    class Params(NodeParams):
        """What a graph may change."""

        beacon: RadioSpec = Field(default=RadioSpec(receive_hz="406 MHz", **LYING), description="to hear the container")
        tubes: int = Field(default=30, ge=0, le=43, description="how many are awaited")

    hears: ClassVar[tuple[type, ...]] = (Event, Manifest)

    params: Params
    beacon: Radio
    #: 5 km north of where the capsule is awaited.
    trajectory = GroundSite(body="earth", lat_deg=40.345, lon_deg=-113.4, height_km=1.3)

    async def run(self) -> None:
        """Listen until it is found."""
        async for reception in self.beacon.received(Event, Manifest):
            try:
                told = reception.message
            except MessageError as error:
                self.log(str(error), level="warning")
                continue
            if isinstance(told, Event):
                self.log(f"hears: {told.id}", values=told.values)
                continue
            missing = self.params.tubes - len(set(told.tubes))
            self.log("samples are home", tubes=len(set(told.tubes)), mass_g=told.mass_g, missing=missing)
            return
