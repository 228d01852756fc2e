"""Space as a medium: the delay is light time, and a signal is lost for a reason of geometry or of radio.

The sending host stamps an emission with what only it knows (state, radio, plasma); the receiving host solves the
arrival with the receiver's own trajectory. Lower bounds of the delay come from what trajectories promise, by
``lookahead``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lightlag.bus.errors import BrokenPromise, GraphError, NodeError, ProtocolError
from lightlag.bus.medium import Verdict
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.trajectory import Ball, State, Trajectory, Vector

from .ephemeris import nearest
from .geometry import meet, occulting_body
from .lookahead import least_delay_s
from .space import Space
from .steered import SteeredTrajectory
from .trajectory import Track

if TYPE_CHECKING:
    from lightlag.bus.emission import Emission

#: Plasma that takes more than this from a signal silences it: the margin of an 8 kbit/s UHF link at 2,300 km
#: (Eb/N0 20 dB, reference study of the Mars 2020 relay).
BLACKOUT_DB = 20.0

# What a stamp holds, after the format's version: state, carrier, power, attenuation, zenith (0 in flight), mask.
_STAMP = struct.Struct("<B6d3d3dd")
_pack, _unpack, _SIZE = _STAMP.pack, _STAMP.unpack, _STAMP.size
_VERSION = 1
# Solving and rounding are good to a nanosecond; the bound gives a thousand away.
_ROUNDING_NS = 1000
# Nodes are held to their promised ball in windows of this length; so many are kept: of now, and of a light time ahead.
_PROMISE_NS = 60 * NS_PER_S
_BALLS_KEPT = 64
_IN_FLIGHT = (0.0, 0.0, 0.0)
# A named tuple, made without the Python function that a call of its class runs.
_new = tuple.__new__


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
        return _pack(_VERSION, *position, *velocity, *radio, *(self.zenith or _IN_FLIGHT), self.min_elevation_deg)

    @classmethod
    def unpack(cls, data: bytes) -> Stamp:
        """From bytes; raises ProtocolError if they are no stamp of this version."""
        _, x, y, z, vx, vy, vz, transmit_hz, power_dbw, attenuation_db, zx, zy, zz, mask = _unpacked(data)
        zenith = (zx, zy, zz) if (zx or zy or zz) else None
        return cls(State((x, y, z), (vx, vy, vz)), transmit_hz, power_dbw, attenuation_db, zenith, mask)


class SpaceMedium:
    """The ``Medium`` between ``terminals`` (by node name) in one run's space."""

    def __init__(self, space: Space, terminals: Mapping[str, Terminal]) -> None:
        self._space = space
        self._terminals = terminals
        self._ends: dict[str, _End] = {}

    def stamp(self, source: str, sent_ns: int) -> bytes:
        """The emitter's state and radio at ``sent_ns``.

        Raises:
            BrokenPromise: the emitter is outside the ball that its trajectory promised for the window of ``sent_ns``.
            NodeError: its radio cannot send; lookahead relies on it.
        """
        end = self._ends.get(source) or self._end(source)
        trajectory, transmit_hz = end.trajectory, end.transmit_hz
        if transmit_hz is None:
            raise NodeError(f"{source} emitted through a radio without transmit_hz; give it one in its RadioSpec")
        position, velocity = trajectory.state(sent_ns)
        if end.promises:
            self._check_promise(source, end, sent_ns, position)
        attenuation_db = 0.0 if end.is_clear else trajectory.attenuation_db(sent_ns, transmit_hz)
        zenith = _IN_FLIGHT if end.flies else trajectory.zenith(sent_ns) or _IN_FLIGHT
        return _pack(
            _VERSION, *position, *velocity, transmit_hz, end.power_dbw, attenuation_db, *zenith, end.mask_deg
        )  # fmt: skip

    def judge(self, emission: Emission, receiver: str) -> Verdict:
        """When the last bit reaches ``receiver``, and the first reason that applies if it is lost there.

        In this order: ``below_horizon`` (of an end that stands on a surface), ``occulted``, ``blackout`` (plasma at
        both ends takes more than ``BLACKOUT_DB``), ``snr`` (farther than the receiver's ``max_range_km``),
        ``not_tuned`` (the carrier is more than half the receiver's bandwidth off; Doppler is not modelled).
        """
        _, ax, ay, az, _, _, _, carrier_hz, _, attenuation_db, zx, zy, zz, mask_deg = _unpacked(emission.emitter)
        sent_ns = emission.sent_ns
        end = self._ends.get(receiver) or self._end(receiver)
        trajectory = end.trajectory
        from_km = (ax, ay, az)
        tau_ns, to_km = meet(from_km, sent_ns, trajectory)
        arrive_ns = sent_ns + (round(tau_ns) or 1)
        if end.promises:
            self._check_promise(receiver, end, arrive_ns, to_km)
        bx, by, bz = to_km
        bx, by, bz = bx - ax, by - ay, bz - az
        range_km = math.sqrt(bx * bx + by * by + bz * bz)
        stands = zx != 0.0 or zy != 0.0 or zz != 0.0
        above = None if end.flies else trajectory.zenith(arrive_ns)
        loss: str | None = None
        if (stands and bx * zx + by * zy + bz * zz < range_km * math.sin(math.radians(mask_deg))) or (
            above is not None and -(bx * above[0] + by * above[1] + bz * above[2]) < range_km * end.sine_of_mask
        ):
            loss = "below_horizon"
        elif occulting_body(self._space, from_km, sent_ns, to_km, arrive_ns, stands, above is not None):
            loss = "occulted"
        elif attenuation_db + (0.0 if end.is_clear else trajectory.attenuation_db(arrive_ns, carrier_hz)) > BLACKOUT_DB:
            loss = "blackout"
        elif range_km > end.max_range_km:
            loss = "snr"
        elif not end.least_hz <= carrier_hz <= end.most_hz:
            loss = "not_tuned"
        return _new(Verdict, (arrive_ns, loss))

    def lower_bound_ns(self, source: str, receiver: str, t0_ns: int, t1_ns: int) -> int:
        """No signal sent in [t0_ns, t1_ns) takes less than this; 0 or less if the two may touch.

        As tight as the light time itself at its smallest, or nearly, however long the window.
        """
        emitter, ear = (self._ends.get(name) or self._end(name) for name in (source, receiver))
        least_s = least_delay_s(emitter.trajectory, ear.trajectory, t0_ns, t1_ns)
        return math.floor(least_s * NS_PER_S) - _ROUNDING_NS

    def _check_promise(self, node: str, end: _End, t_ns: int, position_km: Vector) -> None:
        """Lookahead rests on ``bound``, so who sends and who receives is held to it, in whatever process it runs.

        While both keep their promise no signal comes sooner than the lookahead: it is the gap between the balls.
        """
        start_ns = t_ns // _PROMISE_NS * _PROMISE_NS
        ball = end.balls.get(start_ns)
        if ball is None:
            if len(end.balls) >= _BALLS_KEPT:
                del end.balls[next(iter(end.balls))]
            ball = end.balls[start_ns] = end.trajectory.bound(start_ns, start_ns + _PROMISE_NS)
        away_km = math.dist(ball.centre_km, position_km)
        if away_km > ball.radius_km:
            raise BrokenPromise(
                f"{node!r} is {away_km - ball.radius_km:.6f} km outside the ball of {ball.radius_km:.3f} km "
                f"that its trajectory promised for [{start_ns}, {start_ns + _PROMISE_NS}) ns, at {t_ns} "
                f"ns: make bound() contain every state() of the interval"
            )

    def _end(self, node: str) -> _End:
        if node not in self._terminals:
            raise GraphError(f"{node!r} has no terminal on this channel{nearest(node, self._terminals)}")
        terminal = self._terminals[node]
        given = terminal.trajectory
        end = self._ends[node] = _End(given() if callable(given) else given, terminal.radio)
        return end


