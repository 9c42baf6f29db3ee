"""Edits of features: held against what is stored, refused where they cannot stand, made in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pandas.api.extensions import take

from layers import mosaic
from layers.assessment import NotFoundError
from layers.base import Field, Layer, arrays_of, framed, listed, objects, texts
from layers.catalogue import LAYERS
from layers.formats.deliver import coded
from layers.formats.errors import did_you_mean
from layers.formats.shapes import REASONS, TYPES
from layers.formats.values import convert
from layers.standards import Rulebook
from layers.steward import coming, hold
from layers.store.base import (
    Change,
    Conflict,
    ConflictError,
    DuplicateError,
    Edit,
    StaleError,
    Store,
    When,
    Write,
    conflict,
)
from layers.store.frames import layer_of, named, states
from layers.wishes import BadEditError, Wish

TRIES = 5
"""How often an edit is planned again because somebody else was faster."""
DIFFERING = 1_000
"""Features whose two states are held against each other at once."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an edit did, as (layer, id), and the overlaps and gaps among parcels that were accepted.

    `last`: the last entry of the history that it left; 0 where nothing was stored.
    """

    created: tuple[tuple[str, str], ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    deleted: tuple[tuple[str, str], ...] = ()
    accepted: tuple[mosaic.Fault, ...] = ()
    last: int = 0


class Difference(NamedTuple):
    """How a feature differs between two moments: its columns by name, geometry as WKT; None where it was not there."""

    layer: str
    id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def columns(self) -> tuple[str, ...]:
        """Name the columns that differ."""
        old, new = self.before or {}, self.after or {}
        return tuple(name for name in {**old, **new} if old.get(name) != new.get(name))


def edit(store: Store, wishes: Sequence[Wish], change: Change, book: Rulebook, accept: str = "", dry_run: bool = False) -> Done:
    """Make what is wished, all of it in one transaction or nothing.

    `accept` is the reason for which overlaps and gaps among parcels may stand; it is kept with the change. An edit that somebody
    overtakes is planned again on what he left; ConflictError where that is not the version that a wish names. Time and memory grow with the wishes and
    the parcels around those that change.
    """
    for attempt in range(TRIES):
        with store.snapshot():
            planned = [_planned(store, name, [w for w in wishes if w.layer == name], book) for name in _layers(wishes)]
            faults = tuple(f for e, old in planned if e.layer == mosaic.PARCELS for f in mosaic.faults(store, e, old, book))
            hold(store, [e for e, _ in planned], book)
            coming(store, [e for e, _ in planned], book)
        try:
            return _made(store, planned, change, faults, accept, dry_run)
        except ConflictError:
            if attempt == TRIES - 1:
                raise
    raise AssertionError("the last attempt answers or raises")


def _layers(wishes: Sequence[Wish]) -> list[str]:
    """List the layers of wishes; BadEditError where a feature is wished for twice or a raster at all."""
    twice = pd.Series([f"{w.layer} {w.id}" for w in wishes], dtype="str")
    if twice.duplicated().any():
        some = named(twice[twice.duplicated()].unique())
        raise BadEditError(
            f"{some.en} occur twice in the edit; name each feature once", f"编辑中 {some.zh} 重复,每个要素只能出现一次"
        )
    names = list(dict.fromkeys(w.layer for w in wishes))
    for name in names:
        if layer_of(name).geometry == "raster":
            raise BadEditError(f"{name} holds rasters: import the new one", f"{name} 为栅格图层,请导入新的栅格")
    return names


def _made(
    store: Store,
    planned: Sequence[tuple[Edit, gpd.GeoDataFrame]],
    change: Change,
    faults: tuple[mosaic.Fault, ...],
    accept: str,
    dry_run: bool = False,
) -> Done:
    """Write planned edits, and tell what they did; what goes through states by roles is not edited past them."""
    if any(e.layer == "listings" and ((e.put is not None and len(e.put)) or e.delete) for e, _ in planned):
        raise BadEditError(
            "listings go from draft to published by shudi listing, which holds them against the land",
            "供地信息须用 shudi listing 逐步审核发布,以便与土地现状核对",
        )
    change = mosaic.accepted(faults, accept, change)
    last = 0 if dry_run else store.batch([e for e, _ in planned], change)
    put = [(e.layer, id, id in set(old["id"])) for e, old in planned if e.put is not None for id in e.put["id"]]
    return Done(
        tuple((layer, id) for layer, id, known in put if not known),
        tuple((layer, id) for layer, id, known in put if known),
        tuple((e.layer, id) for e, _ in planned for id in e.delete),
        faults,
        last,
    )


def _planned(store: Store, name: str, wishes: Sequence[Wish], book: Rulebook) -> tuple[Edit, gpd.GeoDataFrame]:
    """Plan the edit of one layer on what is stored now; gives the stored features concerned too."""
    layer, ids = LAYERS[name], [w.id for w in wishes]
    old, stamps = store.read(name, ids=ids), store.stamps(name, ids)
    wrong = [Conflict(name, w.id, w.version, stamps.get(w.id, 0)) for w in wishes if w.version is not None]
    if wrong := [c for c in wrong if c.expected != c.found]:
        raise conflict(wrong)
    settled = [w if w.action else replace(w, action="update" if w.id in stamps else "create") for w in wishes]
    _possible(layer, settled, stamps)
    put = _put(layer, [w for w in settled if w.action != "delete"], old)
    guarded = name == mosaic.PARCELS
    if guarded:
        put = mosaic.descend(old, put, book["supply.drawing_noise"])
    delete = tuple(w.id for w in settled if w.action == "delete")
    seen = store.versions()[name] if guarded else None
    return Edit(name, put, delete, {id: stamps.get(id, 0) for id in ids}, seen), old


def _possible(layer: Layer, wishes: Sequence[Wish], stamps: Mapping[str, int]) -> None:
    """Pass wishes whose features are there, or not there, as they need."""
    for wish in wishes:
        if not wish.id.strip():
            raise BadEditError(f"a feature of {layer.name} has no number; give it one", f"{layer.name} 有要素没有编号,请给出")
        if wish.action == "create" and wish.id in stamps:
            raise DuplicateError(
                f"{layer.name} {wish.id} is stored already; update or replace it, or choose another number",
                f"{layer.name} {wish.id} 已存在,请更新或替换,或另选编号",
            )
        if wish.action != "create" and wish.id not in stamps:
            raise NotFoundError(
                f"{layer.name} has no feature {wish.id}; create it, or correct the number",
                f"{layer.name} 中没有编号 {wish.id},请新建或更正编号",
            )


def _put(layer: Layer, wishes: Sequence[Wish], old: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Build the features as they will be, in the order of the wishes, with the layer's columns and types."""
    row = {id: k for k, id in enumerate(objects(old["id"]))}
    there = np.array([row.get(w.id, -1) for w in wishes], np.intp)
    kept = np.where([w.action == "update" for w in wishes], there, -1).astype(np.intp)
    arrays = arrays_of(old)
    columns = {f.name: listed(take(arrays[f.name], kept, allow_fill=True)) for f in layer.fields}
    for name in dict.fromkeys(n for w in wishes for n in w.values):
        columns[name] = _set(layer, name, wishes, columns)
    for f in layer.fields:
        if f.required and (lacking := [w.id for w, gone in zip(wishes, columns[f.name].isna(), strict=True) if gone]):
            some, among = named(lacking), ", ".join(f.codes or {})
            raise BadEditError(
                f"{layer.name} {some.en} need {f.name} ({among})", f"{layer.name} {some.zh} 缺少 {f.name}({among})"
            )
    drawn = np.append(old.geometry.to_numpy(), [None])[kept]
    shapes = np.array([s if w.geometry is None else w.geometry for w, s in zip(wishes, drawn, strict=True)], object)
    _drawn(layer, [w.id for w in wishes], shapes)
    told = {"id": texts([w.id for w in wishes]), "edition": take(arrays["edition"], there, allow_fill=True)}
    told |= {name: column.array for name, column in columns.items()}
    return framed({f.name: told[f.name] for f in layer.columns}, shapes, old.crs)


