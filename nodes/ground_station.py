"""A ground station: hears spacecraft, puts their pictures and files together, and says when it knows what.

The class knows nothing of where it stands; ``lightlag.orbiters.stations`` gives it a place on the Earth.
"""

from __future__ import annotations

from math import isfinite, nan
from typing import ClassVar

from pydantic import Field

from lightlag.bus.emission import Reception
from lightlag.bus.errors import NodeError

from .events import Event, Tone
from .files import FileAssembler, FilePiece
from .node import Node
from .params import NodeParams, RadioSpec
from .picture import Assembler, Picture, PicturePiece, crop, png_bytes
from .radio import Radio
from .units import Seconds

#: The crop around a picture's target: this many pixels square, each repeated.
_CROP_PX, _CROP_ENLARGED = 256, 4


class GroundStation(Node):
    """Receives X band; logs events when they have been processed; writes pictures as PNG, and files as they are."""

    class Params(NodeParams):
        """What a graph may change."""

        xband: RadioSpec = Field(
            # Deep-space downlink band 8400 to 8450 MHz, 20 kW uplink at 7145 to 7190 MHz; 6 degrees is the elevation
            # at which the DSN hands over. Source: ground.yaml's sources (memory).
            default=RadioSpec(
                rate_bps="2 kbit/s",
                transmit_hz="7167 MHz",
                receive_hz="8425 MHz",
                receive_bandwidth_hz="50 MHz",
                power_dbw="43 dBW",
                min_elevation_deg="6 deg",
            ),
            description="receiver and uplink",
        )
        processing: Seconds = Field(
            default=0.0, ge=0, description="from reception to the screen (16 s were flown in 2021)"
        )

    hears: ClassVar[tuple[type, ...]] = (Event, Tone, PicturePiece, FilePiece)

    params: Params
    xband: Radio

    async def run(self) -> None:
        """Receive for ever."""
        self._pictures: dict[str, Assembler] = {}
        self._files: dict[str, FileAssembler] = {}
        self._known: dict[tuple[str, str], None] = {}
        async for reception in self.xband.received(Event, Tone, PicturePiece, FilePiece):
            if self.params.processing:
                self.loop.call_later(self.params.processing, self._process, reception)
            else:
                self._process(reception)

    def _process(self, reception: Reception) -> None:
        """Take in what was received; what cannot be read, or contradicts what came before, is noted and left."""
        try:
            self._take_in(reception)
        except NodeError as error:
            self.log(str(error), level="warning", path=">".join(reception.path))

    def _take_in(self, reception: Reception) -> None:
        told = reception.message
        if isinstance(told, PicturePiece):
            self._add(told, reception.emission.origin.source)
            return
        if isinstance(told, FilePiece):
            self._add_to_file(told, reception.emission.origin.source)
            return
        name = told.id if isinstance(told, Event) else told.event
        source = reception.emission.origin.source
        if (source, name) not in self._known:
            self._known[source, name] = None
            self.log(f"{source}: {name}", event_scet=self.epoch.utc(told.scet_ns), path=">".join(reception.path))

    def _add(self, piece: PicturePiece, source: str) -> None:
        key = f"{source}-{piece.picture}"
        if key not in self._pictures:
            self.log(f"{key}: the first of {piece.count} pieces is here")
        assembler = self._pictures.setdefault(key, Assembler())
        if assembler.add(piece) and assembler.complete:
            self._write(key, assembler.picture())

    def _add_to_file(self, piece: FilePiece, source: str) -> None:
        key = f"{source}-{piece.file}"
        assembler = self._files.setdefault(key, FileAssembler())
        if assembler.add(piece) and assembler.complete:
            times = {"taken_scet": self.epoch.utc(piece.made_ns), "complete_ert": self.epoch.utc(self.now_ns)}
            self.log(f"{key}: complete", **times)
            self.publish(key, assembler.data(), **times)

    def _write(self, key: str, picture: Picture) -> None:
        """Write the whole frame, and the target enlarged if the picture says where it is."""
        times = {"taken_scet": self.epoch.utc(picture.taken_ns), "complete_ert": self.epoch.utc(self.now_ns)}
        self.log(f"{key}: complete", **times)
        facts = dict(picture.facts)
        self.publish(f"{key}.png", png_bytes(picture.pixels), **times, facts=facts)
        centre = facts.get("target_column_px", nan), facts.get("target_row_px", nan)
        if all(map(isfinite, centre)):
            near = crop(picture.pixels, centre, _CROP_PX, _CROP_ENLARGED)
            self.publish(f"{key}-crop.png", png_bytes(near), **times, facts=facts)
