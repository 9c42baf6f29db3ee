"""Faults of threats.md A against a running service: it is killed, its disk is full, many change the same, others write its file."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pyogrio
import pytest

from layers.store import open_store
from layers.store.schema import VERSION
from tests.api.faces import COMMAND, ENVIRONMENT, Server, content, serving, shudi
from tests.api.test_clients import has_qgis
from tests.bench.convoy import WRITERS, convoy
from tests.bench.kill import killed, sound

SITES = "/collections/sites/items"
PARCEL = "/collections/parcels/items/D001-B01-P01"
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def served(own_park: Path, tmp_path: Path) -> Iterator[Server]:
    with serving(own_park, tmp_path) as running:
        yield running


def test_a1_a_service_killed_under_four_writers_loses_nothing(own_park: Path) -> None:
    writes, entries, _ = killed(own_park, 2)
    assert "2 kills under 4 writers" in writes
    assert "0 lost, doubled or half there" in writes
    assert "0 times unsound, 0 refused" in writes
    assert "1 to 1" in entries


def test_a4_a_full_disk_is_told_reads_go_on_and_writes_resume(own_park: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
    try:
        base = shutil.copy(own_park, disk / "land.gpkg")
        with serving(base, tmp_path) as running:
            filler = disk / "filler"
            filler.write_bytes(b"\0" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))
            told = {change(running.client, k).status_code for k in range(20)}
            assert told & {503, 507}
            assert told <= {204, 503, 507}
            assert running.client.get(PARCEL).status_code == 200
            filler.unlink()
            assert change(running.client, 99).status_code == 204
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a11_a_damaged_base_takes_no_writes_and_is_told_unwell_until_a_backup_is_restored(own_park: Path, tmp_path: Path) -> None:
    """The page that is damaged is one that neither the health nor the change would read."""
    good = own_park.read_bytes()
    with closing(sqlite3.connect(own_park)) as c:
        (root,) = c.execute("SELECT rootpage FROM sqlite_master WHERE name = 'stakeholders'").fetchone()
    with own_park.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 64)
    with serving(own_park, tmp_path) as running:
        assert change(running.client, 1).status_code == 204
        end = time.monotonic() + 60
        while running.client.get("/healthz").status_code == 200:
            assert time.monotonic() < end
            time.sleep(0.2)
        told = running.client.get("/healthz")
        assert (told.status_code, told.json()["title"], "backup" in told.json()["detail"]) == (503, "DamagedError", True)
        before = running.client.get(PARCEL).headers["etag"]
        refused = [
            change(running.client, 2),
            running.client.post(SITES, json={"type": "Feature", "id": "S-1", "properties": {}, "geometry": None}),
            running.client.post("/history/1/undo"),
        ]
        assert [(a.status_code, a.json()["title"]) for a in refused] == [(503, "DamagedError")] * 3
        assert running.client.get(PARCEL).headers["etag"] == before
        assert str(own_park) not in told.text
    for path in own_park.parent.glob(f"{own_park.name}-*"):
        path.unlink()
    own_park.write_bytes(good)
    with serving(own_park, tmp_path) as running:
        assert running.client.get("/healthz").status_code == 200
        assert change(running.client, 3).status_code == 204


def test_a9_no_writer_of_twenty_is_refused_beside_an_export_and_qgis(own_park: Path) -> None:
    if not has_qgis():
        pytest.skip("no QGIS on this machine")
    found = convoy(own_park, 8.0)
    assert found.ledger.wrong == []
    assert found.lost == []
    assert found.sound
    assert len(found.ledger.stored) >= WRITERS
    assert found.exports >= 1
    assert found.seen == 400


def killed_on_the_way(*args: object) -> Iterator[int]:
    """Run a command to its end, and then again and again, killed at 20 moments of its second half; gives each round when it is over."""
    command = [*COMMAND, *map(str, args)]
    whole = 0.0
    for _ in range(2):  # the first run reads code from the disk
        begun = time.monotonic()
        subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)
        whole = time.monotonic() - begun
        yield 0
    for turn in range(1, 21):
        running = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(whole * (0.5 + turn / 40))
        running.kill()
        running.wait()
        yield turn


@pytest.mark.parametrize("ending", ["gpkg", "shp"])
def test_a10_an_export_that_is_killed_leaves_no_part_under_its_name(park: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"plots.{ending}"
    for turn in killed_on_the_way("export", "parcels", "--base", park, "--out", path, "--overwrite"):
        assert turn or path.exists()
        if path.exists():
            assert pyogrio.read_info(path)["features"] == 400
            assert len(pyogrio.read_dataframe(path)) == 400
        for part in tmp_path.glob("plots.*"):
            part.unlink()


def test_a10_an_import_that_is_killed_stores_all_or_nothing(park: Path, tmp_path: Path) -> None:
    plots, base = tmp_path / "plots.gpkg", tmp_path / "land.gpkg"
    assert shudi("export", "parcels", "--base", park, "--out", plots).status == 0
    assert shudi("init", base, "--crs", "EPSG:4548").status == 0
    empty = base.read_bytes()
    for turn in killed_on_the_way("import", plots, "--layer", "parcels", "--base", base):
        with closing(open_store(base)) as store:
            count, writes = len(store.read("parcels")), len(store.writes())
        assert (count, writes) in [(400, 1)] + [(0, 0)] * (turn > 0)
        assert sound(base)
        for part in tmp_path.glob("land.gpkg-*"):
            part.unlink()
        base.write_bytes(empty)


def change(client: httpx.Client, k: int) -> httpx.Response:
    """Change a parcel's address to the k-th of long ones."""
    tag = client.get(PARCEL).headers["etag"]
    return client.patch(PARCEL, json={"properties": {"address": f"{k} " + "x" * 5_000}}, headers={"If-Match": tag} | MERGE)


