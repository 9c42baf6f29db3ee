"""Networks that run by gravity: where a line lies below those that should take its water."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.network import Graph

Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]


class Steps(NamedTuple):
    """Lines that cannot run into all that begin where they end, shape (k,): edge, node, and into how many of these they can (`takers`).

    other: of those the line that begins lowest; into: pairs of a place in these arrays and the first edge of a line that takes it.
    """

    edge: Indices
    node: Indices
    takers: Indices
    other: Indices
    into: tuple[Indices, Indices]


def steps(g: Graph, flow: Numbers, levels: Numbers, slack: float, open_: Indices, backed: bool = False) -> Steps:
    """Find the lines whose lower end lies more than `slack` below the upper end of a line that begins there.

    backed: those whose upper end does, into which water does not run on even where it stands in the whole line. flow: as in
    `geo.network.reach`; levels: (2, lines) of the start and of the end of each line [m], NaN unknown. Told are only nodes at
    which every line that meets is known to begin or to end at a known level, and that are not among `open_`, where water leaves
    by itself, such as into works. Time grows with the lines.
    """
    line, edge = np.unique(g.line, return_index=True)
    last = len(g.line) - 1 - np.unique(g.line[::-1], return_index=True)[1]
    runs = (flow[line] != 0) & ~np.isnan(levels[:, line]).any(axis=0)
    line, first, last = line[runs], edge[runs], last[runs]
    falls = flow[line] > 0
    up, down = np.where(falls, first, last), np.where(falls, last, first)
    begin, end = np.where(falls, g.start[up], g.end[up]), np.where(falls, g.end[down], g.start[down])
    high, low = np.where(falls, levels[:, line], levels[::-1, line])
    size = len(g.nodes)
    known = np.bincount(begin, minlength=size) + np.bincount(end, minlength=size)
    leads = g.start != g.end
    told = known == np.bincount(np.r_[g.start[leads], g.end[leads]], minlength=size)
    told[open_] = False
    # those that begin at a node, lowest first
    order = np.lexsort((high, begin))
    order = order[told[begin[order]]]
    ending = np.flatnonzero(told[end])
    start, stop = (np.searchsorted(begin[order], end[ending], side) for side in ("left", "right"))
    some = stop > start
    ending, start, stop = ending[some], start[some], stop[some]
    pair = np.repeat(np.arange(len(ending)), stop - start)
    below = order[np.arange(len(pair)) - np.repeat(np.cumsum(stop - start) - stop, stop - start)]
    takes = high[below] <= (high if backed else low)[ending][pair] + slack
    count = np.bincount(pair, takes, len(ending)).astype(np.intp)
    barred = count < stop - start
    kept = np.flatnonzero(takes & barred[pair])
    place = np.cumsum(barred) - 1
    return Steps(
        down[ending[barred]], end[ending[barred]], count[barred], line[order[start[barred]]], (place[pair[kept]], up[below[kept]])
    )


def parted(g: Graph, found: Steps) -> Graph:
    """Let each line of `found` end at a node of its own, where only those begin that take its water: these get an edge more."""
    new = len(g.nodes) + np.arange(len(found.edge))
    start, end = g.start.copy(), g.end.copy()
    ends = end[found.edge] == found.node
    end[found.edge[ends]], start[found.edge[~ends]] = new[ends], new[~ends]
    which, edge = found.into
    begins = g.start[edge] == found.node[which]
    return Graph(
        np.r_[g.nodes, g.nodes[found.node]],
        np.r_[g.line, g.line[edge]],
        np.r_[start, np.where(begins, new[which], start[edge])],
        np.r_[end, np.where(begins, end[edge], new[which])],
        np.r_[g.length, g.length[edge]],
        g.point,
        g.lines,
        g.tolerance,
    )
