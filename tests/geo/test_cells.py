"""Laws of exact cell weights: they add up, they equal GEOS, they do not depend on where the grid lies."""

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geo.cells import weigh

UNIT = Affine(1, 0, 0, 0, -1, 8)
SIZE = (8, 8)


def dense(transform, size, shapes):
    """Weights as an array (shapes, rows, columns)."""
    out = np.zeros((len(shapes), size[0] * size[1]))
    for w in weigh(transform, size, np.array(shapes, object)):
        shape = w.first + np.repeat(np.arange(len(w.start) - 1), np.diff(w.start))
        out[shape, w.cell] = w.share
    return out.reshape(len(shapes), *size)


def by_geos(shapes):
    """The same by intersecting each cell with each shape."""
    row, column = np.mgrid[0:8, 0:8]
    cells = shapely.box(column, 7 - row, column + 1, 8 - row)
    return np.array([shapely.area(shapely.intersection(cells, s)) if s is not None else np.zeros(SIZE) for s in shapes])


def corners(low, high):
    """Random corners; halves among them, so that edges and corners on grid lines are common."""
    some = st.one_of(st.floats(low, high, width=32), st.integers(2 * low, 2 * high).map(lambda k: k / 2))
    return arrays(float, (7, 2), elements=some)


@given(corners(-3, 11), corners(1, 7))
def test_weights_equal_the_intersections_by_geos(outer, inner):
    hull = shapely.MultiPoint(outer).convex_hull
    shape = hull.difference(shapely.MultiPoint(inner).convex_hull) if hull.geom_type == "Polygon" else hull
    assert dense(UNIT, SIZE, [shape])[0] == pytest.approx(by_geos([shape])[0], abs=1e-8)


@given(corners(1, 7), st.floats(0, 6.3), st.integers(-1000, 1000))
def test_weights_add_up_to_the_area_wherever_the_grid_lies(points, turn, shift):
    shape = shapely.MultiPoint(points).convex_hull.buffer(0.5)
    shape = shapely.Polygon(np.asarray(shape.exterior.coords) * 100 + (39_500_000 + shift, 4_077_000 - shift))
    grid = Affine(7.3, 0, 39_499_000, 0, -7.3, 4_079_000)
    assert dense(grid, (600, 600), [shape]).sum() * 7.3**2 == pytest.approx(shape.area, rel=1e-9)


def test_many_shapes_in_batches_equal_each_alone(monkeypatch):
    monkeypatch.setattr("geo.cells.BATCH", 150)
    rng = np.random.default_rng(1)
    shapes = [shapely.Point(x, y).buffer(r) for x, y, r in rng.uniform((-2, -2, 0.1), (10, 10, 3), (60, 3))]
    shapes[7:9] = [None, shapely.Polygon()]
    shapes[20] = shapely.MultiPolygon([shapely.box(0.5, 0.5, 2, 2), shapely.box(3, 3, 3.5, 7)])
    shapes[30] = shapely.box(1, 1, 6, 6).exterior
    assert dense(UNIT, SIZE, shapes) == pytest.approx(by_geos([s if s is None or s.area else None for s in shapes]), abs=1e-9)


def test_a_shape_on_grid_lines_touches_no_cell_beside_it():
    weights = dense(UNIT, SIZE, [shapely.box(2, 2, 5, 6)])[0]
    assert (weights[2:6, 2:5] == 1).all()
    assert np.count_nonzero(weights) == 12


def test_either_winding_of_rings_gives_the_same():
    ring, hole = shapely.box(1.2, 1.4, 6.6, 7.1), shapely.box(2.5, 2.5, 4.2, 4.7)
    ways = [
        shapely.Polygon(a.exterior.coords[::step], [hole.exterior.coords[::back]])
        for a, step, back in [(ring, 1, 1), (ring, -1, 1), (ring, 1, -1), (ring, -1, -1)]
    ]
    weights = dense(UNIT, SIZE, ways)
    assert weights == pytest.approx(np.broadcast_to(weights[:1], weights.shape), abs=1e-12)


def test_no_shapes_have_no_weights():
    assert list(weigh(UNIT, SIZE, np.array([], object))) == []
