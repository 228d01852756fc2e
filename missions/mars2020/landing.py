"""Mars 2020's landing in Jezero crater on 2021-02-18, built from ``facts.yaml``.

``Mars2020Landing`` is the parameter model whose defaults are the facts: whatever a graph leaves out is as flown. The
events of ``published_record`` are for comparing afterwards; the dynamics never see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import model_validator

from lightlag.missions.edl import Landing, LandingParams
from lightlag.missions.facts import Facts, load_facts


def facts() -> Facts:
    """The facts of Mars 2020."""
    return load_facts(Path(__file__).with_name("facts.yaml"))


def published_record() -> list[dict[str, Any]]:
    """The events of the flight as they were published: ``id``, ``e_s``, and what else is known, with sources."""
    return facts().records("published_record")


class Mars2020Landing(LandingParams):
    """The landing's parameters; what is not given is taken from the facts, section by section."""

    @model_validator(mode="before")
    @classmethod
    def _as_flown(cls, given: Any) -> Any:
        return _merged(facts().values("parameters"), given) if isinstance(given, Mapping) else given


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def landing(**changes: Any) -> Landing:
    """The landing as flown, or with changes: ``landing(guidance={"bank_deg": "50 deg"})``."""
    return Landing(Mars2020Landing.model_validate(changes))
