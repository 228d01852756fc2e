"""Where things are and how long light takes between them, asked from outside of a run.

Asked about are bodies (``mars``), ground stations (``DSS-14``, ``goldstone``), and nodes of a graph, by name; a node's
name goes before the others. Answers are those that the run of the graph would give: the same trajectories, the same
light time, the same bodies in the way. A signal is judged for geometry alone, without radios.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.graph.spec import Graph
from lightlag.nodes.trajectory import Trajectory, Vector
from lightlag.orbiters import C_KM_S, DSN_COMPLEXES, Ephemeris, Space, SpaceSurroundings
from lightlag.orbiters.ephemeris import NAIF_IDS, nearest
from lightlag.orbiters.frames import subtract
from lightlag.orbiters.geometry import elevation_deg, meet, occulting_body
from lightlag.orbiters.stations import STATIONS

from .world import World

#: The planets that things are told relative to, each as far as its gravity rules (Hill spheres, in round figures: km).
_REACHES_KM = {"earth": 1.5e6, "mars": 1.0e6}
_SITES = {name.lower(): site for name, site in STATIONS.items()}
BODY, STATION, NODE = "body", "station", "node"


@dataclass(frozen=True, slots=True)
class Ray:
    """A signal from one place to another: when it leaves and arrives (UTC), how long and far, what is in its way."""

    source: str
    target: str
    sent_ns: int
    arrive_ns: int
    sent_utc: str
    arrive_utc: str
    owlt_s: float
    #: The way of the signal: from where the source is then to where the target will be.
    range_km: float
    #: Of an end that stands on a surface, over its horizon; None for others.
    source_elevation_deg: float | None
    target_elevation_deg: float | None
    #: ``below_horizon``, or the body that stands in between; None: nothing.
    blocked: str | None


@dataclass(frozen=True, slots=True)
class Nearby:
    """Something relative to the planet that it is at: angles are planetocentric, in the frame that turns with it."""

    planet: str
    #: Over the reference ellipsoid, along the radius.
    altitude_km: float
    lat_deg: float
    lon_east_deg: float
    #: Relative to the planet's centre: in the axes of the ICRF, and in those that turn.
    speed_km_s: float
    ground_speed_km_s: float


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where something is at an instant."""

    name: str
    kind: str
    t_ns: int
    utc: str
    #: ICRF, relative to the barycentre of the solar system.
    position_icrf_km: Vector
    velocity_icrf_km_s: Vector
    nearby: Nearby | None
    #: Geometric, to the centres of the bodies.
    distances_km: dict[str, float]
    #: One-way light time to the centre of the Earth; None for the Earth.
    owlt_to_earth_s: float | None
    #: Angle between the Sun and this, seen from the Earth's centre; small angles trouble radio links.
    sun_earth_probe_deg: float | None
    #: Signals that leave now, to the stations that would see it, and to the graph's other nodes.
    stations: tuple[Ray, ...]
    nodes: tuple[Ray, ...]


def is_known_anywhere(name: str) -> bool:
    """Whether a name is that of a body or a station, for which no graph is needed."""
    return name in NAIF_IDS or name.lower() in _SITES


