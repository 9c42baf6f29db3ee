"""The mosaic of parcels: no edit makes an overlap or a gap unseen, and each parcel knows those that it was made of."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from geo.coverage import faults_made
from geo.overlay import overlaps
from layers.base import objects
from layers.errors import Refusal
from layers.standards import Rulebook
from layers.store.base import Change, Edit, Store

PARCELS = "parcels"
PLACE = re.compile(r"\[(\S+) (\S+?)(?: \S+)?\]")
"""The place in GEOS's reasons."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An overlap of two parcels or a gap among them that an edit would make: area [m2] and a point in it (x, y), in the base's CRS.

    Of an outline that is `invalid` the point where it crosses or touches itself; its area is 0.
    """

    kind: str
    parcels: tuple[str, ...]
    area: float
    x: float
    y: float
    geometry: BaseGeometry


class MosaicError(Refusal):
    """An edit would make overlaps or gaps among parcels; `faults` says where."""

    def __init__(self, en: str, zh: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(en, zh)
        self.faults = faults


def refuse(faults: Sequence[Fault]) -> MosaicError:
    """Say where an edit would break the mosaic, the largest places first."""
    names = {"overlap": ("an overlap of", "重叠"), "gap": ("a gap", "空隙")}
    worst = sorted(faults, key=lambda f: -f.area)[:3]
    place = [(f"{f.area:.2f} m²", f"({f.x:.2f}, {f.y:.2f})") for f in worst]
    en = "; ".join(
        " ".join(filter(None, (names[f.kind][0], " and ".join(f.parcels), f"of {size} at {where}")))
        for f, (size, where) in zip(worst, place, strict=True)
    )
    zh = ";".join(
        f"{names[f.kind][1]}{'、'.join(f.parcels)} {size},位于 {where}" for f, (size, where) in zip(worst, place, strict=True)
    )
    count = len(faults)
    return MosaicError(
        f"the edit would make {count} faults among parcels: {en}. Nothing was changed; correct the outlines, or accept it with a reason.",
        f"该编辑将在宗地之间造成 {count} 处问题:{zh}。未作任何更改;请修正边界,或说明理由后接受",
        tuple(faults),
    )


def accepted(faults: Sequence[Fault], reason: str, change: Change) -> Change:
    """Note with a change why its faults may stand; MosaicError where there are some and no reason."""
    if faults and not reason.strip():
        raise refuse(faults)
    return replace(change, reason=f"{change.reason} · accepted 接受: {reason}".removeprefix(" · ")) if faults else change


def faults(store: Store, edit: Edit, old: gpd.GeoDataFrame, book: Rulebook) -> tuple[Fault, ...]:
    """Find the overlaps and gaps that an edit of parcels would make; `old` are the stored parcels that it changes.

    Reads the parcels around; call it in the snapshot in which the version that the edit has `seen` was read.
    """
    gap, noise = book["parcels.mosaic_gap"], book["supply.drawing_noise"]
    put = edit.put if edit.put is not None else old[:0]
    same = _unmoved(old, put)
    if same.issuperset(objects(old["id"])) and same.issuperset(objects(put["id"])):
        return ()
    before, after = old[~old["id"].isin(same)], put[~put["id"].isin(same)]
    xmin, ymin, xmax, ymax = pd.concat([before.geometry, after.geometry]).total_bounds.tolist()
    around = store.read(PARCELS, box=(xmin - gap, ymin - gap, xmax + gap, ymax + gap), columns=["id"])
    around = around[~around["id"].isin({*before["id"], *after["id"]})]
    before = before[~(before.geometry.isna() | before.geometry.is_empty)]
    shapes = [frame.geometry.to_numpy() for frame in (before, after, around)]
    found = faults_made(shapes[0], shapes[1], shapes[2], gap, noise)
    ids = np.append(np.concatenate([after["id"], around["id"]]), "")
    points = shapely.get_coordinates(shapely.point_on_surface(found.shapes)).tolist()
    return tuple(
        Fault("gap" if i < 0 else "overlap", () if i < 0 else (ids[i], ids[j]), shape.area, x, y, shape)
        for shape, i, j, (x, y) in zip(found.shapes, found.i, found.j, points, strict=True)
    )


def contradictions(store: Store, put: gpd.GeoDataFrame, whole: bool, book: Rulebook) -> tuple[Fault, ...]:
    """Find the overlaps that a delivery of parcels would make, among its own and with those that stay beside it.

    whole: no stored parcel stays. What it leaves free is no fault: a delivery need not hold all of the land. Time and memory grow
    with the parcels delivered and those stored in the box around them.
    """
    if not len(put):
        return ()
    stay = store.read(PARCELS, ids=[]) if whole else store.read(PARCELS, box=tuple(put.total_bounds.tolist()), columns=["id"])
    stay = stay[~stay["id"].isin(put["id"])]
    ids = np.concatenate([objects(put["id"]), objects(stay["id"])])
    shapes = put.geometry.to_numpy()
    pairs = overlaps(shapes, np.concatenate([shapes, stay.geometry.to_numpy()]), book["supply.drawing_noise"])
    pairs = pairs.pick(pairs.i < pairs.j)
    points = shapely.get_coordinates(shapely.point_on_surface(pairs.shared)).tolist()
    return tuple(
        Fault("overlap", (ids[i], ids[j]), area, x, y, shape)
        for i, j, area, shape, (x, y) in zip(pairs.i, pairs.j, pairs.area.tolist(), pairs.shared, points, strict=True)
    )


def drawn(store: Store, layer: str, id: str, shape: BaseGeometry, book: Rulebook) -> tuple[Fault, ...]:
    """Find what the outline `shape` of a feature, stored or new, would break, whatever its attributes.

    Where it crosses itself; of a parcel then the overlaps and gaps.
    """
    if not shapely.is_valid(shape):
        x, y = map(float, PLACE.findall(shapely.is_valid_reason(shape))[-1])
        return (Fault("invalid", (id,), 0.0, x, y, shapely.Point(x, y)),)
    if layer != PARCELS:
        return ()
    old = store.read(PARCELS, ids=[id], columns=["id"])
    put = gpd.GeoDataFrame({"id": pd.Series([id], dtype="str")}, geometry=[shape], crs=store.crs)
    return faults(store, Edit(PARCELS, put), old, book)


def _unmoved(old: gpd.GeoDataFrame, put: gpd.GeoDataFrame) -> set[str]:
    """Name the parcels whose outline an edit leaves as it is."""
    was = dict(zip(objects(old["id"]), old.geometry.to_numpy(), strict=True))
    ids, shapes = objects(put["id"]), put.geometry.to_numpy()
    return set(ids[shapely.equals_identical(shapes, np.array([was.get(id) for id in ids], object))])


def descend(old: gpd.GeoDataFrame, put: gpd.GeoDataFrame, noise: float) -> gpd.GeoDataFrame:
    """Note in new parcels that state no parents those of `old`, which the edit changes, whose land they take."""
    known = set(objects(old["id"]))
    new = np.flatnonzero(
        [id not in known and parents is None for id, parents in zip(*map(objects, (put["id"], put["parents"])), strict=True)]
    )
    if not len(new) or not len(old):
        return put
    left = old.geometry.to_numpy().copy()
    pairs = overlaps(put.geometry.to_numpy()[new], left, noise)
    named = pd.Series(old["id"].to_numpy(object)[pairs.j]).groupby(new[pairs.i]).agg(lambda ids: written(ids.tolist()))
    parents = put["parents"].astype(object)
    parents.iloc[named.index.to_numpy()] = named.to_numpy()
    return put.assign(parents=parents.astype("str"))


def written(ids: Sequence[str]) -> str:
    """Write the numbers of parents as they are stored."""
    return json.dumps(list(ids), ensure_ascii=False)


def parents_of(state: object) -> tuple[str, ...]:
    """Read the numbers of parents as they are stored; what somebody else wrote there is one number."""
    if not isinstance(state, str) or not state:
        return ()
    try:
        read = json.loads(state)
    except ValueError:
        read = state
    return tuple(map(str, read)) if isinstance(read, list) else (state,)
