"""The report page: self-contained, safe, the same for the same run, and whole for whatever a run left."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
import pytest

from lightlag.bus.activation import Completion, LogRecord
from lightlag.bus.emission import Emission, Loss, Origin, Reception
from lightlag.bus.medium import Wire
from lightlag.bus.recording import PartWriter, merge, read
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.graph.spec import ChannelSpec, Graph, NodeSpec
from lightlag.launch.report import write_report
from lightlag.launch.report.geometry import Delay, Geometry, Reach, Site
from lightlag.launch.report.places import find_places, light_time
from lightlag.launch.report.reading import read_run
from lightlag.launch.report.svg import foremost, spread, time_ticks
from lightlag.launch.report.words import between, duration, quantity, split_unit, stamp
from lightlag.launch.run.timeline import Timeline
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.nodes.events import Event, Published, Tone, news_of
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams
from lightlag.nodes.picture import pieces, png_bytes
from lightlag.nodes.telemetry import VehicleState
from lightlag.orbiters import C_KM_S

EPOCH = Epoch.parse("2021-02-18T20:00:00Z")
LIGHT_NS, NEAR_NS = 100 * NS_PER_S, 30_000_000
LIGHT_KM = C_KM_S * LIGHT_NS / NS_PER_S
UNTIL_NS = 600 * NS_PER_S
TOUCHDOWN_S, BLACKOUT_S, PLAYBACK_S = 200, (100, 130), 400


class Falcon(Node):
    """Lands."""

    @property
    def published(self) -> Sequence[Published]:
        return [
            Published("chute", EPOCH.utc(150 * NS_PER_S), {"speed_m_s": (400.0, 450.0)}, "<call-outs>"),
            Published("touchdown", EPOCH.utc(203 * NS_PER_S), {"height_km": (0.02, 0.02)}, "kernel"),
            Published("dust settles", EPOCH.utc(230 * NS_PER_S), {}, "nobody"),
            Published("long before", EPOCH.utc(-9 * NS_PER_S), {}, "nobody"),
        ]


@dataclass
class Run:
    """A made-up run, written as hosts write theirs: a lander, a relay, a recorder, two stations 100 s of light away."""

    directory: RunDirectory
    graph: Graph
    lander: str = "falcon"
    done: Completion = field(default_factory=Completion)
    products: list[dict[str, Any]] = field(default_factory=list)
    seq: int = 0

    def summary(self, **changes: Any) -> dict[str, Any]:
        """As ``summary.json``."""
        losses: dict[str, int] = {}
        for loss in self.done.losses:
            losses[loss.reason] = losses.get(loss.reason, 0) + 1
        figures = {"emissions": self.seq, "receptions": len(self.done.receptions), "losses": losses}
        run = {"simulated_s": UNTIL_NS / NS_PER_S, "wall_s": 2.0, "peak_rss_mb": 99.0, "processes": 1, "groups": []}
        proof = {"graph": self.graph.name, "seed": 1, "digest": "d1ce" * 16, "fingerprint": "f00d"}
        return {**figures, **run, **proof, "pictures": [], "interrupted": False, "failure": None, **changes}

    def geometry(self) -> Geometry:
        """Everybody is at Mars but the two stations."""
        nodes = frozenset(self.graph.nodes)
        here, there = Site("mars", "orbit", 400.0, (0.0, 0.0, 0.0)), Site("earth", "surface", 1.0, (LIGHT_KM, 0.0, 0.0))
        sites = {node: there if node in ("east", "west") else here for node in self.graph.nodes}
        delays = {("mars", "mars"): Delay(NEAR_NS, NEAR_NS), ("mars", "earth"): Delay(LIGHT_NS, LIGHT_NS)}
        return Geometry(0, sites, {"space": Reach(nodes, nodes, nodes, delays)})

    def send(self, source: str, message: Any, sent_ns: int, to: dict[str, str | None], **header: Any) -> Emission:
        """Emit a message; ``to`` says who receives it (None) or for which reason not."""
        self.seq += 1
        body, arrays = message.encode()
        kind = message.__message_type__
        emission = Emission(source, self.seq, "space", kind, sent_ns, body, arrays, duration_ns=1000, **header)
        for receiver, reason in to.items():
            near = receiver in ("relay", "keeper") and source == self.lander
            t_ns = sent_ns + (NEAR_NS if near else LIGHT_NS + len(receiver))
            if reason is None:
                self.done.receptions.append(Reception(emission, receiver, t_ns))
            else:
                self.done.losses.append(Loss(emission, receiver, t_ns, reason))
        return emission

    def write(self) -> str:
        """Write recording, timeline and page; returns the page."""
        self.directory.parts.mkdir(parents=True, exist_ok=True)
        writer = PartWriter(self.directory.part("all"), EPOCH)
        writer.write(self.done)
        writer.close()
        merge([self.directory.part("all")], self.directory.recording, {})
        timeline = Timeline()
        news = [news for reception in self.done.receptions for news in news_of(reception)]
        timeline.add(news, self.graph.until_ns + 1)
        timeline.write(self.directory.timeline, EPOCH)
        return self.page()

    def page(self, **changes: Any) -> str:
        """Write the page alone."""
        write_report(self.directory, self.graph, self.geometry(), self.summary(**changes), self.products)
        return self.directory.report.read_text(encoding="utf-8")


def make_graph(
    *nodes: tuple[str, type[Node]], medium: Literal["space"] | Wire = "space", name: str = "voyage"
) -> Graph:
    specs = {node: NodeSpec(node, "x", cls, NodeParams()) for node, cls in nodes}
    channels = {"space": ChannelSpec("space", medium, dict.fromkeys(specs, "radio"), {})}
    return Graph(name, f"The {name} of the falcon.", EPOCH, 1, UNTIL_NS, specs, channels, {})


def state(t_s: int) -> VehicleState:
    share = max(0.0, 1 - t_s / TOUCHDOWN_S)
    return VehicleState(100 * share**2, 5000 * share, 20 * share, 2 * share, 0.0, 18.0, 77.0)


def fly(run: Run) -> Run:
    """The landing: telemetry each second, three events, one of them in the blackout, playback, a picture."""
    lander = run.lander
    kept: list[tuple[Any, Origin]] = []
    for t_s in range(20, TOUCHDOWN_S + 20):
        dark = "blackout" if BLACKOUT_S[0] <= t_s < BLACKOUT_S[1] else None
        first = run.send(lander, state(t_s), t_s * NS_PER_S, {"relay": dark, "keeper": dark, "east": "below_horizon"})
        if not dark:
            origin = Origin(first.source, first.seq, first.sent_ns)
            kept.append((state(t_s), origin))
            sent_ns = first.sent_ns + NEAR_NS
            run.send("relay", state(t_s), sent_ns, {"east": None, "west": None}, origin=origin, via=("relay",))
    for number, (event, t_s) in enumerate({"peak": 115, "chute": 150, "touchdown": TOUCHDOWN_S}.items()):
        t_ns = t_s * NS_PER_S
        told = Event(event, t_ns, {"height_km": state(t_s).height_km, "speed_m_s": state(t_s).speed_m_s})
        dark = "blackout" if event == "peak" else None
        run.done.logs.append(LogRecord(t_ns, lander, "info", event, {"values": dict(told.values)}))
        first = run.send(lander, told, t_ns, {"relay": dark, "keeper": dark, "east": "below_horizon"})
        run.send(lander, Tone(number, event, t_ns), t_ns + 10 * NS_PER_S, {"east": None, "west": "in_flight"})
        if not dark:
            origin = Origin(first.source, first.seq, first.sent_ns)
            kept.append((told, origin))
            run.send("relay", told, t_ns + NEAR_NS, {"east": None, "west": None}, origin=origin, via=("relay",))
    for message, origin in kept:
        run.send("keeper", message, PLAYBACK_S * NS_PER_S, {"east": None}, origin=origin, via=("keeper",))
    pixels = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    for number, piece in enumerate(pieces("view", pixels, 160 * NS_PER_S, {}, 128)):
        run.send("relay", piece, (161 + number) * NS_PER_S, {"east": None, "west": None})
    return run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    names = ("relay", "keeper", "east", "west")
    return Run(RunDirectory(tmp_path), make_graph(("falcon", Falcon), *((name, Node) for name in names)))


def add_picture(run: Run, station: str, name: str, content: bytes, **facts: float) -> None:
    run.directory.pictures.mkdir(exist_ok=True)
    (run.directory.pictures / f"{station}-{name}").write_bytes(content)
    times = {"taken_scet": "2021-02-18T20:02:40.000Z", "complete_ert": "2021-02-18T20:05:00.000Z"}
    product = {"t_ns": 0, "node": station, "name": f"{station}-{name}", "facts": {**times, "facts": facts}}
    run.products.append(product)


class Loads(HTMLParser):
    """Collects what a browser would fetch, and the tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


