"""The verdict: three answers, exact areas, the worst claim decides."""

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.base import Ask, Edition, Survey, empty
from layers.catalogue import LAYERS
from layers.plan.supply import asked, judge
from layers.standards import Standards

CRS = "EPSG:4548"
DAY = date(2026, 11, 22)
X, Y = 500_000.0, 4_077_000.0
WORLD = shapely.box(X - 1000, Y - 1000, X + 1000, Y + 1000)


def square(x: float, y: float, side: float) -> shapely.Geometry:
    return shapely.box(X + x, Y + y, X + x + side, Y + y + side)


def frame(layer: str, shapes: list[shapely.Geometry], **columns: object) -> gpd.GeoDataFrame:
    given_ = gpd.GeoDataFrame({"id": [f"{layer}-{n}" for n in range(len(shapes))], **columns}, geometry=shapes, crs=CRS)
    blank = empty(LAYERS[layer], CRS)
    whole = given_.reindex(columns=blank.columns)
    return gpd.GeoDataFrame(
        whole.astype({c: t for c, t in blank.dtypes.items() if c != "geometry"}), geometry="geometry", crs=CRS
    )


def survey(
    layer: str, shapes: tuple[shapely.Geometry, ...] | list[shapely.Geometry] = (), coverage=WORLD, **columns: object
) -> Survey:
    kinds = tuple(LAYERS[layer].field("kind").codes) if LAYERS[layer].kind else ()
    return Survey(frame(layer, list(shapes), **columns), (Edition("e", layer, "test", DAY, coverage, kinds),))


def good_land() -> dict[str, Survey]:
    """Make land on which everything is allowed."""
    return {
        "parcels": survey("parcels", [WORLD], status="ready", ownership="state"),
        "zoning": survey("zoning", [WORLD], code_system="planning_2023", code="100102"),
        "control_lines": survey("control_lines", [WORLD, WORLD], kind=["urban_development_boundary", "industrial_control_line"]),
        "corridors": survey("corridors"),
        "development_areas": survey("development_areas", [WORLD], status="approved"),
        "land_use": survey("land_use", [WORLD], code_system="survey_gtdc", code="0601"),
        "roads": survey("roads"),
        "sites": survey("sites"),
    }


def ask(use: str | None = "100102") -> Ask:
    return Ask(DAY, Standards.load().on(DAY), DAY, use)


def plots(*shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"id": [f"P{n}" for n in range(len(shapes))]}, geometry=list(shapes), crs=CRS)


def test_land_without_any_constraint_is_free():
    answer = judge(plots(square(0, 0, 100)), good_land(), ask())
    assert answer.plots["verdict"].tolist() == ["free"]
    assert answer.plots["free_area"].tolist() == pytest.approx([10_000])


@pytest.mark.parametrize("layer", [name for name in LAYERS if LAYERS[name].rules])
def test_a_missing_layer_is_never_no_constraint(layer):
    land = good_land()
    del land[layer]
    answer = judge(plots(square(0, 0, 100)), land, ask())
    assert answer.plots["verdict"].tolist() == ["unknown"]
    assert answer.plots["unknown_area"].tolist() == pytest.approx([10_000])


def test_a_kind_that_nobody_surveyed_is_unknown_though_its_layer_is_there():
    land = good_land()
    e = land["control_lines"].editions[0]
    less = Edition("e", e.layer, e.source, e.date, e.coverage, tuple(k for k in e.kinds if k != "permanent_basic_farmland"))
    land["control_lines"] = Survey(land["control_lines"].features, (less,))
    assert judge(plots(square(0, 0, 100)), land, ask()).plots["verdict"].tolist() == ["unknown"]


def test_farmland_blocks_its_share_and_the_parts_add_up():
    land = good_land()
    lines = land["control_lines"]
    farm = frame("control_lines", [square(60, 0, 100)], kind="permanent_basic_farmland")
    land["control_lines"] = Survey(pd.concat([lines.features, farm]), lines.editions)
    answer = judge(plots(square(0, 0, 100)), land, ask())
    row = answer.plots.iloc[0]
    assert row["verdict"] == "blocked"
    assert row["reason"] == "C01:control_lines.permanent_basic_farmland"
    assert row["blocked_area"] == pytest.approx(4_000, abs=1e-6)
    assert row["free_area"] == pytest.approx(6_000, abs=1e-6)
    assert abs(row["residual"]) <= 1e-6


def test_a_find_outside_the_coverage_still_blocks():
    land = good_land()
    lines = land["control_lines"]
    nowhere = Edition("e", "control_lines", "test", DAY, None, lines.editions[0].kinds)
    farm = frame("control_lines", [square(0, 0, 50)], kind="permanent_basic_farmland")
    land["control_lines"] = Survey(pd.concat([lines.features, farm]), (nowhere,))
    row = judge(plots(square(0, 0, 100)), land, ask()).plots.iloc[0]
    assert row["verdict"] == "blocked"
    assert row["blocked_area"] == pytest.approx(2_500, abs=1e-6)
    assert row["unknown_area"] == pytest.approx(7_500, abs=1e-6)


