"""A rover's radios: UHF to whoever relays, X band straight to Earth, and how it makes an event known on both."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from .events import Event, Tone
from .node import Node
from .params import NodeParams, RadioSpec
from .radio import Radio

#: Higher goes first: what happened is told before how things are.
EVENT_PRIORITY = 1


class Rover(Node):
    """Base of landers and rovers: a UHF radio, and an X-band transmitter for tones."""

    class Params(NodeParams):
        """What a graph may change."""

        uhf: RadioSpec = Field(
            # UHF return link of the Proximity-1 relay, 401.585625 MHz; forward 437.1 MHz. Source: Electra (memory).
            default=RadioSpec(
                rate_bps="32 kbit/s", transmit_hz="401.585625 MHz", receive_hz="437.1 MHz", power_dbw="9.3 dBW"
            ),
            description="relay radio",
        )
        xband: RadioSpec = Field(
            # 256 tones, 10 s each: multiple-frequency-shift keying as flown in entry. Source: memory.
            default=RadioSpec(transmit_hz="8414.9 MHz", frame_s="10 s"),
            description="tones straight to Earth",
        )

    sends: ClassVar[tuple[type, ...]] = (Event, Tone)

    params: Params
    uhf: Radio
    xband: Radio

    def announce(self, event: str, values: dict[str, float], *, tone: int | None = None) -> None:
        """Tell what has just happened, on UHF and, if it has a tone and the rover a transmitter for it, on X band."""
        self.log(event, values=values)
        self.uhf.send(Event(event, self.now_ns, values), priority=EVENT_PRIORITY)
        if tone is not None and self.xband.spec.transmit_hz is not None:
            self.xband.send(Tone(tone, event, self.now_ns))

    def tell(self, state: Any) -> None:
        """Send a message of routine telemetry on UHF, after anything more urgent."""
        self.uhf.send(state)
