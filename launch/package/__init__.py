"""Packages of somebody's own: a node type with its graph, its tests and its README, from a template, ready to install.

naming      what a package may be called, and what follows from its name
creating    the templates filled in, and written
templates/  files as they are written, with ``{{words}}`` to be put in: ``package`` for all kinds, a folder a kind
"""
