"""Refresh: after any edits the findings are those of a full assessment, to the last bit, and never pass for fresh before."""

from datetime import date
from io import BytesIO

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from geo.raster import Grid
from layers.assessment import Networks, question
from layers.base import Edition, empty
from layers.catalogue import LAYERS
from layers.census import assess
from layers.contested import WHOLE, _since
from layers.inputs import stale
from layers.refresh import Refreshed, refresh, standing
from layers.standards import Standards
from layers.store.base import Change, Edit
from layers.store.memory import MemoryStore
from tests.layers.sizes import SIZED

CRS = "EPSG:4548"
X, Y = 500_000.25, 4_077_000.125
SIDE, ACROSS = 61.3, 6
STANDARDS = Standards.load()
ME = Change("test")
WORLD = shapely.box(X - 900, Y - 900, X + 1500, Y + 1500)


def frame(layer, rows):
    blank = empty(LAYERS[layer], CRS)
    whole = gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS).reindex(columns=blank.columns)
    types = {c: t for c, t in blank.dtypes.items() if c != "geometry"}
    return gpd.GeoDataFrame(whole.astype(types), geometry="geometry", crs=CRS)


def ask():
    return question(STANDARDS, date(2026, 11, 22), None, None)


def at(x, y):
    return X + x * SIDE, Y + y * SIDE


def square(x, y, wide=1.0, high=1.0):
    return shapely.box(*at(x, y), *at(x + wide, y + high))


def line(*points):
    return shapely.LineString([at(x, y) for x, y in points])


def pipe(id, *points, kind="water", role="main", status="in_service", **more):
    return {"id": id, "kind": kind, "role": role, "status": status, "geometry": line(*points), **SIZED[kind], **more}


def source(id, x, y, kind="water", **more):
    return {"id": id, "kind": kind, "role": "source", "status": "in_service", "geometry": shapely.Point(at(x, y)), **more}


