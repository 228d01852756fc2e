"""The bodies of the processes that a launcher starts: ``lightlag host NAME`` and ``lightlag hub``.

Both read what they are to do from the run directory, so that one that is started again needs no more words than the
first. Neither outlives the launcher: their standard input is a pipe from it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import zmq

from lightlag.bus import multipart
from lightlag.bus.activation import Completion
from lightlag.bus.errors import LightlagError
from lightlag.bus.hub import Hub
from lightlag.bus.journal import Journal, past_of, read_facts, restore
from lightlag.bus.pace import Pace
from lightlag.bus.security import Guard, Keys
from lightlag.bus.shell import HostAgain, peak_rss_kb, run_shell
from lightlag.bus.stepping import Collected, Held, HeldHub
from lightlag.bus.tap import Tap
from lightlag.launch.placement.world import World
from lightlag.launch.rundir.directory import HostFiles, RunDirectory
from lightlag.launch.rundir.live import HUB
from lightlag.launch.rundir.stacks import show_stack_on_request
from lightlag.launch.rundir.whereabouts import telling

from .beginning import begun_graph
from .feed import Feed
from .operations import Operations
from .remote import Network

#: The hub's: one takes in what is large while another sends it on.
_IO_THREADS = 2
#: A host leaves with this code when the hub asks for a new incarnation (EX_TEMPFAIL).
EXIT_AGAIN = 75
#: The speed of a run that somebody outside lets go on, a stretch at a time.
HELD = 0.0
#: What a terminal sends to every process in it, Ctrl-C and that it is closing: the launcher's business.
OF_THE_TERMINAL = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def run_host(name: str, run_dir: Path, endpoint: str, incarnation: int) -> int:
    """The body of ``lightlag host NAME``: run its nodes until the hub says BYE; returns the exit code."""
    _die_with_parent()
    network = Network.read(endpoint)
    keys = network.keys.of(name) if network else None
    return serve_host(name, RunDirectory(run_dir), endpoint, incarnation, sys.stdin.fileno(), keys)


def serve_host(
    name: str, directory: RunDirectory, endpoint: str, incarnation: int, control_fd: int, keys: Keys | None
) -> int:
    """Run the nodes of a host in this process until the hub says BYE; returns the exit code."""
    _deaf_to_the_terminal()
    show_stack_on_request(directory, name)
    facts = read_facts(directory.journal)
    world = World(begun_graph(directory, facts))
    host = world.host(name, facts["groups"][facts["hosts"].index(name)])
    host.lists_receptions = facts["record"]
    gc.collect()
    gc.freeze()  # a graph's nodes live as long as the process: the collector need not look at them again and again
    files: list[HostFiles] = []

    def write(done: Completion) -> None:
        if not files:  # not before the hub has granted: of a run that is over nothing is to be written anew
            files.append(HostFiles(directory, name, world.graph.epoch, record=facts["record"]))
        files[0].write(done)

    try:
        with telling(host, endpoint, facts["hosts"].index(name)):
            run_shell(host, endpoint, facts["run"], write, incarnation=incarnation, control_fd=control_fd, keys=keys)
    except HostAgain:
        return EXIT_AGAIN
    finally:
        for each in files:
            each.close()
    return 0


def run_hub(run_dir: Path, endpoint: str, feed_fd: int, speed: float | None) -> int:
    """The body of ``lightlag hub``: coordinate the run from where its journal ends; returns the exit code."""
    _deaf_to_the_terminal()
    threading.Thread(target=_leave_with_launcher, daemon=True).start()
    directory = RunDirectory(run_dir)
    show_stack_on_request(directory, HUB)
    feed = Feed(feed_fd)
    held = speed == HELD
    tap = Collected() if held else Tap(endpoint)
    try:
        facts = read_facts(directory.journal)
        world = World(begun_graph(directory, facts))
        coordinator = world.coordinator(facts["groups"])
        host_of = {node: at for at, group in enumerate(facts["groups"]) for node in group}
        destinations = world.destinations(facts["groups"])
        operations = Operations(world, host_of)
        acts = restore(
            directory.journal,
            coordinator,
            acted=operations.learn,
            news=lambda news: feed.watch(coordinator.frontier_ns, news),
        )

        def past(host: int) -> Any:
            got, settled_ns = coordinator.position(host)
            return past_of(directory.journal, host, destinations, got, settled_ns)

        gc.collect()
        gc.freeze()
        with (
            Journal(directory.journal) as journal,
            zmq.Context(_IO_THREADS) as context,
            context.socket(zmq.ROUTER) as socket,
            ExitStack() as stack,
        ):
            socket.setsockopt(zmq.SNDHWM, 0)  # before bind: it holds for the connections made from then on
            network = Network.read(endpoint)
            guard = stack.enter_context(Guard(context, socket, network.keys)) if network else None
            pace = Held() if held else Pace(speed)
            hub = (HeldHub if held else Hub)(
                facts["run"],
                facts["hosts"],
                coordinator,
                journal,
                past=past,
                watch=feed.watch if speed is None else partial(_watch_paced, feed, pace),
                answer=lambda what, asked: operations.answer(hub, what, asked),
                pace=pace,
                acts=acts,
                tap=tap,
                receive=guard.receive if guard else multipart.receive,
                notice=feed.notice,
                share_cores=network is None and speed is None,
                mixed=facts.get("mixed", False),
            )
            if guard:
                guard.start(hub.refuse)
            for each in (endpoint, *(network.binds if network else ())):
                socket.setsockopt(zmq.IPV6, "[" in each)
                socket.bind(each)
            outcome = hub.serve(socket)
            feed.end(outcome, peak_rss_kb())
            hub.release(socket)
    except LightlagError as error:
        feed.error(str(error))
        return 1
    finally:
        tap.close()
    return 0


def _watch_paced(feed: Feed, pace: Pace, frontier_ns: int, news: list[tuple[Any, ...]]) -> None:
    feed.watch(frontier_ns, news, pace.behind_s(frontier_ns))


def _deaf_to_the_terminal() -> None:
    for number in OF_THE_TERMINAL:
        signal.signal(number, signal.SIG_IGN)


def _leave_with_launcher() -> None:
    """Wait for the end of standard input; then leave, whatever is going on."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(1)


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (Linux); elsewhere the pipe's end does it."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        parent = os.getppid()
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:  # it died meanwhile
            os._exit(1)
