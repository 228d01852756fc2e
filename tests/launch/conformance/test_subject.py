"""What a word stands for: a distribution, a node type, a graph, a file, a module."""

from __future__ import annotations

import itertools

import pytest

from lightlag.bus.errors import GraphError
from lightlag.launch.conformance.subject import all_modules, plugins, subject_of
from lightlag.launch.graph.plugins import installed as looked_up
from lightlag.launch.package.creating import as_if_installed, create
from lightlag.orbiters.mro import Mro

NUMBERS = itertools.count(1)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package of somebody's own, as if it were installed; each of its own name, for it is imported only once."""
    package = create(f"my-subject{next(NUMBERS)}", "orbiter", tmp_path)
    looked_up.cache_clear()
    for path in reversed(as_if_installed(package.folder, tmp_path / "known").split(":")[:2]):
        monkeypatch.syspath_prepend(path)
    yield package
    looked_up.cache_clear()


def test_a_distribution_is_its_node_types_its_graphs_and_what_these_use_of_its_own(installed):
    name, module = installed.names.name, installed.names.module
    subject = subject_of(name)
    assert subject.title == f"{name} 0.1.0"
    assert [(it.written, it.used_in) for it in subject.types] == [(name, name), (f"{module}.beacon:Beacon", name)]
    assert subject.graphs == [name]


def test_the_plug_ins_are_told_with_what_they_bring(installed):
    names, found = installed.names, {it.name: it for it in plugins()}
    assert found[names.name].entries == [
        ("lightlag.nodes", names.name, f"{names.module}.orbiter:{names.cls}", ""),
        ("lightlag.graphs", names.name, f"{names.module}:GRAPH", ""),
    ]
    assert ("lightlag.nodes", "mro", "lightlag.orbiters.mro:Mro", "") in found["lightlag"].entries


def test_one_that_cannot_be_imported_says_why(installed):
    names = installed.names
    (installed.folder / "src" / names.module / "orbiter.py").write_text("import no_such_thing\n")
    (_, _, _, error), _ = next(it.entries for it in plugins() if it.name == names.name)
    assert f"{names.module}.orbiter:{names.cls} cannot be imported: ModuleNotFoundError: No module" in error
    broken = subject_of(names.name).types[0]
    assert (broken.cls, broken.error) == (None, error)


def test_a_node_type_is_itself_and_the_graph_that_uses_it():
    (found,) = subject_of("mro").types
    assert (found.cls, found.used_in) == (Mro, "mars2020")
    (found,) = subject_of("lightlag.orbiters.mro:Mro").types
    assert (found.cls, found.used_in) == (Mro, "mars2020")


def test_a_graph_is_the_classes_of_its_nodes_each_once(tmp_path):
    subject = subject_of("mars2020")
    assert [it.written for it in subject.types] == [
        "perseverance", "mro", "maven", "tianwen1", "hope", "ground-station",
    ]  # fmt: skip
    assert (subject.graphs, subject.title) == (["mars2020"], "graph mars2020")


def test_a_graph_file_is_found_with_the_classes_beside_it():
    subject = subject_of("examples/hello_mars/hello_mars.yaml")
    assert [it.written for it in subject.types] == ["hello_mars:Beacon", "hello_mars:Listener"]


def test_a_module_is_the_node_classes_that_it_defines():
    assert [it.written for it in subject_of("lightlag.orbiters.relay").types] == [
        "lightlag.orbiters.relay:Orbiter",
        "lightlag.orbiters.relay:RelayOrbiter",
    ]


def test_what_there_is_not_is_told_with_the_nearest_name():
    with pytest.raises(GraphError, match=r"neither a distribution, a node type.*; did you mean 'maven'\?"):
        subject_of("mavem")
    with pytest.raises(GraphError, match="lightlag plugin list shows what is installed"):
        subject_of("/no/such thing")
    with pytest.raises(GraphError, match="there is no file"):
        subject_of("no.yaml")


def test_a_module_that_fails_is_told():
    with pytest.raises(GraphError, match="unimportable cannot be imported: ModuleNotFoundError"):
        list(all_modules("tests.launch.fixtures.unimportable"))
