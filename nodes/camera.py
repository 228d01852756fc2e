"""A pinhole camera on a spacecraft: where it looks, which window of its detector it reads out, and what it sees there.

Everything is geometry in one body-fixed Cartesian frame (km), pure functions of their arguments. ``PinholeCamera``
maps points to pixels and pixels to rays; ``CameraSpec`` is how a node's parameters declare a commanded picture;
``photograph`` takes it. What is in front of the camera is the business of a ``Scene``, named in the spec by an import
string, because scenes belong to missions.

Pixels: a picture's pixel (column, row) is addressed by its centre, column 0 at the left, row 0 at the top. A window
is placed on the detector relative to the boresight, which is the centre of detector pixel (0, 0).
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from lightlag.bus.errors import GraphError, NodeError

from .params import NodeName, PartSpec
from .scene import Scene, SceneObject
from .trajectory import Vector
from .units import Degrees, Kilometres, Utc

Doubles = NDArray[np.float64]


def dot(a: Doubles, b: Doubles) -> Doubles:
    """Scalar product over the last axis, by plain sums: BLAS may add in another order on another machine."""
    return np.asarray(a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2])


def unit(vector: ArrayLike) -> Doubles:
    """``vector`` (..., 3) scaled to length one."""
    array = np.asarray(vector, dtype=np.float64)
    return np.asarray(array / np.sqrt(dot(array, array))[..., np.newaxis])


def angle_deg(a: ArrayLike, b: ArrayLike) -> float:
    """Angle in degrees between two directions of any length."""
    return math.degrees(math.acos(max(-1.0, min(1.0, float(dot(unit(a), unit(b)))))))


def _vector(array: Doubles) -> Vector:
    return float(array[0]), float(array[1]), float(array[2])


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """A body's figure: an ellipsoid of revolution about z, radii in km, centred at the origin of the body frame."""

    equatorial_km: float
    polar_km: float

    def _scale(self) -> Doubles:
        return np.array([1 / self.equatorial_km, 1 / self.equatorial_km, 1 / self.polar_km])

    def raised(self, height_km: float) -> Ellipsoid:
        """The figure with ``height_km`` added to both radii: a level surface near this one."""
        return Ellipsoid(self.equatorial_km + height_km, self.polar_km + height_km)

    def point_km(self, lat_deg: float, lon_deg: float, height_km: float = 0.0) -> Vector:
        """Body-fixed position of a planetocentric latitude and east longitude, ``height_km`` above along the radius."""
        lat, lon = math.radians(lat_deg), math.radians(lon_deg)
        toward = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
        scaled = toward * self._scale()
        return _vector(toward * (1 / math.sqrt(float(dot(scaled, scaled))) + height_km))

    def normal(self, point_km: ArrayLike) -> Doubles:
        """Unit normal of the level surface through ``point_km`` (..., 3): the local vertical."""
        return unit(np.asarray(point_km, dtype=np.float64) * self._scale() ** 2)

    def hit_km(self, origin_km: ArrayLike, rays: ArrayLike) -> Doubles:
        """Where rays (..., 3) from ``origin_km`` first meet the surface, km; NaN where they miss it."""
        ray = np.asarray(rays, dtype=np.float64)
        start, step = np.asarray(origin_km, dtype=np.float64) * self._scale(), ray * self._scale()
        a, b, c = dot(step, step), dot(step, start), dot(start, start) - 1.0
        room = b * b - a * c
        distance = np.where(room >= 0.0, (-b - np.sqrt(np.maximum(room, 0.0))) / a, np.nan)
        return np.asarray(np.asarray(origin_km) + distance[..., np.newaxis] * ray)


#: Mars, IAU 2000/2009 (pck00010.tpc, BODY499_RADII), the figure of the Mars 2020 archives.
MARS = Ellipsoid(equatorial_km=3396.19, polar_km=3376.20)


