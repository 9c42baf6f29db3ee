"""Ways from plots to roads and lines: never over another's plot, and unknown where nobody surveyed the parcels."""

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.around import MARGIN
from layers.base import PANDAS, Ask, Edition, Survey
from layers.catalogue import LAYERS
from layers.census import assess
from layers.plan.access import farthest
from layers.plan.readiness import readiness
from layers.standards import Standards
from layers.store.base import Change
from layers.store.memory import MemoryStore

CRS, TODAY = "EPSG:4548", date(2026, 6, 30)
X, Y = 500_000.0, 4_077_000.0
WORLD = shapely.box(X - 2000, Y - 2000, X + 4000, Y + 4000)
STANDARDS = Standards.load()
KINDS = tuple(LAYERS["utilities"].field("kind").codes)


def ask():
    return Ask(TODAY, STANDARDS.on(TODAY), TODAY)


def survey(layer, rows, coverage=WORLD):
    data = {}
    for field in LAYERS[layer].columns:
        values = [row.get(field.name) for row in rows]
        days = [pd.Timestamp(v) if v else pd.NaT for v in values] if field.dtype == "date" else values
        data[field.name] = pd.Series(days, dtype=PANDAS[field.dtype])
    frame = gpd.GeoDataFrame(data, geometry=[row["geometry"] for row in rows], crs=CRS)
    return Survey(frame, (Edition("e", layer, "t", TODAY, coverage, KINDS if layer == "utilities" else ()),))


def box(west, south, east, north, id="P", **facts):
    return {"id": id, "geometry": shapely.box(X + west, Y + south, X + east, Y + north), **facts}


def line(layer, *points, id="L", **facts):
    """A road 10 m wide, or a water main."""
    known = {"class": "local", "red_line_width": 10.0} if layer == "roads" else {"kind": "water", "role": "main", "dn": 400.0}
    shape = shapely.LineString([(X + x, Y + y) for x, y in points])
    return {"id": id, "geometry": shape, "status": "in_service", **known, **facts}


def asked(parcels, roads=(), mains=(), coverage=WORLD, plot="P"):
    """Ask about one of the parcels."""
    land = {
        "parcels": survey("parcels", parcels, coverage),
        "roads": survey("roads", list(roads)),
        "utilities": survey("utilities", list(mains)),
    }
    features = land["parcels"].features
    return readiness(features[features["id"] == plot].reset_index(drop=True), land, ask()).iloc[0]


STREET = line("roads", (-200, -5), (300, -5), id="R")
MAIN = line("utilities", (-200, -5), (300, -5), id="W")


def test_a_plot_on_the_street_has_frontage_and_the_roads_facts():
    row = asked([box(0, 0, 30, 40)], [STREET])
    assert (row["road_state"], row["road_line"], row["road_distance"]) == ("available", "R", 0)
    assert row["road_frontage"] == pytest.approx(30, abs=0.31)  # and of each side the tolerance
    assert (row["road_class"], row["road_width"]) == ("local", 10)


def test_frontage_counts_the_corner_once_and_only_roads_in_service():
    later = line("roads", (35, -5), (35, 100), id="S", status="planned", in_service_from="2027-01-01")
    corner = box(0, 0, 30, 40)
    assert asked([corner], [STREET, later])["road_frontage"] == pytest.approx(30, abs=0.31)
    assert asked([corner], [STREET, line("roads", (35, -5), (35, 100), id="S")])["road_frontage"] == pytest.approx(70, abs=0.31)
    assert asked([corner], [STREET, line("roads", (-200, -5), (300, -5), id="S")])["road_frontage"] == pytest.approx(30, abs=0.31)


