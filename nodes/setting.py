"""A change of a node's parameters while a run goes on: what a fork does to a node at its instant.

It reaches the node as a message from outside, so it is in the journal and in the digest. What the node reads of its
parameters from then on is new; what it has read before stays as it is. Of a part, only what it declares to be
``changeable`` can change: of a radio, rate, duration of a frame and capacity of the queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lightlag.bus.errors import GraphError
from lightlag.bus.message import message

from .params import NodeParams, PartSpec

#: The channel on which settings come; no channel of a graph can have this name.
CHANNEL = "@set"


@message("lightlag.setting")
class Setting:
    """New values of parameters, as text, by dotted path: ``{"uhf.rate_bps": "16 kbit/s"}``."""

    values: dict[str, str]


def changed(params: NodeParams, values: Mapping[str, str]) -> NodeParams:
    """The parameters with some of them changed, checked as those of a graph file are.

    Raises:
        GraphError: there is no such parameter, it cannot change during a run, or the value is wrong.
    """
    for path, text in values.items():
        params = _changed(params, path.split("."), text, path)
    return params


def _changed(params: NodeParams, path: list[str], text: str, whole: str) -> NodeParams:
    name, *rest = path
    known = type(params).model_fields
    if name not in known:
        raise GraphError(f"there is no parameter {whole!r}; there are {', '.join(known)}")
    if isinstance(params, PartSpec) and params.changeable is not None and name not in params.changeable:
        kind = type(params).__name__.removesuffix("Spec").lower()
        raise GraphError(f"{whole} cannot change during a run; of a {kind} these can: {', '.join(params.changeable)}")
    inner: Any = getattr(params, name)
    if rest and not isinstance(inner, NodeParams):
        raise GraphError(f"there is no parameter {whole!r}: {name} has no parts")
    if rest:
        return params.model_copy(update={name: _changed(inner, rest, text, whole)})
    # The others are not asked again: they are in base units now, where a graph file writes the unit.
    adapter: TypeAdapter[Any] = TypeAdapter(known[name].rebuild_annotation())
    try:
        return params.model_copy(update={name: adapter.validate_python(_typed(text))})
    except ValidationError as error:
        told = error.errors(include_url=False)[0]["msg"]
        raise GraphError(f"{whole} cannot be {text!r}: {told[:1].lower()}{told[1:]}") from None


def _typed(text: str) -> object:
    """A text as the plain value that it spells: true, false, null, a number, else the text."""
    plain = {"true": True, "false": False, "null": None}
    if text in plain:
        return plain[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
