"""Slope, zonal statistics and earthwork against closed formulas and brute force."""

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geo.crs import NotProjectedError
from geo.raster import Grid, GridError, cut_fill, slope, zonal
from geo.rasterfile import around, read, windows

CRS = "EPSG:4548"


def grid_of(function, cell=1.0, size=40, left=500_000.0, top=4_077_000.0):
    """Sample a function of x and y, measured from the grid's lower left corner, at the cells' centres."""
    centre = (np.arange(size) + 0.5) * cell
    values = function(centre[None, :], centre[::-1, None]) + np.zeros((size, size))
    return Grid(values.astype(np.float32), Affine(cell, 0, left, 0, -cell, top), CRS)


def on(grid, *shapes):
    """Place shapes that are drawn from the grid's lower left corner."""
    left, bottom, *_ = grid.bounds
    return shapely.transform(np.array(shapes, object), lambda xy: np.add(xy, (left, bottom)))


SQUARE = shapely.box(5, 5, 25, 35)
heights = arrays(np.float32, (6, 6), elements=st.integers(-20, 20).map(float))


def test_slope_of_a_plane_is_its_gradient_and_unknown_on_the_edge():
    steep = slope(grid_of(lambda x, y: 0.03 * x - 0.04 * y, cell=10.0))
    assert steep.values[1:-1, 1:-1] == pytest.approx(5.0, abs=1e-3)
    assert np.isnan(steep.values).sum() == 4 * 39


def test_slope_beside_a_missing_height_is_unknown():
    grid = grid_of(lambda x, y: x)
    grid.values[10, 10] = np.nan
    assert np.isnan(slope(grid).values[9:12, 9:12]).all()
    assert np.isfinite(slope(grid).values[12, 12])


@pytest.mark.parametrize(("crs", "error"), [("EPSG:4490", NotProjectedError), ("EPSG:2249", GridError)])
def test_slope_and_earthwork_refuse_what_is_not_in_metres(crs, error):
    grid = Grid(np.zeros((3, 3), np.float32), Affine(1, 0, 0, 0, -1, 3), crs)
    with pytest.raises(error, match=crs):
        slope(grid)
    with pytest.raises(error, match=crs):
        cut_fill(grid, np.array([SQUARE]))


def test_a_turned_grid_is_refused():
    with pytest.raises(GridError, match="north-up"):
        Grid(np.zeros((3, 3), np.float32), Affine.rotation(10), CRS)


def test_zonal_of_a_plane_is_the_height_at_the_centroid():
    grid = grid_of(lambda x, y: 100 + 0.5 * x + 0.25 * y)
    zone = zonal(grid, on(grid, SQUARE))
    assert zone.mean[0] == pytest.approx(100 + 0.5 * 15 + 0.25 * 20)
    assert (zone.low[0], zone.high[0]) == pytest.approx((100 + 2.75 + 1.375, 100 + 12.25 + 8.625))
    assert zone.covered[0] == 1.0


@given(heights, arrays(float, (6, 2), elements=st.floats(-1, 7, width=32)), st.sets(st.integers(0, 35), max_size=6))
def test_zonal_equals_brute_force(values, corners, holes):
    shape = shapely.MultiPoint(corners).convex_hull.buffer(0.2)
    values.ravel()[list(holes)] = np.nan
    row, column = np.mgrid[0:6, 0:6]
    weight = shapely.area(shapely.intersection(shapely.box(column, 5 - row, column + 1, 6 - row), shape))
    valid = ~np.isnan(values) & (weight > 1e-9)
    zone = zonal(Grid(values, Affine(1, 0, 0, 0, -1, 6), CRS), np.array([shape]))
    assert zone.covered[0] == pytest.approx(weight[valid].sum() / shape.area, abs=1e-7)
    if valid.any() and weight[valid].sum() > 1e-6:
        assert zone.mean[0] == pytest.approx(np.average(values[valid], weights=weight[valid]), abs=1e-4)
        assert (zone.low[0], zone.high[0]) == (values[valid].min(), values[valid].max())


