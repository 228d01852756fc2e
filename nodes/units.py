"""Quantities with units, as people write them in graph files: ``250 km``, ``8 kbit/s``, ``2021-02-18T20:36:50Z``.

``quantity`` reads one into its base unit; the annotated types are for pydantic models (a node's ``Params``, graph
arguments). A quantity must be written with its unit: a bare number is an error that names the units to choose from.
Base units: s, km, bit/s, Hz, deg, dBW.
"""

from __future__ import annotations

import difflib
import math
import re
from typing import Annotated

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
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z/]*)\s*")


def quantity(text: object, dimension: str) -> float:
    """The value of ``text`` in the base unit of ``dimension``.

    Raises:
        GraphError: no number, no unit, or a unit of another dimension; the message lists the units that fit.
    """
    units = _UNITS[dimension]
    choice = ", ".join(units)
    found = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    if isinstance(text, int | float) and not isinstance(text, bool):
        raise GraphError(f"{text!r} has no unit; a {dimension} is written with one of: {choice}")
    if not found:
        raise GraphError(f"{text!r} is not a {dimension}; write a number and one of: {choice}")
    number, unit = found.groups()
    if not unit:
        raise GraphError(f"{text!r} has no unit; a {dimension} is written with one of: {choice}")
    if unit not in units:
        near = difflib.get_close_matches(unit, units, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise GraphError(f"{text!r}: {unit!r} is not a unit of {dimension} (one of: {choice}){hint}")
    value = float(number) * units[unit]
    if not math.isfinite(value):
        raise GraphError(f"{text!r} is infinite; write a {dimension} that a computer can count")
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
Seconds = Annotated[float, _reader("duration")]
Kilometres = Annotated[float, _reader("length")]
BitsPerSecond = Annotated[float, _reader("data rate")]
Hertz = Annotated[float, _reader("frequency")]
Degrees = Annotated[float, _reader("angle")]
DecibelWatts = Annotated[float, _reader("power")]
Bits = Annotated[float, _reader("data size")]
#: An ISO 8601 UTC instant, as text.
Utc = Annotated[str, AfterValidator(_utc)]
