"""A test is a node of the run: time is the run's, what it waits for comes, and what it does happens at its instant."""

from __future__ import annotations

import asyncio
import pickle
from inspect import iscoroutinefunction, unwrap

import pytest
from tests.launch.fixtures.graphs import TICKS
from tests.launch.fixtures.talk import TALK, Answer, Command

from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError, MessageError, NodeFailed, RunError
from lightlag.launch.testing.pending import ExpectationFailed
from lightlag.launch.testing.under_test import RunUnderTest
from lightlag.nodes.events import Event

_S = 1_000_000_000


async def test_a_message_is_waited_for_in_simulated_time(launch_graph):
    async with launch_graph(TICKS) as run:
        tick = await run.expect("listener", Event, id="tick-3", within="10 s")
        assert (tick.id, tick.scet_ns) == ("tick-3", 3 * _S)
        assert run.now_ns == round(5.5 * _S)
        assert asyncio.get_running_loop().time() == 5.5


async def test_sleeping_takes_the_run_along(launch_graph):
    async with launch_graph(TICKS) as run:
        await asyncio.sleep(10)
        assert run.now_ns == 10 * _S
        assert [it.message.id for it in run.receptions("listener")] == [f"tick-{n}" for n in range(1, 8)]


async def test_what_comes_in_the_last_instant_is_in_time(launch_graph):
    async with launch_graph(TICKS) as run:
        assert (await run.expect("listener", Event, within="3500 ms")).id == "tick-1"


async def test_a_limit_counts_from_the_call(launch_graph):
    async with launch_graph(TICKS) as run:
        await asyncio.sleep(3)
        with pytest.raises(ExpectationFailed, match=r"\(400 ms\): the limit was 400 ms"):
            await run.expect("listener", Event, within="400 ms")
        assert run.now_ns == round(3.4 * _S)
        assert (await run.expect("listener", within="100 ms")).id == "tick-1"


async def test_two_that_come_in_one_instant_are_both_found(launch_graph):
    graph = TICKS.replace("ticker: {", 'other: {type: "tests.integration.failing:Ticker"}\n  ticker: {').replace(
        "[ticker.out]", "[ticker.out, other.out]"
    )
    async with launch_graph(graph) as run:
        first = await run.reception("listener", Event, id="tick-2")
        second = await run.reception("listener", Event, id="tick-2", within="0 s")
        assert first.received_ns == second.received_ns == run.now_ns
        assert (first.emission.source, second.emission.source) == ("other", "ticker")
        assert (await run.expect("listener", Event)).id == "tick-3"


async def test_a_sequence_is_found_with_others_between(launch_graph):
    async with launch_graph(TICKS) as run:
        steps = [run.expecting(Event, id="tick-2"), run.expecting("lightlag.event", where=lambda it: it.scet_ns > 5e9)]
        assert [it.id for it in await run.expect_sequence("listener", *steps)] == ["tick-2", "tick-6"]
        with pytest.raises(ExpectationFailed, match=r"id = 'tick-1'.*\n.*\n  step 1 came: .*id='tick-7'"):
            await run.expect_sequence("listener", Event, run.expecting(Event, id="tick-1"), within="5 s")


async def test_several_things_are_waited_for_at_once(launch_graph):
    async with launch_graph(TALK) as run:
        run.send("ground.desk", Command("look", 7))
        async with asyncio.TaskGroup() as tasks:
            there = tasks.create_task(run.reception("probe", Command))
            back = tasks.create_task(run.reception("ground", Answer))
        assert there.result().received_ns == 600 * _S + 1
        assert back.result().received_ns == 1210 * _S + 1


async def test_what_a_test_sends_is_answered(launch_graph):
    async with launch_graph(TALK, thinks="20 s") as run:
        answer = await run.ask("probe.inlet", Command("look", 3), Answer, within="1 h", name="look")
        assert (answer.number, answer.temperature_k) == (3, 253.0)
        assert answer.pixels.tolist() == [[3.0, 3.0], [3.0, 3.0]]
        assert run.now_ns == 620 * _S + 1
        run.assert_delay("probe", "ground", 600)
        run.assert_delay("probe", "ground", pytest.approx(600, abs=1), kind=Answer)
        run.assert_delay("probe", "ground", lambda late_s: 599 < late_s < 601)
        with pytest.raises(ExpectationFailed, match=r"tests.answer@1 probe:1 took 600.000000 s to ground.*expected: 5"):
            run.assert_delay("probe", "ground", 5)
        with pytest.raises(ExpectationFailed, match="there is no delay to look at"):
            run.assert_delay("ground", "ground", 5)