def _set(layer: Layer, name: str, wishes: Sequence[Wish], columns: Mapping[str, pd.Series]) -> pd.Series:
    """Put wished values into a column; BadEditError names the feature whose value does not fit."""
    fields = {f.name: f for f in layer.fields}
    if name not in fields:
        like = did_you_mean(name, fields)
        raise BadEditError(f"{layer.name} has no field {name}: {like.en}", f"{layer.name} 没有字段 {name}:{like.zh}")
    of: Field = fields[name]
    rows = [k for k, w in enumerate(wishes) if name in w.values]
    given = pd.Series([wishes[k].values[name] for k in rows], dtype=object)
    typed, bad = convert(given, of)
    if of.codes is not None and not bad.any():
        system = columns["code_system"].iloc[rows].reset_index(drop=True) if "code_system" in columns else None
        typed, bad = coded(typed, of.codes, system if name != "code_system" else None)
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        id, value, what = wishes[rows[k]].id, str(given[k])[:80], of.unit or of.dtype
        listed = ", ".join(list(of.codes)[:12]) if of.codes else what
        least = of.dtype in ("integer", "real") and not of.signed
        raise BadEditError(
            f"{layer.name} {id}: {name} cannot be {value!r}; it is {listed}{', 0 or more' if least else ''}",
            f"{layer.name} {id}:{name} 不能为 {value!r},应为 {listed}{',且不小于 0' if least else ''}",
        )
    column = columns[name].copy()
    column.iloc[rows] = typed.to_numpy()
    return column


