"""Faults of threats.md A that a file must survive: processes killed inside a write, lost power, damaged pages, many writers."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread

import pytest

from layers.store import examine
from layers.store.base import Change, DamagedError, StoreError
from layers.store.gpkg import GpkgStore
from tests.layers.store.samples import LIN, WU, delivery, ids, plots
from tests.layers.store.test_postgis_faults import STREAM

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "land.gpkg"
    GpkgStore.create(path, "EPSG:4548").close()
    return path


WRITER = """
import sys
from layers.store.gpkg import GpkgStore
from tests.layers.store.samples import LIN, plots
store = GpkgStore.open(sys.argv[1])
for k in range(30):
    store.edit("parcels", LIN, put=plots(f"P{k}"))
    print("acknowledged", flush=True)
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace")
def test_a2_what_is_acknowledged_was_on_the_disk_before(base: Path, tmp_path: Path) -> None:
    log = tmp_path / "trace"
    trace = ["strace", "-f", "-e", "trace=fsync,fdatasync,write", "-e", "signal=none", "-o", str(log)]
    subprocess.run([*trace, sys.executable, "-c", WRITER, str(base)], cwd=ROOT, check=True, capture_output=True)
    told = re.findall(r'(fsync|fdatasync|write)\((\d+)(?:, "(acknowledged))?', log.read_text())
    synced, kept = False, []
    for call, _, word in told:
        if word:
            kept.append(synced)
            synced = False
        synced |= call != "write"
    assert kept == [True] * 30


def test_a7_a10_a_writer_killed_inside_a_delivery_leaves_all_or_nothing(base: Path) -> None:
    with closing(GpkgStore.open(base)) as store:
        store.add(delivery(), plots("P1", "P2"), LIN)
        for chunks in (1, 5):
            before = store.versions()
            child = subprocess.Popen([sys.executable, "-c", STREAM, str(base)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
            assert child.stdout is not None
            for _ in range(chunks):
                assert child.stdout.readline() == "chunk\n"
            assert ids(store.read("parcels")) == ["P1", "P2"]  # readers see nothing of it
            os.kill(child.pid, signal.SIGKILL)
            child.communicate(timeout=120)
            assert ids(store.read("parcels")) == ["P1", "P2"]
            assert store.versions() == before
            store.edit("parcels", WU, put=plots("P1"))  # and the next writer need not wait for the dead one
        assert len(store.history("parcels", "P1")) == 3


def test_a9_many_writers_wait_for_each_other_and_none_is_refused(base: Path) -> None:
    waits: list[float] = []
    errors: list[Exception] = []

    def write(name: str) -> None:
        with closing(GpkgStore.open(base)) as own:
            for k in range(5):
                started = time.monotonic()
                try:
                    own.edit("parcels", Change(name), put=plots(f"P{k}").assign(id=f"{name}-{k}"))
                except StoreError as error:
                    errors.append(error)
                waits.append(time.monotonic() - started)

    writers = [Thread(target=write, args=(f"w{n}",)) for n in range(20)]
    with closing(GpkgStore.open(base)) as store, store.snapshot():
        store.read("parcels")
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert len(store.read("parcels")) == 0  # a long reader is in nobody's way, and nobody is in its
    assert errors == []
    assert max(waits) < 30
    with closing(GpkgStore.open(base)) as store:
        assert len(store.read("parcels")) == 100
        assert [write.first for write in store.writes()] == list(range(1, 101))


def test_a_snapshot_waits_for_anothers_and_no_longer_than_its_turn(base: Path) -> None:
    seen: list[int] = []

    def look() -> None:
        with store.snapshot():
            seen.append(len(store.read("parcels")))

    with closing(GpkgStore.open(base)) as store:
        store.add(delivery(), plots("P1"), LIN)
        with store.snapshot():
            others = [Thread(target=look) for _ in range(3)]
            for other in others:
                other.start()
            for other in others:
                other.join(60)
            assert seen == [1, 1, 1]
        look()
    assert seen == [1] * 4


def test_a11_a_damaged_page_is_told_and_never_counted_wrongly(base: Path) -> None:
    with closing(GpkgStore.open(base)) as store:
        store.add(delivery(), plots(*(f"P{k}" for k in range(500))), LIN)
        store.copy(base.with_name("good.gpkg"))
    good = base.with_name("good.gpkg").read_bytes()
    rng, told, sound = random.Random(1), 0, 0
    pages = [4096 * rng.randrange(1, len(good) // 4096) for _ in range(50)]
    for page in pages:
        bad = bytearray(good)
        bad[page + rng.randrange(4096)] ^= 0xFF
        base.write_bytes(bad)
        try:
            with closing(GpkgStore.open(base)) as store:
                assert len(store.read("parcels")) == store.count("parcels") == 500
            with suppress(DamagedError):
                examine(base)
                sound += 1
        except StoreError:
            told += 1
    assert told >= 5
    assert sound < len(pages) - told, "to read all of it finds damage that counting and reading one layer does not"
    base.write_bytes(good)
    with closing(GpkgStore.open(base)) as store:
        assert store.count("parcels") == 500
