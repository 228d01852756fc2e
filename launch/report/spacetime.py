"""The space-time diagram: a row for every node, time to the right, and every message a slanted line between two rows.

Groups of nodes stand as far apart as light takes between them; within a group rows are just far enough apart to read.
"""

from __future__ import annotations

import math

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.picture import PicturePiece

from .places import Places
from .reading import RECEIVED, Burst, Happening, Hop, Learnt, Reading, StreamKey
from .svg import Canvas, Scale, foremost, polyline, time_ticks
from .words import count, duration_of_ns, plain, stamp

#: How far a letter of a slanted label goes to the right, about.
_SLANTED_PX = 4.4
_WIDTH, _LEFT, _RIGHT = 1120.0, 112.0, 30.0
#: What a letter of the bold text is wide, about.
_BOLD_PX = 8.2
#: Room above the rows: for the names of events, where there are any.
_TOP, _TOP_BARE = 128.0, 34.0
_ROW, _WIDEST_GAP, _LEAST_GAP = 27.0, 330.0, 90.0
_LABELS_APART = 25.0
#: Telemetry is thinned to about this many lines for a stream across the whole run.
_LINES = 120
_PIECE: str = PicturePiece.__message_type__.partition("@")[0]  # type: ignore[attr-defined]
#: Columns without a piece of a picture that do not end its band.
_PAUSE_COLUMNS = 3
#: A band as wide as this is written upon.
_READABLE = 12.0
_EXPLAINED = "Strong lines carry news of events, faint ones telemetry, thinned out."
_PLAIN = "Where there are many messages, they are thinned out."
_LEGEND = {
    "relayed": "relayed at once",
    "direct": "direct",
    "played_back": "kept, and played back later",
    "picture": "a picture",
    "local": "nearby",
}


class _Diagram:
    def __init__(self, run: Reading, places: Places) -> None:
        self.run, self.places = run, places
        self.rows: dict[str, float] = {}
        y = self.top = _TOP if run.timed_events() else _TOP_BARE
        for group, gap in zip(places.groups, [*self._gaps(), 0.0], strict=True):
            for node in group:
                self.rows[node] = y
                y += _ROW
            y += gap - _ROW
        self.bottom = max(self.rows.values()) + 66
        self.x = Scale(0, run.graph.until_ns, _LEFT, _WIDTH - _RIGHT)
        self.canvas = Canvas(_WIDTH, self.bottom + 46, "Space-time diagram: nodes against time, messages as lines")
        self.shown: set[str] = set()
        #: Corners of the bands that are wide enough to be written upon, by source, type and row of arrival.
        self.bands: dict[tuple[str, str, float], tuple[tuple[float, float], tuple[float, float]]] = {}

    def _gaps(self) -> list[float]:
        widest_ns = max(self.places.gaps_ns, default=1)
        return [max(_LEAST_GAP, _WIDEST_GAP * gap_ns / widest_ns) for gap_ns in self.places.gaps_ns]

    def colour(self, hop: Hop) -> str:
        """Class of a line: local, or the path by which it goes far; noted for the legend."""
        far = self.places.far(hop.source, hop.receiver) or len(self.places.groups) == len(self.rows)
        name = hop.path if far else "local"
        self.shown.add(name)
        return f"p-{name}"

    def course(self, hop: Hop) -> list[tuple[float, float]]:
        """The points of a line: slanted to the nearest row of the receiver's group, then along the instant to its row.

        Stations of one planet hear the same message at almost the same time; so drawn their lines lie on each other.
        """
        x1, y1, x2, y2 = self.x(hop.sent_ns), self.rows[hop.source], self.x(hop.t_ns), self.rows[hop.receiver]
        group = next(group for group in self.places.groups if hop.receiver in group)
        near = y2 if hop.source in group else min((self.rows[node] for node in group), key=lambda y: abs(y - y1))
        edge = self.x.end
        if x2 > edge > x1:
            return [(x1, y1), (edge, y1 + (near - y1) * (edge - x1) / (x2 - x1))]
        return [(x1, y1), (x2, near), *([(x2, y2)] if near != y2 else [])]


def space_time(run: Reading, places: Places) -> str:
    """The diagram and its legend; empty if nothing was sent."""
    if not places.groups:
        return ""
    diagram = _Diagram(run, places)
    _axes(diagram)
    for key, bursts in run.streams.items():
        if key[3] != _PIECE:
            _telemetry(diagram, key, bursts)
    _kept(diagram)
    for hop in (hop for hop in run.news if hop.path == "direct"):
        _news(diagram, hop)
    for key, bursts in run.streams.items():
        if key[3] == _PIECE:
            _band(diagram, key, bursts)
    for hop in (hop for hop in run.news if hop.path != "direct"):
        _news(diagram, hop)
    _band_labels(diagram)
    _labels(diagram)
    _bracket(diagram)
    keys = [name for name in _LEGEND if name in diagram.shown]
    legend = "".join(f'<span class="key"><i class="p-{name}"></i>{_LEGEND[name]}</span>' for name in keys)
    marks = '<span class="key"><b class="cross">×</b>news that was lost here</span>' if "lost" in diagram.shown else ""
    return (
        f"<figure>{diagram.canvas.render()}<figcaption>{legend}{marks}"
        f"<span>{_EXPLAINED if run.news else _PLAIN}</span></figcaption></figure>"
    )


