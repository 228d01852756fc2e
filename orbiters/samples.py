"""Tabulated states: times and states relative to a centre, given in Python or in a file of comma-separated values.

``Table`` is what all of them come to: states between its rows by Hermite's or Lagrange's interpolation.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, tdb_ns_from_utc

from .covered import Span, covering, track_through
from .frames import Rows
from .interpolation import hermite, lagrange
from .orbits import axes_of
from .space import Space, in_space
from .trajectory import States, Track

Method = Literal["HERMITE", "LAGRANGE"]
Frame = Literal["icrf", "equator_j2000"]
#: How it is interpolated where nobody says: the seventh degree, through four states.
METHOD: Method = "HERMITE"
DEGREE = 7
#: The same for what is written: a cubic between each two states keeps what happens between others out.
WRITTEN_DEGREE = 3
#: The columns of a file of states.
COLUMNS = ("utc", "x_km", "y_km", "z_km", "vx_km_s", "vy_km_s", "vz_km_s")


class Motion(NamedTuple):
    """The motion of one object, to be written: ICRF states (n, 2, 3; km, km/s) about a centre at run times (ns)."""

    name: str
    #: What SPICE calls it: negative for spacecraft.
    naif_id: int
    #: One of ``CENTERS``.
    center: str
    t_ns: Sequence[int]
    states: States


class Table:
    """States (n, 2, 3; km, km/s) at ascending instants (ns of TDB since J2000), and how to interpolate them."""

    def __init__(self, times_ns: Sequence[int], states: States, method: Method = METHOD, degree: int = DEGREE) -> None:
        self.times_ns = list(times_ns)
        self._states = states
        self._between = hermite if method == "HERMITE" else lagrange
        points = (degree + 1) // 2 if method == "HERMITE" else degree + 1
        self._points = max(2, min(points, len(self.times_ns)))

    @property
    def least_step_ns(self) -> int:
        """How near to each other its states come."""
        return min(after - before for before, after in pairwise(self.times_ns))

    def at(self, tdb_ns: int) -> NDArray[np.float64]:
        """The state (2, 3) at an instant between the first and the last."""
        after = bisect_right(self.times_ns, tdb_ns)
        # As many before as after, where there are.
        first = max(0, min(after - self._points // 2, len(self.times_ns) - self._points))
        chosen = slice(first, first + self._points)
        times_s = [(time_ns - tdb_ns) / NS_PER_S for time_ns in self.times_ns[chosen]]
        return self._between(0.0, times_s, self._states[chosen])


def track_of_table(space: Space, what: str, center: str, table: Table, frame: Frame = "icrf") -> Track:
    """The track through a table; raises GraphError if it does not cover the run."""
    begin_ns, end_ns = (table.times_ns[end] - space.epoch.tdb_ns for end in (0, -1))
    span = covering(space, what, [Span(begin_ns, end_ns)])
    return track_through(
        space, center, known(space, table.at, axes_of(space, center, frame)), span, table.least_step_ns
    )


def known(
    space: Space, at: Callable[[int], NDArray[np.float64]], axes: Rows | None = None
) -> Callable[[NDArray[np.int64]], States]:
    """States at run times from a function of an instant (ns of TDB since J2000), turned from ``axes`` to ICRF."""

    def states(t_ns: NDArray[np.int64]) -> States:
        found = np.array([at(space.epoch.tdb_ns + t) for t in t_ns.tolist()]).reshape(-1, 2, 3)
        return found if axes is None else np.asarray((found[:, :, None, :] * np.array(axes)).sum(axis=3))

    return states


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledStates:
    """States at UTC instants (SCET), relative to ``center``: ``states`` is array-like of shape (n, 6), km and km/s.

    Between them by Hermite's interpolation through four. ``frame`` as for ``StateOrbit``.
    """

    center: str
    times: Sequence[str]
    states: ArrayLike
    frame: Frame = "icrf"

    def __post_init__(self) -> None:
        _table("states", [tdb_ns_from_utc(time) for time in self.times], self.states)

    def realise(self, space: object) -> Track:
        """The motion in the space of a run; raises GraphError if the states do not cover it."""
        table = _table("states", [tdb_ns_from_utc(time) for time in self.times], self.states)
        return track_of_table(in_space(space), "the table of states", self.center, table, self.frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatesFile:
    """States in a file of comma-separated values, whose first line names the columns of ``COLUMNS``, in any order."""

    #: Relative to the folder of the graph file, or absolute.
    path: str | Path
    center: str
    frame: Frame = "icrf"

    def realise(self, space: object) -> Track:
        """The motion in the space of a run.

        Raises:
            GraphError: the file cannot be read (with its line), or does not cover the run.
        """
        room = in_space(space)
        path = room.folder / self.path
        return track_of_table(room, str(path), self.center, _read(path), self.frame)


def read_text(path: Path) -> str:
    """The text of a file that a trajectory names; raises GraphError if there is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise GraphError(f"there is no file {str(path)!r}; a relative path is one from the graph's folder") from None
    except (OSError, UnicodeDecodeError) as error:
        raise GraphError(f"{path} cannot be read: {error}") from None


def _read(path: Path) -> Table:
    times_ns: list[int] = []
    rows: list[list[float]] = []
    table = csv.DictReader(read_text(path).splitlines(), skipinitialspace=True)
    missing = [column for column in COLUMNS if column not in (table.fieldnames or ())]
    if missing:
        raise GraphError(f"{path}:1: the column {missing[0]} is missing; the first line names {','.join(COLUMNS)}")
    for row in table:
        try:
            times_ns.append(tdb_ns_from_utc(row["utc"] or ""))
            rows.append([float(row[column] or "") for column in COLUMNS[1:]])
        except ValueError as error:
            raise GraphError(f"{path}:{table.line_num}: {error}") from None
    return _table(str(path), times_ns, rows)


def _table(what: str, times_ns: Sequence[int], states: ArrayLike) -> Table:
    """Raises GraphError if these are no states at ascending times."""
    array = np.asarray(states, dtype=np.float64)
    if len(times_ns) < 2 or array.shape != (len(times_ns), 6):
        raise GraphError(
            f"{what}: {len(times_ns)} times and an array of shape {array.shape}; give two times or more, and for each "
            f"x, y, z (km) and their rates (km/s)"
        )
    if not np.isfinite(array).all():
        raise GraphError(f"{what}: state {int(np.argmin(np.isfinite(array).all(axis=1))) + 1} is not finite")
    late = next((k for k in range(1, len(times_ns)) if times_ns[k] <= times_ns[k - 1]), None)
    if late is not None:
        raise GraphError(f"{what}: the time of state {late + 1} is not after that of state {late}; sort them")
    return Table(times_ns, array.reshape(-1, 2, 3))