def _drawn(layer: Layer, ids: Sequence[str], shapes: Any) -> None:
    """Pass shapes that the layer can hold; BadEditError names the first that it cannot, and where it is wrong."""
    if layer.geometry == "none":
        if (placed := np.flatnonzero(~shapely.is_missing(shapes))).size:
            id = ids[int(placed[0])]
            raise BadEditError(
                f"{layer.name} {id}: a record has no geometry; leave it out", f"{layer.name} {id}:台账记录没有几何,请去掉"
            )
        return
    kind = shapely.get_type_id(shapes)
    reasons = {
        "no_geometry": shapely.is_missing(shapes),
        "empty_geometry": shapely.is_empty(shapes),
        "wrong_type": ~np.isin(kind, TYPES[layer.geometry]),
        "invalid_geometry": ~shapely.is_valid(shapes),
        "zero_area": np.isin(kind, (3, 6)) & ~(shapely.area(shapes) > 0),
        "zero_length": np.isin(kind, (1, 5)) & ~(shapely.length(shapes) > 0),
    }
    for reason, wrong in reasons.items():
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            id, where = ids[at], f" ({shapely.is_valid_reason(shapes[at])})" if reason == "invalid_geometry" else ""
            raise BadEditError(
                f"{layer.name} {id}: {REASONS[reason].en}{where}; redraw it",
                f"{layer.name} {id}:{REASONS[reason].zh}{where},请重绘",
            )


def write_at(store: Store, entry: int) -> Write:
    """Find the write that an entry of the history belongs to."""
    found = store.writes(entry - 1, entry)
    if not found or entry < 1:
        raise NotFoundError(
            f"the history has no entry {entry}; shudi history lists them", f"历史中没有第 {entry} 条,可用 shudi history 查看"
        )
    return found[0]


def undo(store: Store, entry: int, change: Change, book: Rulebook, accept: str = "", dry_run: bool = False) -> Done:
    """Undo a write, as a new change: its features become what they were before it.

    entry: any of its entries. StaleError where one of them was changed again since: undo that first. A delivery is not undone,
    for land would stay surveyed without its features.
    """
    with store.snapshot():
        write = write_at(store, entry)
        if store.editions(as_of=write.first - 1) != store.editions(as_of=write.last) or store.changed(
            "terrain", write.first - 1, write.last
        ):
            raise BadEditError(
                f"entry {entry} is a delivery; import what replaces it", f"第 {entry} 条是一次交付,请导入替换它的数据"
            )
        planned = [_undone(store, name, write) for name, layer in LAYERS.items() if layer.geometry != "raster"]
        planned = [(e, old) for e, old in planned if e.expect]
        hold(store, [e for e, _ in planned], book)
        faults = tuple(f for e, old in planned if e.layer == mosaic.PARCELS for f in mosaic.faults(store, e, old, book))
    return _made(store, planned, replace(change, reason=change.reason or f"undo 撤销 {entry}"), faults, accept, dry_run)


def _undone(store: Store, name: str, write: Write) -> tuple[Edit, gpd.GeoDataFrame]:
    """Plan the edit of one layer that undoes a write; without expectations where the write did nothing there."""
    ids = store.changed(name, write.first - 1, write.last)
    again = sorted(set(ids) & set(store.changed(name, write.last))) if ids else []
    if again:
        some = named(again)
        raise StaleError(
            f"{name} {some.en} were changed again since; undo that first, shudi history shows it",
            f"{name} {some.zh} 此后又被更改,请先撤销之后的更改,可用 shudi history 查看",
        )
    old, put = store.read(name, ids=ids), store.read(name, ids=ids, as_of=write.first - 1)
    stamps = store.stamps(name, ids)
    delete = tuple(id for id in stamps if id not in set(put["id"]))
    return Edit(name, put, delete, {id: stamps.get(id, 0) for id in ids}, store.versions()[name] if ids else None), old


def diff(store: Store, since: When, until: When | None = None, layers: Sequence[str] = tuple(LAYERS)) -> Iterator[Difference]:
    """Tell how the features of layers differ between two moments, by layer and number; memory grows with DIFFERING of them.

    Take it in one snapshot, or features that somebody changes meanwhile are told of several moments.
    """
    for name in layers:
        ids = store.changed(name, since, until)
        for some in (ids[k : k + DIFFERING] for k in range(0, len(ids), DIFFERING)):
            before, after = ({s["id"]: s for s in _states(store, name, some, at)} for at in (since, until))
            yield from (Difference(name, id, before.get(id), after.get(id)) for id in some if before.get(id) != after.get(id))


def _states(store: Store, name: str, ids: Sequence[str], at: When | None) -> list[dict[str, Any]]:
    """Tell features as the history does."""
    features = store.read(name, ids=ids, as_of=at)
    return states(features.drop(columns="grid") if "grid" in features else features)
