"""What a package may be called: the name of a distribution, a node type and a graph, of a module and a class."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

from lightlag.bus.errors import GraphError
from lightlag.launch.graph.plugins import GRAPHS, NODES, names

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_RULE = "a name starts with a lower case letter; lower case letters and digits follow, with single - between words"
#: Lines of a generated file stay short enough to be read.
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Names:
    """A package's names: ``my-orbiter``, ``my_orbiter``, ``MyOrbiter``."""

    #: Of the distribution, the node type, the graph, and the node in it.
    name: str
    module: str
    cls: str


def names_of(name: str, used: Collection[str] = ()) -> Names:
    """The names of a package; ``used`` are those that its template has for other things.

    Raises:
        GraphError: it is no name, or what follows from it is taken.
    """
    if not _NAME.fullmatch(name):
        words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower())
        better = "-".join(words).lstrip("0123456789-")
        raise GraphError(f"{name!r} is no name for a package; {_RULE}" + (f"; try {better}" if better else ""))
    if len(name) > _LONGEST:
        raise GraphError(f"{name!r} has {len(name)} letters; a name has {_LONGEST} at most")
    module = name.replace("-", "_")
    cls = "".join(word.capitalize() for word in module.split("_"))
    for what, each in (("module", module), ("class", cls)):
        if keyword.iskeyword(each) or keyword.issoftkeyword(each):
            raise GraphError(f"{name!r}: its {what} would be {each!r}, a word of Python; {_instead(name)}")
    for what, each in (("node", name), ("module", module), ("class", cls)):
        if each in used:
            raise GraphError(
                f"{name!r}: its {what} would be {each!r}, which the template needs for something else; {_instead(name)}"
            )
    for group, what in ((NODES, "node type"), (GRAPHS, "graph")):
        if name in names(group):
            raise GraphError(f"{name!r} is a {what} that is installed already; {_instead(name)}")
    _refuse_taken(name, module)
    return Names(name, module, cls)


def _refuse_taken(name: str, module: str) -> None:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        pass
    else:
        raise GraphError(f"{name!r} is installed already, as {found.name} {found.version}; {_instead(name)}")
    if module in sys.stdlib_module_names:
        raise GraphError(f"{name!r}: its module would be {module!r}, a module of Python's own; {_instead(name)}")
    spec = importlib.util.find_spec(module)
    # A folder of that name that happens to lie here, without an __init__.py, is nothing that anybody imports.
    if spec is not None and spec.origin is not None:
        raise GraphError(f"{name!r}: its module would be {module!r}, and {spec.origin} is that; {_instead(name)}")


def _instead(name: str) -> str:
    return f"take another name, like my-{name}"
