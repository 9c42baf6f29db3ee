"""Divisions of the land: a hierarchy without holes, and what lies in one of them, in areas that add up (domain.md F42, F45)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from layers.assessment import stored
from layers.errors import Refusal
from layers.inputs import stale
from layers.project_land import SHARED, grounds
from layers.standards import Standards
from layers.store.base import Edit, Store


class LostDivisionError(Refusal):
    """A division belongs to one that there is not, or to itself."""


class Division(NamedTuple):
    """One division and what lies in it; areas in m2.

    `chain`: the numbers and names of those that it belongs to, the next first. `parts`: those that belong to it. `land`: the plots in it, by
    `verdict` and `ready_state` of the findings: columns verdict, ready_state, plots, area; a plot that it cuts counts with what lies
    inside. `beside`: what is in no plot, below 0 where plots overlap; it makes the sum of `land` the whole. `stale`: findings were
    made before something changed, so that all land is told as unknown.
    """

    id: str
    name: str
    kind: str
    chain: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, str], ...]
    area: float
    land: pd.DataFrame
    beside: float
    stale: bool
    resettlements: tuple[str, ...]
    projects: tuple[str, ...]


def hold_divisions(store: Store, edits: Sequence[Edit]) -> None:
    """Pass edits after which each division belongs to one that there is, and none to itself; LostDivisionError names it."""
    mine = next((e for e in edits if e.layer == "divisions"), None)
    if mine is None:
        return
    kept = store.read("divisions", columns=["id", "parent"])
    parent = {i: p for i, p in zip(kept["id"], kept["parent"], strict=True) if i not in set(mine.delete)}
    if mine.put is not None:
        parent |= dict(zip(mine.put["id"], mine.put["parent"], strict=True))
    for id, above in parent.items():
        if not pd.isna(above) and above not in parent:
            raise LostDivisionError(
                f"divisions {id} belongs to {above}, which there is not; create {above} first, or give {id} another parent",
                f"divisions {id} 的上级 {above} 不存在,请先建立 {above} 或更正 {id} 的上级",
            )
        way = [id]
        while not pd.isna(above := parent.get(way[-1])):
            way.append(above)
            if above in way[:-1]:
                said = " → ".join(way[way.index(above) :])
                raise LostDivisionError(
                    f"divisions {above} would belong to itself: {said}; correct one of these parents",
                    f"divisions {above} 将隶属于自身:{said},请更正其中一个上级",
                )


def division(store: Store, standards: Standards, id: str, as_of: datetime | None = None) -> Division:
    """Tell one division; NotFoundError where there is none. Time and memory grow with the plots in it.

    Of what was known once the findings are those of now, and unknown where anything changed since.
    """
    with store.snapshot():
        own = stored(store, "divisions", id, as_of)
        every = store.read("divisions", columns=["id", "name", "parent"], as_of=as_of).set_index("id")
        west, south, east, north = own.geometry.bounds
        plots = store.read("parcels", (west, south, east, north), columns=["id"], as_of=as_of)
        found, inputs = store.findings(plots["id"].tolist(), ["verdict", "ready_state"])
        old = as_of is not None or bool(stale(store, inputs, standards))
        homes = store.read("resettlements", (west, south, east, north), columns=["id"], as_of=as_of)
        homes = homes[_shares(homes, own.geometry)]
        land = grounds(store, as_of)
        land = land[_shares(land, own.geometry)]
    shape = own.geometry
    shapely.prepare(shape)
    chain: list[str] = []
    above = every["parent"].get(id)
    while not pd.isna(above) and above in every.index and above not in chain:
        chain.append(above)
        above = every["parent"][above]
    below = every.index[(every["parent"] == id).to_numpy(bool, na_value=False)]
    shapes = plots.geometry.to_numpy()
    inside = shapely.covers(shape, shapes)
    area = shapely.area(shapes)
    area[~inside] = shapely.area(shapely.intersection(shapes[~inside], shape))
    told = found.reindex(plots["id"]).reset_index(drop=True).assign(area=area)
    told = told[told["area"] > SHARED].fillna({"verdict": "unknown", "ready_state": "unknown"})
    told = told.assign(verdict="unknown", ready_state="unknown") if old else told
    sums = told.groupby(["verdict", "ready_state"], as_index=False, sort=True).agg(plots=("area", "size"), area=("area", "sum"))
    return Division(
        id, own["name"], own["kind"], tuple((i, every["name"][i]) for i in chain), tuple((i, every["name"][i]) for i in below),
        float(shapely.area(shape)), sums, float(shapely.area(shape) - sums["area"].sum()), old,
        tuple(homes["id"]), tuple(sorted(set(land["project"]))),
    )  # fmt: skip


def _shares(features: gpd.GeoDataFrame, shape: BaseGeometry) -> NDArray[np.bool_]:
    """Tell which features share land with a shape; a common border is not shared."""
    return np.asarray(shapely.area(shapely.intersection(features.geometry.to_numpy(), shape)) > SHARED, bool)
