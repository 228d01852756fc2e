"""A landing vehicle as a node: it says what happens to it while it lands, and for a while after.

UHF carries its events and its state; X band carries a tone for each event, straight to Earth. It speaks from its
first event (cruise-stage separation) until ``stay`` after touchdown is declared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import Field

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.events import Published
from lightlag.nodes.rover import Rover
from lightlag.nodes.telemetry import VehicleState
from lightlag.nodes.units import Seconds

from .flown import FlownLanding
from .landing import Landing, LandingEvent, LandingTrajectory
from .parameters import LandingParams

#: What of the telemetry an event carries: little, so that it is quickly told.
_TOLD = ("height_km", "speed_m_s", "mach", "deceleration_g")


class Lander(Rover):
    """Lands where its parameters lead it."""

    class Params(Rover.Params):
        """What a graph may change."""

        landing: LandingParams = Field(description="entry state, vehicle, guidance, parachute, powered descent")
        telemetry_every: Seconds = Field(default=1.0, gt=0, description="between two states on UHF, from entry on")
        quiet_every: Seconds = Field(default=5.0, gt=0, description="the same while it coasts, and on the ground")
        stay: Seconds = Field(default=600.0, ge=0, description="how long it goes on after touchdown")

    sends: ClassVar[tuple[type, ...]] = (*Rover.sends, VehicleState)

    params: Params
    #: Whether it has begun: what is over when it goes on after safe mode, or starts again, it has lived through.
    begun: bool = False

    @property
    def trajectory(self) -> Landing:
        """The landing."""
        return Landing(self.params.landing)

    @property
    def published(self) -> Sequence[Published]:
        """The record of the flight, of a landing that was flown."""
        landing = self.params.landing
        return landing.published() if isinstance(landing, FlownLanding) else ()

    async def run(self) -> None:
        """Land."""
        landing = self.surroundings.trajectory(self.name)
        assert isinstance(landing, LandingTrajectory)
        first, self.begun = not self.begun, True
        async with asyncio.TaskGroup() as tasks:
            for tone, event in enumerate(landing.events):
                if event.t_ns >= self.now_ns:
                    tasks.create_task(self._experience(event, tone))
                elif first:
                    self.log("happened before the run began", event=event.id)
            tasks.create_task(self._report_state(landing))

    def again(self) -> Self:
        """Started again after a crash it goes on from where it is by then."""
        again = type(self)(self.name, self.params)
        again.begun = self.begun
        return again

    async def _experience(self, event: LandingEvent, tone: int) -> None:
        await self.sleep_until(event.t_ns)
        self.announce(event.id, {name: event.values[name] for name in _TOLD}, tone=tone)

    async def _report_state(self, landing: LandingTrajectory) -> None:
        busy_ns, quiet_ns = (
            round(every * NS_PER_S) for every in (self.params.telemetry_every, self.params.quiet_every)
        )
        entry_ns, touchdown_ns = landing.entry_interface_ns, landing.events[-1].t_ns
        last_ns = touchdown_ns + round(self.params.stay * NS_PER_S)
        t_ns = max(self.now_ns, landing.events[0].t_ns)
        while True:
            step_ns = busy_ns if entry_ns <= t_ns < touchdown_ns else quiet_ns
            t_ns = (t_ns // step_ns + 1) * step_ns
            if t_ns > last_ns:
                return
            await self.sleep_until(t_ns)
            told = landing.telemetry(self.now_ns)
            self.tell(
                VehicleState(
                    height_km=told.height_km,
                    speed_m_s=told.speed_m_s,
                    mach=told.mach,
                    deceleration_g=told.deceleration_g,
                    dynamic_pressure_pa=told.dynamic_pressure_pa,
                    latitude_deg=told.lat_deg,
                    longitude_deg=told.lon_deg,
                )
            )
