"""From which day each road and pipe truly serves: joined to a source of its kind through lines in service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.geometry.base import BaseGeometry

from geo.falls import parted, steps
from geo.gates import gates
from geo.kinds import lineal
from geo.network import Faults, Graph, graph
from geo.network import faults as drawing_faults
from geo.reach import Reached, Sources, reach_lines, reachable
from layers import utilities
from layers.base import Ask, Survey, codes, tabled, texts
from layers.service import EVER, NEVER, by_record
from layers.table import Table

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]

EDGE = "edge of the survey"
"""Source of the lines that come in over the edge of the surveyed area."""
OUTER_ROADS = ("expressway", "arterial")


class _Kind(NamedTuple):
    """The features of one network: their rows, which of them are sources and which are lines; the area surveyed."""

    name: str
    rows: Rows
    source: Flags
    frame: Table
    coverage: BaseGeometry


class _Life(NamedTuple):
    """First days and first days without service as numbers; undated and unrecorded features begin at inf."""

    begins: Numbers
    ends: Numbers
    undated: Flags
    unrecorded: Flags

    def of(self, rows: Rows) -> _Life:
        """Pick some features."""
        return _Life(self.begins[rows], self.ends[rows], self.undated[rows], self.unrecorded[rows])

    def possible(self, on: float) -> tuple[Flags, Flags]:
        """Tell which features may ever be in service from a day on, and which may be on that day."""
        lasts = self.ends > on
        return lasts & ((self.begins < self.ends) | self.undated | self.unrecorded), lasts & (
            (self.begins <= on) | self.unrecorded
        )


class _Wired(NamedTuple):
    """A network's graph, its sources as nodes, the feature that each is (-1: the edge of the survey), and the flow.

    `run` is the graph in which lines that run by gravity do not meet where by their inverts water does not pass; `levels`: of
    the start and of the end of each line, NaN unknown, shape (2, lines). `apart` are the sources, drawn as points, that no line
    meets.
    """

    graph: Graph
    run: Graph
    node: Rows
    feature: Rows
    flow: Numbers
    levels: Numbers
    apart: Rows


class Report(NamedTuple):
    """What looks wrong in networks.

    `summary`, by kind: `lines`, `length` and `in_service` [m], `connected` (share of the length in service that is connected to a
    source; NaN where there is no source), the number of each fault, and of what is in service but not connected the length [m]
    by each reason of WHY. `found`: kind, fault, `id`, `other`, and where.
    """

    summary: pd.DataFrame
    found: gpd.GeoDataFrame


def serving(survey: Survey, ask: Ask) -> pd.DataFrame:
    """Tell for each utility or road from which day it truly serves.

    survey: all features of the layer utilities or roads, for reach knows no tiles. The answer has their index and

    - `reach_state`: one of `layers.service.REACH` on the day `ask.on`;
    - `serves_from`: the first day of service where serving or dated, else NaT; `serves_until`: the first day without it
      after that, because the line, its source or a line on the way retires, NaT for none;
    - `source`: id of the source that serves it over the fewest lines, EDGE, or NA;
    - of utilities `via`: row of the next line on the way to it, or of the source itself; -1 at the edge of the survey. A way
      that changed since the line before was first reached is told in parts: hold `serves_until` of the lines on it against
      the day;
    - and `gate`, `gate_on`: row of the nearest line or source that every way to it passes, of the ways that may ever be from
      `ask.on` on, and of those that may be on that day; -1 where they have none in common. Lines of which nobody recorded a
      state may be there. What every way passes is found by going on from gate to gate.

    Sources of utilities are features of the role `source` and the points where lines cross the edge of the surveyed area;
    sources of roads are expressways, arterial roads and that edge. Sewage and storm water run down by their inverts where
    both are known and nobody recorded a pressure, else either way. Where all inverts are known and a line begins higher than
    the whole one before it, by more than the standard `network.step`, nobody recorded how water gets there: unknown. A works drawn as a point that no line meets feeds the
    nearest end within the standard `network.source_reach`. A kind of which no source feeds any line cannot be traced: its
    features answer by their own record, as do private roads, and `source` is NA although they serve.

    What may be there in time counts for what hangs on it: reached only through planned lines without a date it is undated,
    only through lines of which nobody recorded a state, or up a step of inverts, unknown. Time grows with the lines (1 to 2 s for 200,000) and with
    the days after `ask.on` on which something retires, of which each takes a search; memory 1 kB a line.

    Where features are read tile by tile, trace the whole layer once and join by number: reach = serving(...) with the axis
    features["id"], then tile.join(reach, on="id"); `layers.service.life` uses the columns wherever they are.
    """
    features = Table.of(survey.features)
    life = _life(features, ask)
    begins, ends, state = _recorded(life, _number(ask.on))
    source, ways = np.full(len(features), None, object), np.full((3, len(features)), -1, np.intp)
    for kind in _kinds(features, survey):
        mine = life.of(kind.rows)
        wired = _wire(kind, ask)
        if len(wired.node):
            into = kind.rows[~kind.source] if kind.name else kind.rows
            part = ~kind.source if kind.name else np.ones(len(kind.rows), bool)
            found, states = _traced(wired, mine, _number(ask.on))
            begins[into], ends[into], state[into] = found.first[part], found.until[part], states[part]
            source[into] = _named(kind, wired, found.source)[part]
            if kind.name:
                possible = (
                    gates(wired.graph, wired.node, wired.feature, there, wired.flow) for there in mine.possible(_number(ask.on))
                )
                ways[:, into] = np.append(kind.rows, -1)[np.stack([_next(wired, found), *possible])[:, part]]
            own = kind.rows[kind.source] if kind.name else kind.rows[:0]
            source[own] = np.where(np.isin(state[own], ("serving", "dated")), features["id"].to_numpy(object)[own], None)
    told = np.isin(state, ("serving", "dated"))
    answers = {
        "serves_from": _day(np.where(told, begins, np.inf)),
        "serves_until": _day(np.where(told, ends, np.inf)),
        "reach_state": texts(state),
        "source": texts(source),
    }
    if "role" in features:
        answers |= zip(("via", "gate", "gate_on"), np.where([told, told, state == "serving"], ways, -1), strict=True)
    return tabled(answers, survey.features.index)


def faults(survey: Survey, ask: Ask) -> Report:
    """Report how much of each network is connected and why the rest is not, and what looks wrong in its drawing.

    Near misses, dangling ends, duplicates, crossings, lines without extent, sources that no line meets, and pipes whose water would have to rise into the next are told, not mended.
    """
    reach = serving(survey, ask)["reach_state"].to_numpy(object)
    features = Table.of(survey.features)
    in_service = np.isin(_recorded(_life(features, ask), _number(ask.on))[2], ("serving",))
    rows, found = {}, []
    for kind in _kinds(features, survey):
        shapes = _lines(kind)
        wired = _wire(kind, ask)
        wrong = drawing_faults(shapes, wired.graph, ask.standards["network.near"])
        places = _places(kind, shapes, wired, wrong, ask.standards["network.step"])
        length = np.where(in_service[kind.rows], np.nan_to_num(shapely.length(shapes)), 0.0)
        joined = length[reach[kind.rows] == "serving"].sum()
        why = _why(wired, reach[kind.rows], in_service[kind.rows], wrong)
        rows[kind.name or "road"] = {
            "lines": int(lineal(shapes).sum()),
            "length": float(np.nansum(shapely.length(shapes))),
            "in_service": float(length.sum()),
            "connected": joined / length.sum() if len(wired.node) and length.sum() else np.nan,
            **places["fault"].value_counts().reindex(list(FAULTS), fill_value=0).to_dict(),
            **{reason: float(length[why == reason].sum()) for reason in WHY},
        }
        found.append(places)
    blank = gpd.GeoDataFrame({"kind": [], "fault": [], "id": [], "other": []}, geometry=[], crs=survey.features.crs)
    return Report(pd.DataFrame.from_dict(rows, orient="index"), pd.concat(found, ignore_index=True) if found else blank)


FAULTS = codes(
    ("without_extent", "lines without extent", "无长度管线"),
    ("duplicate", "duplicates", "重复"),
    ("dangling", "loose ends", "悬挂端点"),
    ("near_miss", "near misses", "疑似断点"),
    ("crossing", "crossings without a node", "无节点交叉"),
    ("source_apart", "sources that no line meets", "未接管线的源点"),
    ("step_up", "inverts below those of the next pipe", "管底低于下游管底"),
)
WHY = codes(
    ("planned", "only through what is planned", "仅经规划管线接通"),
    ("unrecorded", "only through what nobody recorded, or up a step", "仅经状态未记录的管线或管底倒坎接通"),
    ("flow", "joined, but not downhill", "相接但坡向不符"),
    ("retired", "joined through what is retired", "仅经停用管线相接"),
    ("gap", "a small gap from what serves", "与在用管线之间有小间隙"),
    ("island", "joined to nothing that serves", "孤立管段"),
)


def _why(wired: _Wired, reach: NDArray[np.object_], in_service: Flags, wrong: Faults) -> NDArray[np.object_]:
    """Tell for the lines of one network that are in service why they do not serve; None for the others."""
    g, serves = wired.graph, reach == "serving"
    first = np.zeros(g.lines, np.intp)
    first[g.line] = g.start

    def joined(passable: Flags, u: Rows, v: Rows) -> Flags:
        """Tell which lines hang together with one that serves, by lines that are passable and by the given bridges."""
        some = passable[g.line]
        here, there = np.r_[g.start[some], u], np.r_[g.end[some], v]
        ways = coo_array((np.ones(len(here), np.int8), (here, there)), shape=(len(g.nodes),) * 2)
        count, part = connected_components(ways, directed=False)
        lit, whole = np.zeros(count, bool), np.zeros(g.lines, bool)
        lit[part[g.start[serves[g.line]]]] = True
        whole[g.line[lit[part[g.start]]]] = True
        return whole

    none, live = np.zeros(0, np.intp), in_service & np.isin(reach, ("serving", "cut_off"))
    gaps = np.r_[wrong.near_nodes, np.c_[wrong.near_lines[:, 0], first[wrong.near_lines[:, 1]]]]
    reasons = {
        "": ~in_service | serves,
        "planned": np.isin(reach, ("dated", "undated")),
        "unrecorded": reach == "unknown",
        "flow": joined(live, none, none),
        "retired": joined(live | (reach == "retired"), none, none),
        "gap": joined(live, gaps[:, 0], gaps[:, 1]),
    }
    return np.select(list(reasons.values()), np.array(list(reasons), object), "island")


def _places(kind: _Kind, shapes: NDArray[np.object_], wired: _Wired, wrong: Faults, step: float) -> gpd.GeoDataFrame:
    """List the faults of one network with the features concerned and where they are."""
    g, apart = wired.graph, wired.apart
    at = np.full(len(g.nodes), -1, np.intp)
    at[g.end], at[g.start] = g.line, g.line
    spots = np.asarray(shapely.points(g.nodes), object)
    # only what was given as a line is a line without extent
    thin = wrong.without_extent[lineal(shapes[wrong.without_extent])]
    rises = steps(g, wired.flow, wired.levels, step, wired.node)
    barred = rises.takers == 0
    rise = np.c_[g.line[rises.edge], rises.other][barred]
    near = np.c_[at[wrong.near_lines[:, 0]], wrong.near_lines[:, 1]]
    pairs = [wrong.duplicates, at[wrong.near_nodes], near, wrong.crossings, rise]
    one = np.concatenate([thin, apart, at[wrong.dangling], *(p[:, 0] for p in pairs)])
    other = np.concatenate([np.full(len(thin) + len(apart) + len(wrong.dangling), -1), *(p[:, 1] for p in pairs)])
    where = [
        shapes[thin], kind.frame.geometry.to_numpy()[apart], spots[wrong.dangling], shapes[wrong.duplicates[:, 0]], spots[wrong.near_nodes[:, 0]],
        spots[wrong.near_lines[:, 0]], shapes[wrong.crossings[:, 0]], spots[rises.node[barred]],
    ]  # fmt: skip
    names = np.array(
        ["without_extent", "source_apart", "dangling", "duplicate", "near_miss", "near_miss", "crossing", "step_up"], object
    )
    ids = np.r_[kind.frame["id"].to_numpy(object), np.array([None], object)]
    return gpd.GeoDataFrame(
        {
            "kind": kind.name or "road",
            "fault": np.repeat(names, [len(w) for w in where]),
            "id": pd.array(ids[one], "str"),
            "other": pd.array(ids[other], "str"),
        },
        geometry=np.concatenate(where),
        crs=kind.frame.crs,
    )


def _kinds(features: Table, survey: Survey) -> Iterator[_Kind]:
    """Take a layer apart into its networks: utilities by kind, or the public roads (named "")."""
    if "role" in features:
        of = features["kind"].to_numpy()
        for kind in utilities.KINDS:
            rows = np.flatnonzero(of == kind)
            if len(rows):
                some = features.take(rows)
                yield _Kind(kind, rows, some["role"].to_numpy() == "source", some, survey.coverage(kind))
        return
    rows = np.flatnonzero(features["class"].to_numpy() != "private")
    if len(rows):
        some = features.take(rows)
        yield _Kind("", rows, np.isin(some["class"].to_numpy(), OUTER_ROADS), some, survey.coverage())


def _lines(kind: _Kind) -> NDArray[np.object_]:
    """Give the shapes of a network's lines; None for its sources, which are no way of its pipes."""
    shapes = kind.frame.geometry.to_numpy().copy()
    if kind.name:
        shapes[kind.source] = None
    return np.asarray(shapes)


