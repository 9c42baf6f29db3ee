"""Development areas: does an approved area-development plan (成片开发方案) cover the land?"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.partition import area_inside
from layers.base import VALIDITY, Answer, Ask, Claims, Field, Layer, Rule, Text, claim, codes, valid_on

STATUS = codes(
    ("approved", "approved", "已批准", "#0072B2"),
    ("submitted", "submitted", "已上报", "#E69F00"),
    ("draft", "draft", "编制中", "#999999"),
)


def approved(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the land of plans valid on the day: approved passes, without status is unknown, others are as if absent (C04)."""
    status = features["status"].to_numpy(object)
    unknown = pd.isna(status)
    return claim(features, np.where(unknown, "unknown", "pass"), valid_on(features, ask.on) & (unknown | (status == "approved")))


def short(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the land of approved plans that record less public-interest land than they should have (C04)."""
    ratio, least = features["public_interest_ratio"].to_numpy(float), ask.standards["development_areas.public_interest_ratio_min"]
    approved_ = valid_on(features, ask.on) & (features["status"] == "approved").to_numpy(bool)
    return claim(features, np.full(len(features), "breach", object), approved_ & (ratio < least))


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Measure the area of each plot inside approved plans."""
    plans = features[valid_on(features, ask.on) & (features["status"] == "approved").to_numpy(bool)]
    return pd.DataFrame(
        {"development_area": area_inside(plots.geometry.to_numpy(), plans.geometry.to_numpy())}, index=plots.index
    )


LAYER = Layer(
    name="development_areas",
    title=Text("Area-development plans", "成片开发方案"),
    geometry="polygon",
    question=Text("Does an approved area-development plan cover this land?", "这块地是否在已批准的成片开发方案内?"),
    fields=(
        Field("name", "text", Text("Name", "名称")),
        Field("status", "text", Text("Status", "状态"), codes=STATUS),
        Field("approval_no", "text", Text("Approval document", "批文号")),
        Field("public_interest_ratio", "real", Text("Public-interest land", "公益性用地比例"), unit="1"),
        *VALIDITY,
    ),
    rules=(
        Rule("C04", Text("Area-development plan", "成片开发方案"), "development_areas.outside", approved, elsewhere="breach"),
        Rule("C04", Text("Public-interest land of the plan", "方案公益性用地"), "development_areas.public_interest_short", short),
    ),
    answers=(Answer(Field("development_area", "real", Text("Area inside approved plans", "方案内面积"), unit="m2")),),
    assess=assess,
    colour="#0072B2",
)
