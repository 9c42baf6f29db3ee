import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.shape import boundary_points, noded, noded_together


def test_points_run_clockwise_from_the_north_west_and_holes_follow_the_shell():
    plot = shapely.Polygon(
        [(0, 0), (100, 0), (100, 80), (0, 80)], [[(10, 10), (10, 20), (20, 20), (20, 10)]]
    )  # counter-clockwise from the south-west
    found = boundary_points(np.array([plot, shapely.box(200, 0, 210, 5)], object))
    assert found.shape.tolist() == [0] * 8 + [1] * 4
    assert found.ring.tolist() == [0] * 4 + [1] * 4 + [0] * 4
    assert found.number.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4]
    assert found.xy[:5].tolist() == [[0, 80], [100, 80], [100, 0], [0, 0], [10, 20]]
    assert found.side.tolist() == [100, 80, 100, 80, 10, 10, 10, 10, 10, 5, 10, 5]


def test_parts_follow_each_other_from_the_north_west():
    far, near = shapely.box(50, 0, 60, 10), shapely.box(0, 40, 10, 50)
    found = boundary_points(np.array([shapely.MultiPolygon([far, near])], object))
    assert found.part.tolist() == [0] * 4 + [1] * 4
    assert found.number.tolist() == list(range(1, 9))
    assert found.xy[0].tolist() == [0, 50]


@given(st.integers(3, 40), st.integers(0, 10**6), st.booleans())
def test_numbered_points_are_the_polygon(n, seed, reverse):
    angle = np.sort(np.random.default_rng(seed).uniform(0, 2 * np.pi, n))
    if len(np.unique(angle)) < n:
        return
    xy = 50 * np.c_[np.cos(angle), np.sin(angle)]
    plot = shapely.Polygon(xy[::-1] if reverse else xy)
    found = boundary_points(np.array([plot], object))
    again = shapely.Polygon(found.xy)
    assert again.equals(plot)
    assert not shapely.is_ccw(shapely.get_exterior_ring(again))
    assert np.isclose(found.side.sum(), plot.length)
    assert (found.xy[0, 1] - found.xy[0, 0]) >= (found.xy[:, 1] - found.xy[:, 0]).max() - 1e-9


def test_points_that_lie_on_an_edge_become_points_of_the_outline_and_change_nothing_else():
    plot = shapely.box(0, 0, 100, 80) - shapely.box(40, 30, 60, 50)
    others = np.array([(100.0004, 30.0), (100.0, 30.0003), (50.0, 50.0), (100.0, 80.0), (100.2, 10.0), (0.0, 0.0)])
    found = noded(plot, others, 0.001)
    assert found.equals(plot)
    assert shapely.get_num_coordinates(found) == shapely.get_num_coordinates(plot) + 2
    points = boundary_points(np.array([found], object))
    assert [100, 30] in points.xy.round(2).tolist()
    assert [50, 50] in points.xy.round(2).tolist()
    assert np.allclose(points.side, np.hypot(*(points.xy[points.following] - points.xy).T))
    parts = shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)])
    assert noded(parts, others, 0.001).equals(parts)


def test_corners_on_anothers_edge_are_points_of_both():
    shapes = np.array(
        [shapely.box(0, 0, 10, 10), shapely.box(10, -5, 20, 4), shapely.box(10, 4, 20, 30), shapely.box(50, 0, 60, 9)], object
    )
    whole = noded_together(shapes, 0.001)
    assert shapely.get_num_coordinates(whole).tolist() == [6, 6, 6, 5]
    assert shapely.equals(whole, shapes).all()
    for one, other in ((0, 1), (0, 2), (1, 2)):
        line = shapely.intersection(whole[one], whole[other])
        points = {tuple(p) for p in shapely.get_coordinates(line)}
        assert points <= {tuple(p) for p in shapely.get_coordinates(whole[one])} & {
            tuple(p) for p in shapely.get_coordinates(whole[other])
        }
    some = noded_together(shapes[:1], 0.001, shapes[1:])
    assert shapely.equals_exact(some[0], whole[0])
    assert noded_together(shapes[:0], 0.001).shape == (0,)
