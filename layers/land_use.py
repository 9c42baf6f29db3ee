"""Current land use: what is on the land today by the national survey, and must farmland be converted?"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.overlay import covered_area, overlaps
from layers.base import VALIDITY, Answer, Ask, Claims, Field, Layer, Rule, Text, claim, codes, valid_on
from layers.codes import CODE_SYSTEMS, SURVEY_GTDC

CLASSES = codes(
    ("agricultural", "agricultural land", "农用地", "#DDCC77"),
    ("unused", "unused land", "未利用地", "#BBBBBB"),
    ("construction", "construction land", "建设用地", "#CC6677"),
)


def land_class(features: gpd.GeoDataFrame, ask: Ask) -> pd.Series:
    """Classify features into agricultural, unused and construction land by the survey's code; NA where the code says nothing.

    Only `survey_gtdc` codes are classified: the same digits mean other uses in other code systems.
    """
    code = features["code"].where(features["code_system"] == "survey_gtdc")
    answer = pd.Series(pd.NA, features.index, "str")
    for name in CLASSES:
        answer = answer.mask(code.isin(ask.standards[f"land_use.{name}"]), name)
    return answer


def is_arable(features: gpd.GeoDataFrame, ask: Ask) -> NDArray[np.bool_]:
    """Tell which features are arable land by the survey's code."""
    coded = (features["code_system"] == "survey_gtdc") & features["code"].isin(ask.standards["land_use.arable"])
    return np.asarray(coded, bool)


def unconverted(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim agricultural land without a conversion approval (C06)."""
    uses = features[valid_on(features, ask.on)]
    kind = land_class(uses, ask)
    open_ = (kind == "agricultural") & uses["conversion_no"].isna()
    return claim(uses, np.select([kind.isna(), open_], ["unknown", "breach"], "pass"))


def surveyed(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the land whose current use is known (C05)."""
    uses = features[valid_on(features, ask.on)]
    return claim(uses, np.where(land_class(uses, ask).isna(), "unknown", "pass"))


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Measure the area of each plot by class of current use, arable land apart as a part of the agricultural."""
    uses = features[valid_on(features, ask.on)]
    kind = land_class(uses, ask)
    pick = {**{f"{name}_area": (kind == name).to_numpy(bool) for name in CLASSES}, "arable_area": is_arable(uses, ask)}
    shapes = plots.geometry.to_numpy()
    pairs = overlaps(shapes, uses.geometry.to_numpy(), outlines=False)
    return pd.DataFrame({k: covered_area(shapes, pairs.pick(m[pairs.j])) for k, m in pick.items()}, plots.index)


LAYER = Layer(
    name="land_use",
    title=Text("Current land use", "土地利用现状"),
    geometry="polygon",
    question=Text("What is on this land today, and must it be converted?", "这块地现状是什么,是否需要农转用?"),
    fields=(
        Field("code_system", "text", Text("Code system", "分类标准"), codes=CODE_SYSTEMS, required=True),
        Field("code", "text", Text("Use code (DLBM)", "地类编码"), codes=SURVEY_GTDC),
        Field("name", "text", Text("Use (DLMC)", "地类名称")),
        Field("conversion_no", "text", Text("Conversion approval", "农转用批文")),
        *VALIDITY,
    ),
    rules=(
        Rule("C05", Text("Current use", "现状地类"), "land_use.current", surveyed, elsewhere="unknown"),
        Rule("C06", Text("Farmland conversion", "农转用"), "land_use.unconverted", unconverted, elsewhere="unknown"),
    ),
    answers=tuple(
        Answer(Field(name, "real", Text(en, zh), unit="m2"))
        for name, en, zh in (
            ("agricultural_area", "Agricultural land", "农用地"),
            ("unused_area", "Unused land", "未利用地"),
            ("construction_area", "Construction land", "建设用地"),
            ("arable_area", "of which arable land", "其中耕地"),
        )
    ),
    assess=assess,
    colour="#DDCC77",
)
