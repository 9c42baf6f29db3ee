import os
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

from layers.base import Edition
from layers.formats import raster
from layers.formats.errors import ImplausibleError, MissingCRSError, UnreadableError, UnsafeFileError
from layers.store import create_store, open_store
from layers.store.base import Change
from layers.store.gpkg import GpkgStore

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterio's from_origin


def write(path, values, crs="EPSG:4548", origin=(500000, 4077000), **options):
    profile = {
        "driver": "GTiff",
        "width": values.shape[1],
        "height": values.shape[0],
        "count": 1,
        "dtype": values.dtype,
        "nodata": -9999,
    }
    with rasterio.open(path, "w", **profile, crs=crs, transform=from_origin(*origin, 5, 5), **options) as file:
        file.write(values, 1)
    return path


SLOPE = np.add.outer(np.arange(40.0), np.arange(60.0)).astype("int16")


def test_heights_come_as_a_grid_with_its_footprint_and_no_data_as_nan(tmp_path):
    values = SLOPE.copy()
    values[0, 0] = -9999
    frame = raster.read(write(tmp_path / "dem.tif", values), "EPSG:4548")
    grid = frame["grid"][0]
    assert frame["id"].tolist() == ["dem"]
    assert np.isnan(grid.values[0, 0])
    assert np.array_equal(grid.values[1:], SLOPE[1:])
    assert frame.total_bounds.tolist() == [500000, 4076800, 500300, 4077000]


def test_heights_in_another_zone_are_warped_with_a_note(tmp_path):
    frame = raster.read(write(tmp_path / "dem.tif", SLOPE, "EPSG:4527", (39500000, 4077000)), "EPSG:4548")
    assert abs(np.nanmean(frame["grid"][0].values) - SLOPE.mean()) < 0.5
    assert "warped from" in frame.attrs["notes"][0].en


def test_a_grid_without_crs_or_place_or_of_too_many_cells_is_refused(tmp_path, monkeypatch):
    bare = write(tmp_path / "bare.tif", SLOPE, None)
    with pytest.raises(MissingCRSError, match=r"bare.tif"):
        raster.read(bare, "EPSG:4548")
    assert len(raster.read(bare, "EPSG:4548", crs="EPSG:4548")) == 1
    with pytest.raises(ImplausibleError):
        raster.read(bare, "EPSG:4548", crs="EPSG:25831")
    (tmp_path / "text.tif").write_text("no tiff")
    with pytest.raises(UnreadableError, match=r"no GeoTIFF inside"):
        raster.read(tmp_path / "text.tif", "EPSG:4548")
    monkeypatch.setattr(raster, "MOST_CELLS", 100)
    with pytest.raises(UnsafeFileError, match=r"60 x 40 cells"):
        raster.read(bare, "EPSG:4548", crs="EPSG:4548")


@pytest.mark.parametrize(("crs", "origin"), [("EPSG:4548", (500000, 4077000)), ("EPSG:4527", (39500000, 4077000))])
def test_a_raster_read_by_windows_is_stored_as_one_read_at_once(tmp_path, monkeypatch, crs, origin):
    heights = np.add.outer(np.arange(600.0), np.arange(700.0)).astype("float32")
    heights[300:, :300] = -9999
    file, stored = write(tmp_path / "dem.tif", heights, crs, origin), []
    for whole in (1 << 26, 100):
        monkeypatch.setattr(raster, "WHOLE", whole)
        monkeypatch.setattr("layers.store.rasters.STRIP", 2)
        told = []
        with closing(GpkgStore.create(tmp_path / f"{whole}.gpkg", "EPSG:4548")) as store:
            frame = raster.read(file, "EPSG:4548")
            edition = Edition("", "terrain", "t", date(2026, 1, 1), frame.geometry.iloc[0])
            store.add(edition, frame, Change("t"), progress=lambda *p, told=told: told.append(p))
            stored.append(store.read("terrain")["grid"].iloc[0])
        assert told == [(k, 9) for k in range(1, 10)]
    one, two = stored
    assert one.transform.almost_equals(two.transform)
    inside = np.s_[2:-2, 2:-2]
    assert np.array_equal(np.isnan(one.values[inside]), np.isnan(two.values[inside]))
    assert np.nanmax(np.abs(one.values[inside] - two.values[inside])) < 1e-3
    assert np.isnan(two.values[310:, :290]).all()


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (900 << 20, 900 << 20))
sys.argv[0] = "shudi"
from api.cli import main
main()
"""


@pytest.fixture(params=["gpkg", "postgis"])
def place_of_base(request, tmp_path):
    """An empty base, a file or a database."""
    if request.param == "postgis":
        with request.getfixturevalue("postgres").database() as url:
            create_store(url, "EPSG:4548").close()
            yield url
        return
    create_store(tmp_path / "land.gpkg", "EPSG:4548").close()
    yield tmp_path / "land.gpkg"


def test_a_raster_of_more_cells_than_memory_is_imported_and_a_damaged_one_leaves_nothing(tmp_path, place_of_base):
    base, side = place_of_base, 16_400
    sparse = {"width": side, "height": side, "count": 1, "dtype": "float32", "nodata": -9999, "tiled": True, "SPARSE_OK": True}
    place = {"crs": "EPSG:4548", "transform": from_origin(500000, 4077000, 1, 1)}
    for name in ("large.tif", "damaged.tif"):
        with rasterio.open(tmp_path / name, "w", driver="GTiff", **sparse, **place) as file:
            file.write(np.full((256, 256), 25.5, np.float32), 1, window=Window(0, 0, 256, 256))
            file.write(np.full((256, 256), 31.0, np.float32), 1, window=Window(16_128, 16_128, 256, 256))
    os.truncate(tmp_path / "damaged.tif", os.path.getsize(tmp_path / "damaged.tif") - 500_000)

    def bring(name):
        words = ["import", str(tmp_path / name), "--layer", "terrain", "--base", str(base)]
        return subprocess.run([sys.executable, "-c", LIMITED, *words], capture_output=True, text=True, check=False)

    refused = bring("damaged.tif")
    assert refused.returncode == 2, refused.stderr
    assert "damaged.tif" in refused.stderr
    with closing(open_store(base, read_only=True)) as store:
        assert not len(store.read("terrain"))
        assert not store.editions("terrain")
    done = bring("large.tif")
    assert done.returncode == 0, done.stderr
    with closing(open_store(base, read_only=True)) as store:
        (grid,) = store.read("terrain", box=(516_200, 4_060_800, 516_210, 4_060_810))["grid"]
        assert (grid.values == 31.0).all()
        (empty,) = store.read("terrain", box=(508_000, 4_068_000, 508_010, 4_068_010))["grid"]
        assert np.isnan(empty.values).all()
    if isinstance(base, Path):
        assert base.stat().st_size < 2 << 20
