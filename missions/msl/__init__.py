"""Mars Science Laboratory: Curiosity lands in Gale crater on 6 August 2012, and Earth has set there before it is down.

Its graph file is ``msl.yaml`` beside this page; importing this package imports nothing heavy.
"""

from __future__ import annotations

from pathlib import Path

#: The graph that ``lightlag launch msl`` runs.
GRAPH = Path(__file__).with_name("msl.yaml")
