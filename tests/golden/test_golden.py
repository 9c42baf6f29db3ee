"""What Shudi measures is what PostGIS, QGIS and GDAL measured; recipe.py makes their answers again."""

import json
from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo import links, overlay, proximity, routes, segments
from geo.crs import ellipsoidal_area, planar_area
from geo.links import Polygons
from geo.overlay import overlaps
from geo.partition import area_inside
from geo.proximity import within
from geo.raster import Grid, cut_fill, slope
from layers import corridors
from layers.base import Ask, Edition, Survey
from layers.plan.networks import serving
from layers.standards import Standards
from tests.golden.recipe import DAYS, HALF, KINDS, LEVEL, QUESTIONS, ground, world
from tests.layers.plan.test_networks import CRS, features

FOLDER = Path(__file__).parent
DRAWN = json.loads((FOLDER / "world.json").read_text("utf-8"))
WORLD = {name: np.array(shapely.from_wkt(shapes), object) for name, shapes in DRAWN.items()}
POSTGIS, QGIS, GDAL = (json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in ("postgis", "qgis", "gdal"))
DAY = date(2026, 6, 30)
ASK = Ask(DAY, Standards.load().on(DAY), DAY)
PLOTS, ZONES, LINES, LINKS = (WORLD[name] for name in ("plots", "zones", "lines", "links"))


@pytest.fixture(params=["few", "many"])
def engine(request, monkeypatch):
    """Ask GEOS, which answers about few shapes, and the kernels, which answer about many."""
    for module in (overlay, proximity, links):
        monkeypatch.setattr(module, "MANY", 10**9 if request.param == "few" else 0)
    return request.param


def pairs(question):
    return {(a, b): value for a, b, value in POSTGIS[question]}


def told(i, j, value):
    return {(int(a), int(b)): float(v) for a, b, v in zip(i, j, value, strict=True)}


def test_the_recipe_draws_this_world_and_asks_these_questions():
    assert world() == DRAWN
    assert set(QUESTIONS) == set(POSTGIS)
    assert all(len(answers) > 10 for question, answers in POSTGIS.items() if question != "versions")


def test_shared_areas(engine):
    found = overlaps(PLOTS, ZONES, outlines=False)
    assert told(found.i, found.j, found.area) == pytest.approx(pairs("shared"), abs=1e-6)


def test_the_area_inside_any_of_many(engine):
    assert area_inside(PLOTS, ZONES) == pytest.approx([area for _, area in POSTGIS["covered"]], abs=1e-6)


def test_distances(engine):
    assert told(*within(PLOTS, LINES, 60.0)) == pytest.approx(pairs("distance"), abs=1e-7)


def test_lengths_of_ways_inside_plots(engine):
    ends = shapely.get_coordinates(LINKS).reshape(-1, 4)
    assert told(*links.crossed(ends, Polygons(PLOTS), 0.0)) == pytest.approx(pairs("inside"), abs=1e-6)


def test_frontage_on_roads(engine):
    half = np.array([HALF[k % len(HALF)] for k in range(len(LINES))])
    i, j, distance = within(PLOTS, LINES, half.max())
    i, j = i[distance <= half[j]], j[distance <= half[j]]
    length, _ = links.facing(Polygons(PLOTS), LINES, half[j], i, j, np.ones(len(i), bool))
    # a circle of 256 corners stands for the wedge outside a bend there
    assert told(i, j, length) == pytest.approx(dict.fromkeys(told(i, j, length), 0.0) | pairs("frontage"), abs=0.03)


def test_lengths_and_areas_on_the_plane():
    assert shapely.length(LINES) == pytest.approx([length for _, length in POSTGIS["length"]], rel=1e-12)
    assert planar_area(PLOTS, "EPSG:4548") == pytest.approx([area for _, area in POSTGIS["planar"]], abs=1e-6)


@pytest.mark.parametrize("by", ["PostGIS, by geodesics", "QGIS, by a series of its own"])
def test_areas_on_the_ellipsoid(by):
    known = [area for _, area in POSTGIS["geodesic"]] if by.startswith("PostGIS") else QGIS["ellipsoidal"]
    assert ellipsoidal_area(PLOTS, "EPSG:4548") == pytest.approx(known, abs=1e-3)


