"""Calling a command: its module is imported, the words are read by Typer, and its ``--help`` is a page of ours.

Typer's own pages are drawn with rich, which takes longer to import than most commands take to do their work.
"""

from __future__ import annotations

import importlib
import itertools
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from .page import columns, painted
from .table import BY_NAME

_ASKING = {"-h", "--help"}
_EXAMPLE = "lightlag "
#: The part of a page's width that names of options may take.
_NAMES_PART = 0.45


def call(words: Sequence[str]) -> int:
    """Do what a command line asks of the command that it begins with; returns the exit code."""
    called: Any = get_command(app_of(words[0]))
    if _ASKING & {*itertools.takewhile(lambda word: word != "--", words)}:
        typer.echo(_help_of(called, words))
        return 0
    try:
        called.main(args=list(words), prog_name="lightlag")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def app_of(command: str) -> typer.Typer:
    """The command line as a Typer app, with the command of that name only, and with our pages of help."""
    module, _, attribute = BY_NAME[command].where.partition(":")
    found = getattr(importlib.import_module(f".{module}", __package__), attribute)
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": sorted(_ASKING, key=len)},
    )
    app.callback()(lambda: None)  # without it an app of one command is that command
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=command)
    else:
        settings = {"ignore_unknown_options": True} if BY_NAME[command].hands_on else None
        app.command(command, context_settings=settings)(found)
    _give_pages(app)
    return app


def _help_of(command: Any, words: Sequence[str]) -> str:
    """The page that is asked for; made without reading the words further, for which Typer would import pydantic."""
    ctx: Any = typer.Context(command, info_name="lightlag", **command.context_settings)
    for word in words:
        if word not in getattr(command, "commands", ()):
            break
        command = command.commands[word]
        ctx = typer.Context(command, info_name=word, parent=ctx, **command.context_settings)
    return str(command.get_help(ctx))


def _give_pages(app: typer.Typer) -> None:
    for info in app.registered_commands:
        info.cls = _Command
    for group in app.registered_groups:
        group.cls = _Group
        if group.typer_instance is not None:
            _give_pages(group.typer_instance)


class _Command(TyperCommand):
    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The page of a command: what it does, with examples; its arguments; its options."""
        formatter.write("\n".join(_page(self, ctx)))


class _Group(TyperGroup):
    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The page of a command that has commands."""
        commands = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        rows = [(name, _first_paragraph(command.help or "")) for name, command in commands if not command.hidden]
        formatter.write("\n".join(_page(self, ctx, commands=rows)))


def _page(command: Any, ctx: Any, commands: Sequence[tuple[str, str]] = ()) -> Iterator[str]:
    if commands:
        usage = ["COMMAND ..."]
    else:  # Typer has braces around what is needed
        pieces = [piece.strip("{}") for piece in command.collect_usage_pieces(ctx) if piece != "[OPTIONS]"]
        usage = [*pieces, "[OPTIONS]"]
    yield f"{painted('Usage', 'bold')}  {' '.join([ctx.command_path, *usage])}"
    yield ""
    yield from _text(command.help or "")
    parameters = [it for it in command.get_params(ctx) if not getattr(it, "hidden", False)]
    arguments, options = (
        [(_name(it), _help(it, ctx)) for it in parameters if it.param_type_name == kind]
        for kind in ("argument", "option")
    )
    for heading, rows in (("Arguments", arguments), ("Commands", commands), ("Options", options)):
        if rows:
            yield ""
            yield painted(heading, "bold")
            yield from _rows(rows)


def _text(text: str) -> Iterator[str]:
    """A docstring, its paragraphs filled; what stands after ``\\b`` is as it is, and if it is examples in colour."""
    for number, paragraph in enumerate(textwrap.dedent(text).strip().split("\n\n")):
        if number:
            yield ""
        if paragraph.startswith("\b"):
            for line in paragraph.removeprefix("\b").strip("\n").splitlines():
                said, gap, comment = line.partition("   ") if line.startswith(_EXAMPLE) else ("", "", line)
                yield f"  {painted(said, 'cyan')}{gap}{comment}"
        else:
            yield from textwrap.wrap(" ".join(paragraph.split()), columns())


def _rows(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Names and what they mean, side by side where there is room."""
    width = columns()
    fits = [len(name) for name, _ in rows if len(name) <= width * _NAMES_PART]
    indent = " " * (2 + max(fits, default=0) + 2)
    for name, text in rows:
        first, *rest = textwrap.wrap(text, max(20, width - len(indent))) or [""]
        lead = f"  {painted(name, 'cyan')}"
        if len(name) + 4 <= len(indent):
            yield f"{lead}{' ' * (len(indent) - 2 - len(name))}{first}".rstrip()
        else:
            yield lead
            yield f"{indent}{first}"
        yield from (indent + line for line in rest)


def _name(parameter: Any) -> str:
    """How a parameter is written: ``--until DURATION``, ``-o, --output FILE``, ``NAME:=VALUE``."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    value = "" if parameter.is_flag or parameter.count else parameter.metavar or parameter.name.upper()
    names = sorted((*parameter.opts, *parameter.secondary_opts), key=len)
    return f"{', '.join(names)} {value}".rstrip()


def _help(parameter: Any, ctx: Any) -> str:
    """What a parameter is for, and what it is if nothing is said."""
    text = parameter.help or ""
    default = parameter.get_default(ctx, call=False)
    says = default not in (None, False, "", [], ()) and getattr(parameter, "show_default", True)
    return f"{text} [{default}]" if says else text


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().split("\n\n")[0].split())
