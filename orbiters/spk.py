"""Trajectories from SPICE's own files: a spacecraft's motion out of an SPK kernel, and one written into such a file.

The file is not loaded into SPICE's pool (see ``ephemeris``): where it also holds planets, they are not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch

from .covered import STEP_NS, Span, covering, track_through
from .ephemeris import CENTERS, Segment
from .frames import Rows, apply
from .samples import WRITTEN_DEGREE, Motion
from .space import Space, in_space
from .trajectory import States, Track

#: Longer chains of centres than this are none.
_MOST_LINKS = 8
#: Of what is written: room for comments, how long a line of them may be, and a segment's name.
_COMMENT_BYTES, _COMMENT_COLUMNS, _NAME_LENGTH = 1000, 255, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class SpkFile:
    """The motion of ``target`` in an SPK file, about whatever centres the file has down to one in DE421.

    Motion must be in an inertial frame: what is fixed to a body is a ``GroundSite``. Where segments overlap the last
    in the file holds, as in SPICE.
    """

    #: Relative to the folder of the graph file, or absolute.
    path: str | Path
    #: A name that SPICE has built in (``MRO``), or a NAIF id (``-74``).
    target: str | int
    #: How far apart the track samples the file (s): less for what turns sharper than an orbit.
    step_s: float = STEP_NS / NS_PER_S

    def realise(self, space: object) -> Track:
        """The motion in the space of a run.

        Raises:
            GraphError: the file cannot be read, has no such target, or does not cover the run.
        """
        room = in_space(space)
        path = room.folder / self.path
        target = self.target if isinstance(self.target, int) else room.ephemeris.naif_id(self.target)
        chain = _chain(room, path, target)
        span = Span(-(1 << 62), 1 << 62)
        for number, link in enumerate(chain):
            of = f"{path}, of {self.target}," if not number else f"{path}, of {link.target}, which {self.target} needs,"
            one = covering(room, of, [_span(room, segment) for segment in link.segments])
            span = Span(max(span.begin_ns, one.begin_ns), min(span.end_ns, one.end_ns))

        def known(t_ns: NDArray[np.int64]) -> States:
            total = np.zeros((len(t_ns), 2, 3))
            for link in chain:
                total += [link.state(room, t) for t in t_ns.tolist()]
            return total

        return track_through(room, chain[-1].center, known, span, round(self.step_s * NS_PER_S))


class _Link(NamedTuple):
    """The motion of a target about one centre: its segments, the one that holds first, with their axes."""

    target: int
    center: int
    segments: Sequence[Segment]
    axes: Sequence[Rows]

    def state(self, space: Space, t_ns: int) -> tuple[tuple[float, ...], ...]:
        # As in Space: a double counts seconds in steps of 0.1 us; the remainder is carried.
        et_s = space.epoch.et_s(t_ns)
        late_s = float(Fraction(space.epoch.tdb_ns + t_ns, NS_PER_S) - Fraction(et_s))
        for segment, axes in zip(self.segments, self.axes, strict=True):
            # An end of the span may be rounded to the other side of the segment's end.
            if segment.begin_et_s - 1e-6 <= et_s <= segment.end_et_s + 1e-6:
                held_s = min(max(et_s, segment.begin_et_s), segment.end_et_s)
                position, velocity = space.ephemeris.segment_state(segment, held_s)
                late_s += et_s - held_s
                x, y, z = (p + late_s * v for p, v in zip(position, velocity, strict=True))
                return apply(axes, (x, y, z)), apply(axes, velocity)
        raise GraphError(f"no segment of {self.target} covers {space.epoch.utc(t_ns)}")  # covering() has looked


def _chain(space: Space, path: Path, target: int) -> list[_Link]:
    """From a target over the centres in the file to one that DE421 has."""
    ephemeris = space.ephemeris
    segments = ephemeris.segments(path)
    chain: list[_Link] = []
    body = target
    while not chain or not ephemeris.knows(body):
        found = [segment for segment in reversed(segments) if segment.target == body]
        centers = {segment.center for segment in found}
        if not found:
            there = ", ".join(str(it) for it in sorted({segment.target for segment in segments})) or "nothing"
            needed = "" if body == target else f", about which {chain[-1].target} moves"
            raise GraphError(f"{path} has no motion of {body}{needed}; it has that of: {there}")
        if len(centers) > 1 or len(chain) == _MOST_LINKS:
            listed = ", ".join(map(str, sorted(centers)))
            raise GraphError(f"{path}: {body} moves about several centres ({listed}); give a file with one")
        axes = []
        for segment in found:
            rows = ephemeris.to_icrf(segment.frame)
            if rows is None:
                raise GraphError(
                    f"{path}: the motion of {body} is in the frame {ephemeris.frame_name(segment.frame)}, which is not "
                    f"inertial; for a place that is fixed to a body declare a GroundSite"
                )
            axes.append(rows)
        body = found[0].center
        chain.append(_Link(found[0].target, body, found, axes))
    return chain


def _span(space: Space, segment: Segment) -> Span:
    """The run times that a segment covers, to the microsecond that a double of seconds is good to."""
    begin, end = (Fraction(et_s) * NS_PER_S - space.epoch.tdb_ns for et_s in (segment.begin_et_s, segment.end_et_s))
    return Span(math.floor(begin) - 500, math.ceil(end) + 500)


def write_spk(path: Path, motions: Sequence[Motion], epoch: Epoch, comment: Sequence[str] = ()) -> None:
    """Write an SPK file of type 13 (Hermite's interpolation, any steps), with a segment for each motion.

    Raises:
        GraphError: the file is there, or SPICE refuses the states.
    """
    import spiceypy

    if path.exists():
        raise GraphError(f"{path} is there already; give another name")
    handle = None
    try:
        handle = spiceypy.spkopn(str(path), "lightlag", _COMMENT_BYTES)
        if comment:
            spiceypy.dafac(handle, [line[:_COMMENT_COLUMNS] for line in comment])
        for motion in motions:
            et_s = [epoch.et_s(t) for t in motion.t_ns]
            rows = np.ascontiguousarray(motion.states.reshape(len(et_s), 6))
            whose = motion.naif_id, CENTERS[motion.center], "J2000", et_s[0], et_s[-1], motion.name[:_NAME_LENGTH]
            spiceypy.spkw13(handle, *whose, WRITTEN_DEGREE, len(et_s), rows, et_s)
        spiceypy.spkcls(handle)
    except spiceypy.exceptions.SpiceyError as error:
        if handle is not None:
            spiceypy.dafcls(handle)
            path.unlink()
        raise GraphError(f"{path} cannot be written as an SPK file: {error.short}") from None
