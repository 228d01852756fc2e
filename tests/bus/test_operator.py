"""Operators: what they ask is answered or refused with words, and what they do never comes into anybody's past."""

from __future__ import annotations

import random
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bus.mortals import RUN, Bench, Fate
from tests.bus.worlds import ModelHost, World, drive

from lightlag.bus.coordinator import Coordinator
from lightlag.bus.emission import Emission
from lightlag.bus.errors import RunError
from lightlag.bus.memory import run_in_memory
from lightlag.bus.operator import OPERATOR, Operator
from lightlag.bus.time import NEVER_NS


class Open(World):
    """A world that somebody acts upon from outside."""

    def receivers(self, emission):
        return [emission.to] if emission.source == OPERATOR else super().receivers(emission)

    def delay_ns(self, emission, receiver):
        return 1 if emission.source == OPERATOR else super().delay_ns(emission, receiver)

    def in_one_host(self):
        alone = Open(self.seed)
        alone.hosts, alone.host_of = 1, dict.fromkeys(self.host_of, 0)
        return alone


def acted_alone(world, acts):
    """The digest chains of a world in one process that is given the same acts with the same stamps."""
    host = ModelHost(world.in_one_host(), 0)
    host.activate(NEVER_NS, acts, NEVER_NS)
    host.finish([])
    return host.chains()


class Acted(Coordinator):
    """Is acted upon now and then, before it looks who may go on."""

    draw: random.Random
    world: World
    share = 0.1
    acts: list[Emission]

    def grants(self):
        if not self.finished and self.draw.random() < self.share:
            node = self.draw.choice(self.world.nodes)
            host = self.world.host_of[node]
            sent_ns = self.act_ns(host)
            assert sent_ns >= max([0, *(act.sent_ns for act in self.acts)])
            self.acts.append(Emission(OPERATOR, len(self.acts) + 1, "@in", "x@1", sent_ns, b"", to=node))
            self.act(host, self.acts[-1])
        return super().grants()


def acted(world, draw):
    coordinator = Acted(world.hosts, world.lookahead(), world.host_of, world.destinations, world.until_ns)
    coordinator.draw, coordinator.world, coordinator.acts = draw, world, []
    return coordinator


@settings(max_examples=120)
@given(seed=st.integers(0, 10**6), order=st.integers(0, 10**6), kill_share=st.sampled_from([0.0, 0.0, 0.03]))
def test_an_act_comes_into_nobodys_past(seed, order, kill_share):
    """Neither into that of its receiver, nor, by way of what it makes that do, into that of anybody else."""
    world = Open(seed)
    draw = random.Random(order)
    coordinator = acted(world, draw)
    chains, _ = drive(coordinator, lambda at: ModelHost(world, at), world.hosts, draw, kill_share)
    assert chains == acted_alone(world, coordinator.acts)


def test_acts_arrive():
    """They are not put off to the end of the run, where they would change nothing."""
    arrived = total = 0
    for seed in range(40):
        world = Open(seed)
        coordinator = acted(world, random.Random(seed))
        drive(coordinator, lambda at, world=world: ModelHost(world, at), world.hosts, random.Random(seed))
        total += len(coordinator.acts)
        arrived += sum(act.sent_ns + 1 < world.until_ns for act in coordinator.acts)
    assert total > 40
    assert arrived > 0.9 * total


def test_an_act_upon_a_run_in_one_process_arrives(monkeypatch):
    """Though its only host is granted all the time there is, and reports early."""
    monkeypatch.setattr("lightlag.bus.memory.EARLY_REPORT_EVENTS", 5)
    arrived = total = 0
    for seed in range(10):
        world = Open(seed).in_one_host()
        coordinator = acted(world, random.Random(seed))
        outcome = run_in_memory([ModelHost(world, 0)], coordinator)
        assert outcome.chains == acted_alone(world, coordinator.acts)
        total += len(coordinator.acts)
        arrived += sum(act.sent_ns + 1 < world.until_ns for act in coordinator.acts)
    assert arrived == total > 0


# -- over sockets ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="ll-", dir="/tmp") as folder:
        yield Path(folder)


