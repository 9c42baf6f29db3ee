"""A delivery from a file into the land base: read, prepared, its coverage settled, stored whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from layers import mosaic
from layers.base import Edition, Layer, Text
from layers.catalogue import LAYERS
from layers.errors import Refusal
from layers.formats import raster, records, vector
from layers.formats.deliver import Prepared, coverage, prepare
from layers.formats.mapping import Mapping, describe
from layers.standards import Standards
from layers.steward import HELD, hold
from layers.store.base import Change, Edit, Store
from layers.wishes import BY_STATES, BadEditError

REJECT_MARGIN = 1.0
"""How far around a rejected feature nothing is known any more [m]."""


class RejectedError(Refusal):
    """Features were rejected, and nobody said that the rest may be stored without them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An import as it would happen: what goes in, what is rejected, and the edition that it would make; `columns` are those of the file."""

    layer: Layer
    read: int
    features: gpd.GeoDataFrame
    rejects: gpd.GeoDataFrame
    repairs: pd.DataFrame
    summary: pd.DataFrame
    fields: pd.DataFrame
    notes: tuple[Text, ...]
    edition: Edition
    columns: tuple[str, ...] = ()


def plan(
    store: Store, path: Path, layer: str, mapping: Mapping, crs: str | None = None, encoding: str | None = None,
    area: str | None = None, kinds: Iterable[str] = (), repair: bool = False,
) -> Plan:  # fmt: skip
    """Prepare the import of a file into a layer; nothing is stored.

    `area` is the coverage: a file of polygons, "xmin,ymin,xmax,ymax" in the base's CRS, or none. Without one the delivery
    claims no area: what it holds is there, and nothing is known to be absent. BadEditError for a layer that goes through states of its own.
    """
    if layer in BY_STATES:
        raise BadEditError(
            f"no delivery brings {layer}: listings go from draft to published by shudi listing, notices are noted by shudi warnings",
            f"{layer} 不能批量导入:供地信息须用 shudi listing 逐步审核发布,通知由 shudi warnings 记录",
        )
    target = LAYERS[layer]
    stated = crs or mapping.crs
    covered = coverage(area if area is not None else mapping.coverage, store.crs, None)
    if target.geometry == "raster":
        frame = raster.read(path, store.crs, stated)
        edition = _edition(path, target, mapping, frame.geometry.iloc[0] if area is None else covered, ())
        none = pd.DataFrame()
        return Plan(target, 1, frame, frame.iloc[:0], none, none, none, tuple(frame.attrs["notes"]), edition)
    if target.geometry == "none":
        delivery = records.read(path, encoding or mapping.encoding, mapping.sublayer, store.crs)
    else:
        delivery = vector.read(path, stated, encoding or mapping.encoding, mapping.sublayer)
    prepared = prepare(delivery, target, mapping, store.crs, repair)
    notes = list(prepared.notes)
    if covered is None and target.geometry != "none":
        notes.append(
            Text(
                "no coverage stated: nothing is known to be absent, so land beside the features stays unknown; state it by --coverage",
                "未说明覆盖范围:要素之外的土地一律为未知,请用 --coverage 说明",
            )
        )
    covered = _without_rejects(covered, prepared, store.crs, notes)
    found = tuple(kinds) or mapping.kinds or _kinds(target, prepared.features)
    edition = _edition(path, target, mapping, covered, found)
    fields = describe(mapping, target, delivery.frame)
    offered = tuple(str(c) for c in delivery.frame.columns if c != "geometry")
    return Plan(
        target, len(delivery.frame), prepared.features, prepared.rejects, prepared.repairs, prepared.summary, fields, tuple(notes), edition,
        offered,
    )  # fmt: skip


def _kinds(layer: Layer, features: gpd.GeoDataFrame) -> tuple[str, ...]:
    """List the kinds that a delivery holds; () for a layer without kinds."""
    return tuple(sorted(features[layer.kind].dropna().unique())) if layer.kind else ()


def _edition(path: Path, layer: Layer, mapping: Mapping, area: BaseGeometry | None, kinds: tuple[str, ...]) -> Edition:
    """Describe the delivery; without a stated date it is the file's own."""
    if layer.kind and (strange := [k for k in kinds if k not in (layer.field(layer.kind).codes or {})]):
        known = ", ".join(layer.field(layer.kind).codes or {})
        raise Refusal(
            f"{layer.name} has no kind {strange[0]}; there are {known}", f"{layer.name} 没有类型 {strange[0]};有 {known}"
        )
    when = mapping.date or date.fromtimestamp(path.stat().st_mtime)
    return Edition("", layer.name, mapping.source or path.name, when, area, kinds)


def _without_rejects(area: BaseGeometry | None, prepared: Prepared, crs: str, notes: list[Text]) -> BaseGeometry | None:
    """Take the places of rejected features out of the coverage: something is there, and nobody knows what."""
    places = prepared.rejects.geometry.dropna().to_crs(crs)
    if area is None or not len(places):
        return area
    holes = shapely.buffer(shapely.envelope(places.to_numpy()), REJECT_MARGIN)
    notes.append(
        Text(f"where {len(places)} rejected features lie the land stays unknown", f"{len(places)} 个被拒要素所在的土地一律为未知")
    )
    left: BaseGeometry = shapely.difference(area, shapely.union_all(holes))
    return left


def contradictions(store: Store, planned: Plan, replace_all: bool = False) -> tuple[mosaic.Fault, ...]:
    """Find the overlaps among parcels that a planned import would make; none in other layers."""
    if planned.layer.name != mosaic.PARCELS:
        return ()
    with store.snapshot():
        return mosaic.contradictions(store, planned.features, replace_all, Standards.load().on(date.today()))


def foretold(store: Store, planned: Plan, replace_all: bool = False) -> Plan:
    """Note in a plan for what it would be refused, for who only looks."""
    found = contradictions(store, planned, replace_all)
    return replace(planned, notes=(*planned.notes, mosaic.refuse(found).text)) if found else planned


def deliver(
    store: Store, planned: Plan, change: Change, skip_rejects: bool = False, replace_all: bool = False,
    progress: Callable[[int, int], None] | None = None, accept: str = "",
) -> Edition:  # fmt: skip
    """Store a planned import in one transaction.

    RejectedError where features were rejected and `skip_rejects` is not said; MosaicError where parcels would overlap and no reason to
    `accept` it is given, which is kept with the change.
    """
    if len(planned.rejects) and not skip_rejects:
        count = len(planned.rejects)
        raise RejectedError(
            f"{count} of {planned.read} features were rejected, so nothing was stored: mend the file, or try --repair, or store the "
            "rest by --skip-rejects (the land where they lie then stays unknown)",
            f"{planned.read} 个要素中有 {count} 个被拒,未存入任何数据:请修正文件,或用 --repair,或用 --skip-rejects 只存其余(被拒处一律为未知)",
        )
    with store.snapshot():
        hold(store, [_edit(store, planned, replace_all)], Standards.load().on(date.today()))
        change = mosaic.accepted(contradictions(store, planned, replace_all), accept, change)
    return store.add(planned.edition, planned.features, change, replace=replace_all, progress=progress)


def _edit(store: Store, planned: Plan, replace_all: bool) -> Edit:
    """Tell a delivery of records as an edit, to be held against the others."""
    name = planned.layer.name
    if name not in HELD:
        return Edit(name)
    gone = set(store.read(name, columns=["id"])["id"]) - set(planned.features["id"]) if replace_all else set()
    return Edit(name, planned.features, tuple(sorted(gone)))
