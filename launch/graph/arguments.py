"""The arguments of a graph: typed values with a default, given as ``name:=value``, put in where ``${name}`` stands.

A quantity stays the text that was written, with its unit, because that is what a node's parameters read; an argument
that is all of a value keeps its type; inside a longer text it is put in as text. ``$$`` is a dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite

from lightlag.bus.errors import GraphError
from lightlag.bus.time import TimeError, tdb_ns_from_utc
from lightlag.nodes.units import quantity

from .diagnostics import Place, Report, did_you_mean, one_of
from .source import UNKNOWN, Item, Unknown, put_in

Value = bool | int | float | str

QUANTITIES = ("duration", "length", "data rate", "frequency", "angle")
KINDS = ("int", "float", "str", "bool", "utc", *QUANTITIES)

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_WORD = re.compile(r"(?P<name>[^:=]*)(?P<sign>:=|=|:)(?P<value>.*)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\$\$|\$\{(?P<name>[^{}]*)(?P<end>\}?)")
_WHAT = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "utc": "a UTC instant like 2021-02-18T20:26:00Z",
    "duration": "a duration like 40 min",
    "length": "a length like 250 km",
    "data rate": "a data rate like 32 kbit/s",
    "frequency": "a frequency like 401.6 MHz",
    "angle": "an angle like 1.1 deg",
}


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument as a graph file declares it, and what it was given."""

    name: str
    kind: str
    help: str
    default: Value
    low: Value | None = None
    high: Value | None = None
    #: What it was given, and where: a word of the command line, or in a file that includes this one.
    given: Value | None = None
    place: Place | None = None

    @property
    def value(self) -> Value:
        """What it stands for in this graph."""
        return self.default if self.given is None else self.given

    @property
    def note(self) -> str:
        """Where its value comes from, for an error about the value."""
        if self.place is None:
            origin = "its default"
        elif self.place.source.numbered:
            origin = f"given at {self.place}"
        else:
            origin = f"given as {self.place.source.lines[0]}"
        return f"${{{self.name}}} is {as_text(self.value)!r}, {origin}"


