"""HELICS, as a peer: a broker and one process per federate, in a named configuration.

A configuration is a core and what is switched on, like ``ipc+targeted+globaltime``. Some federations end early, hang or
raise: those are tried again, and counted.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Message endpoints over zmq, as in HELICS's own suite of benchmarks.
SUITE = "zmq"
#: The quickest configuration of several processes found for each work.
TUNED = {
    "phold": "ipc+globaltime",
    "ring": "ipc+targeted",
    "timing": "ipc+globaltime",
    "relay": "ipc+targeted",
    "image": "ipc",
}
#: A federation that takes longer than this (wall s) hangs.
HANGS_AFTER_S = 60.0
#: How long a broker may stay when all federates have left (wall s).
_LEAVES_WITHIN_S = 5.0
#: How many attempts of each kind are put up with before a comparison is given up: those that hang cost a minute.
LIMITS = {"early": 40, "hung": 3, "raised": 10}

_SHARED_MEMORY = Path("/dev/shm")
_FEDERATE = Path(__file__).with_name("federate.py")
#: Ports that brokers are given in turn, two and those of their cores apart; away from HELICS's own 23404 and on.
_FIRST_PORT, _LAST_PORT, _PORTS_EACH = 24_600, 31_000, 64
#: Beyond HELICS's default of 4,096, at which tcp and ipc hang with pieces of an image.
_BIG_MESSAGES = "--maxsize=80000"


@dataclass(frozen=True, slots=True)
class Configuration:
    """How a federation is joined."""

    core: str
    targeted: bool = False
    globaltime: bool = False
    endpoints: bool = True

    @classmethod
    def parse(cls, text: str) -> Configuration:
        """A configuration as written: ``tcp+targeted``.

        Raises:
            ValueError: a word is neither a core nor an option.
        """
        core, *options = text.split("+")
        unknown = [word for word in options if word not in ("targeted", "globaltime", "alone")]
        if core not in ("zmq", "tcp", "ipc") or unknown:
            raise ValueError(
                f"{text!r} is no HELICS configuration; write zmq, tcp or ipc, then any of +targeted, +globaltime, "
                f"+alone (federates without endpoints)"
            )
        return cls(core, "targeted" in options, "globaltime" in options, "alone" not in options)


class FederationError(RuntimeError):
    """A federation failed."""


class Helics:
    """A configuration at one work, and how often it failed."""

    def __init__(self, work: str, configuration: str) -> None:
        self.work = work
        self.configuration = configuration
        #: Attempts that did not do their work: ``early`` is that some were granted the end with messages on the way.
        self.failures: dict[str, int] = {}

    @classmethod
    def named(cls, work: str, peer: str) -> Helics | None:
        """The configuration that a peer's name means for a work; None if the peer is not HELICS."""
        if peer in ("none", "raw", "simpy"):
            return None
        return cls(work, {"suite": SUITE, "tuned": TUNED[work]}.get(peer, peer))

    def elapsed_s(self, federates: int, task: Mapping[str, Any], expected: int) -> float:
        """Wall seconds, from executing mode to the last federate, of an attempt that received ``expected`` in all.

        Raises:
            FederationError: too many attempts failed.
        """
        configuration = Configuration.parse(self.configuration)
        while True:
            last_words = ""
            try:
                elapsed_s, counts = _attempt(self.work, federates, configuration, task)
            except subprocess.TimeoutExpired:
                kind = "hung"
            except FederationError as error:
                kind, last_words = "raised", str(error)
            else:
                if sum(counts) == expected:
                    return elapsed_s
                kind = "early"
            self.failures[kind] = self.failures.get(kind, 0) + 1
            if self.failures[kind] == LIMITS[kind]:
                raise FederationError(
                    f"HELICS {self.configuration} did not get through {self.work}: {self.failures}. {last_words}"
                )

    def facts(self) -> dict[str, Any]:
        """For the record."""
        return {"helics": self.configuration, "helics_failures": self.failures}


def _attempt(
    work: str, federates: int, configuration: Configuration, task: Mapping[str, Any]
) -> tuple[float, list[int]]:
    name = f"bench_{secrets.token_hex(4)}"
    options = "--globaltime " if configuration.globaltime else ""
    options += _BIG_MESSAGES if configuration.core != "zmq" else ""
    if configuration.core == "ipc":
        join = f"--broker_address={name}"
        own = f"--local_interface={name}"
    else:
        port = _free_port()
        join = f"--brokerport={port}"
        own = f"--port={port} --portstart={port + 8}"
    facts = {
        **task,
        "core": configuration.core,
        "core_options": f"--loglevel=no_print {options} {join}",
        "name": name,
        "targeted": configuration.targeted,
        "endpoints": configuration.endpoints,
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [_broker(), f"--coretype={configuration.core}", f"--federates={federates}", "--loglevel=no_print"]
    children: list[subprocess.Popen[str]] = []
    broker = subprocess.Popen([*command, *options.split(), *own.split()], **quiet)  # type: ignore[call-overload]
    try:
        for index in range(federates):
            child = subprocess.Popen(
                [sys.executable, str(_FEDERATE), work, str(index)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            children.append(child)
            assert child.stdin is not None
            with suppress(BrokenPipeError):  # it has died: its answer will say why
                child.stdin.write(json.dumps(facts))
                child.stdin.close()
            child.stdin = None
        answers = [_answer(child) for child in children]
        with suppress(subprocess.TimeoutExpired):  # a broker that stays has done its work all the same
            broker.wait(_LEAVES_WITHIN_S)
    finally:
        for process in (*children, broker):
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        for queue in _SHARED_MEMORY.glob(f"{name}*"):  # what an ipc core leaves when it is killed
            queue.unlink(missing_ok=True)
    begun_s = max(answer["begun_s"] for answer in answers)
    ended_s = max(answer["ended_s"] for answer in answers)
    return ended_s - begun_s, [answer["count"] for answer in answers]


def _answer(child: subprocess.Popen[str]) -> dict[str, Any]:
    said, errors = child.communicate(timeout=HANGS_AFTER_S)
    lines = [line for line in said.splitlines() if line.startswith("{")]  # HELICS itself may speak on it too
    if child.returncode or not lines:
        raise FederationError(f"a federate ended with exit code {child.returncode}: {errors.strip()[-500:]}")
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def _broker() -> str:
    import helics

    return str(Path(helics.__file__).parent / "install" / "bin" / "helics_broker")


def _free_port() -> int:
    """The first of a few ports that nobody uses; where to look first differs from process to process."""
    count = (_LAST_PORT - _FIRST_PORT) // _PORTS_EACH
    start = secrets.randbelow(count)
    for k in range(count):
        port = _FIRST_PORT + (start + k) % count * _PORTS_EACH
        with suppress(OSError):
            for offset in (0, 1):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
            return port
    raise OSError(f"every port between {_FIRST_PORT} and {_LAST_PORT} that was tried for a HELICS broker is in use")
