"""Utilities: which of the seven networks reaches the land, in what state and from which day?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.kinds import lineal
from layers.base import SERVICE_LIFE, Ask, Field, Layer, Text, arrays_of, codes, tabled
from layers.service import FIT, UNFIT, UNRECORDED, Load, Runs, Way, answers, serve

KINDS = codes(
    ("water", "water", "给水", "#0072B2"),
    ("sewage", "sewage", "污水", "#8C510A"),
    ("storm", "storm water", "雨水", "#35978F"),
    ("power", "power", "供电", "#D55E00"),
    ("gas", "gas", "燃气", "#F0E442"),
    ("heat", "heat", "供热", "#CC79A7"),
    ("telecom", "telecom", "通信", "#117733"),
)
ROLES = codes(
    ("source", "source", "源点"),
    ("main", "main line", "主干管线"),
    ("branch", "branch line", "支线"),
    ("service", "service line", "接户管线"),
)


class Size(NamedTuple):
    """By which column the size of a line is told, and the standards of the least and the most that serves a plot."""

    column: str
    least: str = ""
    most: str = ""

    def limits(self, ask: Ask) -> tuple[float, float]:
        """Look up the least and the most."""
        low, high = (ask.standards[name] if name else None for name in (self.least, self.most))
        return (-np.inf if low is None else float(low), np.inf if high is None else float(high))


SIZES: Mapping[str, Size] = {
    "water": Size("dn", "utilities.water_dn_min"),
    "sewage": Size("dn", "utilities.sewage_dn_min"),
    "storm": Size("dn", "utilities.storm_dn_min"),
    "power": Size("voltage", "utilities.power_voltage_min", "utilities.power_voltage_max"),
}
PRESSURE = Size("pressure")
GRAVITY = ("sewage", "storm")
"""Kinds of networks in which water runs down by itself, where nobody recorded a pressure."""


def assess(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask) -> pd.DataFrame:
    """Tell for each plot and network the best line within reach of the boundary on a straight way; see `supplied`."""
    return tabled(supplied(plots, features, ask), plots.index)


def supplied(plots: gpd.GeoDataFrame, features: gpd.GeoDataFrame, ask: Ask, way: Way | None = None) -> dict[str, Any]:
    """Tell for each plot and network the best line within reach of the boundary, and whether it can take the plot's load.

    The answers' arrays. `way` finds the ways to the lines. The load is read from the columns of `plots` that `layers.plan.capacity.demand` adds; without them it is unknown.
    A sewer whose invert beside the plot lies above the plot's lowest ground (`elevation_min` of `plots`) takes its water only by
    a pump: unless the plot is connected nobody can say whether it serves. Where either is not known nothing is held against it.
    """
    kind, group = features["kind"].to_numpy(object), np.full(len(features), -1)
    for n, name in enumerate(KINDS):
        group[kind == name] = n
    group[features["role"].to_numpy(object) == "source"] = -1
    most, fit = ask.standards["utilities.max_connect"], fits(features, ask)
    return serve(plots, features, group, list(KINDS), most, ask, load=_load(plots), way=way, fit=fit, runs=_runs(plots, features))


def _runs(plots: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> Runs | None:
    """Make the question whether water surely does not run from plots into lines beside them; None where nobody can say of any."""
    low, levels = np.asarray(arrays_of(plots).get("elevation_min", np.nan), float), inverts(lines)
    if np.isnan(low).all() or np.isnan(levels).all():
        return None
    shapes, outlines = lines.geometry.to_numpy(), plots.geometry.to_numpy()

    def runs(i: NDArray[np.intp], j: NDArray[np.intp]) -> NDArray[np.bool_]:
        ground, (start, end) = low[i], levels[:, j]
        above = ground < np.fmax(start, end)
        k = np.flatnonzero(above & (ground >= np.fmin(start, end)))
        if len(k):
            line = shapes[j[k]]
            beside = shapely.get_point(shapely.shortest_line(line, outlines[i[k]]), 0)
            at = shapely.line_locate_point(line, beside, normalized=True)
            above[k] = ground[k] < start[k] + at * (end[k] - start[k])
        found: NDArray[np.bool_] = ~above
        return found

    return runs


def inverts(lines: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Give the inverts of the start and the end of lines that run by gravity [m], shape (2, n); NaN for all others and unknown."""
    levels = np.stack([lines[name].to_numpy(float) for name in ("invert_start", "invert_end")])
    free = np.isin(lines["kind"].to_numpy(object), GRAVITY) & lines["pressure"].isna().to_numpy(bool)
    free &= lineal(lines.geometry.to_numpy()) & ~np.isnan(levels).any(axis=0)
    return np.where(free, levels, np.nan)


def depth_told(start: float, end: float, ground: float) -> Text:
    """Say of a sewer that lies above a plot's lowest ground how they lie [m]."""
    high, low = max(start, end), min(start, end)
    return Text(
        f"its invert is {low:.2f} to {high:.2f} m, the lowest ground {ground:.2f} m: by a pump only, and nobody recorded one",
        f"管底标高{low:.2f}至{high:.2f}米,地块最低点{ground:.2f}米:只能经泵提升,且无泵站记录",
    )


