"""Messages: what goes in comes out, read-only; what does not fit is refused by name; garbage is only ever an error."""

import contextlib
import math

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightlag.bus.emission import Emission, Origin, Reception
from lightlag.bus.errors import MessageError, ProtocolError
from lightlag.bus.message import message, message_class


@message("test.message.point")
class Point:
    x: float
    label: str | None


@message("test.message.everything", version=3)
class Everything:
    number: int
    ratio: float
    text: str
    flag: bool
    blob: bytes
    array: np.ndarray
    point: Point
    maybe: int | None
    maybe_point: Point | None
    several: tuple[Point, ...]
    pair: tuple[int, str]
    named: dict[str, float]
    nested: dict[str, tuple[np.ndarray, ...]]


@message("test.message.two_words")
class TwoWords:
    first: str
    second: str = "none"


@message("test.message.reading")
class Reading:
    number: int
    ratio: float
    text: str
    flag: bool
    blob: bytes
    array: np.ndarray
    point: Point
    maybe: int | None
    pair: tuple[int, str]
    named: dict[str, float]


DTYPES = st.one_of(
    st.just(np.dtype(bool)),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
INTS = st.integers(-(1 << 63), (1 << 64) - 1)
FLOATS = st.floats()
POINTS = st.builds(Point, FLOATS, st.none() | st.text())
EVERYTHING = st.builds(
    Everything,
    INTS,
    FLOATS | st.integers(-(10**9), 10**9),
    st.text(),
    st.booleans(),
    st.binary(),
    ARRAYS,
    POINTS,
    st.none() | INTS,
    st.none() | POINTS,
    st.lists(POINTS, max_size=3).map(tuple),
    st.tuples(INTS, st.text()),
    st.dictionaries(st.text(), FLOATS, max_size=3),
    st.dictionaries(st.text(), st.lists(ARRAYS, max_size=2).map(tuple), max_size=2),
)


def some(**changes):
    good = {
        "number": 1,
        "ratio": 0.5,
        "text": "a",
        "flag": True,
        "blob": b"b",
        "array": np.arange(3),
        "point": Point(1.0, None),
        "maybe": None,
        "pair": (1, "a"),
        "named": {"height_km": 1.0},
    }
    return Reading(**(good | changes))


@given(EVERYTHING)
def test_a_message_comes_out_as_it_went_in(sent):
    body, arrays = sent.encode()
    received = Everything.decode(body, tuple(memoryview(array) for array in arrays))
    assert received == sent
    assert hash(received) == hash(sent)
    assert received.encode() == (body, arrays)
    assert type(received.ratio) is float
    assert received.pair == sent.pair
    assert dict(received.named).keys() == dict(sent.named).keys()
    np.testing.assert_array_equal(received.array, sent.array)
    assert received.array.shape == sent.array.shape
    assert received.array.dtype == sent.array.dtype.newbyteorder("<")


@given(EVERYTHING)
def test_received_arrays_are_read_only_whatever_buffer_brought_them(sent):
    body, arrays = sent.encode()
    received = Everything.decode(body, tuple(bytearray(array) for array in arrays))
    every = [received.array, *[array for group in received.nested.values() for array in group]]
    assert not any(array.flags.writeable for array in every)


def test_a_message_does_not_change_with_the_array_it_was_made_from():
    pixels = np.zeros(3)
    reading = some(array=pixels)
    pixels[0] = 1
    assert reading.array[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        reading.array[0] = 1


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda a: a[::2], lambda a: a.T, lambda a: a.astype(">i4")])
def test_the_layout_of_an_array_in_memory_does_not_travel(layout):
    array = layout(np.arange(12, dtype="<i4").reshape(4, 3))
    plain = np.array(array, dtype="<i4", order="C")
    assert some(array=array).encode() == some(array=plain).encode()


def test_messages_are_frozen():
    with pytest.raises(AttributeError):
        some().number = 2
    with pytest.raises(TypeError):
        some().named["height_km"] = 2.0


