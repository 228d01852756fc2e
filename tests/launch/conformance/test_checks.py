"""Every check finds what it is for, and nothing where nothing is wrong."""

from __future__ import annotations

import re

import pytest
from tests.launch.fixtures import plugins, telling

from lightlag.launch.conformance import flood, motion, reading, running
from lightlag.launch.conformance.finding import counted, listed, told
from lightlag.launch.conformance.subject import Type, subject_of
from lightlag.launch.conformance.trial import Trial


@pytest.fixture
def trial_of(tmp_path):
    """A trial of one of the node types of the fixtures."""
    return lambda cls, used_in="": Trial(
        tmp_path / cls.__name__, type=Type(f"tests.launch.fixtures.plugins:{cls.__name__}", cls, used_in=used_in)
    )


GOOD = (plugins.Good, plugins.Flying)
READING = (
    reading.parameters, reading.its_ports, reading.its_messages, motion.trajectory,
    running.alone, reading.sends_and_hears, flood.flood, running.leaves_nothing, running.takes,
)  # fmt: skip


@pytest.mark.parametrize("cls", GOOD)
def test_nothing_is_found_where_nothing_is_wrong(trial_of, cls):
    trial = trial_of(cls)
    for look in READING:
        found = look(trial)
        assert (found.level, found.advice) == ("ok", ""), (look, found)


