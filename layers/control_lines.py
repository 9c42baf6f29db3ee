"""Control lines: what land is protected, and how far may the city grow?"""

from __future__ import annotations

from functools import partial

import geopandas as gpd
import pandas as pd

from geo.partition import area_inside
from layers.base import VALIDITY, Answer, Ask, Claims, Field, Layer, Outcome, Rule, Text, claim, codes, valid_on

KINDS = codes(
    ("permanent_basic_farmland", "permanent basic farmland", "永久基本农田", "#999933"),
    ("ecological_redline", "ecological redline", "生态保护红线", "#117733"),
    ("urban_development_boundary", "urban development boundary", "城镇开发边界", "#882255"),
    ("farmland_protection_target", "farmland protection target", "耕地保护目标", "#DDCC77"),
    ("forest", "forest land", "林地", "#44AA99"),
    ("industrial_control_line", "industrial control line", "工业控制线", "#AA4499"),
    ("flood_plain", "flood plain", "洪泛区", "#88CCEE"),
)


def of_kind(kind: str, outcome: Outcome, features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the land inside the lines of one kind that are valid on the day."""
    return claim(features, outcome, (features["kind"].to_numpy(object) == kind) & valid_on(features, ask.on))


def inside(check: str, kind: str) -> Rule:
    """Make the rule that land inside a kind of line is in breach."""
    return Rule(check, KINDS[kind].name, f"control_lines.{kind}", partial(of_kind, kind, "breach"), "pass", kind)


def outside(check: str, kind: str) -> Rule:
    """Make the rule that land outside a kind of line is in breach."""
    return Rule(check, KINDS[kind].name, f"control_lines.{kind}", partial(of_kind, kind, "pass"), "breach", kind)


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Measure the area of each plot inside each kind of line; overlapping lines of a kind count once."""
    valid = features[valid_on(features, ask.on)]
    return pd.DataFrame(
        {
            f"{kind}_area": area_inside(plots.geometry.to_numpy(), valid.geometry[valid["kind"] == kind].to_numpy())
            for kind in KINDS
        },
        index=plots.index,
    )


LAYER = Layer(
    name="control_lines",
    title=Text("Control lines", "控制线"),
    geometry="polygon",
    question=Text("How much of this land is protected or beyond the boundary?", "这块地有多少受保护或在边界之外?"),
    fields=(
        Field("kind", "text", Text("Kind", "类型"), codes=KINDS, required=True),
        Field("name", "text", Text("Name", "名称")),
        Field("document", "text", Text("Document", "文号")),
        *VALIDITY,
    ),
    kind="kind",
    rules=(
        inside("C01", "permanent_basic_farmland"),
        inside("C02", "ecological_redline"),
        outside("C03", "urban_development_boundary"),
        inside("C07", "farmland_protection_target"),
        inside("C07", "forest"),
        outside("C07", "industrial_control_line"),
        inside("C07", "flood_plain"),
    ),
    answers=tuple(
        Answer(Field(f"{kind}_area", "real", Text(f"Area in {code.name.en}", f"{code.name.zh}内面积"), unit="m2"), kind)
        for kind, code in KINDS.items()
    ),
    assess=assess,
    colour="#882255",
)
