"""The JSON Schema (draft 2020-12) of graph files, made of the node types that are installed, for editors.

A static copy for the types that lightlag ships lies beside this module, ``graph.schema.json``. In an editor that speaks
YAML the first line of a graph file says where a schema is, a path or a URL:

    # yaml-language-server: $schema=graph.schema.json

``lightlag schema`` writes one with everything that is installed here. A schema knows keys, types and units; whether
names lead anywhere is said by ``lightlag validate``. ``${name}`` is accepted wherever a value stands.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams
from lightlag.nodes.units import UTC_SCHEMA, quantity_schema

from .arguments import KINDS
from .loading import KEYS, REQUIRED
from .machines import MACHINE_KEYS
from .nodes import NODE_KEYS
from .plugins import NODES, PluginError, installed, names, node_type
from .spec import FORMAT
from .values import MOST_SEED, NAME

STATIC = Path(__file__).parent / "graph.schema.json"

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLACEHOLDER: Schema = {"$ref": "#/$defs/placeholder"}
_SCALARS = ("string", "integer", "number", "boolean")
#: What pydantic says of a model that is of no use in an editor, or is said in base units.
_LEFT_OUT = ("title", "unit", "gt", "ge", "lt", "le")
#: A definition whose name is the whole of a path has this in the place of what a JSON pointer would have to escape.
_PARAMS = "params of {}"


def graph_schema(types: Mapping[str, type[Node] | None] | None = None) -> Schema:
    """The schema for these node types by name, else for all that are installed; None for one that cannot be had."""
    found = installed_types() if types is None else types
    params, definitions = _params({name: cls for name, cls in found.items() if cls is not None})
    return {
        "$schema": _DIALECT,
        "title": "lightlag graph",
        "type": "object",
        "required": ["version"],
        # What only other graphs include has ports, and need not say when it begins and ends.
        "anyOf": [{"required": list(REQUIRED)}, {"required": ["ports"]}],
        "additionalProperties": False,
        "properties": {key: _SECTIONS.get(key, {}) for key in KEYS},
        "$defs": {
            "placeholder": {"type": "string", "pattern": r"\$\{[a-z][a-z0-9_]*\}", "description": "an argument"},
            "node": _node(found, params),
            **definitions,
        },
    }


def installed_types() -> dict[str, type[Node] | None]:
    """Every installed node type by its name; None for one that cannot be imported."""
    return {name: _type(name) for name in names(NODES)}


def shipped_types() -> dict[str, type[Node] | None]:
    """The node types that come with lightlag."""
    shipped = [entry.name for entry in installed(NODES) if entry.value.startswith("lightlag.")]
    return {name: _type(name) for name in sorted(set(shipped))}


def _type(name: str) -> type[Node] | None:
    try:
        return node_type(name)
    except PluginError:
        return None


# -- values -------------------------------------------------------------------------------------------------------


def _or_argument(schema: Schema) -> Schema:
    """A value, or a placeholder of an argument; what is said about the value stays outside."""
    about: Schema = {key: schema[key] for key in ("description", "default", "examples") if key in schema}
    value = {key: it for key, it in schema.items() if key not in about}
    choices = value["anyOf"] if set(value) == {"anyOf"} else [value]
    return {**about, "anyOf": [*choices, _PLACEHOLDER]}


def _value(description: str, **schema: Any) -> Schema:
    return _or_argument({"description": description, **schema})


def _names(description: str, values: Schema) -> Schema:
    """A mapping from names."""
    keys = {"pattern": f"^{NAME.pattern}$"}
    return {
        "description": description,
        "type": ["object", "null"],
        "propertyNames": keys,
        "additionalProperties": values,
    }


def _mapping(description: str, required: tuple[str, ...], **properties: Schema) -> Schema:
    known: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {"description": description, **known, **({"required": list(required)} if required else {})}


_TEXT: Schema = {"type": "string"}
_NAME_OF: Callable[[str], Schema] = lambda what: _value(what, type="string", pattern=f"^{NAME.pattern}$")  # noqa: E731
_DURATION = quantity_schema("duration")
_END: Schema = _value("node.port", type="string", pattern=r"^[^.\s]+\.[^.\s]+$", examples=["mro.uhf"])
_ENDS: Schema = {"type": "array", "items": _END}
_INSTANT = {"anyOf": [{"type": "string", "pattern": it["pattern"]} for it in (_DURATION, UTC_SCHEMA)]}
_WIRE = _mapping("a wire", ("latency",), latency=_value("how long it takes, like 2 ms", **_DURATION))
_MEDIUM: Schema = {
    "description": "what lies between the members: space, or {wire: {latency: 2 ms}}",
    "anyOf": [{"const": "space"}, _mapping("a wire", ("wire",), wire=_WIRE), _PLACEHOLDER],
}
_ARGUMENT = _mapping(
    "an argument",
    ("type", "default", "help"),
    type={"enum": list(KINDS)},
    default={"type": list(_SCALARS), "description": "its value if none is given"},
    help={"type": "string", "description": "what it is for"},
    min={"type": list(_SCALARS), "description": "the least it can be"},
    max={"type": list(_SCALARS), "description": "the most it can be"},
)
_CHANNEL = _mapping(
    "a channel",
    ("medium", "members"),
    medium=_MEDIUM,
    members={**_ENDS, "minItems": 1, "description": "who hears what is sent on it, and may send"},
    senders={**_ENDS, "description": "who only sends on it"},
)
_LINK: Schema = {
    **_mapping(
        "a channel between two ports",
        ("medium",),
        **{"from": _END, "to": _END},
        between={**_ENDS, "minItems": 2, "maxItems": 2, "description": "two ports, each of which hears the other"},
        medium=_MEDIUM,
        name=_NAME_OF("what the channel is called, else after its nodes"),
    ),
    "oneOf": [{"required": ["from", "to"]}, {"required": ["between"]}],
}
_INCLUDE = _mapping(
    "a graph to put in",
    ("graph",),
    graph=_value("a shipped graph's name, or a path relative to this file", **_TEXT),
    prefix=_NAME_OF("what stands before its names, and a hyphen: east-mro"),
    args={"type": "object", "description": "its arguments", "additionalProperties": {"type": list(_SCALARS)}},
)
_NODES: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_SIDES: Schema = {"type": "array", "items": _NODES, "minItems": 2, "maxItems": 2}
_ONE_WAY = ("from", "to", "p")
_PART = _value("of so many messages one", type="number", exclusiveMinimum=0, maximum=1)
_FAULTS_BY: Schema = {
    "partition": {**_SIDES, "description": "nothing arrives from one side at the other"},
    "hold": {**_SIDES, "description": "what would arrive waits until the fault ends"},
    "drop": _mapping("some of what would arrive is lost", _ONE_WAY, **{"from": _NODES, "to": _NODES, "p": _PART}),
    "corrupt": _mapping("some arrives with a bit flipped", _ONE_WAY, **{"from": _NODES, "to": _NODES, "p": _PART}),
    "delay": _mapping(
        "what would arrive comes later",
        ("from", "to", "by"),
        **{"from": _NODES, "to": _NODES, "by": _value("how much later", **_DURATION)},
    ),
    "crash": {**_NODES, "description": "nodes die"},
    "bounce": {**_NODES, "description": "nodes die and start again"},
    "safe_mode": {**_NODES, "description": "nodes do only what their class does in safe mode"},
    "blackout": {**_NODES, "description": "nodes neither hear nor are heard"},
    "stuck_receiver": {**_END, "description": "nothing arrives at a port"},
    "clock_jump": _mapping("an on-board clock jumps", ("node", "by"), node=_TEXT, by=_value("how far", **_DURATION)),
}
_FAULT: Schema = {
    **_mapping(
        "something that goes wrong",
        (),
        **_FAULTS_BY,
        channel=_NAME_OF("the channel on which; else all"),
        **{key: _value(f"{key}: a duration after the epoch, or a UTC instant", **_INSTANT) for key in ("from", "at")},
        **{"for": _value("how long", **_DURATION), "until": _value("when it ends", **_INSTANT)},
    ),
    "oneOf": [{"required": [verb]} for verb in _FAULTS_BY],
}
_HOST = _mapping("another machine", (), **{key: _value(f"its {key}", **_TEXT) for key in MACHINE_KEYS})

_SECTIONS: dict[str, Schema] = {
    "version": {"const": FORMAT, "description": "the version of the format"},
    "name": _NAME_OF("what the graph is called"),
    "description": {"type": "string", "description": "what it is, for people"},
    "args": _names("what the command line may set, as name:=value", _ARGUMENT),
    "epoch": _value("when the run begins, UTC", **UTC_SCHEMA),
    "seed": _value("the seed of all randomness", type="integer", minimum=0, maximum=MOST_SEED, default=1),
    "until": _value("how long the run lasts", **_DURATION),
    "restart": _value(
        "how often a process that was killed is started again",
        anyOf=[{"type": "integer", "minimum": 0}, {"const": "never"}],
        default=10,
    ),
    "include": {"type": ["array", "null"], "items": _INCLUDE, "description": "graph files that are put in"},
    "nodes": _names("what takes part", {"$ref": "#/$defs/node"}),
    "channels": _names("what joins the nodes", _CHANNEL),
    "links": {"type": ["array", "null"], "items": _LINK, "description": "channels between two ports"},
    "place": _names("groups of nodes that stay in one process", _NAME_OF("the group, or a machine of hosts")),
    "hosts": _names("other machines that a place may name", _HOST),
    "faults": {"type": ["array", "null"], "items": _FAULT, "description": "what goes wrong on purpose, and when"},
    "ports": _names("what a graph that includes this one may name", _value("node.port, or a channel", **_TEXT)),
}


# -- nodes --------------------------------------------------------------------------------------------------------


def _node(types: Mapping[str, type[Node] | None], params: Mapping[str, Schema]) -> Schema:
    known = [
        {"const": name, **({"description": said} if (said := _first_line(cls)) else {})} for name, cls in types.items()
    ]
    written_out = {"type": "string", "pattern": r"^[\w.]+:[\w.]+$", "description": "package.module:Class"}
    properties: Schema = {
        **{key: {} for key in NODE_KEYS},
        "type": {"description": "what it is", "anyOf": [*known, written_out, _PLACEHOLDER]},
        "params": {"type": "object", "description": "what is different from what the type declares"},
        "join": _value("when it joins: a duration after the epoch, or a UTC instant", **_INSTANT),
        "exec": {
            "type": "array",
            "items": _TEXT,
            "minItems": 1,
            "description": "the program that does what the node does, and its words",
        },
        "folder": _value("where the program runs, else the folder of this file", **_TEXT),
        "leave": _value("when it leaves: a duration after the epoch, or a UTC instant", **_INSTANT),
    }
    choices = [
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {
                "properties": {"params": {"$ref": f"#/$defs/{_PARAMS.format(name)}"}},
                **({"required": ["params"]} if schema.get("required") else {}),
            },
        }
        for name, schema in params.items()
    ]
    return {**_mapping("a node", ("type",), **properties), "allOf": choices}


def _first_line(cls: type[Node] | None) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0] if cls is not None else "it cannot be imported"


def _params(types: Mapping[str, type[Node]]) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The parameters of each type, and every definition that they need."""
    models: list[tuple[type[NodeParams], Any]] = [(cls.Params, "validation") for cls in types.values()]
    refs, whole = models_json_schema(list(dict.fromkeys(models)), ref_template="#/$defs/{model}")
    made: dict[str, Schema] = {name: _adapted(schema) for name, schema in whole.get("$defs", {}).items()}
    params: dict[str, Schema] = {}
    for name, cls in types.items():
        reference = str(refs[cls.Params, "validation"]["$ref"]).removeprefix("#/$defs/")
        params[name] = made[reference]
    of_types = {_PARAMS.format(name): schema for name, schema in params.items()}
    roots = {str(ref["$ref"]).removeprefix("#/$defs/") for ref in refs.values()}
    return params, {**of_types, **{name: schema for name, schema in made.items() if name not in roots}}


def _adapted(schema: Schema) -> Schema:
    """A schema of pydantic as a person writes the values in a graph file."""
    schema = {**schema}
    unit = schema.get("unit") or next((it["unit"] for it in schema.get("anyOf", ()) if "unit" in it), None)
    default = schema.get("default")
    if isinstance(default, dict) or default is None:
        schema.pop("default", None)  # what a class declares for a radio is laid under what is given, not replaced
    elif unit:
        schema["default"] = f"{default:g} {unit}"
    if "description" in schema:
        schema["description"] = " ".join(str(schema["description"]).split())
    for key in _LEFT_OUT:
        schema.pop(key, None)
    if "properties" in schema:
        schema["properties"] = {name: _adapted(child) for name, child in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = _adapted(schema[key])
    for key in ("anyOf", "oneOf", "prefixItems"):
        if key in schema:
            schema[key] = [_adapted(child) for child in schema[key]]
    is_value = schema.get("type") in _SCALARS or "enum" in schema or "const" in schema
    return _or_argument(schema) if is_value else schema