def _wire(kind: _Kind, ask: Ask) -> _Wired:
    """Join a network; a point that is no source hangs on the node where it lies, and lines with it."""
    snap = ask.standards["network.snap"]
    shapes, everything = _lines(kind), kind.frame.geometry.to_numpy()
    point = np.flatnonzero((shapely.get_type_id(everything) == 0) & ~shapely.is_empty(everything))
    g = graph(shapes, snap, everything[point], split_at_ends=True)
    node, feature, apart = _source_nodes(kind, g, point, ask)
    levels, flow = np.full((2, len(kind.rows)), np.nan), np.zeros(len(kind.rows))
    if kind.name in utilities.GRAVITY:
        free = kind.frame["pressure"].isna().to_numpy(bool)
        levels = np.where(free, [kind.frame[name].to_numpy(float) for name in ("invert_start", "invert_end")], np.nan)
        flow = np.sign(np.nan_to_num(levels[0] - levels[1]))
    up = steps(g, flow, levels, ask.standards["network.step"], node, backed=True)
    plain = point[~kind.source[point]]
    hooks = g.point[~kind.source[point]]

    def hooked(g: Graph) -> Graph:
        """Hang the points that are no sources on their nodes."""
        return Graph(
            g.nodes, np.r_[g.line, plain], np.r_[g.start, hooks], np.r_[g.end, hooks], np.r_[g.length, np.zeros(len(hooks))],
            g.point, g.lines, g.tolerance,
        )  # fmt: skip

    whole = hooked(g)
    return _Wired(whole, hooked(parted(g, up)) if len(up.edge) else whole, node, feature, flow, levels, apart)


