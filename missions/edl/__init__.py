"""Entry, descent and landing on Mars, from cruise or orbit to the ground, for any mission that gives the figures.

Read in this order: ``parameters`` (what a landing is told) and ``descents`` (the ways down from the parachute),
``dynamics`` and ``atmosphere`` (the world), ``forces`` (what the air does), ``powered`` (the last two kilometres),
``flight`` (the sequence), ``landing`` (the trajectory that a run sees), ``flown`` (its parameters as a mission's
facts), ``lander`` (the node); ``plasma`` and ``arc`` are small tools. Three degrees of freedom: the vehicle is a point
whose attitude is known. A mission imports from here; this package imports ``orbiters`` in ``landing``, and in
``parameters`` what a carrier's trajectory is declared as.
"""

from .flown import FlownLanding
from .landing import Landing, LandingEvent, LandingTrajectory, Telemetry
from .parameters import LandingParams

__all__ = ["FlownLanding", "Landing", "LandingEvent", "LandingParams", "LandingTrajectory", "Telemetry"]