def _axes(diagram: _Diagram) -> None:
    canvas, x, epoch = diagram.canvas, diagram.x, diagram.run.graph.epoch
    for t_ns, label in time_ticks(epoch, 0, diagram.run.graph.until_ns, 10):
        canvas.line("grid", x(t_ns), diagram.top - 16, x(t_ns), diagram.bottom)
        middle = min(x(t_ns), _WIDTH - len(label) * _BOLD_PX / 2)
        canvas.text("ticklabel", middle, diagram.bottom + 18, label, anchor="middle")
    canvas.text("axislabel", x.end, diagram.bottom + 38, "UTC, the same for all rows", anchor="end")
    for group, gap_ns in zip(diagram.places.groups, [*diagram.places.gaps_ns, 0], strict=True):
        lowest = diagram.rows[group[-1]]
        for node in group:
            canvas.line("row", _LEFT - 8, diagram.rows[node], x.end, diagram.rows[node])
            canvas.text("rowname", _LEFT - 14, diagram.rows[node] + 4, node, anchor="end")
        if gap_ns:
            after = diagram.rows[diagram.places.groups[diagram.places.groups.index(group) + 1][0]]
            canvas.text("gapname", _LEFT - 14, (lowest + after) / 2 - 4, duration_of_ns(gap_ns), anchor="end")
            canvas.text("gapname", _LEFT - 14, (lowest + after) / 2 + 12, f"of {diagram.places.medium}", anchor="end")


def _telemetry(diagram: _Diagram, key: StreamKey, bursts: dict[int, Burst]) -> None:
    """One faint path for a stream: the first message of every so many columns."""
    stride = max(1, round(len(diagram.run.lanes[key[:3]]) / _LINES))
    thinned = [burst.first for index, burst in enumerate(bursts.values()) if index % stride == 0]
    d = "".join(polyline(diagram.course(hop)) for hop in thinned)
    total = sum(burst.count for burst in bursts.values())
    told = f"{key[0]} → {key[1]}: {count(total, 'message')} of type {key[3]}"
    weight = "faint" if diagram.run.news else "plain"  # where there is no news, telemetry is what there is to see
    diagram.canvas.path(f"{weight} {diagram.colour(thinned[0])}", d, told)


def _band(diagram: _Diagram, key: StreamKey, bursts: dict[int, Burst]) -> None:
    """A picture on its way: from its first piece to its last."""
    bands: list[tuple[Hop, Hop, int]] = []
    before = -1 - _PAUSE_COLUMNS
    for column, burst in bursts.items():
        if column - before <= _PAUSE_COLUMNS:
            first, _, number = bands.pop()
            bands.append((first, burst.last, number + burst.count))
        else:
            bands.append((burst.first, burst.last, burst.count))
        before = column
    diagram.shown.add("picture")
    for first, last, number in bands:
        (start, arrive, *_), (end, gone, *_) = diagram.course(first), diagram.course(last)
        under_way = duration_of_ns(last.t_ns - first.sent_ns)
        told = f"a picture, {key[0]} → {key[1]}: {count(number, 'piece')}, {under_way} from first to last"
        diagram.canvas.path("band p-picture", polyline([start, arrive, gone, end]) + "z", told)
        if end[0] - start[0] > _READABLE and abs(arrive[1] - start[1]) > _LEAST_GAP / 2:
            diagram.bands[key[0], key[3], arrive[1]] = (start, gone)


def _band_labels(diagram: _Diagram) -> None:
    """One label for the bands of one picture, however many receive it."""
    for start, gone in diagram.bands.values():
        x, y = (start[0] + gone[0]) / 2, (start[1] + gone[1]) / 2
        lean_deg = math.degrees(math.atan2(gone[1] - start[1], gone[0] - start[0]))
        diagram.canvas.text("bandlabel", x, y + 4, "a picture", anchor="middle", turn_deg=lean_deg)


def _kept(diagram: _Diagram) -> None:
    """Content that waits aboard a relay is a line along its row."""
    run, x = diagram.run, diagram.x
    played: dict[str, int] = {}
    # Who only heard it played back was not the one who kept it.
    hearers = {receiver for (_, receiver, _, _, path) in run.streams if path == "played_back"}
    for (source, _, _, _, path), bursts in run.streams.items():
        if path == "played_back" and source not in hearers:
            first_ns = min(burst.first.sent_ns for burst in bursts.values())
            played[source] = min(first_ns, played.get(source, first_ns))
    for relay, until_ns in played.items():
        heard = [
            burst.first.t_ns
            for key, bursts in run.streams.items()
            if key[1] == relay
            for burst in bursts.values()
            if burst.first.t_ns < until_ns
        ]
        if heard:
            y = diagram.rows[relay]
            told = f"{relay} keeps what it hears until {stamp(run.graph.epoch, until_ns, 0)}"
            diagram.canvas.line("kept p-played_back", x(min(heard)), y, x(until_ns), y, told)


