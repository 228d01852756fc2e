"""Messages as JSON, for recordings and people: JSON Schema of a message class, JSON values of a message, and back.

Bytes become base64; an array becomes its dtype, shape and base64 data; a float that JSON does not know (NaN,
infinities) becomes its name as text. ``message_of`` makes of all that the message again, the same bytes; of a NaN only
that it is one is kept.

A type that no class defines here, because only a program in another language knows it, may still be ``declared``: by a
JSON Schema whose properties are its fields, in the order in which they stand in a body.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import difflib
import json
import math
import types
import typing
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

import numpy as np

from .emission import Buffer
from .errors import MessageError
from .message import Message, fields_of, message_class

_BASE64 = {"type": "string", "contentEncoding": "base64"}
_ARRAY = {
    "type": "object",
    "properties": {
        "dtype": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "data": _BASE64,
    },
}
_SCALAR: dict[Any, dict[str, Any]] = {
    float: {"type": "number"},
    int: {"type": "integer"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    bytes: _BASE64,
    type(None): {"type": "null"},
    np.ndarray: _ARRAY,
}

#: JSON Schemas, as text, of the types that were declared in this process.
declared: dict[str, str] = {}


def declare(kind: str, schema: Mapping[str, Any]) -> None:
    """Say how messages of a type read that nobody need know here; a class that is known must have the same fields.

    Raises:
        MessageError: the schema has no properties, or other fields than the class.
    """
    names = schema.get("properties")
    if not isinstance(names, Mapping) or not all(isinstance(each, Mapping) for each in names.values()):
        raise MessageError(
            f"the schema of {kind} is {schema!r}; it needs properties, one for each field in their order, such as "
            f'{{"properties": {{"text": {{"type": "string"}}}}}}'
        )
    try:
        known = message_class(kind)
    except MessageError:
        declared[kind] = json.dumps({"title": kind, "type": "object", **schema})
        return
    fields = [name for name, _, _ in known.__message_checks__]
    if fields != list(names):
        raise MessageError(
            f"{kind} is declared with the fields {', '.join(names) or '(none)'}, but {known.__module__}."
            f"{known.__qualname__} has {', '.join(fields) or '(none)'}; give it another version or the same fields"
        )


def declared_text(schema: Mapping[str, Any], body: bytes, arrays: tuple[Buffer, ...]) -> str:
    """The JSON of a message whose type was declared.

    Raises:
        MessageError: it does not have as many fields.
    """
    names, fields = list(schema["properties"]), fields_of(body, arrays)
    if len(names) != len(fields):
        raise MessageError(f"{len(fields)} fields where {schema['title']} has {len(names)}: {', '.join(names)}")
    return json.dumps(json_value(dict(zip(names, fields, strict=True))), separators=(",", ":"))


def json_schema(kind: type[Message]) -> dict[str, Any]:
    """The JSON Schema of what ``json_value`` makes of a message of this class."""
    hints = typing.get_type_hints(kind)
    names = [name for name, _, _ in kind.__message_checks__]
    return {
        "title": kind.__message_type__,
        "type": "object",
        "properties": {name: _schema_of(hints[name]) for name in names},
        "required": names,
    }


def _schema_of(hint: Any) -> dict[str, Any]:
    if hint in _SCALAR:
        return _SCALAR[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is np.ndarray:
        return _ARRAY
    if isinstance(hint, type) and issubclass(hint, Message):
        return json_schema(hint)
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_schema_of(argument) for argument in arguments]}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema_of(arguments[1])}
    if arguments[-1] is Ellipsis:
        return {"type": "array", "items": _schema_of(arguments[0])}
    return {"type": "array", "prefixItems": [_schema_of(argument) for argument in arguments]}


def json_value(value: Any) -> Any:
    """A message, or any value in one, as something ``json.dumps`` takes."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, np.generic):
        return json_value(value.item())
    if isinstance(value, np.ndarray):
        data = base64.b64encode(value.tobytes()).decode()
        return {"dtype": value.dtype.str, "shape": list(value.shape), "data": data}
    if isinstance(value, Message):
        return {name: json_value(getattr(value, name)) for name, _, _ in value.__message_checks__}
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [json_value(item) for item in value]
    return str(value)


def json_text(value: Any) -> str:
    """The JSON of a message, or of any value in one: what ``json.dumps`` makes of ``json_value``, several times faster.

    Most of a recording is text that need not be searched for what must be escaped: numbers, and bytes in base64.
    """
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, Message):
        fields = [f'"{name}":{json_text(getattr(value, name))}' for name, _, _ in value.__message_checks__]
        return "{" + ",".join(fields) + "}"
    if isinstance(value, np.ndarray):
        shape = ",".join(map(str, value.shape))
        return f'{{"dtype":"{value.dtype.str}","shape":[{shape}],"data":{_base64_text(value.tobytes())}}}'
    return json.dumps(json_value(value), separators=(",", ":"))


