"""A landing that was flown: what decides it is the facts of a mission, and what was published of it stands beside.

A mission names its file, and has the parameter model of its landing::

    class CuriosityLanding(FlownLanding):
        facts_file = Path(__file__).with_name("facts.yaml")

The file has a section ``parameters``, shaped as ``LandingParams``, and a list ``published_record`` of events: ``id``,
``e_s``, and what else is known, with sources. The record is for comparing afterwards; the dynamics never see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import model_validator

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.missions.facts import Facts, load_facts
from lightlag.nodes.events import Published

from .parameters import LandingParams

#: What of the record is compared.
_COMPARED = ("height_km", "speed_m_s", "deceleration_g")


class FlownLanding(LandingParams):
    """The parameters of a landing whose defaults are facts: whatever a graph leaves out is as flown."""

    facts_file: ClassVar[Path]

    @model_validator(mode="before")
    @classmethod
    def _as_flown(cls, given: Any) -> Any:
        return _merged(cls.facts().values("parameters"), given) if isinstance(given, Mapping) else given

    @classmethod
    def facts(cls) -> Facts:
        """The facts of the mission."""
        return load_facts(cls.facts_file)

    @classmethod
    def published(cls) -> list[Published]:
        """The record of the flight."""
        entry = Epoch.parse(cls.facts().value("parameters.entry_interface_utc"))
        return [
            Published(
                event=record["id"],
                scet_utc=entry.utc(round(record["e_s"] * NS_PER_S)),
                values={name: _span(record[name]) for name in _COMPARED if name in record},
                source=", ".join(record["src"]) if isinstance(record["src"], list) else record["src"],
            )
            for record in cls.facts().records("published_record")
        ]


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _span(value: float | list[float]) -> tuple[float, float]:
    low, high = (value[0], value[-1]) if isinstance(value, list) else (value, value)
    return float(low), float(high)
