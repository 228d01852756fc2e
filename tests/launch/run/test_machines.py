"""Other machines: what a graph says of them, what runs where, what goes there and what comes back."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lightlag.bus.activation import Completion, LogRecord, Product
from lightlag.bus.errors import GraphError, RunError
from lightlag.bus.operator import OPERATOR
from lightlag.bus.security import RunKeys
from lightlag.bus.time import Epoch
from lightlag.launch.graph.diagnostics import InvalidGraph
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.machines import Machine, address_of
from lightlag.launch.placement.world import World
from lightlag.launch.run.remote import (
    BEGIN,
    Network,
    Task,
    groups_apart,
    has_begun,
    lay_out,
    machines_of,
    send_home,
    take_in,
)
from lightlag.launch.rundir.directory import HostFiles, RunDirectory

EPOCH = Epoch.parse("2021-02-18T20:26:00Z")
GRAPH = """
version: 1
name: ticks
epoch: 2021-02-18T20:26:00Z
until: 20 s
nodes:
  ticker: {type: "tests.integration.failing:Ticker"}
  one: {type: "tests.integration.failing:Listener"}
  two: {type: "tests.integration.failing:Listener"}
  three: {type: "tests.integration.failing:Listener"}
channels:
  near: {medium: {wire: {latency: 1 s}}, members: [one.heard], senders: [ticker.out]}
place: {two: mars, three: moon}
hosts:
  mars: {ssh: me@mars.example.org, address: "127.0.0.1"}
  idle: {ssh: idle}
