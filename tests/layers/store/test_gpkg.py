"""The GeoPackage: a standard file for other programs, several processes, power loss and bad files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine

from geo.raster import Grid
from layers.base import Edition
from layers.store import blobs, open_store
from layers.store.base import BusyError, Change, NotABaseError, ReadOnlyError, StoreError
from layers.store.gpkg import GpkgStore

X, Y = 500_000.0, 4_060_000.0
LIN = Change("Lin")
ROOT = Path(__file__).resolve().parents[3]
OGR = shutil.which("ogrinfo")
needs_gdal = pytest.mark.skipif(OGR is None, reason="no gdal-bin")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GpkgStore]:
    made = GpkgStore.create(tmp_path / "地 base.gpkg", title="Test park", timeout=0.2)
    yield made
    made.close()


def plots(count: int, start: int = 0, **columns: Any) -> gpd.GeoDataFrame:
    x = X + 20 * np.arange(start, start + count)
    ids = [f"P{k}" for k in range(start, start + count)]
    return gpd.GeoDataFrame({"id": ids, **columns}, geometry=shapely.box(x, Y, x + 10, Y + 10), crs="EPSG:4548")


def delivery(layer: str = "parcels") -> Edition:
    return Edition("", layer, "survey", date(2026, 1, 1))


def ogr(*arguments: str | Path) -> str:
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    assert "ERROR" not in done.stderr, done.stderr
    return done.stdout


def child(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=ROOT)


def hills() -> Grid:
    values = (np.arange(300 * 520, dtype=np.float32) / 7).reshape(300, 520)
    values[5:9, 250:270] = np.nan
    return Grid(values, Affine(2.0, 0, X, 0, -2.0, Y), "EPSG:4548")


# Other programs


def test_another_gdal_reads_every_layer_of_a_copy(store: GpkgStore, tmp_path: Path) -> None:
    store.add(delivery(), plots(5, status="ready", area_recorded=0.1, valid_from=date(2026, 2, 28)), LIN)
    store.copy(tmp_path / "copy.gpkg")
    read = pyogrio.read_dataframe(tmp_path / "copy.gpkg", layer="parcels", bbox=(X + 25, Y, X + 45, Y + 1))
    assert read["id"].tolist() == ["P1", "P2"]
    assert read["area_recorded"].tolist() == [0.1, 0.1]
    assert read["valid_from"].tolist() == [pd.Timestamp("2026-02-28")] * 2
    assert read.crs == "EPSG:4548"
    names = {name for name, _ in pyogrio.list_layers(tmp_path / "copy.gpkg")}
    assert {"parcels", "roads", "utilities", "editions"} <= names
    with pytest.raises(StoreError, match="there already"):
        store.copy(tmp_path / "copy.gpkg")


@needs_gdal
def test_ogrinfo_finds_a_valid_geopackage_with_titles(store: GpkgStore, tmp_path: Path) -> None:
    store.add(delivery(), plots(5), LIN)
    store.save_findings(pd.DataFrame({"verdict": ["free"]}, index=["P1"]), {})
    store.copy(tmp_path / "copy.gpkg")
    told = ogr("ogrinfo", "-so", "-al", tmp_path / "copy.gpkg")
    assert "Geometry: Multi Polygon" in told
    assert "Geometry: 3D Multi Line String" in told
    assert "CGCS2000 / 3-degree Gauss-Kruger CM 117E" in told
    assert "Layer name: findings" in told
    assert "shudi_history" not in told
    assert "HasSpatialIndex" in ogr("ogrinfo", tmp_path / "copy.gpkg", "-sql", "SELECT HasSpatialIndex('parcels', 'geom')")
    check = sqlite3.connect(tmp_path / "copy.gpkg")
    titles = dict(check.execute("SELECT column_name, title FROM gpkg_data_columns WHERE table_name = 'parcels'"))
    assert titles["area_recorded"] == "Recorded area 登记面积 [m2]"
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert check.execute("PRAGMA foreign_key_check").fetchall() == []
    assert check.execute("SELECT rtreecheck('rtree_parcels_geom')").fetchone() == ("ok",)
    check.close()


@needs_gdal
def test_an_edit_from_outside_is_noticed_and_told_in_the_history(store: GpkgStore) -> None:
    store.add(delivery(), plots(5, area_recorded=0.1 + 0.2), LIN)
    versions = store.versions()
    ogr("ogrinfo", store.path, "-sql", "UPDATE parcels SET status = 'built' WHERE id IN ('P1', 'P2')")
    assert store.versions()["parcels"] > versions["parcels"]
    assert store.versions()["roads"] == versions["roads"]
    born, changed = store.history("parcels", "P1")
    assert (born.actor, changed.actor) == ("Lin", "outside")
    assert changed.before == born.after
    assert changed.before is not None
    assert changed.before["area_recorded"] == 0.1 + 0.2
    assert changed.after is not None
    assert changed.after["status"] == "built"
    assert store.read("parcels", as_of=born.at)["status"].isna().all()
    ogr("ogrinfo", store.path, "-sql", "DELETE FROM parcels WHERE id = 'P3'")
    ogr("ogrinfo", store.path, "-sql", "UPDATE parcels SET id = 'Q4' WHERE id = 'P4'")
    assert [r.actor for r in store.history("parcels", "P3")] == ["Lin", "outside"]
    assert [(r.before is None, r.after is None) for r in store.history("parcels", "P4")] == [(True, False), (False, True)]
    assert [(r.actor, r.before) for r in store.history("parcels", "Q4")] == [("outside", None)]
    assert store.read("parcels", as_of=born.at)["id"].tolist() == ["P0", "P1", "P2", "P3", "P4"]
    assert store.read("parcels", as_of=changed.at)["id"].tolist() == ["P0", "P1", "P2", "P3", "P4"]


@needs_gdal
def test_features_added_from_outside_are_found_by_box(store: GpkgStore, tmp_path: Path) -> None:
    store.add(delivery(), plots(2), LIN)
    plots(3, start=7, status="ready").to_file(tmp_path / "new.fgb")
    ogr("ogr2ogr", "-append", "-update", store.path, tmp_path / "new.fgb", "-nln", "parcels", "-nlt", "PROMOTE_TO_MULTI")
    assert store.read("parcels", (X + 160, Y, X + 161, Y + 1))["id"].tolist() == ["P8"]
    assert store.read("parcels")["status"].tolist()[2:] == ["ready"] * 3
    assert [(r.actor, r.before) for r in store.history("parcels", "P9")] == [("outside", None)]
    assert store.read("parcels", ids=["P9"]).geometry.item().geom_type == "Polygon"


def test_an_edit_that_moves_a_feature_is_found_at_its_new_place(store: GpkgStore) -> None:
    store.add(delivery(), plots(3), LIN)
    moved = plots(1).set_geometry(shapely.transform(plots(1).geometry.to_numpy(), lambda xy: xy + 5000), crs=4548)
    store.edit("parcels", LIN, put=moved)
    assert len(store.read("parcels", (X, Y, X + 1, Y + 1))) == 0
    assert len(store.read("parcels", (X + 5000, Y + 5000, X + 5001, Y + 5001))) == 1


def test_the_history_only_grows(store: GpkgStore) -> None:
    store.add(delivery(), plots(2), LIN)
    store.edit("parcels", LIN, delete=["P1"])
    outside = sqlite3.connect(store.path)
    for sql in (
        "DELETE FROM shudi_history",
        "UPDATE shudi_history SET id = 'x'",
        "UPDATE shudi_writes SET actor = 'x'",
        "DELETE FROM editions",
        "UPDATE editions SET geom = NULL",
        "INSERT INTO editions SELECT 99, 'x', layer, source, date, kinds, 0, NULL, NULL, NULL FROM editions",
    ):
        with pytest.raises(sqlite3.IntegrityError, match=r"only grows|delivered"):
            outside.execute(sql)
    outside.close()


@needs_gdal
def test_gdal_reads_the_terrain_as_an_elevation_model(store: GpkgStore, tmp_path: Path) -> None:
    store.add(delivery("terrain"), pd.DataFrame({"id": ["dem"], "grid": [hills()]}), LIN)
    store.copy(tmp_path / "copy.gpkg")
    with rasterio.open(f"GPKG:{tmp_path / 'copy.gpkg'}:terrain_1") as raster:
        assert raster.transform == hills().transform
        assert raster.crs == rasterio.CRS.from_epsg(4548)
        np.testing.assert_array_equal(np.where(raster.read(1) == raster.nodata, np.nan, raster.read(1)), hills().values)
    assert "Size is 520, 300" in ogr("gdalinfo", f"GPKG:{tmp_path / 'copy.gpkg'}:terrain_1")


@pytest.mark.parametrize("shape", [shapely.Point(1, 2, 3), shapely.Polygon(), shapely.box(1, 2, 3, 4)])
@pytest.mark.parametrize("size", [0, 32, 48, 64])
@pytest.mark.parametrize("order", ["little", "big"])
def test_headers_of_other_writers_are_read(shape: shapely.Geometry, size: int, order: str) -> None:
    big = order == "big"
    flags = (0 if big else 1) | {0: 0, 32: 1, 48: 2, 64: 4}[size] << 1 | (16 if shape.is_empty else 0)
    xmin, ymin, xmax, ymax = shape.bounds
    doubles = np.array([xmin, xmax, ymin, ymax, 0, 0, 0, 0][: size // 8], ">f8" if big else "<f8").tobytes()
    blob = b"GP\0" + bytes([flags]) + bytes(4) + doubles + shapely.to_wkb(shape, byte_order=0 if big else 1, flavor="iso")
    assert shapely.equals_identical(blobs.decode([blob, None], "any", "x")[0], shape)
    assert blobs.envelope(blob) == (None if shape.is_empty else (xmin, xmax, ymin, ymax))


def test_what_is_no_geometry_is_refused_with_the_table(store: GpkgStore) -> None:
    store.add(delivery(), plots(2), LIN)
    with sqlite3.connect(store.path) as outside:
        blobs.register(outside)
        outside.execute("UPDATE parcels SET geom = x'00' WHERE id = 'P1'")
        outside.execute("UPDATE parcels SET valid_from = 'soon' WHERE id = 'P0'")
    outside.close()
    with pytest.raises(StoreError, match="parcels holds a geometry"):
        store.read("parcels", ids=["P1"])
    with pytest.raises(StoreError, match=r"parcels.valid_from holds what is no date"):
        store.read("parcels", ids=["P0"])


# Several processes

WRITER = """
import sys
from datetime import date
import geopandas as gpd, shapely
from layers.store.base import Change
from layers.store.gpkg import GpkgStore
store = GpkgStore.open(sys.argv[1])
for k in range(int(sys.argv[3])):
    id = f"{sys.argv[2]}-{k}"
    store.edit("sites", Change(sys.argv[2]), put=gpd.GeoDataFrame({"id": [id]}, geometry=[shapely.box(k, 0, k + 1, 1)], crs=4548))
    print(id, flush=True)
