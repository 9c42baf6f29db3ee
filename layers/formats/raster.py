"""GeoTIFF files: heights out of them, in the base's CRS, and surfaces into them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.warp import Resampling, calculate_default_transform, reproject

from geo.crs import is_same
from geo.raster import Grid
from geo.rasterfile import Cells
from layers.base import Text
from layers.formats.errors import UnreadableError, UnsafeFileError
from layers.formats.place import explain, plausible
from layers.formats.vector import settle

WHOLE = 1 << 26
"""Cells that are read into memory at once: 256 MiB. Of a larger raster they are read by windows, as they are stored."""
MOST_CELLS = 1 << 34
"""Cells that a raster may have: 64 GiB, a day of storing."""
MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def read(path: str | Path, target_crs: str, crs: str | None = None) -> gpd.GeoDataFrame:
    """Read a GeoTIFF as a frame of one row: `id` (the file's name), `grid`, the footprint; `attrs["notes"]` holds Texts.

    The first band counts; cells without data are NaN; scale and offset are applied. Another CRS is warped bilinearly. The number
    of cells is looked at before any is read. Errors as in `vector.read`. Memory: 4 bytes a cell, twice where it is warped; of more
    than WHOLE cells none is read here: `grid` reads them by slices out of the file, which must stay until they are stored.
    """
    file = Path(path)
    try:
        with file.open("rb") as start:
            if start.read(4) not in MAGIC:
                raise UnreadableError(
                    f"{file.name} is no GeoTIFF inside: export the heights as GeoTIFF",
                    f"{file.name} 的内容不是 GeoTIFF:请将高程导出为 GeoTIFF",
                )
        with rasterio.open(file, driver="GTiff") as source:
            grid, notes = heights(file, source, CRS.from_user_input(target_crs), target_crs, crs)
    except (RasterioError, OSError) as error:
        raise UnreadableError(
            f"{file.name} cannot be read as GeoTIFF: it is missing or damaged, export it again",
            f"{file.name} 无法按 GeoTIFF 读取:文件不存在或已损坏,请重新导出",
        ) from error
    rows, columns = grid.values.shape
    left, top = grid.transform @ (0, 0)
    right, bottom = grid.transform @ (columns, rows)
    cell = np.empty(1, object)
    cell[0] = grid
    frame = gpd.GeoDataFrame({"id": [file.stem], "grid": cell}, geometry=[shapely.box(left, bottom, right, top)], crs=target_crs)
    frame.attrs["notes"] = tuple(notes)
    return frame


def heights(file: Path, source: DatasetReader, target: CRS, target_crs: str, crs: str | None) -> tuple[Grid, list[Text]]:
    """Read the first band into a north-up grid in the target CRS."""
    refuse_large(file, source.width, source.height)
    notes: list[Text] = []
    system = settle(file, source.crs.to_wkt() if source.crs else None, crs, notes)
    if source.transform.is_identity:
        raise UnreadableError(
            f"{file.name} does not say where it lies: export it with its georeference",
            f"{file.name} 没有说明位置:请连同地理参考一起导出",
        )
    if source.count > 1:
        notes.append(Text(f"of {source.count} bands the first was taken as heights", f"共 {source.count} 个波段,取第一个为高程"))
    centre = np.array([source.transform @ (source.width / 2, source.height / 2)], np.float64)
    if not plausible(centre, system, target).all():
        explain(file.name, centre, system, target)
    t = source.transform
    upright = not (t.b or t.d) and t.a > 0 and t.e < 0
    if source.width * source.height > WHOLE:
        return _by_windows(file, system, None if upright and is_same(system, target) else target_crs, target_crs, notes)
    band = source.read(1, masked=True, out_dtype="float32")
    values: NDArray[np.float32] = np.ma.filled(band, np.nan) * np.float32(source.scales[0]) + np.float32(source.offsets[0])
    if upright and is_same(system, target):
        return Grid(values, t, target_crs), notes
    with warnings.catch_warnings():
        # rasterio multiplies transforms in a way that affine is about to drop.
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        shape, width, height = calculate_default_transform(system, target, source.width, source.height, *box(source))
    refuse_large(file, width, height)
    warped = np.full((height, width), np.nan, np.float32)
    reproject(
        values, warped, src_transform=t, src_crs=system, dst_transform=shape, dst_crs=target,
        src_nodata=np.nan, dst_nodata=np.nan, resampling=Resampling.bilinear,
    )  # fmt: skip
    notes.append(_warped(system, shape.a))
    return Grid(warped, shape, target_crs), notes


def _by_windows(file: Path, system: CRS, to: str | None, target: str, notes: list[Text]) -> tuple[Grid, list[Text]]:
    """Open a large raster to be read by slices, warped where it must be."""
    cells = Cells(file, system.to_wkt(), to)
    refuse_large(file, cells.shape[1], cells.shape[0])
    if to is not None:
        notes.append(_warped(system, cells.transform.a))
    return Grid(cast("NDArray[np.float32]", cells), cells.transform, target), notes


def _warped(system: CRS, cell: float) -> Text:
    """Tell that a raster was warped, and how large its cells are."""
    return Text(f"warped from {system.name} to cells of {cell:.3g}", f"已由 {system.name} 重采样,像元 {cell:.3g}")


def box(source: DatasetReader) -> tuple[float, float, float, float]:
    """Measure the outer edges of a raster, turned or not: left, bottom, right, top."""
    corners = np.array([source.transform @ (c, r) for c in (0, source.width) for r in (0, source.height)])
    return (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())


def refuse_large(file: Path, width: int, height: int) -> None:
    """Raise UnsafeFileError for more cells than a raster may have."""
    if width * height > MOST_CELLS:
        raise UnsafeFileError(
            f"{file.name} has {width} x {height} cells, more than {MOST_CELLS}: cut it or make its cells larger",
            f"{file.name} 有 {width} x {height} 个像元,多于 {MOST_CELLS}:请裁剪或加大像元",
        )


def geotiff(bands: Mapping[str, NDArray[np.float32]], transform: Affine, crs: str) -> bytes:
    """Write grids of one size and place as the bands of a GeoTIFF, each described by its name, NaN where there is no value."""
    rows, columns = next(iter(bands.values())).shape
    with MemoryFile() as file:
        with file.open(
            driver="GTiff", width=columns, height=rows, count=len(bands), dtype="float32", crs=crs, transform=transform,
            nodata=np.nan, compress="deflate", interleave="band",
        ) as made:  # fmt: skip
            for n, (name, values) in enumerate(bands.items(), 1):
                made.write(values, n)
                made.set_band_description(n, name)
        return bytes(file.read())
