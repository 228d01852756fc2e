"""Tianwen-1 and Zhurong: China's first orbiter of Mars from its arrival on, its rover, and a test with Europe.

Figures are in ``facts.yaml``, and what of them is a fit is fitted by ``fit``. ``paths`` makes trajectories of them,
``orbiter`` is the spacecraft that flies one, ``zhurong`` the lander and the rover. Importing this package imports
nothing heavy.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

#: The graphs that ``lightlag launch`` runs: orbit insertion, the orbits after it, the landing, and the overflight of
#: Mars Express.
ARRIVAL = _HERE / "tianwen1-arrival.yaml"
ORBIT = _HERE / "tianwen1-orbit.yaml"
LANDING = _HERE / "zhurong-landing.yaml"
MARS_EXPRESS = _HERE / "mex-zhurong.yaml"
