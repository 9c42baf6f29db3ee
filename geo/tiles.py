"""Web map tiles: their arithmetic, and arrays of shapes to Mapbox vector tiles.

Source of the format: Mapbox Vector Tile Specification 2.1 (2016) over protobuf's wire format; of the arithmetic: EPSG:3857
with the tile scheme of OGC 17-083r4, WebMercatorQuad (y counts southwards).

Everything that a feature is made of, tags and lengths too, is a varint, so all features of a layer are written as one stream
of integers and turned into bytes at once. Memory grows by about 220 bytes a vertex and 130 bytes a feature and attribute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.errors import GeoError

Box = tuple[float, float, float, float]
Shapes = NDArray[np.object_]
Words = NDArray[np.uint64]
Counts = NDArray[np.int64]
Bytes = NDArray[np.uint8]

HALF_WORLD = 20037508.342789244
MAX_ZOOM = 24
EXTENT = 4096
BUFFER = 64
LEAST_POINTS = np.array([1, 2, 3])
COMMAND_WORDS = np.array([1, 2, 3])
"""Words beside the coordinates of a path, by dimension: MoveTo; MoveTo, LineTo; MoveTo, LineTo, ClosePath."""


class TileError(GeoError):
    """A tile that does not exist or cannot be made; the message says what may be asked."""


@dataclass(frozen=True, slots=True)
class Column:
    """One attribute of the features of a layer: text, integers, reals or flags, shape (n,).

    Where `missing` is true the attribute is left out of the feature, and so is a real that is NaN.
    """

    values: NDArray[Any]
    missing: NDArray[np.bool_] | None = None

    def of(self, rows: NDArray[Any]) -> Column:
        """Pick rows, by number or by flag."""
        return Column(self.values[rows], None if self.missing is None else self.missing[rows])


@dataclass(frozen=True, slots=True)
class TileLayer:
    """The features of one layer of a tile, shape (n,): shapes in EPSG:3857, numbers (uint64; None: without) and attributes."""

    shapes: Shapes
    ids: NDArray[np.uint64] | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)


class Paths(NamedTuple):
    """Points, lines and rings in tile coordinates, shape (p,), in the order of features.

    `xy` are all vertices (v, 2), `length` [vertices] of each path, `feature` the row that it belongs to, `dimension` 0, 1, 2.
    Rings are not closed; exteriors have positive area with y downwards, holes negative.
    """

    xy: NDArray[np.int64]
    length: Counts
    feature: Counts
    dimension: Counts


class Ragged(NamedTuple):
    """Rows of unequal length, one after the other: `values` (sum of length,), `length` (rows,)."""

    values: NDArray[Any]
    length: Counts


def bounds(z: int, x: int, y: int) -> Box:
    """Compute the box of a tile in EPSG:3857 [m]: xmin, ymin, xmax, ymax.

    TileError where z is not in 0..24 or x or y not in 0..2**z - 1.
    """
    if not 0 <= z <= MAX_ZOOM:
        raise TileError(f"there is no zoom {z}: ask for 0 to {MAX_ZOOM}", f"没有缩放级别 {z}:请用 0 至 {MAX_ZOOM}")
    if not (0 <= x < 2**z and 0 <= y < 2**z):
        raise TileError(
            f"there is no tile {z}/{x}/{y}: at zoom {z}, x and y go from 0 to {2**z - 1}",
            f"没有瓦片 {z}/{x}/{y}:第 {z} 级的 x、y 为 0 至 {2**z - 1}",
        )
    size = 2 * HALF_WORLD / 2**z
    return x * size - HALF_WORLD, HALF_WORLD - (y + 1) * size, (x + 1) * size - HALF_WORLD, HALF_WORLD - y * size


def holding(z: int, longitude: float, latitude: float) -> tuple[int, int, int]:
    """Find the tile (z, x, y) that holds a place in degrees of WGS 84, the outermost where Web Mercator ends before it."""
    east, north = longitude / 360, np.arctanh(np.sin(np.radians(np.clip(latitude, -89, 89)))) / (2 * np.pi)
    x, y = (int(np.clip(at * 2**z, 0, 2**z - 1)) for at in (0.5 + east, 0.5 - north))
    return z, x, y


def widened(box: Box, extent: int = EXTENT, buffer: int = BUFFER) -> Box:
    """Widen a tile's box by the buffer, so that outlines and symbols do not end at the seam."""
    margin = (box[2] - box[0]) * buffer / extent
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def encode(layers: Mapping[str, TileLayer], box: Box, extent: int = EXTENT, buffer: int = BUFFER) -> bytes:
    """Encode layers into the tile with the box `box` (see `bounds`).

    Shapes are cut at `buffer` units around the tile and rounded to `extent` units a side; repeated points, lines of one
    point and rings without area vanish, and with them features that have nothing left. Of a shape of mixed dimensions
    only the parts of the highest are drawn. Layers without features are left out, so that an empty tile is b"". TileError
    where a coordinate is infinite or NaN, or an attribute is of no known type.
    """
    written = [_layer(name, layer, box, extent, buffer) for name, layer in layers.items()]
    return b"".join(_field(3, content) for content in written if content)


