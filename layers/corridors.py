"""Corridors: which protection zones of lines, roads, railways and dikes lie on the land, and until when?

The zone of an object reaches a distance of the standards from its edge: the outer conductor, the outer edge of the highway
land, the foot of the embankment, the outer edge of the dike's protection land. A polygon is bounded by that edge; a line is
the axis, and `edge_offset` leads from it to the edge. Where grade or edge are not recorded the zone surely reaches some
distance and possibly farther, and the land between is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.kinds import areal
from geo.partition import area_inside
from layers.base import NO_CLAIMS, SERVICE_LIFE, Answer, Ask, Claims, Field, Layer, Rule, Text, codes

KINDS = codes(
    ("overhead_line", "overhead power line", "架空电力线路", "#D55E00"),
    ("power_corridor", "planned power corridor", "规划高压走廊", "#E69F00"),
    ("buried_cable", "buried power cable", "地下电缆", "#CC6677"),
    ("oil_gas_pipeline", "oil or gas transmission pipeline", "油气长输管道", "#882255"),
    ("city_gas", "city gas pipe", "城镇燃气管道", "#F0E442"),
    ("highway", "highway", "公路", "#DDCC77"),
    ("railway", "railway", "铁路", "#666666"),
    ("high_speed_railway", "high-speed railway", "高速铁路", "#332288"),
    ("dike", "dike", "堤防", "#88CCEE"),
)
GRADES = codes(
    ("low", "low pressure", "低压"),
    ("medium", "medium pressure", "中压"),
    ("medium_b", "medium pressure B", "中压B"),
    ("medium_a", "medium pressure A", "中压A"),
    ("sub_high", "sub-high pressure", "次高压"),
    ("sub_high_b", "sub-high pressure B", "次高压B"),
    ("sub_high_a", "sub-high pressure A", "次高压A"),
    ("high", "high pressure", "高压"),
    ("expressway", "expressway", "高速公路"),
    ("national", "national highway", "国道"),
    ("provincial", "provincial highway", "省道"),
    ("county", "county highway", "县道"),
    ("township", "township highway", "乡道"),
    ("village_road", "village road", "村道"),
    ("urban", "railway in a city", "城市市区铁路"),
    ("suburb", "railway in a suburb", "城市郊区铁路"),
    ("village", "railway in a village", "村镇居民居住区铁路"),
    ("other", "railway elsewhere", "其他地区铁路"),
    ("river_side", "river side of a dike", "临河侧"),
    ("land_side", "land side of a dike", "背河侧"),
)
ARC = 32
"""Segments of a quarter circle: a zone of 50 m is drawn at most 2 cm too small at a bend."""

Metres = NDArray[np.float64]


class Zone(NamedTuple):
    """How far the zones of objects reach from their edge, surely and possibly; shape (n,) [m]."""

    sure: Metres
    possible: Metres


Measure = Callable[[gpd.GeoDataFrame, Ask], Zone]


def told(distance: Metres, largest: float | Metres) -> Zone:
    """Take a distance as it is; where nobody can say (NaN) the zone possibly reaches `largest`."""
    unknown = np.isnan(distance)
    return Zone(np.where(unknown, 0.0, distance), np.where(unknown, largest, distance))


def banded(voltage: Metres, table: Iterable[Mapping[str, float]], column: str) -> Metres:
    """Look voltages [kV] up in a table of bands; NaN where no band holds them. Of two bands the later counts."""
    found = np.full(len(voltage), np.nan)
    for row in table:
        found[(voltage >= row["from_kv"]) & (voltage <= row["to_kv"])] = row[column]
    return found


def graded(features: gpd.GeoDataFrame, table: Mapping[str, float]) -> Zone:
    """Look grades up; one that the table does not name possibly has the largest distance of all."""
    grade, distance = features["grade"].to_numpy(object), np.full(len(features), np.nan)
    for name, metres in table.items():
        distance[grade == name] = metres
    return told(distance, max(table.values()))


def overhead(features: gpd.GeoDataFrame, ask: Ask) -> Zone:
    """Measure from the outer conductor (电力设施保护条例 第10条).

    In built-up areas the zone may be smaller, down to the swing at the greatest wind and the clearance of buildings; it is,
    where the swing is recorded. Below 1 kV there is that clearance only. A voltage beyond the table is unknown.
    """
    voltage = features["voltage"].to_numpy(float)
    table = ask.standards["corridors.overhead_line"]
    clearance = banded(voltage, ask.standards["corridors.overhead_clearance"], "distance")
    swing = features["swing"].to_numpy(float)
    dense = pd.array(features["built_up"].to_numpy(object), "boolean").to_numpy(bool, na_value=False)
    distance = np.where(dense & ~np.isnan(swing), swing + clearance, banded(voltage, table, "distance"))
    distance = np.where(voltage < 1, clearance + np.nan_to_num(swing), distance)
    widest = banded(voltage, ask.standards["corridors.power_corridor_width"], "max") / 2
    return told(distance, np.fmax(widest, max(row["distance"] for row in table)))


def reserved(features: gpd.GeoDataFrame, ask: Ask) -> Zone:
    """Measure a planned corridor from its axis: between half the least and half the greatest width of its voltage.

    Where the plan drew an area or an `edge_offset`, that is the corridor and nothing is added.
    """
    table = ask.standards["corridors.power_corridor_width"]
    voltage = features["voltage"].to_numpy(float)
    least, most = (banded(voltage, table, column) / 2 for column in ("min", "max"))
    drawn = is_area(features) | ~np.isnan(features["edge_offset"].to_numpy(float))
    most = np.where(np.isnan(most), max(row["max"] for row in table) / 2, most)
    return Zone(np.where(drawn, 0.0, np.nan_to_num(least)), np.where(drawn, 0.0, most))


def alike(standard: str, features: gpd.GeoDataFrame, ask: Ask) -> Zone:
    """Measure objects of one distance, whatever their grade."""
    distance = np.full(len(features), float(ask.standards[standard]))
    return Zone(distance, distance)


def listed(standard: str, features: gpd.GeoDataFrame, ask: Ask) -> Zone:
    """Measure objects by a standard that names their grades."""
    return graded(features, ask.standards[standard])


def roadside(features: gpd.GeoDataFrame, ask: Ask) -> Zone:
    """Measure from the outer edge of the highway land; village roads by the rule of Jinan."""
    return graded(features, {**ask.standards["corridors.highway"], "village_road": ask.standards["corridors.village_road"]})


def gas(standard: str, column: str, features: gpd.GeoDataFrame, ask: Ask) -> Zone:
    """Measure from a city gas pipe by its pressure class.

    Where a table has only the whole class (medium) it holds for both halves (medium_a, medium_b), and where it has only the
    halves the whole class gets the larger distance.
    """
    table: dict[str, float] = {}
    for row in ask.standards[standard]:
        whole = row["pressure"].removesuffix("_a").removesuffix("_b")
        table[row["pressure"]] = row[column]
        table[whole] = max(table.get(whole, 0.0), row[column])
    for half in GRADES:
        table.setdefault(half, table.get(half.removesuffix("_a").removesuffix("_b"), np.nan))
    known = {name: distance for name, distance in table.items() if distance == distance}
    return graded(features, known)


MEASURES: Mapping[str, Measure] = {
    "overhead_line": overhead,
    "power_corridor": reserved,
    "buried_cable": partial(alike, "corridors.buried_power_cable"),
    "oil_gas_pipeline": partial(alike, "corridors.pipeline_no_building"),
    "city_gas": partial(gas, "corridors.city_gas", "protection"),
    "highway": roadside,
    "railway": partial(listed, "corridors.railway"),
    "high_speed_railway": partial(listed, "corridors.railway_high_speed"),
    "dike": partial(listed, "corridors.yellow_river_dike"),
}


def is_area(features: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Tell which objects are drawn as areas."""
    return areal(features.geometry.to_numpy())


