"""Perseverance on its landing day."""

from __future__ import annotations

from pydantic import Field

from lightlag.missions.edl.lander import Lander

from .landing import Mars2020Landing


class Perseverance(Lander):
    """Lands in Jezero, as flown unless the graph changes something."""

    class Params(Lander.Params):
        """What a graph may change."""

        landing: Mars2020Landing = Field(
            default_factory=lambda: Mars2020Landing.model_validate({}), description="the landing; defaults as flown"
        )

    params: Params
