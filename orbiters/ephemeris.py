"""The ephemeris: the one object of a process that talks to SPICE.

SPICE keeps its kernels in one pool per process and is not re-entrant: two threads get wrong numbers without an error.
So there is one ``Ephemeris`` per process, it loads DE421 (from the ``skyfield_data`` distribution: no download) and
the two text kernels beside this module, and it refuses to be used from a second thread or in a forked child.

An SPK file that a trajectory names is not loaded into the pool, where it could take the place of the planets for
everybody: its segments are read one by one, so that the planets are those of DE421 whatever else is read.
"""

from __future__ import annotations

import difflib
import importlib.resources
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from lightlag.bus.errors import GraphError, RunError
from lightlag.bus.time import NS_PER_S, utc_from_tdb_ns
from lightlag.nodes.trajectory import State, Vector

#: NAIF ids of the bodies that are known by name.
NAIF_IDS = {"earth": 399, "mars": 499, "sun": 10}
#: What a trajectory from a file may be relative to: these, and other centres in DE421.
CENTERS = {
    **NAIF_IDS,
    "earth barycenter": 3,
    "jupiter barycenter": 5,
    "mars barycenter": 4,
    "mercury": 199,
    "moon": 301,
    "neptune barycenter": 8,
    "pluto barycenter": 9,
    "saturn barycenter": 6,
    "solar system barycenter": 0,
    "uranus barycenter": 7,
    "venus": 299,
}

_SSB = 0
#: The inertial frames that SPICE has built in have ids from 1 to this. Source: NAIF's Frames Required Reading.
_INERTIAL_FRAMES = 21
# Grids reach over the ends of a run by their blocks of samples (32 h of a body, 11 h of a site), a scan for passes
# (3 h) and a light time: less than these two days.
_REACH_S = 2 * 86_400.0


class Segment(NamedTuple):
    """A segment of an SPK file: whose motion about what, in which frame (all NAIF ids), and when (ET, s)."""

    target: int
    center: int
    frame: int
    begin_et_s: float
    end_et_s: float
    #: Where SPICE finds it.
    handle: int
    descriptor: Any


