"""Which ends meet, what is reported, and reach against brute force over all days."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.network import Graph, NetworkError, by_line, faults, graph, reach, route, served

NEVER = np.inf


def lines_of(*courses):
    return np.array([shapely.LineString(c) if c else None for c in courses], object)


def points_of(*xy):
    return shapely.points(np.array(xy, float).reshape(-1, 2))


def abstract(edges, count):
    """A graph of edges between numbered nodes, without geometry."""
    start, end = np.array(edges, np.intp).reshape(-1, 2).T
    index = np.arange(len(edges))
    return Graph(np.zeros((count, 2)), index, start, end, np.ones(len(edges)), np.empty(0, np.intp), len(edges), 0.0)


def test_ends_within_the_tolerance_meet_and_others_do_not():
    g = graph(lines_of([(0, 0), (10, 0)], [(10.05, 0), (20, 0)], [(20.5, 0), (30, 0)]), tolerance=0.1)
    assert g.end[0] == g.start[1]
    assert g.end[1] != g.start[2]
    assert len(g.nodes) == 5
    assert g.nodes[g.end[0]] == pytest.approx((10.025, 0))


def test_lines_that_cross_without_a_node_do_not_meet():
    lines = lines_of([(0, 0), (10, 0)], [(5, -5), (5, 5)])
    g = graph(lines, 0.1, split_at_ends=True)
    assert not set(g.start) & set(g.end)
    assert faults(lines, g, 1.0).crossings.tolist() == [[0, 1]]


@pytest.mark.parametrize("split", [False, True])
def test_an_end_on_another_line_meets_it_only_if_lines_are_split(split):
    lines = lines_of([(0, 0), (10, 0), (10, 10)], [(4, 0.05), (4, 5)], [(10, 3), (15, 3)])
    g = graph(lines, 0.1, points_of((0, 0)), split_at_ends=split)
    assert served(g, g.point, np.zeros(3), 0).all() == split
    found = faults(lines, g, 1.0)
    assert len(found.near_lines) == (0 if split else 2)
    assert found.near_lines[:, 1].tolist() == ([] if split else [0, 0])
    if split:
        assert g.line.tolist() == [0, 0, 0, 1, 2]
        assert g.length[:3] == pytest.approx([4, 9, 7])


def test_a_source_on_the_way_of_a_line_parts_it():
    g = graph(lines_of([(0, 0), (10, 0)]), 0.1, points_of((6, 0.02), (6, 9)))
    assert g.length.tolist() == pytest.approx([6, 4])
    assert served(g, g.point[:1], [0], 0).sum() == 3
    assert served(g, g.point[1:], [0], 0).sum() == 1


def test_what_is_wrong_is_reported_and_not_mended():
    lines = lines_of(
        [(0, 0), (10, 0)], [(10, 0), (5, 3), (0, 0)], [(10, 0), (0, 0)], [(10.5, 0), (20, 0)], [(3, 3), (3, 3)], None,
        [(0, 0), (5, 3), (10, 0)], [(15, 0.4), (15, 9)],
    )  # fmt: skip
    g = graph(lines, 0.1)
    found = faults(lines, g, 1.0)
    assert found.without_extent.tolist() == [4, 5]
    assert sorted(map(tuple, found.duplicates)) == [(2, 0), (6, 1)]
    assert {tuple(g.nodes[k]) for k in found.dangling} == {(10.5, 0), (20, 0), (15, 0.4), (15, 9)}
    assert [{tuple(xy) for xy in g.nodes[pair]} for pair in found.near_nodes] == [{(10, 0), (10.5, 0)}]
    assert [(tuple(g.nodes[node]), line) for node, line in found.near_lines.tolist()] == [((15, 0.4), 3)]
    assert not served(g, g.start[:1], np.zeros(8), 0)[g.end[g.line == 3]].any()


def test_a_source_that_no_line_meets_is_a_near_miss_and_no_dangling_end():
    lines = lines_of([(0, 0), (10, 0)])
    g = graph(lines, 0.1, points_of((10.4, 0), (0, 0)))
    found = faults(lines, g, 1.0)
    assert [{tuple(xy) for xy in g.nodes[pair]} for pair in found.near_nodes] == [{(10, 0), (10.4, 0)}]
    assert [tuple(g.nodes[k]) for k in found.dangling] == [(10, 0)]


def test_parts_of_a_line_are_edges_and_rings_and_points_do_no_harm():
    several = shapely.MultiLineString([[(0, 0), (1, 0)], [(5, 0), (6, 0)]])
    lines = np.array([several, shapely.LinearRing([(6, 0), (7, 0), (7, 1)]), shapely.Point(1, 0), shapely.LineString()], object)
    g = graph(lines, 0.0)
    assert g.line.tolist() == [0, 0, 1]
    assert faults(lines, g, 0.5).without_extent.tolist() == [2, 3]


def test_no_lines_and_points_of_nothing():
    g = graph(np.array([], object), 0.1, points_of((1, 1)))
    assert reach(g, g.point, []).tolist() == [-np.inf]
    assert reach(graph(np.array([], object), 0.1), [], []).shape == (0,)
    with pytest.raises(NetworkError, match="points"):
        graph(np.array([], object), 0.1, np.array([None]))


def test_reach_is_the_best_way_by_its_latest_line():
    g = abstract([(0, 1), (1, 2), (0, 3), (3, 2), (2, 4)], 6)
    assert reach(g, [0], [10, 50, 20, 30, 5]).tolist() == [-np.inf, 10, 30, 20, 30, NEVER]
    assert reach(g, [0], [10, 50, 20, 30, NEVER], opens=[25]).tolist() == [25, 25, 30, 25, NEVER, NEVER]
    assert reach(g, [0], [10, 50, 20, 30, 5], since=22).tolist() == [22, 22, 30, 22, 30, NEVER]


def test_a_retired_line_serves_no_more_and_one_that_ends_before_it_begins_never():
    g = abstract([(0, 1), (1, 2), (0, 2)], 3)
    assert reach(g, [0], [0, 10, 99], [5, NEVER, NEVER]).tolist() == [-np.inf, 0, 99]
    assert reach(g, [0], [0, 10, 99], [5, NEVER, NEVER], since=20).tolist() == [20, 99, 99]
    assert reach(g, [0], [7, 1, 1], [7, NEVER, NEVER]).tolist() == [-np.inf, 1, 1]


def test_gravity_serves_only_what_runs_down_to_the_works():
    g = abstract([(0, 1), (1, 2), (2, 3), (1, 4)], 5)
    begins = [1, 2, 3, 4]
    assert reach(g, [2], begins, flow=[1, 1, 1, -1]).tolist() == [2, 2, -np.inf, NEVER, 4]
    assert reach(g, [2], begins, flow=[1, 1, 0, 1]).tolist() == [2, 2, -np.inf, 3, NEVER]
    assert by_line(g, reach(g, [2], begins, flow=[1, 1, 1, -1]), begins, [1, 1, 1, -1]).tolist() == [2, 2, NEVER, 4]
    assert by_line(g, reach(g, [2], begins), begins).tolist() == [2, 2, 3, 4]


def test_a_day_that_is_not_a_number_is_refused():
    with pytest.raises(NetworkError, match="NaN"):
        reach(abstract([(0, 1)], 2), [0], [np.nan])


def test_the_route_is_the_shortest_way_in_service():
    lines = lines_of([(0, 0), (10, 0)], [(0, 0), (5, 9), (10, 0)], [(10, 0), (20, 0)], [(0, 0), (5, 1), (10, 0)])
    g = graph(lines, 0.1, points_of((0, 0), (20, 0)))
    begins, ends, target = [0, 0, 0, 0], [5, NEVER, NEVER, 8], int(g.point[1])
    ways = [g.line[route(g, g.point[:1], begins, day, target, ends)].tolist() for day in (-1, 0, 5, 8)]
    assert ways == [[], [0, 2], [3, 2], [1, 2]]


@st.composite
def worlds(draw):
    """Small random networks with days, ends, sources, opening days and flow."""
    count = draw(st.integers(1, 7))
    node = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(node, node), min_size=0, max_size=12))
    day = st.one_of(st.integers(0, 6).map(float), st.just(NEVER))
    column = st.lists(day, min_size=len(edges), max_size=len(edges))
    sources = draw(st.lists(node, max_size=3))
    opens = draw(st.lists(day, min_size=len(sources), max_size=len(sources)))
    flow = draw(st.one_of(st.none(), st.lists(st.sampled_from([-1, 0, 1]), min_size=len(edges), max_size=len(edges))))
    ends = draw(st.one_of(st.none(), column))
    return abstract(edges, count), sources, draw(column), ends, opens, flow, draw(st.sampled_from([-np.inf, 0.0, 2.0, 3.5]))


def walk(g, sources, begins, ends, opens, flow, day):
    """Nodes that are served on a day, by walking."""
    seen = {s for s, opened in zip(sources, opens, strict=True) if opened <= day}
    todo = list(seen)
    while todo:
        here = todo.pop()
        for k, (a, b) in enumerate(zip(g.start, g.end, strict=True)):
            course = 0 if flow is None else flow[k]
            on = begins[k] <= day and (ends is None or day < ends[k])
            for source, target, open_ in ((b, a, course >= 0), (a, b, course <= 0)):
                if on and open_ and source == here and target not in seen:
                    seen.add(int(target))
                    todo.append(int(target))
    return seen


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_reach_equals_walking_on_every_day(world):
    g, sources, begins, ends, opens, flow, since = world
    expected = np.full(len(g.nodes), NEVER)
    for day in sorted({*range(7), 3.5}, reverse=True):
        if day >= since:
            expected[list(walk(g, sources, begins, ends, opens, flow, day))] = day
    found = reach(g, sources, begins, ends, opens, flow, max(since, 0))
    assert found.tolist() == expected.tolist()
    for day in (0, 2, 3.5):
        on = served(g, sources, begins, day, ends, opens, flow)
        assert set(np.flatnonzero(on)) == walk(g, sources, begins, ends, opens, flow, day)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_snapped_networks_are_served_as_their_buffers_touch(seed, split):
    rng = np.random.default_rng(seed)
    xy = rng.integers(0, 6, (12, 2, 2)).astype(float) + rng.uniform(-0.005, 0.005, (12, 2, 2))
    lines = shapely.linestrings(xy)
    g = graph(lines, 0.05, split_at_ends=split)
    ends = shapely.points(xy)
    touch = np.eye(12, dtype=bool)
    for i in range(12):
        for j in range(12):
            target = lines[[j]] if split else ends[j]
            touch[i, j] |= bool((shapely.distance(ends[i][:, None], target[None]) <= 0.05).any())
    touch |= touch.T
    for _ in range(4):
        touch = touch @ touch
    if (shapely.length(lines) > 0.05).all():
        on = served(g, g.start[g.line == 0][:1], np.zeros(12), 0)
        assert np.unique(g.line[on[g.start]]).tolist() == np.flatnonzero(touch[0]).tolist()
