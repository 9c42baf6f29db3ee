"""Which features a tile shows at which zoom, and the cache of tiles.

| layers | zoom 6 to 9 | 10 to 12 | from 13 |
|---|---|---|---|
| readiness, parcels | grid | grid | every plot |
| land_use | nothing | nothing | every feature |
| other layers | nothing | simplified | every feature |

The grid has 64 x 64 cells a tile and the name of the layer with `_grid` behind it, so that a style never takes a cell for a
plot: plots are alike in size, and dropping or simplifying small ones would leave holes that look like land without plots.
From zoom 14 polygons that have names bring their label points, one a feature, under the name with `_label` behind it.

A grid tile is bounded whatever it covers: at most 4,096 cells, summed up beforehand and kept with the findings. Only between an
edit and the refresh of the findings are the plots of its box read one by one, with memory of 1 kB a plot.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import box_in, parsed, transformer
from geo.tiles import EXTENT, HALF_WORLD, Box, Column, TileError, TileLayer, bounds, encode, widened
from layers.base import KEY, DType, Field, Layer, arrays_of, places
from layers.catalogue import LAYERS
from layers.overview import ZOOMS, cells, of_tile, sums
from layers.refresh import hold, standing
from layers.store.base import Store
from layers.table import Table
from maps.grid import grid
from maps.readiness import FIELDS, bits

PLOT_ZOOM = ZOOMS[-1] + 1
LINE_ZOOM = 10
LEAST_ZOOM = ZOOMS[0]
SIMPLIFIED = 4
"""Units of the tile that a line may move by below `PLOT_ZOOM`: half a pixel of a tile 512 pixels wide."""
DOMAIN_MARGIN = 3.0
"""Degrees around a CRS's area of use in which it is still trusted to find what a tile shows."""
ENTRY = 500
"""Bytes that a cache entry takes beside its tile, so that empty tiles are bounded too."""
PACKED, LEVEL, MAGIC = 1_000, 1, b"\x1f\x8b"
"""Bytes from which a tile is packed, how hard, and what gzip begins with (RFC 1952), as no tile does."""
READINESS = "readiness"
LABELLED = ("parcels", "zoning", "land_use", "sites")
LABEL_ZOOM = 14
LABEL_COLUMNS = ("id", "name", "code")
PLOTS = (READINESS, "parcels")
UNKNOWN = ("verdict", "ready_state")
LISTS = ("missing", "contested")
"""Findings that list services, and are drawn as bits."""
TEXTS = ("name", "block")
MEASURES = ("red_line_width", "dn", "voltage", "far_max", "height_max")
Shown = Literal["features", "simplified", "grid", "nothing"]
Shapes = NDArray[np.object_]
Make = Callable[[Store, str, int, int, int], bytes]


class UntiledError(TileError):
    """There are no tiles of this layer; the message lists those that there are."""


def tiled() -> tuple[str, ...]:
    """List the names under which tiles are served: readiness, and every layer of shapes."""
    return (READINESS, *(name for name, layer in LAYERS.items() if layer.drawn))


def shown(layer: str, z: int) -> Shown:
    """Tell what tiles of a layer show at a zoom: features, simplified features, the grid or nothing."""
    if z >= PLOT_ZOOM:
        return "features"
    if layer in PLOTS:
        return "grid" if z >= LEAST_ZOOM else "nothing"
    return "simplified" if z >= LINE_ZOOM and layer != "land_use" else "nothing"


def attributes(layer: Layer) -> tuple[Field, ...]:
    """Pick the columns that a map draws, labels or filters by: the key, codes, days, names and drawn sizes.

    Right holders, addresses and document numbers stay in the base.
    """
    picked = (f for f in layer.fields if f.codes or f.dtype in ("date", "flag") or f.name in TEXTS + MEASURES)
    return (KEY, *picked)


