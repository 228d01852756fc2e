"""The check of a trajectory: that it depends on time alone, keeps to what it promises, and can be.

Lookahead rests on ``bound``, and everything on ``state`` being a function: two hosts that ask in another order must be
told the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random

from lightlag.bus.time import NS_PER_S
from lightlag.launch.placement.world import World
from lightlag.nodes.trajectory import Trajectory
from lightlag.orbiters.trajectory import C_KM_S

from .finding import Finding, fail, ok, warn
from .trial import IT, SEED, Trial

_INSTANTS, _WINDOWS, _IN_A_WINDOW = 200, 150, 8
#: A receiver is asked where it will be a light time after the end.
_BEYOND_NS = 1500 * NS_PER_S
#: The positions of a second before and a second after tell the velocity this well, unless a thruster fires.
_OFF_KM_S = 0.05


def trajectory(trial: Trial) -> Finding:
    """A pure function of time, inside of its balls, finite, no faster than light."""
    model = trial.cls(IT, trial.params).trajectory
    if model is None:
        return ok("has none: it is only on wires")
    space = World(trial.graph).space
    draw = Random(SEED)
    end_ns = trial.graph.until_ns + _BEYOND_NS
    instants = sorted(draw.randrange(0, end_ns) for _ in range(_INSTANTS))
    one, other = model.realise(space), model.realise(space)
    for found in (
        *_impure(one, other, instants, draw),
        *_impossible(one, instants),
        *_unbound(one, end_ns, draw),
        *_off(one, instants),
    ):
        return found
    return ok(
        f"the same in any order at {_INSTANTS} instants, inside its ball in {_WINDOWS} windows",
        instants=_INSTANTS,
        windows=_WINDOWS,
    )


def _impure(one: Trajectory, other: Trajectory, instants: Sequence[int], draw: Random) -> Iterator[Finding]:
    """What is said of an instant may depend on nothing that was asked before."""
    told = {t_ns: (one.state(t_ns), one.zenith(t_ns), one.attenuation_db(t_ns, 4e8)) for t_ns in instants}
    again = list(instants)
    draw.shuffle(again)
    for t_ns in again:
        for asked, who in ((other, "another one, asked in another order,"), (one, "the same one, asked again,")):
            said = (asked.state(t_ns), asked.zenith(t_ns), asked.attenuation_db(t_ns, 4e8))
            if said != told[t_ns] and not _has_nan(said[0]):
                yield fail(
                    f"at t_ns {t_ns} it is at {_shown(told[t_ns][0].position_km)}, and {who} says "
                    f"{_shown(said[0].position_km)} km",
                    "make state, zenith and attenuation_db pure functions of t_ns: sample on a grid that is fixed to "
                    "the epoch, keep nothing between two calls but what was computed for such a grid",
                )
                return


def _impossible(it: Trajectory, instants: Sequence[int]) -> Iterator[Finding]:
    for t_ns in instants:
        state = it.state(t_ns)
        if not all(map(math.isfinite, (*state.position_km, *state.velocity_km_s))):
            yield fail(f"its state at t_ns {t_ns} is {state}", "return numbers for every instant of the run, and after")
            return
        speed_km_s = math.hypot(*state.velocity_km_s)
        if speed_km_s >= C_KM_S:
            yield fail(f"it does {speed_km_s:,.0f} km/s at t_ns {t_ns}, and light {C_KM_S:,.0f}", "check its units")
            return
        up = it.zenith(t_ns)
        if up is not None and not abs(math.hypot(*up) - 1) < 1e-6:
            yield fail(f"its zenith at t_ns {t_ns} is {up}", "return a unit vector (ICRF), or None in flight")
            return
        loss_db = it.attenuation_db(t_ns, 4e8)
        if not loss_db >= 0:
            yield fail(f"attenuation_db at t_ns {t_ns} is {loss_db}", "return what is taken from a signal: 0 or more")
            return


def _unbound(it: Trajectory, end_ns: int, draw: Random) -> Iterator[Finding]:
    for _ in range(_WINDOWS):
        length_ns = min(end_ns - 1, round(10 ** draw.uniform(6, 12.6)))
        t0_ns = draw.randrange(0, end_ns - length_ns)
        t1_ns = t0_ns + length_ns
        ball = it.bound(t0_ns, t1_ns)
        for t_ns in (t0_ns, t1_ns, *(draw.randint(t0_ns, t1_ns) for _ in range(_IN_A_WINDOW))):
            away_km = math.dist(ball.centre_km, it.state(t_ns).position_km)
            if not away_km <= ball.radius_km:
                yield fail(
                    f"at t_ns {t_ns} it is {away_km - ball.radius_km:.6f} km outside of the ball of "
                    f"{ball.radius_km:.3f} km that it promised for [{t0_ns}, {t1_ns}] ns",
                    "make bound(t0_ns, t1_ns) hold every state() of the interval; 1 mm more is for rounding",
                )
                return


def _off(it: Trajectory, instants: Sequence[int]) -> Iterator[Finding]:
    """Whether velocity is what position does; nothing but what is shown to people depends on it."""
    worst_km_s, worst_ns = 0.0, 0
    for t_ns in instants[1:]:
        before, after = (it.state(t_ns + step * NS_PER_S).position_km for step in (-1, 1))
        moved = [(b - a) / 2 for a, b in zip(before, after, strict=True)]
        off_km_s = math.dist(moved, it.state(t_ns).velocity_km_s)
        if off_km_s > worst_km_s:
            worst_km_s, worst_ns = off_km_s, t_ns
    if worst_km_s > _OFF_KM_S:
        yield warn(
            f"at t_ns {worst_ns} its velocity is {worst_km_s:.3f} km/s off from how its position changes",
            "return the derivative of the position, barycentric, in km/s (unless it is hit by something)",
        )


def _has_nan(state: object) -> bool:
    return "nan" in repr(state)


def _shown(position_km: Sequence[float]) -> str:
    return f"({', '.join(f'{value:.6f}' for value in position_km)})"