class _End:
    """A node in a medium: its trajectory and radio, what follows from them, and what it has promised."""

    __slots__ = (
        "balls",
        "flies",
        "is_clear",
        "least_hz",
        "mask_deg",
        "max_range_km",
        "most_hz",
        "power_dbw",
        "promises",
        "sine_of_mask",
        "trajectory",
        "transmit_hz",
    )

    def __init__(self, trajectory: Trajectory, radio: RadioSpec) -> None:
        self.trajectory = trajectory
        self.transmit_hz, self.power_dbw, self.max_range_km = radio.transmit_hz, radio.power_dbw, radio.max_range_km
        # Who is a track and nothing else need not be asked whether it stands, or is in plasma.
        is_track, kind = isinstance(trajectory, Track), type(trajectory)
        self.flies = is_track and kind.zenith is Track.zenith
        self.is_clear = is_track and kind.attenuation_db is Track.attenuation_db
        self.mask_deg = radio.min_elevation_deg
        self.sine_of_mask = math.sin(math.radians(self.mask_deg))
        # Who cannot receive is tuned to nothing.
        tuned_hz = math.nan if radio.receive_hz is None else radio.receive_hz
        self.least_hz = tuned_hz - radio.receive_bandwidth_hz / 2
        self.most_hz = tuned_hz + radio.receive_bandwidth_hz / 2
        # What a track promises follows from its own polynomials, and who steers was held to it when it was commanded;
        # any other trajectory is taken at its word.
        self.promises = not is_track and not isinstance(trajectory, SteeredTrajectory)
        #: By the start of the window.
        self.balls: dict[int, Ball] = {}


def _unpacked(data: bytes) -> tuple[Any, ...]:
    """The fields of a stamp."""
    if len(data) != _SIZE or data[0] != _VERSION:
        raise ProtocolError(
            f"an emitter's stamp has {len(data)} bytes and starts with {data[:1].hex()!r}; this is version "
            f"{_VERSION} with {_SIZE} bytes: run the same version of lightlag on all hosts"
        )
    return _unpack(data)
