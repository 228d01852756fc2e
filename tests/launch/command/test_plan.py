"""The plan of a run: what it says, and that it is something to look at."""

from __future__ import annotations

import json

import pytest
from tests.launch.fixtures.graphs import TOUCHING

from lightlag.bus.time import NS_PER_S
from lightlag.launch.command.plan import show_plan
from lightlag.launch.graph.diagnostics import InvalidGraph
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.survey import survey
from lightlag.launch.placement.world import World

MOST_COLUMNS = 100
NODE = '  node-{number:02}: {{type: "tests.launch.fixtures.nodes:Beacon"}}\n'


@pytest.fixture(scope="module")
def mars2020():
    return load_graph("mars2020")


@pytest.fixture
def graph_of(tmp_path):
    def made(text: str):
        (tmp_path / "graph.yaml").write_text(text)
        return load_graph(tmp_path / "graph.yaml")

    return made


def wired(count: int) -> str:
    """Nodes on one wire of 2 ms."""
    head = TOUCHING[: TOUCHING.index("  one:")].replace("touching", "wired")
    nodes = "".join(NODE.format(number=number) for number in range(count))
    ends = ", ".join(f"node-{number:02}.in_" for number in range(count))
    return f"{head}{nodes}channels:\n  all: {{medium: {{wire: {{latency: 2 ms}}}}, members: [{ends}]}}\n"


def test_a_plan_in_short_says_who_runs_together_how_far_ahead_and_why(mars2020, capsys):
    show_plan(mars2020, None, cpu_count=2)
    told = capsys.readouterr().out
    text = " ".join(told.split())
    assert "mars2020 in 2 processes" in text
    assert "canberra+2 canberra, goldstone, 682.1 s to 682.2 s 3.4 window of 2,400.0 s" in text
    assert "together mro and perseverance: 1.5 ms at 20:43:49 SCET ... perseverance and tianwen1: 257.0 ms" in text
    assert "apart madrid and hope: 682.1 s at 20:26:00 SCET" in text
    assert "auto in process: processes need 3.7 s to start" in text
    assert "--all every step" in text
    assert len(told.splitlines()) < 20


def test_the_plan_of_the_landing_is_mars_and_earth_and_says_why(mars2020, capsys):
    show_plan(mars2020, None, whole=True, cpu_count=2)
    told = capsys.readouterr()
    assert told.err == ""
    text = " ".join(told.out.split())
    assert "mars2020 in 2 processes" in text
    assert "every window looked at (4 of 10 min)" in text
    assert "canberra+2 canberra, goldstone, madrid" in text
    assert "hope+4 hope, maven, mro, perseverance, tianwen1" in text
    assert "mro and perseverance mro and perseverance 1.5 ms 20:4" in text
    assert "hope+4 682.1 s to 682.2 s none" in text
    assert "madrid and hope: 682.1 s at 20:26:00 SCET" in text
    assert "600.0 s to 1,500.0 s window of 2,400.0 s 3.4 2.3" in text
    assert "in process: processes need 3.7 s to start" in text


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("processes", [1, 2, 5, 8])
def test_a_plan_fits_into_a_hundred_columns_without_control_codes(mars2020, capsys, processes, whole):
    show_plan(mars2020, processes, whole=whole, cpu_count=2)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= MOST_COLUMNS
    assert not any("\x1b" in line or line != line.rstrip() for line in lines)


def test_a_plan_for_tools_holds_the_same_facts_in_nanoseconds(mars2020, capsys):
    show_plan(mars2020, 2, as_json=True, cpu_count=2)
    facts = json.loads(capsys.readouterr().out)
    assert facts["graph"] == "mars2020"
    assert [host["name"] for host in facts["hosts"]] == ["canberra+2", "hope+4"]
    assert facts["direct"][0] == [None, None]
    least_ns, most_ns = facts["direct"][1][0]
    assert 682 * NS_PER_S < least_ns < most_ns < 683 * NS_PER_S
    assert facts["closed"] == facts["direct"]
    assert facts["limiting"]["delay_ns"] == least_ns
    assert facts["hosts"][0]["lookahead_ns"] == [least_ns, most_ns]
    assert facts["hosts"][1]["lookahead_ns"] is None
    assert facts["pays_from_s"] > 3.7
    assert facts["auto"].startswith("in process: ")


def test_nodes_that_touch_are_in_one_host_and_the_plan_says_so(graph_of, capsys):
    show_plan(graph_of(TOUCHING), 3, whole=True, cpu_count=2)
    text = " ".join(capsys.readouterr().out.split())
    assert "touching in 2 processes" in text
    assert "one and two one and two 0.0 ms 20:26:00 SCET, balls touch" in text
    assert "split one from one+1 0.0 ms one and two cannot: they touch" in text


def test_nodes_that_touch_and_are_pinned_apart_have_no_plan(graph_of):
    with pytest.raises(InvalidGraph, match="their balls touch at 2021-02-18T20:26:00Z SCET"):
        show_plan(graph_of(TOUCHING + "place: {one: here, two: there}\n"), None, cpu_count=2)


def test_hosts_that_send_to_each_other_take_turns(graph_of):
    facts = survey(World(graph_of(wired(3))), 3, cpu_count=2)
    assert [host.limit for host in facts.hosts] == ["turns"] * 3
    assert [host.grant_ns for host in facts.hosts] == [(2_000_000, 2_000_000)] * 3
    assert [host.grants_per_h for host in facts.hosts] == pytest.approx([1.8e6] * 3)
    assert facts.closed[0][0] == (4_000_000, 4_000_000)
    assert facts.window_ns is None
    joined, *splits = facts.changes
    assert (joined.what, joined.processes, joined.largest) == ("join node-00 and node-01", 2, 2)
    assert splits == []


def test_many_hosts_are_shown_as_a_list_of_the_closest(graph_of, capsys):
    show_plan(graph_of(wired(12)), 12, whole=True, cpu_count=2)
    text = capsys.readouterr().out
    assert "the closest 16 of 132" in text
    assert max(map(len, text.splitlines())) <= MOST_COLUMNS


def test_one_process_has_no_lookahead_and_no_grants(graph_of, capsys):
    show_plan(graph_of(wired(2)), 1, whole=True, cpu_count=2)
    text = capsys.readouterr().out
    assert "wired in 1 process\n" in text
    assert "Grants" not in text
    assert "split node-00 from node-00+1" in text


def test_what_nothing_joins_runs_apart_for_ever(graph_of, capsys):
    text = wired(3)
    show_plan(graph_of(text[: text.index("channels:")]), 2, whole=True, cpu_count=2)
    out = " ".join(capsys.readouterr().out.split())
    assert "node-00 and node-01 nothing joins them none processes are fewer" in out
    assert "never: no channel joins the hosts" in out


def test_another_day_is_told_with_its_date(graph_of, capsys):
    show_plan(graph_of(TOUCHING.replace("40 min", "4 h")), 2, cpu_count=2)
    assert "2021-02-18T20:26:00Z SCET" in capsys.readouterr().out
