"""What networks can still take: the least on the way to the source, told only where it was recorded."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from api.text import loaded
from layers.base import Survey
from layers.plan.capacity import Capacity, demand, spare
from layers.plan.networks import serving
from layers.plan.readiness import readiness
from layers.standards import Standards
from tests.layers.plan.test_networks import CRS, NO_PARCELS, TODAY, X, Y, ask, pipe, survey, works
from tests.layers.sizes import SIZED

STANDARDS = Standards.load()
HECTARE = 100.0


def traced(*rows, on=TODAY):
    """What is told of lines, by id."""
    land = survey(*rows)
    found = spare(land.features, serving(land, ask(on)), ask(on))
    return found.set_axis(land.features["id"])


def network(*rows, on=TODAY):
    """A survey of utilities as the checks read it: traced."""
    land = survey(*rows)
    return Survey(land.features.join(spare(land.features, serving(land, ask(on)), ask(on))), land.editions)


def plots(*rows):
    """Square plots of a hectare: id, x, and facts."""
    data = [{"id": id, "use_code": "100102", "code_system": "planning_2023", "status": "ready", **facts} for id, _, facts in rows]
    shapes = [shapely.box(X + x, Y, X + x + HECTARE, Y + HECTARE) for _, x, _ in rows]
    return gpd.GeoDataFrame(data, geometry=shapes, crs=CRS)


def power(id, *xy, **facts):
    return pipe(id, *xy, kind="power", **facts)


def line_to(x=0, **facts):
    """A substation and one line past the plots from x on, at 10 m."""
    return [
        works("S", x, -10, kind="power", capacity=9000, committed=1000, capacity_unit="kW"),
        power("L", (x, -10), (x + 300, -10), **facts),
    ]


def rated(capacity, committed=0.0):
    return {"capacity": capacity, "committed": committed, "capacity_unit": "kW"}


def state(rows, plot, **question):
    found = readiness(plot, {"utilities": network(*rows), "parcels": NO_PARCELS}, ask(), **question).iloc[0]
    return found["power_state"], found["power_capacity"]


def test_the_narrowest_of_line_way_and_source_is_what_is_spare():
    rows = [
        works("S", 0, 0, kind="power", **rated(5000, 1000)),
        power("a", (0, 0), (100, 0), **rated(3000, 500)),
        power("b", (100, 0), (200, 0), **rated(9000, 0)),
        power("c", (200, 0), (300, 0), **rated(2600)),
    ]
    found = traced(*rows)
    assert found["gate"].tolist()[1:] == ["S", "a", "b"]
    assert found["spare_most"].tolist() == found["spare_sure"].tolist() == [4000, 2500, 2500, 2500]
    assert found["bottleneck"].tolist() == ["S", "a", "a", "a"]
    assert found.loc["c", ["room_most", "way_most", "source_most"]].tolist() == [2600, 2500, 4000]
    assert pd.isna(found.loc["a", "way_most"]), "nothing lies between it and its source"


@pytest.mark.parametrize("gap", [{"capacity": None}, {"capacity_unit": "horses"}, {"committed": None}])
def test_what_nobody_recorded_on_the_way_is_unknown_and_never_enough(gap):
    facts = {**rated(8000, 100), **gap}
    rows = [
        works("S", 0, 0, kind="power", **rated(5000)),
        power("a", (0, 0), (100, 0), **facts),
        power("b", (100, 0), (200, 0), **rated(4000)),
    ]
    found = traced(*rows)
    assert found.loc["b", "spare_most"] == 4000
    assert pd.isna(found.loc["b", "spare_sure"])


def test_a_line_without_a_source_or_from_beyond_the_survey_is_never_surely_enough():
    assert pd.isna(traced(power("a", (0, 0), (100, 0), **rated(4000))).loc["a", "spare_sure"])
    rows = [works("S", 0, 0, kind="power", **rated(9000)), power("in", (950, 0), (1000, 0), **rated(4000))]
    found = traced(*rows)
    assert (found.loc["in", "source"], found.loc["in", "spare_most"]) == ("edge of the survey", 4000)
    assert pd.isna(found.loc["in", "spare_sure"])


def test_a_way_of_which_a_line_retires_before_the_next_one_begins_is_worth_nothing():
    rows = [
        works("S", 0, 0, kind="power", **rated(9000)),
        power("old", (0, 0), (100, 0), retired_on="2027-01-01", **rated(9000)),
        power("mid", (100, 0), (200, 0), **rated(9000)),
        works("T", 0, 500, kind="power", **rated(100)),
        power("new", (0, 500), (100, 0), status="planned", in_service_from="2026-12-01", **rated(9000)),
        power("far", (200, 0), (300, 0), status="planned", in_service_from="2028-01-01", **rated(9000)),
    ]
    found = traced(*rows)
    assert found.loc["mid", "spare_sure"] == 9000
    assert found.loc["far", "reach_state"] == "dated"
    assert pd.isna(found.loc["far", "spare_sure"])
    assert found.loc["far", "gate"] == "mid", "whose own way changes"
    assert found.loc["far", "spare_most"] == 9000


def ring(north=9000, south=9000, source=9000, **planned):
    """A substation, two ways from it to a line past the plots, and what is rated of each."""
    return [
        works("S", 0, -200, kind="power", **rated(source)),
        power("n", (0, -200), (0, -10), **rated(north)),
        power("L", (0, -10), (300, -10), **rated(9000)),
        power("s", (0, -200), (300, -200), (300, -10), **rated(south), **planned),
    ]


def test_a_plot_in_a_ring_is_not_short_where_the_other_way_has_room():
    rows = ring(north=100)
    found = traced(*rows)
    assert found.loc["L", ["spare_most", "source_most"]].tolist() == [9000, 9000]
    assert (found.loc["L", "gate"], found.loc["L", "bottleneck"]) == ("S", "L")
    assert pd.isna(found.loc["L", "way_most"]), "no line is passed by both ways"
    assert state(rows, plots(("P", 0, {}))) == ("available", "unknown")
    assert state(ring(), plots(("P", 0, {}))) == ("available", "enough"), "one way with room in all its lines is enough"
    assert state(ring(source=100), plots(("P", 0, {}))) == ("short", "short"), "the one source is passed by both"


def test_what_two_sources_bring_is_not_held_against_a_plot():
    rows = ring(north=100, source=100)
    rows += [works("T", 400, -10, kind="power", **rated(9000)), power("t", (300, -10), (400, -10), **rated(9000))]
    found = traced(*rows)
    assert pd.isna(found.loc["L", "gate"])
    assert pd.isna(found.loc["L", "source_most"])
    assert state(rows, plots(("P", 0, {}))) == ("available", "unknown")


def test_a_way_that_is_only_planned_brings_nothing_today_but_what_comes_with_it_is_not_short():
    soon = {"status": "planned", "in_service_from": "2028-01-01"}
    found = traced(*ring(north=100, **soon))
    assert (found.loc["L", "spare_most"], found.loc["L", "bottleneck"], found.loc["L", "gate"]) == (100, "n", "S")
    assert state(ring(north=100, **soon), plots(("P", 0, {}))) == ("short", "short")
    later = [{**row, **soon} if row["id"] == "L" else row for row in ring(north=100, **soon)]
    assert state(later, plots(("P", 0, {}))) == ("planned", "unknown")


def test_a_way_of_which_nobody_knows_whether_it_is_there_may_bring_something():
    found = traced(*ring(north=100, status=None))
    assert found.loc["L", "spare_most"] == 9000
    assert found.loc["s", "reach_state"] == "unknown"


def test_a_sewer_is_held_against_those_lines_only_that_its_water_can_take():
    def sewer(id, *xy, start, end, size):
        return pipe(
            id, *xy, kind="sewage", invert_start=start, invert_end=end, capacity=size, committed=0.0, capacity_unit="m3/d"
        )

    rows = [
        works("W", 0, 0, kind="sewage", capacity=900.0, committed=0.0, capacity_unit="m3/d"),
        sewer("low", (100, 0), (0, 0), start=2.0, end=1.0, size=70.0),
        sewer("up", (200, 0), (100, 0), start=3.0, end=2.0, size=500.0),
        sewer("past", (200, 0), (200, 90), (0, 90), (0, 0), start=3.0, end=1.0, size=500.0),
        sewer("into", (100, 0), (100, 50), start=1.5, end=1.0, size=9.0),
    ]
    found = traced(*rows)
    assert found.loc["up", ["spare_most", "gate"]].tolist() == [70, "low"], "water that is in it goes on through the one below"
    both = [*rows, sewer("top", (300, 0), (200, 0), start=4.0, end=3.0, size=400.0)]
    assert traced(*both).loc["top", ["spare_most", "gate"]].tolist() == [400, "W"], "it divides where two go on"


@pytest.mark.parametrize(("unit", "kind", "spare_"), [("MVA", "power", 1800.0), ("L/s", "water", 172.8), ("MW", "heat", 2.86)])
def test_units_are_told_in_that_of_the_kind(unit, kind, spare_):
    found = traced(works("S", 0, 0, kind=kind, capacity=5, committed=3, capacity_unit=unit))
    assert found.loc["S", "spare_sure"] == pytest.approx(spare_)


@pytest.mark.parametrize(
    ("spare_", "expected"), [(800, ("available", "enough")), (799, ("available", "unknown")), (200, ("available", "unknown")), (199, ("short", "short"))]
)  # fmt: skip
def test_a_hectare_of_industry_asks_for_200_to_800_kilowatts(spare_, expected):
    assert state(line_to(**rated(spare_)), plots(("P", 0, {}))) == expected


def test_a_short_service_is_missing_and_never_comes_until_somebody_plans_it():
    rows = line_to(**rated(100))
    found = readiness(plots(("P", 0, {})), {"utilities": network(*rows), "parcels": NO_PARCELS}, ask(), 3).iloc[0]
    assert "power" in found["missing"].split(",")
    better = [
        *rows,
        power("M", (0, -40), (300, -40), status="planned", in_service_from="2028-01-01", **rated(5000)),
        power("N", (0, -10), (0, -40), status="planned", in_service_from="2028-01-01", **rated(5000)),
    ]
    assert state(better, plots(("P", 0, {}))) == ("planned", "enough")


def test_a_supplied_plot_asks_for_nothing_more_and_a_use_without_a_standard_for_nobody_knows_what():
    rows = line_to(**rated(100))
    assert state(rows, plots(("P", 0, {"status": "built"}))) == ("available", "committed")
    assert state(rows, plots(("P", 0, {"use_code": "1503"}))) == ("available", "unknown")
    assert state(rows, plots(("P", 0, {"code_system": "local"}))) == ("available", "unknown")


@pytest.mark.parametrize("kind", ["gas", "heat", "telecom", "storm"])
def test_where_no_figure_is_on_record_nobody_knows_the_demand_until_a_dated_line_tells_it(kind):
    plot, question = plots(("P", 0, {})), ask()
    rows = [{**row, "kind": kind, **SIZED[kind]} for row in line_to()]
    found = readiness(plot, {"utilities": network(*rows), "parcels": NO_PARCELS}, question).iloc[0]
    assert (found[f"{kind}_state"], found[f"{kind}_capacity"]) == ("available", "unknown")
    assert pd.isna(found[f"{kind}_load"])
    told = loaded(Capacity("unknown", "-", None, None, None, None, None, None, None, None), "zh")
    assert "需求未知" in told[0]
    line = replace(question.standards.lines["utilities.demand_power"], value=[{"use": "1001", "min": 3.0, "max": 5.0}])
    lines = {**question.standards.lines, f"utilities.demand_{kind}": line}
    asked = demand(plot, {}, replace(question, standards=replace(question.standards, lines=lines)))
    assert (asked[f"load_{kind}_low"].iloc[0], asked[f"load_{kind}_high"].iloc[0]) == pytest.approx((3.0, 5.0))


def test_a_project_asks_for_what_it_says_on_the_parts_of_plots_in_its_site():
    two = plots(("P", 0, {}), ("Q", 100, {}))
    site = gpd.GeoDataFrame(
        {"id": ["S"], "status": ["under_review"], "use_code": ["100102"], "demand_power": [1000.0]},
        geometry=[shapely.box(X, Y, X + 150, Y + 100)],
        crs=CRS,
    )
    asked = demand(two, {"sites": Survey(site)}, ask())
    third = 1000 / 1.5
    assert asked["load_power_low"].to_numpy() == pytest.approx([third, third / 2 + 100])
    assert asked["load_power_high"].to_numpy() == pytest.approx([third, third / 2 + 400])
    assert asked["load_water_high"].to_numpy() == pytest.approx([150, 150])
    gone = demand(two, {"sites": Survey(site.assign(status="cancelled"))}, ask())
    assert gone["load_power_high"].to_numpy() == pytest.approx([800, 800])
    assert demand(site, {}, ask(), "sites")["load_power_low"].tolist() == [1000]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_spare_of_a_line_is_the_least_that_walking_to_its_source_finds(data):
    count = data.draw(st.integers(1, 7))
    parent = [data.draw(st.integers(0, k)) for k in range(count)]
    figure = st.one_of(st.none(), st.integers(0, 20))
    # a tree of lines: line k leads from node parent[k] to node k + 1, which lies on a parabola: no line passes another node
    places = [(100.0 * k, 10.0 * k * k) for k in range(count + 1)]
    recorded = [(data.draw(figure), data.draw(figure)) for _ in range(count + 1)]
    facts = [{"capacity": c, "committed": d, "capacity_unit": "kW"} for c, d in recorded]
    rows = [works("n0", *places[0], kind="power", **facts[0])]
    rows += [power(f"n{k + 1}", places[parent[k]], places[k + 1], **facts[k + 1]) for k in range(count)]
    land = survey(*rows, coverage=None)
    found = spare(land.features, serving(land, ask()), ask()).set_axis(land.features["id"])
    for k in range(count + 1):
        way = [k]
        while way[-1]:
            way.append(parent[way[-1] - 1])
        most = min((c - (d or 0) for c, d in (recorded[n] for n in way) if c is not None), default=None)
        known = all(c is not None and d is not None for c, d in (recorded[n] for n in way))
        assert (None if pd.isna(found.loc[f"n{k}", "spare_most"]) else found.loc[f"n{k}", "spare_most"]) == most
        assert found.loc[f"n{k}", "spare_sure"] == most if known else pd.isna(found.loc[f"n{k}", "spare_sure"])


@st.composite
def meshes(draw):
    """Lines between places on a parabola, where no line passes another's end, and sources: rows, ends of lines, what is rated."""
    count = draw(st.integers(2, 6))
    ends = draw(st.lists(st.tuples(*[st.integers(0, count - 1)] * 2).filter(lambda e: e[0] != e[1]), min_size=1, max_size=9))
    fed = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=2, unique=True))
    rate = st.one_of(st.none(), st.integers(0, 20))
    recorded = {f"n{k}": draw(rate) for k in range(len(ends))} | {f"s{k}": draw(rate) for k in fed}
    places, facts = [(100.0 * k, 10.0 * k * k) for k in range(count)], {"committed": 0.0, "capacity_unit": "kW"}
    rows = [works(f"s{k}", *places[k], kind="power", capacity=recorded[f"s{k}"], **facts) for k in fed]
    # parallel lines bulge, each by its own height
    rows += [
        power(
            f"n{k}",
            places[a],
            ((places[a][0] + places[b][0]) / 2 + 7 * k + 3, -50.0 - 5 * k),
            places[b],
            capacity=recorded[f"n{k}"],
            **facts,
        )
        for k, (a, b) in enumerate(ends)
    ]
    return rows, ends, fed, recorded


