"""Roads: is there access to the public road network, and does a road's red line cross the land?"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from layers.base import SERVICE_LIFE, Ask, Claims, Field, Layer, Rule, Text, claim, codes, tabled
from layers.service import Way, answers, serve

CLASSES = codes(
    ("expressway", "expressway", "快速路", "#882255"),
    ("arterial", "arterial road", "主干路", "#CC6677"),
    ("secondary", "secondary road", "次干路", "#DDCC77"),
    ("local", "local road", "支路", "#999999"),
    ("private", "private road", "内部道路", "#DDDDDD"),
)


def half_width(roads: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Halve the red-line widths [m]; 0 where none is recorded."""
    return np.asarray(np.nan_to_num(roads["red_line_width"].to_numpy(float)) / 2)


def road_land(roads: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Draw the land of each road between its red lines; empty where no width is recorded."""
    return np.asarray(shapely.buffer(roads.geometry.to_numpy(), half_width(roads), cap_style="flat"), object)


def red_line(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the land between the red lines of the roads that are not retired (C12).

    Where nobody recorded the width, land that the widest red line would reach is unknown.
    """
    width = features["red_line_width"].to_numpy(float)
    recorded = width > 0
    half = np.where(recorded, width, ask.standards["roads.widest_red_line"]) / 2
    standing = ~(features["retired_on"].to_numpy("datetime64[s]") <= np.datetime64(ask.on, "s"))
    claims = claim(features, np.where(recorded, "breach", "unknown"), standing)
    return claims._replace(shapes=shapely.buffer(claims.shapes, half[standing], cap_style="flat"))


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Tell the state of road access of each plot, measured from the red line on straight ways."""
    return tabled(access(plots, features, ask), plots.index)


def access(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask, way: Way | None = None) -> dict[str, Any]:
    """Tell the state of road access of each plot, measured from the red line, on the way that `way` finds: the answers' arrays.

    A road without a recorded red line may be as wide as the widest: it is unknown whether it gives access to what that reaches.
    """
    group = np.where(features["class"].to_numpy(object) == "private", -1, 0)
    half = half_width(features)
    doubt = np.where(half > 0, 0.0, ask.standards["roads.widest_red_line"] / 2)
    return serve(plots, features, group, ["road"], ask.standards["roads.max_access"], ask, half, doubt, way=way)


LAYER = Layer(
    name="roads",
    title=Text("Roads", "道路"),
    geometry="line",
    question=Text("Is this land on a public road, and does a red line cross it?", "这块地是否临公共道路,道路红线是否穿过?"),
    fields=(
        Field("name", "text", Text("Name", "名称")),
        Field("class", "text", Text("Class", "等级"), codes=CLASSES),
        Field("red_line_width", "real", Text("Red-line width", "红线宽度"), unit="m"),
        Field("surface", "text", Text("Surface", "路面")),
        *SERVICE_LIFE,
    ),
    rules=(Rule("C12", Text("Road red line", "道路红线"), "roads.red_line", red_line),),
    answers=answers("road", Text("road", "道路"), None, "roads.max_access"),
    assess=assess,
    colour="#CC6677",
)
