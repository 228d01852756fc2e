"""Mars 2020: Perseverance lands in Jezero crater on 18 February 2021, and word of it travels home.

Its graph file is ``mars2020.yaml`` beside this page; importing this package imports nothing heavy.
"""

from __future__ import annotations

from pathlib import Path

#: The graph that ``lightlag launch mars2020`` runs.
GRAPH = Path(__file__).with_name("mars2020.yaml")
