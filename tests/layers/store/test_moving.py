"""A base that is moved between a file and a database is the same base: every row of every table, and all that it answers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
import shapely
from affine import Affine
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal

from geo.raster import Grid
from layers.catalogue import LAYERS
from layers.store import blobs, open_store
from layers.store.address import Address, Where
from layers.store.base import NotABaseError, Store, StoreError
from layers.store.gpkg import GpkgStore
from layers.store.moving import copy
from tests.layers.store.samples import LIN, WU, Clock, X, Y, delivery, ids, plots, road
from tests.postgres import Cluster


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    with postgres.database() as address:
        yield address


def hills(offset: float) -> Grid:
    values = (np.arange(300 * 300, dtype=np.float32) / 7).reshape(300, 300) + np.float32(offset)
    values[5:9, 250:270] = np.nan
    return Grid(values, Affine(2.0, 0, X, 0, -2.0, Y), "EPSG:4548")


PAST = 9
"""Writes of the base that is moved."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A base with a past: deliveries replaced, edits, deletions, an edit by another program, two surveys of the terrain."""
    path = tmp_path / "地.gpkg"
    with closing(GpkgStore.create(path, title="Test park 试", clock=Clock())) as store:
        given = plots("P1", "P2", "P3", area_recorded=[0.1 + 0.2, np.nan, 1e-300], status=["ready", None, "built"])
        store.add(delivery(coverage=shapely.box(X, Y, X + 500, Y + 500)), given, LIN)
        store.edit("parcels", WU, put=plots("P1", "P9", area_recorded=[1 / 3, 5.0]), delete=["P2"])
        store.add(delivery(), plots("P4", "P9"), LIN, replace=True)
        store.edit("roads", WU, put=road("R1", "建设路"))
        odd = [shapely.Point(X, Y, 1.5), None, shapely.Polygon(), shapely.LineString([(X, Y), (X + 1, Y + 1)])]
        pipes = plots("P1", "P2", "P3", "P4", kind="water").set_geometry(odd, crs=4548)
        store.add(delivery("utilities", kinds=("water",)), pipes, LIN)
        store.add(delivery("terrain"), pd.DataFrame({"id": ["dem"], "grid": [hills(0)]}), LIN)
        store.add(delivery("terrain"), pd.DataFrame({"id": ["dem"], "grid": [hills(0.5)]}), WU, replace=True)
        frame = pd.DataFrame({"verdict": ["free", None], "ready": [True, None], "area": [0.1, np.nan]}, index=["P4", "P9"])
        store.save_findings(frame, {"on": "2026-11-22", "名": "济南"})
        with store._connections.lent() as outside:
            outside.execute("UPDATE parcels SET status = 'idle' WHERE id = 'P4'")
        store.edit("parcels", LIN, delete=["P9"])
    return path


NODES = re.compile(r"^rtree_\w+_(node|parent|rowid)$")


