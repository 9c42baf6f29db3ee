"""Findings kept fresh: after edits only what they can change is assessed again.

A finding rests on the plot, on the land within the reach of its layers and on what the networks' lines serve. So an edit
concerns the plots within reach of either outline of what it changed, and those within reach of every line that serves another
way since. Each finding is what a full assessment would give, to the last bit: see docs/decisions/014.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from layers import contested
from layers.around import MARGIN, NETWORKS, Traces, land_around
from layers.assessment import Networks, findings
from layers.base import Ask, Land, texts
from layers.catalogue import LAND
from layers.inputs import ENGINE, land_versions, stale
from layers.plan.access import farthest
from layers.plan.asked import CONTESTED
from layers.plan.readiness import UNKNOWN_READINESS
from layers.standards import Standards
from layers.store.base import Box, ConflictError, Inputs, Store
from layers.table import Table

MOST_CHANGES = 500
"""From so many changed features or lines on a full assessment in processes is as fast."""
MOST_PLOTS = 20_000
"""The same of plots that they concern."""
FEW = 50
"""So few plots whose readiness alone may differ are assessed wholly with the others: one question costs less than two."""
CELL = 2000.0
"""Plots that lie in one square of this side [m] are assessed together."""
TRIES = 5
"""How often a refresh begins anew because another one was faster."""
SERVES = ("serves_from", "serves_until", "reach_state", "spare_sure", "spare_most")
"""What the answers about plots take from the trace of a line."""
ASKED_AGAIN = ("roads", "utilities", "parcels", "sites")
"""Layers on which the readiness rests."""

Boxes = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Which plots were assessed again and which were dropped, by id; `boxes` bound them, old and new, shape (k, 4)."""

    plots: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()


class _Edited(NamedTuple):
    """The features of a layer that edits changed, as they were and as they are."""

    before: gpd.GeoDataFrame
    after: gpd.GeoDataFrame

    def boxes(self, reach: Callable[[str, gpd.GeoDataFrame, Ask], Boxes], layer: str, ask: Ask) -> Boxes:
        """Bound each, old and new, with its reach around it."""
        return np.concatenate([reach(layer, features, ask) for features in self])


class _Planned(NamedTuple):
    """What edits concern: plots to assess wholly, plots whose readiness alone may differ, plots that are gone."""

    whole: set[str]
    ready: set[str]
    gone: set[str]
    boxes: Boxes


def judged_by(layer: str, features: gpd.GeoDataFrame, ask: Ask) -> Boxes:
    """Bound the land of which features of a layer can decide the verdict, shape (k, 4)."""
    features = features.iloc[:0] if layer == "utilities" else features
    reach = np.full(len(features), MARGIN["corridors"] if layer == "corridors" else 0.0)
    if layer == "roads":
        reach += np.fmax(features["red_line_width"].to_numpy(float), ask.standards["roads.widest_red_line"]) / 2
    return _wider(features, reach)


def served_by(layer: str, features: gpd.GeoDataFrame | Table, ask: Ask) -> Boxes:
    """Bound the land whose services features of a layer can decide, shape (k, 4): as lines or as plots in the way."""
    features = features if layer in (*NETWORKS, "parcels") else features.iloc[:0]
    reach = np.full(len(features), farthest(ask))
    if layer == "roads":
        reach += np.fmax(features["red_line_width"].to_numpy(float) - ask.standards["roads.widest_red_line"], 0.0) / 2
    return _wider(features, reach)


def _wider(features: gpd.GeoDataFrame | Table, reach: NDArray[np.float64]) -> Boxes:
    """Bound features with some reach around them [m]; those without a place are left out."""
    bounds = shapely.bounds(features.geometry.to_numpy()) + reach[:, None] * np.array([-1, -1, 1, 1])
    return np.asarray(bounds[~np.isnan(bounds[:, 0])], np.float64)


