"""Orbit ephemeris messages: what they say of the motion, and what of them is refused, with its line."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.orbiters import OemFile, Space
from lightlag.orbiters.mro import TRAJECTORY as MRO
from lightlag.orbiters.oem import read_oem, write_oem
from lightlag.orbiters.samples import Motion

HOUR_NS = 3600 * NS_PER_S

# Figure G-3 of CCSDS 502.0-B-2 (an annotated example of Mars Global Surveyor), with centre and states of a segment.
MESSAGE = """\
CCSDS_OEM_VERS = 2.0
COMMENT THIS IS AN EXAMPLE
CREATION_DATE = 1996-11-04T17:22:31
ORIGINATOR = NASA/JPL

META_START
OBJECT_NAME          = MARS GLOBAL SURVEYOR
OBJECT_ID            = 1996-062A
CENTER_NAME          = MARS BARYCENTER
REF_FRAME            = EME2000
TIME_SYSTEM          = UTC
START_TIME           = 1996-12-18T12:00:00.331
USEABLE_START_TIME   = 1996-12-18T12:01:00.331
USEABLE_STOP_TIME    = 1996-12-18T12:03:00.331
STOP_TIME            = 1996-12-18T12:04:00.331
INTERPOLATION        = HERMITE
INTERPOLATION_DEGREE = 7
META_STOP

COMMENT states
1996-12-18T12:00:00.331  2789.619 -280.045 -1746.755 4.73372 -2.49586 -1.04195
1996-12-18T12:01:00.331  2783.419 -308.143 -1877.071 5.18604 -2.42124 -1.99608 0.1 0.2 0.3
1996-12-18T12:02:00.331  2776.033 -336.859 -2008.682 5.63678 -2.33951 -1.94687
1996-12-18T12:03:00.331  2776.033 -336.859 -2008.682 5.63678 -2.33951 -1.94687
1996-12-18T12:04:00.331  2776.033 -336.859 -2008.682 5.63678 -2.33951 -1.94687

