"""What a test expects of a reception, and what one lacks of it, told field by field."""

from __future__ import annotations

import numpy as np
import pytest
from tests.launch.fixtures.talk import Answer, Command

from lightlag.bus.emission import Emission, Loss, Origin, Reception
from lightlag.bus.errors import MessageError
from lightlag.bus.time import Epoch
from lightlag.launch.testing.expectation import Expectation, Miss, short, source_of
from lightlag.launch.testing.telling import disappointment, violation
from lightlag.nodes.events import Event

EPOCH = Epoch.parse("2021-02-18T20:26:00Z")


def received(message, *, receiver="ground", source="probe", channel="down", origin=None, via=(), t_ns=5):
    body, arrays = message.encode()
    emission = Emission(source, 1, channel, message.__message_type__, 1, body, arrays, via=via, origin=origin)
    return Reception(emission, receiver, t_ns)


ANSWER = received(Answer("look", 3, 250.5, np.zeros((2, 3))))


@pytest.mark.parametrize(
    "expectation",
    [
        Expectation("ground"),
        Expectation("", Answer),
        Expectation("ground", "tests.answer", source="probe", sender="probe", channel="down"),
        Expectation("ground", "tests.answer@1", fields={"number": 3, "temperature_k": pytest.approx(250, abs=1)}),
        Expectation("ground", Answer, fields={"temperature_k": lambda it: it > 250}),
        Expectation("ground", Answer, where=lambda it: it.pixels.shape == (2, 3)),
    ],
)
def test_a_reception_is_what_was_expected(expectation):
    assert expectation.is_met_by(ANSWER)
    assert expectation.misses(ANSWER) == []


@pytest.mark.parametrize(
    ("expectation", "missing"),
    [
        (Expectation("ground", Event), [Miss("type", "lightlag.event", "tests.answer@1")]),
        (Expectation("ground", Answer, source="mro"), [Miss("source", "mro", "probe")]),
        (
            Expectation("ground", Answer, channel="up", sender="mro"),
            [("sender", "mro", "probe"), ("channel", "up", "down")],
        ),
        (Expectation("ground", fields={"number": 4}), [("number", "4", "3")]),
        (Expectation("ground", fields={"nmber": 4}), [("nmber", "4", "no such field")]),
        (
            Expectation("ground", fields={"temperature_k": lambda it: it > 300}),
            [("temperature_k", "lambda it: it > 300", "250.5")],
        ),
    ],
)
def test_what_a_reception_lacks_is_told_by_field(expectation, missing):
    assert not expectation.is_met_by(ANSWER)
    assert expectation.misses(ANSWER) == [Miss(*miss) for miss in missing]


def test_another_receiver_is_another_matter():
    assert not Expectation("mro", Answer).is_met_by(ANSWER)


def test_who_said_it_first_is_not_who_sent_the_frame():
    relayed = received(Command("look", 1), source="mro", origin=Origin("probe", 1, 0), via=("mro",))
    assert Expectation("ground", source="probe", sender="mro").is_met_by(relayed)
    assert not Expectation("ground", source="mro").is_met_by(relayed)


def test_a_message_that_cannot_be_read_is_not_what_was_expected():
    broken = Reception(Emission("probe", 1, "down", "tests.answer@1", 1, b"\x91\x01"), "ground", 5)
    assert Expectation("ground", Answer).is_met_by(broken)
    ((what, expected, got),) = Expectation("ground", Answer, fields={"number": 3}).misses(broken)
    assert (what, expected) == ("message", "one that can be read")
    assert "tests.answer" in got


def test_the_nearest_lacks_least_and_reads_most_alike():
    names = ["look", "touchdown_declared", "entry", "touch", "explode"]
    receptions = [received(Command(name, 1)) for name in names]
    nearest, misses = Expectation("ground", Command, fields={"name": "touchdwn"}).nearest(receptions)
    assert nearest.message.name == "touch"
    assert misses == [Miss("name", "'touchdwn'", "'touch'")]
    assert Expectation("ground", Answer).nearest(receptions) is None


def test_a_kind_that_is_no_message_is_refused():
    with pytest.raises(MessageError, match=r"<class 'int'> is no message type; name a class decorated with @message"):
        Expectation("ground", int).is_met_by(ANSWER)


def test_a_predicate_is_told_as_it_was_written():
    limit = 3
    assert source_of(lambda it: it.number > limit) == "lambda it: it.number > limit"
    assert source_of(str.isdigit) == "isdigit"
    assert source_of(eval("lambda it: it")) == "a lambda"


def test_a_message_is_told_in_one_line():
    told = short(ANSWER.message)
    assert told == "name='look', number=3, temperature_k=250.5, pixels=array of float64 (2, 3)"
    assert short(Command("x" * 200, 1), most=50).endswith("…")
    assert len(short(Event("e", 1, {f"value_{n}": 1.0 for n in range(30)}))) == 120


def test_a_disappointment_says_what_was_lost_and_what_came():
    expectation = Expectation("ground", Answer, source="probe", fields={"number": 9})
    lost = [
        Loss(ANSWER.emission, "ground", 7, "occulted"),
        Loss(received(Command("x", 1)).emission, "ground", 8, "snr"),
    ]
    told = disappointment(EPOCH, expectation, (0, 90 * 10**9), "the limit was 90 s", [ANSWER], lost, None)
    assert told.splitlines() == [
        "ground did not receive tests.answer from probe with number = 9",
        "  from 2021-02-18T20:26:00.000Z to 2021-02-18T20:27:30.000Z (1 min 30 s): the limit was 90 s",
        "",
        "nearest: 2021-02-18T20:26:00.000Z ERT  tests.answer  probe > ground  after 4e-09 s  "
        "name='look', number=3, temperature_k=250.5, pixels=array of float64 (2, 3)",
        "  field   expected  got",
        "  number  9         3",
        "",
        "lost on the way to it, and may have been it: 1 (occulted 1)",
        "  tests.answer@1 sent 2021-02-18T20:26:00.000Z SCET by probe on down: occulted",
        "",
        "last messages at ground, of 1:",
        "  2021-02-18T20:26:00.000Z ERT  tests.answer  probe > ground  after 4e-09 s  "
        "name='look', number=3, temperature_k=250.5, pixels=array of float64 (2, 3)",
    ]


def test_what_came_is_counted_where_nothing_is_near():
    told = disappointment(
        EPOCH, Expectation("ground", Event), (0, 10), "then the run ended", [ANSWER, ANSWER], [], None
    )
    assert "nothing of the kind came; what came: tests.answer@1 2" in told
    nothing = disappointment(EPOCH, Expectation("", Event), (0, 10), "then the run ended", [], [], None)
    assert nothing.startswith("nobody received lightlag.event")
    assert "nothing at all came in that time" in nothing


def test_a_violation_says_by_which_path_it_came(tmp_path):
    told = violation(EPOCH, Expectation("ground", Answer), ANSWER, "assert_never in line 3 of test_it", tmp_path)
    assert told.startswith("ground received tests.answer, which it never should (assert_never in line 3 of test_it)")
    assert "by way of probe > ground" in told
    assert f"lightlag replay {tmp_path} --node ground --pdb" in told
