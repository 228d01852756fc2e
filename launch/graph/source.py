"""YAML 1.2 with positions: a text becomes a tree of ``Item`` in which every value knows its line and column.

Read from ruamel.yaml's node graph, not from constructed objects, so that scalars have places too and every duplicate
key is found. The tree is plain: mappings with text keys, lists, text, numbers, booleans, null. A timestamp stays the
text it was. Anchors and aliases work; tags and merge keys, which YAML 1.2 has not in its core, do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from .diagnostics import Place, Report, Source

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
# Aliases of aliases grow like 9^9; no graph is as large as this.
_MOST_ITEMS = 50_000
_TAG = "tag:yaml.org,2002:"


class Unknown:
    """Stands for a value that could not be had because of an error already reported."""


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class Item:
    """A value with its place. ``label`` is the place of the key it stands under (else its own)."""

    value: bool | int | float | str | Unknown | list[Item] | dict[str, Item] | None
    place: Place
    label: Place
    #: Where a value that was put in for an argument came from, to be said with any error about it.
    note: str | None = None
    #: The text as written, before numbers were made of it.
    text: str = field(default="", compare=False)

    def plain(self) -> Plain:
        """The value without places. Must be known."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, Unknown):
            raise ValueError("this value is not known")
        return self.value

    def is_known(self) -> bool:
        """Whether no part of it is missing for an error already reported."""
        if isinstance(self.value, dict):
            return all(item.is_known() for item in self.value.values())
        if isinstance(self.value, list):
            return all(item.is_known() for item in self.value)
        return self.value is not UNKNOWN

    def at(self, path: tuple[int | str, ...]) -> Item:
        """The item under a path of keys and indices, or the last one on the way that exists."""
        item = self
        for step in path:
            if isinstance(item.value, dict) and step in item.value:
                item = item.value[str(step)]
            elif isinstance(item.value, list) and isinstance(step, int) and step < len(item.value):
                item = item.value[step]
            else:
                break
        return item

    def kind(self) -> str:
        """What it is, in words for a message."""
        match self.value:
            case None:
                return "nothing"
            case bool():
                return f"the truth value {str(self.value).lower()}"
            case int() | float():
                return f"the number {self.text or self.value}"
            case str():
                return f"the text {self.value!r}"
            case list():
                return "a list"
            case _:
                return "a mapping"


def read_yaml(source: Source, text: str, report: Report) -> Item | None:
    """The tree of a YAML text; None if there is none, with the reason in ``report``."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        root = YAML(typ="safe", pure=True).compose(text)
        if root is None:
            report.add("the file is empty", Place(source, 1, 1), "expected a mapping that starts with 'version: 1'")
            return None
        return _Reader(source, report).item(root)
    except ReaderError as error:
        line, column = text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position)
        report.add(f"the character U+{_code(error.character):04X} may not stand in YAML", Place(source, line, column))
    except MarkedYAMLError as error:
        report.add(*_syntax_error(error, source))
    except YAMLError as error:
        report.add(f"not YAML: {error}", Place(source, 1, 1))
    except _TooLarge as error:
        report.add(f"more than {_MOST_ITEMS:,} values, those behind aliases counted each time", error.place)
    except RecursionError:
        report.add("lists or mappings are nested too deep", Place(source, 1, 1))
    return None


def _code(character: int | str) -> int:
    return character if isinstance(character, int) else ord(character)


def _syntax_error(error: Any, source: Source) -> tuple[str, Place, str | None]:
    """Message, place and hint for an error of ruamel.yaml, whose own words are about its parser's inside."""
    mark = error.problem_mark or error.context_mark
    line = min(mark.line, len(source.lines) - 1)
    place = Place(source, line + 1, mark.column + 1)
    written = source.lines[line]
    problem = str(error.problem or "")
    if "\t" in written[: len(written) - len(written.lstrip())] or "'\\t'" in problem:
        column = written.index("\t") + 1 if "\t" in written else place.column
        return "a tab; YAML is indented with spaces", Place(source, line + 1, column), None
    if "${" in written and ("expected ',' or" in problem or "while parsing a flow" in str(error.context)):
        return "'${' inside { } or [ ] opens another mapping for YAML", place, 'write it in quotes: "${name}"'
    if "quoted scalar" in str(error.context) and "end of stream" in problem:
        opened = Place(source, error.context_mark.line + 1, error.context_mark.column + 1)
        return "the quotes that open here are not closed", opened, None
    if "expected the node content" in problem:
        return (
            "not YAML: no value where one must stand",
            place,
            "is a bracket before it not closed, or a character out of place?",
        )
    if "expected ',' or" in problem and error.context_mark is not None:
        closing = "]" if "']'" in problem else "}"
        opening = "[" if closing == "]" else "{"
        hint = f"the {opening!r} of line {error.context_mark.line + 1} is not closed before it"
        return f"not YAML: expected ',' or {closing!r} here", place, hint
    if "mapping values are not allowed" in problem:
        return "a ': ' where no key can stand", place, "check the indentation, or write the text in quotes"
    if "another document" in problem:
        return "a second document starts here", place, "a graph file is one document: remove the '---'"
    context = f" ({error.context}, line {error.context_mark.line + 1})" if error.context and error.context_mark else ""
    return f"not YAML: {problem}{context}", place, None


