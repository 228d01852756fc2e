"""What every benchmark shares: its arguments, ours and a peer in turn, medians and spread, the JSON of the last line.

A side is a function that does the work once and returns a rate, more being better; it raises if the work was not done
right. Sides alternate, so that whatever else the machine does falls on both; beside each rate stands how many cores
*other* processes used meanwhile, by which a reader can tell a quiet repeat from a disturbed one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from peers.federation import Configuration

Side = Callable[[], float]

#: The package that a peer needs; HELICS for every name that is not here.
_PACKAGES = {"none": "lightlag", "bare": "lightlag", "simpy": "simpy", "raw": "zmq"}
_LIBRARIES = ("lightlag", "pyzmq", "msgpack", "numpy", "helics", "simpy")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be measured: ours and, unless it is alone, a peer."""

    work: str
    unit: str
    config: Mapping[str, Any]
    ours: Side
    peer: Side | None

    def measure(self, repeats: int) -> dict[str, Any]:
        """Ours and the peer in turn, ``repeats`` times; the result is ready for JSON."""
        sides = {"ours": self.ours} | ({"peer": self.peer} if self.peer else {})
        samples: dict[str, list[float]] = {name: [] for name in sides}
        foreign: dict[str, list[float]] = {name: [] for name in sides}
        for repeat in range(repeats):
            for name, side in sides.items():
                before = _Load.now()
                rate = side()
                samples[name].append(rate)
                foreign[name].append(round(_Load.now().foreign_cores_since(before), 2))
                tell(f"{self.work} {repeat + 1}/{repeats} {name:4} {rate:14,.0f} {self.unit}")
        medians = {name: statistics.median(rates) for name, rates in samples.items()}
        peer = medians.get("peer")
        return {
            "work": self.work,
            "config": {**self.config, "unit": self.unit},
            "ours": significant(medians["ours"]),
            "peer": None if peer is None else significant(peer),
            "ratio": None if peer is None else significant(medians["ours"] / peer),
            "repeats": repeats,
            "spread": {name: [significant(min(rates)), significant(max(rates))] for name, rates in samples.items()},
            "samples": {name: [significant(rate) for rate in rates] for name, rates in samples.items()},
            "foreign_cores": foreign,
        }


def parser(
    description: str | None, peers: Sequence[str], *, peer: str, processes: int, nodes: int | None = None
) -> argparse.ArgumentParser:
    """The command line of a benchmark; ``nodes`` is left out where the work fixes how many there are."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.set_defaults(peers=peers)
    made.add_argument(
        "--processes", type=int, default=processes, metavar="N", help=f"of ours; 0: in one (default {processes})"
    )
    if nodes is not None:
        text = f"(default {nodes})" if nodes else "(default: one a process)"
        made.add_argument("--nodes", type=int, default=nodes, metavar="N", help=text)
    made.add_argument("--peer", default=peer, metavar="P", help=f"{_choice(peers)} (default {peer})")
    made.add_argument("--repeats", type=int, default=5, metavar="R", help="measurements of each side (default 5)")
    made.add_argument("--size", type=int, metavar="S", help="how much to do, in the unit of the work, for both sides")
    made.add_argument("--json", action="store_true", help="write nothing but the JSON to standard output")
    return made


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What was asked for.

    Raises:
        SystemExit: an argument makes no sense, or the peer is not installed.
    """
    given = parser.parse_args()
    for name, least in (("processes", 0), ("nodes", 0), ("repeats", 1), ("size", 1)):
        value = getattr(given, name, None)
        if value is not None and value < least:
            parser.error(f"--{name} is {value}; it must be at least {least}")
    if getattr(given, "nodes", 1) + given.processes == 0:
        parser.error("--processes is 0, so --nodes must say how many nodes there are")
    helics = "suite" in given.peers and given.peer.partition("+")[0] in ("zmq", "tcp", "ipc")
    if given.peer not in given.peers and not helics:
        parser.error(f"--peer is {given.peer!r}; it must be {_choice(given.peers)}")
    if helics:
        try:
            Configuration.parse(given.peer)
        except ValueError as error:
            parser.error(str(error))
    package = _PACKAGES.get(given.peer, "helics")
    if find_spec(package) is None:
        parser.error(f"the peer {given.peer} needs {package}, which is not installed; pip install 'lightlag[bench]'")
    return given


def conduct(comparison: Comparison, given: argparse.Namespace, facts: Callable[[], dict[str, Any]]) -> int:
    """Measure as asked for, write the result and its JSON, return the exit code; ``facts`` are added at the end."""
    if given.peer == "none":
        comparison = replace(comparison, peer=None)
    result = comparison.measure(given.repeats) | facts()
    if not given.json:
        low, high = result["spread"]["ours"]
        line = f"{result['work']}: {result['ours']:,} {result['config']['unit']} ({low:,} to {high:,})"
        if result["peer"] is not None:
            low, high = result["spread"]["peer"]
            line += f"; {given.peer}: {result['peer']:,} ({low:,} to {high:,}); ratio {result['ratio']:,}"
        sys.stdout.write(line + "\n")
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def require(what: str, found: object, expected: object) -> None:
    """Work that was not done is no figure.

    Raises:
        RuntimeError: ``found`` is not what was expected.
    """
    if found != expected:
        raise RuntimeError(f"{what}: {found} where {expected} was expected; the measurement is void")


def tell(text: str) -> None:
    """Progress, for a person."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def significant(value: float) -> float | int:
    """Four digits: more would pretend."""
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded >= 1000 else rounded


def machine() -> dict[str, Any]:
    """The facts of this machine that a figure depends on."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


@dataclass(frozen=True, slots=True)
class _Load:
    """Seconds, since some start: of the wall, of all busy cores, of this process and the children it has waited for."""

    wall_s: float
    busy_s: float
    own_s: float

    @classmethod
    def now(cls) -> _Load:
        own = sum(
            usage.ru_utime + usage.ru_stime
            for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        try:
            user, nice, system = (int(ticks) for ticks in Path("/proc/stat").read_text().split()[1:4])
        except OSError:  # not Linux
            return cls(time.monotonic(), own, own)
        return cls(time.monotonic(), (user + nice + system) / os.sysconf("SC_CLK_TCK"), own)

    def foreign_cores_since(self, before: _Load) -> float:
        """How many cores others kept busy on average."""
        foreign_s = (self.busy_s - before.busy_s) - (self.own_s - before.own_s)
        return max(0.0, foreign_s / (self.wall_s - before.wall_s))


def _choice(peers: Sequence[str]) -> str:
    also = ", or a HELICS configuration like tcp+targeted+globaltime" if "suite" in peers else ""
    return ", ".join(peers) + also


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
