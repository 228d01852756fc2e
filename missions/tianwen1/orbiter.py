"""Tianwen-1 on a path that it flew: its burns, its record, and the relay of its own lander."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic import Field

from lightlag.nodes.events import Published
from lightlag.nodes.params import NodeParams, RadioSpec
from lightlag.nodes.trajectory import TrajectoryModel
from lightlag.orbiters.relay import ELECTRA
from lightlag.orbiters.tianwen1 import Tianwen1

from .paths import PathName, facts, path


class Tianwen1Flown(Tianwen1):
    """Flies one of its paths of 2021, tells of its burns and turns, and relays its lander at once (an assumption)."""

    class Params(Tianwen1.Params):
        """What a graph may change."""

        path: PathName = Field(description="what it flies; its states and burns are the mission's facts")
        # Frequencies and power of the other relays at Mars, which Mars Express's test with the rover speaks for.
        uhf: RadioSpec = Field(default=ELECTRA, description="relay radio (an assumption)")

    params: Params
    #: It is where its path is, or where a graph says.
    trajectory: TrajectoryModel | None = None

    def __init__(self, name: str, params: NodeParams | None = None) -> None:
        super().__init__(name, params)
        if self.params.trajectory is None:
            self.trajectory = path(self.params.path).model()

    async def run(self) -> None:
        """Go round and relay, and tell of both."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().run())
            tasks.create_task(self.tell_turns())

    @property
    def published(self) -> Sequence[Published]:
        """What was published of its burns, of those that are on its path."""
        burns = facts().value(f"paths.{self.params.path}")[1:]
        return [
            Published(record["id"], record["scet"], {}, record["src"])
            for record in facts().records("orbiter_record")
            if record["id"].removesuffix("_start").removesuffix("_end") in burns
        ]
