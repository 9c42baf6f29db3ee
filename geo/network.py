"""Networks of lines: which ends meet, what is wrong with the drawing, and from which day each node is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra
from scipy.spatial import cKDTree

from geo.kinds import lineal

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


class NetworkError(ValueError):
    """A network is asked with numbers that have no meaning."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Lines that meet at nodes.

    nodes: (n, 2) coordinates; edge e runs along line `line[e]` from node `start[e]` to node `end[e]` for `length[e]` [CRS
    unit], in the line's direction; `point[k]` is the node of the k-th point. `lines` is the number of lines given, of which
    some have several edges (parts, or stops on the way) and those without extent none.
    """

    nodes: Numbers
    line: Indices
    start: Indices
    end: Indices
    length: Numbers
    point: Indices
    lines: int
    tolerance: float


class Faults(NamedTuple):
    """What looks wrong in a network; nothing of it is mended.

    without_extent: lines that are missing, empty, no lines, or not longer than the tolerance;
    duplicates: (k, 2) a line and an earlier one with the same course, in either direction;
    dangling: nodes at which one edge ends and no point lies;
    near_nodes: (k, 2) a dangling node and another node within the wider distance, without an edge between them;
    near_lines: (k, 2) a node and a line on whose way it lies within the wider distance, without meeting it or a stub from it;
    crossings: (k, 2) lines that cross without a node, as at a bridge.
    """

    without_extent: Indices
    duplicates: Indices
    dangling: Indices
    near_nodes: Indices
    near_lines: Indices
    crossings: Indices


def graph(lines: Shapes, tolerance: float, points: Shapes | None = None, split_at_ends: bool = False) -> Graph:
    """Join lines at their ends where these lie within `tolerance` [CRS unit] of each other.

    lines: (m,) line strings or multi-line strings, whose parts are edges of their own. Ends snap in chains: a within reach of
    b and b of c are one node, at their mean. Lines that cross without an end there do not meet. points: sources and
    connections, which become nodes and part the lines on which they lie; `split_at_ends`: ends of lines on the way of another
    part it too, a T-junction; otherwise they do not meet. Time and memory grow with the lines, some 500 bytes each.
    """
    parts, line = _parts(lines)
    given = np.empty((0, 2)) if points is None else shapely.get_coordinates(points)
    if points is not None and len(given) != len(points):
        raise NetworkError(f"{len(points)} points have {len(given)} coordinates: give points, none missing or empty")
    ends = np.concatenate([*_ends(parts), given])
    node, nodes = _snap(ends, tolerance)
    first, last, point = np.split(node, [len(parts), 2 * len(parts)])
    stops = np.arange(len(nodes)) if split_at_ends else np.unique(point)
    part, stop, _ = _on_the_way(parts, first, last, nodes, stops, tolerance)
    edges = _cut(parts, first, last, nodes, part, stop)
    some = (edges[1] != edges[2]) | (edges[3] > tolerance)
    at, start, end, length = (column[some] for column in edges)
    return Graph(nodes, line[at], start, end, length, point, len(lines), tolerance)


def _parts(lines: Shapes) -> tuple[Shapes, Indices]:
    """Take lines apart: the line strings, and the line of each."""
    kind = shapely.get_type_id(lines)
    if not (kind > 2).any():  # parts are copies, and nearly all lines are of one part
        alone = np.flatnonzero((kind > 0) & ~shapely.is_empty(lines))
        return lines[alone], alone
    parts, line = shapely.get_parts(lines, return_index=True)
    keep = lineal(parts) & ~shapely.is_empty(parts)
    return parts[keep], line[keep]


def _ends(parts: Shapes) -> tuple[Numbers, Numbers]:
    """Give the first and the last coordinates of line strings, (n, 2) each."""
    xy, part = shapely.get_coordinates(parts, return_index=True)
    last = np.cumsum(np.bincount(part, minlength=len(parts))) - 1
    return xy[np.append(-1, last[:-1])[: len(parts)] + 1], xy[last]


def _snap(xy: Numbers, tolerance: float) -> tuple[Indices, Numbers]:
    """Join points within the tolerance: the node of each, and the nodes' mean coordinates."""
    # equal points first: a hub where thousands of lines end would have millions of pairs
    _, first, same = np.unique(xy[:, 0] + 1j * xy[:, 1], return_index=True, return_inverse=True)
    distinct = xy[first]
    if not len(distinct):
        return np.empty(0, np.intp), distinct
    pairs = cKDTree(distinct).query_pairs(tolerance, output_type="ndarray") if tolerance > 0 else np.empty((0, 2), np.intp)
    joined = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(distinct),) * 2)
    count, group = connected_components(joined, directed=False)
    size = np.bincount(group, minlength=count)
    nodes = np.stack([np.bincount(group, distinct[:, k], count) / size for k in (0, 1)], axis=1)
    alone = size[group] == 1
    nodes[group[alone]] = distinct[alone]
    return group.astype(np.intp)[same], nodes


