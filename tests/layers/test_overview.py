"""The findings summed up by cells of the map: what is kept is what all findings add up to, after any edits, in every store."""

from contextlib import closing

import numpy as np
import pandas as pd
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from geo.tiles import bounds
from layers.assessment import Networks
from layers.census import assess
from layers.overview import CELLS, FINEST, SQUARE, TAKEN, ZOOMS, added, cells, drawn_state, levels, of_tile, rows, sums
from layers.refresh import hold, refresh
from layers.store.base import Edit
from layers.store.gpkg import GpkgStore
from layers.store.moving import copy
from maps.tiles import base_box, summed, tile
from tests.layers.test_refresh import CRS, ME, ONE_EDIT, STANDARDS, X, Y, ask, edits, frame, world

Z, TX, TY = 10, *(int(v) for v in np.divmod(int(cells(np.array([shapely.Point(X, Y)], object), CRS)[0]), 2**FINEST)[::-1])
MAP = [(z, TX >> FINEST - z, TY >> FINEST - z) for z in ZOOMS]


SOME = ("a plot drawn over others", "a new plot", "a plot that goes", "a plot without an outline", "a control line", "a source")


def in_order(parts):
    return parts.sort_values(["cell", "state", "status"]).reset_index(drop=True)


def check_sums(store):
    """Hold what is kept against the sum of all findings, and every tile against one that is made plot by plot."""
    whole = sums(store.findings()[0])
    for z, x, y in {row[:3] for row in rows(whole)} | set(MAP):
        assert_frame_equal(in_order(store.overview(z, x, y)), in_order(of_tile(whole, z, x, y)))


def check_tiles(store, monkeypatch):
    """Hold tiles against those that are made plot by plot."""
    kept = [tile(store, layer, *at) for layer in ("readiness", "parcels") for at in MAP]
    with monkeypatch.context() as m:
        m.setattr(type(store), "overview", lambda *_: None)
        assert kept == [tile(store, layer, *at) for layer in ("readiness", "parcels") for at in MAP]


def put(store, layer, id, row):
    if row is not None:
        store.batch([Edit(layer, frame(layer, [{"id": id, **row}]))], ME)
    elif id in store.stamps(layer, [id]):
        store.batch([Edit(layer, delete=[id])], ME)


def test_what_is_kept_is_what_all_findings_add_up_to_edit_by_edit(stored, monkeypatch):
    networks = Networks()
    assert stored.overview(*MAP[0]) is None
    assess(world(stored), ask(), STANDARDS)
    check_sums(stored)
    check_tiles(stored, monkeypatch)
    for edit in SOME:
        put(stored, *ONE_EDIT[edit])
        assert not hold(stored)
        assert refresh(stored, STANDARDS, networks) is not None
        assert hold(stored)
        check_sums(stored)
    check_tiles(stored, monkeypatch)
    whole = stored.overview(*MAP[-1])
    assess(stored, ask(), STANDARDS)
    assert_frame_equal(in_order(stored.overview(*MAP[-1])), in_order(whole))


@settings(max_examples=5, deadline=None)
@given(st.lists(edits(), min_size=1, max_size=6))
def test_after_any_edits_the_sums_are_those_of_the_findings(tmp_path_factory, steps):
    networks = Networks()
    with closing(GpkgStore.create(tmp_path_factory.mktemp("land") / "land.gpkg", CRS)) as store:
        assess(world(store), ask(), STANDARDS)
        for layer, id, row in steps:
            put(store, layer, id, None if row is None else {k: v for k, v in row.items() if k != "id"})
            assert refresh(store, STANDARDS, networks) is not None
            check_sums(store)


def test_what_an_edit_may_have_changed_is_unknown_until_it_is_fresh(stored):
    assess(world(stored), ask(), STANDARDS)
    at = MAP[-1]
    land = base_box(bounds(*at), CRS)
    before = summed(stored, *at, land, True)
    put(stored, *ONE_EDIT["a control line"])
    then = summed(stored, *at, land, True)
    plots = [parts.groupby("state")["plots"].sum().get("unknown", 0) for parts in (before, then)]
    assert plots[0] < plots[1] < then["plots"].sum() == before["plots"].sum()
    put(stored, *ONE_EDIT["a source"])
    assert set(summed(stored, *at, land, True)["state"]) == {"unknown"}