async def test_a_test_acts_at_its_own_instant_and_the_run_is_recorded(launch_graph):
    async with launch_graph(TALK) as run:
        await run.sleep_until("2021-02-18T20:30:00Z")
        assert run.now == "2021-02-18T20:30:00.000Z"
        run.send("ground.desk", Command("look", 1))
        assert (await run.reception("ground", Command)).received_ns == run.epoch.t_ns("2021-02-18T20:30:00Z") + 1
    from lightlag.launch.look.recorded import open_recorded

    recorded = [record.data["sent_ns"] for record in open_recorded(run.run_dir).records() if "/ground/" in record.topic]
    assert recorded == [run.epoch.t_ns("2021-02-18T20:30:00Z")]


async def test_a_loss_is_waited_for_with_its_reason(launch_graph):
    graph = TICKS.replace("listener: {", "listener: {join: 10 s, ")
    async with launch_graph(graph) as run:
        loss = await run.expect_loss("listener", Event, reason="absent")
        assert (loss.t_ns, loss.reason) == (round(3.5 * _S), "absent")
        assert len(run.losses("listener")) == 1
        with pytest.raises(ExpectationFailed, match="nothing of that for the reason occulted; the limit was 2 s"):
            await run.expect_loss("listener", Event, reason="occulted", within="2 s")


async def test_what_may_never_come_ends_the_test_when_it_does(launch_graph):
    reached = []
    with pytest.raises(
        ExpectationFailed, match=r"listener received lightlag.event with id = 'tick-4', which it never should"
    ):
        async with launch_graph(TICKS) as run:
            run.assert_never("listener", Event, id="tick-4")
            try:
                await asyncio.sleep(3600)
            finally:
                reached.append(run.now_ns)
    assert reached == [round(6.5 * _S)]


async def test_what_may_never_come_may_not_have_come(launch_graph):
    async with launch_graph(TICKS) as run:
        await asyncio.sleep(10)
        run.assert_never("listener", Event, id="tick-10")
        with pytest.raises(ExpectationFailed, match=r"it never should \(assert_never in line \d+ of test_what_may"):
            run.assert_never("listener", Event, id="tick-2")


async def test_whoever_waits_meanwhile_is_told_of_what_never_should_come(launch_graph):
    with pytest.raises(ExpectationFailed, match="which it never should"):
        async with launch_graph(TICKS) as run:
            run.assert_never("listener", Event, id="tick-4")
            await run.expect("listener", Event, id="tick-9")


async def test_the_end_of_the_run_ends_what_is_waited_for(launch_graph):
    async with launch_graph(TICKS) as run:
        with pytest.raises(ExpectationFailed, match=r"\(20 s\): then the run ended"):
            await run.expect("listener", Event, id="tick-99")
        with pytest.raises(ExpectationFailed, match="the run is over"):
            await run.expect("listener", Event)
        assert run.finish() == run.digest
        with pytest.raises(RunError, match="the run is over; ticker gets nothing more"):
            run.send("ticker.out", Event("late", 0, {}))


async def test_a_node_that_raises_fails_the_test(launch_graph):
    with pytest.raises(
        NodeFailed, match=r"(?s)probe failed at .*ValueError: probe was told to explode.*lightlag replay"
    ):
        async with launch_graph(TALK) as run:
            run.send("probe.inlet", Command("explode", 0))
            await asyncio.sleep(3600)
    assert run.failure.node == "probe"


async def test_a_node_may_be_expected_to_raise(launch_graph):
    async with launch_graph(TALK) as run:
        run.send("probe.inlet", Command("explode", 0))
        failure = await run.expect_failure("probe", within="1 min")
        assert (failure.node, failure.t_ns) == ("probe", 1)
    async with launch_graph(TALK) as run:
        with pytest.raises(ExpectationFailed, match="probe did not fail within 1 min"):
            await run.expect_failure("probe", within="1 min")


async def test_two_runs_share_the_time_of_one_test(launch_graph):
    async with launch_graph(TICKS) as one:
        await asyncio.sleep(3)
        async with launch_graph(TICKS) as two:
            assert (await two.reception("listener", Event)).message.id == "tick-1"
            assert (two.now_ns, one.now_ns) == (round(3.5 * _S), round(6.5 * _S))
            assert len(one.receptions("listener")) == 4


async def test_a_predicate_that_raises_is_the_tests_own_failure(launch_graph):
    async with launch_graph(TICKS) as run:
        with pytest.raises(ZeroDivisionError):
            await run.expect("listener", Event, where=lambda it: 1 / 0)
        assert run.failure is None


