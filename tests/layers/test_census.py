"""Assessing every plot: each in one tile, the same in any number of processes, and all findings or none."""

import os
from datetime import date
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from layers.assessment import NotFoundError, question
from layers.base import Edition, empty
from layers.catalogue import LAYERS
from layers.census import ChangedError, WorkerLostError, assess, features_of, tiles
from layers.inputs import stale
from layers.standards import Standards
from layers.store.base import Change, ReadOnlyError
from layers.store.gpkg import GpkgStore
from layers.store.memory import MemoryStore

CRS = "EPSG:4548"
X, Y = 500_000.0, 4_077_000.0
WORLD = shapely.box(X - 5000, Y - 5000, X + 5000, Y + 5000)
STANDARDS = Standards.load()
ME = Change("test")
ASK = question(STANDARDS, date(2026, 11, 22), None, None)


def square(x, y, side=100.0):
    return shapely.box(X + x, Y + y, X + x + side, Y + y + side)


def fill(store, **layers):
    for name, rows in layers.items():
        kinds = tuple(LAYERS[name].field("kind").codes) if LAYERS[name].kind else ()
        blank = empty(LAYERS[name], CRS)
        whole = gpd.GeoDataFrame(rows, crs=CRS).reindex(columns=blank.columns)
        typed = whole.astype({c: t for c, t in blank.dtypes.items() if c != "geometry"})
        frame = gpd.GeoDataFrame(typed, geometry="geometry", crs=CRS)
        store.add(Edition("", name, "test", date(2026, 1, 1), WORLD, kinds), frame, ME)
    return store


def town():
    """100 plots in rows, a farm across some, and a water main from its source along half of them."""
    plots = [
        {"id": f"P{n}", "geometry": square(n % 10 * 100, n // 10 * 100), "status": "ready", "ownership": "state"}
        for n in range(100)
    ]
    farms = [
        {"id": f"F{n}", "kind": "permanent_basic_farmland", "geometry": square(n * 170 + 30, n * 150 + 20, 130)} for n in range(5)
    ]
    water = {"kind": "water", "status": "in_service"}
    pipes = [
        {**water, "id": "S", "role": "source", "geometry": shapely.Point(X, Y - 9)},
        {**water, "id": "M", "role": "main", "geometry": shapely.LineString([(X, Y - 9), (X + 500, Y - 9)])},
    ]
    return {"parcels": plots, "control_lines": farms, "utilities": pipes}


def test_every_plot_is_in_exactly_one_tile(monkeypatch):
    monkeypatch.setattr("layers.census.TILE", 20)
    rng = np.random.default_rng(3)
    rows = [{"id": f"P{n}", "geometry": square(*rng.uniform(-900, 900, 2), side=rng.uniform(1, 300))} for n in range(300)]
    store = fill(MemoryStore(CRS), parcels=rows)
    found = pd.concat([features_of(store.read("parcels"), tile) for tile in tiles(store, "parcels")])
    assert sorted(found["id"]) == sorted(row["id"] for row in rows)


def test_one_plot_alone_is_a_tile():
    store = fill(MemoryStore(CRS), parcels=[{"id": "P", "geometry": square(0, 0)}])
    assert [list(features_of(store.read("parcels"), tile)["id"]) for tile in tiles(store, "parcels")] == [["P"]]


def test_neither_tiles_nor_processes_change_the_findings(tmp_path, monkeypatch):
    whole = fill(MemoryStore(CRS), **town())
    census = assess(whole, ASK, STANDARDS)
    expected = whole.findings()[0].sort_index()
    assert census.plots == len(expected) == 100
    assert census.groups["area"].sum() == pytest.approx(1e6)
    assert census.residual <= 1e-6
    monkeypatch.setattr("layers.census.TILE", 30)
    monkeypatch.setattr("layers.census.BEYOND", 10.0)
    monkeypatch.setattr("layers.census.MANY", 1)
    store = fill(GpkgStore.create(tmp_path / "land.gpkg", CRS), **town())
    told = []
    for workers in (1, 2):
        again = assess(store, ASK, STANDARDS, lambda *p: told.append(p), workers)
        pd.testing.assert_frame_equal(store.findings()[0].sort_index(), expected)
        assert again.groups["plots"].equals(census.groups["plots"])
        assert told[-1] == (100, 100)
        assert stale(store, store.findings()[1], STANDARDS) == []
    store.close()


@pytest.mark.parametrize("end", ["killed", "changed"])
def test_a_lost_worker_and_changed_land_leave_the_findings_as_they_were(tmp_path, monkeypatch, end):
    monkeypatch.setattr("layers.census.MANY", 1)
    store = fill(GpkgStore.create(tmp_path / "land.gpkg", CRS), **town())
    other = fill(GpkgStore.create(tmp_path / "other.gpkg", CRS), parcels=town()["parcels"][:9])
    opens = partial(os._exit, 9) if end == "killed" else other.reopen
    monkeypatch.setattr(GpkgStore, "reopen", property(lambda self: opens))
    store.save_findings(pd.DataFrame({"verdict": ["free"]}, index=["P1"]), {"on": "then"})
    with pytest.raises(WorkerLostError if end == "killed" else ChangedError, match="nothing was stored"):
        assess(store, ASK, STANDARDS, workers=2)
    found, inputs = store.findings()
    assert (list(found.index), inputs) == (["P1"], {"on": "then"})
    store.close(), other.close()


def test_an_interrupted_assessment_leaves_the_findings_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setattr("layers.census.TILE", 20)
    store = fill(GpkgStore.create(tmp_path / "land.gpkg", CRS), **town())
    store.save_findings(pd.DataFrame({"verdict": ["free"]}, index=["P1"]), {"on": "then"})

    def interrupt(done, total):
        if done > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assess(store, ASK, STANDARDS, interrupt)
    assert list(store.findings()[0].index) == ["P1"]
    assert assess(store, ASK, STANDARDS).plots == 100
    assert len(store.findings()[0]) == 100
    store.close()


def test_nobody_works_for_findings_that_cannot_be_stored(tmp_path):
    fill(GpkgStore.create(tmp_path / "land.gpkg", CRS), **town()).close()
    store = GpkgStore.open(tmp_path / "land.gpkg", read_only=True)
    worked = []
    with pytest.raises(ReadOnlyError):
        assess(store, ASK, STANDARDS, lambda *p: worked.append(p))
    assert not worked
    store.close()


def test_a_base_without_plots_says_so():
    with pytest.raises(NotFoundError, match="no parcels"):
        assess(MemoryStore(CRS), ASK, STANDARDS)
