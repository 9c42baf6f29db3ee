"""Parts of plots and assemblies against brute force: nothing beats what is found by more than the gap that is told."""

from dataclasses import replace
from datetime import date
from itertools import combinations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.shape import inner_width
from layers.assessment import Networks
from layers.base import Edition
from layers.composed import SHAPE, ceiling
from layers.measured import TOLD
from layers.plan.assembly import MOST, front, measure, neighbours
from layers.plan.siting import YES, Brief, at_least, judge, within_area
from layers.plot_index import Index
from layers.search import search
from layers.store.base import Change
from layers.store.memory import MemoryStore
from tests.layers.plan.test_siting import ON, table
from tests.layers.test_refresh import CRS, STANDARDS, X, Y, ask

SIDE = 50.0
ASK = ask()


class Fixed(Index):
    """A table that is given."""

    def __init__(self, plots):
        self.given = plots

    def plots(self, store, standards, networks):
        return self.given, ON


def land(shapes, seed, roads=()):
    """Store plots of any findings, all free, and public roads 20 m wide; give the store and its table."""
    store = MemoryStore(CRS)
    plots = table(len(shapes), seed)
    frame = gpd.GeoDataFrame({"id": plots.id}, geometry=list(shapes), crs=CRS)
    store.add(Edition("", "parcels", "test", date(2026, 1, 1), None), frame, Change("test"))
    axes = {"id": [f"R{n}" for n in range(len(roads))], "class": "local", "red_line_width": 20.0}
    store.add(
        Edition("", "roads", "test", date(2026, 1, 1), None),
        gpd.GeoDataFrame(axes, geometry=list(roads), crs=CRS),
        Change("test"),
    )
    findings = pd.DataFrame(dict.fromkeys(TOLD), index=pd.Index(plots.id, name="id"), dtype=object).assign(
        verdict="free", reason=""
    )
    store.save_findings(findings, {})
    return store, plots._replace(area=shapely.area(shapes), verdict=np.full(len(shapes), YES))


def grid(columns, rows):
    return np.array(
        [shapely.box(X + x * SIDE, Y + y * SIDE, X + (x + 1) * SIDE, Y + (y + 1) * SIDE) for y in range(rows) for x in range(columns)], object
    )  # fmt: skip


def best_assemblies(shapes, plots, brief, seeds):
    """Score every connected set of plots with a seed, in Python."""
    around, found = neighbours(shapes, plots.owner), {}
    said = {s: judge(plots, brief, s, np.arange(len(shapes)), ON) for s in brief.services}
    whole = sum(brief.weight(c) for c in brief.criteria) + SHAPE
    for k in range(2, MOST + 1):
        for rows in combinations(range(len(shapes)), k):
            inside = brief.area[0] <= shapely.area(shapes[list(rows)]).sum() <= brief.area[1]
            if not inside or not set(rows) & seeds or shapely.union_all(shapes[list(rows)]).geom_type != "Polygon":
                continue
            if any(any(edge == 0.0 for edge in around.edges[r].values()) for r in rows):
                continue
            one, area = measure(around, frozenset(rows)), np.array([SIDE * SIDE * k])
            front_ = at_least(np.array([plots.frontage[list(rows)].sum()]), brief.frontage)
            worst = {s: min(rows, key=lambda r, s=s: (said[s].fit[r] == YES, said[s].score[r])) for s in brief.services}
            if any(brief.must(s) and said[s].fit[r] != YES for s, r in worst.items()) or (
                brief.must("frontage") and front_.fit[0] != YES
            ):
                continue
            total = sum(brief.weight(s) * said[s].score[r] for s, r in worst.items()) + within_area(area, brief).score[0]
            total += brief.weight("frontage") * front_.score[0] + (one.compactness + 1 / one.owners) / 2
            found[tuple(plots.id[list(rows)])] = total / whole
    return found


@settings(max_examples=8, deadline=None)
@given(
    st.integers(2, 3), st.integers(1, 3), st.integers(0, 10**6), st.integers(2, 5), st.integers(0, 2),
    st.sets(st.sampled_from(["power", "water", "frontage"])), st.integers(1, 30),
)  # fmt: skip
def test_the_best_assemblies_of_small_neighbourhoods_are_those_of_brute_force(columns, rows, seed, least, more, wishes, limit):
    shapes = grid(columns, rows)
    store, plots = land(shapes, seed)
    area = (least * SIDE * SIDE - 1, (least + more) * SIDE * SIDE + 1)
    brief = Brief(area, None, ("power", "water"), date(2026, 12, 1), frontage=120.0, wishes=dict.fromkeys(wishes, 0.7))
    found = search(store, brief, ASK, STANDARDS, limit, ("assembly",), index=Fixed(plots))
    every = best_assemblies(shapes, plots, brief, set(range(len(shapes))))
    best = sorted(every, key=lambda ids: (-round(every[ids], 9), ids))[:limit]
    assert [m.score for m in found.matches] == pytest.approx([every[ids] for ids in best])
    assert {m.plots: m.score for m in found.matches} == pytest.approx({m.plots: every[m.plots] for m in found.matches})
    assert found.gaps == {"assembly": 0.0}


