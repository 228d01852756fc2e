"""The landing of Perseverance as the mission's facts give it, and the published record beside it."""

import pytest
from ruamel.yaml import YAML

from lightlag.bus.time import Epoch
from lightlag.missions.edl.flight import fly
from lightlag.missions.mars2020.landing import landing
from lightlag.orbiters import Ephemeris, Space


@pytest.fixture(scope="session")
def published(reference):
    """The reference record of the landing (mars2020_edl.yaml)."""
    return YAML(typ="safe").load((reference / "mars2020_edl.yaml").read_text())


@pytest.fixture(scope="session")
def flown(published):
    """Published events by id."""
    return {event["id"]: event for event in published["events"]}


@pytest.fixture(scope="session")
def space():
    """Its epoch is cruise-stage separation."""
    return Space(Epoch.parse("2021-02-18T20:26:50.08Z"), Ephemeris.open())


@pytest.fixture(scope="session")
def flight():
    return fly(landing().params)


@pytest.fixture(scope="session")
def perseverance(space):
    return landing().realise(space)


@pytest.fixture(scope="session")
def at(perseverance):
    """Run time of an E in seconds."""
    return lambda e_s: perseverance.entry_interface_ns + round(e_s * 1e9)


@pytest.fixture(scope="session")
def happened(perseverance):
    """Modelled events by id."""
    return {event.id: event for event in perseverance.events}
