"""What the site's reference is made of beside docstrings: graph files, node types, commands, errors, exit codes.

A page says where by a comment alone in its line, ``<!-- generated: keys of nodes -->``; ``generated`` puts the text
there. MkDocs calls ``on_page_markdown``; the tests call ``generated`` as well, so that what is written about is what
there is.
"""

from __future__ import annotations

import html
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lightlag.bus import errors
from lightlag.launch.command.calling import page_of
from lightlag.launch.command.overview import EXIT_CODES
from lightlag.launch.command.table import BY_NAME, COMMANDS
from lightlag.launch.graph.describe import NodeFacts, Parameter, describe
from lightlag.launch.graph.schema import STATIC, shipped_types
from lightlag.nodes.units import quantity_text

_MARKER = re.compile(r"^<!-- generated: (?P<what>[a-z ]+?)(?: of (?P<of>[\w ,.]+))? -->$", re.MULTILINE)
_PATTERNS = (
    (r"(ns|us|ms|s|min|h|d|sol)\s*$", "duration"),
    (r"^\s*\d{4}-", "UTC instant"),
    (r"^[a-z][a-z0-9_-]*$", "name"),
    (r"^[^.\s]+\.[^.\s]+$", "node.port"),
    (r"^[\w.]+:[\w.]+$", "package.module:Class"),
)
_JSON_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs for every page."""
    return generated(markdown)


def generated(markdown: str) -> str:
    """A page, with what its comments ask for in their places."""
    return _MARKER.sub(lambda found: _MAKERS[found["what"]](found["of"] or ""), markdown)


# -- graph files ----------------------------------------------------------------------------------------------------


def sections() -> dict[str, Any]:
    """The sections of a graph file, by name, each as the schema has it."""
    found: dict[str, Any] = _schema()["properties"]
    return found


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(STATIC.read_text(encoding="utf-8"))
    return schema


def _keys(names: str) -> str:
    """A table of the keys of a section, or of sections that are single values."""
    schema, wanted = _schema(), names.split(", ")
    known = schema["properties"]
    if len(wanted) > 1:
        needed = {name for choice in schema["anyOf"] for name in choice["required"]}
        return _key_table(_key_row(name, known[name], required=name in needed) for name in wanted)
    inner = known[names].get("items") or known[names]["additionalProperties"]
    if "$ref" in inner:
        inner = schema["$defs"][inner["$ref"].rpartition("/")[2]]
    return _key_table(_key_rows(inner) if "properties" in inner else [_key_row("NAME", inner, required=False)])


def _key_table(rows: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]]) -> str:
    return _table(("key", "what it is", "type", "without it"), [*rows])


def _key_rows(schema: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, ...]]:
    for name, child in schema["properties"].items():
        yield _key_row(before + name, child, required=name in schema.get("required", ()))
        inner = next((it for it in (child, *child.get("anyOf", ())) if "properties" in it), None)
        if inner is not None:
            yield from _key_rows(inner, f"{before}{name}.")


def _key_row(name: str, schema: Mapping[str, Any], *, required: bool) -> tuple[str, ...]:
    default = schema.get("default")
    without = "**required**" if required else f"`{default}`" if default is not None else ""
    return f"`{name}`", schema.get("description", ""), _type(schema), without


def _type(schema: Mapping[str, Any]) -> str:
    """What a value is, in our words."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{it}`" for it in schema["enum"])
    if "anyOf" in schema:
        known = [it for it in schema["anyOf"] if "$ref" not in it and it.get("type") != "null"]
        if sum("const" in it for it in known) > 1:
            return "a [node type](node-types.md), or `package.module:Class`"
        return " or ".join(dict.fromkeys(map(_type, known)))
    if "pattern" in schema:
        return next((said for piece, said in _PATTERNS if piece in schema["pattern"]), "text")
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(_JSON_TYPES[it] for it in kind if it in _JSON_TYPES)
    if kind == "array":
        least, most = schema.get("minItems"), schema.get("maxItems")
        return f"{f'list of {least}:' if least == most and least else 'list of'} {_type(schema['items'])}"
    return "mapping" if kind == "object" else _JSON_TYPES[str(kind)]


# -- node types -----------------------------------------------------------------------------------------------------


def _node_types(_: str) -> str:
    facts = [describe(cls, name) for name, cls in shipped_types().items() if cls is not None]
    radio = next(it for fact in facts for it in fact.parameters if it.type == "radio")
    pieces = [piece for fact in facts for piece in _node_type(fact)]
    pieces += ["## Of every radio { #radio }", _parameters([(f".{it.name}", it) for it in radio.fields])]
    return "\n\n".join(pieces)


