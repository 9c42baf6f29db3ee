"""How lines serve plots: the state on a day and the day from which, for many plots and kinds at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.proximity import within
from layers.base import Answer, Ask, Field, Text, codes, texts
from layers.table import Table

STATES = codes(
    ("connected", "connected", "已接入", "#0072B2"),
    ("available", "available", "可接入", "#56B4E9"),
    ("relocating", "serves until it is relocated", "待迁改", "#009E73"),
    ("planned", "planned", "规划中", "#E69F00"),
    ("short", "capacity is taken", "容量不足", "#AA4499"),
    ("none", "none", "无", "#D55E00"),
)
REACH = codes(
    ("serving", "in service and connected to a source", "已投用并接通源点"),
    ("dated", "connected from a later day", "将于指定日期接通"),
    ("undated", "connected once something planned without a date is built", "接通日期未定"),
    ("retired", "out of service", "已停用"),
    ("cut_off", "not connected to any source", "未与源点接通"),
    (
        "unknown",
        "connected only by what nobody recorded: a line's state, or how water gets up a step",
        "未知:仅经未记录状态的管线或管底倒坎接通",
    ),
)
"""What a line is on a day by its network (`reach_state`): served from a source, or not."""
CAPACITY = codes(
    ("enough", "enough capacity", "容量充足"),
    ("competing", "not enough for all who ask", "不足以满足全部需求"),
    ("short", "not enough capacity", "容量不足"),
    ("committed", "in the committed load", "已计入承诺负荷"),
    ("unknown", "capacity unknown", "容量未知"),
)
LOADS: Mapping[str, str] = {
    "water": "m3/d", "sewage": "m3/d", "storm": "m3/d", "power": "kW", "gas": "m3/h", "heat": "t/h", "telecom": "ports",
}  # fmt: skip
"""The unit in which the load of each kind of network is told."""
DEMANDS: Mapping[str, Text] = {
    "water": Text("Water demand", "用水量"),
    "sewage": Text("Sewage", "污水量"),
    "storm": Text("Storm water", "雨水量"),
    "power": Text("Power demand", "用电负荷"),
    "gas": Text("Gas demand", "用气量"),
    "heat": Text("Heat demand", "用热量"),
    "telecom": Text("Telecom demand", "通信端口需求"),
}
SERVING = ("connected", "available", "relocating")
EVER = np.datetime64("1900-01-01", "s")
NEVER = np.datetime64("9999-12-31", "s")
STATED = texts(np.array(["none", "short", None, "planned", "planned", "relocating", "available", "connected"], object))
TOLD = texts(np.array([None, "committed", "short", "enough", "unknown"], object))
NONE, SHORT, UNKNOWN, UNDATED, DATED, RELOCATING, AVAILABLE, CONNECTED = range(8)
FIT, UNFIT, UNRECORDED = range(3)
"""Whether a line is of a size that serves plots."""

Numbers = NDArray[np.float64]


class Life(NamedTuple):
    """When lines serve: first day (NaT: nobody can say), first day without, and whether it is unknown altogether; shape (n,)."""

    begins: NDArray[np.datetime64]
    ends: NDArray[np.datetime64]
    unknown: NDArray[np.bool_]


class Load(NamedTuple):
    """The load that plots ask of each group of lines, at least and at most, shape (plots, groups); NaN: nobody can say.

    `committed`, shape (plots,): the plots whose load is in the committed load of the lines already.
    """

    low: Numbers
    high: Numbers
    committed: NDArray[np.bool_]


class Choice(NamedTuple):
    """Pairs of a plot and a line near it, from which each cell (a plot and a group of lines) gets its best; shape (k,) each.

    `plot` and `line` are rows, `rank` the state that the line gives, `since` its first day, `distance` [m] the length of the way
    to it, and `between` the row of the plot in `plots` (numbers, None last) that is in the way (-1: none).
    """

    plot: NDArray[np.intp]
    line: NDArray[np.intp]
    cell: NDArray[np.int64]
    rank: NDArray[np.int64]
    since: NDArray[np.datetime64]
    distance: Numbers
    between: NDArray[np.intp]
    plots: NDArray[np.object_]

    def best(self) -> NDArray[np.intp]:
        """Name the best pair of each cell: of the highest state, then of the earliest day, then on the shortest way.

        Of pairs that do not serve, one that would if no plot were in the way comes first.
        """
        rank = (CONNECTED - self.rank) * 2 + (self.between < 0)
        since = np.where(np.isnat(self.since), np.iinfo(np.int64).max, self.since.astype(np.int64))
        rows, cells = np.arange(len(self.cell)), int(self.cell.max(initial=-1)) + 1
        for key in (rank, since, self.distance, self.line):
            least = np.full(cells, key.max(initial=0))
            np.minimum.at(least, self.cell[rows], key[rows])
            rows = rows[key[rows] == least[self.cell[rows]]]
        of = np.full(cells, -1)
        of[self.cell[rows]] = rows
        return of[of >= 0]


Way = Callable[[gpd.GeoDataFrame, Choice], Choice]
"""Finds the ways of pairs of plots and lines, as far as they decide, and what they change about rank and distance."""

Runs = Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.bool_]]
"""Tells of pairs of plots and lines, by their rows, whether by all that is known what the line carries runs between them."""


def life(lines: gpd.GeoDataFrame, ask: Ask) -> Life:
    """Find when each line serves: as traced through its network where `lines` tell (layers.plan.networks), else by its record.

    A line that is cut off from every source never serves.
    """
    if "reach_state" not in lines:
        return by_record(lines, ask)
    state = lines["reach_state"].to_numpy(object)
    begins, ends = _day(lines, "serves_from"), _day(lines, "serves_until")
    ends[np.isnat(ends)] = NEVER
    ends[np.isin(state, ("retired", "cut_off"))] = EVER
    # a line that was never traced, such as one brought in since, is unknown
    return Life(begins, ends, pd.isna(state) | (state == "unknown"))


def _day(lines: gpd.GeoDataFrame, column: str) -> NDArray[np.datetime64]:
    """Copy the days of a column."""
    return np.array(lines[column].to_numpy("datetime64[s]"))


def by_record(lines: gpd.GeoDataFrame | Table, ask: Ask) -> Life:
    """Find the first day on which each line is in service by its own record, and the first on which it no longer is.

    A line in service without a date serves since ever. A planned line without a date, or whose date had passed unfulfilled
    when the land was known, gives NaT: nobody can say. Without status and date it is unknown, with NaT too; so is a
    retired one without a first day, until it ends. A line that is relocated ends here on that day.
    """
    status = lines["status"].to_numpy(object)
    begins, ends = _day(lines, "in_service_from"), _day(lines, "retired_on")
    begins[(status == "in_service") & np.isnat(begins)] = EVER
    overdue = np.isin(status, ("planned", "under_construction")) & (begins <= np.datetime64(ask.known, "s"))
    begins[overdue] = np.datetime64("NaT", "s")
    ends[np.isnat(ends)] = np.where(status == "retired", EVER, NEVER)[np.isnat(ends)]
    if "relocated_on" in lines:
        ends = np.fmin(ends, _day(lines, "relocated_on"))
    return Life(begins, ends, (pd.isna(status) | (status == "retired")) & np.isnat(begins))


def serve(
    plots: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    group: NDArray[np.int64],
    groups: list[str],
    reach: float,
    ask: Ask,
    margin: Numbers | None = None,
    doubt: Numbers | None = None,
    load: Load | None = None,
    way: Way | None = None,
    fit: NDArray[np.int8] | None = None,
    runs: Runs | None = None,
) -> dict[str, Any]:
    """Tell for each plot and group of lines the best service within `reach` [m].

    `group` numbers the lines' groups by the names `groups`, -1 for lines that serve nobody; `margin` [m] is the half width by
    which a line is nearer than its axis, `doubt` [m] how much nearer than that it may be; `way` finds the way of a pair, by
    default the straight one. For each group five arrays: `_state` (NA where a line is near, or may be, of which nobody recorded a
    state), `_from` (first day of service; NaT where nobody can say or none), `_line` (the id), `_distance` (the length of the way
    [m]) and `_between` (the plot in the way of a line that would serve). Best is the highest state, then the earliest day, then
    the shortest way.

    A line that is recorded to serve a plot (`serves`) connects that one and no other; one that is to be relocated ranks after
    those that stay. `fit` tells of each line whether it is of a size that serves (FIT, UNFIT, UNRECORDED): one that is not serves nobody, of
    one without record nobody can say; nor of a pair of which `runs` is false, unless they are connected. With `load` a sixth, `_capacity`, one of CAPACITY but "competing": whether the line can take the load
    by what is spare on its way to the source (`spare_sure`, `spare_most` of the lines, where they tell); a line that surely
    cannot is short, and any other that serves or will serve is better.
    """
    blank = np.zeros(len(lines))
    i, j, distance = _near(plots, lines, group, reach, blank if margin is None else margin, blank if doubt is None else doubt)
    rank, begins = _ranked(plots, lines, ask, i, j, distance)
    rank[distance > reach] = np.minimum(rank[distance > reach], UNKNOWN)
    if fit is not None:
        rank = np.select([fit[j] == FIT, fit[j] == UNFIT], [rank, NONE], np.minimum(rank, UNKNOWN))
    if runs is not None:
        rank = np.where((rank == CONNECTED) | runs(i, j), rank, np.minimum(rank, UNKNOWN))
    if load is not None and "spare_most" in lines:
        short = (load.low[i, group[j]] > lines["spare_most"].to_numpy(float)[j]) & ~load.committed[i]
        rank[short & (rank != NONE)] = SHORT
    choice = Choice(i, j, i * len(groups) + group[j], rank, begins[j], distance, np.full(len(i), -1), np.array([None], object))
    choice = choice if way is None else way(lines, choice)
    first, rank = choice.best(), choice.rank
    # cells are told group by group, so that the answers of each are a slice of one column
    n, of, at = len(plots), group[j[first]], group[j[first]] * len(plots) + i[first]
    state, since, who = (np.full(len(groups) * n, none) for none in (NONE, np.datetime64("NaT", "s"), -1))
    how_far, between, told = np.full(len(state), np.nan), np.full(len(state), -1), np.zeros(len(state), np.intp)
    state[at], who[at], how_far[at], between[at] = rank[first], j[first], choice.distance[first], choice.between[first]
    since[at] = np.where(rank[first] >= DATED, begins[j[first]], np.datetime64("NaT", "s"))
    # states and ids are taken from short columns: a text made anew for each plot costs more than finding its line
    ids, barred = texts(lines["id"].to_numpy(object)), texts(choice.plots if (choice.between >= 0).any() else choice.plots[-1:])
    columns = {
        "state": STATED.take(state),
        "from": since,
        "line": ids.take(who, allow_fill=True),
        "distance": how_far,
        "between": barred.take(between, allow_fill=True),
    }
    if load is not None:
        told[at] = _capacity(lines, j[first], i[first], of, load, rank[first] == NONE)
        columns["capacity"] = TOLD.take(told)
    parts = {name: slice(g * n, (g + 1) * n) for g, name in enumerate(groups)}
    return {f"{name}_{c}": array[part] for name, part in parts.items() for c, array in columns.items()}


def _near(
    plots: gpd.GeoDataFrame, lines: gpd.GeoDataFrame, group: NDArray[np.int64], reach: float, margin: Numbers, doubt: Numbers
) -> tuple[NDArray[np.intp], NDArray[np.intp], Numbers]:
    """Find the pairs of plot and line that are or may be within reach, and how far the line is beyond its half width."""
    of = np.flatnonzero(group >= 0)
    most = reach + (margin + doubt)[of].max(initial=0.0)
    i, j, distance = within(plots.geometry.to_numpy(), lines.geometry.to_numpy()[of], most)
    j = of[j]
    distance = np.maximum(distance - margin[j], 0.0)
    near = distance <= reach + doubt[j]
    return i[near], j[near], distance[near]


def _ranked(
    plots: gpd.GeoDataFrame, lines: gpd.GeoDataFrame, ask: Ask, i: NDArray[np.intp], j: NDArray[np.intp], distance: Numbers
) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    """Rank the service of each pair of plot and line by the days of the line; and the lines' first days."""
    begins, ends, unrecorded = life(lines, ask)
    on = np.datetime64(ask.on, "s")
    dead = (ends <= on) | (ends <= begins)
    rank = np.select([dead, unrecorded, np.isnat(begins), begins > on], [NONE, UNKNOWN, UNDATED, DATED], AVAILABLE)
    if "relocated_on" in lines:
        moving = lines["relocated_on"].to_numpy("datetime64[s]") > on
        rank[(rank == AVAILABLE) & moving] = RELOCATING
    paired = rank[j]
    if "role" in lines:
        touching = (lines["role"].to_numpy(object) == "service")[j] & (distance == 0)
        paired[(paired == AVAILABLE) & touching] = CONNECTED
    if "serves" in lines and len(named := lines["serves"].to_numpy(object)[j]) and not pd.isna(named).all():
        mine = named == plots["id"].to_numpy(object)[i]
        paired[(paired == AVAILABLE) & mine] = CONNECTED
        paired[~mine & ~pd.isna(named)] = NONE
    return paired, begins


