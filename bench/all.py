"""All benchmarks of the coordination and their bars: what ``make bench`` runs.

    bench/all.py                    # everything; about 20 minutes on two quiet cores
    bench/all.py ring relay         # some works
    bench/all.py --table            # nothing but the table, from the figures kept

Every comparison is a command of its own. The figures of a work are kept in ``bench/results/WORK.json`` with the facts
of the machine, and the table in ``docs/performance.md`` is written anew from these files: a bar missed stands there
as missed. The exit code is 1 if a comparison could not be made, whatever the figures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import harness

_HERE = Path(__file__).parent
_RESULTS = _HERE / "results"
_PAGE = _HERE.parent / "docs" / "performance.md"
_BEGIN, _END = "<!-- table -->", "<!-- end of table -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: how it is called in the table, the words of its command, what it must and what it should reach.

    Bar and aim are of the ratio; where there is no peer, of the figure itself.
    """

    title: str
    words: str
    bar: float | None = None
    aim: float | None = None


def _in_processes(title: str, words: str, bars: dict[str, tuple[float, float | None] | None]) -> list[Row]:
    """A row for 2, 4 and 8 processes, a node each, and every peer."""
    return [
        Row(f"{title.format(count)}, {peer}", f"--processes {count} {words.format(count)} --peer {peer}", *(bar or ()))
        for count in (2, 4, 8)
        for peer, bar in bars.items()
    ]


ROWS: dict[str, list[Row]] = {
    "phold": [
        Row("one process, 8 nodes, SimPy", "--nodes 8 --peer simpy", 1.2, 2),
        Row("one process, 64 nodes, SimPy", "--nodes 64 --peer simpy", 1.2, 2),
        Row("one process, 1,000 nodes, SimPy", "--nodes 1000 --peer simpy", 1.4, 2),
        *_in_processes("{} processes", "--nodes {}", {"suite": (4, 10), "tuned": (1.5, 3)}),
    ],
    "ring": _in_processes("{} processes", "", {"suite": (3, None), "tuned": (1.2, None), "raw": (0.6, 0.8)}),
    "timing": _in_processes("{} processes", "", {"suite": None, "tuned": None}),
    "relay": [
        Row("3 processes, suite", "--peer suite", 30, 50),
        Row("3 processes, tuned", "--peer tuned", 5),
    ],
    "image": [
        Row("3 processes, suite", "--peer suite"),
        Row("3 processes, tuned", "--peer tuned", 1),
        Row("3 processes, raw", "--peer raw", 0.4, 0.7),
    ],
    "recording": [Row("3 processes, what is left of the rate", "--peer bare", 0.7, 0.9)],
    "sols": [Row("one process, 10 sols of 8 nodes with real geometry", "", 50_000, 100_000)],
}


