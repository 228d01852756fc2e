"""Work on the surface of Mars, for any mission that gives the figures: plans from Earth, and what a rover does.

Read in this order: ``plans`` (what is to be done, on its way up), ``control`` (who sends it), ``work`` (the rover's own
sequence: a plan a sol, contacts with relays), ``skills`` (what an activity does), ``view`` and ``sound`` (what cameras
see and microphones hear: drawn and synthesised). A rover that lands first is a lander that goes on with ``work``.
"""

from .control import MissionControl
from .plans import Activity, ActivitySpec, Plan, PlanSpec
from .skills import ActivityRefused, Sample, Skills
from .work import RelaySpec, SurfaceSpec, SurfaceWork

__all__ = [
    "Activity",
    "ActivityRefused",
    "ActivitySpec",
    "MissionControl",
    "Plan",
    "PlanSpec",
    "RelaySpec",
    "Sample",
    "Skills",
    "SurfaceSpec",
    "SurfaceWork",
]
