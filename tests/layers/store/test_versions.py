"""Bases of other versions: an older one is brought up to date, a newer one refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyogrio
import pytest

from layers.catalogue import LAYERS
from layers.store import open_store, schema
from layers.store.base import Change, NotABaseError
from layers.store.gpkg import GpkgStore
from tests.layers.store.samples import plots

LIN = Change("Lin")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GpkgStore]:
    with closing(GpkgStore.create(tmp_path / "land.gpkg")) as made:
        yield made


def test_a_base_of_an_older_version_is_brought_up_to_date(store: GpkgStore) -> None:
    store.edit("parcels", LIN, put=plots("P0"))
    store.close()
    now = LAYERS["parcels"]
    older = replace(now, fields=tuple(f for f in now.fields if f.name != "parents"))
    with closing(sqlite3.connect(store.path)) as c, c:
        for name in schema.history_triggers(now):
            c.execute(f"DROP TRIGGER {name}")
        c.execute("ALTER TABLE parcels DROP COLUMN parents")
        c.execute("DELETE FROM gpkg_data_columns WHERE column_name = 'parents'")
        c.execute("UPDATE shudi_meta SET value = '1' WHERE key = 'version'")
        for trigger in schema.history_triggers(older).values():
            c.execute(trigger)
    with closing(GpkgStore.open(store.path, read_only=True)) as opened:
        assert opened.read("parcels")["parents"].isna().all()
    with closing(GpkgStore.open(store.path)) as opened:
        opened.edit("parcels", LIN, put=plots("P0", parents='["P9"]'))
        opened.edit("parcels", LIN, delete=["P0"])
        told = opened.history("parcels", "P0")
    assert [r.before and r.before["parents"] for r in told] == [None, None, '["P9"]']


def test_a_layer_that_a_base_lacks_altogether_is_made(store: GpkgStore) -> None:
    store.edit("parcels", LIN, put=plots("P0"))
    store.close()
    with closing(sqlite3.connect(store.path)) as c, c:
        c.execute("DROP TABLE rtree_corridors_geom")
        c.execute("DROP TABLE corridors")
        for table in ("gpkg_geometry_columns", "gpkg_extensions", "gpkg_data_columns", "gpkg_contents"):
            c.execute(f"DELETE FROM {table} WHERE table_name = 'corridors'")
    with closing(GpkgStore.open(store.path)) as opened:
        assert len(opened.read("corridors")) == 0
        assert len(opened.read("parcels")) == 1
    names = [name for name, _ in pyogrio.list_layers(store.path)]
    assert "corridors" in names


def test_a_base_of_a_newer_version_is_refused_by_both_numbers(store: GpkgStore) -> None:
    with sqlite3.connect(store.path) as outside:
        outside.execute("UPDATE shudi_meta SET value = '7' WHERE key = 'version'")
    outside.close()
    with pytest.raises(NotABaseError, match=r"version 7.*version 2"):
        open_store(store.path)
