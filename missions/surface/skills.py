"""What a rover can do: each activity of a plan names a skill, which changes the rover or makes a product.

A skill returns the values that are told when the activity is over, or refuses: what is not known, not possible yet, or
too much. What a rover looks like to itself, what its cameras see and its microphones hear, its mission says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import NodeError, QueueRefused
from lightlag.nodes.files import file_pieces
from lightlag.nodes.node import Node
from lightlag.nodes.picture import pieces
from lightlag.nodes.products import Products
from lightlag.nodes.sols import Sols

from .plans import Activity

#: What goes first in a contact: news, then thumbnails, sounds, whole pictures.
NEWS, THUMBNAIL, SOUND, PICTURE = 3, 2, 1, 0
#: Columns of a thumbnail, at least; and how large the pieces of pictures and sounds are.
_THUMBNAIL_PX, _PIECE_BYTES = 64, 32_768

Pixels = NDArray[np.uint8]
Skill = Callable[[Activity], dict[str, float]]


class ActivityRefused(NodeError):
    """A rover does not do what a plan asks of it; the message says why."""


class Sample(NamedTuple):
    """A core in its tube, cached on board."""

    id: str
    target: str
    sol: int
    tube: int


class Skills:
    """The skills of one rover, and what they have changed so far."""

    #: What waits for something else to be done: ``{"drive": "wheels"}``, no drive before ``wheels`` were the object of
    #: some activity. Both are names of skills or of what they are done to or with.
    after: ClassVar[Mapping[str, str]] = {}
    #: The first part of the identifiers of samples.
    mission: ClassVar[str] = "sample"
    #: Farther than this in one activity no drive goes, m.
    longest_drive_m: ClassVar[float] = 200.0

    def __init__(self, rover: Node, sols: Sols, products: Products) -> None:
        self.rover, self.sols, self.products = rover, sols, products
        self.odometer_m = 0.0
        self.route_m = 0.0
        #: Cached samples, the first first.
        self.samples: list[Sample] = []
        #: Skills that were used, and on or with what, in that order; and what else there was for the first time.
        self.done: dict[str, None] = {}
        #: How often there was something to keep of an activity on a sol.
        self._kept: dict[str, int] = {}
        self.known: dict[str, Skill] = {
            "check": self.check,
            "move": self.move,
            "install": self.install,
            "photograph": self.photograph,
            "listen": self.listen,
            "zap": self.zap,
            "plan_route": self.plan_route,
            "drive": self.drive,
            "core": self.core,
        }

    def again(self, rover: Node) -> Skills:
        """The same rover started again: what it has done, and keeps, is as it was."""
        again = type(self)(rover, self.sols, self.products.again())
        again.odometer_m, again.route_m = self.odometer_m, self.route_m
        again.samples, again.done, again._kept = self.samples, self.done, self._kept
        return again

    # -- what a mission gives -----------------------------------------------------------------------------------

    def health(self) -> dict[str, float]:
        """Figures of the rover's state, with their unit in the name."""
        return {}

    def picture(self, activity: Activity) -> Pixels:
        """What a camera sees: (height, width)."""
        raise ActivityRefused(f"there is no camera {activity.what!r}")

    def sound(self, activity: Activity) -> bytes:
        """What a microphone hears, as a WAV file."""
        raise ActivityRefused(f"there is no microphone {activity.what!r}")

    # -- what is done -------------------------------------------------------------------------------------------

    def do(self, activity: Activity) -> dict[str, float]:
        """Do it; the values to tell when it is over.

        Raises:
            ActivityRefused: it is not known, comes too early, or asks too much.
        """
        skill = self.known.get(activity.does)
        if skill is None:
            raise ActivityRefused(
                f"{activity.name}: nobody knows how to {activity.does}; known: {', '.join(self.known)}"
            )
        used = (activity.does, activity.what)
        for name, first in ((name, self.after[name]) for name in used if name in self.after):
            if first not in self.done:
                raise ActivityRefused(f"{activity.name}: {name} only after {first}")
        values = {**activity.values, **skill(activity)}
        self.done.update(dict.fromkeys(used))
        return values

    def check(self, activity: Activity) -> dict[str, float]:
        """Look after oneself."""
        return {**self.health(), "stored_mbit": self.products.used_bits / 1e6}

    def move(self, activity: Activity) -> dict[str, float]:
        """Move a part, ``what``: mast, antenna, arm, wheels in place."""
        return {}

    def install(self, activity: Activity) -> dict[str, float]:
        """Change to other software."""
        return {}

    def photograph(self, activity: Activity) -> dict[str, float]:
        """Take a picture: a thumbnail that goes early, and the whole frame."""
        pixels, name, now_ns = self.picture(activity), self._named(activity), self.rover.now_ns
        facts = {**activity.values, "sol": float(self.sols.sol(now_ns)), "local_h": self.sols.local_s(now_ns) / 3600}
        small = thumbnail(pixels)
        self._keep(f"{name}-thumbnail", pieces(f"{name}-thumbnail", small, now_ns, facts, _PIECE_BYTES), THUMBNAIL)
        self._keep(name, pieces(name, pixels, now_ns, facts, _PIECE_BYTES), PICTURE)
        return {"height_px": float(pixels.shape[0]), "width_px": float(pixels.shape[1])}

    def listen(self, activity: Activity) -> dict[str, float]:
        """Record a sound."""
        file = f"{self._named(activity)}-synthesised.wav"
        self._keep(file, file_pieces(file, self.sound(activity), self.rover.now_ns, _PIECE_BYTES), SOUND)
        return {"sound_s": activity.duration_s}

    def zap(self, activity: Activity) -> dict[str, float]:
        """Look at a rock, ``what``, with a laser."""
        return {}

    def plan_route(self, activity: Activity) -> dict[str, float]:
        """Take in a route to be driven over the following sols: ``length_km``."""
        self.route_m = activity.values.get("length_km", 0.0) * 1e3
        return {"left_km": (self.route_m - self.odometer_m) / 1e3} if self.route_m else {}

    def drive(self, activity: Activity) -> dict[str, float]:
        """Drive ``distance_m``; the odometer counts it."""
        distance_m = activity.values.get("distance_m", 0.0)
        if not 0.0 < distance_m <= self.longest_drive_m:
            raise ActivityRefused(f"{activity.name}: a drive of {distance_m:g} m; at most {self.longest_drive_m:g} m")
        self.odometer_m += distance_m
        return {"odometer_m": self.odometer_m}

    def core(self, activity: Activity) -> dict[str, float]:
        """Drill a core of the rock ``what``, and cache it: its identifier is told at once as an event of its own."""
        sol, tube = self.sols.sol(self.rover.now_ns), int(activity.values.get("tube", len(self.samples) + 1))
        sample = Sample(f"{self.mission}-{sol}-{tube}", activity.what, sol, tube)
        if any(tube == other.tube for other in self.samples):
            raise ActivityRefused(f"{activity.name}: tube {tube} holds a sample already")
        self.samples.append(sample)
        return {"tube": float(tube), "samples": float(len(self.samples))}

    def _named(self, activity: Activity) -> str:
        """What the product of an activity is called; no two have the same name."""
        name = f"sol{self.sols.sol(self.rover.now_ns):02d}-{activity.name}"
        self._kept[name] = self._kept.get(name, 0) + 1
        return name if self._kept[name] == 1 else f"{name}-{self._kept[name]}"

    def _keep(self, id: str, messages: Iterable[Any], priority: int) -> None:
        try:
            self.products.put(id, messages, priority=priority)
        except QueueRefused as refusal:
            raise ActivityRefused(str(refusal)) from None


def thumbnail(pixels: Pixels) -> Pixels:
    """A picture made small: squares of pixels averaged, so many that 64 columns or somewhat more are left."""
    step = max(1, pixels.shape[1] // _THUMBNAIL_PX)
    rows, columns = pixels.shape[0] // step, pixels.shape[1] // step
    squares = pixels[: rows * step, : columns * step].reshape(rows, step, columns, step)
    return np.asarray(squares.mean(axis=(1, 3)) + 0.5, dtype=np.uint8)
