"""A rover's days on the surface: a plan each sol, or what it does without one; and telling of it when a relay passes.

The rover listens for plans at all hours. On each sol, at ``begin``, it takes up the plan of that sol. If none has come
it says so and does ``default``. An activity that is refused, or would last into the night, ends the plan for that sol:
the rover stands down and waits for Earth. After safe mode, or started again, it goes on with its plan, but for what
should have begun meanwhile. What it has to tell is kept as products and goes in contacts with relays, the more urgent
first; a relay that does not answer is left alone until its pass is over, and the next one is tried.
"""

from __future__ import annotations

import asyncio
from typing import Self

from pydantic import Field

from lightlag.bus.errors import QueueRefused
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.contacts import Contact, answers, next_contact
from lightlag.nodes.events import Event
from lightlag.nodes.params import NodeName, NodeParams
from lightlag.nodes.radio import Radio
from lightlag.nodes.rover import EVENT_PRIORITY, Rover
from lightlag.nodes.sols import Lmst, Sols
from lightlag.nodes.telemetry import SurfaceState
from lightlag.nodes.units import Bits, BitsPerSecond, Degrees, Seconds

from .plans import Activity, ActivitySpec, Plan, PlanSpec
from .skills import NEWS, ActivityRefused, Skills


class RelaySpec(NodeParams):
    """An orbiter that relays."""

    node: NodeName = Field(description="the orbiter")
    rate: BitsPerSecond = Field(gt=0, description="what the rover sends to it at")
    longest: Seconds = Field(default=1200.0, gt=0, description="a contact lasts no longer, however long it is in view")
    rest: Seconds = Field(default=0.0, ge=0, description="from a contact's begin until it has time for the next")


class SurfaceSpec(NodeParams):
    """What a rover is told of its work on the surface."""

    relays: tuple[RelaySpec, ...] = Field(
        min_length=1, description="orbiters that relay; of two in view at once the first is called"
    )
    mask: Degrees = Field(default=10.0, ge=0, lt=90, description="elevation from which on a relay is called")
    store: Bits = Field(default=8e9, gt=0, description="capacity for products")
    begin: Lmst = Field(default="10:30", description="when the plan of a sol is taken up")
    night: Lmst = Field(default="19:00", description="no activity lasts longer")
    on_board: tuple[PlanSpec, ...] | None = Field(
        default=None, description="plans that it has from before the landing; else those of its mission, if any"
    )
    default: tuple[ActivitySpec, ...] | None = Field(
        default=None,
        description="what it does on a sol for which no plan came; else what its mission says, if anything",
    )

    def plans_on_board(self) -> tuple[PlanSpec, ...]:
        """What it does first; a mission has its own where nothing is given."""
        return self.on_board or ()

    def without_plan(self) -> tuple[ActivitySpec, ...]:
        """What it does without a plan; a mission has its own where nothing is given."""
        return self.default or ()


