"""Where the nodes of a graph are at one instant, who can hear whom, and how long that takes: what its drawing shows.

``launch.placement.World`` knows, and is handed in from above: report and placement do not import each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.medium import Channel, Wire
from lightlag.bus.time import NS_PER_S
from lightlag.launch.graph.spec import Graph
from lightlag.nodes.node import Node
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.trajectory import Surroundings, Vector
from lightlag.orbiters import Space

#: ``flight``: neither standing nor in a closed orbit that stays above the ground.
Kind = Literal["flight", "orbit", "surface"]
#: What a node can be at; who is in the sphere of influence of neither planet is at the sun.
_PLANETS = ("earth", "mars")
_Matrix = NDArray[np.bool_]


class Realised(Protocol):
    """A graph that has been realised in space: what is asked of a ``World``."""

    graph: Graph
    nodes: dict[str, Node]
    channels: dict[str, Channel]

    @property
    def space(self) -> Space:
        """The space of the run."""
        ...

    def speakers(self, channel: Channel) -> list[str]:
        """The nodes that can emit on a channel, sorted."""
        ...

    def surroundings(self, node: str) -> Surroundings:
        """The geometry around a node."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """Where a node is: at which body (``mars``, ``earth``, ``sun``), how, how high over its ellipsoid; its position."""

    body: str
    kind: Kind
    height_km: float
    #: ICRF, barycentric.
    position_km: Vector


@dataclass(frozen=True, slots=True)
class Delay:
    """How long emissions take (ns): between the closest two nodes, and between the farthest two."""

    low_ns: int
    high_ns: int

    def __or__(self, other: Delay) -> Delay:
        """Both together."""
        return Delay(min(self.low_ns, other.low_ns), max(self.high_ns, other.high_ns))


@dataclass(frozen=True, slots=True)
class Reach:
    """Who takes part in a channel, by name, and the delay from the nodes at one body to those at another.

    A node that is at no body (it is on wires only) counts as being at ``""``. Delays are of pairs that are tuned to
    each other; a radio that nobody is tuned to is among the speakers and not among the heard.
    """

    speakers: frozenset[str]
    heard: frozenset[str]
    hearing: frozenset[str]
    delays: Mapping[tuple[str, str], Delay]


@dataclass(frozen=True, slots=True)
class Geometry:
    """The geometry of a graph at the run time ``at_ns``: by node, and by channel."""

    at_ns: int
    sites: Mapping[str, Site]
    reaches: Mapping[str, Reach]


def geometry_at(world: Realised, at_ns: int) -> Geometry:
    """The geometry at a run time in ns.

    A graph without a channel in space is not looked for in space: its epoch may be any.

    Raises:
        GraphError: a node on a space channel has no trajectory, or the instant lies outside the ephemeris.
    """
    ends = {
        node for it in world.graph.channels.values() if it.medium == "space" for node in {**it.members, **it.senders}
    }
    located = [name for name in world.nodes if ends and (name in ends or world.nodes[name].trajectory is not None)]
    sites = {node: _site(world, node, at_ns) for node in located}
    reaches = {name: _reach(world, channel, sites, at_ns) for name, channel in world.channels.items()}
    return Geometry(at_ns, sites, reaches)


def _site(world: Realised, node: str, at_ns: int) -> Site:
    around = world.surroundings(node)
    position_km, velocity_km_s = around.state(node, at_ns)
    for body in _PLANETS:
        centre = around.state(body, at_ns)
        arm = _difference(position_km, centre.position_km)
        if math.hypot(*arm) > _influence_km(world.space, body, centre.position_km, at_ns):
            continue
        height_km = around.altitude_km(body, at_ns)
        if around.trajectory(node).zenith(at_ns) is not None:
            return Site(body, "surface", height_km, position_km)
        speed = _difference(velocity_km_s, centre.velocity_km_s)
        stays = _stays_up(arm, speed, world.space.gm_km3_s2(body), world.space.radii_km(body)[0])
        return Site(body, "orbit" if stays else "flight", height_km, position_km)
    return Site("sun", "flight", around.altitude_km("sun", at_ns), position_km)


def _difference(one: Vector, other: Vector) -> Vector:
    return (one[0] - other[0], one[1] - other[1], one[2] - other[2])


def _influence_km(space: Space, body: str, centre_km: Vector, at_ns: int) -> float:
    """Laplace's sphere of influence, at the planet's distance from the sun at the instant.

    Source: Bate, Mueller, White, Fundamentals of Astrodynamics, 1971, section 7.4: r = a (m / M)^(2/5).
    """
    sun_km = math.dist(centre_km, space.body_state("sun", at_ns).position_km)
    return float(sun_km * (space.gm_km3_s2(body) / space.gm_km3_s2("sun")) ** 0.4)


def _stays_up(arm: Vector, speed: Vector, gm: float, radius_km: float) -> bool:
    """Whether the Kepler orbit of a state (km, km/s, from the body's centre) is closed and keeps off the ground."""
    radius, square = math.hypot(*arm), sum(v * v for v in speed)
    energy = square / 2 - gm / radius
    if energy >= 0:
        return False
    along = sum(a * v for a, v in zip(arm, speed, strict=True))
    eccentricity = math.hypot(
        *((square / gm - 1 / radius) * a - along / gm * v for a, v in zip(arm, speed, strict=True))
    )
    return -gm / (2 * energy) * (1 - eccentricity) > radius_km


def _reach(world: Realised, channel: Channel, sites: Mapping[str, Site], at_ns: int) -> Reach:
    speakers, listeners = world.speakers(channel), sorted(channel.members)
    tuned: _Matrix = np.array(speakers, dtype=str)[:, None] != np.array(listeners, dtype=str)[None, :]
    if not isinstance(channel.medium, Wire):
        tuned &= _tuned(world, channel, speakers, listeners)
    bodies = [[sites[node].body if node in sites else "" for node in nodes] for nodes in (speakers, listeners)]
    delays: dict[tuple[str, str], Delay] = {}
    for one in sorted(set(bodies[0])):
        for other in sorted(set(bodies[1])):
            pairs = tuned & np.outer([body == one for body in bodies[0]], [body == other for body in bodies[1]])
            if pairs.any():
                delays[one, other] = _delay(world, channel, speakers, listeners, pairs, at_ns)
    return Reach(
        speakers=frozenset(speakers),
        heard=frozenset(node for node, row in zip(speakers, tuned, strict=True) if row.any()),
        hearing=frozenset(node for node, column in zip(listeners, tuned.T, strict=True) if column.any()),
        delays=delays,
    )


def _tuned(world: Realised, channel: Channel, speakers: Sequence[str], listeners: Sequence[str]) -> _Matrix:
    """Whether a listener is tuned to the carrier of a speaker, as the space medium judges it (without Doppler)."""
    sent = [_radio(world, node, channel.senders.get(node) or channel.members[node]).transmit_hz for node in speakers]
    ears = [_radio(world, node, channel.members[node]) for node in listeners]
    carriers_hz = np.array([math.nan if hz is None else hz for hz in sent])
    tuned_hz = np.array([math.nan if ear.receive_hz is None else ear.receive_hz for ear in ears])
    half_hz = np.array([ear.receive_bandwidth_hz / 2 for ear in ears])
    heard: _Matrix = np.abs(carriers_hz[:, None] - tuned_hz[None, :]) <= half_hz[None, :]
    return heard


def _radio(world: Realised, node: str, port: str) -> RadioSpec:
    radio = getattr(world.nodes[node].params, port)
    assert isinstance(radio, RadioSpec)  # a channel in space was refused otherwise
    return radio


def _delay(
    world: Realised,
    channel: Channel,
    speakers: Sequence[str],
    listeners: Sequence[str],
    pairs: _Matrix,
    at_ns: int,
) -> Delay:
    """The latency of a wire; in space the light time between the closest pair at the instant, and the farthest."""
    if isinstance(channel.medium, Wire):
        return Delay(channel.medium.latency_ns, channel.medium.latency_ns)
    here, there = (
        np.array([world.surroundings(node).state(node, at_ns).position_km for node in nodes])
        for nodes in (speakers, listeners)
    )
    range_km = np.linalg.norm(here[:, None, :] - there[None, :, :], axis=2)
    found_ns = []
    for index in (np.where(pairs, range_km, np.inf).argmin(), np.where(pairs, range_km, -np.inf).argmax()):
        i, j = divmod(int(index), len(listeners))
        found_ns.append(round(world.surroundings(speakers[i]).owlt_s(listeners[j], at_ns) * NS_PER_S))
    return Delay(min(found_ns), max(found_ns))
