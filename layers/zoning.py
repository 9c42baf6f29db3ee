"""Zoning: which use does the plan foresee, and within which indices?"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.overlay import largest_share
from layers.base import VALIDITY, Answer, Ask, Claims, Field, Layer, Rule, Text, claim, valid_on
from layers.codes import CODE_SYSTEMS, PLANNING_2023


def compatible(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the zones by whether the asked use may stand there (C09).

    A zone allows its own code, its descendants and what the compatibility table names. Reserved land (16) and a zone without
    a code are unknown whatever is asked; a zone of another code system is where a use is asked.
    """
    valid, written = valid_on(features, ask.on), features["code"].to_numpy(object)
    code = np.where(pd.isna(written), "", written).astype(str)
    planned = features["code_system"].to_numpy(object) == "planning_2023"
    reserved = (code == "") | (planned & np.char.startswith(code, "16"))
    if ask.use is None:
        return claim(features, np.where(reserved, "unknown", "pass"), valid)
    table = ask.standards["zoning.compatible"]
    allowed = [planned_code for planned_code, uses in table.items() if any(ask.use.startswith(use) for use in uses)]
    parent = np.array([bool(c) and ask.use.startswith(c) for c in code], bool)
    child = np.char.startswith(code, ask.use)
    outcome = np.select([reserved | ~planned, parent | child | np.isin(code, allowed)], ["unknown", "pass"], "breach")
    return claim(features, outcome, valid)


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Name the zone that holds most of each plot, its code and its share of the plot."""
    zones = features[valid_on(features, ask.on)]
    best, share = largest_share(plots.geometry.to_numpy(), zones.geometry.to_numpy())
    held = zones[["id", "code"]].reset_index(drop=True).reindex(best)
    return pd.DataFrame({"zone": held["id"].array, "zone_code": held["code"].array, "zone_share": share}, plots.index)


LAYER = Layer(
    name="zoning",
    title=Text("Zoning", "用地规划"),
    geometry="polygon",
    question=Text("Which use does the plan foresee here?", "规划在此安排什么用途?"),
    fields=(
        Field("code_system", "text", Text("Code system", "分类标准"), codes=CODE_SYSTEMS, required=True),
        Field("code", "text", Text("Planned use", "规划用途"), codes=PLANNING_2023),
        Field("name", "text", Text("Name", "名称")),
        Field("plan", "text", Text("Plan", "规划名称")),
        Field("far_min", "real", Text("Least floor area ratio", "容积率下限"), unit="1"),
        Field("far_max", "real", Text("Greatest floor area ratio", "容积率上限"), unit="1"),
        Field("building_coefficient_min", "real", Text("Least building coefficient", "建筑系数下限"), unit="1"),
        Field("green_ratio_max", "real", Text("Greatest green ratio", "绿地率上限"), unit="1"),
        Field("height_max", "real", Text("Height limit", "限高"), unit="m"),
        *VALIDITY,
    ),
    rules=(Rule("C09", Text("Planned use", "规划用途"), "zoning.incompatible", compatible, elsewhere="unknown"),),
    answers=(
        Answer(Field("zone", "text", Text("Zone", "规划地块"))),
        Answer(Field("zone_code", "text", Text("Planned use", "规划用途"), codes=PLANNING_2023)),
        Answer(Field("zone_share", "real", Text("Share of the plot", "占地块比例"), unit="1")),
    ),
    assess=assess,
    colour="#BB9674",
)
