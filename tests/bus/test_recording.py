"""The recording: what is written can be read, merged in one order however it was spread, and read when cut short."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer

from lightlag.bus.activation import Completion, LogRecord
from lightlag.bus.emission import Emission, Loss, Origin, Reception
from lightlag.bus.errors import JournalError
from lightlag.bus.message import message
from lightlag.bus.part import PartWriter
from lightlag.bus.recording import merge, read, read_metadata, read_parts
from lightlag.bus.schema import json_text, json_value
from lightlag.bus.time import NS_PER_S, Epoch

EPOCH = Epoch.parse("2021-02-18T20:26:00Z")


@message("test.recorded")
class Recorded:
    range_km: float
    samples: np.ndarray


def emission(source, seq, sent_s, **header):
    body, arrays = Recorded(float(seq), np.arange(seq)).encode()
    return Emission(source, seq, "uhf", "test.recorded@1", round(sent_s * NS_PER_S), body, arrays, **header)


def reception(source, seq, sent_s, receiver, received_s):
    return Reception(emission(source, seq, sent_s), receiver, round(received_s * NS_PER_S))


def loss(source, seq, sent_s, receiver, t_s, reason):
    return Loss(emission(source, seq, sent_s), receiver, round(t_s * NS_PER_S), reason)


def log(t_s, node, text, **fields):
    return LogRecord(round(t_s * NS_PER_S), node, "info", text, fields)


MARS = [
    Completion(
        receptions=[reception("rover", 1, 1.0, "mro", 1.01), reception("rover", 1, 1.0, "maven", 1.02)],
        losses=[loss("rover", 1, 1.0, "hope", 1.05, "not_tuned")],
        logs=[log(1.02, "mro", "heard", snr=3.0)],
    ),
    Completion(receptions=[reception("rover", 2, 2.0, "mro", 2.01)]),
]
EARTH = [
    Completion(receptions=[reception("mro", 1, 1.02, "madrid", 1.5)]),
    Completion(receptions=[reception("mro", 2, 2.02, "madrid", 2.5), reception("mro", 2, 2.02, "goldstone", 2.5)]),
]


def write(path, completions):
    part = PartWriter(path, EPOCH)
    for done in completions:
        part.write(done)
    part.close()
    return path


def test_receptions_losses_and_logs_are_read_again_in_order_of_time(tmp_path):
    records = list(read(write(tmp_path / "a.part", MARS)))
    assert [record.topic for record in records] == [
        "/mro/uhf/test.recorded",
        "/maven/uhf/test.recorded",
        "/mro/log",
        "/hope/lost",
        "/mro/uhf/test.recorded",
    ]
    first, _, log, lost, _ = records
    assert first.publish_time_ns == EPOCH.unix_ns(NS_PER_S)
    assert first.log_time_ns == EPOCH.unix_ns(1_010_000_000)
    assert first.data["message"] == {"range_km": 1.0, "samples": {"dtype": "<i8", "shape": [1], "data": "AAAAAAAAAAA="}}
    assert (first.data["source"], first.data["seq"], first.data["t_ns"]) == ("rover", 1, 1_010_000_000)
    assert (log.data["text"], log.data["fields"]) == ("heard", {"snr": 3.0})
    assert (lost.data["reason"], lost.data["source"]) == ("not_tuned", "rover")


def test_a_header_tells_the_first_source_and_the_way(tmp_path):
    relayed = emission("mro", 5, 3.0, origin=Origin("rover", 2, 7), via=("mro",), duration_ns=9)
    done = Completion(receptions=[Reception(relayed, "madrid", 4 * NS_PER_S)])
    (record,) = read(write(tmp_path / "a.part", [done]))
    assert (record.data["origin"], record.data["via"], record.data["duration_ns"]) == (["rover", 2, 7], ["mro"], 9)
    assert record.data["bytes"] == relayed.size_bytes


def test_a_message_of_a_type_that_nobody_here_knows_is_recorded_as_bytes(tmp_path):
    stranger = Emission("rover", 1, "uhf", "no.such@9", 5, b"\x01\x02")
    done = Completion(receptions=[Reception(stranger, "mro", 6)])
    (record,) = read(write(tmp_path / "a.part", [done]))
    assert record.data["message"]["body"] == "AQI="
    assert "no.such@9" in record.data["message"]["undecoded"]


def test_headers_alone_are_read_where_no_message_is_wanted(tmp_path):
    part = write(tmp_path / "a.part", MARS)
    for record in read(part, bodies=lambda topic: topic.startswith("/maven")):
        assert ("message" in record.data) == (record.topic == "/maven/uhf/test.recorded")
        assert record.data["t_ns"] > NS_PER_S


def test_a_part_that_was_cut_anywhere_is_read_up_to_there(tmp_path):
    part = write(tmp_path / "a.part", MARS)
    whole, everything = part.read_bytes(), list(read(part))
    counts = []
    for size in (*range(0, len(whole), 5), len(whole)):
        part.write_bytes(whole[:size])
        records = list(read(part))
        assert records == everything[: len(records)]
        counts.append(len(records))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(everything))


def test_a_merged_recording_that_was_cut_anywhere_is_read_up_to_there(tmp_path, monkeypatch):
    monkeypatch.setattr("lightlag.bus.mcap_file.CHUNK_BYTES", 1)
    done = Completion(receptions=[reception("rover", seq, seq, "mro", seq + 1) for seq in range(1, 6)])
    part = write(tmp_path / "a.part", [done])
    run = tmp_path / "run.mcap"
    assert merge([part], run, {"seed": "7"}) == 5
    whole, everything = run.read_bytes(), list(read(run))
    assert read_metadata(run) == {"seed": "7"}
    counts = []
    for size in (*range(8, len(whole), 7), *range(len(whole) - 40, len(whole))):
        run.write_bytes(whole[:size])
        records = list(read(run))
        assert records == everything[: len(records)]
        assert read_metadata(run) == {}
        counts.append(len(records))
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2, 3, 4, 5}


def test_a_part_under_way_holds_every_activation_that_was_written(tmp_path):
    part = PartWriter(tmp_path / "a.part", EPOCH)
    part.write(MARS[0])
    assert len(list(read(tmp_path / "a.part"))) == 4
    part.write(MARS[1])
    assert len(list(read(tmp_path / "a.part"))) == 5
    part.close()


def test_the_merged_recording_does_not_depend_on_the_parts(tmp_path):
    together = write(tmp_path / "all.part", [MARS[0], EARTH[0], MARS[1], EARTH[1]])
    apart = [write(tmp_path / "mars.part", MARS), write(tmp_path / "earth.part", EARTH)]
    merged = []
    for name, parts in (("one", [together]), ("two", apart), ("turned", apart[::-1])):
        assert merge(parts, tmp_path / name, {"seed": "7"}) == 8
        merged.append((tmp_path / name).read_bytes())
    assert merged[0] == merged[1] == merged[2]
    times = [record.log_time_ns for record in read(tmp_path / "one")]
    assert times == sorted(times)


def test_a_node_that_had_long_been_idle_is_in_its_place_whoever_shared_its_host(tmp_path):
    """At the end nodes are ended at their own time, which is that of the last they did."""
    idle = Completion(
        logs=[log(1.02, "mro", "ended"), log(1.5, "madrid", "ended"), log(0.5, "hope", "ended")],
        losses=[loss("mro", 3, 2.9, "madrid", 3.5, "in_flight"), loss("rover", 3, 2.9, "hope", 3.0, "in_flight")],
    )
    together = write(tmp_path / "all.part", [*MARS, *EARTH, idle])
    alone = [write(tmp_path / f"{node}.part", _of(node, [*MARS, *EARTH, idle])) for node in _nodes()]
    assert merge([together], tmp_path / "one", {}) == merge(alone, tmp_path / "six", {}) == 13
    assert (tmp_path / "one").read_bytes() == (tmp_path / "six").read_bytes()
    times = [record.data["t_ns"] for record in read(tmp_path / "one")]
    assert times == sorted(times)


def _nodes():
    return "mro", "maven", "hope", "madrid", "goldstone"


def _of(node, completions):
    return [
        Completion(
            receptions=[it for it in done.receptions if it.receiver == node],
            losses=[it for it in done.losses if it.receiver == node],
            logs=[it for it in done.logs if it.node == node],
        )
        for done in completions
    ]


def test_parts_are_read_as_they_would_stand_in_the_recording(tmp_path):
    parts = [write(tmp_path / "mars.part", MARS), write(tmp_path / "earth.part", EARTH)]
    merge(parts, tmp_path / "run.mcap", {})
    assert list(read_parts(parts)) == list(read_parts(parts[::-1])) == list(read(tmp_path / "run.mcap"))


def test_a_host_that_is_started_again_writes_its_part_anew(tmp_path):
    dead = PartWriter(tmp_path / "a.part", EPOCH)
    dead.write(MARS[0])
    again = PartWriter(tmp_path / "a.part", EPOCH)
    again.write(MARS[1])
    dead.write(MARS[0])  # it had not noticed yet
    assert [record.data["seq"] for record in read(tmp_path / "a.part")] == [2]
    dead.close()
    again.close()


def test_an_unfinished_part_and_an_empty_one_are_merged(tmp_path):
    mars, earth = write(tmp_path / "mars.part", MARS), write(tmp_path / "earth.part", EARTH)
    mars.write_bytes(mars.read_bytes()[:-50])
    (tmp_path / "none.part").write_bytes(b"")
    count = merge([mars, earth, tmp_path / "none.part"], tmp_path / "run.mcap", {})
    assert count == len(list(read(mars))) + 3 == 4 + 3


def test_arrays_of_many_activations_come_back_as_they_were(tmp_path):
    """More buffers than the system takes in one write, and more bytes than are worth copying."""
    sent = [emission("rover", seq, seq) for seq in range(1, 700)]
    done = Completion(receptions=[Reception(it, "mro", it.sent_ns + 1) for it in sent])
    records = list(read(write(tmp_path / "a.part", [done])))
    for record, it in zip(records, sent, strict=True):
        assert record.data["message"] == json_value(Recorded.decode(it.body, it.arrays))


def test_whoever_reads_a_part_need_not_have_imported_what_defines_its_messages(tmp_path, monkeypatch):
    (tmp_path / "stranger.py").write_text(
        "from lightlag.bus.message import message\n@message('test.stranger')\nclass Stranger:\n    size_km: float\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import stranger

    body, arrays = stranger.Stranger(2.0).encode()
    done = Completion(receptions=[Reception(Emission("a", 1, "uhf", "test.stranger@1", 5, body, arrays), "b", 6)])
    part = write(tmp_path / "a.part", [done])
    del sys.modules["stranger"]
    monkeypatch.delitem(sys.modules["lightlag.bus.message"]._registry, "test.stranger@1")
    (record,) = read(part)
    assert record.data["message"] == {"size_km": 2.0}


def test_the_merged_recording_opens_with_the_standard_reader(tmp_path):
    merge([write(tmp_path / "a.part", MARS + EARTH)], tmp_path / "run.mcap", {"seed": "7", "digest": "abc"})
    with (tmp_path / "run.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        messages = list(reader.iter_messages())
        statistics = reader.get_summary().statistics
        madrid = list(reader.iter_messages(topics="/madrid/uhf/test.recorded"))
    assert len(messages) == statistics.message_count == 8
    assert len(madrid) == 2
    assert statistics.message_start_time == EPOCH.unix_ns(1_010_000_000)
    assert statistics.message_end_time == EPOCH.unix_ns(2_500_000_000)
    assert {schema.name for schema, _, _ in messages} == {"test.recorded@1", "lightlag.loss", "lightlag.log"}
    assert read_metadata(tmp_path / "run.mcap") == {"seed": "7", "digest": "abc"}


def test_what_came_after_a_failure_is_cut(tmp_path):
    part = write(tmp_path / "a.part", [MARS[0], EARTH[0], MARS[1]])
    assert merge([part], tmp_path / "run.mcap", {}, until_ns=1_500_000_000) == 5
    assert max(record.data["t_ns"] for record in read(tmp_path / "run.mcap")) == 1_500_000_000


@given(st.lists(st.integers(0, 20 * NS_PER_S), max_size=20), st.sampled_from(["2016-12-31T23:59:50Z", "2021-02-18"]))
def test_times_are_the_unix_times_of_utc_to_the_nanosecond(tmp_path_factory, times, epoch):
    epoch = Epoch.parse(epoch)  # the first is just before a leap second
    path = tmp_path_factory.mktemp("times") / "a.part"
    part = PartWriter(path, epoch)
    part.write(Completion(logs=[log(t_ns / NS_PER_S, "mro", "x") for t_ns in times]))
    part.close()
    for record in read(path):
        assert record.log_time_ns == record.publish_time_ns == epoch.unix_ns(record.data["t_ns"])


def test_a_long_merge_says_how_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("lightlag.bus.recording._PROGRESS_S", 0.0)
    done = Completion(receptions=[reception("rover", 1, 1.0, "mro", 1.0 + k) for k in range(1, 5000)])
    told = []
    merge([write(tmp_path / "a.part", [done])], tmp_path / "run.mcap", {}, progress=lambda *at: told.append(at))
    assert told == [(0, 4999), (2000, 4999), (4000, 4999)]


def test_a_part_has_no_metadata(tmp_path):
    assert read_metadata(write(tmp_path / "a.part", MARS)) == {}


def test_a_recording_of_another_program_is_read(tmp_path):
    for compression in (CompressionType.NONE, CompressionType.LZ4):
        with (tmp_path / "other.mcap").open("wb") as file:
            writer = Writer(file, compression=compression, use_chunking=compression is not CompressionType.NONE)
            writer.start("x", "y")
            channel = writer.register_channel("/a/b/c", "json", writer.register_schema("s", "jsonschema", b"{}"))
            writer.add_message(channel, 5, b'{"t_ns":1}', 4)
            writer.finish()
        assert list(read(tmp_path / "other.mcap")) == [("/a/b/c", {"t_ns": 1}, 5, 4)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner).map(tuple) | st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_text_of_a_value_is_what_json_makes_of_it(value):
    assert json_text(value) == json.dumps(json_value(value), separators=(",", ":"))


def test_another_file_is_no_recording(tmp_path):
    (tmp_path / "notes.txt").write_text("this is nothing that a machine wrote, least of all in MCAP")
    with pytest.raises(JournalError, match="no readable recording"):
        list(read(tmp_path / "notes.txt"))


def test_a_damaged_part_is_told_with_the_place(tmp_path):
    part = write(tmp_path / "a.part", MARS)
    part.write_bytes(part.read_bytes() + b"x" * 100)
    with pytest.raises(JournalError, match=f"damaged at byte {len(part.read_bytes()) - 100}"):
        list(read(part))