class Window(NamedTuple):
    """The part of the detector that is read out: its first pixel relative to the boresight, and its size, in pixels."""

    column: int
    row: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PinholeCamera:
    """A camera in its place: position (km) and unit axes in a body-fixed frame, angle of one pixel, window read out."""

    position_km: Vector
    boresight: Vector
    up: Vector
    ifov_rad: float
    window: Window

    @classmethod
    def aimed(
        cls, position_km: Vector, at_km: Vector, vertical: ArrayLike, ifov_rad: float, window: Window
    ) -> PinholeCamera:
        """The camera at ``position_km`` with its boresight on ``at_km`` and ``vertical`` upright in the picture."""
        boresight = unit(np.subtract(at_km, position_km))
        upright = np.asarray(vertical, dtype=np.float64)
        up = unit(upright - dot(upright, boresight) * boresight)
        return cls(position_km, _vector(boresight), _vector(up), ifov_rad, window)

    @property
    def right(self) -> Doubles:
        """Unit vector toward increasing columns."""
        return np.cross(np.array(self.boresight), np.array(self.up))

    def project(self, points_km: ArrayLike) -> tuple[Doubles, Doubles]:
        """(columns, rows) in the window of points (..., 3), km; fractions count, pixel centres are whole numbers."""
        seen = np.asarray(points_km, dtype=np.float64) - np.array(self.position_km)
        per_pixel = dot(seen, np.array(self.boresight)) * self.ifov_rad
        columns = dot(seen, self.right) / per_pixel - self.window.column
        rows = -dot(seen, np.array(self.up)) / per_pixel - self.window.row
        return columns, rows

    def rays(self, columns: ArrayLike, rows: ArrayLike) -> Doubles:
        """Unit directions (..., 3) in which the pixels (columns, rows) of the window look; the inverse of project."""
        x = (np.asarray(columns, dtype=np.float64) + self.window.column)[..., np.newaxis] * self.ifov_rad
        y = (np.asarray(rows, dtype=np.float64) + self.window.row)[..., np.newaxis] * self.ifov_rad
        return unit(np.array(self.boresight) + x * self.right - y * np.array(self.up))


class CameraSpec(PartSpec):
    """A picture as it is commanded before it is taken.

    The boresight points at the image centre. The window is placed so that the *predicted* position of the target
    falls at ``target_at`` (fractions of width and height, from the top left) of the picture.
    """

    name: str = Field(default="picture", pattern=r"^[\w-]+$", description="what the picture is called on its way home")
    take: bool = Field(default=True, description="whether to take it at all")
    ifov_rad: float = Field(default=1e-6, gt=0, description="angle of one pixel, rad (HiRISE: 1 microradian)")
    swath_px: int = Field(default=20264, ge=1, description="pixels across the detector (HiRISE, red band: 20264)")
    width: int = Field(default=4096, ge=16, description="columns of the window")
    height: int = Field(default=2560, ge=16, description="rows of the window")
    shutter: Utc = Field(description="when the picture is taken, UTC at the spacecraft")
    centre_lat: Degrees = Field(ge=-90, le=90, description="image centre, planetocentric latitude")
    centre_lon: Degrees = Field(ge=-360, le=360, description="image centre, east longitude")
    centre_height: Kilometres = Field(default=0.0, description="image centre, height over the ellipsoid")
    target: NodeName = Field(min_length=1, description="node that is to be in the picture")
    target_lat: Degrees = Field(ge=-90, le=90, description="predicted target at the shutter, planetocentric latitude")
    target_lon: Degrees = Field(ge=-360, le=360, description="predicted target at the shutter, east longitude")
    target_height: Kilometres = Field(description="predicted target at the shutter, height over the ellipsoid")
    target_at: tuple[float, float] = Field(default=(0.66, 0.22), description="where in the window, fractions")
    send_at: Utc | None = Field(default=None, description="when it begins its way home; at once if not given")
    scene: str = Field(pattern=r"^[\w.]+:\w+$", description="what is in front of the camera: 'package.module:NAME'")

    def camera(self, position_km: Vector, body: Ellipsoid = MARS) -> PinholeCamera:
        """The camera at ``position_km`` (body-fixed, km), pointed and windowed from the spec alone.

        Raises:
            NodeError: the window would lie beyond the edge of the detector.
        """
        centre = body.point_km(self.centre_lat, self.centre_lon, self.centre_height)
        whole = Window(0, 0, self.width, self.height)
        aimed = PinholeCamera.aimed(position_km, centre, body.normal(centre), self.ifov_rad, whole)
        column, row = aimed.project(body.point_km(self.target_lat, self.target_lon, self.target_height))
        across, down = self.target_at
        window = Window(
            round(float(column) - across * self.width), round(float(row) - down * self.height), self.width, self.height
        )
        if window.column < -self.swath_px / 2 or window.column + self.width > self.swath_px / 2:
            raise NodeError(
                f"columns {window.column} to {window.column + self.width} from the boresight are off a detector of "
                f"{self.swath_px} px; move the image centre toward the target, or target_at"
            )
        return PinholeCamera(position_km, aimed.boresight, aimed.up, self.ifov_rad, window)