def as_text(value: object) -> str:
    """A value as it is written in YAML and on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def split_words(words: Iterable[str], report: Report) -> dict[str, str]:
    """The ``name:=value`` words of a command line by name; what is not one is reported."""
    given: dict[str, str] = {}
    for word in words:
        found = _WORD.fullmatch(word)
        if not found:
            report.add(f"{word!r} is no argument", Place.of_word(word), "an argument is written name:=value")
            continue
        name, sign, value = found.group("name", "sign", "value")
        if sign != ":=":
            report.add(f"{word!r} is no argument", Place.of_word(word), f"write {name}:={value}")
        elif not value.strip():
            report.add(f"no value for {name!r}", Place.of_word(word), f"write {name}:=value")
        elif name in given:
            report.add(f"{name!r} is given twice", Place.of_word(word), f"it was given first as {name}:={given[name]}")
        else:
            given[name] = value
    return given


def read_arguments(item: Item | None, report: Report) -> dict[str, Argument | None]:
    """The declarations under ``args``; None for one that is wrong, with the reason in ``report``."""
    if item is None or item.value is UNKNOWN:
        return {}
    if not isinstance(item.value, dict):
        report.add(
            f"'args' is {item.kind()}", item.place, "expected a mapping: name: {type: ..., default: ..., help: ...}"
        )
        return {}
    return {name: _declaration(name, declared, report) for name, declared in item.value.items()}


def _declaration(name: str, item: Item, report: Report) -> Argument | None:
    errors_before = len(report.diagnostics)
    keys = ("type", "default", "help", "min", "max")
    if not _NAME.fullmatch(name):
        report.add(f"{name!r} is no name of an argument", item.label, "a name is lower case letters, digits and _")
    if not isinstance(item.value, dict):
        if item.value is not UNKNOWN:
            report.add(
                f"argument {name!r} is {item.kind()}", item.place, "expected {type: ..., default: ..., help: ...}"
            )
        return None
    fields = item.value
    for key in (key for key in fields if key not in keys):
        report.add(f"unknown key {key!r} of an argument", fields[key].label, one_of(keys), did_you_mean(key, keys))
    for key in ("type", "default", "help"):
        if key not in fields:
            report.add(f"argument {name!r} has no {key!r}", item.label)
    texts = {key: _declared_value("str", fields[key], report) for key in ("type", "help") if key in fields}
    kind = texts.get("type")
    if kind is None:
        return None
    if kind not in KINDS:
        report.add(f"unknown type {kind!r}", fields["type"].place, one_of(KINDS), did_you_mean(str(kind), KINDS))
        return None
    kind = str(kind)
    values = {key: _declared_value(kind, fields[key], report) for key in ("min", "max", "default") if key in fields}
    default = values.get("default")
    if len(report.diagnostics) > errors_before or default is None or texts["help"] is None:
        return None
    argument = Argument(name, kind, str(texts["help"]), default, values.get("min"), values.get("max"))
    wrong = _out_of_range(argument, default)
    if wrong:
        report.add(f"default of {name!r}: {wrong}", fields["default"].place)
        return None
    return argument


def _declared_value(kind: str, item: Item, report: Report) -> Value | None:
    """A value in a graph file, where YAML has told texts from numbers."""
    value = item.value
    if isinstance(value, Unknown):
        return None
    fits: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "bool": bool}
    wrong = isinstance(value, bool) and kind != "bool"
    if value is None or isinstance(value, list | dict) or not isinstance(value, fits.get(kind, str)) or wrong:
        hint = f'write it in quotes: "{item.text}"' if kind == "str" and item.text else None
        if kind == "bool" and item.text.lower() in ("yes", "no", "on", "off"):
            hint = "in YAML 1.2 that is a text; write true or false"
        report.add(f"expected {_WHAT[kind]}, got {item.kind()}", item.place, hint, item.note)
        return None
    try:
        return _checked(kind, value)
    except (GraphError, ValueError) as error:
        report.add(str(error), item.place, item.note)
        return None


def _from_word(kind: str, text: str) -> Value:
    """A value on the command line, where everything is text.

    Raises:
        ValueError: it is no value of that kind.
        GraphError: it is no quantity of that dimension.
    """
    text = text if kind == "str" else text.strip()
    value: Value = text
    try:
        if kind == "int":
            value = int(text)
        elif kind == "float":
            value = float(text)
        elif kind == "bool":
            value = {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError):
        raise ValueError(f"expected {_WHAT[kind]}, got {text!r}") from None
    return _checked(kind, value)


def _checked(kind: str, value: Value) -> Value:
    if kind in ("float", *QUANTITIES) and not isfinite(_measure(kind, value)):
        raise ValueError(f"{value} is not a finite number")
    if kind == "utc":
        tdb_ns_from_utc(str(value))
    return float(value) if kind == "float" else value


def _measure(kind: str, value: Value) -> float:
    """What ranges compare: a quantity in its base unit, an instant in nanoseconds of TDB."""
    if kind == "utc":
        return tdb_ns_from_utc(str(value))
    if kind in QUANTITIES:
        return quantity(value, kind)
    return value if isinstance(value, int | float) else float(len(value))


def _out_of_range(argument: Argument, value: Value) -> str | None:
    """What is wrong with a value's size, if anything."""
    low, high, kind = argument.low, argument.high, argument.kind
    if low is not None and _measure(kind, value) < _measure(kind, low):
        return f"{as_text(value)} is less than the minimum, {as_text(low)}"
    if high is not None and _measure(kind, value) > _measure(kind, high):
        return f"{as_text(value)} is more than the maximum, {as_text(high)}"
    return None