def _on_the_way(
    parts: Shapes, first: Indices, last: Indices, nodes: Numbers, stops: Indices, reach: float
) -> tuple[Indices, Indices, Numbers]:
    """Find the nodes among `stops` that lie within reach of a line that does not end there: part, node, distance."""
    if not len(parts) or not len(stops):
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0)
    x, y = nodes[stops].T
    # boxes first and the exact distance only for lines that do not end there: nearly all of them do
    k, part = shapely.STRtree(parts).query(shapely.box(x - reach, y - reach, x + reach, y + reach))
    other = (first[part] != stops[k]) & (last[part] != stops[k])
    part, stop = part[other], stops[k[other]]
    distance = shapely.distance(parts[part], shapely.points(nodes[stop]))
    within = distance <= reach
    return part[within], stop[within], distance[within]


def _cut(
    parts: Shapes, first: Indices, last: Indices, nodes: Numbers, part: Indices, stop: Indices
) -> tuple[Indices, Indices, Indices, Numbers]:
    """Cut parts at their stops: part, start, end and length of each edge."""
    length = shapely.length(parts)
    every = np.arange(len(parts))
    along = shapely.line_locate_point(parts[part], shapely.points(nodes[stop]))
    owner = np.concatenate([every, part, every])
    measure = np.concatenate([np.zeros(len(parts)), along, length])
    node = np.concatenate([first, stop, last])
    rank = np.repeat([0, 1, 2], [len(parts), len(part), len(parts)])
    order = np.lexsort((measure, rank, owner))
    owner, measure, node = owner[order], measure[order], node[order]
    edge = np.flatnonzero(owner[1:] == owner[:-1])
    return owner[edge], node[edge], node[edge + 1], measure[edge + 1] - measure[edge]


def faults(lines: Shapes, g: Graph, near: float) -> Faults:
    """Report what looks wrong in the lines of a graph; `near` [CRS unit] is the wider distance of near misses."""
    count = len(g.nodes)
    degree = np.bincount(np.concatenate([g.start, g.end]), minlength=count)
    point = np.bincount(g.point, minlength=count) > 0
    loose = np.where(point, degree == 0, degree == 1)
    pairs = cKDTree(g.nodes).query_pairs(near, output_type="ndarray") if count else np.empty((0, 2), np.intp)
    pairs = pairs[loose[pairs].any(axis=1)]
    apart = ~np.isin(_key(pairs[:, 0], pairs[:, 1], count), _key(g.start, g.end, count))
    crossing = np.sort(shapely.STRtree(lines).query(lines, predicate="crosses").T, axis=1)
    return Faults(
        np.flatnonzero(np.bincount(g.line, minlength=g.lines) == 0),
        _duplicates(lines, g),
        np.flatnonzero((degree == 1) & ~point),
        pairs[apart],
        _near_lines(lines, g, near),
        np.unique(crossing, axis=0),
    )


def _key(a: Indices, b: Indices, count: int) -> Indices:
    """Give each unordered pair a number of its own."""
    return np.minimum(a, b) * count + np.maximum(a, b)


def _near_lines(lines: Shapes, g: Graph, near: float) -> Indices:
    """Find nodes near the way of lines that no edge joins to them, shape (k, 2): node, line."""
    parts, line = _parts(lines)
    none = np.full(len(parts), -1)
    part, node, _ = _on_the_way(parts, none, none, g.nodes, np.arange(len(g.nodes)), near)
    here, there = np.concatenate([g.start, g.end]), np.concatenate([g.end, g.start])
    meets = here * g.lines + np.tile(g.line, 2)
    beside = ~np.isin(node * g.lines + line[part], meets)
    part, node = part[beside], node[beside]
    # a stub that joins the node to the line is no near miss either
    order = np.argsort(here, kind="stable")
    low, high = (np.searchsorted(here[order], node, side) for side in ("left", "right"))
    pair = np.repeat(np.arange(len(node)), high - low)
    step = order[np.arange(len(pair)) - np.repeat(np.cumsum(high - low) - high, high - low)]
    joined = np.isin(there[step] * g.lines + line[part[pair]], meets)
    alone = np.bincount(pair, joined, len(node)) == 0
    part, node = part[alone], node[alone]
    # near the line's own end it is a near miss of nodes, told there
    gap = np.stack(_ends(parts[part])) - g.nodes[node]
    far = (np.hypot(gap[..., 0], gap[..., 1]) > near).all(axis=0)
    return np.unique(np.stack([node[far], line[part[far]]], axis=1), axis=0)


