"""Local time on Mars: sols since a landing, and local mean solar time (LMST) at the place of it.

A sol is divided into 24 hours of 60 minutes of 60 seconds, as a day is, so that such a second is 1.0275 s long. Sol 0
is that of the landing. Times of a sol are written ``09:30`` or ``15:53:20``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch

#: A mean solar day of Mars. Source: NASA Mars fact sheet, 24 h 39 min 35.244 s.
SOL_NS = 88_775_244_000_000
_LOCAL_DAY_S = 86_400
_TIME = re.compile(r"(\d{2}):(\d{2})(?::(\d{2}))?")


def local_seconds(text: str) -> int:
    """Seconds of local time since midnight of ``09:30`` or ``15:53:20``; up to 24 h.

    Raises:
        GraphError: the text is no time of a sol.
    """
    found = _TIME.fullmatch(text)
    if found:
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        if hours < 24 and minutes < 60 and seconds < 60:
            return (hours * 60 + minutes) * 60 + seconds
    raise GraphError(f"{text!r} is no time of a sol; write it like 09:30 or 15:53:20, in 24 hours of local time")


def _lmst(text: str) -> str:
    try:
        local_seconds(text)
    except GraphError as error:
        raise ValueError(str(error)) from None
    return text


#: A time of a sol, as text, checked.
Lmst = Annotated[str, AfterValidator(_lmst)]


def mean_solar_s(tdb_ns: int, lon_deg: float) -> float:
    """LMST at an east longitude: seconds of local time since midnight, of nanoseconds of TDB since J2000.

    Source: Allison and McEwen 2000, as NASA's Mars24 has it: MTC = 24 h (44796.0 - 0.0009626 + (JD_TT - 2451549.5) /
    1.0274912517), and LMST = MTC + east longitude / 15 deg per hour. TDB stands for TT; they differ by 2 ms at most.
    """
    days = tdb_ns / NS_PER_S / 86_400
    sols = 44_796.0 - 0.000_962_6 + (days - 4.5) / 1.027_491_251_7 + lon_deg / 360.0
    return sols % 1.0 * _LOCAL_DAY_S


@dataclass(frozen=True, slots=True)
class Sols:
    """The calendar of a place: ``midnight_ns`` is the run time at which sol 0 begins there."""

    midnight_ns: int

    @classmethod
    def since(cls, epoch: Epoch, landed_ns: int, lon_deg: float) -> Self:
        """The calendar in which a landing at run time ``landed_ns`` and an east longitude is on sol 0."""
        part = mean_solar_s(epoch.tdb_ns + landed_ns, lon_deg) / _LOCAL_DAY_S
        return cls(landed_ns - round(part * SOL_NS))

    def sol(self, t_ns: int) -> int:
        """The sol of a run time; negative before sol 0."""
        return (t_ns - self.midnight_ns) // SOL_NS

    def local_s(self, t_ns: int) -> int:
        """LMST of a run time: whole seconds of local time since midnight."""
        return (t_ns - self.midnight_ns) % SOL_NS * _LOCAL_DAY_S // SOL_NS

    def text(self, t_ns: int) -> str:
        """A run time as people write it: ``sol 0 15:53:25``."""
        minutes, seconds = divmod(self.local_s(t_ns), 60)
        return f"sol {self.sol(t_ns)} {minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"

    def t_ns(self, sol: int, local: int | str) -> int:
        """The run time of a sol and a local time: text, or seconds since midnight."""
        seconds = local_seconds(local) if isinstance(local, str) else local
        return self.midnight_ns + sol * SOL_NS - (-seconds * SOL_NS // _LOCAL_DAY_S)