def _layer(name: str, layer: TileLayer, box: Box, extent: int, buffer: int) -> bytes:
    """Write one layer; b"" where no feature is left."""
    paths = _paths(layer.shapes, box, extent, buffer)
    if not len(paths.length):
        return b""
    first = np.flatnonzero(np.diff(paths.feature, prepend=-1))
    rows = paths.feature[first]
    tags, values = _attributes(layer.columns, rows)
    ids = None if layer.ids is None else layer.ids[rows].astype(np.uint64)
    keys = b"".join(_field(3, key.encode()) for key in layer.columns)
    head = b"\x78\x02" + _field(1, name.encode())
    scale = b"\x28" + _varint(np.array([extent], np.uint64)).values.tobytes()
    return head + _features(paths, first, tags, ids) + keys + values + scale


def _field(number: int, content: bytes) -> bytes:
    """Write a length-delimited field of protobuf."""
    return _varint(np.array([number << 3 | 2, len(content)], np.uint64)).values.tobytes() + content


def _paths(shapes: Shapes, box: Box, extent: int, buffer: int) -> Paths:
    """Cut shapes to the buffered tile and take them apart into paths of whole tile units."""
    feature, cut, across = _cut(shapes, widened(box, extent, buffer))
    dimension = shapely.get_dimensions(shapes[feature]).astype(np.int64)
    parts, owner = _parts(cut)
    proper = shapely.get_dimensions(parts) == dimension[owner]
    parts, owner = parts[proper], owner[proper]
    areal = dimension[owner] == 2
    rings, ring_part = shapely.get_rings(parts[areal], return_index=True)
    paths = np.concatenate([parts[~areal], rings])
    owner = np.concatenate([owner[~areal], owner[areal][ring_part]])
    part = np.concatenate([np.full((~areal).sum(), -1), ring_part])
    order = np.argsort(owner, kind="stable")
    paths, owner, part = paths[order], owner[order], part[order]
    xy, path = shapely.get_coordinates(paths, return_index=True)
    if not np.isfinite(xy).all():
        row = int(feature[owner[path[~np.isfinite(xy).all(1)][0]]])
        raise TileError(
            f"feature {row} of the tile has a coordinate that is no finite number: repair it in the base",
            f"瓦片的第 {row} 个要素有坐标不是有限数:请在库中修复",
        )
    size = (box[2] - box[0]) / extent
    places = (xy - (box[0], box[3])) / (size, -size)
    beyond = (across & (dimension == 2))[owner]
    if beyond.any():
        places, path = _clipped(places, path, beyond, -buffer, extent + buffer)
    units = np.rint(places).astype(np.int64)
    # The points of a feature are one path: one MoveTo for all of them.
    begins = (dimension[owner] > 0) | (np.diff(owner, prepend=-1) != 0)
    path = (np.cumsum(begins) - 1)[path]
    return _wound(units, path, feature[owner[begins]], dimension[owner[begins]], part[begins])


