"""Faults of threats.md A that a database must survive: processes killed inside a write, damaged pages, many writers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from layers.store.base import Change, StoreError
from layers.store.postgis import PostgisStore
from tests.layers.store.samples import LIN, WU, Clock, delivery, ids, plots
from tests.postgres import Cluster, cluster

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    with postgres.database("template_park") as address:
        yield address


STREAM = """
import sys, time
from layers.store import open_store
from layers.store.base import Edit
from tests.layers.store.samples import LIN, delivery, plots

def stream():
    for k in range(100):
        yield plots(*(f"P{100 * k + n}" for n in range(100)))
        print("chunk", flush=True)
        time.sleep(0.02)

open_store(sys.argv[1]).add(delivery(), stream(), LIN, replace=True)
"""


def test_a7_a10_a_writer_killed_inside_a_delivery_leaves_all_or_nothing(url: str) -> None:
    with closing(PostgisStore.open(url, timeout=10)) as store:
        store.add(delivery(), plots("P1", "P2"), LIN)
        before = store.versions()
        for chunks in (1, 5):
            child = subprocess.Popen([sys.executable, "-c", STREAM, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
            assert child.stdout is not None
            for _ in range(chunks):
                assert child.stdout.readline() == "chunk\n"
            assert ids(store.read("parcels")) == ["P1", "P2"]  # readers see nothing of it
            os.kill(child.pid, signal.SIGKILL)
            child.communicate(timeout=120)
            assert ids(store.read("parcels")) == ["P1", "P2"]
            assert store.versions() == before
            store.edit("parcels", WU, put=plots("P1"))  # and the next writer need not wait for the dead one
            before = store.versions()
        assert len(store.history("parcels", "P1")) == 3


def test_a9_many_writers_wait_for_each_other_and_none_is_refused(url: str) -> None:
    waits: list[float] = []
    errors: list[Exception] = []

    def write(name: str) -> None:
        with closing(PostgisStore.open(url, size=1)) as own:
            for k in range(5):
                started = time.monotonic()
                try:
                    own.edit("parcels", Change(name), put=plots(f"P{k}").assign(id=f"{name}-{k}"))
                except StoreError as error:
                    errors.append(error)
                waits.append(time.monotonic() - started)

    writers = [Thread(target=write, args=(f"w{n}",)) for n in range(20)]
    for writer in writers:
        writer.start()
    with closing(PostgisStore.open(url)) as store, store.snapshot():
        store.read("parcels")  # one long reader is in nobody's way
        for writer in writers:
            writer.join()
    assert errors == []
    assert max(waits) < 30
    with closing(PostgisStore.open(url)) as store:
        assert len(store.read("parcels")) == 100
        assert len(store.writes()) == 100
        seqs = [write.first for write in store.writes()]
        assert seqs == sorted(set(seqs))


def test_a11_a_damaged_page_is_told_and_never_counted_wrongly() -> None:
    with cluster("--data-checksums") as own, own.database("template_park") as url:
        with closing(PostgisStore.open(url)) as store:
            store.add(delivery(), plots(*(f"P{k}" for k in range(2_000))), LIN)
        with closing(psycopg.connect(url, autocommit=True)) as c:
            row = c.execute("SELECT pg_relation_filepath('shudi.parcels')").fetchone()
            assert row is not None
        own.stop("fast")
        table = own.folder / "db" / row[0]
        page = bytearray(table.read_bytes())
        page[8192 * 3 + 4000] ^= 0xFF
        table.write_bytes(page)
        own.start()
        with closing(PostgisStore.open(url)) as store:
            for ask in (store.read, store.extent, store.count):
                with pytest.raises(StoreError, match="is damaged"):
                    ask("parcels")
            assert len(store.read("roads")) == 0


def test_a13_a_clock_set_back_keeps_the_order_of_history_and_versions(url: str) -> None:
    clock = Clock()
    with closing(PostgisStore.open(url, clock=clock)) as store:
        store.add(delivery(), plots("P1", status=["planned"]), LIN)
        first = store.stamps("parcels", ["P1"])["P1"]
        clock.at -= timedelta(days=1)
        store.edit("parcels", WU, put=plots("P1", status=["ready"]))
        assert store.stamps("parcels", ["P1"])["P1"] > first
        assert [w.actor for w in store.writes()] == [r.actor for r in store.history("parcels", "P1")] == ["Lin", "Wu"]
        assert store.read("parcels", as_of=clock.at)["status"].item() == "ready"
