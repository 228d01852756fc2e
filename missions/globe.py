"""All of Mars in one picture, as an instrument far away would see it: drawn from a simple model, not photographed.

What is real is the geometry: the figure of Mars, how it is turned, where the Sun stands, from where it is looked at;
so the limb, the terminator and what faces the camera are right. What is drawn is the brightness: about twenty large
features at their places (from memory) with a fractal pattern between them, and three simple laws, one for each kind
of light. No weather is in it.

Only +, -, *, / and square roots touch the pixels, so that they are the same bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.missions.terrain import Tile, fractal_tile
from lightlag.nodes.camera import MARS, Doubles, PinholeCamera, dot, unit
from lightlag.nodes.scene import SceneObject
from lightlag.nodes.trajectory import Vector

Light = Literal["visible", "infrared", "ultraviolet"]

_SEED, _ROUGHNESS = 20210209, 0.62
#: Side of the square that the map of albedo is kept on; that of a tile.
_SIDE = 1024
#: Each pixel is the mean of this squared.
_FINER = 2
#: The Sun warms the ground most an hour and a half after noon (assumed): so far the warmth lags behind, to the west.
_LAG = math.radians(22.5)
#: Albedo of plains in red light, by how much dark ground is darker, how mottled all of it is (all assumed).
_PLAIN, _DARKER, _MOTTLED = 0.26, 0.155, 0.016
#: Three axes at right angles, none of them along the pole.
_ASKEW = np.array([[2.0, -1.0, 2.0], [2.0, 2.0, -1.0], [-1.0, 2.0, 2.0]]) / 3.0
#: How far a border strays from a smooth one, in radii of Mars (assumed).
_RAGGED = 0.06


class Feature(NamedTuple):
    """A dark or bright region: its middle (deg, planetocentric, east), radius (deg), how much wider than high, how far
    it is what it is: 1 as dark as ground gets, below 0 brighter than the plains."""

    lat: float
    lon: float
    radius: float
    wider: float
    dark: float


#: The large features of albedo; places and sizes from memory, good to a few degrees.
FEATURES = (
    Feature(11, 69, 13, 0.65, 1.0),  # Syrtis Major
    Feature(1, 66, 9, 1.2, 0.8),
    Feature(-7, 22, 7, 4.0, 0.9),  # Sinus Sabaeus
    Feature(-5, 357, 8, 1.3, 1.0),  # Sinus Meridiani
    Feature(-22, 330, 17, 1.6, 0.85),  # Mare Erythraeum
    Feature(-10, 312, 9, 1.8, 0.8),  # Aurorae Sinus
    Feature(46, 332, 20, 1.1, 1.0),  # Mare Acidalium
    Feature(-26, 272, 7, 1.3, 0.9),  # Solis Lacus
    Feature(-32, 208, 12, 3.4, 0.85),  # Mare Sirenum
    Feature(-20, 148, 12, 3.0, 0.95),  # Mare Cimmerium
    Feature(-22, 100, 15, 1.8, 0.9),  # Mare Tyrrhenum
    Feature(-42, 10, 16, 3.0, 0.55),  # Noachis
    Feature(-60, 110, 14, 4.0, 0.6),  # Mare Australe
    Feature(48, 105, 12, 2.2, 0.45),  # Utopia
    Feature(64, 200, 9, 6.0, 0.4),  # Vastitas Borealis
    Feature(24, 30, 30, 1.2, -0.35),  # Arabia
    Feature(4, 250, 34, 1.1, -0.3),  # Tharsis
    Feature(25, 200, 22, 1.3, -0.3),  # Amazonis
    Feature(25, 147, 18, 1.0, -0.2),  # Elysium
    Feature(-42, 70, 17, 1.3, -0.5),  # Hellas
    Feature(-50, 316, 13, 1.0, -0.3),  # Argyre
)
#: The water ice about the north pole, in the northern spring and summer of 2021.
_ICE_FROM, _ICE = math.sin(math.radians(78.0)), 0.62


def albedo(places: Doubles) -> Doubles:
    """Reflectivity at unit vectors (..., 3) of the body-fixed frame, as drawn here."""
    tile = fractal_tile(_SEED, _ROUGHNESS)
    stray = [_pattern(tile, np.roll(places, axis, axis=-1) + 0.37 * axis, 260.0) for axis in range(3)]
    strayed = places + _RAGGED * np.stack(stray, axis=-1)
    dark, bright = np.zeros(places.shape[:-1]), np.zeros(places.shape[:-1])
    for lat, lon, radius, wider, darkness in FEATURES:
        away = strayed - _toward(lat, lon)
        across = dot(away, _toward(0.0, lon + 90.0))
        square = dot(away, away) - across * across * (1.0 - 1.0 / (wider * wider))
        rim = 2.0 * math.sin(math.radians(radius) / 2.0)
        inside = np.minimum(np.maximum(1.35 - square / (rim * rim), 0.0), 1.0)
        inside *= inside * (3.0 - 2.0 * inside)
        if darkness > 0.0:
            dark = np.maximum(dark, darkness * inside)
        else:
            bright -= darkness * inside
    grey = _PLAIN + 0.12 * bright - _DARKER * dark + _MOTTLED * _pattern(tile, places, 700.0)
    ice = np.minimum(np.maximum((places[..., 2] - _ICE_FROM + 0.006 * stray[0]) / 0.008, 0.0), 1.0)
    return np.asarray(np.maximum(grey, 0.06) * (1.0 - ice) + _ICE * ice)


@lru_cache(maxsize=1)
def _map() -> Tile:
    """``albedo`` on a grid, once: the sphere folded onto a square as an octahedron is."""
    u, v = np.meshgrid(*[(np.arange(_SIDE) + 0.5) / (_SIDE / 2) - 1.0] * 2)
    below = np.abs(u) + np.abs(v) > 1.0
    x, y = np.where(below, (1.0 - np.abs(v)) * np.sign(u), u), np.where(below, (1.0 - np.abs(u)) * np.sign(v), v)
    grid = albedo(unit(np.stack((x, y, 1.0 - np.abs(u) - np.abs(v)), axis=-1)))
    return Tile(np.pad(grid.astype(np.float32), (0, 1), mode="edge"))


def _mapped(places: Doubles) -> Doubles:
    """``albedo`` at unit vectors (many, 3), from the map."""
    octahedral = places / np.abs(places).sum(axis=-1, keepdims=True)
    x, y = octahedral[..., 0], octahedral[..., 1]
    below = places[..., 2] < 0.0
    u, v = np.where(below, (1.0 - np.abs(y)) * np.sign(x), x), np.where(below, (1.0 - np.abs(x)) * np.sign(y), y)
    at = [np.clip((w + 1.0) * (_SIDE / 2) - 0.5, 0.0, _SIDE - 1.0).astype(np.float32) for w in (u, v)]
    return _map().sample(*at).astype(np.float64)


def _toward(lat: float, lon: float) -> Doubles:
    across, east = math.cos(math.radians(lat)), math.radians(lon)
    return np.array([across * math.cos(east), across * math.sin(east), math.sin(math.radians(lat))])


def _pattern(tile: Tile, places: Doubles, texels: float) -> Doubles:
    """A fractal over the sphere with mean 0 and rms about 1: three flat ones, seen along axes that are askew."""
    x, y, z = ((places * axis).sum(axis=-1) * texels for axis in _ASKEW)
    flat = np.zeros(places.shape[:-1], dtype=np.float32)
    for u, v, shift in ((x, y, 0.0), (y, z, 300.0), (z, x, 700.0)):
        flat += tile.sample((0.8 * u - 0.6 * v + shift).astype(np.float32), (0.6 * u + 0.8 * v).astype(np.float32))
    return np.asarray(flat.astype(np.float64) * 0.577)


class Globe:
    """Mars in one kind of light, as a ``lightlag.nodes.scene.Scene``; nothing else is in it."""

    def __init__(self, light: Light) -> None:
        self.light = light

    def render(
        self, camera: PinholeCamera, sun: Vector, objects: Sequence[SceneObject] = (), seed: int = 0
    ) -> NDArray[np.uint8]:
        """The picture (window height, window width), north up if the camera is held so; without noise."""
        window = camera.window
        brightness = np.empty((window.height, window.width))
        for top in range(0, window.height, _BAND):
            rows = min(_BAND, window.height - top)
            fine = self._band(camera, unit(sun), top, rows)
            folded = fine.reshape(rows, _FINER, window.width, _FINER)
            brightness[top : top + rows] = folded.sum(axis=3).sum(axis=1) / (_FINER * _FINER)
        return np.minimum(np.maximum(brightness * 255.0 + 0.5, 0.0), 255.0).astype(np.uint8)

    def _band(self, camera: PinholeCamera, sun: Doubles, top: int, rows: int) -> Doubles:
        """Some rows of the picture, finer than its pixels."""
        offset = (np.arange(_FINER) + 0.5) / _FINER - 0.5
        row = (np.arange(rows)[:, np.newaxis] + top + offset).reshape(-1, 1)
        column = (np.arange(camera.window.width)[:, np.newaxis] + offset).reshape(1, -1)
        rays = camera.rays(column, row)
        points = MARS.hit_km(camera.position_km, rays)
        seen = ~np.isnan(points[..., 0])
        light = np.zeros(seen.shape)
        if seen.any():
            ground, normal = points[seen], MARS.normal(points[seen])
            light[seen] = self._disc(ground, normal, dot(normal, sun), -dot(normal, rays[seen]), sun)
        if self.light == "ultraviolet":
            light += _corona(camera, rays, sun, seen)
        return light

    def _disc(self, ground: Doubles, normal: Doubles, to_sun: Doubles, to_eye: Doubles, sun: Doubles) -> Doubles:
        """Brightness of what is on the disc, from 0 to 1; ``to_sun`` and ``to_eye`` are cosines against the normal."""
        day, eye = np.maximum(to_sun, 0.0), np.maximum(to_eye, 0.02)
        if self.light == "ultraviolet":  # dayglow: as bright as it is lit, brighter where one looks along it
            return np.asarray(0.42 * day / np.sqrt(np.sqrt(eye)))
        bright = _mapped(unit(ground))
        if self.light == "visible":  # between Lambert's law and that of Lommel and Seeliger
            return np.asarray(2.3 * bright * day * (0.55 + 0.9 / (day + eye)))
        # Warmth, as the square root of what comes in, with the Sun turned to where it was; dark ground is warmer by
        # day, and the night side keeps some.
        late = np.array([sun[0] * math.cos(_LAG) - sun[1] * math.sin(_LAG),
                         sun[0] * math.sin(_LAG) + sun[1] * math.cos(_LAG), sun[2]])  # fmt: skip
        warmed = np.maximum((dot(normal, late) * 0.8 + day * 0.2 + 0.18) / 1.18, 0.0) * (1.14 - 0.6 * bright)
        return np.asarray(0.16 + 0.16 * (0.3 - bright) + 0.76 * np.sqrt(warmed))


#: Rows that are drawn at once: what a core's cache holds.
_BAND = 32


def _corona(camera: PinholeCamera, rays: Doubles, sun: Doubles, seen: NDArray[np.bool_]) -> Doubles:
    """Hydrogen that scatters sunlight far beyond the limb: it thins out with the distance, and is thicker by day."""
    here = np.array(camera.position_km)
    along = -dot(rays, here)
    nearest = here + along[..., np.newaxis] * rays
    square = np.maximum(dot(nearest, nearest) / MARS.equatorial_km**2, 1.0)
    tilt = dot(nearest, sun) / (MARS.equatorial_km * np.sqrt(square))
    return np.asarray((0.5 + 0.2 * tilt) / square * np.where(seen, 0.5, 1.0))