def world(store=None):
    """Plots in a square, with a little of every layer on and around them."""
    store = store or MemoryStore(CRS)
    plots = [
        {
            "id": f"P{n}",
            "status": "ready",
            "ownership": "state",
            "code_system": "planning_2023",
            "use_code": "100101",
            "geometry": square(n % ACROSS, n // ACROSS),
        }
        for n in range(ACROSS * ACROSS)
    ]
    land = {
        "parcels": plots,
        "zoning": [{"id": "Z", "code_system": "planning_2023", "code": "1001", "geometry": square(-1, -1, 5.3, 8)}],
        "control_lines": [{"id": "F", "kind": "permanent_basic_farmland", "geometry": square(3.4, 3.2, 1.7, 1.1)}],
        "corridors": [{"id": "K", "kind": "overhead_line", "voltage": 110.0, "geometry": line((-3, 5.5), (9, 5.1))}],
        "roads": [
            {"id": "A", "class": "arterial", "red_line_width": 30.0, "status": "in_service", "geometry": line((-9, -0.3), (12, -0.3))},
            {"id": "B", "class": "local", "red_line_width": 9.0, "status": "in_service", "geometry": line((2.5, -0.3), (2.5, 7))},
        ],
        "utilities": [
            source("S", -2, -0.1, capacity=900.0, committed=100.0, capacity_unit="m3/d"),
            pipe("W1", (-2, -0.1), (2, -0.1), capacity=500.0, capacity_unit="m3/d"),
            pipe("W2", (2, -0.1), (5, -0.1), status="planned", in_service_from=pd.Timestamp("2027-06-30")),
            pipe("W3", (5, -0.1), (5.9, 6)),
            source("E", 7, 7, kind="power"),
            pipe("E1", (7, 7), (0, 6.1), kind="power"),
            source("D", 7, -0.2, kind="sewage"),
            pipe("D1", (7, -0.2), (0, -0.2), kind="sewage", invert_start=110.0, invert_end=120.0),
        ],
        "sites": [{"id": "Q", "status": "under_review", "use_code": "100101", "geometry": square(0.2, 4.1, 1.3, 0.7)}],
    }  # fmt: skip
    for name, rows in land.items():
        kinds = tuple(LAYERS[name].field("kind").codes) if LAYERS[name].kind else ()
        store.add(Edition("", name, "test", date(2026, 1, 1), WORLD, kinds), frame(name, rows), ME)
    heights = np.add.outer(np.arange(120) ** 1.1, np.arange(120) * 0.7).astype(np.float32)
    grid = Grid(heights, Affine(20.0, 0, X - 900, 0, -20.0, Y + 1500), CRS)
    store.add(Edition("", "terrain", "test", date(2026, 1, 1), WORLD), pd.DataFrame({"id": ["dem"], "grid": [grid]}), ME)
    return store


def found(store):
    frame, _ = store.findings()
    return frame.sort_index()[sorted(frame.columns)]


def check_fresh(store):
    """Hold what was refreshed against a full assessment."""
    kept, inputs = found(store), store.findings()[1]
    sums = asked(store)
    assert stale(store, inputs, STANDARDS) == []
    assess(store, ask(), STANDARDS)
    assert_frame_equal(kept, found(store), check_exact=True)
    assert store.findings()[1] == inputs
    assert sums == asked(store)


def asked(store):
    """What is kept of what plots ask of lines: low, askers, whether there is not enough, by line."""
    kept = [store.kept(WHOLE), _since(store, store.findings([], [])[1])[1]]
    whole, since = (pd.read_feather(BytesIO(content)).set_index("id") for _, content in kept)
    told = {**whole.T.to_dict("list"), **since.T.to_dict("list")}
    return {line: sums for line, sums in told.items() if sums[1]}


places = st.tuples(st.floats(-1.5, 6.5), st.floats(-1.5, 6.5)).map(lambda p: (round(p[0], 2), round(p[1], 2)))
sizes = st.floats(0.1, 3).map(lambda s: round(s, 2))
squares = st.builds(lambda p, w, h: square(*p, w, h), places, sizes, sizes)
courses = st.lists(places, min_size=2, max_size=3, unique=True).map(lambda points: line(*points))
joints = st.sampled_from([(-2, -0.1), (2, -0.1), (5, -0.1), (5.9, 6), (7, 7), (0, 6.1)])
pipes = st.one_of(courses, st.lists(joints, min_size=2, max_size=2, unique=True).map(lambda points: line(*points)))
days = st.sampled_from([None, pd.Timestamp("2025-01-01"), pd.Timestamp("2028-03-31")])
states = st.sampled_from(["in_service", "planned", "retired", None])
FEATURES = {
    "parcels": (
        [f"P{n}" for n in (0, 1, 7, 14, 21, 35)] + ["N"],
        st.fixed_dictionaries(
            {"geometry": squares, "status": st.sampled_from(["ready", "built", None]), "use_code": st.sampled_from(["100101", "0701"])}
        ),
    ),
    "zoning": (["Z", "N"], st.fixed_dictionaries({"geometry": squares, "code_system": st.just("planning_2023"), "code": st.sampled_from(["1001", "16"])})),
    "control_lines": (["F", "N"], st.fixed_dictionaries({"geometry": squares, "kind": st.sampled_from(["forest", "ecological_redline"])})),
    "corridors": (["K", "N"], st.fixed_dictionaries({"geometry": courses, "kind": st.just("overhead_line"), "voltage": st.sampled_from([10.0, 500.0])})),
    "roads": (
        ["A", "B", "N"],
        st.fixed_dictionaries(
            {"geometry": courses, "class": st.sampled_from(["arterial", "local"]), "red_line_width": st.sampled_from([9.0, 80.0, np.nan]), "status": states}
        ),
    ),
    "utilities": (
        ["W1", "W2", "W3", "E1", "D1", "N"],
        st.fixed_dictionaries(
            {
                "geometry": pipes, "kind": st.sampled_from(["water", "power", "sewage"]), "role": st.sampled_from(["main", "service"]), "status": states,
                "in_service_from": days, "retired_on": days, "capacity": st.sampled_from([np.nan, 1.0, 70.0, 700.0]), "capacity_unit": st.just("m3/d"),
                "dn": st.just(300.0), "invert_start": st.sampled_from([np.nan, 110.0, 150.0]), "invert_end": st.sampled_from([np.nan, 120.0, 160.0]),
            }
        ),
    ),
    "sites": (["Q", "N"], st.fixed_dictionaries({"geometry": squares, "status": st.sampled_from(["under_review", "cancelled"]), "use_code": st.just("100101")})),
}  # fmt: skip


@st.composite
def edits(draw):
    """Draw an edit: one feature of some layer put or deleted, or a source of the networks moved."""
    layer = draw(st.sampled_from([*FEATURES, "utilities", "parcels"]))
    ids, rows = FEATURES[layer]
    id = draw(st.sampled_from(ids))
    if draw(st.integers(0, 4)) == 0:
        return layer, id, None
    if layer == "utilities" and draw(st.integers(0, 5)) == 0:
        return layer, "S", source("S", *draw(st.one_of(joints, places)))
    return layer, id, {"id": id, **draw(rows)}


@settings(max_examples=8, deadline=None)
@given(st.lists(st.one_of(edits(), st.sampled_from(["refresh", "by another"])), min_size=1, max_size=8))
def test_after_any_edits_a_refresh_finds_what_a_full_assessment_finds(steps):
    store, networks = world(), Networks()
    assess(store, ask(), STANDARDS)
    for step in [*steps, "refresh"]:
        if step in ("refresh", "by another"):
            assert refresh(store, STANDARDS, networks if step == "refresh" else Networks()) is not None
            continue
        layer, id, row = step
        if row is not None:
            store.batch([Edit(layer, frame(layer, [row]))], ME)
        elif id in store.stamps(layer, [id]):
            store.batch([Edit(layer, delete=[id])], ME)
    check_fresh(store)


ONE_EDIT = {
    "the status of a plot": ("parcels", "P7", {"status": "built", "geometry": square(1, 1)}),
    "a plot drawn over others": ("parcels", "P7", {"status": "built", "geometry": square(0.5, 0.5, 2, 2)}),
    "a new plot": ("parcels", "N", {"geometry": square(7, 0)}),
    "a plot that goes": ("parcels", "P7", None),
    "a plot without an outline": ("parcels", "P7", {"geometry": shapely.Polygon()}),
    "a zone": ("zoning", "Z", {"code_system": "planning_2023", "code": "16", "geometry": square(-1, -1, 3, 3)}),
    "a control line": ("control_lines", "F", {"kind": "forest", "geometry": square(0, 5, 1.5, 1.5)}),
    "a corridor": ("corridors", "K", {"kind": "overhead_line", "voltage": 500.0, "geometry": line((3, -9), (3, -1))}),
    "the width of a road": ("roads", "B", {"class": "local", "red_line_width": 80.0, "status": "in_service", "geometry": line((2.5, -0.3), (2.5, 7))}),
    "the road that feeds another": ("roads", "A", {"class": "local", "red_line_width": 30.0, "status": "retired", "geometry": line((-9, -0.3), (12, -0.3))}),
    "the pipe that feeds another": ("utilities", "W1", None),
    "the day of a pipe": ("utilities", "W2", {"kind": "water", "role": "main", "status": "in_service", "geometry": line((2, -0.1), (5, -0.1))}),
    "the capacity of a pipe": ("utilities", "W1", {"kind": "water", "role": "main", "status": "in_service", "capacity": 1.0, "capacity_unit": "m3/d", "geometry": line((-2, -0.1), (2, -0.1))}),
    "the invert of a sewer": ("utilities", "D1", {"kind": "sewage", "role": "main", "status": "in_service", "dn": 300.0, "invert_start": 150.0, "invert_end": 160.0, "geometry": line((7, -0.2), (0, -0.2))}),
    "a source": ("utilities", "E", None),
    "a site": ("sites", "Q", {"status": "cancelled", "geometry": square(0.2, 4.1, 1.3, 0.7)}),
}  # fmt: skip


@pytest.fixture(scope="module")
def assessed():
    store = world()
    assess(store, ask(), STANDARDS)
    return store


@pytest.mark.parametrize("edit", ONE_EDIT.values(), ids=ONE_EDIT)
def test_one_edit_concerns_some_plots_and_no_others(assessed, edit):
    layer, id, row = edit
    before = found(assessed)
    assessed.batch([Edit(layer, delete=[id]) if row is None else Edit(layer, frame(layer, [{"id": id, **row}]))], ME)
    assert stale(assessed, assessed.findings()[1], STANDARDS) == [layer]
    refreshed = refresh(assessed, STANDARDS)
    assert refreshed is not None
    after = found(assessed)
    kept = before.index.intersection(after.index).difference(refreshed.plots)
    assert len(kept) > 9 or layer in ("zoning", "corridors")
    assert_frame_equal(before.loc[kept], after.loc[kept], check_exact=True)
    assert set(before.index) - set(after.index) <= {*refreshed.gone}
    assert not {*refreshed.gone} & set(after.index)
    check_fresh(assessed)


def test_what_is_more_than_edits_takes_a_full_assessment():
    store = world()
    assert refresh(store, STANDARDS) is None
    assess(store, ask(), STANDARDS)
    assert refresh(store, STANDARDS) == Refreshed()
    store.add(
        Edition("", "zoning", "test", date(2026, 2, 1), WORLD), frame("zoning", [{"id": "Y", "geometry": square(9, 9)}]), ME
    )
    assert refresh(store, STANDARDS) is None
    assess(store, ask(), STANDARDS)
    store.edit("terrain", ME, delete=["dem"])
    assert refresh(store, STANDARDS) is None
    inputs = store.findings()[1]
    store.update_findings(store.findings()[0][:0], [], {**inputs, "engine": 1}, inputs)
    assert refresh(store, STANDARDS) is None


def test_a_refresh_that_another_overtakes_begins_anew(monkeypatch):
    store = world()
    assess(store, ask(), STANDARDS)
    store.edit("parcels", ME, delete=["P7"])
    update, overtaken = store.update_findings, []

    def slow(*arguments):
        if not overtaken:
            overtaken.append(True)
            assert refresh(store, STANDARDS) is not None
            store.edit("parcels", ME, delete=["P8"])
        update(*arguments)

    monkeypatch.setattr(store, "update_findings", slow)
    assert refresh(store, STANDARDS).gone == ("P8",)
    monkeypatch.undo()
    check_fresh(store)


def test_a_finding_that_an_edit_may_have_changed_is_not_shown_before_it_is_fresh():
    store = world()
    assess(store, ask(), STANDARDS)
    plots = store.read("parcels")
    assert len(standing(store, plots)) == len(plots)
    store.edit(
        "control_lines", ME, put=frame("control_lines", [{"id": "F", "kind": "forest", "geometry": square(3.4, 3.2, 0.2, 0.2)}])
    )
    doubtful = set(plots["id"]) - set(standing(store, plots, ["verdict"]).index)
    assert "P21" in doubtful
    assert "P0" not in doubtful
    assert doubtful == set(refresh(store, STANDARDS).plots)
    assert len(standing(store, plots)) == len(plots)
    store.edit("utilities", ME, delete=["E1"])
    assert len(standing(store, plots)) == 0


def test_lines_traced_again_from_memory_serve_as_a_full_assessment_of_each_store_finds(stored):
    twin, w2 = MemoryStore(CRS), pipe("W2", (2, -0.1), (5, -0.1))
    bases = {store: Networks() for store in (stored, twin)}
    beside = pipe("V2", (2, -0.1), (5, -0.1), status="planned")
    steps = [
        ([w2], []), ([beside], []), ([], ["W2"]), ([w2], []), ([{**beside, "kind": "power"}], []),
        ([{**beside, "status": "in_service"}], []), ([{**w2, "status": "retired"}], ["W1"]),
    ]  # fmt: skip
    for store, networks in bases.items():
        assess(world(store), ask(), STANDARDS)
        networks.trace(store, ask())
    for put, delete in steps:
        for store, networks in bases.items():
            store.batch([Edit("utilities", frame("utilities", put) if put else None, delete)], ME)
            assert refresh(store, STANDARDS, networks) is not None
        assert_frame_equal(found(stored), found(twin), check_exact=True)
    assert_frame_equal(
        bases[stored].trace(stored, ask())["utilities"].sort_index(), Networks().trace(stored, ask())["utilities"].sort_index()
    )
    check_fresh(stored)


def test_a_sewer_above_the_lowest_ground_of_plots_is_unknown_in_their_findings():
    def sewage(store):
        return store.findings()[0].loc[[f"P{n}" for n in range(ACROSS)], "sewage_state"]

    store = world()
    assess(store, ask(), STANDARDS)
    assert set(sewage(store)) == {"available"}
    higher = store.read("utilities", ids=["D1"]).assign(invert_start=150.0, invert_end=160.0)
    store.edit("utilities", ME, put=higher)
    refresh(store, STANDARDS)
    assert set(sewage(store)) == {"unknown"}
    check_fresh(store)
