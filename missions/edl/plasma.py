"""Radio blackout: what the ionised air around the capsule takes from a signal.

A proxy, not a flow field. Electrons follow the density of the air times a high power of the speed (the air behind the
shock must be hot enough to ionise); a signal below the plasma's own frequency fades as in a waveguide beyond cut-off,
over one thickness of plasma, and one above it passes. Scale and exponent are fitted by the mission to a start and a
length of the blackout that were reported; the shape between them is not known better than that.
"""

from __future__ import annotations

import math

from .parameters import Plasma

# Electrons per m3 at which the plasma frequency is 1 Hz: (2 pi)^2 eps0 m_e / e^2 (CODATA 2018).
_ELECTRONS_PER_HZ2 = 1.2404e-2
_LIGHT_M_S = 299_792_458.0
_DB_PER_NEPER = 20.0 / math.log(10.0)


def electrons_m3(plasma: Plasma, density_kg_m3: float, speed_m_s: float) -> float:
    """Electron density around the capsule."""
    return plasma.electrons_m3 * (density_kg_m3 / 1e-5) * math.pow(speed_m_s / 5e3, plasma.speed_exponent)


def attenuation_db(plasma: Plasma, density_kg_m3: float, speed_m_s: float, frequency_hz: float) -> float:
    """Loss of a signal through the plasma, dB: k d sqrt(n / n_critical - 1) nepers where n is above critical."""
    critical = _ELECTRONS_PER_HZ2 * frequency_hz * frequency_hz
    excess = electrons_m3(plasma, density_kg_m3, speed_m_s) / critical - 1.0
    if excess <= 0.0:
        return 0.0
    wave_number = 2.0 * math.pi * frequency_hz / _LIGHT_M_S
    return _DB_PER_NEPER * wave_number * plasma.thickness_m * math.sqrt(excess)
