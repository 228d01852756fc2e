"""What is in front of a camera: the protocol that a mission's scene implements, and the things that move in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .trajectory import Vector

if TYPE_CHECKING:
    from .camera import PinholeCamera


class SceneObject(NamedTuple):
    """Something that is not part of the ground: whose it is, where it is, and how the air flows past it."""

    #: The node's name; the scene knows what that node looks like.
    name: str
    #: Body-fixed position, km.
    position_km: Vector
    #: Velocity relative to the air, body-fixed axes, km/s.
    velocity_km_s: Vector


class Scene(Protocol):
    """A place that can be photographed."""

    def render(
        self, camera: PinholeCamera, sun: Vector, objects: Sequence[SceneObject], seed: int
    ) -> NDArray[np.uint8]:
        """The picture (window height, window width) that ``camera`` takes.

        ``sun`` is the unit vector toward the Sun, in the body-fixed axes of the camera. The same arguments give the
        same bits; ``seed`` changes the detector's noise only, never what is there.
        """
        ...
