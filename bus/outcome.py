"""What a run came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .activation import Failure, Tally


@dataclass(slots=True)
class Outcome:
    """What a run came to: chains by node, counts, the failure if a node raised, whether it was interrupted."""

    chains: dict[str, bytes] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    failure: Failure | None = None
    interrupted: bool = False
    #: Everything before this has happened (ns).
    reached_ns: int = 0
    #: Sum of the peak resident sets of the hosts, in kB.
    peak_rss_kb: int = 0
    #: Wall time from the moment at which all hosts were ready to the last event.
    drive_s: float = 0.0
    #: How many messages and connections were refused.
    refusals: int = 0
    #: By host, how many grants it has answered; those by which a dead host went through its past again do not count.
    grants: Sequence[int] = ()
    #: The arithmetic fingerprint of every host.
    fingerprints: dict[str, str] = field(default_factory=dict)
