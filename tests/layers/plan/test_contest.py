"""Who asks for the same capacity: two that fit alone but not together are both told so."""

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.assessment import check, question
from layers.base import Edition
from layers.plan.capacity import KINDS, Capacity
from layers.plan.contest import Contest, claims
from layers.standards import Standards
from layers.store.base import Change
from layers.store.memory import MemoryStore
from tests.layers.plan.test_capacity import rated
from tests.layers.plan.test_networks import CRS, TODAY, WORLD, X, Y, features, pipe, works
from tests.layers.plan.test_networks import KINDS as SURVEYED

STANDARDS = Standards.load()


def park(projects, source=9000.0, line=9000.0, plots=3, store=None):
    """A park of plots of a hectare along one power line from one substation, and sites of projects on them: id -> demand [kW]."""
    store = store or MemoryStore(CRS)
    rows = [
        works("S", 0, -10, kind="power", **rated(source)),
        pipe("L", (0, -10), (150, -10), kind="power", **rated(line)),
        pipe("M", (150, -10), (500, -10), kind="power", **rated(9000)),
    ]
    boxes = [shapely.box(X + 100 * k, Y, X + 100 * k + 90, Y + 100) for k in range(plots)]
    land = {
        "utilities": features("utilities", rows),
        "parcels": features(
            "parcels",
            [
                {"id": f"P{k}", "geometry": box, "status": "ready", "code_system": "planning_2023", "use_code": "1503"}
                for k, box in enumerate(boxes)
            ],
        ),
        "sites": features(
            "sites",
            [
                {"id": f"S{k}", "geometry": boxes[k], "status": "under_review", "demand_power": float(asks)}
                for k, asks in projects.items()
            ],
        ),
    }
    for layer, frame in land.items():
        kinds = SURVEYED if layer == "utilities" else ()
        store.add(Edition("", layer, "t", TODAY, WORLD, kinds), frame, Change("t"))
    return store


def power_of(store, layer, id):
    site = store.read(layer, ids=[id]).geometry.iloc[0]
    sheet = check(store, site, question(STANDARDS, TODAY, None, None), id, layer)
    return next(s for s in sheet.services if s.kind == "power").capacity, sheet


def test_two_that_fit_alone_but_not_together_are_both_told_and_each_hears_of_the_other():
    store = park({0: 600, 1: 600}, line=1000)
    for layer, mine, other in (("sites", "S0", "S1"), ("sites", "S1", "S0"), ("parcels", "P0", "S1"), ("parcels", "P1", "S0")):
        found, _ = power_of(store, layer, mine)
        assert (found.state, found.place, found.others, found.rivals) == ("competing", "L", 600.0, (other,))
        assert found.low == found.high == pytest.approx(600)


def test_who_fits_with_all_others_has_enough_and_the_others_are_counted():
    found, _ = power_of(park({0: 400, 1: 600}, line=1000), "sites", "S0")
    assert (found.state, found.others, found.rivals) == ("enough", 600.0, ("S1",))


def test_who_does_not_fit_alone_is_short_and_asks_nobody_for_anything():
    store = park({0: 600, 1: 1100}, line=1000)
    assert power_of(store, "sites", "S1")[0].state == "short"
    assert (power_of(store, "sites", "S0")[0].state, power_of(store, "sites", "S0")[0].others) == ("enough", 0.0)


def test_a_new_site_takes_the_place_of_the_plots_under_it_and_competes_with_the_rest():
    store = park({0: 600, 1: 300}, line=1000)
    ask = question(STANDARDS, TODAY, None, "1001")
    half = shapely.box(X, Y, X + 45, Y + 100)
    found = next(s for s in check(store, half, ask).services if s.kind == "power").capacity
    assert found.others == 600, "half of S0 and all of S1"
    assert found.low == pytest.approx(90)


def test_land_whose_capacity_is_sought_by_more_than_it_holds_is_warned_of_in_c15():
    _, sheet = power_of(park({0: 600, 1: 600}, line=1000), "sites", "S0")
    line = next(x for x in sheet.lines if x.id == "C15")
    assert "not enough for all who ask: power" in line.detail.en
    assert "供电" in line.detail.zh