def _cut(shapes: Shapes, box: Box) -> tuple[Counts, Shapes, NDArray[np.bool_]]:
    """Pick the shapes that meet a box, lines and points cut at it: their rows, what is left, and which reach across.

    Polygons are cut later as rings: GEOS's clipping refuses invalid ones, and one bad plot must not blank a tile.
    """
    low, high = np.split(shapely.bounds(shapes), 2, axis=1)
    rows = np.flatnonzero(np.all((low <= box[2:]) & (high >= box[:2]), axis=1))
    left, across = shapes[rows], np.any((low[rows] < box[:2]) | (high[rows] > box[2:]), axis=1)
    thin = across & (shapely.get_dimensions(left) < 2)
    left[thin] = shapely.clip_by_rect(left[thin], *box)
    return rows, left, across


def _clipped(
    xy: NDArray[np.float64], path: Counts, beyond: NDArray[np.bool_], low: float, high: float
) -> tuple[NDArray[np.float64], Counts]:
    """Cut the rings `beyond` (one flag a path) at the square low..high, side by side (Sutherland and Hodgman, 1974).

    A ring stays one ring: where it leaves the square more than once, edges run along the side, out of sight in the buffer.
    """
    rest = ~beyond[path]
    ring, owner = xy[~rest], path[~rest]
    for axis, sign, limit in ((0, 1, low), (0, -1, high), (1, 1, low), (1, -1, high)):
        inside = sign * (ring[:, axis] - limit)
        following = _following(owner, len(beyond))
        kept = inside >= 0
        crosses = kept != kept[following]
        share = np.divide(inside, inside - inside[following], where=crosses, out=np.zeros(len(ring)))
        meeting = ring + share[:, None] * (ring[following] - ring)
        slots = np.stack([kept, crosses], 1)
        ring = np.stack([ring, meeting], 1)[slots]
        owner = np.repeat(owner, slots.sum(1))
    path = np.concatenate([path[rest], owner])
    order = np.argsort(path, kind="stable")
    return np.concatenate([xy[rest], ring])[order], path[order]


def _following(path: Counts, number: int) -> Counts:
    """Find the vertex after each, the first after the last of its path."""
    count = np.bincount(path, minlength=number)
    end = np.cumsum(count)
    following = np.arange(1, len(path) + 1)
    some = count > 0
    following[end[some] - 1] = (end - count)[some]
    return following


def _parts(shapes: Shapes) -> tuple[Shapes, Counts]:
    """Take collections apart, nested ones too: the simple parts and the row of each."""
    owner = np.arange(len(shapes))
    while (shapely.get_type_id(shapes) >= 4).any():
        shapes, row = shapely.get_parts(shapes, return_index=True)
        owner = owner[row]
    some = ~shapely.is_empty(shapes)
    return shapes[some], owner[some]


def _wound(units: NDArray[np.int64], path: Counts, feature: Counts, dimension: Counts, part: Counts) -> Paths:
    """Drop repeated points and degenerate paths, and wind rings as the format wants; `part` numbers the polygons."""
    units, path = _thinned(units, path, dimension)
    number = len(feature)
    count = np.bincount(path, minlength=number)
    start = np.cumsum(count) - count
    following = _following(path, number)
    cross = units[:, 0] * units[following, 1] - units[following, 0] * units[:, 1]
    area = np.bincount(path, cross, minlength=number)
    ring = dimension == 2
    outer = ring & (np.diff(part, prepend=-2) != 0)
    sound = (count >= LEAST_POINTS[dimension]) & (~ring | (area != 0))
    # A polygon goes with its exterior, and where its holes take all that the tile shows of it.
    left = np.bincount(part[ring], np.where(outer, 1, -1)[ring] * np.abs(area[ring]))
    lost = left <= 0
    lost[part[outer & ~sound]] = True
    sound[ring] &= ~lost[part[ring]]
    backwards = ring & ((area > 0) != outer)
    at = np.arange(len(path))
    turned = np.where(backwards[path], (2 * start + count - 1)[path] - at, at)[sound[path]]
    return Paths(units[turned], count[sound], feature[sound], dimension[sound])