def sections(page: str) -> list[str]:
    return re.findall(r'<section id="(\w+)">', page)


def test_the_page_loads_nothing_from_anywhere(run: Run) -> None:
    add_picture(run, "east", "view.png", png_bytes(np.zeros((8, 8), np.uint8)))
    page = fly(run).write()
    loads = Loads(page)
    assert loads.fetched
    assert all(source.startswith("data:image/") for source in loads.fetched)
    assert not {"script", "link", "iframe", "object", "embed"} & set(loads.tags)
    assert not re.search(r"https?://|@import|url\(", page)


def test_a_landing_has_every_section(run: Run) -> None:
    add_picture(run, "east", "view.png", png_bytes(np.zeros((8, 8), np.uint8)))
    assert sections(fly(run).write()) == ["graph", "descent", "heard", "spacetime", "pictures", "losses", "figures"]


def test_drawings_are_well_formed(run: Run) -> None:
    drawings = re.findall(r"<svg.*?</svg>", fly(run).write(), re.DOTALL)
    assert len(drawings) == 5
    for drawing in drawings:
        ElementTree.fromstring(drawing)
        assert "nan" not in drawing


def test_flown_values_stand_beside_the_models(run: Run) -> None:
    page = fly(run).write()
    row = re.search(r"<tr><th[^>]*>touchdown.*?</tr>", page, re.DOTALL)
    assert row
    assert "20:03:20.000" in row[0]  # this run
    assert "20:03:23.000" in row[0]  # as published
    assert "−3.00 s" in row[0]
    assert "20 m" in row[0]
    assert "400–450 m/s" in page
    assert "published, chute: 400–450 m/s at 20:02:30.000 SCET (&lt;call-outs&gt;)" in page


