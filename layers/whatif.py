"""What slips when a line comes on another day: the plots whose readiness would change, and nothing is stored."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.around import NETWORKS, Traces, asked_of, land_around
from layers.assessment import Networks, NotFoundError
from layers.base import Ask, Survey
from layers.catalogue import LAYERS
from layers.errors import Refusal
from layers.plan.capacity import spare
from layers.plan.readiness import readiness
from layers.refresh import SERVES, Boxes, served_by
from layers.store.base import Compare, Store

MOST = 5_000
"""So many plots may a line concern in one question: some seconds of work."""
TOLD = ("ready_state", "ready_from", "deciding")


class Slip(NamedTuple):
    """Plots whose readiness changes, by number: their area [m2] and each column of TOLD before and after (`new_...`); lines traced anew."""

    plots: pd.DataFrame
    lines: tuple[str, ...]
    concerned: int


def whatif(store: Store, layer: str, id: str, day: date | None, ask: Ask, networks: Networks) -> Slip:
    """Tell what would be serviced on another day if a road or line came into service on `day`; None: if nobody knew when it comes.

    Only the networks are traced anew; plots are asked about that lie around lines which would serve another way. NotFoundError
    where there is no such line, Refusal where more than MOST plots are concerned.
    """
    if layer not in NETWORKS:
        raise Refusal(f"{layer} has no day of service; ask about roads or utilities", f"{layer} 没有投用日期,请选择道路或管线")
    with store.snapshot():
        old = networks.trace(store, ask)
        new = {**old, layer: _moved(store, layer, id, day, ask, old[layer])}
        columns = [c for c in SERVES if c in new[layer]]
        before, after = old[layer][columns].reindex(new[layer].index), new[layer][columns]
        differs = _differ(before, after)
        lines = tuple(map(str, new[layer].index[differs]))
        plots = _plots(store, served_by(layer, store.read(layer, ids=list(lines)), ask))
        if not len(plots):
            return Slip(pd.DataFrame(columns=["area", *TOLD, *(f"new_{c}" for c in TOLD)]), lines, 0)
        was, will = (_ready(store, plots, traces, ask) for traces in (old, new))
    changed = _differ(was, will)
    both = pd.concat([pd.Series(plots.area.to_numpy(), was.index, name="area"), was, will.add_prefix("new_")], axis=1)
    return Slip(both.iloc[changed], lines, len(plots))


def _moved(store: Store, layer: str, id: str, day: date | None, ask: Ask, old: pd.DataFrame) -> pd.DataFrame:
    """Trace a network as if one of its lines came into service on a day; of utilities the line's own kind."""
    asked = store.read(layer, ids=[id], columns=asked_of(layer))
    if not len(asked):
        raise NotFoundError(f"{layer} has no feature {id}; correct the number", f"{layer} 中没有编号 {id},请更正")
    alike = [Compare("kind", "=", asked["kind"].iloc[0])] if layer == "utilities" else []
    features = store.read(layer, columns=asked_of(layer), where=alike)
    features.loc[features["id"] == id, "in_service_from"] = np.datetime64(day or "NaT", "s")
    from layers.plan.networks import serving  # brings in scipy: see layers.tracing

    traced = serving(Survey(features, store.editions(layer)), ask)
    if layer == "utilities":
        traced = spare(features, traced, ask)
    traced = traced.set_axis(pd.Index(features["id"], name="id"))
    return pd.concat([old[~old.index.isin(traced.index)], traced])


def _differ(a: pd.DataFrame, b: pd.DataFrame) -> NDArray[np.intp]:
    """Find the rows in which frames of the same shape differ; what is missing in both is alike."""
    return np.flatnonzero(((a != b) & ~(a.isna() & b.isna())).to_numpy(bool).max(axis=1))


def _plots(store: Store, boxes: Boxes) -> gpd.GeoDataFrame:
    """Read the plots whose envelopes meet any of the boxes."""
    ids: set[str] = set()
    for box in np.unique(boxes, axis=0).tolist():
        ids.update(store.read("parcels", box=tuple(box), columns=["id"])["id"])
        if len(ids) > MOST:
            raise Refusal(
                f"the line concerns more than {MOST} plots; change its date and run shudi assess",
                f"该管线涉及超过 {MOST} 宗地;请更改其日期后运行 shudi assess",
            )
    return store.read("parcels", ids=sorted(ids))


def _ready(store: Store, plots: gpd.GeoDataFrame, traces: Traces, ask: Ask) -> pd.DataFrame:
    """Find the readiness of plots, by number."""
    land = land_around(
        store,
        tuple(plots.total_bounds.tolist()),
        traces,
        layers=[n for n in LAYERS if n in (*NETWORKS, "parcels", "sites", "terrain")],
    )
    return readiness(plots, land, ask)[list(TOLD)].set_axis(pd.Index(plots["id"], name="id"))
