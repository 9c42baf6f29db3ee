"""The contract of a layer, over all layers of the catalogue."""

from __future__ import annotations

import re
from datetime import date
from typing import get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from layers.base import PANDAS, Ask, Code, DType, Field, Layer, Rule, empty, names
from layers.catalogue import LAYERS
from layers.standards import Standards

CRS = "EPSG:4548"
DAY = date(2026, 1, 1)
VECTOR = [layer for layer in LAYERS.values() if layer.assess is not None and layer.geometry != "raster"]
RULES = [(layer, rule) for layer in LAYERS.values() for rule in layer.rules]
each_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
each_vector = pytest.mark.parametrize("layer", VECTOR, ids=lambda layer: layer.name)
each_rule = pytest.mark.parametrize(("layer", "rule"), RULES, ids=[f"{rule.id}-{rule.severity}" for _, rule in RULES])
SNAKE = re.compile(r"[a-z][a-z0-9_]*")
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def ask() -> Ask:
    return Ask(DAY, Standards.load().on(DAY), DAY, "100102")


@pytest.fixture
def plots() -> gpd.GeoDataFrame:
    shapes = shapely.box([0.0, 100.0, 50.0], [0.0, 0.0, 50.0], [40.0, 160.0, 60.0], [40.0, 60.0, 60.0])
    return gpd.GeoDataFrame({"id": ["b", "a", "c"]}, geometry=shapes, crs=CRS, index=pd.Index([7, 3, 5], name="plot"))


def one(layer: Layer) -> gpd.GeoDataFrame:
    """Make one feature that lies on the plots and of which nothing but what is required is known."""
    frame = empty(layer, CRS)
    row = {f.name: (next(iter(f.codes)) if f.codes else "1") if f.required else None for f in layer.columns}
    data = {f.name: pd.Series([row[f.name]], dtype=PANDAS[f.dtype]) for f in layer.columns}
    shape = shapely.LineString([(-10, 20), (200, 20)]) if layer.geometry == "line" else shapely.box(-10, -10, 30, 30)
    return gpd.GeoDataFrame(data, geometry=[shape], crs=frame.crs)


def spoken(layer: Layer) -> list[Field]:
    return [*layer.columns, *(a.field for a in layer.answers)]


@each_layer
def test_a_layer_is_named_like_its_module_and_asks_in_both_languages(layer: Layer) -> None:
    assert LAYERS[layer.name] is layer
    assert layer.question.en.endswith("?")
    assert CHINESE.search(layer.question.zh)
    assert layer.question.zh.endswith(("?", "?"))


@each_layer
def test_every_field_has_a_name_a_type_and_a_title_in_both_languages(layer: Layer) -> None:
    for field in spoken(layer):
        assert SNAKE.fullmatch(field.name), field
        assert field.dtype in get_args(DType), field
        assert field.title.en, field
        assert CHINESE.search(field.title.zh), field


@each_layer
def test_no_two_fields_share_a_name(layer: Layer) -> None:
    for fields in (names(layer.columns), names(a.field for a in layer.answers)):
        assert len(fields) == len(set(fields))


@each_layer
def test_a_real_has_a_unit_or_says_where_it_stands(layer: Layer) -> None:
    assert [f.name for f in spoken(layer) if f.dtype == "real" and not f.unit and not f.meaning] == []


@each_layer
def test_code_lists_are_keyed_by_value_and_named_in_both_languages(layer: Layer) -> None:
    for field in spoken(layer):
        for value, code in (field.codes or {}).items():
            assert isinstance(code, Code)
            assert code.value == value
            assert code.name.en, code
            assert CHINESE.search(code.name.zh), code
            assert not code.colour or re.fullmatch("#[0-9A-Fa-f]{6}", code.colour), code


@each_layer
def test_the_kinds_of_rules_and_answers_are_kinds_of_the_layer(layer: Layer) -> None:
    kinds = {None} if layer.kind is None else {None, *(layer.field(layer.kind).codes or ())}
    assert {rule.kind for rule in layer.rules} | {answer.kind for answer in layer.answers} <= kinds


@each_vector
@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("kept", [[], [0, 1, 2], [2, 0]])
def test_an_assessment_has_the_declared_columns_and_the_index_of_the_plots(
    layer: Layer, count: int, kept: list[int], plots: gpd.GeoDataFrame, ask: Ask
) -> None:
    asked = plots.iloc[kept]
    features = one(layer).iloc[:count]
    before = asked.copy(), features.copy()
    assert layer.assess is not None
    answer = layer.assess(asked, features, ask)
    assert list(answer.columns) == names(a.field for a in layer.answers)
    pd.testing.assert_index_equal(answer.index, asked.index)
    pd.testing.assert_frame_equal(asked, before[0])
    pd.testing.assert_frame_equal(features, before[1])


@each_vector
@pytest.mark.parametrize("count", [0, 1])
def test_an_assessment_has_the_declared_types_and_codes(layer: Layer, count: int, plots: gpd.GeoDataFrame, ask: Ask) -> None:
    assert layer.assess is not None
    answer = layer.assess(plots, one(layer).iloc[:count], ask)
    for field in (a.field for a in layer.answers):
        column = answer[field.name]
        kind = {
            "text": pd.api.types.is_string_dtype,
            "real": pd.api.types.is_float_dtype,
            "integer": pd.api.types.is_integer_dtype,
            "date": pd.api.types.is_datetime64_any_dtype,
            "flag": pd.api.types.is_bool_dtype,
        }[field.dtype]
        assert kind(column), f"{field.name} is {column.dtype}"
        assert set(column.dropna()) <= set(field.codes or column.dropna()), field.name


@each_vector
def test_the_order_of_the_plots_does_not_change_their_answers(layer: Layer, plots: gpd.GeoDataFrame, ask: Ask) -> None:
    assert layer.assess is not None
    straight = layer.assess(plots, one(layer), ask)
    turned = layer.assess(plots.iloc[::-1], one(layer), ask)
    pd.testing.assert_frame_equal(turned.loc[plots.index], straight)


@each_rule
@pytest.mark.parametrize("count", [0, 1])
def test_claims_name_their_object_and_one_of_three_outcomes(layer: Layer, rule: Rule, count: int, ask: Ask) -> None:
    features = one(layer).iloc[:count]
    claims = rule.claims(features, ask)
    assert len(claims.shapes) == len(claims.objects) == len(claims.outcomes)
    assert set(claims.outcomes) <= {"pass", "breach", "unknown"}
    assert set(claims.objects) <= set(features["id"])
    assert np.all(shapely.area(claims.shapes) > 0)


@each_rule
def test_rules_have_a_number_a_title_in_both_languages_and_a_severity_of_their_layer(layer: Layer, rule: Rule) -> None:
    assert re.fullmatch(r"C\d\d", rule.id)
    assert rule.title.en
    assert CHINESE.search(rule.title.zh)
    assert rule.severity.startswith(f"{layer.name}.")
    assert rule.elsewhere in ("pass", "breach", "unknown")