async def test_a_wrong_name_is_told_at_once(launch_graph):
    async with launch_graph(TICKS) as run:
        with pytest.raises(GraphError, match=r"there is no node 'listner' in this graph; did you mean 'listener'\?"):
            await run.expect("listner", Event)
        with pytest.raises(GraphError, match="there is no channel 'uhf'; there are: ticks"):
            await run.expect("listener", Event, channel="uhf")
        with pytest.raises(MessageError, match=r"<class 'int'> is no message type"):
            await run.expect("listener", int)
        with pytest.raises(GraphError, match=r"ticker has no port 'uot'.*did you mean 'out'\?"):
            run.send("ticker.uot", Event("x", 0, {}))
        with pytest.raises(MessageError, match="'hello' cannot be sent to ticker"):
            run.send("ticker.out", "hello")
        with pytest.raises(GraphError, match="no steps"):
            await run.expect_sequence("listener")


async def test_a_run_to_its_end_has_the_digest_of_a_launched_one(launch_graph, tmp_path):
    from lightlag.launch.command.display import PlainDisplay
    from lightlag.launch.graph.loading import load_graph
    from lightlag.launch.run.options import RunOptions
    from lightlag.launch.run.runner import run as launch

    async with launch_graph(TICKS) as run:
        digest = await run.to_the_end()
    file = tmp_path / "ticks.yaml"
    file.write_text(TICKS)
    with (tmp_path / "out").open("w") as out:
        assert launch(load_graph(file), RunOptions(run_dir=tmp_path / "launched"), PlainDisplay(out)).digest == digest


async def test_what_comes_is_the_same_message_every_time(launch_graph):
    packed = []
    for _ in range(2):
        async with launch_graph(TALK) as run:
            run.send("ground.desk", Command("look", 7))
            emission: Emission = (await run.reception("ground", Answer)).emission
            packed.append((emission.packed, run.finish()))
    assert packed[0] == packed[1]


async def test_a_run_is_compared_with_its_golden_one(launch_graph, tmp_path, capsys):
    file = tmp_path / "golden" / "talk.yaml"
    async with launch_graph(TALK) as run:
        run.send("ground.desk", Command("look", 7))
        with pytest.raises(
            ExpectationFailed, match=r"there is no golden file .*; to make it: pytest --lightlag-update"
        ):
            await run.assert_golden(file)
    for number in (7, 7, 8):
        async with launch_graph(TALK) as run:
            for _ in range(number - 6):
                run.send("ground.desk", Command("look", number))
            if not file.exists():
                run._golden = run._golden._replace(update=True)
                await run.assert_golden(file)
                assert f"{file} is brought up to date" in capsys.readouterr().out
            elif number == 7:
                await run.assert_golden(file)
            else:
                with pytest.raises(ExpectationFailed, match=r"(?s)values depart further.*run\.emissions  4 .*2 "):
                    await run.assert_golden(file)
    assert (run.run_dir / "summary.json").exists()


async def test_a_run_that_is_concluded_has_the_files_of_a_launched_one(launch_graph):
    async with launch_graph(TICKS) as run:
        await asyncio.sleep(10)
        result = run.conclude()
    assert result.interrupted
    assert {file.name for file in run.run_dir.iterdir()} >= {"run.mcap", "summary.json", "timeline.csv", "report.html"}


async def test_what_never_should_come_is_not_undone_by_who_swallows_it(launch_graph):
    with pytest.raises(ExpectationFailed, match="which it never should"):
        async with launch_graph(TICKS) as run:
            run.assert_never("listener", Event, id="tick-4")
            with pytest.raises(ExpectationFailed):
                await run.expect("listener", Event, id="tick-9")
            await asyncio.sleep(1)


async def test_a_failure_of_a_node_is_not_undone_by_who_swallows_it(launch_graph):
    with pytest.raises(NodeFailed):
        async with launch_graph(TALK) as run:
            run.send("probe.inlet", Command("explode", 0))
            told = await asyncio.gather(run.expect("ground", Answer), return_exceptions=True)
            assert isinstance(told[0], NodeFailed)


async def test_a_run_that_is_finished_ends_what_others_wait_for(launch_graph):
    async with launch_graph(TICKS) as run:
        waiting = asyncio.create_task(run.expect("listener", Event, id="tick-9"))
        await asyncio.sleep(1)
        run.finish()
        with pytest.raises(ExpectationFailed, match="then the run was finished"):
            await waiting


async def test_who_still_waits_when_the_block_ends_is_told(launch_graph):
    async with launch_graph(TICKS) as run:
        waiting = asyncio.create_task(run.expect("listener", Event, id="tick-9"))
        await asyncio.sleep(1)
    with pytest.raises(ExpectationFailed, match="the test has let go of the run"):
        await waiting


