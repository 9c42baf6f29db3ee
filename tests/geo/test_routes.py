"""Ways from polygons to lines: what kernels measure is what GEOS and numpy say, and no way around obstacles is shorter."""

from unittest.mock import patch

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from geo import bends, routes, segments
from geo import links as ways
from geo.chains import Near
from geo.links import Polygons

X, Y = 500_000.0, 4_077_000.0
REACH, RADIUS = 60.0, 0.5
seeds = st.integers(0, 10_000)


def random_world(seed):
    """Jagged polygons and lines with bends, one of them closed, where projected coordinates are."""
    rng = np.random.default_rng(seed)
    shapes = []
    while len(shapes) < 16:
        turn = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
        x, y = rng.uniform(0, 120, 2)
        radius = rng.uniform(5, 25, len(turn))
        shape = shapely.Polygon(np.c_[X + x + radius * np.cos(turn), Y + y + radius * np.sin(turn)])
        shapes += [shape] if shape.is_valid and shape.area > 1 else []
    lines = [
        shapely.LineString(rng.uniform(0, 120, 2) + np.cumsum(rng.uniform(-30, 30, (rng.integers(2, 6), 2)), axis=0) + (X, Y))
        for _ in range(10)
    ]
    ring = shapely.LinearRing([(X + 40, Y + 40), (X + 70, Y + 45), (X + 60, Y + 80)])
    both = shapely.MultiLineString([lines[0], lines[1]])
    return np.array(shapes), np.array([*lines, shapely.LineString(ring), both], object)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_kernels_say_what_geos_says(seed):
    shapes, lines = random_world(seed)
    polygons, rng = Polygons(shapes), np.random.default_rng(seed)
    i, j = np.nonzero(shapely.distance(shapes[:, None], lines[None]) > 0)
    compiled = routes.links(polygons.edges, lines, i, j)
    drawn = shapely.linestrings(compiled.reshape(-1, 2, 2))
    assert shapely.length(drawn) == pytest.approx(shapely.distance(shapes[i], lines[j]), abs=1e-7)
    assert shapely.distance(drawn, shapes[i]).max() < 1e-7
    assert shapely.distance(drawn, lines[j]).max() < 1e-7

    few = compiled[rng.permutation(len(compiled))[: ways.MANY - 1]]
    one, other = ways.crossed(few, polygons, 1e-4), segments.crossed(few, polygons.edges, shapely.bounds(shapes), 1e-4)
    lengths = [{(k, o): m for k, o, m in zip(*found, strict=True) if m > 1e-6} for found in (one, other)]
    assert lengths[0] == pytest.approx(lengths[1], abs=1e-6)

    i, j = (pair[: ways.MANY - 1] for pair in np.nonzero(shapely.distance(shapes[:, None], lines[None]) < 25))
    half, counted = rng.uniform(3, 12, len(i)), rng.random(len(i)) < 0.6
    for a, b in zip(
        ways.facing(polygons, lines, half, i, j, counted),
        segments.facing(polygons.edges, lines, half, i, j, counted),
        strict=True,
    ):
        # a chord in place of an arc tells where an edge grazes it
        assert a == pytest.approx(b, abs=0.2)
        assert np.abs(a - b).mean() < 0.005


def test_a_way_along_a_line_that_two_share_is_inside_both():
    left, right = shapely.box(X, Y, X + 10, Y + 20), shapely.box(X + 10, Y, X + 20, Y + 20)
    link, pair = np.array([[X + 10, Y + 25, X + 10, Y - 5]]), Polygons(np.array([left, right]))
    for found in (ways.crossed(link, pair, 1e-4), segments.crossed(link, pair.edges, shapely.bounds(pair.shapes), 1e-4)):
        assert found[1].tolist() == [0, 1]
        assert found[2] == pytest.approx([20, 20], abs=1e-6)


def plainly(search, *asked):
    """Search without kernels, as where they were never loaded."""
    with patch.object(bends, "_kernels", lambda pairs: False):
        return search(*asked)


bricks = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 6), st.integers(1, 6)).map(
    lambda q: shapely.box(4 * q[0], 4 * q[1], 4 * (q[0] + q[2]), 4 * (q[1] + q[3]))
)


@st.composite
def small_worlds(draw):
    """A plot, neighbours that may touch, overlap or surround it, and two lines."""
    own = draw(bricks)
    obstacles = [o.difference(own) for o in draw(st.lists(bricks, min_size=1, max_size=5))]
    obstacles = [part for o in obstacles for part in shapely.get_parts(o) if part.area > 0]
    assume(obstacles)
    turn = draw(st.sampled_from([0.0, 11.0, 45.0]))
    points = st.tuples(st.integers(-3, 15), st.integers(-3, 15))
    lines = [
        shapely.LineString(4.0 * np.array(draw(st.lists(points, min_size=2, max_size=3, unique=True)), float)) for _ in range(2)
    ]
    placed = [
        shapely.affinity.translate(shapely.affinity.rotate(s, turn, origin=(0, 0)), X, Y) for s in [own, *lines, *obstacles]
    ]
    return placed[0], np.array(placed[1:3]), np.array(placed[3:])


