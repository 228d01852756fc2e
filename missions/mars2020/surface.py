"""Perseverance on the surface: what it has on board, what Earth plans for it, what its cameras and microphones give.

Figures are those of ``surface_facts.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from lightlag.missions.facts import load_facts
from lightlag.missions.surface import (
    Activity,
    ActivityRefused,
    ActivitySpec,
    MissionControl,
    PlanSpec,
    Skills,
    SurfaceSpec,
)
from lightlag.nodes.params import NodeName
from lightlag.nodes.units import Degrees, Utc, quantity

FACTS = load_facts(Path(__file__).with_name("surface_facts.yaml"))

#: Radiance factor that exposure brings the brightest to.
_BRIGHT = 0.27
_MICROPHONES = ("edl-microphone", "supercam-microphone")


def _activities(records: Iterable[dict[str, Any]]) -> tuple[ActivitySpec, ...]:
    known = ("at", "lasts", "does", "what", "values")
    return tuple(
        ActivitySpec(name=record["id"], **{key: record[key] for key in known if key in record}) for record in records
    )


def plans(section: str) -> tuple[PlanSpec, ...]:
    """The plans of a section of the facts, sol by sol."""
    records = FACTS.records(section)
    sols = sorted({record["sol"] for record in records})
    return tuple(
        PlanSpec(sol=sol, activities=_activities(record for record in records if record["sol"] == sol)) for sol in sols
    )


class PerseveranceSurface(SurfaceSpec):
    """Perseverance's work on the surface: who relays has to be said, the rest is as on record or assumed."""

    def plans_on_board(self) -> tuple[PlanSpec, ...]:
        """Those given, or those on record."""
        return plans("on_board") if self.on_board is None else self.on_board

    def without_plan(self) -> tuple[ActivitySpec, ...]:
        """What is given, or a check of its health."""
        return _activities(FACTS.records("default")) if self.default is None else self.default


class Mars2020Operations(MissionControl):
    """Those who operate Perseverance: a plan a sol, as on record as far as sol 15."""

    class Params(MissionControl.Params):
        """What a graph may change."""

        rover: NodeName = Field(default="perseverance", description="who is commanded")
        landed: Utc = Field(default=FACTS.value("landed_utc"), description="SCET of the landing, which is on sol 0")
        longitude: Degrees = Field(
            default=quantity(FACTS.value("longitude_deg"), "angle"), description="east longitude of the landing"
        )

    params: Params

    def plans(self) -> tuple[PlanSpec, ...]:
        """Those given, or those on record."""
        return plans("plans") if self.params.plans is None else self.params.plans


class PerseveranceSkills(Skills):
    """What Perseverance can do."""

    #: Cameras on the mast lie on the deck until it is up; driving takes the software of the surface.
    after: ClassVar = {"drive": "surface-software", "navcam": "mast", "mastcam-z": "mast"}
    mission: ClassVar[str] = "M2020"
    longest_drive_m: ClassVar[float] = float(FACTS.value("longest_drive_m"))

    def health(self) -> dict[str, float]:
        """It stands almost level."""
        return {"tilt_deg": FACTS.value("tilt_deg")}

    def picture(self, activity: Activity) -> Any:
        """Jezero's floor from where it stands, in the light of the moment."""
        from lightlag.missions.scene import develop
        from lightlag.missions.surface.view import Eye, ground_view

        from .scene import jezero_ground

        if activity.what not in FACTS.values("cameras"):
            raise ActivityRefused(
                f"there is no camera {activity.what!r}; there are {', '.join(FACTS.values('cameras'))}"
            )
        camera = FACTS.values(f"cameras.{activity.what}") | dict(activity.values)
        eye = Eye(*(float(camera[name]) for name in ("height_m", "azimuth_deg", "elevation_deg", "width_deg")))
        sun = self.rover.surroundings.fixed("mars", "sun", self.rover.now_ns).position_km
        rows, columns = FACTS.value("frame_px")
        light = ground_view(jezero_ground(), eye, (rows, columns), sun)
        # Exposed by itself: but for a hundredth, nothing is brighter than the table to 8 bits can tell.
        light *= np.float32(_BRIGHT / max(float(np.sort(light, axis=None)[-light.size // 100]), 1e-3))
        return develop(light, self.rover.rng.getrandbits(32))

    def sound(self, activity: Activity) -> bytes:
        """Wind, synthesised."""
        from lightlag.missions.surface.sound import wind

        if activity.what not in _MICROPHONES:
            raise ActivityRefused(f"there is no microphone {activity.what!r}; there are {' and '.join(_MICROPHONES)}")
        return wind(activity.duration_s, self.rover.rng.getrandbits(32))
