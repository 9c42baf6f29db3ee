"""Mosaics: what a change breaks is found with its place, and nothing else is."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.coverage import cut, faults_made, join

X, Y = 500_000.0, 4_077_000.0


def box(a, b, c, d):
    return shapely.box(X + a, Y + b, X + c, Y + d)


def shapes(*given):
    return np.array(given, object)


def found(old, new, around, gap=1.0, noise=1e-4):
    made = faults_made(shapes(*old), shapes(*new), shapes(*around), gap, noise)
    return sorted((int(i), int(j), round(s.area, 3)) for s, i, j in zip(*made, strict=True))


LEFT, RIGHT = box(0, 0, 10, 10), box(10, 0, 20, 10)


def test_an_overlap_names_both_polygons_and_its_area():
    assert found([LEFT], [box(0, 0, 12, 10)], [RIGHT]) == [(0, 1, 20.0)]
    assert found([], [LEFT, box(5, 0, 15, 10)], []) == [(0, 1, 50.0)]


def test_what_overlapped_before_is_not_made_by_the_change():
    assert found([box(0, 0, 12, 10)], [box(0, 0, 12, 10)], [RIGHT]) == []
    assert found([box(0, 0, 12, 10)], [box(0, 0, 13, 10)], [RIGHT]) == [(0, 1, 10.0)]


@pytest.mark.parametrize(
    ("new", "area"),
    [
        ([], 100.0),
        ([box(0, 0, 9, 10)], 10.0),
        ([box(0, 0, 10, 10).difference(box(4, 4, 5, 5))], 1.0),
        ([box(-5, 0, 9.5, 10)], 5.0),
    ],
    ids=["all land lost", "a strip lost", "a hole", "a gap to the neighbour"],
)
def test_land_that_loses_its_polygon_is_a_gap(new, area):
    assert found([LEFT], new, [RIGHT]) == [(-1, -1, area)]


def test_a_new_polygon_leaves_no_strip_to_its_neighbours():
    assert found([], [box(20.5, 0, 30, 10)], [LEFT, RIGHT]) == [(-1, -1, 5.0)]
    assert found([], [box(21.5, 0, 30, 10)], [LEFT, RIGHT]) == []
    assert found([], [box(20, 0, 30, 10)], [LEFT, RIGHT]) == []


def test_a_line_drawn_twice_is_no_fault():
    assert found([LEFT], [box(0, 0, 10.00005, 10)], [RIGHT]) == []
    assert found([LEFT], [box(0, 0, 9.99995, 10)], [RIGHT]) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-4, 14), st.floats(-4, 14)), min_size=2, max_size=2, unique=True), st.booleans())
def test_the_pieces_of_a_cut_are_the_polygon_again(ends, holed):
    polygon = box(0, 0, 10, 10).difference(box(4, 4, 6, 6)) if holed else box(0, 0, 10, 10)
    line = shapely.LineString([(X + x, Y + y) for x, y in ends])
    pieces = cut(polygon, line)
    assert sum(p.area for p in pieces) == pytest.approx(polygon.area, abs=1e-6)
    assert found([polygon], list(pieces), [], noise=1e-4) == []
    assert join(pieces, 1e-4).symmetric_difference(polygon).area < 1e-2


def test_polygons_that_touch_in_a_point_do_not_join():
    assert join(shapes(LEFT, box(10, 10, 20, 20)), 1e-4).geom_type == "MultiPolygon"
