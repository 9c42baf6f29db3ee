"""Service of lines: from which day each is reached, until when, and from which source."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from geo.network import Graph, reach, served

Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Sources(NamedTuple):
    """Where service comes from: nodes, their first days and their first days without; shape (k,) each, inf: never."""

    node: Indices
    opens: Numbers
    closes: Numbers


class Reached(NamedTuple):
    """When lines serve, shape (lines,) each.

    first: the first day; where a line serves on the day of the question, that since which it has by lines and sources that
    still serve; inf: never. until: the first day after that without service; inf: none. source: index of a source that
    serves it on its first day, or on that of the question if later, over the fewest lines; -1: none. via: the next line on
    the way to that source; -1: the source itself, or none. Ways by `via` never turn in a circle.
    """

    first: Numbers
    until: Numbers
    source: Indices
    via: Indices


class _Net(NamedTuple):
    """A graph with a leaf on each edge, where its line gives service, and a well before each source."""

    graph: Graph
    leaf: Indices
    well: Indices
    begins: Numbers
    ends: Numbers
    flow: Numbers


def reach_lines(g: Graph, sources: Sources, begins: Numbers, ends: Numbers, since: float, flow: Numbers | None = None) -> Reached:
    """Find when each line is in service and joined to a source by lines in service, on the day `since` or later.

    begins, ends, flow: (lines,) as in `geo.network.reach`; a line that runs by gravity is served at its lower end. Exact where
    lines or sources end as well: that takes a search through the graph for each day after `since` on which one ends.
    """
    net, lasting = _prepared(g, sources, begins, ends, since, flow)
    ever = reach(net.graph, net.well, net.begins, flow=net.flow)
    first = np.maximum(ever, since) if lasting else reach(net.graph, net.well, net.begins, net.ends, flow=net.flow, since=since)
    days, line = first[net.leaf], net.graph.line[: len(g.line)]
    best = _least(days, line, g.lines)
    source, via, place = _ways(net, first, lasting, line)
    winner = np.flatnonzero((days == best[line]) & (days < np.inf))
    # of its edges the one nearest to the source, assigned last
    winner = winner[np.argsort(place[winner], kind="stable")[::-1]]
    who, before = np.full(g.lines, -1, np.intp), np.full(g.lines, -1, np.intp)
    who[line[winner]], before[line[winner]] = source[winner], via[winner]
    until = _until(net, best, line, g.lines, since)
    return Reached(np.where(best <= since, _least(ever[net.leaf], line, g.lines), best), until, who, before)


def reachable(g: Graph, sources: Sources, begins: Numbers, ends: Numbers, since: float, flow: Numbers | None = None) -> Flags:
    """Tell which lines ever serve on the day `since` or later, shape (lines,); one search where nothing ends after that day."""
    net, lasting = _prepared(g, sources, begins, ends, since, flow)
    if not lasting:
        return reach_lines(g, sources, begins, ends, since, flow).first < np.inf
    on = served(net.graph, net.well, np.where(net.begins < np.inf, -np.inf, np.inf), since, flow=net.flow)
    answer = np.zeros(g.lines, bool)
    answer[g.line[on[net.leaf]]] = True
    return answer


def _prepared(
    g: Graph, sources: Sources, begins: Numbers, ends: Numbers, since: float, flow: Numbers | None
) -> tuple[_Net, bool]:
    """Hang a leaf on each edge, at the lower end of one that runs by gravity, and a well, of its own line, on each source.

    What ended by the day `since` is left out; the second answer tells whether all the rest lasts for ever.
    """
    flow = np.zeros(g.lines) if flow is None else flow
    edges, count = len(g.line), len(g.nodes)
    leaf, well = count + np.arange(edges), count + edges + np.arange(len(sources.node))
    up, down = np.flatnonzero(flow[g.line] >= 0), np.flatnonzero(flow[g.line] <= 0)
    graph = Graph(
        np.empty((count + edges + len(well), 2)),
        np.r_[g.line, g.line[up], g.line[down], g.lines + np.arange(len(well))],
        np.r_[g.start, leaf[up], g.start[down], sources.node],
        np.r_[g.end, g.end[up], leaf[down], well],
        np.empty(0),
        g.point,
        g.lines + len(well),
        g.tolerance,
    )
    last = np.r_[ends, sources.closes]
    first = np.where(last <= since, np.inf, np.r_[begins, sources.opens])
    lasting = not bool((np.isfinite(last) & (first < np.inf)).any())
    return _Net(graph, leaf, well, first, last, np.r_[flow, np.ones(len(well))]), lasting


def _least(days: Numbers, line: Indices, lines: int) -> Numbers:
    """Find the first day of each line among those of its edges; inf where it has none."""
    least = np.full(lines, np.inf)
    np.minimum.at(least, line, days)
    return least


def _until(net: _Net, first: Numbers, line: Indices, lines: int, since: float) -> Numbers:
    """Find the first day after its first on which each line is without service, by the days on which anything ends."""
    until = np.full(lines, np.inf)
    days = np.unique(net.ends[np.isfinite(net.ends) & (net.begins < np.inf)])
    for day in days:
        open_ = (first < day) & np.isinf(until)
        if not open_.any():
            continue
        on = np.zeros(lines, bool)
        on[line[served(net.graph, net.well, net.begins, day, net.ends, flow=net.flow)[net.leaf]]] = True
        until[open_ & ~on] = day
    return until


def _ways(net: _Net, first: Numbers, lasting: bool, line: Indices) -> tuple[Indices, Indices, Indices]:
    """Find how each edge's leaf is served on its first day: the source, the next line on the way to it, the order of reaching.

    -1: none.
    """
    g, count = net.graph, len(first)
    course = net.flow[g.line]
    up, down = np.flatnonzero(course >= 0), np.flatnonzero(course <= 0)
    u, v, by = np.r_[g.end[up], g.start[down]], np.r_[g.start[up], g.end[down]], g.line[np.r_[up, down]]
    begin, end = net.begins[by], net.ends[by]
    source, via, place = (np.full(len(line), -1, np.intp) for _ in range(3))
    # where nothing ends, what serves a node on its first day served what is before it sooner: one search is enough
    for day in [None] if lasting else np.unique(first[first < np.inf]):
        at = first[v] if day is None else day
        live = (begin <= at) & (at < end) & (first[u] <= at) & (first[v] < np.inf)
        tree = _tree(u[live], v[live], by[live], net.well, count)
        mine = np.flatnonzero((tree.root[net.leaf] >= 0) & (True if day is None else first[net.leaf] == day))
        leaf = net.leaf[mine]
        source[mine], place[mine] = tree.root[leaf], tree.place[leaf]
        here = tree.before[leaf]
        while (same := tree.by[here] == line[mine]).any():
            here = np.where(same, tree.before[here], here)
        via[mine] = np.where(tree.by[here] < len(net.begins) - len(net.well), tree.by[here], -1)
    return source, via, place


class _Tree(NamedTuple):
    """A search from roots: for each node its root's number (-1: none), place in the order, node before it and line between."""

    root: Indices
    place: Indices
    before: Indices
    by: Indices


def _tree(u: Indices, v: Indices, by: Indices, roots: Indices, count: int) -> _Tree:
    """Find for each node the first of the roots that reaches it over the fewest ways, and the way; `by` are the ways' lines."""
    from_, to = np.r_[u, np.full(len(roots), count)], np.r_[v, roots]
    ways = coo_array((np.ones(len(from_), np.int8), (from_, to)), shape=(count + 1, count + 1)).tocsr()
    order, before = breadth_first_order(ways, count)
    # jump to the predecessor's predecessor until all are at their roots
    above = np.arange(count + 1)
    above[order[1:]] = before[order[1:]]
    above[roots] = roots
    while ((higher := above[above]) != above).any():
        above = higher
    number, place, line = (np.full(count + 1, -1, np.intp) for _ in range(3))
    number[roots] = np.arange(len(roots))
    place[order] = np.arange(len(order))
    taken = np.flatnonzero(before[v] == u)[::-1]
    line[v[taken]] = by[taken]
    return _Tree(np.where(place >= 0, number[above], -1), place, before.astype(np.intp), line)
