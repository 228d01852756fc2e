"""Where the nodes of a landing were, written for other tools and read back: the same within a metre."""

from __future__ import annotations

import json
import math

import pytest
import spiceypy
from typer.testing import CliRunner

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.launch.command.calling import app_of
from lightlag.launch.run.trajectories import export_trajectories
from lightlag.orbiters import OemFile, SpkFile

WITHIN_KM = 1e-3
IDS = {"mro": -74, "maven": -202, "perseverance": -168}


@pytest.fixture(scope="module")
def written(landing, tmp_path_factory):
    """Both files, and what was told of them."""
    folder = tmp_path_factory.mktemp("written")
    oem = export_trajectories(landing.path, "oem", folder / "all.oem")
    spk = export_trajectories(landing.path, "spk", folder / "all.bsp")
    assert oem == spk
    return folder, {it.node: it for it in oem}


@pytest.mark.parametrize("node", ["mro", "maven", "hope", "goldstone", "perseverance"])
def test_what_was_written_is_read_back_within_a_metre(written, world, node):
    folder, told = written
    # A parachute opens within a tenth of a second, and an SPK file does not tell how near its states are.
    step_s = 0.1 if node == "perseverance" else 30.0
    read = [
        OemFile(path=folder / "all.oem", object=node).realise(world.space),
        SpkFile(path=folder / "all.bsp", target=told[node].naif_id, step_s=step_s).realise(world.space),
    ]
    flown = world.trajectory(node)
    for t_ns in [*range(0, world.graph.until_ns, 3_700_000_000), world.graph.until_ns]:
        for track in read:
            assert math.dist(track.position_km(t_ns), flown.state(t_ns).position_km) < WITHIN_KM


def test_spice_reads_the_kernel_and_its_ids(written, world):
    folder, told = written
    assert IDS.items() <= {node: it.naif_id for node, it in told.items()}.items()
    assert told["goldstone"].center == "earth"
    spiceypy.furnsh(str(folder / "all.bsp"))
    try:
        for t_ns in (0, 600 * NS_PER_S, world.graph.until_ns):
            position = spiceypy.spkgeo(-74, world.graph.epoch.et_s(t_ns), "J2000", 0)[0][:3]
            assert math.dist(position, world.trajectory("mro").state(t_ns).position_km) < WITHIN_KM
    finally:
        spiceypy.unload(str(folder / "all.bsp"))


def test_states_are_near_to_each_other_only_where_the_motion_asks_for_it(written):
    _, told = written
    assert told["goldstone"].states == 41
    assert 100 < told["perseverance"].states < 400


def test_the_command_writes_what_it_is_asked_for(landing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["bag", "export", str(landing.path), "--node", "mro", "--step", "2min"]
    done = CliRunner().invoke(app_of("bag"), [*words, "--format", "oem", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told == {
        "file": f"{landing.path.name}.oem",
        "format": "oem",
        "nodes": [{"node": "mro", "id": -74, "center": "mars", "states": told["nodes"][0]["states"]}],
    }
    assert "OBJECT_NAME = mro" in (tmp_path / told["file"]).read_text()
    done = CliRunner().invoke(app_of("bag"), [*words, "--format", "spk", "-o", "mro.bsp"])
    assert done.stdout == "mro.bsp\n"
    assert "mro: " in done.stderr


def test_what_cannot_be_written_is_told(landing, tmp_path):
    with pytest.raises(GraphError, match="has no node 'mroo'; did you mean 'mro'"):
        export_trajectories(landing.path, "oem", tmp_path / "it.oem", nodes=["mroo"])
    with pytest.raises(GraphError, match="holds no run"):
        export_trajectories(tmp_path, "oem", tmp_path / "it.oem")
    with pytest.raises(GraphError, match=r"a step of 0.1 s is shorter than 0.125 s"):
        export_trajectories(landing.path, "oem", tmp_path / "it.oem", step_ns=NS_PER_S // 10)
    with pytest.raises(GraphError, match="cannot be written: No such file"):
        export_trajectories(landing.path, "oem", tmp_path / "nowhere" / "it.oem", nodes=["mro"])
