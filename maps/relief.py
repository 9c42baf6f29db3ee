"""Shaded relief: tiles of light and shadow made from the stored heights, for any map to lie under.

A tile is a PNG of 512 x 512 pixels, white where the land is lighter than level land would be, black where it is darker, the difference
as opacity; transparent where nobody measured. Source of the shading: Horn (1981), Proc. IEEE 69(1), light from the north-west at 45
degrees, as cartographers have it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from PIL import Image

from geo.crs import transformer
from geo.raster import Grid, bilinear, coarser, gradient
from geo.tiles import Box, bounds
from layers.store.base import Store
from maps.tiles import PLOT_ZOOM, base_box

LAYER = "terrain"
SIDE = 512
"""Pixels of a tile's side."""
LEAST = PLOT_ZOOM
"""Zoom from which relief is drawn: a tile reads every cell below it, 4 bytes each (15 million cells of 1 m)."""
EXAGGERATED = 8.0
"""How many times steeper the land is drawn than it is: an industrial park is nearly flat."""
AZIMUTH, ALTITUDE = math.radians(315), math.radians(45)
DARKEST, LIGHTEST = 130, 130
"""Opacity of the deepest shadow and of the brightest light, of 255: colours below stay what they are."""
SOFT = 0.4 * (1 - math.sin(ALTITUDE))
"""Light more or less than that of level land at which shading has three quarters of its opacity: a slope of one in a hundred is to be seen."""
Pixels = NDArray[np.float64]


def relief(store: Store, layer: str, z: int, x: int, y: int) -> bytes:
    """Draw the tile of shaded relief of a base as PNG; TileError for a tile that does not exist."""
    box = bounds(z, x, y)
    land = base_box(box, store.crs) if z >= LEAST else None
    lit = np.full((SIDE, SIDE), np.nan)
    if land is None:
        return png(lit)
    step = (box[2] - box[0]) / SIDE
    east, north = np.meshgrid(box[0] + step * (np.arange(SIDE) + 0.5), box[3] - step * (np.arange(SIDE) + 0.5))
    across, up = (np.asarray(c) for c in transformer("EPSG:3857", store.crs).transform(east, north))
    pixel = (land[3] - land[1]) / SIDE
    for grid in joined(around(store, land, 4 * pixel)):
        new = shade(grid, pixel, across, up)
        lit = np.where(np.isnan(lit), new, lit)
    return png(lit)


def around(store: Store, land: Box, margin: float) -> Sequence[Grid]:
    """Read the rasters of a box and what shading needs around it: a `margin` [m], or four cells."""
    found: Sequence[Grid] = ()
    while margin:
        wide = (land[0] - margin, land[1] - margin, land[2] + margin, land[3] + margin)
        found = list(store.read(LAYER, wide)["grid"])
        needed = max((4 * grid.transform.a for grid in found), default=0.0)
        margin = needed if needed > margin else 0.0
    return found


def joined(grids: Sequence[Grid]) -> Sequence[Grid]:
    """Join rasters whose cells lie in one lattice, so that no seam is drawn between them; where they overlap the first holds."""
    lattices: dict[tuple[float, ...], list[Grid]] = {}
    for grid in grids:
        t = grid.transform
        lattices.setdefault((t.a, t.e, round(t.c / t.a % 1, 3) % 1, round(t.f / t.e % 1, 3) % 1), []).append(grid)
    return [one[0] if len(one) == 1 else mosaic(one) for one in lattices.values()]


def mosaic(grids: Sequence[Grid]) -> Grid:
    """Put rasters of one lattice into one."""
    t = grids[0].transform
    corners = np.array([~t @ (grid.transform.c, grid.transform.f) for grid in grids]).round().astype(int)
    ends = corners + [grid.values.shape[::-1] for grid in grids]
    (left, top), (right, bottom) = corners.min(axis=0), ends.max(axis=0)
    values = np.full((bottom - top, right - left), np.nan, np.float32)
    for grid, (column, row) in zip(reversed(grids), corners[::-1] - (left, top), strict=True):
        part = values[row : row + grid.values.shape[0], column : column + grid.values.shape[1]]
        part[...] = np.where(np.isnan(grid.values), part, grid.values)
    return Grid(values, t @ Affine.translation(left, top), grids[0].crs)


def shade(grid: Grid, pixel: float, x: Pixels, y: Pixels) -> Pixels:
    """Tell how much more light than level land the points get from the north-west, -1 to 1; NaN where the heights do not tell.

    Cells smaller than a `pixel` [m] are averaged first, so that the relief does not flicker.
    """
    factor = max(1, int(pixel // grid.transform.a))
    if min(grid.values.shape) // factor < 4:
        return np.full(x.shape, np.nan)
    rough = coarser(grid, factor) if factor > 1 else grid
    to_east, to_south = (bilinear(rough, part, x, y) * EXAGGERATED for part in gradient(rough))
    falls = -to_east * math.sin(AZIMUTH) + to_south * math.cos(AZIMUTH)
    light = (math.sin(ALTITUDE) + math.cos(ALTITUDE) * falls) / np.sqrt(1 + to_east**2 + to_south**2)
    more: Pixels = np.clip(light, 0, 1) - math.sin(ALTITUDE)
    return more


def png(lit: Pixels) -> bytes:
    """Write light (-1 to 1, NaN: transparent) as white or black of some opacity."""
    known = np.nan_to_num(lit)
    opacity = np.tanh(np.abs(known) / SOFT) * np.where(known > 0, LIGHTEST, DARKEST)
    pixels = np.stack([np.where(known > 0, 255, 0), opacity.round()], axis=-1).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels, "LA").save(out, "PNG", compress_level=4)
    return out.getvalue()
