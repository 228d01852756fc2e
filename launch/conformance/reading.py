"""Checks that read: what a node class declares of itself, and what its messages come to on the wire."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from lightlag.bus import schema
from lightlag.bus.errors import LightlagError
from lightlag.bus.message import Message
from lightlag.launch.graph.plugins import ports
from lightlag.launch.graph.spec import NodeSpec
from lightlag.launch.graph.summary import loose_ends
from lightlag.launch.lint.linting import lint_file
from lightlag.nodes.node import Node
from lightlag.nodes.params import RadioSpec

from .declared import complaints_of_params
from .finding import Finding, counted, fail, listed, ok, warn
from .messages import messages_in, random_message
from .subject import all_modules, modules_of
from .trial import SEED, Trial

_ROUNDS = 200
#: Code that has its own tests: the base classes of nodes.
_KERNEL = ("lightlag.bus", "lightlag.launch", "lightlag.nodes.node", "lightlag.nodes.host")


def imports(trial: Trial) -> Finding:
    """Its class can be had, and so can every module of its package."""
    it = trial.type
    assert it is not None
    if it.cls is None:
        return fail(it.error, "make the import succeed where lightlag is: pip install what is missing")
    top = it.cls.__module__.partition(".")[0]
    if top == "lightlag" or "." not in it.cls.__module__:
        return ok(f"{it.cls.__module__}:{it.cls.__qualname__}")
    try:
        modules = list(all_modules(top))
    except LightlagError as error:
        return fail(str(error), "every module of the package has to be importable")
    return ok(f"{it.cls.__module__}:{it.cls.__qualname__}, and {counted(len(modules), 'module')} of {top}")


def documented(trial: Trial) -> Finding:
    """Its class says what it is; what it offers is annotated; its package says that it is typed."""
    cls = trial.cls
    run = cls.run
    if not inspect.iscoroutinefunction(run):
        return fail(f"run is no coroutine function: {run!r}", "write: async def run(self) -> None")
    lacking = []
    if not vars(cls).get("__doc__"):
        lacking.append(f"class {cls.__name__} has no docstring")
    if not vars(sys.modules[cls.__module__]).get("__doc__"):
        lacking.append(f"module {cls.__module__} has no docstring")
    lacking += [f"{name} is not annotated" for name in _unannotated(cls)]
    top = sys.modules[cls.__module__.partition(".")[0]]
    if hasattr(top, "__path__") and not any((Path(path) / "py.typed").exists() for path in top.__path__):
        lacking.append(f"package {top.__name__} has no py.typed")
    if lacking:
        return warn(
            "; ".join(lacking),
            "say in a docstring what the node is and does, annotate parameters and results, put an empty file py.typed "
            "beside __init__.py",
        )
    return ok(f"{cls.__doc__.strip().splitlines()[0] if cls.__doc__ else ''}")


def parameters(trial: Trial) -> Finding:
    """Every parameter has words, a unit where it is a quantity, limits, and a default that keeps to them."""
    model = trial.cls.Params
    wrong, lacking = complaints_of_params(model)
    if wrong:
        return fail("; ".join(wrong), "give a default that a graph file could give")
    number = len(model.model_fields)
    if lacking:
        return warn(
            f"of {counted(number, 'parameter')}:\n" + "\n".join(lacking),
            'write: every: Seconds = Field(default=60.0, gt=0, le=3600, description="between two words home")',
        )
    return ok(f"{counted(number, 'parameter')}" + ("" if number else "; nothing of it can be changed in a graph"))


def its_ports(trial: Trial) -> Finding:
    """Its ports are declared, do not hide what every node has, and can be used."""
    cls = trial.cls
    declared = ports(cls)
    hidden = [name for name in declared if hasattr(Node, name) or name in vars(Node("it"))]
    odd = [name for name in declared if not name.isidentifier()]
    if hidden or odd:
        return fail(
            f"{', '.join(hidden + odd)} cannot be the name of a port: "
            f"{'every node has something of that name' if hidden else 'it is no word of Python'}",
            "give the port another name",
        )
    annotated = {name for base in cls.__mro__ for name in vars(base).get("__annotations__", {})}
    lacking = [f"{name} is not annotated" for name in declared if name not in annotated]
    for name, is_radio in declared.items():
        radio = getattr(trial.params, name, None) if is_radio else None
        if isinstance(radio, RadioSpec) and radio.transmit_hz is None and radio.receive_hz is None:
            lacking.append(f"radio {name} neither sends nor receives, unless a graph gives it a carrier")
    if not declared:
        return warn("it has none: it can talk to nobody", 'write: ports = ("out",), or a RadioSpec in Params')
    if lacking:
        return warn("; ".join(lacking), "write beside Params: out: Port, uhf: Radio; and give a radio a transmit_hz")
    kinds = [f"{name} ({'radio' if is_radio else 'wire'})" for name, is_radio in declared.items()]
    return ok(", ".join(kinds))


def its_messages(trial: Trial) -> Finding:
    """What it defines has a name of its own and words, and comes off the wire, and out of JSON, as it was."""
    cls = trial.cls
    modules = [sys.modules[name] for name in modules_of(cls)]
    top = cls.__module__.partition(".")[0]
    said = [kind for kind in getattr(cls, "sends", ()) if str(kind.__module__).partition(".")[0] == top]
    kinds = {kind.__qualname__: kind for kind in (*messages_in(modules), *said) if kind is not Message}
    if not kinds:
        return ok("defines none of its own")
    draw = Random(SEED)
    for kind in kinds.values():
        for number in range(_ROUNDS):
            message = random_message(kind, draw, odd=bool(number % 2))
            if wrong := _not_as_it_was(kind, message):
                return fail(wrong, "use the types that a message carries as they are; write no __eq__ and no encode")
    names = [str(kind.__message_type__) for kind in kinds.values()]
    lacking = [f"{name} has no name of its package before a dot" for name in names if "." not in name]
    lacking += [f"{kind.__message_type__} has no docstring" for kind in kinds.values() if not _has_words(kind)]
    if lacking:
        return warn("; ".join(lacking), 'write: @message("my_package.reading", version=1), and what it says')
    return ok(f"{listed(names)}: {_ROUNDS} random ones of each, there and back", messages=_ROUNDS * len(names))


def sends_and_hears(trial: Trial) -> Finding:
    """What it declares to send and to hear is what it was seen to."""
    cls = trial.cls
    if _failed(trial):
        return fail("not tried, for its run does not come to an end", "")
    if not _declares(cls, "sends") and not _declares(cls, "hears"):
        made, read = sorted(trial.course.made), sorted(trial.course.read)
        return warn(
            f"it declares neither; it was seen to send {listed(made) or 'nothing'}, and to read "
            f"{listed(read) or 'nothing'}",
            f"write: sends: ClassVar[tuple[type, ...]] = {_tuple(trial, made)} and hears: ClassVar[tuple[type, ...]] = "
            f"{_tuple(trial, read)}",
        )
    sends, hears = (tuple(getattr(cls, name, ())) for name in ("sends", "hears"))
    course = trial.course
    silent = [name for name in course.made if name not in _types(sends)]
    if silent and Message not in sends:
        return fail(f"it sent {listed(silent)}, which it does not declare", "put it into sends")
    unheard = [name for name in course.read if name not in _types(hears)]
    if unheard and Message not in hears:
        return fail(f"it read {listed(unheard)}, which it does not declare", "put it into hears")
    unseen = sorted(_types(sends) - set(course.made))
    told = f"sends {listed(sorted(_types(sends))) or 'nothing'}; hears {_told(hears)}"
    return ok(told + (f" (not seen in this hour: {listed(unseen)})" if unseen else ""))


def lint(trial: Trial) -> Finding:
    """Nothing in its code makes one run another than the next."""
    if trial.type is not None:
        modules = dict.fromkeys(modules_of(trial.cls))
    else:
        specs: list[NodeSpec] = list(trial.graph.nodes.values())
        modules = dict.fromkeys(name for spec in specs for name in modules_of(spec.cls))
    looked_at = [name for name in modules if not name.startswith(_KERNEL)]
    found = []
    for name in looked_at:
        file = inspect.getsourcefile(sys.modules[name])
        if file is None:
            return warn(f"{name} has no source file, so nothing can be said about it", "keep node classes in a file")
        found += lint_file(Path(file))
    wrong = [it for it in found if not it.is_warning]
    if wrong:
        return fail("; ".join(_in_a_line(it) for it in wrong[:4]), f"instead: {wrong[0].instead}; see: lightlag lint")
    if found:
        return warn("; ".join(_in_a_line(it) for it in found[:4]), f"instead: {found[0].instead}; see: lightlag lint")
    return ok(f"{counted(len(looked_at), 'module')}, nothing found")


def graph_loads(trial: Trial) -> Finding:
    """The graph is right, and nothing in it is loose."""
    try:
        loose = loose_ends(trial.graph)
    except LightlagError as error:
        return fail(str(error), "see: lightlag validate")
    if loose:
        return warn("; ".join(it.message for it in loose), "join the port to a channel; tune one radio to another")
    return ok(f"{counted(len(trial.graph.nodes), 'node')}, {counted(len(trial.graph.channels), 'channel')}")


# -- pieces -----------------------------------------------------------------------------------------------------------


def _unannotated(cls: type[Node]) -> Iterator[str]:
    """The methods of a class's own that lack an annotation."""
    for name, method in vars(cls).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            signature = inspect.signature(method)
            parameters = [it for it in signature.parameters.values() if it.name != "self"]
            if any(it.annotation is it.empty for it in parameters) or signature.return_annotation is signature.empty:
                yield f"{cls.__name__}.{name}"


