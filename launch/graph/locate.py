"""Finding a graph file, by the name of a shipped graph or by its path, and reading it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .diagnostics import Place, Report, Source, did_you_mean, one_of
from .plugins import GRAPHS, PluginError, graph_path, names
from .source import Item, read_yaml

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A graph file that exists."""

    path: Path
    #: Whether it comes with something installed; node classes beside it are then found without a word.
    is_shipped: bool

    @property
    def folder(self) -> str:
        """Where node classes may lie beside it; empty for a shipped graph."""
        return "" if self.is_shipped else str(self.path.resolve().parent)


def find_graph(
    name_or_path: str | Path, report: Report, at: Place | None = None, beside: Path = Path()
) -> GraphFile | None:
    """The file of a graph; None if there is none, with the reason in ``report``.

    ``at`` is where the name stands, if not on the command line; a path is relative to ``beside``.
    """
    at = at or Place.of_word(str(name_or_path))
    path = beside / name_or_path
    try:
        shipped = graph_path(name_or_path) if isinstance(name_or_path, str) else None
    except PluginError as error:
        report.add(str(error), at, *error.hints)
        return None
    if shipped is not None:
        return GraphFile(shipped.resolve(), is_shipped=True)
    asked = Path(name_or_path)
    if asked.suffix == ".py":
        report.add(f"{str(asked)!r} is Python", at, f"say which graph in it: {asked}:GRAPH")
        return None
    if path.exists():
        return GraphFile(path, is_shipped=False)
    if asked.suffix in _SUFFIXES or len(asked.parts) > 1:
        near = [file.name for file in _listed(path.parent) if file.suffix in _SUFFIXES]
        where = "a path is relative to the file in which it stands" if at.source.numbered else None
        report.add(f"there is no file {str(path)!r}", at, where, did_you_mean(path.name, near))
    else:
        known = names(GRAPHS)
        hints = (one_of(known, "known graphs"), "a graph file is given by its path", did_you_mean(asked.name, known))
        report.add(f"unknown graph {str(asked)!r}", at, *hints)
    return None


def read_graph_file(
    file: GraphFile, report: Report, at: Place | None = None, notes: tuple[str, ...] = ()
) -> Item | None:
    """The tree of a graph file; None if it has none, with the reason in ``report``.

    ``at`` is where its name stands, if not on the command line; ``notes`` are said with every error in it.
    """
    try:
        data = file.path.read_bytes()
    except OSError as error:
        report.add(f"cannot read {str(file.path)!r}: {error.strerror}", at or Place.of_word(str(file.path)))
        return None
    shown = shown_path(file.path)
    report.files.append(shown)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        source = Source.of_text(shown, data.decode("utf-8-sig", errors="replace"), notes)
        line = Source.of_text(shown, before).lines
        report.add(f"byte 0x{data[error.start]:02x} is not UTF-8", Place(source, len(line), len(line[-1]) + 1))
        return None
    return read_yaml(Source.of_text(shown, text, notes), text, report)


def shown_path(path: Path) -> str:
    """A path as short as it can be written from here."""
    here = Path.cwd()
    path = Path(os.path.normpath(path))
    return os.fspath(path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
