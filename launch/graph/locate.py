"""Finding a graph file, by the name of a shipped graph or by its path, and reading it."""

from __future__ import annotations

import os
from pathlib import Path

from .diagnostics import Place, Report, Source, did_you_mean, one_of
from .plugins import GRAPHS, PluginError, graph_path, names
from .source import Item, read_yaml

_SUFFIXES = (".yaml", ".yml")


def read_graph_file(name_or_path: str | Path, report: Report) -> Item | None:
    """The tree of a graph file; None if there is none, with the reason in ``report``."""
    path = _find(name_or_path, report)
    if path is None:
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        report.add(f"cannot read {str(path)!r}: {error.strerror}", Place.of_word(str(name_or_path)))
        return None
    shown = _shown(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        source = Source.of_text(shown, data.decode("utf-8-sig", errors="replace"))
        line = Source.of_text(shown, before).lines
        report.add(f"byte 0x{data[error.start]:02x} is not UTF-8", Place(source, len(line), len(line[-1]) + 1))
        return None
    return read_yaml(Source.of_text(shown, text), text, report)


def _find(name_or_path: str | Path, report: Report) -> Path | None:
    path = Path(name_or_path)
    known = names(GRAPHS)
    try:
        shipped = graph_path(name_or_path) if isinstance(name_or_path, str) else None
    except PluginError as error:
        report.add(str(error), Place.of_word(str(name_or_path)))
        return None
    if shipped is not None:
        return shipped.resolve()
    if path.exists():
        return path
    word = Place.of_word(str(name_or_path))
    if path.suffix in _SUFFIXES or len(path.parts) > 1:
        beside = [file.name for file in _listed(path.parent) if file.suffix in _SUFFIXES]
        report.add(f"there is no file {str(path)!r}", word, did_you_mean(path.name, beside))
    else:
        hints = (one_of(known, "known graphs"), "a graph file is given by its path", did_you_mean(path.name, known))
        report.add(f"unknown graph {str(path)!r}", word, *hints)
    return None


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _shown(path: Path) -> str:
    """A path as short as it can be written from here."""
    here = Path.cwd()
    return os.fspath(path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path)
