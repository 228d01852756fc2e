"""Curiosity on its landing day."""

from __future__ import annotations

from pydantic import Field

from lightlag.missions.edl.lander import Lander

from .landing import CuriosityLanding


class Curiosity(Lander):
    """Lands in Gale crater, as flown unless the graph changes something."""

    class Params(Lander.Params):
        """What a graph may change."""

        landing: CuriosityLanding = Field(
            default_factory=lambda: CuriosityLanding.model_validate({}), description="the landing; defaults as flown"
        )

    params: Params
