"""``lightlag bag``: what a recording holds, what a killed run has left, and where two runs part."""

from __future__ import annotations

import json
import os
import secrets

import numpy as np
import pytest
from typer.testing import CliRunner

from lightlag.bus.activation import Completion, LogRecord
from lightlag.bus.emission import Emission, Loss, Reception
from lightlag.bus.journal import Journal
from lightlag.bus.message import message
from lightlag.bus.recording import merge, read_metadata
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.command.bag import app
from lightlag.launch.look.recorded import open_recorded
from lightlag.launch.rundir.directory import HostFiles, RunDirectory

EPOCH = Epoch.parse("2021-02-18T20:26:00Z")
METADATA = {"graph": "pair", "seed": "7", "epoch": EPOCH.utc(0, digits=9), "fingerprint": "f", "lightlag": "1"}


@message("test.bagged")
class Bagged:
    range_km: float
    samples: np.ndarray
    name: str = ""


def received(source, seq, receiver, t_s, *, sent_s=None, content=None, channel="uhf"):
    body, arrays = (content or Bagged(float(seq), np.arange(4.0))).encode()
    sent_ns = round((t_s - 0.5 if sent_s is None else sent_s) * NS_PER_S)
    return Reception(Emission(source, seq, channel, "test.bagged@1", sent_ns, body, arrays), receiver, at(t_s))


def lost(source, seq, receiver, t_s, reason):
    return Loss(received(source, seq, receiver, t_s).emission, receiver, at(t_s), reason)


def at(t_s):
    return round(t_s * NS_PER_S)


#: Host, receptions, losses, of a small run.
HISTORY = {
    "mars": Completion(
        receptions=[received("rover", seq, "mro", seq) for seq in range(1, 6)],
        losses=[lost("rover", seq, "hope", seq + 0.1, "not_tuned") for seq in range(1, 4)],
        logs=[LogRecord(at(2), "mro", "info", "noted", {})],
    ),
    "earth": Completion(
        receptions=[
            received("mro", seq, station, seq + 3) for seq in range(1, 6) for station in ("goldstone", "madrid")
        ]
    ),
}


def killed(path, history=HISTORY):
    """A run directory as a killed run leaves it."""
    directory = RunDirectory.create("pair", path)
    Journal(directory.journal, {"run": secrets.token_hex(8), "graph": "pair", "seed": 7}).close()
    for host, done in history.items():
        files = HostFiles(directory, host, EPOCH, record=True)
        files.write(done)
        files.close()
    return directory


def finished(path, history=HISTORY, **metadata):
    """A run directory with its recording."""
    directory = killed(path, history)
    merge(directory.recorded_parts(), directory.recording, {**METADATA, **metadata})
    directory.discard_parts()
    return directory.path


def changed(**hosts):
    """The history with other receptions, by host."""
    return {
        host: Completion(receptions=hosts.get(host, done.receptions), losses=done.losses, logs=done.logs)
        for host, done in HISTORY.items()
    }


