"""Exact area weights of grid cells under polygons, for many polygons at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from geo.rings import rings

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]

BATCH = 1 << 17
"""Cells and vertices of one batch: a few hundred kilobytes for each array, so that the work stays in the cache."""
SLIVER = 1e-9
"""Share of a cell below which a weight is the rounding of an edge that lies on a grid line, not land."""

LEVEL = 1e-100
"""Height in rows below which an edge is level: it has no area, and its lean would overflow."""


class Weights(NamedTuple):
    """The cells under shapes `shape[0]` .. `shape[0] + len(start) - 2`, cells ordered by shape, row, column.

    The cells of the batch's shape s are `start[s]:start[s + 1]`; `cell` is row * columns + column in the grid and `share`
    the part of the cell's area under the shape, 0 to 1.
    """

    first: int
    start: Indices
    cell: Indices
    share: Numbers


class _Edges(NamedTuple):
    """Edges of rings in grid units (u right, v down), going down; `sign` is +1 where the inside lies to the right."""

    shape: Indices
    u0: Numbers
    v0: Numbers
    u1: Numbers
    v1: Numbers
    sign: Numbers


def weigh(transform: Affine, size: tuple[int, int], shapes: Shapes) -> Iterator[Weights]:
    """Yield the exact weights of the cells of a north-up grid under valid polygons, batch by batch in the shapes' order.

    size: (rows, columns). What lies outside the grid has no cells; None, empty and non-areal shapes have none either.
    The signed area of each edge is accumulated in the cells that it crosses and summed along the rows, as rasterisers of
    fonts do it; there is no sampling. Memory grows with the cells of the largest shape's box and its vertices, not with the
    number of shapes (but for their boxes, 40 bytes each).
    """
    box = _boxes(transform, size, shapes)
    cells = np.where(box[:, 0] < box[:, 2], (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]), 0)
    total = np.cumsum(cells + shapely.get_num_coordinates(shapes))
    begin = 0
    while begin < len(shapes):
        done = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, done + BATCH, side="right")))
        yield _batch(transform, size, shapes[begin:end], box[begin:end], begin)
        begin = end


def _boxes(transform: Affine, size: tuple[int, int], shapes: Shapes) -> Indices:
    """Find each shape's window: row, column, end row, end column, shape (n, 4); a column is spare at either side."""
    rows, columns = size
    bounds = shapely.bounds(shapes)
    u = np.sort((bounds[:, [0, 2]] - transform.c) / transform.a, axis=1)
    v = np.sort((bounds[:, [1, 3]] - transform.f) / transform.e, axis=1)
    none = ~np.isfinite(u).all(axis=1)
    u[none], v[none] = 0.0, 0.0
    left, right = np.clip(np.floor(u), -1, columns).T
    top, bottom = np.clip(np.floor(v[:, 0]), 0, rows), np.clip(np.ceil(v[:, 1]), 0, rows)
    bottom[none] = top[none]
    return np.stack([top, left, bottom, right + 2], axis=1).astype(np.intp)


def _batch(transform: Affine, size: tuple[int, int], shapes: Shapes, box: Indices, first: int) -> Weights:
    """Accumulate the weights of one batch in windows that lie one behind the other."""
    top, left, bottom, right = box.T
    width = right - left
    cells = np.maximum(bottom - top, 0) * width
    base = np.cumsum(cells) - cells
    shape, row, column, dv, mean = _by_column(*_by_row(_edges(transform, shapes), size[0]), size[1])
    slot = base[shape] + (row - top[shape]) * width[shape] + column - left[shape]
    length = int(cells.sum()) + 1
    later = dv * np.clip(mean - column, 0.0, 1.0)
    heap = np.bincount(slot, dv - later, length) + np.bincount(slot + 1, later, length)
    # each row of a window adds up to zero, for rings are closed: one running sum serves all rows of all windows
    share = np.cumsum(heap[:-1])
    slot = np.flatnonzero(share > SLIVER)
    shape = np.searchsorted(base + cells, slot, side="right")
    row, column = np.divmod(slot - base[shape], width[shape])
    row, column = row + top[shape], column + left[shape]
    real = (column >= 0) & (column < size[1])
    start = np.r_[0, np.cumsum(np.bincount(shape[real], minlength=len(shapes)))]
    return Weights(first, start, (row * size[1] + column)[real], np.minimum(share[slot[real]], 1.0))


