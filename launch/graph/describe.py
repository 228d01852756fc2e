"""What a node type is, as data: its words, its parameters with their units, its ports, what it says and hears.

All of it is told from the class alone; nothing runs, and no node is in a run. For people (``lightlag node info``), for
documents, for checks of plug-ins.
"""

from __future__ import annotations

import inspect
import types
import typing
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from lightlag.bus.errors import LightlagError
from lightlag.bus.message import Message
from lightlag.nodes.node import Node
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.parts import parts_of
from lightlag.nodes.units import Utc, quantity_text

from .parameters import base_unit
from .plugins import ports

#: Kinds of parts that are told of as ports.
_PORTS = ("radio", "port")
_DIMENSIONS = {
    "s": "duration",
    "km": "length",
    "bit/s": "data rate",
    "Hz": "frequency",
    "deg": "angle",
    "dBW": "power",
    "bit": "data size",
}
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "nothing"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a node type, or a field of one; quantities are told with their units, as a graph file has them."""

    name: str
    #: ``duration``, ``whole number``, ``radio``, ``one of: at once, record``.
    type: str
    #: The base unit of a quantity, in which the node reads it; empty for others.
    unit: str
    required: bool
    #: As a graph file would have it, ``none`` for a mapping that is not there unless it is given. None if there is no
    #: default, or if it is made of ``fields``.
    default: str | None
    low: str | None
    high: str | None
    description: str
    #: Of a mapping: what it is made of.
    fields: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class PortFacts:
    """A port of a node type: plain, for a wire, or a radio with what its class declares for it."""

    name: str
    kind: str
    rate_bps: float | None = None
    transmit_hz: float | None = None
    receive_hz: float | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """A type of message: its name with version, its first line of words, and its fields with their types."""

    type: str
    summary: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node type."""

    name: str
    #: ``package.module:Class``.
    cls: str
    summary: str
    doc: str
    parameters: tuple[Parameter, ...]
    ports: tuple[PortFacts, ...]
    sends: tuple[MessageFacts, ...]
    hears: tuple[MessageFacts, ...]
    parts: tuple[str, ...]
    #: Where nodes of it are, in one line; None if nowhere: they are only on wires.
    trajectory: str | None


def describe(node: type[Node], name: str = "") -> NodeFacts:
    """What a node class declares; ``name`` is that of its type, if it is installed under one."""
    written_out = f"{node.__module__}:{node.__qualname__}"
    doc = inspect.getdoc(node) or ""
    return NodeFacts(
        name=name or written_out,
        cls=written_out,
        summary=_summary(doc),
        doc=doc,
        parameters=parameters(node.Params),
        ports=tuple(_port(node, port, is_radio=is_radio) for port, is_radio in ports(node).items()),
        sends=tuple(map(_message, node.sends)),
        hears=tuple(map(_message, node.hears)),
        parts=tuple(_part(*part) for part in parts_of(node).items() if part[1] not in _PORTS),
        trajectory=_trajectory(node),
    )


def parameters(model: type[BaseModel], default: BaseModel | None = None) -> tuple[Parameter, ...]:
    """The fields of a model; of a model that stands as the default of a field, with that one's values."""
    return tuple(_parameter(name, field, default) for name, field in model.model_fields.items())


def _parameter(name: str, field: FieldInfo, owner: BaseModel | None) -> Parameter:
    unit = base_unit(field)
    value = getattr(owner, name) if owner is not None else _default(field)
    inner = type(value) if isinstance(value, BaseModel) else _model(field.annotation)
    made_of = parameters(inner, value if isinstance(value, inner) else None) if inner is not None else ()
    limits = {key: getattr(mark, key) for mark in _marks(field) for key in ("gt", "ge", "lt", "le") if _has(mark, key)}
    return Parameter(
        name=name,
        type="UTC instant" if _is_utc(field) else _type_text(field.annotation, unit),
        unit=unit,
        required=field.is_required() and owner is None,
        default=_default_text(
            value, unit, is_mapping=inner is not None and (owner is not None or not field.is_required())
        ),
        low=_limit(limits, "gt", "ge", unit),
        high=_limit(limits, "lt", "le", unit),
        description=field.description or "",
        fields=made_of,
    )


def _default_text(value: Any, unit: str, *, is_mapping: bool) -> str | None:
    if isinstance(value, BaseModel):
        return None
    return ("none" if is_mapping else None) if value is None else _value_text(value, unit)