def _duplicates(lines: Shapes, g: Graph) -> Indices:
    """Find lines with the course of an earlier one, shape (k, 2); compared are lines of like ends that are next in length."""
    line, first = np.unique(g.line, return_index=True)
    last = np.append(first[1:], len(g.line)) - 1
    key, length = _key(g.start[first], g.end[last], len(g.nodes)), shapely.length(lines[line])
    order = np.lexsort((line, length, key))
    key, line = key[order], line[order]
    like = np.flatnonzero(key[1:] == key[:-1])
    a, b = line[like], line[like + 1]
    same = shapely.hausdorff_distance(lines[a], lines[b]) <= g.tolerance
    return np.stack([np.maximum(a, b)[same], np.minimum(a, b)[same]], axis=1)


class _Ways(NamedTuple):
    """Ways by which service spreads, from node to node; node `len(g.nodes)` stands for all sources."""

    source: Indices
    target: Indices
    begin: Numbers
    end: Numbers
    edge: Indices


def _ways(
    g: Graph, sources: ArrayLike, begins: ArrayLike, ends: ArrayLike | None, opens: ArrayLike | None, flow: ArrayLike | None
) -> _Ways:
    """List the ways, both along an edge or the one against its flow, and one to each source, that come into service at all."""
    at = np.asarray(sources, np.intp)
    begin = np.asarray(begins, np.float64)[g.line]
    end = np.full(len(begin), np.inf) if ends is None else np.asarray(ends, np.float64)[g.line]
    opened = np.broadcast_to(np.asarray(-np.inf if opens is None else opens, np.float64), at.shape)
    if np.isnan(begin).any() or np.isnan(end).any() or np.isnan(opened).any():
        raise NetworkError("a day is NaN: leave the line out, or say inf where it never comes into service or never ends")
    course = np.zeros(len(begin)) if flow is None else np.asarray(flow)[g.line]
    up, down = np.flatnonzero(course >= 0), np.flatnonzero(course <= 0)
    edge = np.concatenate([up, down, np.full(len(at), -1)])
    ways = _Ways(
        np.concatenate([g.end[up], g.start[down], np.full(len(at), len(g.nodes))]),
        np.concatenate([g.start[up], g.end[down], at]),
        np.concatenate([begin[up], begin[down], opened]),
        np.concatenate([end[up], end[down], np.full(len(at), np.inf)]),
        edge,
    )
    return _pick(ways, (ways.begin < ways.end) & (ways.begin < np.inf))


def _pick(ways: _Ways, which: Flags) -> _Ways:
    return _Ways(ways.source[which], ways.target[which], ways.begin[which], ways.end[which], ways.edge[which])


def _spread(ways: _Ways, count: int) -> Flags:
    """Tell which nodes the ways reach from the sources, shape (count,)."""
    size = (count + 1, count + 1)
    matrix = coo_array((np.ones(len(ways.source), np.int8), (ways.source, ways.target)), shape=size).tocsr()
    reached = np.zeros(count + 1, bool)
    reached[breadth_first_order(matrix, count, return_predecessors=False)] = True
    return reached[:count]


def served(
    g: Graph,
    sources: ArrayLike,
    begins: ArrayLike,
    day: float,
    ends: ArrayLike | None = None,
    opens: ArrayLike | None = None,
    flow: ArrayLike | None = None,
) -> Flags:
    """Tell which nodes are connected to a source on `day` through lines in service, shape (nodes,); arguments as in `reach`."""
    ways = _ways(g, sources, begins, ends, opens, flow)
    return _spread(_pick(ways, (ways.begin <= day) & (day < ways.end)), len(g.nodes))


def reach(
    g: Graph,
    sources: ArrayLike,
    begins: ArrayLike,
    ends: ArrayLike | None = None,
    opens: ArrayLike | None = None,
    flow: ArrayLike | None = None,
    since: float = -np.inf,
) -> Numbers:
    """Find for each node the first day, `since` or later, on which lines in service connect it to a source; inf: never.

    sources: nodes; begins, ends: (lines,) first day of service and first day without (inf: never), any numbers that grow with
    time; opens: (sources,) first day of each source; flow: (lines,) for networks that run by gravity: 1 where water runs from
    the line's start to its end, -1 against, 0 where nobody knows, which counts as both ways. There the sources are the works,
    and a node is served from which the water runs down to them. The result: minimax over paths of the lines' first days, shape
    (nodes,).

    All nodes are bisected over the days at once, log2(days) searches through the graph. Where lines that end leave a node's day
    open, each later day on which a line begins is searched for it until it is found: exact, but that takes a search a day.
    """
    ways = _ways(g, sources, begins, ends, opens, flow)
    ways = ways._replace(begin=np.maximum(ways.begin, since))
    ways = _pick(ways, ways.begin < ways.end)
    soonest = _first_days(ways, len(g.nodes))
    lasting = np.isinf(ways.end)
    if lasting.all():
        return soonest
    # no sooner than if nothing ended, no later than by what never ends
    latest = _first_days(_pick(ways, lasting), len(g.nodes))
    return _decide(ways, soonest, latest)


