"""Distances that a brief asks for: what nobody surveyed, or is of a kind that nobody said, is never far."""

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from layers.assessment import Networks, question
from layers.base import Edition
from layers.measured import Land
from layers.plan.readiness import SERVICES
from layers.plan.siting import NO, UNKNOWN, YES, Brief, Near, plots_of
from layers.standards import Standards
from layers.store.base import Change
from layers.store.memory import MemoryStore
from tests.layers.test_surface import CRS

PLOT = shapely.box(500_000, 4_000_000, 500_100, 4_000_100)


def fit(features, surveyed, *near):
    """Judge the distances of one plot to features: layer, columns and geometry, surveyed in an area."""
    store, (layer, columns, shapes, kinds) = MemoryStore(CRS), features
    plot = gpd.GeoDataFrame({"id": ["P"]}, geometry=[PLOT], crs=CRS)
    store.add(Edition("E1", "parcels", "survey", date(2026, 1, 1), surveyed), plot, Change("test"))
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)
    store.add(Edition("E2", layer, "survey", date(2026, 1, 1), surveyed, kinds), frame, Change("test"))
    ask = question(Standards.load(), date(2026, 1, 1), None, None)
    land = Land(store, one(), ask, Brief((0, np.inf), near=near), Networks())
    return int(land.measure("distance", np.array([0])).fit[0])


def one():
    """Make a table of the one plot, of which no finding is known."""
    names = ("verdict", "road_class", "road_frontage", "slope_max", "area")
    states = {f"{s}_{what}": [None] for s in SERVICES for what in ("state", "from")}
    findings = pd.DataFrame({name: [np.nan] for name in names} | states, index=["P"])
    parcels = pd.DataFrame({"use_code": [None], "owner": [None]})
    return plots_of(findings, parcels)


def lines(*kinds, away=300):
    """Lay a power line `away` metres east of the plot."""
    line = shapely.LineString([(500_100 + away, 4_000_000), (500_100 + away, 4_000_100)])
    return "utilities", {"id": ["W1"], "kind": ["power"], "status": ["in_service"]}, [line], kinds


def test_a_kind_that_nobody_surveyed_is_neither_far_nor_surely_absent():
    wide = PLOT.buffer(5000)
    assert fit(lines("power"), wide, Near("utilities", "power", 200)) == YES
    assert fit(lines("power"), wide, Near("utilities", "power", 400)) == NO
    assert fit(lines("power"), wide, Near("utilities", "gas", 200)) == UNKNOWN
    assert fit(lines("power"), wide, Near("utilities", "gas", 0, 200)) == UNKNOWN
    assert fit(lines("power"), wide, Near("utilities", "", 200)) == UNKNOWN
    assert fit(lines("power"), wide, Near("utilities", "", 0, 400)) == YES


def test_a_least_distance_holds_only_where_the_land_between_was_surveyed():
    assert fit(lines("power"), PLOT.buffer(50), Near("utilities", "power", 200)) == UNKNOWN
    assert fit(lines("power"), PLOT.buffer(50), Near("utilities", "power", 400)) == NO
    assert fit(lines("power"), PLOT.buffer(50), Near("utilities", "power", 0, 400)) == YES
    assert fit(lines("power"), PLOT.buffer(50), Near("utilities", "power", 0, 200)) == UNKNOWN


@pytest.mark.parametrize(("near", "told"), [(Near("roads", "arterial", 200), UNKNOWN), (Near("roads", "arterial", 0, 200), UNKNOWN),
                                            (Near("roads", "arterial", 50), YES), (Near("roads", "arterial", 0, 400), YES)])  # fmt: skip
def test_a_feature_of_which_nobody_said_the_kind_may_be_of_any(near, told):
    shapes = [shapely.LineString([(500_100 + away, 4_000_000), (500_100 + away, 4_000_100)]) for away in (100, 300)]
    roads = ("roads", {"id": ["R1", "R2"], "class": [None, "arterial"]}, shapes, ())
    assert fit(roads, PLOT.buffer(5000), near) == told