def _float_text(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'"{value}"'


def _base64_text(value: bytes) -> str:
    return f'"{b2a_base64(value, newline=False).decode()}"'


def _many_text(values: tuple[Any, ...]) -> str:
    return "[" + ",".join(map(json_text, values)) + "]"


def _mapping_text(values: Mapping[str, Any]) -> str:
    return "{" + ",".join([f"{encode_basestring_ascii(key)}:{json_text(item)}" for key, item in values.items()]) + "}"


_WRITERS: dict[type, Callable[[Any], str]] = {
    float: _float_text,
    int: repr,
    str: encode_basestring_ascii,
    bool: lambda value: "true" if value else "false",
    type(None): lambda value: "null",
    bytes: _base64_text,
    tuple: _many_text,
    types.MappingProxyType: _mapping_text,
}


# -- and back ---------------------------------------------------------------------------------------------------------

#: Makes of a plain value, and where it stands, what a message has there; what fits nothing is left to its check.
_Reader = Callable[[Any, str], Any]
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def message_of(kind: type[Message], fields: Mapping[str, Any]) -> Message:
    """The message of which ``json_value`` makes these fields; a person may leave out those with defaults, and write an
    array as a list of numbers.

    Raises:
        MessageError: a field is unknown, missing or wrong; the error lists the fields.
    """
    readers: Mapping[str, _Reader] = _readers(kind)  # type: ignore[arg-type]
    name = kind.__message_type__
    for field in fields:
        if field not in readers:
            near = difflib.get_close_matches(field.lower(), readers, n=1)
            instead = f"did you mean {near[0]!r}? " if near else ""
            raise MessageError(f"{name} has no field {field!r}; {instead}{_takes(kind)}")
    if len(fields) < len(readers):
        required = [field for field, default in _defaults(kind).items() if default is dataclasses.MISSING]
        if needed := [field for field in required if field not in fields]:
            raise MessageError(f"{name} also needs {', '.join(needed)}; {_takes(kind)}")
    try:
        return kind(**{field: readers[field](value, f"{name}: {field}") for field, value in fields.items()})
    except MessageError as error:
        raise MessageError(f"{error}; {_takes(kind)}") from None


def _defaults(kind: type[Message]) -> dict[str, Any]:
    return {field.name: field.default for field in dataclasses.fields(kind)}  # type: ignore[arg-type]


def _takes(kind: type[Message]) -> str:
    """The fields of a class, for whoever got them wrong."""
    hints = typing.get_type_hints(kind)
    told = [
        f"{field}: {_hint_text(hints[field])}" + ("" if default is dataclasses.MISSING else f" = {default!r}")
        for field, default in _defaults(kind).items()
    ]
    return f"its fields are: {', '.join(told)}" if told else "it has no fields"


def _hint_text(hint: Any) -> str:
    if isinstance(hint, type) and issubclass(hint, Message):
        return f"{{{', '.join(typing.get_type_hints(hint))}}}"
    return (
        "array" if hint is np.ndarray else getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint)
    )


@lru_cache(maxsize=1024)
def _readers(kind: type[Any]) -> dict[str, _Reader]:
    hints = typing.get_type_hints(kind)
    return {name: _reader(hints[name]) for name, _, _ in kind.__message_checks__}


def _reader(hint: Any) -> _Reader:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is np.ndarray:
        return _read_array
    if isinstance(hint, type) and issubclass(hint, Message):
        return lambda value, where: message_of(hint, value) if isinstance(value, Mapping) else value
    if origin in (types.UnionType, typing.Union):
        inner = _reader(next(each for each in arguments if each is not type(None)))
        return lambda value, where: None if value is None else inner(value, where)
    if origin is tuple and arguments[-1] is Ellipsis:
        each = _reader(arguments[0])
        return lambda value, where: [each(item, where) for item in value] if isinstance(value, list | tuple) else value
    if origin is tuple:
        return _each_reader([_reader(argument) for argument in arguments])
    if origin is dict:
        one = _reader(arguments[1])
        return lambda value, where: (
            {key: one(item, where) for key, item in value.items()} if isinstance(value, Mapping) else value
        )
    return lambda value, where: value


def _each_reader(inner: list[_Reader]) -> _Reader:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(inner):
            return value
        return [one(item, where) for one, item in zip(inner, value, strict=True)]

    return read


def _read_float(value: Any, where: str) -> Any:
    return _NOT_FINITE.get(value, value) if type(value) is str else value


def _read_bytes(value: Any, where: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise MessageError(f"{where} is {value!r}, which is no base64 ({error})") from None


def _read_array(value: Any, where: str) -> Any:
    """An array of numbers in lists, or of ``dtype``, ``shape`` and base64 ``data``."""
    try:
        if isinstance(value, Mapping):
            data = base64.b64decode(value["data"], validate=True)
            return np.frombuffer(data, np.dtype(value["dtype"])).reshape(value["shape"])
        return np.array(value)
    except (ValueError, TypeError, KeyError) as error:
        raise MessageError(
            f"{where} is no array ({error}); write it as a list of numbers, or as {{dtype, shape, data: base64}}"
        ) from None


_PLAIN: dict[Any, _Reader] = {float: _read_float, bytes: _read_bytes, np.ndarray: _read_array}
