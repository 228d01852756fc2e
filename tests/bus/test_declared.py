"""Types that no class defines, but a program in another language has declared: recordings have their fields by name."""

from __future__ import annotations

import json

import msgpack
import numpy as np
import pytest
from mcap.reader import make_reader

from lightlag.bus.activation import Completion
from lightlag.bus.emission import Emission, Reception
from lightlag.bus.errors import MessageError
from lightlag.bus.message import fields_of, message
from lightlag.bus.part import PartWriter
from lightlag.bus.recording import merge, read
from lightlag.bus.schema import declare, declared
from lightlag.bus.time import Epoch

EPOCH = Epoch.parse("2021-02-18T20:00:00Z")
SCHEMA = {"properties": {"text": {"type": "string"}, "number": {"type": "integer"}}, "required": ["text", "number"]}


@message("test.declared.known")
class Known:
    word: str
    count: int


@pytest.fixture
def kind():
    """A type that is declared during a test only."""
    declare("test.declared@1", SCHEMA)
    yield "test.declared@1"
    del declared["test.declared@1"]


def reception(kind, *fields):
    return Reception(Emission("a", 1, "sky", kind, 10, msgpack.packb(fields)), "b", 20)


def parts(folder, *written):
    for name, receptions in written:
        part = PartWriter(folder / f"{name}.part", EPOCH)
        part.write(Completion(receptions=receptions))
        part.close()
    return sorted(folder.glob("*.part"))


def test_fields_are_recorded_by_name_though_another_process_received_them(tmp_path):
    parts(tmp_path, ("receiver", [reception("test.declared@3", "hello", 5)]))  # before anything was declared here
    declare("test.declared@3", SCHEMA)
    both = parts(tmp_path, ("sender", []))
    del declared["test.declared@3"]
    merge(both, tmp_path / "run.mcap", {})
    assert [record.data["message"] for record in read(tmp_path / "run.mcap")] == [{"text": "hello", "number": 5}]
    with (tmp_path / "run.mcap").open("rb") as file:
        (schema,) = make_reader(file).get_summary().schemas.values()
    told = json.loads(schema.data)["properties"]["message"]
    assert told == {"title": "test.declared@3", "type": "object", **SCHEMA}


def test_a_message_with_more_fields_than_declared_is_kept_and_said_to_be_undecoded(kind, tmp_path):
    (part,) = parts(tmp_path, ("one", [reception(kind, "hello", 5, 6)]))
    (record,) = read(part)
    assert record.data["message"]["undecoded"] == "3 fields where test.declared@1 has 2: text, number"


def test_what_a_class_defines_may_be_declared_with_the_same_fields_only():
    declare("test.declared.known@1", {"properties": {"word": {}, "count": {}}})
    assert "test.declared.known@1" not in declared
    with pytest.raises(
        MessageError, match=r"with the fields count, word, but tests.bus.test_declared.Known has word, co"
    ):
        declare("test.declared.known@1", {"properties": {"count": {}, "word": {}}})


@pytest.mark.parametrize("schema", [{}, {"properties": ["text"]}, {"properties": {"text": "string"}}])
def test_a_schema_without_properties_is_refused_with_one_that_would_do(schema):
    with pytest.raises(MessageError, match=r'needs properties, one for each field.*"text": {"type": "string"}'):
        declare("test.declared@2", schema)


def test_the_fields_of_any_body_are_found():
    pixels = msgpack.ExtType(1, msgpack.packb(["<u2", [2], 0]))
    text, array = fields_of(msgpack.packb(["hi", pixels]), (b"\1\0\2\0",))
    assert text == "hi"
    assert np.array_equal(array, [1, 2])


@pytest.mark.parametrize("body", [b"", b"\x05", b"\x80", b"\xc1", msgpack.packb([msgpack.ExtType(1, b"")])])
def test_what_is_no_array_of_fields_is_no_body(body):
    with pytest.raises(MessageError, match="are the body of no message"):
        fields_of(body)