"""


def test_several_processes_write_at_once_and_none_is_lost(store: GpkgStore) -> None:
    writers = [child(WRITER, store.path, name, "30") for name in ("a", "b")]
    for writer in writers:
        out, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        assert len(out.split()) == 30
    assert len(store.read("sites")) == 60
    assert store.versions()["sites"] == 60


def test_nothing_acknowledged_is_lost_by_a_kill(store: GpkgStore) -> None:
    acknowledged: set[str] = set()
    for turn in range(5):
        writer = child(WRITER, store.path, f"w{turn}", "100000")
        assert writer.stdout is not None
        acknowledged |= {writer.stdout.readline().strip() for _ in range(5 + 7 * turn)}
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged |= set(writer.stdout.read().split("\n")[:-1])
        writer.communicate()
    found = set(store.read("sites")["id"])
    assert acknowledged <= found
    assert len(found) <= len(acknowledged) + 5  # the one in flight of each turn may be there, whole
    assert len(store.read("sites", (-1, -1, 1e6, 2))) == len(found)
    store.edit("sites", LIN, delete=sorted(found))


def test_a_commit_is_on_disk_when_it_is_acknowledged(store: GpkgStore) -> None:
    with store._connections.writing("") as c:
        assert c.execute("PRAGMA synchronous").fetchone() == (2,)
        assert c.execute("PRAGMA journal_mode").fetchone() == ("wal",)


HOLDER = """
import sys
from layers.store.gpkg import GpkgStore
store = GpkgStore.open(sys.argv[1])
with store._connections.writing("Zhao") as c:
    print("holding", flush=True)
    sys.stdin.readline()
