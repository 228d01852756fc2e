"""The drawing of a graph, put on paper: where boxes stand, where the lines of channels run. Lengths are in pixels.

Boxes stand in two columns, one at each edge, and everything that joins them is between: a channel is a trunk beside
each column in which it has ports, with a tap to each of those, and one row across that joins the trunks. So a channel
is one line however many are on it, and lines cross at right angles only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from lightlag.launch.graph.spec import Graph

from .geometry import Geometry
from .topology import Box, Lane, Region, Tap, delay_lines

WIDTH = 1000.0
BOX_WIDTH, BOX_HEAD, NAME, ROW = 236.0, 42.0, 16.0, 17.0
#: How far the cards behind the first of a box of many stand out.
PILE = 3.0
_MARGIN, _GAP, _BOX_FOOT, _LANE_GAP, _CARD_GAP = 18.0, 10.0, 6.0, 14.0, 26.0
_CARD_HEAD, _LANE_HEAD, _FRAME_HEAD, _FRAME_OUT = 40.0, 22.0, 20.0, 8.0
#: From a box to the first trunk, from trunk to trunk at most, from the last to the edge.
_FIRST, _STEP, _LAST = 34.0, 20.0, 22.0
#: The trunks of a column take up this much at most, so that room for names is left.
_WIDEST = 80.0
#: How far a horizon falls off on either side.
HORIZON = 12.0
#: The height of a channel's name with a line of delays, and of each line more.
_LABEL, _LABEL_LINE = 58.0, 15.0
#: A row keeps this far from the taps of other channels, and runs on from one of its own if that is as near as this.
_CLEAR, _NEAR = 5.0, 14.0
#: A row keeps off the upper and the lower edge.
_EDGE = 24.0
LEFT, RIGHT = 0, 1


@dataclass(frozen=True, slots=True)
class Card:
    """The ground of a region. ``horizon``: from where down it is the surface of a planet."""

    region: Region
    titled: bool
    x: float
    y: float
    width: float
    height: float
    horizon: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A box, where it stands."""

    box: Box
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Note:
    """Words, and from where: the title of a lane. With a size, the frame around what runs together."""

    text: str
    x: float
    y: float
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Pin:
    """Where a tap leaves a box."""

    tap: Tap
    box: Box
    port: str
    side: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """A channel: its number among the channels, its pins, where its trunks stand by side, at which height its row is.

    Of a channel on one side the row only leads to its name; one that nobody is on has a name only.
    """

    name: str
    number: int
    pins: tuple[Pin, ...]
    trunks: Mapping[int, float]
    y: float
    delays: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """Everything, where it is. ``inner``: between which the names of channels stand."""

    height: float = 0.0
    inner: tuple[float, float] = (0.0, WIDTH)
    cards: list[Card] = field(default_factory=list)
    titles: list[Note] = field(default_factory=list)
    frames: list[Note] = field(default_factory=list)
    boxes: list[Standing] = field(default_factory=list)
    pins: list[Pin] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def plan(graph: Graph, geometry: Geometry, regions: Sequence[Region]) -> Plan:
    """Put regions on paper."""
    stacks = _stacks(regions)
    delays = {name: tuple(delay_lines(graph, geometry, name)) for name in graph.channels}
    apart = _LABEL + _LABEL_LINE * (max((len(lines) for lines in delays.values()), default=1) - 1)
    trial = Plan()
    heights = [_stack(trial, stack, 0.0) for stack in stacks]
    trunks = _trunks(trial.pins, list(delays))
    paper = Plan(max([*heights, apart * len(delays)]), _inner(trunks))
    tops = [(paper.height - height) / 2 for height in heights]
    if len(tops) == 2:
        shorter = heights.index(min(heights))
        off = _off(trial.pins, tops[RIGHT] - tops[LEFT], min(_NEAR / 2, tops[shorter]))
        tops[shorter] += off if shorter == RIGHT else -off
    for stack, top in zip(stacks, tops, strict=True):
        _stack(paper, stack, top)
    paper.lines += _lines(paper, trunks, delays, apart)
    return paper


