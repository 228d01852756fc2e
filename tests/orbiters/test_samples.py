"""Tabulated states are trajectories like any other, out of arrays or out of a file."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.orbiters import SampledStates, Space, StateOrbit, StatesFile
from lightlag.orbiters.samples import COLUMNS
from lightlag.orbiters.tianwen1 import TRAJECTORY as TIANWEN1

UNTIL_NS = 1200 * NS_PER_S


@pytest.fixture(scope="module")
def run(space, ephemeris):
    return Space(space.epoch, ephemeris, until_ns=UNTIL_NS)


@pytest.fixture(scope="module")
def sampled(space):
    """Tianwen-1 a minute apart: UTC, and states about Mars."""
    times_ns = np.arange(0, UNTIL_NS + 1, 60 * NS_PER_S)
    states = TIANWEN1.realise(space).states(times_ns) - space.center_states("mars", times_ns)
    return [space.epoch.utc(t, digits=9) for t in times_ns.tolist()], states.reshape(-1, 6)


def test_states_in_an_array_are_a_trajectory(run, sampled):
    times, states = sampled
    track, flown = SampledStates(center="mars", times=times, states=states).realise(run), TIANWEN1.realise(run)
    for t_ns in range(0, UNTIL_NS, 7 * NS_PER_S):
        assert math.dist(track.position_km(t_ns), flown.position_km(t_ns)) < 1e-6


def test_states_in_the_frame_of_the_equator_are_turned_to_icrf(run):
    here = StateOrbit(
        center="mars", epoch=run.epoch.utc(0), position_km=(7000, 0, 0), velocity_km_s=(0, 2, 0), frame="equator_j2000"
    )
    track = SampledStates(
        center="mars",
        times=[run.epoch.utc(0), run.epoch.utc(UNTIL_NS)],
        states=[[7000, 0, 0, 0, 2, 0]] * 2,
        frame="equator_j2000",
    ).realise(run)
    assert math.dist(track.position_km(0), here.realise(run).position_km(0)) < 1e-6
    assert math.dist(track.state(0).velocity_km_s, here.realise(run).state(0).velocity_km_s) < 1e-9


def test_states_in_a_file_are_a_trajectory_and_its_columns_come_in_any_order(run, ephemeris, sampled, tmp_path):
    times, states = sampled
    rows = [",".join([*map(repr, row[::-1].tolist()), time]) for time, row in zip(times, states, strict=True)]
    (tmp_path / "it.csv").write_text("\n".join([",".join(COLUMNS[::-1]), *rows]))
    beside = Space(run.epoch, ephemeris, until_ns=UNTIL_NS, folder=tmp_path)
    track = StatesFile(path="it.csv", center="mars").realise(beside)
    assert math.dist(track.position_km(1), TIANWEN1.realise(run).position_km(1)) < 1e-6


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("utc,x_km\n", "it.csv:1: the column y_km is missing"),
        (",".join(COLUMNS) + "\nnoon,1,2,3,4,5,6\n", "it.csv:2: 'noon' is not a UTC instant"),
        (",".join(COLUMNS) + "\n2021-02-18T20:00:00Z,1,2,3,4,5\n", "it.csv:2: could not convert string to float: ''"),
        (",".join(COLUMNS) + "\n2021-02-18T20:00:00Z,1,2,3,4,5,6\n", "it.csv: 1 times and an array of shape"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(run, tmp_path, text, told):
    (tmp_path / "it.csv").write_text(text)
    with pytest.raises(GraphError) as caught:
        StatesFile(path=tmp_path / "it.csv", center="mars").realise(run)
    assert told in str(caught.value)


def test_states_that_are_none_are_refused_when_they_are_declared(sampled):
    times, states = sampled
    with pytest.raises(GraphError, match="array of shape"):
        SampledStates(center="mars", times=times, states=states[:, :3])
    with pytest.raises(GraphError, match="the time of state 2 is not after that of state 1"):
        SampledStates(center="mars", times=[times[0], times[0], *times[2:]], states=states)
    with pytest.raises(GraphError, match="state 3 is not finite"):
        SampledStates(center="mars", times=times, states=np.where(np.arange(len(times))[:, None] == 2, np.nan, states))


def test_a_centre_that_is_none_and_a_run_that_is_too_long_are_told(run, ephemeris, sampled):
    times, states = sampled
    with pytest.raises(GraphError, match="'marss' is not a known centre; did you mean 'mars'"):
        SampledStates(center="marss", times=times, states=states).realise(run).state(0)
    with pytest.raises(GraphError, match=r"the table of states covers .*; the run needs"):
        SampledStates(center="mars", times=times[1:], states=states[1:]).realise(run)
    solar = SampledStates(center="solar system barycenter", times=times, states=states).realise(run)
    assert math.hypot(*solar.position_km(0)) == pytest.approx(math.hypot(*states[0, :3]))
