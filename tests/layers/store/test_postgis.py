"""PostGIS beside its promises: edits by SQL, other writers, restarts, rights, versions, and passwords that nobody reads."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
import shapely
from alembic.script import ScriptDirectory

from layers.base import Field, Text
from layers.catalogue import LAYERS
from layers.store import open_store
from layers.store.base import BusyError, Change, DownError, NotABaseError, ReadOnlyError, StoreError
from layers.store.history import Asked
from layers.store.postgis import PostgisStore
from layers.store.postgres import history, pool, schema
from tests.layers.store.samples import LIN, WU, X, Y, delivery, ids, plots
from tests.postgres import Cluster

MIGRATIONS = Path(schema.__file__).parent / "migrations"


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    with postgres.database("template_park") as address:
        yield address


@pytest.fixture
def store(url: str) -> Iterator[PostgisStore]:
    with closing(PostgisStore.open(url, timeout=0.3)) as opened:
        yield opened


@pytest.fixture
def outside(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Another program at the same database, each statement committed by itself."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        yield connection


# Other programs


def test_an_edit_by_sql_is_noticed_and_told_in_the_history(store: PostgisStore, outside: psycopg.Connection[Any]) -> None:
    store.add(delivery(), plots(*(f"P{k}" for k in range(5)), area_recorded=0.1 + 0.2), LIN)
    versions = store.versions()
    outside.execute("UPDATE shudi.parcels SET status = 'built' WHERE id IN ('P1', 'P2')")
    assert store.versions()["parcels"] > versions["parcels"]
    assert store.versions()["roads"] == versions["roads"]
    born, changed = store.history("parcels", "P1")
    assert (born.actor, changed.actor, changed.reason) == ("Lin", "outside", "SQL: postgres")
    assert changed.before == born.after
    assert changed.before is not None
    assert changed.before["area_recorded"] == 0.1 + 0.2
    assert changed.after is not None
    assert changed.after["status"] == "built"
    assert store.read("parcels", as_of=born.at)["status"].isna().all()
    outside.execute("DELETE FROM shudi.parcels WHERE id = 'P3'")
    outside.execute("UPDATE shudi.parcels SET id = 'Q4' WHERE id = 'P4'")
    assert [r.actor for r in store.history("parcels", "P3")] == ["Lin", "outside"]
    assert [(r.before is None, r.after is None) for r in store.history("parcels", "P4")] == [(True, False), (False, True)]
    assert [(r.actor, r.before) for r in store.history("parcels", "Q4")] == [("outside", None)]
    assert ids(store.read("parcels", as_of=born.at)) == ["P0", "P1", "P2", "P3", "P4"]
    assert ids(store.read("parcels", as_of=changed.at)) == ["P0", "P1", "P2", "P3", "P4"]


def test_a_feature_added_by_sql_is_found_by_box(store: PostgisStore, outside: psycopg.Connection[Any]) -> None:
    store.add(delivery(), plots("P1"), LIN)
    sql = "INSERT INTO shudi.parcels (id, geom) VALUES ('P8', st_multi(st_makeenvelope(%s, %s, %s, %s, 4548)))"
    outside.execute(sql, (X + 160, Y, X + 170, Y + 10))
    assert ids(store.read("parcels", (X + 165, Y, X + 166, Y + 1))) == ["P8"]
    assert store.read("parcels", ids=["P8"]).geometry.item().equals(shapely.box(X + 160, Y, X + 170, Y + 10))
    assert [(r.actor, r.before) for r in store.history("parcels", "P8")] == [("outside", None)]
    store.add(delivery(), plots("P9"), LIN)
    assert ids(store.read("parcels")) == ["P1", "P8", "P9"]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM shudi.shudi_history",
        "UPDATE shudi.shudi_history SET id = 'x'",
        "UPDATE shudi.shudi_writes SET actor = 'x'",
        "TRUNCATE shudi.shudi_writes",
        "DELETE FROM shudi.editions",
        "INSERT INTO shudi.editions SELECT 99, 'x', layer, source, date, kinds, false, NULL, NULL, NULL FROM shudi.editions",
        "TRUNCATE shudi.parcels",
        "INSERT INTO shudi.parcels (id, geom) VALUES ('x', st_makepoint(1, 2))",
    ],
)
def test_the_history_only_grows(store: PostgisStore, outside: psycopg.Connection[Any], sql: str) -> None:
    store.add(delivery(), plots("P1"), LIN)
    store.edit("parcels", LIN, delete=["P1"])
    with pytest.raises(psycopg.Error, match=r"only grows|delivered|keeps its history|violates check constraint"):
        outside.execute(sql)


def test_a_busy_base_says_who_writes_and_is_read_meanwhile(
    store: PostgisStore, url: str, outside: psycopg.Connection[Any]
) -> None:
    store.add(delivery(), plots("P1", "P2"), LIN)
    held, done = Event(), Event()

    def hold() -> None:
        with store._write(Change("赵 Zhao")):
            held.set()
            done.wait(20)

    writer = Thread(target=hold)
    writer.start()
    held.wait(20)
    assert len(store.read("parcels")) == 2
    with pytest.raises(BusyError, match=r"赵 Zhao \(process \d+ of the database\), for more than 0.3 s"):
        store.edit("parcels", LIN, delete=["P1"])
    done.set()
    writer.join()
    with outside.transaction():
        outside.execute("UPDATE shudi.parcels SET status = 'built'")
        with pytest.raises(BusyError):
            store.edit("parcels", LIN, delete=["P1"])
        assert store.read("parcels")["status"].isna().all()
    store.edit("parcels", LIN, delete=["P1"])
    assert [r.actor for r in store.history("parcels", "P2")] == ["Lin", "outside"]


def test_a_statement_that_takes_too_long_is_stopped(store: PostgisStore, url: str) -> None:
    store.add(delivery(), plots(*(f"P{k}" for k in range(100))), LIN)
    with closing(PostgisStore.open(url, patience=0.2)) as hasty:
        with pytest.raises(BusyError, match=r"more than 0\.2 s"), hasty._pool.reading() as c:
            c.execute("SELECT pg_sleep(5)")
        assert len(hasty.read("parcels")) == 100


# Failures


def test_a_restart_is_told_and_then_forgotten(postgres: Cluster, url: str) -> None:
    with closing(PostgisStore.open(url)) as store:
        store.add(delivery(), plots("P1"), LIN)
        with store.snapshot():
            assert len(store.read("parcels")) == 1
            postgres.stop()
            try:
                with pytest.raises(DownError, match="does not answer"):
                    store.read("parcels")
            finally:
                postgres.start()
        assert ids(store.read("parcels")) == ["P1"]
        store.edit("parcels", WU, put=plots("P2"))
        assert ids(store.read("parcels")) == ["P1", "P2"]


def test_a_database_that_is_down_is_told_without_waiting_for_it(
    postgres: Cluster, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAIT", 3600.0)
    with closing(PostgisStore.open(url)) as store:
        before = store.versions()
        postgres.stop()
        try:
            for _ in range(2):
                with pytest.raises(DownError, match="does not answer"):
                    store.versions()
        finally:
            postgres.start()
        assert store.versions() == before


def test_a_full_disk_changes_nothing(store: PostgisStore, postgres: Cluster) -> None:
    store.add(delivery(), plots("P1"), LIN)
    before = store.versions()
    with store._pool.reading() as c:
        backend = c.info.backend_pid
    postgres.run("prlimit", f"--pid={backend}", "--fsize=1052672:unlimited")  # a file may end in the middle of a page
    with pytest.raises(ReadOnlyError, match="disk is full and nothing was changed"):
        store.add(delivery(), plots(*(f"P{k}" for k in range(10, 12_000))), LIN)
    assert store.versions() == before
    assert ids(store.read("parcels")) == ["P1"]
    postgres.run("prlimit", f"--pid={backend}", "--fsize=unlimited:unlimited")
    store.add(delivery(), plots("P11"), LIN)
    assert ids(store.read("parcels", (X + 215, Y, X + 225, Y + 1))) == ["P11"]


def test_an_error_in_a_stream_stores_nothing_and_keeps_the_history(store: PostgisStore) -> None:
    def stream() -> Iterator[Any]:
        yield plots("P1", "P2")
        raise RuntimeError("the file ends here")

    with pytest.raises(RuntimeError, match="ends here"):
        store.add(delivery(), stream(), LIN)
    assert len(store.read("parcels")) == 0
    store.edit("parcels", LIN, put=plots("P1"))
    assert len(store.history("parcels", "P1")) == 1


def test_text_that_the_database_cannot_keep_is_refused(store: PostgisStore) -> None:
    with pytest.raises(StoreError, match="cannot keep this, and nothing was changed"):
        store.edit("parcels", LIN, put=plots("P1", status=["a\0b"]))
    with pytest.raises(StoreError, match="cannot keep this, and nothing was changed"):
        store.add(delivery(), plots("P1", status=["a\0b"]), LIN)
    assert len(store.read("parcels")) == 0


# Rights and addresses


def test_who_may_only_read_reads(store: PostgisStore, postgres: Cluster, url: str, outside: psycopg.Connection[Any]) -> None:
    store.add(delivery(), plots("P1"), LIN)
    outside.execute("CREATE ROLE reader LOGIN")
    try:
        outside.execute("GRANT USAGE ON SCHEMA shudi TO reader")
        outside.execute("GRANT SELECT ON ALL TABLES IN SCHEMA shudi TO reader")
        with closing(PostgisStore.open(url.replace("postgres@", "reader@"))) as reader:
            assert ids(reader.read("parcels")) == ["P1"]
            with pytest.raises(ReadOnlyError, match="may not do that"):
                reader.edit("parcels", LIN, delete=["P1"])
    finally:
        outside.execute("DROP OWNED BY reader")
        outside.execute("DROP ROLE reader")
    with closing(open_store(url, read_only=True)) as asked, pytest.raises(ReadOnlyError, match="for reading only"):
        asked.edit("parcels", LIN, delete=["P1"])


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://lin:s3cr3t@127.0.0.1:1/park",
        "postgresql://lin:s3cr3t@nowhere.invalid/park",
        "postgresql://lin:s3cr3t@[::1/park",
        "postgresql://lin:s3cr3t%zz@127.0.0.1/park",
        "postgresql://127.0.0.1:1/park?user=lin&password=s3cr3t",
    ],
)
def test_no_error_tells_a_password(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreError) as error:
        open_store(address)
    told: BaseException | None = error.value
    while told is not None:
        assert "s3cr3t" not in f"{told} {told!r}"
        told = told.__cause__
    assert "s3cr3t" not in caplog.text


def test_a_store_that_is_printed_tells_no_password(postgres: Cluster, url: str) -> None:
    with closing(PostgisStore.open(url.replace("postgres@", "postgres:s3cr3t@"))) as store:
        assert "s3cr3t" not in f"{store._pool.address} {store._pool.address!r} {store.reopen!r}"
        assert str(store._pool.address) == url


# Versions


def test_an_empty_database_and_a_missing_one_are_refused_with_a_remedy(postgres: Cluster) -> None:
    with postgres.database() as empty:
        with pytest.raises(NotABaseError, match=r"holds no land base.*shudi init"):
            open_store(empty)
        with pytest.raises(StoreError, match=r"is no projected CRS"):
            PostgisStore.create(empty, "EPSG:4326")
        with closing(PostgisStore.create(empty, "EPSG:4527", "Two")) as made:
            assert (made.crs, made.title) == ("EPSG:4527", "Two")
        with pytest.raises(StoreError, match="holds a land base already"):
            PostgisStore.create(empty)
    with pytest.raises(DownError, match="does not exist"):
        open_store(empty)


def test_a_base_of_a_newer_version_is_refused_by_both_numbers(url: str, outside: psycopg.Connection[Any]) -> None:
    outside.execute("UPDATE shudi.alembic_version SET version_num = '99'")
    with pytest.raises(NotABaseError, match=r"version 99.*version \d"):
        open_store(url)


def test_the_store_knows_the_newest_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == str(schema.VERSION)


def test_a_layer_that_grew_asks_for_migrate_and_keeps_its_features(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(PostgisStore.open(url)) as store:
        store.add(delivery(), plots("P1"), LIN)
    old = LAYERS["parcels"]
    grown = dataclasses.replace(old, fields=(*old.fields, Field("colour", "real", Text("Colour", "颜色"))))
    monkeypatch.setitem(LAYERS, "parcels", grown)
    monkeypatch.setitem(schema.VECTORS, "parcels", grown)
    with pytest.raises(NotABaseError, match=r"lacks parcels.colour.*shudi migrate"):
        open_store(url)
    PostgisStore.migrate(url)
    with closing(PostgisStore.open(url)) as store:
        store.edit("parcels", LIN, put=plots("P1", colour=[0.1]))
        store.edit("parcels", LIN, put=plots("P1", colour=[0.2]))
        assert [(r.after or {})["colour"] for r in store.history("parcels", "P1")] == [None, 0.1, 0.2]


# Speed


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (Asked((X, Y, X + 1, Y + 1)), "parcels_geom"),
        (Asked(after="P1", limit=10), "parcels_id_key"),
        (Asked(ids=["P1", "P2"]), "parcels_id_key"),
    ],
)
def test_what_is_asked_for_is_found_by_an_index(store: PostgisStore, asked: Asked, index: str) -> None:
    sql, values = history.rows(LAYERS["parcels"], LAYERS["parcels"].columns, asked)
    with store._pool.reading() as c:
        c.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in c.execute(f"EXPLAIN {sql}", values))
    assert index in plan
    assert "Index Cond" in plan