def test_those_whose_load_is_committed_are_named_but_ask_for_nothing():
    store = park({0: 600}, line=1000)
    built = store.read("parcels", ids=["P1", "P2"]).assign(status="built")
    store.edit("parcels", Change("t"), put=built)
    found, _ = power_of(store, "sites", "S0")
    assert (found.state, found.others, found.takers) == ("enough", 0.0, ("P1", "P2"))
    assert power_of(store, "parcels", "P1")[0].state == "committed"


def found_of(askers):
    """What is found of plots that have enough power alone, each asking for (line, load); they ask for nothing else."""
    found = pd.DataFrame(index=[f"p{k}" for k in range(len(askers))])
    for kind in KINDS:
        found = found.assign(
            **{f"{kind}_line": None, f"{kind}_state": "none", f"{kind}_capacity": "enough", f"{kind}_load": np.nan}
        )
    lines, loads = zip(*askers, strict=True)
    told = {"power_line": [f"n{line}" for line in lines], "power_state": "available", "power_load": np.array(loads, float)}
    return found.assign(load_project=None, **told)


def contest_of(parent, room, askers):
    """A contest on a tree of power lines: what each hangs on, its room, and (line, load) of each who asks."""
    ids = [f"n{k}" for k in range(len(parent))]
    traced = pd.DataFrame(
        {"gate": pd.array([None if p < 0 else f"n{p}" for p in parent], "str"), "room_most": np.array(room, float)},
        index=pd.Index(ids),
    )
    return Contest.of(traced, claims(found_of(askers)))


@st.composite
def trees(draw):
    count = draw(st.integers(1, 7))
    parent = [draw(st.integers(-1, k - 1)) for k in range(count)]
    room = [draw(st.one_of(st.just(np.nan), st.integers(-3, 30))) for _ in range(count)]
    askers = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(1, 9)), min_size=1, max_size=8))
    return parent, room, askers


def walked(parent, line):
    found = [line]
    while parent[found[-1]] >= 0:
        found.append(parent[found[-1]])
    return found


@settings(max_examples=50, deadline=None)
@given(trees())
def test_all_plots_at_once_and_each_alone_say_what_adding_up_every_way_says(tree):
    parent, room, askers = tree
    contest = contest_of(parent, room, askers)
    found = found_of(askers)
    told = contest.compete(found)["power_capacity"]
    for k, (line, load) in enumerate(askers):
        rivals = {
            at: sum(other for m, (start, other) in enumerate(askers) if m != k and at in walked(parent, start))
            for at in walked(parent, line)
        }
        tight = [at for at, others in rivals.items() if others and others + load > room[at]]
        alone = Capacity("enough", "kW", load, load, None, None, None, None, None, None)
        mine = contest.against(alone, "power", f"n{line}", f"p{k}", {f"p{k}": 1.0})
        assert (told.iloc[k], mine.state) == (("competing",) * 2 if tight else ("enough",) * 2)
        assert mine.others == rivals[tight[0] if tight else line]
        assert (mine.place == f"n{tight[0]}") if tight else (mine.place == f"n{line}")


@settings(max_examples=50, deadline=None)
@given(trees(), st.data())
def test_after_a_change_only_the_lines_named_answer_differently(tree, data):
    parent, room, askers = tree
    who = data.draw(st.integers(0, len(askers) - 1))
    after = [(line, data.draw(st.integers(1, 30)) if k == who else load) for k, (line, load) in enumerate(askers)]
    one, two = contest_of(parent, room, askers), contest_of(parent, room, after)
    found = found_of(askers)
    changed = one.compete(found)["power_capacity"] != two.compete(found)["power_capacity"]
    named = one.differing(two)
    assert all(f"n{askers[k][0]}" in named for k in np.flatnonzero(changed))
    assert all(set(walked(parent, int(line[1:]))) & set(walked(parent, askers[who][0])) for line in named)


def test_a_source_on_which_more_lines_hang_than_a_check_counts_leaves_the_others_untold(monkeypatch):
    monkeypatch.setattr("layers.contests.LINES", 1)
    found, _ = power_of(park({0: 600, 1: 600}, line=1000), "sites", "S0")
    assert (found.state, found.others, found.rivals) == ("enough", None, ())


def test_a_park_without_parcels_is_asked_by_nobody():
    store = park({}, line=1000)
    store.edit("parcels", Change("t"), delete=["P0", "P1", "P2"])
    site = shapely.box(X, Y, X + 50, Y + 50)
    found = next(s for s in check(store, site, question(STANDARDS, TODAY, None, "1001")).services if s.kind == "power")
    assert found.capacity.others is None
