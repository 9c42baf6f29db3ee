"""Whether and from which day plots are serviced, which item is missing and which one decides the day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers import roads, terrain, utilities
from layers.base import Ask, Field, Land, Text, arrays_of, as_surveyed, ask_layer, codes, objects, surveyed, tabled, texts
from layers.plan.access import Ways, road_facts
from layers.plan.capacity import asked_loads, demand, use_of
from layers.plan.supply import survey_of
from layers.service import NEVER, SERVING
from layers.table import Table

SERVICES: dict[str, Text] = {"road": Text("road", "道路"), **{kind: code.name for kind, code in utilities.KINDS.items()}}
STATES = codes(
    ("ready", "serviced", "已具备", "#0072B2"),
    ("dated", "pending, with a date", "待配套(有日期)", "#E69F00"),
    ("undated", "pending, no date", "待配套(无日期)", "#D55E00"),
    ("never", "not planned", "未规划", "#882255"),
    ("unknown", "unknown", "未知", "#BBBBBB"),
)


LEVELS = (3, 5, 7)
SERVICED_LEVEL = Field(
    "serviced_level",
    "integer",
    Text("Level of services", "开发程度(通)"),
    meaning="of 3, 5 and 7: whose services all serve on the day; 0 for none",
)
UNKNOWN_READINESS = "C15:readiness"
"""The reason of a verdict that is unknown only because the readiness is."""


def required(ask: Ask, level: int | None = None) -> list[str]:
    """List the services that a level asks for (3, 5 or 7; None: the standard's own)."""
    return list(ask.standards[f"readiness.services_{level or ask.standards['readiness.required']}"])


def levels(plots: gpd.GeoDataFrame, ask: Ask, level: int | None = None) -> NDArray[np.int64]:
    """Find the level of services (3, 5 or 7) that each plot asks for: `level`, else its listing's, else its use's by the standards."""
    if level:
        return np.full(len(plots), level)
    at, pool = pd.factorize(use_of(plots, ask))
    table = {row["use"]: row["level"] for row in ask.standards["readiness.required_by_use"]}
    usual = ask.standards["readiness.required"]
    found = [next((table[code[:n]] for n in range(len(code), 1, -1) if code[:n] in table), usual) for code in pool]
    answer = np.array([*found, usual])[at]
    told = plots["required_level"].to_numpy(float, na_value=np.nan) if "required_level" in plots else np.full(len(plots), np.nan)
    return np.where(np.isin(told, LEVELS), told, answer).astype(np.int64)


def readiness(plots: gpd.GeoDataFrame, land: Land, ask: Ask, level: int | None = None, ways: Ways | None = None) -> pd.DataFrame:
    """Tell for each plot the state of every service and when the required ones are all there.

    Columns: the answers of roads and utilities on `ways` that cross nobody else's plot (a state is "unknown" where nobody surveyed),
    FIELDS of layers.plan.access and layers.plan.capacity, and

    - `ready_state`: ready (all serve on the day), dated (from `ready_from`), undated (planned without a date), never (one
      is missing and not planned) or unknown. One that never comes outweighs one that is unknown.
    - `ready_from`: the day from which all required services are there; NaT unless ready or dated.
    - `deciding`: the service that comes last or is missing; `missing`: the services that do not serve on the day.
    - `serviced_level`: the highest of the levels 3, 5 and 7 of which all services serve on the day; 0 for none.

    Required is what `level` says, else what each plot's listing or use asks for (`levels`).

    A service of which a line is there but surely cannot take the plot's load (state "short") is missing like one that is not
    planned; whether the others' capacity is enough stands in their `_capacity`, for what nobody recorded decides no state. The
    loads are those that `plots` bring (`layers.plan.capacity.demand`), else those of stored parcels; the lowest ground, by which
    sewers take its water, that which they bring (`grounded`), else the terrain's.
    """
    return tabled(ready_columns(plots, land, ask, level, ways), plots.index)


def ready_columns(
    plots: gpd.GeoDataFrame, land: Land, ask: Ask, level: int | None = None, ways: Ways | None = None
) -> dict[str, Any]:
    """Give the columns of `readiness` as arrays."""
    asking = grounded(plots if "load_committed" in plots else demand(plots, land, ask), land, ask)
    ways = ways or Ways(plots, land, ask)
    shapes, found = plots.geometry.to_numpy(), dict[str, Any]()
    for layer, tell, way in ((roads.LAYER, roads.access, ways.roads), (utilities.LAYER, utilities.supplied, ways.utilities)):
        survey = survey_of(land, layer, plots.crs)
        found |= as_surveyed(layer, shapes, survey, ask, tell(asking, survey.features, ask, way))
    sure = surveyed(shapes, survey_of(land, roads.LAYER, plots.crs).coverage(), ask.standards["roads.max_access"])
    found |= road_facts(found["road_line"], land, ways, sure) | asked_loads(asking)
    for name in (*(f"{s}_state" for s in SERVICES), *(f"{s}_capacity" for s in utilities.KINDS)):
        if (unknown := found[name].isna()).any():
            found[name] = texts(np.where(unknown, "unknown", objects(found[name])))
    wait, begins = _told(found)
    needs, level_ = levels(plots, ask, level), _serviced(wait, ask)
    asked_for = np.unique(needs).tolist() or [ask.standards["readiness.required"]]
    combined = _combined(wait, begins, required(ask, asked_for[0]))
    for n in asked_for[1:]:
        other, mine = _combined(wait, begins, required(ask, n)), needs == n
        combined = {name: np.where(mine, other[name], array) for name, array in combined.items()}
    return {**found, **_typed(combined), "serviced_level": level_}


def grounded(plots: gpd.GeoDataFrame, land: Land, ask: Ask) -> gpd.GeoDataFrame:
    """Add to plots their lowest ground, `elevation_min` [m], where they do not bring it; NaN unknown."""
    if "elevation_min" in plots:
        return plots
    survey = survey_of(land, terrain.LAYER, plots.crs)
    known = ask_layer(terrain.LAYER, plots, survey, ask)["elevation_min"].to_numpy() if len(survey.features) else np.nan
    return cast("gpd.GeoDataFrame", Table.of(plots).also({"elevation_min": np.broadcast_to(known, len(plots))}))


def combine(found: pd.DataFrame, needs: list[str]) -> pd.DataFrame:
    """Combine the states and days of the services `needs` into the four last columns of `readiness`."""
    return tabled(_typed(_combined(*_told(arrays_of(found)), needs)), found.index)


def _told(found: Mapping[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    """Rank how long plots wait for SERVICES (0 not at all, 1 for what is planned, 3 unknown, 4 for ever), and tell their first days.

    Shape (n, services) each.
    """
    ranks = {**dict.fromkeys(SERVING, 0), "unknown": 3, "none": 4, "short": 4}
    at, known = pd.factorize(np.concatenate([objects(found[f"{s}_state"]) for s in SERVICES]))
    wait = np.array([*(ranks.get(state, 1) for state in known), 1])[at].reshape(len(SERVICES), -1).T
    return wait, np.stack([np.asarray(found[f"{s}_from"], "datetime64[s]") for s in SERVICES], axis=1)


def _serviced(wait: NDArray[np.int64], ask: Ask) -> NDArray[np.int64]:
    """Find the highest level of which all services serve on the day; 0 for none."""
    level = np.zeros(len(wait), np.int64)
    for n in LEVELS:
        level[(wait[:, _columns(required(ask, n))] == 0).all(axis=1)] = n
    return level


def _columns(services: list[str]) -> list[int]:
    """Number services among SERVICES."""
    return [list(SERVICES).index(s) for s in services]


def _combined(wait: NDArray[np.int64], begins: NDArray[np.datetime64], needs: list[str]) -> dict[str, Any]:
    """Combine the waits for the services `needs` and their days: the arrays of the four last columns of `readiness`."""
    wait, begins = wait[:, _columns(needs)], begins[:, _columns(needs)]
    serving, wait = wait == 0, np.where((wait == 1) & np.isnat(begins), 2, wait)
    worst = wait.max(axis=1)
    day = np.where(np.isnat(begins), NEVER, begins).astype(np.int64)
    last = np.where(wait == worst[:, None], day, np.iinfo(np.int64).min)
    return {
        "ready_state": np.array(["ready", "dated", "undated", "unknown", "never"], object)[worst],
        "ready_from": np.where(worst <= 1, last.max(axis=1).astype("datetime64[s]"), np.datetime64("NaT", "s")),
        "deciding": np.array(needs, object)[last.argmax(axis=1)],
        "missing": _listed(~serving, needs),
    }


def _typed(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Make texts of objects."""
    return {name: texts(array) if array.dtype == object else array for name, array in arrays.items()}


def _listed(mask: NDArray[np.bool_], names: list[str]) -> NDArray[np.object_]:
    """Write for each row of `mask` the names that are set, joined by commas."""
    bits = mask @ (1 << np.arange(len(names)))
    table = np.array([",".join(n for k, n in enumerate(names) if b >> k & 1) for b in range(1 << len(names))], object)
    return np.asarray(table[bits], object)
