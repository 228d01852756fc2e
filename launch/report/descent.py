"""The descent: height and speed against time as they were received, with events, and the flown values beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from lightlag.bus.time import NS_PER_S, Epoch

from .reading import RECEIVED, Happening, Reading, State
from .svg import Canvas, Scale, polyline, spread, time_ticks
from .words import between, clock, plain, quantity, safe

_WIDTH, _LEFT, _RIGHT, _TOP = 1120.0, 78.0, 24.0, 134.0
_LABELS_APART, _LABEL_TURN_DEG = 19.0, -48.0
#: The drawing begins this long before the air is first felt, and that is this much load.
_BEFORE_NS, _FELT_G = 75 * NS_PER_S, 0.01
#: Telemetry that pauses for this many times its usual interval was not heard.
_PAUSE = 4


class _Panel(NamedTuple):
    value: str
    unit: str
    title: str
    #: Values below are drawn here: the scale is logarithmic.
    floor: float
    height: float


_PANELS = (
    _Panel("height_km", "km", "height above the landing site", 0.01, 250.0),
    _Panel("speed_m_s", "m/s", "speed over the ground", 0.3, 210.0),
)
_GAP = 34.0

#: Reasons that are of the receiver alone.
_OUT_OF_SIGHT = ("below_horizon", "occulted")


def descents(run: Reading) -> str:
    """A figure for each node that told its height and speed on the way down; empty if none did."""
    return "".join(_figure(run, source, _states(run, source)) for source in run.states if _states(run, source))


def _states(run: Reading, source: str) -> list[State]:
    wanted = [panel.value for panel in _PANELS]
    states = [state for state in run.states[source].values() if all(name in state.values for name in wanted)]
    return sorted(states, key=lambda state: state.t_ns)


def _figure(run: Reading, source: str, states: list[State]) -> str:
    epoch = run.graph.epoch
    events = [event for event in run.events if event.source == source and event.scet_ns is not None]
    low_ns, high_ns = _window(states, events)
    states = [state for state in states if low_ns <= state.t_ns <= high_ns]
    events = [event for event in events if low_ns <= (event.scet_ns or 0) <= high_ns]
    bottom = _TOP + sum(panel.height + _GAP for panel in _PANELS) - _GAP
    canvas = Canvas(_WIDTH, bottom + 46, f"Height and speed of {source} against time")
    x = Scale(low_ns, high_ns, _LEFT, _WIDTH - _RIGHT)
    pieces = _pieces(states)
    for before, after in pairwise(pieces):
        _silence(canvas, run, source, x, before[-1].t_ns, after[0].t_ns, bottom)
    _labels(canvas, epoch, x, events, bottom)
    top = _TOP
    for panel in _PANELS:
        _draw(canvas, epoch, panel, top, x, pieces, events)
        top += panel.height + _GAP
    for t_ns, label in time_ticks(epoch, low_ns, high_ns, 10):
        canvas.line("tick", x(t_ns), bottom, x(t_ns), bottom + 5)
        canvas.text("ticklabel", x(t_ns), bottom + 19, label, anchor="middle")
    canvas.text("axislabel", _WIDTH - _RIGHT, bottom + 38, "SCET: time at the spacecraft, UTC", anchor="end")
    has_flown = any(event.flown for event in events)
    flown = '<span class="key flown">◇ published (a bar is a range)</span>' if has_flown else ""
    return (
        f'<figure>{canvas.render()}<figcaption><span class="key model">● this run, as {safe(source)} reported it</span>'
        f"{flown} <span>Both scales are logarithmic.</span></figcaption></figure>"
    )


def _window(states: Sequence[State], events: Sequence[Happening]) -> tuple[int, int]:
    """From shortly before the air is felt (or the first that is known) to shortly after the last event."""
    first_ns, last_ns = states[0].t_ns, states[-1].t_ns
    felt = next((state.t_ns for state in states if state.values.get("deceleration_g", 0.0) >= _FELT_G), first_ns)
    low_ns = max(min([first_ns, *(event.scet_ns or 0 for event in events[:1])]), felt - _BEFORE_NS)
    if events and (events[-1].scet_ns or 0) > low_ns:
        last_ns = min(last_ns, events[-1].scet_ns or 0)
    return low_ns, max(last_ns + (last_ns - low_ns) // 40, low_ns + 1)


def _pieces(states: Sequence[State]) -> list[list[State]]:
    """The states, cut where telemetry pauses."""
    if not states:
        return []
    steps = [after.t_ns - before.t_ns for before, after in pairwise(states)]
    pause_ns = _PAUSE * median(steps) if steps else 0
    pieces = [[states[0]]]
    for step_ns, state in zip(steps, states[1:], strict=True):
        if step_ns > pause_ns:
            pieces.append([])
        pieces[-1].append(state)
    return pieces


def _silence(canvas: Canvas, run: Reading, source: str, x: Scale, from_ns: int, until_ns: int, bottom: float) -> None:
    """Shade the time in which nobody heard the telemetry, and say for which reason most of it was lost."""
    listeners = {ends[1] for ends, columns in run.lanes.items() if ends[0] == source and _has_received(columns)}
    lost: dict[str, int] = {}
    for (sender, receiver, _), columns in run.lanes.items():
        if sender == source and receiver in listeners:
            for column in range(int(from_ns / run.column_ns), int(until_ns / run.column_ns) + 1):
                for outcome, count in columns.get(column, {}).items():
                    lost[outcome] = lost.get(outcome, 0) + count
    lost.pop(RECEIVED, None)
    # Who is behind the planet or the horizon would not have heard it anyway.
    unseen = {name: lost[name] for name in lost if name not in _OUT_OF_SIGHT} or lost
    reason = f": {plain(max(sorted(unseen), key=lambda name: unseen[name]))}" if unseen else ""
    left, right = x(from_ns), x(until_ns)
    canvas.rect("silence", left, _TOP, right - left, bottom - _TOP, f"no telemetry was received{reason}")
    if right - left > 90:
        canvas.text("note", (left + right) / 2, _TOP + 148, "no telemetry heard", anchor="middle")
        canvas.text("note", (left + right) / 2, _TOP + 163, reason.removeprefix(": "), anchor="middle")


def _has_received(columns: dict[int, dict[str, int]]) -> bool:
    return any(RECEIVED in counts for counts in columns.values())


def _labels(canvas: Canvas, epoch: Epoch, x: Scale, events: Sequence[Happening], bottom: float) -> None:
    """A name for every event above the drawing, each with a thread to its instant."""
    instants = [x(event.scet_ns or 0) for event in events]
    places = spread(instants, _LABELS_APART, _LEFT + 4, _WIDTH - _RIGHT - 70)
    for event, at, place in zip(events, instants, places, strict=True):
        told = f"{plain(event.id)}, {clock(epoch, event.scet_ns or 0)} SCET"
        canvas.path("thread", polyline([(place, _TOP - 22), (at, _TOP - 6), (at, bottom)]), told)
        canvas.text("eventlabel", place + 3, _TOP - 26, plain(event.id), turn_deg=_LABEL_TURN_DEG)


def _draw(
    canvas: Canvas,
    epoch: Epoch,
    panel: _Panel,
    top: float,
    x: Scale,
    pieces: Sequence[Sequence[State]],
    events: Sequence[Happening],
) -> None:
    known = [state.values[panel.value] for piece in pieces for state in piece]
    known += [
        event.flown.values[panel.value][1] for event in events if event.flown and panel.value in event.flown.values
    ]
    known += [event.values[panel.value] for event in events if panel.value in event.values]
    lowest, highest = math.log10(panel.floor), max(math.log10(panel.floor) + 1, math.log10(max([*known, panel.floor])))
    log_y = Scale(lowest, highest + 0.06, top + panel.height, top)

    def y(value: float) -> float:
        return log_y(math.log10(max(value, panel.floor)))

    for power in range(math.ceil(lowest), math.floor(highest) + 1):
        at = y(10.0**power)
        canvas.line("grid", _LEFT, at, _WIDTH - _RIGHT, at)
        canvas.text("ticklabel", _LEFT - 9, at + 4, quantity(10.0**power, panel.unit), anchor="end")
    canvas.line("axis", _LEFT, top + panel.height, _WIDTH - _RIGHT, top + panel.height)
    canvas.text("paneltitle", _LEFT + 10, top + panel.height - 12, panel.title)
    for piece in pieces:
        canvas.path("curve", polyline(_thinned([(x(state.t_ns), y(state.values[panel.value])) for state in piece])))
    for event in events:
        if panel.value in event.values:
            value = event.values[panel.value]
            told = f"{plain(event.id)}: {quantity(value, panel.unit)} at {clock(epoch, event.scet_ns or 0)} SCET"
            canvas.add("circle", "dot", told, cx=x(event.scet_ns or 0), cy=y(value), r=3.4)
    for event in events:
        if event.flown is not None and event.flown_ns is not None and panel.value in event.flown.values:
            low, high = event.flown.values[panel.value]
            at, told = x(event.flown_ns), f"published, {plain(event.id)}: {between(low, high, panel.unit)}"
            told += f" at {clock(epoch, event.flown_ns)} SCET ({event.flown.source})"
            middle = y(math.sqrt(max(low, panel.floor) * max(high, panel.floor)))
            if high > low:
                canvas.line("flownbar", at, y(low), at, y(high))
            d = f"M{at:.1f} {middle - 8:.1f}l7 8l-7 8l-7 -8z"
            canvas.path("diamond", d, told)


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most a point for every half unit of the drawing; the last one stays."""
    kept: list[tuple[float, float]] = []
    for point in points:
        if not kept or point[0] - kept[-1][0] >= 0.5:
            kept.append(point)
    return [*kept, points[-1]] if points else kept
