"""The end of a run: what its hosts left behind becomes the files that people open."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lightlag.bus.activation import Tally
from lightlag.bus.digest import run_digest
from lightlag.bus.errors import LightlagError
from lightlag.bus.fingerprint import arithmetic_fingerprint
from lightlag.bus.journal import read_facts
from lightlag.bus.outcome import Outcome
from lightlag.bus.recording import merge, read
from lightlag.bus.shell import peak_rss_kb
from lightlag.bus.time import NS_PER_S
from lightlag.launch.placement.world import World
from lightlag.launch.rundir.directory import RunDirectory

from .options import RunOptions, RunResult


def conclude(
    world: World,
    options: RunOptions,
    directory: RunDirectory,
    outcome: Outcome,
    facts: dict[str, Any],
    begun: float,
    broken: LightlagError | None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> RunResult:
    """Merge the recording, write summary and report; ``broken`` is the error that ended a run that nodes did not end.

    ``facts`` is what stands at the head of the journal.
    Of a run in which a node failed, everything after that instant is left out, whichever host had got there.
    ``progress`` is told how many records of how many have been merged, if that takes longer than a second.
    """
    graph, failure = world.graph, outcome.failure
    whole = failure is None and broken is None and not outcome.interrupted
    digest = run_digest(outcome.chains) if whole else ""
    if failure is not None:
        directory.cut(failure.t_ns)
    products = directory.products()
    pictures = [{"file": f"pictures/{product['name']}", **_times(product["facts"])} for product in products]
    special: dict[str, Any] = {"mixed": True, "fingerprints": outcome.fingerprints} if facts.get("mixed") else {}
    special |= {"fork": facts["fork"]} if facts.get("fork") else {}
    if options.record:
        metadata = {
            "graph": graph.name,
            "seed": str(graph.seed),
            "epoch": graph.epoch.utc(0, digits=9),
            "digest": digest,
            "fingerprint": arithmetic_fingerprint(),
            "lightlag": version("lightlag"),
            "versions": json.dumps(versions()),
            **{key: json.dumps(value) for key, value in special.items()},
        }
        cut_ns = failure.t_ns if failure else None
        merge(directory.recorded_parts(), directory.recording, metadata, cut_ns, progress)
    tally = recorded(directory.recording) if options.record and (failure or broken) else outcome.tally
    told = None
    if failure is not None:
        told = f"{failure.node} failed at {graph.epoch.utc(failure.t_ns)} SCET\n{failure.traceback}"
    elif broken is not None:
        told = str(broken)
    # A run that was broken off does not tell how many there were.
    grants = dict(zip(read_facts(directory.journal)["hosts"], outcome.grants, strict=False))
    hosts_kb = outcome.peak_rss_kb if options.processes else 0
    summary: dict[str, Any] = {
        "graph": graph.name,
        "seed": graph.seed,
        "epoch": graph.epoch.utc(0),
        "digest": digest,
        "fingerprint": arithmetic_fingerprint(),
        "versions": versions(),
        **special,
        "simulated_s": outcome.reached_ns / NS_PER_S,
        "wall_s": 0.0,
        "peak_rss_mb": 0.0,
        "processes": len(facts["groups"]) if options.processes else 1,
        "groups": facts["groups"],
        "emissions": tally.emissions,
        "receptions": tally.receptions,
        "losses": dict(sorted(tally.losses.items())),
        "pictures": pictures,
        "interrupted": outcome.interrupted,
        "refusals": outcome.refusals,
        "grants": grants,
        "failure": told,
    }
    _measure(summary, begun, hosts_kb)
    if options.report and options.record:
        from lightlag.launch.report import write_report
        from lightlag.launch.report.geometry import geometry_at

        write_report(directory, graph, geometry_at(world, 0), summary, products)
        _measure(summary, begun, hosts_kb)
    directory.summary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    if broken is None:
        directory.discard_parts()
    return RunResult(
        digest=digest,
        emissions=tally.emissions,
        receptions=tally.receptions,
        losses=summary["losses"],
        wall_s=summary["wall_s"],
        simulated_s=summary["simulated_s"],
        peak_rss_mb=summary["peak_rss_mb"],
        processes=summary["processes"],
        run_dir=directory.path,
        report=directory.report if directory.report.exists() else None,
        failure=told,
        interrupted=outcome.interrupted,
        pictures=pictures,
        drive_s=outcome.drive_s,
        grants=grants,
    )


def versions() -> dict[str, str]:
    """What, besides the graph and the arithmetic, decides what a run comes to: Python and the packages that compute."""
    packages = {name: version(name) for name in ("lightlag", "numpy", "scipy")}
    return {"python": ".".join(platform.python_version_tuple()[:2]), **packages}


def _measure(summary: dict[str, Any], begun: float, hosts_kb: int) -> None:
    summary["wall_s"] = round(time.perf_counter() - begun, 3)
    summary["peak_rss_mb"] = round((peak_rss_kb() + hosts_kb) / 1024, 1)


def _times(facts: dict[str, Any]) -> dict[str, str]:
    return {key: facts[key] for key in ("taken_scet", "complete_ert") if key in facts}


def recorded(recording: Path) -> Tally:
    """What a recording holds: emissions that anybody received or lost, receptions, losses by reason."""
    tally = Tally()
    emissions: dict[tuple[str, int], None] = {}
    for record in read(recording, lambda topic: topic.endswith("/lost")):
        if record.topic.endswith("/log"):
            continue
        emissions[record.data["source"], record.data["seq"]] = None
        if reason := record.data.get("reason"):
            tally.losses[reason] = tally.losses.get(reason, 0) + 1
        else:
            tally.receptions += 1
    tally.emissions = len(emissions)
    return tally
