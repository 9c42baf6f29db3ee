"""Gates of meshed networks, against taking each line and source away in turn."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from geo.gates import gates
from geo.network import Graph


def abstract(edges, nodes, line=None):
    """A graph of edges between numbered nodes, without geometry, with room behind the lines for sources."""
    start, end = np.array(edges, np.intp).reshape(-1, 2).T
    line = np.arange(len(edges)) if line is None else np.array(line, np.intp)
    return Graph(np.zeros((nodes, 2)), line, start, end, np.ones(len(edges)), np.empty(0, np.intp), int(line.max()) + 3, 0.0)


def passed(found, thing):
    """All that every way to a thing passes."""
    way = []
    while (thing := int(found[thing])) >= 0:
        way.append(thing)
    return way


def reached(g, node, source, there, flow):
    """Walk from the sources that are there: the lines that are reached at an end from which service spreads along them."""
    nodes = {int(n) for n, s in zip(node, source, strict=True) if s < 0 or there[s]}
    spreads = [
        (int(line), int(here), int(there_))
        for line, a, b in zip(g.line, g.start, g.end, strict=True)
        for here, there_, against in ((b, a, -1), (a, b, 1))
        if there[line] and flow[line] != against
    ]
    while more := {onto for _, here, onto in spreads if here in nodes} - nodes:
        nodes |= more
    return {line for line, here, _ in spreads if here in nodes}


def needed(g, node, source, there, flow, line):
    """Name the things without which a line is not reached."""
    without = []
    for thing in np.flatnonzero(there):
        left = there.copy()
        left[thing] = False
        if thing != line and line not in reached(g, node, source, left, flow):
            without.append(int(thing))
    return without


@st.composite
def meshes(draw):
    nodes = draw(st.integers(1, 6))
    at = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.tuples(at, at), min_size=1, max_size=9))
    line = draw(
        st.one_of(st.just(list(range(len(edges)))), st.lists(st.integers(0, 4), min_size=len(edges), max_size=len(edges)))
    )
    g = abstract(edges, nodes, line)
    node = np.array(draw(st.lists(at, max_size=4)), np.intp)
    source = np.array([draw(st.sampled_from([-1, g.lines - 2, g.lines - 1])) for _ in node], np.intp)
    there = np.array(draw(st.lists(st.sampled_from([True, True, True, False]), min_size=g.lines, max_size=g.lines)))
    flow = np.array(draw(st.lists(st.sampled_from([0, 0, 1, -1]), min_size=g.lines, max_size=g.lines)), float)
    return g, node, source, there, flow


@given(meshes())
@example((abstract([(0, 0), (1, 1), (0, 0)], 2, [0, 0, 1]), np.array([1]), np.array([-1]), np.ones(4, bool), np.zeros(4)))
@example((abstract([(0, 1), (1, 2), (0, 2), (2, 3)], 4), np.array([0]), np.array([5]), np.ones(6, bool), np.zeros(6)))
def test_gates_are_what_no_way_goes_without(mesh):
    g, node, source, there, flow = mesh
    found = gates(g, node, source, there, flow)
    whole = len(np.unique(g.line)) == len(g.line)
    lit = reached(g, node, source, there, flow)
    for line in np.unique(g.line):
        if whole:
            asked = needed(g, node, source, there, flow, line) if line in lit else []
            assert sorted(passed(found, line)) == asked
        elif line in lit:
            assert set(passed(found, line)) <= set(needed(g, node, source, there, flow, line)), "none is made up"


def test_in_a_tree_every_line_on_the_way_is_a_gate_and_a_ring_has_none_but_the_source():
    tree = abstract([(0, 1), (1, 2), (1, 3)], 4)
    assert gates(tree, np.array([0]), np.array([4]), np.ones(5, bool), np.zeros(5)).tolist() == [4, 0, 0, -1, -1]
    ring = abstract([(0, 1), (1, 2), (2, 0), (2, 3)], 4)
    assert gates(ring, np.array([0]), np.array([5]), np.ones(6, bool), np.zeros(6)).tolist() == [5, 5, 5, 5, -1, -1]
    two = gates(ring, np.array([0, 3]), np.array([4, 5]), np.ones(6, bool), np.zeros(6))
    assert two.tolist() == [-1] * 6, "fed from both ends nothing is passed by all"


def test_a_long_way_and_a_long_ring_are_no_matter():
    count = 100_000
    chain = abstract([(k, k + 1) for k in range(count)], count + 1)
    found = gates(chain, np.array([0]), np.array([-1]), np.ones(chain.lines, bool), np.zeros(chain.lines))
    assert found[:count].tolist() == list(range(-1, count - 1))
    ring = abstract([(k, (k + 1) % count) for k in range(count)], count)
    assert (gates(ring, np.array([0]), np.array([-1]), np.ones(ring.lines, bool), np.zeros(ring.lines)) == -1).all()
