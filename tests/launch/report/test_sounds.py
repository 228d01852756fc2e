"""Sounds on the page: each once, however many nodes have it, and nothing of what is no sound."""

from __future__ import annotations

from lightlag.launch.report.sounds import sounds

WAV = b"RIFF....WAVEfmt "


def product(node, name, **facts):
    return {"node": node, "name": f"{node}-{name}", "facts": facts}


def test_a_sound_that_two_stations_have_is_on_the_page_once_and_says_so(tmp_path):
    when = {"taken_scet": "2021-02-20T18:03:08.331Z", "complete_ert": "2021-02-20T18:58:05.939Z"}
    products = [product(node, "rover-wind.wav", **when) for node in ("madrid", "goldstone")]
    for it in products:
        (tmp_path / it["name"]).write_bytes(WAV)
    page = sounds(tmp_path, products)
    assert page.count("<audio") == 1
    assert "2021-02-20 18:03:08.331 SCET" in page
    assert "madrid (18:58:05.939 ERT) and goldstone (18:58:05.939 ERT)" in page


def test_other_files_absent_ones_and_long_ones_are_left_out(tmp_path):
    (tmp_path / "madrid-a.png").write_bytes(WAV)
    (tmp_path / "madrid-long.wav").write_bytes(bytes(2_000_001))
    assert sounds(tmp_path, [product("madrid", name) for name in ("a.png", "gone.wav", "long.wav")]) == ""