"""


@pytest.fixture
def graph(tmp_path):
    path = tmp_path / "ticks.yaml"
    path.write_text(GRAPH)
    return load_graph(path)


# -- what a graph says ------------------------------------------------------------------------------------------------


def test_a_graph_names_machines(graph):
    assert graph.machines["mars"] == Machine("mars", ssh="me@mars.example.org", address="127.0.0.1")
    assert graph.machines["idle"].lightlag == "lightlag"


def test_the_resolved_graph_names_them_too(graph, tmp_path):
    (tmp_path / "resolved.yaml").write_text(graph.to_yaml())
    assert load_graph(tmp_path / "resolved.yaml") == graph


def test_a_file_of_hosts_takes_the_place_of_the_graphs_own(graph, tmp_path):
    (tmp_path / "hosts.yaml").write_text("moon: {start: 'to moon {command}', address: '[fd00::5]:7000'}\n")
    found = load_graph(tmp_path / "ticks.yaml", hosts=tmp_path / "hosts.yaml")
    assert list(found.machines) == ["moon"]


def test_what_is_wrong_in_a_file_of_hosts_is_told_with_its_place(graph, tmp_path):
    (tmp_path / "hosts.yaml").write_text("mars: {sssh: me@mars}\n")
    with pytest.raises(InvalidGraph) as told:
        load_graph(tmp_path / "ticks.yaml", hosts=tmp_path / "hosts.yaml")
    assert "hosts.yaml:1:8: unknown key 'sssh' in host 'mars'" in str(told.value)
    with pytest.raises(InvalidGraph, match=r"there is no file '.*none.yaml'"):
        load_graph(tmp_path / "ticks.yaml", hosts=tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.5", ("10.0.0.5", None)),
        ("name.example.org:7000", ("name.example.org", 7000)),
        ("[fd00::5]:7000", ("fd00::5", 7000)),
        ("[::1]", ("::1", None)),
    ],
)
def test_addresses_are_read(text, found):
    assert address_of(text) == found


@pytest.mark.parametrize("text", ["", "fd00::5", "a b", "a:", "a:0", "a:65536", "tcp://a:1", "me@a"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="is no address"):
        address_of(text)


def test_an_agent_is_started_over_ssh_or_as_one_likes():
    over_ssh = Machine("mars", ssh="me@mars", lightlag="~/bin/lightlag").command("a+1")
    assert over_ssh[0] == "ssh"
    assert over_ssh[-3:] == ["--", "me@mars", "~/bin/lightlag host a+1"]
    own = Machine("box", start="ip netns exec 'my box' {command} -v", address="10.0.0.1", lightlag="py -m lightlag")
    assert own.command("a") == ["ip", "netns", "exec", "my box", "py", "-m", "lightlag", "host", "a", "-v"]


# -- what runs where --------------------------------------------------------------------------------------------------


def test_a_place_with_the_name_of_a_machine_is_there_and_everything_else_here(graph):
    world = World(graph)
    groups = groups_apart(world, 1)
    assert groups == [["one", "three", "ticker"], ["two"]]
    assert machines_of(graph, ["here", "there"], groups) == {"there": graph.machines["mars"]}


def test_the_rest_is_spread_over_as_many_processes_as_are_asked_for(graph):
    assert groups_apart(World(graph), 2) == [["one", "ticker"], ["three"], ["two"]]
    assert groups_apart(World(graph), 9) == [["one"], ["three"], ["ticker"], ["two"]]


def test_a_graph_that_places_nobody_elsewhere_stays_here(graph, tmp_path):
    (tmp_path / "hosts.yaml").write_text("venus: {ssh: venus}\n")
    assert groups_apart(World(load_graph(tmp_path / "ticks.yaml", hosts=tmp_path / "hosts.yaml")), 1) is None


# -- how they reach the hub -------------------------------------------------------------------------------------------


def elsewhere(**asked: str) -> Machine:
    return Machine("box", start="{command}", **asked)


def test_machines_share_a_free_port_of_the_address_at_which_they_reach_this_one():
    network, endpoints = lay_out(
        ["a", "b", "c"], {"a": elsewhere(address="127.0.0.1"), "b": elsewhere(address="127.0.0.1")}
    )
    assert network.binds == [endpoints["a"]] == [endpoints["b"]]
    assert endpoints["a"].startswith("tcp://127.0.0.1:")
    assert list(network.keys.peers) == ["a", "b", "c", OPERATOR]


def test_the_hub_may_listen_elsewhere_than_it_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    network, endpoints = lay_out(["a"], {"a": elsewhere(address="192.0.2.1:7000", bind=f"127.0.0.1:{port}")})
    assert (network.binds, endpoints) == ([f"tcp://127.0.0.1:{port}"], {"a": "tcp://192.0.2.1:7000"})


def test_the_address_towards_a_machine_is_found():
    _, endpoints = lay_out(["a"], {"a": Machine("box", ssh="me@127.0.0.1")})
    assert endpoints["a"].startswith("tcp://127.0.0.1:")
    with pytest.raises(GraphError, match=r"'nowhere.invalid' is not known .* say in its 'address' where this machine"):
        lay_out(["a"], {"a": Machine("box", ssh="nowhere.invalid")})


def test_a_port_that_is_taken_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(GraphError, match=f"'box': the hub cannot listen at 127.0.0.1:{port} .*in use"):
            lay_out(["a"], {"a": elsewhere(address=f"127.0.0.1:{port}")})


def test_keys_are_written_for_this_user_alone(tmp_path):
    network = Network(["tcp://127.0.0.1:1"], RunKeys.make(["a"]))
    network.write(tmp_path)
    assert Network.read(f"ipc://{tmp_path}/hub") == network
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert Network.read("ipc:///nowhere/hub") is None


def test_every_process_has_a_pair_of_its_own_and_every_run_new_ones():
    one, two = RunKeys.make(["a", "b"]), RunKeys.make(["a", "b"])
    pairs = [one.hub, two.hub, *one.peers.values(), *two.peers.values()]
    assert len({key for pair in pairs for key in pair}) == 2 * len(pairs) == 16


# -- what goes there --------------------------------------------------------------------------------------------------


def task() -> Task:
    return Task("a", "version: 1", {"run": "0" * 16}, "tcp://127.0.0.1:1", RunKeys.make(["a"]).of("a"), 3)


def test_a_task_arrives_as_it_was_sent_and_nothing_after_it_is_taken():
    sent = task()
    asked = io.BytesIO(sent.packed() + b"hub\n")
    assert Task.read(asked) == sent
    assert asked.read() == b"hub\n"


@pytest.mark.parametrize("said", [b"", b"\0\0", b"\0\0\0\x05ab", b"\0\0\0\x01\xc1"])
def test_an_agent_without_a_launcher_says_who_starts_it(said):
    with pytest.raises(RunError, match="no launcher says what to do: hosts are started by lightlag launch"):
        Task.read(io.BytesIO(said))


@pytest.mark.parametrize("what", ["lightlag", "Python"])
def test_another_version_is_refused_with_words(monkeypatch, what):
    monkeypatch.setattr("lightlag.launch.run.remote._versions", lambda: {"lightlag": "1.2", "Python": "3.12"})
    packed = task().packed()
    monkeypatch.setattr(
        "lightlag.launch.run.remote._versions", lambda: {"lightlag": "1.2", "Python": "3.12", what: "9.9"}
    )
    with pytest.raises(RunError, match=rf"this machine \(.*\) has {what} 9.9, the launcher .*: a run needs the same"):
        Task.read(io.BytesIO(packed))


def test_an_agent_on_its_own_ends_with_words():
    command = [sys.executable, "-P", "-m", "lightlag", "host", "a"]
    root = str(Path(__file__).parents[3])
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env={"PYTHONPATH": root}
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "error: no launcher says what to do" in ended.stderr
    assert "Traceback" not in ended.stderr


# -- what comes back --------------------------------------------------------------------------------------------------


def product(name: str, data: bytes, t_ns: int = 1) -> Product:
    return Product(t_ns, "rover", name, data, {"width": 3})


def recorded(path: Path) -> RunDirectory:
    """What a host has left."""
    directory = RunDirectory.create("run", path)
    files = HostFiles(directory, "mars", EPOCH, record=True)
    files.write(Completion(products=[product("page.png", b"one")], logs=[LogRecord(5, "rover", "info", "woke", {})]))
    files.write(Completion(products=[product("page.png", b"two", 2)]))
    files.close()
    (directory.parts / "mars.stack").write_text("pid 1")
    return directory


def luggage(path: Path, greeting: bytes = b"") -> Path:
    there = recorded(path / "there")
    output = path / "mars.tar"
    with output.open("wb") as file:
        file.write(greeting + BEGIN)
        send_home(there, "mars", file)
    return output


@pytest.mark.parametrize("greeting", [b"", b"Welcome to mars!\n" * 100])
def test_what_a_host_has_recorded_lies_where_it_would_lie_had_it_run_here(tmp_path, greeting):
    output = luggage(tmp_path, greeting)
    assert has_begun(output)
    home = RunDirectory.create("run", tmp_path / "home")
    take_in(home, "mars", output, EPOCH)
    there = RunDirectory(tmp_path / "there")
    assert home.products() == there.products()
    assert home.part("mars").read_bytes() == there.part("mars").read_bytes()
    for folder in ("logs", "pictures"):
        here, away = ({it.name: it.read_bytes() for it in (each.path / folder).iterdir()} for each in (home, there))
        assert here == away
        assert here
    assert not (home.parts / "mars.stack").exists()


def test_a_picture_takes_nobodys_name(tmp_path):
    output = luggage(tmp_path)
    home = RunDirectory.create("run", tmp_path / "home")
    other = HostFiles(home, "earth", EPOCH, record=False)
    other.write(Completion(products=[product("page.png", b"another's")]))
    other.close()
    take_in(home, "mars", output, EPOCH)
    assert (home.pictures / "rover-page.png").read_bytes() == b"another's"
    mine = [json.loads(line)["name"] for line in (home.parts / "mars.products").read_text().splitlines()]
    assert [(home.pictures / name).read_bytes() for name in mine] == [b"one", b"two"]


def test_what_did_not_come_whole_is_told(tmp_path):
    output = luggage(tmp_path)
    home = RunDirectory.create("run", tmp_path / "home")
    whole = output.read_bytes()
    for number, spoilt in enumerate((b"", b"ssh: lost", whole[:700], BEGIN + b"no tar" * 200)):
        file = tmp_path / f"{number}.tar"
        file.write_bytes(spoilt)
        with pytest.raises(RunError, match="what host mars has recorded did not come back whole"):
            take_in(home, "mars", file, EPOCH)
    assert not has_begun(tmp_path / "0.tar")
    assert not has_begun(tmp_path / "none.tar")


@pytest.mark.parametrize("name", ["../evil", "logs/../evil", "logs/..", "evil", "logs/a/b", "/logs/evil"])
def test_nothing_is_put_anywhere_else(tmp_path, name):
    output = tmp_path / "mars.tar"
    with output.open("wb") as file:
        file.write(BEGIN)
        with tarfile.open(fileobj=file, mode="w|") as tar:
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
    home = RunDirectory.create("run", tmp_path / "home")
    with pytest.raises(RunError, match="is nothing that a host records"):
        take_in(home, "mars", output, EPOCH)
    assert not list(tmp_path.rglob("evil"))


def test_a_link_is_no_file(tmp_path):
    output = tmp_path / "mars.tar"
    with output.open("wb") as file:
        file.write(BEGIN)
        with tarfile.open(fileobj=file, mode="w|") as tar:
            member = tarfile.TarInfo("pictures/link")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(member)
    with pytest.raises(RunError, match="'pictures/link' is nothing that a host records"):
        take_in(RunDirectory.create("run", tmp_path / "home"), "mars", output, EPOCH)