def test_a_flown_event_that_the_run_does_not_have_is_said_to_be_missing(run: Run) -> None:
    page = fly(run).write()
    row = re.search(r"<tr><th[^>]*>dust settles.*?</tr>", page, re.DOTALL)
    assert row
    assert "not in this run" in row[0]
    assert "long before" not in page  # the run began later


def test_an_event_says_when_and_by_which_path_each_station_learnt_of_it(run: Run) -> None:
    row = re.search(r"<tr><th[^>]*>chute.*?</tr>", fly(run).write(), re.DOTALL)
    assert row
    assert '<b>east</b> 20:04:10.030 <span class="dim">via relay, 1 min 40 s' in row[0]
    assert "<b>west</b>" in row[0]
    assert "<b>relay</b>" not in row[0]  # it is where the news is


def test_values_of_an_event_that_nobody_heard_come_from_the_log(run: Run) -> None:
    fly(run).write()
    peak = next(event for event in read_run(run.directory, run.graph).events if event.id == "peak")
    assert peak.values["speed_m_s"] == state(115).speed_m_s
    assert peak.learnt[0].path == ("falcon", "east")


def test_telemetry_that_nobody_heard_is_shown_with_its_reason(run: Run) -> None:
    assert "no telemetry was received: blackout" in fly(run).write()