def rows(path: Path) -> dict[str, Any]:
    """Read every table of a file, but for when it was written and what only grows: the stated extents; R-trees as they answer."""
    with closing(sqlite3.connect(path)) as c:
        names = [row[0] for row in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if not NODES.search(row[0])]
        found = {name: c.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
    found["gpkg_contents"] = [row[:4] for row in found["gpkg_contents"]]
    found["sqlite_sequence"].sort()
    return found


def assert_same(one: Store, other: Store) -> None:
    """Hold all that two bases answer against each other, now and as of each of their writes."""
    assert (one.crs, one.title, one.versions(), one.writes()) == (other.crs, other.title, other.versions(), other.writes())
    for moment in (None, *(write.last for write in one.writes())):
        assert one.editions(as_of=moment) == other.editions(as_of=moment)
        for name, layer in LAYERS.items():
            a, b = one.read(name, as_of=moment), other.read(name, as_of=moment)
            if layer.geometry == "raster":
                assert [g.values.tobytes() for g in a["grid"]] == [g.values.tobytes() for g in b["grid"]]
                a, b = a.drop(columns="grid"), b.drop(columns="grid")
            assert_geodataframe_equal(a, b)
            assert shapely.to_wkb(a.geometry.to_numpy()).tolist() == shapely.to_wkb(b.geometry.to_numpy()).tolist()
    for name in LAYERS:
        for id in one.changed(name, 0):
            assert one.history(name, id) == other.history(name, id)
        assert one.stamps(name, one.changed(name, 0)) == other.stamps(name, one.changed(name, 0))
    assert_frame_equal(one.findings()[0], other.findings()[0])
    assert one.findings()[1] == other.findings()[1]


def test_a_base_goes_to_the_database_and_back_unchanged(file: Path, url: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    copied = copy(file, Address(url), lambda *p: told.append(p))
    assert told[-1] == (copied, copied)
    assert copy(Address(url), tmp_path / "back.gpkg") == copied
    with (
        closing(open_store(file)) as first,
        closing(open_store(url)) as there,
        closing(open_store(tmp_path / "back.gpkg")) as back,
    ):
        assert_same(first, there)
        assert_same(first, back)
    assert rows(tmp_path / "back.gpkg") == rows(file)
    with closing(sqlite3.connect(tmp_path / "back.gpkg")) as c:
        assert c.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert c.execute("SELECT rtreecheck('rtree_parcels_geom')").fetchone() == ("ok",)
    assert not [p.name for p in tmp_path.iterdir() if "part" in p.name]


def test_life_goes_on_in_both_places_alike(file: Path, url: str) -> None:
    copy(file, Address(url))
    with closing(GpkgStore.open(file, clock=Clock())) as here, closing(open_store(url)) as there:
        there._clock = Clock()  # type: ignore[attr-defined]
        for store in (here, there):
            store.edit("parcels", WU, put=plots("P4", "P7", status=["built", "ready"]))
            store.add(delivery(), plots("P5"), LIN)
            store.edit("utilities", LIN, delete=["P1"])
        assert_same(here, there)


def test_nothing_half_copied_is_ever_seen(file: Path, url: str, tmp_path: Path) -> None:
    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(file, Address(url), fail)
    with pytest.raises(NotABaseError, match="holds no land base"):
        open_store(url)
    copy(file, Address(url))
    with pytest.raises(KeyboardInterrupt):
        copy(Address(url), tmp_path / "half.gpkg", fail)
    assert not [p.name for p in tmp_path.iterdir() if "half" in p.name]


def test_a_place_that_holds_a_base_is_left_alone(file: Path, url: str, tmp_path: Path) -> None:
    copy(file, Address(url))
    for target in (Address(url), file):
        with pytest.raises(StoreError, match=r"holds a land base already|is there already"):
            copy(file, target)
    with pytest.raises(StoreError, match="no land base"):
        copy(tmp_path / "nowhere.gpkg", tmp_path / "new.gpkg")


def test_what_another_program_wrote_wrongly_stops_the_copy(file: Path, url: str) -> None:
    with closing(sqlite3.connect(file)) as c, c:
        blobs.register(c)
        c.execute("UPDATE roads SET in_service_from = 'soon'")
    with pytest.raises(StoreError, match=r"roads.in_service_from holds what is no date"):
        copy(file, Address(url))
    with closing(psycopg.connect(url)) as c:
        assert c.execute("SELECT to_regnamespace('shudi')").fetchone() == (None,)


@pytest.mark.parametrize("way", ["file to file", "file to database", "database to file"])
def test_a12_ten_copies_under_four_writers_hold_every_write_acknowledged_before(
    file: Path, postgres: Cluster, tmp_path: Path, way: str
) -> None:
    """What is copied is restored, as a base of its own, and compared with what each writer had been told by then."""
    acknowledged: list[list[str]] = [[], [], [], []]
    done = Event()

    def write(source: Where, mine: list[str], first: int) -> None:
        with closing(open_store(source)) as store:
            while not done.is_set():
                name = f"P{first + len(mine)}"
                store.edit("parcels", LIN, put=plots(name))
                mine.append(name)

    with ExitStack() as stack:
        source: Where = file
        if way == "database to file":
            source = Address(stack.enter_context(postgres.database()))
            copy(file, source)
        writers = [Thread(target=write, args=(source, mine, 10_000 * (k + 1))) for k, mine in enumerate(acknowledged)]
        for writer in writers:
            writer.start()
        try:
            for turn in range(10):
                told = [len(mine) for mine in acknowledged]
                while not all(len(mine) > n for mine, n in zip(acknowledged, told, strict=True)):
                    assert all(writer.is_alive() for writer in writers)
                    done.wait(0.002)
                before = {name for mine in acknowledged for name in mine}
                target: Where = tmp_path / f"{turn}.gpkg"
                if way == "file to database":
                    target = Address(stack.enter_context(postgres.database()))
                copy(source, target)
                with closing(open_store(target)) as store:
                    found = set(ids(store.read("parcels")))
                    assert before <= found
                    assert len(store.writes()) == PAST + len(found) - 1
        finally:
            done.set()
            for writer in writers:
                writer.join()
        assert found <= {"P4", *(name for mine in acknowledged for name in mine)}