def edged(zone: Zone, kind: str, features: gpd.GeoDataFrame, ask: Ask) -> Zone:
    """Measure a zone from the drawn geometry instead of the edge; a missing offset may be as large as the standard says."""
    offset = np.where(is_area(features), 0.0, features["edge_offset"].to_numpy(float))
    most = float(ask.standards["corridors.edge_offset_max"].get(kind, 0.0))
    return Zone(zone.sure + np.nan_to_num(offset), zone.possible + np.where(np.isnan(offset), most, offset))


def standing(features: gpd.GeoDataFrame, ask: Ask) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which objects stand on the day, and of which nobody can say; shape (n,) each.

    What was surveyed stands, with or without a status, until it is retired or relocated. What is planned stands from its
    date on; without one, or when it had passed unfulfilled at the time of the knowledge, nobody can say. A planned corridor
    reserves its land from the start.
    """
    on, status, kind = np.datetime64(ask.on, "s"), features["status"].to_numpy(object), features["kind"].to_numpy(object)
    begins, ends, moved = (features[name].to_numpy("datetime64[s]") for name in ("in_service_from", "retired_on", "relocated_on"))
    plan = kind == "power_corridor"
    coming = np.isin(status, ("planned", "under_construction")) & ~plan
    gone = (ends <= on) | (moved <= on) | ((status == "retired") & np.isnat(ends))
    there = ~(gone | ((begins > on) & ~plan))
    doubtful = coming & (np.isnat(begins) | (begins <= np.datetime64(ask.known, "s")))
    return there & ~doubtful, there & doubtful


def zones(measure: Measure, kind: str, features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the zones of one kind that are in force on the day: sure ones are in breach, possible ones unknown (C13).

    An object that is relocated on a later day is claimed until then. Time and memory grow with the vertices of the objects.
    """
    mine = features["kind"].to_numpy(object) == kind
    if not mine.any():
        return NO_CLAIMS
    zone = edged(measure(features, ask), kind, features, ask)
    there, doubtful = (mine & stands for stands in standing(features, ask))
    sure, possible = np.flatnonzero(there), np.flatnonzero(doubtful | (there & (zone.possible > zone.sure)))
    at, distance = np.r_[sure, possible], np.r_[zone.sure[sure], zone.possible[possible]]
    shapes = shapely.buffer(features.geometry.to_numpy()[at], distance, quad_segs=ARC)
    outcomes = np.repeat(np.array(["breach", "unknown"], object), [len(sure), len(possible)])
    drawn = shapely.area(shapes) > 0
    return Claims(shapes[drawn], features["id"].to_numpy(object)[at][drawn], outcomes[drawn])