def _news(diagram: _Diagram, hop: Hop) -> None:
    points = diagram.course(hop)
    x, y = points[-1]
    epoch, canvas = diagram.run.graph.epoch, diagram.canvas
    ends = f"{hop.source} {stamp(epoch, hop.sent_ns)} → {hop.receiver} {stamp(epoch, hop.t_ns)}"
    told = f"{plain(hop.event or hop.kind)}: {ends}"
    if hop.outcome == RECEIVED:
        told = f"{told}, {duration_of_ns(hop.t_ns - hop.sent_ns)}"
        canvas.path(f"strong {diagram.colour(hop)}", polyline(points), told)
    elif hop.outcome != "in_flight" and x < diagram.x.end:
        diagram.shown.add("lost")
        canvas.path("cross", f"M{x - 3:.1f} {y - 3:.1f}l6 6m-6 0l6 -6", f"{told}: lost, {plain(hop.outcome)}")


def _labels(diagram: _Diagram) -> None:
    """Names above the rows, of as many events as leave room; the others have theirs under the pointer."""
    run = diagram.run
    events = [event for event in run.timed_events() if event.source in diagram.rows]
    instants = [diagram.x(event.scet_ns or 0) for event in events]
    for event, at in zip(events, instants, strict=True):
        told = f"{plain(event.id)}, {stamp(run.graph.epoch, event.scet_ns or 0)} SCET"
        diagram.canvas.add("circle", "happening", told, cx=at, cy=diagram.rows[event.source], r=2.6)
    favoured = [index for index, event in enumerate(events) if event.flown and event.flown.values]
    for index in foremost(instants, _LABELS_APART, favoured):
        if instants[index] + _SLANTED_PX * len(plain(events[index].id)) > _WIDTH:
            continue
        diagram.canvas.line(
            "thread", instants[index], _TOP - 20, instants[index], diagram.rows[events[index].source] - 4
        )
        diagram.canvas.text("eventlabel", instants[index] + 3, _TOP - 24, plain(events[index].id), turn_deg=-42)


def _bracket(diagram: _Diagram) -> None:
    """An event that was learnt far away: how long the news was under way, measured under the last row."""
    found = _last_far(diagram)
    if found is None:
        return
    event, news = found
    canvas, rows, x = diagram.canvas, diagram.rows, diagram.x
    left, right, y = x(event.scet_ns or 0), x(news.ert_ns), max(rows.values()) + 30
    canvas.line("plumb", left, rows[event.source], left, y + 6)
    canvas.line("plumb", right, rows[news.receiver], right, y + 6)
    heads = f"M{left + 8:.1f} {y - 4:.1f}L{left:.1f} {y:.1f}l8 4M{right - 8:.1f} {y - 4:.1f}L{right:.1f} {y:.1f}l-8 4"
    canvas.path("bracket", polyline([(left, y), (right, y)]) + heads)
    for at, node in ((left, event.source), (right, news.receiver)):
        canvas.add("circle", "bracketdot", cx=at, cy=rows[node], r=4.2)
    way = duration_of_ns(round(news.delay_s * NS_PER_S))
    text = f"{plain(event.id)}: {way} until {news.receiver} knows"
    middle, room = (left + right) / 2, len(text) * _BOLD_PX / 2
    canvas.text("brackettext", max(room, min(middle, _WIDTH - room)), y + 19, text, anchor="middle")


def _last_far(diagram: _Diagram) -> tuple[Happening, Learnt] | None:
    """Of what was published the last that was learnt far away; if there is none, of all that happened."""
    published = [event for event in diagram.run.events if event.flown]
    for event in (*reversed(published), *reversed(diagram.run.events)):
        far = [news for news in event.learnt if diagram.places.far(event.source, news.receiver)]
        if far and event.scet_ns is not None and event.source in diagram.rows:
            news = min(far, key=lambda news: (news.ert_ns, news.receiver))
            if event.scet_ns >= 0 and news.ert_ns <= diagram.run.graph.until_ns and news.receiver in diagram.rows:
                return event, news
    return None


def caption_of(places: Places) -> str:
    """A sentence on how to read the diagram."""
    rows = "Each row is a node, nearest to the news first."
    lines = "Each line is a message, from where and when it left to where and when it arrived."
    steep = " Where it leans, it is light on its way." if places.gaps_ns and places.medium == "light" else ""
    return f"{rows} {lines}{steep}"
