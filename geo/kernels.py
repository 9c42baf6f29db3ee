"""Compiled kernels: areas of the cells that outlines cut a polygon into, and distances of polygons to segments.

Importing this module costs a quarter of a second, so `geo.overlay` and `geo.proximity` import it only for many pairs. A kernel
runs without the GIL, on one thread; it sees numbers only, and an entry of its answer depends on its own polygons only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geo.jit import inlined, kernel

if TYPE_CHECKING:  # geo.outlines takes SHEAR from here
    from geo.outlines import Outlines

Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]

SHEAR = 0.00813
"""Sweeps run along x + SHEAR * y, so that the many outlines that run due north have a slope."""
PRECISION = 1e-9
"""Outlines nearer than this [CRS unit] are one line: what a coordinate of some millions is precise to."""
ONE_LINE = 1e-7
"""What lies between outlines nearer than this [CRS unit] has an area but adds nothing to the length of an outline."""
MOST_EDGES = 512
"""A sweep takes no more edges; its time grows with their square in the worst case."""
MOST_POLYGONS = 62
"""A cell keeps the polygons that it lies in as bits of one integer."""
APART, PARTIAL, WHOLE, UNDECIDED = range(4)

EDGE = np.dtype([(name, "f8") for name in ("x", "y", "end", "slope", "length", "low", "high", "middle")] + [("bit", "i8")])
"""An edge on the table, in sheared coordinates from the corner of the plot's box: its left end (x, y), the x of its right end,
its true length per unit of x, its least and greatest y, its y in the middle of the slab, and the bit of its polygon."""
TOGGLE = np.dtype([("x", "f8"), ("bit", "i8")])
"""Where a polygon begins or ends beneath the box."""
CELL = np.dtype([("mask", "i8"), ("area", "f8"), ("rim", "f8"), ("depth", "f8")])
"""A cell: the polygons that it lies in, its area, the length of its outline, and how deep it is."""

Table = NDArray[np.void]
Box = tuple[float, float, float, float]
Count = tuple[int, int]
Desk = tuple[Table, Table, Table, Numbers, Indices, Indices]


@inlined
def _bin(x: float, box: Numbers, first: Indices, p: int) -> int:
    """Number the bin of polygon p at a sheared x, or the nearest."""
    count = first[p + 1] - first[p]
    return int(first[p] + max(0.0, min((x - box[p, 0]) * count / (box[p, 1] - box[p, 0]), count - 1.0)))


@inlined
def _toggle(toggles: Table, t: int, x: float, bit: int, end: float) -> int:
    """Note that a polygon begins or ends beneath the box at x, or that the next edge of a ring goes on there; the count."""
    for k in range(t - 1, max(t - 4, -1), -1):
        if toggles[k].x == x and toggles[k].bit == bit:
            toggles[k].x, toggles[k].bit = toggles[t - 1].x, toggles[t - 1].bit
            return t - 1
    if x < end:
        toggles[t].x, toggles[t].bit = x, bit
        return t + 1
    return t


@inlined
def _edge(row: Any, edge: Numbers, e: int, bit: int, x0: float, y0: float) -> None:
    """Write an edge down, in coordinates from the origin (x0, y0)."""
    ay, by = edge[e, 1] - y0, edge[e, 3] - y0
    ax, bx = edge[e, 0] - x0 + SHEAR * ay, edge[e, 2] - x0 + SHEAR * by
    slope = (by - ay) / (bx - ax)
    row.x, row.y, row.end, row.slope, row.bit = min(ax, bx), by if ax > bx else ay, max(ax, bx), slope, bit
    row.low, row.high, row.length = min(ay, by), max(ay, by), np.sqrt((1.0 - SHEAR * slope) ** 2 + slope * slope)


@inlined
def _sift(edge: Numbers, e: int, x0: float, y0: float, box: Box, mine: bool, desk: Desk, more: int, under: int) -> Count:
    """List an edge if it lies in the box or beneath it; the counts of both. It does not branch: nobody can foretell which."""
    ay, by = edge[e, 1] - y0, edge[e, 3] - y0
    ax, bx = edge[e, 0] - x0 + SHEAR * ay, edge[e, 2] - x0 + SHEAR * by
    near = mine & (max(ax, bx) > box[0]) & (min(ax, bx) < box[1]) & (ax != bx) & (min(ay, by) <= box[3])
    below = max(ay, by) < box[2]
    desk[4][more], desk[5][under] = e, e
    return int(more + (near & (not below))), int(under + (near & below))


@inlined
def _lay(edge: Numbers, bit: int, x0: float, y0: float, box: Box, desk: Desk, more: int, n: int, under: int, t: int) -> Count:
    """Put the edges that were listed on the table, `more` in the box and `under` beneath it; as `_gather`."""
    if n + more > MOST_EDGES:
        return -1, t
    for k in range(more):
        _edge(desk[0][n + k], edge, desk[4][k], bit, x0, y0)
    for k in range(under):
        if t + 2 > MOST_EDGES:
            return -1, t
        e = desk[5][k]
        ax, bx = edge[e, 0] - x0 + SHEAR * (edge[e, 1] - y0), edge[e, 2] - x0 + SHEAR * (edge[e, 3] - y0)
        t = _toggle(desk[1], t, max(min(ax, bx), box[0]), bit, box[1])
        t = _toggle(desk[1], t, max(ax, bx), bit, box[1])
    return n + more, t


@inlined
def _gather(of: Outlines, p: int, bit: int, x0: float, y0: float, box: Box, desk: Desk, n: int, t: int) -> Count:
    """Put the edges of polygon p that count in the box on the table; the counts of edges, -1 when it is full, and of toggles."""
    if of.first[p + 1] == of.first[p]:
        more, under = 0, 0
        for e in range(of.start[p], of.start[p + 1]):
            more, under = _sift(of.edge, e, x0, y0, box, True, desk, more, under)
        n, t = _lay(of.edge, bit, x0, y0, box, desk, more, n, under, t)
        return n, t
    shift = x0 + SHEAR * y0
    low = _bin(box[0] + shift - ONE_LINE, of.box, of.first, p)
    high = _bin(box[1] + shift + ONE_LINE, of.box, of.first, p)
    for q in range(low, high + 1):
        for begin in range(of.bins[q], of.bins[q + 1], MOST_EDGES):
            more, under = 0, 0
            for k in range(begin, min(begin + MOST_EDGES, of.bins[q + 1])):
                mine = q == max(of.begin[of.listed[k]], low)  # an edge is listed in several bins: take it in the first
                more, under = _sift(of.edge, of.listed[k], x0, y0, box, mine, desk, more, under)
            if n >= 0:
                n, t = _lay(of.edge, bit, x0, y0, box, desk, more, n, under, t)
    return n, t


@inlined
def _crossings(table: Table, n: int, order: Indices, x0: float, crossings: Numbers) -> int:
    """Order the edges by their left ends, and list in order where edges of two polygons cross; the count, -1: too many."""
    count = 0
    for k in range(n):
        at = k
        while at and table[order[at - 1]].x > table[k].x:
            order[at] = order[at - 1]
            at -= 1
        order[at] = k
    for k in range(n):
        e = table[order[k]]
        for m in range(k + 1, n):
            f = table[order[m]]
            if f.x >= e.end:
                break
            if e.bit == f.bit or e.low > f.high or f.low > e.high:
                continue
            left, right = max(f.x, x0), min(e.end, f.end)
            before = e.y - f.y + (left - e.x) * e.slope - (left - f.x) * f.slope
            after = e.y - f.y + (right - e.x) * e.slope - (right - f.x) * f.slope
            if before * after < 0:
                if count == len(crossings):
                    return -1
                x, at = left + (right - left) * (before / (before - after)), count
                while at and crossings[at - 1] > x:
                    crossings[at] = crossings[at - 1]
                    at -= 1
                crossings[at] = x
                count += 1
    return count


@inlined
def _cell(cells: Table, count: int, mask: int) -> tuple[int, int]:
    """Find or begin the cell of a mask; its number (-1: no room) and the count of cells."""
    for c in range(count):
        if cells[c].mask == mask:
            return c, count
    if count == len(cells):
        return -1, count
    cells[count].mask, cells[count].area, cells[count].rim, cells[count].depth = mask, 0.0, 0.0, 0.0
    return count, count + 1


@inlined
def _to_edge(table: Table, e: int, f: int, x: float) -> float:
    """Measure how far the point of edge f at x lies from edge e."""
    y = table[f].y + (x - table[f].x) * table[f].slope
    width = table[e].end - table[e].x
    dx, dy = width * (1.0 - SHEAR * table[e].slope), width * table[e].slope
    px, py = x - table[e].x - SHEAR * (y - table[e].y), y - table[e].y
    along = min(max((px * dx + py * dy) / (dx * dx + dy * dy), 0.0), 1.0)
    return float(np.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2))


@inlined
def _deep(table: Table, n: int, lower: int, upper: int, left: float, right: float, noise: float) -> float:
    """Bound how far a point of the trapezoid between two edges can be from the other polygon's outline.

    Distance to a segment is convex: no point is farther from it than the corners. Between two edges of the plot itself there
    is an edge of the other to look for only if they are near, as in the last nanometre of a corner.
    """
    deep = np.inf
    low, up = table[lower], table[upper]
    if low.bit != 1 or up.bit != 1:
        gap = up.y - low.y - up.x * up.slope + low.x * low.slope
        wide = max(gap + left * (up.slope - low.slope), gap + right * (up.slope - low.slope))
        if wide <= noise:
            return float(wide)
    if table[lower].bit != 1:
        deep = max(_to_edge(table, lower, upper, left), _to_edge(table, lower, upper, right))
    if table[upper].bit != 1:
        deep = min(deep, max(_to_edge(table, upper, lower, left), _to_edge(table, upper, lower, right)))
    if deep == np.inf and table[upper].middle - table[lower].middle <= noise:
        for e in range(n):
            if table[e].bit != 1:
                far = max(_to_edge(table, e, lower, left), _to_edge(table, e, lower, right))
                deep = min(deep, max(far, _to_edge(table, e, upper, left), _to_edge(table, e, upper, right)))
    return float(deep)


@inlined
def _drop(table: Table, active: Indices, live: int, left: float, right: float) -> tuple[int, float]:
    """Drop the active edges that have ended; the number of the others, and where the next one ends, `right` at most."""
    kept = 0
    for k in range(live):
        end = table[active[k]].end
        if end > left:
            active[kept] = active[k]
            kept += 1
            right = min(right, end)
    return kept, right


@inlined
def _stand(table: Table, active: Indices, live: int, middle: float) -> None:
    """Order the active edges by their height."""
    for k in range(live):
        e = active[k]
        height = table[e].y + (middle - table[e].x) * table[e].slope
        table[e].middle = height
        at = k
        while at and table[active[at - 1]].middle > height:
            active[at] = active[at - 1]
            at -= 1
        active[at] = e


@inlined
def _slab(
    table: Table, n: int, active: Indices, live: int, mask: int, left: float, right: float, noise: float, cells: Table, count: int
) -> int:
    """Add to the cells what lies between two events; the count of cells, -1 when there are too many.

    Edges nearer than ONE_LINE bound as one, so that a line drawn twice makes no outline of a cell between.
    """
    width, before = right - left, mask
    for k in range(live):
        edge = table[active[k]]
        if k and mask & 1:
            c, count = _cell(cells, count, mask)
            if c < 0:
                return -1
            cells[c].area += (edge.middle - table[active[k - 1]].middle) * width
            if noise > 0 and cells[c].depth <= noise:
                cells[c].depth = max(cells[c].depth, _deep(table, n, active[k - 1], active[k], left, right, noise))
        mask ^= edge.bit
        if k + 1 < live and table[active[k + 1]].middle - edge.middle <= ONE_LINE * edge.length:
            continue
        if mask != before:
            for side in (mask, before):
                if side & 1:
                    c, count = _cell(cells, count, side)
                    if c < 0:
                        return -1
                    cells[c].rim += edge.length * width
        before = mask
    return count


@kernel
def _sweep(desk: Desk, n: int, t: int, x0: float, x1: float, noise: float) -> int:
    """Measure the cells of the arrangement on the table between x0 and x1; their number, -1 when there are too many.

    Between two neighbouring events no edges cross, so each cell is a stack of trapezoids there. `noise` > 0: measure depths.
    """
    table, toggles, cells, crossings, order, active = desk
    crossed = _crossings(table, n, order, x0, crossings)
    count, live, coming, crossing, left = 0, 0, 0, 0, x0
    while left < x1 and crossed >= 0:
        while coming < n and table[order[coming]].x <= left:
            active[live] = order[coming]
            live += 1
            coming += 1
        while crossing < crossed and crossings[crossing] <= left:
            crossing += 1
        right = x1 if coming == n else min(x1, table[order[coming]].x)
        right = right if crossing == crossed else min(right, crossings[crossing])
        live, right = _drop(table, active, live, left, right)
        mask = 0
        for k in range(t):
            if toggles[k].x <= left:
                mask ^= toggles[k].bit
            else:
                right = min(right, toggles[k].x)
        _stand(table, active, live, 0.5 * (left + right))
        count = _slab(table, n, active, live, mask, left, right, noise, cells, count)
        if count < 0:
            return -1
        left = right
    return count if crossed >= 0 else -1


@inlined
def _desk() -> Desk:
    """Clear a desk to sweep on: the table of edges, the toggles, the cells, the crossings, and two orders of edges."""
    n = MOST_EDGES
    orders = np.empty(n, np.int64), np.empty(n, np.int64)
    return np.empty(n, EDGE), np.empty(n, TOGGLE), np.empty(n, CELL), np.empty(16 * n), *orders


@kernel
def _pair(a: Outlines, b: Outlines, p: int, q: int, noise: float, desk: Desk, found: Numbers, box: Box) -> int:
    """Sweep polygon p of `a` with polygon q of `b` in a box.

    `found`: area, length of outline and depth of what they share and of the rest of p, and the area that may lie within
    `noise` of the outlines in the box. Returns a state, here PARTIAL for "both outlines come into the box".
    """
    x0, y0 = a.box[p, 0] - SHEAR * a.box[p, 2], a.box[p, 2]
    table, toggles, cells = desk[0], desk[1], desk[2]
    n, t = _gather(b, q, 2, x0, y0, box, desk, 0, 0)
    if n == 0:
        mask, middle = 0, 0.5 * (box[0] + box[1])
        for k in range(t):
            mask ^= toggles[k].bit if toggles[k].x <= middle else 0
        return WHOLE if mask else APART
    if n > 0:
        n, t = _gather(a, p, 1, x0, y0, box, desk, n, t)
    count = _sweep(desk, n, t, box[0], box[1], noise) if n > 0 else -1
    if count < 0:
        return UNDECIDED
    found[:] = 0.0
    for c in range(count):
        at = 0 if cells[c].mask == 3 else 3
        found[at], found[at + 1], found[at + 2] = cells[c].area, cells[c].rim, cells[c].depth
    most = np.hypot(box[1] - box[0], box[3] - box[2]) * (1.0 + SHEAR)
    for e in range(n):
        length = table[e].length * (min(table[e].end, box[1]) - max(table[e].x, box[0]))
        found[6] += noise * (1.01 * min(most, length) + 50 * noise)
    return PARTIAL


@inlined
def _same(a: Outlines, b: Outlines, p: int, q: int) -> bool:
    """Tell whether two polygons have the same edges in the same order."""
    shift = b.start[q] - a.start[p]
    if a.start[p + 1] + shift != b.start[q + 1]:
        return False
    for e in range(a.start[p], a.start[p + 1]):
        if a.edge[e, 0] != b.edge[e + shift, 0] or a.edge[e, 1] != b.edge[e + shift, 1]:
            return False
    return True


@kernel
def shared(
    a: Outlines, b: Outlines, i: Indices, j: Indices, area: Numbers, noise: float
) -> tuple[NDArray[np.int8], Numbers, Numbers, Numbers]:
    """Measure what polygons a[i] and b[j] share, for pairs that may overlap.

    area: of the polygons of `a` [CRS unit squared]; noise [CRS unit], at least PRECISION. Returns for each pair its state, the
    area shared, the length of its outline, and that of the rest of a[i].

    APART: what they share is nowhere deeper in b[j] than `noise`. WHOLE: no point of a[i] is farther than `noise` outside of
    b[j]. PARTIAL: both what they share and the rest are too large to lie within `noise` of b[j]'s outline. UNDECIDED: none of
    these is certain, the areas do not add up, or more than MOST_EDGES lie in a polygon's box: ask GEOS.
    """
    m = len(i)
    state, inside = np.empty(m, np.int8), np.zeros(m)
    rim, rest_rim = np.zeros(m), np.zeros(m)
    desk, found, margin = _desk(), np.zeros(7), 2 * noise
    for k in range(m):
        p, q = i[k], j[k]
        left, low = a.box[p, 0], a.box[p, 2]
        full = (-margin, a.box[p, 1] - left + margin, -margin, a.box[p, 3] - low + margin)
        box = (
            max(full[0], b.box[q, 0] - left - margin),
            min(full[1], b.box[q, 1] - left + margin),
            max(full[2], b.box[q, 2] - low - margin),
            min(full[3], b.box[q, 3] - low + margin),
        )
        state[k] = APART
        if _same(a, b, p, q):
            state[k] = WHOLE
        elif box[0] < box[1] and box[2] <= box[3]:
            state[k] = _pair(a, b, p, q, noise, desk, found, box)
        if state[k] == PARTIAL and found[2] <= noise:
            state[k] = APART
        if state[k] == PARTIAL and box != full:
            state[k] = _pair(a, b, p, q, noise, desk, found, full)
        if state[k] == PARTIAL:
            if not abs(found[0] + found[3] - area[p]) <= PRECISION * (1.0 + area[p]):
                state[k] = UNDECIDED
            elif found[2] <= noise:
                state[k] = APART
            elif found[5] <= noise:
                state[k] = WHOLE
            elif min(found[0], found[3]) <= found[6]:
                state[k] = UNDECIDED
            inside[k], rim[k], rest_rim[k] = found[0], found[1], found[4]
    return state, inside, rim, rest_rim


@kernel
def cells(
    a: Outlines, b: Outlines, start: Indices, knife: Indices, area: Numbers
) -> tuple[NDArray[np.bool_], Indices, Indices, Numbers, Numbers]:
    """Measure the cells into which polygons b[knife[start[p]:start[p + 1]]] cut each polygon p of `a`.

    area: of the polygons of `a`. Returns which polygons of `a` are done, and of each cell its polygon, a mask in which bit n
    says that it lies in the n-th knife, its area and the length of its outline. Not done: more than MOST_POLYGONS or MOST_EDGES,
    or the areas do not add up.
    """
    desk, done = _desk(), np.zeros(len(start) - 1, np.bool_)
    found = desk[2]
    plot, mask = np.empty(4 * len(knife) + MOST_EDGES, np.int64), np.empty(4 * len(knife) + MOST_EDGES, np.int64)
    size, rim, total = np.empty(len(plot)), np.empty(len(plot)), 0
    for p in range(len(start) - 1):
        if start[p + 1] - start[p] > MOST_POLYGONS:
            continue
        x0, y0 = a.box[p, 0] - SHEAR * a.box[p, 2], a.box[p, 2]
        box = (-PRECISION, a.box[p, 1] - a.box[p, 0] + PRECISION, -PRECISION, a.box[p, 3] - y0 + PRECISION)
        n, t = _gather(a, p, 1, x0, y0, box, desk, 0, 0)
        for k in range(start[p], start[p + 1]):
            if n >= 0:
                n, t = _gather(b, knife[k], 2 << (k - start[p]), x0, y0, box, desk, n, t)
        count = _sweep(desk, n, t, box[0], box[1], 0.0) if n >= 0 else -1
        sum_ = 0.0
        for c in range(count):
            sum_ += found[c].area
        if count < 0 or not abs(sum_ - area[p]) <= PRECISION * (1.0 + area[p]):
            continue
        if total + count > len(plot):
            plot, mask = np.append(plot, np.empty_like(plot)), np.append(mask, np.empty_like(mask))
            size, rim = np.append(size, np.empty_like(size)), np.append(rim, np.empty_like(rim))
        done[p] = True
        for c in range(count):
            plot[total], mask[total], size[total], rim[total] = p, found[c].mask >> 1, found[c].area, found[c].rim
            total += 1
    return done, plot[:total], mask[:total], size[:total], rim[:total]
