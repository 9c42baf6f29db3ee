"""Levelling: closed formulas, unknown where heights are missing, one site through the store."""

from contextlib import closing
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.raster import Grid
from layers.around import land_around
from layers.assessment import question
from layers.base import Ask, Edition, Survey, names
from layers.plan.levelling import FIELDS, earthwork, levelling
from layers.plan.sheet import sheet
from layers.standards import Standards
from layers.store import create_store
from layers.store.base import Change

CRS = "EPSG:4548"
DAY = date(2026, 11, 22)
X, Y = 500_000.0, 4_077_000.0
BOOK = Standards.load().on(DAY)
ASK = Ask(DAY, BOOK, DAY)
BULKING = BOOK["terrain.bulking"]


def raster(height, left=0.0, cell=1.0, size=100):
    """Sample height(x, y) on size x size cells from (left, 0) of the origin."""
    at = (np.arange(size) + 0.5) * cell
    x, y = np.meshgrid(left + at, at[::-1])
    values = np.broadcast_to(height(x, y), x.shape).astype(np.float32)
    return Grid(values, Affine(cell, 0, X + left, 0, -cell, Y + size * cell), CRS)


WORLD = shapely.box(X - 1000, Y - 1000, X + 1000, Y + 1000)


def terrain(*grids, coverage=WORLD):
    data = {"id": [str(k) for k in range(len(grids))], "edition": "dem", "grid": list(grids)}
    frame = gpd.GeoDataFrame(data, geometry=[shapely.box(*g.bounds) for g in grids], crs=CRS)
    return Survey(frame, (Edition("dem", "terrain", "test", DAY, coverage),))


def plots(*shapes):
    ids = [f"p{k}" for k in range(len(shapes))]
    moved = [shapely.transform(s, lambda xy: np.add(xy, (X, Y))) for s in shapes]
    return gpd.GeoDataFrame({"id": ids}, geometry=moved, crs=CRS, index=ids)


SQUARE = shapely.box(10, 10, 90, 90)


def test_a_plane_to_a_given_level_equals_the_formula():
    row = earthwork(plots(SQUARE), terrain(raster(lambda x, y: 20 + 0.05 * x)), ASK, level=22.5).iloc[0]
    wedge = 0.05 * 40**2 / 2 * 80
    assert row[["cut", "fill", "net"]].tolist() == pytest.approx([wedge, wedge, wedge * (BULKING - 1)], rel=1e-5)
    assert row[["level", "depth", "above"]].tolist() == pytest.approx([22.5, 2 * wedge / 80**2, 0.5], rel=1e-5)
    assert row["earthwork"]


def test_a_plane_balances_where_bulked_cut_equals_fill():
    row = earthwork(plots(SQUARE), terrain(raster(lambda x, y: 20 + 0.05 * x, cell=0.25, size=400)), ASK).iloc[0]
    # cut and fill are wedges: bulking * (80 - d)^2 = d^2 at d from the low side
    d = 80 * np.sqrt(BULKING) / (1 + np.sqrt(BULKING))
    assert row["level"] == pytest.approx(20 + 0.05 * (10 + d), abs=1e-5)
    assert row["fill"] == pytest.approx(0.05 * d**2 / 2 * 80, rel=1e-4)
    assert row["cut"] * BULKING == pytest.approx(row["fill"], rel=1e-9)
    assert row["net"] == pytest.approx(0, abs=1e-6)


def test_a_cone_equals_the_formula():
    disc = shapely.Point(50, 50).buffer(40, quad_segs=128)
    cone = raster(lambda x, y: 40 - np.hypot(x - 50, y - 50), cell=0.25, size=400)
    row = earthwork(plots(disc), terrain(cone), ASK, level=16.0).iloc[0]
    assert row["cut"] == pytest.approx(np.pi * 24**3 / 3, rel=1e-3)
    assert row["fill"] == pytest.approx(2 * np.pi * ((40**3 - 24**3) / 3 - 12 * (40**2 - 24**2)), rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02), st.floats(-300, 300))
def test_levelling_follows_the_land_up_and_down(east, north, lift):
    frame = plots(SQUARE, shapely.box(5, 5, 30, 90))
    low = earthwork(frame, terrain(raster(lambda x, y: east * x + north * y)), ASK)
    high = earthwork(frame, terrain(raster(lambda x, y: lift + east * x + north * y)), ASK)
    assert (high["level"] - low["level"]).tolist() == pytest.approx([lift] * 2, abs=1e-3)
    assert (high["cut"] - low["cut"]).tolist() == pytest.approx([0] * 2, abs=1e-3 * 6400)


