"""Factors of a grid: what nobody surveyed is unknown, also where something else was surveyed."""

from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import shapely

from layers.base import Edition
from layers.plan.suitability import Factor
from layers.standards import Standards
from layers.store.base import Change
from layers.store.memory import MemoryStore
from layers.surface import sampler

CRS, BOX = "EPSG:4548", (500_000.0, 4_000_000.0, 500_100.0, 4_000_100.0)


def far(*columns):
    """Sample distances at a point 30 m from a power line, where power alone was surveyed."""
    store, around = MemoryStore(CRS), shapely.box(*BOX).buffer(1000)
    line = shapely.LineString([(500_050, 4_000_020), (500_090, 4_000_020)])
    lines = gpd.GeoDataFrame({"id": ["W1"], "kind": ["power"], "status": ["in_service"]}, geometry=[line], crs=CRS)
    store.add(Edition("E1", "utilities", "survey", date(2026, 1, 1), around, ("power",)), lines, Change("test"))
    point = np.array([[500_050.0, 4_000_050.0]])
    return [float(sampler(store, Standards.load(), Factor(c, 1.0, ((0, 10), (300, 0))), BOX)(point)[0]) for c in columns]


def test_a_distance_is_known_only_where_every_kind_was_surveyed_that_it_asks_for():
    power, gas, either, any_ = far(*(f"distance:utilities{kinds}" for kinds in (":power", ":gas", ":power:gas", "")))
    assert power == pytest.approx(30)
    assert np.isnan([gas, either, any_]).all()


def test_a_road_of_which_nobody_said_the_class_may_be_the_nearest_of_any():
    store, around = MemoryStore(CRS), shapely.box(*BOX).buffer(1000)
    shapes = [shapely.LineString([(500_000, y), (500_100, y)]) for y in (4_000_070, 4_000_110)]
    roads = gpd.GeoDataFrame({"id": ["R1", "R2"], "class": [None, "arterial"]}, geometry=shapes, crs=CRS)
    store.add(Edition("E1", "roads", "survey", date(2026, 1, 1), around), roads, Change("test"))
    points = np.array([[500_050.0, 4_000_050.0], [500_050.0, 4_000_100.0]])
    found = sampler(store, Standards.load(), Factor("distance:roads:arterial", 1.0, ((0, 10), (300, 0))), BOX)(points)
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(10)
