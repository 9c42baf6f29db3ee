import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from layers.formats import raster
from layers.formats.errors import ImplausibleError, MissingCRSError, UnreadableError, UnsafeFileError

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
    monkeypatch.setattr(raster, "MAX_CELLS", 100)
    with pytest.raises(UnsafeFileError, match=r"60 x 40 cells"):
        raster.read(bare, "EPSG:4548", crs="EPSG:4548")
