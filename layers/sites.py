"""Sites: the land that projects ask for; which other project's site lies on this land?"""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from geo.partition import area_inside
from layers.base import Answer, Ask, Claims, Field, Layer, Rule, Text, claim, codes
from layers.codes import PLANNING_2023
from layers.service import DEMANDS, LOADS

STATUS = codes(
    ("prospect", "prospect", "意向"),
    ("under_review", "under joint review", "联审中"),
    ("review_passed", "review passed", "联审通过"),
    ("cancelled", "cancelled", "已取消"),
)


def others(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the land of other projects' sites that are not cancelled (C10)."""
    return claim(features, "breach", features["status"].to_numpy(object) != "cancelled")


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Measure the area of each plot that sites of projects take."""
    sites = others(features, ask).shapes
    return pd.DataFrame({"site_area": area_inside(plots.geometry.to_numpy(), sites)}, index=plots.index)


LAYER = Layer(
    name="sites",
    title=Text("Project sites", "项目选址"),
    geometry="polygon",
    question=Text("Does another project want this land?", "是否有其他项目选址于此?"),
    fields=(
        Field("name", "text", Text("Name", "名称")),
        Field("project", "text", Text("Project", "项目")),
        Field("status", "text", Text("Status", "状态"), codes=STATUS),
        Field("use_code", "text", Text("Use", "用途"), codes=PLANNING_2023),
        Field("required_area", "real", Text("Required area", "需求面积"), unit="m2"),
        Field("needed_by", "date", Text("Needed by", "需地日期")),
        *(
            Field(f"demand_{kind}", "real", title, unit=LOADS[kind], meaning="missing: by the use and the area")
            for kind, title in DEMANDS.items()
        ),
    ),
    rules=(Rule("C10", Text("Other projects' sites", "其他项目选址"), "sites.others", others),),
    answers=(Answer(Field("site_area", "real", Text("Area of other sites", "其他选址面积"), unit="m2")),),
    assess=assess,
    colour="#CC79A7",
)