COVARIANCE_START
EPOCH = 1996-12-28T21:29:07.267
3.331349476038534e-04
COVARIANCE_STOP
"""


def written(tmp_path, text, name="it.oem"):
    path = tmp_path / name
    path.write_text(text)
    return path


def mro_states(space, until_ns, step_s=60):
    times_ns = np.arange(-300 * NS_PER_S, until_ns + 301 * NS_PER_S, step_s * NS_PER_S)
    return times_ns, MRO.realise(space).states(times_ns) - space.center_states("mars", times_ns)


def message_of(space, times_ns, states):
    motion = Motion("MRO", -74, "mars", times_ns.tolist(), states)
    return write_oem([motion], space.epoch, "2026-01-01T00:00:00Z")


def test_the_example_of_the_standard_is_read(tmp_path):
    (segment,) = read_oem(written(tmp_path, MESSAGE))
    assert segment[:3] == ("MARS GLOBAL SURVEYOR", "1996-062A", "mars barycenter")
    assert segment.begin_ns == Epoch.parse("1996-12-18T12:01:00.331").tdb_ns
    assert segment.end_ns == Epoch.parse("1996-12-18T12:03:00.331").tdb_ns
    state = [[2783.419, -308.143, -1877.071], [5.18604, -2.42124, -1.99608]]
    assert segment.table.at(segment.begin_ns) == pytest.approx(np.array(state), rel=1e-12)


@pytest.mark.parametrize("step_s", [30, 60])
def test_an_orbit_written_and_read_is_the_same_within_a_metre(space, ephemeris, tmp_path, step_s):
    times_ns, states = mro_states(space, 2 * HOUR_NS, step_s)
    text = message_of(space, times_ns, states)
    written(tmp_path, text)
    run = Space(space.epoch, ephemeris, until_ns=2 * HOUR_NS, folder=tmp_path)
    track, flown = OemFile(path="it.oem", object="mro").realise(run), MRO.realise(space)
    for t_ns in range(0, 2 * HOUR_NS, 13 * NS_PER_S):
        read, true = track.state(t_ns), flown.state(t_ns)
        assert math.dist(read.position_km, true.position_km) < 1e-3
        assert math.dist(read.velocity_km_s, true.velocity_km_s) < 1e-5


@pytest.mark.parametrize(
    ("method", "degree", "within_km"),
    [("LAGRANGE", 7, 1e-6), ("LAGRANGE", 1, 10.0), ("LINEAR", 1, 10.0), ("HERMITE", 3, 1e-3)],
)
def test_interpolation_is_as_the_message_asks(space, ephemeris, tmp_path, method, degree, within_km):
    times_ns, states = mro_states(space, HOUR_NS)
    text = message_of(space, times_ns, states)
    text = text.replace("= HERMITE", f"= {method}").replace("_DEGREE = 3", f"_DEGREE = {degree}")
    (segment,) = read_oem(written(tmp_path, text))
    flown = MRO.realise(space)
    off_km = [
        math.dist(
            segment.table.at(space.epoch.tdb_ns + t_ns)[0],
            np.subtract(flown.position_km(t_ns), space.body("mars").position_km(t_ns)),
        )
        for t_ns in range(NS_PER_S, HOUR_NS, 29 * NS_PER_S)
    ]
    assert within_km / 100 < max(off_km) < within_km


def test_times_of_every_system_are_the_same_instants(space, tmp_path):
    texts = {
        "UTC": "2021-02-18T20:00:00",
        "TAI": "2021-02-18T20:00:37",
        "TT": "2021-02-18T20:01:09.184",
        "TDB": "2021-02-18T20:01:09.185199722123",
    }
    found = []
    for system, text in texts.items():
        message = MESSAGE.replace("1996-12-18T12:00:00.331", text.replace("T20", "T19")).replace("= UTC", f"= {system}")
        lines = [line for line in message.splitlines() if "USEABLE" not in line and not line.startswith("1996")]
        lines.insert(-4, f"{text} 1 2 3 4 5 6")
        found.append(read_oem(written(tmp_path, "\n".join(lines)))[0].end_ns)
    assert max(found) - min(found) < 10


def test_of_segments_that_touch_the_later_holds_and_a_gap_is_no_cover(space, ephemeris, tmp_path):
    times_ns, states = mro_states(space, HOUR_NS)
    half = len(times_ns) // 2

    def segment(chosen, shift_km=0.0):
        shifted = states[chosen] + np.array([[shift_km, 0, 0], [0, 0, 0]])
        return message_of(space, times_ns[chosen], shifted)

    first = segment(slice(None, half + 1))
    second = segment(slice(half, None), 1.0)
    both = first + second[second.index("META_START") :]
    run = Space(space.epoch, ephemeris, until_ns=HOUR_NS)
    track = OemFile(path=written(tmp_path, both)).realise(run)
    flown = MRO.realise(space)
    middle_ns = int(times_ns[half])
    for t_ns, shift_km in ((middle_ns - 120 * NS_PER_S, 0.0), (middle_ns + 120 * NS_PER_S, 1.0)):
        assert math.dist(track.position_km(t_ns), flown.position_km(t_ns)) == pytest.approx(shift_km, abs=1e-4)
    apart = segment(slice(half + 1, None))
    path = written(tmp_path, first + apart[apart.index("META_START") :])
    with pytest.raises(GraphError, match=r"it.oem, of MRO, covers .*, 2021.* to .*; the run needs"):
        OemFile(path=path).realise(run)


def test_a_message_in_xml_says_the_same(space, tmp_path):
    (plain,) = read_oem(written(tmp_path, MESSAGE))
    lines = MESSAGE.splitlines()
    meta = [line.split("=") for line in lines[6:17]]
    vectors = [line.split() for line in lines[20:25]]
    names = ("EPOCH", "X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")
    elements = "".join(
        "<stateVector>" + "".join(f"<{k}>{v}</{k}>" for k, v in zip(names, it, strict=False)) + "</stateVector>\n"
        for it in vectors
    )
    tagged = "\n".join(f"<{key.strip()}>{value.strip()}</{key.strip()}>" for key, value in meta)
    text = f"""<?xml version="1.0"?>
