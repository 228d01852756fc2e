"""What a landing is told: the entry state, the vehicle, its guidance and triggers, the air, as one checked model.

There are no defaults here: a mission supplies every figure from its ``facts.yaml``, where the source stands beside
it, and a graph may change any of them. In text a figure has its unit (``"53.6 deg"``); names say the base unit that
the code reads. Masses, speeds and accelerations are plain numbers in the unit of the name.

``E`` counts seconds from ``entry_interface_utc``. Heights are above the landing site's radius, altitudes above the
areoid; both are spheres here (the areoid changes by less than 0.1 km between entry and landing).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from lightlag.nodes.params import NodeParams
from lightlag.nodes.units import Degrees, Kilometres, Seconds, Utc
from lightlag.orbiters.declared import TrajectorySpec

from .descents import Descent, Positive, kind_or

#: Rows of (argument, value), the argument increasing; linear between rows and constant outside.
Table = tuple[tuple[float, float], ...]


def _increasing(table: Table, name: str) -> None:
    arguments = [row[0] for row in table]
    if not arguments or any(b <= a for a, b in pairwise(arguments)):
        raise ValueError(f"{name}: the first column of a table must increase, and there must be a row; got {arguments}")


class Entry(NodeParams):
    """Mars-fixed state at ``entry_interface_utc``, planetocentric, relative to the turning planet."""

    radius_km: Annotated[Kilometres, Field(gt=3390)]
    lat_deg: Annotated[Degrees, Field(gt=-90, lt=90)]
    lon_deg: Degrees
    speed_m_s: Annotated[float, Field(gt=0, lt=20_000)]
    flight_path_deg: Annotated[Degrees, Field(gt=-90, lt=0)]
    azimuth_deg: Degrees


class Site(NodeParams):
    """Where the parachute's range trigger and terrain-relative navigation aim; the ground is level at its radius."""

    lat_deg: Annotated[Degrees, Field(gt=-90, lt=90)]
    lon_deg: Degrees
    radius_km: Annotated[Kilometres, Field(gt=3300, lt=3500)]


class Air(NodeParams):
    """How the air of the day differs from the reference table."""

    areoid_radius_km: Annotated[Kilometres, Field(gt=3300, lt=3500)]
    #: Factor on the density of the table by altitude in km.
    density_factors: Table
    #: Uniform wind in the lower air, where the air goes.
    wind_east_m_s: Annotated[float, Field(ge=-100, le=100)]
    wind_north_m_s: Annotated[float, Field(ge=-100, le=100)]
    #: The wind is full below the first altitude and gone above the second.
    wind_full_below_km: Kilometres
    wind_gone_above_km: Kilometres

    @model_validator(mode="after")
    def _tables(self) -> Self:
        _increasing(self.density_factors, "density_factors")
        if self.wind_gone_above_km <= self.wind_full_below_km:
            raise ValueError("wind_gone_above_km must be above wind_full_below_km")
        return self


class Vehicle(NodeParams):
    """The entry capsule."""

    entry_mass_kg: Positive
    heatshield_kg: Positive
    #: Ejected just before the parachute, in equal pieces; it is what gave the capsule its lift.
    balance_mass_kg: Annotated[float, Field(ge=0)]
    reference_area_m2: Positive
    #: Drag coefficient by Mach number.
    drag: Table
    lift_to_drag: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        _increasing(self.drag, "drag")
        if self.heatshield_kg + self.balance_mass_kg >= self.entry_mass_kg:
            raise ValueError("heatshield_kg and balance_mass_kg together must be less than entry_mass_kg")
        return self


class Banking(NodeParams):
    """The three phases of the bank profile: range control, heading alignment, straighten up and fly right (SUFR)."""

    kind: Literal["banking"] = "banking"
    #: Bank while the range is controlled: positive is to the right, and a reversal changes the sign.
    bank_deg: Annotated[Degrees, Field(ge=-180, le=180)]
    #: When the bank is reversed, E; the last reversal goes to heading alignment. A flown input: crossrange is not
    #: controlled here.
    reversals_s: tuple[Seconds, ...]
    #: Size of the bank in heading alignment.
    alignment_bank_deg: Annotated[Degrees, Field(ge=0, le=180)]
    roll_rate_deg_s: Positive
    #: Speed below which SUFR starts.
    sufr_speed_m_s: Positive
    #: When the balance masses go, after the start of SUFR. A flown input.
    balance_masses_after_s: tuple[Seconds, ...]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("reversals_s", "balance_masses_after_s"):
            times = getattr(self, name)
            if list(times) != sorted(times):
                raise ValueError(f"{name} must increase; got {list(times)}")
        return self