def _source_nodes(kind: _Kind, g: Graph, point: Rows, ask: Ask) -> tuple[Rows, Rows, Rows]:
    """Find the nodes of sources, the feature that each source is (-1: the edge of the survey), and the sources apart."""
    snap, ends = ask.standards["network.snap"], np.unique(np.r_[g.start, g.end])
    spots = np.asarray(shapely.points(g.nodes[ends]), object)
    apart = np.zeros(0, np.intp)
    if kind.name:
        own, at = point[kind.source[point]], g.point[kind.source[point]]
        met = np.isin(at, ends)
        # a works drawn as an area, or a station as a line, is met where lines end at it
        apart, wide = own[~met], np.setdiff1d(np.flatnonzero(kind.source), point)
        nodes, features = [at[met]], [own[met]]
        if len(apart) or len(wide):
            tree, symbols = shapely.STRtree(spots), np.asarray(shapely.points(g.nodes[at[~met]]), object)
            one, near = tree.query_nearest(symbols, max_distance=ask.standards["network.source_reach"], all_matches=False)
            which, k = tree.query(kind.frame.geometry.to_numpy()[wide], predicate="dwithin", distance=snap)
            nodes, features = [at[met], ends[near], ends[k]], [own[met], apart[one], wide[which]]
    else:
        outer = np.flatnonzero(kind.source[g.line])
        nodes, features = [g.start[outer], g.end[outer]], [g.line[outer], g.line[outer]]
    if not kind.coverage.is_empty:
        over = ends[shapely.dwithin(spots, kind.coverage.boundary, snap)]
        nodes, features = [*nodes, over], [*features, np.full(len(over), -1)]
    return np.concatenate(nodes).astype(np.intp), np.concatenate(features).astype(np.intp), apart