def test_a_strip_of_another_between_plot_and_street_bars_access():
    strip = box(-50, 0, 100, 1, id="strip")
    row = asked([box(0, 1, 30, 40), strip], [STREET], [MAIN])
    assert (row["road_state"], row["road_between"], row["water_state"], row["water_between"]) == (
        "none",
        "strip",
        "none",
        "strip",
    )
    for open_ in (
        dict(owner="A"), dict(use_code="120701", code_system="planning_2023"), dict(valid_to="2020-01-01"),
    ):  # fmt: skip
        free = asked([box(0, 1, 30, 40, owner="A"), strip | open_], [STREET], [MAIN])
        assert (free["road_state"], free["road_distance"]) == ("available", 1), open_
        assert (free["water_state"], free["water_distance"]) == ("available", 6), open_


def test_holders_that_nobody_recorded_are_not_the_same():
    for blank in (None, "", " "):
        row = asked([box(0, 1, 30, 40, owner=blank), box(-50, 0, 100, 1, id="strip", owner=blank)], [STREET])
        assert row["road_state"] == "none", blank


def test_a_pole_of_six_metres_gives_access_and_a_narrower_one_does_not():
    for width, state in ((5.6, "none"), (6.1, "available")):
        flag = shapely.union(shapely.box(X, Y + 30, X + 40, Y + 60), shapely.box(X, Y, X + width, Y + 30))
        plots = [{"id": "P", "geometry": flag}, box(width, 0, 40, 30, id="front"), box(-40, 0, 0, 60, id="west")]
        row = asked(plots, [STREET], [MAIN])
        assert (row["road_state"], row["water_state"]) == (state, "available")


def test_the_way_behind_a_neighbour_is_measured_around_it():
    small = box(0, 0, 30, 5, id="kiosk")
    row = asked([box(0, 5, 30, 40), small], mains=[MAIN])
    assert row["water_state"] == "available"
    assert row["water_distance"] == pytest.approx(10.8, abs=0.1)  # half a metre beside it and twice around a corner


def test_a_farther_line_with_a_free_way_is_better_than_a_nearer_one_behind_others():
    wall = box(-300, 0, 400, 5, id="wall")
    far = line("utilities", (-200, 75), (300, 75), id="far")
    row = asked([box(0, 5, 30, 40), wall], mains=[MAIN, far])
    assert (row["water_line"], row["water_distance"], row["water_state"]) == ("far", 35, "available")


def test_a_way_over_land_whose_parcels_nobody_surveyed_is_unknown():
    only_here = shapely.box(X - 10, Y - 2, X + 100, Y + 50)
    row = asked([box(0, 0, 30, 40)], [STREET], [MAIN], coverage=only_here)
    assert (row["water_state"], row["road_state"]) == ("unknown", "available")
    touching = asked([box(0, -5, 30, 40)], mains=[MAIN], coverage=only_here)
    assert touching["water_state"] == "available"
    barred = asked([box(0, 10, 30, 40), box(-100, 0, 200, 10, id="wall")], mains=[MAIN], coverage=only_here)
    assert barred["water_state"] == "none"


def test_a_road_of_unknown_width_may_be_nearer_than_its_axis():
    wide = {**STREET, "red_line_width": None}
    assert asked([box(0, 5, 30, 40)], [wide])["road_state"] == "available"
    row = asked([box(0, 20, 30, 40)], [wide])
    assert row["road_state"] == "unknown"
    assert pd.isna(row["road_frontage"])
    assert asked([box(0, 45, 30, 60)], [wide])["road_state"] == "none"


def test_what_a_site_is_made_of_is_not_in_its_way():
    sides = [box(30, -4, 60, 40, id="c"), box(-30, -4, 0, 40, id="d")]
    land = {
        "parcels": survey("parcels", [box(0, 0, 30, 20, id="a"), box(0, 20, 30, 40, id="b"), *sides]),
        "roads": survey("roads", [STREET]),
        "utilities": survey("utilities", [MAIN]),
    }
    site = gpd.GeoDataFrame({"id": ["S"]}, geometry=[shapely.box(X, Y + 10, X + 30, Y + 40)], crs=CRS)
    assert readiness(site, land, ask()).iloc[0][["road_state", "water_state"]].tolist() == ["none", "none"]
    whole = site.set_geometry([shapely.box(X, Y + 2, X + 30, Y + 40)], crs=CRS)
    assert readiness(whole, land, ask()).iloc[0][["road_state", "water_state"]].tolist() == ["available", "available"]


