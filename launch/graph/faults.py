"""The section ``faults``: what is to go wrong in a run, and when; its reading, its writing, and the acts it comes to.

    faults:
      - {partition: [mro, goldstone], from: 20 min, for: 5 min}
      - {drop: {from: mro, to: "*", p: 0.1}, from: 0 s}
      - {bounce: mro, at: 10 min, for: 2 min}

An entry is one verb (``lightlag.nodes.faults``) with whom it concerns, and when: what lasts has ``from``, what happens
in an instant has ``at``; it ends after ``for``, at ``until``, or with the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.nodes.faults import ALL, MUTUAL, ONE_WAY, Fault, FaultBegins, FaultEnds, act, acts_of, end_of

from .diagnostics import Report, Source, did_you_mean, one_of
from .plugins import ports
from .presence import read_instant_ns
from .reading import Reading
from .source import UNKNOWN, Item, Plain, read_yaml
from .spec import FaultSpec, Graph, duration_text
from .values import read_duration_ns, read_text

#: Verbs that name nodes alone; ``bounce`` is a crash that ends.
_OF_NODES = ("crash", "bounce", "safe_mode", "blackout")
VERBS = (*MUTUAL, *ONE_WAY, *_OF_NODES, "stuck_receiver", "clock_jump")
#: Verbs of an instant, and of them those that nothing ends.
_AT, _WITHOUT_END = ("crash", "bounce", "clock_jump"), ("crash", "clock_jump")
_TIMES = ("from", "at", "for", "until")
_KEYS = (*VERBS, "channel", *_TIMES)
_EXAMPLE = "[{partition: [mro, goldstone], from: 20 min, for: 5 min}]"


# -- reading ----------------------------------------------------------------------------------------------------------


def read_faults(item: Item | None, reading: Reading) -> tuple[FaultSpec, ...]:
    """The faults, in their order."""
    if item is None or item.value is None or item.value is UNKNOWN:
        return ()
    if not isinstance(item.value, list):
        reading.report.add(f"'faults' is {item.kind()}", item.place, f"expected a list: {_EXAMPLE}", item.note)
        return ()
    specs = [_entry(entry, f"faults.{number}", reading) for number, entry in enumerate(item.value, 1)]
    return tuple(spec for spec in specs if spec is not None)


def read_fault(text: str, graph: Graph, at_ns: int | None = None) -> FaultSpec:
    """A fault that is written as an entry in one line (its braces may be left out), for a graph.

    With ``at_ns`` that is when it begins, and the text does not say it.

    Raises:
        GraphError: with everything that is wrong.
    """
    report = Report()
    written = text if text.lstrip().startswith("{") else f"{{{text}}}"
    item = read_yaml(Source.of_word(written), written, report)
    reading = Reading(report, epoch=graph.epoch, until_ns=graph.until_ns)
    reading.ports.update({name: ports(node.cls) for name, node in graph.nodes.items()})
    reading.fields["channels"] = graph.channels
    if item is not None and at_ns is not None and isinstance(item.value, dict):
        begin = "at" if any(key in _AT for key in item.value) else "from"
        for key in ("at", "from"):
            if key in item.value:
                report.add(f"a fault that begins now has no {key!r}", item.value[key].label, "leave it out")
        item.value[begin] = Item(f"{at_ns} ns", item.place, item.place)
    spec = _entry(item, "", reading) if item is not None else None
    report.check()
    assert spec is not None
    acts_of_graph(replace(graph, faults=(spec,)))
    return spec


def with_faults(graph: Graph, texts: Sequence[str]) -> Graph:
    """The graph with more faults, each written as an entry in one line; raises as ``read_fault``."""
    return replace(graph, faults=(*graph.faults, *(read_fault(text, graph) for text in texts)))


def _entry(entry: Item, path: str, reading: Reading) -> FaultSpec | None:
    fields = reading.mapping(entry, "a fault", _KEYS, ())
    if fields is None or not isinstance(entry.value, dict):
        return None
    verbs = [key for key in fields if key in VERBS]
    if len(verbs) != 1:
        if verbs:
            told = f"a fault with {len(verbs)} verbs: {' and '.join(verbs)}"
            reading.report.add(told, fields[verbs[1]].label, "make it an entry each")
        elif len(fields) == len(entry.value):
            reading.report.add("a fault without a verb", entry.label, one_of(VERBS))
        return None
    (verb,) = verbs
    reading.places[path] = fields[verb].label
    begin = "at" if verb in _AT else "from"
    ends = () if verb in _WITHOUT_END else ("for", "until")
    takes = (verb, begin, *ends, *(("channel",) if verb in (*MUTUAL, *ONE_WAY) else ()))
    for key in [key for key in fields if key not in takes]:
        hint = f"write {begin}" if key in ("from", "at") else one_of(takes[1:], "it takes")
        hint = "a crash that ends is a bounce" if verb == "crash" and key in ("for", "until") else hint
        reading.report.add(f"{verb} takes no {key!r}", fields[key].label, hint)
        if key in ("from", "at"):
            return None
    fault = _fault(verb, fields, reading)
    times = _times(verb, begin, fields, reading)
    return FaultSpec(fault, *times) if fault is not None and times is not None else None


def _times(verb: str, begin: str, fields: Mapping[str, Item], reading: Reading) -> tuple[int, int] | None:
    """When a fault begins and ends (ns)."""
    report, at = reading.report, fields[verb].label
    if begin not in fields:
        report.add(f"{verb} has no {begin!r}", at, f"say when: {begin}: 20 min after the epoch, or a UTC instant")
        return None
    from_ns = read_instant_ns(fields[begin], "begins", reading.epoch, reading.until_ns, report)
    until_ns: int | None = NEVER_NS
    if "for" in fields and "until" in fields:
        report.add(f"{verb} has both 'for' and 'until'", fields["until"].label, "leave one out")
        return None
    if "for" in fields:
        for_ns = reading.value(fields["for"], read_duration_ns)
        if for_ns is not None and for_ns <= 0:
            report.add(f"{verb} for {fields['for'].text}", fields["for"].place, "it lasts longer than nothing")
            return None
        until_ns = None if for_ns is None or from_ns is None else from_ns + for_ns
    elif "until" in fields:
        until_ns = read_instant_ns(fields["until"], "ends", reading.epoch, None, report)
        if from_ns is not None and until_ns is not None and until_ns <= from_ns:
            report.add(f"{verb} ends before it begins", fields["until"].place, "let it end later", fields["until"].note)
            return None
    elif verb == "bounce":
        report.add("bounce has no 'for'", at, "say how long the node is down: for: 2 min; one that stays down: crash")
    return None if from_ns is None or until_ns is None else (from_ns, min(until_ns, NEVER_NS))


def _fault(verb: str, fields: Mapping[str, Item], reading: Reading) -> Fault | None:
    """What goes wrong; None, and a report, if that is not said rightly."""
    item = fields[verb]
    channel = _channel(fields.get("channel"), reading)
    if item.value is UNKNOWN or channel is None:
        return None
    if verb in MUTUAL:
        sides = item.value if isinstance(item.value, list) and len(item.value) == 2 else None
        if sides is None:
            hint = f"expected two: {verb}: [mro, goldstone]; several on a side: [[mro, maven], goldstone]"
            reading.report.add(f"{verb} is of {item.kind()}", item.place, hint, item.note)
            return None
        a, b = (_nodes(side, reading) for side in sides)
        return Fault(verb, a, b, channel) if a and b else None
    if verb in ONE_WAY:
        return _one_way(verb, item, channel, reading)
    if verb == "stuck_receiver":
        end = reading.end(item)
        return Fault(verb, (end[0],), port=end[1]) if end is not None else None
    if verb == "clock_jump":
        inner = reading.mapping(item, "clock_jump", ("node", "by"), ("node", "by")) or {}
        nodes, by_ns = _nodes(inner.get("node"), reading), reading.value(inner.get("by"), read_duration_ns)
        return Fault(verb, nodes, seconds=by_ns / NS_PER_S) if nodes and by_ns is not None else None
    nodes = _nodes(item, reading)
    return Fault("crash" if verb == "bounce" else verb, nodes) if nodes else None


def _one_way(verb: str, item: Item, channel: str, reading: Reading) -> Fault | None:
    how = "by" if verb == "delay" else "p"
    keys = ("from", "to", how)
    inner = reading.mapping(item, verb, keys, keys)
    if inner is None:
        return None
    a, b = _nodes(inner.get("from"), reading), _nodes(inner.get("to"), reading)
    read: Callable[[Item], float] = _read_delay_ns if verb == "delay" else _read_probability
    amount = reading.value(inner.get(how), read)
    if not a or not b or amount is None:
        return None
    if verb == "delay":
        return Fault(verb, a, b, channel, delay_ns=int(amount))
    return Fault(verb, a, b, channel, probability=float(amount))


def _nodes(item: Item | None, reading: Reading) -> tuple[str, ...] | None:
    """The nodes of a name, a list of names, or ``"*"``."""
    if item is None or item.value is UNKNOWN:
        return None
    children = item.value if isinstance(item.value, list) else [item]
    if not children:
        reading.report.add("a fault of no nodes", item.place, 'name some, or all the others: "*"')
    names = [reading.value(child, read_text) for child in children]
    found = [
        name if name == ALL else reading.node(name, child.place, child.note)
        for name, child in zip(names, children, strict=True)
        if name is not None
    ]
    return tuple(name for name in found if name is not None) if None not in (*names, *found) else None


def _channel(item: Item | None, reading: Reading) -> str | None:
    """The channel on which a fault acts, empty for all; None, and a report, if there is none of that name."""
    if item is None:
        return ""
    name, known = reading.value(item, read_text), reading.fields.get("channels", {})
    if name is not None and reading.full(name) not in known:
        names = [reading.local(full) for full in known]
        listed = one_of(names, "channels of this graph") or "this graph has no channels"
        reading.report.add(f"unknown channel {name!r}", item.place, listed, did_you_mean(name, names), item.note)
        return None
    return None if name is None else reading.full(name)


def _read_delay_ns(item: Item) -> int:
    delay_ns = read_duration_ns(item)
    if delay_ns <= 0:
        raise ValueError(f"a delay by {item.text}; nothing arrives sooner")
    return delay_ns


def _read_probability(item: Item) -> float:
    p = item.value
    if not isinstance(p, int | float) or isinstance(p, bool) or not 0 < p <= 1:
        raise ValueError(f"the probability is {item.kind()}; expected a number more than 0 and at most 1")
    return float(p)


# -- what they come to ------------------------------------------------------------------------------------------------


def acts_of_graph(graph: Graph) -> list[tuple[str, Emission]]:
    """By node, the acts that begin and end the faults of a graph, in the order of their times; numbered from 1.

    The id of a fault is its verb and its number among those of that verb: ``drop-1``.

    Raises:
        GraphError: a fault concerns nobody.
    """
    told: list[tuple[int, int, str, FaultBegins | FaultEnds]] = []
    verbs: Counter[str] = Counter()
    for number, spec in enumerate(graph.faults, 1):
        verbs[spec.fault.verb] += 1
        id = f"{spec.fault.verb}-{verbs[spec.fault.verb]}"
        try:
            begins = acts_of(spec.fault, id, list(graph.nodes), graph.channels)
        except GraphError as error:
            raise graph.error(f"faults.{number}", str(error)) from None
        told += [(spec.from_ns, 1, node, what) for node, what in begins]
        if spec.until_ns < graph.until_ns:
            told += [(spec.until_ns, 0, node, what) for node, what in end_of(begins)]
    told.sort(key=lambda each: each[:2])  # in one instant, what ends does so before something else begins
    return [(node, act(node, what, at_ns, seq)) for seq, (at_ns, _, node, what) in enumerate(told, 1)]


# -- writing ----------------------------------------------------------------------------------------------------------


def faults_data(faults: Sequence[FaultSpec]) -> list[Plain]:
    """Faults as they stand in a graph file."""
    return [_data(spec) for spec in faults]


def fault_text(spec: FaultSpec) -> str:
    """A fault as it can be written in one line of a graph file."""
    return _flow(_data(spec))


def _flow(value: Plain) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(child)}' for key, child in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return f'"{ALL}"' if value == ALL else str(value)


def _data(spec: FaultSpec) -> dict[str, Plain]:
    fault = spec.fault
    verb = "bounce" if fault.verb == "crash" and spec.until_ns < NEVER_NS else fault.verb
    here, there = _written(fault.nodes), _written(fault.others)
    what: Plain = here
    if verb in MUTUAL:
        what = [here, there]
    elif verb == "delay":
        what = {"from": here, "to": there, "by": duration_text(fault.delay_ns)}
    elif verb in ONE_WAY:
        what = {"from": here, "to": there, "p": fault.probability}
    elif verb == "stuck_receiver":
        what = f"{here}.{fault.port}"
    elif verb == "clock_jump":
        what = {"node": here, "by": duration_text(round(fault.seconds * NS_PER_S))}
    data: dict[str, Plain] = {verb: what}
    if fault.channel:
        data["channel"] = fault.channel
    data["at" if verb in _AT else "from"] = duration_text(spec.from_ns)
    if spec.until_ns < NEVER_NS:
        data["for"] = duration_text(spec.until_ns - spec.from_ns)
    return data


def _written(names: Sequence[str]) -> Plain:
    return names[0] if len(names) == 1 else list(names)
