"""The table of events: when each happened, as published and in this run, and when the news of it arrived far away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lightlag.bus.time import NS_PER_S, Epoch

from .places import Places
from .reading import Happening, Learnt, Reading
from .words import between, clock, count, duration, listing, plain, quantity, safe, split_unit, time_beside

#: Differences of more than this stand out.
_STANDS_OUT_S = 2.0


def event_table(run: Reading, places: Places) -> str:
    """The table, or nothing if nothing happened."""
    if not run.events:
        return ""
    compared = _compared(run.events)
    heads = ["event", "SCET", *(["model − published"] if any(event.flown for event in run.events) else [])]
    heads += [split_unit(name)[0] for name in compared]
    heads.append("first learnt far away (ERT)" if len(places.groups) > 1 else "first learnt (ERT)")
    several = len({event.source for event in run.events}) > 1
    rows, day, several_days = "", "", run.graph.until_ns > 86_400 * NS_PER_S
    for event in run.events:
        at_ns = event.flown_ns if event.scet_ns is None else event.scet_ns
        if at_ns is not None and (today := run.graph.epoch.utc(at_ns)[:10]) != day:
            if day or several_days:
                rows += f'<tr class="day"><th scope="rowgroup" colspan="{len(heads)}">{today}</th></tr>'
            day = today
        rows += _row(run.graph.epoch, places, event, compared, heads, several)
    head = "".join(f'<th scope="col">{safe(text)}</th>' for text in heads)
    key = (
        '<p class="small"><span class="key model">upper figure: this run</span> '
        '<span class="key flown">lower figure: published</span></p>'
        if len(heads) > 3
        else ""
    )
    table = f'<table class="events"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'{key}<div class="scroll">{table}</div>'


def _compared(events: Sequence[Happening]) -> list[str]:
    """Names of the values that the record of the flight has, in the order in which they come."""
    names = (name for event in events if event.flown for name in event.flown.values)
    return list(dict.fromkeys(sorted(names, key=lambda name: ("height" not in name, "speed" not in name, name))))


def _row(
    epoch: Epoch, places: Places, event: Happening, compared: Sequence[str], heads: Sequence[str], several: bool
) -> str:
    source = f'<span class="dim"> {safe(event.source)}</span>' if several else ""
    title = f' title="published: {safe(event.flown.source)}"' if event.flown else ""
    cells = [f'<th scope="row"{title}>{safe(plain(event.id))}{source}</th>']
    model = "not in this run" if event.scet_ns is None else clock(epoch, event.scet_ns)
    flown = "" if event.flown_ns is None else clock(epoch, event.flown_ns)
    cells.append(_two(model, flown))
    if "model − published" in heads:
        cells.append(f"<td>{_difference(event)}</td>")
    for name in compared:
        unit = split_unit(name)[1]
        model = quantity(event.values[name], unit) if name in event.values else ""
        published = event.flown.values.get(name) if event.flown else None
        cells.append(_two(model, between(*published, unit) if published else ""))
    cells.append(f"<td>{''.join(_news(epoch, places, event))}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _two(model: str, flown: str) -> str:
    return f'<td><span class="model">{safe(model)}</span><br><span class="flown">{safe(flown)}</span></td>'


def _difference(event: Happening) -> str:
    if event.scet_ns is None or event.flown_ns is None:
        return ""
    difference_s = (event.scet_ns - event.flown_ns) / NS_PER_S
    text = f"{round(difference_s, 2) + 0.0:+.2f} s".replace("-", "−")
    return f"<strong>{text}</strong>" if abs(difference_s) > _STANDS_OUT_S else text


def _news(epoch: Epoch, places: Places, event: Happening) -> Iterator[str]:
    # Who was told of it there, by somebody who had heard of it, is not news.
    far = [
        news
        for news in event.learnt
        if places.far(event.source, news.receiver) and places.far(news.path[-2], news.receiver)
    ]
    shown = far or ([] if len(places.groups) > 1 else event.learnt)
    if not shown:
        heard = "heard by nobody" if not event.learnt else "heard by nobody far away"
        yield f'<span class="dim">{"not in this run" if event.scet_ns is None else heard}</span>'
    for news in sorted(shown, key=lambda news: (news.ert_ns, news.receiver)):
        when = time_beside(epoch, news.ert_ns, event.scet_ns or news.ert_ns)
        yield (
            f'<span class="news" title="{safe(" → ".join(news.path))}"><b>{safe(news.receiver)}</b> '
            f'{when} <span class="dim">{_way(news)}, {duration(news.delay_s)}</span></span>'
        )


def _way(news: Learnt) -> str:
    return f"via {safe(listing(news.path[1:-1]))}" if len(news.path) > 2 else "direct"


def told_of(run: Reading) -> str:
    """A sentence about the table."""
    told = [event for event in run.events if event.scet_ns is not None]
    flown = sum(1 for event in told if event.flown)
    which = "" if flown == len(told) else f"{flown} of them "
    beside = f", {which}beside what was published" if flown else ""
    return f"{count(len(told), 'event')}{beside}."
