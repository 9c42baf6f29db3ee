"""Current land use: what is on the land today by the national survey, and must farmland be converted?"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.overlay import overlaps
from geo.partition import covered_area
from layers.base import VALIDITY, Answer, Ask, Claims, Field, Layer, Rule, Text, claim, codes, valid_on
from layers.codes import CODE_SYSTEMS, SURVEY_GTDC

CLASSES = codes(
    ("agricultural", "agricultural land", "农用地", "#DDCC77"),
    ("unused", "unused land", "未利用地", "#BBBBBB"),
    ("construction", "construction land", "建设用地", "#CC6677"),
)


def land_class(features: gpd.GeoDataFrame, ask: Ask) -> NDArray[np.object_]:
    """Classify features into agricultural, unused and construction land by the survey's code; None where it says nothing.

    Only `survey_gtdc` codes are classified: the same digits mean other uses in other code systems.
    """
    of = {code: name for name in CLASSES for code in ask.standards[f"land_use.{name}"]}
    at, known = pd.factorize(_surveyed_code(features))
    return np.array([*(of.get(code) for code in known), None], object)[at]


def _surveyed_code(features: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Give the codes of the survey's own system; "" for others."""
    code, system = features["code"].to_numpy(object), features["code_system"].to_numpy(object)
    return np.where((system == "survey_gtdc") & ~pd.isna(code), code, "")


def is_arable(features: gpd.GeoDataFrame, ask: Ask) -> NDArray[np.bool_]:
    """Tell which features are arable land by the survey's code."""
    return np.isin(_surveyed_code(features), ask.standards["land_use.arable"])


def unconverted(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim agricultural land without a conversion approval (C06)."""
    kind = land_class(features, ask)
    open_ = (kind == "agricultural") & pd.isna(features["conversion_no"].to_numpy(object))
    outcome = np.select([pd.isna(kind), open_], ["unknown", "breach"], "pass")
    return claim(features, outcome, valid_on(features, ask.on))


def surveyed(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the land whose current use is known (C05)."""
    return claim(features, np.where(pd.isna(land_class(features, ask)), "unknown", "pass"), valid_on(features, ask.on))


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Measure the area of each plot by class of current use, arable land apart as a part of the agricultural."""
    uses = features[valid_on(features, ask.on)]
    kind = land_class(uses, ask)
    pick = {**{f"{name}_area": kind == name for name in CLASSES}, "arable_area": is_arable(uses, ask)}
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
