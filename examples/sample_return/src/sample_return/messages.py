"""What the nodes of the return say to each other, besides events and housekeeping.

A tube is handed over as a message with its identifier: on the radio from the rover, which says that it has laid it
down, and over the arm of the lander, which puts it into the container.
"""

from __future__ import annotations

from lightlag.bus import message


@message("sample_return.fetch", version=1)
class Fetch:
    """Lander to rover: bring this tube."""

    tube: str


@message("sample_return.tube", version=1)
class Tube:
    """A tube changes hands."""

    tube: str
    mass_g: float


@message("sample_return.missing", version=1)
class Missing:
    """Rover to lander: there is no such tube here, or no longer."""

    tube: str


@message("sample_return.seal", version=1)
class Seal:
    """Lander to container: that was the last tube, shut the lid."""


@message("sample_return.go", version=1)
class Go:
    """Lander to ascent vehicle: the container is shut, with so many tubes."""

    tubes: int


@message("sample_return.manifest", version=1)
class Manifest:
    """The container's word: what is in it."""

    tubes: tuple[str, ...]
    mass_g: float


@message("sample_return.ranging", version=1)
class Ranging:
    """The orbiter's look at the container: how far it is, and how fast it comes nearer."""

    range_km: float
    closing_m_s: float
