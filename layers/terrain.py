"""Terrain: how high and how steep is the land?"""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import CRSMismatchError, is_same
from geo.raster import Grid, Zonal, slope, zonals
from layers.base import Answer, Ask, Field, Layer, Text, tabled

DIGITS = 6
"""Decimals of the answers: heights are kept to a millionth, and below that the answer would depend on the window that was read."""
COVERED = 1.0 - 1e-6
"""Share of a plot that must have heights; what is missing below it is the rounding of the plot's own outline."""

FIELDS = (
    Field("elevation_mean", "real", Text("Mean elevation", "平均高程"), unit="m"),
    Field("elevation_min", "real", Text("Lowest elevation", "最低高程"), unit="m"),
    Field("elevation_max", "real", Text("Highest elevation", "最高高程"), unit="m"),
    Field("slope_mean", "real", Text("Mean slope", "平均坡度"), unit="%"),
    Field("slope_max", "real", Text("Steepest slope", "最大坡度"), unit="%"),
    Field("slope_over_share", "real", Text("Share steeper than the limit", "超坡度限值面积比"), unit="1"),
)


def known(zone: Zonal, *columns: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Keep the numbers of the plots that the raster covers whole; NaN, unknown, for the others."""
    return [np.where(zone.covered >= COVERED, column, np.nan) for column in columns]


def measure(grid: Grid, plots: NDArray[np.object_], limit: float) -> NDArray[np.float64]:
    """Measure the answers of `FIELDS` for each plot on one raster, shape (fields, plots)."""
    steepness = slope(grid)
    over = np.where(np.isnan(steepness.values), np.nan, np.greater(steepness.values, limit)).astype(np.float32)
    height, steep, beyond = zonals((grid, steepness, Grid(over, grid.transform, grid.crs)), plots)
    return np.array(
        [*known(height, height.mean, height.low, height.high), *known(steep, steep.mean, steep.high), *known(beyond, beyond.mean)]
    )


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Measure height and slope of each plot on the first raster that covers it.

    features: one row for each raster, with its `grid` and its footprint. An answer is NaN, unknown, where no raster covers the
    whole plot with heights; the slope also needs the cells around the plot. CRSMismatchError where a raster is not in the
    plots' CRS. Memory grows with the rasters, not with the plots.
    """

    def measured(grid: Grid, todo: NDArray[np.intp]) -> NDArray[np.float64]:
        return measure(grid, shapes[todo], ask.standards["terrain.slope_max"])

    shapes = plots.geometry.to_numpy()
    answers = on_rasters(plots, features, len(FIELDS), measured, margin=1)
    return tabled({f.name: column for f, column in zip(FIELDS, answers.round(DIGITS), strict=True)}, plots.index)


def on_rasters(
    plots: gpd.GeoDataFrame,
    features: gpd.GeoDataFrame,
    count: int,
    measured: Callable[[Grid, NDArray[np.intp]], NDArray[np.float64]],
    margin: int = 0,
) -> NDArray[np.float64]:
    """Measure `count` numbers of each plot on the first raster that has them all, shape (count, plots).

    `measured(grid, todo)` measures the plots at the positions `todo`, shape (count, k), NaN where the grid does not cover
    them; `margin` [cells] is what it needs around them. A plot that no raster covers alone stays NaN: rasters are not joined.
    """
    answers = np.full((count, len(plots)), np.nan)
    shapes = plots.geometry.to_numpy()
    box = shapely.bounds(shapes)
    for grid in features["grid"].to_numpy(object) if len(features) else ():
        if not is_same(grid.crs, plots.crs):
            raise CRSMismatchError(
                f"the terrain is in {grid.crs}, the plots in {plots.crs}: warp the raster to the base's CRS",
                f"高程数据在 {grid.crs},地块在 {plots.crs}:请将栅格重投影到本库的坐标系",
            )
        todo = np.flatnonzero(_inside(grid, box) & np.isnan(answers).any(axis=0))
        if len(todo):
            near = grid.crop(shapely.total_bounds(shapes[todo]), margin)
            answers[:, todo] = np.where(np.isnan(answers[:, todo]), measured(near, todo), answers[:, todo])
    return answers


def _inside(grid: Grid, box: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which envelopes lie on a raster, but for a cell: of what reaches farther out it cannot cover all."""
    left, bottom, right, top = grid.bounds
    wide, high = abs(grid.transform.a), abs(grid.transform.e)
    low = (box[:, 0] >= left - wide) & (box[:, 1] >= bottom - high)
    return np.asarray(low & (box[:, 2] <= right + wide) & (box[:, 3] <= top + high), bool)


LAYER = Layer(
    name="terrain",
    title=Text("Terrain", "地形"),
    geometry="raster",
    question=Text("How high and how steep is this land?", "这块地的高程和坡度如何?"),
    answers=tuple(Answer(f) for f in FIELDS),
    assess=assess,
)
