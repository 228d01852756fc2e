"""A package of somebody's own: the templates filled in, and written to a folder.

``{{word}}`` in a template stands for a name, ``MODULE`` in the name of a file for the module's. All is made before
anything is written.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import tokenize
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lightlag.bus.errors import GraphError, RunError

from .naming import Names, names_of

#: The kinds of package, each with what it is in a line.
KINDS: Mapping[str, str] = {
    "orbiter": "A relay orbiter of Mars, and a beacon that it relays to Earth",
    "lander": "A lander on Mars that lives on sunlight and tells Earth of it",
    "rover": "A rover on Mars that drives from stop to stop, relayed by MRO",
    "station": "A ground station on Earth that follows a spacecraft",
    "instrument": "An instrument that measures, on a spacecraft that sends it home",
}

_TEMPLATES = Path(__file__).with_name("templates")
_SUFFIX = ".template"
#: What is put into the README rather than written.
_PARTS = ("about", "change", "files")
_WORD = re.compile(r"\{\{(\w+)\}\}")
_DRAWING = "graph.svg"


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was written."""

    names: Names
    kind: str
    folder: Path
    #: Relative to the folder, in the order of their names.
    files: tuple[str, ...]


def create(name: str, kind: str, into: Path) -> Package:
    """Write a package of a kind into the folder ``into/name``, with a drawing of its graph.

    Raises:
        GraphError: there is no such kind, the name cannot be used, or the folder is taken.
        RunError: its graph could not be drawn.
    """
    if kind not in KINDS:
        raise GraphError(f"there is no kind {kind!r}; the kinds are: {', '.join(KINDS)}")
    names = names_of(name, _names_used(kind))
    folder = into / name
    _refuse_taken(folder)
    files = rendered(names, kind)
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise GraphError(f"{folder} cannot be written: {error.strerror}") from None
    _draw(names, folder)
    return Package(names, kind, folder, tuple(sorted([*files, _DRAWING])))


def rendered(names: Names, kind: str) -> dict[str, str]:
    """The files of a package, by their paths in its folder."""
    words = {
        "name": names.name,
        "module": names.module,
        "class": names.cls,
        "kind": kind,
        "summary": KINDS[kind],
    }
    texts = {**_templates("package"), **_templates(kind)}
    for part in _PARTS:
        words[part] = _filled(texts.pop(f"{part}.md"), words).rstrip("\n")
    return {
        path.replace("MODULE", names.module).replace("dot-", "."): _filled(text, words) for path, text in texts.items()
    }


def _templates(kind: str) -> dict[str, str]:
    """The templates of a kind, by their paths without the suffix."""
    folder = _TEMPLATES / kind
    return {
        file.relative_to(folder).as_posix().removesuffix(_SUFFIX): file.read_text(encoding="utf-8")
        for file in sorted(folder.rglob(f"*{_SUFFIX}"))
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: words[found[1]], text)


def _names_used(kind: str) -> set[str]:
    """Names that a template has for modules, classes, and nodes of its graph."""
    used: set[str] = set()
    for path, text in rendered(Names("x", "x", "X"), kind).items():
        if path.endswith(".py"):
            tokens = tokenize.generate_tokens(io.StringIO(text).readline)
            used.update(token.string for token in tokens if token.type == tokenize.NAME)
        elif path.endswith(".yaml"):
            used.update(re.findall(r"^  ([\w-]+): *\{type", text, re.MULTILINE))
    return used - {"x", "X"}


def _refuse_taken(folder: Path) -> None:
    if folder.is_dir():
        if any(folder.iterdir()):
            raise GraphError(f"{folder} exists and is not empty; take another name, or another --into")
    elif folder.exists():
        raise GraphError(f"{folder} exists and is no folder; take another name, or another --into")


def as_if_installed(folder: Path, beside: Path) -> str:
    """The ``PYTHONPATH`` of a process that finds the package in a folder, entry points and all, without installing it.

    What says of the entry points is written into ``beside``.
    """
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = beside / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    groups = project["entry-points"].items()
    sections = ["\n".join([f"[{group}]", *[f"{key} = {value}" for key, value in it.items()]]) for group, it in groups]
    (info / "entry_points.txt").write_text("\n".join(sections) + "\n", encoding="utf-8")
    return os.pathsep.join([str(folder.resolve() / "src"), str(beside.resolve()), *filter(None, sys.path)])


def _draw(names: Names, folder: Path) -> None:
    """Draw the graph, in a process of its own: the package is not installed yet, and this one would keep it."""
    command = [sys.executable, "-P", "-m", "lightlag", "show", names.name, "--svg", "-o", str(folder / _DRAWING)]
    with tempfile.TemporaryDirectory() as private:
        path = {**os.environ, "PYTHONPATH": as_if_installed(folder, Path(private))}
        done = subprocess.run(command, env=path, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunError(f"the graph of {folder} could not be drawn; it said:\n{done.stderr.strip()}")
