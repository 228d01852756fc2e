"""Instants of a run as people type them: so long after its epoch (``20min``), or in UTC."""

from __future__ import annotations

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NEVER_NS, Epoch
from lightlag.launch.graph.spec import duration_ns


def instant_ns(text: str, epoch: Epoch) -> int:
    """Run time (ns) of a duration after the epoch (``20min``, ``1.5 h``) or of a UTC instant.

    Raises:
        GraphError: it is neither.
        TimeError: it is no UTC instant.
    """
    if "-" in text:
        return epoch.t_ns(text)
    try:
        return duration_ns(text)
    except GraphError as error:
        raise GraphError(f"{error}; or write an instant in UTC, like {epoch.utc(0, 0)}") from None


def span_ns(since: str | None, until: str | None, epoch: Epoch) -> tuple[int, int]:
    """The instants from one to the other, as typed (ns); open where nothing is."""
    return (
        -NEVER_NS if since is None else instant_ns(since, epoch),
        NEVER_NS if until is None else instant_ns(until, epoch),
    )
