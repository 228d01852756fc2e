"""Where the beacon stands and which radio it has; what it does is in beacon.js."""

from __future__ import annotations

from lightlag.nodes import Node, NodeParams, RadioSpec
from lightlag.orbiters import GroundSite


class Jezero(Node):
    """A place in Jezero crater, with a radio."""

    class Params(NodeParams):
        """What the graph may change."""

        radio: RadioSpec = RadioSpec(rate_bps="1 kbit/s", transmit_hz="8415 MHz", receive_hz="7167 MHz")
        text: str = "hello"

    trajectory = GroundSite(body="mars", lat_deg=18.44, lon_deg=77.45, height_km=-2.57)