def _default(field: FieldInfo) -> Any:
    try:
        value = field.get_default(call_default_factory=True, validated_data={})
    except LightlagError:  # it is made of a file that is not there
        return None
    return None if value is PydanticUndefined else value


def _marks(field: FieldInfo) -> list[Any]:
    """What the annotation of a field says beside its type, also inside of ``X | None``."""
    inside = (mark for choice in typing.get_args(field.annotation) for mark in typing.get_args(choice)[1:])
    return [*field.metadata, *inside]


def _is_utc(field: FieldInfo) -> bool:
    return typing.get_args(Utc)[1] in _marks(field)


def _has(mark: Any, key: str) -> bool:
    return getattr(mark, key, None) is not None


def _limit(limits: dict[str, Any], beyond: str, at: str, unit: str) -> str | None:
    """A limit in words: ``more than 0 km``, ``at least 1``."""
    if at in limits:
        return f"{'at least' if at == 'ge' else 'at most'} {_value_text(limits[at], unit)}"
    if beyond in limits:
        return f"{'more than' if beyond == 'gt' else 'less than'} {_value_text(limits[beyond], unit)}"
    return None


def _value_text(value: Any, unit: str) -> str:
    if unit and isinstance(value, int | float):
        return quantity_text(value, _DIMENSIONS[unit])
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(_value_text(item, unit) for item in value)}]"
    return str(value) or "''"


def _type_text(annotation: Any, unit: str) -> str:
    """A type in our words."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in _WORDS:
        return _DIMENSIONS[unit] if unit else _WORDS[annotation]
    if origin is typing.Annotated:
        return _type_text(inside[0], unit)
    if origin is typing.Literal:
        return f"one of: {', '.join(map(str, inside))}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type_text(it, unit) for it in inside if it is not type(None)))
    if origin in (tuple, list, set, frozenset):
        return f"list of {_type_text(inside[0], unit)}" if inside else "list"
    if origin is dict:
        return f"{_type_text(inside[1], unit)} by name"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "radio" if issubclass(annotation, RadioSpec) else "mapping"
    return getattr(annotation, "__name__", str(annotation))


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as ``RadioSpec | None``."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for it in typing.get_args(annotation) if (found := _model(it)) is not None), None)


def _port(node: type[Node], name: str, *, is_radio: bool) -> PortFacts:
    if not is_radio:
        return PortFacts(name, "wire")
    field = node.Params.model_fields[name]
    radio, said = _default(field), field.description or ""
    if not isinstance(radio, RadioSpec):
        return PortFacts(name, "radio", description=said)
    return PortFacts(name, "radio", radio.rate_bps, radio.transmit_hz, radio.receive_hz, said)


def _part(name: str, kind: str) -> str:
    return name if name == kind else f"{name} ({kind})"


def _message(kind: type) -> MessageFacts:
    if kind is Message:
        return MessageFacts("any", "Whatever comes; a relay need not know it.", {})
    hints = typing.get_type_hints(kind)
    told = {field.name: _hint_text(hints[field.name]) for field in fields(kind)}
    return MessageFacts(getattr(kind, "__message_type__", kind.__name__), _summary(inspect.getdoc(kind) or ""), told)


def _hint_text(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _trajectory(node: type[Node]) -> str | None:
    """Where nodes of a class are: what the class declares or, if that is made of parameters, with their defaults."""
    declared = inspect.getattr_static(node, "trajectory")
    if declared is not None and not isinstance(declared, property):
        return _in_a_line(declared)
    needed = [name for name, field in node.Params.model_fields.items() if field.is_required()]
    if needed:
        return f"where its parameters say: {', '.join(needed)}"
    found = node("described").trajectory
    return None if found is None else _in_a_line(found)


def _in_a_line(model: object) -> str:
    """A trajectory as declared: what is given in numbers and words; or else what its class is."""
    given = {
        it.name: getattr(model, it.name)
        for it in (fields(model) if is_dataclass(model) else ())
        if it.default is MISSING or getattr(model, it.name) != it.default
    }
    simple = {name: value for name, value in given.items() if isinstance(value, str | int | float | tuple)}
    if not simple:
        return f"{type(model).__name__}: {_summary(inspect.getdoc(model) or '')}"
    told = ", ".join(f"{name}={_value_text(value, '')}" for name, value in simple.items())
    return f"{type(model).__name__}({told})"


def _summary(doc: str) -> str:
    return " ".join(doc.partition("\n\n")[0].split())