def bag(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def difference(a, b):
    result = bag("diff", a, b, "--json")
    assert result.exit_code == 1, result.output
    return json.loads(result.stdout)


def test_info_tells_when_how_much_and_what_was_lost(tmp_path):
    run = finished(tmp_path / "run", digest="abc")
    told = json.loads(bag("info", run, "--json").stdout)
    assert told["topics"]["/mro/uhf/test.bagged"] == {
        "records": 5,
        "bytes": told["topics"]["/mro/uhf/test.bagged"]["bytes"],
    }
    assert told["topics"]["/mro/log"]["records"] == 1
    assert told["losses"] == {"not_tuned": 3}
    assert (told["records"], told["digest"], told["graph"], told["seed"]) == (19, "abc", "pair", "7")
    assert told["first_sent_scet"] == "2021-02-18T20:26:00.500Z"
    assert told["last_received_ert"] == "2021-02-18T20:26:08.000Z"
    assert told["duration_s"] == 7.5
    assert told["state"] == "merged"
    shown = bag("info", run / "run.mcap").stdout
    for words in (
        "digest      abc",
        "3 (not_tuned 3)",
        "20:26:00.500Z SCET",
        "20:26:08.000Z ERT",
        "/goldstone/uhf/test.bagged",
    ):
        assert words in shown


def test_a_killed_run_is_read_unasked(tmp_path):
    whole, left = finished(tmp_path / "whole"), killed(tmp_path / "left").path
    assert list(open_recorded(left).records()) == list(open_recorded(whole).records())
    told = json.loads(bag("info", left, "--json").stdout)
    assert (told["state"], told["graph"], told["seed"], told["records"], told["digest"]) == (
        "unfinished",
        "pair",
        "7",
        19,
        "",
    )


def test_a_run_that_is_still_alive_is_read_as_far_as_it_is(tmp_path):
    directory = killed(tmp_path / "run")
    directory.live.write_text(json.dumps({"endpoint": "", "run": "", "pid": os.getpid()}))
    assert "under way" in bag("info", directory.path).stdout


def test_what_a_killed_run_left_is_recovered(tmp_path):
    directory = killed(tmp_path / "run")
    mars = directory.part("mars")
    mars.write_bytes(mars.read_bytes()[:-30])
    result = bag("recover", directory.path)
    assert result.exit_code == 0
    assert result.stdout == f"{directory.recording}: 18 records\n"
    assert "host earth: up to 2021-02-18T20:26:08.000Z SCET" in result.stderr
    assert {key: read_metadata(directory.recording)[key] for key in ("graph", "seed", "digest")} == {
        "graph": "pair",
        "seed": "7",
        "digest": "",
    }
    assert "recording   recovered" in bag("info", directory.path).stdout
    again = bag("recover", directory.path)
    assert again.exit_code == 0
    assert "nothing to recover" in again.stderr
    assert bag("recover", directory.path, "-o", tmp_path / "again.mcap").exit_code == 0
    assert (tmp_path / "again.mcap").read_bytes() == directory.recording.read_bytes()


def test_runs_of_one_digest_are_the_same_at_once(tmp_path, monkeypatch):
    a, b = (finished(tmp_path / name, digest="abc") for name in "ab")
    monkeypatch.setattr("lightlag.launch.look.difference.compare", lambda *_: pytest.fail("it read them"))
    result = bag("diff", a, b)
    assert result.exit_code == 0
    assert "the same: both have the digest abc" in result.stdout


def test_a_killed_run_is_the_same_as_a_whole_one_that_had_no_more(tmp_path):
    result = bag("diff", finished(tmp_path / "whole", digest="abc"), killed(tmp_path / "left").path)
    assert result.exit_code == 0
    assert "the same 18 receptions and losses in both" in result.stdout


def test_the_first_message_that_differs_is_shown_with_its_fields(tmp_path):
    other = [*HISTORY["earth"].receptions]
    samples = np.arange(4.0)
    samples[2] = 9.5
    other[5] = received("mro", 3, "madrid", 6, content=Bagged(3.25, samples))
    other[8] = received("mro", 5, "goldstone", 8, content=Bagged(0.0, samples))
    a, b = finished(tmp_path / "a", digest="abc"), finished(tmp_path / "b", changed(earth=other), digest="def")
    told = difference(a, b)
    assert (told["first"]["receiver"], told["first"]["t_ns"]) == ("madrid", at(6))
    # Of mro five and of hope three, and of each station two at 4 s and 5 s and of goldstone one at 6 s; mro's sixth
    assert (told["agree"], told["first"]["agree"]) == (5 + 3 + 4 + 1, 2)
    assert told["first"]["fields"] == {
        "message.range_km": ["3.0", "3.25"],
        "message.samples": [
            "array of <f8, shape (4,): [2] is 2.0",
            "array of <f8, shape (4,): [2] is 9.5",
        ],
    }
    shown = bag("diff", a, b).stdout
    assert "not the same digest: A abc, B def" in shown
    assert "first difference: what madrid got at 2021-02-18T20:26:06.000000Z ERT (t_ns 6000000000)" in shown
    assert "message.range_km" in shown
    assert "goldstone" not in shown


def test_an_arrival_a_nanosecond_later_is_a_difference(tmp_path):
    later = received("mro", 2, "goldstone", 5)
    later.received_ns += 1
    other = [later if it.receiver == "goldstone" and it.emission.seq == 2 else it for it in HISTORY["earth"].receptions]
    other.sort(key=lambda it: it.received_ns)
    told = difference(finished(tmp_path / "a"), finished(tmp_path / "b", changed(earth=other)))
    assert (told["first"]["receiver"], told["first"]["t_ns"]) == ("goldstone", at(5))
    assert told["first"]["fields"] == {"t_ns": [str(at(5)), str(at(5) + 1)]}
    assert told["agree"] == 3 + 4 + 2  # hope's three and mro's four are before 5 s, and the first of each station


def test_what_only_one_received_stands_beside_what_the_other_received_next(tmp_path):
    without = [it for it in HISTORY["earth"].receptions if (it.receiver, it.emission.seq) != ("madrid", 4)]
    told = difference(finished(tmp_path / "a"), finished(tmp_path / "b", changed(earth=without)))
    first = told["first"]
    assert (first["receiver"], first["a"]["seq"], first["b"]["seq"]) == ("madrid", 4, 5)
    backwards = difference(tmp_path / "b", tmp_path / "a")["first"]
    assert (backwards["a"], backwards["b"]) == (first["b"], first["a"])


def test_a_run_that_ended_earlier_has_nothing_more(tmp_path):
    told = difference(
        finished(tmp_path / "a"), finished(tmp_path / "b", changed(earth=HISTORY["earth"].receptions[:-2]))
    )
    assert (told["first"]["receiver"], told["first"]["a"]["seq"], told["first"]["b"]) == ("goldstone", 5, None)
    assert "B  nothing more" in bag("diff", tmp_path / "a", tmp_path / "b").stdout


def test_a_loss_for_another_reason_and_a_loss_instead_of_a_reception_are_differences(tmp_path):
    losses = [lost("rover", 2, "hope", 2.1, "snr") if it.emission.seq == 2 else it for it in HISTORY["mars"].losses]
    other = {**HISTORY, "mars": Completion(receptions=HISTORY["mars"].receptions, losses=losses)}
    told = difference(finished(tmp_path / "a"), finished(tmp_path / "b", other))
    assert told["first"]["fields"] == {"reason": ["not_tuned", "snr"]}
    instead = {
        **HISTORY,
        "mars": Completion(
            receptions=[it for it in HISTORY["mars"].receptions if it.emission.seq != 2],
            losses=sorted([*HISTORY["mars"].losses, lost("rover", 2, "mro", 2, "snr")], key=lambda it: it.t_ns),
        ),
    }
    told = difference(tmp_path / "a", finished(tmp_path / "c", instead))
    assert told["first"]["receiver"] == "mro"
    assert told["first"]["fields"]["what"] == ["received", "lost"]
    assert told["first"]["fields"]["reason"] == ["-", "snr"]


def test_of_an_instant_the_order_is_by_source_and_number_not_by_topic(tmp_path):
    """The digest's order: a:1 on zulu comes before b:1 on alpha, though its topic does not."""
    early, late = received("a", 1, "mro", 9, channel="zulu"), received("b", 1, "mro", 9, channel="alpha")
    one = {"mars": Completion(receptions=[early, late])}
    content = Bagged(5.0, np.arange(4.0))
    two = {
        "mars": Completion(
            receptions=[
                received("a", 1, "mro", 9, channel="zulu", content=content),
                received("b", 1, "mro", 9, channel="alpha", content=content),
            ]
        )
    }
    told = difference(finished(tmp_path / "a", one), finished(tmp_path / "b", two))
    assert (told["first"]["a"]["source"], told["agree"]) == ("a", 0)


def test_long_texts_are_shown_where_they_part(tmp_path):
    texts = ["x" * 500 + tail for tail in ("left", "right")]
    runs = [
        finished(
            tmp_path / text[-4:],
            {"h": Completion(receptions=[received("a", 1, "b", 1, content=Bagged(1.0, np.zeros(1), text))])},
        )
        for text in texts
    ]
    fields = difference(*runs)["first"]["fields"]
    assert fields == {
        "bytes": fields["bytes"],
        "message.name": ["…left… (504 characters, from 500)", "…right… (505 characters, from 500)"],
    }


def test_another_seed_is_said_first_and_the_difference_all_the_same(tmp_path):
    other = [received("rover", 1, "mro", 1, content=Bagged(7.0, np.arange(4.0))), *HISTORY["mars"].receptions[1:]]
    shown = bag("diff", finished(tmp_path / "a"), finished(tmp_path / "b", changed(mars=other), seed="8")).stdout
    assert shown.index("not the same seed: A 7, B 8") < shown.index("first difference: what mro got")


def test_digests_that_differ_in_what_is_not_recorded_are_told(tmp_path):
    result = bag("diff", finished(tmp_path / "a", digest="abc"), finished(tmp_path / "b", digest="def"))
    assert result.exit_code == 1
    assert "what the medium stamped" in result.stdout


def test_what_is_no_recording_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("nothing that a machine wrote, least of all in MCAP")
    run = finished(tmp_path / "run")
    for wrong, words in (("empty", "holds no recording"), ("notes.txt", "no metadata"), ("nowhere", "does not exist")):
        for command in (("info", tmp_path / wrong), ("diff", run, tmp_path / wrong), ("diff", tmp_path / wrong, run)):
            result = bag(*command)
            assert result.exit_code == 2
            assert result.stdout == ""
            assert str(tmp_path / wrong) in result.stderr
            assert words in result.stderr
    assert bag("recover", tmp_path / "empty").exit_code == 2


def test_help_shows_how_it_is_used():
    for command in ("info", "recover", "diff"):
        assert f"lightlag bag {command} " in bag(command, "--help").stdout
