"""How lines serve plots: the state on a day and the day from which, for many plots and kinds at once."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.proximity import within
from layers.base import Answer, Ask, Field, Text, codes

STATES = codes(
    ("connected", "connected", "已接入", "#0072B2"),
    ("available", "available", "可接入", "#56B4E9"),
    ("planned", "planned", "规划中", "#E69F00"),
    ("none", "none", "无", "#D55E00"),
)
SERVING = ("connected", "available")
EVER = np.datetime64("1900-01-01", "s")
NEVER = np.datetime64("9999-12-31", "s")
RANKED = np.array(["none", None, "planned", "planned", "available", "connected"], object)
NONE, UNKNOWN, UNDATED, DATED, AVAILABLE, CONNECTED = range(6)


class Life(NamedTuple):
    """When lines serve: first day (NaT: nobody can say), first day without, and whether it is unknown altogether; shape (n,)."""

    begins: NDArray[np.datetime64]
    ends: NDArray[np.datetime64]
    unknown: NDArray[np.bool_]


def life(lines: gpd.GeoDataFrame, ask: Ask) -> Life:
    """Find when each line serves: as traced through its network where `lines` tell (layers.plan.networks), else by its record.

    A line that is cut off from every source never serves.
    """
    if "reach_state" not in lines:
        return by_record(lines, ask)
    state = lines["reach_state"]
    begins = lines["serves_from"].to_numpy("datetime64[s]").copy()
    ends = lines["serves_until"].fillna(NEVER).to_numpy("datetime64[s]").copy()
    ends[state.isin(("retired", "cut_off")).to_numpy(bool)] = EVER
    # a line that was never traced, such as one brought in since, is unknown
    return Life(begins, ends, (state.isna() | (state == "unknown")).to_numpy(bool))


def by_record(lines: gpd.GeoDataFrame, ask: Ask) -> Life:
    """Find the first day on which each line is in service by its own record, and the first on which it no longer is.

    A line in service without a date serves since ever. A planned line without a date, or whose date had passed unfulfilled
    when the land was known, gives NaT: nobody can say. Without status and date it is unknown, with NaT too.
    """
    status = lines["status"]
    begins = lines["in_service_from"].to_numpy("datetime64[s]").copy()
    ends = lines["retired_on"].fillna(NEVER).to_numpy("datetime64[s]").copy()
    begins[(status == "in_service").to_numpy(bool) & np.isnat(begins)] = EVER
    overdue = status.isin(("planned", "under_construction")).to_numpy(bool) & (begins <= np.datetime64(ask.known, "s"))
    begins[overdue] = np.datetime64("NaT", "s")
    ends[(status == "retired").to_numpy(bool) & lines["retired_on"].isna().to_numpy(bool)] = EVER
    return Life(begins, ends, status.isna().to_numpy(bool) & np.isnat(begins))


def serve(
    plots: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    group: NDArray[np.int64],
    groups: list[str],
    reach: float,
    ask: Ask,
    margin: NDArray[np.float64] | None = None,
) -> pd.DataFrame:
    """Tell for each plot and group of lines the best service within `reach` [m].

    `group` numbers the lines' groups by the names `groups`; `margin` [m] is the half width by which a line is nearer than
    its axis. For each group four columns: `_state` (NA where a line is near of which nobody recorded
    a state), `_from` (first day of service; NaT where nobody can say or none),
    `_line` (the id) and `_distance` [m]. Best is the highest state, then the earliest day, then the nearest line.
    """
    begins, ends, unrecorded = life(lines, ask)
    slack = np.zeros(len(lines)) if margin is None else margin
    i, j, distance = within(plots.geometry.to_numpy(), lines.geometry.to_numpy(), reach + slack.max(initial=0.0))
    distance = np.maximum(distance - slack[j], 0.0)
    near = distance <= reach
    i, j, distance = i[near], j[near], distance[near]
    on = np.datetime64(ask.on, "s")
    undated = np.isnat(begins)
    dead = (ends <= on) | (ends <= begins)
    touching = (lines["role"] == "service").to_numpy(bool) if "role" in lines else np.zeros(len(lines), bool)
    rank = np.select([dead, unrecorded, undated, begins > on], [NONE, UNKNOWN, UNDATED, DATED], AVAILABLE)[j]
    rank[(rank == AVAILABLE) & touching[j] & (distance == 0)] = CONNECTED
    cell = i * len(groups) + group[j]
    order = np.lexsort((j, distance, begins[j], -rank, cell))
    first = order[np.r_[True, np.diff(cell[order]) != 0]] if len(order) else order
    answer: dict[str, object] = {}
    ids = lines["id"].to_numpy(object)
    for g, name in enumerate(groups):
        best = first[group[j[first]] == g]
        at, line = i[best], j[best]
        state = np.full(len(plots), "none", object)
        state[at] = RANKED[rank[best]]
        since = np.full(len(plots), np.datetime64("NaT", "s"))
        since[at] = np.where(rank[best] >= DATED, begins[line], np.datetime64("NaT", "s"))
        who = np.full(len(plots), None, object)
        who[at] = ids[line]
        how_far = np.full(len(plots), np.nan)
        how_far[at] = distance[best]
        answer |= {
            f"{name}_state": pd.array(state, "str"),
            f"{name}_from": since,
            f"{name}_line": pd.array(who, "str"),
            f"{name}_distance": how_far,
        }
    return pd.DataFrame(answer, index=plots.index)


def answers(group: str, title: Text, kind: str | None, reach: str) -> tuple[Answer, ...]:
    """Declare the four columns that `serve` gives for a group."""
    rows = (
        Field(f"{group}_state", "text", title, codes=STATES),
        Field(f"{group}_from", "date", Text(f"{title.en} from", f"{title.zh}投用日期")),
        Field(f"{group}_line", "text", Text(f"{title.en} line", f"{title.zh}管线")),
        Field(f"{group}_distance", "real", Text(f"Distance to {title.en}", f"距{title.zh}距离"), unit="m"),
    )
    return tuple(Answer(row, kind, reach, f"{group}_state", SERVING) for row in rows)
