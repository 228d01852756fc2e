"""Messages as JSON: every value that a message can carry, and a schema that says what it is."""

from __future__ import annotations

import base64
import json
import math

import numpy as np
import pytest

from lightlag.bus.message import message
from lightlag.bus.schema import json_schema, json_value


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
