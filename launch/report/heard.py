"""Who heard whom: a lane for every link, in which each message is a mark of the colour of what became of it."""

from __future__ import annotations

from collections.abc import Iterator

from .places import Places
from .reading import COLUMNS, RECEIVED, Reading
from .svg import Canvas, Scale, foremost, time_ticks
from .words import count, plain, safe, stamp

_WIDTH, _LEFT, _RIGHT = 1120.0, 168.0, 128.0
#: Room above the lanes: for the names of events, where there are any.
_TOP, _TOP_BARE = 104.0, 30.0
_LANE, _BAR, _HEAD = 22.0, 13.0, 27.0
_LEAST_MARK = 1.8
_EVENTS_APART = 26.0


def who_heard_whom(run: Reading, places: Places) -> str:
    """The drawing and its legend; empty if nothing was sent."""
    if not run.lanes:
        return ""
    epoch, until_ns = run.graph.epoch, run.graph.until_ns
    rank = {node: index for index, node in enumerate(places.order)}
    lanes = sorted(run.lanes, key=lambda ends: (rank[ends[0]], rank[ends[1]], ends[2]))
    several = {ends[:2] for ends in lanes if sum(other[:2] == ends[:2] for other in lanes) > 1}
    top = _TOP if run.timed_events() else _TOP_BARE
    bottom = top + _LANE * len(lanes) + _HEAD * len({source for source, _, _ in lanes})
    canvas = Canvas(_WIDTH, bottom + 46, "Which node received the messages of which, against the time of sending")
    x = Scale(0, until_ns, _LEFT, _WIDTH - _RIGHT)
    for t_ns, label in time_ticks(epoch, 0, until_ns, 9):
        canvas.line("grid", x(t_ns), top, x(t_ns), bottom)
        canvas.text("ticklabel", x(t_ns), bottom + 18, label, anchor="middle")
    _events(canvas, run, x, bottom)
    y, last = top, ""
    for ends in lanes:
        source, receiver, channel = ends
        if source != last:
            canvas.line("grid", 8, y + 1, _WIDTH - 8, y + 1)
            canvas.text("lanehead", 12, y + 19, source)
            y, last = y + _HEAD, source
        canvas.text("lanename", 26, y + 11, f"→ {receiver}" + (f" ({channel})" if ends[:2] in several else ""))
        canvas.rect("lane", _LEFT, y, _WIDTH - _RIGHT - _LEFT, _BAR)
        for first, end, outcome, number in _intervals(run.lanes[ends]):
            from_ns, to_ns = first * run.column_ns, end * run.column_ns
            width = max(_LEAST_MARK, x(to_ns) - x(from_ns))
            when = f"{stamp(epoch, int(from_ns), 0)} to {stamp(epoch, int(to_ns), 0)}"
            told = f"{source} → {receiver}: {plain(outcome)}, {count(number, 'message')}, {when}"
            canvas.rect(f"o {outcome_colour(outcome)}", x(from_ns), y, width, _BAR, told)
        canvas.text("lanecount", _WIDTH - 12, y + 11, _counts(run, ends), anchor="end")
        y += _LANE
    canvas.text("axislabel", _WIDTH - _RIGHT, bottom + 38, "time of sending, at the sender, UTC", anchor="end")
    canvas.text("axislabel", _WIDTH - 12, top - 8, "received / lost", anchor="end")
    return f"<figure>{canvas.render()}<figcaption>{outcome_legend(run)}</figcaption></figure>"


def outcome_legend(run: Reading) -> str:
    """What the colours stand for; only what there was."""
    present = run.outcomes()
    names = sorted(present, key=lambda outcome: (outcome != RECEIVED, outcome))
    return "".join(
        f'<span class="key"><i class="{outcome_colour(name)}"></i>{safe(plain(name))}</span>' for name in names
    )


def outcome_colour(outcome: str) -> str:
    """The class of an outcome; names come from media, which anybody may write."""
    return "o-" + "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in outcome)


def _events(canvas: Canvas, run: Reading, x: Scale, bottom: float) -> None:
    """Threads through all lanes at events, as many as leave room."""
    events = run.timed_events()
    instants = [x(event.scet_ns or 0) for event in events]
    favoured = [index for index, event in enumerate(events) if event.flown and event.flown.values]
    for index in foremost(instants, _EVENTS_APART, favoured):
        event = events[index]
        told = f"{plain(event.id)}, {stamp(run.graph.epoch, event.scet_ns or 0)} SCET"
        canvas.line("thread", instants[index], _TOP - 8, instants[index], bottom, told)
        canvas.text("eventlabel", instants[index] + 3, _TOP - 12, plain(event.id), turn_deg=-42)


def _intervals(columns: dict[int, dict[str, int]]) -> Iterator[tuple[int, int, str, int]]:
    """Columns of one outcome in a row: the first, the one after the last, the outcome, how many messages.

    A column has the outcome of most of its messages; one empty column between two does not part them.
    """
    start, end, current, number = 0, 0, "", 0
    for column in sorted(columns):
        counts = columns[column]
        outcome = min(counts, key=lambda name: (-counts[name], name))
        if outcome != current or column > end + 1:
            if current:
                yield start, end, current, number
            start, current, number = column, outcome, 0
        end = min(column + 1, COLUMNS)
        number += counts[outcome]
    if current:
        yield start, end, current, number


def _counts(run: Reading, ends: tuple[str, str, str]) -> str:
    received = sum(counts.get(RECEIVED, 0) for counts in run.lanes[ends].values())
    total = sum(sum(counts.values()) for counts in run.lanes[ends].values())
    return f"{received:,} / {total - received:,}"