def test_the_nearest_points_are_as_far_apart_as_postgis_says():
    i, j = np.array([pair for pair, far in pairs("distance").items() if far > 0]).T
    way = routes.links(Polygons(PLOTS).edges, LINES, i, j)
    assert np.hypot(way[:, 2] - way[:, 0], way[:, 3] - way[:, 1]) == pytest.approx(
        [far for far in pairs("distance").values() if far > 0], abs=1e-7
    )


def test_kernels_and_geos_unite_the_frontage_of_several_roads_alike():
    half = np.array([HALF[k % len(HALF)] for k in range(len(LINES))])
    i, j, distance = within(PLOTS, LINES, half.max())
    i, j = i[distance <= half[j]], j[distance <= half[j]]
    one = links.facing(Polygons(PLOTS), LINES, half[j], i, j, np.ones(len(i), bool))[1]
    other = segments.facing(Polygons(PLOTS).edges, LINES, half[j], i, j, np.ones(len(i), bool))[1]
    assert one == pytest.approx(other, abs=0.03)


def test_the_slope_of_the_ground():
    heights, transform = ground()
    found = slope(Grid(heights, transform, CRS)).values
    assert found[1:-1, 1:-1] == pytest.approx(np.array(GDAL["slope"]), abs=2e-3)
    assert np.isnan(found).sum() == 4 * 29, "GDAL says nothing of the rim either"


def test_cut_and_fill_to_a_level():
    heights, transform = ground()
    found = cut_fill(Grid(heights, transform, CRS), PLOTS, np.full(len(PLOTS), LEVEL))
    _, cut, fill = np.array(POSTGIS["earthwork"]).T
    assert found.cut == pytest.approx(cut, rel=1e-6, abs=0.01)
    assert found.fill == pytest.approx(fill, rel=1e-6, abs=0.01)
    assert (cut > 0).any()
    assert (fill > 0).any()


def test_land_in_the_zones_of_corridors():
    facts = {
        "overhead_line": {"voltage": 110.0, "edge_offset": 4.0},
        "buried_cable": {"edge_offset": 0.0},
        "highway": {"grade": "national", "edge_offset": 5.0},
    }
    kinds = list(KINDS)
    rows = [{"id": f"{n}", "kind": kinds[n % 3], **facts[kinds[n % 3]], "geometry": line} for n, line in enumerate(LINES)]
    plots = gpd.GeoDataFrame({"id": range(len(PLOTS))}, geometry=PLOTS, crs=CRS)
    found = corridors.assess(plots, features("corridors", rows), ASK)
    for k, kind in enumerate(kinds):
        known = {plot: area for at, plot, area in POSTGIS["zones"] if at == k and area > 1e-6}
        areas = found[f"{kind}_area"]
        assert areas[areas > 1e-6].to_dict() == pytest.approx(known, abs=1e-3), kind
        assert known


def test_the_first_day_on_which_a_pipe_is_joined_to_a_works():
    begins = [DAY + timedelta(1 + 7 * n % DAYS) for n in range(len(WORLD["pipes"]))]
    rows = [
        {"id": f"{n}", "kind": "water", "role": "main", "status": "planned", "in_service_from": begins[n], "geometry": pipe}
        for n, pipe in enumerate(WORLD["pipes"])
    ]
    rows += [
        {"id": f"W{n}", "kind": "water", "role": "source", "status": "in_service", "geometry": point}
        for n, point in enumerate(WORLD["works"])
    ]
    survey = Survey(features("utilities", rows), (Edition("e", "utilities", "t", DAY, None, ("water",)),))
    found = serving(survey, ASK).set_axis(survey.features["id"])
    joined = found[found["reach_state"] == "dated"].drop([f"W{n}" for n in range(len(WORLD["works"]))], errors="ignore")
    days = (pd.to_datetime(joined["serves_from"]) - pd.Timestamp(DAY)).dt.days - 1
    assert {int(id): int(day) for id, day in days.items()} == dict(POSTGIS["reach"])
    assert (found["reach_state"] == "cut_off").any()
    assert len(set(days)) > 1
