"""One base, several programs: what one has written the others show at once, and findings know that they are old."""

import shutil
import subprocess
import sys

import pytest

from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, ENVIRONMENT, serving, shudi

PLOT = "D001-B08-P01"
EDIT = """
import sys
from layers.store.base import Change
from layers.store.gpkg import GpkgStore
store = GpkgStore.open(sys.argv[1])
for k in range(20):
    plot = store.read("parcels", ids=["D001-B08-P01"]).assign(status=["acquired", "listed"][k % 2])
    store.edit("parcels", Change("writer", f"edit {k}"), put=plot)
    print(k, flush=True)
    sys.stdin.readline()
"""


def supplied(sheet):
    return next(c["severity"] for c in sheet["checks"] if c["title"]["en"].startswith("Not supplied"))


def test_a_read_after_a_write_of_another_process_shows_it(own_park, tmp_path):
    store = GpkgStore.open(own_park, read_only=True)
    assert "listed" in set(store.read("parcels")["status"])
    store.close()
    with serving(own_park, tmp_path) as running:
        writer = subprocess.Popen(
            [sys.executable, "-c", EDIT, str(own_park)], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        tags, seen = set(), []
        for _ in range(20):
            k = int(writer.stdout.readline())
            seen.append((k, supplied(running.client.get(f"/plots/{PLOT}", params={"on": DAY}).json())))
            tags.add(running.client.get("/tiles/parcels/14/13515/6414.mvt").headers["etag"])
            writer.stdin.write("\n")
            writer.stdin.flush()
        writer.communicate()
        assert writer.returncode == 0
        assert {severity for k, severity in seen if k % 2} == {"block"}
        assert "block" not in {severity for k, severity in seen if k % 2 == 0}
        assert len(tags) == 20
    told = shudi("history", "parcels", PLOT, "--base", own_park, "--json").body
    assert [r["reason"] for r in told[-20:]] == [f"edit {k}" for k in range(20)]


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="no ogrinfo")
def test_an_edit_of_another_program_is_shown_and_makes_findings_stale(own_park, tmp_path):
    assert "fresh" in shudi("explain", PLOT, "--base", own_park, "--on", DAY).out
    sql = f"UPDATE parcels SET status = '{{}}' WHERE id = '{PLOT}'"
    subprocess.run(["ogrinfo", str(own_park), "-sql", sql.format("listed")], check=True, capture_output=True)
    found = shudi("explain", PLOT, "--base", own_park, "--on", DAY)
    assert ("STALE" in found.out, found.status) == (True, 1)
    with serving(own_park, tmp_path) as running:
        before = running.client.get("/tiles/parcels/14/13515/6414.mvt").headers["etag"]
        assert supplied(running.client.get(f"/plots/{PLOT}", params={"on": DAY}).json()) == "block"
        subprocess.run(["ogrinfo", str(own_park), "-sql", sql.format("acquired")], check=True, capture_output=True)
        assert supplied(running.client.get(f"/plots/{PLOT}", params={"on": DAY}).json()) != "block"
        assert running.client.get("/tiles/parcels/14/13515/6414.mvt").headers["etag"] != before
    assert len(shudi("history", "parcels", PLOT, "--base", own_park, "--json").body) == 3


def test_a_writer_who_is_busy_does_not_stop_the_readers(own_park, tmp_path):
    store = GpkgStore.open(own_park)
    plot = store.read("parcels", ids=[PLOT])
    with serving(own_park, tmp_path) as running:
        with store._write(Change("long import")) as c:
            c.execute("UPDATE parcels SET status = 'idle' WHERE id = ?", (PLOT,))
            assert running.client.get(f"/plots/{PLOT}").status_code == 200
            assert shudi("check", "S-77", "--base", own_park, "--on", DAY).status == 0
        assert running.client.get(f"/plots/{PLOT}").status_code == 200
    assert len(plot) == 1
    store.close()
