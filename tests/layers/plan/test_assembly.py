"""Neighbours put together and plots cut: against brute force, and nothing is lost."""

from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.plan import assembly
from layers.plan.assembly import EXACT, assemblies, cuts, front, neighbours


def grid(columns, rows, size=50.0, gap=0.0):
    return np.array(
        [
            shapely.box(x * (size + gap), y * size, x * (size + gap) + size, (y + 1) * size)
            for y in range(rows)
            for x in range(columns)
        ],
        object,
    )


def owners(n):
    return np.arange(n, dtype=np.int32)


def test_a_corner_is_no_shared_edge_and_a_gap_of_the_drawing_is():
    land = neighbours(grid(2, 2), owners(4))
    assert [sorted(e) for e in land.edges] == [[1, 2], [0, 3], [0, 3], [1, 2]]
    assert land.edges[0][1] == pytest.approx(50, rel=0.01)
    apart = neighbours(grid(2, 1, gap=0.03), owners(2))
    assert list(apart.edges[0]) == [1]
    assert neighbours(grid(2, 1, gap=0.5), owners(2)).edges == ({}, {})


def test_plots_face_each_other_across_a_road_only_if_asked():
    shapes = np.array([shapely.box(0, 0, 50, 50), shapely.box(0, 70, 50, 120), shapely.box(200, 70, 250, 120)], object)
    road = np.array([shapely.box(-10, 50, 300, 70)], object)
    assert neighbours(shapes, owners(3)).edges == ({}, {}, {})
    assert [sorted(e) for e in neighbours(shapes, owners(3), road).edges] == [[1], [0], []]


def brute(shapes, area, seeds):
    found = set()
    edges = neighbours(shapes, owners(len(shapes))).edges
    for k in range(2, assembly.MOST + 1):
        for rows in combinations(range(len(shapes)), k):
            total = shapely.area(shapes[list(rows)]).sum()
            seen, open_ = {rows[0]}, [rows[0]]
            while open_:
                new = [n for n in edges[open_.pop()] if n in rows and n not in seen]
                seen.update(new)
                open_ += new
            if area[0] <= total <= area[1] and len(seen) == k and set(rows) & set(seeds):
                found.add(rows)
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(2_000, 12_000), st.integers(0, 8_000), st.integers(0, 10**6))
def test_small_neighbourhoods_are_searched_whole(columns, rows, least, more, seed):
    shapes = grid(columns, rows)
    seeds = np.unique(np.random.default_rng(seed).integers(0, len(shapes), 2))
    found, exact = assemblies(neighbours(shapes, owners(len(shapes))), (least, least + more), seeds)
    assert exact
    assert {a.rows for a in found} == brute(shapes, (least, least + more), seeds.tolist())
    for one in found:
        union = shapely.union_all(shapes[list(one.rows)])
        assert union.geom_type == "Polygon"
        assert one.area == pytest.approx(union.area)
        assert one.compactness == pytest.approx(4 * np.pi * union.area / union.length**2, rel=0.02)


def test_large_neighbourhoods_are_grown_and_say_so():
    shapes = grid(6, 5)
    assert len(shapes) > EXACT
    found, exact = assemblies(neighbours(shapes, owners(30)), (9_900, 10_100), np.array([14]))
    assert not exact
    best = max(found, key=lambda a: a.compactness)
    assert best.compactness == pytest.approx(np.pi / 4, rel=0.01)  # a square of four


@settings(max_examples=20, deadline=None)
@given(st.floats(60, 400), st.floats(60, 200), st.floats(0.2, 0.8), st.floats(0, 6.28))
def test_a_part_and_the_rest_are_the_plot_and_both_can_be_used(width, depth, share, turn):
    plot = shapely.affinity.rotate(shapely.box(0, 0, width, depth), turn, "center", use_radians=True)
    road = shapely.affinity.rotate(
        shapely.box(-20, -20, width + 20, 0), turn, shapely.box(0, 0, width, depth).centroid, use_radians=True
    )
    wanted = share * plot.area
    cut = widest(plot, wanted, road, 20.0)
    if cut is None:
        assert min(share, 1 - share) * width < 20.5
        return
    assert cut.part.area == pytest.approx(wanted, abs=1e-6)
    assert cut.part.area + cut.rest.area == pytest.approx(plot.area, abs=1e-6)
    assert min(cut.width, cut.rest_width) >= 20
    assert min(front(np.array([cut.part, cut.rest], object), np.array([road], object))) >= 6


def widest(plot, wanted, road, least_width):
    """Give the widest part of an area that can be used."""
    tried = next(cuts(plot, (wanted, wanted), wanted, np.array([road], object), least_width, 6.0), [])
    return max(tried, key=lambda c: min(c.width, c.rest_width), default=None)


def test_a_plot_whose_rest_would_have_no_road_is_not_cut_that_way():
    plot, road = shapely.box(0, 0, 30, 300), shapely.box(-20, -20, 50, 0)  # only the narrow end is on the road
    assert widest(plot, 4_500, road, 20.0) is None
    assert widest(plot, 4_500, road, 10.0).width == pytest.approx(15, rel=0.01)


def test_a_plot_is_cut_along_its_own_edges_and_to_another_area_where_only_that_does():
    slanted = shapely.Polygon([(0, 0), (100, 0), (160, 100), (60, 100)])
    road = shapely.box(-20, -20, 200, 0)
    (tried, *_) = cuts(slanted, (4_000, 6_000), 5_000, np.array([road], object), 38.0, 6.0)
    assert {c.area for c in tried} == {5_000}
    stages = [
        {c.area for c in some}
        for some in cuts(
            shapely.box(0, 0, 100, 30), (600, 2_400), 1_500, np.array([shapely.box(-9, -9, 60, 0)], object), 15.0, 20.0
        )
    ]
    assert stages[-1] == {600, 2_400} or 1_500 in stages[0]