def relocating(features: gpd.GeoDataFrame, ask: Ask) -> Claims:
    """Claim the zones that are lifted by relocations which had not happened yet when the land was known (C13: warn)."""
    moved = features["relocated_on"].to_numpy("datetime64[s]")
    due = (moved > np.datetime64(ask.known, "s")) & (moved <= np.datetime64(ask.on, "s"))
    if not due.any():
        return NO_CLAIMS
    awaited = features[due].assign(relocated_on=pd.NaT)
    found = [zones(measure, kind, awaited, ask) for kind, measure in MEASURES.items()]
    shapes, objects = np.concatenate([c.shapes for c in found]), np.concatenate([c.objects for c in found])
    return Claims(shapes, objects, np.full(len(shapes), "breach", object))


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Measure the area of each plot that is surely in the zones of each kind on the day; zones of a kind count once."""
    areas = {}
    for kind, measure in MEASURES.items():
        claims = zones(measure, kind, features, ask)
        areas[f"{kind}_area"] = area_inside(plots.geometry.to_numpy(), claims.shapes[claims.outcomes == "breach"])
    return pd.DataFrame(areas, index=plots.index)


def rule(title: Text, severity: str, kind: str, measure: Measure) -> Rule:
    """Make the rule of one zone of one kind."""
    return Rule("C13", title, f"corridors.{severity}", partial(zones, measure, kind), kind=kind)


def titled(kind: str) -> Text:
    """Name the zone of a kind."""
    name = KINDS[kind].name
    return Text(f"zone of the {name.en}", f"{name.zh}保护区")


LAYER = Layer(
    name="corridors",
    title=Text("Corridors", "廊道与保护区"),
    geometry="any",
    question=Text("Which protection zones lie on this land?", "这块地在哪些保护区范围内?"),
    fields=(
        Field("kind", "text", Text("Kind", "类型"), codes=KINDS, required=True),
        Field("grade", "text", Text("Grade", "等级"), codes=GRADES, meaning="pressure class, class of highway, place, side"),
        Field("voltage", "real", Text("Voltage", "电压"), unit="kV"),
        Field("edge_offset", "real", Text("Axis to edge", "中心线至边缘"), unit="m", meaning="to the edge that the law names"),
        Field("built_up", "flag", Text("In a built-up area", "位于建成区"), meaning="overhead lines only"),
        Field("swing", "real", Text("Swing at the greatest wind", "最大风偏水平距离"), unit="m", meaning="overhead lines only"),
        Field("name", "text", Text("Name", "名称")),
        Field("owner", "text", Text("Operator", "权属单位")),
        *SERVICE_LIFE,
        Field("relocated_on", "date", Text("Relocated on", "迁改日期"), meaning="first day without the object and its zone"),
    ),
    kind="kind",
    rules=(
        *(rule(titled(kind), f"inside_{kind}", kind, measure) for kind, measure in MEASURES.items()),
        rule(
            Text("Buildings beside a gas pipe", "燃气管道与建筑物净距"), "near_gas", "city_gas",
            partial(gas, "corridors.gas_to_building", "distance"),
        ),
        rule(
            Text("Control zone of a gas pipe", "燃气管道控制范围"), "gas_control", "city_gas",
            partial(gas, "corridors.city_gas", "control"),
        ),
        Rule("C13", Text("Relocation to come", "待迁改"), "corridors.relocating", relocating),
    ),
    answers=tuple(
        Answer(Field(f"{kind}_area", "real", Text(f"Area in the {titled(kind).en}", f"{titled(kind).zh}内面积"), unit="m2"), kind)
        for kind in KINDS
    ),
    assess=assess,
    colour="#E69F00",
)  # fmt: skip
