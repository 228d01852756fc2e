"""The smallest thing with light time in it: a beacon in Jezero crater, and a listener in California."""

from __future__ import annotations

import asyncio

from lightlag.bus import message
from lightlag.nodes import Node, NodeParams, Radio, RadioSpec
from lightlag.orbiters import DSN_COMPLEXES, GroundSite


@message("hello_mars.greeting", version=1)
class Greeting:
    """What the beacon says."""

    text: str
    number: int


class Beacon(Node):
    """Stands in Jezero crater and greets once a minute."""

    class Params(NodeParams):
        """What the graph may change."""

        radio: RadioSpec = RadioSpec(rate_bps="1 kbit/s", transmit_hz="8415 MHz")
        text: str = "hello"

    trajectory = GroundSite(body="mars", lat_deg=18.44, lon_deg=77.45, height_km=-2.57)
    radio: Radio
    sends = (Greeting,)

    async def run(self) -> None:
        """Greet for ever; this is plain asyncio, in simulated time."""
        number = 0
        while True:
            number += 1
            self.radio.send(Greeting(self.params.text, number))
            await asyncio.sleep(60)


class Listener(Node):
    """Writes into its log what it hears."""

    class Params(NodeParams):
        """What the graph may change."""

        radio: RadioSpec = RadioSpec(receive_hz="8415 MHz")

    trajectory = DSN_COMPLEXES["goldstone"]
    radio: Radio
    hears = (Greeting,)

    async def run(self) -> None:
        """Listen for ever."""
        async for reception in self.radio.received(Greeting):
            greeting: Greeting = reception.message
            late_s = (reception.received_ns - reception.emission.sent_ns) / 1e9
            self.log(f"{greeting.text} {greeting.number}", light_time_s=round(late_s, 3))