def _edges(transform: Affine, shapes: Shapes) -> _Edges:
    """List the edges of the polygons that are not level."""
    of = rings(shapes)
    u, v = (of.xy[:, 0] - transform.c) / transform.a, (of.xy[:, 1] - transform.f) / transform.e
    last = np.r_[of.first[1:], len(u)][: len(of.first)] - 1
    ring = np.repeat(np.arange(len(of.first)), last - of.first + 1)
    # twice the area on the map, where v goes up: rings that run clockwise, and holes that do not, are taken backwards
    area = np.bincount(ring[:-1][of.on], _cross(of.xy, of.first[ring])[of.on], len(of.first))
    turned = (area < 0) != of.hole
    point = np.arange(len(u))
    point = np.where(turned[ring], of.first[ring] + last[ring] - point, point)
    u, v = u[point], v[point]
    edge = np.flatnonzero(of.on & (np.abs(np.diff(v)) > LEVEL))
    sign = np.where(v[edge + 1] > v[edge], 1, -1)
    upper, lower = np.where(sign > 0, edge, edge + 1), np.where(sign > 0, edge + 1, edge)
    return _Edges(of.shape[edge], u[upper], v[upper], u[lower], v[lower], sign.astype(float))


def _cross(xy: Numbers, first: Indices) -> Numbers:
    """Multiply each point with the next one, both from the first of its ring; shape (n - 1,)."""
    x, y = (xy - xy[first]).T
    return np.asarray(x[:-1] * y[1:] - x[1:] * y[:-1], np.float64)


def _by_row(e: _Edges, rows: int) -> tuple[Indices, Indices, Numbers, Numbers, Numbers]:
    """Cut edges at the grid's rows: shape, row, u at the top, u at the bottom, signed height of each piece."""
    head, tail = np.clip(np.floor(e.v0), 0, rows), np.clip(np.ceil(e.v1), 0, rows)
    count = np.maximum(tail - head, 0).astype(np.intp)
    edge, nth = _repeat(count)
    row = head.astype(np.intp)[edge] + nth
    v0, v1, u0, u1 = e.v0[edge], e.v1[edge], e.u0[edge], e.u1[edge]
    upper, lower = np.maximum(row, v0), np.minimum(row + 1, v1)
    lean = ((e.u1 - e.u0) / (e.v1 - e.v0))[edge]
    near, far = np.minimum(u0, u1), np.maximum(u0, u1)
    at_top = np.where(upper == v0, u0, np.clip(u0 + (upper - v0) * lean, near, far))
    at_bottom = np.where(lower == v1, u1, np.clip(u0 + (lower - v0) * lean, near, far))
    return e.shape[edge], row, at_top, at_bottom, (lower - upper) * e.sign[edge]


def _by_column(
    shape: Indices, row: Indices, at_top: Numbers, at_bottom: Numbers, dv: Numbers, columns: int
) -> tuple[Indices, Indices, Indices, Numbers, Numbers]:
    """Cut pieces at the grid's columns: shape, row, column (-1 and `columns`: beyond), signed height, mean u."""
    near, far = np.minimum(at_top, at_bottom), np.maximum(at_top, at_bottom)
    head = np.clip(np.floor(near), -1, columns)
    tail = np.clip(np.ceil(far) - 1, head, columns)
    count = (tail - head).astype(np.intp) + 1
    piece, nth = _repeat(count)
    column = head.astype(np.intp)[piece] + nth
    span, near, far = np.maximum(far - near, 1e-300)[piece], near[piece], far[piece]
    begin = np.where(nth == 0, near, column)
    end = np.where(nth + 1 == count[piece], far, column + 1)
    part = np.where(count[piece] == 1, 1.0, (end - begin) / span)
    return shape[piece], row[piece], column, dv[piece] * part, (begin + end) / 2


def _repeat(count: Indices) -> tuple[Indices, Indices]:
    """Repeat items: the item of each repetition, and its number from 0."""
    item = np.repeat(np.arange(len(count)), count)
    return item, np.arange(len(item)) - (np.cumsum(count) - count)[item]