@pytest.mark.parametrize(("slope", "deep"), [(0.014, False), (0.016, True)])
def test_a_mean_depth_beyond_30_cm_is_earthwork(slope, deep):
    # a plane over 80 m is moved by slope * 80 / 4 on average, about 0.28 m and 0.32 m
    row = earthwork(plots(SQUARE), terrain(raster(lambda x, y: slope * x)), ASK).iloc[0]
    assert row["depth"] == pytest.approx(slope * 20, rel=1e-2)
    assert row["earthwork"] == deep


def test_land_without_heights_is_unknown_and_spoils_no_other_plot():
    holed = raster(lambda x, y: np.where((x > 20) & (x < 22) & (y > 20) & (y < 22), np.nan, x / 50))
    frame = plots(
        shapely.box(10, 10, 40, 40), shapely.box(50, 10, 90, 40), shapely.box(80, 10, 120, 40), shapely.box(900, 0, 950, 50)
    )
    got = earthwork(frame, terrain(holed), ASK)
    assert list(got.columns) == names(FIELDS)
    assert got.loc[["p0", "p2", "p3"]].isna().all(axis=None)
    assert got.loc["p1"].notna().all()
    assert got["earthwork"].dtype == "boolean"
    kept = earthwork(frame, terrain(holed), ASK, level=[1.0, 2.0, 3.0, 4.0])
    assert kept["level"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert kept["cut"].isna().tolist() == [True, False, True, True]


def test_heights_outside_what_was_surveyed_are_unknown():
    half = shapely.box(X, Y, X + 60, Y + 100)
    frame = plots(shapely.box(10, 10, 40, 40), shapely.box(50, 10, 90, 40))
    got = earthwork(frame, terrain(raster(lambda x, y: x / 50), coverage=half), ASK)
    assert got["cut"].isna().tolist() == [False, True]


def test_a_plot_on_two_rasters_is_unknown_unless_one_holds_it():
    west, east = raster(lambda x, y: x / 50), raster(lambda x, y: x / 50, left=100)
    across = shapely.box(80, 10, 120, 40)
    frame = plots(across, shapely.box(10, 10, 40, 40), shapely.box(110, 10, 140, 40))
    assert earthwork(frame, terrain(west, east), ASK)["cut"].isna().tolist() == [True, False, False]
    middle = raster(lambda x, y: x / 50, left=50)
    joined = earthwork(frame, terrain(west, east, middle), ASK)
    assert joined.notna().all(axis=None)
    assert joined.loc["p0"].equals(earthwork(plots(across), terrain(middle), ASK).loc["p0"])


def test_no_terrain_is_unknown_never_level():
    nothing = levelling(plots(SQUARE), terrain(), ASK, level=20.0)
    assert (nothing.level, nothing.cut, nothing.earthwork, nothing.balanced) == (20.0, None, None, False)
    assert len(earthwork(plots(SQUARE).iloc[:0], terrain(raster(lambda x, y: x)), ASK)) == 0


@pytest.fixture(params=["gpkg", "postgis"])
def store(request, tmp_path):
    if request.param == "postgis":
        with request.getfixturevalue("postgres").database() as url, closing(create_store(url, CRS)) as made:
            yield made
        return
    with closing(create_store(tmp_path / "land.gpkg", CRS)) as made:
        yield made


def test_the_stores_window_levels_as_the_whole_raster_does(store):
    hills = raster(lambda x, y: 30 + 3 * np.sin(x / 90) * np.cos(y / 70), size=1000)
    whole = terrain(hills)
    store.add(whole.editions[0], whole.features[["id", "grid", "geometry"]], Change("t"))
    frame = plots(shapely.Point(700, 400).buffer(50))
    land = land_around(store, tuple(frame.total_bounds.tolist()), {}, layers=["terrain"])
    assert land["terrain"].features["grid"].iloc[0].values.size < hills.values.size / 1.5
    ask = question(Standards.load(), DAY, None, None)
    pd.testing.assert_frame_equal(earthwork(frame, land["terrain"], ask), earthwork(frame, whole, ask))


@pytest.mark.parametrize(
    ("slope", "severity", "told"),
    [
        (0.0, "pass", "mean depth 0.00 m, earthwork beyond 0.3 m; 0.0% steeper than 10%"),
        (0.05, "warn", "mean depth 1.00 m, earthwork beyond 0.3 m; 0.0% steeper than 10%"),
        (0.12, "warn", "mean depth 2.40 m, earthwork beyond 0.3 m; 100.0% steeper than 10%"),
    ],
)
def test_a_sheet_tells_what_levelling_takes_and_nothing_where_nobody_measured(slope, severity, told):
    def lines(land):
        return [x for x in sheet(plots(SQUARE), land, ASK).lines if x.id == "C15" and x.title.en == "Levelling"]

    (line,) = lines({"terrain": terrain(raster(lambda x, y: 20 + slope * x))})
    assert (line.severity, line.detail.en) == (severity, told)
    assert "米" in line.detail.zh
    assert lines({}) == []
