"""What happens: landings (``edl``), work on the ground (``surface``), that ground (``terrain``), Mars as a whole
(``globe``), a folder per mission.

A mission's folder has its facts with their sources, its nodes and its graph files; ``facts`` reads the first.
Imports from: bus, nodes, orbiters. Imported by: launch.
"""
