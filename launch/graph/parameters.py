"""A node's parameters: what the graph gives, validated by the node class's own ``Params``, laid over its defaults.

A mapping in the graph changes what it names and nothing else: ``uhf: {rate_bps: 32 kbit/s}`` keeps the carrier that
the class declares for its radio. Errors of pydantic come back as places in the graph file, in our words.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from lightlag.nodes.params import NodeName, NodeParams
from lightlag.nodes.units import Dimension

from .diagnostics import Place, Report, did_you_mean, one_of
from .source import Item

# What pydantic's error types expect, by their first word.
_EXPECTED = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "frozenset": "a list",
    "int": "a whole number",
    "list": "a list",
    "model": "a mapping",
    "set": "a list",
    "string": "a text",
    "tuple": "a list",
}
_LIMITS = {
    "greater_than": "greater than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}
_NODE_NAME = typing.get_args(NodeName)[1]


def read_params(model: type[NodeParams], item: Item | None, node: Place, report: Report) -> NodeParams | None:
    """The parameters of a node whose name stands at ``node``; None if they are wrong or cannot be known."""
    if item is not None and not item.is_known():
        return None
    try:
        given = model.model_validate({} if item is None else item.plain())
    except ValidationError as error:
        for found in error.errors(include_url=False):
            _report(model, item, node, dict(found), report)
        return None
    return _overlay(given, None)


def params_of(model: type[NodeParams], given: Mapping[str, Any]) -> NodeParams:
    """The same of plain values, as a graph file has them.

    Raises:
        ValidationError: they are wrong.
    """
    return _overlay(model.model_validate(dict(given)), None)


def with_full_names(model: type[BaseModel], item: Item, nodes: Collection[str], full: Callable[[str], str]) -> Item:
    """``item`` with every parameter that names one of ``nodes`` (a ``NodeName``) naming it as the whole graph does."""
    if not isinstance(item.value, dict):
        return item

    def renamed(name: Item) -> Item:
        if isinstance(name.value, list):
            return replace(name, value=[renamed(child) for child in name.value])
        is_one = isinstance(name.value, str) and name.value in nodes
        return replace(name, value=full(str(name.value))) if is_one else name

    entries: dict[str, Item] = {}
    for key, child in item.value.items():
        field = model.model_fields.get(key)
        inner = _model_of(field.annotation) if field is not None else None
        if field is not None and _NODE_NAME in _marks(field):
            entries[key] = renamed(child)
        elif inner is not None and isinstance(child.value, list):
            within = [with_full_names(inner, each, nodes, full) for each in child.value]
            entries[key] = replace(child, value=within)
        else:
            entries[key] = with_full_names(inner, child, nodes, full) if inner is not None else child
    return replace(item, value=entries)


Model = typing.TypeVar("Model", bound=BaseModel)


def _overlay(given: Model, default: Model | None) -> Model:
    """What ``given`` sets, over ``default`` or else over the defaults of its class, at every depth."""
    update: dict[str, Any] = {}
    for name, value in given:
        if name not in given.model_fields_set:
            continue
        if isinstance(value, BaseModel):
            field = type(given).model_fields[name]
            base = getattr(default, name) if default is not None else _default(field, given)
            value = _overlay(value, base if isinstance(base, type(value)) else None)
        update[name] = value
    return (given if default is None else default).model_copy(update=update)


def _default(field: FieldInfo, owner: BaseModel) -> object:
    return field.get_default(call_default_factory=True, validated_data=dict(owner))


def _report(model: type[NodeParams], item: Item | None, node: Place, error: Mapping[str, Any], report: Report) -> None:
    """Say one error of pydantic as an error of the graph file."""
    path, kind = _without_tags(model, tuple(error["loc"])), str(error["type"])
    name = ".".join(str(step) for step in path) or "'params'"
    at = item.at(path) if item is not None else None
    place, note = (at.place, at.note) if at else (node, None)
    if kind == "missing":
        field = _fields(model, path[:-1]).get(str(path[-1]))
        within = item.at(path[:-1]).label if item is not None and len(path) > 1 else node
        report.add(f"the parameter {name!r} is missing", within, field.description if field else None)
    elif kind == "extra_forbidden":
        names, unknown = _fields(model, path[:-1]), str(path[-1])
        listed = one_of(names) or "there are none here"
        report.add(f"unknown parameter {unknown!r}", at.label if at else node, listed, did_you_mean(unknown, names))
    elif kind == "value_error":
        report.add(f"{name}: {error['ctx']['error']}", place, note)
    elif kind == "literal_error":
        choices = re.findall("'([^']*)'", error["ctx"]["expected"])
        near = did_you_mean(str(error["input"]), choices)
        report.add(f"{name} is {error['input']!r}", place, one_of(choices), near, note)
    elif kind in _LIMITS:
        field = _fields(model, path[:-1]).get(str(path[-1])) if path else None
        limit = f"{_LIMITS[kind]} {next(iter(error['ctx'].values())):g} {base_unit(field)}".rstrip()
        report.add(f"{name} is {at.text if at else error['input']}; it must be {limit}", place, note)
    elif (expected := _EXPECTED.get(kind.partition("_")[0])) and kind.endswith(("_type", "_parsing", "_from_float")):
        is_other = at is not None and isinstance(at.value, bool | int | float)
        hint = f'write it in quotes: "{at.text}"' if at is not None and is_other and kind == "string_type" else None
        report.add(f"{name}: expected {expected}, got {at.kind() if at else repr(error['input'])}", place, hint, note)
    else:
        report.add(f"{name}: {error['msg'][:1].lower()}{error['msg'][1:]}", place, note)


def _without_tags(model: type[BaseModel], path: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A path as a file has it: where there are several kinds of parameters, pydantic adds which kind was meant."""
    kept: list[int | str] = []
    within: type[BaseModel] | None = model
    for number, step in enumerate(path, start=1):
        field = within.model_fields.get(str(step)) if within is not None else None
        if within is not None and field is None and isinstance(step, str) and number < len(path):
            continue
        kept.append(step)
        if isinstance(step, str):
            within = _model_of(field.annotation) if field is not None else None
    return tuple(kept)


def _fields(model: type[BaseModel], path: tuple[int | str, ...]) -> dict[str, FieldInfo]:
    """The fields of the model that stands at ``path`` below ``model``."""
    for step in path:
        field = model.model_fields.get(str(step))
        inner = _model_of(field.annotation) if field else None
        if inner is None:
            continue
        model = inner
    return dict(model.model_fields)


def base_unit(field: FieldInfo | None) -> str:
    """The unit in which limits and default of a field are declared; empty for what is no quantity."""
    marks = _marks(field) if field is not None else []
    return next((mark.unit for mark in marks if isinstance(mark, Dimension)), "")


def _marks(field: FieldInfo) -> list[object]:
    """What annotates a field's type, or the choices or the elements of it."""
    within = (mark for choice in typing.get_args(field.annotation) for mark in typing.get_args(choice))
    return [*field.metadata, *within]


def _model_of(annotation: object) -> type[BaseModel] | None:
    """The model in an annotation such as ``RadioSpec | None`` or ``tuple[Target, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_of(choice) for choice in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)
