"""What a package may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightlag.bus.errors import GraphError
from lightlag.launch.graph.values import NAME
from lightlag.launch.package.naming import Names, names_of


def test_the_names_of_module_and_class_follow_from_that_of_the_package():
    assert names_of("my-small_orbiter2") == Names("my-small_orbiter2", "my_small_orbiter2", "MySmallOrbiter2")


@given(st.from_regex(r"q[a-z0-9]{0,9}([-_][a-z0-9]{1,5}){0,3}", fullmatch=True))
def test_a_name_is_one_for_a_node_and_its_module_and_class_are_words_of_python(name):
    names = names_of(name)
    assert NAME.fullmatch(names.name)
    assert names.module.isidentifier()
    assert names.cls.isidentifier()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My-Orbiter", "try my-orbiter"),
        ("MyOrbiter", "try my-orbiter"),
        ("a b", "try a-b"),
        ("3d-probe", "try d-probe"),
        ("probe-", "try probe"),
        ("my..probe", "try my-probe"),
        ("Ω", r"single - between words$"),
        ("", "starts with a lower case letter"),
        ("q" * 41, "has 41 letters; a name has 40 at most"),
        ("class", "its module would be 'class', a word of Python; take another name, like my-class"),
        ("true", "its class would be 'True', a word of Python"),
        ("json", "its module would be 'json', a module of Python's own"),
        ("numpy", "is installed already, as numpy"),
        ("mro", "'mro' is a node type that is installed already"),
        ("mars2020", "'mars2020' is a graph that is installed already"),
        ("conftest-of-nobody", None),
    ],
)
def test_what_cannot_be_a_name_is_told_with_the_way_out(name, said):
    if said is None:
        assert names_of(name).module == "conftest_of_nobody"
        return
    with pytest.raises(GraphError, match=said):
        names_of(name)


def test_a_module_that_can_be_imported_is_not_hidden_by_another(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_taken.py").touch()
    with pytest.raises(GraphError, match=r"its module would be 'my_taken', and .*my_taken.py is that"):
        names_of("my-taken")
    (tmp_path / "my_folder").mkdir()
    assert names_of("my-folder").module == "my_folder"


def test_a_name_that_the_template_needs_is_refused():
    with pytest.raises(GraphError, match="its class would be 'RelayOrbiter', which the template needs"):
        names_of("relay-orbiter", {"RelayOrbiter"})
