"""The ephemeris: the one object of a process that talks to SPICE.

SPICE keeps its kernels in one pool per process and is not re-entrant: two threads get wrong numbers without an error.
So there is one ``Ephemeris`` per process, it loads DE421 (from the ``skyfield_data`` distribution: no download) and
the two text kernels beside this module, and it refuses to be used from a second thread or in a forked child.
"""

from __future__ import annotations

import difflib
import importlib.resources
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from lightlag.bus.errors import GraphError, RunError
from lightlag.bus.time import NS_PER_S, utc_from_tdb_ns
from lightlag.nodes.trajectory import State

#: NAIF ids of the bodies that are known by name.
NAIF_IDS = {"earth": 399, "mars": 499, "sun": 10}

_SSB = 0
# Grids reach over the ends of a run by their blocks of samples (32 h of a body, 11 h of a site), a scan for passes
# (3 h) and a light time: less than these two days.
_REACH_S = 2 * 86_400.0


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

    def state(self, body: str, et_s: float) -> State:
        """Geometric state of ``body`` at ``et_s`` (seconds of TDB since J2000): ICRF, barycentric, km and km/s.

        DE421's axes are those of the ICRF to better than a milliarcsecond; SPICE calls them J2000.
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

    def _naif_id(self, body: str) -> int:
        if threading.get_ident() != self._thread or os.getpid() != self._pid:
            raise RunError(
                f"the ephemeris was opened in thread {self._thread} of process {self._pid} and asked for {body!r} in "
                f"thread {threading.get_ident()} of process {os.getpid()}; SPICE would answer wrongly without an "
                "error: run the simulation in one thread, and start processes with 'spawn', not 'fork'"
            )
        if body not in NAIF_IDS:
            raise GraphError(f"{body!r} is not a known body{nearest(body, NAIF_IDS)}")
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