class TrimFlap(NodeParams):
    """One bank all the way down, until a flap trims the capsule to an angle of attack, and a lift, of nothing."""

    kind: Literal["trim flap"]
    #: Positive is to the right; a reversal changes the sign.
    bank_deg: Annotated[Degrees, Field(ge=-180, le=180)]
    #: When the bank is reversed, E.
    reversals_s: tuple[Seconds, ...]
    roll_rate_deg_s: Positive
    #: Mach number below which the flap stands out.
    flap_mach: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if list(self.reversals_s) != sorted(self.reversals_s):
            raise ValueError(f"reversals_s must increase; got {list(self.reversals_s)}")
        return self


Guidance = Annotated[
    Annotated[Banking, Tag("banking")] | Annotated[TrimFlap, Tag("trim flap")], Discriminator(kind_or("banking"))
]


class Parachute(NodeParams):
    """A disk-gap-band parachute, fired when the target is near enough, or when the vehicle is slow enough."""

    trigger_range_km: Kilometres | None = Field(default=None, gt=0)
    trigger_speed_m_s: float | None = Field(default=None, gt=0)
    #: After the mortar.
    line_stretch_s: Annotated[Seconds, Field(gt=0)]
    #: After line stretch; the drag area grows with the square of the time.
    inflation_s: Annotated[Seconds, Field(gt=0)]
    area_m2: Positive
    #: Drag coefficient by Mach number, and one factor on all of it.
    drag: Table
    drag_factor: Positive

    @model_validator(mode="after")
    def _checked(self) -> Self:
        _increasing(self.drag, "drag")
        if (self.trigger_range_km is None) == (self.trigger_speed_m_s is None):
            raise ValueError(
                "a parachute has one trigger: give trigger_range_km or trigger_speed_m_s, and null for the other"
            )
        return self


class Plasma(NodeParams):
    """The ionised air around the capsule (see ``plasma.py``)."""

    #: Electrons per m3 at a density of 1e-5 kg/m3 and a speed of 5 km/s.
    electrons_m3: Positive
    #: Exponent of the speed; that of the density is 1.
    speed_exponent: Positive
    thickness_m: Positive
    #: Attenuation at ``blackout_hz`` from which on the signal is called lost.
    blackout_db: Positive
    blackout_hz: Positive


class Carrier(NodeParams):
    """The orbiter that a lander rides on and leaves: its path, without what it burns once it is alone."""

    trajectory: TrajectorySpec
    #: When it lets go of the lander, before entry interface.
    separation_before_s: Annotated[Seconds, Field(gt=0)]


class LandingParams(NodeParams):
    """Everything that decides a landing; equal parameters give the same landing, bit for bit."""

    #: SCET from which E is counted, and at which ``entry`` holds.
    entry_interface_utc: Utc
    #: How long before entry interface the trajectory is known.
    approach_s: Annotated[Seconds, Field(gt=0, le=86_400)]
    #: Separation of the cruise stage, before entry interface.
    cruise_stage_sep_before_s: Seconds | None = Field(default=None, gt=0)
    #: Of a vehicle that comes from an orbit instead: what brings it there.
    carrier: Carrier | None = None
    #: None for a vehicle with a carrier: it enters where the path of that leads.
    entry: Entry | None = None
    site: Site
    air: Air
    vehicle: Vehicle
    guidance: Guidance
    parachute: Parachute
    descent: Descent
    plasma: Plasma

    @property
    def separation(self) -> tuple[str, float]:
        """How the event is called with which it is alone, and when that is: E in seconds."""
        if self.carrier is not None:
            return "separation", -self.carrier.separation_before_s
        assert self.cruise_stage_sep_before_s is not None
        return "cruise_stage_sep", -self.cruise_stage_sep_before_s

    @model_validator(mode="after")
    def _known(self) -> Self:
        cruising = self.cruise_stage_sep_before_s is not None and self.entry is not None
        if self.carrier is None:
            if not cruising:
                raise ValueError("a landing takes either cruise_stage_sep_before_s and entry, or a carrier")
        elif self.cruise_stage_sep_before_s is not None or self.entry is not None:
            raise ValueError("a vehicle with a carrier has no cruise stage, and enters where the carrier's path leads")
        name, at_s = self.separation
        if -at_s > self.approach_s:
            raise ValueError(
                f"{name}_before_s ({-at_s:g} s) lies before the trajectory begins; "
                f"approach_s ({self.approach_s:g} s) must be at least as long"
            )
        return self

    @model_validator(mode="after")
    def _slows(self) -> Self:
        guidance, entry = self.guidance, self.entry
        if isinstance(guidance, Banking) and entry is not None and guidance.sufr_speed_m_s >= entry.speed_m_s:
            raise ValueError(
                f"sufr_speed_m_s ({guidance.sufr_speed_m_s:g}) must be below the speed of entry "
                f"({entry.speed_m_s:g} m/s)"
            )
        return self
