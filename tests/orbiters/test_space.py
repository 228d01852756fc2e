"""The ephemeris, the bodies and how they turn, against SPICE with NAIF's own kernels."""

import math
import random
import threading
from datetime import datetime, timedelta

import numpy as np
import pytest
import spiceypy

from lightlag.bus.errors import GraphError, RunError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.orbiters import Ephemeris, Space
from lightlag.orbiters.ephemeris import NAIF_IDS

POSITION_TOLERANCE_KM = 1e-6  # 1 mm
VELOCITY_TOLERANCE_KM_S = 1e-9
ROTATION_TOLERANCE = 1e-9


def whole_seconds(space, count, within_s=10_000_000):
    """Run times whose seconds since J2000 a double holds exactly, so that SPICE is asked for the same instant."""
    offset_ns = -space.epoch.tdb_ns % NS_PER_S
    draw = random.Random(1)
    return [draw.randrange(-within_s, within_s) * NS_PER_S + offset_ns for _ in range(count)]


@pytest.mark.parametrize("body", sorted(NAIF_IDS))
def test_bodies_are_where_spice_has_them_within_a_millimetre(space, ephemeris, body):
    for t_ns in whole_seconds(space, 300):
        expected, actual = ephemeris.state(body, space.epoch.et_s(t_ns)), space.body_state(body, t_ns)
        assert math.dist(expected.position_km, actual.position_km) < POSITION_TOLERANCE_KM
        assert math.dist(expected.velocity_km_s, actual.velocity_km_s) < VELOCITY_TOLERANCE_KM_S


def test_bodies_do_not_jump_with_the_fraction_of_a_second_of_the_epoch(space, ephemeris):
    # A double of seconds since J2000 resolves 0.1 us only: 3 mm of the Earth's way.
    later = Space(Epoch(space.epoch.tdb_ns + 53), ephemeris)
    for body in sorted(NAIF_IDS):
        a, b = space.body_state(body, 53 + 10**12), later.body_state(body, 10**12)
        assert math.dist(a.position_km, b.position_km) < POSITION_TOLERANCE_KM / 5


def test_mars_and_sun_turn_as_in_pck00010(space, reference):
    spiceypy.furnsh(str(reference / "kernels" / "pck00010.tpc"))
    try:
        for t_ns in whole_seconds(space, 200):
            for body, frame in (("mars", "IAU_MARS"), ("sun", "IAU_SUN")):
                expected = spiceypy.pxform(frame, "J2000", space.epoch.et_s(t_ns))
                assert np.abs(space.rotation(body, t_ns) - expected).max() < ROTATION_TOLERANCE
    finally:
        spiceypy.unload(str(reference / "kernels" / "pck00010.tpc"))


def test_constants_are_those_of_the_naif_kernels(space, reference):
    mine = {body: (space.radii_km(body), space.gm_km3_s2(body)) for body in sorted(NAIF_IDS)}
    kernels = [str(reference / "kernels" / name) for name in ("pck00010.tpc", "gm_de440.tpc")]
    spiceypy.furnsh(kernels)
    try:
        for body, (radii, gm) in mine.items():
            naif_id = str(NAIF_IDS[body])
            assert radii == tuple(spiceypy.bodvrd(naif_id, "RADII", 3)[1])
            assert gm == pytest.approx(spiceypy.bodvrd(naif_id, "GM", 1)[1][0], rel=1e-13)
    finally:
        spiceypy.unload(kernels)


def test_a_rotation_is_orthogonal_and_right_handed(space):
    for body in ("earth", "mars", "sun"):
        rotation = space.rotation(body, 12_345 * NS_PER_S)
        assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_the_earth_turns_once_in_a_sidereal_day(space):
    turn_s = math.tau / space.rotation_of("earth").rate_rad_s
    assert turn_s == pytest.approx(86164.0989, abs=1e-4)  # stellar day, IERS
    a, b = space.rotation("earth", 0), space.rotation("earth", round(turn_s * 1e9))
    assert np.abs(a - b).max() < 1e-6  # precession of a day: 2e-7


def test_the_pole_of_the_earth_precesses_from_the_icrf_by_twenty_arcseconds_a_year(space):
    pole = space.rotation("earth", 0)[:, 2]
    years = space.epoch.et_s(0) / (365.25 * 86400)
    assert math.degrees(math.hypot(pole[0], pole[1])) * 3600 == pytest.approx(20.04 * years, rel=1e-3)


def test_our_leap_seconds_and_the_kernel_of_the_same_table_agree(ephemeris):
    for day in range(0, 365 * 60, 173):
        utc = (datetime(1972, 1, 2) + timedelta(days=day)).isoformat()
        assert spiceypy.utc2et(utc) == pytest.approx(Epoch.parse(utc).tdb_ns / 1e9, abs=2e-7)  # rounding of a double


def test_there_is_one_ephemeris_in_a_process(ephemeris):
    assert Ephemeris.open() is ephemeris
    with pytest.raises(RunError, match="already"):
        Ephemeris()


def test_a_second_thread_is_refused_rather_than_given_wrong_numbers(ephemeris):
    caught = []

    def ask():
        try:
            ephemeris.state("mars", 0.0)
        except RunError as error:
            caught.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert "one thread" in caught[0]


def test_an_epoch_outside_the_ephemeris_is_refused_with_the_dates_covered(ephemeris):
    with pytest.raises(GraphError, match=r"2060-01-01.*DE421.*1899.* to 2053-10-0\d"):
        Space(Epoch.parse("2060-01-01T00:00:00Z"), ephemeris)


def test_a_run_may_last_until_the_day_that_the_error_names(ephemeris):
    edge = Space(Epoch(round(ephemeris.covers_et_s[1]) * NS_PER_S), ephemeris)
    assert edge.body_state("mars", 2000 * NS_PER_S)
    with pytest.raises(GraphError, match="outside the ephemeris"):
        edge.body_state("mars", 3 * 86_400 * NS_PER_S)


def test_an_interval_that_leaves_the_ephemeris_is_refused(space):
    with pytest.raises(GraphError, match="outside the ephemeris"):
        space.require(0, 40 * 365 * 86400 * NS_PER_S)


def test_an_unknown_body_is_answered_with_the_nearest(space):
    with pytest.raises(GraphError, match="did you mean 'mars'"):
        space.body_state("marz", 0)