def test_messages_that_hold_nan_equal_themselves():
    assert some(ratio=math.nan) == some(ratio=math.nan)
    assert some() != Point(1.0, None)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("number", 1.0, "an int"),
        ("number", True, "an int"),
        ("number", 1 << 64, "64 bits"),
        ("ratio", "0.5", "a float"),
        ("ratio", True, "a float"),
        ("ratio", 10**400, "a float of at most 64 bits"),
        ("text", b"a", "a str"),
        ("text", "\ud800", "surrogates"),
        ("flag", 1, "a bool"),
        ("blob", "b", "bytes"),
        ("blob", bytearray(b"b"), "bytes"),
        ("array", [1, 2], "NumPy array"),
        ("array", np.array(["a"]), "NumPy array"),
        ("array", np.array([1j]), "NumPy array"),
        ("array", np.array([None]), "NumPy array"),
        ("array", np.zeros(2, dtype=np.longdouble), "at most 64 bits"),
        ("point", some(), "a Point"),
        ("point", (1.0,), "a Point"),
        ("maybe", "1", "an int"),
        ("pair", (1,), "a tuple of 2"),
        ("pair", 1, "a tuple of 2"),
        ("named", [1.0], "a mapping"),
        ("named", {1: 1.0}, "a str"),
        ("named", {"a": "1"}, "a float"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_field(field, value, expected):
    with pytest.raises(MessageError, match=rf"test\.message\.reading@1: {field} .*{expected}"):
        some(**{field: value})


def test_fields_may_be_called_as_python_calls_its_own():
    @message("test.message.builtins")
    class FieldsNamedLikeBuiltins:
        type: str
        int: float
        tuple: bytes
        float: int = 7

    sent = FieldsNamedLikeBuiltins("a", 1, b"b")
    assert (sent.type, sent.int, sent.tuple, sent.float) == ("a", 1.0, b"b", 7)
    assert Reception(Emission("a", 1, "c", sent.__message_type__, 0, *sent.encode()), "b", 1).message == sent
    with pytest.raises(MessageError, match="builtins@1: type is 5"):
        FieldsNamedLikeBuiltins(5, 1, b"b")


def test_numpy_scalars_are_numbers():
    reading = some(number=np.int32(4), ratio=np.float32(0.5))
    assert (type(reading.number), type(reading.ratio)) == (int, float)


def test_a_field_that_cannot_travel_is_refused_where_the_class_is_made():
    with pytest.raises(MessageError, match=r"thing@1: when .*a message carries int"):

        @message("test.message.thing")
        class Thing:
            when: complex


def test_a_message_cannot_replace_the_checks_of_its_values():
    with pytest.raises(MessageError, match="__post_init__"):

        @message("test.message.checked")
        class Checked:
            number: int

            def __post_init__(self):
                pass


def test_a_name_belongs_to_one_class_and_versions_are_apart():
    with pytest.raises(MessageError, match=r"test.message.point@1 is already .*Point"):

        @message("test.message.point")
        class Point2:
            x: float

    assert message_class("test.message.everything@3") is Everything
    with pytest.raises(MessageError, match=r"known versions: test.message.everything@3"):
        message_class("test.message.everything@1")
    with pytest.raises(MessageError, match="import the module"):
        message_class("test.message.nothing@1")


# -- what comes off the wire ----------------------------------------------------------------------------------------


@given(EVERYTHING, st.data())
def test_truncated_messages_are_message_errors(sent, data):
    body, arrays = sent.encode()
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(MessageError):
        Everything.decode(body[:cut], arrays)
    if any(arrays):
        k = next(k for k, array in enumerate(arrays) if array)
        with pytest.raises(MessageError):
            Everything.decode(body, (*arrays[:k], arrays[k][:-1], *arrays[k + 1 :]))


@settings(max_examples=300)
@given(EVERYTHING, st.data())
def test_damaged_messages_are_messages_or_message_errors(sent, data):
    body, arrays = sent.encode()
    damaged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MessageError):
        Everything.decode(bytes(damaged), arrays).encode()


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_garbage_is_a_message_error(garbage):
    try:
        Everything.decode(garbage)
    except MessageError:
        return
    pytest.fail("garbage was decoded")