def _off(pins: Sequence[Pin], lower: float, most: float) -> float:
    """How much lower the right side should stand, than in the trial and by ``lower``, for a row to run straight.

    That is, for taps of one channel to be at one height; 0 if that takes more than ``most``, which is not seen.
    """
    offs = [
        one.y - (other.y + lower)
        for one in pins
        for other in pins
        if one.side == LEFT and other.side == RIGHT and one.tap.channel == other.tap.channel
    ]
    return min((off for off in offs if abs(off) <= most), key=abs, default=0.0)


# -- boxes --------------------------------------------------------------------------------------------------------

#: Regions above each other, and the columns that each of them has.
_Stack = tuple[tuple[int, ...], list[Region]]


def _stacks(regions: Sequence[Region]) -> list[_Stack]:
    """A region that is alone has both columns; of several those about Mars, and far from planets, stand left."""
    if len(regions) == 1:
        return [((LEFT, RIGHT), list(regions))]
    left = [region for region in regions if region.body in ("mars", "sun")] or [regions[0]]
    if len(left) == len(regions):
        left = [regions[0]]
    return [((LEFT,), left), ((RIGHT,), [region for region in regions if region not in left])]


def _stack(paper: Plan, stack: _Stack, top: float) -> float:
    """Put a stack of regions on paper; returns how high it is."""
    sides, regions = stack
    y = top
    for region in regions:
        y = _region(paper, region, sides, y) + _CARD_GAP
    return y - _CARD_GAP - top


def _region(paper: Plan, region: Region, sides: Sequence[int], top: float) -> float:
    """Put a region on paper; returns where it ends."""
    titled = bool(region.body) or len(sides) == 1
    y, horizon = top + (_CARD_HEAD if titled else _LANE_GAP), None
    for lane in region.lanes:
        if lane.kind == "surface":
            horizon = y
            y += HORIZON
        paper.titles.append(Note(lane.title, _x(sides[0], _MARGIN, BOX_WIDTH), y + 12))
        y = max(_column(paper, boxes, side, y + _LANE_HEAD) for side, boxes in _split(lane, sides)) + _LANE_GAP
    left, right = paper.inner
    x = 0.0 if LEFT in sides else right
    width = (left if RIGHT not in sides else WIDTH) - x
    paper.cards.append(Card(region, titled, x, top, width, y - top, horizon))
    return y


