"""The study as it runs: who hands what to whom, and what is known where and when."""

from __future__ import annotations

import asyncio
import math

import pytest
from pydantic import ValidationError
from sample_return.messages import Go, Manifest, Missing, Ranging, Tube
from sample_return.orbiter import EarthReturnOrbiter

from lightlag.nodes import Event


async def test_thirty_tubes_come_home_and_everybody_knows_which(launch_graph):
    names = tuple(f"m2020-{number:02d}" for number in range(1, 31))
    async with launch_graph("sample-return") as run:
        for name in (names[0], names[29]):
            await run.expect("orbiter", Event, source="lander", id=f"{name}_loaded", within="3 d")
        reached = await run.expect("orbiter", Event, source="ascent", id="orbit_reached", within="4 d")
        assert reached.values["delta_v_km_s"] == pytest.approx(4.29, abs=0.02)
        assert (await run.expect("orbiter", Manifest, source="container", within="3 d")).tubes == names
        caught = await run.reception("goldstone", Event, id="caught", within="3 d")
        assert caught.message.values["tubes"] == 30
        assert caught.message.values["range_m"] < 1
        assert caught.message.values["speed_m_s"] < 1
        # Light takes 12.7 minutes then.
        assert (caught.received_ns - caught.emission.sent_ns) / 1e9 == pytest.approx(762, abs=2)
        home = await run.expect("recovery", Manifest, source="container", within="280 d")
        assert home.tubes == names
        assert 300 < home.mass_g < 700


async def test_the_orbiter_comes_nearer_to_the_container_and_is_there_when_it_should(launch_graph):
    async with launch_graph("sample-return", samples=0) as run:
        around, t_ns = run.surroundings("orbiter"), run.epoch.t_ns

        def apart_km(utc):
            return around.range_km("container", t_ns(utc))

        assert apart_km("2033-02-03T11:00:00Z") > 10
        assert apart_km("2033-02-03T11:30:00Z") == pytest.approx(0.5, abs=1e-3)
        assert apart_km("2033-02-03T11:45:00Z") < 0.4
        assert apart_km("2033-02-03T12:00:00Z") < 1e-3
        assert apart_km("2033-02-05T00:00:00Z") == 0  # on board
        assert apart_km("2033-08-01T00:00:00Z") == 0
        assert apart_km("2033-11-01T04:10:00Z") > 1000  # the one is down, the other goes by
        seen = await run.expect("goldstone", Ranging, within="7 d")
        assert seen.range_km > 0
        assert seen.closing_m_s != 0


@pytest.mark.parametrize("name", ["ascent", "container", "orbiter"])
async def test_where_one_phase_ends_the_next_begins(launch_graph, name):
    async with launch_graph("sample-return", samples=0) as run:
        await asyncio.sleep(1)
        path = run.surroundings(name).trajectory(name)
        for kink_ns in path.kinks_ns:
            before, after = (path.state(kink_ns + by_ns).position_km for by_ns in (-1, 1))
            # 2 ns at 30 km/s, and what two ways to integrate the same differ by after three days: metres.
            assert math.dist(before, after) < 0.05


async def test_the_orbiter_turns_aside_and_misses_the_earth(launch_graph):
    async with launch_graph("sample-return", samples=0) as run:
        await asyncio.sleep(1)
        around, start_ns = run.surroundings("orbiter"), run.epoch.t_ns("2033-11-01T00:00:00Z")
        assert min(around.altitude_km("earth", start_ns + k * 60 * 10**9) for k in range(360)) > 500


async def test_a_tube_that_is_not_there_holds_nobody_up(launch_graph, tmp_path):
    graph = tmp_path / "short.yaml"
    graph.write_text(SHORT)
    async with launch_graph(graph) as run:
        await run.expect("lander", Tube, tube="m2020-01", within="2 h")
        await run.expect("lander", Missing, tube="m2020-02", within="1 h")
        assert (await run.expect("ascent", Go, within="1 s")).tubes == 1


async def test_a_rover_that_does_not_answer_is_waited_for_and_no_longer(launch_graph, tmp_path):
    graph = tmp_path / "short.yaml"
    graph.write_text(SHORT)
    async with launch_graph(graph) as run:
        with run.partition("lander", "fetch"):
            assert (await run.expect("ascent", Go, within="5 h")).tubes == 0


def test_an_orbiter_that_is_to_fly_otherwise_is_refused():
    with pytest.raises(ValidationError, match="it flies by its study"):
        EarthReturnOrbiter.Params(relay="record")


#: A rover that has one tube, and a lander that asks for two.
SHORT = """
version: 1
name: short
epoch: 2033-01-29T00:00:00Z
until: 6 h
nodes:
  fetch: {type: fetch-rover, params: {tubes: 1}}
  lander: {type: retrieval-lander, params: {tubes: 2, orbiter: ascent}}
  ascent: {type: ascent-vehicle, params: {orbiter: lander}}
  container: {type: sample-container, params: {orbiter: lander}}
links:
  - {between: [fetch.uhf, lander.proximity], medium: space}
  - {from: lander.arm, to: container.hatch, medium: {wire: {latency: 1 ms}}}
  - {from: lander.umbilical, to: ascent.umbilical, medium: {wire: {latency: 1 ms}}}
"""
