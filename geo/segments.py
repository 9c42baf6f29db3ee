"""A compiled search of the lines near polygons, beside their outlines and inside them, on grids."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.jit import inlined, kernel
from geo.outlines import Outlines, outlines

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]
Grid = tuple[float, float, float, int, int, Indices, Indices]

MOST_CELLS = 4
"""Cells of the grid a segment: the longest lines make it coarser."""


def near(polygons: Shapes, lines: Shapes, reach: float) -> tuple[Indices, Indices, Numbers]:
    """Find the pairs of polygons and lines that lie within `reach` [CRS unit] of each other, and their distance.

    i, j, distance: shape (k,), ordered by i then j; 0 where a line meets a polygon or lies inside. Lines may have parts;
    what has no finite coordinates is near nothing. Time
    grows with the segments near a polygon times its edges, memory with the pairs and the segments.
    """
    parts, owner = shapely.get_parts(lines, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    finite = np.asarray(np.isfinite(xy).all(axis=1))
    begin = np.flatnonzero((part[1:] == part[:-1]) & finite[1:] & finite[:-1])
    segment = np.hstack([xy[begin], xy[begin + 1]])
    if not len(segment):
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
    ring = outlines(polygons)
    i, j, distance = _near(ring.edge, ring.start, segment, owner[part[begin]], len(lines), reach, *_grid(segment, reach))
    order = np.lexsort((j, i))
    return i[order], j[order], distance[order]


@kernel
def _grid(segment: Numbers, reach: float) -> Grid:
    """Lay a square grid over segments: least x and y, side, columns, rows, and by cell the segments whose boxes meet it.

    Cells are about as large as the reach or the segments, and so many at most that a segment lies in few.
    """
    m = len(segment)
    x0, y0 = min(segment[:, 0].min(), segment[:, 2].min()), min(segment[:, 1].min(), segment[:, 3].min())
    width = max(segment[:, 0].max(), segment[:, 2].max()) - x0
    height = max(segment[:, 1].max(), segment[:, 3].max()) - y0
    long = (np.abs(segment[:, 2] - segment[:, 0]) + np.abs(segment[:, 3] - segment[:, 1])).mean()
    side = max(reach, long, np.sqrt(width * height / m), max(width, height) / (4.0 * m), 1e-6)
    while True:
        cells = 0
        for s in range(m):
            across = int(abs(segment[s, 2] - segment[s, 0]) / side) + 1
            cells += across * (int(abs(segment[s, 3] - segment[s, 1]) / side) + 1)
        if cells <= MOST_CELLS * m:
            break
        side *= 2
    columns, rows = int(width / side) + 1, int(height / side) + 1
    start = np.zeros(columns * rows + 2, np.int64)
    for s in range(m):
        c0, c1, r0, r1 = _cells(segment[s], 0.0, x0, y0, side, columns, rows)
        for r in range(r0, r1 + 1):
            start[r * columns + c0 + 2 : r * columns + c1 + 3] += 1
    start = np.cumsum(start)
    listed = np.empty(start[-1], np.int64)
    for s in range(m):
        c0, c1, r0, r1 = _cells(segment[s], 0.0, x0, y0, side, columns, rows)
        for r in range(r0, r1 + 1):
            for cell in range(r * columns + c0 + 1, r * columns + c1 + 2):
                listed[start[cell]] = s
                start[cell] += 1
    return x0, y0, side, columns, rows, start[:-1], listed


@inlined
def _cells(box: Numbers, reach: float, x0: float, y0: float, side: float, columns: int, rows: int) -> tuple[int, int, int, int]:
    """Number the first and last column and row of the cells that the box of two points meets, `reach` around it."""
    left, right = min(box[0], box[2]) - reach - x0, max(box[0], box[2]) + reach - x0
    low, high = min(box[1], box[3]) - reach - y0, max(box[1], box[3]) + reach - y0
    return (
        max(0, int(np.floor(left / side))),
        min(columns - 1, int(np.floor(right / side))),
        max(0, int(np.floor(low / side))),
        min(rows - 1, int(np.floor(high / side))),
    )


@inlined
def _apart(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Measure the square of the distance of a point from the segment a b."""
    dx, dy, px, py = bx - ax, by - ay, x - ax, y - ay
    square = dx * dx + dy * dy
    along = min(max((px * dx + py * dy) / square, 0.0), 1.0) if square > 0 else 0.0
    px, py = px - along * dx, py - along * dy
    return px * px + py * py


