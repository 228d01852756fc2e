"""Time: UTC and back, through leap seconds, in agreement with SPICE."""

import itertools
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
import spiceypy
from hypothesis import given
from hypothesis import strategies as st

from lightlag.bus.time import (
    NS_PER_S,
    TIME_SYSTEMS,
    Epoch,
    TimeError,
    tdb_ns_from_text,
    tdb_ns_from_utc,
    unix_ns_from_tdb,
    utc_from_tdb_ns,
)

#: How far we may be from SPICE. Its ephemeris time is a float of seconds: neighbours are 119 ns apart in 2021 and, from
#: 2034 on, 238 ns, where no two agree better than that.
SPICE_TOLERANCE_NS = 100

INSTANTS = st.datetimes(datetime(1972, 1, 2), datetime(2150, 1, 1))  # naive: they are read as UTC


def text_of(instant, nanoseconds=0):
    return instant.strftime("%Y-%m-%dT%H:%M:%S") + f".{instant.microsecond * 1000 + nanoseconds:09d}Z"


@given(INSTANTS, st.integers(0, 999))
def test_utc_to_tdb_and_back_is_exact_to_the_nanosecond(instant, nanoseconds):
    text = text_of(instant, nanoseconds)
    assert utc_from_tdb_ns(tdb_ns_from_utc(text), 9) == text


@given(INSTANTS, INSTANTS)
def test_later_in_utc_is_later_in_tdb(one, other):
    one_ns, other_ns = (tdb_ns_from_utc(text_of(instant)) for instant in (one, other))
    assert (one < other) == (one_ns < other_ns)


@given(INSTANTS)
def test_unix_time_is_the_clock_of_everybody_else(instant):
    seconds = (instant.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert unix_ns_from_tdb(tdb_ns_from_utc(text_of(instant))) == seconds * 1000


@given(INSTANTS, st.integers(0, 9))
def test_fewer_digits_are_the_nearest_instant_with_so_many(instant, digits):
    tdb_ns = tdb_ns_from_utc(text_of(instant))
    rounded = tdb_ns_from_utc(utc_from_tdb_ns(tdb_ns, digits))
    assert abs(rounded - tdb_ns) <= 10 ** (9 - digits) // 2 + 1


def test_the_last_leap_second_has_a_name_of_its_own():
    stamps = ["2016-12-31T23:59:59.500Z", "2016-12-31T23:59:60.500Z", "2017-01-01T00:00:00.500Z"]
    instants = [tdb_ns_from_utc(stamp) for stamp in stamps]
    assert [utc_from_tdb_ns(instant) for instant in instants] == stamps
    assert [round((b - a) / NS_PER_S, 6) for a, b in itertools.pairwise(instants)] == [1.0, 1.0]


def test_a_leap_second_reads_as_the_second_after_it_in_unix_time():
    leap, after = (tdb_ns_from_utc(stamp) for stamp in ("2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.25Z"))
    assert unix_ns_from_tdb(leap) == unix_ns_from_tdb(after) == 1483228800_250000000


def test_rounding_up_into_a_leap_second_and_out_of_it():
    assert utc_from_tdb_ns(tdb_ns_from_utc("2016-12-31T23:59:59.9996Z")) == "2016-12-31T23:59:60.000Z"
    assert utc_from_tdb_ns(tdb_ns_from_utc("2016-12-31T23:59:60.9996Z")) == "2017-01-01T00:00:00.000Z"
    assert utc_from_tdb_ns(tdb_ns_from_utc("2021-12-31T23:59:59.9996Z"), 0) == "2022-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2021-049T20:36:50", "2021-02-18T20:36:50.000Z"),
        ("2021-02-18 20:36", "2021-02-18T20:36:00Z"),
        ("2021-02-18", "2021-02-18T00:00:00Z"),
        (" 2020-366Z ", "2020-12-31T00:00Z"),
    ],
)
def test_one_instant_may_be_written_in_several_ways(one, other):
    assert tdb_ns_from_utc(one) == tdb_ns_from_utc(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2021-02-30T00:00:00Z",
        "2021-13-01",
        "2021-366",
        "2021-000",
        "9999-366",
        "0000-01-01",
        "2021-02-18T24:00:00Z",
        "2021-02-18T20:60:00Z",
        "2021-02-18T20:36:61Z",
        "2021-02-18T20:36:60Z",
        "2021-06-30T23:59:60Z",
        "2021-02-18T20:36:50.0123456789Z",
        "2021-02-18T20:36:50+01:00",
        "1971-12-31T23:59:59Z",
        "20:36:50",
    ],
)
def test_what_is_no_instant_is_refused_with_its_text(text):
    with pytest.raises(TimeError) as caught:
        tdb_ns_from_utc(text)
    assert repr(text) in str(caught.value)


