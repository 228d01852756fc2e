"""Messages: frozen, typed, versioned data, and their bytes.

``@message("lightlag.event", version=1)`` turns a class of annotated fields into a frozen, slotted dataclass whose
values are checked when it is built, and registers it under ``lightlag.event@1``. On the wire a message is the msgpack
array of its fields in order; NumPy arrays travel beside it as raw little-endian bytes and arrive read-only.
Equality is equality of those bytes.

Most of what a run does is to build, encode and decode messages, so ``__init__`` and ``encode`` are written for each
class, as ``dataclasses`` does it: a value of exactly the right type passes without a call.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar, dataclass_transform

import msgpack
import numpy as np

from .errors import MessageError

#: The msgpack extension that stands for an array: (dtype, shape, index among the raw frames).
ARRAY_EXT = 1
#: The types of array elements: those whose bytes are the same on every machine (a long double's are not).
_DTYPE = re.compile(r"\|[biu]1|<[iu][248]|<f[248]")

#: One packer for all: making one costs as much as packing a message.
_pack: Callable[[object], bytes] = msgpack.Packer().pack
_unpack: Callable[..., Any] = msgpack.unpackb

Check = Callable[[Any, str], Any]
T = TypeVar("T")
_registry: dict[str, type[Message]] = {}
_Decode = Callable[[bytes, tuple[bytes | memoryview, ...]], "Message"]


class _Decoders(dict[str, _Decode]):
    """What makes a message of each type from its bytes."""

    def __missing__(self, kind: str) -> _Decode:
        return message_class(kind).decode  # which says what is known


#: What makes a message of a type ``name@version`` from (body, raw frames). Asked for a type that nobody registered
#: here, or given bytes that are no such message, it raises MessageError.
decoders = _Decoders()


def _fail(where: str, expected: str, value: object) -> MessageError:
    return MessageError(f"{where} is {value!r} ({type(value).__name__}); expected {expected}")


def _check_float(value: Any, where: str) -> float:
    if type(value) is float:
        return value
    if isinstance(value, float | int | np.floating | np.integer) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise _fail(where, "a float of at most 64 bits", value) from None
    raise _fail(where, "a float", value)


def _check_int(value: Any, where: str) -> int:
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        number = int(value)
        if -(1 << 63) <= number < 1 << 64:
            return number
        raise _fail(where, "an int of at most 64 bits", value)
    raise _fail(where, "an int", value)


def _check_array(value: Any, where: str) -> Any:
    if not isinstance(value, np.ndarray):
        raise _fail(where, "a NumPy array of bool, int or float", value)
    little = value.dtype.newbyteorder("<")
    if not _DTYPE.fullmatch(little.str):
        raise _fail(where, "a NumPy array of bool, int or float of at most 64 bits", value.dtype)
    if value.flags.writeable or value.dtype != little or not value.flags.c_contiguous:
        value = np.ndarray(value.shape, little, value.astype(little, copy=False).tobytes())
    return value


def _check_str(value: Any, where: str) -> str:
    if type(value) is not str:
        raise _fail(where, "a str", value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _fail(where, "text without lone surrogates", value) from None
    return value


def _exactly(kind: type, expected: str) -> Check:
    def check(value: Any, where: str) -> Any:
        if type(value) is kind:
            return value
        raise _fail(where, expected, value)

    return check


_SCALARS: dict[Any, Check] = {
    float: _check_float,
    int: _check_int,
    str: _check_str,
    bool: _exactly(bool, "a bool"),
    bytes: _exactly(bytes, "bytes"),
    type(None): _exactly(type(None), "None"),
    np.ndarray: _check_array,
}


#: Values of which this is true need no check and no change; for any other the check has the last word. The names are
#: those of ``_NAMES``: fields may be called ``type`` or ``float``.
_CLEARLY_GOOD: dict[Any, str] = {
    float: "_type({0}) is _float",
    int: "_type({0}) is _int and -0x8000000000000000 <= {0} <= 0xffffffffffffffff",
    str: "_type({0}) is _str and {0}.isascii()",
    bool: "_type({0}) is _bool",
    bytes: "_type({0}) is _bytes",
}
_NAMES = {"_type": type, "_int": int, "_float": float, "_str": str, "_bool": bool, "_bytes": bytes, "_tuple": tuple}


def _checker(hint: Any, where: str) -> Check:
    """The function that checks, and normalises, a value of the annotated type ``hint``."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is np.ndarray:
        return _check_array
    if isinstance(hint, type) and hasattr(hint, "__message_type__"):
        return _nested(hint)
    if origin in (types.UnionType, typing.Union) and len(arguments) == 2 and type(None) in arguments:
        return _optional(_checker(arguments[0] if arguments[1] is type(None) else arguments[1], where))
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _many(_checker(arguments[0], where))
    if origin is tuple:
        return _each([_checker(argument, where) for argument in arguments])
    if origin is dict and arguments[0] is str:
        return _mapping(_checker(arguments[1], where))
    raise MessageError(
        f"{where} is annotated {hint!r}; a message carries int, float, str, bool, bytes, np.ndarray, other messages, "
        f"tuples of them, dict[str, ...] and X | None"
    )