"""


def test_a_busy_base_says_who_writes(store: GpkgStore) -> None:
    store.add(delivery(), plots(2), LIN)
    holder = child(HOLDER, store.path)
    assert holder.stdout is not None
    holder.stdout.readline()
    assert len(store.read("parcels")) == 2
    with pytest.raises(BusyError, match=rf"Zhao \(process {holder.pid} on .*for more than 0.2 s"):
        store.edit("parcels", LIN, delete=["P1"])
    holder.communicate("\n", timeout=120)
    store.edit("parcels", LIN, delete=["P1"])
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyError, match="another program"):
        store.edit("parcels", LIN, delete=["P0"])
    other.close()
    assert sorted(p.name for p in store.path.parent.iterdir() if p.name.endswith("-writer")) == []


# Bad files


def test_what_is_no_base_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no land base .*nowhere.gpkg.*shudi demo"):
        open_store(tmp_path / "nowhere.gpkg")
    (tmp_path / "text.gpkg").write_text("id,name\n" * 1000)
    with pytest.raises(NotABaseError, match="no GeoPackage"):
        open_store(tmp_path / "text.gpkg")
    (tmp_path / "empty.gpkg").touch()
    with pytest.raises(NotABaseError, match="no GeoPackage"):
        open_store(tmp_path / "empty.gpkg")
    plots(1).to_file(tmp_path / "plain.gpkg", layer="parcels")
    with pytest.raises(NotABaseError, match="no land base"):
        open_store(tmp_path / "plain.gpkg")
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store(tmp_path)


def test_a_refused_file_stays_as_it_was(tmp_path: Path) -> None:
    plots(1).to_file(tmp_path / "plain.gpkg", layer="parcels")
    before = (tmp_path / "plain.gpkg").read_bytes()
    with pytest.raises(NotABaseError):
        open_store(tmp_path / "plain.gpkg")
    assert (tmp_path / "plain.gpkg").read_bytes() == before


def test_a_base_is_made_once_in_a_projected_crs(store: GpkgStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there already"):
        GpkgStore.create(store.path)
    with pytest.raises(StoreError, match="no folder"):
        GpkgStore.create(tmp_path / "no" / "land.gpkg")
    for crs in ("EPSG:4326", "nonsense", "+proj=tmerc +lon_0=117"):
        with pytest.raises(StoreError, match="no projected CRS"):
            GpkgStore.create(tmp_path / "new.gpkg", crs)
    assert not (tmp_path / "new.gpkg").exists()
    again = open_store(store.path)
    assert (again.crs, again.title) == ("EPSG:4548", "Test park")
    again.close()
    with pytest.raises(StoreError, match="was closed"):
        again.read("parcels")


def test_a_base_opened_for_reading_is_not_written(store: GpkgStore) -> None:
    store.add(delivery(), plots(2), LIN)
    reader = open_store(store.path, read_only=True)
    store.edit("parcels", LIN, delete=["P0"])
    assert reader.read("parcels")["id"].tolist() == ["P1"]
    with pytest.raises(ReadOnlyError, match="for reading only"):
        reader.edit("parcels", LIN, delete=["P1"])
    with pytest.raises(ReadOnlyError):
        reader.save_findings(pd.DataFrame(), {})
    reader.close()


READER = """
import os, sys
sys.path[:0] = sys.argv[2:]
from layers.store.base import Change, ReadOnlyError
from layers.store.gpkg import GpkgStore
if os.getuid() == 0:
    os.setuid(65534)