def town(seed, columns=18, rows=14):
    """Blocks of small plots two and three deep, with gaps, strips and holders, streets between some, and crooked mains."""
    rng = np.random.default_rng(seed)
    plots, roads, mains = [], [], []
    for c in range(columns):
        for r in range(rows):
            if rng.random() < 0.97:
                west, south = 22 * c + 12 * (c // 3), 26 * r + 14 * (r // 3)
                east, north = west + 22 - rng.choice([0, 0, 0, 0.4, 4]), south + 26 - rng.choice([0, 0, 0, 0.4, 7])
                plots.append(box(west, south, east, north, id=f"{c}-{r}", owner=rng.choice(["A", "B", "C", None, None])))
    for c in range(0, columns + 1, 3):
        x = 22 * c + 12 * (c // 3) - 6
        roads.append(line("roads", (x, -20), (x + rng.uniform(-1, 1), 500), id=f"V{c}", red_line_width=rng.choice([12.0, 10.0])))
        mains.append(line("utilities", (x - 2, -20), (x + 2, 200), (x, 430), id=f"W{c}"))
    roads += [line("roads", (-20, -7), (300, -7), id="H0", red_line_width=None), line("roads", (0, 120), (90, 120), id="H1")]
    return {"parcels": survey("parcels", plots), "roads": survey("roads", roads), "utilities": survey("utilities", mains)}


@pytest.mark.parametrize("seed", [0, 1])
def test_many_plots_get_the_answers_that_each_gets_alone(seed):
    land = town(seed)
    plots = land["parcels"].features
    together = readiness(plots, land, ask())
    some = np.random.default_rng(seed).permutation(len(plots))[:25]
    alone = pd.concat([readiness(plots.iloc[[k]], land, ask()) for k in some])
    assert {"none", "available"} <= set(together["road_state"])
    assert together[["water_between", "road_between"]].notna().to_numpy().any()
    pd.testing.assert_frame_equal(together.iloc[some], alone, check_exact=False, rtol=0, atol=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000))
def test_no_change_reaches_farther_than_is_told(seed):
    land, rng = town(3, 9, 6), np.random.default_rng(seed)
    plots = land["parcels"].features
    before = readiness(plots, land, ask())
    name = ("parcels", "roads", "utilities")[seed % 3]
    features = land[name].features
    gone = int(rng.integers(len(features)))
    after = readiness(plots, land | {name: Survey(features.drop(index=gone), land[name].editions)}, ask())
    near = plots.geometry.distance(features.geometry.iloc[gone]) <= farthest(ask())
    pd.testing.assert_frame_equal(before[~near], after[~near])


def test_plots_at_the_edge_of_a_tile_see_who_is_in_their_way_beyond_it(monkeypatch):
    store = MemoryStore(CRS)
    for name, found in town(1).items():
        store.add(Edition("", name, "t", TODAY, WORLD, KINDS if name == "utilities" else ()), found.features, Change("t"))
    answers = []
    for size in (20, 10_000):
        monkeypatch.setattr("layers.census.TILE", size)
        assess(store, ask(), STANDARDS, workers=1)
        answers.append(store.findings()[0].sort_index())
    pd.testing.assert_frame_equal(*answers, check_exact=False, rtol=0, atol=1e-6)


def test_parcels_are_read_as_far_as_they_can_be_in_the_way():
    assert MARGIN["parcels"] >= farthest(ask())
    assert MARGIN["roads"] == MARGIN["utilities"] >= farthest(ask())
