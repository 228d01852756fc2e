"""Ways down from the parachute: what each is told, and the legs that it flies.

A way says at which height it leaves the parachute, and what its vertical motion is from the start of the engines to the
ground; ``powered`` flies it. The choice is the ``kind`` in the parameters. A sky crane leaves its backshell where
braking as hard as it counts on just suffices; its legs (sky crane, final braking, constant velocity, braking) are
stacked upwards from the ground, which makes the trigger a line of height over speed. What hovers leaves its parachute
at a given height, brakes to a stop over the ground, and lets itself down.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Discriminator, Field, Tag, model_validator

from lightlag.nodes.params import NodeParams
from lightlag.nodes.units import Kilometres, Seconds

Positive = Annotated[float, Field(gt=0)]

#: Acceleration of free fall near the ground, km/s2, for the sky crane's separation trigger only.
_FALL_KM_S2 = 3.71e-3


def kind_or(usual: str) -> Callable[[Any], str]:
    """Tells parameters of several kinds apart by ``kind``; without one they are of the ``usual`` kind."""

    def kind(given: Any) -> str:
        told = given.get("kind", usual) if isinstance(given, Mapping) else getattr(given, "kind", usual)
        return str(told)

    return kind


class Leg(NamedTuple):
    """Vertical motion at constant deceleration; ``mark`` is the event with which it begins."""

    mark: str | None
    seconds: float
    speed_km_s: float
    braking_km_s2: float


class WayDown(NodeParams, ABC):
    """What every way down is told, and what it answers."""

    #: Names of the events of leaving the parachute, and of standing on the ground.
    left: ClassVar[str]
    contact: ClassVar[str]

    heatshield_mach: Positive
    #: Free fall from leaving the parachute to the start of the engines.
    drop_s: Annotated[Seconds, Field(gt=0)]
    #: How far guidance can move the touchdown in the powered descent.
    divert_km: Annotated[Kilometres, Field(ge=0)]

    @property
    def heights_km(self) -> Mapping[str, float]:
        """Events under the parachute that are a height."""
        return {}

    @property
    def standing_s(self) -> Mapping[str, float]:
        """Events on the ground, with how long after contact they happen."""
        return {}

    @property
    @abstractmethod
    def braked_height_km(self) -> float:
        """Height at which braking has to be over."""

    @abstractmethod
    def separation_height_km(self, sink_km_s: float) -> float:
        """Height at which a vehicle that sinks at ``sink_km_s`` leaves its parachute."""

    @abstractmethod
    def legs(self, height_km: float, sink_km_s: float) -> Iterator[Leg]:
        """From the start of the engines at a height, sinking, to the ground; the first is the braking."""

    @property
    @abstractmethod
    def jumps_km_s(self) -> float:
        """The sum of all jumps of velocity."""


class SkyCrane(WayDown):
    """Brakes, and lowers the rover on bridles: the legs, and the triggers under the parachute.

    What is followed is the rover's wheels: while the bridles unwind they sink faster than the descent stage.
    """

    left: ClassVar[str] = "backshell_sep"
    contact: ClassVar[str] = "wheels_contact"

    kind: Literal["sky crane"] = "sky crane"
    radar_lock_height_km: Annotated[Kilometres, Field(gt=0)]
    #: Of the start of terrain-relative navigation; none: it has none.
    trn_height_km: Annotated[Kilometres, Field(gt=0)] | None
    #: Deceleration of the first leg that the separation trigger counts on.
    braking_m_s2: Positive
    constant_speed_m_s: Positive
    constant_speed_s: Annotated[Seconds, Field(gt=0)]
    final_braking_m_s2: Positive
    skycrane_speed_m_s: Positive
    #: Of the rover's wheels above the ground when the sky crane begins.
    skycrane_height_km: Annotated[Kilometres, Field(gt=0)]
    #: After the start of the sky crane.
    lowering_after_s: Annotated[Seconds, Field(gt=0)]
    lowering_s: Annotated[Seconds, Field(gt=0)]
    bridle_km: Annotated[Kilometres, Field(gt=0)]
    #: From contact until the flight software is sure of it.
    declared_after_s: Annotated[Seconds, Field(ge=0)]

    @model_validator(mode="after")
    def _slower(self) -> Self:
        if self.skycrane_speed_m_s >= self.constant_speed_m_s:
            raise ValueError("skycrane_speed_m_s must be below constant_speed_m_s")
        return self

    @property
    def heights_km(self) -> Mapping[str, float]:
        """Events under the parachute that are a height."""
        navigation = {} if self.trn_height_km is None else {"trn_start": self.trn_height_km}
        return {"radar_lock": self.radar_lock_height_km, **navigation}

    @property
    def standing_s(self) -> Mapping[str, float]:
        """Events on the ground, with how long after contact they happen."""
        return {"touchdown_declared": self.declared_after_s}

    @property
    def braked_height_km(self) -> float:
        """Height at which braking has to be over: that of the three legs that follow."""
        fast, slow = self.constant_speed_m_s * 1e-3, self.skycrane_speed_m_s * 1e-3
        final = (fast * fast - slow * slow) / (2.0 * self.final_braking_m_s2 * 1e-3)
        return self.skycrane_height_km + final + fast * self.constant_speed_s

    def separation_height_km(self, sink_km_s: float) -> float:
        """Height at which a vehicle that sinks at ``sink_km_s`` has to leave its backshell."""
        fall = sink_km_s * self.drop_s + 0.5 * _FALL_KM_S2 * self.drop_s**2
        speed = sink_km_s + _FALL_KM_S2 * self.drop_s
        fast = self.constant_speed_m_s * 1e-3
        braking = max(0.0, speed * speed - fast * fast) / (2.0 * self.braking_m_s2 * 1e-3)
        return fall + braking + self.braked_height_km

    def legs(self, height_km: float, sink_km_s: float) -> Iterator[Leg]:
        """From the start of the engines at a height, sinking, to the ground; the first is the braking."""
        fast, slow = self.constant_speed_m_s * 1e-3, self.skycrane_speed_m_s * 1e-3
        braking_s = 2.0 * (height_km - self.braked_height_km) / (sink_km_s + fast)
        yield Leg("powered_descent_start", braking_s, sink_km_s, (sink_km_s - fast) / braking_s)
        yield Leg("constant_velocity", self.constant_speed_s, fast, 0.0)
        final = self.final_braking_m_s2 * 1e-3
        yield Leg(None, (fast - slow) / final, fast, final)
        yield Leg("skycrane_start", self.lowering_after_s, slow, 0.0)
        yield Leg("rover_lowering", self.lowering_s, slow + self.bridle_km / self.lowering_s, 0.0)
        yield Leg(None, math.inf, slow, 0.0)

    @property
    def jumps_km_s(self) -> float:
        """All jumps of velocity: the bridles begin and cease to unwind, and the wheels stand still."""
        unwinding = self.bridle_km / self.lowering_s
        return 3.0 * unwinding + self.skycrane_speed_m_s * 1e-3


class Hover(WayDown):
    """Leaves the parachute at a height, brakes to a stop over the ground, stands there, and lets itself down."""

    left: ClassVar[str] = "parachute_release"
    contact: ClassVar[str] = "touchdown"

    kind: Literal["hover"]
    release_height_km: Annotated[Kilometres, Field(gt=0)]
    hover_height_km: Annotated[Kilometres, Field(gt=0)]
    hover_s: Annotated[Seconds, Field(ge=0)]
    final_speed_m_s: Positive

    @model_validator(mode="after")
    def _lower(self) -> Self:
        if self.hover_height_km >= self.release_height_km:
            raise ValueError("hover_height_km must be below release_height_km")
        return self

    @property
    def braked_height_km(self) -> float:
        """Height at which braking has to be over."""
        return self.hover_height_km

    def separation_height_km(self, sink_km_s: float) -> float:
        """Height at which the parachute is left, whatever the speed."""
        return self.release_height_km

    def legs(self, height_km: float, sink_km_s: float) -> Iterator[Leg]:
        """From the start of the engines at a height, sinking, to the ground; the first is the braking."""
        braking_s = 2.0 * (height_km - self.hover_height_km) / sink_km_s
        yield Leg("powered_descent_start", braking_s, sink_km_s, sink_km_s / braking_s)
        yield Leg("hover_start", self.hover_s, 0.0, 0.0)
        yield Leg("final_descent", math.inf, self.final_speed_m_s * 1e-3, 0.0)

    @property
    def jumps_km_s(self) -> float:
        """All jumps of velocity: it begins to sink, and stands still."""
        return 2.0 * self.final_speed_m_s * 1e-3


Descent = Annotated[
    Annotated[SkyCrane, Tag("sky crane")] | Annotated[Hover, Tag("hover")], Discriminator(kind_or("sky crane"))
]
