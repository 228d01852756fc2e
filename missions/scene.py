"""A landing site as a camera in orbit sees it: a mission's ground, and what comes down over it under a parachute.

A mission gives a ``terrain.Ground``, the name of the node that lands, and the colours of its canopy; the light, the
vehicle and the detector are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightlag.nodes.camera import PinholeCamera
from lightlag.nodes.scene import SceneObject
from lightlag.nodes.trajectory import Vector

from .parachute import Canopy, draw
from .terrain import Field, Ground, oblique_view

_F = np.float32

#: Detector (assumed, of HiRISE's order): electrons for a radiance factor of 1, read noise in electrons, and how much
#: of its light a pixel gives to each neighbour. The table to 8 bits takes off the haze and rounds off the highlights.
_ELECTRONS, _READ_NOISE, _SPREAD = _F(120_000), _F(60), _F(0.13)
_BLACK, _KNEE, _ROWS = _F(0.065), _F(0.16), 16


@dataclass(frozen=True, slots=True)
class SiteScene:
    """A site, and its vehicle if that is in sight; a ``lightlag.nodes.scene.Scene``."""

    #: Makes the ground when a picture is taken; its tiles are kept.
    ground: Callable[[], Ground]
    #: The node that comes down under a parachute.
    vehicle: str
    canopy: Canopy

    def render(
        self, camera: PinholeCamera, sun: Vector, objects: Sequence[SceneObject], seed: int
    ) -> NDArray[np.uint8]:
        """The picture (window height, window width)."""
        light = oblique_view(self.ground(), camera, sun)
        for thing in objects:
            if thing.name == self.vehicle:
                draw(light, camera, sun, thing, self.canopy)
        return develop(light, seed)


def develop(light: Field, seed: int) -> NDArray[np.uint8]:
    """What the detector makes of radiance factors: point spread, shot and read noise, 8 bits through a table.

    Works in blocks of rows; the noise is PCG64's, keyed by ``seed``.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    height, width = light.shape
    picture = np.empty((height, width), dtype=np.uint8)
    for top in range(0, height, _ROWS):
        stop = min(top + _ROWS, height)
        block = light[max(top - 1, 0) : stop + 1]
        block = np.pad(block, ((top == 0, stop == height), (1, 1)), mode="edge")
        block = (block[:-2] + block[2:]) * _SPREAD + block[1:-1] * (_F(1) - _SPREAD - _SPREAD)
        electrons = (block[:, :-2] + block[:, 2:]) * (_SPREAD * _ELECTRONS)
        electrons += block[:, 1:-1] * ((_F(1) - _SPREAD - _SPREAD) * _ELECTRONS)
        noise = rng.standard_normal(electrons.shape, dtype=_F)
        electrons += noise * np.sqrt(np.maximum(electrons, _F(0)) + _READ_NOISE * _READ_NOISE)
        above = np.maximum(electrons * (_F(1) / _ELECTRONS) - _BLACK, _F(0))
        picture[top:stop] = np.minimum(_F(255 * 1.36) * above / (above + _KNEE) + _F(0.5), _F(255))
    return picture