def test_half_surveyed_land_is_half_unknown():
    land = good_land()
    land["roads"] = survey("roads", coverage=shapely.box(X - 1000, Y - 1000, X + 50, Y + 1000))
    row = judge(plots(square(0, 0, 100)), land, ask()).plots.iloc[0]
    assert (row["verdict"], row["unknown_area"]) == ("unknown", pytest.approx(5_000, abs=1e-6))


def test_a_drawing_sliver_is_no_overlap_but_many_slivers_are():
    land = good_land()
    lines = land["control_lines"]

    def with_farms(*farms: shapely.Geometry) -> dict[str, Survey]:
        more = frame("control_lines", list(farms), kind="permanent_basic_farmland")
        return {**land, "control_lines": Survey(pd.concat([lines.features, more]), lines.editions)}

    sliver = shapely.box(X - 10, Y, X + 0.008, Y + 100)
    assert judge(plots(square(0, 0, 100)), with_farms(sliver), ask()).plots["verdict"].tolist() == ["free"]
    other = shapely.box(X + 99.992, Y, X + 120, Y + 100)
    assert judge(plots(square(0, 0, 100)), with_farms(sliver, other), ask()).plots["verdict"].tolist() == ["blocked"]
    compact = shapely.box(X - 10, Y, X + 0.9, Y + 0.9)
    assert judge(plots(square(0, 0, 100)), with_farms(compact), ask()).plots["verdict"].tolist() == ["blocked"]


@pytest.mark.parametrize(
    ("code", "verdict"), [("1001", "free"), ("100102", "free"), ("070102", "blocked"), ("16", "unknown"), (None, "unknown")]
)
def test_the_planned_use_must_allow_the_asked_use(code, verdict):
    land = {**good_land(), "zoning": survey("zoning", [WORLD], code_system="planning_2023", code=code)}
    assert judge(plots(square(0, 0, 100)), land, ask()).plots["verdict"].tolist() == [verdict]


@pytest.mark.parametrize(("code", "verdict"), [("16", "unknown"), (None, "unknown"), ("070102", "free")])
def test_reserved_land_is_not_free_even_where_no_use_is_asked(code, verdict):
    land = {**good_land(), "zoning": survey("zoning", [WORLD], code_system="planning_2023", code=code)}
    assert judge(plots(square(0, 0, 100)), land, ask(None)).plots["verdict"].tolist() == [verdict]


def test_the_same_digits_in_another_code_system_are_unknown():
    land = {**good_land(), "zoning": survey("zoning", [WORLD], code_system="survey_gtdc", code="1001")}
    assert judge(plots(square(0, 0, 100)), land, ask()).plots["verdict"].tolist() == ["unknown"]


def test_a_site_is_not_in_its_own_way_but_in_anothers():
    land = {**good_land(), "sites": survey("sites", [square(0, 0, 100)])}
    mine = plots(square(0, 0, 100)).assign(id="sites-0")
    assert judge(mine, land, ask(), "sites").plots["verdict"].tolist() == ["free"]
    assert judge(plots(square(0, 0, 100)), land, ask(), "sites").plots["verdict"].tolist() == ["blocked"]


def test_every_rule_has_a_line_for_every_plot():
    answer = judge(plots(square(0, 0, 100), square(200, 0, 50)), good_land(), ask())
    assert len(answer.checks) == 2 * len(asked())
    assert answer.checks["severity"].isin(["pass", "warn", "unknown", "block"]).all()


boxes = st.lists(
    st.tuples(*(st.floats(-150, 150, allow_nan=False) for _ in range(2)), *(st.floats(5, 120) for _ in range(2))), max_size=5
)


@settings(max_examples=25, deadline=None)
@given(boxes, boxes)
def test_the_parts_of_any_plot_add_up_and_blocked_is_the_union(farms, reds):
    land = good_land()
    shapes = [shapely.box(X + a, Y + b, X + a + w, Y + b + h) for a, b, w, h in farms]
    more = [shapely.affinity.rotate(shapely.box(X + a, Y + b, X + a + w, Y + b + h), 31) for a, b, w, h in reds]
    lines = land["control_lines"]
    extra = frame(
        "control_lines", shapes + more, kind=["permanent_basic_farmland"] * len(shapes) + ["ecological_redline"] * len(more)
    )
    land["control_lines"] = Survey(pd.concat([lines.features, extra]) if len(extra) else lines.features, lines.editions)
    plot = shapely.affinity.rotate(square(0, 0, 100), 12)
    row = judge(plots(plot), land, ask()).plots.iloc[0]
    assert abs(row["residual"]) <= 1e-6
    assert row["blocked_area"] == pytest.approx(plot.intersection(shapely.union_all(shapes + more)).area, abs=2.0)
    assert np.isclose(row[["free_area", "warn_area", "unknown_area", "blocked_area"]].sum(), row["area"], atol=1e-6)
