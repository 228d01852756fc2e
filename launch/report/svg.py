"""Drawing: a canvas that collects SVG elements, scales, ticks of time, and labels that keep off each other.

Colours and type are classes, given by the page's style sheet, so that a drawing is right in light and in dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lightlag.bus.time import NS_PER_S, Epoch

from .words import clock, safe

_S = NS_PER_S
#: Distances between ticks of time, of which the least that leaves room is taken.
_STEPS_NS = (
    *(mantissa * 10**power for power in range(9) for mantissa in (1, 2, 5)),
    *(seconds * _S for seconds in (1, 2, 5, 10, 15, 30)),
    *(minutes * 60 * _S for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * 3600 * _S for hours in (1, 2, 3, 6, 12)),
    *(days * 86400 * _S for days in (1, 2, 5, 10, 30, 100, 365)),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps [low, high] of a quantity to [start, end] on the canvas."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return self.start + share * (self.end - self.start)


@dataclass(slots=True)
class Canvas:
    """Collects the elements of one drawing of ``width`` by ``height``; ``label`` says what it shows."""

    width: float
    height: float
    label: str
    #: A class for all of it, by which a style sheet may know it.
    kind: str = ""
    elements: list[str] = field(default_factory=list)

    def add(self, tag: str, kind: str, title: str | None = None, text: str | None = None, **attributes: object) -> None:
        """Add an element of class ``kind``; ``title`` appears under the pointer, underscores in names are dashes."""
        given = "".join(f' {name.rstrip("_").replace("_", "-")}="{_value(v)}"' for name, v in attributes.items())
        inside = (f"<title>{safe(title)}</title>" if title else "") + (safe(text) if text else "")
        self.elements.append(
            f'<{tag} class="{kind}"{given}>{inside}</{tag}>' if inside else f'<{tag} class="{kind}"{given}/>'
        )

    def line(self, kind: str, x1: float, y1: float, x2: float, y2: float, title: str | None = None) -> None:
        """A straight line."""
        self.path(kind, f"M{_number(x1)} {_number(y1)}L{_number(x2)} {_number(y2)}", title)

    def path(self, kind: str, d: str, title: str | None = None) -> None:
        """A path, its data given."""
        self.add("path", kind, title, d=d)

    def rect(self, kind: str, x: float, y: float, width: float, height: float, title: str | None = None) -> None:
        """An upright rectangle."""
        self.add("rect", kind, title, x=x, y=y, width=width, height=height)

    def text(self, kind: str, x: float, y: float, text: str, *, anchor: str = "start", turn_deg: float = 0) -> None:
        """A line of text, turned about its anchor."""
        turn = {"transform": f"rotate({_number(turn_deg)} {_number(x)} {_number(y)})"} if turn_deg else {}
        self.add("text", kind, text=text, x=x, y=y, text_anchor=anchor, **turn)

    def render(self) -> str:
        """The drawing as an SVG element."""
        box = f"0 0 {_number(self.width)} {_number(self.height)}"
        inside = "\n".join(self.elements)
        kind = f' class="{self.kind}"' if self.kind else ""
        head = f'<svg{kind} viewBox="{box}" role="img" aria-label="{safe(self.label)}">'
        return f'<div class="scroll">{head}\n{inside}\n</svg></div>'

    def render_file(self, style: str) -> str:
        """The drawing as the text of an SVG file, with a style sheet of its own."""
        width, height = _number(self.width), _number(self.height)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{self.kind}" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-label="{safe(self.label)}">'
        )
        inside = "\n".join(self.elements)
        return f"{head}\n<title>{safe(self.label)}</title>\n<style>\n{style}</style>\n{inside}\n</svg>\n"


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """The path through some points."""
    return "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)


def time_ticks(epoch: Epoch, low_ns: int, high_ns: int, most: int) -> list[tuple[int, str]]:
    """At most ``most`` or so round instants of UTC in an interval of run time, with their labels."""
    span_ns = max(1, high_ns - low_ns)
    step_ns = next((step for step in _STEPS_NS if span_ns / step <= most), _STEPS_NS[-1])
    digits = 0 if step_ns >= _S else 3 if step_ns >= 10**6 else 6 if step_ns >= 1000 else 9
    first_unix_ns = epoch.unix_ns(low_ns)
    start_ns = low_ns + -first_unix_ns % step_ns
    instants = range(start_ns, high_ns + 1, step_ns)
    if step_ns >= 86400 * _S:
        return [(t_ns, epoch.utc(t_ns, 0)[:10]) for t_ns in instants]
    labels = {t_ns: clock(epoch, t_ns, digits)[: 5 if step_ns % (60 * _S) == 0 else None] for t_ns in instants}
    if span_ns > 86400 * _S:  # which of several midnights it is
        labels |= {t_ns: epoch.utc(t_ns, 0)[5:10] for t_ns, label in labels.items() if label == "00:00"}
    return [*labels.items()]


def spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Places as near as possible to the wanted ones (ascending), at least ``apart`` from each other, in [low, high].

    Least squares by pooling neighbours that would touch; more than fit are squeezed.
    """
    if len(wanted) > 1:
        apart = min(apart, (high - low) / (len(wanted) - 1))
    pools: list[tuple[float, int]] = []  # mean of (wanted - its index * apart), how many
    for index, value in enumerate(wanted):
        pools.append((value - index * apart, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [((a * n + b * m) / (n + m), n + m)]
    bases = [mean for mean, size in pools for _ in range(size)]
    top = high - (len(wanted) - 1) * apart
    return [min(max(base, low), top) + index * apart for index, base in enumerate(bases)]


def foremost(wanted: Sequence[float], apart: float, favoured: Sequence[int] = ()) -> list[int]:
    """Indices, ascending, of places that are at least ``apart`` from each other.

    The last comes first, then the favoured ones, then the rest, each time the one that is farthest from those chosen.
    """
    chosen = [len(wanted) - 1] if wanted else []
    for among in (favoured, range(len(wanted))) if wanted else ():
        while among:
            lonely, index = max((min(abs(wanted[i] - wanted[k]) for k in chosen), -i) for i in among)
            if lonely < apart:
                break
            chosen.append(-index)
    return sorted(chosen)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _value(value: object) -> str:
    return _number(value) if isinstance(value, int | float) else safe(value)
