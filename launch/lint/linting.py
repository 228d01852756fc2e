"""Texts, files, and the modules of a graph's node classes."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from lightlag.bus.errors import GraphError
from lightlag.launch.graph.diagnostics import Diagnostic, InvalidGraph, Place, Source
from lightlag.launch.graph.spec import Graph

from .checks import check
from .findings import Finding, without_allowed

#: Not node code: it drives nodes, and has its own tests.
_KERNEL = re.compile(r"lightlag\.(bus|launch)(\..*)?|lightlag\.nodes\.(node|host)")


def lint_source(text: str, path: str) -> list[Finding]:
    """What in a module's text may give another result in another run, in the order of the text.

    Raises:
        GraphError: the text is no Python; with the place.
    """
    text = "\n".join(re.split("\r\n|\r|\n", text))
    source = Source(path, tuple(text.split("\n")))
    try:
        module = ast.parse(text, filename=path)
    except SyntaxError as error:
        place = Place(source, error.lineno or 1, max(1, error.offset or 1))
        raise InvalidGraph([Diagnostic(f"not Python: {error.msg}", place)]) from None
    except (ValueError, RecursionError) as error:
        raise InvalidGraph([Diagnostic(f"{path} cannot be read as Python: {error}")]) from None
    return without_allowed(check(module, source), source, text)


def lint_file(path: Path) -> list[Finding]:
    """As ``lint_source``, for a file.

    Raises:
        GraphError: the file cannot be read, or is no Python.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise GraphError(f"{path} is not UTF-8: byte 0x{error.object[error.start]:02x}") from None
    except OSError as error:
        raise GraphError(f"cannot read {str(path)!r}: {error.strerror}") from None
    return lint_source(text, shown(path))


def lint_graph(graph: Graph) -> list[Finding]:
    """What in the modules of a graph's node classes may give another result in another run.

    Looked at are the module of each class and, of its bases, those in the same top-level package.

    Raises:
        GraphError: a module cannot be read.
    """
    found: list[Finding] = []
    for name in modules_of(graph):
        file = inspect.getsourcefile(sys.modules[name]) if name in sys.modules else None
        if file is None:
            told = f"{name} has no source file, so nothing can be said about it"
            found.append(Finding("source", told, "keep node classes in a file", None))
        else:
            found += lint_file(Path(file))
    return found


def modules_of(graph: Graph) -> list[str]:
    """The names of the modules that hold a graph's node code, sorted."""
    return sorted({name: None for node in graph.nodes.values() for name in _modules(node.cls)})


def _modules(cls: type) -> Iterator[str]:
    top = cls.__module__.partition(".")[0]
    for base in cls.__mro__:
        name = base.__module__
        if name.partition(".")[0] == top and not _KERNEL.fullmatch(name):
            yield name


def shown(path: Path) -> str:
    """A path as short as it can be written from here."""
    whole, here = path.resolve(), Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(path)