def _not_as_it_was(kind: Any, message: Any) -> str:
    """What becomes of a message on the way to bytes and back, or to JSON and back; empty if nothing does."""
    try:
        back = kind.decode(*message.encode())
        if back != message:
            return f"{message!r} comes off the wire as {back!r}"
        value = schema.json_value(message)
        if json.loads(schema.json_text(message)) != json.loads(json.dumps(value)):
            return f"{message!r} is not the same as JSON text and as JSON value"
        missing = set(schema.json_schema(kind)["required"]) - set(value)
        if missing:
            return f"{message!r} lacks {', '.join(sorted(missing))} as JSON"
        of_json = getattr(schema, "message_of", None)
        if of_json is not None and (again := of_json(kind, json.loads(json.dumps(value)))) != message:
            return f"{message!r} comes out of JSON as {again!r}"
    except (LightlagError, ValueError, TypeError) as error:
        return f"{message!r} cannot be written and read: {type(error).__name__}: {error}"
    return ""


def _has_words(kind: type) -> bool:
    # A dataclass without a docstring gets its signature for one.
    return bool(kind.__doc__) and not str(kind.__doc__).startswith(f"{kind.__name__}(")


def _declares(cls: type[Node], name: str) -> bool:
    return any(name in vars(base) for base in cls.__mro__ if base is not Node)


def _failed(trial: Trial) -> bool:
    try:
        return bool(trial.course.failure)
    except LightlagError:
        return True


def _types(kinds: tuple[type, ...]) -> set[str]:
    return {str(getattr(kind, "__message_type__", kind.__name__)) for kind in kinds if kind is not Message}


def _tuple(trial: Trial, types: list[str]) -> str:
    """The classes of messages, as code."""
    names = {str(kind.__message_type__): kind.__name__ for kind in trial.kinds}  # type: ignore[attr-defined]
    known = [names[it] for it in types if it in names]
    return f"({', '.join(known)}{',' if len(known) == 1 else ''})"


def _told(hears: tuple[type, ...]) -> str:
    return "anything" if Message in hears else listed(sorted(_types(hears))) or "nothing"


def _in_a_line(found: Any) -> str:
    return f"{found.place or ''} {found.rule}: {found.message}".strip()