def fits(features: gpd.GeoDataFrame, ask: Ask) -> NDArray[np.int8]:
    """Tell which lines are of a size that serves plots (layers.service.FIT, UNFIT, UNRECORDED), shape (n,).

    Pipes by diameter, power lines by voltage, gas mains by pressure class; of heat and telecom any serves. A service line was laid for
    its plot, whatever its size.
    """
    kind, fit = features["kind"].to_numpy(object), np.full(len(features), FIT, np.int8)
    for name, size in SIZES.items():
        of = kind == name
        low, high = size.limits(ask)
        values = features[size.column].to_numpy(float)[of]
        fit[of] = np.select([np.isnan(values), (values < low) | (values > high)], [UNRECORDED, UNFIT], FIT)
    of = kind == "gas"
    at, named = pd.factorize(features["pressure"].to_numpy(object)[of])
    known = _pressures(ask)
    fit[of] = np.array([*(known.get(name.strip().casefold(), UNRECORDED) for name in named), UNRECORDED], np.int8)[at]
    fit[np.isin(features["role"].to_numpy(object), ("source", "service"))] = FIT
    return fit


def _pressures(ask: Ask) -> dict[str, int]:
    """Tell of the names of pressure classes whether a gas main of that class serves plots."""
    named = ask.standards["utilities.gas_pressure"]
    return {**dict.fromkeys(named["serves"], FIT), **dict.fromkeys(named["other"], UNFIT)}


def size_told(line: Mapping[str, Any], ask: Ask) -> Text:
    """Say of a line that is not FIT what its size is, and what would serve."""
    size = SIZES.get(str(line["kind"]), PRESSURE)
    field, (low, high) = LAYER.field(size.column), size.limits(ask)
    unit = f" {field.unit}" if field.unit else ""
    if size is PRESSURE:
        asked = Text("medium pressure serves", "须为中压")
    elif high < np.inf:
        asked = Text(f"{low:g} to {high:g}{unit} serve", f"须为{low:g}至{high:g}{unit}")
    else:
        asked = Text(f"at least {low:g}{unit} serve", f"须不小于{low:g}{unit}")
    value, name = line[size.column], field.title
    if pd.isna(value):
        return Text(f"its {name.en.lower()} is not recorded; {asked.en}", f"{name.zh}未记录,{asked.zh}")
    told = value if isinstance(value, str) else f"{value:g}{unit}"
    return Text(f"its {name.en.lower()} is {told}; {asked.en}", f"{name.zh}为{told},{asked.zh}")


def _load(plots: gpd.GeoDataFrame) -> Load:
    """Collect the loads of plots by network."""
    told, blank = arrays_of(plots), np.full(len(plots), np.nan)
    low, high = (
        np.stack([np.asarray(told.get(f"load_{kind}_{end}", blank), float) for kind in KINDS], axis=1) for end in ("low", "high")
    )
    return Load(low, high, np.asarray(told.get("load_committed", np.zeros(len(plots), bool)), bool))


LAYER = Layer(
    name="utilities",
    title=Text("Utilities", "市政管线"),
    geometry="any",
    question=Text("Which networks can serve this land, and from which day?", "哪些管网可供这块地,从哪天起?"),
    fields=(
        Field("kind", "text", Text("Kind", "类型"), codes=KINDS, required=True),
        Field("role", "text", Text("Role", "角色"), codes=ROLES),
        Field("name", "text", Text("Name", "名称")),
        Field("dn", "real", Text("Nominal diameter", "公称直径"), unit="mm"),
        Field("voltage", "real", Text("Voltage", "电压"), unit="kV"),
        Field("pressure", "text", Text("Pressure class", "压力级别")),
        Field("material", "text", Text("Material", "材质")),
        Field("capacity", "real", Text("Capacity", "容量"), meaning="in `capacity_unit`"),
        Field("committed", "real", Text("Committed load", "已承诺负荷"), meaning="in `capacity_unit`"),
        Field("capacity_unit", "text", Text("Unit of capacity", "容量单位"), meaning="a unit of utilities.capacity_units"),
        Field("serves", "text", Text("Connects", "接入对象"), meaning="the plot or site that a service line is laid for"),
        Field("invert_start", "real", Text("Invert at the start", "起点管底标高"), unit="m", signed=True),
        Field("invert_end", "real", Text("Invert at the end", "终点管底标高"), unit="m", signed=True),
        Field("owner", "text", Text("Operator", "权属单位")),
        *SERVICE_LIFE,
        Field("relocated_on", "date", Text("Relocated on", "迁改日期"), meaning="first day without the line on this course"),
    ),
    kind="kind",
    answers=tuple(a for kind, code in KINDS.items() for a in answers(kind, code.name, kind, "utilities.max_connect", True)),
    assess=assess,
    colour="#0072B2",
)
