"""Plans: what a rover is to do on a sol, as people write it and as it travels.

A ``Plan`` goes up once a sol. It says what is to be done and when, in local mean solar time; the rover turns that into
its own time. ``does`` names what the rover can do (``photograph``, ``drive``), ``what`` to what or with what.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from lightlag.bus.message import message
from lightlag.nodes.params import NodeParams
from lightlag.nodes.sols import Lmst, local_seconds
from lightlag.nodes.units import Seconds


@message("lightlag.activity")
class Activity:
    """One thing to do. ``name`` is what the rover will say when it is done, with ``values``."""

    name: str
    does: str
    what: str
    #: LMST, seconds of local time since midnight.
    begin_s: int
    #: How long it takes, seconds.
    duration_s: float
    values: dict[str, float]


@message("lightlag.plan")
class Plan:
    """What to do on one sol, in the order of time."""

    sol: int
    activities: tuple[Activity, ...]


class ActivitySpec(NodeParams):
    """An ``Activity`` as a graph declares it."""

    name: str = Field(pattern=r"^\w+$", description="the event that says that it is done")
    does: str = Field(description="what the rover does: check, move, install, photograph, listen, drive, core, ...")
    what: str = Field(default="", description="to what, or with what: a camera, a target")
    at: Lmst = Field(description="local mean solar time at which it begins")
    lasts: Seconds = Field(default=60.0, gt=0, description="how long it takes")
    values: dict[str, float] = Field(default_factory=dict, description="figures, with their unit in the name")

    def activity(self) -> Activity:
        """The message."""
        return Activity(self.name, self.does, self.what, local_seconds(self.at), self.lasts, self.values)


class PlanSpec(NodeParams):
    """A ``Plan`` as a graph declares it."""

    sol: int = Field(ge=0, description="the sol on which it is done; that of the landing is 0")
    activities: tuple[ActivitySpec, ...] = Field(min_length=1, description="what is done, in the order of time")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        begins = [local_seconds(activity.at) for activity in self.activities]
        if begins != sorted(begins):
            raise ValueError(f"the activities of sol {self.sol} are not in the order of time")
        return self

    def plan(self) -> Plan:
        """The message."""
        return Plan(self.sol, tuple(spec.activity() for spec in self.activities))
