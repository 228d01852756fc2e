"""Facts: the figures of a mission in YAML, each with where it comes from and how well it is known.

A figure is a mapping with ``v`` (the value), ``src`` (keys of the file's ``sources``, one or a list) and ``conf``:
``read`` in that source, ``calc``ulated from it, ``mem``ory, ``exact`` by definition, or a ``fit``, which says in ``to``
what it was fitted to. A record (one of a list, such as an event of the flight) carries ``src`` and ``conf`` once for
all it tells. The file is checked when it is loaded: a figure without a source is an error with its line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lightlag.bus.errors import GraphError

CONFIDENCES = ("read", "calc", "mem", "exact", "fit")


class FactsError(GraphError):
    """A file of facts holds a figure without source or confidence, or is no file of facts."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One value, with its source keys and confidence."""

    v: Any
    src: tuple[str, ...]
    conf: str
    #: What a fit was fitted to.
    to: str | None = None


class Facts:
    """The facts of one file. Paths are dotted: ``facts.value("parameters.vehicle.entry_mass_kg")``."""

    def __init__(self, tree: Mapping[str, Any], sources: Mapping[str, str], file: Path) -> None:
        self._tree, self.sources, self.file = tree, sources, file

    def figure(self, path: str) -> Figure:
        """The figure at ``path``."""
        found = self._at(path)
        if not isinstance(found, Figure):
            raise FactsError(f"{self.file}: {path!r} is a section, not a figure")
        return found

    def value(self, path: str) -> Any:
        """The value of the figure at ``path``."""
        return self.figure(path).v

    def values(self, path: str) -> dict[str, Any]:
        """All values below a section, as nested dicts (what a parameter model takes)."""
        found = self._at(path)
        if not isinstance(found, Mapping):
            raise FactsError(f"{self.file}: {path!r} is not a section")
        return {key: _bare(value) for key, value in found.items()}

    def records(self, path: str) -> list[dict[str, Any]]:
        """The records of a list."""
        found = self._at(path)
        if not isinstance(found, list):
            raise FactsError(f"{self.file}: {path!r} is not a list of records")
        return [dict(record) for record in found]

    def _at(self, path: str) -> Any:
        here: Any = self._tree
        for key in path.split("."):
            if not isinstance(here, Mapping) or key not in here:
                known = ", ".join(here) if isinstance(here, Mapping) else "nothing"
                raise FactsError(f"{self.file}: no {key!r} in {path!r}; there is: {known}")
            here = here[key]
        return here


def _bare(value: Any) -> Any:
    if isinstance(value, Figure):
        return value.v
    return {key: _bare(child) for key, child in value.items()} if isinstance(value, Mapping) else value


@lru_cache(maxsize=32)
def load_facts(file: Path) -> Facts:
    """Load and check a file of facts.

    Raises:
        FactsError: with file and line, for the first figure that lacks something.
    """
    from ruamel.yaml.error import MarkedYAMLError

    text = file.read_text(encoding="utf-8")
    try:
        document = _plain(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FactsError(f"{file}:{line}: not YAML: {error.problem}") from None
    if not isinstance(document, Mapping) or not isinstance(document.get("sources"), Mapping):
        raise FactsError(f"{file}:1: a file of facts is a mapping with a section 'sources'")
    sources = {str(key): str(text) for key, text in document["sources"].items()}
    try:
        tree = {key: _checked(value, (key,), sources) for key, value in document.items() if key != "sources"}
    except _Unfounded as error:
        raise FactsError(f"{file}:{_line(text, error.path)}: {error}") from None
    return Facts(tree, sources, file)


def _plain(text: str) -> Any:
    """A YAML text as plain data; a timestamp stays the text it was.

    Read in C, for a mission has hundreds of figures; and again in Python if C refuses it, which knows less of YAML 1.2.
    """
    from ruamel.yaml.error import YAMLError

    try:
        return _reader(pure=False).load(text)
    except YAMLError:
        return _reader(pure=True).load(text)


def _reader(*, pure: bool) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor

    class Constructor(SafeConstructor):
        pass

    Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)
    reader: Any = YAML(typ="safe", pure=pure)
    reader.Constructor = Constructor
    return reader


def _line(text: str, path: Sequence[Any]) -> int:
    """Where in a file stands what a path of keys and indices leads to. Places are looked up for errors only."""
    from ruamel.yaml import YAML

    here = YAML(typ="rt").load(text)
    for step in path[:-1]:
        here = here[step]
    where: Any = here.lc
    return int((where.item if isinstance(here, list) else where.key)(path[-1])[0]) + 1


class _Unfounded(Exception):
    """What is wrong with what stands at a path."""

    def __init__(self, path: Sequence[Any], told: str) -> None:
        super().__init__(told)
        self.path = path


def _checked(value: Any, path: tuple[Any, ...], sources: Mapping[str, str]) -> Any:
    name = ".".join(map(str, path))
    if isinstance(value, list):
        for index, record in enumerate(value):
            if not isinstance(record, Mapping):
                raise _Unfounded((*path, index), f"{name}: a list holds records (mappings), not {record!r}")
            _check_provenance(record, (*path, index), f"{name}.{record.get('id', '?')}", sources)
        return [dict(record) for record in value]
    if not isinstance(value, Mapping):
        raise _Unfounded(path, f"{name} is {value!r} without a source; write {{v: ..., src: ..., conf: ...}}")
    if "v" not in value:
        return {str(key): _checked(child, (*path, key), sources) for key, child in value.items()}
    _check_provenance(value, path, name, sources)
    return Figure(value["v"], _keys(value["src"]), value["conf"], value.get("to"))


def _check_provenance(mapping: Mapping[str, Any], path: Sequence[Any], name: str, sources: Mapping[str, str]) -> None:
    if "src" not in mapping or "conf" not in mapping:
        missing = " and ".join(key for key in ("src", "conf") if key not in mapping)
        raise _Unfounded(path, f"{name} has no {missing}")
    if mapping["conf"] not in CONFIDENCES:
        raise _Unfounded(path, f"{name}: conf is {mapping['conf']!r}; it is one of {', '.join(CONFIDENCES)}")
    if mapping["conf"] == "fit" and not mapping.get("to"):
        raise _Unfounded(path, f"{name} is a fit and does not say in 'to' what it was fitted to")
    unknown = [key for key in _keys(mapping["src"]) if key not in sources]
    if unknown:
        raise _Unfounded(path, f"{name}: source {unknown[0]!r} is not among {', '.join(sources)}")


def _keys(src: Any) -> tuple[str, ...]:
    return (src,) if isinstance(src, str) else tuple(str(key) for key in src)
