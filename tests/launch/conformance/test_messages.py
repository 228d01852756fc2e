"""Random messages are as their annotations say, the same for the same seed, and come off the wire as they were."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightlag.bus.message import message
from lightlag.launch.conformance.messages import is_message, messages_in, random_message


@message("tests.conformance.inner")
class Inner:
    """In another."""

    flag: bool
    raw: bytes


@message("tests.conformance.everything")
class Everything:
    """Every type that a message carries."""

    number: int
    real: float
    text: str
    array: np.ndarray
    inner: Inner
    many: tuple[Inner, ...]
    pair: tuple[int, str]
    maybe: float | None
    table: dict[str, tuple[float, ...]]
    nothing: None


@given(st.integers(0, 2**32), st.booleans())
def test_a_random_message_comes_off_the_wire_as_it_was(seed, odd):
    made = random_message(Everything, Random(seed), odd=odd)
    assert Everything.decode(*made.encode()) == made
    assert random_message(Everything, Random(seed), odd=odd) == made


def test_odd_ones_are_odd():
    made = [random_message(Everything, Random(seed), odd=True) for seed in range(200)]
    assert {2**64 - 1, -(2**63)} <= {it.number for it in made}
    assert {"inf", "-inf", "nan"} <= {str(it.real) for it in made}
    assert {(), (0,), (0, 3)} <= {it.array.shape for it in made}
    assert {it.array.dtype.kind for it in made} == set("biuf")
    assert any(it.maybe is None for it in made)


def test_the_messages_of_a_module_are_those_that_it_defines():
    import sys

    assert messages_in([sys.modules[__name__]]) == [Everything, Inner]


@pytest.mark.parametrize("thing", [int, 3, None, Random])
def test_what_is_no_message_is_none(thing):
    assert not is_message(thing)
