"""Plots summed up by cells of the map, for the zooms at which they are too small to be drawn one by one.

A tile of such a zoom has 64 x 64 cells, each a quadrant of the map six levels further down; a plot counts in the cell that holds
its centroid. Plots and areas are whole numbers, so that a sum is the same in whatever order it was made, and what an edit changes
is taken away and added again without a rest.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import parsed, transformer
from geo.tiles import HALF_WORLD
from layers.base import Field, Text, objects, texts

CELLS = 64
"""Cells of a tile, across and down."""
ZOOMS = range(6, 13)
FINEST = ZOOMS[-1] + 6
"""The level of the map's quadrants that are the cells of the last of these zooms."""
EAST = 2**FINEST - 1
"""The bits of a cell that tell its column."""
SQUARE = 1_000_000
"""Parts of a square metre in which areas are summed up."""
TAKEN = "C10:parcels.taken"
"""The reason of the verdict on land that is supplied or listed already."""
CELL = Field(
    "cell",
    "integer",
    Text("Cell of the map", "地图格网"),
    meaning=f"row * 2^{FINEST} + column of WebMercatorQuad at zoom {FINEST}",
)
USED = ("verdict", "reason", "ready_state", "ready_from", "status", "area", "cell")
"""The columns of findings that are summed up; where one is missing nothing is."""

Integers = NDArray[np.int64]
Shapes = NDArray[np.object_]


class Sums(NamedTuple):
    """How many plots and how much land [1e-6 m2] are in a cell of level `FINEST` and of a kind, shape (n,); keys occur once.

    `kinds`: what the map shows of a plot on any day (see `drawn_state`) and the parcel's status, "" where nobody recorded one.
    """

    cell: Integers
    kind: Integers
    plots: Integers
    area: Integers
    kinds: tuple[tuple[str, str], ...]


def drawn_state(findings: pd.DataFrame) -> NDArray[np.object_]:
    """Tell what the map shows of each plot: "supplied" or "blocked" where the verdict says so, else the ready state, None unknown.

    What a day makes ready is "dated" before it; it is told with the day as what it is from then on: "ready 2027-04-01", or
    "unknown 2027-04-01", for serviced land is shown as that only where nothing about it is unknown.
    """
    verdict, reason, ready = (_objects(findings[name]) for name in ("verdict", "reason", "ready_state"))
    day = findings["ready_from"].to_numpy("datetime64[D]")
    coming = (ready == "dated") | (ready == "ready")
    ready[(verdict == "unknown") & (ready == "ready")] = "unknown"
    shown: NDArray[np.object_] = np.where(verdict == "blocked", np.where(reason == TAKEN, "supplied", "blocked"), ready)
    dated = coming & (verdict != "blocked") & ~np.isnat(day)
    shown[dated] = np.where(verdict[dated] == "unknown", "unknown ", "ready ").astype(object) + np.datetime_as_string(
        day[dated]
    ).astype(object)
    return shown


def _objects(column: pd.Series) -> NDArray[np.object_]:
    return objects(texts(column.to_numpy(object)))


def cells(shapes: Shapes, crs: object) -> Integers:
    """Find the cells that hold the centroids of shapes; -1 for one that is nowhere on the map."""
    x, y = shapely.bounds(shapely.centroid(shapes))[:, :2].T
    east, north = transformer(parsed(crs).srs, "EPSG:3857").transform(x, y)
    size = 2 * HALF_WORLD / 2**FINEST
    with np.errstate(invalid="ignore"):
        column, row = np.floor((np.asarray(east) + HALF_WORLD) / size), np.floor((HALF_WORLD - np.asarray(north)) / size)
        inside = (column >= 0) & (column < 2**FINEST) & (row >= 0) & (row < 2**FINEST)
    column, row = np.where(inside, column, 0).astype(np.int64), np.where(inside, row, 0).astype(np.int64)
    return np.where(inside, row << FINEST | column, -1)


