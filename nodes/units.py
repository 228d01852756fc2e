"""Quantities with units, as people write them in graph files: ``250 km``, ``8 kbit/s``, ``2021-02-18T20:36:50Z``.

``quantity`` reads one into its base unit; the annotated types are for pydantic models (a node's ``Params``, graph
arguments). A quantity must be written with its unit: a bare number is an error that names the units to choose from.
Base units: s, km, bit/s, Hz, deg, dBW.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from lightlag.bus.errors import GraphError
from lightlag.bus.time import tdb_ns_from_utc

#: A Martian solar day. Source: NASA Mars fact sheet, 24 h 39 min 35.244 s.
_SOL_S = 88775.244

_UNITS: dict[str, dict[str, float]] = {
    "duration": {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "sol": _SOL_S},
    "length": {"m": 1e-3, "km": 1.0, "au": 149597870.7},
    "data rate": {"bit/s": 1.0, "kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9},
    "frequency": {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    "angle": {"deg": 1.0, "arcmin": 1 / 60, "arcsec": 1 / 3600},
    "power": {"dBW": 1.0},
    "data size": {"bit": 1.0, "B": 8.0, "kB": 8e3, "MB": 8e6, "GB": 8e9, "KiB": 8192.0, "MiB": 8388608.0},
}
#: A quantity is not written with more.
_MOST_DIGITS = 10
#: What people call units elsewhere, in lower case.
_OTHER_NAMES = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("mins", "minute", "minutes", "m"), "min"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("metre", "metres", "meter", "meters"), "m"),
    **dict.fromkeys(("kilometre", "kilometres", "kilometer", "kilometers"), "km"),
    **dict.fromkeys(("degree", "degrees"), "deg"),
    "bps": "bit/s",
    "kbps": "kbit/s",
    "mbps": "Mbit/s",
    "gbps": "Gbit/s",
    "bits": "bit",
    **dict.fromkeys(("byte", "bytes"), "B"),
}
#: The JSON Schema of a UTC instant as people write it.
UTC_SCHEMA: dict[str, Any] = {
    "type": "string",
    "pattern": r"^\s*\d{4}-(\d{2}-\d{2}|\d{3})([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?Z?\s*$",
    "examples": ["2021-02-18T20:26:00Z"],
}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z/]*)\s*")


def quantity(text: object, dimension: str) -> float:
    """The value of ``text`` in the base unit of ``dimension``.

    Raises:
        GraphError: no number, no unit, or a unit of another dimension; the message lists the units that fit.
    """
    units = _UNITS[dimension]
    choice = ", ".join(units)
    one = f"{'an' if dimension[0] in 'aeiou' else 'a'} {dimension}"
    found = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    if isinstance(text, int | float) and not isinstance(text, bool):
        raise GraphError(f"{text!r} has no unit; {one} is written with one of: {choice}")
    if not found:
        raise GraphError(f"{text!r} is not {one}; write a number and one of: {choice}")
    number, unit = found.groups()
    if not unit:
        raise GraphError(f"{text!r} has no unit; {one} is written with one of: {choice}")
    if unit not in units:
        near = _meant(unit, units)
        hint = f"; did you mean {near!r}?" if near else ""
        raise GraphError(f"{text!r}: {unit!r} is not a unit of {dimension} (one of: {choice}){hint}")
    value = float(number) * units[unit]
    if not math.isfinite(value):
        raise GraphError(f"{text!r} is infinite; write {one} that a computer can count")
    return value


def quantity_text(value: float, dimension: str) -> str:
    """A value in the base unit of ``dimension`` as people write it: ``2 Mbit/s``, ``10 min``, ``401.585625 MHz``.

    In the largest unit of which it is at least one, unless it then has too many digits; never in au or sols.
    """
    units = {unit: size for unit, size in _UNITS[dimension].items() if unit not in ("au", "sol")}
    base = next(unit for unit, size in units.items() if size == 1.0)
    for unit, size in sorted(units.items(), key=lambda item: -item[1]):
        text = _short(value / size)
        if abs(value) >= size and len(text) <= _MOST_DIGITS:
            return f"{text} {unit}"
    return f"{_short(value)} {base}"


def _short(number: float) -> str:
    text = f"{number:g}" if float(f"{number:g}") == number else f"{number:.12g}"
    return text.replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def _meant(unit: str, units: Mapping[str, float]) -> str | None:
    """The unit that is probably meant: one by another name or in other case, or the nearest."""
    known = {name.lower(): name for name in units}
    lower = unit.lower()
    for name in (lower, _OTHER_NAMES.get(lower, "")):
        if name.lower() in known:
            return known[name.lower()]
    near = difflib.get_close_matches(unit, units, n=1, cutoff=0.5)
    return near[0] if near else None


#: An example of each dimension, and its base unit.
_EXAMPLES = {
    "duration": ("40 min", "s"),
    "length": ("250 km", "km"),
    "data rate": ("32 kbit/s", "bit/s"),
    "frequency": ("401.6 MHz", "Hz"),
    "angle": ("1.1 deg", "deg"),
    "power": ("20 dBW", "dBW"),
    "data size": ("16 MiB", "bit"),
}


def quantity_schema(dimension: str) -> dict[str, Any]:
    """The JSON Schema of a quantity as people write it; ``unit`` is the base unit, in which limits are declared."""
    units = "|".join(_UNITS[dimension])
    example, unit = _EXAMPLES[dimension]
    pattern = rf"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*({units})\s*$"
    return {"type": "string", "pattern": pattern, "examples": [example], "unit": unit}


@dataclass(frozen=True, slots=True)
class Dimension:
    """Marks a number that people write with a unit."""

    name: str

    @property
    def unit(self) -> str:
        """The base unit."""
        return _EXAMPLES[self.name][1]

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return quantity_schema(self.name)


class _UtcText:
    """Marks a text that is a UTC instant, for JSON Schema."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return UTC_SCHEMA


def _reader(dimension: str) -> BeforeValidator:
    def read(value: object) -> float:
        try:
            return quantity(value, dimension)
        except GraphError as error:
            raise ValueError(str(error)) from None

    return BeforeValidator(read)


def _utc(value: str) -> str:
    tdb_ns_from_utc(value)
    return value


# Defaults of these types are written in base units, as plain numbers; pydantic does not run validators on defaults.
Seconds = Annotated[float, _reader("duration"), Dimension("duration")]
Kilometres = Annotated[float, _reader("length"), Dimension("length")]
BitsPerSecond = Annotated[float, _reader("data rate"), Dimension("data rate")]
Hertz = Annotated[float, _reader("frequency"), Dimension("frequency")]
Degrees = Annotated[float, _reader("angle"), Dimension("angle")]
DecibelWatts = Annotated[float, _reader("power"), Dimension("power")]
Bits = Annotated[float, _reader("data size"), Dimension("data size")]
#: An ISO 8601 UTC instant, as text.
Utc = Annotated[str, AfterValidator(_utc), _UtcText()]
