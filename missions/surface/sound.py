"""What a microphone on Mars might hear, synthesised: wind in gusts over a faint hum of the rover.

It is not a recording and sounds like none in particular. Noise is filtered so that low tones prevail, as in thin air
that swallows the high ones, and swells and ebbs with gusts; a hum of fixed pitch stands for the rover's own pumps.
"""

from __future__ import annotations

import io
import math
import wave

import numpy as np

#: Samples a second, of 16 bit; pitch of the hum (assumed).
RATE_HZ, _HUM_HZ = 8000, 128.0
#: How much a filter of first order keeps from one sample to the next, and seconds between gusts (both assumed).
_KEEP, _GUST_S = 0.96, 1.3
_MOST_S = 60.0


def wind(seconds: float, seed: int) -> bytes:
    """A WAV file, mono, of at most a minute; the noise is PCG64's, keyed by ``seed``."""
    count = int(min(seconds, _MOST_S) * RATE_HZ)
    rng = np.random.Generator(np.random.PCG64(seed))
    noise = rng.standard_normal(count)
    # The filter's impulse response, cut where it has died away; sums of products are taken in blocks by convolve.
    response = (1 - _KEEP) * _KEEP ** np.arange(200)
    rumble = np.convolve(noise, response)[:count]
    knots = rng.random(int(seconds / _GUST_S) + 3) ** 2
    gusts = 0.25 + np.interp(np.arange(count) / (_GUST_S * RATE_HZ), np.arange(len(knots)), knots)
    hum = 0.01 * np.sin(np.arange(count) * (math.tau * _HUM_HZ / RATE_HZ))
    samples = np.clip((rumble * gusts * 1.6 + hum) * 32_767, -32_768, 32_767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(samples.tobytes())
    return file.getvalue()
