"""Channels, and the protocol of what lies between nodes.

A medium decides if and when an emission is received. It is asked on both sides: the sending host has it ``stamp``
what the receiver cannot know (opaque bytes to the bus: in space, the emitter's state), the receiving host has it
``judge`` the emission for each of its receivers, and launch asks it for lower bounds of the delay, which are the
lookahead of the coordination. All times are integer nanoseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .errors import GraphError, NodeError
from .time import NEVER_NS

if TYPE_CHECKING:
    from .emission import Emission

#: Every reason for which an (emission, member) may end in a loss.
LOSS_REASONS = (
    "absent",
    "below_horizon",
    "blackout",
    "fault",
    "in_flight",
    "not_pointed",
    "not_tuned",
    "occulted",
    "snr",
)


class Verdict(NamedTuple):
    """When an emission reaches a member, and the reason if it is lost there (None: it is received).

    A medium may as well return a plain tuple of these.
    """

    t_ns: int
    loss: str | None = None


class Medium(Protocol):
    """What lies between the nodes of a channel."""

    def stamp(self, source: str, sent_ns: int) -> bytes:
        """What a receiver must be told about the emitter; called in the sender's host when the last bit leaves."""
        ...

    def judge(self, emission: Emission, receiver: str) -> tuple[int, str | None]:
        """If and when ``receiver`` gets ``emission``; asked in the receiver's host; at least 1 ns later."""
        ...

    def lower_bound_ns(self, source: str, receiver: str, t0_ns: int, t1_ns: int) -> int:
        """No emission sent in [t0_ns, t1_ns) can arrive sooner than this after it was sent (>= 1 where possible)."""
        ...


@dataclass(frozen=True, slots=True)
class Wire:
    """A medium with one fixed latency, for links on the ground and for tests."""

    latency_ns: int

    def __post_init__(self) -> None:
        if not 1 <= self.latency_ns < NEVER_NS:
            raise GraphError(f"a wire's latency is {self.latency_ns} ns; it must be at least 1 ns")

    def stamp(self, source: str, sent_ns: int) -> bytes:
        """Nothing: a wire does not care where its ends are."""
        return b""

    def judge(self, emission: Emission, receiver: str) -> tuple[int, str | None]:
        """Received, one latency later."""
        return emission.sent_ns + self.latency_ns, None

    def lower_bound_ns(self, source: str, receiver: str, t0_ns: int, t1_ns: int) -> int:
        """The latency itself."""
        return self.latency_ns


@dataclass(frozen=True, slots=True)
class Channel:
    """A named medium with members.

    Members are the potential receivers of every emission on the channel and may emit on it too; senders may emit
    but do not receive. Both map a node's name to the port that joins it.
    """

    name: str
    medium: Medium
    members: Mapping[str, str]
    senders: Mapping[str, str] = field(default_factory=dict)

    def receivers(self, source: str, to: str = "") -> list[str]:
        """Names of the nodes for which an emission of ``source`` is judged, sorted; with ``to``, that member alone.

        Raises:
            NodeError: ``to`` is no member.
        """
        if not to:
            return sorted(name for name in self.members if name != source)
        if to not in self.members:
            raise NodeError(
                f"{source} sent to {to!r}, which is no member of channel {self.name}; its members are "
                f"{', '.join(sorted(self.members))}"
            )
        return [to]
