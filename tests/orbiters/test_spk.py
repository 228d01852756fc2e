"""Motion out of SPK files is what SPICE itself says, whatever else is in the file."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest
import spiceypy

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.orbiters import Space, SpkFile
from lightlag.orbiters.mro import TRAJECTORY as MRO
from lightlag.orbiters.samples import Motion
from lightlag.orbiters.spk import write_spk

MIN_NS = 60 * NS_PER_S
#: To SPICE's own answer: rounding of 2e8 km, and of seconds in a double.
SPICE_KM = 1e-6


@pytest.fixture
def in_pool():
    """Load kernels into SPICE's pool for a while, as a plain user of SPICE does."""
    loaded = []

    def load(path):
        spiceypy.furnsh(str(path))
        loaded.append(str(path))

    yield load
    for path in loaded:
        spiceypy.unload(path)


def from_spice(target, et_s):
    values, _ = spiceypy.spkgeo(target, et_s, "J2000", 0)
    return values[:3], values[3:]


def circle(count=40, radius_km=5000.0, period_s=7200.0, step_s=60.0):
    """States of a circle, and their times in seconds."""
    times_s = np.arange(count) * step_s
    angle = math.tau * times_s / period_s
    n = math.tau / period_s
    position = radius_km * np.stack((np.cos(angle), np.sin(angle), 0 * angle), axis=1)
    velocity = radius_km * n * np.stack((-np.sin(angle), np.cos(angle), 0 * angle), axis=1)
    return times_s, np.stack((position, velocity), axis=1)


# The velocity of the cruise leaps by 2 cm/s between some records; over a step of 30 s the track rounds that off.
@pytest.mark.parametrize(
    ("target", "kernel", "off_km", "off_km_s"),
    [("MRO", "mro_20210218_fit.bsp", SPICE_KM, 1e-8), (-168, "m2020_cruise_od138_v1.bsp", 1e-3, 1e-4)],
)
def test_the_track_through_an_spk_file_is_where_spice_says(
    reference, ephemeris, in_pool, target, kernel, off_km, off_km_s
):
    path = reference / "kernels" / kernel
    space = Space(Epoch.parse("2021-02-18T20:21:00Z"), ephemeris, until_ns=6 * MIN_NS)
    track = SpkFile(path=path, target=target).realise(space)
    in_pool(path)
    for t_ns in range(0, 6 * MIN_NS, 7 * NS_PER_S):
        position, velocity = from_spice(-74 if target == "MRO" else target, space.epoch.et_s(t_ns))
        state = track.state(t_ns)
        assert math.dist(position, state.position_km) < off_km
        assert math.dist(velocity, state.velocity_km_s) < off_km_s


def test_a_run_may_last_as_long_as_the_file_and_no_longer(reference, ephemeris, in_pool):
    """The excerpt of the cruise ends at 20:27:50.8; the last step is as right as the others."""
    path = reference / "kernels" / "m2020_cruise_od138_v1.bsp"
    end_ns = 470 * NS_PER_S
    epoch = Epoch.parse("2021-02-18T20:20:00Z")
    track = SpkFile(path=path, target=-168).realise(Space(epoch, ephemeris, until_ns=end_ns))
    in_pool(path)
    for t_ns in (0, end_ns - NS_PER_S, end_ns):
        position, _ = from_spice(-168, epoch.et_s(t_ns))
        assert math.dist(position, track.state(t_ns).position_km) < 1e-4
    # A light time beyond it goes on, because what is on its way at the end of a run arrives somewhere.
    far = track.state(end_ns + 1400 * NS_PER_S)
    assert math.dist(far.position_km, track.position_km(end_ns)) < 1400 * 40
    with pytest.raises(GraphError, match=r"covers 2021-02-18T20:20:00.\d+Z to .*; the run needs 2021.* to 2021-.*:50"):
        SpkFile(path=path, target=-168).realise(Space(epoch, ephemeris, until_ns=30 * MIN_NS))


def test_planets_in_a_file_change_nobodys_planets(ephemeris, tmp_path):
    """A file that says that Mars stands still at the sun, and where a probe is about it."""
    epoch = Epoch.parse("2021-02-18T20:00:00Z")
    times_s, states = circle()
    et_s = [epoch.et_s(0) + s for s in times_s]
    path = tmp_path / "odd.bsp"
    handle = spiceypy.spkopn(str(path), "odd", 0)
    for target, center, values in ((499, 10, states * 1e-6), (-900, 499, states)):
        spiceypy.spkw13(
            handle, target, center, "J2000", et_s[0], et_s[-1], "s", 7, len(et_s), values.reshape(-1, 6), et_s
        )
    spiceypy.spkcls(handle)
    space = Space(epoch, ephemeris, until_ns=20 * MIN_NS)
    track = SpkFile(path=path, target=-900).realise(space)
    mars = space.body("mars")
    assert math.dist(mars.position_km(0), spiceypy.spkgeo(499, epoch.et_s(0), "J2000", 0)[0][:3]) < 1e-6
    assert math.dist(track.position_km(MIN_NS), mars.position_km(MIN_NS)) == pytest.approx(5000, abs=1e-4)


