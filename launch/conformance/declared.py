"""What is declared of parameters: what in it is wrong, and what a person who writes a graph would miss."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from lightlag.bus.errors import LightlagError
from lightlag.nodes.params import RadioSpec

from .finding import listed

_LIMITS = ("gt", "ge", "lt", "le")
#: A name like this says its unit, for a quantity that ``lightlag.nodes.units`` has no type for, or that there is
#: none.
_UNIT = re.compile(
    r".*_(ns|us|ms|s|min|h|d|mm|cm|m|km|m2|m3|mm_s|cm_s|m_s|km_s|m_s2|km_s2|deg|rad|deg_s|rad_s|deg_day|hz|db|dbm|dbw|g|kg|n|nm|"
    r"j|kj|w|kw|wh|v|a|ah|k|c|pa|hpa|t|px|per_s|per_h|ratio|fraction|factor|exponent|mach)|.+_to_.+|e|eccentricity"
)
_NUMBERS = (int, float)


def complaints_of_params(model: type[BaseModel]) -> tuple[list[str], list[str]]:
    """Of a model and the models in it: what is wrong, and what is missing."""
    wrong: list[str] = []
    missing: dict[str, list[str]] = {}
    for path, field in _fields(model, ""):
        wrong += [f"{path}: {said}" for said in _wrong_default(field)]
        for said in _lacks(path.rpartition(".")[2], field):
            missing.setdefault(said, []).append(path)
    return wrong, [f"{listed(paths)}: {said}" for said, paths in missing.items()]


def _fields(model: type[BaseModel], before: str) -> Iterator[tuple[str, FieldInfo]]:
    """Fields by dotted path; of a radio no more than that it is one, for it is not the node's to declare."""
    for name, field in model.model_fields.items():
        yield before + name, field
        inner = _model(field.annotation)
        if inner is not None and not issubclass(inner, RadioSpec):
            yield from _fields(inner, f"{before}{name}.")


def _lacks(name: str, field: FieldInfo) -> Iterator[str]:
    if not field.description:
        yield "no description"
    bare, marks = _taken_apart(field)
    if bare not in _NUMBERS:
        return
    is_quantity = any(isinstance(mark, BeforeValidator) for mark in marks)
    if bare is float and not is_quantity and not _UNIT.fullmatch(name):
        yield "a number without a unit (take a type of lightlag.nodes.units, or a name that ends in its unit: area_m2)"
    if not any(getattr(mark, key, None) is not None for mark in marks for key in _LIMITS):
        yield "no limits"


def _wrong_default(field: FieldInfo) -> Iterator[str]:
    """Whether a default would be refused if a graph gave it; units aside, for defaults are in base units."""
    if field.is_required():
        return
    try:
        default = field.get_default(call_default_factory=True, validated_data={})
    except LightlagError as error:
        yield f"its default cannot be made: {error}"
        return
    if isinstance(default, BaseModel):
        for name, inner in type(default).model_fields.items():
            for said in _refused(inner, getattr(default, name)):
                yield f"{name}: {said}"
    else:
        yield from _refused(field, default)


def _refused(field: FieldInfo, default: Any) -> Iterator[str]:
    if isinstance(default, BaseModel) or _model(field.annotation) is not None:
        return
    try:
        TypeAdapter(_without_units(field.rebuild_annotation())).validate_python(default, strict=False)
    except ValidationError as error:
        told = error.errors(include_url=False)[0]["msg"]
        yield f"its default {default!r} would be refused: {told[:1].lower()}{told[1:]}"


def _taken_apart(field: FieldInfo) -> tuple[Any, list[Any]]:
    """The type of a field, also inside of ``X | None``, and what its annotation says beside it."""
    bare, marks = field.annotation, list(field.metadata)
    if typing.get_origin(bare) in (typing.Union, types.UnionType):
        choices = [it for it in typing.get_args(bare) if it is not type(None)]
        if len(choices) == 1:
            bare = choices[0]
    if typing.get_origin(bare) is Annotated:
        inside = typing.get_args(bare)
        bare, marks = inside[0], [*marks, *inside[1:]]
    return bare, marks


def _without_units(hint: Any) -> Any:
    """A type without what reads its unit."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        bare = _without_units(arguments[0])
        marks = [mark for mark in arguments[1:] if not isinstance(mark, BeforeValidator)]
        for mark in marks:
            bare = Annotated[bare, mark]
        return bare
    if origin in (typing.Union, types.UnionType):
        inner = tuple(_without_units(argument) for argument in arguments)
        return typing.Union[inner]  # noqa: UP007 - the choices are known only now
    return hint


def _model(annotation: object) -> type[BaseModel] | None:
    """The model in an annotation such as ``Stop``, ``Stop | None`` or ``tuple[Stop, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for it in typing.get_args(annotation) if (found := _model(it)) is not None), None)
