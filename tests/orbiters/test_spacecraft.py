"""Spacecraft out of a graph file and nothing else: where they are, what they say, and what is refused."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from lightlag.bus.errors import GraphError
from lightlag.bus.recording import read
from lightlag.bus.time import NS_PER_S
from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run
from lightlag.nodes import Event, Hail, Housekeeping, parts_of
from lightlag.orbiters import GroundSite, KeplerOrbit, OemFile, SpkFile, StateOrbit, StatesFile
from lightlag.orbiters.declared import TrajectorySpec
from lightlag.orbiters.mro import TRAJECTORY as MRO
from lightlag.orbiters.oem import write_oem
from lightlag.orbiters.samples import Motion
from lightlag.orbiters.spacecraft import Spacecraft, SurfaceCraft

EPOCH = "2021-02-18T20:39:00Z"

GRAPH = """\
version: 1
name: mine
epoch: 2021-02-18T20:39:00Z
until: 15 min
nodes:
  orbiter:
    type: lightlag.orbiters.spacecraft:Spacecraft
    params:
      trajectory: {oem: {file: mro.oem}}
      housekeeping_every: 120 s
  base:
    type: lightlag.orbiters.spacecraft:SurfaceCraft
    params:
      trajectory: {site: {body: mars, latitude: 18.44 deg, longitude: 77.45 deg, height: -2.57 km}}
      housekeeping_every: 30 s
  earth: {type: ground-station, params: {station: madrid}}
channels:
  uhf: {medium: space, members: [orbiter.uhf, base.uhf]}
  down: {medium: space, members: [earth.xband], senders: [orbiter.xband]}
"""


@pytest.fixture
def graph(tmp_path):
    """MRO, flown by an OEM beside the graph file, over a base in Jezero crater."""
    (tmp_path / "mine.yaml").write_text(GRAPH)
    loaded = load_graph(tmp_path / "mine.yaml")
    world = World(replace(loaded, nodes={}, channels={}))
    times_ns = np.arange(0, loaded.until_ns + 1, 60 * NS_PER_S)
    states = MRO.realise(world.space).states(times_ns) - world.space.center_states("mars", times_ns)
    (tmp_path / "mro.oem").write_text(
        write_oem([Motion("MRO", -74, "mars", times_ns.tolist(), states)], loaded.epoch, "2026-01-01T00:00:00Z")
    )
    return loaded


def test_what_a_base_says_reaches_earth_through_an_orbiter_that_only_a_file_knows(graph, tmp_path):
    shown = io.StringIO()
    digests = set()
    for processes in (None, 2):
        path = tmp_path / f"run-{processes}"
        result = run(graph, RunOptions(processes, run_dir=path, report=False), PlainDisplay(shown))
        assert result.failure is None, result.failure
        digests.add(result.digest)
    assert len(digests) == 1
    records = list(read(path / "run.mcap"))
    heard = [it.data for it in records if it.topic.startswith("/earth/") and it.topic.count("/") == 3]
    relayed = [it for it in heard if it["origin"][0] == "base"]
    assert relayed
    assert all(it["via"] == ["orbiter"] for it in relayed)
    own = [it["message"] for it in heard if it["source"] == it["origin"][0] == "orbiter"]
    assert all(250 < it["altitude_km"] < 320 for it in own)


@pytest.mark.parametrize(
    ("given", "model"),
    [
        (
            {"kepler": {"center": "mars", "epoch": EPOCH, "periapsis": "160 km", "apoapsis": "8500 km",
                        "inclination": "60 deg"}},
            KeplerOrbit(center="mars", epoch=EPOCH, periapsis_km=160, apoapsis_km=8500, inclination_deg=60),
        ),
        (
            {"kepler": {"center": "sun", "epoch": EPOCH, "a": "1 au", "e": 0.1, "inclination": "60 arcmin"}},
            KeplerOrbit(center="sun", epoch=EPOCH, a_km=149597870.7, e=0.1, inclination_deg=1),
        ),
        (
            {"state": {"center": "mars", "epoch": EPOCH, "position_km": [7000, 0, 0], "velocity_km_s": [0, 2, 0]}},
            StateOrbit(center="mars", epoch=EPOCH, position_km=(7000, 0, 0), velocity_km_s=(0, 2, 0)),
        ),
        ({"oem": {"file": "x.oem", "object": "X"}}, OemFile(path="x.oem", object="X")),
        ({"spk": {"file": "x.bsp", "target": -74}}, SpkFile(path="x.bsp", target=-74)),
        ({"states": {"file": "x.csv", "center": "mars"}}, StatesFile(path="x.csv", center="mars")),
        (
            {"site": {"body": "earth", "latitude": "40 deg", "longitude": "-4 deg", "height": "800 m"}},
            GroundSite(body="earth", lat_deg=40, lon_deg=-4, height_km=0.8),
        ),
    ],
)  # fmt: skip
def test_a_declared_trajectory_is_the_one_of_its_class(given, model):
    assert TrajectorySpec.model_validate(given).model() == model


def test_exactly_one_trajectory_is_declared():
    site = {"body": "mars", "latitude": "0 deg", "longitude": "0 deg"}
    with pytest.raises(ValidationError, match="none is given; a trajectory is one of kepler, state, oem"):
        TrajectorySpec.model_validate({})
    with pytest.raises(ValidationError, match="oem and site are given"):
        TrajectorySpec.model_validate({"site": site, "oem": {"file": "x.oem"}})
    with pytest.raises(ValidationError, match=r"kepler.e\n  Input should be less than 1 "):
        TrajectorySpec.model_validate(
            {"kepler": {"center": "mars", "epoch": EPOCH, "a": "9000 km", "e": 1.5, "inclination": "0 deg"}}
        )


def test_what_is_wrong_with_a_file_is_told_with_the_node(graph, tmp_path):
    (tmp_path / "mro.oem").unlink()
    with pytest.raises(GraphError, match=r"mine.yaml:6:3: orbiter: there is no file .*mro.oem"):
        World(graph).check()


def test_altitudes_are_over_the_body_that_the_trajectory_is_about_unless_another_is_given():
    def craft(**params):
        return Spacecraft("it", Spacecraft.Params.model_validate(params))

    earth = {"site": {"body": "earth", "latitude": "0 deg", "longitude": "0 deg"}}
    assert craft(trajectory=earth).planet == "earth"
    assert craft(trajectory={"oem": {"file": "x.oem"}}).planet == "mars"
    assert craft(trajectory={"oem": {"file": "x.oem"}}, planet="earth").planet == "earth"


def test_a_lander_sends_where_an_orbiter_listens():
    orbiter, lander = Spacecraft.Params.model_fields["uhf"].default, SurfaceCraft.Params.model_fields["uhf"].default
    assert (orbiter.transmit_hz, orbiter.receive_hz) == (lander.receive_hz, lander.transmit_hz)
    assert parts_of(SurfaceCraft) == {"xband": "radio", "uhf": "radio", "store": "store"}
    assert SurfaceCraft.sends == (Housekeeping, Event, Hail)
    assert math.isclose(lander.transmit_hz, 401.585625e6)
