"""Messages as JSON: every value that a message can carry, and a schema that says what it is."""

from __future__ import annotations

import base64
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightlag.bus.emission import Emission, Origin
from lightlag.bus.errors import JournalError, MessageError
from lightlag.bus.message import message
from lightlag.bus.part import RECEIVED, Entry, header
from lightlag.bus.payload import emission_of, opened
from lightlag.bus.schema import json_schema, json_text, json_value, message_of


@message("test.schema_inner")
class Inner:
    range_km: float


@message("test.schema_outer")
class Outer:
    count: int
    name: str
    seen: bool
    raw: bytes
    inner: Inner
    many: tuple[Inner, ...]
    pair: tuple[int, str]
    values: dict[str, float]
    maybe: float | None
    samples: np.ndarray


OUTER = Outer(
    count=3,
    name="über",
    seen=True,
    raw=b"\x00\xff",
    inner=Inner(1.5),
    many=(Inner(1.0), Inner(2.0)),
    pair=(1, "a"),
    values={"height_km": math.nan, "speed_m_s": math.inf, "mach": 0.1},
    maybe=None,
    samples=np.array([[1, 2], [3, 4]], dtype="<u2"),
)


def test_a_message_is_plain_json():
    assert json.loads(json.dumps(json_value(OUTER), allow_nan=False)) == {
        "count": 3,
        "name": "über",
        "seen": True,
        "raw": base64.b64encode(b"\x00\xff").decode(),
        "inner": {"range_km": 1.5},
        "many": [{"range_km": 1.0}, {"range_km": 2.0}],
        "pair": [1, "a"],
        "values": {"height_km": "nan", "speed_m_s": "inf", "mach": 0.1},
        "maybe": None,
        "samples": {"dtype": "<u2", "shape": [2, 2], "data": base64.b64encode(OUTER.samples.tobytes()).decode()},
    }


def test_the_schema_names_every_field_and_its_type():
    schema = json_schema(Outer)
    fields = schema["properties"]
    assert (schema["title"], schema["type"]) == ("test.schema_outer@1", "object")
    assert list(fields) == schema["required"] == list(json_value(OUTER))
    simple = {name: fields[name]["type"] for name in ("count", "name", "seen", "raw", "inner", "values", "samples")}
    assert simple == {
        "count": "integer",
        "name": "string",
        "seen": "boolean",
        "raw": "string",
        "inner": "object",
        "values": "object",
        "samples": "object",
    }
    assert fields["raw"]["contentEncoding"] == "base64"
    assert fields["inner"]["properties"] == {"range_km": {"type": "number"}}
    assert fields["many"] == {"type": "array", "items": json_schema(Inner)}
    assert [item["type"] for item in fields["pair"]["prefixItems"]] == ["integer", "string"]
    assert fields["values"]["additionalProperties"] == {"type": "number"}
    assert fields["maybe"] == {"anyOf": [{"type": "number"}, {"type": "null"}]}
    assert set(fields["samples"]["properties"]) == {"dtype", "shape", "data"}


@pytest.mark.parametrize("kind", [np.float64, np.int32, np.bool_])
def test_scalars_of_numpy_are_numbers_in_logs(kind):
    assert json.loads(json.dumps(json_value({"value": kind(1)}))) == {"value": 1}


def test_what_json_has_no_word_for_becomes_its_text():
    assert json_value({"kind": Inner, 3: {1}}) == {"kind": str(Inner), "3": "{1}"}


# -- and back ---------------------------------------------------------------------------------------------------------


@message("test.schema_nested")
class Nested:
    ratio: float
    label: str | None


@message("test.schema_every", version=3)
class Every:
    number: int
    ratio: float
    text: str
    flag: bool
    blob: bytes
    array: np.ndarray
    point: Nested
    maybe: int | None
    maybe_ratio: float | None
    maybe_point: Nested | None
    several: tuple[Nested, ...]
    pair: tuple[float, bytes]
    named: dict[str, float]
    deep: dict[str, tuple[np.ndarray, ...]]