class _TooLarge(Exception):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.place = place


class _Reader:
    """Makes items of ruamel.yaml's nodes, and reports what a graph file may not contain."""

    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._report = report
        self._open: list[Any] = []
        self._items = 0

    def item(self, node: Any, key: Any = None) -> Item:
        label = self._place(node if key is None else key)
        place = label if key is not None and _is_left_out(node) else self._place(node)
        self._items += 1
        if any(node is outer for outer in self._open):
            return self._refuse("an alias inside what it stands for", place, label)
        if self._items > _MOST_ITEMS:
            raise _TooLarge(place)
        kind = str(node.tag).removeprefix(_TAG)
        self._open.append(node)
        try:
            if isinstance(node.value, str):
                return self._scalar(node.value, kind, place, label)
            if kind == "map":
                entries = self._mapping(node)
                return Item(UNKNOWN if entries is None else entries, place, label)
            if kind == "seq":
                return Item([self.item(child) for child in node.value], place, label)
        finally:
            self._open.pop()
        return self._refuse(f"the tag {str(node.tag)!r}; a graph file has no tags", place, label)

    def _mapping(self, node: Any) -> dict[str, Item] | None:
        """The entries by key; None if a merge key hides some of them."""
        entries: dict[str, Item] = {}
        merges = False
        for key, child in node.value:
            place = self._place(key)
            if not isinstance(key.value, str):
                self._report.add("a list or mapping as a key", place, "a key is a name")
                continue
            item = self.item(child, key)
            if key.tag == f"{_TAG}merge":
                merges = True
                self._report.add("a merge key; YAML 1.2 has none", place, "write the keys out")
            elif key.value in entries:
                first = entries[key.value].label.line
                self._report.add(f"duplicate key {key.value!r}", place, f"it was given first in line {first}")
            else:
                entries[key.value] = item
        return None if merges else entries

    def _scalar(self, text: str, kind: str, place: Place, label: Place) -> Item:
        if kind in ("str", "timestamp"):
            return Item(text, place, label, text=text)
        make = _SCALARS.get(kind)
        if make is None:
            return self._refuse(f"the tag {kind!r}; a graph file has no tags", place, label)
        try:
            return Item(make(text), place, label, text=text)
        except ValueError:
            return self._refuse("a number that cannot be read", place, label)

    def _refuse(self, message: str, place: Place, label: Place) -> Item:
        self._report.add(message, place)
        return Item(UNKNOWN, place, label)

    def _place(self, node: Any) -> Place:
        start, end = node.start_mark, node.end_mark
        line = min(start.line, len(self._source.lines) - 1)
        width = end.column - start.column if start.line == end.line else len(self._source.lines[line]) - start.column
        is_block = not isinstance(node.value, str) and not node.flow_style
        return Place(self._source, line + 1, start.column + 1, 1 if is_block else max(1, width))


def _is_left_out(node: Any) -> bool:
    """Whether the value after a key is empty: its mark is then that of whatever comes next."""
    return node.value == "" and (node.start_mark.line, node.start_mark.column) == (
        node.end_mark.line,
        node.end_mark.column,
    )


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    return int(digits, 0) if digits.lstrip("+-")[:2].lower() in ("0x", "0o", "0b") else int(digits)


def _real(text: str) -> float:
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: dict[str, Callable[[str], bool | int | float | None]] = {
    "null": lambda text: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": _real,
}


def put_in(item: Item, value: bool | int | float | str | Unknown, note: str | None) -> Item:
    """``item`` with an argument's value in its place."""
    return replace(item, value=value, note=note, text="" if isinstance(value, Unknown) else str(value))
