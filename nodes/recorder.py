"""The recorder of a spacecraft that is listened to now and then: what it has to tell is kept, and sent in contacts."""

from __future__ import annotations

import math

from pydantic import Field

from lightlag.bus.message import Message
from lightlag.bus.time import NS_PER_S

from .contacts import Contact
from .params import NodeName, NodeParams
from .products import Products
from .radio import Radio
from .units import Degrees, Seconds, Utc


class ContactSpec(NodeParams):
    """Time at a ground station that a mission was given."""

    station: NodeName = Field(min_length=1, description="node that listens")
    start: Utc = Field(description="beginning, UTC at the spacecraft")
    duration: Seconds = Field(gt=0, description="how long it lasts")
    # At 6 degrees the Deep Space Network hands over. Source: ground.yaml's sources (memory).
    min_elevation: Degrees = Field(default=6.0, ge=-90, le=90, description="at which the station has it in view")


class Recorder:
    """Takes messages as a radio does, and hands them to ``radio`` in contacts: higher priority first, then older."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self._products = Products(math.inf)

    def again(self, radio: Radio) -> Recorder:
        """The same recorder in a node that was started again."""
        again = Recorder(radio)
        again._products = self._products.again()
        return again

    @property
    def used_bits(self) -> int:
        """What is kept, in bits."""
        return self._products.used_bits

    def send(self, message: Message, *, priority: int = 0) -> None:
        """Keep a message until it can be sent."""
        self._products.put(message.__message_type__, [message], priority=priority)

    async def contact(self, spec: ContactSpec) -> None:
        """Send for as long as the contact lasts and the station has this node in view; the log says from when to when.

        Of a contact that began earlier, what is left of it.
        """
        node = self._radio.node
        start_ns = node.epoch.t_ns(spec.start)
        end_ns = min(start_ns + round(spec.duration * NS_PER_S), node.until_ns)
        within = max(start_ns, node.now_ns), end_ns
        for aos_ns, los_ns in node.surroundings.passes(spec.station, *within, target_mask_deg=spec.min_elevation):
            await node.sleep_until(aos_ns)
            node.log("contact begins", station=spec.station, stored_bits=self.used_bits)
            await self._products.send(self._radio, Contact(spec.station, aos_ns, los_ns))
            await node.sleep_until(los_ns)
            node.log("contact ends", station=spec.station, stored_bits=self.used_bits)
