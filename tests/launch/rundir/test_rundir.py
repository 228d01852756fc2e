"""The run directory: never written over, the latest found again, and every file where it is said to be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lightlag.bus.activation import Completion, LogRecord, Product
from lightlag.bus.errors import GraphError
from lightlag.bus.recording import read
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.rundir.directory import HostFiles, RunDirectory

EPOCH = Epoch.parse("2021-02-18T20:26:00Z")


@pytest.fixture
def directory(tmp_path):
    return RunDirectory.create("mars2020", tmp_path / "run")


def test_runs_of_one_second_lie_beside_each_other_and_latest_is_the_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [RunDirectory.create("mars2020", None).path for _ in range(3)]
    assert len(set(runs)) == 3
    assert all(path.is_dir() and path.parent.name == "runs" and "-mars2020" in path.name for path in runs)
    assert os.readlink("runs/latest") == runs[-1].name
    assert (tmp_path / "runs" / "latest").resolve() == runs[-1].resolve()


def test_a_run_takes_no_directory_that_another_made_after_it_looked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda *_, **__: False)
    assert len({RunDirectory.create("mars2020", None).path for _ in range(3)}) == 3


def test_a_directory_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(GraphError, match="not an empty directory"):
        RunDirectory.create("mars2020", tmp_path / "mine")
    with pytest.raises(GraphError, match="not an empty directory"):
        RunDirectory.create("mars2020", tmp_path / "mine" / "thesis.tex")


def test_an_empty_directory_will_do(tmp_path):
    (tmp_path / "empty").mkdir()
    assert RunDirectory.create("mars2020", tmp_path / "empty").path == tmp_path / "empty"


def test_a_place_where_nothing_can_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GraphError, match="cannot be made"):
        RunDirectory.create("mars2020", tmp_path / "file" / "run")


def test_what_nodes_log_and_publish_lies_where_it_is_said_to(directory):
    files = HostFiles(directory, "earth", EPOCH, record=True)
    files.write(
        Completion(
            logs=[LogRecord(NS_PER_S, "madrid", "info", "complete", {"raw": b"\xff"})],
            products=[Product(2 * NS_PER_S, "madrid", "mro-x.png", b"PNG", {"taken_scet": "then"})],
        )
    )
    assert len(list(read(directory.part("earth")))) == 1  # while it is still being written
    assert json.loads((directory.logs / "madrid.log").read_text()) == {
        "scet": "2021-02-18T20:26:01.000Z",
        "t_ns": NS_PER_S,
        "node": "madrid",
        "level": "info",
        "text": "complete",
        "fields": {"raw": "/w=="},
    }
    files.close()
    assert (directory.pictures / "madrid-mro-x.png").read_bytes() == b"PNG"
    assert directory.products() == [
        {"t_ns": 2 * NS_PER_S, "node": "madrid", "name": "madrid-mro-x.png", "facts": {"taken_scet": "then"}}
    ]


def test_a_file_of_the_same_name_is_numbered_and_never_written_over(directory):
    files = HostFiles(directory, "earth", EPOCH, record=False)
    for t_ns, data in enumerate((b"one", b"two", b"three")):
        files.write(Completion(products=[Product(t_ns, "madrid", "x.png", data, {})]))
    files.close()
    names = [product["name"] for product in directory.products()]
    assert names == ["madrid-x.png", "madrid-x-2.png", "madrid-x-3.png"]
    assert [(directory.pictures / name).read_bytes() for name in names] == [b"one", b"two", b"three"]


def test_two_hosts_do_not_write_over_each_others_files(directory):
    """Node dss publishes mro-x.png, and node dss-mro x.png."""
    for host, (node, name) in {"a": ("dss", "mro-x.png"), "b": ("dss-mro", "x.png")}.items():
        files = HostFiles(directory, host, EPOCH, record=False)
        files.write(Completion(products=[Product(0, node, name, host.encode(), {})]))
        files.close()
    assert {path.name: path.read_bytes() for path in directory.pictures.iterdir()} == {
        "dss-mro-x.png": b"a",
        "dss-mro-x-2.png": b"b",
    }


def test_what_was_published_is_told_in_order_of_time_whichever_host_wrote_it(directory):
    for host, (t_ns, node) in {"a": (5, "x"), "b": (3, "y"), "c": (5, "w")}.items():
        files = HostFiles(directory, host, EPOCH, record=False)
        files.write(Completion(products=[Product(t_ns, node, "p.png", b"", {})]))
        files.close()
    assert [(it["t_ns"], it["node"]) for it in directory.products()] == [(3, "y"), (5, "w"), (5, "x")]


@pytest.mark.parametrize("killed_within", [None, "picture", "list"])
def test_a_host_that_is_started_again_replaces_what_its_dead_incarnation_wrote(directory, killed_within, monkeypatch):
    """Its files have the names that they would have had, and the bytes; nothing is told twice."""
    done = [
        Completion(
            logs=[LogRecord(k, "madrid", "info", f"line {k}", {})],
            products=[Product(k, "madrid", "x.png", f"picture {k}".encode(), {})],
        )
        for k in range(3)
    ]
    other = HostFiles(directory, "other", EPOCH, record=True)
    other.write(Completion(products=[Product(0, "mad", "rid-x-2.png", b"another's", {})]))  # mad-rid-x-2.png
    other.write(Completion(products=[Product(0, "madrid-x", "2.png", b"another's", {})]))  # madrid-x-2.png
    dead = HostFiles(directory, "earth", EPOCH, record=True)
    for it in done[:2]:
        dead.write(it)
    if killed_within == "picture":  # the name was reserved, the file not yet there
        monkeypatch.setattr(Path, "replace", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            dead.write(done[2])
        monkeypatch.undo()
    elif killed_within == "list":  # the file was there, the list did not say so yet
        dead.write(done[2])
        list_of = directory.parts / "earth.products"
        list_of.write_text(list_of.read_text()[:-20])
        assert len([it for it in directory.products() if it["node"] == "madrid"]) == 2
    again = HostFiles(directory, "earth", EPOCH, record=True)
    assert sorted(path.name for path in directory.pictures.iterdir()) == ["mad-rid-x-2.png", "madrid-x-2.png"]
    for it in done:
        again.write(it)
    for files in (dead, again, other):
        files.close()
    assert {path.name: path.read_bytes() for path in directory.pictures.iterdir()} == {
        "mad-rid-x-2.png": b"another's",
        "madrid-x-2.png": b"another's",
        "madrid-x.png": b"picture 0",
        "madrid-x-3.png": b"picture 1",
        "madrid-x-4.png": b"picture 2",
    }
    assert [it["name"] for it in directory.products() if it["node"] == "madrid"] == [
        "madrid-x.png",
        "madrid-x-3.png",
        "madrid-x-4.png",
    ]
    assert [json.loads(line)["text"] for line in (directory.logs / "madrid.log").read_text().splitlines()] == [
        "line 0",
        "line 1",
        "line 2",
    ]
    assert len(list(read(directory.part("earth")))) == 3


def test_a_line_that_a_kill_cut_short_is_left_out(directory):
    (directory.logs / "mro.log").write_text('{"t_ns": 1, "text": "whole"}\n{"t_ns": 2, "te')
    directory.cut(5)
    assert (directory.logs / "mro.log").read_text() == '{"t_ns": 1, "text": "whole"}\n'


def test_records_are_in_the_recording_or_in_the_parts_of_a_run_that_did_not_get_there(directory):
    HostFiles(directory, "b", EPOCH, record=True).close()
    HostFiles(directory, "a", EPOCH, record=True).close()
    assert directory.recorded_parts() == [directory.part("a"), directory.part("b")]


def test_without_a_recording_there_is_no_part(directory):
    files = HostFiles(directory, "all", EPOCH, record=False)
    files.write(Completion(logs=[LogRecord(0, "mro", "info", "hello", {})]))
    files.close()
    assert not directory.part("all").exists()
    assert (directory.logs / "mro.log").exists()


def test_parts_are_removed_when_they_have_been_merged(directory):
    HostFiles(directory, "all", EPOCH, record=True).close()
    directory.discard_parts()
    assert not directory.parts.exists()