def test_nodes_are_grouped_by_light_time(run: Run) -> None:
    fly(run).write()
    reading = read_run(run.directory, run.graph)
    places = find_places(reading, run.geometry().sites)
    assert places.groups == [["falcon", "keeper", "relay"], ["east", "west"]]
    assert places.gaps_ns == [pytest.approx(LIGHT_NS, abs=1e8)]
    assert light_time(reading, places) == ("falcon", "east", LIGHT_NS + 4)


def test_who_travels_stands_where_it_set_out(run: Run) -> None:
    fly(run).write()
    reading = read_run(run.directory, run.graph)
    before = find_places(reading, {}).groups
    # Later on it is where the stations are: messages take a millisecond.
    for pair in reading.delay_ns:
        reading.delay_ns[pair] = 1_000_000
    assert find_places(reading, {}).groups == before


def test_a_time_of_another_day_has_its_date() -> None:
    epoch = Epoch.parse("2033-01-29T20:00:00Z")
    assert stamp(epoch, 3600 * NS_PER_S, 0) == "21:00:00"
    assert stamp(epoch, 5 * 3600 * NS_PER_S, 0) == "2033-01-30 01:00:00"


def test_what_a_relay_kept_counts_as_played_back(run: Run) -> None:
    fly(run).write()
    streams = read_run(run.directory, run.graph).streams
    assert {key[4] for key in streams if key[0] == "keeper"} == {"played_back"}
    assert {key[4] for key in streams if key[0] == "relay"} == {
        "direct",
        "relayed",
    }  # its picture, and what it passed on


def test_pieces_of_a_picture_are_one_band(run: Run) -> None:
    page = fly(run).write()
    assert len(re.findall(r'class="band p-picture"', page)) == 2  # one for each station
    assert "a picture, relay → east: 32 pieces" in page


def test_the_same_picture_at_two_stations_is_shown_once(run: Run) -> None:
    pixels = np.arange(600 * 900, dtype=np.uint32).reshape(600, 900).astype(np.uint8)
    target = {"range_km": 700.0, "scale_m_px": 0.7, "target_column_px": 450.0, "target_row_px": 300.0}
    for station in ("east", "west"):
        add_picture(run, station, "relay-view.png", png_bytes(pixels), **target)
        add_picture(run, station, "relay-view-crop.png", png_bytes(pixels[:50, :50]), **target)
    page = run.write()
    assert page.count("<img") == 2  # the frame, and its target enlarged
    assert "east (20:05:00.000 ERT) and west (20:05:00.000 ERT), pixel for pixel the same" in page
    assert "<dt>range</dt><dd>700 km</dd>" in page
    assert "<dt>scale</dt><dd>0.7 m/px</dd>" in page
    assert "2 min 20 s, from the shutter to the last piece" in page
    box = re.search(r'class="box" style="left:([\d.]+)%;top:([\d.]+)%;width:([\d.]+)%', page)
    assert box
    assert float(box[1]) + float(box[3]) / 2 == pytest.approx(50, abs=0.1)


def test_different_pictures_of_one_name_are_both_shown(run: Run) -> None:
    add_picture(run, "east", "view.png", png_bytes(np.zeros((8, 8), np.uint8)))
    add_picture(run, "west", "view.png", png_bytes(np.ones((8, 8), np.uint8)))
    assert run.write().count("<img") == 2


def test_several_small_pictures_stand_side_by_side_after_the_large_ones(run: Run) -> None:
    add_picture(run, "east", "one.png", png_bytes(np.zeros((60, 60), np.uint8)))
    assert 'class="gallery"' not in run.write()
    add_picture(run, "east", "large.png", png_bytes(np.zeros((4, 1200), np.uint8)))
    add_picture(run, "east", "other.png", png_bytes(np.zeros((300, 300), np.uint8)))
    page = run.write()
    figures, gallery = page.split('<div class="gallery">')
    assert "<h3>large</h3>" in figures
    assert re.findall(r"<h3>(\w+)</h3>", gallery) == ["one", "other"]
    assert 'width="60" height="60" class="tiny" src="data:image/png' in gallery  # each of its pixels is to be seen


