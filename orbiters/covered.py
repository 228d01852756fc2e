"""Trajectories that are known for some time only, as those in files are: what they cover, and the track through them.

What is known must reach from the epoch to the end of the run. A track samples a little beyond, and is asked a light
time beyond for what will be on its way when the run ends: there the curve goes on as it was going, and then straight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S

from .interpolation import hermite
from .space import Space
from .trajectory import States, Track

#: States relative to a centre (km, km/s) at many run times (ns), within what is covered.
Known = Callable[[NDArray[np.int64]], States]
#: At this step the polynomials of a track are within 0.1 mm of a low orbit about Mars. Where states are given nearer to
#: each other, something turns sharper than an orbit, and the step is theirs, if it is not shorter than a tenth.
STEP_NS, _SHORTEST_NS = 30 * NS_PER_S, NS_PER_S // 10
# What is covered has at least so many steps, else they are shorter.
_LEAST_STEPS = 8
# An edge goes on as the polynomial through three states, so many steps apart from each other and beyond.
_BEYOND_STEPS = 3


class Span(NamedTuple):
    """An interval of run time (ns) that is covered, both ends included."""

    begin_ns: int
    end_ns: int


def covering(space: Space, what: str, spans: Sequence[Span]) -> Span:
    """The span that holds the whole run, of those that ``spans`` are together.

    Raises:
        GraphError: there is none; the message says what is covered and what the run needs.
    """
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.begin_ns <= merged[-1].end_ns:
            merged[-1] = Span(merged[-1].begin_ns, max(merged[-1].end_ns, span.end_ns))
        else:
            merged.append(span)
    for span in merged:
        if span.begin_ns <= 0 and span.end_ns >= space.until_ns:
            return span
    utc = space.epoch.utc
    covered = ", ".join(f"{utc(span.begin_ns)} to {utc(span.end_ns)}" for span in merged) or "nothing"
    raise GraphError(
        f"{what} covers {covered}; the run needs {utc(0)} to {utc(space.until_ns)}: start it later, end it sooner, or "
        f"give a file that covers it"
    )


def track_through(space: Space, center: str | int, known: Known, span: Span, given_ns: int = STEP_NS) -> Track:
    """The track through states that are known in ``span``, relative to ``center`` (see ``Space.center_states``).

    ``given_ns`` is how near to each other they are given.
    """
    step_ns = max(1, min(STEP_NS, max(_SHORTEST_NS, given_ns), (span.end_ns - span.begin_ns) // _LEAST_STEPS))
    before, after = _Edge(known, span.begin_ns, step_ns, -1), _Edge(known, span.end_ns, step_ns, 1)

    def sample(first: int, count: int) -> States:
        t_ns = np.arange(first, first + count) * step_ns
        inside = (t_ns >= span.begin_ns) & (t_ns <= span.end_ns)
        states = np.empty((count, 2, 3))
        if inside.any():
            states[inside] = known(t_ns[inside])
        for k in np.flatnonzero(~inside).tolist():
            at_ns = int(t_ns[k])
            states[k] = (after if at_ns > span.end_ns else before).state(at_ns)
        return states + space.center_states(center, t_ns)

    return Track(step_ns, sample)


class _Edge:
    """An end of what is known, and how it goes on beyond; ``way`` is -1 before the beginning, 1 after the end."""

    def __init__(self, known: Known, edge_ns: int, step_ns: int, way: int) -> None:
        self._known, self._edge_ns, self._step_ns, self._way = known, edge_ns, step_ns, way
        self._found: tuple[list[float], States] | None = None

    def state(self, t_ns: int) -> States:
        """The state (2, 3) at a time beyond the edge."""
        if self._found is None:
            times_ns = [self._edge_ns - self._way * k * self._step_ns for k in range(3)]
            states = np.concatenate([self._known(np.array([time_ns])) for time_ns in times_ns])
            self._found = [(time_ns - self._edge_ns) / NS_PER_S for time_ns in times_ns], states
        at_s = (t_ns - self._edge_ns) / NS_PER_S
        most_s = self._way * _BEYOND_STEPS * self._step_ns / NS_PER_S
        if abs(at_s) <= abs(most_s):
            return hermite(at_s, *self._found)
        position, velocity = hermite(most_s, *self._found)
        return np.stack((position + (at_s - most_s) * velocity, velocity))
