"""A station takes what comes: what cannot be read, or contradicts itself, is noted, and it goes on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.nodes.worlds import Scripted, run_to_end

from lightlag.bus.medium import Channel, Wire
from lightlag.nodes.events import Event
from lightlag.nodes.files import FilePiece, file_pieces
from lightlag.nodes.ground_station import GroundStation
from lightlag.nodes.picture import pieces

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 6)


def heard(*messages):
    """What a station notes and publishes of messages that a sender sends, one a microsecond."""

    async def send(node):
        for message in messages:
            node.link.send(message)
            await node.sleep_until(node.now_ns + 1000)

    channel = Channel("sky", Wire(10), {"station": "xband"}, {"sender": "link"})
    run, _ = run_to_end([GroundStation("station"), Scripted("sender", send)], [channel])
    assert run.failure is None, run.failure.traceback
    return run


def event(name, scet_ns=0):
    return Event(name, scet_ns, {})


class Nonsense:
    """Bytes under the name of a type that they are not of."""

    __message_type__ = Event.__message_type__

    def encode(self):
        return b"\xc1", ()


def test_bytes_that_only_claim_to_be_an_event_are_noted_and_are_no_news():
    run = heard(Nonsense(), event("touchdown"))
    assert [(log.level, log.text.partition(":")[0]) for log in run.logs] == [
        ("warning", "these bytes are no lightlag.event@1"),
        ("info", "sender"),
    ]
    assert [news[0] for news in run.news] == ["touchdown"]


def test_a_piece_that_contradicts_its_picture_is_noted_and_the_picture_is_completed():
    first, *rest = pieces("esp", PIXELS, 0, bytes_per_piece=8)
    (other, *_) = pieces("esp", PIXELS[:2], 0, bytes_per_piece=8)
    run = heard(first, other, *rest)
    assert [log.level for log in run.logs] == ["info", "warning", "info"]
    assert "the pieces before it have" in run.logs[1].text
    assert [product.name for product in run.products] == ["sender-esp.png"]


@pytest.mark.parametrize("facts", [{"target_column_px": math.nan, "target_row_px": 1.0}, {"target_column_px": 2.0}])
def test_a_target_that_is_nowhere_is_not_enlarged(facts):
    run = heard(*pieces("esp", PIXELS, 0, facts))
    assert [product.name for product in run.products] == ["sender-esp.png"]


def test_a_picture_whose_name_is_no_file_name_is_not_written():
    run = heard(*pieces("../../etc", PIXELS, 0), event("touchdown"))
    assert run.products == []
    assert "cannot publish 'sender-../../etc.png'" in next(log.text for log in run.logs if log.level == "warning")
    assert run.logs[-1].text == "sender: touchdown"


def test_a_file_is_written_as_it_is_once_it_is_whole():
    *rest, last = file_pieces("wind.wav", b"RIFF and so on", 0, 4)
    run = heard(last, *rest, rest[0])
    assert [(product.name, product.data) for product in run.products] == [("sender-wind.wav", b"RIFF and so on")]


def test_a_piece_of_a_file_that_contradicts_it_is_noted():
    run = heard(*file_pieces("wind.wav", b"abcd", 0, 2), FilePiece("wind.wav", 1, 9, 0, b"?"))
    assert len(run.products) == 1
    assert "give every file its own name" in run.logs[-1].text
