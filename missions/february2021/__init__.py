"""February 2021: everybody at Mars on one bus, from the arrival of Hope to the tenth sol of Perseverance."""

from pathlib import Path

#: The graph file.
GRAPH = Path(__file__).with_name("february-2021.yaml")