class SurfaceWork:
    """The work of ``rover`` from its landing at ``landed_ns`` on; ``hga`` hears the plans, and says that they came."""

    def __init__(self, rover: Rover, spec: SurfaceSpec, sols: Sols, landed_ns: int, skills: Skills, hga: Radio) -> None:
        self.rover, self.spec, self.sols, self.landed_ns = rover, spec, sols, landed_ns
        self.skills, self.hga = skills, hga
        self.products = skills.products
        self._relays = {relay.node: relay for relay in spec.relays}
        #: Plans that are to be carried out, or to be gone on with.
        self._plans = {plan.sol: plan.plan() for plan in spec.plans_on_board()}

    def again(self, rover: Rover, hga: Radio) -> Self:
        """The same work in a rover that was started again: what it has done, keeps, and is to do is as it was."""
        again = type(self)(rover, self.spec, self.sols, self.landed_ns, self.skills.again(rover), hga)
        again._plans = self._plans
        return again

    async def run(self) -> None:
        """Work, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear_plans())
            tasks.create_task(self._work())
            tasks.create_task(self._tell())

    async def safe_mode(self) -> None:
        """Do nothing but listen for plans, and tell what there is to tell: first of all, that it is in safe mode."""
        self.announce(f"safe_mode_sol_{self.sols.sol(self.rover.now_ns)}", {})
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear_plans())
            tasks.create_task(self._tell())

    def announce(self, event: str, values: dict[str, float]) -> None:
        """Keep the news of what has just happened for the next contact."""
        rover = self.rover
        rover.log(event, values=values, lmst=self.sols.text(rover.now_ns))
        try:
            self.products.put(event, [Event(event, rover.now_ns, values)], priority=NEWS)
        except QueueRefused as refusal:
            rover.log(str(refusal), level="warning")

    # -- plans --------------------------------------------------------------------------------------------------

    async def _hear_plans(self) -> None:
        async for reception in self.hga.received(Plan):
            plan: Plan = reception.message
            late = self.sols.t_ns(plan.sol, self.spec.begin) < self.rover.now_ns
            known = self._plans.get(plan.sol) == plan
            if not late:
                self._plans[plan.sol] = plan
            if not (late or known):
                self.rover.log(f"plan for sol {plan.sol}", activities=len(plan.activities))
            event = f"plan_sol_{plan.sol}_{'late' if late else 'received'}"
            self.hga.send(
                Event(event, self.rover.now_ns, {"activities": float(len(plan.activities))}), priority=EVENT_PRIORITY
            )

    async def _work(self) -> None:
        sol = max(0, self.sols.sol(self.rover.now_ns))
        if sol not in self._plans and self.sols.t_ns(sol, self.spec.begin) < self.rover.now_ns:
            sol += 1
        while True:
            await self.rover.sleep_until(self.sols.t_ns(sol, self.spec.begin))
            plan = self._plans.get(sol)
            if plan is None:
                self.announce(f"no_plan_sol_{sol}", {})
                plan = Plan(sol, tuple(spec.activity() for spec in self.spec.without_plan()))
                await self._carry_out(plan, f"_sol_{sol}")
            else:
                await self._carry_out(plan)
                del self._plans[sol]
            sol += 1

    async def _carry_out(self, plan: Plan, suffix: str = "") -> None:
        night_ns = self.sols.t_ns(plan.sol, self.spec.night)
        for activity in self._to_do(plan):
            await self.rover.sleep_until(self.sols.t_ns(plan.sol, activity.begin_s))
            try:
                if self.rover.now_ns + activity.duration_s * NS_PER_S > night_ns:
                    raise ActivityRefused(f"{activity.name}: it would last into the night")
                values = self.skills.do(activity)
            except ActivityRefused as refusal:
                self.rover.log(str(refusal), level="warning")
                self.announce(f"{activity.name}_refused{suffix}", {})
                return
            await asyncio.sleep(activity.duration_s)
            self.announce(activity.name + suffix, values)
            for sample in self.skills.samples if activity.does == "core" else []:
                if sample.tube == values["tube"]:
                    self.announce(f"cached_{sample.id}", {"sol": float(sample.sol), "tube": float(sample.tube)})

    def _to_do(self, plan: Plan) -> list[Activity]:
        """What of a plan is to be done from now on: all, or if it is taken up late, what is still to come."""
        now_ns = self.rover.now_ns
        if now_ns <= max(self.sols.t_ns(plan.sol, self.spec.begin), self.landed_ns):
            return list(plan.activities)
        to_do = [it for it in plan.activities if self.sols.t_ns(plan.sol, it.begin_s) >= now_ns]
        if len(to_do) < len(plan.activities):
            self.rover.log(f"plan for sol {plan.sol} taken up late", activities=len(plan.activities), to_do=len(to_do))
        return to_do

    # -- contacts -----------------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        rover = self.rover
        #: Until when nothing is wanted of a relay.
        closed: dict[str, int] = {}
        while True:
            contact = next_contact(
                rover.surroundings,
                list(self._relays),
                rover.now_ns,
                rover.until_ns,
                mask_deg=self.spec.mask,
                not_before_ns=closed,
            )
            if contact is None:
                return
            await rover.sleep_until(contact.aos_ns)
            closed[contact.target] = contact.los_ns
            if await answers(rover.uhf, contact.target):
                relay = self._relays[contact.target]
                longest_ns, rest_ns = round(relay.longest * NS_PER_S), round(relay.rest * NS_PER_S)
                closed[contact.target] = max(contact.los_ns, contact.aos_ns + rest_ns)
                await self._use(contact._replace(los_ns=min(contact.los_ns, contact.aos_ns + longest_ns)))
            else:
                rover.log(f"{contact.target} does not answer", level="warning", lmst=self.sols.text(contact.aos_ns))

    async def _use(self, contact: Contact) -> None:
        """Send, and say how much of it there was room for."""
        rover, rate = self.rover, self._relays[contact.target].rate
        rover.uhf.spec = rover.uhf.spec.model_copy(update={"rate_bps": rate})
        first = f"first_pass_{contact.target}"
        if first not in self.skills.done:
            self.skills.done[first] = None
            self.announce(first, {"pass_min": (contact.los_ns - contact.aos_ns) / NS_PER_S / 60})
        rover.uhf.send(self._state(), to=contact.target)
        room_bits = (contact.los_ns - rover.now_ns) * rate / NS_PER_S
        sent_bits = await self.products.send(rover.uhf, contact)
        rover.log(
            f"pass of {contact.target}",
            room_mbit=round(room_bits / 1e6, 3),
            sent_mbit=round(sent_bits / 1e6, 3),
            left_mbit=round(self.products.used_bits / 1e6, 3),
            lmst=self.sols.text(contact.aos_ns),
        )

    def _state(self) -> SurfaceState:
        now_ns = self.rover.now_ns
        return SurfaceState(
            self.sols.sol(now_ns), self.sols.local_s(now_ns), self.products.used_bits, self.skills.odometer_m
        )
