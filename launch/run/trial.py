"""A run on trial: in this process, in memory, without files; and what a person demands of it.

The demand is a function ``check(ran)`` that raises if the run is not as it should be, whatever it raises.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightlag.bus.activation import Completion, Failure, LogRecord, Product
from lightlag.bus.emission import Loss, Reception
from lightlag.bus.errors import GraphError, LightlagError
from lightlag.bus.memory import run_in_memory
from lightlag.launch.graph.faults import acts_of_graph
from lightlag.launch.graph.spec import Graph
from lightlag.launch.placement.world import World
from lightlag.launch.rundir.live import HERE


@dataclass(slots=True)
class Ran:
    """A run that came to its end, or to the failure of a node."""

    graph: Graph
    receptions: list[Reception] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    failure: Failure | None = None

    def received(self, node: str, kind: type | None = None) -> list[Reception]:
        """What a node received, in order; of one class of messages, if that is given."""
        wanted = getattr(kind, "__message_type__", None)
        return [it for it in self.receptions if it.receiver == node and wanted in (None, it.emission.type)]


Check = Callable[[Ran], object]


def run_in_this_process(graph: Graph, *, keep: bool = True) -> Ran:
    """Run a graph to its end; without ``keep`` only whether it failed is kept.

    Raises:
        LightlagError: it cannot run.
    """
    world = World(graph)
    world.check()
    host = world.host(HERE, sorted(world.nodes))
    host.lists_receptions = keep
    coordinator = world.coordinator([sorted(world.nodes)])
    for _, emission in acts_of_graph(graph):
        coordinator.act(0, emission)
    ran = Ran(graph)

    def write(done: Completion) -> None:
        ran.receptions += done.receptions
        ran.losses += done.losses
        ran.logs += done.logs
        ran.products += done.products

    ran.failure = run_in_memory([host], coordinator, write=write if keep else lambda done: None).failure
    return ran


def try_out(graph: Graph, check: Check | None = None) -> str | None:
    """Run a graph; what failed, in words: a node, the run itself, or the check. None if nothing did."""
    try:
        ran = run_in_this_process(graph, keep=check is not None)
    except LightlagError as error:
        return f"the run: {error}"
    if ran.failure is not None:
        t_ns, node, told = ran.failure
        return f"{node} at {graph.epoch.utc(t_ns)} SCET\n{told.rstrip()}"
    if check is not None:
        try:
            check(ran)
        except Exception as error:  # noqa: BLE001 - whatever it raises says that the run is not as it should be
            name = getattr(check, "__name__", "the check")
            return f"{name}\n{''.join(traceback.format_exception(error.with_traceback(_own(error)))).rstrip()}"
    return None


def _own(error: Exception) -> Any:
    """The traceback without the frame that called the check."""
    return error.__traceback__ and error.__traceback__.tb_next


def find_check(text: str) -> Check:
    """The function that ``module:function``, or ``file.py::function``, names.

    Raises:
        GraphError: there is none.
    """
    where, _, name = text.partition("::" if "::" in text else ":")
    try:
        if where.endswith(".py"):
            sys.path.insert(0, str(Path(where).resolve().parent))
            where = Path(where).stem
        elif "" not in sys.path:
            sys.path.append("")
        found = getattr(importlib.import_module(where), name, None)
    except Exception as error:  # noqa: BLE001 - whatever somebody's module raises
        raise GraphError(f"--check {text}: {where} cannot be imported: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise GraphError(
            f"--check {text}: {where} has no function {name!r}; write module:function or file.py::function, of a "
            f"function that takes the run and raises if it is not as it should be"
        )
    return found  # type: ignore[no-any-return]