def give(
    declared: Mapping[str, Argument | None], given: Mapping[str, str], report: Report
) -> dict[str, Argument | None]:
    """The arguments with what the command line gave them, where everything is text."""
    result = dict(declared)
    for name, text in given.items():
        word = f"{name}:={text}"
        argument = _declared(name, declared, Place.of_word(word), report)
        if argument is None:
            continue
        place = Place.of_word(word, len(name) + 3)
        try:
            value = _from_word(argument.kind, text)
        except (GraphError, TimeError, ValueError) as error:
            report.add(f"argument {name!r}: {error}", place)
            continue
        result[name] = _given(argument, value, place, report)
    return result


def give_items(
    declared: Mapping[str, Argument | None], given: Mapping[str, Item], report: Report
) -> dict[str, Argument | None]:
    """The arguments with what a graph file that includes theirs gave them."""
    result = dict(declared)
    for name, item in given.items():
        argument = _declared(name, declared, item.label, report)
        if argument is None:
            continue
        value = _declared_value(argument.kind, item, report)
        result[name] = None if value is None else _given(argument, value, item.place, report)
    return result


def _declared(name: str, declared: Mapping[str, Argument | None], place: Place, report: Report) -> Argument | None:
    """The argument of that name; None if there is none, or if it is declared wrongly."""
    if name not in declared:
        known = one_of(declared, "this graph has") or "this graph has no arguments"
        report.add(f"unknown argument {name!r}", place, known, did_you_mean(name, declared))
    return declared.get(name)


def _given(argument: Argument, value: Value, place: Place, report: Report) -> Argument:
    """The argument with a value, if that is in its range; else as it was, with the reason in ``report``."""
    wrong = _out_of_range(argument, value)
    if wrong:
        report.add(f"argument {argument.name!r}: {wrong}", place)
        return argument
    return replace(argument, given=value, place=place)


def substitute(item: Item, arguments: Mapping[str, Argument | None], report: Report) -> Item:
    """``item`` with every ``${name}`` in its values (not its keys) replaced."""
    if isinstance(item.value, dict):
        return replace(item, value={key: substitute(child, arguments, report) for key, child in item.value.items()})
    if isinstance(item.value, list):
        return replace(item, value=[substitute(child, arguments, report) for child in item.value])
    if not isinstance(item.value, str) or "$" not in item.value:
        return item
    used: list[Argument] = []
    known = True

    def fill(found: re.Match[str]) -> str:
        nonlocal known
        if found.group() == "$$":
            return "$"
        argument = arguments.get(found["name"]) if found["end"] else None
        if argument is None:
            known = False
            _report_placeholder(item, found, arguments, report)
            return ""
        used.append(argument)
        return as_text(argument.value)

    filled = _PLACEHOLDER.sub(fill, item.value)
    if not known:
        return put_in(item, UNKNOWN, None)
    if used and _PLACEHOLDER.fullmatch(item.value):
        return put_in(item, used[0].value, used[0].note)
    return put_in(item, filled, "; ".join(argument.note for argument in used) or None)


def where_given(item: Item, arguments: Mapping[str, Argument | None]) -> Place:
    """Where the value of an item not yet substituted was given: its own place, or the argument's."""
    found = _PLACEHOLDER.fullmatch(item.value) if isinstance(item.value, str) else None
    argument = arguments.get(found["name"]) if found and found["name"] else None
    return argument.place if argument and argument.place else item.place


def _report_placeholder(
    item: Item, found: re.Match[str], arguments: Mapping[str, Argument | None], report: Report
) -> None:
    """Say why a placeholder cannot be filled, unless that was said where the argument is declared."""
    name, written = found["name"], found.group()
    line = item.place.source.lines[item.place.line - 1]
    column = line.find(written, item.place.column - 1) + 1
    place = replace(item.place, column=column, width=len(written)) if column else item.place
    if not found["end"]:
        report.add(f"{written!r} has no end", place, "an argument is written ${name}; a dollar sign is $$")
    elif name not in arguments:
        names = one_of(arguments, "this graph has") or "this graph has no arguments; declare it under 'args'"
        report.add(f"unknown argument {name!r}", place, names, did_you_mean(name, arguments))