def test_the_gap_bounds_what_a_large_neighbourhood_hides():
    shapes = grid(5, 4)
    for seed in range(4):
        store, plots = land(shapes, seed)
        brief = Brief((2.5 * SIDE**2, 4.5 * SIDE**2), None, ("power",), frontage=1.0, wishes={"power": 1.0, "frontage": 0.5})
        found = search(store, brief, ASK, STANDARDS, 5, ("assembly",), index=Fixed(plots))
        every = best_assemblies(shapes, plots, brief, set(range(20)))
        assert max(every.values()) <= found.matches[0].score + found.gaps["assembly"] + 1e-9
        assert found.gaps["assembly"] < 0.5


def usable(part, rest, roads, narrow, access):
    both = np.array([part, rest], object)
    polygons = all(one.geom_type == "Polygon" and not one.is_empty for one in both)
    return polygons and front(both, roads).min() >= access and inner_width(both).min() >= narrow


def best_part(plot, brief, roads, narrow, access):
    """Cut a plot by lines in many directions at many places, and score what can be used by its area and its front."""
    best, reach = 0.0, 2 * np.sqrt(plot.area) + 500
    centre = shapely.get_coordinates(plot.centroid)[0]
    for turn in np.arange(0, 2 * np.pi, np.pi / 9):
        c, s = np.cos(turn), np.sin(turn)
        for at in np.linspace(-120, 120, 25):
            half = shapely.Polygon(
                np.array([(-reach, -reach), (at, -reach), (at, reach), (-reach, reach)]) @ np.array([[c, s], [-s, c]]) + centre
            )
            part, rest = plot.intersection(half), plot.difference(half)
            if not brief.area[0] <= part.area <= brief.area[1] or not usable(part, rest, roads, narrow, access):
                continue
            front_ = at_least(front(np.array([part], object), roads), brief.frontage)
            if brief.must("frontage") and front_.fit[0] != YES:
                continue
            terms = within_area(np.array([part.area]), brief).score[0] + brief.weight("frontage") * front_.score[0]
            best = max(best, terms / (1 + brief.weight("frontage")))
    return best


CORNERS = st.tuples(st.floats(0, 40), st.floats(0, 40))


@settings(max_examples=6, deadline=None)
@given(st.tuples(CORNERS, CORNERS, CORNERS, CORNERS), st.floats(0.2, 0.7), st.floats(0.02, 0.3), st.floats(10, 90), st.booleans())
def test_no_straight_cut_beats_the_part_that_is_found_by_more_than_the_gap(corners, share, width, frontage, wished):
    at = [
        (x + dx * sx, y + dy * sy)
        for (x, y, sx, sy), (dx, dy) in zip(
            [(0, 0, 1, 0), (150, 0, -1, 0), (150, 110, -1, -1), (0, 110, 1, -1)], corners, strict=True
        )
    ]
    plot = shapely.affinity.translate(shapely.Polygon(at), X, Y)
    road = shapely.LineString([(X - 30, Y - 10), (X + 180, Y - 10)])
    store, plots = land(np.array([plot], object), 1, [road])
    middle = share * plot.area
    brief = Brief((middle * (1 - width), middle * (1 + width)), frontage=frontage, wishes={"frontage": 1.0} if wished else {})
    found = search(store, brief, ASK, STANDARDS, 5, ("part",), index=Fixed(plots))
    law = ASK.standards
    roads = np.array([road.buffer(10, cap_style="flat")], object)
    brute = best_part(plot, brief, roads, law["supply.min_width"], law["roads.access_width_min"])
    mine = max((m.score for m in found.matches), default=0.0)
    assert brute <= mine + found.gaps["part"] + 1e-9
    assert mine + found.gaps["part"] <= ceiling(brief, 0.0, ("area", "frontage")) + 1e-9
    if not wished and frontage < 20 and brute:
        assert found.matches, (plot, brief)


def test_only_the_kinds_that_are_asked_for_are_found():
    shapes = grid(3, 2)
    store, plots = land(shapes, 3, [shapely.LineString([(X - 30, Y - 10), (X + 180, Y - 10)])])
    for area, kind in (((2000.0, 3000.0), "single"), ((4000.0, 6000.0), "assembly"), ((900.0, 1400.0), "part")):
        for kinds in (("single",), ("part",), ("assembly",), ("single", "part", "assembly")):
            found = search(store, Brief(area), ASK, STANDARDS, 9, kinds, index=Fixed(plots), networks=Networks())
            assert {m.kind for m in found.matches} == ({kind} & set(kinds)), (area, kinds)
            assert set(found.gaps) == set(kinds) - {"single"}


def test_a_part_may_have_the_front_that_is_asked_while_the_rest_keeps_an_access():
    road = shapely.LineString([(X - 30, Y - 10), (X + 180, Y - 10)])
    store, plots = land(np.array([shapely.box(X, Y, X + 150, Y + 60)], object), 1, [road])
    brief = Brief((6_300.0, 6_300.0), frontage=100.0)
    (match,) = search(store, brief, ASK, STANDARDS, 5, ("part",), index=Fixed(plots)).matches
    assert (match.area, match.rest_area) == pytest.approx((6_300, 2_700))
    dear = replace(brief, frontage=140.0)
    none = search(store, dear, ASK, STANDARDS, 5, ("part",), index=Fixed(plots))
    assert (none.matches, none.gaps["part"] > 0) == ((), True)