store = GpkgStore.open(sys.argv[1])
print(len(store.read("parcels", (0, 0, 1e7, 1e7))))
try:
    store.edit("parcels", Change("x"), delete=["P1"])
except ReadOnlyError:
    print("read only")
"""


def test_a_base_in_a_read_only_folder_is_read(store: GpkgStore, tmp_path: Path) -> None:
    store.add(delivery(), plots(2), LIN)
    store.close()
    folder = tmp_path / "disk"
    folder.mkdir()
    shutil.copy(store.path, folder / "land.gpkg")
    (folder / "land.gpkg").chmod(0o444)
    folder.chmod(0o555)
    above = [p for p in folder.parents if p.owner() == folder.owner() and p.stat().st_mode & 0o111 != 0o111]
    for p in above:
        p.chmod(p.stat().st_mode | 0o111)
    out, _ = child(READER, folder / "land.gpkg").communicate(timeout=120)
    folder.chmod(0o755)
    assert out.split("\n")[:2] == ["2", "read only"]
    assert [p.name for p in folder.iterdir()] == ["land.gpkg"]


def test_a_full_disk_changes_nothing(store: GpkgStore) -> None:
    store.add(delivery(), plots(2), LIN)
    with store._connections.writing("") as c:
        pages = c.execute("PRAGMA page_count").fetchone()[0]
        c.execute(f"PRAGMA max_page_count={pages + 5}")
    before = store.versions()
    with pytest.raises(ReadOnlyError, match="disk is full and nothing was changed"):
        store.add(delivery(), plots(30_000, start=10), LIN)
    with pytest.raises(ReadOnlyError, match="disk is full"):
        store.save_findings(pd.DataFrame({"verdict": "x"}, index=[str(k) for k in range(30_000)]), {})
    assert store.versions() == before
    assert len(store.read("parcels")) == 2
    with store._connections.writing("") as c:
        c.execute("PRAGMA max_page_count=1000000")
    store.add(delivery(), plots(10, start=10), LIN)
    ids = store.read("parcels", (X + 215, Y, X + 225, Y + 1))["id"].tolist()
    assert ids == ["P11"]


def test_an_error_in_a_stream_stores_nothing_and_keeps_the_triggers(store: GpkgStore) -> None:
    def stream() -> Iterator[gpd.GeoDataFrame]:
        yield plots(3)
        raise RuntimeError("the file ends here")

    with pytest.raises(RuntimeError, match="ends here"):
        store.add(delivery(), stream(), LIN)
    assert len(store.read("parcels")) == 0
    store.edit("parcels", LIN, put=plots(2))
    assert len(store.history("parcels", "P0")) == 1
    assert len(store.read("parcels", (X, Y, X + 1, Y + 1))) == 1


def test_findings_are_one_row_a_parcel_in_a_plain_table(store: GpkgStore, tmp_path: Path) -> None:
    store.save_findings(pd.DataFrame({"verdict": ["free"], "ready": [True]}, index=["P1"]), {"on": "2026-01-01"})
    store.copy(tmp_path / "copy.gpkg")
    plain = pyogrio.read_dataframe(tmp_path / "copy.gpkg", layer="findings", read_geometry=False)
    assert json.loads(plain.to_json(orient="records")) == [{"id": "P1", "verdict": "free", "ready": True}]


def test_the_extent_stays_exact_while_plots_come_and_go(store):
    rng = np.random.default_rng(11)
    left: dict[str, int] = {}
    for k in range(12):
        come = {f"Q{k}-{n}": int(n) for n in rng.choice(4000, 150, replace=False) - 2000}
        gone = rng.choice(sorted(left), len(left) * 3 // 4, replace=False).tolist() if left else []
        boxes = shapely.box(X + np.array([*come.values()]) / 3, Y, X + np.array([*come.values()]) / 3 + 0.1, Y + 9)
        put = gpd.GeoDataFrame({"id": [*come]}, geometry=boxes, crs="EPSG:4548")
        store.edit("parcels", LIN, put=put, delete=gone)
        left = {i: n for i, n in (left | come).items() if i not in gone}
        assert store.extent("parcels") == (len(left), tuple(store.read("parcels").total_bounds))
    store.edit("parcels", LIN, delete=sorted(left))
    assert store.extent("parcels") == (0, (0.0, 0.0, 0.0, 0.0))