def test_a_chain_of_centres_and_an_ecliptic_frame_are_followed(ephemeris, tmp_path, in_pool):
    """A probe about a lander's mother ship, which moves about the moon in ecliptic axes."""
    epoch = Epoch.parse("2021-02-18T20:00:00Z")
    times_s, states = circle()
    et_s = [epoch.et_s(0) + s for s in times_s]
    path = tmp_path / "chain.bsp"
    handle = spiceypy.spkopn(str(path), "chain", 0)
    for target, center, frame in ((-901, 301, "ECLIPJ2000"), (-902, -901, "J2000")):
        spiceypy.spkw13(
            handle, target, center, frame, et_s[0], et_s[-1], "s", 7, len(et_s), states.reshape(-1, 6), et_s
        )
    spiceypy.spkcls(handle)
    track = SpkFile(path=path, target=-902).realise(Space(epoch, ephemeris, until_ns=20 * MIN_NS))
    in_pool(path)
    for t_ns in (0, 11 * MIN_NS + 1234, 20 * MIN_NS):
        position, velocity = from_spice(-902, epoch.et_s(t_ns))
        state = track.state(t_ns)
        assert math.dist(position, state.position_km) < SPICE_KM
        assert math.dist(velocity, state.velocity_km_s) < 1e-8


def test_a_track_from_a_file_is_in_the_balls_that_it_promises(reference, ephemeris):
    space = Space(Epoch.parse("2021-02-18T20:21:00Z"), ephemeris, until_ns=6 * MIN_NS)
    track = SpkFile(path=reference / "kernels" / "mro_20210218_fit.bsp", target=-74).realise(space)
    for begin_ns in range(0, 6 * MIN_NS, MIN_NS):
        ball = track.bound(begin_ns, begin_ns + MIN_NS)
        assert ball.radius_km < 800  # Mars makes 24 km a second
        for t_ns in range(begin_ns, begin_ns + MIN_NS + 1, NS_PER_S):
            assert math.dist(ball.centre_km, track.position_km(t_ns)) <= ball.radius_km


def test_what_a_file_has_not_is_said_with_what_it_has(reference, ephemeris, tmp_path):
    space = Space(Epoch.parse("2021-02-18T20:21:00Z"), ephemeris)
    kernels = reference / "kernels"
    cruise = kernels / "m2020_cruise_od138_v1.bsp"
    with pytest.raises(GraphError, match="has no motion of -74; it has that of: -168"):
        SpkFile(path=cruise, target="MRO").realise(space)
    with pytest.raises(GraphError, match=r"frame IAU_MARS, which is not inertial; .* declare a GroundSite"):
        SpkFile(path=kernels / "m2020_surf_rover_loc_0000_0089_v1.bsp", target=-168).realise(space)
    with pytest.raises(GraphError, match="SPICE knows no body 'HAL'; give its NAIF id"):
        SpkFile(path=cruise, target="HAL").realise(space)
    with pytest.raises(GraphError, match="there is no file"):
        SpkFile(path="nowhere.bsp", target=-74).realise(space)
    shutil.copy(kernels / "naif0012.tls", tmp_path / "leap.bsp")
    with pytest.raises(GraphError, match="no SPK file: SPICE says it is KPL LSK"):
        SpkFile(path=tmp_path / "leap.bsp", target=-74).realise(space)
    (tmp_path / "empty.bsp").write_bytes(b"\0" * 2000)
    with pytest.raises(GraphError, match=r"empty.bsp"):
        SpkFile(path=tmp_path / "empty.bsp", target=-74).realise(space)


def test_a_path_is_relative_to_the_graphs_folder(ephemeris, tmp_path):
    epoch = Epoch.parse("2021-02-18T20:00:00Z")
    times_s, states = circle()
    motion = Motion("probe", -900, "mars", [round(s * NS_PER_S) for s in times_s], states)
    write_spk(tmp_path / "probe.bsp", [motion], epoch, ["a circle"])
    space = Space(epoch, ephemeris, until_ns=MIN_NS, folder=tmp_path)
    track = SpkFile(path="probe.bsp", target="-900").realise(space)
    assert math.dist(track.position_km(0), space.body("mars").position_km(0)) == pytest.approx(5000, abs=1e-5)
    with pytest.raises(GraphError, match="is there already"):
        write_spk(tmp_path / "probe.bsp", [motion], epoch)
    with pytest.raises(GraphError, match="cannot be written as an SPK file"):
        write_spk(tmp_path / "bad.bsp", [motion._replace(t_ns=motion.t_ns[::-1])], epoch)
    assert not (tmp_path / "bad.bsp").exists()


def test_a_known_orbit_written_and_read_is_the_same_within_a_metre(space, ephemeris, tmp_path):
    track = MRO.realise(space)
    times_ns = np.arange(0, 7_260 * NS_PER_S, 60 * NS_PER_S)
    relative = track.states(times_ns) - space.center_states("mars", times_ns)
    write_spk(tmp_path / "mro.bsp", [Motion("mro", -74, "mars", times_ns.tolist(), relative)], space.epoch)
    read = SpkFile(path=tmp_path / "mro.bsp", target=-74).realise(
        Space(space.epoch, ephemeris, until_ns=7_200 * NS_PER_S)
    )
    for t_ns in range(0, 7_200 * NS_PER_S, 11 * NS_PER_S):
        assert math.dist(read.position_km(t_ns), track.position_km(t_ns)) < 1e-3