def refresh(store: Store, standards: Standards, networks: Networks | None = None, ask: Ask | None = None) -> Refreshed | None:
    """Assess again what edits since the stored findings can have changed, and store it with the versions that it rests on.

    None where that takes a full assessment: nothing was assessed yet, the standards or the engine are others, a delivery came,
    or the edits concern too much (MOST_CHANGES, MOST_PLOTS). The question stays that of the stored findings, its day too; where
    `ask` is another one, that takes a full assessment as well.
    `networks` remembers what was traced before. Time and memory grow with what the edits concern, and with the lines where the
    networks were not traced before. Who shares `networks` waits for his turn, and finds what others made fresh meanwhile; another
    process that is faster TRIES times is left to it: the second to be began after this, with all that this would have found.
    """
    networks = networks or Networks()
    with networks.turn:
        for _ in range(TRIES):
            with store.snapshot():
                inputs, now = store.findings([], [])[1], land_versions(store)
                asked = _answerable(inputs, standards, ask)
                planned = _plan(store, asked, inputs["layers"], networks) if asked else None
                if asked is None or planned is None:
                    return None
                if now == inputs["layers"]:
                    return Refreshed()
                found, gone, after = _found(store, asked, planned, networks), sorted(planned.gone), {**inputs, "layers": now}
                traced = networks.network(store, "utilities", asked, store.versions()["utilities"])
                told = contested.marked(store, found, gone, inputs, traced, networks.sums)
                if len(told.others) > MOST_PLOTS:
                    return None
                boxes = np.concatenate([planned.boxes, contested.bounds(store, told.others.index.tolist())])
            found = _joined(told.found, told.others)
            try:
                contested.carry(store, told, inputs, after)
                store.update_findings(found, gone, after, inputs)
                networks.sums.note(after, told.asked)
                return Refreshed(tuple(found.index), tuple(gone), tuple(map(tuple, boxes.tolist())))
            except ConflictError:
                continue
    return Refreshed()


