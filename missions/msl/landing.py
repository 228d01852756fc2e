"""Curiosity's landing in Gale crater on 2012-08-06, built from ``facts.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightlag.missions.edl import FlownLanding, Landing


class CuriosityLanding(FlownLanding):
    """The landing's parameters; what is not given is taken from the facts, section by section."""

    facts_file = Path(__file__).with_name("facts.yaml")


def landing(**changes: Any) -> Landing:
    """The landing as flown, or with changes: ``landing(guidance={"bank_deg": "50 deg"})``."""
    return Landing(CuriosityLanding.model_validate(changes))