def test_covered_is_one_only_where_nothing_is_missing():
    grid = grid_of(lambda x, y: x)
    whole, cut = zonal(grid, on(grid, SQUARE, shapely.box(-1e-3, 5, 10, 10))).covered
    assert whole == 1.0 > cut
    grid.values[20, 5] = np.nan
    assert zonal(grid, on(grid, shapely.box(5.999, 5, 25, 35))).covered[0] < 1.0
    assert zonal(grid, on(grid, shapely.box(6, 5, 25, 35))).covered[0] == 1.0


def test_no_heights_are_unknown_not_zero():
    grid = grid_of(lambda x, y: np.nan)
    beyond = shapely.box(100, 100, 110, 110)
    zone = zonal(grid, np.array([*on(grid, SQUARE, beyond), None, shapely.Polygon()], object))
    assert np.isnan([zone.mean, zone.low, zone.high]).all()
    assert (zone.covered == 0).all()
    work = cut_fill(grid, on(grid, SQUARE, beyond))
    assert np.isnan(work).all()


def test_a_missing_height_spoils_the_balance_of_no_other_shape():
    grid = grid_of(lambda x, y: 50 + 0.1 * x)
    others = on(grid, shapely.box(20, 5, 30, 35), SQUARE)
    known = cut_fill(grid, others, bulking=1.2)
    grid.values[0, 0] = np.nan
    work = cut_fill(grid, np.array([*on(grid, shapely.box(0, 0, 40, 40)), *others]), bulking=1.2)
    assert np.isnan(work.level[0])
    assert work.level[1:].tolist() == pytest.approx(known.level.tolist(), rel=1e-12)


def test_a_constant_grid_needs_no_earthwork():
    grid = grid_of(lambda x, y: 37.25)
    work = cut_fill(grid, on(grid, SQUARE.buffer(1.3)), bulking=1.2)
    assert [float(v[0]) for v in work] == [0, 0, 0, 37.25, 0, 0]


def test_earthwork_of_a_plane_equals_the_formula():
    grid = grid_of(lambda x, y: 50 + 0.1 * x)
    work = cut_fill(grid, on(grid, SQUARE))
    assert work.level[0] == pytest.approx(51.5)
    assert work.cut[0] == pytest.approx(0.1 * 10**2 / 2 * 30, rel=1e-6)
    assert work.fill[0] == pytest.approx(work.cut[0])
    assert work.depth[0] == pytest.approx(0.5, rel=1e-6)
    assert work.above[0] == pytest.approx(0.5)
    lower = cut_fill(grid, on(grid, SQUARE), level=[50.5])
    assert (lower.cut[0], lower.fill[0], lower.net[0]) == pytest.approx((0.1 * 20**2 / 2 * 30, 0, 600 * 1.0), rel=1e-6)


def test_earthwork_of_a_cone_converges_to_the_formula():
    grid = grid_of(lambda x, y: np.maximum(10 - np.hypot(x - 20, y - 20), 0), cell=0.1, size=400)
    disc = on(grid, shapely.Point(20, 20).buffer(10, quad_segs=256))
    work = cut_fill(grid, disc, level=4.0)
    assert work.cut[0] == pytest.approx(np.pi * 6**3 / 3, rel=2e-3)
    assert work.fill[0] == pytest.approx(2 * np.pi * ((10**3 - 6**3) / 3 - 3 * (10**2 - 6**2)), rel=2e-3)
    assert cut_fill(grid, disc).level[0] == pytest.approx(10 / 3, rel=1e-3)


