"""A probe burns at a command from Earth: what reaches it, and what it says, is by where it then is."""

from __future__ import annotations

import io
import os
import signal

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from tests.integration.conftest import RunFiles
from tests.integration.steering import DELTA_V, GO_S, GRAPH, OVER_S
from tests.integration.test_chaos import processes

from lightlag.bus.time import NS_PER_S
from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run
from lightlag.orbiters import C_KM_S
from lightlag.orbiters.gravity import FIELDS

WITHIN_NS = 1000


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    path = tmp_path_factory.mktemp("steering") / "steering.yaml"
    path.write_text(GRAPH)
    return load_graph(path)


@pytest.fixture(scope="module")
def one(graph, tmp_path_factory):
    """The run in one process."""
    path = tmp_path_factory.mktemp("one") / "run"
    result = run(graph, RunOptions(run_dir=path, report=False), PlainDisplay(io.StringIO()))
    assert result.failure is None, result.failure.traceback
    return RunFiles(path)


@pytest.fixture(scope="module")
def world(graph):
    """The trajectories once more, where nobody burns."""
    return World(graph)


@pytest.fixture(scope="module")
def burn_ns(one):
    """When the command arrived."""
    (line,) = [line for line in one.log("probe") if line["text"] == "burn begins"]
    return line["t_ns"]


@pytest.fixture(scope="module")
def flown(world, burn_ns):
    """Where the probe is (ICRF, km) after its burn began, by an integration of somebody else's."""
    space = world.space
    nominal = world.trajectory("probe").nominal
    relative = np.subtract(nominal.state(burn_ns), space.body_state("mars", burn_ns))
    r = relative[0] / np.linalg.norm(relative[0])
    n = np.cross(relative[0], relative[1]) / np.linalg.norm(np.cross(relative[0], relative[1]))
    push = np.array([r, np.cross(n, r), n]).T @ np.array(DELTA_V) / OVER_S

    def rate(at_s, state, push):
        t_ns = burn_ns + round(at_s * NS_PER_S)
        rows = space.rotation("mars", t_ns)
        pull = rows @ FIELDS["mars"].acceleration_km_s2(space.gm_km3_s2("mars"), rows.T @ state[:3])
        to_sun = np.subtract(space.body("sun").position_km(t_ns), space.body("mars").position_km(t_ns))
        away = to_sun - state[:3]
        gm = space.gm_km3_s2("sun")
        tide = gm * (away / np.linalg.norm(away) ** 3 - to_sun / np.linalg.norm(to_sun) ** 3)
        return np.concatenate((state[3:], pull + tide + push))

    exact = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-10, "dense_output": True}
    burning = solve_ivp(rate, (0, OVER_S), relative.ravel(), args=(push,), **exact)
    coasting = solve_ivp(rate, (OVER_S, 2000), burning.y[:, -1], args=(0.0,), **exact)

    def position_km(t_ns):
        at_s = (t_ns - burn_ns) / NS_PER_S
        if at_s < 0:
            return np.array(nominal.position_km(round(t_ns)))
        relative_km = (burning if at_s < OVER_S else coasting).sol(at_s)[:3]
        return relative_km + space.body("mars").position_km(round(t_ns))

    return position_km


def test_the_command_arrives_a_light_time_after_it_was_sent_and_much_is_then_on_its_way(one, burn_ns, world):
    light_ns = burn_ns - GO_S * NS_PER_S
    assert 680 < light_ns / NS_PER_S < 690
    on_its_way = [data for to, data in one.receptions if to == "probe" and data["sent_ns"] < burn_ns < data["t_ns"]]
    assert len(on_its_way) > 50