def tile(store: Store, layer: str, z: int, x: int, y: int) -> bytes:
    """Make the vector tile of a layer or of "readiness", b"" where it shows nothing.

    Days are whole days since 1970-01-01. Readiness is the parcels with the findings: `verdict`, `ready_state`, `ready_from`,
    `missing`, `contested`; a plot without findings is unknown. TileError for a tile that does not exist, UntiledError for a layer without
    tiles.
    """
    box = bounds(z, x, y)
    if layer not in tiled():
        raise UntiledError(
            f"there are no tiles of {layer}: ask for {', '.join(tiled())}", f"{layer} 没有瓦片:可请求 {'、'.join(tiled())}"
        )
    mode = shown(layer, z)
    land = None if mode == "nothing" else base_box(widened(box), store.crs)
    if land is None:
        return b""
    source = LAYERS["parcels" if layer == READINESS else layer]
    fields = attributes(source)
    if mode == "grid":
        cells = summed(store, z, x, y, land, layer == READINESS)
        return (
            encode({f"{layer}_grid": grid(cells, "state" if layer == READINESS else "status", box)}, box) if len(cells) else b""
        )
    features = store.table(source.name, land)
    if not len(features):
        return b""
    columns = told(store, features) if layer == READINESS else {f.name: column(features[f.name].array, f.dtype) for f in fields}
    drawn = mercator(features.geometry.to_numpy(), store.crs)
    if mode == "simplified":
        drawn = shapely.simplify(drawn, (box[2] - box[0]) / EXTENT * SIMPLIFIED, preserve_topology=False)
    made = {layer: TileLayer(drawn, columns=columns)}
    if layer in LABELLED and z >= LABEL_ZOOM:
        made[f"{layer}_label"] = label_points(made[layer], box)
    return encode(made, box)


def packed(store: Store, layer: str, z: int, x: int, y: int) -> bytes:
    """Make the tile as `tile` does, packed by gzip unless it is small: to be kept so, for packing takes as long as all the rest."""
    made = tile(store, layer, z, x, y)
    return made if len(made) < PACKED else gzip.compress(made, LEVEL, mtime=0)


def is_packed(body: bytes) -> bool:
    """Tell whether a tile is packed."""
    return body.startswith(MAGIC)


def label_points(layer: TileLayer, box: Box) -> TileLayer:
    """Place one label in each feature, in the one tile that holds its point: labels on polygons repeat at every seam."""
    points = shapely.point_on_surface(layer.shapes)
    east, north = shapely.get_x(points), shapely.get_y(points)
    own = (east >= box[0]) & (east < box[2]) & (north > box[1]) & (north <= box[3])
    return TileLayer(points[own], columns={name: c.of(own) for name, c in layer.columns.items() if name in LABEL_COLUMNS})


def base_box(box: Box, crs: str) -> Box | None:
    """Find the box in the base's CRS that holds a box of EPSG:3857; None where the CRS does not reach.

    The border is followed in 21 steps a side, as straight lines of one are curves of the other. Land farther than 3 degrees
    from the CRS's area of use is not found.
    """
    west, east = (np.degrees(v / HALF_WORLD * np.pi) for v in (box[0], box[2]))
    south, north = (np.degrees(2 * np.arctan(np.exp(v / HALF_WORLD * np.pi)) - np.pi / 2) for v in (box[1], box[3]))
    use = parsed(crs).area_of_use
    if use is not None and use.west <= use.east:
        west, east = max(west, use.west - DOMAIN_MARGIN), min(east, use.east + DOMAIN_MARGIN)
        south, north = max(south, use.south - DOMAIN_MARGIN), min(north, use.north + DOMAIN_MARGIN)
    if west > east or south > north:
        return None
    return box_in((max(west, -180), south, min(east, 180), north), "EPSG:4326", crs)


def mercator(shapes: Shapes, crs: str) -> Shapes:
    """Transform shapes from the base's CRS to EPSG:3857; heights are dropped.

    A datum shift without parameters is left out, unlike in `geo.crs.transform`: all that the map draws is of one base, and
    a map without tiles would help nobody.
    """
    onto = transformer(crs, "EPSG:3857")
    return shapely.transform(shapes, lambda xy: np.stack(onto.transform(xy[:, 0], xy[:, 1]), 1))