async def test_what_nobody_awaited_is_no_success(launch_graph):
    with pytest.raises(ExpectationFailed, match=r"expect in line \d+ of test_what_nobody_awaited.* was never awaited"):
        async with launch_graph(TICKS) as run:
            run.expect("listener", Event, id="tick-1")
            await asyncio.sleep(1)
    with pytest.raises(ExpectationFailed, match=r"to_the_end in line .* was never awaited"), launch_graph(TICKS) as run:
        run.to_the_end()
    async with launch_graph(TICKS) as run:
        task = asyncio.create_task(run.expect("listener", Event, id="tick-1"))
        assert (await task).id == "tick-1"


async def test_what_looks_at_no_time_is_no_success(launch_graph):
    with pytest.raises(ExpectationFailed, match=r"assert_never in line \d+ of .* has looked at nothing.*to_the_end"):
        async with launch_graph(TICKS) as run:
            run.assert_never("listener", Event, id="tick-99")
    async with launch_graph(TICKS) as run:
        run.assert_never("listener", Event, id="tick-99")
        await run.to_the_end()


async def test_what_is_on_its_way_when_the_time_is_over_is_told_with_its_arrival(launch_graph):
    with pytest.raises(
        ExpectationFailed,
        match=r"(?s)the limit was 4 s.*on its way when the time was over:\n  lightlag.event@1 sent .*:02.000Z SCET by "
        r"ticker on ticks, arrives at listener .*:04.500Z ERT\n",
    ):
        async with launch_graph(TICKS) as run:
            await run.expect("listener", Event, id="tick-2", within="4 s")


async def test_what_came_before_is_told(launch_graph):
    async with launch_graph(TICKS) as run:
        await run.expect("listener", Event, id="tick-3")
        with pytest.raises(ExpectationFailed, match=r"(?s)it came before; .*looked for from the line.*id='tick-1'"):
            await run.expect("listener", Event, id="tick-1", within="10 s")


async def test_what_was_lost_before_it_could_be_passed_on_is_told(launch_graph):
    graph = TICKS.replace("listener: {", 'other: {type: "tests.integration.failing:Listener"}\n  listener: {').replace(
        "[listener.heard]", "[listener.heard, other.heard]"
    )
    async with launch_graph(graph) as run:
        run.drop("ticker", "listener", 1.0)
        run.partition("ticker", "other")
        with pytest.raises(ExpectationFailed, match=r"passed it on: 1\n  lightlag.event@1 .* to listener: fault"):
            await run.expect("other", Event, id="tick-1", within="5 s")


async def test_a_field_that_there_is_not_is_told_at_once(launch_graph):
    async with launch_graph(TICKS) as run:
        for kind in (Event, "lightlag.event@1"):
            with pytest.raises(GraphError, match=r"lightlag.event(@1)? has no field 'idd'; did you mean 'id'"):
                await run.expect("listener", kind, idd="tick-3")
        assert run.now_ns == 0


async def test_a_run_that_went_on_tells_what_was_on_its_way_as_well(launch_graph):
    async with launch_graph(TICKS) as run:
        with pytest.raises(ExpectationFailed) as failed:
            await run.expect("listener", Event, id="tick-2", within="4 s")
        await run.to_the_end()
    assert "on its way when the time was over:\n  lightlag.event@1 sent" in str(failed.value)
    assert pickle.loads(pickle.dumps(failed.value)).args == failed.value.args


async def test_a_kind_that_is_misspelt_is_told_at_once(launch_graph):
    async with launch_graph(TICKS) as run:
        with pytest.raises(GraphError, match=r"no node speaks of 'lightlag.evnt'; did you mean 'lightlag.event'"):
            run.assert_never("listener", "lightlag.evnt")
        await run.to_the_end()


async def test_a_property_can_be_asked_for(launch_graph, monkeypatch):
    monkeypatch.setattr(Event, "number", property(lambda it: int(it.id.partition("-")[2])), raising=False)
    async with launch_graph(TICKS) as run:
        assert (await run.expect("listener", Event, number=3)).id == "tick-3"


def test_every_verb_that_is_to_be_awaited_is_found_out_if_it_is_not():
    verbs = {name for name in dir(RunUnderTest) if not name.startswith("_")}
    asynchronous = {name for name in verbs if iscoroutinefunction(unwrap(getattr(RunUnderTest, name)))}
    assert asynchronous >= {"expect", "assert_golden", "to_the_end"}
    assert {name for name in asynchronous if not hasattr(getattr(RunUnderTest, name), "__wrapped__")} == set()


async def test_a_test_that_is_cancelled_is_cancelled(launch_graph):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3), launch_graph(TICKS) as run:
            asked = run.expect("listener", Event, id="tick-99")
            await asyncio.sleep(10)
    assert asked.cr_frame is None  # nobody can await it any more
