"""Gates: what every way from the sources to a line must pass, however the network is meshed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.jit import kernel
from geo.network import Graph

Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Short = NDArray[np.int32]


def gates(g: Graph, node: Indices, source: Indices, open_: Flags, flow: Numbers) -> Indices:
    """Find for each line the nearest other thing that every way from the sources to it passes, shape (lines,); -1: none, or no way.

    Things are lines and sources, numbered together: source[k] is the thing that feeds node[k], -1 one that is no thing and always
    there; a source has no edges. open_: (lines,) the things that are there; flow as in `geo.network.reach`. Gates of gates are
    passed too: all that every way to a line passes is found by going on, up to -1. A line is one thing from end to end, its parts
    as well: between these, and up a line of several edges that runs by gravity, a way may be seen that is none, so that of a line
    that is reached a gate is missed, never made up. Time grows with the edges.

    They are the dominators of the flow graph of nodes and things: L. Georgiadis, Linear-time algorithms for dominators and
    related problems (2005), the algorithm Semi-NCA.
    """
    root = g.lines + len(g.nodes)
    up, down = (np.flatnonzero(way & open_[g.line]) for way in ((flow >= 0)[g.line], (flow <= 0)[g.line]))
    fed = np.flatnonzero((source < 0) | open_[source])
    own = fed[source[fed] >= 0]
    first, into, above = g.lines + node, g.lines + g.start, g.lines + g.end
    tail = [
        above[up],
        g.line[up],
        into[down],
        g.line[down],
        np.where(source[fed] < 0, root, source[fed]),
        np.full(len(own), root),
    ]
    head = [g.line[up], into[up], g.line[down], above[down], first[fed], source[own]]
    found: Short = _gates(np.concatenate(tail).astype(np.int32), np.concatenate(head).astype(np.int32), root, g.lines)
    return found.astype(np.intp)


@kernel
def _gates(tail: Short, head: Short, root: int, things: int) -> Short:
    """Find the nearest dominator below `things` of each vertex below `things`, -1 none; arcs lead from tail[k] to head[k]."""
    number, order, parent = _searched(tail, head, root)
    back, last = _sorted(head, tail, root + 1)
    count = len(order)
    semi, label = np.arange(count).astype(np.int32), np.arange(count).astype(np.int32)
    near, stack = parent.copy(), np.empty(count, np.int32)
    for w in range(count - 1, 0, -1):
        semi[w] = near[w]
        for k in range(last[order[w]], last[order[w] + 1]):
            v = number[back[k]]
            if v >= 0:
                semi[w] = min(semi[w], semi[_least(v, w + 1, parent, label, semi, stack)])
    answer, above = np.full(things, -1, np.int32), np.full(count, -1, np.int32)
    for w in range(1, count):
        while near[w] > semi[w]:
            near[w] = near[near[w]]
        above[w] = order[near[w]] if order[near[w]] < things else above[near[w]]
        if order[w] < things:
            answer[order[w]] = above[w]
    return answer


@kernel
def _searched(tail: Short, head: Short, root: int) -> tuple[Short, Short, Short]:
    """Number the vertices that the root reaches in the order of a search in depth, -1 the others; name them, and what each was found from.

    The last two are by these numbers.
    """
    ways, first = _sorted(tail, head, root + 1)
    number, order, parent = np.full(root + 1, -1, np.int32), np.empty(root + 1, np.int32), np.zeros(root + 1, np.int32)
    number[root], order[0], count, at, here = 0, root, 1, first.copy(), root
    while here >= 0:
        if at[here] == first[here + 1]:
            here = -1 if here == root else order[parent[number[here]]]
            continue
        other = ways[at[here]]
        at[here] += 1
        if number[other] < 0:
            number[other], order[count], parent[count] = count, other, number[here]
            count, here = count + 1, other
    return number, order[:count].copy(), parent[:count].copy()


@kernel
def _sorted(by: Short, what: Short, count: int) -> tuple[Short, Short]:
    """List `what` by the vertices `by`: the list, and where that of each vertex begins."""
    begin = np.zeros(count + 1, np.int32)
    for k in by:
        begin[k + 1] += 1
    begin = np.cumsum(begin).astype(np.int32)
    found, free = np.empty(len(what), np.int32), begin.copy()
    for k in range(len(by)):
        found[free[by[k]]] = what[k]
        free[by[k]] += 1
    return found, begin


@kernel
def _least(v: int, linked: int, parent: Short, label: Short, semi: Short, stack: Short) -> int:
    """Name the vertex of the least `semi` on the way from v up to the last one from `linked` on; the way is made short."""
    if parent[v] < linked:
        return int(label[v])
    top, here = 0, v
    while parent[here] >= linked:
        stack[top], top, here = here, top + 1, parent[here]
    while top:
        above, top = here, top - 1
        here = stack[top]
        parent[here] = parent[above]
        if semi[label[above]] < semi[label[here]]:
            label[here] = label[above]
    return int(label[v])