<oem id="CCSDS_OEM_VERS" version="2.0"><header><COMMENT>made up</COMMENT><ORIGINATOR>NASA</ORIGINATOR></header>
<body><segment><metadata>{tagged}</metadata><data>{elements}
<covarianceMatrix><EPOCH>1996-12-28T21:29:07.267</EPOCH><CX_X>1</CX_X></covarianceMatrix></data></segment></body></oem>"""
    (told,) = read_oem(written(tmp_path, text, "it.xml"))
    assert told[:5] == plain[:5]
    at_ns = plain.begin_ns + 12_345_678
    assert told.table.at(at_ns).tolist() == plain.table.at(at_ns).tolist()
    for broken, told_of in (
        (text.replace("<X>2789.619</X>", ""), r"it.xml:\d+: this stateVector has no X"),
        (text.replace("</oem>", ""), r"it.xml:\d+: no element found"),
        ("<ndm/>", "it.xml:1: the root element is 'ndm'"),
    ):
        with pytest.raises(GraphError, match=told_of):
            read_oem(written(tmp_path, broken, "it.xml"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("= 2.0", "= 9.0", ":1: 'CCSDS_OEM_VERS = 9.0' is not the head of an OEM"),
        ("EME2000", "TEME", ":10: REF_FRAME TEME is not read; convert it to one of ICRF"),
        ("= UTC", "= GPS", ":11: TIME_SYSTEM GPS is not read; it may be UTC"),
        ("MARS BARYCENTER", "PHOBOS", ":9: CENTER_NAME PHOBOS is not known"),
        ("OBJECT_ID ", "OBJECT_IDD ", ":8: unknown key 'OBJECT_IDD'; did you mean 'OBJECT_ID'"),
        ("STOP_TIME            = 1996-12-18T12:04:00.331\n", "", ":6: this segment has no STOP_TIME"),
        ("= HERMITE", "= SPLINE", ":16: INTERPOLATION SPLINE is not read; it may be HERMITE, LAGRANGE"),
        ("= 7", "= 99", ":17: INTERPOLATION_DEGREE 99; expected 1 to 31"),
        ("-280.045 ", "", ":21: 5 numbers after the time"),
        ("2789.619", "2789,619", ":21: could not convert string to float: '2789,619'"),
        ("2789.619", "nan", ":21: a state that is not finite"),
        ("T12:02:00.331  ", "T12:00:30.331  ", ":23: the time of this state is not after"),
        ("T12:02:00.331  ", "T25:02:00.331  ", ":23: '1996-12-18T25:02:00.331' is not a UTC instant"),
        ("ORIGINATOR = NASA/JPL", "ORIGINATOR", ":4: 'ORIGINATOR' is not written like KEY = value"),
        ("OBJECT_NAME ", "OBJECT_ID = 1\nOBJECT_NAME ", ":9: OBJECT_ID is given twice, first in line 7"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, old, new, told):
    assert old in MESSAGE
    with pytest.raises(GraphError) as caught:
        read_oem(written(tmp_path, MESSAGE.replace(old, new, 1)))
    assert f"it.oem{told}" in str(caught.value)


def test_a_message_without_segments_or_states_is_refused(tmp_path):
    with pytest.raises(GraphError, match=r"it.oem:4: there is no segment"):
        read_oem(written(tmp_path, "\n".join(MESSAGE.splitlines()[:5])))
    with pytest.raises(GraphError, match=r"it.oem:6: this segment has 0 states"):
        read_oem(written(tmp_path, "\n".join(MESSAGE.splitlines()[:18])))
    with pytest.raises(GraphError, match=r"it.oem:1: '' is not written like"):
        read_oem(written(tmp_path, ""))


def test_an_object_is_chosen_by_name_or_id_and_must_be_if_there_are_several(ephemeris, tmp_path):
    other = MESSAGE.replace("MARS GLOBAL SURVEYOR", "ORBITER").replace("1996-062A", "-94")
    two = MESSAGE + other[other.index("META_START") :]
    written(tmp_path, two)
    run = Space(Epoch.parse("1996-12-18T12:01:30Z"), ephemeris, until_ns=NS_PER_S, folder=tmp_path)
    for wanted in ("Mars Global Surveyor", "-94"):
        track = OemFile(path="it.oem", object=wanted).realise(run)
        assert math.dist(track.position_km(0), run.body("mars").position_km(0)) < 4000
    with pytest.raises(GraphError, match="has several objects; say which: MARS GLOBAL SURVEYOR, ORBITER"):
        OemFile(path="it.oem").realise(run)
    with pytest.raises(GraphError, match="has no object 'ORBITTER'; did you mean 'ORBITER'"):
        OemFile(path="it.oem", object="ORBITTER").realise(run)
    written(tmp_path, two.replace("MARS BARYCENTER", "SUN", 1).replace("ORBITER", "MARS GLOBAL SURVEYOR"))
    with pytest.raises(GraphError, match=r"moves about several centres \(mars barycenter, sun\)"):
        OemFile(path="it.oem").realise(run)
    with pytest.raises(GraphError, match="there is no file"):
        OemFile(path="other.oem").realise(run)
