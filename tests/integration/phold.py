"""Nodes that all talk to all, all the time: each message, on arrival, goes on to a node drawn at random."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from pydantic import Field

from lightlag.bus.message import message
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams
from lightlag.nodes.port import Port


@message("test.phold.ball")
class Ball:
    """What is passed on, and how often it was."""

    passes: int


class Juggler(Node):
    """Starts with some balls; passes on each that it gets, after a while of its own choosing."""

    ports: ClassVar[tuple[str, ...]] = ("air",)

    class Params(NodeParams):
        friends: list[str]
        balls: int = Field(default=4, gt=0)

    params: Params
    air: Port

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.params.balls):
                tasks.create_task(self.pass_on(Ball(1)))
            async for reception in self.air.received(Ball):
                tasks.create_task(self.pass_on(Ball(reception.message.passes + 1)))

    async def pass_on(self, ball: Ball) -> None:
        await asyncio.sleep(self.rng.expovariate(1.0))
        self.air.send(ball, to=self.rng.choice(self.params.friends))


NAMES = ("ann", "bob", "cat", "dan", "eve", "fay")


def _declared(name: str) -> str:
    friends = ", ".join(friend for friend in NAMES if friend != name)
    return f'  {name}: {{type: "tests.integration.phold:Juggler", params: {{friends: [{friends}]}}}}'


GRAPH = f"""
version: 1
name: phold
epoch: 2021-02-18T20:26:00Z
seed: 11
until: 200 s
nodes:
{chr(10).join(map(_declared, NAMES))}
channels:
  air: {{medium: {{wire: {{latency: 100 ms}}}}, members: [{", ".join(f"{name}.air" for name in NAMES)}]}}
"""