@inlined
def _side(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> float:
    """Measure on which side of the line a b a point lies."""
    return (bx - ax) * (y - ay) - (by - ay) * (x - ax)


@inlined
def _distance(edge: Numbers, first: int, last: int, s: Numbers, best: float) -> float:
    """Measure the square of the distance of a polygon from a segment, or give `best` where it is no nearer.

    Coordinates are taken from the segment's begin, where they are exact. Two segments that do not cross are nearest at an end
    of one; a segment that crosses no edge lies inside if its begin does.
    """
    sx, sy, inside = s[2] - s[0], s[3] - s[1], False
    left, right, low, high = min(0.0, sx), max(0.0, sx), min(0.0, sy), max(0.0, sy)
    for e in range(first, last):
        ax, ay, bx, by = edge[e, 0] - s[0], edge[e, 1] - s[1], edge[e, 2] - s[0], edge[e, 3] - s[1]
        if (ay > 0) != (by > 0) and (_side(ax, ay, bx, by, 0.0, 0.0) > 0) == (by > ay):
            inside = not inside
        dx = max(0.0, max(min(ax, bx) - right, left - max(ax, bx)))
        dy = max(0.0, max(min(ay, by) - high, low - max(ay, by)))
        if dx * dx + dy * dy >= best:
            continue
        if dx == 0 and dy == 0:
            one, other = _side(ax, ay, bx, by, 0.0, 0.0), _side(ax, ay, bx, by, sx, sy)
            begin, end = _side(0.0, 0.0, sx, sy, ax, ay), _side(0.0, 0.0, sx, sy, bx, by)
            if (one > 0) != (other > 0) and (begin > 0) != (end > 0):
                return 0.0
        best = min(best, _apart(0.0, 0.0, ax, ay, bx, by), _apart(sx, sy, ax, ay, bx, by))
        best = min(best, _apart(ax, ay, 0.0, 0.0, sx, sy), _apart(bx, by, 0.0, 0.0, sx, sy))
    return 0.0 if inside else best


@kernel
def _near(
    edge: Numbers,
    start: Indices,
    segment: Numbers,
    owner: Indices,
    owners: int,
    reach: float,
    x0: float,
    y0: float,
    side: float,
    columns: int,
    rows: int,
    cell: Indices,
    listed: Indices,
) -> tuple[Indices, Indices, Numbers]:
    """Search the cells around each polygon; the pairs ordered by polygon."""
    room, total = 4 * len(start) + 1024, 0
    i, j, distance = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    seen, at = np.full(len(segment), -1), np.full(owners, -1)
    most, box = np.nextafter(reach * reach, np.inf), np.empty(4)
    for p in range(len(start) - 1):
        first, last, begun = start[p], start[p + 1], total
        if first == last:
            continue
        box[0], box[2] = edge[first:last, 0].min(), edge[first:last, 0].max()
        box[1], box[3] = edge[first:last, 1].min(), edge[first:last, 1].max()
        c0, c1, r0, r1 = _cells(box, reach, x0, y0, side, columns, rows)
        for r in range(r0, r1 + 1 if c0 <= c1 else r0):
            for k in range(cell[r * columns + c0], cell[r * columns + c1 + 1]):
                s = listed[k]
                if seen[s] == p:
                    continue
                seen[s] = p
                t, known = segment[s], at[owner[s]]
                known = known if begun <= known < total and j[known] == owner[s] else -1
                best = distance[known] if known >= 0 else most
                dx = max(0.0, max(min(t[0], t[2]) - box[2], box[0] - max(t[0], t[2])))
                dy = max(0.0, max(min(t[1], t[3]) - box[3], box[1] - max(t[1], t[3])))
                if dx * dx + dy * dy >= best:
                    continue
                d = _distance(edge, first, last, t, best)
                if d >= best:
                    continue
                if known < 0:
                    if total == len(i):
                        i, j = np.append(i, np.empty_like(i)), np.append(j, np.empty_like(j))
                        distance = np.append(distance, np.empty_like(distance))
                    known = total
                    at[owner[s]], i[known], j[known] = known, p, owner[s]
                    total += 1
                distance[known] = d
    return i[:total], j[:total], np.sqrt(distance[:total])


def facing(
    polygons: Outlines, lines: Shapes, half: Numbers, i: Indices, j: Indices, counted: NDArray[np.bool_]
) -> tuple[Numbers, Numbers]:
    """Measure how much of polygon i[k]'s outline lies within half[k] of line j[k] beside it, (k,), and of each polygon in all.

    `i` is sorted; the second answer, (number of polygons,), unites the pairs that are `counted`. Beside a line is what lies between
    the square ends of its segments and in the round wedge outside each bend. Time grows with segments near outlines times edges.
    """
    parts, owner = shapely.get_parts(lines, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    begin = np.flatnonzero(part[1:] == part[:-1])
    segment, first = np.hstack([xy[begin], xy[begin + 1]]), np.searchsorted(owner[part[begin]], np.arange(len(lines) + 1))
    length, total = _facing(polygons.edge, polygons.start, segment, first, half, i, j, counted)
    return length, total


@inlined
def _span(base: float, slope: float, least: float, most: float, begin: float, end: float) -> tuple[float, float]:
    """Narrow begin..end to where least <= base + slope * t <= most."""
    if abs(slope) < 1e-12:
        return (begin, end) if least <= base <= most else (begin, -np.inf)
    one, other = (least - base) / slope, (most - base) / slope
    return max(begin, min(one, other)), min(end, max(one, other))


@inlined
def _listed(low: Numbers, high: Numbers, of: Indices, n: int, begin: float, end: float, k: int) -> int:
    """List an interval in the order of its begin; the count."""
    if end <= begin:
        return n
    at = n
    while at and low[at - 1] > begin:
        low[at], high[at], of[at] = low[at - 1], high[at - 1], of[at - 1]
        at -= 1
    low[at], high[at], of[at] = begin, end, k
    return n + 1


@kernel
def _facing(
    edge: Numbers,
    start: Indices,
    segment: Numbers,
    first: Indices,
    half: Numbers,
    i: Indices,
    j: Indices,
    counted: NDArray[np.bool_],
) -> tuple[Numbers, Numbers]:
    """Measure outlines beside lines, edge by edge: the intervals of each pair, united, and those of all that count."""
    length, total, group = np.zeros(len(i)), np.zeros(len(start) - 1), 0
    while group < len(i):
        stop, room = group, 0
        while stop < len(i) and i[stop] == i[group]:
            room += 2 * (first[j[stop] + 1] - first[j[stop]])
            stop += 1
        low, high, of = np.empty(room), np.empty(room), np.empty(room, np.int64)
        for e in range(start[i[group]], start[i[group] + 1]):
            x, y, ux, uy = edge[e, 0], edge[e, 1], edge[e, 2] - edge[e, 0], edge[e, 3] - edge[e, 1]
            long, n = np.hypot(ux, uy), 0
            if long == 0:
                continue
            ux, uy = ux / long, uy / long
            for k in range(group, stop):
                d, part = half[k], first[j[k]]
                for s in range(first[j[k]], first[j[k] + 1]):
                    ax, ay, bx, by = segment[s, 0], segment[s, 1], segment[s, 2], segment[s, 3]
                    if s > part and (ax != segment[s - 1, 2] or ay != segment[s - 1, 3]):
                        part = s
                    if min(ax, bx) - d > max(x, edge[e, 2]) or max(ax, bx) + d < min(x, edge[e, 2]):
                        continue
                    if min(ay, by) - d > max(y, edge[e, 3]) or max(ay, by) + d < min(y, edge[e, 3]):
                        continue
                    run = np.hypot(bx - ax, by - ay)
                    if run == 0:
                        continue
                    vx, vy = (bx - ax) / run, (by - ay) / run
                    begin, end = _span((x - ax) * vx + (y - ay) * vy, ux * vx + uy * vy, 0.0, run, 0.0, long)
                    begin, end = _span((y - ay) * vx - (x - ax) * vy, uy * vx - ux * vy, -d, d, begin, end)
                    n = _listed(low, high, of, n, begin, end, k)
                    follow = s + 1
                    if follow == first[j[k] + 1] or segment[follow, 0] != bx or segment[follow, 1] != by:
                        follow = part
                    wx, wy = segment[follow, 2] - bx, segment[follow, 3] - by
                    run = np.hypot(wx, wy)
                    if run == 0 or segment[follow, 0] != bx or segment[follow, 1] != by:
                        continue
                    px, py = x - bx, y - by
                    middle, off = -(px * ux + py * uy), px * uy - py * ux
                    if abs(off) < d:
                        begin, end = max(0.0, middle - np.sqrt(d * d - off * off)), min(long, middle + np.sqrt(d * d - off * off))
                        begin, end = _span(px * vx + py * vy, ux * vx + uy * vy, 0.0, np.inf, begin, end)
                        begin, end = _span((px * wx + py * wy) / run, (ux * wx + uy * wy) / run, -np.inf, 0.0, begin, end)
                        n = _listed(low, high, of, n, begin, end, k)
            for k in range(group, stop + 1):
                reached = 0.0
                for m in range(n):
                    if (of[m] == k if k < stop else counted[of[m]]) and high[m] > reached:
                        if k < stop:
                            length[k] += high[m] - max(low[m], reached)
                        else:
                            total[i[group]] += high[m] - max(low[m], reached)
                        reached = high[m]
        group = stop
    return length, total


def crossed(link: Numbers, obstacles: Outlines, box: Numbers, beside: float) -> tuple[Indices, Indices, Numbers]:
    """Find how far ways run inside obstacles, each way once `beside` [CRS unit] to its left and once to its right.

    box: the obstacles' bounds, (n, 4). k, o, length: pairs of a way and an obstacle, the longer of the two lengths > 0, ordered
    by k then o. Time grows with the obstacles near a way times their edges.
    """
    k, o, length = _crossed(link, obstacles.edge, obstacles.start, np.ascontiguousarray(box), beside)
    order = np.lexsort((o, k))
    return k[order], o[order], length[order]


@inlined
def _inside(edge: Numbers, first: int, last: int, link: Numbers, length: float, beside: float, at: Numbers) -> float:
    """Measure how much of a way, moved to its left, runs inside a polygon; `at` is room for where it meets the outline."""
    ux, uy = (link[2] - link[0]) / length, (link[3] - link[1]) / length
    count = 0
    for e in range(first, last):
        ax, ay, bx, by = edge[e, 0] - link[0], edge[e, 1] - link[1], edge[e, 2] - link[0], edge[e, 3] - link[1]
        above, then = ay * ux - ax * uy - beside, by * ux - bx * uy - beside
        if (above > 0) == (then > 0):
            continue
        begin, end = ax * ux + ay * uy, bx * ux + by * uy
        t = min(max(begin + (end - begin) * above / (above - then), 0.0), length)
        k = count
        while k and at[k - 1] > t:
            at[k] = at[k - 1]
            k -= 1
        at[k] = t
        count += 1
    total = 0.0
    for k in range(0, count - 1, 2):
        total += at[k + 1] - at[k]
    return total


@kernel
def _crossed(link: Numbers, edge: Numbers, start: Indices, box: Numbers, beside: float) -> tuple[Indices, Indices, Numbers]:
    """Measure ways inside obstacles, found on a grid of the obstacles' boxes."""
    n = len(box)
    x0, y0, right, top, most = np.inf, np.inf, -np.inf, -np.inf, 0
    spread, some = 0.0, 0
    for q in range(n):
        most = max(most, start[q + 1] - start[q])
        if start[q + 1] > start[q]:
            x0, y0, right, top = min(x0, box[q, 0]), min(y0, box[q, 1]), max(right, box[q, 2]), max(top, box[q, 3])
            spread, some = spread + box[q, 2] - box[q, 0] + box[q, 3] - box[q, 1], some + 1
    k_of, o_of, length_of = np.empty(256, np.int64), np.empty(256, np.int64), np.empty(256)
    if some == 0:
        return k_of[:0], o_of[:0], length_of[:0]
    side = max(spread / (2 * some), np.sqrt((right - x0) * (top - y0) / some), max(right - x0, top - y0) / (4.0 * some), 1e-6)
    columns, rows = int((right - x0) / side) + 1, int((top - y0) / side) + 1
    first, listed = np.zeros(columns * rows + 2, np.int64), np.empty(0, np.int64)
    for turn in range(2):
        for q in range(n):
            if start[q + 1] > start[q]:
                for r in range(int((box[q, 1] - y0) / side), int((box[q, 3] - y0) / side) + 1):
                    for c in range(int((box[q, 0] - x0) / side), int((box[q, 2] - x0) / side) + 1):
                        if turn == 0:
                            first[r * columns + c + 2] += 1
                        else:
                            listed[first[r * columns + c + 1]] = q
                            first[r * columns + c + 1] += 1
        if turn == 0:
            first = np.cumsum(first)
            listed = np.empty(first[-1], np.int64)
    seen, at, total = np.full(n, -1), np.empty(most), 0
    for k in range(len(link)):
        length = np.hypot(link[k, 2] - link[k, 0], link[k, 3] - link[k, 1])
        if not length > 0:
            continue
        low_x, high_x = min(link[k, 0], link[k, 2]) - beside, max(link[k, 0], link[k, 2]) + beside
        low_y, high_y = min(link[k, 1], link[k, 3]) - beside, max(link[k, 1], link[k, 3]) + beside
        if high_x < x0 or high_y < y0 or low_x > right or low_y > top:
            continue
        for r in range(max(0, int((low_y - y0) / side)), min(rows - 1, int((high_y - y0) / side)) + 1):
            for c in range(max(0, int((low_x - x0) / side)), min(columns - 1, int((high_x - x0) / side)) + 1):
                for m in range(first[r * columns + c], first[r * columns + c + 1]):
                    q = listed[m]
                    if seen[q] == k:
                        continue
                    seen[q] = k
                    if low_x > box[q, 2] or low_y > box[q, 3] or high_x < box[q, 0] or high_y < box[q, 1]:
                        continue
                    inside = max(
                        _inside(edge, start[q], start[q + 1], link[k], length, beside, at),
                        _inside(edge, start[q], start[q + 1], link[k], length, -beside, at),
                    )
                    if inside > 0:
                        if total == len(k_of):
                            k_of, o_of = np.append(k_of, k_of), np.append(o_of, o_of)
                            length_of = np.append(length_of, length_of)
                        k_of[total], o_of[total], length_of[total] = k, q, inside
                        total += 1
    return k_of[:total], o_of[:total], length_of[:total]
