"""Who waits for what of a run, and what is never to come: watched while the run goes on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import wraps
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, ParamSpec, TypeVar

from lightlag.bus.emission import Loss, Reception

from .expectation import Expectation

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ExpectationFailed(AssertionError):
    """What a test expects of a run does not come, or what it never wants to see has come."""

    # As pytest does with its own outcomes: the line that sums a failure up has room for a word or two.
    __module__ = "builtins"

    def __reduce__(self) -> tuple[Any, ...]:
        return failed, self.args


def failed(*args: Any) -> ExpectationFailed:
    """Where one that was pickled finds its class."""
    return ExpectationFailed(*args)


@dataclass(eq=False, slots=True)
class Pending:
    """Somebody waits for receptions, one after the other, or for a loss."""

    steps: Sequence[Expectation]
    future: asyncio.Future[Any]
    began_ns: int
    limit: str
    #: Of a loss: the reason that is wanted; None: any. ``...``: not a loss.
    reason: Any = ...
    found: list[Reception] = field(default_factory=list)

    def sees(self, item: Reception | Loss) -> bool:
        """Whether it has all it waited for, with this."""
        if self.future.done():
            return False
        step = self.steps[len(self.found)]
        if isinstance(item, Loss):
            if self.reason is ... or self.reason not in (None, item.reason):
                return False
            if step.receiver not in ("", item.receiver) or not step.is_said_by(item.emission):
                return False
            self.future.set_result(item)
            return True
        if self.reason is not ... or not step.is_met_by(item):
            return False
        self.found.append(item)
        if len(self.found) < len(self.steps):
            return False
        self.future.set_result(self.found)
        return True


@dataclass(eq=False, frozen=True, slots=True)
class Guard:
    """Something is never to be received."""

    expectation: Expectation
    where: str


class Asked:
    """What a test has asked a run to wait for, of which each has to be awaited."""

    def __init__(self) -> None:
        self._asked: list[tuple[Coroutine[Any, Any, Any], str]] = []

    def add(self, asked: Coroutine[Any, Any, Any], where: str) -> None:
        """The test was given ``asked``, and may wait for it."""
        self._asked = [(it, there) for it, there in self._asked if _is_untouched(it)]
        self._asked.append((asked, where))

    def forgotten(self) -> list[str]:
        """Where something was asked that nobody has begun to wait for; nobody can any more."""
        in_tasks = {task.get_coro() for task in _tasks()}
        left = [(it, where) for it, where in self._asked if _is_untouched(it) and it not in in_tasks]
        self._asked = []
        for it, _ in left:
            it.close()
        return [where for _, where in left]


def to_be_awaited(verb: Callable[_P, Coroutine[Any, Any, _T]]) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """A method of a run under test that does nothing unless it is awaited: the run finds out if it is not."""

    @wraps(verb)
    def asking(*args: _P.args, **kwargs: _P.kwargs) -> Coroutine[Any, Any, _T]:
        asked = verb(*args, **kwargs)
        caller = sys._getframe(1)
        run: Any = args[0]
        run.asked.add(asked, f"{verb.__name__} in line {caller.f_lineno} of {caller.f_code.co_name}")
        return asked

    return asking


def _tasks() -> set[asyncio.Task[Any]]:
    try:
        return asyncio.all_tasks()
    except RuntimeError:  # no loop is running
        return set()


def _is_untouched(asked: Coroutine[Any, Any, Any]) -> bool:
    return getcoroutinestate(asked) == CORO_CREATED
