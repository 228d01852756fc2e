"""``lightlag --help``: the page on which all commands are, made without importing any of them."""

from __future__ import annotations

from .page import painted
from .table import COMMANDS

#: What ``main`` returns; the same for every command.
EXIT_CODES = (
    ("0", "done; lint, diff, doctor: all is well"),
    ("1", "a node or the run failed; lint, diff, doctor: something is not"),
    ("2", "bad input: nothing was started, nothing was changed"),
    ("130", "interrupted by Ctrl-C; what had happened by then is recorded"),
)
_NAMES = 12


def overview() -> str:
    """The page."""
    lines = ["A space simulation in which every message travels at the speed of light.", ""]
    lines += [
        f"{painted('Usage', 'bold')}  lightlag COMMAND ...",
        f"       lightlag COMMAND {painted('--help', 'cyan')}",
    ]
    for heading, commands in COMMANDS.items():
        lines += ["", painted(heading, "bold")]
        lines += [_line(command.name, command.does.removesuffix(".")) for command in commands]
    lines += ["", painted("Options", "bold")]
    lines += [_line("-h, --help", "this page"), _line("--version", "which lightlag this is")]
    lines += ["", painted("Exit codes", "bold"), *(_line(code, text) for code, text in EXIT_CODES)]
    lines += ["", f"Start with  {painted('lightlag launch mars2020', 'cyan')}"]
    return "\n".join(lines)


def _line(name: str, text: str) -> str:
    return f"  {painted(name, 'cyan')}{' ' * (_NAMES - len(name))}{text}"
