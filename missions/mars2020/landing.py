"""Mars 2020's landing in Jezero crater on 2021-02-18, built from ``facts.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightlag.missions.edl import FlownLanding, Landing


class Mars2020Landing(FlownLanding):
    """The landing's parameters; what is not given is taken from the facts, section by section."""

    facts_file = Path(__file__).with_name("facts.yaml")


def landing(**changes: Any) -> Landing:
    """The landing as flown, or with changes: ``landing(guidance={"bank_deg": "50 deg"})``."""
    return Landing(Mars2020Landing.model_validate(changes))
