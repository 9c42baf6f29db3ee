"""Capacity: what is spare on a line, on its ways to the sources and at the source; what plots ask for, and who competes for it.

A figure is an interval: what is surely spare and what is spare at most, what a plot surely asks for and what at most. Enough is
what is surely enough, short what is surely short; anything between, and any figure that nobody recorded, is unknown. In a mesh
one way with room in all its lines is surely enough for one plot; only what every way to every source passes makes it short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.forest import least, root
from layers import utilities
from layers.base import Ask, Field, Land, Text, arrays_of, framed, tabled, texts
from layers.service import LOADS
from layers.table import Table

Numbers = NDArray[np.float64]
SUPPLIED = ("supplied_unused", "under_construction", "built", "idle")
"""States of parcels whose load is in the committed load of the networks: the operator promised it when the land was sold."""
KINDS = tuple(LOADS)
FIELDS = (
    *(
        Field(f"{kind}_load", "real", Text(f"Least load asked of {name.en}", f"{name.zh}最小需求"), unit=LOADS[kind])
        for kind, name in ((kind, code.name) for kind, code in utilities.KINDS.items())
    ),
    Field("load_project", "text", Text("Project that asks for most of the plot", "占地过半的项目")),
)
"""What findings keep of the loads that plots ask for; the least is 0 where the load is in the committed load already."""


class Room(NamedTuple):
    """What is spare, surely (-inf: nobody can say) and at most (inf), in the unit of the kind."""

    sure: Numbers
    most: Numbers


@dataclass(frozen=True, slots=True)
class Capacity:
    """Whether a service can take the load of one site, in `unit`; None is unknown.

    `low`, `high`: what the site asks for, at least and at most. `line`, `way`, `source`: what is spare at most on the line that
    serves it, on the lines between that every way passes, at the source where there is one only; None, too, where ways or
    sources have nothing in common. `spare`: the least of them, at the `bottleneck`; it is sure, not only the
    most that it can be, where `sure` says the same. `others`: what others ask for at least at `place`, where there is surely not
    enough for all, else at the bottleneck; `rivals` names the largest of them, `takers` those whose load is committed there; all
    of them are `rival_count` and `taker_count`. None: nobody counted (layers.plan.contest).
    """

    state: str
    unit: str
    low: float | None
    high: float | None
    line: float | None
    way: float | None
    source: float | None
    spare: float | None
    sure: float | None
    bottleneck: str | None
    place: str | None = None
    others: float | None = None
    rivals: tuple[str, ...] = ()
    rival_count: int = 0
    takers: tuple[str, ...] = ()
    taker_count: int = 0


def room(features: gpd.GeoDataFrame, ask: Ask) -> Room:
    """Take the committed load from the capacity of each line or source alone, shape (n,).

    Without a committed load the whole capacity is spare at most; a capacity in a unit that `utilities.capacity_units` does not
    name is unknown.
    """
    factors = {(row["kind"], row["unit"]): row["factor"] for row in ask.standards["utilities.capacity_units"]}
    units = zip(features["kind"], features["capacity_unit"], strict=True)
    factor = np.array([factors.get(unit, np.nan) for unit in units], np.float64)
    capacity, committed = (features[name].to_numpy(float) * factor for name in ("capacity", "committed"))
    spare = capacity - committed
    most = capacity - np.fmax(np.nan_to_num(committed), 0.0)
    return Room(np.where(np.isnan(spare), -np.inf, spare), np.where(np.isnan(capacity), np.inf, most))


def spare(features: gpd.GeoDataFrame, traced: pd.DataFrame, ask: Ask) -> pd.DataFrame:
    """Add to what `networks.serving` traced of utilities what is spare for each line; same index.

    - `gate`: id of the nearest line or source that every way to it ever passes; NA for none;
    - `room_sure`, `room_most`: of the line or source alone, in the unit of its kind (`layers.service.LOADS`); NaN unknown;
    - `spare_sure`: the least of the line, of the lines on its way (`via`) and of its source; one way with room is enough. NaN
      unknown, as where the way ends at the edge of the survey or a line of it retires before this one is reached;
    - `spare_most`: the least of the line and of the gates that every way to it passes, on the day `ask.on`, or where it does
      not yet serve of all ways that may ever be: what two ways or two sources bring is not held against a plot. NaN unknown;
    - `way_most`, `source_most`: the least of the lines among those gates, and of the source if it is one;
    - `bottleneck`: id of the nearest one with `spare_most`; NA where that is unknown.

    Time grows with the lines and the logarithm of the longest way.
    """
    ids, own = features["id"].to_numpy(object), room(features, ask)
    source = (features["role"] == "source").to_numpy(bool)
    via, gate, now = (traced[name].to_numpy() for name in ("via", "gate", "gate_on"))
    # two forests side by side: of what serves today, whose gates do so too, and of what may ever be
    ever = np.where(gate < 0, -1, gate + len(ids))
    gates = np.r_[np.where((traced["reach_state"] == "serving").to_numpy(bool), now, ever), ever]
    most, at = least(gates, np.tile(own.most, 2))
    most, at = most[: len(ids)], at[: len(ids)] % len(ids)
    between = least(gates, np.tile(np.where(source, np.inf, own.most), 2))[0]
    above, first, none = gates[: len(ids)], root(gates)[: len(ids)] % len(ids), np.array([None], object)
    found = {
        "gate": texts(np.append(ids, none)[gate]),
        "room_sure": _known(own.sure),
        "room_most": _known(own.most),
        "way_most": np.where(above < 0, np.nan, _known(between)[above]),
        "source_most": np.where(source[first], _known(own.most)[first], np.nan),
        "spare_sure": _sure(ids, via, own.sure, source, traced, ask),
        "spare_most": _known(most),
        "bottleneck": texts(np.where(np.isfinite(most), ids[at], none)),
    }
    kept = {name: array for name, array in arrays_of(traced).items() if name not in ("via", "gate_on")}
    return tabled({**kept, **found}, traced.index)


def _sure(
    ids: NDArray[np.object_], via: NDArray[np.intp], sure: Numbers, source: NDArray[np.bool_], traced: pd.DataFrame, ask: Ask
) -> Numbers:
    """Find what is surely spare along the way of each line to its source; NaN where the way is broken or ends at no source."""
    begins, ends = (traced[c].to_numpy("datetime64[s]") for c in ("serves_from", "serves_until"))
    on = np.datetime64(ask.on, "s")
    day = np.where(np.isnat(begins) | (begins < on), on, begins)
    until = np.where(np.isnat(ends), np.inf, ends.astype(np.int64))
    broken = least(via, until)[0] <= day.astype(np.int64)
    way = np.where(broken, -1, via)
    first = root(way)
    fed = source[first] & (source | (ids[first] == traced["source"].to_numpy(object)))
    return np.where(fed, _known(least(way, sure)[0]), np.nan)


def _known(numbers: Numbers) -> Numbers:
    return np.where(np.isfinite(numbers), numbers, np.nan)


def demand(plots: gpd.GeoDataFrame, land: Land, ask: Ask, own: str = "parcels") -> gpd.GeoDataFrame:
    """Add to plots the loads that they ask for: `load_<kind>_low`, `_high` in the unit of the kind; `load_committed`; `load_project`.

    A load comes from the project (columns `demand_<kind>` of sites), else from the use and the area by the standards
    `utilities.demand_*`; the use is that of the question, else `use_code`. Of a parcel (`own`) the part that lies in sites of
    projects asks for their share of the project, by area, and `load_project` is the id of a site that takes more than half of
    it; a supplied one asks for nothing more. NaN where nobody can say.
    """
    area = shapely.area(plots.geometry.to_numpy())
    loads = _projects(plots, _by_use(use_of(plots, ask), area, ask))
    committed, project = np.zeros(len(plots), bool), np.full(len(plots), None, object)
    if own == "parcels" and "status" in plots:
        committed = np.isin(plots["status"].to_numpy(object), SUPPLIED)
        if ask.use is None and "sites" in land:
            loads, project = _shared(plots, area, loads, land["sites"].features, ask)
    low, high = (np.where(committed, 0.0, part) for part in loads)
    told = {"load_committed": committed, "load_project": project}
    told |= {f"load_{kind}_{end}": part[k] for k, kind in enumerate(KINDS) for end, part in (("low", low), ("high", high))}
    if isinstance(plots, Table):
        return plots.also(told)
    own_ = {name: array for name, array in arrays_of(plots).items() if name != plots.geometry.name}
    return framed(own_ | told, plots.geometry.to_numpy(), plots.crs, plots.index)


def asked_loads(asking: gpd.GeoDataFrame) -> dict[str, Any]:
    """Pick what findings keep of the loads of plots (`demand`): the columns FIELDS, as arrays."""
    told = arrays_of(asking)
    least = {f"{kind}_load": np.asarray(told[f"load_{kind}_low"], float) for kind in KINDS}
    return {**least, "load_project": texts(np.asarray(told["load_project"], object))}


def use_of(plots: gpd.GeoDataFrame, ask: Ask) -> NDArray[np.object_]:
    """Find the use of each plot in the classification of 2023; missing where it has none."""
    if ask.use is not None or "use_code" not in plots:
        return np.full(len(plots), ask.use, object)
    use = np.array(plots["use_code"], object)
    if "code_system" in plots:
        use[plots["code_system"].to_numpy(object) != "planning_2023"] = None
    return use


def _by_use(use: NDArray[np.object_], area: Numbers, ask: Ask) -> Numbers:
    """Find the loads of uses on areas [m2], shape (2, kinds, n): at least, at most. Loops over distinct uses only.

    NaN for a kind without a standard `utilities.demand_<kind>` in force, and for a use that it does not name: nobody can say.
    """
    loads = np.full((2, len(KINDS), len(use)), np.nan)
    at, pool = pd.factorize(use)
    for kind in (kind for kind in KINDS if f"utilities.demand_{kind}" in ask.standards.lines):
        table = {row["use"]: (row["min"], row["max"]) for row in ask.standards[f"utilities.demand_{kind}"]}
        found = [next((table[code[:n]] for n in range(len(code), 1, -1) if code[:n] in table), (np.nan,) * 2) for code in pool]
        loads[:, KINDS.index(kind)] = np.array([*found, (np.nan,) * 2]).T[:, at] * area / 1e4
    ratio = ask.standards["utilities.sewage_per_water"]
    loads[:, KINDS.index("sewage")] = loads[:, KINDS.index("water")] * np.array([[ratio["min"]], [ratio["max"]]])
    return loads


def _projects(plots: gpd.GeoDataFrame, loads: Numbers) -> Numbers:
    """Let the loads that projects tell take the place of those by their use."""
    for k, kind in enumerate(KINDS):
        if f"demand_{kind}" in plots:
            told = plots[f"demand_{kind}"].to_numpy(float)
            loads[:, k] = np.where(np.isnan(told), loads[:, k], told)
    return loads


def _shared(
    plots: gpd.GeoDataFrame, area: Numbers, loads: Numbers, sites: gpd.GeoDataFrame, ask: Ask
) -> tuple[Numbers, NDArray[np.object_]]:
    """Give the parts of plots that lie in sites of projects their shares of the projects' loads; and name who wants most of them."""
    live = Table.of(sites)
    live = live.take(np.flatnonzero(live["status"].to_numpy() != "cancelled"))
    shapes, outlines = plots.geometry.to_numpy(), live.geometry.to_numpy()
    j, i = shapely.STRtree(shapes).query(outlines, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[i], outlines[j]))
    i, j, shared = i[shared > 0], j[shared > 0], shared[shared > 0]
    project = np.full(len(plots), None, object)
    most = shared > area[i] / 2
    project[i[most]] = live["id"].to_numpy(object)[j[most]]
    sizes = shapely.area(outlines)
    theirs = _projects(live, _by_use(live["use_code"].to_numpy(object), sizes, ask))
    rest = 1 - np.minimum(np.bincount(i, shared, len(plots)) / area, 1.0)
    answer = np.where(rest > 0, loads * rest, 0.0)
    for end in range(2):
        for k in range(len(KINDS)):
            answer[end, k] += np.bincount(i, theirs[end, k, j] * shared / sizes[j], len(plots))
    return answer, project


def evidence(kind: str, state: str, asking: Mapping[str, Any], line: Mapping[str, Any]) -> Capacity:
    """Say what the capacity of a service rests on: the row of `demand` and that of the traced line that serves the site."""

    def told(row: Mapping[str, Any], name: str) -> float | None:
        return None if name not in row or pd.isna(row[name]) else float(row[name])

    low, high = (told(asking, f"load_{kind}_{end}") for end in ("low", "high"))
    own, way, source, most, sure = (
        told(line, name) for name in ("room_most", "way_most", "source_most", "spare_most", "spare_sure")
    )
    bottleneck = None if most is None else str(line["bottleneck"])
    return Capacity(state, LOADS[kind], low, high, own, way, source, most, sure, bottleneck)