def shortest(own, line, obstacles, radius):
    """Search the way among sampled begins and ends and the corners of the obstacles, drawn wider than `radius`; inf: none."""
    land = shapely.union_all(shapely.buffer(obstacles, radius / np.cos(np.pi / 16) * 1.001, quad_segs=4))
    sampled = [shapely.get_coordinates(shapely.segmentize(s, 4.0)) for s in (own.exterior, line)]
    begin, end = (xy[~shapely.intersects_xy(land, xy)] for xy in sampled)
    node = np.concatenate([begin, end, shapely.get_coordinates(land)])
    u, v = np.triu_indices(len(node), 1)
    legs = shapely.linestrings(np.stack([node[u], node[v]], axis=1))
    inner = land.buffer(-1e-6)
    shapely.prepare(inner)
    seen = ~shapely.intersects(inner, legs)
    length = np.r_[np.maximum(shapely.length(legs[seen]), 1e-12), np.full(len(begin), 1e-12)]
    u, v = np.r_[u[seen], np.full(len(begin), len(node))], np.r_[v[seen], np.arange(len(begin))]
    graph = coo_array((length, (u, v)), shape=(len(node) + 1,) * 2).tocsr()
    far = dijkstra(graph, directed=False, indices=len(node))[len(begin) : len(begin) + len(end)]
    return far.min(initial=np.inf)


@settings(max_examples=30, deadline=None)
@given(small_worlds())
def test_a_way_is_free_and_none_that_keeps_a_little_farther_away_is_shorter(world):
    own, lines, obstacles = world
    polygon, walls = Polygons(np.array([own])), Polygons(obstacles)
    near, to = Near(np.array([0, len(obstacles)]), np.arange(len(obstacles))), Near(np.array([0, 2]), np.arange(2))
    found = routes.detours(polygon.edges, np.zeros(1, int), walls.edges, near, lines, to, REACH, RADIUS)
    without = plainly(bends.detours, polygon, np.zeros(1, int), walls, near, lines, to, REACH, RADIUS)
    assert without == pytest.approx(found, abs=1e-6)
    for line, length in zip(lines, found, strict=True):
        both = (
            routes.detour(polygon.edges, walls.edges, near.row, line, REACH, RADIUS),
            plainly(bends.detour, polygon, walls, near.row, line, REACH, RADIUS),
        )
        assert {bool(len(drawn)) for drawn in both} == {bool(np.isfinite(length))}
        for drawn in filter(len, both):
            way = shapely.LineString(drawn)
            assert way.length == pytest.approx(length, abs=1e-6)
            assert shapely.distance(way, obstacles).min() >= RADIUS - 1e-5
            assert max(own.exterior.distance(shapely.Point(drawn[0])), line.distance(shapely.Point(drawn[-1]))) < 1e-6
        other = shortest(own, line, obstacles, 1.09 * RADIUS)
        assert length <= max(other, 0) + 1e-6 or other > REACH


def bent(own, line, *obstacles, radius=RADIUS, reach=REACH):
    polygon, walls, all_ = Polygons(np.array([own])), Polygons(np.array(obstacles)), np.arange(len(obstacles))
    found = plainly(bends.detour, polygon, walls, all_, line, reach, radius)
    assert found == pytest.approx(routes.detour(polygon.edges, walls.edges, all_, line, reach, radius), abs=1e-6)
    return shapely.LineString(found)


def test_a_way_goes_around_the_nearer_corner():
    own, wall = shapely.box(0, 0, 20, 20), shapely.box(-30, -10, 25, -5)
    line = shapely.LineString([(-100, -20), (100, -20)])
    way = bent(own, line, wall)
    # past the corner (25, -5) and (25, -10), each cut at two places half a metre off
    off = RADIUS * np.tan(np.pi / 8)
    expected = np.hypot(25 + off - 20, 5 - RADIUS) + np.hypot(RADIUS - off, RADIUS - off) + (5 + off + off) + 10 - off
    assert way.length == pytest.approx(expected, abs=0.05)
    assert bent(own, line, wall, reach=expected - 1).is_empty


def test_a_plot_that_others_surround_has_no_way():
    own, ring = shapely.box(0, 0, 20, 20), shapely.box(-10, -10, 30, 30).difference(shapely.box(0, 0, 20, 20))
    assert bent(own, shapely.LineString([(-50, -15), (50, -15)]), ring).is_empty


@pytest.mark.parametrize(("gap", "free"), [(0.9, False), (1.1, True)])
def test_a_gap_lets_a_strip_of_its_width_through(gap, free):
    own = shapely.box(0, 0, 20, 20)
    left, right = shapely.box(-40, -5, 10 - gap / 2, 0), shapely.box(10 + gap / 2, -5, 60, 0)
    way = bent(own, shapely.LineString([(-50, -8), (70, -8)]), left, right, reach=20)
    assert way.is_empty != free