numbers = st.integers(-(1 << 63), (1 << 64) - 1)
#: Every number but those of the many NaN that Python does not make; -0.0 and the infinities are among them.
ratios = st.floats().map(lambda ratio: math.nan if math.isnan(ratio) else ratio)
texts = st.text(st.characters(exclude_categories=["Cs"]))
points = st.builds(Nested, ratios, st.none() | texts)
arrays = hnp.arrays(
    st.sampled_from(["|b1", "|u1", "<i2", "<u4", "<i8", "<f2", "<f4", "<f8", ">f8"]),
    hnp.array_shapes(min_dims=0, min_side=0),
)
everythings = st.builds(
    Every,
    number=numbers,
    ratio=ratios,
    text=texts,
    flag=st.booleans(),
    blob=st.binary(),
    array=arrays,
    point=points,
    maybe=st.none() | numbers,
    maybe_ratio=st.none() | ratios,
    maybe_point=st.none() | points,
    several=st.lists(points, max_size=3).map(tuple),
    pair=st.tuples(ratios, st.binary()),
    named=st.dictionaries(texts, ratios),
    deep=st.dictionaries(texts, st.lists(arrays, max_size=2).map(tuple), max_size=2),
)


@given(everythings)
def test_a_message_comes_back_from_its_json_byte_for_byte(sent):
    assert message_of(Every, json.loads(json_text(sent))).encode() == sent.encode()
    assert message_of(Every, json_value(sent)).encode() == sent.encode()


@given(everythings, st.sampled_from([(), ("mro",)]), st.sampled_from(["", "goldstone"]), st.integers(0, 1 << 40))
def test_an_emission_comes_back_from_its_record(sent, via, to, t_ns):
    body, arrays = sent.encode()
    origin = Origin("rover", 3, 17) if via else None
    emission = Emission("mro", 5, "uhf", "test.schema_every@3", t_ns, body, arrays, to, 7, b"stamp", via, origin)
    payload = opened(Entry(t_ns + 1, 0, RECEIVED, "goldstone", emission.packed, list(map(memoryview, emission.arrays))))
    again = emission_of(json.loads(payload.json({})))
    assert (again.body, again.arrays, header(again)) == (body, arrays, header(emission))


def record_of(emission):
    return json.loads(opened(Entry(9, 0, RECEIVED, "mro", emission.packed, [])).json({}))


def test_what_was_recorded_undecoded_comes_back_as_its_bytes():
    strange = Emission("rover", 1, "uhf", "test.schema_of_nobody@1", 5, b"\x93\x01\x02\x03")
    assert emission_of(record_of(strange)).body == strange.body


def test_a_message_that_cannot_be_made_again_as_it_was_is_told():
    wide = Emission("rover", 1, "uhf", "test.schema_inner@1", 5, b"\x91\xca" + np.float32(1.5).tobytes()[::-1])
    with pytest.raises(JournalError, match=r"rover:1 \(test.schema_inner@1\).* 10 bytes, and 6 were sent"):
        emission_of(record_of(wide))
    other = record_of(Emission("rover", 1, "uhf", "test.schema_inner@1", 5, *Inner(1.5).encode()))
    with pytest.raises(JournalError, match=r"no message type 'test.schema_elsewhere@1' is known here"):
        emission_of({**other, "type": "test.schema_elsewhere@1"})


def test_fields_that_are_none_are_told_with_those_there_are():
    for fields, words in [
        ({"range": 1.0}, "has no field 'range'; did you mean 'range_km'\\? its fields are: range_km: float"),
        ({}, "also needs range_km"),
        ({"range_km": "far"}, "range_km is 'far'"),
    ]:
        with pytest.raises(MessageError, match=words):
            message_of(Inner, fields)
