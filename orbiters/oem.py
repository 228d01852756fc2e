"""Orbit Ephemeris Messages of the CCSDS (OEM, 502.0-B-2 and -3): trajectories as agencies exchange them.

Read as key-value lines or as XML, of which the same lines are made first (``oem_xml``). What is not understood is
refused with its line: frames other than the axes of the ICRF, centres that are not in DE421, other time systems.
EME2000 (J2000) and GCRF are taken to be the ICRF, as SPICE does; their axes differ by 0.02 arcseconds, which is 0.4 mm
in a low orbit. Covariances, accelerations and comments are passed over.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.time import TIME_SYSTEMS, Epoch, TimeError, tdb_ns_from_text

from .covered import Span, covering, track_through
from .ephemeris import CENTERS, nearest
from .oem_xml import lines_of_xml
from .samples import DEGREE, METHOD, WRITTEN_DEGREE, Method, Motion, Table, known, read_text
from .space import in_space
from .trajectory import Track

#: Frames whose axes are taken for those of the ICRF.
FRAMES = ("ICRF", "EME2000", "GCRF", "J2000")
_METHODS = ("HERMITE", "LAGRANGE")
#: Higher degrees swing between equal steps.
_MOST_DEGREE = 31
_REQUIRED = ("OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME", "TIME_SYSTEM", "START_TIME", "STOP_TIME")
_OPTIONAL = (
    "REF_FRAME_EPOCH", "USEABLE_START_TIME", "USEABLE_STOP_TIME", "INTERPOLATION", "INTERPOLATION_DEGREE",
)  # fmt: skip


class OemSegment(NamedTuple):
    """A segment of a message: whose motion about what, from when to when (ns of TDB since J2000)."""

    object_name: str
    object_id: str
    center: str
    begin_ns: int
    end_ns: int
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class OemFile:
    """The motion of an object in an OEM; ``object`` is its name or its id, and may be left out if there is one only."""

    #: Relative to the folder of the graph file, or absolute.
    path: str | Path
    object: str | None = None

    def realise(self, space: builtins.object) -> Track:
        """The motion in the space of a run. Where segments touch, the later one holds.

        Raises:
            GraphError: the file cannot be read (with its line), has no such object, or does not cover the run.
        """
        room = in_space(space)
        path = room.folder / self.path
        segments = self._chosen(path, read_oem(path))
        center = segments[0].center
        if any(segment.center != center for segment in segments):
            centers = ", ".join(sorted({segment.center for segment in segments}))
            raise GraphError(f"{path}: {segments[0].object_name} moves about several centres ({centers})")
        epoch_ns = room.epoch.tdb_ns
        spans = [Span(segment.begin_ns - epoch_ns, segment.end_ns - epoch_ns) for segment in segments]
        span = covering(room, f"{path}, of {segments[0].object_name},", spans)

        def at(tdb_ns: int) -> NDArray[np.float64]:
            held = [segment for segment in segments if segment.begin_ns <= tdb_ns <= segment.end_ns]
            return held[-1].table.at(tdb_ns)

        least_ns = min(segment.table.least_step_ns for segment in segments)
        return track_through(room, center, known(room, at), span, least_ns)

    def _chosen(self, path: Path, segments: Sequence[OemSegment]) -> list[OemSegment]:
        names = {segment.object_name: segment.object_id for segment in segments}
        if self.object is None:
            if len(names) > 1:
                raise GraphError(f"{path} has several objects; say which: {', '.join(sorted(names))}")
            return list(segments)
        wanted = self.object.upper()
        found = [it for it in segments if wanted in (it.object_name.upper(), it.object_id.upper())]
        if not found:
            raise GraphError(f"{path} has no object {self.object!r}{nearest(self.object, names)}")
        return found


def read_oem(path: Path) -> list[OemSegment]:
    """The segments of a message.

    Raises:
        GraphError: it cannot be read, or is no OEM that is understood; with file and line.
    """
    text = read_text(path)
    if text.lstrip().startswith("<"):
        lines = lines_of_xml(path, text)
    else:
        lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    return _Reading(path, [(number, line) for number, line in lines if line and not _is_comment(line)]).segments()


def write_oem(motions: Sequence[Motion], epoch: Epoch, created: str) -> str:
    """An OEM 2.0 in UTC, with a segment for each motion; ``created`` is the UTC instant of CREATION_DATE."""
    lines = ["CCSDS_OEM_VERS = 2.0", f"CREATION_DATE = {created.removesuffix('Z')}", "ORIGINATOR = LIGHTLAG"]
    for motion in motions:
        times = [epoch.utc(t, digits=9).removesuffix("Z") for t in motion.t_ns]
        meta = {
            "OBJECT_NAME": motion.name, "OBJECT_ID": str(motion.naif_id), "CENTER_NAME": motion.center.upper(),
            "REF_FRAME": "ICRF", "TIME_SYSTEM": "UTC", "START_TIME": times[0], "STOP_TIME": times[-1],
            "INTERPOLATION": METHOD, "INTERPOLATION_DEGREE": str(WRITTEN_DEGREE),
        }  # fmt: skip
        lines += ["", "META_START", *(f"{key} = {value}" for key, value in meta.items()), "META_STOP", ""]
        lines += [
            " ".join((time, *(f"{value:.9f}" for value in position), *(f"{value:.12f}" for value in velocity)))
            for time, (position, velocity) in zip(times, motion.states.tolist(), strict=True)
        ]
    return "\n".join(lines) + "\n"


def _is_comment(line: str) -> bool:
    return line.split(maxsplit=1)[0] == "COMMENT"


@dataclass
class _Block:
    """A segment as it is read: its metadata, with lines, and its states."""

    line: int
    meta: dict[str, tuple[int, str]] = field(default_factory=dict)
    times: list[tuple[int, str]] = field(default_factory=list)
    states: list[list[float]] = field(default_factory=list)


class _Reading:
    """One reading of one message."""

    def __init__(self, path: Path, lines: Iterable[tuple[int, str]]) -> None:
        self._path = path
        self._lines = list(lines)

    def segments(self) -> list[OemSegment]:
        """All segments, in order."""
        segments = [self._segment(block) for block in self._blocks()]
        if not segments:
            self._wrong(self._lines[-1][0] if self._lines else 1, "there is no segment; one begins with META_START")
        return segments

    def _blocks(self) -> Iterator[_Block]:
        lines = iter(self._lines)
        number, line = next(lines, (1, ""))
        key, version = self._pair(number, line)
        if key != "CCSDS_OEM_VERS" or not version.startswith(("1.", "2.", "3.")):
            self._wrong(number, f"{line!r} is not the head of an OEM; expected CCSDS_OEM_VERS = 2.0 (or 1.0, 3.0)")
        block: _Block | None = None
        for number, line in lines:
            if line == "META_START":
                if block is not None:
                    yield block
                block = _Block(number)
                self._read_meta(block, lines)
            elif line == "COVARIANCE_START":
                for _, line in lines:
                    if line == "COVARIANCE_STOP":
                        break
            elif block is not None:
                self._read_state(block, number, line)
            else:
                self._pair(number, line)  # of the header
        if block is not None:
            yield block

    def _read_meta(self, block: _Block, lines: Iterator[tuple[int, str]]) -> None:
        for number, line in lines:
            if line == "META_STOP":
                break
            key, value = self._pair(number, line)
            if key not in _REQUIRED + _OPTIONAL:
                self._wrong(number, f"unknown key {key!r}{nearest(key, _REQUIRED + _OPTIONAL)}")
            if key in block.meta:
                self._wrong(number, f"{key} is given twice, first in line {block.meta[key][0]}")
            block.meta[key] = number, value
        missing = [key for key in _REQUIRED if key not in block.meta]
        if missing:
            self._wrong(block.line, f"this segment has no {', no '.join(missing)}")

    def _read_state(self, block: _Block, number: int, line: str) -> None:
        time, *words = line.split()
        try:
            values = [float(word) for word in words]
        except ValueError as error:
            self._wrong(number, str(error))
        if len(values) not in (6, 9):
            self._wrong(
                number, f"{len(values)} numbers after the time; expected x y z (km), their rates (km/s), and "
                f"perhaps accelerations"
            )  # fmt: skip
        if not np.isfinite(values).all():
            self._wrong(number, "a state that is not finite")
        block.times.append((number, time))
        block.states.append(values[:6])

    def _segment(self, block: _Block) -> OemSegment:
        meta = {key: value for key, (_, value) in block.meta.items()}
        where = {key: number for key, (number, _) in block.meta.items()}
        frame, system, center = meta["REF_FRAME"].upper(), meta["TIME_SYSTEM"].upper(), meta["CENTER_NAME"].lower()
        if frame not in FRAMES:
            self._wrong(where["REF_FRAME"], f"REF_FRAME {frame} is not read; convert it to one of {', '.join(FRAMES)}")
        if system not in TIME_SYSTEMS:
            self._wrong(where["TIME_SYSTEM"], f"TIME_SYSTEM {system} is not read; it may be {', '.join(TIME_SYSTEMS)}")
        if center not in CENTERS:
            self._wrong(where["CENTER_NAME"], f"CENTER_NAME {center.upper()} is not known{nearest(center, CENTERS)}")
        times_ns = [self._instant(number, text, system) for number, text in block.times]
        if len(times_ns) < 2:
            self._wrong(block.line, f"this segment has {len(times_ns)} states; two are the least")
        for k in range(1, len(times_ns)):
            if times_ns[k] <= times_ns[k - 1]:
                self._wrong(block.times[k][0], "the time of this state is not after that of the state before")
        begin_ns, end_ns = (
            self._instant(where[key], meta[key], system) if key in meta else edge_ns
            for key, edge_ns in (("USEABLE_START_TIME", times_ns[0]), ("USEABLE_STOP_TIME", times_ns[-1]))
        )
        table = Table(times_ns, np.array(block.states).reshape(-1, 2, 3), *self._method(meta, where))
        begin_ns, end_ns = max(begin_ns, times_ns[0]), min(end_ns, times_ns[-1])
        return OemSegment(meta["OBJECT_NAME"], meta["OBJECT_ID"], center, begin_ns, end_ns, table)

    def _method(self, meta: dict[str, str], where: dict[str, int]) -> tuple[Method, int]:
        given = meta.get("INTERPOLATION", METHOD).upper()
        method = next((method for method in _METHODS if method == given), None)
        if given == "LINEAR":
            return "LAGRANGE", 1
        if method is None:
            self._wrong(where["INTERPOLATION"], f"INTERPOLATION {given} is not read; it may be {', '.join(_METHODS)}")
        text = meta.get("INTERPOLATION_DEGREE", str(DEGREE))
        if not text.isdecimal() or not 1 <= int(text) <= _MOST_DEGREE:
            self._wrong(where["INTERPOLATION_DEGREE"], f"INTERPOLATION_DEGREE {text}; expected 1 to {_MOST_DEGREE}")
        return ("HERMITE" if method == "HERMITE" else "LAGRANGE"), int(text)

    def _instant(self, number: int, text: str, system: str) -> int:
        seconds, point, fraction = text.removesuffix("Z").partition(".")
        try:
            return tdb_ns_from_text(seconds + point + fraction[:9], system)
        except TimeError as error:
            self._wrong(number, str(error))

    def _pair(self, number: int, line: str) -> tuple[str, str]:
        key, equals, value = line.partition("=")
        if not equals or not value.strip():
            self._wrong(number, f"{line!r} is not written like KEY = value")
        return key.strip(), value.strip()

    def _wrong(self, number: int, message: str) -> NoReturn:
        raise GraphError(f"{self._path}:{number}: {message}")
