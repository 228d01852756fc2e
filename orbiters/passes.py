"""Passes: when one end of a link is in view of the other, found once for a pair and kept.

How far each horizon and each limb is and how fast the ends move bounds from below for how long before and after an
instant nothing changes. A scan looks at instants whose bounds meet each other, so that it strides and walks only near
an edge; the edge is then found by its root. Scans run over blocks of time that are fixed to the epoch: what is found
never depends on what was asked.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import Pass, Trajectory, Vector

from .frames import add, dot, scale, subtract
from .geometry import PLACED_KM, Passage, meet, stretched
from .space import Obstacle, Space
from .trajectory import kinks_ns

# A pass, or a gap between two, that is longer than the first is not missed; farther than the second no look promises.
_SHORTEST_S, _LONGEST_S = 20.0, 1800.0
_SHORTEST_NS = round(_SHORTEST_S * NS_PER_S)
# What a look promises behind it is about what the look before it promised ahead; a little less makes them meet.
_AGAIN = 0.9
_BLOCK_NS = 3 * 3600 * NS_PER_S
# Edges are found to this, in a handful of steps; the last one leaves much less.
_EDGE_NS = NS_PER_S // 1000
_TURNS = 50
# Where the velocity leaps, looks stand this far apart: more than an arrival is off by.
_KINK_NS = 2000
# Faster than earth and mars turn; stronger than their gravity at the surface.
_TURN_RAD_S, _PULL_KM_S2 = 7.3e-5, 0.01
# What comes no nearer to a ray will not hide anything for as long as the longest stride.
_NEAR_KM = 120_000.0
# In a stride the place where a ray passes a body moves along the ray by less than this.
_SLIDE_KM = 20_000.0
# A ray that is longer hardly changes its length in a stride; a shorter one may, and then turn faster.
_FAR_KM = 1e6
# Nothing is slower, so that there is something to divide by.
_SLOW_KM_S = 1e-9
# Ellipsoids are judged as spheres, by stretching space along the pole by less than this.
_STRETCH = 1.01


# The distance to an edge over speed [s], negative out of view; and for how long [s] there is none, at least, after the
# instant and before it.
_Look = tuple[float, float, float]


class Passes:
    """Intervals of sending times at which a signal from ``emitter`` reaches ``receiver`` past horizons and bodies.

    Masks are elevations (deg) under which an end that stands on a surface sees nothing; in flight they say nothing.
    Edges are found to a millisecond, and no pass or gap of more than 20 s is missed. To answer for an instant the
    three hours that it is in are scanned, so that trajectories are asked for states up to the end of those.
    """

    def __init__(
        self, space: Space, emitter: Trajectory, receiver: Trajectory, mask_deg: float, target_mask_deg: float
    ) -> None:
        self._space, self._emitter, self._receiver = space, emitter, receiver
        self._sines = math.sin(math.radians(mask_deg)), math.sin(math.radians(target_mask_deg))
        #: For each block of time: whether it begins in view, and the instants at which that changes.
        self._blocks: dict[int, tuple[bool, list[int]]] = {}
        #: The look at the end of the block that was scanned last: mostly the next one begins with it.
        self._last: tuple[int, _Look] = -1, (0.0, 0.0, 0.0)
        #: The interval without a change that was asked about last, and whether it is in view.
        self._from_ns, self._until_ns, self._seen = 0, 0, False

    def in_view(self, t_ns: int) -> bool:
        """Whether a signal that is sent at ``t_ns`` gets there."""
        if not self._from_ns <= t_ns < self._until_ns:
            block = t_ns // _BLOCK_NS
            begins, edges = self._blocks.get(block) or self._scan(block)
            past = bisect_right(edges, t_ns)
            bounds = [block * _BLOCK_NS, *edges, (block + 1) * _BLOCK_NS]
            self._from_ns, self._until_ns, self._seen = bounds[past], bounds[past + 1], begins ^ bool(past & 1)
        return self._seen

    def between(self, t0_ns: int, t1_ns: int) -> list[Pass]:
        """The passes in [t0_ns, t1_ns), those that reach beyond it cut at its ends."""
        if t1_ns <= t0_ns:
            return []
        edges = [t0_ns] if self.in_view(t0_ns) else []
        for block in range(t0_ns // _BLOCK_NS, (t1_ns - 1) // _BLOCK_NS + 1):
            edges += [t for t in (self._blocks.get(block) or self._scan(block))[1] if t0_ns < t < t1_ns]
        if len(edges) % 2:
            edges.append(t1_ns)
        return [Pass(aos, los) for aos, los in zip(edges[::2], edges[1::2], strict=True)]

    def _look(self, t_ns: int) -> _Look:
        """How far a signal that is sent at ``t_ns`` is from being hidden, or from being seen."""
        emitter, receiver = self._emitter, self._receiver
        (here, my_speed), up = emitter.state(t_ns), emitter.zenith(t_ns)
        arrive_ns = t_ns + (round(meet(here, t_ns, receiver)[0]) or 1)
        (there, their_speed), up_there = receiver.state(arrive_ns), receiver.zenith(arrive_ns)
        ray, swing = subtract(there, here), subtract(their_speed, my_speed)
        range_km, swing_km_s = math.hypot(*ray), math.hypot(*swing)
        looks: list[_Look] = []
        if up is not None:
            looks.append(_look_at_horizon(ray, range_km, swing, swing_km_s, up, 1.0, self._sines[0]))
        if up_there is not None:
            looks.append(_look_at_horizon(ray, range_km, swing, swing_km_s, up_there, -1.0, self._sines[1]))
        # Below a horizon nothing else is looked at.
        if not looks or min(looks)[0] >= 0.0:
            stands = up is not None, up_there is not None
            for body, part in self._space.obstacles_near(here, there, t_ns, arrive_ns, *stands, _NEAR_KM):
                passage = Passage.of(body, part, here, t_ns, there, arrive_ns, *stands, always=True)
                if passage is not None:
                    drift = body.track.state(t_ns).velocity_km_s
                    mine = stretched(subtract(my_speed, drift), body.pole, body.stretch)
                    theirs = stretched(subtract(their_speed, drift), body.pole, body.stretch)
                    looks.append(_look_at_limb(body, passage, mine, theirs, range_km, swing_km_s))
        margin_s = min(looks)[0] if looks else _LONGEST_S
        if margin_s < 0.0:  # of all that hides, what hides longest counts
            hidden = [look for look in looks if look[0] < 0.0]
            after_s, before_s = max(look[1] for look in hidden), max(look[2] for look in hidden)
            return margin_s, min(_LONGEST_S, after_s), min(_LONGEST_S, before_s)
        after_s = before_s = _LONGEST_S
        for _, after, before in looks:
            after_s, before_s = min(after_s, after), min(before_s, before)
        return margin_s, after_s, before_s

    def _scan(self, block: int) -> tuple[bool, list[int]]:
        t_ns, end_ns = block * _BLOCK_NS, (block + 1) * _BLOCK_NS
        last_ns, last = self._last
        look = last if last_ns == t_ns else self._look(t_ns)
        self._last = end_ns, self._look(end_ns)
        begins, edges = look[0] >= 0.0, []
        ahead = [self._last]  # the nearest at the end
        for kink_ns in reversed(self._kinks(t_ns, end_ns)):
            ahead += [(kink_ns + _KINK_NS, self._look(kink_ns + _KINK_NS)), (kink_ns, self._look(kink_ns))]
        while ahead:
            (margin, after_s, _), (next_ns, (there, _, before_s)) = look, ahead[-1]
            from_ns, until_ns = t_ns + round(after_s * NS_PER_S), next_ns - round(before_s * NS_PER_S)
            unknown_ns = until_ns - from_ns
            if unknown_ns > _SHORTEST_NS:
                stride_ns = min(unknown_ns // 2, round(_AGAIN * after_s * NS_PER_S))
                between_ns = from_ns + max(_SHORTEST_NS, stride_ns)
                ahead.append((between_ns, self._look(between_ns)))
                continue
            if (there >= 0.0) != (margin >= 0.0):
                edges.append(self._edge_ns(t_ns, margin, next_ns, there, from_ns, until_ns))
            t_ns, look = ahead.pop()
        self._blocks[block] = begins, edges
        return begins, edges

    def _kinks(self, t0_ns: int, t1_ns: int) -> list[int]:
        """When a signal is sent, in (t0_ns, t1_ns), that leaves or arrives within ``_KINK_NS`` after one end's burn.

        Across it no look promises anything, so that there is one on either side.
        """
        sent_ns = [at_ns - _KINK_NS // 2 for at_ns in kinks_ns(self._emitter)]
        met_ns = kinks_ns(self._receiver)
        if met_ns:
            # Of the others nothing is asked: where the emitter is months later may take long to tell.
            first_ns, last_ns = (
                t_ns + round(meet(self._emitter.state(t_ns).position_km, t_ns, self._receiver)[0])
                for t_ns in (t0_ns, t1_ns)
            )
            met_ns = [at_ns for at_ns in met_ns if first_ns <= at_ns <= last_ns]
        for at_ns in met_ns:
            there_km = self._receiver.state(at_ns).position_km
            sent_ns.append(at_ns - round(meet(there_km, at_ns, self._emitter, -1)[0]) - _KINK_NS // 2)
        found: list[int] = []
        for at_ns in sorted(sent_ns):
            if t0_ns < at_ns < t1_ns - _KINK_NS and at_ns > (found[-1] + _KINK_NS if found else t0_ns):
                found.append(at_ns)
        return found

    def _edge_ns(self, a_ns: int, a: float, b_ns: int, b: float, from_ns: int, until_ns: int) -> int:
        """Where the margin changes its sign between two instants: false position, halved where one end stays.

        First it is sought in [from_ns, until_ns], which lies between the two.
        """
        stayed = 0
        last_ns, t_ns = a_ns, (from_ns + until_ns) // 2
        for _ in range(_TURNS):
            if abs(t_ns - last_ns) < _EDGE_NS:
                break
            last_ns = t_ns
            margin = self._look(t_ns)[0]
            if (margin >= 0.0) == (a >= 0.0):
                a_ns, a = t_ns, margin
                b, stayed = (b / 2.0 if stayed == 1 else b), 1
            else:
                b_ns, b = t_ns, margin
                a, stayed = (a / 2.0 if stayed == -1 else a), -1
            t_ns = min(b_ns, max(a_ns, a_ns + round((b_ns - a_ns) * (a / (a - b)))))
        return t_ns


def _seconds(away_km: float, nearing_km_s: float, pull_km_s2: float = _PULL_KM_S2) -> float:
    """How long something takes at least to come from a distance, nearing at a rate and pulled on."""
    root = math.sqrt(nearing_km_s * nearing_km_s + 2.0 * pull_km_s2 * away_km)
    return 2.0 * away_km / max(_SLOW_KM_S, nearing_km_s + root)


def _seconds_inside(place_km: Vector, speed_km_s: Vector, radius_km: float, pull_km_s2: float) -> float:
    """How long a place on a ray, a fixed part of the way along it, stays inside a sphere at least: so long is it cut.

    It moves in a straight line but for what the pull on the ends may add. What is left inside then is a concave
    function of time, so that what holds at the end of an interval holds in all of it.
    """
    square, outward = dot(place_km, place_km), dot(place_km, speed_km_s)
    speed_square = max(_SLOW_KM_S, dot(speed_km_s, speed_km_s))
    seconds = (math.sqrt(outward * outward + speed_square * (radius_km * radius_km - square)) - outward) / speed_square
    while seconds > _SHORTEST_S:
        line_km = math.sqrt(square + seconds * (2.0 * outward + speed_square * seconds))
        if line_km + 0.55 * pull_km_s2 * seconds * seconds <= radius_km:
            return seconds
        seconds *= 0.8
    return 0.0


def _look_at_horizon(
    ray: Vector, range_km: float, swing: Vector, swing_km_s: float, zenith: Vector, sign: float, sine: float
) -> _Look:
    """How far an end is from setting on the other, or from rising; ``sign`` 1 at the emitter, -1 at the receiver."""
    turning_km_s = _TURN_RAD_S * range_km
    growing_km_s = dot(ray, swing) / range_km if range_km else 0.0
    above_km = sign * dot(zenith, ray) - sine * range_km
    leaving_km_s = math.copysign(1.0, above_km) * (sign * dot(zenith, swing) - sine * growing_km_s)
    pull = _PULL_KM_S2 + 2.0 * _TURN_RAD_S * (turning_km_s + swing_km_s)
    pull += abs(sine) * swing_km_s * swing_km_s / (range_km or 1.0)
    margin_s = above_km / (turning_km_s + (1.0 + abs(sine)) * swing_km_s + _SLOW_KM_S)
    away_km = abs(above_km)
    after_s = _seconds(away_km, turning_km_s - leaving_km_s, pull)
    return margin_s, after_s, _seconds(away_km, turning_km_s + leaving_km_s, pull)


def _look_at_limb(
    body: Obstacle, passage: Passage, mine: Vector, theirs: Vector, range_km: float, swing_km_s: float
) -> _Look:
    """How far a body is from hiding, or from ceasing to.

    The velocities (km/s) of both ends are relative to it and stretched as the passage is.
    """
    begin, end, part, clearance_km = passage
    my_km_s, their_km_s = math.hypot(*mine), math.hypot(*theirs)
    # Near the body the ray moves as that end does which is near it.
    fastest = my_km_s + part * (their_km_s - my_km_s)
    fastest += abs(their_km_s - my_km_s) * min(1.0, _SLIDE_KM / range_km) + _SLOW_KM_S
    margin_s, quiet_s = clearance_km / fastest, _seconds(abs(clearance_km), fastest)
    (bx, by, bz), (ex, ey, ez) = begin, end
    tx, ty, tz = ex - bx, ey - by, ez - bz
    nearest = nx, ny, nz = bx + part * tx, by + part * ty, bz + part * tz
    distance_km = math.sqrt(nx * nx + ny * ny + nz * nz)
    if clearance_km < 0.0:
        if distance_km - clearance_km < body.radius_km - 2.0 * PLACED_KM:  # an end is lower than that, and may sink
            return margin_s, quiet_s, quiet_s
        mean = add(scale(1.0 - part, mine), scale(part, theirs))
        radius_km = distance_km - clearance_km
        after_s = _seconds_inside(nearest, mean, radius_km, body.pull_km_s2)
        before_s = _seconds_inside(nearest, scale(-1.0, mean), radius_km, body.pull_km_s2)
        return margin_s, max(quiet_s, after_s), max(quiet_s, before_s)
    # The distance from the centre bends down as the ends are pulled, and as they move along a ray that turns.
    receding = ((1.0 - part) * dot(nearest, mine) + part * dot(nearest, theirs)) / distance_km
    turning = _STRETCH * swing_km_s / range_km
    along_km_s2 = turning * (2.0 * fastest + turning * distance_km)
    if range_km < _FAR_KM:
        along_km_s2 = max(along_km_s2, fastest * fastest / distance_km)
    pull_km_s2 = 1.1 * (body.pull_km_s2 + along_km_s2)
    if part in (0.0, 1.0):
        # The body is behind one of the ends, which has to get past it first.
        near, speed, sign = (begin, my_km_s, 1.0) if part == 0.0 else (end, their_km_s, -1.0)
        behind_km = sign * (near[0] * tx + near[1] * ty + near[2] * tz) / range_km / _STRETCH
        quiet_s = max(quiet_s, _seconds(behind_km, speed + math.hypot(*near) * swing_km_s / range_km))
    after_s = _seconds(clearance_km, -receding, pull_km_s2)
    return margin_s, max(quiet_s, after_s), max(quiet_s, _seconds(clearance_km, receding, pull_km_s2))
