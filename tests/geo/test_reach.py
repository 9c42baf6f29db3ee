"""When lines serve, until when and from where, against walking on every day."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.network import Graph, graph
from geo.reach import Sources, reach_lines, reachable

NEVER = np.inf


def abstract(edges, count):
    """A graph of edges between numbered nodes, without geometry."""
    start, end = np.array(edges, np.intp).reshape(-1, 2).T
    index = np.arange(len(edges))
    return Graph(np.zeros((count, 2)), index, start, end, np.ones(len(edges)), np.empty(0, np.intp), len(edges), 0.0)


def sources_at(*nodes, opens=None, closes=None):
    k = len(nodes)
    return Sources(np.array(nodes, np.intp), np.array(opens or [-NEVER] * k, float), np.array(closes or [NEVER] * k, float))


def found(g, sources, begins, ends=None, since=0.0, flow=None):
    ends = np.full(len(begins), NEVER) if ends is None else np.array(ends, float)
    return reach_lines(g, sources, np.array(begins, float), ends, since, None if flow is None else np.array(flow, float))


def test_a_line_serves_from_the_latest_day_on_the_best_way_to_it():
    answer = found(abstract([(0, 1), (1, 2), (3, 4)], 5), sources_at(0), [10, 5, 1])
    assert answer.first.tolist() == [10, 10, NEVER]
    assert answer.source.tolist() == [0, 0, -1]


def test_what_serves_today_serves_since_its_first_day():
    answer = found(abstract([(0, 1), (1, 2)], 3), sources_at(0), [10, 20], since=15)
    assert answer.first.tolist() == [10, 20]


def test_a_retired_line_cuts_off_what_hangs_on_it():
    answer = found(abstract([(0, 1), (1, 2), (0, 2)], 3), sources_at(0), [0, 0, 50], [30, NEVER, NEVER], since=10)
    assert answer.first.tolist() == [0, 0, 50]
    assert answer.until.tolist() == [30, 30, NEVER]


def test_a_line_that_begins_after_its_way_has_ended_never_serves():
    answer = found(abstract([(0, 1), (1, 2)], 3), sources_at(0), [0, 20], [10, NEVER], since=0)
    assert answer.first.tolist() == [0, NEVER]


def test_a_source_that_closes_ends_the_service():
    answer = found(abstract([(0, 1)], 2), sources_at(0, 1, opens=[0, 40], closes=[20, NEVER]), [0], since=5)
    assert (answer.first[0], answer.until[0], answer.source[0]) == (0, 20, 0)
    answer = found(abstract([(0, 1)], 2), sources_at(0, 1, opens=[0, 40], closes=[20, NEVER]), [0], since=25)
    assert (answer.first[0], answer.until[0], answer.source[0]) == (40, NEVER, 1)


def test_the_parts_of_a_line_do_not_join_each_other():
    lines = np.array([shapely.MultiLineString([[(0, 0), (1, 0)], [(5, 0), (6, 0)]]), shapely.LineString([(6, 0), (7, 0)])])
    g = graph(lines, 0.1, shapely.points([(0.0, 0.0)]))
    answer = found(g, sources_at(int(g.point[0])), [0, 0])
    assert answer.first.tolist() == [0, NEVER]


def test_the_way_from_a_line_of_many_stops_leads_over_other_lines_only():
    lines = np.array([shapely.LineString(xy) for xy in ([(0, 0), (9, 0)], [(3, 0), (3, 5)], [(6, 0), (6, 5)], [(6, 5), (8, 5)])])
    g = graph(lines, 0.1, shapely.points([(0.0, 0.0)]), split_at_ends=True)
    answer = found(g, sources_at(int(g.point[0])), [0, 0, 0, 0])
    assert answer.via.tolist() == [-1, 0, 0, 2]


def test_the_nearer_source_is_named():
    answer = found(abstract([(0, 1), (1, 2), (2, 3)], 4), sources_at(3, 0), [0, 0, 0])
    assert answer.source.tolist()[0] == 1
    assert answer.source.tolist()[2] == 0


@st.composite
def worlds(draw):
    count = draw(st.integers(1, 6))
    node = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(node, node), min_size=0, max_size=9))
    day = st.one_of(st.integers(0, 6).map(float), st.just(NEVER))
    column = st.lists(day, min_size=len(edges), max_size=len(edges))
    nodes = draw(st.lists(node, max_size=3))
    some = st.lists(day, min_size=len(nodes), max_size=len(nodes))
    forever = draw(st.booleans())
    ends = [NEVER] * len(edges) if forever else draw(column)
    closes = [NEVER] * len(nodes) if forever else draw(some)
    flow = draw(st.one_of(st.none(), st.lists(st.sampled_from([-1, 0, 1]), min_size=len(edges), max_size=len(edges))))
    sources = Sources(
        np.array(nodes, np.intp), np.array(draw(st.one_of(some, st.just([-NEVER] * len(nodes)))), float), np.array(closes, float)
    )
    return abstract(edges, count), sources, draw(column), ends, flow, draw(st.sampled_from([-1.0, 0.0, 2.0, 4.0]))


def walk(g, sources, begins, ends, flow, day):
    """Tell which nodes are served from which sources on a day, by walking."""
    seen = {n: set() for n in range(len(g.nodes))}
    for k, (node, opens, closes) in enumerate(zip(*sources, strict=True)):
        if opens <= day < closes:
            seen[int(node)].add(k)
    for _ in range(len(g.nodes)):
        for k, (a, b) in enumerate(zip(g.start.tolist(), g.end.tolist(), strict=True)):
            course = 0 if flow is None else flow[k]
            if begins[k] <= day < ends[k]:
                if course >= 0:
                    seen[a] |= seen[b]
                if course <= 0:
                    seen[b] |= seen[a]
    return seen


def serving(world, day, still=None):
    """Tell for each line the sources that serve it on a day; `still`: by what serves on that later day only."""
    g, sources, begins, ends, flow, _ = world
    if still is not None:
        ends = [NEVER if still < end else -NEVER for end in ends]
        sources = sources._replace(closes=np.where(still < sources.closes, NEVER, -NEVER))
    seen = walk(g, sources, begins, ends, flow, day)
    answer = []
    for k, (a, b) in enumerate(zip(g.start.tolist(), g.end.tolist(), strict=True)):
        course = 0 if flow is None else flow[k]
        mine = (seen[b] if course >= 0 else set()) | (seen[a] if course <= 0 else set())
        answer.append(mine if begins[k] <= day < ends[k] else set())
    return answer


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_lines_serve_as_walking_on_every_day_tells(world):
    g, sources, begins, ends, flow, since = world
    answer = found(g, sources, begins, ends, since, flow)
    course = None if flow is None else np.array(flow, float)
    ever = reachable(g, sources, np.array(begins, float), np.array(ends, float), since, course)
    assert ever.tolist() == (answer.first < NEVER).tolist()
    days = sorted({float(d) for d in range(-2, 9)})
    served = {day: serving(world, day) for day in days}
    for k in range(g.lines):
        later = [day for day in days if day >= since and served[day][k]]
        if not later:
            assert (answer.first[k], answer.source[k]) == (NEVER, -1)
            continue
        now = later[0]
        first = min(day for day in days if serving(world, day, since)[k]) if now == since else now
        gaps = [day for day in days if day > now and not served[day][k]]
        assert answer.first[k] == first
        assert answer.until[k] == (gaps[0] if gaps else NEVER)
        assert answer.source[k] in served[now][k]
        way = [k]
        while (before := int(answer.via[way[-1]])) >= 0:
            assert before not in way, "a way turns in a circle"
            assert {g.start[before], g.end[before]} & {g.start[way[-1]], g.end[way[-1]]}
            way.append(before)
        if np.isinf(ends).all():
            assert answer.source[way[-1]] == answer.source[k]
            assert sources.node[answer.source[k]] in (g.start[way[-1]], g.end[way[-1]])
            assert all(max(answer.first[line], since) <= max(answer.first[k], since) for line in way)
