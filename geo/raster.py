"""Grids of numbers: slope, coarser cells, values at points, statistics under polygons, cut and fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely
from affine import Affine
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from geo.cells import Indices, Numbers, Shapes, Weights, weigh
from geo.crs import metres_per_unit
from geo.errors import GeoError


class GridError(GeoError):
    """A grid cannot be read or used as it is."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A north-up raster of one quantity.

    values: (rows, columns) float32, NaN where nobody measured; transform: from (column, row) to coordinates; crs: any text
    that pyproj reads.
    Cells of a file (`geo.rasterfile.Cells`) may stand for the values where nothing but slices is taken of them.
    """

    values: NDArray[np.float32]
    transform: Affine
    crs: str

    def __post_init__(self) -> None:
        t = self.transform
        if self.values.ndim != 2 or self.values.dtype != np.float32:
            raise GridError(
                f"values are {self.values.dtype} {self.values.shape}: give float32 of (rows, columns)",
                f"数值为 {self.values.dtype} {self.values.shape}:应为 float32 的(行, 列)",
            )
        if t.b or t.d or t.a <= 0 or t.e >= 0:
            raise GridError(
                f"the grid is turned or not north-up ({tuple(t)[:6]}): warp it first, as gdalwarp does",
                f"格网有旋转或不是北向上({tuple(t)[:6]}):请先重采样,如用 gdalwarp",
            )

    @property
    def cell_area(self) -> float:
        """Area of a cell [CRS unit squared]."""
        return float(-self.transform.a * self.transform.e)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Outer edges: left, bottom, right, top."""
        rows, columns = self.values.shape
        left, top = self.transform @ (0, 0)
        right, bottom = self.transform @ (columns, rows)
        return left, bottom, right, top

    def crop(self, bounds: Sequence[float], margin: int = 0) -> Grid:
        """Cut out the cells that touch left, bottom, right, top, and `margin` more at each side; a view, not a copy."""
        rows, columns = span_of(self.transform, (self.values.shape[0], self.values.shape[1]), bounds, margin)
        return Grid(self.values[rows, columns], self.transform @ Affine.translation(columns.start, rows.start), self.crs)


class Zonal(NamedTuple):
    """Statistics of the valid cells under each shape, area-weighted; shape (n,) each.

    `covered` is the share of the shape's area that valid cells cover, 1.0 only where nothing is missing; where nothing is
    covered the statistics are NaN.
    """

    mean: Numbers
    low: Numbers
    high: Numbers
    covered: Numbers


class Earthwork(NamedTuple):
    """Levelling of each shape to `level` [m]; shape (n,) each.

    cut: m3 in the ground; fill: m3 in place; net: m3 left over, cut * bulking - fill, negative where fill must be brought;
    depth: mean height that is moved [m], (cut + fill) / area; above: share of the area above the level.
    NaN where any part of the shape has no height.
    """

    cut: Numbers
    fill: Numbers
    net: Numbers
    level: Numbers
    depth: Numbers
    above: Numbers


def _require_metres(grid: Grid, en: str, zh: str) -> None:
    if metres_per_unit(grid.crs) != 1.0:
        raise GridError(
            f"{en} needs a grid in metres, this one is in {grid.crs}: warp it to the project's CRS",
            f"{zh}计算需要以米为单位的格网,此格网在 {grid.crs}:请重投影到项目坐标系",
        )


def span_of(t: Affine, size: tuple[int, int], bounds: Sequence[float], margin: int) -> tuple[slice, slice]:
    """Find the rows and columns that touch the bounds, and `margin` more; never less than nothing."""
    left, bottom, right, top = bounds

    def span(a: float, b: float, count: int) -> slice:
        start = int(np.clip(np.floor(a) - margin, 0, count))
        return slice(start, int(np.clip(np.ceil(b) + margin, start, count)))

    return span((top - t.f) / t.e, (bottom - t.f) / t.e, size[0]), span((left - t.c) / t.a, (right - t.c) / t.a, size[1])


