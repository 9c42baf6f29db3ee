"""What Shudi measures is what PostGIS and QGIS measured; recipe.py makes their answers again."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from geo import links, overlay, proximity, routes, segments
from geo.crs import ellipsoidal_area, planar_area
from geo.links import Polygons
from geo.overlay import overlaps
from geo.partition import area_inside
from geo.proximity import within
from tests.golden.recipe import HALF, QUESTIONS, world

FOLDER = Path(__file__).parent
DRAWN = json.loads((FOLDER / "world.json").read_text("utf-8"))
WORLD = {name: np.array(shapely.from_wkt(shapes), object) for name, shapes in DRAWN.items()}
POSTGIS, QGIS = (json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in ("postgis", "qgis"))
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