def sums(findings: pd.DataFrame, sign: int = 1) -> Sums:
    """Sum up plots, a frame with the columns `USED`; -1 for `sign` takes them away. A plot that is nowhere is left out."""
    cell = findings["cell"].to_numpy(np.int64, na_value=-1)
    there = cell >= 0
    state, status = drawn_state(findings)[there], _objects(findings["status"])[there]
    shown = list(zip(["unknown" if s is None else s for s in state], [s or "" for s in status], strict=True))
    number = {kind: n for n, kind in enumerate(dict.fromkeys(shown))}
    kind = np.fromiter(map(number.__getitem__, shown), np.int64, len(shown))
    area = np.rint(findings["area"].to_numpy(np.float64)[there] * SQUARE).astype(np.int64)
    return _summed(cell[there], kind, np.full(len(kind), sign), sign * area, tuple(number))


def added(parts: Sequence[Sums]) -> Sums:
    """Add sums up; what is nothing then is left out."""
    number = {kind: n for n, kind in enumerate(dict.fromkeys(kind for part in parts for kind in part.kinds))}
    kinds = [np.array([number[kind] for kind in part.kinds], np.int64)[part.kind] for part in parts]
    columns = [np.concatenate([np.zeros(0, np.int64), *(part[k] for part in parts)]) for k in (0, 2, 3)]
    return _summed(columns[0], np.concatenate([np.zeros(0, np.int64), *kinds]), columns[1], columns[2], tuple(number))


def _summed(cell: Integers, kind: Integers, plots: Integers, area: Integers, kinds: tuple[tuple[str, str], ...]) -> Sums:
    """Add up what has one cell and kind."""
    key, of = np.unique(cell * max(len(kinds), 1) + kind, return_inverse=True)
    count, land = np.zeros(len(key), np.int64), np.zeros(len(key), np.int64)
    np.add.at(count, of, plots)
    np.add.at(land, of, area)
    some = (count != 0) | (land != 0)
    at, which = np.divmod(key[some], max(len(kinds), 1))
    return Sums(at, which, count[some], land[some], kinds)


def levels(of: Sums) -> Iterator[tuple[int, Sums]]:
    """Give sums by the cells of each of the zooms, from the last to the first; a cell of one is four of the next."""
    for zoom in reversed(ZOOMS):
        yield zoom, of
        row, column = of.cell >> FINEST, of.cell & EAST
        of = _summed(row >> 1 << FINEST | column >> 1, of.kind, of.plots, of.area, of.kinds)


def rows(of: Sums, zooms: Container[int] = ZOOMS) -> Iterator[tuple[Any, ...]]:
    """List sums for some zooms: zoom, column and row of the tile, cell in it (row by row), state, status, plots, area."""
    for zoom, level in levels(of):
        if zoom in zooms and len(level.cell):
            row, column = level.cell >> FINEST, level.cell & EAST
            place = column // CELLS, row // CELLS, row % CELLS * CELLS + column % CELLS
            state, status = (list(map(names.__getitem__, level.kind.tolist())) for names in zip(*level.kinds, strict=True))
            yield from zip(repeat(zoom), *(n.tolist() for n in place), state, status, level.plots.tolist(), level.area.tolist())


def of_tile(of: Sums, zoom: int, x: int, y: int) -> pd.DataFrame:
    """Pick the sums of one tile, as `parts` frames them."""
    return parts(row[3:] for row in rows(of, (zoom,)) if row[1:3] == (x, y))


def parts(found: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """Make the frame of the sums of a tile: `cell`, `state`, `status`, `plots`, `area` [1e-6 m2]."""
    names = {"cell": np.int64, "state": np.object_, "status": np.object_, "plots": np.int64, "area": np.int64}
    columns = list(zip(*found, strict=True)) or [()] * len(names)
    made = {
        name: pd.Series(np.array(column, kind), dtype=kind) for (name, kind), column in zip(names.items(), columns, strict=True)
    }
    return pd.DataFrame(made)