@pytest.mark.parametrize("body", [b"\xa2ab", b"\xc4\x02ab", b"\x82\xa1a\x01\xa1b\x01", b"\x05", b"\xc0", b""])
def test_only_an_array_of_fields_is_a_message(body):
    with pytest.raises(MessageError, match=r"no test\.message\.two_words@1"):
        TwoWords.decode(body)


def test_an_array_extension_of_another_kind_is_refused():
    for description in [("O", (1,), 0), ("<f16", (1,), 0), ("(1,", (1,), 0), ("<f8", (-1,), 0), ("<f8", (1,), -1)]:
        body = msgpack.packb([1, msgpack.ExtType(1, msgpack.packb(description))])
        with pytest.raises(MessageError):
            Everything.decode(body, (bytes(16),))
    with pytest.raises(MessageError, match="extension 7"):
        Everything.decode(msgpack.packb([msgpack.ExtType(7, b"")]))


# -- emissions ------------------------------------------------------------------------------------------------------


def emission(body=b"body", arrays=(b"1234", b""), **changes):
    facts = {"duration_ns": 5, "origin": Origin("rover", 7, 3), "via": ("rover", "mro"), "emitter": b"state"}
    return Emission("mro", 9, "x-band", "test.message.point@1", 12, body, arrays, **(facts | changes))


def test_an_emission_comes_out_as_it_went_in():
    sent = emission()
    received = Emission.unpack(sent.packed, list(sent.arrays))
    for name in Emission.__slots__:
        assert getattr(received, name) == getattr(sent, name), name
    assert received.fingerprint() == sent.fingerprint()
    assert received.size_bytes == 8


def test_the_first_emission_of_a_content_is_its_own_origin():
    sent = Emission("rover", 7, "uhf", "test.message.point@1", 3, b"")
    assert sent.origin == Emission.unpack(sent.packed, ()).origin == Origin("rover", 7, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b"bodY"},
        {"arrays": (b"1235", b"")},
        {"arrays": (b"123", b"4")},
        {"duration_ns": 6},
        {"origin": Origin("rover", 7, 4)},
        {"via": ()},
        {"emitter": b""},
    ],
    ids=str,
)
def test_whatever_differs_in_an_emission_changes_its_fingerprint(changes):
    assert emission(**changes).fingerprint() != emission().fingerprint()


@given(st.data())
def test_damaged_emissions_are_emissions_or_protocol_errors(data):
    sent = emission()
    damaged = bytearray(sent.packed)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    for packed in (bytes(damaged), sent.packed[: data.draw(st.integers(0, len(sent.packed) - 1))]):
        with contextlib.suppress(ProtocolError):
            Emission.unpack(packed, sent.arrays)


@given(st.binary(max_size=60))
def test_garbage_is_a_protocol_error(garbage):
    with pytest.raises(ProtocolError):
        Emission.unpack(garbage, ())


def test_frames_that_were_not_announced_are_refused():
    with pytest.raises(ProtocolError, match=r"mro:9 announces frames of \(4, 0\) bytes, got \[4\]"):
        Emission.unpack(emission().packed, [b"1234"])


def test_a_reception_knows_its_path_and_decodes_on_first_use():
    point = Point(2.0, "here")
    body, arrays = point.encode()
    reception = Reception(emission(body, arrays), "madrid", 99)
    assert reception.path == ("rover", "rover", "mro", "madrid")
    assert reception.message == point
    assert reception.message is reception.message


@message("test.samples")
class Samples:
    values: np.ndarray


def test_the_bytes_of_an_array_are_made_once_and_nobody_can_change_them():
    given = np.arange(6, dtype=np.float64).reshape(2, 3)
    sent = Samples(given)
    given[0, 0] = 99.0
    (frame,) = sent.encode()[1]
    assert frame is sent.encode()[1][0]
    assert np.frombuffer(frame).tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="WRITEABLE"):
        sent.values.flags.writeable = True