def _traced(wired: _Wired, life: _Life, on: float) -> tuple[Reached, NDArray[np.object_]]:
    """Find the days and the states of a network's features by what is dated, then by what may be there in time."""

    def network(joined: Graph, possible: Flags) -> tuple[Graph, Sources, Numbers, Numbers, float, Numbers]:
        begins = np.where(possible, -np.inf, life.begins)
        opens = np.append(begins, -np.inf)[wired.feature]
        closes = np.append(life.ends, np.inf)[wired.feature]
        return joined, Sources(wired.node, opens, closes), begins, life.ends, on, wired.flow

    sure = reach_lines(*network(wired.run, np.zeros(len(life.begins), bool)))
    state = np.select([life.ends <= on, sure.first <= on, sure.first < np.inf], ["retired", "serving", "dated"], "cut_off")
    state = state.astype(object)
    for new, joined, possible, name in (
        (life.undated.any(), wired.run, life.undated, "undated"),
        (life.unrecorded.any() or wired.run is not wired.graph, wired.graph, life.undated | life.unrecorded, "unknown"),
    ):
        if new and (state == "cut_off").any():
            state[(state == "cut_off") & reachable(*network(joined, possible))] = name
    return sure, state


def _named(kind: _Kind, wired: _Wired, source: Rows) -> NDArray[np.object_]:
    """Name sources by the id of their feature; the edge of the survey by EDGE, none by None."""
    ids = np.append(kind.frame["id"].to_numpy(object), EDGE)
    feature = np.append(wired.feature, -1)[source]
    return np.asarray(np.where(source < 0, None, ids[feature]), object)


