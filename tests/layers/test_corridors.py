"""Protection zones: the situations of tests/cases/corridors.yaml, and what holds of all zones."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import yaml

from layers.base import PANDAS, Ask, Edition, Survey, ask_layer, empty, names
from layers.corridors import ARC, GRADES, KINDS, LAYER, MEASURES
from layers.plan.supply import asked, judge
from layers.standards import Standards

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/corridors.yaml").read_text("utf-8"))
CRS, TODAY, X, Y = "EPSG:4548", date(2026, 6, 30), 500_000.0, 4_077_000.0
WORLD = shapely.box(X - 1000, Y - 1000, X + 99_000, Y + 1000)
STANDARDS = Standards.load()


def ask(on: date = TODAY) -> Ask:
    return Ask(on, STANDARDS.on(on), TODAY)


def objects(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    data = {}
    for field in LAYER.columns:
        values = [row.get(field.name) for row in rows]
        days = [pd.Timestamp(v) if v else pd.NaT for v in values] if field.dtype == "date" else values
        data[field.name] = pd.Series(days, dtype=PANDAS[field.dtype])
    return gpd.GeoDataFrame(data, geometry=[row["geometry"] for row in rows], crs=CRS)


def axis(area: bool = False, east: float = 0) -> shapely.Geometry:
    x = X + east
    return shapely.box(x - 20, Y - 100, x, Y + 100) if area else shapely.LineString([(x, Y - 100), (x, Y + 100)])


def plot(metres: float, east: float = 0) -> shapely.Geometry:
    return shapely.box(X + east + metres, Y, X + east + metres + 10, Y + 10)


def frame(*shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"id": [f"P{n}" for n in range(len(shapes))]}, geometry=list(shapes), crs=CRS)


@lru_cache
def found() -> dict[str, dict[str, str]]:
    """Ask all rules about the plots of all cases, each a kilometre from the next; what does not pass."""
    answer: dict[str, dict[str, str]] = {}
    mine = {k: rule.rule.severity.removeprefix("corridors.") for k, rule in enumerate(asked()) if rule.layer is LAYER}
    cases = [case for cases in CASES.values() for case in cases]
    for (day, absent), group in groupby(sorted(cases, key=terms), terms):
        some = list(group)
        features = objects(
            *({"id": c["case"], "geometry": axis(c.get("area", False), 1000 * n), **c["object"]} for n, c in enumerate(some))
        )
        kinds = tuple(kind for kind in KINDS if kind not in absent)
        survey = Survey(features, (Edition("e", "corridors", "test", TODAY, WORLD, kinds),))
        plots = frame(*(plot(c["metres"], 1000 * n) for n, c in enumerate(some)))
        checks = judge(plots, {"corridors": survey}, ask(day)).checks
        checks = checks[(checks["severity"] != "pass") & checks["rule"].isin(list(mine))]
        answer |= {c["case"]: {} for c in some}
        for n, k, severity in zip(checks["plot"], checks["rule"], checks["severity"], strict=True):
            answer[some[n]["case"]][mine[k]] = severity
    return answer


def terms(case: dict[str, Any]) -> tuple[date, tuple[str, ...]]:
    return case.get("day", TODAY), tuple(case.get("not_surveyed", ()))


@pytest.mark.parametrize("case", [pytest.param(c, id=c["case"]) for cases in CASES.values() for c in cases])
def test_situation(case: dict[str, Any]) -> None:
    assert set(case) <= {"case", "object", "metres", "finds", "area", "day", "not_surveyed"}
    assert found()[case["case"]] == case["finds"]


def test_no_two_situations_are_told_in_the_same_words() -> None:
    assert len(found()) == sum(map(len, CASES.values()))


def test_every_kind_and_every_grade_of_the_table_has_a_situation() -> None:
    told = [case["object"] for cases in CASES.values() for case in cases]
    assert {o["kind"] for o in told} == set(KINDS) == set(MEASURES)
    assert set(GRADES) == {o.get("grade") for o in told} - {None}


def test_an_object_that_will_be_relocated_is_named_until_then() -> None:
    line = {"id": "梓堤线", "kind": "overhead_line", "voltage": 10.0, "relocated_on": "2027-03-01", "geometry": axis()}
    rule = LAYER.rules[0]
    assert set(rule.claims(objects(line), ask()).objects) == {"梓堤线"}
    assert not len(rule.claims(objects(line), ask(date(2027, 3, 1))).shapes)


def test_areas_count_zones_of_a_kind_once_and_are_unknown_where_nobody_surveyed() -> None:
    pipe = {"id": "a", "kind": "oil_gas_pipeline", "geometry": axis()}
    kinds = tuple(kind for kind in KINDS if kind != "dike")
    survey = Survey(objects(pipe, {**pipe, "id": "b"}), (Edition("e", "corridors", "test", TODAY, WORLD, kinds),))
    answer = ask_layer(LAYER, frame(plot(0)), survey, ask()).iloc[0]
    assert answer["oil_gas_pipeline_area"] == pytest.approx(50)
    assert answer["highway_area"] == 0
    assert pd.isna(answer["dike_area"])


def test_many_objects_get_the_zones_that_each_gets_alone() -> None:
    rows = [
        {"id": f"{k}", "geometry": shapely.affinity.translate(axis(case.get("area", False)), k), **case["object"]}
        for k, case in enumerate(c for cases in CASES.values() for c in cases)
    ]
    every = objects(*rows)
    for rule in LAYER.rules[::3]:
        together = rule.claims(every, ask())
        apart = [rule.claims(every.iloc[[k]], ask()) for k in range(len(rows))]
        told = {(o, c): s for s, o, c in zip(*together, strict=True)}
        alone = {(o, c): s for claims in apart for s, o, c in zip(*claims, strict=True)}
        assert told.keys() == alone.keys()
        assert all(shapely.equals_exact(told[key], alone[key]) for key in told)


def test_a_zone_is_drawn_at_most_two_centimetres_in_fifty_metres_too_small() -> None:
    assert 50 * (1 - np.cos(np.pi / 4 / ARC)) < 0.02


def test_no_objects_give_no_claims() -> None:
    nothing = empty(LAYER, CRS)
    for rule in LAYER.rules:
        assert not len(rule.claims(nothing, ask()).shapes)
    assert LAYER.assess is not None
    assert list(LAYER.assess(frame(plot(0)), nothing, ask()).columns) == names(a.field for a in LAYER.answers)
