"""The run in figures: the masthead, what was lost and why, and the tables at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightlag.bus.time import NS_PER_S
from lightlag.launch.graph.spec import Graph, duration_text
from lightlag.launch.look.recorded import fork_text

from .heard import outcome_colour
from .places import Places, light_time
from .reading import Reading
from .svg import Canvas, Scale
from .words import bytes_text, count, duration_of_ns, plain, safe

#: What each reason means, in plain words.
_REASONS = {
    "absent": "The receiver was not there to listen.",
    "below_horizon": "From the ground at one end, the other stood below the horizon or the antenna's lowest elevation.",
    "blackout": "Plasma around the vehicle, heated by the air it flew through, swallowed the signal.",
    "fault": "Something was broken on purpose, to see what happens.",
    "in_flight": "Still on its way when the run ended.",
    "not_pointed": "The antenna looked elsewhere.",
    "not_tuned": "The receiver listened on another frequency.",
    "occulted": "A planet stood in between.",
    "snr": "Too far away to be heard above the noise.",
}
_DIGEST_SHOWN = 12
_WAY_WIDTH = 1152.0
#: Of a group on the way no more names than these, and how many more.
_NAMED = 6
#: When pulses leave, in seconds of the page's animation.
_PULSE = (0, 3, 6)


def masthead(run: Reading, places: Places, summary: Mapping[str, Any]) -> str:
    """Name, what it is, when, the big figures, and what proves the run."""
    graph = run.graph
    reached_ns = round(summary["simulated_s"] * NS_PER_S)
    start, end = graph.epoch.utc(0, 0), graph.epoch.utc(reached_ns, 0)
    digest = summary["digest"]
    proof = (
        f'<details class="digest"><summary>digest <code>{safe(digest[:_DIGEST_SHOWN])}…</code></summary>'
        f"<code>{safe(digest)}</code></details>"
        if digest
        else '<span class="digest">no digest: the run did not reach its end</span>'
    )
    figures = "".join(
        f"<div><dd>{safe(value)}</dd><dt>{safe(label)}</dt></div>"
        for value, label in _big_figures(run, places, summary)
    )
    return (
        f'<p class="brand">lightlag</p><h1>{safe(graph.name)}</h1><p class="lead">{safe(graph.description.strip())}</p>'
        f'<p class="when"><time>{start.replace("T", " ").removesuffix("Z")}</time> to '
        f"<time>{(end[11:] if start[:10] == end[:10] else end.replace('T', ' ')).removesuffix('Z')}</time> UTC</p>"
        f'{_fork(summary)}{_failure(summary)}{_way(places)}<dl class="big">{figures}</dl>'
        f'<div class="proof">{proof}<span>seed <code>{safe(summary["seed"])}</code></span>'
        f"<span>arithmetic <code>{safe(summary['fingerprint'])}</code></span></div>"
    )


def judged(summary: Mapping[str, Any]) -> str:
    """What becomes of a message, and for how many receivers one is judged on average."""
    verdicts = summary["receptions"] + sum(summary["losses"].values())
    each = f" ({verdicts / summary['emissions']:.1f} each, on average)" if summary["emissions"] else ""
    return f"Every message is judged for everybody who might receive it{each}, and ends in a reception or in a reason."


def _fork(summary: Mapping[str, Any]) -> str:
    """Of which run this one is a fork, if it is one."""
    return f'<p class="when">fork of {safe(fork_text(summary["fork"]))}</p>' if "fork" in summary else ""


def _way(places: Places) -> str:
    """Who stands where along the way of the light, with a pulse that travels it."""
    if not places.gaps_ns:
        return ""
    canvas = Canvas(_WAY_WIDTH, 74, "The groups of nodes, and the time between them")
    end = sum(places.gaps_ns)
    x = Scale(0, end, 7, _WAY_WIDTH - 7)
    canvas.line("way", x(0), 30, x(end), 30)
    for share in _PULSE:
        canvas.add("circle", "pulse", cx=x(0), cy=30, r=3, style=f"--far:{_WAY_WIDTH - 14:.0f}px;--late:{share}s")
    at_ns = 0
    for index, (group, gap_ns) in enumerate(zip(places.groups, [*places.gaps_ns, 0], strict=True)):
        canvas.add("circle", "stop" if index else "stop first", cx=x(at_ns), cy=30, r=6)
        anchor = "start" if index == 0 else "end" if gap_ns == 0 else "middle"
        named = group if len(group) <= _NAMED + 1 else [*group[:_NAMED], f"{len(group) - _NAMED} more"]
        canvas.text(
            "stopname", x(at_ns) + {"start": -6, "end": 6, "middle": 0}[anchor], 60, " · ".join(named), anchor=anchor
        )
        if gap_ns:
            text = f"{duration_of_ns(gap_ns)} of {places.medium}"
            canvas.text("gapname", x(at_ns + gap_ns / 2), 18, text, anchor="middle")
        at_ns += gap_ns
    return f'<div class="waybox">{canvas.render()}</div>'


def _failure(summary: Mapping[str, Any]) -> str:
    if summary.get("failure"):
        return f'<div class="failure"><strong>The run failed.</strong><pre>{safe(summary["failure"])}</pre></div>'
    if summary.get("interrupted"):
        return (
            '<div class="failure"><strong>The run was interrupted.</strong> What had happened by then is shown.</div>'
        )
    return ""


def _big_figures(run: Reading, places: Places, summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    lost, wall_s = sum(summary["losses"].values()), summary["wall_s"]
    speed = f", {summary['simulated_s'] / wall_s:,.0f} × real time" if wall_s > 0 else ""
    found = light_time(run, places)
    light = [(duration_of_ns(found[2]), f"of {places.medium}, from {found[0]} to {found[1]}")] if found else []
    return [
        *light,
        (f"{summary['emissions']:,}", "messages sent"),
        (f"{summary['receptions']:,}", "received"),
        (f"{lost:,}", "lost, each for a reason" if lost else "lost"),
        (f"{wall_s:.1f} s", f"of wall time{speed}"),
        (
            f"{summary['processes']:,}",
            f"{'process' if summary['processes'] == 1 else 'processes'}, {count(len(run.graph.nodes), 'node')}",
        ),
    ]


def losses(run: Reading, summary: Mapping[str, Any]) -> str:
    """A bar for each reason, with what it means and whom it struck; empty if nothing was lost."""
    lost: dict[str, int] = {reason: number for reason, number in summary["losses"].items() if number}
    if not lost:
        return ""
    most = max(lost.values())
    links = run.outcomes()
    rows = "".join(
        f'<tr><th scope="row">{safe(plain(reason))}</th><td class="number">{number:,}</td><td class="bar">'
        f'<span class="{outcome_colour(reason)}" style="width:{max(0.5, 100 * number / most):.1f}%"></span></td>'
        f"<td>{safe(_REASONS.get(reason, ''))}{_struck(links.get(reason, {}))}</td></tr>"
        for reason, number in sorted(lost.items(), key=lambda item: (-item[1], item[0]))
    )
    return f'<div class="scroll"><table class="losses"><tbody>{rows}</tbody></table></div>'


def _struck(links: Mapping[tuple[str, str], int]) -> str:
    """The links on which most was lost."""
    most = sorted(links.items(), key=lambda item: (-item[1], item[0]))[:3]
    if not most:
        return ""
    text = ", ".join(f"{source} → {receiver} {number:,}" for (source, receiver), number in most)
    return f'<br><span class="dim">{"mostly " if len(links) > len(most) else ""}{safe(text)}</span>'


def run_tables(run: Reading, summary: Mapping[str, Any]) -> str:
    """What was sent, by type, and the figures of the run."""
    traffic = "".join(
        f'<tr><th scope="row">{safe(kind)}</th><td class="number">{it.receptions:,}</td>'
        f'<td class="number">{it.losses:,}</td><td class="number">{bytes_text(it.received_bytes)}</td></tr>'
        for kind, it in sorted(run.traffic.items())
    )
    figures = "".join(f'<th scope="col" class="number">{text}</th>' for text in ("received", "lost", "volume received"))
    heads = f'<th scope="col">type of message</th>{figures}'
    sent = f"<table><thead><tr>{heads}</tr></thead><tbody>{traffic}</tbody></table>" if traffic else ""
    rows = "".join(
        f'<tr><th scope="row">{safe(label)}</th><td>{safe(text)}</td></tr>' for label, text in _rows(run.graph, summary)
    )
    return f'<div class="tables"><div class="scroll"><table>{rows}</table></div><div class="scroll">{sent}</div></div>'


def _rows(graph: Graph, summary: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    groups = summary.get("groups") or []
    return [
        ("graph", graph.name),
        *([("fork of", fork_text(summary["fork"]))] if "fork" in summary else []),
        ("begins", graph.epoch.utc(0)),
        (
            "simulated",
            duration_of_ns(round(summary["simulated_s"] * NS_PER_S)) + f" of {duration_text(graph.until_ns)}",
        ),
        ("wall time", f"{summary['wall_s']:.2f} s up to this page"),
        ("memory", f"{summary['peak_rss_mb']:,.0f} MB at the peak, all processes together"),
        *((f"process {index}", ", ".join(group)) for index, group in enumerate(groups, 1)),
        *((f"argument {name}", str(value)) for name, value in graph.arguments.items()),
        ("seed", str(summary["seed"])),
        ("arithmetic fingerprint", str(summary["fingerprint"])),
        ("digest", str(summary["digest"]) or "none"),
    ]
