"""What went wrong on purpose: a bar for each fault of a run, from when it began to when it ended."""

from __future__ import annotations

from .reading import FaultStood, Reading
from .svg import Canvas, Scale, time_ticks
from .words import clock, count, plain

_WIDTH, _LEFT, _RIGHT = 1120.0, 168.0, 330.0
_TOP, _ROW, _BAR = 14.0, 24.0, 13.0
_LEAST_MARK = 3.0
_MOST_CHARACTERS = 46


def faults(run: Reading) -> str:
    """The drawing; empty if nothing went wrong on purpose."""
    stood = sorted(run.faults.values(), key=lambda it: (it.from_ns, it.id))
    if not stood:
        return ""
    epoch, until_ns = run.graph.epoch, run.graph.until_ns
    bottom = _TOP + _ROW * len(stood)
    canvas = Canvas(_WIDTH, bottom + 46, "Which faults stood when, and whom they concerned")
    x = Scale(0, until_ns, _LEFT, _WIDTH - _RIGHT)
    for t_ns, label in time_ticks(epoch, 0, until_ns, 7):
        canvas.line("grid", x(t_ns), _TOP, x(t_ns), bottom)
        canvas.text("ticklabel", x(t_ns), bottom + 18, label, anchor="middle")
    for row, fault in enumerate(stood):
        y = _TOP + _ROW * row
        end_ns = until_ns if fault.until_ns is None else fault.until_ns
        ends = "to the end of the run" if fault.until_ns is None else f"to {clock(epoch, end_ns, 0)}"
        told = f"{fault.id}: {_whom(fault)}, {clock(epoch, fault.from_ns, 0)} {ends}"
        canvas.text("lanename", 12, y + 11, plain(fault.verb))
        canvas.rect("lane", _LEFT, y, _WIDTH - _RIGHT - _LEFT, _BAR)
        canvas.rect("o o-fault", x(fault.from_ns), y, max(_LEAST_MARK, x(end_ns) - x(fault.from_ns)), _BAR, told)
        whom = _whom(fault)
        shown = whom if len(whom) <= _MOST_CHARACTERS else f"{whom[: _MOST_CHARACTERS - 1]}…"
        canvas.text("lanecount", _WIDTH - _RIGHT + 14, y + 11, shown)
    canvas.text("axislabel", _WIDTH - _RIGHT, bottom + 38, "at the nodes concerned, UTC", anchor="end")
    return f"<figure>{canvas.render()}</figure>"


def told_of_faults(run: Reading) -> str:
    """What the section says first."""
    lost = sum(run.outcomes().get("fault", {}).values())
    return f"{count(len(run.faults), 'fault')} stood in this run; {count(lost, 'message')} did not arrive for them."


def _whom(fault: FaultStood) -> str:
    """Whom it concerned: from whom to whom, or the nodes alone."""
    receivers, sources = ", ".join(sorted(fault.nodes)), ", ".join(sorted(fault.sources))
    if not sources or set(fault.sources) == set(fault.nodes):
        return receivers
    return f"{sources} → {receivers}"
