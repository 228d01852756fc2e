"""Trajectories as a graph file declares them: one of several kinds, each with its parameters and units.

    trajectory: {kepler: {center: mars, periapsis: 160 km, apoapsis: 8500 km, inclination: 60 deg, epoch: ...}}
    trajectory: {state: {center: mars, epoch: ..., position_km: [..], velocity_km_s: [..]}}
    trajectory: {oem: {file: maven.oem}}
    trajectory: {spk: {file: maven.bsp, target: MAVEN}}
    trajectory: {states: {file: maven.csv, center: mars}}
    trajectory: {manoeuvred: {nominal: {state: ...}, burns: [{at: ..., delta_v_km_s: [0, -0.9, 0], over: 15 min}]}}
    trajectory: {site: {body: mars, latitude: 18.44 deg, longitude: 77.45 deg, height: -2.57 km}}

Files are relative to the folder of the graph file. What a kind means is said by the class that it makes.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from lightlag.bus.errors import GraphError
from lightlag.nodes.params import NodeParams
from lightlag.nodes.steering import Axes
from lightlag.nodes.trajectory import TrajectoryModel, Vector
from lightlag.nodes.units import Degrees, Kilometres, Seconds, Utc

from .manoeuvred import Burn, Manoeuvred
from .oem import OemFile
from .orbits import KeplerOrbit, StateOrbit
from .samples import Frame, StatesFile
from .sites import GroundSite
from .spk import SpkFile

Body = Literal["earth", "mars", "sun"]


class KeplerSpec(NodeParams):
    """A ``KeplerOrbit``."""

    center: Body = Field(description="what it orbits")
    epoch: Utc = Field(description="SCET of mean_anomaly, node and periapsis")
    periapsis: Kilometres | None = Field(default=None, ge=0, description="altitude over the equatorial radius")
    apoapsis: Kilometres | None = Field(default=None, ge=0, description="altitude over the equatorial radius")
    a: Kilometres | None = Field(default=None, gt=0, description="semi-major axis, with e instead of the altitudes")
    e: float | None = Field(default=None, ge=0, lt=1, description="eccentricity")
    inclination: Degrees = Field(ge=0, le=180, description="to the equator of date")
    raan: Degrees = Field(
        default=0.0, ge=-360, le=360, description="ascending node, from where the equator ascends through the ICRF's"
    )
    aop: Degrees = Field(default=0.0, ge=-360, le=360, description="argument of periapsis")
    mean_anomaly: Degrees = Field(default=0.0, ge=-360, le=360, description="at the epoch")

    def model(self) -> TrajectoryModel:
        """The declaration in Python; node and periapsis drift by J2."""
        return KeplerOrbit(
            center=self.center,
            epoch=self.epoch,
            periapsis_km=self.periapsis,
            apoapsis_km=self.apoapsis,
            a_km=self.a,
            e=self.e,
            inclination_deg=self.inclination,
            raan_deg=self.raan,
            aop_deg=self.aop,
            mean_anomaly_deg=self.mean_anomaly,
        )


class StateSpec(NodeParams):
    """A ``StateOrbit``."""

    center: Body = Field(description="what it orbits")
    epoch: Utc = Field(description="SCET of the state")
    position_km: Vector = Field(description="relative to the centre")
    velocity_km_s: Vector = Field(description="relative to the centre")
    frame: Frame = Field(default="icrf", description="axes of the state")

    def model(self) -> TrajectoryModel:
        """The declaration in Python."""
        return StateOrbit(
            center=self.center,
            epoch=self.epoch,
            position_km=self.position_km,
            velocity_km_s=self.velocity_km_s,
            frame=self.frame,
        )


class OemSpec(NodeParams):
    """An ``OemFile``."""

    file: str = Field(description="orbit ephemeris message of the CCSDS")
    object: str | None = Field(default=None, description="name or id, if there are several in the file")

    def model(self) -> TrajectoryModel:
        """The declaration in Python."""
        return OemFile(path=self.file, object=self.object)


class SpkSpec(NodeParams):
    """An ``SpkFile``."""

    file: str = Field(description="SPK kernel of SPICE")
    target: int | str = Field(description="NAIF id (-74) or a name that SPICE knows (MRO)")
    step: Seconds = Field(default=30.0, gt=0, description="between samples; less for what turns sharper than an orbit")

    def model(self) -> TrajectoryModel:
        """The declaration in Python."""
        return SpkFile(path=self.file, target=self.target, step_s=self.step)


class StatesSpec(NodeParams):
    """A ``StatesFile``."""

    file: str = Field(description="columns utc, x_km, y_km, z_km, vx_km_s, vy_km_s, vz_km_s")
    center: str = Field(description="what the states are relative to")
    frame: Frame = Field(default="icrf", description="axes of the states")

    def model(self) -> TrajectoryModel:
        """The declaration in Python."""
        return StatesFile(path=self.file, center=self.center, frame=self.frame)


class SiteSpec(NodeParams):
    """A ``GroundSite``."""

    body: Literal["earth", "mars"] = Field(description="what it stands on")
    latitude: Degrees = Field(ge=-90, le=90, description="geodetic")
    longitude: Degrees = Field(ge=-360, le=360, description="east")
    height: Kilometres = Field(default=0.0, ge=-20, le=100, description="over the reference ellipsoid")

    def model(self) -> TrajectoryModel:
        """The declaration in Python."""
        return GroundSite(body=self.body, lat_deg=self.latitude, lon_deg=self.longitude, height_km=self.height)


class CoastSpec(NodeParams):
    """Where a node is that burns nothing: exactly one of these."""

    kepler: KeplerSpec | None = Field(default=None, description="an ellipse that drifts by J2")
    state: StateSpec | None = Field(default=None, description="a state, integrated")
    oem: OemSpec | None = Field(default=None, description="a file of the CCSDS")
    spk: SpkSpec | None = Field(default=None, description="a file of SPICE")
    states: StatesSpec | None = Field(default=None, description="a table in a file")
    site: SiteSpec | None = Field(default=None, description="a place on a body")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [kind for kind, spec in self if spec is not None]
        if len(given) != 1:
            what = f"{' and '.join(given)} are given" if given else "none is given"
            raise ValueError(f"{what}; a trajectory is one of {', '.join(type(self).model_fields)}")
        try:
            self.model()
        except GraphError as error:
            raise ValueError(str(error)) from None
        return self

    def model(self) -> TrajectoryModel:
        """The declaration in Python."""
        made: TrajectoryModel = next(spec.model() for _, spec in self if spec is not None)
        return made

    @property
    def about(self) -> str | None:
        """The body that it declares to be about; None if that is in a file."""
        about = self.kepler or self.state
        return about.center if about else self.site.body if self.site else None


class BurnSpec(NodeParams):
    """A ``Burn``."""

    at: Utc = Field(description="SCET of its beginning")
    delta_v_km_s: Vector = Field(description="what it adds to the velocity")
    over: Seconds = Field(default=0.0, ge=0, description="how long it pushes; 0: the velocity changes at once")
    axes: Axes = Field(default="rtn", description="of delta_v: radial, forward, normal at its beginning; or icrf")
    name: str = Field(
        default="burn", pattern=r"^\w+$", description="its events are name_start and name_end, or name if at once"
    )

    def burn(self) -> Burn:
        """The declaration in Python."""
        return Burn(at=self.at, delta_v_km_s=self.delta_v_km_s, over_s=self.over, axes=self.axes, name=self.name)


class ManoeuvredSpec(NodeParams):
    """A ``Manoeuvred``."""

    nominal: CoastSpec = Field(description="where it is before the first burn: any of these kinds")
    burns: tuple[BurnSpec, ...] = Field(min_length=1, description="what it burns, and when")
    center: Body | None = Field(default=None, description="about what it is integrated; else what nominal is about")

    def model(self) -> TrajectoryModel:
        """The declaration in Python."""
        burns = tuple(burn.burn() for burn in self.burns)
        return Manoeuvred(nominal=self.nominal.model(), burns=burns, center=self.center)


class TrajectorySpec(CoastSpec):
    """Where a node is: exactly one of these."""

    manoeuvred: ManoeuvredSpec | None = Field(default=None, description="any of these, left by burns")

    @property
    def about(self) -> str | None:
        """The body that it declares to be about; None if that is in a file."""
        burning = self.manoeuvred
        return (burning.center or burning.nominal.about) if burning else super().about