def test_a_copy_has_the_sums_too(tmp_path):
    with closing(GpkgStore.create(tmp_path / "land.gpkg", CRS)) as store:
        assess(world(store), ask(), STANDARDS)
    copy(tmp_path / "land.gpkg", tmp_path / "copy.gpkg")
    with closing(GpkgStore.open(tmp_path / "copy.gpkg")) as store:
        check_sums(store)


def test_findings_of_other_columns_are_not_summed_up(stored):
    assess(world(stored), ask(), STANDARDS)
    stored.save_findings(pd.DataFrame({"verdict": ["free"]}, index=["P1"]), {})
    assert stored.overview(*MAP[0]) is None


def plots(draw_cells, states):
    return pd.DataFrame(
        {
            "verdict": "free", "reason": "", "ready_state": states, "status": None, "ready_from": pd.NaT,
            "area": np.arange(len(states)) * 1.1 + 0.3, "cell": pd.array(draw_cells, "Int64"),
        }
    )  # fmt: skip


some_cells = st.integers(0, 4**FINEST - 1)


@given(
    st.lists(st.tuples(st.one_of(some_cells, st.integers(7, 9)), st.sampled_from(["ready", "dated", "unknown"])), max_size=30),
    st.integers(0, 30),
)
def test_sums_do_not_depend_on_order_or_parts_and_are_the_same_at_every_zoom(drawn, cut):
    whole = plots([c for c, _ in drawn], [s for _, s in drawn])
    parts = added([sums(whole.iloc[cut:]), sums(whole.iloc[:cut])])
    assert sorted(rows(parts)) == sorted(rows(sums(whole)))
    for _, level in levels(parts):
        assert level.plots.sum() == len(whole)
        assert level.area.sum() == np.rint(whole["area"] * SQUARE).sum()
    assert not list(rows(added([sums(whole), sums(whole, -1)])))


def test_serviced_land_of_which_a_verdict_is_unknown_is_not_shown_as_serviced():
    day, none = pd.Timestamp("2027-04-01"), pd.NaT
    rows = [
        ("free", None, "ready", none, "ready"), ("unknown", None, "ready", none, "unknown"), ("free", None, "never", none, "never"),
        ("blocked", TAKEN, "ready", day, "supplied"), ("blocked", "C01", "dated", day, "blocked"), ("free", None, None, none, None),
        ("free", None, "ready", day, "ready 2027-04-01"), ("warn", None, "dated", day, "ready 2027-04-01"),
        ("unknown", None, "ready", day, "unknown 2027-04-01"), ("unknown", None, "dated", day, "unknown 2027-04-01"),
    ]  # fmt: skip
    verdict, reason, ready = (pd.array(column, dtype="str") for column in list(zip(*rows, strict=True))[:3])
    found = {
        "verdict": verdict,
        "reason": reason,
        "ready_state": ready,
        "ready_from": pd.Series([row[3] for row in rows], dtype="datetime64[s]"),
    }
    told = drawn_state(pd.DataFrame(found))
    assert [None if pd.isna(s) else s for s in told] == [row[-1] for row in rows]


def test_a_cell_is_the_quadrant_of_the_map_that_holds_the_centroid():
    (cell,) = cells(np.array([shapely.Point(X, Y)], object), CRS)
    row, column = divmod(int(cell), 2**FINEST)
    west, south, east, north = base_box(bounds(FINEST, column, row), CRS)
    assert west <= X <= east
    assert south <= Y <= north
    assert cells(np.array([shapely.Polygon(), None], object), CRS).tolist() == [-1, -1]
    assert 2 ** (FINEST - ZOOMS[-1]) == CELLS
