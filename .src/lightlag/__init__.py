"""lightlag: a distributed multi-mission simulation in which every message travels at the speed of light."""

__version__ = "0.1.0"
