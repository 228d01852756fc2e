"""A node type, the small graph in which it is tried, and what it did there.

In the graph the node has the name ``it``. On each of its radios it has two peers, one a hundred kilometres above it and
one far from everything, on each of its ports for wires one; they talk to it at random for an hour. A graph that exists
is tried as it is.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lightlag.bus.errors import GraphError, LightlagError
from lightlag.bus.message import Message
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.spec import Graph, NodeSpec
from lightlag.launch.run.simulation import Simulation
from lightlag.nodes.events import NEWS_TYPES, Event
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams, RadioSpec
from lightlag.nodes.picture import PicturePiece
from lightlag.nodes.telemetry import Housekeeping, VehicleState

from .messages import is_message, messages_in
from .peers import Peer
from .subject import Type, loaded, modules_of, specs_in

#: Of everything that is random here, and of the runs.
SEED = 20210218
IT = "it"
_EPOCH = "2021-02-18T20:26:00Z"
_UNTIL = "1 h"
_LATENCY = "1 s"
#: What anybody may say to anybody.
_COMMON: tuple[type, ...] = (Event, Housekeeping, VehicleState, PicturePiece)


class Untold(GraphError):
    """A node type has to be told something, and nobody tells it."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a run went: its digest, or how it failed; who said, read and got what."""

    digest: str
    failure: str
    wall_s: float
    emissions: int
    #: By type: what the node made itself, what it passed on, what it decoded, and what reached it.
    made: Mapping[str, int]
    passed_on: Mapping[str, int]
    read: frozenset[str]
    received: Mapping[str, int]