def test_an_epoch_counts_nanoseconds_of_tdb_from_its_instant():
    epoch = Epoch.parse("2021-02-18T20:00:00Z")
    assert epoch.t_ns("2021-02-18T20:00:00Z") == 0
    assert abs(epoch.t_ns("2021-02-18T20:36:50Z") - 2210 * NS_PER_S) < 1000  # TDB drifts from TT by microseconds
    assert epoch.utc(2210 * NS_PER_S) == "2021-02-18T20:36:50.000Z"
    assert epoch.unix_ns(0) == 1613678400 * NS_PER_S
    assert epoch.et_s(NS_PER_S) == pytest.approx(epoch.tdb_ns / NS_PER_S + 1, abs=1e-7)


@pytest.fixture
def leap_seconds(reference):
    kernel = str(reference / "kernels" / "naif0012.tls")
    spiceypy.furnsh(kernel)
    yield
    spiceypy.unload(kernel)


def from_spice_ns(stamp, tdb_ns):
    return abs(Fraction(spiceypy.str2et(stamp)) * NS_PER_S - tdb_ns)


def test_we_agree_with_spice(leap_seconds):
    stamps = [f"{year}-{month:02d}-11T07:08:09.123456" for year in range(1973, 2034, 3) for month in (1, 4, 8, 12)]
    stamps += ["2021-02-18T20:36:50.08", "2016-12-31T23:59:60.5", "1972-07-01T00:00:00", "2017-01-01T00:00:00"]
    for stamp in stamps:
        assert from_spice_ns(stamp, tdb_ns_from_utc(stamp)) < SPICE_TOLERANCE_NS, stamp


def test_spice_reads_our_instants_as_we_do(leap_seconds):
    for tdb_ns in range(-530_000_000 * NS_PER_S, 530_000_000 * NS_PER_S, 8_765_432_123_456_789):
        assert from_spice_ns(utc_from_tdb_ns(tdb_ns, 9)[:-1], tdb_ns) < SPICE_TOLERANCE_NS


# TT is TDT there, and TAI it does not read at all. The instants are the same one.
@pytest.mark.usefixtures("leap_seconds")
@pytest.mark.parametrize(
    ("system", "text"),
    [
        ("UTC", "2021-02-18T20:00:00"),
        ("TAI", "2021-02-18T20:00:37"),
        ("TT", "2021-02-18T20:01:09.184"),
        ("TDB", "2021-02-18T20:01:09.185200"),
    ],
)
def test_an_instant_has_one_name_in_every_time_system(system, text):
    et_s = spiceypy.str2et("2021-02-18T20:00:00")
    assert abs(tdb_ns_from_text(text, system) - round(et_s * NS_PER_S)) < 1000
    if system in ("TT", "TDB"):
        told_s = spiceypy.str2et(f"{text.replace('T', ' ')} {'TDT' if system == 'TT' else 'TDB'}")
        assert abs(tdb_ns_from_text(text, system) - round(told_s * NS_PER_S)) <= SPICE_TOLERANCE_NS


@pytest.mark.parametrize(
    ("system", "text", "told"),
    [
        ("GPS", "2021-02-18T20:00:00", "'GPS' is no time system"),
        ("TT", "2016-12-31T23:59:60", "TT has no leap seconds"),
        ("TAI", "yesterday", "not an instant of TAI"),
        ("TDB", "2021-02-30T00:00:00", "not an instant of TDB: day is out of range"),
    ],
)
def test_what_is_no_instant_of_a_time_system_is_refused(system, text, told):
    with pytest.raises(TimeError, match=told):
        tdb_ns_from_text(text, system)
    assert "UTC" in TIME_SYSTEMS
