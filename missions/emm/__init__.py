"""Emirates Mars Mission: Hope is captured by Mars on 9 February 2021, and later looks at all of it from far away.

Its graph files are ``hope-arrival.yaml`` and ``hope-science.yaml`` beside this page; importing this package imports
nothing heavy.
"""

from __future__ import annotations

from pathlib import Path

#: The graph that ``lightlag launch hope-arrival`` runs: the orbit insertion, seen from Earth.
ARRIVAL = Path(__file__).with_name("hope-arrival.yaml")
#: The graph that ``lightlag launch hope-science`` runs: a revolution in the science orbit, three instruments.
SCIENCE = Path(__file__).with_name("hope-science.yaml")
#: The figures of the mission, with their sources.
FACTS = Path(__file__).with_name("facts.yaml")
