"""Units: quantities are written with theirs, and every mistake is told what would have been right."""

import pytest
from pydantic import TypeAdapter, ValidationError

from lightlag.bus.errors import GraphError
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.units import _UNITS, Utc, quantity


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("250 km", "length", 250.0),
        ("1500 m", "length", 1.5),
        ("1 au", "length", 149597870.7),
        ("8 kbit/s", "data rate", 8000.0),
        ("2 Mbit/s", "data rate", 2e6),
        ("-3.5 deg", "angle", -3.5),
        ("30 arcmin", "angle", 0.5),
        ("10min", "duration", 600.0),
        (" 1e-3 s ", "duration", 1e-3),
        ("2 sol", "duration", 177550.488),
        (".5 h", "duration", 1800.0),
        ("401.585625 MHz", "frequency", 401585625.0),
        ("11.8 dBW", "power", 11.8),
        ("2 MiB", "data size", 16777216.0),
    ],
)
def test_quantities_are_read_into_base_units(text, dimension, value):
    assert quantity(text, dimension) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("dimension", sorted(_UNITS))
@pytest.mark.parametrize("wrong", [5, 5.0, "5", "", "five", "5 parsec", None, True, [5], "5 km s", "1_000 km", "nan s"])
def test_every_mistake_is_told_what_it_was_and_all_the_units_that_fit(dimension, wrong):
    with pytest.raises(GraphError) as caught:
        quantity(wrong, dimension)
    text = str(caught.value)
    assert repr(wrong) in text
    assert dimension in text
    assert ", ".join(_UNITS[dimension]) in text


@pytest.mark.parametrize(
    ("wrong", "dimension", "near"),
    [("8 kbits/s", "data rate", "kbit/s"), ("5 mins", "duration", "min"), ("4 Ghz", "frequency", "GHz")],
)
def test_a_misspelt_unit_is_told_the_nearest(wrong, dimension, near):
    with pytest.raises(GraphError, match=f"did you mean '{near}'"):
        quantity(wrong, dimension)


def test_a_unit_of_another_dimension_is_refused():
    with pytest.raises(GraphError, match=r"'8 kbit/s': 'kbit/s' is not a unit of length \(one of: m, km, au\)"):
        quantity("8 kbit/s", "length")


def test_parameters_refuse_bare_numbers_and_name_the_field():
    assert RadioSpec(rate_bps="8 kbit/s").rate_bps == 8000.0
    with pytest.raises(ValidationError, match=r"(?s)rate_bps.*8000 has no unit; a data rate is written with one of"):
        RadioSpec(rate_bps=8000)


def test_an_instant_is_utc_and_its_mistakes_teach():
    adapter = TypeAdapter(Utc)
    assert adapter.validate_python("2021-02-18T20:36:50Z") == "2021-02-18T20:36:50Z"
    with pytest.raises(ValidationError, match="write it like 2021-02-18T20:36:50"):
        adapter.validate_python("20:36:50")
