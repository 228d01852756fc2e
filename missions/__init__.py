"""What happens: landings (``edl``), work on the ground (``surface``), a folder per mission; what it looks like there:
the ground (``terrain``), a site from orbit (``scene``, ``parachute``), all of Mars (``globe``).

A mission's folder has its facts with their sources, its nodes and its graph files; ``facts`` reads the first.
Imports from: bus, nodes, orbiters. Imported by: launch.
"""
