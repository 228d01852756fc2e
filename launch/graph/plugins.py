"""What is installed: node types and shipped graphs, found by entry point.

A node type is an entry point of group ``lightlag.nodes`` (``mro``) or is written out as ``package.module:Class``; a
shipped graph is an entry point of group ``lightlag.graphs`` that leads to the path of a graph file. Only what a graph
names is imported.
"""

from __future__ import annotations

import re
import sys
import traceback
import types
import typing
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from pydantic import ValidationError

from lightlag.bus.errors import GraphError
from lightlag.nodes.node import Node
from lightlag.nodes.params import RadioSpec

from .diagnostics import did_you_mean

NODES = "lightlag.nodes"
GRAPHS = "lightlag.graphs"

_WRITTEN_OUT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class PluginError(GraphError):
    """A node type or graph that is named correctly cannot be had; ``hints`` say what to do."""

    def __init__(self, message: str, *hints: str | None) -> None:
        super().__init__(message)
        self.hints = hints


@cache
def installed(group: str) -> tuple[EntryPoint, ...]:
    """What is installed in a group, looked up once in a process: it takes reading what every distribution says."""
    return tuple(entry_points(group=group))


def names(group: str) -> list[str]:
    """The names that are installed in a group, sorted."""
    return sorted({entry.name for entry in installed(group)})


def node_types() -> list[EntryPoint]:
    """The node types that are installed, by name; nothing is imported."""
    return sorted({(it.name, it.value): it for it in installed(NODES)}.values(), key=lambda it: it.name)


def look_beside(folder: str) -> None:
    """Let node classes that lie in a folder be imported, as modules beside a script are; others come first."""
    if folder and folder not in sys.path:
        sys.path.append(folder)


def node_type(name: str, folder: str = "") -> type[Node] | None:
    """The node class of a type's name; None if nothing of that name is installed.

    ``folder`` is that of the graph file in which it stands.

    Raises:
        PluginError: it cannot be imported, or is not a node class.
    """
    if ":" in name:
        if _is_of_a_process(name) and not _is_in_main(name):
            raise PluginError(
                f"{name!r} was defined in another process, in a notebook, a program's own file or a function; put the "
                f"class into a module and import it from there"
            )
        if not _WRITTEN_OUT.fullmatch(name):
            raise PluginError(f"{name!r} is not written like package.module:Class")
        found = _load(EntryPoint(name, name, NODES))
        _check_beside(name, folder)
    else:
        entry = _entry(NODES, name)
        if entry is None:
            return None
        found = _load(entry)
    if not (isinstance(found, type) and issubclass(found, Node)):
        raise PluginError(f"node type {name!r} leads to {found!r}, which is no subclass of lightlag.nodes.Node")
    return found


def graph_path(name: str) -> Path | None:
    """Where the shipped graph of that name is; None if there is none.

    Raises:
        PluginError: its plug-in cannot be imported, or leads to something else.
    """
    entry = _entry(GRAPHS, name)
    if entry is None:
        return None
    found = _load(entry)
    if not isinstance(found, Path):
        raise PluginError(f"graph {name!r} ({entry.value}) leads to {found!r}, which is no pathlib.Path")
    return found


def ports(node: type[Node]) -> dict[str, bool]:
    """The ports of a node class, each with whether it is a radio."""
    fields = node.Params.model_fields.items()
    radios = {name: True for name, field in fields if _is_radio(field.annotation)}
    return {**radios, **dict.fromkeys(node.ports, False)}


def _is_radio(annotation: object) -> bool:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return any(_is_radio(choice) for choice in typing.get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, RadioSpec)


def is_importable(name: str, cls: type[Node]) -> bool:
    """Whether other processes find that class by the type's name."""
    if ":" not in name:
        return True
    try:
        return not _is_of_a_process(name) and node_type(name) is cls
    except PluginError:
        return False


def _is_of_a_process(name: str) -> bool:
    return name.startswith("__main__:") or "<locals>" in name


def _is_in_main(name: str) -> bool:
    module, _, attribute = name.partition(":")
    return module == "__main__" and hasattr(sys.modules[module], attribute.partition(".")[0])


def _check_beside(name: str, folder: str) -> None:
    """Whether the module of ``name`` is the one that lies in ``folder``, if one does.

    Raises:
        PluginError: it is another of the same name, and the class not the one that was meant.
    """
    top = name.partition(":")[0].partition(".")[0]
    meant = [path for path in (Path(folder, f"{top}.py"), Path(folder, top, "__init__.py")) if path.is_file()]
    had = getattr(sys.modules.get(top), "__file__", None)
    if folder and meant and had and Path(had).resolve() not in [path.resolve() for path in meant]:
        raise PluginError(
            f"{name!r} is of a module that Python found at {had}, not of the one beside this file, {meant[0]}; "
            f"give one of the two modules another name"
        )


def _entry(group: str, name: str) -> EntryPoint | None:
    # The same distribution may be seen twice (an editable install and its source tree); that is no conflict.
    found = {entry.value: entry for entry in installed(group) if entry.name == name}
    if len(found) > 1:
        raise PluginError(f"{name!r} is installed more than once in group {group}: {', '.join(sorted(found))}")
    return next(iter(found.values()), None)


def _load(entry: EntryPoint) -> object:
    try:
        found: object = import_module(entry.module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if f"{entry.module}.".startswith(f"{missing}."):
            top = entry.module.partition(".")[0]
            hint = f"is it installed? A class of your own can lie beside the graph file, in {top}.py"
            raise PluginError(f"{entry.value}: there is no module {missing!r}", hint) from error
        hint = f"{missing} is not installed here; {entry.module} needs it"
        raise PluginError(failure(f"{entry.value} cannot be imported", error, entry.module), hint) from error
    except (Exception, SystemExit) as error:
        # A module of somebody else's may fail in any way; the user is told how, and where.
        hint = "the error is in that file, not in the graph"
        raise PluginError(failure(f"{entry.value} cannot be imported", error, entry.module), hint) from error
    for step in entry.attr.split("."):
        if not hasattr(found, step):
            near = did_you_mean(step, [name for name in dir(found) if not name.startswith("_")])
            raise PluginError(f"{entry.value}: {entry.module} has no {step!r}", near)
        found = getattr(found, step)
    return found


def failure(what: str, error: BaseException, module: str) -> str:
    """What failed, how, and where in the plug-in's own code, in one line."""
    where = _where(error, module.partition(".")[0])
    return f"{what}: {type(error).__name__}: {_said(error)}{where}"


def _said(error: BaseException) -> str:
    """What an error says, in one line; of a pydantic model every complaint with its field."""
    if isinstance(error, ValidationError):
        complaints = [(".".join(map(str, it["loc"])), it["msg"].removeprefix("Value error, ")) for it in error.errors()]
        return f"{error.title}: " + "; ".join(f"{field}: {message}" for field, message in complaints)
    return str(error).partition("\n")[0]


def _where(error: BaseException, package: str) -> str:
    """File and line of the plug-in's own code that failed, if it came so far."""
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [(path, line) for path, line in frames if package in path.with_suffix("").parts and path != Path(__file__)]
    return f" ({own[-1][0].name}, line {own[-1][1]})" if own else ""
