"""Random messages, made from the annotations of their classes: of the usual kind, or as odd as an annotation allows."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import numpy as np

from lightlag.bus.message import Message

_WORDS = ("ready", "stop-1", "Jezero", "überflug", "火星", "🛰", "")
_ODD_TEXTS = ("", "\0", "\n\t", "a" * 4096, "é" * 100, "💫" * 50, "../../etc", "${x}", "%s {0}", "'\"", "NaN")
_ODD_FLOATS = (0.0, -0.0, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan, 2.0**53 + 1)
_ODD_INTS = (0, -1, 1, -(2**63), 2**63 - 1, 2**64 - 1, 2**53 + 1, 10**18)
_DTYPES = ("|b1", "|u1", "|i1", "<u2", "<i4", "<i8", "<u8", "<f2", "<f4", "<f8")
_ODD_SHAPES = ((), (0,), (0, 3), (1,), (1, 1, 1, 1), (257,), (16, 16))

#: Makes a value of a type; ``odd``: one that a person would not think of.
_Maker = Callable[[Random, bool], Any]


def random_message(kind: type, draw: Random, *, odd: bool = False) -> Any:
    """A message of a class, whose every field is valid by its annotation."""
    hints = typing.get_type_hints(kind)
    names = [name for name, _, _ in kind.__message_checks__]  # type: ignore[attr-defined]
    return kind(**{name: _value(hints[name], draw, odd) for name in names})


def is_message(kind: object) -> bool:
    """Whether something is a message class."""
    return isinstance(kind, type) and issubclass(kind, Message) and hasattr(kind, "__message_type__")


def messages_in(modules: Iterable[object]) -> list[type]:
    """The message classes that modules define, in the order of their types."""
    found = {
        kind.__message_type__: kind
        for module in modules
        for kind in vars(module).values()
        if is_message(kind) and kind.__module__ == getattr(module, "__name__", "")
    }
    return [kind for _, kind in sorted(found.items())]


def _value(hint: Any, draw: Random, odd: bool) -> Any:
    if hint in _SCALARS:
        return _SCALARS[hint](draw, odd)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is np.ndarray:
        return _array(draw, odd)
    if is_message(hint):
        return random_message(hint, draw, odd=odd)
    if origin in (types.UnionType, typing.Union):
        return _value(draw.choice(arguments), draw, odd)
    if origin is tuple and arguments[-1] is Ellipsis:
        return tuple([_value(arguments[0], draw, odd) for _ in range(_length(draw, odd))])
    if origin is tuple:
        return tuple([_value(argument, draw, odd) for argument in arguments])
    return {_text(draw, odd): _value(arguments[1], draw, odd) for _ in range(_length(draw, odd))}


def _length(draw: Random, odd: bool) -> int:
    return draw.choice((0, 1, 50)) if odd else draw.randint(0, 4)


def _float(draw: Random, odd: bool) -> float:
    return draw.choice(_ODD_FLOATS) if odd else draw.gauss(0.0, 10.0 ** draw.randint(-3, 6))


def _int(draw: Random, odd: bool) -> int:
    return draw.choice(_ODD_INTS) if odd else draw.randint(-1000, 10 ** draw.randint(1, 12))


def _text(draw: Random, odd: bool) -> str:
    return draw.choice(_ODD_TEXTS) if odd else f"{draw.choice(_WORDS)}{draw.randint(0, 99)}"


def _bytes(draw: Random, odd: bool) -> bytes:
    return draw.choice((b"", b"\0", b"\xff" * 9000)) if odd else draw.randbytes(draw.randint(0, 40))


def _array(draw: Random, odd: bool) -> Any:
    shape = draw.choice(_ODD_SHAPES) if odd else (draw.randint(1, 6),) * draw.randint(1, 2)
    dtype = np.dtype(draw.choice(_DTYPES))
    data = draw.randbytes(math.prod(shape) * dtype.itemsize)
    if dtype.kind == "b":  # a bool is a byte of 0 or 1
        return np.asarray(np.frombuffer(data, np.uint8).reshape(shape) % 2 == 1)
    return np.frombuffer(data, dtype).reshape(shape)


_SCALARS: dict[Any, _Maker] = {
    float: _float,
    int: _int,
    str: _text,
    bool: lambda draw, odd: draw.random() < 0.5,
    bytes: _bytes,
    type(None): lambda draw, odd: None,
    np.ndarray: _array,
}