class Asked(threading.Thread):
    """Asks something of a hub while it runs; keeps what it was told."""

    def __init__(self, bench: Bench, *questions: tuple[str, dict]) -> None:
        super().__init__(daemon=True)
        self.told: list = []
        self._bench = bench
        self._questions = questions
        self.start()

    def run(self) -> None:
        with Operator(self._bench.endpoint, RUN) as operator:
            for what, asked in self._questions:
                try:
                    self.told.append(operator.ask(what, **asked))
                except RunError as error:
                    self.told.append(error)

    def heard(self) -> list:
        self.join(20)
        assert not self.is_alive()
        return self.told


def test_a_question_is_answered_and_an_error_raised(folder):
    bench = Bench(folder, World(5))

    def answer(hub, what, asked):
        return {"error": "nobody knows"} if what == "why" else {"asked": asked, "hosts": hub.hosts}

    bench.answer = answer
    asked = Asked(bench, ("status", {"of": "all"}), ("why", {}))
    threading.Timer(0.3, bench.start_hosts).start()
    bench.serve()
    answered, error = asked.heard()
    assert answered == {"asked": {"of": "all"}, "hosts": ("h0", "h1", "h2")}
    assert str(error) == "nobody knows"
    bench.close()


def test_a_hub_that_does_not_answer_is_told_of():
    with Operator("ipc:///tmp/ll-nobody-is-here", RUN) as operator, pytest.raises(RunError, match=r"within 0\.1 s"):
        operator.ask("status", timeout_s=0.1)


def test_an_operator_can_stop_a_run(folder):
    bench = Bench(folder, World(5))
    begun = threading.Event()
    bench.watch = lambda frontier_ns, news: begun.set()
    asked = Asked(bench, ("stop", {}))
    threading.Timer(0.3, bench.start_hosts).start()
    outcome = bench.serve()
    assert asked.heard() == [{}]
    assert outcome.interrupted
    assert outcome.reached_ns < bench.world.until_ns
    bench.close()


def test_nobody_acts_upon_a_run_before_all_of_its_hosts_are_there(folder):
    bench = Bench(folder, World(5))
    bench.answer = lambda hub, what, asked: {"sent_ns": hub.act(0, "n0", "in", "x@1", b"", [])}
    errors = []

    def answer(hub, what, asked):
        try:
            hub.act(0, "n0", "in", "x@1", b"", [])
        except RunError as error:
            errors.append(str(error))
        return {}

    bench.answer = answer
    asked = Asked(bench, ("act", {}))
    threading.Timer(0.3, bench.start_hosts).start()
    bench.serve()
    assert asked.heard() == [{}]
    assert errors == ["the run is starting or ending; nothing can be sent now"]
    bench.close()


@pytest.mark.parametrize(
    "deaths",
    [[], [("ran", 40)], [("journalled", 50)], [("heard", 60), ("ended", 1)], [("ended", 2), ("repeated", 4)]],
    ids=["nobody dies", "a host", "the hub", "both", "both, in its past"],
)
def test_what_an_operator_did_is_journalled_and_done_again_whoever_is_killed(folder, monkeypatch, deaths):
    monkeypatch.setattr("lightlag.bus.past.BATCH", 3)
    world = Open(5)
    bench = Bench(folder, world, Fate(*deaths))
    stamps = []

    def watch(frontier_ns, news):
        if len(stamps) < 12:
            node = world.nodes[len(stamps) % len(world.nodes)]
            stamps.append((node, bench.hubs[-1].act(world.host_of[node], node, "in", "x@1", b"!", [b"array"])))

    bench.watch = watch
    outcome = bench.run()
    bench.close()
    acts = [
        Emission(OPERATOR, number, "@in", "x@1", sent_ns, b"!", [b"array"], to=node)
        for number, (node, sent_ns) in enumerate(stamps, 1)
    ]
    assert len(acts) == 12
    assert any(0 < act.sent_ns < world.until_ns / 2 for act in acts)
    assert outcome.chains == acted_alone(world, acts)
    assert len(bench.fate.deaths) == len(deaths)
