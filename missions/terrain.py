"""Ground as a camera sees it from far away: fractal relief, craters, and a view of both under oblique light.

A ``Ground`` is a pure function of the place: heights in metres over a plane of (east, north) metres around a site,
made of periodic fractal tiles, a population of craters drawn for each cell of the ground by its own key, and whatever
a mission adds to it. ``oblique_view`` renders it column by column for a camera that holds the local vertical upright:
samples of the ground run away from the camera, are lifted by their height, hide what is behind them, and are shaded
by their slope toward the Sun. Only +, -, *, / and square roots touch the pixels, in one thread and without BLAS.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import NodeError
from lightlag.nodes.camera import Doubles, Ellipsoid, PinholeCamera, dot, unit
from lightlag.nodes.trajectory import Vector

Field = NDArray[np.float32]
_F = np.float32

#: Texels on the side of a fractal tile; a power of two, so that wrapping is a bit mask.
_TILE = 1024
#: Columns rendered at once: a block's arrays stay near the size of a core's cache.
_BLOCK = 128
#: Coarse relief is sampled every so many columns and rows of the fine samples, and interpolated.
_SKIP_COLUMNS, _SKIP_ROWS = 8, 4
#: Share of the light on level ground that comes from the dusty sky and not straight from the Sun (assumed).
_SKY = 0.2
#: No relief in the view rises or falls by more than this against the level surface.
_RELIEF_M = 140.0
#: A crater's blanket of ejecta ends at this many of its radii.
CRATER_REACH = 2.0
_PROFILE_STEPS = 1 << 14


def smooth(x: Field) -> Field:
    """From 0 to 1 as x goes from 0 to 1, level at both ends."""
    x = np.clip(x, _F(0), _F(1))
    return x * x * (_F(3) - _F(2) * x)


def _profile() -> Field:
    """Height of a crater in units of its depth, over the square of the distance from its centre in radii.

    A paraboloid with a flat floor inside, the ejecta's r^-3 outside, the lower of the two, with edges rounded off as
    by age. Rims stand 0.04 D high where the depth is 0.2 D (after Pike 1977).
    """
    q = np.maximum(np.arange(_PROFILE_STEPS + 1) * (CRATER_REACH**2 / _PROFILE_STEPS), 0.01)
    bowl, rim = q - 1.0, 0.2
    bowl = 0.5 * (bowl - 0.75 + np.sqrt((bowl + 0.75) ** 2 + 0.1**2)) + rim
    blanket = rim / (q * np.sqrt(q)) - rim / CRATER_REACH**3
    height = 0.5 * (bowl + blanket - np.sqrt((bowl - blanket) ** 2 + 0.08**2))
    return np.asarray(height - height[-1], dtype=_F)


_PROFILE = _profile()


class Crater(NamedTuple):
    """A bowl with a raised rim: centre (m), rim radius (m), depth as a share of diameter, and how its rim wobbles.

    The depth is that of the bowl before sand filled its lowest quarter; fresh craters are 0.2 D deep, old ones
    shallower. ``wobble`` stretches the outline along the axes, along the diagonals, and into a rounded triangle; each
    is a share of the radius squared.
    """

    east_m: float
    north_m: float
    radius_m: float
    depth_ratio: float
    wobble: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def height(self, east_m: Field, north_m: Field) -> Field:
        """What it adds to the ground at places (east, north), m."""
        scale = _F(1 / self.radius_m)
        x, y = (east_m - _F(self.east_m)) * scale, (north_m - _F(self.north_m)) * scale
        two, cross, three = self.wobble
        xx, yy = x * x, y * y
        q = (_F(1 + two) + _F(three) * x) * xx + (_F(1 - two) - _F(3 * three) * x) * yy
        q += x * y * _F(cross)
        q *= _F(_PROFILE_STEPS / CRATER_REACH**2)
        at = np.minimum(np.maximum(q, _F(0)), _F(_PROFILE_STEPS)).astype(np.intp)
        return np.asarray(_PROFILE.take(at, mode="clip") * _F(self.depth_ratio * 2 * self.radius_m))


def crater_cell(seed: int, level: int, i: int, j: int, over_100m_per_km2: float, slope: float) -> Iterator[Crater]:
    """Craters with diameters of [2^level, 2^(level+1)) m in one cell of the ground, drawn by the cell's own key.

    Cumulative density per km2: N(>D) = over_100m_per_km2 * (D / 100 m)^-slope.
    """
    smallest, cell = 2.0**level, cell_size_m(level)
    rng = np.random.Generator(np.random.PCG64([seed, level, i + (1 << 20), j + (1 << 20)]))
    density = over_100m_per_km2 * ((smallest / 100) ** -slope - (smallest / 50) ** -slope)
    for _ in range(int(rng.poisson(density * (cell / 1000) ** 2))):
        u, east, north, *rest = (float(value) for value in rng.random(7))
        diameter = smallest * (1 - u * (1 - 2**-slope)) ** (-1 / slope)
        yield _aged_crater((i + east) * cell, (j + north) * cell, diameter / 2, *rest)


def _aged_crater(
    east_m: float, north_m: float, radius_m: float, age: float, two: float, cross: float, three: float
) -> Crater:
    """A crater from four uniform draws: most are old and shallow, few are fresh; none is quite round."""
    return Crater(
        east_m, north_m, radius_m, 0.02 + 0.16 * age**4, (0.3 * (two - 0.5), 0.6 * (cross - 0.5), 0.12 * (three - 0.5))
    )


def cell_size_m(level: int) -> float:
    """Side of the cells in which craters of a level are drawn, m."""
    return 24.0 * 2.0**level


@dataclass(frozen=True, slots=True)
class Tile:
    """A periodic field: ``values`` has one texel more each way than the period, to interpolate over the edge."""

    values: Field

    def sample(self, x: Field, y: Field) -> Field:
        """Bilinear samples at (x, y) in texels, of any shape and size."""
        i, j = np.floor(x), np.floor(y)
        at = (j.astype(np.intp) & (_TILE - 1)) * (_TILE + 1)
        at += i.astype(np.intp) & (_TILE - 1)
        x, y = x - i, y - j
        flat = self.values.reshape(-1)
        near: Field = flat.take(at, mode="clip")
        near += (flat[1:].take(at, mode="clip") - near) * x
        far = flat[_TILE + 1 :].take(at, mode="clip")
        far += (flat[_TILE + 2 :].take(at, mode="clip") - far) * x
        near += (far - near) * y
        return near


def _double(field: Field, axis: int) -> Field:
    """Twice as many samples of a periodic field: quadratic B-spline subdivision (weights 3/4, 1/4)."""
    out = np.stack(
        [field * _F(0.75) + np.roll(field, 1, axis) * _F(0.25), field * _F(0.75) + np.roll(field, -1, axis) * _F(0.25)],
        axis=axis + 1,
    )
    shape = list(field.shape)
    shape[axis] *= 2
    return np.asarray(out.reshape(shape))


@lru_cache(maxsize=8)
def fractal_tile(seed: int, roughness: float) -> Tile:
    """A tile whose amplitude grows with wavelength to the power ``roughness`` (1: every scale has the same slopes)."""
    rng = np.random.Generator(np.random.PCG64([seed, _TILE]))
    field: Field = rng.standard_normal((4, 4), dtype=_F)
    amplitude = 1.0
    while field.shape[0] < _TILE:
        amplitude *= 0.5**roughness
        field = _double(_double(field, 0), 1)
        field += rng.standard_normal(field.shape, dtype=_F) * _F(amplitude)
    return Tile(np.pad(_standard(field), (0, 1), mode="wrap"))


def _standard(field: Field) -> Field:
    """``field`` with mean 0 and rms 1."""
    field = field - _F(field.mean(dtype=np.float64))
    return np.asarray(field * _F(1 / np.sqrt((field * field).mean(dtype=np.float64))))


@lru_cache(maxsize=2)
def ground_texture(seed: int) -> Tile:
    """Heights in m, texels of 1 m, of what is too small to be told one by one: soil, rocks, ripples, pits.

    Wind ripples (transverse aeolian ridges, tens of metres apart, about a metre high) stand in patches; craters of
    4 to 16 m are the tail of the population, which is near saturation there.
    """
    soil = fractal_tile(seed, 0.8).values[:-1, :-1]
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    waves: Field = rng.standard_normal((64, 16), dtype=_F)  # 16 m from crest to crest, 64 m along one
    for _ in range(4):
        waves = _double(_double(waves, 0), 1)
    for _ in range(2):
        waves = _double(waves, 1)
    index = np.arange(_TILE)
    waves = waves[index[:, np.newaxis], (index[np.newaxis, :] + index[:, np.newaxis]) % _TILE]  # keeps the period
    crest = np.maximum(_F(1) - np.abs(waves) * _F(2.5), _F(0))
    patch = np.clip(np.roll(soil, (311, 173), (0, 1)) * _F(1.2) - _F(0.5), _F(0), _F(1))
    rocks: Field = np.maximum(rng.standard_normal((_TILE, _TILE), dtype=_F) - _F(3.0), _F(0))
    field = _F(0.8) * soil + _F(1.3) * crest * patch + _F(1.2) * rocks
    for octave in (2, 3):
        smallest = 2.0**octave
        for _ in range(int(0.012 * (_TILE / smallest) ** 2)):
            u, east, north, *rest = (float(value) for value in rng.random(7))
            crater = _aged_crater(0.0, 0.0, smallest / 2 * (1 + u), *rest)
            half = int(CRATER_REACH * crater.radius_m) + 1
            offset = np.arange(-half, half + 1)
            where = np.ix_((int(north * _TILE) + offset) % _TILE, (int(east * _TILE) + offset) % _TILE)
            metres = offset.astype(_F)
            field[where] += crater.height(metres[np.newaxis, :], metres[:, np.newaxis])
    return Tile(np.pad(field, (0, 1), mode="wrap"))


@dataclass(frozen=True, slots=True)
class Ground:
    """Ground around a site, as a function of the place alone."""

    #: The level surface that heights are measured from, and the site that east and north are measured from.
    surface: Ellipsoid
    site_km: Vector
    #: Large forms: (east, north) in m -> (height in m, albedo).
    relief: Callable[[Field, Field], tuple[Field, Field]]
    #: Fine relief, heights in m, texels of 1 m.
    texture: Tile
    #: Craters between the texture's and those that ``relief`` holds: key, levels, N(> 100 m) per km2, its slope.
    seed: int
    crater_levels: range
    craters_over_100m_per_km2: float
    crater_slope: float

    def axes(self) -> tuple[Doubles, Doubles, Doubles]:
        """Unit vectors (east, north, up) at the site."""
        up = self.surface.normal(self.site_km)
        east = unit(np.array([-up[1], up[0], 0.0]))
        return east, np.cross(up, east), up

    def craters(self, east_m: tuple[float, float], north_m: tuple[float, float]) -> list[Crater]:
        """Craters of ``crater_levels`` in the cells that touch a rectangle."""
        found: list[Crater] = []
        for level in self.crater_levels:
            cell = cell_size_m(level)
            for i in range(int(east_m[0] // cell) - 1, int(east_m[1] // cell) + 2):
                for j in range(int(north_m[0] // cell) - 1, int(north_m[1] // cell) + 2):
                    found.extend(crater_cell(self.seed, level, i, j, self.craters_over_100m_per_km2, self.crater_slope))
        return found


def oblique_view(ground: Ground, camera: PinholeCamera, sun: Vector) -> Field:
    """Radiance factor (I/F, about 0 to 0.5) of the ground in every pixel of the camera's window, (height, width).

    Slopes are lit as by Lambert's law to first order, plus a share of sky light; shadows are not cast, for hardly
    a slope of this ground is as steep as an afternoon's Sun.

    Raises:
        NodeError: the vertical is not upright in the picture, or the window sees sky.
    """
    window = camera.window
    east, north, up = ground.axes()
    origin = np.array(ground.site_km)

    # How an image row moves with height: seen in the middle of the window, where the vertical must be upright.
    middle = ground.surface.hit_km(camera.position_km, camera.rays(window.width / 2, window.height / 2))
    post = camera.project(np.stack([middle, middle + 1e-3 * ground.surface.normal(middle)]))
    lean, rows_per_m = float(post[0][1] - post[0][0]), float(post[1][0] - post[1][1])
    if not abs(lean) <= 0.03 * rows_per_m:  # also what NaN ends in
        raise NodeError(
            f"a post of 1 m in the middle of the window leans by {lean:.3f} px and rises by {rows_per_m:.3f} px; aim "
            f"the camera at the ground, obliquely, with the local vertical upright in the picture"
        )
    margin = -(-int(rows_per_m * _RELIEF_M) // _SKIP_ROWS + 1) * _SKIP_ROWS

    # Coarse nodes, nearest row first: where each looks, and the large forms there.
    rows = np.arange(window.height - 1 + margin, -margin - _SKIP_ROWS, -_SKIP_ROWS, dtype=np.float64)
    columns = np.arange(0, window.width + _SKIP_COLUMNS, _SKIP_COLUMNS, dtype=np.float64)
    seen = ground.surface.hit_km(camera.position_km, camera.rays(columns[np.newaxis, :], rows[:, np.newaxis])) - origin
    if bool(np.isnan(seen).any()):
        raise NodeError("a part of the window looks past the planet into the sky; place the window on the ground")
    east_m, north_m = (dot(seen, east) * 1e3).astype(_F), (dot(seen, north) * 1e3).astype(_F)
    height, albedo = ground.relief(east_m, north_m)

    # The slope toward the Sun, d = (s . grad h) / s_up, from differences along columns and rows of the samples.
    light = np.array([float(dot(np.array(sun), axis)) for axis in (east, north, up)])
    i, j = len(rows) // 2, len(columns) // 2
    across = [float(f[i, j + 1] - f[i, j]) / _SKIP_COLUMNS for f in (east_m, north_m)]
    away = [float(f[i + 1, j] - f[i, j]) / _SKIP_ROWS for f in (east_m, north_m)]
    turn = across[0] * away[1] - across[1] * away[0]
    by_column = _F((light[0] * away[1] - light[1] * away[0]) / turn)
    by_row = _F((light[1] * across[0] - light[0] * across[1]) / turn)
    fall_rows, fall_columns = np.gradient(height, _SKIP_ROWS, _SKIP_COLUMNS)
    fall = np.asarray(by_column * fall_columns + by_row * fall_rows, dtype=_F)

    # Craters told one by one, and where they are among the samples.
    craters = ground.craters((float(east_m.min()), float(east_m.max())), (float(north_m.min()), float(north_m.max())))
    centres = np.array([(one.east_m / 1e3, one.north_m / 1e3, one.radius_m) for one in craters]).reshape(-1, 3)
    bulge = (centres[:, 0:1] ** 2 + centres[:, 1:2] ** 2) / (2 * ground.surface.equatorial_km)
    at = camera.project(origin + centres[:, 0:1] * east + centres[:, 1:2] * north - bulge * up)
    reach = CRATER_REACH * centres[:, 2]
    half = reach / math.hypot(*across) + 2, reach / math.hypot(*away) + 2
    left, right = at[0] - half[0], at[0] + half[0] + 1
    first, last = rows[0] - at[1] - half[1], rows[0] - at[1] + half[1] + 1

    picture = np.empty((window.height, window.width), dtype=_F)
    for start in range(0, window.width, _BLOCK):
        stop = min(start + _BLOCK, window.width)
        nodes = slice(start // _SKIP_COLUMNS, -(-stop // _SKIP_COLUMNS) + 1)
        # Refined nodes reach one column beyond the block, whose last column needs it for its slope.
        x, y, h, d, a = (_refine(f[:, nodes]) for f in (east_m, north_m, height, fall, albedo))
        fine = ground.texture.sample(x, y)
        samples = h.shape[0]
        touching = (left < start + h.shape[1]) & (right > start) & (first < samples) & (last > 0)
        for k in np.flatnonzero(touching).tolist():
            box = (
                slice(max(0, int(first[k])), min(samples, int(last[k]))),
                slice(max(0, int(left[k]) - start), min(h.shape[1], int(right[k]) - start)),
            )
            fine[box] += craters[k].height(x[box], y[box])
        d[:, :-1] += by_column * np.diff(fine, axis=1)
        d[:-1] += by_row * np.diff(fine, axis=0)
        h += fine
        lit = a * (np.maximum(_F(light[2]) - d, _F(0)) * _F(1 - _SKY) + _F(_SKY * light[2]))
        lifted = np.arange(rows[0], rows[0] - samples, -1, dtype=_F)[:, np.newaxis] - _F(rows_per_m) * h
        width = stop - start
        picture[:, start:stop] = _visible(lifted[:, :width], lit[:, :width], window.height)
    return picture


def _refine(nodes: Field) -> Field:
    """Bilinear interpolation from coarse nodes to the fine samples from the first node to the last, both included."""
    rows, columns = nodes.shape
    wide = np.empty((rows, (columns - 1) * _SKIP_COLUMNS + 1), dtype=_F)
    for k in range(_SKIP_COLUMNS):
        t = _F(k / _SKIP_COLUMNS)
        wide[:, k:-1:_SKIP_COLUMNS] = nodes[:, :-1] * (_F(1) - t) + nodes[:, 1:] * t
    wide[:, -1] = nodes[:, -1]
    fine = np.empty(((rows - 1) * _SKIP_ROWS + 1, wide.shape[1]), dtype=_F)
    step = np.diff(wide, axis=0) * _F(1 / _SKIP_ROWS)
    fine[::_SKIP_ROWS] = wide
    for k in range(1, _SKIP_ROWS):
        np.add(fine[k - 1 : -1 : _SKIP_ROWS], step, out=fine[k::_SKIP_ROWS])
    return fine


def _visible(row: Field, lit: Field, height: int) -> Field:
    """What shows in image rows 0..height-1 of samples that lie at image ``row``, nearest sample first.

    A sample shows only where it stands above all nearer ones; a row between two samples is interpolated.
    """
    samples, width = row.shape
    skyline = np.minimum.accumulate(row, axis=0)
    # The sample that fills row r is the first with skyline <= r; its index is how many have ceil(skyline) > r.
    bins = np.clip(np.ceil(skyline), 0, height).astype(np.intp)
    bins *= width
    bins += np.arange(width)
    counts = np.bincount(bins.reshape(-1), minlength=(height + 1) * width).reshape(height + 1, width)
    at = np.cumsum(counts[:0:-1], axis=0)[::-1]
    np.clip(at, 1, samples - 1, out=at)
    at *= width
    at += np.arange(width)
    flat, light = skyline.reshape(-1), np.ascontiguousarray(lit).reshape(-1)
    above, below = flat.take(at, mode="clip"), flat.take(at - width, mode="clip")
    share = (below - np.arange(height, dtype=_F)[:, np.newaxis]) / np.maximum(below - above, _F(1e-6))
    far, near = light.take(at, mode="clip"), light.take(at - width, mode="clip")
    return np.asarray(near + (far - near) * np.clip(share, _F(0), _F(1)))
