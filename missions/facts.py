"""Facts: the figures of a mission in YAML, each with where it comes from and how well it is known.

A figure is a mapping with ``v`` (the value), ``src`` (keys of the file's ``sources``, one or a list) and ``conf``:
``read`` in that source, ``calc``ulated from it, ``mem``ory, ``exact`` by definition, or a ``fit``, which says in ``to``
what it was fitted to. A record (one of a list, such as an event of the flight) carries ``src`` and ``conf`` once for
all it tells. The file is checked when it is loaded: a figure without a source is an error with its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        document = YAML(typ="rt").load(file.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FactsError(f"{file}:{line}: not YAML: {error.problem}") from None
    if not isinstance(document, Mapping) or not isinstance(document.get("sources"), Mapping):
        raise FactsError(f"{file}:1: a file of facts is a mapping with a section 'sources'")
    sources = {str(key): str(text) for key, text in document["sources"].items()}
    checker = _Checker(file, sources)
    tree = {key: checker.node(value, key) for key, value in document.items() if key != "sources"}
    return Facts(tree, sources, file)


class _Checker:
    def __init__(self, file: Path, sources: Mapping[str, str]) -> None:
        self.file, self.sources = file, sources

    def node(self, value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            if "v" in value:
                self.provenance(value, path)
                return Figure(_plain(value["v"]), _keys(value["src"]), value["conf"], value.get("to"))
            return {str(key): self._child(value, key, path) for key in value}
        if isinstance(value, list):
            for record in value:
                if not isinstance(record, Mapping):
                    raise FactsError(f"{self.file}: {path}: a list holds records (mappings), not {record!r}")
                self.provenance(record, f"{path}.{record.get('id', '?')}")
            return [_plain(record) for record in value]
        raise FactsError(
            f"{self.file}: {path}: {value!r} stands without a source; write {{v: ..., src: ..., conf: ...}}"
        )

    def _child(self, parent: Any, key: Any, path: str) -> Any:
        value = parent[key]
        if not isinstance(value, Mapping | list):
            line = parent.lc.key(key)[0] + 1
            raise FactsError(
                f"{self.file}:{line}: {path}.{key} is {value!r} without a source; write {{v: ..., src: ..., conf: ...}}"
            )
        return self.node(value, f"{path}.{key}")

    def provenance(self, mapping: Any, path: str) -> None:
        place = f"{self.file}:{mapping.lc.line + 1}: {path}"
        if "src" not in mapping or "conf" not in mapping:
            missing = " and ".join(key for key in ("src", "conf") if key not in mapping)
            raise FactsError(f"{place} has no {missing}")
        if mapping["conf"] not in CONFIDENCES:
            raise FactsError(f"{place}: conf is {mapping['conf']!r}; it is one of {', '.join(CONFIDENCES)}")
        if mapping["conf"] == "fit" and not mapping.get("to"):
            raise FactsError(f"{place} is a fit and does not say in 'to' what it was fitted to")
        unknown = [key for key in _keys(mapping["src"]) if key not in self.sources]
        if unknown:
            raise FactsError(f"{place}: source {unknown[0]!r} is not among {', '.join(self.sources)}")


def _keys(src: Any) -> tuple[str, ...]:
    return (src,) if isinstance(src, str) else tuple(str(key) for key in src)


def _plain(value: Any) -> Any:
    """Without the classes of the YAML reader, so that what leaves here is plain data."""
    if isinstance(value, Mapping):
        return {str(key): _plain(child) for key, child in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(child) for child in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return float(value)
    return int(value) if isinstance(value, int) else str(value)
