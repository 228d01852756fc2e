"""The gravity field against the gradient of its potential, written out another way."""

import math

import pytest

from lightlag.bus.time import NS_PER_S
from lightlag.orbiters.frames import apply_inverse, cross, dot, subtract
from lightlag.orbiters.gravity import MARS_FIELD, GravityField
from lightlag.orbiters.mro import TRAJECTORY as MRO

GM = 42828.37362


def potential(field, x, y, z):
    """GM/r (1 + sum (R/r)^n P_nm(sin lat) (C cos m lon + S sin m lon)) with Legendre functions in closed form."""
    r = math.hypot(x, y, z)
    s, c, lon = z / r, math.hypot(x, y) / r, math.atan2(y, x)
    legendre = {
        (2, 0): (3 * s**2 - 1) / 2,
        (2, 2): 3 * c**2,
        (3, 0): (5 * s**3 - 3 * s) / 2,
        (3, 1): 1.5 * c * (5 * s**2 - 1),
        (3, 2): 15 * s * c**2,
        (3, 3): 15 * c**3,
        (4, 0): (35 * s**4 - 30 * s**2 + 3) / 8,
    }
    total = 1.0
    for (n, m), (cosine, sine) in field.coefficients.items():
        norm = math.sqrt((2 - (m == 0)) * (2 * n + 1) * math.factorial(n - m) / math.factorial(n + m))
        turn = cosine * math.cos(m * lon) + sine * math.sin(m * lon)
        total += (field.radius_km / r) ** n * norm * legendre[n, m] * turn
    return GM / r * total


@pytest.mark.parametrize("place", [(3600, 100, -50), (-1200, 2500, 2400), (10, 20, 3700), (900, -2900, -2000)])
def test_acceleration_is_the_gradient_of_the_potential(place):
    h = 0.5
    gradient = []
    for axis in range(3):
        above, below = list(place), list(place)
        above[axis] += h
        below[axis] -= h
        gradient.append((potential(MARS_FIELD, *above) - potential(MARS_FIELD, *below)) / (2 * h))
    assert MARS_FIELD.acceleration_km_s2(GM, place) == pytest.approx(gradient, abs=1e-9)


def test_a_field_without_coefficients_is_a_point(space):
    pull = GravityField(radius_km=1.0, coefficients={}).acceleration_km_s2(GM, (0.0, 4000.0, 3000.0))
    assert pull == pytest.approx((0.0, -GM / 5000**2 * 0.8, -GM / 5000**2 * 0.6))


def test_j2_of_mars_is_that_of_its_c20():
    assert MARS_FIELD.j2 == pytest.approx(1.95661e-3, rel=1e-5)


def test_mro_keeps_the_jacobi_integral_for_a_day(space):
    # The field turns with the planet, so that energy less omega times angular momentum is what stays.
    mro, omega_rad_s = MRO.realise(space), space.rotation_of("mars").rate_rad_s

    def integral(t_ns):
        here, mars, rows = mro.state(t_ns), space.body_state("mars", t_ns), space.rows("mars", t_ns)
        position, velocity = (subtract(a, b) for a, b in zip(here, mars, strict=True))
        spin = dot((rows[0][2], rows[1][2], rows[2][2]), cross(position, velocity))
        return dot(velocity, velocity) / 2 - potential(MARS_FIELD, *apply_inverse(rows, position)) - omega_rad_s * spin

    start = integral(0)
    drift = max(abs(integral(k * 3600 * NS_PER_S) / start - 1) for k in range(-12, 13, 3))
    assert drift < 1e-6  # the tide of the sun does as much
