"""Other machines that groups of nodes run on: the ``hosts:`` section of a graph, or the file that ``--hosts`` names.

    hosts:
      mars: {ssh: me@mars.example.org}
      lab:  {ssh: lab, address: 10.0.0.5, lightlag: /opt/lightlag/bin/lightlag}
      box:  {start: "ip netns exec box {command}", address: "10.0.1.1:7000", bind: "10.0.0.5:7000"}
    place: {perseverance: mars}

A place that has the name of a machine is there; everything else runs here. This is the plain model; what is done with
it is in ``lightlag.launch.run.remote``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass

from lightlag.bus.errors import GraphError

#: What a template for starting an agent has in the place of the command to run.
COMMAND = "{command}"
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:\[\]/@]+)(?::(?P<port>\d{1,5}))?")
_MOST_PORT = 65_535
#: Nobody is there to type a password, and a line that is dead must end.
_SSH = ("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15")


@dataclass(frozen=True, slots=True)
class Machine:
    """Another machine: how a process is started there, and how it reaches the hub, which runs here.

    Raises:
        GraphError: there is no one way to start a process there, or it could not reach the hub.
    """

    name: str
    #: Where ssh logs in: ``host`` or ``user@host``, or a name that ssh knows.
    ssh: str = ""
    #: ``ADDRESS`` or ``ADDRESS:PORT`` at which this machine, where the hub is, is reached from there; without, the
    #: address from which this machine would send to ``ssh``. Without a port: one that is free.
    address: str = ""
    #: ``ADDRESS:PORT`` at which the hub listens here, if that is not ``address``: something in between forwards it.
    bind: str = ""
    #: The command that is lightlag there.
    lightlag: str = "lightlag"
    #: A command in the place of ssh, with ``{command}`` in it.
    start: str = ""

    def __post_init__(self) -> None:
        if bool(self.ssh) == bool(self.start):
            raise GraphError(
                f"host {self.name!r} has {'both' if self.ssh else 'neither'} 'ssh' {'and' if self.ssh else 'nor'} "
                f"'start': ssh: user@address logs in there, start: 'COMMAND {COMMAND}' is a way of your own"
            )
        if self.start and not self.address:
            raise GraphError(f"host {self.name!r} has no 'address': say where this machine is reached from there")
        if self.bind and not self.address:
            raise GraphError(f"host {self.name!r} has a 'bind', but no 'address' from which that is reached")

    def command(self, host: str) -> list[str]:
        """The words that start an agent for a host of the run there; none of them is secret."""
        if not self.start:  # a shell reads it there: ~ and variables mean what they mean there
            return [*_SSH, "--", self.ssh, f"{self.lightlag} host {shlex.quote(host)}"]
        words = [*shlex.split(self.lightlag), "host", host]
        template = shlex.split(self.start)
        at = template.index(COMMAND)
        return [*template[:at], *words, *template[at + 1 :]]

    def data(self) -> dict[str, str]:
        """As in a graph file."""
        return {key: value for key, value in asdict(self).items() if value and key != "name"}


def address_of(text: str) -> tuple[str, int | None]:
    """Host, an IPv6 address without brackets, and port, if it has one, of ``ADDRESS`` or ``ADDRESS:PORT``.

    Raises:
        ValueError: it is neither.
    """
    found = _ADDRESS.fullmatch(text)
    port = int(found["port"]) if found and found["port"] else None
    if not found or (port is not None and not 0 < port <= _MOST_PORT):
        raise ValueError(
            f"{text!r} is no address; write 10.0.0.5, name.example.org, [fd00::5], or one of them and :PORT"
        )
    return found["host"].strip("[]"), port


def _read_address(text: str) -> str:
    address_of(text)
    return text


def _read_bind(text: str) -> str:
    if address_of(text)[1] is None:
        raise ValueError(f"{text!r} has no port; what forwards to the hub must know it: {text}:7000")
    return text


def _read_ssh(text: str) -> str:
    if not text or text.startswith("-") or any(character.isspace() for character in text):
        raise ValueError(f"{text!r} is nothing that ssh could log in to; write host or user@host")
    return text


def _read_command(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no command: {error}") from None
    if not words:
        raise ValueError("the command is empty")
    return text


def _read_start(text: str) -> str:
    if shlex.split(_read_command(text)).count(COMMAND) != 1:
        raise ValueError(f"{text!r} must have {COMMAND} in it once, as a word, where the command to run is to stand")
    return text


#: How each key of a machine is read, from text.
MACHINE_KEYS: dict[str, Callable[[str], str]] = {
    "ssh": _read_ssh,
    "address": _read_address,
    "bind": _read_bind,
    "lightlag": _read_command,
    "start": _read_start,
}