def _thinned(units: NDArray[np.int64], path: Counts, dimension: Counts) -> tuple[NDArray[np.int64], Counts]:
    """Drop points equal to the one before, and of rings the closing ones."""
    fresh = np.ones(len(path), bool)
    fresh[1:] = (path[1:] != path[:-1]) | (units[1:] != units[:-1]).any(1)
    units, path = units[fresh], path[fresh]
    count = np.bincount(path, minlength=len(dimension))
    last = np.cumsum(count) - 1
    ring = np.flatnonzero((dimension == 2) & (count > 1))
    closing = ring[(units[last[ring]] == units[last[ring] - count[ring] + 1]).all(1)]
    return np.delete(units, last[closing], 0), np.delete(path, last[closing])


def _features(paths: Paths, first: Counts, tags: Ragged, ids: Words | None) -> bytes:
    """Write the features; `first` is the first path of each."""
    geometry = _geometry(paths, first)
    tag_bytes = _total(_size(tags.values), tags.length)
    geometry_bytes = _total(_size(geometry.values), geometry.length)
    number = len(first)
    shape = paths.dimension[first] + 1
    before, after = [np.full(number, 0x12), tag_bytes], [np.full(number, 0x18), shape, np.full(number, 0x22), geometry_bytes]
    length = tag_bytes + geometry_bytes + 4 + _size(tag_bytes) + _size(geometry_bytes)
    if ids is not None:
        before = [np.full(number, 0x08), ids, *before]
        length += 1 + _size(ids)
    head = _rows([np.full(number, 0x12), length, *before])
    return _varint(_interleave(head, tags, _rows(after), geometry).values).values.tobytes()


def _geometry(paths: Paths, first: Counts) -> Ragged:
    """Write each feature's commands and zigzag steps, the pen starting at 0, 0 and staying where a ring's last point is."""
    size = 2 * paths.length + COMMAND_WORDS[paths.dimension]
    offset = np.cumsum(size) - size
    start = np.cumsum(paths.length) - paths.length
    step = np.diff(paths.xy, axis=0, prepend=np.zeros((1, 2), np.int64))
    step[start[first]] = paths.xy[start[first]]
    words = np.empty(size.sum(), np.uint64)
    place = np.arange(len(paths.xy)) - np.repeat(start, paths.length)
    line = paths.dimension > 0
    # After the first point of a line or ring stands the command LineTo.
    at = np.repeat(offset + 1, paths.length) + 2 * place + (np.repeat(line, paths.length) & (place > 0))
    words[at], words[at + 1] = _zigzag(step).T
    words[offset] = np.where(line, 1, paths.length) << 3 | 1
    words[(offset + 3)[line]] = (paths.length[line] - 1) << 3 | 2
    ring = paths.dimension == 2
    words[(offset + size - 1)[ring]] = 1 << 3 | 7
    return Ragged(words, np.add.reduceat(size, first))


KINDS = {"O": "text", "U": "text", "T": "text", "i": "integer", "u": "integer", "f": "real", "b": "flag"}


def _attributes(columns: Mapping[str, Column], rows: Counts) -> tuple[Ragged, bytes]:
    """Write the layer's distinct values, and for each row the pairs of key and value that it has."""
    value = np.zeros((len(rows), len(columns)), np.int64)
    known = np.ones((len(rows), len(columns)), bool)
    members: dict[str, list[int]] = {}
    picked = [column.of(rows) for column in columns.values()]
    for k, (name, column) in enumerate(zip(columns, picked, strict=True)):
        kind = KINDS.get(column.values.dtype.kind)
        if kind is None:
            raise TileError(
                f"attribute {name} is of type {column.values.dtype}: give text, integers, reals or flags",
                f"属性 {name} 的类型为 {column.values.dtype}:应为文本、整数、实数或是否值",
            )
        members.setdefault(kind, []).append(k)
        if column.missing is not None:
            known[:, k] = ~column.missing
        if kind == "real":
            known[:, k] &= ~np.isnan(column.values)
    table, blocks = 0, []
    for kind, ks in members.items():
        # Dictionaries beat sorting for text, and they keep the order of first use.
        pool = [item for k in ks for item in picked[k].values[known[:, k]].tolist()]
        pool = list(map(str, pool)) if kind == "text" else pool
        distinct = dict.fromkeys(pool)
        number = dict(zip(distinct, range(table, table + len(distinct)), strict=True))
        of_kind = np.zeros_like(known.T)
        of_kind[ks] = known.T[ks]
        value.T[of_kind] = np.fromiter(map(number.__getitem__, pool), np.int64, len(pool))
        blocks.append(_values(kind, list(distinct)))
        table += len(distinct)
    key = np.broadcast_to(np.arange(len(columns)), value.shape)
    return Ragged(np.stack([key, value], 2)[known].ravel().astype(np.uint64), 2 * known.sum(1)), b"".join(blocks)


