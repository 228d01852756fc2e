"""How soon a signal can arrive: lower bounds of the light time over an interval, which are the lookahead of a run.

Two tracks, whose accelerations are bounded, move against each other in a straight line but for a sag of a dt^2 / 8,
so that few looks suffice. Of other trajectories only the balls are known that they promise.
"""

from __future__ import annotations

import math

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import Trajectory, Vector

from .frames import dot, subtract
from .geometry import light_time_ns
from .trajectory import C_KM_S, Track, settled

# Nothing that a lower bound is asked for moves faster than this: only the horizon of a first guess depends on it.
_FASTEST_KM_S = 1000.0
# An interval is halved until balls are small beside their distance, a bound is this good, or it is this short.
_SMALL = 0.2
_GOOD = 0.95
_SHORTEST_NS = NS_PER_S


def least_delay_s(emitter: Trajectory, receiver: Trajectory, t0_ns: int, t1_ns: int) -> float:
    """Seconds that every signal sent in [t0_ns, t1_ns] takes at least; 0 if the two may touch."""
    tracks = settled(emitter, t0_ns), settled(receiver, t0_ns)
    if tracks[0] is not None and tracks[1] is not None:
        return _of_tracks(tracks[0], tracks[1], t0_ns, t1_ns)
    return _of_balls(emitter, receiver, t0_ns, t1_ns)


def _of_tracks(emitter: Track, receiver: Track, t0_ns: int, t1_ns: int) -> float:
    """By the distance to where the receiver is a fixed delay later, which is nearly the light time throughout."""
    t1_ns = max(t0_ns, t1_ns)
    middle_ns = (t0_ns + t1_ns) // 2
    delay_s = light_time_ns(emitter.position_km(middle_ns), middle_ns, receiver) / NS_PER_S
    delay_ns = round(delay_s * NS_PER_S)
    delay_s = delay_ns / NS_PER_S

    def apart(t_ns: int) -> Vector:
        return subtract(receiver.position_km(t_ns + delay_ns), emitter.position_km(t_ns))

    def sag_km(a_ns: int, b_ns: int) -> float:
        fiercest = emitter.fiercest_km_s2(a_ns, b_ns) + receiver.fiercest_km_s2(a_ns + delay_ns, b_ns + delay_ns)
        return fiercest * ((b_ns - a_ns) / NS_PER_S) ** 2 / 8.0

    begin, end = apart(t0_ns), apart(t1_ns)
    farthest_km = max(math.hypot(*begin), math.hypot(*end)) + sag_km(t0_ns, t1_ns)
    shortest_km = math.inf
    pieces = [(t0_ns, begin, t1_ns, end)]
    seen_km = min(math.hypot(*begin), math.hypot(*end))
    while pieces:
        a_ns, a, b_ns, b = pieces.pop()
        least_km = _nearest_km(a, b) - sag_km(a_ns, b_ns)
        if least_km > _GOOD * seen_km or b_ns - a_ns <= _SHORTEST_NS:
            shortest_km = min(shortest_km, least_km)
            continue
        half_ns = (a_ns + b_ns) // 2
        half = apart(half_ns)
        seen_km = min(seen_km, math.hypot(*half))
        pieces += ((a_ns, a, half_ns, half), (half_ns, half, b_ns, b))
    shortest_km = max(0.0, shortest_km)
    # The true delay differs from the fixed one by as much as the distance over c does, and a little more, in which
    # the receiver moves.
    fastest_km_s = math.hypot(*receiver.state(middle_ns + delay_ns).velocity_km_s) + (
        receiver.fiercest_km_s2(t0_ns + delay_ns, t1_ns + delay_ns) * (t1_ns - t0_ns) / NS_PER_S
    )
    off_s = max(farthest_km / C_KM_S - delay_s, delay_s - shortest_km / C_KM_S, 0.0) / (1.0 - fastest_km_s / C_KM_S)
    return max(0.0, shortest_km - fastest_km_s * off_s) / C_KM_S


def _nearest_km(a: Vector, b: Vector) -> float:
    """Distance of the straight line from ``a`` to ``b`` from the origin."""
    way = subtract(b, a)
    square = dot(way, way)
    part = min(1.0, max(0.0, -dot(a, way) / square)) if square else 0.0
    return math.hypot(a[0] + part * way[0], a[1] + part * way[1], a[2] + part * way[2])


def _of_balls(emitter: Trajectory, receiver: Trajectory, t0_ns: int, t1_ns: int) -> float:
    from_ball, to_ball = emitter.bound(t0_ns, t1_ns), receiver.bound(t0_ns, t1_ns)
    apart_km = math.dist(from_ball.centre_km, to_ball.centre_km)
    if from_ball.radius_km + to_ball.radius_km > _SMALL * apart_km and t1_ns - t0_ns > _SHORTEST_NS:
        middle_ns = (t0_ns + t1_ns) // 2
        return min(_of_balls(emitter, receiver, t0_ns, middle_ns), _of_balls(emitter, receiver, middle_ns, t1_ns))
    # Every arrival lies in [t0 + least, t1 + most]: the receiver's ball over that interval narrows both.
    least_s, most_s = 0.0, (apart_km + from_ball.radius_km + to_ball.radius_km) / (C_KM_S - _FASTEST_KM_S)
    for _ in range(2):
        from_ns, until_ns = t0_ns + math.floor(least_s * NS_PER_S), t1_ns + math.ceil(most_s * NS_PER_S)
        to_ball = receiver.bound(from_ns, until_ns)
        apart_km = math.dist(from_ball.centre_km, to_ball.centre_km)
        reach_km = from_ball.radius_km + to_ball.radius_km
        least_s, most_s = max(0.0, apart_km - reach_km) / C_KM_S, (apart_km + reach_km) / C_KM_S
    return least_s
