"""lightlag plugin: what is installed, and a whole examination, as a person reads it and as a program does."""

from __future__ import annotations

import json
import sys

import pytest
from tests.launch.fixtures import plugins

from lightlag.launch.cli import main
from lightlag.launch.command.plugin import _show
from lightlag.launch.conformance import checks
from lightlag.launch.conformance.checks import OF_GRAPHS, OF_TYPES, Check, examine
from lightlag.launch.conformance.finding import fail, ok, warn
from lightlag.launch.conformance.subject import Subject, Type

FLYING = "tests.launch.fixtures.plugins:Flying"


def test_a_good_node_type_is_told_check_by_check(capsys):
    code = main(["plugin", "check", FLYING])
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == f"node type {FLYING}, seed 20210218"
    assert f"node type {FLYING}" in lines
    told = [line.split() for line in lines if line.startswith(("  ok  ", "  warn", "  fail"))]
    names = [check.name for check in OF_TYPES]
    assert len(told) == len(names)
    # The module of the fixtures holds what lint finds, and lies in a package without py.typed.
    not_ok = {" ".join(words[1:4]): words[0] for words in told if words[0] != "ok"}
    assert [(name.split()[0], level) for name, level in not_ok.items()] == [("documented", "warn"), ("lint", "fail")]
    assert lines[-1] == "14 of 15 checks passed"
    assert code == 1
    assert [line.partition("  ")[0] for line in err.splitlines()] == [f"{n} of 15" for n in range(1, 16)]
    assert err.splitlines()[-1] == f"15 of 15  node type {FLYING}: takes"


def test_a_whole_graph_is_told_as_data(tmp_path, capsys):
    graph = tmp_path / "quiet.yaml"
    graph.write_text(
        "version: 1\nname: quiet\nepoch: 2027-03-01T18:00:00Z\nuntil: 1 min\n"
        'nodes: {one: {type: "tests.launch.fixtures.plugins:Alone"}}\n'
    )
    code = main(["plugin", "check", str(graph), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["subject"], told["seed"]) == (str(graph), 20210218)
    of_graph = [it for it in told["checks"] if it["of"] == f"graph {graph}"]
    assert [it["check"] for it in of_graph] == [check.name for check in OF_GRAPHS]
    assert {it["check"]: it["level"] for it in of_graph if it["level"] != "ok"} == {"lint": "fail"}
    takes = of_graph[-1]
    assert takes["figures"].keys() == {"simulated_s", "wall_s", "emissions", "peak_mb"}
    assert takes["figures"]["simulated_s"] == 60.0
    assert code == 1
    assert told["passed"] == sum(it["level"] != "fail" for it in told["checks"])


def test_one_that_cannot_be_imported_is_told_once(capsys):
    assert main(["plugin", "check", "tests.launch.fixtures.unimportable:Nothing"]) == 1
    out = capsys.readouterr().out
    assert "fail  imports" in out
    assert "ModuleNotFoundError: No module named 'no_such_dependency'" in " ".join(out.split())
    assert out.endswith("\n0 of 1 checks passed\n")


def test_one_that_nobody_tells_what_it_needs_is_read_and_not_run(capsys):
    main(["plugin", "check", "tests.launch.fixtures.plugins:Needy"])
    out = capsys.readouterr().out
    assert "  warn  told enough" in out
    assert "Needy has to be told label, and no installed graph does" in " ".join(out.split())
    assert out.endswith("5 of 6 checks passed\n")  # lint finds what another class of the module does


def test_what_there_is_not_is_bad_input(capsys):
    assert main(["plugin", "check", "no-such-thing"]) == 2
    err = capsys.readouterr().err
    assert "'no-such-thing' is neither a distribution, a node type, a graph nor a module" in err
    assert "nothing was checked" in err


def test_what_is_installed_is_listed_in_words_and_as_data(capsys):
    assert main(["plugin", "list"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("lightlag ")
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert "node type mro lightlag.orbiters.mro:Mro" in rows
    assert "graph mars2020 lightlag.missions.mars2020:GRAPH" in rows
    assert main(["plugin", "list", "--json"]) == 0
    (ours,) = [it for it in json.loads(capsys.readouterr().out)["plugins"] if it["name"] == "lightlag"]
    assert {
        "kind": "node type",
        "name": "mro",
        "value": "lightlag.orbiters.mro:Mro",
        "imports": True,
        "error": None,
    } in (ours["entries"])


@pytest.fixture
def examined(monkeypatch):
    """Examine a type by checks of one's own."""

    def examine_by(*looks):
        monkeypatch.setattr(checks, "OF_TYPES", tuple(Check(f"check {n}", look) for n, look in enumerate(looks)))
        return examine(Subject("something", [Type("some:Good", plugins.Good)], []))

    return examine_by


def test_a_check_that_raises_is_a_check_that_failed(examined, capsys):
    def raises(trial):
        sys.stdout.write("node code prints")
        raise LookupError("lost")

    report = examined(lambda trial: ok("fine"), raises, lambda trial: warn("so so", "do better"))
    assert [it.finding.level for it in report.checked] == ["ok", "fail", "warn"]
    assert report.checked[1].finding.said == "LookupError: lost"
    assert (report.passed, capsys.readouterr().out) == (2, "")


def test_a_report_says_what_to_do_where_something_is_to_be_done(examined, capsys):
    _show(examined(lambda trial: ok("fine"), lambda trial: fail("broken\nin two lines", "mend it, " * 20)))
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "something, seed 20210218"
    assert out[4:7] == [
        "  ok    check 0             fine",
        "  fail  check 1             broken",
        "                            in two lines",
    ]
    assert out[7].startswith(f"{' ' * 28}-> mend it, mend it")
    assert out[8].startswith(f"{' ' * 31}mend it")
    assert max(map(len, out)) <= 120
    assert out[-1] == "1 of 2 checks passed"
