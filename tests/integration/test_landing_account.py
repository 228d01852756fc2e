"""Every word is accounted for: the recording, the timeline and the summary of one landing add up."""

from __future__ import annotations

import re
from collections import Counter

from mcap.reader import make_reader

from lightlag.bus.medium import LOSS_REASONS
from lightlag.bus.recording import read_metadata
from lightlag.bus.time import NS_PER_S

SUMMARY_KEYS = {
    "graph", "seed", "digest", "fingerprint", "simulated_s", "wall_s", "peak_rss_mb", "processes", "emissions",
    "receptions", "losses", "pictures",
}  # fmt: skip
TIMELINE_COLUMNS = ["event", "source", "scet_utc", "receiver", "path", "ert_utc", "delay_s"]
ISO_MS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_every_emission_ends_once_at_every_member(landing):
    ends = Counter(
        (data["channel"], data["source"], data["seq"], who) for who, data in [*landing.receptions, *landing.losses]
    )
    assert set(ends.values()) == {1}
    last_seq = Counter()
    for channel, source, seq, _ in ends:
        last_seq[source] = max(last_seq[source], seq)
        missed_out = {
            member
            for member in landing.graph.channels[channel].members
            if member != source and (channel, source, seq, member) not in ends
        }
        assert not missed_out
    emissions = {(source, seq) for _, source, seq, _ in ends}
    assert emissions == {(source, seq) for source, last in last_seq.items() for seq in range(1, last + 1)}
    assert len(emissions) == landing.summary["emissions"]


def test_the_summary_counts_what_the_recording_holds(landing):
    assert landing.summary["receptions"] == len(landing.receptions)
    assert landing.summary["losses"] == Counter(data["reason"] for _, data in landing.losses)
    assert set(landing.summary["losses"]) <= set(LOSS_REASONS)


def test_the_summary_has_the_figures_of_the_run(landing):
    summary = landing.summary
    assert summary.keys() >= SUMMARY_KEYS
    assert (summary["graph"], summary["seed"], summary["processes"]) == ("mars2020", 1, 1)
    assert summary["simulated_s"] == 2400.0
    assert re.fullmatch("[0-9a-f]{64}", summary["digest"])
    assert 0 < summary["wall_s"] < 600
    assert 50 < summary["peak_rss_mb"] < 2000
    assert all(picture.keys() == {"file", "taken_scet", "complete_ert"} for picture in summary["pictures"])
    assert all((landing.path / picture["file"]).is_file() for picture in summary["pictures"])


def test_the_timeline_has_a_row_for_each_event_and_receiver_that_learnt_of_it(landing, flown):
    rows = landing.timeline
    assert list(rows[0]) == TIMELINE_COLUMNS
    assert max(Counter((row["event"], row["receiver"]) for row in rows).values()) == 1
    assert {row["event"] for row in rows} - {"plasma_blackout_end"} <= set(flown)
    assert {row["source"] for row in rows} == {"perseverance"}
    told = {"lightlag.event@1": "id", "lightlag.tone@1": "event"}
    learnt = {(data["message"][told[data["type"]]], who) for who, data in landing.receptions if data["type"] in told}
    assert learnt == {(row["event"], row["receiver"]) for row in rows}


def test_the_timeline_is_in_order_and_its_delays_are_its_times(landing):
    rows = landing.timeline
    assert all(ISO_MS.fullmatch(row["scet_utc"]) and ISO_MS.fullmatch(row["ert_utc"]) for row in rows)
    assert [row["ert_utc"] for row in rows] == sorted(row["ert_utc"] for row in rows)
    for row in rows:
        apart_s = (landing.t_ns(row["ert_utc"]) - landing.t_ns(row["scet_utc"])) / NS_PER_S
        assert abs(apart_s - float(row["delay_s"])) < 0.0011
        assert row["path"].split(">")[0] == row["source"]
        assert row["path"].split(">")[-1] == row["receiver"]


def test_what_was_shown_is_the_timeline(landing):
    shown = [line for line in (landing.path / "shown.txt").read_text().splitlines() if " learnt by " in line]
    assert len(shown) == len(landing.timeline)
    for line, row in zip(shown, landing.timeline, strict=True):
        assert line.startswith(f"{row['scet_utc']} SCET  {row['event']}  learnt by {row['receiver']} via {row['path']}")


def test_the_recording_opens_with_the_standard_reader(landing):
    with (landing.path / "run.mcap").open("rb") as file:
        reader = make_reader(file)
        summary = reader.get_summary()
        assert summary.statistics.message_count == len(landing.records)
        assert {channel.message_encoding for channel in summary.channels.values()} == {"json"}
        assert {schema.encoding for schema in summary.schemas.values()} == {"jsonschema"}
        times = [message.log_time for _, _, message in reader.iter_messages(topics=["/madrid/downlink/lightlag.event"])]
    first_unix_ns = landing.graph.epoch.unix_ns(0)
    assert times == sorted(times)
    assert all(0 < t_ns - first_unix_ns < 2400 * NS_PER_S for t_ns in times)


def test_the_recording_says_of_what_it_is(landing):
    about = read_metadata(landing.path / "run.mcap")
    assert about["digest"] == landing.summary["digest"]
    assert (about["graph"], about["seed"], about["fingerprint"]) == ("mars2020", "1", landing.summary["fingerprint"])


def test_messages_are_recorded_when_they_left_and_when_they_came(landing):
    epoch = landing.graph.epoch
    for record in landing.records:
        if not record.topic.endswith("/log"):
            assert record.publish_time_ns == epoch.unix_ns(record.data["sent_ns"])
            assert record.log_time_ns == epoch.unix_ns(record.data["t_ns"])
            assert record.log_time_ns > record.publish_time_ns


def test_a_run_leaves_its_files_and_nothing_else(landing):
    left = {path.name for path in landing.path.iterdir()} - {"shown.txt"}
    assert left == {"graph.resolved.yaml", "journal", "logs", "pictures", "run.mcap", "summary.json", "timeline.csv"}
