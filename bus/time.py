"""Time: integer nanoseconds of TDB inside, UTC at the edges.

Inside a run every instant is an ``int``: nanoseconds of TDB since the graph's epoch. This module holds the one
conversion to and from UTC. Leap seconds are NAIF's (naif0012.tls); TDB - TT is the one-term formula of the SPICE
Time Required Reading, good to about 30 us, the same that SPICE uses, so that the two agree to a nanosecond or so.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta

from .errors import LightlagError

NS_PER_S = 1_000_000_000
#: Later than any instant of a run: "never".
NEVER_NS = 1 << 62

#: The systems in which an instant can be read; ``Z`` is written for UTC only, and may be left out.
TIME_SYSTEMS = ("UTC", "TAI", "TT", "TDB")

_TT_MINUS_TAI_NS = 32_184_000_000
_DAY_NS = 86_400 * NS_PER_S
_J2000 = datetime(2000, 1, 1, 12)
_UNIX = datetime(1970, 1, 1)
_UNIX_TO_J2000_NS = int((_J2000 - _UNIX).total_seconds()) * NS_PER_S

# TAI - UTC in seconds from each date on. Source: naif0012.tls (IERS Bulletin C).
_LEAP_SECONDS = [
    ("1972-01-01", 10), ("1972-07-01", 11), ("1973-01-01", 12), ("1974-01-01", 13), ("1975-01-01", 14),
    ("1976-01-01", 15), ("1977-01-01", 16), ("1978-01-01", 17), ("1979-01-01", 18), ("1980-01-01", 19),
    ("1981-07-01", 20), ("1982-07-01", 21), ("1983-07-01", 22), ("1985-07-01", 23), ("1988-01-01", 24),
    ("1990-01-01", 25), ("1991-01-01", 26), ("1992-07-01", 27), ("1993-07-01", 28), ("1994-07-01", 29),
    ("1996-01-01", 30), ("1997-07-01", 31), ("1999-01-01", 32), ("2006-01-01", 33), ("2009-01-01", 34),
    ("2012-07-01", 35), ("2015-07-01", 36), ("2017-01-01", 37),
]  # fmt: skip
#: UTC as nanoseconds since J2000 on a 86,400 s day count, at each step, and the offset that holds from there on.
_STEP_UTC_NS = [int((datetime.fromisoformat(day) - _J2000).total_seconds()) * NS_PER_S for day, _ in _LEAP_SECONDS]
_OFFSET_NS = [offset * NS_PER_S for _, offset in _LEAP_SECONDS]
_STEP_TAI_NS = [utc + offset for utc, offset in zip(_STEP_UTC_NS, _OFFSET_NS, strict=True)]

# TDB - TT = K sin(E), E = M + EB sin M, M = M0 + M1 t. Source: naif0012.tls (Moyer 1981).
_K, _EB, _M0, _M1 = 1.657e-3, 1.671e-2, 6.239996, 1.99096871e-7

_UTC = re.compile(
    r"(?P<year>\d{4})-(?:(?P<month>\d{2})-(?P<day>\d{2})|(?P<doy>\d{3}))"
    r"(?:[T ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?)?Z?"
)


class TimeError(LightlagError, ValueError):
    """A text that is no instant."""


def _tdb_minus_tt_ns(tt_ns: int) -> int:
    mean = _M0 + _M1 * (tt_ns / NS_PER_S)
    return round(_K * math.sin(mean + _EB * math.sin(mean)) * NS_PER_S)


def tdb_ns_from_utc(text: str) -> int:
    """Nanoseconds of TDB since J2000 (2000-01-01T12:00 TDB) of an ISO 8601 UTC instant.

    Accepts calendar dates and day of year (``2021-049T20:36:50``), a fraction of up to nine digits, and ``:60`` where
    a leap second was inserted.
    """
    minute_utc_ns, second, fraction_ns = _count(text, "a UTC instant", "2021-02-18T20:36:50.08Z")
    step = bisect_right(_STEP_UTC_NS, minute_utc_ns) - 1
    if step < 0:
        raise TimeError(f"{text!r} is before 1972, when UTC as we know it began")
    leaps_after = step + 1 < len(_STEP_UTC_NS) and minute_utc_ns + 60 * NS_PER_S == _STEP_UTC_NS[step + 1]
    if second == 60 and not leaps_after:
        raise TimeError(f"{text!r}: there was no leap second in that minute")
    tt_ns = minute_utc_ns + _OFFSET_NS[step] + second * NS_PER_S + fraction_ns + _TT_MINUS_TAI_NS
    return tt_ns + _tdb_minus_tt_ns(tt_ns)


def tdb_ns_from_text(text: str, system: str) -> int:
    """Nanoseconds of TDB since J2000 of an ISO 8601 instant in one of ``TIME_SYSTEMS``.

    Raises:
        TimeError: it is no instant, or the system is another.
    """
    if system == "UTC":
        return tdb_ns_from_utc(text)
    if system not in TIME_SYSTEMS:
        raise TimeError(f"{system!r} is no time system that is known here; there are {', '.join(TIME_SYSTEMS)}")
    minute_ns, second, fraction_ns = _count(text, f"an instant of {system}", "2021-02-18T20:38:00.184")
    if second == 60:
        raise TimeError(f"{text!r}: {system} has no leap seconds")
    t_ns = minute_ns + second * NS_PER_S + fraction_ns
    if system == "TDB":
        return t_ns
    tt_ns = t_ns + (_TT_MINUS_TAI_NS if system == "TAI" else 0)
    return tt_ns + _tdb_minus_tt_ns(tt_ns)


def _count(text: str, what: str, example: str) -> tuple[int, int, int]:
    """The minute of an instant as ns since J2000, counting 86,400 s a day; its second; and the fraction (ns)."""
    found = _UTC.fullmatch(text.strip())
    if not found:
        raise TimeError(f"{text!r} is not {what}; write it like {example}")
    part = found.groupdict()
    second = int(part["second"] or 0)
    try:
        if part["doy"]:
            day = datetime(int(part["year"]), 1, 1) + timedelta(days=int(part["doy"]) - 1)
            if day.year != int(part["year"]):
                raise ValueError("day of year out of range")
        else:
            day = datetime(int(part["year"]), int(part["month"]), int(part["day"]))
        if not (int(part["hour"] or 0) < 24 and int(part["minute"] or 0) < 60 and second <= 60):
            raise ValueError("hour, minute or second out of range")
    except (ValueError, OverflowError) as error:
        raise TimeError(f"{text!r} is not {what}: {error}") from None
    minute = day + timedelta(hours=int(part["hour"] or 0), minutes=int(part["minute"] or 0))
    minute_ns = round((minute - _J2000).total_seconds()) * NS_PER_S
    return minute_ns, second, int((part["fraction"] or "0").ljust(9, "0"))


def _tai_ns_from_tdb(tdb_ns: int) -> int:
    tt_ns = tdb_ns - _tdb_minus_tt_ns(tdb_ns)  # the argument differs by 2 ms: 1e-12 s in the result
    return tdb_ns - _tdb_minus_tt_ns(tt_ns) - _TT_MINUS_TAI_NS


def unix_ns_from_tdb(tdb_ns: int) -> int:
    """Unix time in nanoseconds of an instant of TDB since J2000 (a leap second reads as the second after it)."""
    tai_ns = _tai_ns_from_tdb(tdb_ns)
    return tai_ns - _OFFSET_NS[max(0, bisect_right(_STEP_TAI_NS, tai_ns) - 1)] + _UNIX_TO_J2000_NS


def utc_from_tdb_ns(tdb_ns: int, digits: int = 3) -> str:
    """ISO 8601 UTC with ``digits`` decimals and ``Z``, rounded to nearest, of an instant of TDB since J2000."""
    grain = 10 ** (9 - digits)
    tai_ns = (_tai_ns_from_tdb(tdb_ns) + grain // 2) // grain * grain
    step = max(0, bisect_right(_STEP_TAI_NS, tai_ns) - 1)
    utc_ns = tai_ns - _OFFSET_NS[step]
    in_leap = step + 1 < len(_STEP_UTC_NS) and utc_ns >= _STEP_UTC_NS[step + 1]
    if in_leap:  # 23:59:60: the day count already reads the next midnight
        utc_ns -= NS_PER_S
    seconds, fraction = divmod(utc_ns, NS_PER_S)
    stamp = _J2000 + timedelta(seconds=seconds)
    clock = stamp.strftime("%Y-%m-%dT%H:%M:") + f"{stamp.second + in_leap:02d}"
    return clock + (f".{fraction // grain:0{digits}d}" if digits else "") + "Z"


@dataclass(frozen=True, slots=True)
class Epoch:
    """The instant from which a run counts its nanoseconds: the one place where UTC and run time meet."""

    #: Nanoseconds of TDB since J2000.
    tdb_ns: int

    @classmethod
    def parse(cls, utc: str) -> Epoch:
        """The epoch at an ISO 8601 UTC instant."""
        return cls(tdb_ns_from_utc(utc))

    def t_ns(self, utc: str) -> int:
        """Run time in nanoseconds of a UTC instant."""
        return tdb_ns_from_utc(utc) - self.tdb_ns

    def utc(self, t_ns: int, digits: int = 3) -> str:
        """ISO 8601 UTC of a run time in nanoseconds."""
        return utc_from_tdb_ns(self.tdb_ns + t_ns, digits)

    def unix_ns(self, t_ns: int) -> int:
        """Unix time in nanoseconds of a run time in nanoseconds."""
        return unix_ns_from_tdb(self.tdb_ns + t_ns)

    def et_s(self, t_ns: int) -> float:
        """SPICE ephemeris time: seconds of TDB since J2000, of a run time in nanoseconds."""
        return (self.tdb_ns + t_ns) / NS_PER_S
