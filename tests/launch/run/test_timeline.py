"""The timeline: news in the order of simulated time, each the first time only, once it is certain."""

from __future__ import annotations

import csv
import random

import pytest

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.run.timeline import COLUMNS, Timeline
from lightlag.nodes.events import Learnt

EPOCH = Epoch.parse("2021-02-18T20:26:00Z")


def news(event, receiver, ert_s, path="rover>mro"):
    return Learnt(event, "rover", 10 * NS_PER_S, receiver, f"{path}>{receiver}", round(ert_s * NS_PER_S))


def test_nothing_is_let_out_before_the_frontier_has_passed_it():
    timeline = Timeline()
    ahead, now = news("touchdown", "madrid", 700), news("touchdown", "mro", 11)
    assert timeline.add([ahead, now], 11 * NS_PER_S) == []
    assert timeline.add([], 11 * NS_PER_S + 1) == [now]
    assert timeline.add([], 700 * NS_PER_S + 1) == [ahead]
    assert timeline.items == [now, ahead]
    assert timeline.frontier_ns == 700 * NS_PER_S + 1


def test_a_receiver_learns_of_an_event_once_and_by_the_first_path():
    timeline = Timeline()
    first, again = news("entry", "madrid", 690), news("entry", "madrid", 700, "rover>maven")
    other = news("entry", "goldstone", 695)
    assert timeline.add([again, first, other], 800 * NS_PER_S) == [first, other]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_is_that_of_simulated_time_however_hosts_run_ahead(seed):
    draw = random.Random(seed)
    everything = [news(f"event-{n}", f"station-{n % 7}", draw.randrange(1000)) for n in range(200)]
    shown = []
    for _ in range(2):
        timeline, left = Timeline(), list(everything)
        draw.shuffle(left)
        while left:
            bunch = [left.pop() for _ in range(min(len(left), draw.randrange(1, 9)))]
            soonest = min((item.ert_ns for item in left), default=1000 * NS_PER_S)
            timeline.add(bunch, soonest)
        shown.append(timeline.items)
    assert shown[0] == shown[1] == sorted(everything, key=lambda item: (item.ert_ns, item.receiver, item))


def test_the_file_has_a_row_for_each_in_utc_with_milliseconds(tmp_path):
    timeline = Timeline()
    timeline.add([news("touchdown", "madrid", 692.3456)], 800 * NS_PER_S)
    timeline.write(tmp_path / "timeline.csv", EPOCH)
    with (tmp_path / "timeline.csv").open(newline="") as file:
        header, row = csv.reader(file)
    assert tuple(header) == COLUMNS == ("event", "source", "scet_utc", "receiver", "path", "ert_utc", "delay_s")
    assert row[:2] == ["touchdown", "rover"]
    assert row[2:] == [
        "2021-02-18T20:26:10.000Z", "madrid", "rover>mro>madrid", "2021-02-18T20:37:32.346Z", "682.345600",
    ]  # fmt: skip
