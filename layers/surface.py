"""Suitability over a raster grid: each cell scored by weighted factors, and each score's parts beside it.

A factor of a grid is `elevation` [m] or `slope` [percent] of the terrain, `distance:LAYER` or `distance:LAYER:KIND` [m] to the nearest
feature that is stored, planned ones too, or a number of the findings, of the plot under the cell's centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from affine import Affine
from numpy.typing import NDArray

from geo.raster import Grid, slope
from layers.assessment import fresh
from layers.base import surveyed_for
from layers.catalogue import LAYERS, coded
from layers.errors import Refusal
from layers.plan.suitability import Factor, Numbers, suitability, sure
from layers.standards import Standards
from layers.store.base import Box, Compare, Store

CELLS, CHUNK = 1_000_000, 100_000
"""Most cells of a surface, and how many are scored at once."""
SMALLEST, FARTHEST = 0.1, 1e6
"""Least side of a cell, and how far a distance is measured at most [m]."""
TERRAIN, DISTANCE = ("elevation", "slope"), "distance:"
RIM = 100.0
"""How much of the terrain around a surface is read [m]: the slope of a cell asks for its neighbours."""
Points = NDArray[np.float64]
Sampler = Callable[[Points], Numbers]
"""Gives the value of a factor at points, shape (n, 2), NaN where nobody knows."""


class BadGridError(Refusal):
    """A surface cannot be made as it was asked for."""


@dataclass(frozen=True, slots=True)
class Surface:
    """Scores on a north-up grid in a base's CRS: `bands` by name, float32 of (rows, columns), NaN for unknown."""

    transform: Affine
    crs: str
    bands: dict[str, NDArray[np.float32]]

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """Find the row and column of a place; None outside."""
        column, row = ~self.transform @ (x, y)
        rows, columns = self.bands["score"].shape
        return (int(row), int(column)) if 0 <= row < rows and 0 <= column < columns else None

    def centre(self, row: int, column: int) -> tuple[float, float]:
        """Give the centre of a cell."""
        x, y = self.transform @ (column + 0.5, row + 0.5)
        return float(x), float(y)


def distances(columns: Sequence[str]) -> list[str]:
    """Pick the factors that are distances; BadGridError for those to a layer that there is not."""
    found = [c for c in columns if c.startswith(DISTANCE)]
    for name in found:
        layer = name.split(":")[1]
        if layer not in LAYERS or LAYERS[layer].geometry in ("raster", "none"):
            raise BadGridError(
                f"{name}: there is no layer {layer} with places; write distance:roads or distance:utilities:power",
                f"{name}:没有带位置的图层 {layer};请写成 distance:roads 或 distance:utilities:power",
            )
    return found


def laid(bounds: Box, cell: float) -> tuple[Affine, int, int]:
    """Lay a grid over bounds, its lines on multiples of the cell [m]; BadGridError for too many cells."""
    if not SMALLEST <= cell <= FARTHEST:
        raise BadGridError(
            f"a cell of {cell:g} m is none; give its side in metres, from {SMALLEST:g} on",
            f"像元 {cell:g} m 无效;请给出边长(米),不小于 {SMALLEST:g}",
        )
    left, bottom, right, top = bounds
    if not (left < right and bottom < top and max(abs(n) for n in bounds) < 100 * FARTHEST):
        raise BadGridError(
            "the box holds no land; give west, south, east, north in the base's CRS", "范围无效;请按本库坐标系给出西、南、东、北"
        )
    column, row = math.floor(left / cell), math.ceil(top / cell)
    columns, rows = math.ceil(right / cell) - column, row - math.floor(bottom / cell)
    if not 0 < rows * columns <= CELLS:
        raise BadGridError(
            f"that makes {rows * columns} cells, and a surface has 1 to {CELLS}; give another cell or a smaller box",
            f"将有 {rows * columns} 个像元,应为 1 至 {CELLS};请调整像元大小或缩小范围",
        )
    return Affine(cell, 0, column * cell, 0, -cell, row * cell), rows, columns


