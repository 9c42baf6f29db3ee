"""Tables without geometry keep the promises of a store as layers do, in each of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely import Point

from layers.catalogue import LAYERS
from layers.edits import diff, edit, undo
from layers.standards import Standards
from layers.store.base import Change, Compare, ConflictError, DuplicateError, Edit, Store, StoreError
from layers.store.gpkg import GpkgStore
from layers.wishes import BadEditError, Wish
from tests.layers.store.samples import LIN, WU, X, Y, delivery, ids

BOOK = Standards.load().on(date(2026, 1, 1))


def projects(*ids: str, **columns: object) -> gpd.GeoDataFrame:
    data = {"id": list(ids), "name": [f"Project {i}" for i in ids], "kind": "industrial", **columns}
    return gpd.GeoDataFrame(data, geometry=[None] * len(ids), crs="EPSG:4548")


def test_records_come_back_typed_and_placeless(store: Store) -> None:
    given = projects("A", "B", investment_planned=[15_000, None], target_on=["2026-11-30", None], continued=[True, None])
    edition = store.add(delivery("projects"), given, LIN)
    found = store.read("projects")
    assert list(found.columns) == [*(f.name for f in LAYERS["projects"].columns), "geometry"]
    assert found["investment_planned"].tolist()[0] == 15_000
    assert found["investment_planned"].isna().tolist() == [False, True]
    assert found["target_on"].tolist() == [pd.Timestamp("2026-11-30"), pd.NaT]
    assert found["continued"].tolist()[0] is True
    assert found["edition"].tolist() == [edition.id] * 2
    assert found.geometry.isna().all()
    assert found.crs == "EPSG:4548"
    assert store.extent("projects") == (2, (0.0, 0.0, 0.0, 0.0))


def test_records_are_found_by_number_condition_and_page_and_lie_in_no_box(store: Store) -> None:
    store.add(delivery("projects"), projects("C", "A", "B", level=["municipal", "provincial", "municipal"]), LIN)
    here = (X, Y, X + 1e6, Y + 1e6)
    assert ids(store.read("projects")) == ["C", "A", "B"]
    assert ids(store.read("projects", limit=2)) == ["A", "B"]
    assert ids(store.read("projects", where=[Compare("level", "=", "municipal")], after="B", limit=9)) == ["C"]
    assert (ids(store.read("projects", here)), len(store.table("projects", here))) == ([], 0)
    assert (store.count("projects"), store.count("projects", here)) == (3, 0)


def test_records_have_versions_a_history_and_a_past(store: Store) -> None:
    store.add(delivery("projects"), projects("A", "B"), LIN)
    then = store.versions()["projects"]
    store.edit("projects", WU, put=projects("A", status=["signed"]), delete=["B"])
    assert store.read("projects")["status"].tolist() == ["signed"]
    past = store.read("projects", as_of=then)
    assert (ids(past), past["status"].isna().tolist()) == (["A", "B"], [True, True])
    assert [
        (r.actor, r.before and r.before["status"], r.after and r.after["status"]) for r in store.history("projects", "A")
    ] == [
        ("Lin", None, None),
        ("Wu", None, "signed"),
    ]
    assert store.changed("projects", then) == ("A", "B")
    assert store.stamps("projects", ["A"])["A"] > then
    with pytest.raises(ConflictError):
        store.batch([Edit("projects", projects("A"), expect={"A": then})], WU)
    with pytest.raises(DuplicateError, match="A"):
        store.add(delivery("projects"), projects("A"), LIN)


def test_records_are_edited_compared_and_undone_as_features_are(store: Store) -> None:
    first = edit(store, [Wish("projects", "A", "create", {"name": "Plant", "kind": "industrial"})], LIN, BOOK)
    assert first.created == (("projects", "A"),)
    before = store.versions()["projects"]
    edit(store, [Wish("projects", "A", "update", {"steward": "Ms Li"})], WU, BOOK)
    assert [(d.id, d.columns) for d in diff(store, before)] == [("A", ("steward",))]
    undo(store, store.versions()["projects"], LIN, BOOK)
    assert store.read("projects")["steward"].isna().all()
    with pytest.raises(BadEditError, match="cannot be 'plant'"):
        edit(store, [Wish("projects", "A", "update", {"kind": "plant"})], WU, BOOK)
    with pytest.raises(BadEditError, match="a record has no geometry"):
        edit(store, [Wish("projects", "A", "update", {}, Point(X, Y))], WU, BOOK)


def test_a_record_with_a_place_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="A have a geometry, and records have no place"):
        store.add(delivery("projects"), projects("A").set_geometry([Point(X, Y)], crs="EPSG:4548"), LIN)
    assert store.versions()["projects"] == 0


def test_a_geopackage_announces_records_as_attributes_and_sees_who_else_edits_them(tmp_path: Path) -> None:
    path = tmp_path / "land.gpkg"
    with closing(GpkgStore.create(path)) as store:
        store.add(delivery("projects"), projects("A"), LIN)
    with closing(sqlite3.connect(path)) as other:
        told = other.execute("SELECT data_type FROM gpkg_contents WHERE table_name = 'projects'").fetchone()
        assert told == ("attributes",)
        assert "geom" not in [row[1] for row in other.execute("PRAGMA table_info(projects)")]
        other.execute("UPDATE projects SET steward = 'QGIS' WHERE id = 'A'")
        other.commit()
    with closing(GpkgStore.open(path)) as store:
        assert store.history("projects", "A")[-1].actor == "outside"
    assert gpd.read_file(path, layer="projects")["steward"].tolist() == ["QGIS"]


def test_an_older_base_gets_the_tables_of_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "land.gpkg"
    GpkgStore.create(path).close()
    with closing(sqlite3.connect(path)) as older:
        older.execute("DROP TABLE projects")
        older.execute("DELETE FROM gpkg_contents WHERE table_name = 'projects'")
        older.execute("DELETE FROM gpkg_data_columns WHERE table_name = 'projects'")
        older.commit()
    with closing(GpkgStore.open(path)) as store:
        store.edit("projects", Change("Lin"), put=projects("A"))
        assert ids(store.read("projects")) == ["A"]