@settings(max_examples=50)
@given(heights, st.floats(0.5, 2.0), st.integers(-50, 50))
def test_the_balanced_level_balances_and_moves_with_the_land(values, bulking, lift):
    shape = np.array([shapely.box(0.3, 0.4, 5.5, 4.9), shapely.box(2.5, 2.5, 4.5, 4.5), None])
    place = Affine(1, 0, 0, 0, -1, 6)
    work = cut_fill(Grid(values, place, CRS), shape, bulking=bulking)
    assert work.net[:2] == pytest.approx(0, abs=1e-9)
    assert work.cut[:2] * bulking == pytest.approx(work.fill[:2], abs=1e-9)
    moved = Grid(values + np.float32(lift), place @ Affine.translation(3, 2), CRS)
    again = cut_fill(moved, shapely.transform(shape, lambda xy: np.add(xy, (3, -2))), bulking=bulking)
    assert again.level[:2] == pytest.approx(work.level[:2] + lift)
    assert again.cut[:2] == pytest.approx(work.cut[:2], abs=1e-9)
    assert np.isnan(work.level[2])


def test_one_missing_cell_makes_earthwork_unknown():
    grid = grid_of(lambda x, y: x)
    grid.values[20, 10] = np.nan
    work = cut_fill(grid, on(grid, SQUARE, shapely.box(30, 5, 35, 9)), level=3.0)
    assert np.isnan([v[0] for v in work]).all()
    assert np.isfinite([v[1] for v in work]).all()


@pytest.fixture
def hills(tmp_path):
    """A raster file with scale, offset and nodata, and the grid that it holds."""
    grid = grid_of(lambda x, y: np.sin(x / 3) * 5 + y * 0.2, cell=5.0, size=70)
    stored = np.round((grid.values - 100) / 0.001).astype(np.int32)
    stored[3, 4] = -99999
    path = tmp_path / "hills.tif"
    profile = {"driver": "GTiff", "height": 70, "width": 70, "count": 1, "dtype": "int32", "nodata": -99999}
    with rasterio.open(path, "w", crs=CRS, transform=grid.transform, **profile) as target:
        target.write(stored, 1)
        target.scales, target.offsets = (0.001,), (100.0,)
    return path


def test_windows_with_a_margin_have_the_slope_of_the_whole(hills):
    whole = read(hills)
    assert np.isnan(whole.values[3, 4])
    assert whole.values[0, 0] == pytest.approx(np.sin(2.5 / 3) * 5 + 347.5 * 0.2, abs=1e-3)
    steep, seen = slope(whole).values, np.zeros((70, 70), bool)
    for tile in windows(hills, size=32):
        column, row = (round(k) for k in ~whole.transform @ (tile.transform.c, tile.transform.f))
        inner = slope(tile).values[1:-1, 1:-1]
        rows, columns = inner.shape
        place = np.s_[row + 1 : row + 1 + rows, column + 1 : column + 1 + columns]
        assert np.array_equal(inner, steep[place], equal_nan=True)
        seen[place] = True
    assert seen[1:-1, 1:-1].all()


def test_a_file_read_in_parts_gives_each_shape_the_same_statistics(hills):
    whole = read(hills)
    rng = np.random.default_rng(2)
    shapes = on(whole, *(shapely.box(x, y, x + w, y + 20) for x, y, w in rng.uniform((-10, -10, 5), (340, 340, 90), (50, 3))))
    shapes[9] = None
    expected, seen = zonal(whole, shapes), np.zeros(50, int)
    for part, grid in around(hills, shapes, size=16):
        seen[part] += 1
        for got, want in zip(zonal(grid, shapes[part]), expected, strict=True):
            assert got == pytest.approx(want[part], nan_ok=True)
    assert (np.delete(seen, 9) == 1).all()


def test_a_crop_keeps_the_place_of_its_cells():
    grid = grid_of(lambda x, y: x * 100 + y)
    part = grid.crop(on(grid, SQUARE)[0].bounds, margin=1)
    assert part.values.shape == (32, 22)
    assert zonal(part, on(grid, SQUARE)).mean == pytest.approx(zonal(grid, on(grid, SQUARE)).mean)
    assert grid.crop((0, 0, 1, 1)).values.size == 0


def test_a_raster_bomb_is_refused_before_it_is_read(hills, monkeypatch):
    monkeypatch.setattr("geo.rasterfile.MAX_CELLS", 100)
    with pytest.raises(GridError, match="windows"):
        read(hills)
