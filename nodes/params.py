"""What a node can be told from a graph file: validated data, frozen, with units.

``NodeParams`` is the base of every node class's ``Params``. A field of a type derived from ``PartSpec`` there *is* the
declaration of a part of that name; if it is a ``RadioSpec``, of a radio and of its port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from .units import BitsPerSecond, DecibelWatts, Degrees, Hertz, Kilometres, Seconds

if TYPE_CHECKING:
    from .node import Node
    from .radio import Radio
#: The name of a node of the graph. Where a graph is included into another, and its nodes' names get a prefix, a
#: parameter of this type gets it with them.
NodeName = Annotated[str, "name of a node"]


class NodeParams(BaseModel):
    """Base of the parameters of a node: unknown names are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PartSpec(NodeParams):
    """Base of what a graph may say of one part of a node: its radio, its camera, its clock."""

    #: The fields that may change while a run goes on (see ``setting``); None: all of them.
    changeable: ClassVar[tuple[str, ...] | None] = None

    def make(self, node: Node, name: str) -> Any:
        """The part, which becomes the node's attribute ``name``; None if there is none but the parameters."""
        return None


class RadioSpec(PartSpec):
    """A radio in its simplest honest form: rate, frequency, a range beyond which the signal is too weak.

    The link budget will replace ``max_range_km`` behind the same interface.
    """

    # The rest is known to the medium, whose lookahead was made from it.
    changeable: ClassVar[tuple[str, ...] | None] = ("rate_bps", "frame_s", "queue_frames")

    #: What it sends at; the last bit of a frame leaves bits / rate after the first.
    rate_bps: BitsPerSecond = Field(default=8000.0, gt=0, description="data rate of transmission")
    #: Carrier it sends on; None: it cannot send.
    transmit_hz: Hertz | None = Field(default=None, gt=0, description="carrier frequency of transmission")
    #: Carrier it listens to; None: it cannot receive.
    receive_hz: Hertz | None = Field(default=None, gt=0, description="carrier frequency of reception")
    #: A carrier within this of ``receive_hz`` is heard.
    receive_bandwidth_hz: Hertz = Field(default=1e6, gt=0, description="width of the receiver's passband")
    power_dbw: DecibelWatts = Field(default=0.0, description="transmitted power")
    #: Farther than this from the emitter the signal drowns (loss ``snr``).
    max_range_km: Kilometres = Field(default=1e9, gt=0, description="range beyond which nothing is received")
    #: Only for nodes on a surface: lower than this over the horizon nothing is received or sent.
    min_elevation_deg: Degrees = Field(default=0.0, ge=-90, le=90, description="horizon mask of a surface site")
    #: If set, every frame takes this long whatever its size (tones).
    frame_s: Seconds | None = Field(default=None, gt=0, description="fixed duration of a frame, for tones")
    #: Frames waiting for transmission; one more is refused at the sender.
    queue_frames: int = Field(default=100_000, ge=1, description="capacity of the transmit queue, in frames")

    def hears(self, carrier_hz: float) -> bool:
        """Whether it is tuned to a carrier."""
        return self.receive_hz is not None and abs(self.receive_hz - carrier_hz) <= self.receive_bandwidth_hz / 2

    def make(self, node: Node, name: str) -> Radio:
        """The radio of a node, which is its port of that name."""
        from .radio import Radio  # a radio is told what it is by this module

        return Radio(node, name, self)
