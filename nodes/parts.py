"""The parts that a node class is made of, told from its declarations alone: nothing is built and nothing is run.

Three declarations make a part: a field of ``Params`` whose type is a ``PartSpec`` (radio, camera, clock), a name in
``ports``, and an annotated attribute whose type is a ``Part`` (``store: Store``).
"""

from __future__ import annotations

import typing

from .clock import Clock
from .node import Node
from .params import PartSpec
from .port import Port
from .radio import Radio
from .store import Store

#: What an annotated attribute of a node class may be, to count as a part.
_KINDS: tuple[type, ...] = (Radio, Port, Clock, Store)


def parts_of(node: type[Node]) -> dict[str, str]:
    """The parts of a node class by name, each with its kind in a word: ``{"uhf": "radio", "store": "store"}``.

    In the order in which they are declared: of ``Params`` first, then ``ports``, then what is annotated. Annotations of
    a class that cannot be resolved, because a name is imported for type checkers only, declare no part.
    """
    parts = {
        name: kind.__name__.removesuffix("Spec").lower()
        for name, field in node.Params.model_fields.items()
        if (kind := _of_type(field.annotation, (PartSpec,)))
    }
    parts.update(dict.fromkeys(node.ports, "port"))
    try:
        annotated = typing.get_type_hints(node)
    except NameError:
        annotated = {}
    for name, annotation in annotated.items():
        if kind := _of_type(annotation, _KINDS):
            parts.setdefault(name, kind.__name__.lower())
    return parts


def _of_type(annotation: object, bases: tuple[type, ...]) -> type | None:
    """The class in ``annotation``, or in one of its choices, that is derived from one of ``bases``."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, bases) else None
    return next((kind for it in typing.get_args(annotation) if (kind := _of_type(it, bases))), None)