def _nested(kind: Any) -> Check:
    def check(value: Any, where: str) -> Any:
        if type(value) is kind:
            return value
        if type(value) is tuple and len(value) == len(kind.__message_checks__):  # as it comes off the wire
            return kind(*value)
        raise _fail(where, f"a {kind.__name__}", value)

    return check


def _optional(inner: Check) -> Check:
    return lambda value, where: None if value is None else inner(value, where)


def _many(inner: Check) -> Check:
    def check(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, tuple | list):
            raise _fail(where, "a tuple", value)
        return tuple([inner(item, where) for item in value])

    return check


def _each(inner: list[Check]) -> Check:
    def check(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, tuple | list) or len(value) != len(inner):
            raise _fail(where, f"a tuple of {len(inner)}", value)
        return tuple([check(item, where) for check, item in zip(inner, value, strict=True)])

    return check


def _mapping(inner: Check) -> Check:
    def check(value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise _fail(where, "a mapping", value)
        text = _SCALARS[str]
        return types.MappingProxyType({text(key, where): inner(item, where) for key, item in value.items()})

    return check


class Message:
    """What every message has; made a base by ``@message`` itself, never by hand."""

    __slots__ = ()
    __message_type__: typing.ClassVar[str]
    __message_checks__: typing.ClassVar[tuple[tuple[str, str, Check], ...]]

    def encode(self) -> tuple[bytes, tuple[bytes, ...]]:
        """The message as (msgpack body, raw frames of its arrays)."""
        arrays: list[bytes] = []

        def other(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                base: Any = value.base  # bytes, if the message made them, that nobody can change: they need no copy
                arrays.append(base if type(base) is bytes and len(base) == value.nbytes else value.tobytes())
                return msgpack.ExtType(ARRAY_EXT, msgpack.packb((value.dtype.str, value.shape, len(arrays) - 1)))
            if isinstance(value, types.MappingProxyType):
                return dict(value)
            return tuple([getattr(value, name) for name, _, _ in value.__message_checks__])

        body: bytes = msgpack.packb([getattr(self, name) for name, _, _ in self.__message_checks__], default=other)
        return body, tuple(arrays)

    @classmethod
    def decode(cls, body: bytes, arrays: tuple[bytes | memoryview, ...] = ()) -> Self:
        """The message of (body, raw frames); its values are checked again.

        Raises:
            MessageError: the bytes are not such a message.
        """
        try:
            values = _unpack(body, use_list=False, ext_hook=_array_of(arrays) if arrays else _no_array)
            if type(values) is not tuple:
                raise TypeError(f"a {type(values).__name__} where its fields should be")
            return cls(*values)
        except MessageError:
            raise
        except (ValueError, TypeError, IndexError, msgpack.exceptions.UnpackException) as error:
            raise MessageError(f"these bytes are no {cls.__message_type__}: {error}") from error

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.encode() == other.encode()

    def __hash__(self) -> int:
        return hash(self.encode())


def _array_of(arrays: tuple[bytes | memoryview, ...]) -> Callable[[int, bytes], Any]:
    """The function that finds the array for which a msgpack extension stands."""

    def array(code: int, data: bytes) -> Any:
        if code != ARRAY_EXT:
            raise ValueError(f"unknown msgpack extension {code}")
        dtype, shape, index = msgpack.unpackb(data)
        if not _DTYPE.fullmatch(dtype) or min(index, *shape, 0) < 0:
            raise ValueError(f"an array of {dtype!r} and shape {shape!r}, frame {index!r}")
        found = np.frombuffer(arrays[index], dtype=dtype).reshape(shape)
        if not found.flags.aligned:  # NumPy would compute with it in another way, and another last bit
            found = found.copy()
        found.flags.writeable = False
        return found

    return array


_no_array = _array_of(())


def fields_of(body: bytes, arrays: tuple[bytes | memoryview, ...] = ()) -> tuple[Any, ...]:
    """The fields in the body of a message of whatever type.

    Raises:
        MessageError: the bytes are the body of no message.
    """
    try:
        fields = _unpack(body, use_list=False, ext_hook=_array_of(arrays))
        if type(fields) is not tuple:
            raise TypeError(f"a {type(fields).__name__} where its fields should be")
    except (ValueError, TypeError, IndexError, msgpack.exceptions.UnpackException) as error:
        raise MessageError(f"these bytes are the body of no message: {error}") from error
    return fields


def _write_init(kind: type[Message], hints: Mapping[str, Any]) -> Any:
    """``__init__`` of a message class: each value is checked, and normalised, on its way into its slot."""
    scope: dict[str, Any] = dict(_NAMES)
    parameters, body = [], []
    for number, (name, where, check) in enumerate(kind.__message_checks__):
        scope[f"_check_{number}"], scope[f"_where_{number}"] = check, where
        scope[f"_set_{number}"] = getattr(kind, name).__set__
        parameters.append(name)
        checked = f"_check_{number}({name}, _where_{number})"
        if good := _CLEARLY_GOOD.get(hints[name]):
            checked = f"{name} if {good.format(name)} else {checked}"
        body.append(f" _set_{number}(_self, {checked})")
    for number, field in enumerate(dataclasses.fields(kind)):  # type: ignore[arg-type]
        if field.default is not dataclasses.MISSING:
            scope[f"_default_{number}"] = field.default
            parameters[number] += f"=_default_{number}"
    return _written(kind, "__init__", f"def __init__({', '.join(['_self', *parameters])}):", body or [" pass"], scope)


def _write_encode(kind: type[Message]) -> Any:
    """``encode`` of a message class without arrays, whose fields msgpack takes as they are."""
    fields = "".join(f"_self.{name}, " for name, _, _ in kind.__message_checks__)
    return _written(kind, "encode", "def encode(_self):", [f" return _pack(({fields})), ()"], {"_pack": _pack})


def _write_decode(kind: type[Message], hints: Mapping[str, Any]) -> Any:
    """``decode`` of a message class of scalars: if msgpack yields exactly their types there is nothing to check."""
    names = [name for name, _, _ in kind.__message_checks__]
    scope: dict[str, Any] = {
        "_unpack": _unpack,
        "_new": object.__new__,
        "_kind": kind,
        "_decode": kind.decode,
        **_NAMES,
    }
    scope |= {f"_set_{number}": getattr(kind, name).__set__ for number, name in enumerate(names)}
    good = " and ".join(["_type(_fields) is _tuple", *[f"_type({name}) is _{hints[name].__name__}" for name in names]])
    body = [
        " try:",
        f"  {', '.join(names)}, = _fields = _unpack(_body, use_list=False)",
        " except Exception:",
        "  return _decode(_body, _arrays)",
        f" if {good}:",
        "  _message = _new(_kind)",
        *[f"  _set_{number}(_message, {name})" for number, name in enumerate(names)],
        "  return _message",
        " return _decode(_body, _arrays)",
    ]
    return _written(kind, "decode", "def decode(_body, _arrays=()):", body, scope)


def _written(kind: type[Message], name: str, head: str, body: list[str], scope: dict[str, Any]) -> Any:
    exec(compile("\n".join([head, *body]), f"<{name} of {kind.__message_type__}>", "exec"), scope)
    scope[name].__qualname__ = f"{kind.__qualname__}.{name}"
    scope[name].__doc__ = getattr(Message, name).__doc__
    return scope[name]


def _is_plain(hint: Any) -> bool:
    """Whether msgpack takes values of this type as they are."""
    if hint in _SCALARS:
        return hint is not np.ndarray
    origin = typing.get_origin(hint)
    return origin in (types.UnionType, typing.Union, tuple) and all(
        argument is Ellipsis or _is_plain(argument) for argument in typing.get_args(hint)
    )


@dataclass_transform(frozen_default=True)
def message(name: str, *, version: int = 1) -> Callable[[type[T]], type[T]]:
    """Make a class of annotated fields a message type, registered as ``name@version``.

    Raises:
        MessageError: a field's annotation is nothing a message can carry, the class has a ``__post_init__`` (it
            would take the place of the checks), or the name is taken by another class.
    """

    def decorate(cls: type[T]) -> type[T]:
        kind = f"{name}@{version}"
        for taken in ("__init__", "__post_init__"):
            if taken in vars(cls):
                raise MessageError(f"{kind}: {cls.__name__} defines {taken}, where a message's values are checked")
        body = {key: value for key, value in vars(cls).items() if key not in ("__dict__", "__weakref__")}
        plain = type(cls.__name__, (Message, *[base for base in cls.__bases__ if base is not object]), body)
        made: Any = dataclasses.dataclass(frozen=True, slots=True, eq=False, init=False)(plain)
        hints = typing.get_type_hints(made)
        fields = [field.name for field in dataclasses.fields(made)]
        made.__message_type__ = kind
        made.__message_checks__ = tuple(
            (field, where, _checker(hints[field], where))
            for field, where in ((field, f"{kind}: {field}") for field in fields)
        )
        made.__init__ = _write_init(made, hints)
        if all(_is_plain(hints[field]) for field in fields):
            made.encode = _write_encode(made)
        scalars = fields and all(hints[field] in _CLEARLY_GOOD for field in fields)
        known = _registry.get(kind)
        if known and (known.__module__, known.__qualname__) != (made.__module__, made.__qualname__):
            raise MessageError(f"{kind} is already {known.__module__}.{known.__qualname__}; give it another name")
        _registry[kind] = made
        decoders[kind] = _write_decode(made, hints) if scalars else made.decode
        return made  # type: ignore[no-any-return]

    return decorate


def message_types() -> dict[str, type[Message]]:
    """The message classes that this process knows, by ``name@version``."""
    return dict(_registry)


def message_class(kind: str) -> type[Message]:
    """The class registered as ``name@version``.

    Raises:
        MessageError: nobody registered it here; the message says which versions are known.
    """
    try:
        return _registry[kind]
    except KeyError:
        name = kind.partition("@")[0]
        versions = [known for known in sorted(_registry) if known.partition("@")[0] == name]
        hint = f"known versions: {', '.join(versions)}" if versions else "import the module that defines it"
        raise MessageError(f"no message type {kind!r} is known here; {hint}") from None
