"""The drawing of a graph: its nodes where they are, its channels as lines between them, and what the signs mean.

``graph_drawing`` draws on a canvas of a page; ``graph_file`` makes an SVG file that carries its own style. The same
graph and geometry give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lightlag.launch.graph.spec import Graph, NodeSpec

from .geometry import Geometry
from .svg import Canvas, polyline
from .topology import places_of, regions_of
from .wiring import (
    BOX_WIDTH,
    HORIZON,
    LEFT,
    NAME,
    PILE,
    RIGHT,
    ROW,
    WIDTH,
    Card,
    Line,
    Pin,
    Plan,
    Standing,
    head_of,
    plan,
)
from .words import count, listing

#: About how wide a letter is, in parts of its size.
_LETTER = 0.6
#: There are so many colours; then they come again.
_COLOURS = 12
_LEGEND, _HEADING = 44.0, 84.0
_MARGIN = 24.0
_TIP, _CORNER = 7.0, 14


def graph_drawing(graph: Graph, geometry: Geometry, groups: Sequence[Sequence[str]] = ()) -> Canvas:
    """The drawing; ``groups`` are the nodes of each process, where that is settled."""
    paper = plan(graph, geometry, regions_of(graph, geometry, places_of(graph, groups)))
    label = f"The graph: {count(len(graph.nodes), 'node')} and {count(len(graph.channels), 'channel')}"
    canvas = Canvas(WIDTH, paper.height + _LEGEND, label, "graph")
    for card in paper.cards:
        _card(canvas, card)
    for frame in paper.frames:
        canvas.add("rect", "frame", x=frame.x, y=frame.y, width=frame.width, height=frame.height, rx=10)
        canvas.text("framename", frame.x + 10, frame.y + 15, frame.text)
    for title in paper.titles:
        canvas.text("lanetitle", title.x, title.y, title.text)
    for line in paper.lines:
        _line(canvas, graph, paper, line)
    for standing in paper.boxes:
        _box(canvas, graph.nodes[standing.box.nodes[0]], standing)
    for line in paper.lines:
        for pin in line.pins:
            _tips(canvas, line, pin)
        _name(canvas, paper, line)
    _legend(canvas, graph, geometry, paper)
    return canvas


def _card(canvas: Canvas, card: Card) -> None:
    name = card.region.body or "nowhere"
    canvas.add("rect", f"card at-{name}", x=card.x, y=card.y, width=card.width, height=card.height, rx=_CORNER)
    if card.horizon is not None:
        left, right, low = card.x, card.x + card.width, card.y + card.height
        edge, middle, r = card.horizon + HORIZON, (left + right) / 2, _CORNER
        d = (
            f"M{left:.1f} {edge:.1f}Q{middle:.1f} {edge - 2 * HORIZON:.1f} {right:.1f} {edge:.1f}V{low - r:.1f}"
            f"a{r} {r} 0 0 1 -{r} {r}H{left + r:.1f}a{r} {r} 0 0 1 -{r} -{r}z"
        )
        canvas.path(f"ground at-{name}", d)
    if card.titled:
        inside = card.x == 0
        x = card.x + 18 if inside else card.x + card.width - 18 - BOX_WIDTH
        canvas.add("circle", f"disc at-{name}", cx=x + 8, cy=card.y + 22, r=7)
        canvas.text("planet", x + 23, card.y + 28, card.region.title)


# -- boxes --------------------------------------------------------------------------------------------------------


def _box(canvas: Canvas, spec: NodeSpec, standing: Standing) -> None:
    box, x, y = standing.box, standing.x, standing.y
    many = len(box.nodes) > 1
    for behind in (2, 1) if many else ():
        out = PILE * behind
        canvas.add("rect", "node", x=x + out, y=y + out, width=BOX_WIDTH, height=standing.height, rx=7)
    told = f"{listing(box.nodes)}: of type {box.type}"
    if doc := (spec.cls.__doc__ or "").strip().partition("\n")[0]:
        told = f"{told}. {doc}"
    kind = "node absent" if box.presence else "node"
    canvas.add(
        "rect", kind, told, x=x, y=y, width=BOX_WIDTH, height=standing.height, rx=7, data_nodes=" ".join(box.nodes)
    )
    number = f"× {len(box.nodes)}" if many else ""
    for index, text in enumerate(box.names):
        room = BOX_WIDTH - 30 - (0 if index else _width(number, 11))
        canvas.text("name", x + 12, y + 17 + NAME * index, _fit(text, 13 * 1.06, room))
    canvas.text("fact", x + BOX_WIDTH - 12, y + 17, number, anchor="end")
    below = y + 17 + NAME * len(box.names)
    canvas.text("type", x + 12, below, _fit(box.type, 11, BOX_WIDTH - 30 - _width(box.height, 11)))
    canvas.text("fact", x + BOX_WIDTH - 12, below, box.height, anchor="end")
    if box.presence:
        canvas.text("fact", x + 12, below + NAME, box.presence)
    y += head_of(box)
    for row in box.rows:
        kind = "port" if row.taps else "port loose"
        canvas.text(kind, x + 12, y + 12, _fit(row.port, 12, BOX_WIDTH - 40 - _width(row.rate, 11)))
        canvas.text("fact", x + BOX_WIDTH - 12, y + 12, row.rate if row.taps else "on no channel", anchor="end")
        y += ROW * max(1, len(row.taps))


def _width(text: str, size: float) -> float:
    return len(text) * size * _LETTER


def _fit(text: str, size: float, room: float) -> str:
    """Text that is cut, and says so, where there is no room for all of it."""
    most = int(room / (size * _LETTER))
    return text if len(text) <= most else text[: max(1, most - 1)] + "…"


# -- channels -----------------------------------------------------------------------------------------------------


def _line(canvas: Canvas, graph: Graph, paper: Plan, line: Line) -> None:
    """The trunks, the row that joins them or leads to the name, and the taps."""
    colour = f"c{line.number % _COLOURS}"
    wire = graph.channels[line.name].medium != "space"
    if not line.trunks:
        return
    pieces = []
    for side, x in line.trunks.items():
        heights = [pin.y for pin in line.pins if pin.side == side] + [line.y]
        pieces.append(polyline([(x, min(heights)), (x, max(heights))]))
    ends = list(line.trunks.values())
    across = len(ends) > 1
    if across:
        pieces.append(polyline([(ends[0], line.y), (ends[1], line.y)]))
    else:
        inner = paper.inner[LEFT] + 10 if LEFT in line.trunks else paper.inner[RIGHT] - 10
        canvas.path(f"leader {colour}", polyline([(ends[0], line.y), (inner, line.y)]))
    d = "".join(pieces)
    ways = f"{line.name}: {', '.join(line.delays)}"
    for pin in line.pins:
        canvas.path(
            f"tap {colour}" + ("" if pin.tap.hears or pin.tap.heard else " deaf"),
            polyline([(pin.x, pin.y), (line.trunks[pin.side], pin.y)]),
            _told(pin, line),
        )
    canvas.path(f"bus {colour}" + (" wire" if wire else ""), d, ways)
    if wire:
        canvas.path("core", d)
    for pin in line.pins:
        canvas.add("circle", f"joint {colour}", cx=line.trunks[pin.side], cy=pin.y, r=3)


def _told(pin: Pin, line: Line) -> str:
    end = f"{pin.box.nodes[0] if len(pin.box.nodes) == 1 else 'each'}.{pin.port}"
    if not (pin.tap.hears or pin.tap.heard):
        return f"{end} is on {line.name}, but nobody there is tuned to it, nor it to anybody"
    verbs = [verb for verb, true in (("sends", pin.tap.heard), ("hears", pin.tap.hears)) if true]
    return f"{end} {' and '.join(verbs)} on {line.name}"


def _tips(canvas: Canvas, line: Line, pin: Pin) -> None:
    """An arrow head at the box of who hears, one at the trunk of whom others hear."""
    colour, out = f"c{line.number % _COLOURS}", 1 if pin.side == LEFT else -1
    if pin.tap.hears:
        canvas.path(f"tip {colour}", _tip(pin.x, pin.y, -out))
    if pin.tap.heard:
        canvas.path(f"tip {colour}", _tip(line.trunks[pin.side] - 3 * out, pin.y, out))


def _tip(x: float, y: float, way: int) -> str:
    return polyline([(x, y), (x - way * _TIP, y - 4), (x - way * _TIP, y + 4)]) + "z"


def _name(canvas: Canvas, paper: Plan, line: Line) -> None:
    """The name of a channel and its delays: over the middle of its row, or at the end of what leads there."""
    colour = f"c{line.number % _COLOURS}"
    left, right = paper.inner
    if len(line.trunks) != 1:
        x, y, anchor, below = (left + right) / 2, line.y - 9, "middle", line.y + 18
        hearing = _hearing_sides(line)
        for side, edge, way in ((LEFT, left, -1), (RIGHT, right, 1)):
            if side in hearing:
                canvas.path(f"tip {colour}", _tip(edge - way * 3, line.y, way))
    else:
        at_left = LEFT in line.trunks
        x, y, anchor = (left + 16, line.y + 4, "start") if at_left else (right - 16, line.y + 4, "end")
        below = y + 16
    canvas.add("text", f"channel {colour}", text=line.name, x=x, y=y, text_anchor=anchor, data_channel=line.name)
    for index, text in enumerate(line.delays):
        canvas.text("delay", x, below + 15 * index, text, anchor=anchor)


def _hearing_sides(line: Line) -> set[int]:
    """The sides on which somebody hears somebody of the other."""
    heard = {pin.side for pin in line.pins if pin.tap.heard}
    hearing = {pin.side for pin in line.pins if pin.tap.hears}
    return {side for side in hearing if heard - {side}}


# -- around it ----------------------------------------------------------------------------------------------------


def _legend(canvas: Canvas, graph: Graph, geometry: Geometry, paper: Plan) -> None:
    taps = [pin.tap for pin in paper.pins]
    y, x = paper.height + 32, 18.0
    signs: list[tuple[str, bool]] = [
        ("hears", any(tap.hears for tap in taps)),
        ("sends", any(tap.heard for tap in taps)),
        ("not tuned", any(not (tap.hears or tap.heard) for tap in taps)),
        ("a wire", any(channel.medium != "space" for channel in graph.channels.values())),
    ]
    for text, there in signs:
        if there:
            _sign(canvas, text, x, y - 4)
            canvas.text("sign", x + 40, y, text)
            x += 40 + _width(text, 11.5) + 26
    if geometry.sites:
        when = graph.epoch.utc(geometry.at_ns, 0).replace("T", " ").removesuffix("Z")
        canvas.text("sign", WIDTH - 18, y, f"places and light times at {when} UTC", anchor="end")


def _sign(canvas: Canvas, text: str, x: float, y: float) -> None:
    tap = "tap deaf" if text == "not tuned" else "bus wire" if text == "a wire" else "tap"
    d = polyline([(x, y), (x + 32, y)])
    canvas.path(f"{tap} ink", d)
    if text == "a wire":
        canvas.path("core", d)
    elif text == "hears":
        canvas.path("tip ink", _tip(x, y, -1))
        canvas.line("edge", x, y - 8, x, y + 8)
    elif text == "sends":
        canvas.path("tip ink", _tip(x + 29, y, 1))
        canvas.add("circle", "joint ink", cx=x + 32, cy=y, r=3)
        canvas.line("edge", x, y - 8, x, y + 8)


def graph_file(graph: Graph, geometry: Geometry) -> str:
    """The drawing as an SVG file of its own, with a heading."""
    drawing = graph_drawing(graph, geometry)
    width, height = WIDTH + 2 * _MARGIN, drawing.height + _HEADING + _MARGIN
    file = Canvas(width, height, drawing.label, "graph")
    file.rect("paper", 0, 0, width, height)
    file.text("heading", _MARGIN + 18, 48, graph.name)
    told = f"{count(len(graph.nodes), 'node')}, {count(len(graph.channels), 'channel')}"
    file.text("sign", _MARGIN + 18, 70, told)
    file.elements.append(f'<g transform="translate({_MARGIN:g} {_HEADING:g})">')
    file.elements += [*drawing.elements, "</g>"]
    return file.render_file(standalone_style())


def standalone_style() -> str:
    """The style sheet of a file: colours put in, for viewers that do not know variables, those for the dark after."""
    here = Path(__file__).parent
    colours, rules = ((here / name).read_text(encoding="utf-8") for name in ("colours.css", "graph.css"))
    light, dark = (dict(re.findall(r"--([\w-]+):\s*([^;]+);", half)) for half in colours.split("@media", 1))
    bright = _put_in(rules, light)
    return f"{bright}@media (prefers-color-scheme: dark) {{\n{_put_in(rules, light | dark)}}}\n"


def _put_in(rules: str, values: Mapping[str, str]) -> str:
    return re.sub(r"var\(--([\w-]+)\)", lambda found: values[found[1]], rules)