class Sky:
    """What can be asked about: bodies and stations, and with a graph its nodes, in its epoch."""

    def __init__(self, graph: Graph | None = None, epoch: Epoch | None = None) -> None:
        """Of a graph, or of no graph: then ``epoch`` is where time is counted from.

        Raises:
            GraphError: the epoch lies outside of the ephemeris.
        """
        self._world = None if graph is None else World(graph)
        if self._world is not None:
            self.space = self._world.space
        else:
            assert epoch is not None
            self.space = Space(epoch, Ephemeris.open())
        self.epoch = self.space.epoch
        self._known: dict[str, Trajectory] = {}

    @property
    def nodes(self) -> list[str]:
        """The nodes of the graph that are anywhere."""
        return [name for name, node in self._world.nodes.items() if node.trajectory] if self._world else []

    def kind(self, name: str) -> str:
        """``node``, ``body`` or ``station``.

        Raises:
            GraphError: it is none of these.
        """
        if self._world is not None and name in self._world.nodes:
            return NODE
        if name in NAIF_IDS:
            return BODY
        if name.lower() in _SITES:
            return STATION
        known = [*(self._world.nodes if self._world else ()), *NAIF_IDS, *STATIONS]
        what = "body, station or node of the graph" if self._world else "body or station"
        raise GraphError(f"{name!r} is no {what}{nearest(name, known)}")

    def trajectory(self, name: str) -> Trajectory:
        """Where something is.

        Raises:
            GraphError: there is nothing of that name, or it is nowhere.
        """
        if name not in self._known:
            kind = self.kind(name)
            if kind == NODE:
                assert self._world is not None
                if self._world.nodes[name].trajectory is None:
                    raise GraphError(f"{name} is nowhere: it has no trajectory, and is only on wires")
                self._known[name] = self._world.trajectory(name)
            elif kind == BODY:
                self._known[name] = self.space.body(name)
            else:
                self._known[name] = _SITES[name.lower()].realise(self.space)
        return self._known[name]

    def ray(self, source: str, target: str, sent_ns: int) -> Ray:
        """A signal that leaves ``source`` at ``sent_ns``.

        Raises:
            GraphError: there is nothing of that name, or the ephemeris does not reach so far.
        """
        self.space.require(sent_ns, sent_ns)
        emitter, receiver = self.trajectory(source), self.trajectory(target)
        from_km = emitter.state(sent_ns).position_km
        tau_ns, to_km = meet(from_km, sent_ns, receiver)
        arrive_ns = sent_ns + max(1, round(tau_ns))
        here, there = emitter.zenith(sent_ns), receiver.zenith(arrive_ns)
        elevations = (
            None if here is None else elevation_deg(here, from_km, to_km),
            None if there is None else elevation_deg(there, to_km, from_km),
        )
        blocked: str | None = None
        if any(elevation is not None and elevation < 0.0 for elevation in elevations):
            blocked = "below_horizon"
        else:
            ends = from_km, sent_ns, to_km, arrive_ns
            blocked = occulting_body(self.space, *ends, here is not None, there is not None)
        return Ray(
            source,
            target,
            sent_ns,
            arrive_ns,
            self.epoch.utc(sent_ns),
            self.epoch.utc(arrive_ns),
            tau_ns / NS_PER_S,
            C_KM_S * tau_ns / NS_PER_S,
            *elevations,
            blocked,
        )

    def ray_back(self, source: str, target: str, arrive_ns: int) -> Ray:
        """The signal from ``source`` that arrives at ``target`` at ``arrive_ns``, to the nanosecond or two."""
        to_km = self.trajectory(target).state(arrive_ns).position_km
        tau_ns, _ = meet(to_km, arrive_ns, self.trajectory(source), -1)
        return self.ray(source, target, arrive_ns - max(1, round(tau_ns)))

    def whereabouts(self, name: str, t_ns: int) -> Whereabouts:
        """Where something is, and who it can reach.

        Raises:
            GraphError: there is nothing of that name, or the ephemeris does not reach so far.
        """
        self.space.require(t_ns, t_ns)
        kind = self.kind(name)
        position_km, velocity_km_s = self.trajectory(name).state(t_ns)
        centres = {body: self.space.body_state(body, t_ns).position_km for body in NAIF_IDS}
        distances = {body: math.dist(position_km, centre) for body, centre in centres.items() if body != name}
        return Whereabouts(
            name=name,
            kind=kind,
            t_ns=t_ns,
            utc=self.epoch.utc(t_ns),
            position_icrf_km=position_km,
            velocity_icrf_km_s=velocity_km_s,
            nearby=self._nearby(name, t_ns, distances),
            distances_km=distances,
            owlt_to_earth_s=None if name == "earth" else self.ray(name, "earth", t_ns).owlt_s,
            sun_earth_probe_deg=_angle_deg(centres["earth"], centres["sun"], position_km)
            if name != "sun" and distances.get("earth", 0.0) > _REACHES_KM["earth"]
            else None,
            stations=() if self._is_of_earth(name, t_ns) else tuple(self._rays(name, list(DSN_COMPLEXES), t_ns)),
            nodes=tuple(self._rays(name, self.nodes, t_ns)),
        )

    def _nearby(self, name: str, t_ns: int, distances_km: dict[str, float]) -> Nearby | None:
        planet = next((it for it, reach_km in _REACHES_KM.items() if 0.0 < distances_km.get(it, 0.0) < reach_km), None)
        if planet is None:
            return None
        around = SpaceSurroundings(self.space, name, {name: self.trajectory(name)})
        x, y, z = (fixed := around.fixed(planet, name, t_ns)).position_km
        centre = self.space.body_state(planet, t_ns)
        drift = subtract(around.state(name, t_ns).velocity_km_s, centre.velocity_km_s)
        return Nearby(
            planet,
            around.altitude_km(planet, t_ns),
            math.degrees(math.atan2(z, math.hypot(x, y))),
            math.degrees(math.atan2(y, x)),
            math.hypot(*drift),
            math.hypot(*fixed.velocity_km_s),
        )

    def _is_of_earth(self, name: str, t_ns: int) -> bool:
        """Whether it is the Earth or stands there, so that nobody asks which stations see it."""
        earth_km = math.dist(self.trajectory(name).state(t_ns).position_km, self.space.body("earth").position_km(t_ns))
        stands = self.trajectory(name).zenith(t_ns) is not None
        return name == "earth" or (stands and earth_km < _REACHES_KM["earth"])

    def _rays(self, name: str, targets: Sequence[str], t_ns: int) -> Iterator[Ray]:
        return (self.ray(name, target, t_ns) for target in targets if target != name)


def _angle_deg(at: Vector, one: Vector, other: Vector) -> float:
    """The angle (deg) between two directions, seen from ``at``."""
    a, b = subtract(one, at), subtract(other, at)
    cosine = sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
