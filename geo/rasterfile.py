"""Raster files: grids read whole or by windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from geo.cells import Indices, Shapes
from geo.raster import Grid, GridError, span_of

MAX_CELLS = 1 << 28
"""Cells that one read may bring into memory: 1 GiB of float32."""


class Cells:
    """The cells of a raster file's first band, read by slices as from an array of (rows, columns) float32, NaN without data.

    What a slice takes comes into memory, `MAX_CELLS` at most. `crs`: what the file is in, where it does not say so; `to`: warped
    bilinearly to another CRS as it is read. `transform`: from (column, row) to coordinates. GridError where the file is damaged.
    """

    ndim, dtype = 2, np.dtype(np.float32)

    def __init__(self, path: Path, crs: str | None = None, to: str | None = None) -> None:
        self._path, self._crs, self._to = path, crs, to
        with self._opened() as source:
            self.shape, self.transform = (source.height, source.width), source.transform
        self.size = self.shape[0] * self.shape[1]

    @contextmanager
    def _opened(self) -> Iterator[DatasetReader | WarpedVRT]:
        with rasterio.open(self._path, driver="GTiff") as source:
            if self._to is None:
                yield source
                return
            nodata = {} if source.nodata is None else {"src_nodata": source.nodata}
            how = {"resampling": Resampling.bilinear, "nodata": float(np.finfo(np.float32).min), "dtype": "float32", **nodata}
            with WarpedVRT(source, src_crs=self._crs or source.crs, crs=self._to, **how) as warped:
                yield warped

    def __getitem__(self, key: tuple[slice, slice]) -> NDArray[np.float32]:
        """Read some rows and columns."""
        (top, bottom, _), (left, right, _) = (part.indices(size) for part, size in zip(key, self.shape, strict=True))
        if (bottom - top) * (right - left) > MAX_CELLS:
            raise too_large(self._path, bottom - top, right - left)
        try:
            with self._opened() as source:
                masked = source.read(1, window=Window(left, top, right - left, bottom - top), masked=True, out_dtype="float32")
                scale, offset = np.float32(source.scales[0]), np.float32(source.offsets[0])
        except (RasterioError, OSError) as error:
            raise GridError(
                f"{self._path.name} cannot be read to its end: it is damaged, export it again",
                f"{self._path.name} 无法读完:文件已损坏,请重新导出",
            ) from error
        values: NDArray[np.float32] = masked.data
        values[np.ma.getmaskarray(masked)] = np.nan
        return values if float(scale) == 1.0 and float(offset) == 0.0 else values * scale + offset


def too_large(path: Path, height: int, width: int) -> GridError:
    """Say that a window holds more cells than may come into memory at once."""
    return GridError(
        f"{path.name}: a window of {height} x {width} cells is too large; read it by windows()",
        f"{path.name}:{height} x {width} 像元的窗口过大,请用 windows() 分窗读取",
    )


def _read(source: DatasetReader, rows: slice, columns: slice) -> Grid:
    """Read a window of the first band; nodata, masked and infinite cells become NaN, scale and offset are applied."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if height * width > MAX_CELLS:
        raise too_large(Path(source.name), height, width)
    crs = source.crs
    if crs is None:
        raise GridError(
            f"{Path(source.name).name} states no CRS: assign it with gdal_edit -a_srs before the import",
            f"{Path(source.name).name} 没有坐标系:请在导入前用 gdal_edit -a_srs 指定",
        )
    if not height or not width:
        values = np.empty((height, width), np.float32)
    else:
        window = Window(columns.start, rows.start, width, height)
        masked = source.read(1, window=window, masked=True).astype(np.float64)
        values = (masked.filled(np.nan) * source.scales[0] + source.offsets[0]).astype(np.float32)
        values[~np.isfinite(values)] = np.nan
    return Grid(values, source.transform @ Affine.translation(columns.start, rows.start), crs.to_string())


def read(path: Path, bounds: Sequence[float] | None = None, margin: int = 0) -> Grid:
    """Read a raster file's first band, whole or the cells that touch left, bottom, right, top and `margin` more.

    GridError where the file is turned, states no CRS or the window exceeds `MAX_CELLS`.
    """
    with rasterio.open(path) as source:
        size = (source.height, source.width)
        whole = slice(0, size[0]), slice(0, size[1])
        return _read(source, *(whole if bounds is None else span_of(source.transform, size, bounds, margin)))


def windows(path: Path, size: int = 2048, margin: int = 1) -> Iterator[Grid]:
    """Yield a raster file as tiles of `size` x `size` cells with `margin` cells of the neighbours around.

    With a margin of 1 the slope inside each tile is that of the whole. Memory: one tile, whatever the file's size.
    """
    with rasterio.open(path) as source:
        for row in range(0, source.height, size):
            for column in range(0, source.width, size):
                rows = slice(max(row - margin, 0), min(row + size + margin, source.height))
                columns = slice(max(column - margin, 0), min(column + size + margin, source.width))
                yield _read(source, rows, columns)


def around(path: Path, shapes: Shapes, size: int = 2048, margin: int = 1) -> Iterator[tuple[Indices, Grid]]:
    """Yield groups of shapes with the part of a raster file that holds them whole and `margin` cells more.

    Shapes are grouped by the tile of `size` x `size` cells that holds their lower left corner, so that each shape is in one
    group, and its statistics need no merging. None and empty shapes are in no group. Memory: a tile grown by the largest
    shape of its group.
    """
    with rasterio.open(path) as source:
        t, box = source.transform, shapely.bounds(shapes)
        shown = np.flatnonzero(np.isfinite(box).all(axis=1))
        tile = np.floor(np.stack([(box[shown, 1] - t.f) / t.e, (box[shown, 0] - t.c) / t.a]) / size)
        _, group = np.unique(tile, axis=1, return_inverse=True)
        order = np.argsort(group, kind="stable")
        for part in np.split(shown[order], np.flatnonzero(np.diff(group[order])) + 1) if len(shown) else []:
            low, high = box[part, :2].min(axis=0), box[part, 2:].max(axis=0)
            yield part, _read(source, *span_of(t, (source.height, source.width), (*low, *high), margin))