def raised(url: str, clients: int, times: int) -> int:
    """Let clients raise one counter so often each, again where somebody was faster; gives where it ends."""

    def one(_: int) -> None:
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            left = times
            while left:
                read = client.get(f"{SITES}/S-77")
                body = json.dumps({"properties": {"name": str(int(read.json()["properties"]["name"]) + 1)}})
                done = client.patch(f"{SITES}/S-77", content=body, headers={"If-Match": read.headers["etag"]} | MERGE)
                assert done.status_code in (204, 412), done.text
                left -= done.status_code == 204

    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        first = client.patch(f"{SITES}/S-77", json={"properties": {"name": "0"}}, headers={"If-Match": "*"} | MERGE)
        assert first.status_code == 204, first.text
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(one, range(clients)))
        return int(client.get(f"{SITES}/S-77").json()["properties"]["name"])


def test_a5_no_step_of_a_counter_that_many_raise_is_lost(served: Server) -> None:
    assert raised(served.url, 4, 5) == 20


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="no ogrinfo")
def test_a6_what_another_program_wrote_makes_the_version_stale(served: Server, own_park: Path) -> None:
    tag = served.client.get(PARCEL).headers["etag"]
    sql = "UPDATE parcels SET owner = 'somebody else' WHERE id = 'D001-B01-P01'"
    subprocess.run(["ogrinfo", str(own_park), "-sql", sql], check=True, capture_output=True)
    stale = served.client.patch(PARCEL, json={"properties": {"owner": "me"}}, headers={"If-Match": tag} | MERGE)
    assert stale.status_code == 412
    assert served.client.get(PARCEL).json()["properties"]["owner"] == "somebody else"


def test_a_base_that_another_program_made_newer_is_read_and_written_no_more(served: Server, own_park: Path) -> None:
    assert change(served.client, 1).status_code == 204
    version(own_park, 99)
    before = content(own_park)
    body = json.dumps({"properties": {"owner": "you"}})
    for answer in (
        served.client.get("/plots/D001-B01-P01"),
        served.client.patch(PARCEL, content=body, headers={"If-Match": "*"} | MERGE),
    ):
        assert answer.status_code == 503, answer.text
        assert "newer Shudi" in answer.json()["detail"]
        assert str(own_park.parent) not in answer.text
    assert content(own_park) == before
    version(own_park, VERSION)
    assert change(served.client, 2).status_code == 204


def version(base: Path, number: int) -> None:
    """Make a base one of another version, as another Shudi does."""
    with closing(sqlite3.connect(base, timeout=60)) as c:
        c.execute("UPDATE shudi_meta SET value = ? WHERE key = 'version'", [str(number)])
        c.commit()