class Trial:
    """A node type, or a whole graph, that is tried; ``folder`` is for the files of its runs.

    ``epoch`` (UTC) is when a type is tried; else when it is used, or its trajectory is declared for.
    """

    def __init__(self, folder: Path, *, type: Type | None = None, graph: str = "", epoch: str = "") -> None:
        self.type = type
        self.name = type.written if type is not None else graph
        self._graph = graph
        self._wanted_epoch = epoch
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._runs = 0
        #: What a check has found out that another one asks for, too.
        self.shared: dict[str, Any] = {}

    @property
    def cls(self) -> type[Node]:
        """The node class; asked of a type that could be imported."""
        assert self.type is not None
        assert self.type.cls is not None
        return self.type.cls

    @property
    def node(self) -> str:
        """The node that is looked at; empty: a whole graph."""
        return IT if self.type is not None else ""

    def run_dir(self) -> Path:
        """A folder for one more run."""
        self._runs += 1
        return self._folder / f"run-{self._runs}"

    @cached_property
    def spec(self) -> NodeSpec | None:
        """The first node of this class in the graph in which it is used."""
        used_in = self.type.used_in if self.type is not None else ""
        return specs_in(loaded(used_in), self.cls)[0] if used_in else None

    @cached_property
    def params(self) -> NodeParams:
        """The parameters with which it is tried: its defaults or, if it has to be told some, those of a graph.

        Raises:
            Untold: it has to be told some, and no graph does.
        """
        try:
            return self.cls.Params()
        except ValidationError as error:
            missing = [".".join(map(str, it["loc"])) for it in error.errors() if it["type"] == "missing"]
            if self.spec is not None:
                return self.spec.params
            lacking = ", ".join(missing) or "what its defaults lack"
            raise Untold(f"{self.name} has to be told {lacking}, and no installed graph does") from None

    @cached_property
    def given(self) -> Mapping[str, Any]:
        """The same as a graph file has them: nothing, where the defaults do."""
        return self.spec.given if self.spec is not None and self.params is self.spec.params else {}

    @cached_property
    def graph(self) -> Graph:
        """The graph in which it is tried.

        Raises:
            GraphError: there cannot be one.
        """
        if self.type is None:
            return loaded(self._graph)
        path = self._folder / "trial.yaml"
        path.write_text(json.dumps(self._data(), indent=1), encoding="utf-8")
        # Where the class lies, if not among what is installed: beside the graph that uses it, or here.
        beside = loaded(self.type.used_in).folder if self.type.used_in else ""
        return replace(load_graph(path), folder=beside or str(Path.cwd()))

    @cached_property
    def kinds(self) -> list[type]:
        """The message classes that its peers know: what it hears, what its modules define, what anybody may say."""
        hears = [kind for kind in getattr(self.cls, "hears", ()) if is_message(kind)]
        modules = [sys.modules[name] for name in modules_of(self.cls) if name in sys.modules]
        sends = [kind for kind in getattr(self.cls, "sends", ()) if is_message(kind)]
        known = dict.fromkeys([*hears, *messages_in(modules), *sends, *_COMMON])
        return [kind for kind in known if kind is not Message and "." not in kind.__qualname__]

    @cached_property
    def course(self) -> Course:
        """A run of the graph in this process, to its end.

        Raises:
            GraphError: it cannot run.
        """
        begun = time.perf_counter()
        failure, digest = "", ""
        with Simulation(self.graph) as sim:
            try:
                sim.run()
                digest = sim.digest
            except LightlagError as error:
                failure = str(error).rstrip()
        made: Counter[str] = Counter()
        passed_on: Counter[str] = Counter()
        for emission in {(it.source, it.seq): it for it in _emissions(sim) if it.source == IT}.values():
            (passed_on if emission.via else made)[emission.type] += 1
        mine = sim.receptions(IT) if self.node else []
        return Course(
            digest,
            failure,
            time.perf_counter() - begun,
            sim.tally.emissions,
            made,
            passed_on,
            # Of news the host itself reads who got it.
            frozenset(it.emission.type for it in mine if it.is_read) - NEWS_TYPES,
            Counter(it.emission.type for it in mine),
        )

    def _data(self) -> dict[str, Any]:
        """The graph as data for its file."""
        used_in = self.type.used_in if self.type is not None else ""
        epoch = self._wanted_epoch or (loaded(used_in).epoch.utc(0, digits=9) if used_in else self._epoch())
        nodes: dict[str, Any] = {IT: {"type": self.name, **({"params": dict(self.given)} if self.given else {})}}
        channels: dict[str, Any] = {}
        place = {IT: "here"}
        for stand_in in self._named():
            nodes[stand_in] = {"type": _written(Peer)}
        for port, part in self.cls(IT, self.params).port.items():
            radio = getattr(self.params, port, None)
            ends = [f"{IT}.{port}"]
            for peer, where, params in self._peers(port, radio if isinstance(radio, RadioSpec) else None):
                nodes[peer] = {"type": _written(Peer), "params": params}
                place[peer] = where
                ends.append(f"{peer}.{'radio' if 'radio' in params else 'line'}")
            medium = "space" if isinstance(radio, RadioSpec) else {"wire": {"latency": _LATENCY}}
            channels[f"on-{part.name.lower().strip('_')}"] = {"medium": medium, "members": ends}
        return {
            "version": 1,
            "name": "trial",
            "description": f"{self.name} on trial",
            "epoch": epoch,
            "seed": SEED,
            "until": _UNTIL,
            "nodes": nodes,
            "channels": channels,
            "place": place,
        }

    def _peers(self, port: str, radio: RadioSpec | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Those who join a port: their names, with whom they run, and their parameters."""
        name = port.lower().strip("_")
        says = [_written(kind) for kind in self.kinds]
        if radio is None:
            yield f"line-{name}", "there", {"says": says}
            return
        told: dict[str, Any] = {"rate_bps": "1e6 bit/s", "receive_bandwidth_hz": "1e6 Hz"}
        told |= {"transmit_hz": f"{radio.receive_hz!r} Hz"} if radio.receive_hz is not None else {}
        told |= {"receive_hz": f"{radio.transmit_hz!r} Hz"} if radio.transmit_hz is not None else {}
        yield f"far-{name}", "there", {"says": says, "radio": told}
        if self.cls(IT, self.params).trajectory is not None:
            beside = {"beside": self.name, "given": json.dumps(dict(self.given))}
            yield f"near-{name}", "here", {"says": says, "radio": told, **beside}

    def _named(self) -> list[str]:
        """The nodes of the graph in which it is used that its parameters name: it may ask for them."""
        others = loaded(self.type.used_in).nodes if self.type is not None and self.type.used_in else {}
        return sorted({text for text in _texts(self.params.model_dump()) if text in others})

    def _epoch(self) -> str:
        """The instant for which its trajectory is declared, if one is; else that of a landing."""
        told = getattr(self.cls(IT, self.params).trajectory, "epoch", None)
        return told if isinstance(told, str) else _EPOCH


def _emissions(sim: Simulation) -> Iterator[Any]:
    for name in sim.graph.nodes:
        yield from (it.emission for it in sim.receptions(name))
        yield from (it.emission for it in sim.losses(name))


def _written(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
