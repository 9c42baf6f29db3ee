"""Parcels: the plots that are held, offered or sold; what state is each in?"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from layers.base import VALIDITY, Answer, Ask, Claims, Field, Layer, Rule, Text, claim, codes
from layers.codes import CODE_SYSTEMS, PLANNING_2023

STATUS = codes(
    ("planned", "planned", "规划地块", "#DDDDDD"),
    ("in_acquisition", "in acquisition", "征收中", "#F0E442"),
    ("acquired", "acquired", "已征收", "#E69F00"),
    ("approved_unsupplied", "approved, not supplied", "批而未供", "#56B4E9"),
    ("ready", "ready (net land)", "净地", "#0072B2"),
    ("listed", "listed", "已挂牌", "#CC79A7"),
    ("supplied_unused", "supplied, not used", "供而未用", "#D55E00"),
    ("under_construction", "under construction", "在建", "#999933"),
    ("built", "built", "已建成", "#666666"),
    ("idle", "idle", "闲置", "#882255"),
)
ON = 0.001
"""How far from an edge [m] a neighbour's point lies on it: less than parcel maps print."""
TAKEN = ("listed", "supplied_unused", "under_construction", "built", "idle")
CLEARED = ("ready", *TAKEN)
OWNERSHIP = codes(("state", "state-owned", "国有"), ("collective", "collective", "集体"), ("private", "private", "私有"))


def taken(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the land that is listed or already supplied (C10); a parcel without status is unknown."""
    status = features["status"].to_numpy(object)
    return claim(features, np.select([np.isin(status, TAKEN), pd.isna(status)], ["breach", "unknown"], "pass"))


def cleared(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the land that is acquired and cleared, 净地 (C08)."""
    status = features["status"].to_numpy(object)
    return claim(features, np.select([np.isin(status, CLEARED), pd.isna(status)], ["pass", "unknown"], "breach"))


def owned(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the land by ownership (C11): collective land must be acquired first."""
    owner = features["ownership"].to_numpy(object)
    return claim(features, np.select([owner == "state", pd.isna(owner)], ["pass", "unknown"], "breach"))


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Look up the status of the parcel that bears the plot's number."""
    status = features.set_index("id")["status"]
    return pd.DataFrame({"parcel_status": plots["id"].map(status).astype("str")}, index=plots.index)


LAYER = Layer(
    name="parcels",
    title=Text("Parcels", "宗地"),
    geometry="polygon",
    question=Text("What state is this land in, and whose is it?", "这块地处于什么状态,归谁所有?"),
    fields=(
        Field("block", "text", Text("Block", "街区")),
        Field("code_system", "text", Text("Code system", "分类标准"), codes=CODE_SYSTEMS),
        Field("use_code", "text", Text("Use", "用途"), codes=PLANNING_2023, meaning="permitted use, code of the code system"),
        Field("status", "text", Text("Status", "状态"), codes=STATUS),
        Field("ownership", "text", Text("Ownership", "权属"), codes=OWNERSHIP),
        Field(
            "required_level",
            "integer",
            Text("Level of services asked for", "要求开发程度"),
            meaning="3, 5 or 7; missing: by the use",
        ),
        Field("owner", "text", Text("Right holder", "权利人")),
        Field("area_recorded", "real", Text("Recorded area", "登记面积"), unit="m2", meaning="as on the certificate"),
        Field("address", "text", Text("Address", "坐落")),
        Field("approval_no", "text", Text("Approval document", "批文号")),
        Field("parents", "text", Text("Made of", "来源宗地"), meaning="numbers of the parcels that it was made of, a JSON array"),
        *VALIDITY,
    ),
    rules=(
        Rule("C08", Text("Acquired and cleared", "净地"), "parcels.not_cleared", cleared, elsewhere="unknown"),
        Rule("C10", Text("Not supplied to another", "未供他人"), "parcels.taken", taken),
        Rule("C11", Text("Ownership", "权属"), "parcels.collective", owned, elsewhere="unknown"),
    ),
    answers=(Answer(Field("parcel_status", "text", Text("Status", "状态"), codes=STATUS)),),
    assess=assess,
    colour="#444444",
)
