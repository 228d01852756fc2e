"""Perseverance on its landing day."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.missions.edl.lander import Lander
from lightlag.nodes.events import Published

from .landing import Mars2020Landing, facts, published_record

_COMPARED = ("height_km", "speed_m_s", "deceleration_g")


class Perseverance(Lander):
    """Lands in Jezero, as flown unless the graph changes something."""

    class Params(Lander.Params):
        """What a graph may change."""

        landing: Mars2020Landing = Field(
            default_factory=lambda: Mars2020Landing.model_validate({}), description="the landing; defaults as flown"
        )

    params: Params

    @property
    def published(self) -> Sequence[Published]:
        """The record of the flight."""
        entry = Epoch.parse(facts().value("parameters.entry_interface_utc"))
        return [
            Published(
                event=record["id"],
                scet_utc=entry.utc(round(record["e_s"] * NS_PER_S)),
                values={name: _span(record[name]) for name in _COMPARED if name in record},
                source=", ".join(record["src"]) if isinstance(record["src"], list) else record["src"],
            )
            for record in published_record()
        ]


def _span(value: float | list[float]) -> tuple[float, float]:
    low, high = (value[0], value[-1]) if isinstance(value, list) else (value, value)
    return float(low), float(high)