class Ephemeris:
    """Positions and constants of the sun, the earth and mars, for the thread that opened it."""

    #: The models behind the numbers, to be named wherever coordinates are shown.
    planets = "DE421"
    rotation_model = "IAU_MARS per pck00010 (IAU 2009)"

    _of_process: Ephemeris | None = None

    def __init__(self) -> None:
        """Load the kernels. Use :meth:`open`, which gives every caller in the process the same one."""
        if Ephemeris._of_process is not None:
            raise RunError("this process has an ephemeris already (SPICE has one kernel pool): use Ephemeris.open()")
        import spiceypy  # not above: 0.15 s that a command line which only reads a graph need not pay

        self._spice = spiceypy
        self._thread, self._pid = threading.get_ident(), os.getpid()
        planets = Path(str(importlib.resources.files("skyfield_data"))) / "data" / "de421.bsp"
        own = Path(str(importlib.resources.files("lightlag.orbiters"))) / "kernels"
        for kernel in (planets, own / "lightlag.tls", own / "lightlag.tpc"):
            spiceypy.furnsh(str(kernel))
        windows = [spiceypy.spkcov(str(planets), naif_id) for naif_id in NAIF_IDS.values()]
        spans = [spiceypy.wnfetd(window, 0) for window in windows]
        #: First and last instant of a run, in seconds of TDB since J2000: two days inside the kernel's ends.
        self.covers_et_s: tuple[float, float] = (
            max(span[0] for span in spans) + _REACH_S,
            min(span[1] for span in spans) - _REACH_S,
        )
        self._centers = {_SSB, *(int(it) for it in spiceypy.spkobj(str(planets)))}
        self._segments: dict[Path, list[Segment]] = {}
        Ephemeris._of_process = self

    @classmethod
    def open(cls) -> Ephemeris:
        """The ephemeris of this process; the first caller's thread becomes its owner."""
        return cls._of_process or cls()

    def require(self, t0_et_s: float, t1_et_s: float) -> None:
        """Check that an interval (seconds of TDB since J2000) is covered.

        Raises:
            GraphError: it is not; the message gives the dates that are.
        """
        first, last = self.covers_et_s
        for et_s in (t0_et_s, t1_et_s):
            if not first <= et_s <= last:
                wanted, begin, end = (_date(value) for value in (et_s, first, last))
                raise GraphError(f"{wanted} is outside the ephemeris {self.planets}, which covers {begin} to {end}")

    def state(self, body: str | int, et_s: float) -> State:
        """Geometric state of ``body`` at ``et_s`` (seconds of TDB since J2000): ICRF, barycentric, km and km/s.

        ``body`` is one of ``NAIF_IDS`` by name, or anything in DE421 by its NAIF id. The axes of DE421 are those of the
        ICRF to better than a milliarcsecond; SPICE calls them J2000.
        """
        naif_id = self._naif_id(body)
        try:
            values, _ = self._spice.spkgeo(naif_id, et_s, "J2000", _SSB)
        except self._spice.exceptions.SpiceyError:
            self.require(et_s, et_s)  # says it in terms of dates
            raise
        x, y, z, vx, vy, vz = (float(value) for value in values)
        return State((x, y, z), (vx, vy, vz))

    def constants(self, body: str, item: str) -> tuple[float, ...]:
        """A constant of ``body`` by its name in the kernel pool (``RADII``, ``GM``, ``PM``), in SPICE's units."""
        values = self._spice.bodvrd(str(self._naif_id(body)), item, 3)[1]
        return tuple(float(value) for value in values)

    # -- SPK files ----------------------------------------------------------------------------------------------

    def segments(self, path: Path) -> list[Segment]:
        """The segments of an SPK file, in its order: where several cover an instant, the last of them holds.

        Raises:
            GraphError: it cannot be read, or is no SPK file.
        """
        self._check_owner(str(path))
        path = path.resolve()
        found = self._segments.get(path)
        if found is None:
            if not path.is_file():
                raise GraphError(f"there is no file {str(path)!r}")
            try:
                found = self._segments[path] = self._read_segments(path)
            except self._spice.exceptions.SpiceyError as error:
                raise GraphError(f"{path} cannot be read as an SPK file: {error.short}") from None
        return found

    def segment_state(self, segment: Segment, et_s: float) -> State:
        """State of a segment's target relative to its centre, in its frame (km, km/s)."""
        self._check_owner("an SPK file")
        _, (x, y, z, vx, vy, vz), _ = self._spice.spkpvn(segment.handle, segment.descriptor, et_s)
        return State((float(x), float(y), float(z)), (float(vx), float(vy), float(vz)))

    def knows(self, naif_id: int) -> bool:
        """Whether ``state`` can be asked for it."""
        return naif_id in self._centers

    def naif_id(self, name: str) -> int:
        """The NAIF id of a name that SPICE has built in (``MRO``), or of a number as text.

        Raises:
            GraphError: there is no such name.
        """
        try:
            return int(self._spice.bods2c(name))
        except self._spice.exceptions.SpiceyError:
            raise GraphError(f"SPICE knows no body {name!r}; give its NAIF id, for a spacecraft like -74") from None

    def to_icrf(self, frame: int) -> tuple[Vector, Vector, Vector] | None:
        """The rows of the matrix from an inertial frame of SPICE to ICRF; None if the frame is none of these."""
        if not 1 <= frame <= _INERTIAL_FRAMES:
            return None
        a, b, c = self._spice.pxform(self._spice.frmnam(frame), "J2000", 0.0).tolist()
        return (*a,), (*b,), (*c,)

    def frame_name(self, frame: int) -> str:
        """What SPICE calls a frame."""
        return str(self._spice.frmnam(frame)) or str(frame)

    def _read_segments(self, path: Path) -> list[Segment]:
        spice = self._spice
        architecture, kind = spice.getfat(str(path))
        if (architecture, kind) != ("DAF", "SPK"):
            raise GraphError(f"{path} is no SPK file: SPICE says it is {architecture} {kind}")
        handle = spice.dafopr(str(path))
        spice.dafbfs(handle)
        found: list[Segment] = []
        while spice.daffna():
            descriptor = spice.dafgs(5)
            (begin_et_s, end_et_s), (target, center, frame, *_) = spice.dafus(descriptor, 2, 6)
            found.append(
                Segment(int(target), int(center), int(frame), float(begin_et_s), float(end_et_s), handle, descriptor)
            )
        return found

    # -----------------------------------------------------------------------------------------------------------

    def _check_owner(self, asked: object) -> None:
        if threading.get_ident() != self._thread or os.getpid() != self._pid:
            raise RunError(
                f"the ephemeris was opened in thread {self._thread} of process {self._pid} and asked for {asked!r} in "
                f"thread {threading.get_ident()} of process {os.getpid()}; SPICE would answer wrongly without an "
                "error: run the simulation in one thread, and start processes with 'spawn', not 'fork'"
            )

    def _naif_id(self, body: str | int) -> int:
        self._check_owner(body)
        if isinstance(body, int) and body in self._centers:
            return body
        if not isinstance(body, str) or body not in NAIF_IDS:
            raise GraphError(f"{body!r} is not a known body{nearest(str(body), NAIF_IDS)}")
        return NAIF_IDS[body]


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest of the ``known`` ones and all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f" (known: {', '.join(names)})"


def _date(et_s: float) -> str:
    try:
        return utc_from_tdb_ns(round(et_s) * NS_PER_S, 0)
    except OverflowError:  # beyond the calendar of datetime
        return f"{et_s:.0f} s of TDB from J2000"