def _values(kind: str, items: list[Any]) -> bytes:
    """Write distinct values of one kind as a layer's value messages."""
    number = len(items)
    entry = np.full(number, 0x22)
    if kind == "text":
        texts = list(map(methodcaller("encode", "utf-8", "replace"), items))
        length = np.fromiter(map(len, texts), np.int64, number)
        content = Ragged(np.frombuffer(b"".join(texts), np.uint8), length)
        head = _bytes(_rows([entry, length + 1 + _size(length), np.full(number, 0x0A), length]))
        return _interleave(head, content).values.tobytes()
    if kind == "real":
        content = Ragged(np.array(items, "<f8").view(np.uint8), np.full(number, 8))
        return _interleave(_bytes(_rows([entry, np.full(number, 9), np.full(number, 0x19)])), content).values.tobytes()
    word = np.array(items, np.uint64) if kind == "flag" else _zigzag(np.array(items, np.int64))
    tag = np.full(number, 0x38 if kind == "flag" else 0x30)
    return _bytes(_rows([entry, 1 + _size(word), tag, word])).values.tobytes()


def _rows(columns: Sequence[NDArray[Any]]) -> Ragged:
    """Lay columns of equal length side by side, one row each."""
    table = np.stack([column.astype(np.uint64) for column in columns], 1)
    return Ragged(table.ravel(), np.full(len(table), table.shape[1]))


def _bytes(rows: Ragged) -> Ragged:
    """Turn rows of words into rows of bytes."""
    return Ragged(_varint(rows.values).values, _total(_size(rows.values), rows.length))


def _interleave(*parts: Ragged) -> Ragged:
    """Join ragged arrays of as many rows row by row: row r is row r of the first, then of the second and so on."""
    count = np.sum([part.length for part in parts], 0)
    at = np.cumsum(count) - count
    joined = np.empty(count.sum(), parts[0].values.dtype)
    for part in parts:
        joined[np.repeat(at - np.cumsum(part.length) + part.length, part.length) + np.arange(len(part.values))] = part.values
        at = at + part.length
    return Ragged(joined, count)


def _total(amounts: Counts, count: Counts) -> Counts:
    """Add up amounts by ragged rows; 0 for an empty row."""
    ends = np.cumsum(count)
    running = np.concatenate([[0], np.cumsum(amounts)])
    return np.asarray(running[ends] - running[ends - count])


def _zigzag(steps: NDArray[np.int64]) -> Words:
    """Fold signed integers into unsigned ones: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return ((steps << 1) ^ (steps >> 63)).view(np.uint64)


def _size(words: NDArray[Any]) -> Counts:
    """Count the bytes that each word takes as a varint."""
    size = np.ones(len(words), np.int64)
    most = int(words.max(initial=0))
    for k in range(7, 64, 7):
        if most >> k:
            size += words >= (1 << k)
    return size


def _varint(words: Words) -> Ragged:
    """Write words as varints: seven bits a byte, the low ones first, the top bit where more follow."""
    size = _size(words)
    at = np.cumsum(size) - size
    written: Bytes = np.empty(size.sum(), np.uint8)
    rest = size
    for k in range(int(size.max(initial=0))):
        if k:
            longer = rest > k
            words, at, rest = words[longer], at[longer], rest[longer]
        low = (words >> np.uint64(7 * k)) & np.uint64(0x7F)
        written[at + k] = np.where(rest > k + 1, low | np.uint64(0x80), low)
    return Ragged(written, size)
