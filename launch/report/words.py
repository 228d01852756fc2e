"""Words for people: times, durations, figures with their units, node and event names, all safe to put into HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from lightlag.bus.time import NS_PER_S, Epoch

#: How units are written at the end of a name, longest first, and how people write them.
_UNITS = {
    "m_px": "m/px",
    "km_s": "km/s",
    "m_s": "m/s",
    "km": "km",
    "deg": "°",
    "mb": "MB",
    "pa": "Pa",
    "g": "g",
    "h": "h",
    "s": "s",
}
#: Characters that may not stand in a page.
_DAY_NS = 86_400 * NS_PER_S
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: Names that people know by another word.
_NAMES = {
    "deceleration": "load",
    "emission": "emission angle",
    "incidence": "incidence angle",
    "phase": "phase angle",
}


def safe(text: object) -> str:
    """Any text, made harmless in HTML and SVG, in elements and in quoted attributes, without control characters."""
    return escape(_CONTROL.sub("", str(text)))


def clock(epoch: Epoch, t_ns: int, digits: int = 3) -> str:
    """Time of day in UTC of a run time in ns: ``20:43:49.046``."""
    return epoch.utc(t_ns, digits)[11:-1]


def time_beside(epoch: Epoch, t_ns: int, beside_ns: int) -> str:
    """The same, with the day before it if that is another than of what stands beside it: ``02-19 00:11:26.302``."""
    told = epoch.utc(t_ns, 3)
    return clock(epoch, t_ns) if told[:10] == epoch.utc(beside_ns, 3)[:10] else told[5:-1].replace("T", " ")


def stamp(epoch: Epoch, t_ns: int, digits: int = 3) -> str:
    """The same, with the date before it if that is another than the epoch's: ``2033-11-01 04:06:52.174``."""
    date = epoch.utc(t_ns, digits)[:10]
    time = clock(epoch, t_ns, digits)
    return time if date == epoch.utc(0, digits)[:10] else f"{date} {time}"


def duration(t_s: float) -> str:
    """A duration in seconds, as people say it: ``11 min 22.3 s``, ``32 ms``."""
    if t_s < 0:
        return f"−{duration(-t_s)}"
    if t_s < 1e-6:
        return f"{t_s * 1e9:.3g} ns"
    if t_s < 1e-3:
        return f"{t_s * 1e6:.3g} µs"
    if t_s < 1:
        return f"{t_s * 1e3:.3g} ms"
    if t_s < 60:
        return f"{t_s:.3g} s"
    tenths = round(t_s * 10)
    minutes, seconds = divmod(tenths, 600)
    if t_s < 3600:
        return f"{minutes} min" + (f" {seconds / 10:g} s" if seconds else "")
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hours} h {minutes} min"


def duration_of_ns(t_ns: int) -> str:
    """The same, of nanoseconds."""
    return duration(t_ns / NS_PER_S)


def split_unit(name: str) -> tuple[str, str]:
    """A figure's name in words, and its unit: ``range_km`` is ``("range", "km")``."""
    for ending, unit in _UNITS.items():
        if name.endswith(f"_{ending}"):
            return plain(name.removesuffix(f"_{ending}")), unit
    return plain(name), ""


def plain(name: str) -> str:
    """A name without underscores."""
    return _NAMES.get(name, name.replace("_", " "))


def quantity(value: float, unit: str) -> str:
    """A value to about four figures with its unit; lengths below 1 km in metres."""
    if unit == "km" and abs(value) < 0.9995:
        value, unit = value * 1000, "m"
    number = f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}" if abs(value) >= 0.005 else "0"
    space = "" if unit in ("", "°") else " "
    return f"{number}{space}{unit}"


def between(low: float, high: float, unit: str) -> str:
    """A value or a range of values with its unit."""
    if low == high:
        return quantity(low, unit)
    number = re.compile(r"[-\d.,]+")
    first, last = quantity(low, unit), quantity(high, unit)
    start = number.match(first)
    same = start is not None and number.sub("", first) == number.sub("", last)
    return f"{start.group() if start and same else first}–{last}"


def count(number: int, noun: str) -> str:
    """A number of things: ``1 process``, ``2 processes``."""
    ending = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{'' if number == 1 else ending}"


def listing(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def bytes_text(size: int) -> str:
    """A size in bytes, to three figures."""
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000  # type: ignore[assignment]
    return f"{size:.3g} GB"
