"""The picture of Perseverance under its parachute, from MRO's camera to a file on Earth."""

from __future__ import annotations

import base64
import hashlib
import random

import numpy as np
import pytest
from PIL import Image

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.camera import find_scene, photograph
from lightlag.nodes.picture import Assembler, PicturePiece

# uahirise.org/ESP_068281_9024: 0.697 m a pixel of one microradian, hence the range.
PUBLISHED = {"range_km": 697.0, "scale_m_px": 0.697, "emission_deg": 72.2}
PUBLISHED_TOLERANCE = 0.02
RECEIVERS = ("goldstone", "madrid")


@pytest.fixture(scope="module")
def taken(landing, world):
    """The picture as it was at the shutter, taken once more with the same spec and the same dice."""
    spec = landing.graph.nodes["mro"].params.hirise
    around, shutter_ns = world.surroundings("mro"), landing.t_ns(spec.shutter)
    here, target, sun = (around.fixed("mars", name, shutter_ns) for name in ("mro", spec.target, "sun"))
    key = hashlib.blake2b(f"{landing.graph.seed}/mro".encode(), digest_size=16).digest()
    noise = random.Random(int.from_bytes(key, "little")).getrandbits(32)
    places = (here.position_km, target.position_km, target.velocity_km_s, sun.position_km)
    return photograph(spec, *places, find_scene(spec.scene), noise)


@pytest.fixture(scope="module")
def assembled(landing):
    """What came down to one station, put together from the recording."""
    assembler = Assembler()
    pieces = [it.data["message"] for it in landing.records if it.topic == "/madrid/downlink/lightlag.picture_piece"]
    for piece in pieces:
        coded = piece["samples"]
        samples = np.frombuffer(base64.b64decode(coded["data"]), coded["dtype"]).reshape(coded["shape"])
        assembler.add(PicturePiece(**{**piece, "samples": samples}))
    return assembler


@pytest.mark.parametrize("station", RECEIVERS)
def test_the_picture_received_is_the_picture_taken_pixel_by_pixel(landing, taken, station):
    with Image.open(landing.path / "pictures" / f"{station}-mro-ESP_068281_9024.png") as file:
        received = np.asarray(file)
    assert received.dtype == taken.pixels.dtype
    np.testing.assert_array_equal(received, taken.pixels)


def test_the_recording_holds_the_whole_picture(assembled, taken):
    assert assembled.complete
    np.testing.assert_array_equal(assembled.picture().pixels, taken.pixels)


def test_the_geometry_that_came_with_it_is_the_published_one(assembled, taken):
    facts = assembled.picture().facts
    assert dict(facts) == taken.facts()
    for name, value in PUBLISHED.items():
        assert facts[name] == pytest.approx(value, rel=PUBLISHED_TOLERANCE), name


def test_a_crop_shows_the_vehicle(landing, taken):
    with Image.open(landing.path / "pictures" / "madrid-mro-ESP_068281_9024-crop.png") as file:
        crop = np.asarray(file)
    column, row = (round(x) for x in taken.target_px)
    assert (taken.pixels[row - 8 : row + 9, column - 8 : column + 9] == crop[480:548:4, 480:548:4]).all()


def test_the_pieces_take_their_time_on_the_air(landing, taken):
    """All bits of the picture at MRO's rate, and the light time: it cannot be complete on Earth any sooner."""
    picture = next(it for it in landing.summary["pictures"] if it["file"].endswith("madrid-mro-ESP_068281_9024.png"))
    radio = landing.graph.nodes["mro"].params.xband
    took_s = (landing.t_ns(picture["complete_ert"]) - landing.t_ns(picture["taken_scet"])) / NS_PER_S
    on_air_s = 8 * taken.pixels.nbytes / radio.rate_bps
    assert picture["taken_scet"] == "2021-02-18T20:42:46.080Z"
    assert on_air_s + 682 < took_s < 1.2 * on_air_s + 684


def test_nothing_of_the_picture_is_late_for_what_is_urgent(landing):
    """Events overtake the pieces that wait: none is held up by more than the piece on the air."""
    rows = [row for row in landing.timeline if row["event"] == "skycrane_start" and row["path"].count(">mro>")]
    assert rows
    assert all(float(row["delay_s"]) < 682.4 for row in rows)
