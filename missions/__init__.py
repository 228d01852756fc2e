"""What happens: entry, descent and landing (``edl``), the ground it happens over (``terrain``), Mars as a
whole (``globe``), a folder per mission.

A mission's folder has its facts with their sources, its nodes and its graph files; ``facts`` reads the first.
Imports from: bus, nodes, orbiters. Imported by: launch.
"""
