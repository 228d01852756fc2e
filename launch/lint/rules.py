"""The rules, and the names that break them, with what a node uses instead.

A name is written in full, as it would be without any alias: ``datetime.datetime.now``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: Every rule by its name, and what it is about.
RULES: Mapping[str, str] = {
    "wall-clock": "reads the machine's clock or time zone, or waits for it",
    "randomness": "draws from a generator that the run's seed does not determine",
    "set-order": "goes through a set, whose order differs from process to process",
    "file-order": "goes through files in the order of the file system",
    "identity": "uses a number that differs from process to process: hash() of a text, id()",
    "outside": "reaches out of the simulation: threads, programs, sockets",
    "sharing": "makes an object of asyncio that all nodes of a process would share",
    "futures": "puts futures that are told apart by memory address where order matters",
    "environment": "reads files or the environment while the run goes",
    "collector": "depends on when the garbage collector comes by",
    "source": "has no source that could be read",
    "allow": "a comment that allows something is wrong or not needed",
}
#: Rules whose findings are likely to be meant; they are shown, and do not make the code wrong.
WARNINGS = ("environment", "collector", "source")


@dataclass(frozen=True, slots=True)
class Use:
    """What is wrong with using a name, and what to use instead."""

    rule: str
    #: Follows the name in a message.
    what: str
    instead: str


_NOW = "the simulated time is self.now_ns (ns since the epoch); as UTC: self.epoch.utc(self.now_ns)"
_CLOCK = Use("wall-clock", "reads the clock of the machine", _NOW)
_ZONE = Use("wall-clock", "depends on the time zone of the machine", "stay in UTC: self.epoch.utc(t_ns)")
_SLEEP = Use("wall-clock", "stops the whole process, and no simulated time", "await asyncio.sleep(seconds)")
_DRAW = Use("randomness", "is not determined by the run's seed", "self.rng, which run seed and node name determine")
_LISTED = "in a parameter, or compute it before the run"
_THREAD = Use("outside", "runs beside simulated time", "asyncio.create_task: many tasks of a node, one order")
_PROGRAM = Use("outside", "starts a program, which takes real time", f"pass its result {_LISTED}")
_SOCKET = Use("outside", "talks to the real world", "emissions on channels, or a parameter")
_ENVIRONMENT = Use("environment", "is another in every process and on every host", "a parameter of the node (Params)")
_FUTURE = Use("futures", "makes one that is told apart by memory address", "asyncio.create_task, loop.create_future()")
_COLLECTED = Use("collector", "calls back when an object dies", "say when it ends: a method, async with, try/finally")


def _each(use: Use, module: str, names: str) -> dict[str, Use]:
    return {f"{module}.{name}": use for name in names.split()}


#: Wrong wherever they are used, called or handed on.
ALWAYS: Mapping[str, Use] = {
    **_each(_CLOCK, "time", "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns"),
    **_each(_CLOCK, "time", "process_time process_time_ns thread_time thread_time_ns clock_gettime clock_gettime_ns"),
    **_each(_CLOCK, "datetime", "datetime.now datetime.utcnow datetime.today date.today"),
    **_each(_ZONE, "time", "localtime mktime"),
    **_each(_SLEEP, "time", "sleep"),
    **_each(_DRAW, "random", "SystemRandom"),
    **_each(_DRAW, "uuid", "uuid1 uuid4"),
    **_each(_DRAW, "os", "urandom getrandom"),
    **_each(_THREAD, "threading", "Thread Timer Lock RLock Condition Event Semaphore BoundedSemaphore Barrier"),
    **_each(_THREAD, "asyncio", "to_thread run_coroutine_threadsafe"),
    **_each(_PROGRAM, "os", "system popen fork forkpty posix_spawn posix_spawnp"),
    **_each(_PROGRAM, "asyncio", "create_subprocess_exec create_subprocess_shell"),
    **_each(_SOCKET, "asyncio", "open_connection start_server open_unix_connection start_unix_server"),
    **_each(Use("outside", "waits for a person", "a parameter"), "builtins", "input"),
    **_each(_ENVIRONMENT, "os", "environ environb getenv getenvb"),
    **_each(_DRAW, "secrets", "choice randbelow randbits token_bytes token_hex token_urlsafe SystemRandom"),
    **_each(_COLLECTED, "weakref", "finalize"),
}
#: Wrong when called; as a type they are not.
CALLED: Mapping[str, Use] = _each(_FUTURE, "asyncio", "Future Task")
#: Wrong when called outside of any function: what a module or a class makes, all nodes of a process share.
SHARED: Mapping[str, Use] = _each(
    Use(
        "sharing", "is made once for all nodes of a process", "make one in __init__ or run(); nodes talk over channels"
    ),
    "asyncio",
    "Queue LifoQueue PriorityQueue Event Lock Condition Semaphore BoundedSemaphore Barrier",
)
#: All functions of these modules draw from a generator of the whole process; their classes take a seed.
_SHARED = re.compile(r"(random|numpy\.random)\.(?!default_rng$|bit_generator$|mtrand$)[a-z]\w*")
_SHARED_USE = Use("randomness", "draws from a generator that all nodes of a process share", _DRAW.instead)

#: Wrong when called without a seed.
UNSEEDED = frozenset(
    [
        "random.Random",
        *(f"numpy.random.{name}" for name in ("default_rng", "RandomState", "SeedSequence", "PCG64", "PCG64DXSM")),
        *(f"numpy.random.{name}" for name in ("MT19937", "Philox", "SFC64")),
    ]
)
UNSEEDED_USE = Use(
    "randomness",
    "without a seed is seeded by the machine",
    "self.rng, or a seed drawn from it: self.rng.getrandbits(64)",
)

#: Wrong when called with fewer arguments than this: then they mean now, or here.
TOO_FEW: Mapping[str, tuple[int, Use]] = {
    "time.gmtime": (1, _CLOCK),
    "time.ctime": (1, _CLOCK),
    "time.asctime": (1, _CLOCK),
    "time.strftime": (2, _CLOCK),
    "datetime.datetime.fromtimestamp": (2, _ZONE),
}

#: Modules that are of no use but to do what a node cannot.
IMPORTS: Mapping[str, Use] = {
    **dict.fromkeys(("multiprocessing", "concurrent.futures", "_thread"), _THREAD),
    **dict.fromkeys(("subprocess", "pexpect"), _PROGRAM),
    **dict.fromkeys(("socket", "socketserver", "ssl", "select", "selectors", "ftplib", "smtplib"), _SOCKET),
    **dict.fromkeys(("urllib.request", "http.client", "http.server", "xmlrpc", "requests", "aiohttp"), _SOCKET),
    **dict.fromkeys(("httpx", "websockets", "zmq", "paramiko", "serial"), _SOCKET),
}

HASH = Use("identity", "of a text or an object differs from process to process", "hashlib.blake2b, or a number")
ID = Use("identity", "is an address, another in every run", "a name, or a number that you count yourself")
READ = Use("environment", "reads a file while the run goes", "read it at import, or take what it says as a parameter")
DEL = Use(_COLLECTED.rule, "runs when the collector comes by", _COLLECTED.instead)
WEAK = _COLLECTED
BARE = Use(
    "futures",
    "makes tasks of coroutines in the order of their addresses",
    "give it tasks: [asyncio.create_task(one) for one in coroutines]",
)
GATHERED = Use(
    "futures", "of asyncio.gather hashes by its address", "await it, or put the tasks themselves into the set"
)


def always(name: str) -> Use | None:
    """What is wrong with a name wherever it is used; None if nothing is."""
    return ALWAYS.get(name) or (_SHARED_USE if _SHARED.fullmatch(name) else None)


def imported(name: str) -> Use | None:
    """What is wrong with importing a module, or from one; None if nothing is."""
    parts = name.split(".")
    return next((use for n in range(len(parts), 0, -1) if (use := IMPORTS.get(".".join(parts[:n])))), None)
