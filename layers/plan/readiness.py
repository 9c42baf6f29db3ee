"""Whether and from which day plots are serviced, which item is missing and which one decides the day."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers import roads, utilities
from layers.base import Ask, Land, Text, ask_layer, codes, surveyed
from layers.plan.access import Ways, road_facts
from layers.plan.capacity import demand
from layers.plan.supply import survey_of
from layers.service import NEVER, SERVING

SERVICES: dict[str, Text] = {"road": Text("road", "道路"), **{kind: code.name for kind, code in utilities.KINDS.items()}}
LAYERS = (roads.LAYER, utilities.LAYER)
STATES = codes(
    ("ready", "serviced", "已具备", "#0072B2"),
    ("dated", "pending, with a date", "待配套(有日期)", "#E69F00"),
    ("undated", "pending, no date", "待配套(无日期)", "#D55E00"),
    ("never", "not planned", "未规划", "#882255"),
    ("unknown", "unknown", "未知", "#BBBBBB"),
)


UNKNOWN_READINESS = "C15:readiness"
"""The reason of a verdict that is unknown only because the readiness is."""


def required(ask: Ask, level: int | None = None) -> list[str]:
    """List the services that a level asks for (3, 5 or 7; None: the standard's own)."""
    return list(ask.standards[f"readiness.services_{level or ask.standards['readiness.required']}"])


def readiness(plots: gpd.GeoDataFrame, land: Land, ask: Ask, level: int | None = None, ways: Ways | None = None) -> pd.DataFrame:
    """Tell for each plot the state of every service and when the required ones are all there.

    Columns: the answers of roads and utilities on `ways` that cross nobody else's plot, layers.plan.access.FIELDS (a state is "unknown" where nobody surveyed), and

    - `ready_state`: ready (all serve on the day), dated (from `ready_from`), undated (planned without a date), never (one
      is missing and not planned) or unknown. One that never comes outweighs one that is unknown.
    - `ready_from`: the day from which all required services are there; NaT unless ready or dated.
    - `deciding`: the service that comes last or is missing; `missing`: the services that do not serve on the day.

    A service of which a line is there but surely cannot take the plot's load (state "short") is missing like one that is not
    planned; whether the others' capacity is enough stands in their `_capacity`, for what nobody recorded decides no state. The
    loads are those that `plots` bring (`layers.plan.capacity.demand`), else those of stored parcels.
    """
    asking = plots if "load_committed" in plots else demand(plots, land, ask)
    ways = ways or Ways(plots, land, ask)
    assess = (partial(roads.assess, way=ways.roads), partial(utilities.assess, way=ways.utilities))
    asked = [replace(layer, assess=question) for layer, question in zip(LAYERS, assess, strict=True)]
    answers = [ask_layer(layer, asking, survey_of(land, layer, plots.crs), ask) for layer in asked]
    sure = surveyed(plots, survey_of(land, roads.LAYER, plots.crs).coverage(), ask.standards["roads.max_access"])
    answers.append(road_facts(answers[0], land, ways, sure))
    found = {name: column.array for answer in answers for name, column in answer.items()}
    for name in (*(f"{s}_state" for s in SERVICES), *(f"{s}_capacity" for s in utilities.KINDS)):
        if (unknown := found[name].isna()).any():
            found[name] = pd.array(np.where(unknown, "unknown", found[name].to_numpy(object)), "str")
    told = pd.DataFrame(found, index=plots.index, copy=False)
    return pd.concat([told, combine(told, required(ask, level))], axis=1)


def combine(found: pd.DataFrame, needs: list[str]) -> pd.DataFrame:
    """Combine the states and days of the services `needs` into the four last columns of `readiness`."""
    state = found[[f"{s}_state" for s in needs]].to_numpy(object)
    begins = np.stack([found[f"{s}_from"].to_numpy("datetime64[s]") for s in needs], axis=1)
    serving = np.isin(state, SERVING)
    wait = np.select([serving, np.isin(state, ("none", "short")), state == "unknown", np.isnat(begins)], [0, 4, 3, 2], 1)
    worst = wait.max(axis=1)
    day = np.where(np.isnat(begins), NEVER, begins).astype(np.int64)
    last = np.where(wait == worst[:, None], day, np.iinfo(np.int64).min)
    deciding = last.argmax(axis=1)
    return pd.DataFrame(
        {
            "ready_state": pd.array(np.array(["ready", "dated", "undated", "unknown", "never"], object)[worst], "str"),
            "ready_from": np.where(worst <= 1, last.max(axis=1).astype("datetime64[s]"), np.datetime64("NaT", "s")),
            "deciding": pd.array(np.array(needs, object)[deciding], "str"),
            "missing": pd.array(_listed(~serving, needs), "str"),
        },
        index=found.index,
    )


def _listed(mask: NDArray[np.bool_], names: list[str]) -> NDArray[np.object_]:
    """Write for each row of `mask` the names that are set, joined by commas."""
    bits = mask @ (1 << np.arange(len(names)))
    table = np.array([",".join(n for k, n in enumerate(names) if b >> k & 1) for b in range(1 << len(names))], object)
    return np.asarray(table[bits], object)
