"""A run on trial: in this process, without files; and what a person demands of it.

The demand is a function ``check(sim)`` that raises if the run, a ``Simulation`` at its end, is not as it should be.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightlag.bus.errors import GraphError, LightlagError, NodeFailed
from lightlag.launch.graph.spec import Graph

from .simulation import Simulation

Check = Callable[[Simulation], object]


def try_out(graph: Graph, check: Check | None = None) -> str | None:
    """Run a graph; what failed, in words: a node, the run itself, or the check. None if nothing did."""
    try:
        sim = Simulation(graph)
        with suppress(NodeFailed):
            sim.run()
    except LightlagError as error:
        return f"the run: {error}"
    if sim.failure is not None:
        t_ns, node, told = sim.failure
        return f"{node} at {graph.epoch.utc(t_ns)} SCET\n{told.rstrip()}"
    if check is not None:
        try:
            check(sim)
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
