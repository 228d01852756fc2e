"""The recording: what is written can be read, merged in one order however it was spread, and read when cut short."""

from __future__ import annotations

import numpy as np
import pytest
from mcap.reader import make_reader

from lightlag.bus.activation import Completion, LogRecord
from lightlag.bus.emission import Emission, Loss, Origin, Reception
from lightlag.bus.errors import JournalError
from lightlag.bus.message import message
from lightlag.bus.recording import PartWriter, merge, read, read_metadata
from lightlag.bus.time import NS_PER_S, Epoch

#: With which an MCAP file begins and ends.
MAGIC_BYTES = 8
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


MARS = [
    Completion(
        receptions=[reception("rover", 1, 1.0, "mro", 1.01), reception("rover", 1, 1.0, "maven", 1.02)],
        losses=[loss("rover", 1, 1.0, "hope", 1.05, "not_tuned")],
        logs=[LogRecord(round(1.02 * NS_PER_S), "mro", "info", "heard", {"snr": 3.0})],
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
    records = list(read(write(tmp_path / "part.mcap", MARS)))
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
    (record,) = read(write(tmp_path / "part.mcap", [done]))
    assert (record.data["origin"], record.data["via"], record.data["duration_ns"]) == (["rover", 2, 7], ["mro"], 9)
    assert record.data["bytes"] == relayed.size_bytes


def test_a_message_of_a_type_that_nobody_here_knows_is_recorded_as_bytes(tmp_path):
    stranger = Emission("rover", 1, "uhf", "no.such@9", 5, b"\x01\x02")
    done = Completion(receptions=[Reception(stranger, "mro", 6)])
    (record,) = read(write(tmp_path / "part.mcap", [done]))
    assert record.data["message"]["body"] == "AQI="
    assert "no.such@9" in record.data["message"]["undecoded"]


def test_headers_alone_are_read_where_no_message_is_wanted(tmp_path):
    part = write(tmp_path / "part.mcap", MARS)
    for record in read(part, bodies=lambda topic: topic.startswith("/maven")):
        assert ("message" in record.data) == (record.topic == "/maven/uhf/test.recorded")
        assert record.data["t_ns"] > NS_PER_S


def test_a_part_that_was_cut_anywhere_is_read_up_to_there(tmp_path):
    part = write(tmp_path / "part.mcap", MARS)
    whole, everything = part.read_bytes(), list(read(part))
    counts = []
    for size in (0, *range(MAGIC_BYTES, len(whole) - 64, 13), *range(len(whole) - 64, len(whole) + 1)):
        part.write_bytes(whole[:size])
        records = list(read(part))
        assert records == everything[: len(records)]
        counts.append(len(records))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(everything))


def test_a_part_under_way_holds_every_activation_that_was_written(tmp_path):
    part = PartWriter(tmp_path / "part.mcap", EPOCH)
    part.write(MARS[0])
    assert len(list(read(tmp_path / "part.mcap"))) == 4
    part.write(MARS[1])
    assert len(list(read(tmp_path / "part.mcap"))) == 5
    part.close()


def test_the_merged_recording_does_not_depend_on_the_parts(tmp_path):
    together = write(tmp_path / "all.mcap", [MARS[0], EARTH[0], MARS[1], EARTH[1]])
    apart = [write(tmp_path / "mars.mcap", MARS), write(tmp_path / "earth.mcap", EARTH)]
    merged = []
    for name, parts in (("one", [together]), ("two", apart), ("turned", apart[::-1])):
        assert merge(parts, tmp_path / name, {"seed": "7"}) == 8
        merged.append((tmp_path / name).read_bytes())
    assert merged[0] == merged[1] == merged[2]
    times = [record.log_time_ns for record in read(tmp_path / "one")]
    assert times == sorted(times)


def test_an_unfinished_part_and_an_empty_one_are_merged(tmp_path):
    mars, earth = write(tmp_path / "mars.mcap", MARS), write(tmp_path / "earth.mcap", EARTH)
    mars.write_bytes(mars.read_bytes()[:-200])
    (tmp_path / "none.mcap").write_bytes(b"")
    count = merge([mars, earth, tmp_path / "none.mcap"], tmp_path / "run.mcap", {})
    assert count == len(list(read(mars))) + 3


def test_the_merged_recording_opens_with_the_standard_reader(tmp_path):
    merge([write(tmp_path / "part.mcap", MARS + EARTH)], tmp_path / "run.mcap", {"seed": "7", "digest": "abc"})
    with (tmp_path / "run.mcap").open("rb") as file:
        messages = list(make_reader(file).iter_messages())
    assert len(messages) == 8
    assert {schema.name for schema, _, _ in messages} == {"test.recorded@1", "lightlag.loss", "lightlag.log"}
    assert read_metadata(tmp_path / "run.mcap") == {"seed": "7", "digest": "abc"}


def test_what_came_after_a_failure_is_cut(tmp_path):
    part = write(tmp_path / "part.mcap", [MARS[0], EARTH[0], MARS[1]])
    assert merge([part], tmp_path / "run.mcap", {}, until_unix_ns=EPOCH.unix_ns(1_500_000_000)) == 5
    assert max(record.data["t_ns"] for record in read(tmp_path / "run.mcap")) == 1_500_000_000


def test_an_unfinished_recording_has_no_metadata(tmp_path):
    part = write(tmp_path / "part.mcap", MARS)
    part.write_bytes(part.read_bytes()[:-50])
    assert read_metadata(part) == {}


def test_another_file_is_no_recording(tmp_path):
    (tmp_path / "notes.txt").write_text("this is nothing that a machine wrote, least of all in MCAP")
    with pytest.raises(JournalError, match="no readable recording"):
        list(read(tmp_path / "notes.txt"))