def widest(ends, fed, room, line):
    """The most that any way from any source brings into and through a line, by trying every way; -1 where there is none."""
    best = -1.0

    def on(node, brought, left):
        nonlocal best
        for other in left:
            if node in ends[other]:
                more = min(brought, room[f"n{other}"])
                if other == line:
                    best = max(best, more)
                else:
                    on(sum(ends[other]) - node, more, left - {other})

    for source in fed:
        on(source, room[f"s{source}"], frozenset(range(len(ends))))
    return best


@settings(max_examples=80, deadline=None)
@given(meshes())
def test_no_line_of_a_mesh_has_less_to_spare_than_some_way_brings_nor_surely_more_than_the_best(mesh):
    rows, ends, fed, recorded = mesh
    land = survey(*rows, coverage=None)
    found = spare(land.features, serving(land, ask()), ask()).set_axis(land.features["id"])
    most = {id: np.inf if c is None else float(c) for id, c in recorded.items()}
    sure = {id: -np.inf if c is None else float(c) for id, c in recorded.items()}
    for k in range(len(ends)):
        told = found.loc[f"n{k}"]
        if told["reach_state"] != "serving" or pd.isna(told["source"]):
            continue
        assert not told["spare_most"] < widest(ends, fed, most, k), "never short where some way has room"
        if not pd.isna(told["spare_sure"]):
            assert told["spare_sure"] <= widest(ends, fed, sure, k), "one way has it"
            assert told["spare_sure"] <= told["spare_most"]
        for gate in (id for id in recorded if id != f"n{k}"):
            without = {**most, gate: -1.0}
            if widest(ends, fed, without, k) == -1.0 and most[gate] < np.inf:
                assert told["spare_most"] <= most[gate], "what every way passes counts"
