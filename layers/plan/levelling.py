"""Levelling: how much must be cut and filled to bring plots to one level?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from geo.raster import Grid, cut_fill
from layers.base import Ask, Field, Survey, Text, ask_layer, row_of, surveyed, tabled
from layers.standards import Standard
from layers.terrain import LAYER, on_rasters

FIELDS = (
    Field("level", "real", Text("Design level", "设计标高"), unit="m"),
    Field("cut", "real", Text("Cut", "挖方"), unit="m3", meaning="in the ground"),
    Field("fill", "real", Text("Fill", "填方"), unit="m3", meaning="in place"),
    Field("net", "real", Text("Left over", "余方"), unit="m3", meaning="in place; negative: to be brought"),
    Field("depth", "real", Text("Mean depth", "平均厚度"), unit="m", meaning="(cut + fill) / area"),
    Field("above", "real", Text("Share above the level", "挖方区面积比"), unit="1"),
    Field("slope_over_share", "real", Text("Share steeper than the limit", "超坡度限值面积比"), unit="1"),
    Field("earthwork", "flag", Text("Earthwork", "属土方工程"), meaning="deeper than site preparation may be"),
)


@dataclass(frozen=True, slots=True)
class Levelling:
    """The levelling of one site: the numbers of `FIELDS` (None: unknown) and what they rest on.

    `balanced`: the level was found so that cut, bulked, equals fill; else it was given. `data_date` is that of the heights.
    """

    balanced: bool
    level: float | None
    cut: float | None
    fill: float | None
    net: float | None
    depth: float | None
    above: float | None
    slope_over_share: float | None
    earthwork: bool | None
    bulking: Standard
    limit: Standard
    data_date: date | None


def earthwork(
    plots: gpd.GeoDataFrame, terrain: Survey, ask: Ask, level: ArrayLike | None = None, steep: ArrayLike | None = None
) -> pd.DataFrame:
    """Measure what levels each plot: the columns of `FIELDS`, with the plots' index; m, m3, shares of the area.

    level: design height [m], one or one for each plot; None: the balanced level, where the cut times `terrain.bulking`
    fills exactly what must be filled. steep: the share of each plot steeper than the limit, where the terrain was asked already.
    Each cell of the raster is a column of its mean height, those of the border weighted
    by the exact area inside. A mean depth beyond `terrain.levelling_depth` is named earthwork. NaN and NA, unknown, where a
    plot touches a cell without height, reaches beyond the terrain's coverage, or lies on two rasters that do not cover it
    alone. Memory grows with the cells under the plots: callers hand in rasters cut to them, as the store reads them.
    """
    shapes = plots.geometry.to_numpy()
    given = None if level is None else np.broadcast_to(np.asarray(level, np.float64), shapes.shape)

    def measured(grid: Grid, todo: NDArray[np.intp]) -> NDArray[np.float64]:
        work = cut_fill(grid, shapes[todo], None if given is None else given[todo], ask.standards["terrain.bulking"])
        return np.stack([work.level, work.cut, work.fill, work.net, work.depth, work.above])

    numbers = on_rasters(plots, terrain.features, 6, measured)
    numbers[:, ~surveyed(shapes, terrain.coverage())] = np.nan
    found = dict(zip((f.name for f in FIELDS), numbers, strict=False))
    if given is not None:
        found["level"] = given
    steep = ask_layer(LAYER, plots, terrain, ask)["slope_over_share"].to_numpy() if steep is None else steep
    deep = pd.arrays.BooleanArray(found["depth"] > ask.standards["terrain.levelling_depth"], np.isnan(found["depth"]))
    return tabled({**found, "slope_over_share": np.asarray(steep), "earthwork": deep}, plots.index)


def levelling(
    site: gpd.GeoDataFrame, terrain: Survey, ask: Ask, level: float | None = None, steep: ArrayLike | None = None
) -> Levelling:
    """Measure the levelling of one site, a frame of one polygon, to `level` [m] or to the balanced level; `steep`: see above."""
    row = row_of(earthwork(site, terrain, ask, level, steep))
    numbers = {f.name: None if pd.isna(row[f.name]) else float(row[f.name]) for f in FIELDS[:-1]}
    deep = None if pd.isna(row["earthwork"]) else bool(row["earthwork"])
    bulking, limit = (ask.standards.line(f"terrain.{name}") for name in ("bulking", "levelling_depth"))
    return Levelling(level is None, **numbers, earthwork=deep, bulking=bulking, limit=limit, data_date=terrain.data_date())
