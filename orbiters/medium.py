"""Space as a medium: the delay is light time, and a signal is lost for a reason of geometry or of radio.

The sending host stamps an emission with what only it knows (state, radio, plasma); the receiving host solves the
arrival with the receiver's own trajectory. Lower bounds of the delay come from the balls that trajectories promise.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lightlag.bus.errors import BrokenPromise, GraphError, NodeError, ProtocolError
from lightlag.bus.medium import Verdict
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.trajectory import Ball, State, Trajectory, Vector

from .ephemeris import nearest
from .geometry import C_KM_S, elevation_deg, light_time_ns, occulting_body
from .space import Space

if TYPE_CHECKING:
    from lightlag.bus.emission import Emission

#: Plasma that takes more than this from a signal silences it: the margin of an 8 kbit/s UHF link at 2,300 km
#: (Eb/N0 20 dB, reference study of the Mars 2020 relay).
BLACKOUT_DB = 20.0

# What a stamp holds, after the format's version: state, carrier, power, attenuation, zenith (0 in flight), mask.
_STAMP = struct.Struct("<B6d3d3dd")
_VERSION = 1
# Nothing that a lower bound is asked for moves faster than this: only the horizon of a first guess depends on it.
_FASTEST_KM_S = 1000.0
# Solving and rounding are good to a nanosecond; the bound gives a thousand away.
_ROUNDING_NS = 1000
# A window is halved until the balls are small beside their distance, or the window is this short.
_SMALL = 0.2
_SHORTEST_NS = NS_PER_S
# Emitters are held to their promised ball in windows of this length.
_PROMISE_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Terminal:
    """A node's radio and where it is; a trajectory may be given as a function that makes it when it is first needed."""

    trajectory: Trajectory | Callable[[], Trajectory]
    radio: RadioSpec


class Stamp(NamedTuple):
    """What a receiver must know about an emitter at ``sent_ns``."""

    state: State
    #: Carrier.
    transmit_hz: float
    power_dbw: float
    attenuation_db: float
    zenith: Vector | None
    min_elevation_deg: float

    def pack(self) -> bytes:
        """As bytes: a version and 13 doubles, little-endian."""
        position, velocity = self.state
        radio = (self.transmit_hz, self.power_dbw, self.attenuation_db)
        return _STAMP.pack(
            _VERSION, *position, *velocity, *radio, *(self.zenith or (0.0, 0.0, 0.0)), self.min_elevation_deg
        )

    @classmethod
    def unpack(cls, data: bytes) -> Stamp:
        """From bytes; raises ProtocolError if they are no stamp of this version."""
        if len(data) != _STAMP.size or data[0] != _VERSION:
            raise ProtocolError(
                f"an emitter's stamp has {len(data)} bytes and starts with {data[:1].hex()!r}; this is version "
                f"{_VERSION} with {_STAMP.size} bytes: run the same version of lightlag on all hosts"
            )
        _, x, y, z, vx, vy, vz, transmit_hz, power_dbw, attenuation_db, zx, zy, zz, mask = _STAMP.unpack(data)
        zenith = (zx, zy, zz) if (zx or zy or zz) else None
        return cls(State((x, y, z), (vx, vy, vz)), transmit_hz, power_dbw, attenuation_db, zenith, mask)


