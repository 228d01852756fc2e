"""A run over several machines: which groups run where, how they reach the hub, and what goes there and comes back.

The launcher starts an ``agent`` on each of them and writes its task to it: the graph, the facts of the run, where the
hub is and the keys to speak to it. At the end the agent sends back what its host has written, and that is put where it
would lie had the host run here.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import struct
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import msgpack

from lightlag.bus.activation import Completion, Product
from lightlag.bus.errors import GraphError, RunError
from lightlag.bus.security import Keys, Pair, RunKeys
from lightlag.bus.time import Epoch
from lightlag.launch.graph.machines import Machine, address_of
from lightlag.launch.rundir.directory import HostFiles, RunDirectory

if TYPE_CHECKING:
    from lightlag.launch.graph.spec import Graph
    from lightlag.launch.placement.placing import Groups
    from lightlag.launch.placement.world import World

#: The first that an agent says on standard output, after whatever a login there may print: its files follow.
BEGIN = b"\0lightlag agent\n"
#: What a login prints is no longer than this.
_MOST_GREETING_BYTES = 1 << 16
_SIZE = struct.Struct(">I")
_NETWORK = "network.json"


# -- where groups run -------------------------------------------------------------------------------------------------


def machine_of(graph: Graph, group: Sequence[str]) -> Machine | None:
    """The machine at which a group is placed; None: here."""
    places = [graph.place[node] for node in group if node in graph.place]
    return next((graph.machines[place] for place in places if place in graph.machines), None)


def machines_of(graph: Graph, hosts: Sequence[str], groups: Groups) -> dict[str, Machine]:
    """The hosts of a run that are on other machines, and on which."""
    found = {host: machine_of(graph, group) for host, group in zip(hosts, groups, strict=True)}
    return {host: machine for host, machine in found.items() if machine is not None}


def groups_apart(world: World, here: int) -> Groups | None:
    """Groups of nodes, at most ``here`` of them on this machine; None if no node is placed at another one.

    Raises:
        GraphError: nodes that are placed apart are too close to run apart, or a machine could not reach the hub.
    """
    from lightlag.launch.placement.placing import Delays, place

    graph = world.graph
    if not any(pin in graph.machines for pin in graph.place.values()):
        return None
    groups = place(world, len(world.nodes))
    machines = [machine_of(graph, group) for group in groups]
    _reach({machine.name: machine for machine in machines if machine is not None})
    away = [group for group, machine in zip(groups, machines, strict=True) if machine is not None]
    at_home = [group for group in groups if group not in away]
    delays = Delays(world)
    while len(at_home) > max(1, here):
        count = len(at_home)
        i, j = divmod(int(delays.between(at_home + away)[:count, :count].argmin()), count)
        at_home[i] = sorted(at_home[i] + at_home.pop(j))
    return sorted(at_home + away)


# -- how they reach the hub -------------------------------------------------------------------------------------------


class Network(NamedTuple):
    """Where the hub listens beside this machine's own way to it, and the keys of the run."""

    binds: list[str]
    keys: RunKeys

    def write(self, folder: Path) -> None:
        """Write it for the hub and the hosts on this machine, that is for this user alone."""
        file = os.open(folder / _NETWORK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "w", encoding="ascii") as text:
            json.dump(self, text)

    @classmethod
    def read(cls, endpoint: str) -> Network | None:
        """What was written beside the hub's endpoint on this machine; None if the run does not leave it."""
        folder = Path(endpoint.removeprefix("ipc://")).parent
        try:
            binds, (hub, peers) = json.loads((folder / _NETWORK).read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        return cls(binds, RunKeys(Pair(*hub), {name: Pair(*pair) for name, pair in peers.items()}))


def lay_out(hosts: Sequence[str], machines: Mapping[str, Machine]) -> tuple[Network, dict[str, str]]:
    """A network for these hosts, some of which run on other machines, and the endpoint of the hub for each of those.

    Raises:
        GraphError: the hub cannot listen where a machine would reach it.
    """
    binds, endpoints = _reach(machines)
    return Network(binds, RunKeys.make(hosts)), endpoints


def _reach(machines: Mapping[str, Machine]) -> tuple[list[str], dict[str, str]]:
    """Where the hub is to listen for these hosts, and where each of them reaches it."""
    ports: dict[str, int] = {}  # by the address at which the hub listens: the same for all who name none
    binds: dict[str, None] = {}
    endpoints = {}
    for host, machine in machines.items():
        address = machine.address or _own_address_towards(machine)
        name, port = address_of(address)
        listening, wanted = address_of(machine.bind) if machine.bind else (name, port)
        if wanted is None:
            wanted = ports[listening] = ports.get(listening) or _listen(machine, listening, 0)[1]
        numeric, _ = _listen(machine, listening, wanted)
        binds[f"tcp://{_bracketed(numeric)}:{wanted}"] = None
        endpoints[host] = f"tcp://{_bracketed(name)}:{port or wanted}"
    return list(binds), endpoints


def _own_address_towards(machine: Machine) -> str:
    """The address of this machine from which it would send to that one; nothing is sent."""
    target = machine.ssh.rpartition("@")[2]
    try:
        family, kind, _, _, there = socket.getaddrinfo(target, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(there)
            return _bracketed(str(probe.getsockname()[0]))
    except OSError as error:
        raise GraphError(
            f"host {machine.name!r}: from which address this machine reaches {target!r} is not known "
            f"({error.strerror}); say in its 'address' where this machine is reached from there"
        ) from None


def _listen(machine: Machine, address: str, port: int) -> tuple[str, int]:
    """Listen for a moment, to learn whether that is possible, and where (numeric address, port)."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            found = probe.getsockname()
            return str(found[0]), int(found[1])
    except OSError as error:
        at = f"{address}:{port}" if port else address
        raise GraphError(
            f"host {machine.name!r}: the hub cannot listen at {at} ({error.strerror}); if that is an address of "
            f"something between, say with 'bind: ADDRESS:PORT' where it forwards to"
        ) from None


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


# -- what an agent is told --------------------------------------------------------------------------------------------


class Task(NamedTuple):
    """What an agent is to do."""

    host: str
    graph: str
    facts: dict[str, Any]
    endpoint: str
    keys: Keys
    incarnation: int

    def packed(self) -> bytes:
        """As it is written to an agent, with what must be the same there."""
        told: bytes = msgpack.packb((_versions(), self._asdict()))
        return _SIZE.pack(len(told)) + told

    @classmethod
    def read(cls, file: IO[bytes]) -> Task:
        """The task that a launcher writes; takes no byte more.

        Raises:
            RunError: there is none, or of another lightlag or Python.
        """
        head = _read(file, _SIZE.size)
        told = _read(file, _SIZE.unpack(head)[0]) if len(head) == _SIZE.size else b""
        try:
            versions, task = msgpack.unpackb(told)
        except ValueError:
            raise RunError("no launcher says what to do: hosts are started by lightlag launch, see 'hosts:'") from None
        for what, here in _versions().items():
            if versions.get(what) != here:
                raise RunError(
                    f"this machine ({platform.node()}) has {what} {here}, the launcher {versions.get(what)}: a run "
                    f"needs the same on all its machines"
                )
        return cls(**{**task, "keys": Keys(*task["keys"])})


def _read(file: IO[bytes], count: int) -> bytes:
    """So many bytes of an unbuffered file, or what there is before its end."""
    found = b""
    while len(found) < count and (piece := file.read(count - len(found))):
        found += piece
    return found


def _versions() -> dict[str, str]:
    return {"lightlag": version("lightlag"), "Python": ".".join(platform.python_version_tuple()[:2])}


# -- what comes back --------------------------------------------------------------------------------------------------


def send_home(directory: RunDirectory, host: str, file: IO[bytes]) -> None:
    """Write everything that a host has left in its run directory, as a tar."""
    with tarfile.open(fileobj=file, mode="w|") as tar:
        for folder, pattern in (("logs", "*.log"), ("pictures", "*"), ("parts", f"{host}.p*")):
            for path in sorted((directory.path / folder).glob(pattern)):
                tar.add(path, f"{folder}/{path.name}")


def has_begun(output: Path) -> bool:
    """Whether an agent, whose standard output that is, was there and understood its task."""
    with suppress(FileNotFoundError), output.open("rb") as file:
        return BEGIN in file.read(_MOST_GREETING_BYTES + len(BEGIN))
    return False


def take_in(directory: RunDirectory, host: str, output: Path, epoch: Epoch) -> None:
    """Put what an agent sent home where it would lie had its host run here.

    Raises:
        RunError: it is not whole.
    """
    arrived = RunDirectory(output.with_name(f"{output.name}.files"))
    for folder in (arrived.logs, arrived.pictures, arrived.parts):
        folder.mkdir(parents=True)
    try:
        with output.open("rb") as file:
            file.seek(file.read(_MOST_GREETING_BYTES + len(BEGIN)).index(BEGIN) + len(BEGIN))
            with tarfile.open(fileobj=file, mode="r|") as tar:
                for member in tar:
                    _unpack(tar, member, arrived.path)
    except (OSError, ValueError, tarfile.TarError) as error:
        raise RunError(f"what host {host} has recorded did not come back whole: {error}") from error
    for log in arrived.logs.iterdir():
        shutil.move(log, directory.logs / log.name)
    for part in arrived.recorded_parts():
        shutil.move(part, directory.part(host))
    files = HostFiles(directory, host, epoch, record=False)
    for product in arrived.products():
        node, name = product["node"], product["name"]
        data = (arrived.pictures / name).read_bytes()
        made = Product(product["t_ns"], node, name.removeprefix(f"{node}-"), data, product["facts"])
        files.write(Completion(products=[made]))
    files.close()


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Unpack a file; only files, and only into the folders that there are."""
    folder, _, name = member.name.partition("/")
    content = tar.extractfile(member) if member.isfile() else None
    if content is None or folder not in ("logs", "pictures", "parts") or "/" in name or name in ("", ".", ".."):
        raise ValueError(f"{member.name!r} is nothing that a host records")
    with (path / folder / name).open("wb") as file:
        shutil.copyfileobj(content, file)