def surface(
    store: Store, standards: Standards, model: Sequence[Factor], cell: float, bounds: Box | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Surface:  # fmt: skip
    """Score the cells of a grid over `bounds`, by default those of all parcels; `cell` is its side [m].

    Bands: `score`, `score_min`, `score_max`, and of each factor `<column>_value`, `<column>_score` and `<column>_part`, as
    `suitability` gives them. A distance is told up to the last value of its scores, beyond which none changes; it is unknown where
    nobody surveyed all kinds that are asked for, or where land that nobody surveyed is nearer than the nearest feature. Time grows with cells times factors.
    """
    transform, rows, columns = laid(bounds or store.extent("parcels")[1], cell)
    box = (transform.c, transform.f - rows * cell, transform.c + columns * cell, transform.f)
    samplers = {f.column: sampler(store, standards, f, box) for f in model}
    bands: dict[str, NDArray[np.float32]] = {}
    for first in range(0, rows * columns, CHUNK):
        at = np.arange(first, min(first + CHUNK, rows * columns))
        xy = np.stack([transform.c + (at % columns + 0.5) * cell, transform.f - (at // columns + 0.5) * cell], axis=1)
        scored = suitability(pd.DataFrame({name: of(xy) for name, of in samplers.items()}), model)
        for name in scored:
            bands.setdefault(str(name), np.empty(rows * columns, np.float32))[at] = scored[name].to_numpy(np.float32)
        if progress:
            progress(int(at[-1]) + 1, rows * columns)
    return Surface(transform, store.crs, {name: values.reshape(rows, columns) for name, values in bands.items()})


def sampler(store: Store, standards: Standards, factor: Factor, box: Box) -> Sampler:
    """Make what gives the values of a factor."""
    if factor.column in TERRAIN:
        return _terrain(store, factor.column, box)
    if factor.column.startswith(DISTANCE):
        return _distance(store, factor, box)
    return _findings(store, standards, factor.column, box)


def _terrain(store: Store, column: str, box: Box) -> Sampler:
    """Sample the first raster that has a value: the cell that a point lies in."""
    wide = (box[0] - RIM, box[1] - RIM, box[2] + RIM, box[3] + RIM)
    grids: list[Grid] = store.read("terrain", box=wide)["grid"].tolist()
    given = [slope(grid) if column == "slope" else grid for grid in grids]

    def sample(xy: Points) -> Numbers:
        found = np.full(len(xy), np.nan)
        for grid in given:
            rows, columns = grid.values.shape
            column = np.floor((xy[:, 0] - grid.transform.c) / grid.transform.a).astype(np.intp)
            row = np.floor((xy[:, 1] - grid.transform.f) / grid.transform.e).astype(np.intp)
            here = np.isnan(found) & (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
            found[here] = grid.values[row[here], column[here]]
        return found

    return sample


def _findings(store: Store, standards: Standards, column: str, box: Box) -> Sampler:
    """Sample a number of the findings, of the plot under a point; of two that share their border the first."""
    findings, on = fresh(store, standards)
    findings = sure(findings, standards.on(on))
    plots = store.read("parcels", box=box, columns=["id"])
    values = findings[column].reindex(plots["id"]).to_numpy(np.float64, na_value=np.nan)
    tree = shapely.STRtree(plots.geometry.to_numpy())

    def sample(xy: Points) -> Numbers:
        found = np.full(len(xy), np.nan)
        point, plot = tree.query(shapely.points(xy), predicate="intersects")
        found[point[::-1]] = values[plot[::-1]]
        return found

    return sample


def _distance(store: Store, factor: Factor, box: Box) -> Sampler:
    """Sample the distance to the nearest feature, up to the last value of the scores."""
    _, layer, *kinds = factor.column.split(":")
    reach = float(np.clip(factor.scores[-1][0], 0.0, FARTHEST))
    column = field.name if (field := coded(layer)) else None
    wide = (box[0] - reach, box[1] - reach, box[2] + reach, box[3] + reach)
    where = [Compare(column, "in", tuple(kinds))] if column and kinds else []
    shapes = store.read(layer, box=wide, where=where).geometry.to_numpy()
    unsaid = [*store.read(layer, box=wide, where=[Compare(column, "missing")]).geometry] if column and kinds else []
    tree, perhaps = shapely.STRtree(shapes), shapely.union_all(unsaid)
    surveyed = surveyed_for(LAYERS[layer], store.editions(layer), kinds)
    shapely.prepare(surveyed)
    edge = shapely.boundary(surveyed) if not surveyed.is_empty else None

    def sample(xy: Points) -> Numbers:
        points = np.asarray(shapely.points(xy), object)
        far = np.full(len(xy), reach)
        if len(shapes):
            i, j = tree.query_nearest(points, all_matches=False)
            far[i] = np.minimum(shapely.distance(points[i], shapes[j]), reach)
        safe = np.zeros(len(xy))
        if edge is not None:
            inside = shapely.covers(surveyed, points)
            safe[inside] = shapely.distance(points[inside], edge)
        if unsaid:
            safe = np.minimum(safe, shapely.distance(points, perhaps))
        return np.where(far <= safe, far, np.nan)

    return sample
