"""Shaded relief: pixels of a plane of known slope, nothing where nobody measured, no seam between rasters."""

import io
import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyproj import Transformer

from geo.raster import Grid, bilinear, coarser, gradient
from geo.tiles import HALF_WORLD, TileError
from layers.base import Edition
from layers.store.base import Change
from layers.store.memory import MemoryStore
from maps.relief import DARKEST, EXAGGERATED, LEAST, LIGHTEST, relief

CRS = "EPSG:4548"
LEFT, TOP, SIZE, CELL = 500_000.0, 4_078_000.0, 400, 5.0
MIDDLE = Transformer.from_crs(CRS, "EPSG:3857", always_xy=True).transform(LEFT + SIZE * CELL / 2, TOP - SIZE * CELL / 2)


def address(z):
    """Find the tile that holds the middle of the rasters."""
    size = 2 * HALF_WORLD / 2**z
    return z, int((MIDDLE[0] + HALF_WORLD) // size), int((HALF_WORLD - MIDDLE[1]) // size)


def plane(east, south, columns=(0, SIZE)):
    """Part of a plane that rises by so much a metre eastwards and southwards."""
    row, column = np.mgrid[0:SIZE, columns[0] : columns[1]] * CELL
    return Grid((east * column + south * row).astype(np.float32), Affine(CELL, 0, LEFT + columns[0] * CELL, 0, -CELL, TOP), CRS)


def stored(*grids):
    store = MemoryStore(CRS)
    frame = pd.DataFrame({"id": [f"DEM-{n}" for n in range(len(grids))], "grid": grids})
    whole = shapely.box(LEFT, TOP - SIZE * CELL, LEFT + SIZE * CELL, TOP)
    store.add(Edition("", "terrain", "test", date(2026, 1, 1), whole), frame, Change("me", "test"))
    return store


def drawn(store, z=16):
    """The tile's pixels: light from -1 (shadow) to 1, and opacity."""
    pixels = np.asarray(Image.open(io.BytesIO(relief(store, "terrain", *address(z))))).astype(float)
    assert pixels.shape == (512, 512, 2)
    return np.where(pixels[..., 0] > 127, 1, -1) * pixels[..., 1]


def expected(east, south):
    """The opacity that the cosine law gives, with light from the north-west at 45 degrees, the gentle slopes drawn strongest."""
    p, q = EXAGGERATED * east, EXAGGERATED * south
    normal, light = np.array([-p, q, 1]) / math.sqrt(1 + p * p + q * q), np.array([-0.5, 0.5, math.sqrt(0.5)])
    more = max(0.0, normal @ light) - math.sqrt(0.5)
    return math.tanh(2.5 * more / (1 - math.sqrt(0.5))) * (LIGHTEST if more > 0 else DARKEST)


@pytest.mark.parametrize("slope", [(0, 0), (0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.08), (0.1, -0.1)], ids=str)
@pytest.mark.parametrize("z", [LEAST, 16])
def test_a_plane_is_as_light_as_its_slope_says(slope, z):
    shown = drawn(stored(plane(*slope)), z)
    inner = shown[200:300, 200:300] if z == 16 else shown[np.abs(shown) > 0]
    assert inner.size == 0 if slope == (0, 0) and z != 16 else np.allclose(inner, expected(*slope), atol=1.5)


def test_what_rises_from_the_north_west_is_dark_and_what_falls_towards_it_light():
    assert expected(0.1, 0.1) > 0 > expected(-0.1, -0.1)


@pytest.mark.parametrize("slope", [0.01, -0.01])
def test_one_in_a_hundred_is_seen_and_the_steepest_hides_no_colour(slope):
    gentle, steep = (np.abs(drawn(stored(plane(s, s)))[250, 250]) for s in (slope, 10 * slope))
    assert 50 < gentle < steep <= 0.52 * 255


def test_nothing_is_drawn_where_nobody_measured_or_from_afar():
    grid = plane(0.1, 0.1)
    grid.values[:, SIZE // 2 :] = np.nan
    shown = drawn(stored(grid), 15)
    column = np.flatnonzero(np.abs(shown).max(axis=0) == 0)
    assert 0 < len(column) < 512
    assert np.abs(drawn(stored(), 16)).max() == 0
    assert np.abs(drawn(stored(grid), LEAST - 1)).max() == 0
    with pytest.raises(TileError):
        relief(stored(), "terrain", 16, -1, 0)


def test_no_seam_is_drawn_between_rasters_of_one_lattice():
    whole, parts = (plane(0.06, 0.02),), (plane(0.06, 0.02, (0, 190)), plane(0.06, 0.02, (190, SIZE)))
    assert np.allclose(drawn(stored(*whole)), drawn(stored(*parts)), atol=1)


@given(st.integers(2, 7), st.integers(0, 40), st.integers(0, 40))
def test_cuts_of_one_raster_are_averaged_alike(factor, left, top):
    grid = plane(0.3, -0.7)
    t = grid.transform
    cut = Grid(grid.values[top:200, left:200], t @ Affine.translation(left, top), CRS)
    one, other = coarser(grid, factor), coarser(cut, factor)
    column, row = (round(v) for v in ~one.transform @ (other.transform.c, other.transform.f))
    rows, columns = other.values.shape
    assert np.array_equal(one.values[row : row + rows, column : column + columns], other.values)


def test_values_between_cells_are_those_of_the_plane():
    grid = plane(0.1, 0.2)
    across, down = gradient(grid)
    assert np.allclose(across[1:-1, 1:-1], 0.1, atol=1e-4)
    assert np.allclose(down[1:-1, 1:-1], 0.2, atol=1e-4)
    x, y = np.array([LEFT + 100.0, LEFT - 1]), np.array([TOP - 33.0, TOP - 33])
    assert np.allclose(
        bilinear(grid, grid.values, x, y), [0.1 * (100 - CELL / 2) + 0.2 * (33 - CELL / 2), np.nan], equal_nan=True
    )
