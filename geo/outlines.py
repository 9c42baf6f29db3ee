"""The edges of many polygons as arrays, with bins in which a kernel finds those near a box."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.jit import kernel
from geo.kernels import SHEAR
from geo.rings import rings

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]

SCANNED = 32
"""Outlines with more edges get bins."""


class Outlines(NamedTuple):
    """The edges of polygons: of polygon p the rows start[p] to start[p + 1], with holes and parts one after the other.

    edge: (m, 4) x, y, x, y; box: (n, 4) least and greatest sheared x, least and greatest y. Polygon p has bins first[p] to
    first[p + 1] of equal width in sheared x, a small polygon none; bin q lists the edges listed[bins[q]] to
    listed[bins[q + 1]], and `begin` is the first bin of an edge.
    """

    edge: Numbers
    start: Indices
    box: Numbers
    first: Indices
    bins: Indices
    listed: Indices
    begin: Indices


def outlines(shapes: Shapes) -> Outlines:
    """List the edges of polygons and multipolygons; of other shapes, and of ends that are not finite, none."""
    of = rings(shapes)
    edge, start, box = _listed(of.xy, of.on, of.shape, len(shapes))
    return Outlines(edge, start, box, *_bins(edge, start, box))


@kernel
def _listed(xy: Numbers, on: NDArray[np.bool_], shape: Indices, n: int) -> tuple[Numbers, Indices, Numbers]:
    """List the edges between points of which the next is `on` the same ring: the first three fields of Outlines."""
    edge, start, box, m = np.empty((len(on), 4)), np.zeros(n + 1, np.int64), np.full((n, 4), np.inf), 0
    box[:, 1], box[:, 3] = -np.inf, -np.inf
    for k in range(len(on)):
        ax, ay, bx, by = xy[k, 0], xy[k, 1], xy[k + 1, 0], xy[k + 1, 1]
        if not (on[k] and np.isfinite(ax) and np.isfinite(ay) and np.isfinite(bx) and np.isfinite(by)):
            continue
        edge[m, 0], edge[m, 1], edge[m, 2], edge[m, 3] = ax, ay, bx, by
        p, x = shape[k], ax + SHEAR * ay
        start[p + 1] += 1
        box[p, 0], box[p, 1] = min(box[p, 0], x), max(box[p, 1], x)
        box[p, 2], box[p, 3] = min(box[p, 2], ay), max(box[p, 3], ay)
        m += 1
    return edge[:m], np.cumsum(start), box


def _bins(ends: Numbers, start: Indices, box: Numbers) -> tuple[Indices, Indices, Indices, Indices]:
    """Give large polygons bins, so many that an edge lies in about four; the last four fields of Outlines."""
    edges = np.diff(start)
    large = np.flatnonzero(edges > SCANNED)
    edge = np.concatenate([np.arange(start[p], start[p + 1]) for p in large]) if len(large) else np.zeros(0, np.intp)
    sheared = ends[edge, ::2] + SHEAR * ends[edge, 1::2]
    left, right = sheared.min(axis=1), sheared.max(axis=1)
    own = np.repeat(np.arange(len(large)), edges[large])
    width = np.maximum(box[large, 1] - box[large, 0], 1e-300)
    spread = np.bincount(own, right - left, len(large))
    count = np.zeros(len(edges), np.intp)
    count[large] = np.maximum(1, np.minimum(4 * edges[large] * width / np.maximum(spread, width / 4), edges[large] / 4))
    first = np.r_[0, np.cumsum(count)]
    scale = count[large] / width
    low, high = (
        np.clip((x - box[large, 0][own]) * scale[own], 0, count[large][own] - 1).astype(np.intp) + first[large][own]
        for x in (left, right)
    )
    begin = np.full(start[-1], -1, np.intp)
    begin[edge] = low
    times = high - low + 1
    bin_ = np.repeat(low - np.cumsum(times) + times, times) + np.arange(times.sum())
    order = np.argsort(bin_, kind="stable")
    return first, np.searchsorted(bin_[order], np.arange(first[-1] + 1)), np.repeat(edge, times)[order], begin