def test_arrivals_before_and_after_the_burn_are_within_a_microsecond_of_a_direct_solution(one, world, flown, burn_ns):
    ended = [data for to, data in one.receptions + one.losses if to == "probe" and data.get("reason") != "in_flight"]
    nominal = world.trajectory("probe").nominal
    checked = {"before": 0, "after": 0}
    farthest_ns = 0.0
    for data in ended:
        sent_ns, t_ns = data["sent_ns"], data["t_ns"]
        from_km = np.array(world.trajectory(data["source"]).position_km(sent_ns))

        def late_s(tau_s, from_km=from_km, sent_ns=sent_ns):
            return np.linalg.norm(flown(sent_ns + tau_s * NS_PER_S) - from_km) / C_KM_S - tau_s

        guess_s = (t_ns - sent_ns) / NS_PER_S
        tau_s = brentq(late_s, guess_s - 0.01, guess_s + 0.01, xtol=1e-12)
        assert abs(t_ns - sent_ns - tau_s * NS_PER_S) < WITHIN_NS, data
        checked["after" if t_ns > burn_ns else "before"] += 1
        unburnt_ns = np.linalg.norm(np.subtract(nominal.position_km(t_ns), from_km)) / C_KM_S * NS_PER_S
        farthest_ns = max(farthest_ns, abs(unburnt_ns - (t_ns - sent_ns)))
    assert min(checked.values()) > 100
    assert farthest_ns > 20_000  # without the burn they would have come so much sooner or later


def test_what_it_says_carries_where_it_is(one, world, flown, burn_ns):
    told = [data for to, data in one.receptions if to == "earth" and data["source"] == "probe"]
    after = [data for data in told if data["sent_ns"] > burn_ns + 300 * NS_PER_S]
    assert not [data for data in after if data["t_ns"] < burn_ns]
    for data in [it for _, it in one.receptions + one.losses if it["source"] == "probe" and it["sent_ns"] > burn_ns]:
        if data.get("reason") == "in_flight":
            continue
        there_km = world.trajectory("earth").position_km(data["t_ns"])
        light_ns = np.linalg.norm(np.subtract(there_km, flown(data["sent_ns"]))) / C_KM_S * NS_PER_S
        assert abs(light_ns - (data["t_ns"] - data["sent_ns"])) < WITHIN_NS


def test_it_sees_itself_where_it_is_and_others_see_it_where_it_was_to_be(one, world, flown):
    nominal = world.trajectory("probe").nominal
    space = world.space
    for to, data in one.receptions:
        if data["source"] == "earth" and to == "probe" and data["type"].startswith("lightlag.housekeeping"):
            at_ns = data["message"]["frames_received"] * 10 * NS_PER_S
            expected = np.linalg.norm(
                np.subtract(nominal.position_km(at_ns), world.trajectory("earth").position_km(at_ns))
            )
            assert data["message"]["altitude_km"] == pytest.approx(expected, abs=1e-6)
    assert space.until_ns == 1500 * NS_PER_S


class Killer(PlainDisplay):
    """Kills the process of a host once the run has come so far."""

    def __init__(self, path, host, at_ns):
        super().__init__(io.StringIO())
        self.path, self.host, self.at_ns, self.killed = path, host, at_ns, False

    def progress(self, frontier_ns):
        if frontier_ns >= self.at_ns and not self.killed:
            found = [pid for pid, name in processes(self.path).items() if name == self.host]
            if found:
                self.killed = True
                os.kill(found[0], signal.SIGKILL)


@pytest.mark.parametrize(
    ("count", "killed_at_s"),
    [
        (2, None),
        (3, 760),
        *(pytest.param(3, at_s, marks=pytest.mark.thorough) for at_s in (None, 300, 1000)),
    ],
)
def test_the_digest_is_the_same_in_processes_even_if_the_probes_dies(graph, one, tmp_path, count, killed_at_s):
    path = tmp_path / "run"
    killer = Killer(path, "probe", (killed_at_s or 10_000) * NS_PER_S)
    # Paced, so that the hub says in time how far it is.
    speed = None if killed_at_s is None else 500.0
    result = run(graph, RunOptions(count, run_dir=path, report=False, speed=speed), killer)
    assert result.failure is None, result.failure.traceback
    assert killer.killed == (killed_at_s is not None)
    assert result.digest == one.summary["digest"]