def _capacity(
    lines: gpd.GeoDataFrame,
    line: NDArray[np.intp],
    plot: NDArray[np.intp],
    g: NDArray[np.int64],
    load: Load,
    none: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Tell whether the lines can take the loads of the plots that they serve best, as a place in TOLD."""
    sure, most = (
        lines[c].to_numpy(float)[line] if c in lines else np.full(len(line), np.nan) for c in ("spare_sure", "spare_most")
    )
    cases = [none, load.committed[plot], load.low[plot, g] > most, load.high[plot, g] <= sure]
    return np.asarray(np.select(cases, range(4), 4), np.int64)


def answers(group: str, title: Text, kind: str | None, reach: str, loaded: bool = False) -> tuple[Answer, ...]:
    """Declare the columns that `serve` gives for a group; `loaded`: whether it is asked with loads."""
    rows = [
        Field(f"{group}_state", "text", title, codes=STATES),
        Field(f"{group}_from", "date", Text(f"{title.en} from", f"{title.zh}投用日期")),
        Field(f"{group}_line", "text", Text(f"{title.en} line", f"{title.zh}管线")),
        Field(f"{group}_distance", "real", Text(f"Way to {title.en}", f"至{title.zh}路由长度"), unit="m"),
        Field(f"{group}_between", "text", Text(f"Plot in the way of {title.en}", f"至{title.zh}须穿越的地块")),
    ]
    if loaded:
        rows.append(Field(f"{group}_capacity", "text", Text(f"Capacity of {title.en}", f"{title.zh}容量"), codes=CAPACITY))
    return tuple(Answer(row, kind, reach, f"{group}_state", SERVING) for row in rows)