def gradient(grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Derive rise over run eastwards and southwards of heights [m] after Horn (1981), Proc. IEEE 69(1), eq. for p and q.

    Shape of the grid each. A cell is NaN where it or any of its eight neighbours is missing; so is the outermost ring of cells:
    beyond the edge nobody measured. GridError where the CRS is not in metres, NotProjectedError where it is in degrees.
    """
    _require_metres(grid, "slope", "坡度")
    across, down = np.full((2, *grid.values.shape), np.nan, np.float32)
    if min(across.shape) >= 3:
        z = sliding_window_view(grid.values, (3, 3))
        run_x, run_y = 8 * grid.transform.a, -8 * grid.transform.e
        east = (z[..., 0, 2] + 2 * z[..., 1, 2] + z[..., 2, 2]) - (z[..., 0, 0] + 2 * z[..., 1, 0] + z[..., 2, 0])
        south = (z[..., 2, 0] + 2 * z[..., 2, 1] + z[..., 2, 2]) - (z[..., 0, 0] + 2 * z[..., 0, 1] + z[..., 0, 2])
        across[1:-1, 1:-1], down[1:-1, 1:-1] = east / run_x, south / run_y
        across[np.isnan(grid.values)] = down[np.isnan(grid.values)] = np.nan
    return across, down


def slope(grid: Grid) -> Grid:
    """Derive the slope [percent: rise over run times 100] of heights [m]; missing and refused as `gradient`."""
    return Grid(100 * np.hypot(*gradient(grid)), grid.transform, grid.crs)


def coarser(grid: Grid, factor: int) -> Grid:
    """Average blocks of factor x factor cells; blocks lie alike in all cuts of one raster, and lack a value where a cell does.

    Cells at the edge that fill no block are left out. GridError where no block is whole.
    """
    t = grid.transform
    left, top = (-round(at) % factor for at in (t.c / t.a, t.f / t.e))
    rows, columns = ((size - skip) // factor for size, skip in zip(grid.values.shape, (top, left), strict=True))
    if min(rows, columns) < 1:
        raise GridError(
            f"the grid holds no block of {factor} cells: cut out more", f"格网中没有 {factor} 个像元的整块:请取更大范围"
        )
    whole = grid.values[top : top + rows * factor, left : left + columns * factor]
    mean = whole.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    return Grid(mean, t @ Affine.translation(left, top) @ Affine.scale(factor), grid.crs)


def bilinear(grid: Grid, values: NDArray[np.float32], x: Numbers, y: Numbers) -> Numbers:
    """Interpolate `values` at the centres of the cells of `grid` to points, shape of x; NaN beyond the centres and beside NaN."""
    t, (rows, columns) = grid.transform, values.shape
    across, down = (x - t.c) / t.a - 0.5, (y - t.f) / t.e - 0.5
    inside = (across >= 0) & (down >= 0) & (across <= columns - 1) & (down <= rows - 1)
    if min(rows, columns) < 2 or not inside.any():
        return np.full(x.shape, np.nan)
    i, j = (np.clip(v, 0, n - 2).astype(np.intp) for v, n in ((down, rows), (across, columns)))
    v, u = down - i, across - j
    upper = values[i, j] * (1 - u) + values[i, j + 1] * u
    lower = values[i + 1, j] * (1 - u) + values[i + 1, j + 1] * u
    return np.where(inside, upper * (1 - v) + lower * v, np.nan)


def _sums(weights: Weights, values: Numbers) -> Numbers:
    """Add up the values of the cells of each shape of a batch."""
    return _reduce(np.add, weights, values, 0.0)


def _reduce(ufunc: np.ufunc, weights: Weights, values: Numbers, none: float) -> Numbers:
    """Reduce the values of the cells of each shape of a batch; `none` for shapes without cells."""
    out = np.full(len(weights.start) - 1, none)
    some = weights.start[:-1] < weights.start[1:]
    if some.any():
        out[some] = ufunc.reduceat(values, weights.start[:-1][some])
    return out


def _covered(grid: Grid, shapes: Shapes, under: Numbers, missing: Numbers) -> Numbers:
    """Share of each shape's area with values, of the areas under the grid and of those without a value; 0 for no area."""
    area, box = shapely.area(shapes), shapely.bounds(shapes)
    left, bottom, right, top = grid.bounds
    inside = (box[:, 0] >= left) & (box[:, 1] >= bottom) & (box[:, 2] <= right) & (box[:, 3] <= top)
    # where the grid holds the shape whole the sum of the weights replaces its area, so that 1.0 is exact
    area = np.where(inside, under, np.maximum(area, under))
    return np.divide(under - missing, area, out=np.zeros(len(area)), where=area > 0)


def zonal(grid: Grid, shapes: Shapes) -> Zonal:
    """Summarise the cells under each polygon, cells of the border weighted by the exact area that lies inside.

    shapes: (n,) valid polygons in the grid's CRS. Cells without a value have no weight. Memory: see `geo.cells.weigh`.
    """
    return zonals((grid,), shapes)[0]


def zonals(grids: Sequence[Grid], shapes: Shapes) -> tuple[Zonal, ...]:
    """Summarise several grids of one size and place under each polygon, weighing the cells once."""
    first = grids[0]
    for grid in grids[1:]:
        if (grid.values.shape, grid.transform, grid.crs) != (first.values.shape, first.transform, first.crs):
            raise GridError(
                f"grids differ in size, place or CRS ({grid.crs} {tuple(grid.transform)[:6]}): resample them alike",
                f"各格网的大小、位置或坐标系不同({grid.crs} {tuple(grid.transform)[:6]}):请重采样为一致",
            )
    count = len(shapes)
    under = np.zeros(count)
    missing, total = np.zeros((len(grids), count)), np.zeros((len(grids), count))
    low, high = np.full((len(grids), count), np.inf), np.full((len(grids), count), -np.inf)
    for w in weigh(first.transform, (first.values.shape[0], first.values.shape[1]), shapes):
        part = slice(w.first, w.first + len(w.start) - 1)
        under[part] = _sums(w, w.share)
        for k, grid in enumerate(grids):
            z = grid.values.ravel()[w.cell].astype(np.float64)
            gap = np.isnan(z)
            missing[k, part] = _sums(w, np.where(gap, w.share, 0.0)) if gap.any() else 0.0
            total[k, part] = _sums(w, np.where(gap, 0.0, z * w.share))
            low[k, part] = _reduce(np.minimum, w, np.where(gap, np.inf, z), np.inf)
            high[k, part] = _reduce(np.maximum, w, np.where(gap, -np.inf, z), -np.inf)
    cell, none = first.cell_area, np.isinf(low)
    mean = np.divide(total, under - missing, out=np.full(total.shape, np.nan), where=~none)
    low[none], high[none] = np.nan, np.nan
    return tuple(
        Zonal(mean[k], low[k], high[k], _covered(first, shapes, under * cell, missing[k] * cell)) for k in range(len(grids))
    )


def cut_fill(grid: Grid, shapes: Shapes, level: ArrayLike | None = None, bulking: float = 1.0) -> Earthwork:
    """Measure the earthwork that levels each polygon; each cell is a column of its mean height.

    level: design height [m], one or one for each shape; None: the balanced level, where what is cut, times `bulking` (m3 in
    place from 1 m3 in the ground), fills exactly what must be filled. Exact for the cells' heights: on a slope the cells
    that the level crosses count with their mean. A shape that any cell without a height touches, or that reaches beyond the
    grid, is NaN: unknown. GridError where the CRS is not in metres or bulking is not above 0, NotProjectedError where it is in
    degrees.
    """
    _require_metres(grid, "earthwork", "土方")
    if not bulking > 0:
        raise GridError(
            f"bulking is {bulking}: give m3 in place from 1 m3 in the ground, above 0",
            f"松散系数为 {bulking}:应为挖 1 立方米所得的填方立方米数,大于 0",
        )
    count = len(shapes)
    given = None if level is None else np.broadcast_to(np.asarray(level, np.float64), (count,))
    design, area, cut, fill, above = (np.full(count, np.nan) for _ in range(5))
    missing, heights = np.zeros(count), grid.values.ravel()
    for w in weigh(grid.transform, (grid.values.shape[0], grid.values.shape[1]), shapes):
        part, shape = slice(w.first, w.first + len(w.start) - 1), np.repeat(np.arange(len(w.start) - 1), np.diff(w.start))
        z, weight = heights[w.cell].astype(np.float64), w.share * grid.cell_area
        missing[part] = _sums(w, np.where(np.isnan(z), weight, 0.0))
        design[part] = _balance(w, shape, z, weight, bulking) if given is None else given[part]
        rise = z - design[part][shape]
        area[part], above[part] = _sums(w, weight), _sums(w, np.where(rise > 0, weight, 0.0))
        cut[part], fill[part] = _sums(w, np.maximum(rise, 0) * weight), _sums(w, np.maximum(-rise, 0) * weight)
    known = _covered(grid, shapes, area, missing) >= 1.0 - 1e-9
    for column in (cut, fill, design, area):
        column[~known] = np.nan
    return Earthwork(cut, fill, cut * bulking - fill, design, (cut + fill) / area, above / area)


def _balance(w: Weights, shape: Indices, z: Numbers, weight: Numbers, bulking: float) -> Numbers:
    """Find for each shape the level at which bulking * cut = fill: linear between the heights of its cells, so solved exactly."""
    mean = np.divide(_sums(w, z * weight), (area := _sums(w, weight)), out=np.zeros(len(area)), where=area > 0)
    # rounding must not lift the level of flat land off the land
    mean = np.clip(mean, _reduce(np.minimum, w, z, 0.0), _reduce(np.maximum, w, z, 0.0))
    if bulking == 1.0 or not len(z):
        return mean
    order = np.lexsort((z, shape))
    rise, weight, shape = (z - mean[shape])[order], weight[order], shape[order]
    rise[np.isnan(rise)] = 0.0  # sums run on from shape to shape; one without height stays NaN by its mean

    def below(values: Numbers) -> Numbers:
        total: Numbers = np.r_[0.0, np.cumsum(values)]
        return np.subtract(total[1:], total[w.start[:-1]][shape])

    low_weight, low_volume = below(weight), below(rise * weight)
    high_weight, high_volume = area[shape] - low_weight, -low_volume
    # the level that balances with the lowest k cells filled and the rest cut, for each k; the balance is convex in the level
    # where bulking > 1 and concave below, so that its root is the extreme of the roots of its pieces
    level = (bulking * high_volume + low_volume) / (bulking * high_weight + low_weight)
    return mean + _reduce(np.maximum if bulking > 1 else np.minimum, w, level, 0.0)
