"""Samples from Mars: fetched, launched, caught in orbit, brought home. A study of the 2030s, not history.

    messages                 what only these nodes say
    ascent, entry, cruise,   the flights that are integrated here: up from Mars, down to the Earth, between the planets;
    lambert                  how the last begins
    plan, rendezvous,        all burns and instants, from a few dates; how the orbiter comes to the container; how it
    homing, sky              comes home; what a plan needs of a space
    phases, paths            trajectories of several phases; the plan as such, in the space of a run
    params, outbox           what several nodes have in common
    surface, vehicles,       the nodes: fetch rover and lander; ascent vehicle and container; orbiter; those who wait
    orbiter, recovery

The graph file is beside this page; importing this package imports nothing heavy.
"""

from __future__ import annotations

from pathlib import Path

#: The graph that ``lightlag launch sample-return`` runs.
GRAPH = Path(__file__).with_name("sample_return.yaml")