def _node_type(facts: NodeFacts) -> Iterator[str]:
    yield f"## {facts.name} {{ #{facts.name} }}"
    yield facts.doc
    rows = [("class", f"`{facts.cls}`"), ("where", f"`{facts.trajectory}`" if facts.trajectory else "")]
    for label, kinds in (("sends", facts.sends), ("hears", facts.hears)):
        rows.append((label, ", ".join("any" if it.type == "any" else f"`{it.type}`" for it in kinds)))
    rows.append(("parts", ", ".join(facts.parts)))
    for port in facts.ports:
        sends = f"sends {quantity_text(port.transmit_hz, 'frequency')}" if port.transmit_hz else ""
        rate = f" at {quantity_text(port.rate_bps, 'data rate')}" if sends and port.rate_bps else ""
        hears = f"hears {quantity_text(port.receive_hz, 'frequency')}" if port.receive_hz else ""
        rows.append((f"port `{port.name}`", "; ".join(filter(None, (port.description, sends + rate, hears)))))
    yield _table(("", ""), [row for row in rows if row[1]])
    yield _parameters([*_flat(facts.parameters)])


def _flat(parameters: Sequence[Parameter], before: str = "") -> Iterator[tuple[str, Parameter]]:
    for it in parameters:
        yield before + it.name, it
        if it.type != "radio":
            yield from _flat(it.fields, f"{before}{it.name}.")


def _parameters(named: Sequence[tuple[str, Parameter]]) -> str:
    rows = []
    for name, it in named:
        kind = "[radio](#radio)" if it.type == "radio" else it.type
        default = f"`{it.default}`" if it.default is not None else ""
        limits = ", ".join(filter(None, (kind, it.low, it.high)))
        rows.append((f"`{name}`", it.description, limits, "**required**" if it.required else default))
    return _table(("parameter", "what it is", "type", "without it"), rows)


# -- commands -------------------------------------------------------------------------------------------------------


def _overview(_: str) -> str:
    rows = [
        (f"[`{command.name}`](#{command.name})", command.does) for commands in COMMANDS.values() for command in commands
    ]
    return _table(("command", "what it does"), rows)


def _commands(_: str) -> str:
    pieces: list[str] = []
    for heading, commands in COMMANDS.items():
        pieces.append(f"## {heading}")
        for command in commands:
            pieces += _command(3, command.name)
            for name, _what in page_of(command.name).rows["Commands"]:
                pieces += _command(4, command.name, name)
    return "\n\n".join(pieces)


def _command(level: int, *words: str) -> Iterator[str]:
    page = page_of(*words)
    yield f"{'#' * level} {' '.join(words)} {{ #{'-'.join(words)} }}"
    if not page.rows["Commands"]:
        yield f"`{page.usage}`{{ .usage }}"
    for paragraph in page.paragraphs:
        if paragraph.startswith("\b"):
            yield "\n".join(["```text", *paragraph.removeprefix("\b").strip("\n").splitlines(), "```"])
        else:
            yield _linked(html.escape(" ".join(paragraph.split()), quote=False), words[0])
    rows = [row for heading in ("Arguments", "Options") for row in page.rows[heading] if "--help" not in row[0]]
    if rows:
        yield _table(("", ""), [(f"`{name}`", html.escape(what, quote=False)) for name, what in rows])


def _linked(text: str, of: str) -> str:
    """The text, in which other commands that it names are links."""
    others = "|".join(name for name in BY_NAME if name != of)
    return re.sub(rf"\blightlag ({others})\b", r"[`lightlag \1`](#\1)", text)


# -- Python ---------------------------------------------------------------------------------------------------------


def _api(asked: str) -> str:
    """Everything that a package offers, for mkdocstrings; what is named after the package comes first."""
    package, *first = asked.split(", ")
    module = import_module(package)
    names = [*first, *(name for name in module.__all__ if name not in first)]
    # A function may have the name of its module, and the module is not meant.
    homes = [getattr(getattr(module, name), "__module__", package) for name in names]
    paths = [
        f"{home if home.startswith('lightlag.') else package}.{name}" for home, name in zip(homes, names, strict=True)
    ]
    return "\n\n".join(f"::: {path}\n    options: {{heading_level: 2}}" for path in paths)


# -- small ones -----------------------------------------------------------------------------------------------------


def _exit_codes(_: str) -> str:
    return _table(("code", "when"), [(f"`{code}`", text) for code, text in EXIT_CODES])


def _errors(_: str) -> str:
    """The tree of errors, as the module that has them draws it."""
    drawn = (inspect.getdoc(errors) or "").split("\n\n")[1]
    return "\n".join(["```text", *(line.removeprefix("    ") for line in drawn.splitlines()), "```"])


def _changelog(_: str) -> str:
    """CHANGELOG.md, below its title."""
    return (Path(__file__).parents[1] / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n")[2]


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    """A bar in code stands for itself; elsewhere it would end the cell."""
    pieces = text.split("`")
    return "`".join(piece if number % 2 else piece.replace("|", r"\|") for number, piece in enumerate(pieces))


_MAKERS: dict[str, Callable[[str], str]] = {
    "keys": _keys,
    "node types": _node_types,
    "commands": _commands,
    "overview": _overview,
    "exit codes": _exit_codes,
    "errors": _errors,
    "api": _api,
    "changelog": _changelog,
}