def told(store: Store, parcels: Table) -> dict[str, Column]:
    """Tell of each parcel the findings that surely still hold; else verdict and state are "unknown" and the rest is missing."""
    found = standing(store, parcels, [f.name for f in FIELDS])
    at = places(found.index.to_numpy(object), parcels["id"].array)
    columns = {"id": column(parcels["id"].array, "text")}
    arrays = arrays_of(found)
    for f in FIELDS:
        known = arrays.get(f.name, np.full(len(found), None, object))
        of = Column(*bits(np.asarray(known, object))) if f.name in LISTS else column(known, f.dtype)
        behind = np.array([None if f.dtype == "text" else 0], of.values.dtype)
        values, missing = np.append(of.values, behind)[at], np.append(np.asarray(of.missing, bool), True)[at]
        columns[f.name] = Column(np.where(missing, "unknown", values)) if f.name in UNKNOWN else Column(values, missing)
    return columns


def summed(store: Store, z: int, x: int, y: int, land: Box, assessed: bool) -> pd.DataFrame:
    """Sum up the plots of a tile by cells: as kept with the findings, or plot by plot where the land changed since.

    `land` is the tile in the base's CRS; `assessed` whether the states of the plots are asked for, or their recorded status alone.
    """
    kept = store.overview(z, x, y)
    if kept is not None and hold(store, None if assessed else ("parcels",)):
        return kept
    plots = store.read("parcels", land, columns=["id", "status"])
    told = ["verdict", "reason", "ready_state", "ready_from"]
    found = (standing(store, plots, told) if assessed else pd.DataFrame()).reindex(index=plots["id"], columns=told)
    shapes = np.asarray(plots.geometry.array, object)
    found = found.assign(status=plots["status"].array, area=shapely.area(shapes), cell=cells(shapes, store.crs))
    return of_tile(sums(found), z, x, y)


def column(values: Any, dtype: DType) -> Column:
    """Turn the array of a column into an attribute; days become whole days since 1970-01-01."""
    missing = np.asarray(pd.isna(values), bool)
    if dtype == "text":
        return Column(np.asarray(values, object), missing)
    if dtype == "date":
        return Column(np.asarray(values, "datetime64[D]").astype(np.int64), missing)
    kind = {"integer": np.int64, "real": np.float64, "flag": np.bool_}[dtype]
    known: NDArray[Any] = np.zeros(len(values), kind)
    known[~missing] = values[~missing]
    return Column(known, missing)


class TileCache:
    """The tiles last asked for, at most `limit` bytes of them, each as long as what it shows is unchanged.

    Safe to share between threads; two that miss the same tile at once both make it.
    """

    def __init__(self, limit: int = 64_000_000) -> None:
        self._limit = limit
        self._tiles: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def version(self, store: Store, layer: str) -> str:
        """Stamp what the tiles of a layer are made from; for an ETag.

        Readiness depends on every stamp of the base, and on what the findings were made from.
        """
        stamps = store.versions()
        if layer != READINESS:
            return f"{layer}={stamps.get(layer, 0)}"
        inputs = json.dumps(store.findings([], [])[1], sort_keys=True, default=str)
        return ",".join([*(f"{name}={stamp}" for name, stamp in sorted(stamps.items())), inputs])

    def get(self, store: Store, layer: str, z: int, x: int, y: int, make: Make = tile) -> tuple[bytes, str]:
        """Give the tile and the version of what it shows, from the cache or made by `make` and kept; its errors."""
        with store.snapshot():
            version = self.version(store, layer)
            key = (layer, z, x, y, version)
            with self._lock:
                if key in self._tiles:
                    self._tiles.move_to_end(key)
                    return self._tiles[key], version
            made = make(store, layer, z, x, y)
        with self._lock:
            if key not in self._tiles:
                self._held += len(made) + ENTRY
            self._tiles[key] = made
            while self._held > self._limit:
                self._held -= len(self._tiles.popitem(last=False)[1]) + ENTRY
        return made, version