@pytest.mark.parametrize(
    ("cls", "look", "level", "said"),
    [
        (plugins.Silent, reading.documented, "warn", "class Silent has no docstring.*Silent.run is not annotated"),
        (plugins.NoCoroutine, reading.documented, "fail", "run is no coroutine function"),
        (plugins.Careless, reading.parameters, "warn", r"every: no description\nevery, count: no limits\ngain: a nu"),
        (plugins.Contradictory, reading.parameters, "fail", "rest: its default -1.0 would be refused: input sho"),
        (plugins.Hiding, reading.its_ports, "fail", "log cannot be the name of a port: every node has something"),
        (plugins.Bare, reading.its_ports, "warn", "^side is not annotated$"),
        (plugins.Alone, reading.its_ports, "warn", "it can talk to nobody"),
        (plugins.Whimsical, reading.lint, "fail", r"identity: hash\(\) of a text or an object differs"),
        (plugins.Undeclared, reading.sends_and_hears, "fail", "it sent lightlag.event@1, which it does not declare"),
        (plugins.Eavesdropping, reading.sends_and_hears, "fail", "it read tests.plugins.reading@2, which it does not"),
        (plugins.Alone, reading.sends_and_hears, "warn", "neither; it was seen to send nothing, and to read noth"),
        (plugins.Breaking, reading.sends_and_hears, "fail", "not tried"),
        (plugins.Moody, motion.trajectory, "fail", r"at t_ns \d+ it is at .* and another one, asked in another or"),
        (plugins.Escaping, motion.trajectory, "fail", r"km outside of the ball of 1.000 km that it promised for \["),
        (plugins.Hasty, motion.trajectory, "fail", "it does 300,000 km/s at t_ns"),
        (plugins.Nowhere, motion.trajectory, "fail", "its state at t_ns .*nan"),
        (plugins.Leaning, motion.trajectory, "fail", "its zenith at t_ns"),
        (plugins.Amplifying, motion.trajectory, "fail", "attenuation_db at t_ns .* is -3.0"),
        (plugins.Sliding, motion.trajectory, "warn", "its velocity is 1.000 km/s off"),
        (plugins.OnPath, motion.trajectory, "ok", "the same in any order"),
        (plugins.Breaking, running.alone, "fail", r"(?s)it failed among peers.*LookupError: no reading.*plugins.py"),
        (plugins.Lost, running.alone, "fail", "on a space channel but has no trajectory"),
        (plugins.Needy, running.alone, "fail", "Needy has to be told label, and no installed graph does"),
        (plugins.Demanding, running.alone, "fail", "friend is 'buddy'; name a node"),
        (plugins.Alone, running.alone, "warn", "it took part in nothing"),
        (plugins.Breaking, running.same_twice, "fail", "not tried, for its run does not come to an end"),
        (plugins.Whimsical, running.same_twice, "fail", r"(?s)not the same.*message.kelvin: "),
        (plugins.Placed, running.processes, "fail", r"in two processes the digest is \w{16}…, in one process "),
        (plugins.Reborn, running.killed, "fail", r"(?s)after kill -9 of host it, half way it failed: .*differs"),
        (plugins.Fragile, flood.flood, "fail", r"(?s)it died of a message that is valid: tests.plugins.reading@2 k"),
        (plugins.Stubborn, flood.flood, "warn", r"(?s)lives through 8,000 valid messages, and dies of one that it"),
        (plugins.Confused, flood.flood, "fail", r"(?s)it died of bytes that are no message: .*ValueError: invalid lit"),
        (plugins.Alone, flood.flood, "ok", "has no ports"),
        (plugins.Breaking, running.leaves_nothing, "fail", r"(?s)not tried.*LookupError: no reading today"),
        (plugins.Breaking, running.takes, "fail", "not tried"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_and_told_with_what_to_do(trial_of, cls, look, level, said):
    found = look(trial_of(cls))
    assert found.level == level, found
    assert re.search(said, found.said), found.said
    assert bool(found.advice) == (level != "ok") or "not tried" in found.said


@pytest.mark.parametrize("name", ["hope", "mro", "maven", "perseverance", "ground-station", "tianwen1"])
def test_what_ships_is_documented_and_its_code_depends_on_nothing_but_the_run(name, tmp_path):
    trial = Trial(tmp_path / name, type=subject_of(name).types[0])
    assert [look(trial).level for look in (reading.imports, reading.documented, reading.lint)] == ["ok"] * 3


def test_what_is_declared_carelessly_of_messages_is_found(tmp_path):
    careless = Trial(tmp_path / "careless", type=Type("tests.launch.fixtures.telling:Teller", telling.Teller))
    found = reading.its_messages(careless)
    assert (found.level, found.said) == (
        "warn",
        "bare@1 has no name of its package before a dot; bare@1 has no docstring",
    )
    found = reading.sends_and_hears(careless)
    assert found.said == "it declares neither; it was seen to send bare@1, and to read bare@1"
    assert found.advice.endswith("= (Bare,) and hears: ClassVar[tuple[type, ...]] = (Bare,)")


def test_a_message_that_is_another_when_it_comes_off_the_wire_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(telling.Bare, "__eq__", lambda self, other: False)
    trial = Trial(tmp_path / "lossy", type=Type("tests.launch.fixtures.telling:Teller", telling.Teller))
    assert "comes off the wire as" in reading.its_messages(trial).said
    monkeypatch.setattr(telling.Bare, "encode", lambda self: (b"", ()))
    assert "cannot be written and read: MessageError" in reading.its_messages(trial).said


def test_a_type_that_cannot_be_had_says_why(tmp_path):
    assert reading.imports(Trial(tmp_path / "x", type=Type("x", None, "no such module"))).said == "no such module"


def test_a_radio_that_is_switched_off_is_told(tmp_path):
    found = reading.its_ports(Trial(tmp_path / "it", type=subject_of("tianwen1").types[0]))
    assert found.said == "radio uhf neither sends nor receives, unless a graph gives it a carrier"


def test_what_is_wrong_or_loose_in_a_graph_is_found(tmp_path):
    loose = tmp_path / "loose.yaml"
    text = "version: 1\nname: loose\nuntil: 1 min\nepoch: 2027-03-01T18:00:00Z\nnodes: {one: {type: hope}}\n"
    loose.write_text(text)
    found = reading.graph_loads(Trial(tmp_path / "loose", graph=str(loose)))
    assert (found.level, found.said) == ("warn", "one.xband is on no channel; what it sends is heard by nobody")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace("hope", "hopeless"))
    found = reading.graph_loads(Trial(tmp_path / "wrong", graph=str(wrong)))
    assert (found.level, "unknown node type 'hopeless'" in found.said) == ("fail", True)
    assert running.alone(Trial(tmp_path / "again", graph=str(wrong))).said.startswith("it cannot run: ")


def test_of_a_failure_is_told_what_was_raised_and_where_its_own_code_was():
    chained = (
        'it failed at noon\nTraceback (most recent call last):\n  File "a.py", line 1, in f\n    x\nKeyError: 1\n\n'
        "The above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n"
        '  File "mine.py", line 2, in run\n    f()\n  File "/x/bus/message.py", line 3, in decode\nMessageError: no'
    )
    assert told(chained) == 'MessageError: no\nFile "mine.py", line 2, in run'
    assert told("the hub died") == "the hub died"
    assert (counted(1, "port"), counted(2000, "port")) == ("1 port", "2,000 ports")
    assert listed(list("abcdef")) == "a, b, c, d and 2 more"


def test_what_a_run_leaves_behind_is_listed(trial_of):
    trial = trial_of(plugins.Untidy)
    assert "1 thread left: left-behind" in running.leaves_nothing(trial).said
    left = trial.shared["leavings"]
    assert left["written"] == ["here/left.txt"]
    assert [it.partition(":")[0] for it in left["open"]] == ["socket"]


@pytest.mark.thorough
def test_in_two_processes_and_after_a_death_a_good_one_is_the_same(trial_of):
    trial = trial_of(plugins.Flying)
    assert running.same_twice(trial).said.startswith(f"one digest, {trial.course.digest[:16]}")
    assert running.processes(trial).said == "in two processes the same digest as in one"
    assert running.killed(trial).said == "after kill -9 of host it+1, half way the same digest as in one"


@pytest.mark.parametrize("cls", [plugins.Flying, plugins.Standing])
def test_a_peer_beside_it_is_heard_and_hears(trial_of, cls):
    course = trial_of(cls).course
    assert course.made["tests.plugins.reading@2"] > 300
    assert sum(course.received.values()) > 200
    assert course.read == {"tests.plugins.reading@2"}
    assert course.failure == ""


def test_a_graph_that_uses_it_tells_what_it_has_to_be_told_and_who_else_is_there(trial_of, tmp_path):
    graph = tmp_path / "used.yaml"
    graph.write_text(
        "version: 1\nname: used\nepoch: 2027-03-01T18:00:00Z\nuntil: 1 min\nnodes:\n"
        '  one: {type: "tests.launch.fixtures.plugins:Needy", params: {label: lamp, every: 20 s}}\n'
        '  two: {type: "tests.launch.fixtures.plugins:Demanding", params: {friend: buddy}}\n'
        '  buddy: {type: "tests.launch.fixtures.plugins:Good"}\n'
        "channels: {wire: {medium: {wire: {latency: 1 s}}, members: [one.out, two.out, buddy.out]}}\n"
    )
    needy = trial_of(plugins.Needy, str(graph))
    assert running.alone(needy).level == "ok"
    assert (needy.params.label, needy.params.every) == ("lamp", 20.0)
    assert needy.graph.epoch.utc(0) == "2027-03-01T18:00:00.000Z"
    demanding = trial_of(plugins.Demanding, str(graph))
    assert running.alone(demanding).level == "ok"
    assert set(demanding.graph.nodes) == {"it", "buddy", "line-out"}
    whole = Trial(tmp_path / "whole", graph=str(graph))
    assert reading.graph_loads(whole).said == "3 nodes, 1 channel"
    assert running.alone(whole).said == "to its end, with 12 emissions"
    assert reading.lint(whole).level == "fail"  # the module has a whimsical one
