"""A spacecraft as a plug-in is a short file: that of the design, nearly as printed, flown in 2027."""

from __future__ import annotations

import io

import pytest
from tests.integration.conftest import RunFiles

from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run
from lightlag.nodes import parts_of

PLUGIN = '''\
from lightlag.orbiters import KeplerOrbit, RelayOrbiter


class Escapade(RelayOrbiter):
    """Small Mars relay: UHF to the surface, X band home."""

    trajectory = KeplerOrbit(
        center="mars", periapsis_km=160, apoapsis_km=8500, inclination_deg=60, epoch="2027-09-01T00:00:00Z"
    )

    async def run(self) -> None:
        async for frame in self.uhf.received():
            self.store.put(frame)
            self.log("kept", bits=self.stored_bits, frames=len(self.store))
'''

GRAPH = """\
version: 1
name: escapade
epoch: 2027-09-01T00:00:00Z
until: 1 d
nodes:
  blue: {type: "escapade_of_the_design:Escapade"}
  base:
    type: lander
    params:
      trajectory: {site: {body: mars, latitude: 18.44 deg, longitude: 77.45 deg, height: -2.57 km}}
      housekeeping_every: 120 s
channels:
  uhf: {medium: space, members: [blue.uhf, base.uhf]}
"""


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    folder = tmp_path_factory.mktemp("escapade")
    (folder / "escapade_of_the_design.py").write_text(PLUGIN)
    (folder / "escapade.yaml").write_text(GRAPH)
    return load_graph(folder / "escapade.yaml")


def test_a_relay_in_a_dozen_lines_keeps_what_the_surface_says(graph, tmp_path):
    result = run(graph, RunOptions(run_dir=tmp_path / "run", report=False), PlainDisplay(io.StringIO()))
    assert result.failure is None, result.failure.traceback
    files = RunFiles(tmp_path / "run")
    kept = [line for line in files.log("blue") if line["text"] == "kept"]
    heard = [data for to, data in files.receptions if to == "blue"]
    assert len(kept) == len(heard) > 10
    assert kept[-1]["fields"]["frames"] == len(kept)
    assert {data["reason"] for to, data in files.losses if to == "blue"} == {"below_horizon", "snr"}


def test_what_it_is_made_of_and_says_is_that_of_a_relay(graph):
    cls = graph.nodes["blue"].cls
    assert parts_of(cls) == {"xband": "radio", "uhf": "radio", "store": "store"}
    world = World(graph)
    low, high = 3396.19 + 160, 3396.19 + 8500
    for t_ns in range(0, graph.until_ns, 10**12):
        assert low - 0.01 < world.surroundings("blue").range_km("mars", t_ns) < high + 0.01