class SpaceMedium:
    """The ``Medium`` between ``terminals`` (by node name) in one run's space."""

    def __init__(self, space: Space, terminals: Mapping[str, Terminal]) -> None:
        self._space = space
        self._terminals = terminals
        self._trajectories: dict[str, Trajectory] = {}
        self._promised: dict[str, tuple[int, Ball]] = {}

    def stamp(self, source: str, sent_ns: int) -> bytes:
        """The emitter's state and radio at ``sent_ns``.

        Raises:
            BrokenPromise: the emitter is outside the ball that its trajectory promised for the window of ``sent_ns``.
            NodeError: its radio cannot send; lookahead relies on it.
        """
        trajectory, radio = self._trajectory(source), self._terminals[source].radio
        if radio.transmit_hz is None:
            raise NodeError(f"{source} emitted through a radio without transmit_hz; give it one in its RadioSpec")
        state = trajectory.state(sent_ns)
        self._check_promise(source, trajectory, sent_ns, state.position_km)
        attenuation_db = trajectory.attenuation_db(sent_ns, radio.transmit_hz)
        zenith = trajectory.zenith(sent_ns)
        return Stamp(state, radio.transmit_hz, radio.power_dbw, attenuation_db, zenith, radio.min_elevation_deg).pack()

    def judge(self, emission: Emission, receiver: str) -> Verdict:
        """When the last bit reaches ``receiver``, and the first reason that applies if it is lost there.

        In this order: ``below_horizon`` (of an end that stands on a surface), ``occulted``, ``blackout`` (plasma at
        both ends takes more than ``BLACKOUT_DB``), ``snr`` (farther than the receiver's ``max_range_km``),
        ``not_tuned`` (the carrier is more than half the receiver's bandwidth off; Doppler is not modelled).
        """
        stamp = Stamp.unpack(emission.emitter)
        trajectory, radio = self._trajectory(receiver), self._terminals[receiver].radio
        tau_ns = light_time_ns(stamp.state.position_km, emission.sent_ns, trajectory)
        arrive_ns = emission.sent_ns + max(1, round(tau_ns))
        return Verdict(arrive_ns, self._loss(stamp, emission.sent_ns, trajectory, radio, arrive_ns))

    def lower_bound_ns(self, source: str, receiver: str, t0_ns: int, t1_ns: int) -> int:
        """No signal sent in [t0_ns, t1_ns) takes less than this; 0 or less if the two may touch.

        The window is halved until its balls are small beside their distance, so that a bound over an hour is as tight
        as the light time itself at its smallest.
        """
        tx, rx = self._trajectory(source), self._trajectory(receiver)
        return math.floor(_least_delay_s(tx, rx, t0_ns, t1_ns) * NS_PER_S) - _ROUNDING_NS

    def _loss(self, stamp: Stamp, sent_ns: int, rx: Trajectory, radio: RadioSpec, arrive_ns: int) -> str | None:
        from_km, to_km = stamp.state.position_km, rx.state(arrive_ns).position_km
        above = rx.zenith(arrive_ns)
        if stamp.zenith is not None and elevation_deg(stamp.zenith, from_km, to_km) < stamp.min_elevation_deg:
            return "below_horizon"
        if above is not None and elevation_deg(above, to_km, from_km) < radio.min_elevation_deg:
            return "below_horizon"
        stands = {"emitter_stands": stamp.zenith is not None, "receiver_stands": above is not None}
        if occulting_body(self._space, from_km, sent_ns, to_km, arrive_ns, **stands) is not None:
            return "occulted"
        carrier_hz = stamp.transmit_hz
        plasma_db = stamp.attenuation_db + rx.attenuation_db(arrive_ns, carrier_hz)
        if plasma_db > BLACKOUT_DB:
            return "blackout"
        if math.dist(from_km, to_km) > radio.max_range_km:
            return "snr"
        if radio.receive_hz is None or abs(carrier_hz - radio.receive_hz) > radio.receive_bandwidth_hz / 2:
            return "not_tuned"
        return None

    def _check_promise(self, node: str, trajectory: Trajectory, t_ns: int, position_km: Vector) -> None:
        """Lookahead rests on ``bound``, so every emitter is held to it, in whatever process it runs."""
        window = t_ns // _PROMISE_NS
        promised = self._promised.get(node)
        if promised is None or promised[0] != window:
            ball = trajectory.bound(window * _PROMISE_NS, (window + 1) * _PROMISE_NS)
            promised = self._promised[node] = (window, ball)
        _, ball = promised
        away_km = math.dist(ball.centre_km, position_km)
        if away_km > ball.radius_km:
            raise BrokenPromise(
                f"{node!r} is {away_km - ball.radius_km:.6f} km outside the ball of {ball.radius_km:.3f} km that its "
                f"trajectory promised for the {_PROMISE_NS // NS_PER_S} s around {t_ns} ns: make bound() contain every "
                f"state() of the interval"
            )

    def _trajectory(self, node: str) -> Trajectory:
        known = self._trajectories.get(node)
        if known is None:
            if node not in self._terminals:
                raise GraphError(f"{node!r} has no terminal on this channel{nearest(node, self._terminals)}")
            given = self._terminals[node].trajectory
            known = self._trajectories[node] = given() if callable(given) else given
        return known


def _least_delay_s(tx: Trajectory, rx: Trajectory, t0_ns: int, t1_ns: int) -> float:
    from_ball, to_ball = tx.bound(t0_ns, t1_ns), rx.bound(t0_ns, t1_ns)
    apart_km = math.dist(from_ball.centre_km, to_ball.centre_km)
    if from_ball.radius_km + to_ball.radius_km > _SMALL * apart_km and t1_ns - t0_ns > _SHORTEST_NS:
        middle_ns = (t0_ns + t1_ns) // 2
        return min(_least_delay_s(tx, rx, t0_ns, middle_ns), _least_delay_s(tx, rx, middle_ns, t1_ns))
    # Every arrival lies in [t0 + least, t1 + most]: the receiver's ball over that interval narrows both.
    least_s, most_s = 0.0, (apart_km + from_ball.radius_km + to_ball.radius_km) / (C_KM_S - _FASTEST_KM_S)
    for _ in range(2):
        from_ns, until_ns = t0_ns + math.floor(least_s * NS_PER_S), t1_ns + math.ceil(most_s * NS_PER_S)
        to_ball = rx.bound(from_ns, until_ns)
        apart_km = math.dist(from_ball.centre_km, to_ball.centre_km)
        reach_km = from_ball.radius_km + to_ball.radius_km
        least_s, most_s = max(0.0, apart_km - reach_km) / C_KM_S, (apart_km + reach_km) / C_KM_S
    return least_s
