"""Mars 2020: Perseverance lands in Jezero crater on 18 February 2021, and word of it travels home.

Its graph files are beside this page: ``mars2020.yaml`` is the landing, ``mars2020-surface.yaml`` the sols after it.
Importing this package imports nothing heavy.
"""

from __future__ import annotations

from pathlib import Path

#: The graph that ``lightlag launch mars2020`` runs.
GRAPH = Path(__file__).with_name("mars2020.yaml")

#: The graph that ``lightlag launch mars2020-surface`` runs.
SURFACE_GRAPH = Path(__file__).with_name("mars2020-surface.yaml")
