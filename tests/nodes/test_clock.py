"""A spacecraft's clock shows what SPICE would write, drifts, jumps, and wakes who sleeps by it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.nodes.worlds import host, run_to_end

from lightlag.bus.errors import GraphError, NodeError
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.nodes import Clock, ClockSpec, Node, NodeParams, parts_of
from lightlag.nodes.setting import changed

EPOCH = "2021-02-18T20:00:00Z"
LANDING = "2021-02-18T20:43:49.6Z"


class Probe(Node):
    """A node with a clock that does what a test wrote."""

    class Params(NodeParams):
        clock: ClockSpec = ClockSpec()

    clock: Clock

    def __init__(self, script=None, **spec):
        super().__init__("probe", self.Params(clock=ClockSpec(**spec)))
        self.script = script
        self.seen = []

    async def run(self):
        if self.script is not None:
            await self.script(self)


def clock(**spec) -> Clock:
    probe = Probe(**spec)
    host([probe], [])
    return probe.clock


def test_a_node_has_the_clock_that_its_parameters_declare_and_no_other():
    assert parts_of(Probe) == {"clock": "clock"}
    assert not hasattr(Node("bare"), "clock")


def test_a_clock_counts_seconds_and_ticks_from_its_zero():
    shown = clock(zero=EPOCH)
    assert shown.text(EPOCH) == "1/0000000000.00000"
    assert shown.text("2021-02-18T20:00:01.5Z") == "1/0000000001.32768"
    assert shown.ticks(1_000_000_000) == 65_536
    assert clock(zero=EPOCH, ticks_per_second=256).text("2021-02-18T20:00:01.5Z") == "1/0000000001.128"


def test_the_landing_is_at_the_count_that_naifs_clock_kernel_gives(reference):
    """Mars 2020's kernel, at the last correlation before: TDB strays from TT by a tick in the meantime."""
    import spiceypy

    from lightlag.orbiters import Ephemeris

    Ephemeris.open()
    kernel = str(reference / "kernels" / "m2020_168_sclkscet_refit_v03.tsc")
    spiceypy.furnsh(kernel)
    try:
        coefficients = spiceypy.gdpool("SCLK01_COEFFICIENTS_168", 0, 3000).reshape(-1, 3)
        et_s = spiceypy.str2et(LANDING.removesuffix("Z"))
        ticks, tt_s, rate = coefficients[coefficients[:, 1] < et_s][-1]
        before = spiceypy.sce2s(-168, spiceypy.unitim(tt_s, "TDT", "ET"))
        expected = spiceypy.sce2s(-168, et_s)
        zero = spiceypy.et2utc(spiceypy.unitim(tt_s, "TDT", "ET"), "ISOC", 9)
    finally:
        spiceypy.unload(kernel)
    shown = clock(zero=zero, offset=f"{ticks / 65_536:.6f} s", rate_ppm=float((1 / rate - 1) * 1e6))
    assert expected.startswith("1/0666952")
    assert shown.ticks(zero) == pytest.approx(shown._read(before)[1], abs=1)
    assert shown.ticks(LANDING) == pytest.approx(shown._read(expected)[1], abs=3)


@given(
    ticks=st.integers(0, 2**48),
    rate_ppm=st.floats(-500, 500),
    offset_s=st.integers(-(10**6), 10**6),
    per_s=st.sampled_from([1, 256, 65_536]),
)
def test_there_and_back_is_exact(ticks, rate_ppm, offset_s, per_s):
    shown = clock(rate_ppm=rate_ppm, offset=f"{offset_s} s", ticks_per_second=per_s)
    t_ns = shown.t_ns(ticks)
    assert shown.ticks(t_ns) == ticks
    assert shown.ticks(t_ns - 1) == ticks - 1
    if ticks >= per_s:
        assert shown.t_ns(shown.text(t_ns)) == t_ns