def _decide(ways: _Ways, soonest: Numbers, latest: Numbers) -> Numbers:
    """Find the first days of the nodes that may be served by lines that end before they are surely served, day by day."""
    first, sure = latest.copy(), np.append(latest, -np.inf)
    nodes = np.flatnonzero(soonest < latest)
    number = np.full(len(sure), len(nodes))
    number[nodes] = np.arange(len(nodes))
    into = _pick(ways, number[ways.target] < len(nodes))
    inside = number[into.source] < len(nodes)
    begin = np.maximum(np.maximum(into.begin, soonest[into.target]), np.where(inside, -np.inf, sure[into.source]))
    end = np.minimum(into.end, latest[into.target])
    some = begin < end
    into, begin, end = _pick(into, some), begin[some], end[some]
    for day in np.unique(np.concatenate([begin, latest[nodes]])):
        on = np.flatnonzero((begin <= day) & (day < end))
        source = np.where(sure[into.source[on]] <= day, len(nodes), number[into.source[on]])
        live = _Ways(source, number[into.target[on]], begin[on], end[on], on)
        found = nodes[_spread(live, len(nodes))]
        first[found] = np.minimum(first[found], day)
    return first


def _first_days(ways: _Ways, count: int) -> Numbers:
    """Find the minimax over ways of their first days, ends aside, by bisecting the days of all nodes at once."""
    days, rank = np.unique(ways.begin, return_inverse=True)
    # a node's day is days[k] for low < k <= high; high = len(days) is never; intervals of two nodes are equal or apart
    low, high = np.full(count + 1, -1), np.full(count + 1, len(days))
    high[count] = -1
    while (open_ := high - low > 1).any():
        middle = (low + high) // 2
        u, v = ways.source, ways.target
        usable = open_[v] & (rank <= middle[v]) & (high[u] <= high[v])
        u, v = u[usable], v[usable]
        # from a node that is surely reached sooner the way starts at the sources
        u = np.where(high[u] < high[v], count, u)
        reached = np.append(_spread(_Ways(u, v, *(np.empty(0),) * 2, u), count), False)
        high = np.where(open_ & reached, middle, high)
        low = np.where(open_ & ~reached, middle, low)
    found: Numbers = np.append(days, np.inf)[high[:count]]
    return found


def by_line(g: Graph, reached: Numbers, begins: ArrayLike, flow: ArrayLike | None = None) -> Numbers:
    """Find the first day on which each line gives service: begun, and reached at one of its nodes; shape (lines,), inf: never.

    `flow` as in `reach`: a line that runs by gravity is reached at its lower end. Ends of service are the caller's to hold
    against it.
    """
    course = np.zeros(len(g.line)) if flow is None else np.asarray(flow)[g.line]
    start = np.where(course > 0, np.inf, reached[g.start])
    end = np.where(course < 0, np.inf, reached[g.end])
    out = np.full(g.lines, np.inf)
    np.minimum.at(out, g.line, np.minimum(start, end))
    days: Numbers = np.maximum(out, np.asarray(begins, np.float64))
    return days


def route(
    g: Graph,
    sources: ArrayLike,
    begins: ArrayLike,
    day: float,
    node: int,
    ends: ArrayLike | None = None,
    opens: ArrayLike | None = None,
    flow: ArrayLike | None = None,
) -> Indices:
    """Name the edges of the shortest way in service on `day` from a source to `node`, in order; none where there is none."""
    ways = _ways(g, sources, begins, ends, opens, flow)
    ways = _pick(ways, (ways.begin <= day) & (day < ways.end))
    # of parallel ways the shortest: a sparse matrix would add them up; no length may be 0, which is no way to scipy
    length = np.maximum(np.append(g.length, 0.0)[ways.edge], 1e-9)
    order = np.lexsort((length, ways.target, ways.source))
    u, v = ways.source[order], ways.target[order]
    best = order[np.append(True, (u[1:] != u[:-1]) | (v[1:] != v[:-1]))] if len(order) else order
    size = (len(g.nodes) + 1,) * 2
    matrix = coo_array((length[best], (ways.source[best], ways.target[best])), shape=size).tocsr()
    _, before = dijkstra(matrix, indices=len(g.nodes), return_predecessors=True)
    key = ways.source[best] * size[0] + ways.target[best]
    edge = ways.edge[best]
    path, here = [], node
    while (back := int(before[here])) >= 0:
        path.append(int(edge[np.searchsorted(key, back * size[0] + here)]))
        here = back
    return np.array([e for e in reversed(path) if e >= 0], np.intp)