@dataclass(frozen=True, slots=True)
class Photograph:
    """A picture and its geometry; angles at the ground point under the boresight, against the ellipsoid's normal."""

    #: (height, width), row 0 at the top.
    pixels: NDArray[np.uint8]
    #: Camera to the ground point under the boresight, and what one pixel spans there.
    range_km: float
    scale_m_px: float
    emission_deg: float
    incidence_deg: float
    phase_deg: float
    #: Camera to the target, and where the target is in the picture (column, row; it may lie outside).
    target_range_km: float
    target_px: tuple[float, float]
    window: Window

    def facts(self) -> dict[str, float]:
        """The figures that travel with the picture."""
        return {
            "range_km": self.range_km,
            "scale_m_px": self.scale_m_px,
            "emission_deg": self.emission_deg,
            "incidence_deg": self.incidence_deg,
            "phase_deg": self.phase_deg,
            "target_range_km": self.target_range_km,
            "target_column_px": self.target_px[0],
            "target_row_px": self.target_px[1],
            "window_column_px": float(self.window.column),
            "window_row_px": float(self.window.row),
        }


def find_scene(name: str) -> Scene:
    """The scene at the import string ``package.module:NAME``.

    Raises:
        GraphError: no such module, nothing of that name in it, or it cannot render.
    """
    module, _, attribute = name.partition(":")
    try:
        scene = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise GraphError(f"scene {name!r} was not found ({error}); write 'package.module:NAME'") from error
    if not callable(getattr(scene, "render", None)):
        raise GraphError(f"scene {name!r} ({type(scene).__name__}) has no method render(); see lightlag.nodes.scene")
    return scene  # type: ignore[no-any-return]


def photograph(
    spec: CameraSpec,
    position_km: Vector,
    target_km: Vector,
    target_velocity_km_s: Vector,
    sun: Vector,
    scene: Scene,
    seed: int,
    body: Ellipsoid = MARS,
) -> Photograph:
    """Take the picture that ``spec`` commands.

    Args:
        spec: the picture as commanded.
        position_km: the camera, body-fixed.
        target_km: where the target really is at the shutter, body-fixed.
        target_velocity_km_s: the target's velocity relative to the air, in body-fixed axes.
        sun: direction of the Sun in body-fixed axes, of any length.
        scene: what is in front of the camera, from ``find_scene``.
        seed: of the detector's noise, and of nothing else.
        body: figure of the planet.

    Raises:
        NodeError: the window lies off the detector, or the image centre is below the horizon.
    """
    camera = spec.camera(position_km, body)
    centre = np.array(body.point_km(spec.centre_lat, spec.centre_lon, spec.centre_height))
    ground = body.raised(spec.centre_height).hit_km(position_km, camera.boresight)
    off = ground - centre
    if not dot(off, off) < 1.0:  # NaN where the ray meets nothing; far off where it meets the near side first
        raise NodeError(
            f"the image centre {spec.centre_lat} deg, {spec.centre_lon} deg is below the horizon of a camera at "
            f"{position_km} km; check shutter, centre_lat and centre_lon"
        )
    back = np.subtract(position_km, ground)
    range_km = float(np.sqrt(dot(back, back)))
    sight = np.subtract(target_km, position_km)
    column, row = camera.project(target_km)
    direction = _vector(unit(sun))
    there = SceneObject(spec.target, target_km, target_velocity_km_s)
    normal = body.normal(ground)
    return Photograph(
        pixels=scene.render(camera, direction, (there,), seed),
        range_km=range_km,
        scale_m_px=range_km * spec.ifov_rad * 1e3,
        emission_deg=angle_deg(back, normal),
        incidence_deg=angle_deg(direction, normal),
        phase_deg=angle_deg(direction, back),
        target_range_km=float(np.sqrt(dot(sight, sight))),
        target_px=(float(column), float(row)),
        window=camera.window,
    )