def test_a_fast_clock_gains_by_its_rate():
    shown = clock(zero=EPOCH, rate_ppm=10.0)
    assert shown.ticks(100_000 * NS_PER_S) == 100_001 * 65_536
    assert shown.t_ns(100_001 * 65_536) == 100_000 * NS_PER_S
    assert shown.scet("1/0000000000") == "2021-02-18T20:00:00.000000Z"


def test_a_jump_begins_a_partition_and_the_same_count_comes_twice():
    async def script(probe):
        await probe.clock.sleep_until("100")
        probe.clock.jump(-50.0)
        probe.seen += [probe.clock.text(), probe.clock.text(probe.now_ns - 1)]

    probe = Probe(script, zero=EPOCH)
    run_to_end([probe], [], until_ns=200 * NS_PER_S)
    assert probe.seen == ["2/0000000050.00000", "1/0000000099.65535"]
    assert probe.clock.t_ns("1/60") == 60 * NS_PER_S
    assert probe.clock.t_ns("2/60") == probe.clock.t_ns("60") == 110 * NS_PER_S
    assert probe.clock.t_ns("40") == 40 * NS_PER_S  # only before the jump
    for never in ("2/40", "1/100", "3/1"):
        with pytest.raises(NodeError, match="never shows"):
            probe.clock.t_ns(never)


def test_a_count_that_a_leap_forward_passes_over_is_never_shown():
    async def script(probe):
        await probe.sleep_until(10 * NS_PER_S)
        probe.clock.jump(30.0)

    probe = Probe(script, zero=EPOCH)
    run_to_end([probe], [], until_ns=200 * NS_PER_S)
    assert probe.clock.t_ns("40") == 10 * NS_PER_S
    with pytest.raises(NodeError, match="never shows '20'"):
        probe.clock.t_ns("20")


@pytest.mark.parametrize(("leap_s", "wakes_s"), [(30.0, 70), (80.0, 50), (-30.0, 130)])
def test_who_sleeps_by_the_clock_wakes_by_what_it_shows_after_a_jump(leap_s, wakes_s):
    async def script(probe):
        probe.loop.call_at_ns(50 * NS_PER_S, probe.clock.jump, leap_s)
        await probe.clock.sleep_until("1/100")
        probe.seen.append(probe.now_ns // NS_PER_S)

    probe = Probe(script, zero=EPOCH)
    run_to_end([probe], [], until_ns=200 * NS_PER_S)
    assert probe.seen == [wakes_s]


def test_a_count_that_has_passed_is_not_waited_for():
    async def script(probe):
        await probe.clock.sleep_until(5)
        probe.seen.append(probe.now_ns)

    probe = Probe(script)
    run_to_end([probe], [])
    assert probe.seen == [0]


def test_the_rate_changes_while_the_run_goes_on_and_the_count_does_not_leap():
    probe = Probe(zero=EPOCH)
    host([probe], [])
    probe.loop.now_ns = 100 * NS_PER_S
    probe.set_params(changed(probe.params, {"clock.rate_ppm": "1000000"}))
    assert probe.clock.text(100 * NS_PER_S) == "1/0000000100.00000"
    assert probe.clock.text(110 * NS_PER_S) == "1/0000000120.00000"
    assert probe.clock.spec.rate_ppm == 1e6
    with pytest.raises(GraphError, match="of a clock these can: rate_ppm"):
        changed(probe.params, {"clock.zero": EPOCH})


@pytest.mark.parametrize("count", ["", "1/", "12.70000", "noon"])
def test_what_is_no_count_is_told_how_one_is_written(count):
    with pytest.raises(NodeError, match="write it like 1/"):
        clock().ticks(clock().t_ns(count))


def test_a_clock_that_never_gets_there_sleeps_to_the_end():
    async def script(probe):
        await probe.clock.sleep_until(NEVER_NS * 100)
        probe.seen.append("woke")

    probe = Probe(script)
    run_to_end([probe], [])
    assert probe.seen == []