def _joined(found: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Put the findings made anew and those that are stored already, but for their marks, together."""
    if not len(found) or not len(others):
        return found if len(found) else others
    return pd.concat([found, others[found.columns].astype(found.dtypes)])


def _answerable(inputs: Inputs, standards: Standards, ask: Ask | None) -> Ask | None:
    """Tell the question that stored findings answer; None where it is not `ask`, or the rules for the answer are others now."""
    if not inputs or inputs["engine"] != ENGINE or inputs["standards"] != standards.digest:
        return None
    on = date.fromisoformat(inputs["on"])
    asked = Ask(on, standards.on(on), date.fromisoformat(inputs["known"]))
    return asked if ask is None or (ask.on, ask.known, ask.use) == (asked.on, asked.known, asked.use) else None


def standing(store: Store, plots: gpd.GeoDataFrame | Table, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read the findings of plots, a frame with `id`, that surely still hold; those that edits since may have changed are left out.

    Where plots or sites were edited nobody knows who competes until the next refresh: CONTESTED is missing.
    Where a network was edited, a delivery came, or the standards or the engine are others, none surely holds until the next
    refresh or assessment. Call it in the snapshot in which the plots were read.
    """
    found, inputs = store.findings(np.asarray(plots["id"], object).tolist(), columns)
    if not inputs:
        return found
    asked = _answerable(inputs, Standards.load(), None)
    edited = _edits(store, inputs["layers"]) if asked else None
    if asked is None or edited is None or set(edited) & set(NETWORKS):
        return found.iloc[:0]
    if not edited:
        return found
    boxes = np.concatenate(
        [np.zeros((0, 4)), *(e.boxes(reach, name, asked) for name, e in edited.items() for reach in (judged_by, served_by))]
    )
    tree = shapely.STRtree(plots.geometry.to_numpy())
    doubtful = np.asarray(plots["id"], object)[np.unique(tree.query(shapely.box(*boxes.T))[1])]
    found = found[~found.index.isin(doubtful)]
    if CONTESTED.name in found and set(edited) & {"parcels", "sites"}:
        found = found.assign(**{CONTESTED.name: texts(np.full(len(found), None, object))})
    return found


def hold(store: Store, layers: Sequence[str] | None = None) -> bool:
    """Tell whether the stored findings hold as they are; with `layers`, whether those layers are as they were when these were made."""
    inputs = store.findings([], [])[1]
    if layers is None:
        return not stale(store, inputs, Standards.load())
    now = store.versions()
    return bool(inputs) and all(inputs["layers"].get(name) == now[name] for name in layers)


def concerned(store: Store, standards: Standards, inputs: Inputs, networks: Networks) -> Boxes | None:
    """Bound the land whose findings may differ from those that were made from `inputs`, shape (k, 4); None where that is anywhere."""
    asked = _answerable(inputs, standards, None)
    planned = _plan(store, asked, inputs["layers"], networks) if asked else None
    marks = None if planned is None else contested.moved(store, inputs)
    return None if planned is None or marks is None else np.concatenate([planned.boxes, marks])


def differing(store: Store, standards: Standards, inputs: Inputs, networks: Networks) -> tuple[list[str], list[str]] | None:
    """Name the plots of which the stored findings, or the plots themselves, may differ from those of `inputs`, and those that are gone.

    None where that may be any: another day, other rules, a delivery, or much edited. Call it in the snapshot in which they are read.
    """
    now, asked = store.findings([], [])[1], _answerable(inputs, standards, None)
    if asked is None or {**inputs, "layers": None} != {**now, "layers": None}:
        return None
    planned = _plan(store, asked, inputs["layers"], networks)
    return None if planned is None else (sorted(planned.whole | planned.ready), sorted(planned.gone))


def _edits(store: Store, then: Mapping[str, int]) -> dict[str, _Edited] | None:
    """Find what edits since some versions changed, by layer; None where that is much, or more than edits."""
    edited = {}
    for name, version in land_versions(store).items():
        since = then.get(name, 0)
        if version == since:
            continue
        ids = store.changed(name, since)
        if name == "terrain" or len(ids) > MOST_CHANGES or store.editions(name, since) != store.editions(name):
            return None
        edited[name] = _Edited(store.read(name, ids=ids, as_of=since), store.read(name, ids=ids))
    return edited


def _plan(store: Store, ask: Ask, then: Mapping[str, int], networks: Networks) -> _Planned | None:
    """Find what the edits since some versions concern; None where that is too much, or more than edits."""
    edited = _edits(store, then)
    if edited is None:
        return None
    lines = [_differing(store, name, ask, then, networks) for name in NETWORKS if name in edited]
    if any(len(boxes) > MOST_CHANGES for boxes in lines):
        return None
    everything = [e.boxes(judged_by, name, ask) for name, e in edited.items()]
    readiness = [*lines, *(e.boxes(served_by, name, ask) for name, e in edited.items())]
    whole = _plots(store, everything)
    own = edited.get("parcels")
    gone = set() if own is None else set(own.before["id"]) | set(own.after["id"])
    present = set() if own is None else set(own.after["id"][~(own.after.geometry.isna() | own.after.geometry.is_empty)])
    ready = _plots(store, readiness) - whole
    if len(whole) + len(ready) > MOST_PLOTS:
        return None
    boxes = np.concatenate([np.zeros((0, 4)), *everything, *readiness])
    return _Planned(whole | present, ready - present, gone - present, boxes)


def _plots(store: Store, boxes: Sequence[Boxes]) -> set[str]:
    """Name the plots whose envelopes meet any of the boxes."""
    found: set[str] = set()
    for box in np.unique(np.concatenate([np.zeros((0, 4)), *boxes]), axis=0).tolist():
        found.update(store.read("parcels", box=tuple(box), columns=["id"])["id"])
    return found


def _differing(store: Store, name: str, ask: Ask, then: Mapping[str, int], networks: Networks) -> Boxes:
    """Bound the lines of a network that serve another way since some versions, with their reach around them."""
    found = [served_by(name, lines, ask) for lines in networks.differing(store, name, ask, then[name], SERVES)]
    return np.concatenate([np.zeros((0, 4)), *found])


def _found(store: Store, ask: Ask, planned: _Planned, networks: Networks) -> pd.DataFrame:
    """Assess the plots concerned; those of which the readiness alone may differ keep the rest of their findings."""
    if not planned.whole and not planned.ready:
        return pd.DataFrame()
    traces = networks.trace(store, ask)
    kept = pd.DataFrame(index=pd.Index([], dtype="str"))
    if planned.ready and not (planned.whole and len(planned.ready) <= FEW):
        kept = store.findings(sorted(planned.ready))[0]
        kept = kept[(kept["reason"] != UNKNOWN_READINESS).to_numpy(bool)]
    whole = planned.whole | (planned.ready - set(kept.index))
    found = [findings(plots, _around(store, plots, traces), ask) for plots in _together(store, sorted(whole))]
    found += [
        findings(plots, _around(store, plots, traces, ASKED_AGAIN), ask, kept) for plots in _together(store, kept.index.tolist())
    ]
    return pd.concat(found) if len(found) > 1 else found[0]


def _around(store: Store, plots: gpd.GeoDataFrame, traces: Traces, layers: Sequence[str] = tuple(LAND)) -> Land:
    """Read what findings about plots rest on."""
    return land_around(store, tuple(plots.total_bounds.tolist()), traces, layers=layers, light=True)


def _together(store: Store, ids: Sequence[str]) -> Iterator[gpd.GeoDataFrame]:
    """Read plots in groups that lie near each other."""
    if not ids:
        return
    plots = store.read("parcels", ids=ids)
    corner = shapely.bounds(plots.geometry.to_numpy())[:, :2]
    _, cell = np.unique((corner - corner.min(axis=0)) // CELL, axis=0, return_inverse=True)
    for number in range(cell.max() + 1):
        yield plots[cell == number].reset_index(drop=True)