@pytest.mark.parametrize("t_s", [300, 495])
def test_how_long_news_took_is_said_within_the_drawing_even_at_its_end(run: Run, t_s: int) -> None:
    """The run lasts 600 s, and the drawing is 1,120 units wide: the text, about 300 of them, is told by its middle."""
    run.send("falcon", Event("landed on the far side", t_s * NS_PER_S, {}), t_s * NS_PER_S, {"east": None})
    place = re.search(r'<text class="brackettext" x="([\d.]+)"[^>]*>landed on the far side: 1 min 40 s', run.write())
    assert place
    assert float(place[1]) < 1120 - 150


def test_a_picture_of_16_bit_is_shown(run: Run) -> None:
    add_picture(run, "east", "view.png", png_bytes(np.full((8, 8), 40_000, np.uint16)))
    assert "<img" in run.write()


def test_a_picture_that_cannot_be_shown_does_not_spoil_the_page(run: Run) -> None:
    add_picture(run, "east", "broken.png", b"no picture")
    header = struct.pack(">IIBBBBB", 90_000, 90_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    add_picture(run, "east", "huge.png", b"\x89PNG\r\n\x1a\n" + chunk)
    assert run.write().count("cannot be shown here") == 2


def test_names_and_texts_are_escaped(tmp_path: Path) -> None:
    evil = '<i>"x"&\a'
    graph = make_graph((evil, Falcon), *((name, Node) for name in ("relay", "keeper", "east", "west")), name=evil)
    run = Run(RunDirectory(tmp_path), graph, lander=evil)
    fly(run).send(evil, Event(evil, 5, {}), 5, {"relay": None, "keeper": evil})
    add_picture(run, "east", "view&<i>.png", png_bytes(np.zeros((8, 8), np.uint8)))
    run.write()
    page = run.page(failure=f"{evil} failed\n  File <module>")
    assert "<i>" not in page
    assert "\a" not in page
    assert 'class="o o--i--x---"' in page  # a reason becomes a class
    assert "&lt;i&gt;&quot;x&quot;&amp; failed" in page
    assert {tag for tag in Loads(page).tags if tag == "module"} == set()


def test_an_empty_run_has_a_page_without_empty_sections(tmp_path: Path) -> None:
    graph = make_graph(("alone", Node))
    page = Run(RunDirectory(tmp_path), graph).write()
    assert sections(page) == ["graph", "figures"]
    assert "<h1>voyage</h1>" in page


def test_a_directory_without_recording_or_timeline_has_a_page(tmp_path: Path) -> None:
    page = Run(RunDirectory(tmp_path), make_graph(("alone", Node))).page(digest="", wall_s=0.0, interrupted=True)
    assert "the run did not reach its end" in page
    assert "The run was interrupted." in page


def test_a_run_on_wires_has_delay_but_no_light(tmp_path: Path) -> None:
    graph = make_graph(("relay", Node), ("east", Node), medium=Wire(5))
    run = Run(RunDirectory(tmp_path), graph)
    run.send("relay", Tone(1, "hello", 7), 9, {"east": None})
    page = run.write()
    assert sections(page) == ["graph", "events", "heard", "spacetime", "figures"]
    assert "of light" not in page
    assert "1 min 40 s of delay" in page


def test_the_same_run_directory_gives_the_same_bytes(run: Run) -> None:
    add_picture(run, "east", "view.png", png_bytes(np.arange(64, dtype=np.uint8).reshape(8, 8)))
    assert fly(run).write() == run.page()


def test_the_digest_is_short_at_first_and_whole_when_asked(run: Run) -> None:
    page = run.write()
    assert "<summary>digest <code>d1ced1ced1ce…</code></summary>" in page
    assert f"<code>{'d1ce' * 16}</code></details>" in page


def test_losses_are_explained_in_plain_words(run: Run) -> None:
    page = fly(run).write()
    assert "Plasma around the vehicle" in page
    assert "mostly" not in page
    assert "falcon → east 203" in page


def test_headers_alone_are_the_whole_records_without_messages(run: Run) -> None:
    run.send("relay", Tone(1, 'a ,"message": in a name', 7), 9, {"east": None, "west": 'x,"message":'})
    run.done.logs.append(LogRecord(3, "relay", "info", "text", {"a": 1, "message": "stays"}))
    run.write()
    whole = list(read(run.directory.recording))
    bare = [record._replace(data={k: v for k, v in record.data.items() if k != "message"}) for record in whole]
    assert list(read(run.directory.recording, lambda topic: False)) == bare
    assert list(read(run.directory.recording, lambda topic: True)) == whole


@pytest.mark.parametrize(
    ("wanted", "low", "high"),
    [([5, 5, 5], 0, 100), ([0, 1, 2, 50], 0, 100), ([99, 99.5, 100], 0, 100), ([], 0, 1), ([3] * 40, 0, 100)],
)
def test_labels_keep_off_each_other_within_the_drawing(wanted: list[float], low: float, high: float) -> None:
    places = spread(wanted, 10, low, high)
    apart = min(10, (high - low) / max(1, len(wanted) - 1))
    assert all(after - before >= apart - 1e-9 for before, after in pairwise(places))
    assert all(low - 1e-9 <= place <= high + 1e-9 for place in places)


def test_labels_that_have_room_stay_where_they_are_wanted() -> None:
    assert spread([10, 30, 60], 10, 0, 100) == pytest.approx([10, 30, 60])


def test_the_last_label_and_favoured_ones_go_first() -> None:
    assert foremost([0, 1, 2, 50, 51], 10) == [0, 4]
    assert foremost([0, 1, 2, 50, 51], 10, favoured=[2]) == [2, 4]
    assert foremost([], 10) == []


@pytest.mark.parametrize("until_ns", [10, 5_000, 3_000_000, 40 * 60 * NS_PER_S, 400 * 86400 * NS_PER_S])
def test_ticks_are_round_and_few(until_ns: int) -> None:
    ticks = time_ticks(EPOCH, 0, until_ns, 10)
    assert 2 <= len(ticks) <= 11
    assert all(0 <= t_ns <= until_ns for t_ns, _ in ticks)
    assert len({label for _, label in ticks}) == len(ticks)


def test_ticks_stand_on_round_utc_whatever_the_epoch() -> None:
    ticks = time_ticks(Epoch.parse("2021-02-18T20:26:50.080Z"), 0, 1200 * NS_PER_S, 5)
    assert [label for _, label in ticks] == ["20:30", "20:35", "20:40", "20:45"]


def test_where_there_are_several_days_they_are_told_apart(run: Run) -> None:
    day_ns = 86_400 * NS_PER_S
    assert [label for _, label in time_ticks(EPOCH, 0, 2 * day_ns, 5)] == ["02-19", "12:00", "02-20", "12:00"]
    run.graph = replace(run.graph, until_ns=2 * day_ns)
    for event, t_ns in {"soon": 100 * NS_PER_S, "before midnight": (4 * 3600 - 1) * NS_PER_S, "late": day_ns}.items():
        run.send("falcon", Event(event, t_ns, {}), t_ns, {"east": None})
    page = run.write()
    assert re.findall(r'<tr class="day"><th[^>]*>([-0-9]+)<', page) == ["2021-02-18", "2021-02-19"]
    assert "<b>east</b> 20:03:20.000" in page
    assert "<b>east</b> 02-19 00:01:39.000" in page  # learnt on the next day
    assert '<span class="model">20:00:00.000</span>' in page


def test_figures_are_said_as_people_say_them() -> None:
    assert duration(682.326) == "11 min 22.3 s"
    assert duration(0.0317) == "31.7 ms"
    assert duration(90_000) == "1 d 1 h 0 min"
    assert quantity(0.02125, "km") == "21.2 m"
    assert quantity(5332.4, "m/s") == "5,332 m/s"
    assert between(0.9, 12.0, "km") == "900 m–12 km"
    assert split_unit("emission_deg") == ("emission angle", "°")
    assert split_unit("local_time_h") == ("local time", "h")


def test_a_run_that_failed_says_so(run: Run) -> None:
    run.graph = replace(run.graph, name="mishap")
    assert "The run failed." in run.page(failure="falcon failed at noon")
