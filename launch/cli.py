"""The command line. ``main`` is the console entry and returns the exit code.

0: done. 1: a node failed, or the run itself. 2: bad input, nothing was started. 130: interrupted. The commands are in
``command.table``; of the one that is called, its module only is imported. The processes of a run are called here, too,
by ``lightlag host`` and ``lightlag hub``, in words that the launcher writes: many are started, so they are read with
what costs least.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from lightlag.launch.command.table import BY_NAME

_BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the console entry. Returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else ""
    if name in ("", "-h", "--help"):
        from lightlag.launch.command.overview import overview

        return _print(overview())
    if name == "--version":
        from lightlag import __version__

        return _print(f"lightlag {__version__}")
    if name in ("host", "hub"):
        return _process(words)
    if name == "__complete":
        from lightlag.launch.command.completion import complete

        return _print("\n".join(complete(words[1:])))
    if name not in BY_NAME:
        return _unknown(name)
    from lightlag.launch.command.calling import call

    code = call(words)
    if arguments is None:
        gc.freeze()  # the process ends here: what stands needs no look for cycles, which takes a tenth of a second
    return code


def _process(words: Sequence[str]) -> int:
    """The body of a process of a run."""
    import argparse
    from pathlib import Path

    from lightlag.bus.errors import LightlagError

    reader = argparse.ArgumentParser(prog="lightlag")
    bodies = reader.add_subparsers(dest="body")
    host = bodies.add_parser("host", help="run some nodes of a graph; the launcher starts these")
    host.add_argument("name")
    # Without a run directory the launcher is on another machine, and says over standard input what to run.
    host.add_argument("--run-dir", type=Path)
    host.add_argument("--endpoint", default="")
    host.add_argument("--incarnation", type=int, default=1)
    hub = bodies.add_parser("hub", help="coordinate the hosts of a run; the launcher starts it")
    hub.add_argument("--run-dir", type=Path, required=True)
    hub.add_argument("--endpoint", required=True)
    hub.add_argument("--feed-fd", type=int, required=True)
    hub.add_argument("--speed", type=float)
    try:
        asked = reader.parse_args(words)
    except SystemExit as end:
        return _BAD_INPUT if end.code else 0
    try:
        if asked.body == "hub":
            from lightlag.launch.run.children import run_hub

            return run_hub(asked.run_dir, asked.endpoint, asked.feed_fd, asked.speed)
        if asked.run_dir is None:
            from lightlag.launch.run.agent import agent

            return agent(asked.name)
        from lightlag.launch.run.children import run_host

        return run_host(asked.name, asked.run_dir, asked.endpoint, asked.incarnation)
    except LightlagError as error:
        from lightlag.launch.command.teaching import tell

        return tell(error)


def _unknown(name: str) -> int:
    """Say that there is no such command."""
    import difflib

    near = difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "all commands: lightlag --help"
    print(f"error: there is no command {name!r}; {hint}", file=sys.stderr)  # noqa: T201
    return _BAD_INPUT


def _print(text: str) -> int:
    if text:
        print(text)  # noqa: T201
    return 0
