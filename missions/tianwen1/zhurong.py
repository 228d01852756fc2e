"""Zhurong: the lander with the rover in it, and the rover half a year later, talking to somebody else's orbiter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from lightlag.bus.time import NS_PER_S
from lightlag.missions.edl import FlownLanding, Landing
from lightlag.missions.edl.lander import Lander
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.rover import Rover
from lightlag.nodes.telemetry import Housekeeping
from lightlag.nodes.units import Seconds, Utc
from lightlag.orbiters.sites import GroundSite

from .paths import FACTS_FILE, declared

#: Neither lander nor rover has a transmitter to Earth: nothing in reach tells of one that was used (an assumption).
_SILENT = RadioSpec()


class ZhurongLanding(FlownLanding):
    """The landing's parameters: what is not given is as in the facts, and it comes on the orbiter's path."""

    facts_file = FACTS_FILE

    @model_validator(mode="before")
    @classmethod
    def _carried(cls, given: Any) -> Any:
        carrier = given.get("carrier", {}) if isinstance(given, Mapping) else None
        if not isinstance(carrier, Mapping):
            return given
        return {**given, "carrier": {"trajectory": declared("lander"), **carrier}}


def landing(**changes: Any) -> Landing:
    """The landing as flown, or with changes: ``landing(guidance={"bank_deg": "50 deg"})``."""
    return Landing(ZhurongLanding.model_validate(changes))


class Zhurong(Lander):
    """Rides on Tianwen-1, leaves it, and lands in Utopia Planitia, as flown unless the graph changes something."""

    class Params(Lander.Params):
        """What a graph may change."""

        landing: ZhurongLanding = Field(
            default_factory=lambda: ZhurongLanding.model_validate({}), description="the landing; defaults as flown"
        )
        xband: RadioSpec = Field(default=_SILENT, description="tones straight to Earth: it sends none (an assumption)")
        quiet_every: Seconds = Field(default=60.0, gt=0, description="between two states while it coasts, and stands")

    params: Params


class ZhurongRover(Rover):
    """Stands where it landed and, at an agreed time, speaks on UHF for a while without hearing whether it is heard.

    How far it had driven by then, less than two kilometres, is left out.
    """

    class Params(Rover.Params):
        """What a graph may change."""

        uhf: RadioSpec = Field(
            default=RadioSpec(rate_bps="8 kbit/s", transmit_hz="401.585625 MHz", power_dbw="9.3 dBW"),
            description="it sends, and hears nothing",
        )
        xband: RadioSpec = Field(default=_SILENT, description="to Earth: it sends nothing here")
        speak_at: Utc = Field(description="SCET at which it begins to speak")
        speak_for: Seconds = Field(default=600.0, gt=0, description="how long it speaks")
        every: Seconds = Field(default=2.0, gt=0, description="between two words")

    sends: ClassVar[tuple[type, ...]] = (*Rover.sends, Housekeeping)

    params: Params

    @property
    def trajectory(self) -> GroundSite:
        """Its landing site."""
        site = ZhurongLanding.model_validate({}).site
        return GroundSite.planetocentric("mars", site.lat_deg, site.lon_deg, site.radius_km)

    async def run(self) -> None:
        """Speak in the blind."""
        await self.sleep_until(self.params.speak_at)
        begin_ns = self.now_ns
        self.announce("blind_start", {})
        words = int(self.params.speak_for // self.params.every)
        for word in range(1, words + 1):
            await self.sleep_until(begin_ns + round(word * self.params.every * NS_PER_S))
            self.tell(
                Housekeeping(
                    altitude_km=self.surroundings.altitude_km("mars", self.now_ns),
                    speed_km_s=0.0,
                    frames_received=0,
                    stored_bits=0,
                )
            )
        self.announce("blind_end", {})
