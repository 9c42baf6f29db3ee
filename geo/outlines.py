"""The edges of many polygons as arrays, with bins in which a kernel finds those near a box."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    xy, finite = of.xy, np.asarray(np.isfinite(of.xy).all(axis=1))
    at = np.flatnonzero(of.on & finite[1:] & finite[:-1])
    start = np.searchsorted(of.shape[at], np.arange(len(shapes) + 1))
    edge = np.hstack([xy[at], xy[at + 1]])
    x, end = edge[:, 0] + SHEAR * edge[:, 1], edge[:, 2] + SHEAR * edge[:, 3]
    box = np.stack([_least(x, start), -_least(-x, start), _least(edge[:, 1], start), -_least(-edge[:, 1], start)], axis=1)
    return Outlines(edge, start, box, *_bins(np.minimum(x, end), np.maximum(x, end), start, box))


def _least(values: Numbers, start: Indices) -> Numbers:
    """Find the least value of each run, inf where it is empty."""
    least, some = np.full(len(start) - 1, np.inf), np.flatnonzero(np.diff(start))
    least[some] = np.minimum.reduceat(values, start[some]) if len(some) else np.inf
    return least


def _bins(left: Numbers, right: Numbers, start: Indices, box: Numbers) -> tuple[Indices, Indices, Indices, Indices]:
    """Give large polygons bins, so many that an edge lies in about four; the last four fields of Outlines."""
    edges = np.diff(start)
    large = np.flatnonzero(edges > SCANNED)
    edge = np.concatenate([np.arange(start[p], start[p + 1]) for p in large]) if len(large) else np.zeros(0, np.intp)
    own = np.repeat(np.arange(len(large)), edges[large])
    width = np.maximum(box[large, 1] - box[large, 0], 1e-300)
    spread = np.bincount(own, right[edge] - left[edge], len(large))
    count = np.zeros(len(edges), np.intp)
    count[large] = np.maximum(1, np.minimum(4 * edges[large] * width / np.maximum(spread, width / 4), edges[large] / 4))
    first = np.r_[0, np.cumsum(count)]
    scale = count[large] / width
    low, high = (
        np.clip((x[edge] - box[large, 0][own]) * scale[own], 0, count[large][own] - 1).astype(np.intp) + first[large][own]
        for x in (left, right)
    )
    begin = np.full(start[-1], -1, np.intp)
    begin[edge] = low
    times = high - low + 1
    bin_ = np.repeat(low - np.cumsum(times) + times, times) + np.arange(times.sum())
    order = np.argsort(bin_, kind="stable")
    return first, np.searchsorted(bin_[order], np.arange(first[-1] + 1)), np.repeat(edge, times)[order], begin
