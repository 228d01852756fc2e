"""One HELICS federate in a process of its own: ``python federate.py WORK INDEX``, its task as JSON on standard input.

The task says how to join (core, options, whether endpoints are targeted) and how much to do; the last line written
is JSON: when the federation entered executing mode and when this federate was through (both on the monotonic clock,
which all processes of a machine share), and how much it received. What falls short is for the parent to judge.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import helics

sys.path.insert(0, str(Path(__file__).parents[1]))

import workloads as work

#: What a federate asks for that only waits for messages. The end of the run would do too, but federations with targeted
#: endpoints are then granted it while messages are still on their way.
_NEVER_S = float(helics.HELICS_TIME_MAXTIME)


class Federate:
    """A message federate with one endpoint."""

    def __init__(self, name: str, task: dict[str, Any], targets: Sequence[str], lookahead_ns: int) -> None:
        info = helics.helicsCreateFederateInfo()
        helics.helicsFederateInfoSetCoreTypeFromString(info, task["core"])
        helics.helicsFederateInfoSetCoreInitString(
            info, f"--federates=1 --name={task['name']}_{name} {task['core_options']}"
        )
        helics.helicsFederateInfoSetTimeProperty(info, helics.HELICS_PROPERTY_TIME_DELTA, 1e-9)
        helics.helicsFederateInfoSetTimeProperty(info, helics.HELICS_PROPERTY_TIME_OUTPUT_DELAY, lookahead_ns / 1e9)
        self.handle = helics.helicsCreateMessageFederate(name, info)
        self.endpoint: Any = None
        if task["targeted"]:
            self.endpoint = helics.helicsFederateRegisterGlobalTargetedEndpoint(self.handle, f"{name}.end")
            for target in targets:
                helics.helicsEndpointAddDestinationTarget(self.endpoint, f"{target}.end")
        elif task["endpoints"]:
            self.endpoint = helics.helicsFederateRegisterGlobalEndpoint(self.handle, f"{name}.end")
            if len(targets) == 1:
                helics.helicsEndpointSetDefaultDestination(self.endpoint, f"{targets[0]}.end")

    def start(self) -> None:
        """Enter executing mode: returns when every federate has."""
        helics.helicsFederateEnterExecutingMode(self.handle)

    def request(self, until_s: float) -> float:
        """The time granted, at most ``until_s``: that of the next message if one comes sooner."""
        granted: float = helics.helicsFederateRequestTime(self.handle, until_s)
        return granted

    def send(self, data: bytes) -> None:
        """To the endpoint's destination, one lookahead later."""
        helics.helicsEndpointSendBytes(self.endpoint, data)

    def send_to(self, data: bytes, name: str, t_ns: int) -> None:
        """To the endpoint of another federate, for ``t_ns``."""
        helics.helicsEndpointSendBytesToAt(self.endpoint, data, f"{name}.end", t_ns / 1e9)

    def received(self) -> Iterator[bytes]:
        """What has arrived; each message is given back to HELICS before the next is taken."""
        while helics.helicsEndpointHasMessage(self.endpoint):
            message = helics.helicsEndpointGetMessage(self.endpoint)
            yield helics.helicsMessageGetBytes(message)
            helics.helicsMessageFree(message)

    def leave(self) -> None:
        """Disconnect, and give everything back."""
        helics.helicsFederateDisconnect(self.handle)
        helics.helicsFederateFree(self.handle)
        helics.helicsCloseLibrary()


#: A federate, and its work once the federation executes: how much it received.
_Role = tuple[Federate, Callable[[], int]]


def phold(index: int, task: dict[str, Any]) -> _Role:
    """Every message received is followed by one sent."""
    nodes, until_ns = task["nodes"], task["size"] * work.NS_PER_S
    federate = Federate(f"n{index}", task, [f"n{other}" for other in range(nodes)], work.PHOLD_LOOKAHEAD_NS)
    draws = work.Draws(index, nodes)

    def emit(now_ns: int) -> None:
        target, wait_ns = draws.next()
        federate.send_to(b"ev", f"n{target}", now_ns + work.PHOLD_LOOKAHEAD_NS + wait_ns)

    def run() -> int:
        for _ in range(work.PHOLD_MESSAGES):
            emit(0)
        count = 0
        while (now_ns := round(federate.request(until_ns / 1e9) * 1e9)) < until_ns:
            for _ in federate.received():
                count += 1
                emit(now_ns)
        return count

    return federate, run


def ring(index: int, task: dict[str, Any]) -> _Role:
    """The token carries its hop; a federate is through after its own last one."""
    nodes, hops = task["nodes"], task["size"]
    federate = Federate(f"n{index}", task, [f"n{(index + 1) % nodes}"], work.RING_HOP_NS)
    padding = bytes(work.RING_BYTES - 8)

    def run() -> int:
        if index == 0:
            federate.send((1).to_bytes(8) + padding)
        expected = index or nodes
        count = 0
        while expected <= hops and federate.request(_NEVER_S) < _NEVER_S:
            for token in federate.received():
                if (hop := int.from_bytes(token[:8])) != expected:
                    raise RuntimeError(f"n{index} received hop {hop} where {expected} was due")
                if hop < hops:
                    federate.send((hop + 1).to_bytes(8) + padding)
                expected += nodes
                count += 1
        return count

    return federate, run


def timing(index: int, task: dict[str, Any]) -> _Role:
    """Time requests, one step at a time, and nothing to send."""
    federate = Federate(f"n{index}", task, [f"n{other}" for other in range(task["nodes"])], work.TIMING_STEP_NS)
    step_s = work.TIMING_STEP_NS / 1e9

    def run() -> int:
        count = 0
        while count < task["size"]:
            if federate.request((count + 1) * step_s) < (count + 1) * step_s:
                raise RuntimeError(f"n{index} was granted less than it asked for, with nothing on the way to it")
            count += 1
        return count

    return federate, run


def relay(index: int, task: dict[str, Any]) -> _Role:
    """Telemetry from the rover by the orbiter to Earth; ``image`` is the same with pieces."""
    if index == 0:
        return _rover(task)
    federate = Federate(f"n{index}", task, ["n2"] if index == 1 else [], work.LONG_NS if index == 1 else 0)

    def run() -> int:
        count = 0
        while count < task["size"] and federate.request(_NEVER_S) < _NEVER_S:
            for data in federate.received():
                if len(data) != task["bytes"]:
                    raise RuntimeError(f"n{index} received {len(data)} bytes where {task['bytes']} were sent")
                if index == 1:
                    federate.send(data)
                count += 1
        return count

    return federate, run


def _rover(task: dict[str, Any]) -> _Role:
    federate = Federate("n0", task, ["n1"], work.UP_NS)
    data = bytes(task["bytes"])

    def run() -> int:
        for k in range(task["size"]):
            if k and task["period_ns"]:
                federate.request(k * task["period_ns"] / 1e9)
            federate.send(data)
        return 0

    return federate, run


_WORKS = {"phold": phold, "ring": ring, "timing": timing, "relay": relay, "image": relay}


def main() -> None:
    """Join, do the work, say what came of it, leave."""
    name, index = sys.argv[1], int(sys.argv[2])
    federate, run = _WORKS[name](index, json.load(sys.stdin))
    federate.start()
    begun_s = time.monotonic()
    count = run()
    ended_s = time.monotonic()
    sys.stdout.write(json.dumps({"begun_s": begun_s, "ended_s": ended_s, "count": count}) + "\n")
    sys.stdout.flush()
    federate.leave()


if __name__ == "__main__":
    main()
