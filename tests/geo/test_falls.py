"""Water that would have to rise from one line into the next, against walking down from line to line."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from geo.falls import parted, steps
from geo.network import Graph
from geo.reach import Sources, reach_lines

NAN = float("nan")


def runs(edges, nodes, levels, works, slack=0.0, backed=False):
    """Tell which lines reach the works, and the steps; edges lead from node to node, levels are those of their ends."""
    start, end = np.array(edges, np.intp).reshape(-1, 2).T
    g = Graph(np.zeros((nodes, 2)), np.arange(len(edges)), start, end, np.ones(len(edges)), np.empty(0, np.intp), len(edges), 0.0)
    height = np.array(levels, float).reshape(-1, 2).T
    flow = np.sign(np.nan_to_num(height[0] - height[1]))
    found = steps(g, flow, height, slack, np.array([works]), backed)
    sources = Sources(np.array([works]), np.zeros(1), np.full(1, np.inf))
    reached = reach_lines(parted(g, found), sources, np.zeros(len(edges)), np.full(len(edges), np.inf), 0.0, flow)
    return (reached.first < np.inf).tolist(), found


def walked(edges, nodes, levels, works, slack, backed):
    """Walk up from the works: a line runs if it ends there, or where one that runs begins no higher; `backed`: than its upper end."""
    fall = [np.sign(a - b) if a == a and b == b else 0.0 for a, b in levels]
    known = [
        works != node and all(fall[k] for k, ends in enumerate(edges) if node in ends) for node in range(nodes)
    ]  # at a node where something is unknown any two lines meet
    ends = [  # of each line the ways that it can run: from node and level to node and level
        [(a, za, b, zb)] if f > 0 else [(b, zb, a, za)] if f < 0 else [(a, za, b, zb), (b, zb, a, za)]
        for (a, b), (za, zb), f in zip(edges, levels, fall, strict=True)
    ]
    fed = {(k, n) for k, ways in enumerate(ends) for n, way in enumerate(ways) if way[2] == works}
    while True:
        more = {
            (k, n)
            for k, ways in enumerate(ends)
            for n, (_, high, to, low) in enumerate(ways)
            for j, m in fed
            if ends[j][m][0] == to and (not known[to] or ends[j][m][1] <= (high if backed else low) + slack)
        } - fed
        if not more:
            return [any((k, n) in fed for n in range(2)) for k in range(len(edges))]
        fed |= more


@st.composite
def sewers(draw):
    nodes = draw(st.integers(2, 5))
    edge = st.tuples(*[st.integers(0, nodes - 1)] * 2).filter(lambda e: e[0] != e[1])
    edges = draw(st.lists(edge, min_size=1, max_size=8))
    level = st.one_of(st.just(NAN), *[st.integers(0, 6).map(float)] * 4)
    levels = draw(st.lists(st.tuples(level, level), min_size=len(edges), max_size=len(edges)))
    return edges, nodes, levels


@given(sewers(), st.sampled_from([0.0, 1.0]), st.booleans())
@example(([(1, 0), (2, 1), (2, 1)], 3, [(3.0, 0.0), (9.0, 4.0), (9.0, 2.0)]), 0.0, False)
@example(([(1, 0), (1, 0), (2, 1)], 3, [(3.0, 0.0), (5.0, 0.0), (9.0, 4.0)]), 0.0, False)
def test_a_line_runs_where_each_next_one_begins_no_higher(sewer, slack, backed):
    edges, nodes, levels = sewer
    assert runs(edges, nodes, levels, 0, slack, backed)[0] == walked(edges, nodes, levels, 0, slack, backed)


def test_a_step_names_the_line_that_begins_lowest_and_how_many_take_the_water():
    reached, found = runs([(1, 0), (1, 0), (2, 1), (3, 1)], 4, [(3, 1), (5, 1), (9, 4), (9, 2)], 0)
    assert reached == [True, True, True, False]
    assert (found.edge.tolist(), found.node.tolist()) == ([2, 3], [1, 1])
    assert (found.takers.tolist(), found.other.tolist()) == ([1, 0], [0, 0])


def test_water_that_stands_in_the_whole_line_runs_on_where_the_next_one_begins_no_higher():
    edges, levels = [(1, 0), (2, 1), (3, 2)], [(4, 1), (5, 3), (9, 5)]
    assert runs(edges, 4, levels, 0)[0] == [True, False, False]
    assert runs(edges, 4, levels, 0, backed=True)[0] == [True, True, True]
    assert runs(edges, 4, [(6, 1), *levels[1:]], 0, backed=True)[0] == [True, False, False]


def test_within_the_slack_and_where_a_level_is_unknown_nothing_is_a_step():
    edges = [(1, 0), (2, 1)]
    assert runs(edges, 3, [(3.04, 1), (9, 3)], 0, slack=0.05)[0] == [True, True]
    for levels in ([(NAN, 1), (9, 2)], [(3, 1), (9, NAN)]):
        reached, found = runs(edges, 3, levels, 0)
        assert (reached, len(found.edge)) == ([True, True], 0)
