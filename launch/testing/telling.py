"""What is said when a test fails: what was expected and what came nearest, what was lost, what came last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lightlag.bus.emission import Emission, Loss, Reception
from lightlag.bus.errors import MessageError
from lightlag.bus.time import NS_PER_S, Epoch

from .expectation import Expectation, short

#: How what is told of a run's files begins.
LOOK_ON = "the run is in "
_LAST = 8
_NAMED_LOSSES = 3


def disappointment(
    epoch: Epoch,
    expectation: Expectation,
    span_ns: tuple[int, int],
    why: str,
    receptions: Sequence[Reception],
    losses: Sequence[Loss],
    run_dir: Path | None,
    found: Sequence[Reception] = (),
    *,
    was_to_be_lost: bool = False,
) -> str:
    """Of an expectation that was not met between two instants; ``found`` are the steps before it that were met.

    ``receptions`` and ``losses`` are those of the whole run, at all nodes.
    """
    (began_ns, ended_ns), there = span_ns, expectation.receiver
    mine = [it for it in receptions if there in ("", it.receiver)]
    came = sorted((it for it in mine if it.received_ns > began_ns), key=lambda it: it.received_ns)
    lost = [it for it in losses if there in ("", it.receiver) and began_ns < it.t_ns <= ended_ns]
    does, did = ("lose", "lost") if was_to_be_lost else ("receive", "received")
    who = f"{there} did not {does}" if there else f"nobody {did}"
    lines = [f"{who} {expectation.text()}"]
    lines.append(f"  from {epoch.utc(began_ns)} to {epoch.utc(ended_ns)} ({_span(ended_ns - began_ns)}): {why}")
    lines += [f"  step {number} came: {_line(epoch, it)}" for number, it in enumerate(found, start=1)]
    if not was_to_be_lost:
        lines += _elsewhere(epoch, expectation, span_ns, mine, losses)
    nearest = expectation.nearest(came)
    if nearest is not None:
        reception, misses = nearest
        lines += ["", f"{'nearest' if misses else 'received instead'}: {_line(epoch, reception)}"]
        lines += _table([("field", "expected", "got"), *misses]) if misses else []
    elif came:
        kinds: dict[str, int] = {}
        for reception in came:
            kinds[reception.emission.type] = kinds.get(reception.emission.type, 0) + 1
        counted = ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items()))
        lines += ["", f"nothing of the kind came; what came: {counted}"]
    lines += _told_losses(epoch, [it for it in expectation.lost(lost) if it.reason != "in_flight"])
    if came:
        lines += ["", f"last messages at {there or 'any node'}, of {len(came):,}:"]
        lines += [f"  {_line(epoch, reception)}" for reception in came[-_LAST:]]
    elif nearest is None:
        lines += ["", "nothing at all came in that time"]
    return "\n".join([*lines, *look_on(run_dir, there)])


def _elsewhere(
    epoch: Epoch,
    expectation: Expectation,
    span_ns: tuple[int, int],
    mine: Sequence[Reception],
    losses: Sequence[Loss],
) -> list[str]:
    """Where what was expected is: it came before, it is on its way, it was lost before it could be passed on."""
    began_ns, ended_ns = span_ns
    lines: list[str] = []
    before = [it for it in mine if it.received_ns <= began_ns and _is_met(expectation, it)]
    if before:
        lines += ["", "it came before; what is expected is looked for from the line on in which it is:"]
        lines += [f"  {_line(epoch, it)}" for it in before[-_NAMED_LOSSES:]]
    if expectation.receiver and (expectation.fields or expectation.where is not None):
        anywhere = replace(expectation, receiver="", sender=None, channel=None)
        missed = [
            it
            for it in losses
            if it.receiver != expectation.receiver
            and it.reason != "in_flight"
            and it.t_ns <= ended_ns
            and _is_met(anywhere, Reception(it.emission, it.receiver, it.t_ns))
        ]
        if missed:
            lines += ["", f"lost on its way to others, who might have passed it on: {len(missed):,}"]
        for it in missed[:_NAMED_LOSSES]:
            lines.append(f"  {_sent(epoch, it.emission)} to {it.receiver}: {it.reason}")
    return lines


def under_way(
    epoch: Epoch, expectation: Expectation, ended_ns: int, receptions: Sequence[Reception], losses: Sequence[Loss]
) -> list[str]:
    """What would have met an expectation, had its time not been over at ``ended_ns``: it had been sent by then."""
    lost = [Reception(it.emission, it.receiver, it.t_ns) for it in losses if it.reason == "in_flight"]
    later = [it for it in (*receptions, *lost) if it.emission.sent_ns <= ended_ns < it.received_ns]
    found = [it for it in later if expectation.receiver in ("", it.receiver) and _is_met(expectation, it)]
    lines = ["", "on its way when the time was over:"] if found else []
    for it in found[:_NAMED_LOSSES]:
        lines.append(f"  {_sent(epoch, it.emission)}, arrives at {it.receiver} {epoch.utc(it.received_ns)} ERT")
    return lines


def _is_met(expectation: Expectation, reception: Reception) -> bool:
    try:
        return expectation.is_met_by(reception)
    except Exception:  # noqa: BLE001 - a predicate of the test's, asked here of what it was not written for
        return False


def violation(epoch: Epoch, expectation: Expectation, reception: Reception, where: str, run_dir: Path | None) -> str:
    """Of something that was never to be received."""
    return "\n".join(
        [
            f"{reception.receiver} received {expectation.text()}, which it never should ({where})",
            f"  {_line(epoch, reception)}",
            f"  sent {epoch.utc(reception.emission.sent_ns, 6)} SCET, by way of {' > '.join(reception.path)}",
            *look_on(run_dir, reception.receiver),
        ]
    )


def look_on(run_dir: Path | None, node: str) -> list[str]:
    """How to look closer at a run."""
    if run_dir is None:
        return []
    lines = ["", f"{LOOK_ON}{run_dir}; to look on:"]
    if node:
        lines.append(f"  lightlag replay {run_dir} --node {node} --pdb")
    return [*lines, f"  lightlag logs --run {run_dir}", f"  lightlag bag info {run_dir}"]


def _told_losses(epoch: Epoch, lost: Sequence[Loss]) -> list[str]:
    if not lost:
        return []
    reasons: dict[str, int] = {}
    for loss in lost:
        reasons[loss.reason] = reasons.get(loss.reason, 0) + 1
    counted = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items()))
    lines = ["", f"lost on the way to it, and may have been it: {len(lost):,} ({counted})"]
    for loss in lost[-_NAMED_LOSSES:]:
        lines.append(f"  {_sent(epoch, loss.emission)}: {loss.reason}")
    return lines


def _sent(epoch: Epoch, emission: Emission) -> str:
    return f"{emission.type} sent {epoch.utc(emission.sent_ns)} SCET by {emission.source} on {emission.channel}"


def _line(epoch: Epoch, reception: Reception) -> str:
    emission = reception.emission
    late_s = (reception.received_ns - emission.sent_ns) / NS_PER_S
    try:
        told = short(reception.message)
    except MessageError as error:
        told = f"(cannot be read: {error})"
    kind, path = emission.type.partition("@")[0], " > ".join(reception.path)
    return f"{epoch.utc(reception.received_ns)} ERT  {kind}  {path}  after {late_s:.6g} s  {told}"


def _table(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    return [
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _span(length_ns: int) -> str:
    """A length of time, as one reads it, to the microsecond: that time is over a nanosecond before is no news."""
    if length_ns < NS_PER_S:
        return f"{length_ns / 1e6:g} ms"
    minutes, ns = divmod(round(length_ns, -3), 60 * NS_PER_S)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    seconds = ns / NS_PER_S
    return " ".join([*parts, f"{seconds:.6g} s"] if seconds or not parts else parts)