def _next(wired: _Wired, found: Reached) -> Rows:
    """Tell what each line hangs on: the next line on the way, else its source; -1 for the edge, and for what is a source."""
    source = np.append(wired.feature, -1)[found.source]
    before = np.where(found.via >= 0, found.via, np.where(found.source >= 0, source, -1))
    return np.where(before == np.arange(len(before)), -1, before)


def _life(features: Table, ask: Ask) -> _Life:
    """Put the recorded lives of features into numbers."""
    record = by_record(features, ask)
    missing = np.isnat(record.begins)
    begins = np.where(missing, np.inf, record.begins.astype(np.int64).astype(float))
    ends = np.where(record.ends >= NEVER, np.inf, record.ends.astype(np.int64).astype(float))
    return _Life(begins, ends, missing & ~record.unknown, record.unknown)


def _recorded(life: _Life, on: float) -> tuple[Numbers, Numbers, NDArray[np.object_]]:
    """Tell the days and states of features by their own record, as if each were connected."""
    void = (life.ends <= on) | ((life.ends <= life.begins) & (life.begins < np.inf))
    state = np.select(
        [void, life.unrecorded, life.undated, life.begins <= on], ["retired", "unknown", "undated", "serving"], "dated"
    )
    return life.begins.copy(), life.ends.copy(), state.astype(object)


def _number(day: object) -> float:
    """Put a day into the number that the graph compares [s since 1970]."""
    return float(np.datetime64(day, "s").astype(np.int64))  # type: ignore[call-overload]


def _day(numbers: Numbers) -> NDArray[np.datetime64]:
    """Turn numbers into days; -inf is EVER, inf is NaT."""
    whole = np.where(np.isfinite(numbers), numbers, 0.0).astype(np.int64).astype("datetime64[s]")
    return np.asarray(np.select([numbers == np.inf, numbers == -np.inf], [np.datetime64("NaT", "s"), EVER], whole))