def _split(lane: Lane, sides: Sequence[int]) -> Iterator[tuple[int, Sequence[Box]]]:
    each = -(-len(lane.boxes) // len(sides))
    for index, side in enumerate(sides):
        yield side, lane.boxes[index * each : (index + 1) * each]


def _column(paper: Plan, boxes: Sequence[Box], side: int, y: float) -> float:
    """Put boxes below each other, those that run together in a frame; returns where they end."""
    x = _x(side, _MARGIN, BOX_WIDTH)
    for place, together in groupby(boxes, key=lambda box: box.place):
        top = y
        y += _FRAME_HEAD if place else 0.0
        for box in together:
            height = _height(box)
            paper.boxes.append(Standing(box, x, y, height))
            paper.pins += _pins(box, side, y)
            y += height + _GAP + (2 * PILE if len(box.nodes) > 1 else 0)
        if place:
            width = BOX_WIDTH + 2 * _FRAME_OUT
            paper.frames.append(Note(place, x - _FRAME_OUT, top, width, y - _GAP + _FRAME_OUT - top))
            y += _FRAME_OUT
    return y - _GAP if boxes else y


def head_of(box: Box) -> float:
    """How high the part of a box above its ports is."""
    return BOX_HEAD + NAME * (len(box.names) - 1 + bool(box.presence))


def _height(box: Box) -> float:
    return head_of(box) + ROW * sum(max(1, len(row.taps)) for row in box.rows) + (_BOX_FOOT if box.rows else 0)


def _pins(box: Box, side: int, top: float) -> Iterator[Pin]:
    y = top + head_of(box) + ROW / 2
    for row in box.rows:
        for tap in row.taps:
            yield Pin(tap, box, row.port, side, _x(side, _MARGIN + BOX_WIDTH), y)
            y += ROW
        y += 0 if row.taps else ROW


def _x(side: int, from_edge: float, width: float = 0.0) -> float:
    """From the distance to the edge of a column's side; for something with a width, its left."""
    return from_edge if side == LEFT else WIDTH - from_edge - width


# -- lines --------------------------------------------------------------------------------------------------------


def _trunks(pins: Sequence[Pin], channels: Sequence[str]) -> dict[str, dict[int, float]]:
    """At which x each channel's trunks stand: next to the boxes what stays on their side, farther out what crosses."""
    sides = {name: sorted({pin.side for pin in pins if pin.tap.channel == name}) for name in channels}
    found: dict[str, dict[int, float]] = {name: {} for name in channels}
    for side in (LEFT, RIGHT):
        here = sorted((name for name in channels if side in sides[name]), key=lambda name: len(sides[name]))
        step = min(_STEP, _WIDEST / max(1, len(here) - 1))
        for index, name in enumerate(here):
            found[name][side] = _x(side, _MARGIN + BOX_WIDTH + _FIRST + index * step)
    return found


def _inner(trunks: Mapping[str, Mapping[int, float]]) -> tuple[float, float]:
    """Between the columns with their trunks."""
    bare = _MARGIN + BOX_WIDTH + _MARGIN - _LAST
    left = max([bare, *(places[LEFT] for places in trunks.values() if LEFT in places)]) + _LAST
    right = min([WIDTH - bare, *(places[RIGHT] for places in trunks.values() if RIGHT in places)]) - _LAST
    return left, right


def _lines(
    paper: Plan, trunks: Mapping[str, Mapping[int, float]], delays: Mapping[str, tuple[str, ...]], apart: float
) -> Iterator[Line]:
    pins = {name: tuple(pin for pin in paper.pins if pin.tap.channel == name) for name in trunks}
    wanted = {name: _wanted(pins[name]) for name in trunks}
    order = sorted(trunks, key=lambda name: (wanted[name], name))
    places = _below_each_other([wanted[name] for name in order], apart, _EDGE, paper.height - _EDGE)
    for name, y in zip(order, places, strict=True):
        crossed = [pin.y for pin in paper.pins if pin.tap.channel != name and _reaches_over(trunks, pin, name)]
        own = [pin.y for pin in pins[name]]
        yield Line(name, list(trunks).index(name), pins[name], trunks[name], _clear(y, own, crossed), delays[name])


def _wanted(pins: Sequence[Pin]) -> float:
    """In the middle of the side with fewer pins, so that lines run straight there; on one side only, at the top."""
    sides = [[pin.y for pin in pins if pin.side == side] for side in (LEFT, RIGHT)]
    if not all(sides):
        return min([*sides[LEFT], *sides[RIGHT]], default=0.0)
    fewer = min(sides, key=len)
    return sum(fewer) / len(fewer)


def _below_each_other(wanted: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Heights (ascending) at least ``apart``: each where it is wanted, or below; above only for want of room."""
    places: list[float] = []
    for height in wanted:
        places.append(max(height, places[-1] + apart if places else low))
    for index in range(len(places)):
        places[index] = min(places[index], high - apart * (len(places) - 1 - index))
    return places


def _reaches_over(trunks: Mapping[str, Mapping[int, float]], pin: Pin, name: str) -> bool:
    """Whether a tap of another channel reaches across the trunk of this one, so that its row could lie on it."""
    if pin.side not in trunks[name]:
        return False
    over = trunks[pin.tap.channel][pin.side] - trunks[name][pin.side]
    return over > 0 if pin.side == LEFT else over < 0


def _clear(y: float, own: Sequence[float], crossed: Sequence[float]) -> float:
    """The height of a tap of its own that is near, else the nearest of those tried, that keeps clear of others."""
    near = sorted((tap for tap in own if abs(tap - y) <= _NEAR), key=lambda tap: abs(tap - y))
    tried = [*near, *(y + offset for step in range(12) for offset in (step, -step))]
    return next((place for place in tried if all(abs(place - tap) >= _CLEAR for tap in crossed)), y)
