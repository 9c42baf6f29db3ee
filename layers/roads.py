"""Roads: is there access to the public road network, and does a road's red line cross the land?"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from layers.base import SERVICE_LIFE, Ask, Field, Layer, Rule, Text, claim, codes
from layers.service import answers, serve

CLASSES = codes(
    ("expressway", "expressway", "快速路", "#882255"),
    ("arterial", "arterial road", "主干路", "#CC6677"),
    ("secondary", "secondary road", "次干路", "#DDCC77"),
    ("local", "local road", "支路", "#999999"),
    ("private", "private road", "内部道路", "#DDDDDD"),
)


def half_width(roads: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Halve the red-line widths [m]; 0 where none is recorded."""
    return np.asarray(roads["red_line_width"].fillna(0.0), float) / 2


def red_line(features: gpd.GeoDataFrame, ask: Ask) -> gpd.GeoDataFrame:
    """Claim the land between the red lines of the roads that are not retired (C12); without a width it is unknown."""
    roads = features[~(features["retired_on"] <= pd.Timestamp(ask.on)).to_numpy(bool)]
    width = half_width(roads)
    stated = roads[width > 0]
    claims = claim(stated)
    return claims.set_geometry(shapely.buffer(claims.geometry.to_numpy(), width[width > 0], cap_style="flat"))


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Tell the state of road access of each plot, measured from the red line."""
    roads = features[(features["class"] != "private").to_numpy(bool)]
    group = np.zeros(len(roads), np.int64)
    return serve(plots, roads, group, ["road"], ask.standards["roads.max_access"], ask, half_width(roads))


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