def main() -> int:
    """Run what was asked for, keep the figures, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {', '.join(ROWS)} (default: all)")
    parser.add_argument("--repeats", type=int, default=5, metavar="R", help="measurements of each side (default 5)")
    parser.add_argument("--table", action="store_true", help="measure nothing, write the table")
    given = parser.parse_args()
    for work in given.works:
        if work not in ROWS:
            parser.error(f"there is no work {work!r}; there are {', '.join(ROWS)}")
    works = [] if given.table else given.works or list(ROWS)
    failed = 0
    for work in works:
        measurements = [_measure(work, row, given.repeats) for row in ROWS[work]]
        failed += sum("error" in measurement for measurement in measurements)
        _RESULTS.mkdir(exist_ok=True)
        kept = {"work": work, "machine": harness.machine(), "measurements": measurements}
        (_RESULTS / f"{work}.json").write_text(_json(kept), encoding="utf-8")
    page = _PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(_BEGIN)
    after = rest.partition(_END)[2]
    _PAGE.write_text(f"{before}{_BEGIN}\n{table()}\n{_END}{after}", encoding="utf-8")
    harness.tell(f"the table is in {_PAGE}" + (f"; {failed} comparisons failed" if failed else ""))
    return 1 if failed else 0


def _measure(work: str, row: Row, repeats: int) -> dict[str, Any]:
    harness.tell(f"== {work}: {row.title}")
    command = [sys.executable, str(_HERE / f"{work}.py"), *row.words.split(), "--repeats", str(repeats), "--json"]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        return {"title": row.title, "error": f"exit code {ended.returncode}"}
    return {"title": row.title, **json.loads(ended.stdout.splitlines()[-1])}


def _json(kept: dict[str, Any]) -> str:
    """One measurement a line: small differences in a diff."""
    lines = ",\n  ".join(json.dumps(measurement) for measurement in kept["measurements"])
    head = json.dumps({key: value for key, value in kept.items() if key != "measurements"})
    return f'{head[:-1]}, "measurements": [\n  {lines}\n]}}\n'


def table() -> str:
    """The tables of all works, from the figures kept."""
    lines: list[str] = []
    machines: dict[str, list[str]] = {}
    for work, rows in ROWS.items():
        file = _RESULTS / f"{work}.json"
        if not file.exists():
            lines += ["", f"**{work}**: not measured yet"]
            continue
        kept = json.loads(file.read_text(encoding="utf-8"))
        machines.setdefault(_where(kept["machine"]), []).append(work)
        measured = {measurement["title"]: measurement for measurement in kept["measurements"]}
        repeats = min((it["repeats"] for it in measured.values() if "error" not in it), default=0)
        lines += ["", f"**{work}**, medians of {repeats}, {kept['machine']['date']}", ""]
        lines += ["| configuration | ours | peer | ratio | bar | aim | |", "|---|---|---|---|---|---|---|"]
        lines += [_line(row, measured[row.title]) for row in rows if row.title in measured]
        lines += [
            f"| {title} | | | {found} | {bar} | | {verdict} |" for title, found, bar, verdict in _shapes(measured)
        ]
        lines += [f"\n{note}" for note in _notes(measured)]
    heads = [f"{machine} ({', '.join(works)})." for machine, works in machines.items()]
    return "\n".join(["\n\n".join(heads), *lines]).strip()


def _where(machine: dict[str, Any]) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    head = f"{machine['cores']} cores, {machine['processor']}, {machine['system']}"
    return f"{head}, Python {machine['python']}, {libraries}"


def _line(row: Row, measurement: dict[str, Any]) -> str:
    bars = f"{_bar(row.bar)} | {_bar(row.aim)}"
    if "error" in measurement:
        return f"| {row.title} | could not be measured: {measurement['error']} | | | {bars} | failed |"
    unit = measurement["config"]["unit"]
    sides = {side: f"{measurement[side]:,} ({_range(spread)})" for side, spread in measurement["spread"].items()}
    title = f"{row.title} ({measurement['helics']})" if "helics" in measurement else row.title
    ratio = "" if measurement["ratio"] is None else f"{measurement['ratio']:,}"
    cells = f"{sides['ours']} {unit} | {sides.get('peer', '')} | {ratio} | {bars}"
    return f"| {title} | {cells} | {_verdict(row, measurement)} |"


def _verdict(row: Row, measurement: dict[str, Any]) -> str:
    reached = measurement["ours"] if measurement["ratio"] is None else measurement["ratio"]
    if row.bar is None:
        return ""
    if reached < row.bar:
        return "**missed**"
    return "met, and the aim" if row.aim is not None and reached >= row.aim else "met"


def _bar(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:,}"


def _range(spread: list[float]) -> str:
    return f"{spread[0]:,} to {spread[1]:,}"


def _shapes(measured: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    """Bars on how figures change with size, rather than on one: (title, found, bar, verdict)."""
    good = [measurement for measurement in measured.values() if "error" not in measurement]
    works = {measurement["work"] for measurement in good}
    if works == {"ring"}:
        by_count: dict[int, list[float]] = {}
        for measurement in good:
            by_count.setdefault(measurement["config"]["processes"], []).extend(measurement["samples"]["ours"])
        rates = [median(samples) for samples in by_count.values()]
        if set(by_count) == {2, 4, 8}:
            fall = 1 - min(rates) / max(rates)
            yield "ours from 2 to 8 processes: slowest under fastest", f"{fall:.0%}", "20%", _met(fall <= 0.2)
    if works == {"relay"}:
        grants = [it["long_leg_grants"] for it in good if "long_leg_grants" in it]
        found, verdict = (f"{max(grants):.2f}", _met(max(grants) <= 2)) if grants else ("the runner does not tell", "")
        yield "grants of the host on the long leg, per light time", found, "2", verdict
    if works == {"phold"}:
        one = {it["config"]["nodes"]: it for it in good if it["config"]["peer"] == "simpy"}
        if {8, 1000} <= set(one):
            growth = {side: one[8][side] / one[1000][side] for side in ("ours", "peer")}
            found, bar = f"{growth['ours']:.2f}", f"SimPy's {growth['peer']:.2f}"
            yield "cost at 1,000 nodes over cost at 8", found, bar, _met(growth["ours"] <= growth["peer"])


def _met(good: bool) -> str:
    return "met" if good else "**missed**"


def _notes(measured: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What a reader should know beside the figures."""
    for measurement in measured.values():
        if failures := measurement.get("helics_failures"):
            seen = ", ".join(f"{count} {kind}" for kind, count in failures.items())
            yield f"{measurement['title']}: HELICS failed and was tried again: {seen}; the figure is the survivors'."
        if "receivers" in measurement:
            yield f"A node writes to {measurement['receivers']} receivers on average, in every minute."
        if "merge_s" in measurement:
            messages = measurement["config"]["messages"]
            yield f"Merging the recording of {messages:,} messages took {measurement['merge_s']} s more, afterwards."


if __name__ == "__main__":
    raise SystemExit(main())
