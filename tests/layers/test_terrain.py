"""What the terrain layer answers, and that missing heights are unknown."""

from datetime import date
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine

from geo.crs import CRSMismatchError
from geo.raster import Grid
from layers.base import empty, names
from layers.terrain import FIELDS, LAYER, assess

DAY = date(2026, 1, 1)
ASK = SimpleNamespace(on=DAY, known=DAY, use=None, standards={"terrain.slope_max": 10.0})


def rasters(*grids):
    data = {"id": [str(k) for k in range(len(grids))], "edition": "dem", "grid": list(grids)}
    return gpd.GeoDataFrame(data, geometry=[shapely.box(*g.bounds) for g in grids], crs="EPSG:4548")


def ramp(left=0.0, rise=0.05, crs="EPSG:4548"):
    """100 m x 100 m of 5 m cells that rise eastward, and twice as fast beyond the middle when seen as slope classes."""
    x = np.arange(20) * 5 + 2.5
    z = np.where(x < 50, rise * x, rise * 50 + 3 * rise * (x - 50))
    return Grid(np.tile(z, (20, 1)).astype(np.float32), Affine(5, 0, left, 0, -5, 100), crs)


def plots(*shapes):
    names = [f"p{k}" for k in range(len(shapes))]
    return gpd.GeoDataFrame({"id": names}, geometry=list(shapes), crs="EPSG:4548", index=names)


def test_height_and_slope_of_a_plot():
    three = plots(shapely.box(10, 10, 40, 40), shapely.box(60, 10, 90, 40), shapely.box(30, 10, 70, 40))
    got = assess(three, rasters(ramp()), ASK)
    assert list(got.columns) == names(FIELDS) == [a.field.name for a in LAYER.answers]
    assert got.loc["p0"].tolist() == pytest.approx([1.25, 0.625, 1.875, 5.0, 5.0, 0.0], abs=1e-3)
    assert got.loc["p1", ["slope_mean", "slope_over_share"]].tolist() == pytest.approx([15.0, 1.0], abs=1e-3)
    assert got.loc["p2", "slope_over_share"] == pytest.approx(0.5)


def test_a_plot_partly_beyond_the_raster_is_unknown():
    three = plots(shapely.box(-10, 10, 40, 40), shapely.box(0, 10, 40, 40), shapely.box(500, 0, 510, 10))
    got = assess(three, rasters(ramp()), ASK)
    assert got.loc[["p0", "p2"]].isna().all(axis=None)
    assert got.loc["p1", "elevation_mean"] == pytest.approx(1.0)
    assert np.isnan(got.loc["p1", "slope_mean"]), "the slope at the raster's edge needs cells that nobody measured"


def test_a_missing_height_is_unknown_and_spoils_no_other_plot():
    grid = ramp()
    grid.values[10, 4] = np.nan
    got = assess(plots(shapely.box(10, 30, 40, 60), shapely.box(60, 30, 80, 60)), rasters(grid), ASK)
    assert got.loc["p0"].isna().all()
    assert got.loc["p1"].notna().all()


def test_the_first_raster_that_covers_answers():
    upper = Grid(np.full((20, 20), 7, np.float32), Affine(5, 0, 0, 0, -5, 100), "EPSG:4548")
    features = rasters(ramp(left=50.0), upper)
    got = assess(plots(shapely.box(10, 10, 40, 40), shapely.box(60, 10, 90, 40)), features, ASK)
    assert got["elevation_mean"].tolist() == pytest.approx([7.0, 1.25])


def test_a_raster_in_another_crs_is_refused():
    with pytest.raises(CRSMismatchError, match="EPSG:4527"):
        assess(plots(shapely.box(0, 0, 9, 9)), rasters(ramp(crs="EPSG:4527")), ASK)


def test_no_raster_and_no_plots_answer_in_the_declared_columns():
    some = plots(shapely.box(0, 0, 9, 9))
    nothing = assess(some, empty(LAYER, "EPSG:4548"), ASK)
    assert nothing.isna().all(axis=None)
    assert list(nothing.index) == ["p0"]
    for features in (rasters(ramp()), empty(LAYER, "EPSG:4548")):
        got = assess(some.iloc[:0], features, ASK)
        assert got.shape == (0, 6)
        assert list(got.columns) == names(FIELDS)
