"""The report: one self-contained page about a run, to look at and to show around.

``write_report`` reads the run directory once and puts the page together from sections; a section without data is left
out. Each module here makes one section, or helps: ``reading`` condenses the recording, ``places`` finds who is near
whom, ``svg`` draws, ``words`` says. Nothing here knows any mission, and the same run directory gives the same bytes.

The graph itself is drawn without a run, too: ``geometry_at`` asks where nodes are, ``topology`` says what is drawn,
``wiring`` puts it on paper, ``drawing`` draws it, for the page or as a file (``graph_file``).

Colours are in ``colours.css``, light and dark; type and lines in ``page.css``, and those of the graph in ``graph.css``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from lightlag.bus.time import NS_PER_S
from lightlag.launch.graph.spec import Graph
from lightlag.launch.rundir.directory import RunDirectory

from .descent import descents
from .drawing import graph_drawing
from .faults import faults, told_of_faults
from .figures import judged, losses, masthead, run_tables
from .geometry import Geometry
from .heard import who_heard_whom
from .pictures import pictures
from .places import find_places
from .reading import read_run
from .sounds import sounds
from .spacetime import caption_of, space_time
from .table import event_table, told_of
from .words import safe

__all__ = ["write_report"]

#: A descent is what a run of less is about.
_DAY_NS = 86_400 * NS_PER_S
_STYLES = ("colours.css", "page.css", "graph.css")


def write_report(
    directory: RunDirectory,
    graph: Graph,
    geometry: Geometry,
    summary: Mapping[str, Any],
    products: Sequence[Mapping[str, Any]],
) -> None:
    """Write ``report.html`` from what a run left in its directory.

    ``geometry`` is that of the graph at its epoch; ``summary`` is what ``summary.json`` will hold; ``products`` is what
    nodes published, as the run directory lists it.
    """
    run = read_run(directory, graph)
    places = find_places(run, geometry.sites)
    descent = descents(run)
    drawing = graph_drawing(graph, geometry, summary.get("groups") or ())
    sections = [
        _section(
            "graph",
            "The graph",
            "Who is there when the run begins, and what joins them: a line is a channel.",
            f"<figure>{drawing.render()}</figure>",
        ),
        _section(
            "descent" if descent else "events",
            "The descent" if descent and graph.until_ns <= _DAY_NS else "What happened",
            told_of(run),
            descent + event_table(run, places),
        ),
        _section(
            "heard",
            "Who heard whom",
            judged(summary),
            who_heard_whom(run, places),
        ),
        _section("faults", "What went wrong on purpose", told_of_faults(run), faults(run)),
        _section("spacetime", "Through space and time", caption_of(places), space_time(run, places)),
        _section(
            "pictures",
            "What was photographed",
            "It travelled as data, piece by piece, at the rate of the link, and was put together on the ground.",
            pictures(directory.pictures, graph.epoch, products),
        ),
        _section(
            "sounds",
            "What was recorded",
            "As files that came in pieces; how they were made is for the mission to say.",
            sounds(directory.pictures, products),
        ),
        _section("losses", "What was lost, and why", "", losses(run, summary)),
        _section("figures", "The run in figures", "", run_tables(run, summary)),
    ]
    here = Path(__file__).parent
    page = Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        title=safe(graph.name),
        style="".join((here / name).read_text(encoding="utf-8") for name in _STYLES),
        masthead=masthead(run, places, summary),
        sections="\n".join(section for section in sections if section),
    )
    directory.report.write_text(page, encoding="utf-8")


def _section(name: str, title: str, lead: str, content: str) -> str:
    if not content:
        return ""
    told = f'<p class="lead">{lead}</p>' if lead else ""
    return f'<section id="{name}"><h2>{title}</h2>{told}{content}</section>'
