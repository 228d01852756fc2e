"""HELICS, as a peer: a broker and one process per federate, in a named configuration.

A configuration is a core and what is switched on, like ``ipc+targeted+globaltime``. Federations that end early, hang or
raise happen (see the notes in docs/performance.md); ``run`` tries again, and counts them.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: A federation that takes longer than this (wall s) hangs.
HANGS_AFTER_S = 60.0
#: Attempts at one repeat, and how many of them may hang.
ATTEMPTS = 40
HUNG_ATTEMPTS = 3

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


@dataclass(slots=True)
class Failures:
    """Federations that did not do their work."""

    early: int = 0
    hung: int = 0
    raised: int = 0
    last_words: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, int]:
        """How many, by kind; only those that were seen."""
        return {kind: count for kind in ("early", "hung", "raised") if (count := getattr(self, kind))}


class FederationError(RuntimeError):
    """A federation failed in every attempt."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a federation did: wall seconds from executing mode to the last federate, and what each one received."""

    elapsed_s: float
    counts: Sequence[int]


def run(
    work: str, federates: int, configuration: Configuration, task: Mapping[str, Any], expected: int, failures: Failures
) -> Outcome:
    """Run a federation until one attempt has received the ``expected`` number of messages (or grants) in all.

    Raises:
        FederationError: no attempt did.
    """
    hung = 0
    for _ in range(ATTEMPTS):
        try:
            outcome = _attempt(work, federates, configuration, task)
        except subprocess.TimeoutExpired:
            failures.hung += 1
            hung += 1
            if hung == HUNG_ATTEMPTS:
                break
            continue
        except FederationError as error:
            failures.raised += 1
            failures.last_words.append(str(error))
            continue
        if sum(outcome.counts) == expected:
            return outcome
        failures.early += 1
    raise FederationError(f"HELICS {work}, {configuration}: no attempt succeeded; seen: {failures}")


def _attempt(work: str, federates: int, configuration: Configuration, task: Mapping[str, Any]) -> Outcome:
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
            child.stdin.write(json.dumps(facts))
            child.stdin.close()
            child.stdin = None
        answers = [_answer(child) for child in children]
        broker.wait(HANGS_AFTER_S)
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
    return Outcome(ended_s - begun_s, [answer["count"] for answer in answers])


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
    raise OSError(f"no free port between {_FIRST_PORT} and {_LAST_PORT}, for process {os.getpid()}")
