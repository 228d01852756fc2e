"""A lander in trouble: what it says after safe mode, or when it was started again, on its way down."""

from __future__ import annotations

import pytest
from tests.integration.conftest import RunFiles, run_here

from lightlag.bus.time import NS_PER_S
from lightlag.missions.mars2020 import GRAPH

FAULTS = """faults:
  - {safe_mode: perseverance, from: 60 s, for: 30 s}
  - {bounce: perseverance, at: 150 s, for: 10 s}

nodes:
"""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory) -> RunFiles:
    """The last minutes of the landing: half a minute of safe mode, and ten seconds of darkness."""
    path = tmp_path_factory.mktemp("troubled")
    text = GRAPH.read_text()
    assert text.count("\nnodes:\n") == 1
    (path / "troubled.yaml").write_text(text.replace("nodes:\n", FAULTS))
    given = {"epoch": "2021-02-18T20:40:00Z", "duration": "4.5 min", "picture": "false"}
    return run_here(path / "run", given, str(path / "troubled.yaml"))


def test_what_was_not_told_in_time_is_not_made_up_for(troubled):
    """One state a second, and none of the seconds in which it said nothing."""
    states = {
        header["sent_ns"]
        for _, header in (*troubled.receptions, *troubled.losses)
        if header["source"] == "perseverance" and header["type"].startswith("lightlag.vehicle_state")
    }
    for begin_s, end_s in ((0, 60), (90, 150), (160, 229)):
        within = [t_ns for t_ns in states if begin_s <= t_ns / NS_PER_S < end_s]
        assert end_s - begin_s - 2 <= len(within) <= end_s - begin_s
    assert not [t_ns for t_ns in states if 60 < t_ns / NS_PER_S < 90 or 150 < t_ns / NS_PER_S < 160]


def test_only_what_happened_before_the_run_is_said_to_have_happened_before_it(troubled):
    lines = troubled.log("perseverance")
    before = [line["fields"]["event"] for line in lines if line["text"] == "happened before the run began"]
    assert before[:2] == ["cruise_stage_sep", "entry_interface"]
    assert len(before) == len(set(before))
    lived = [line["text"] for line in lines if "values" in line["fields"]]
    assert len(lived) == len(set(lived))
    assert lived[-1] == "touchdown_declared"
    assert not set(before) & set(lived)
