"""Parcels split and merged, and which was made of which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.coverage import cut, join
from layers.assessment import NotFoundError
from layers.edits import Done, edit
from layers.mosaic import PARCELS, parents_of
from layers.standards import Rulebook
from layers.store.base import Change, Record, Store
from layers.store.frames import named, states
from layers.wishes import BadEditError, Wish


def split(
    store: Store, id: str, line: BaseGeometry, change: Change, book: Rulebook, ids: Sequence[str] = (), accept: str = "",
    version: int | None = None,
) -> Done:  # fmt: skip
    """Split a parcel along a line in the base's CRS into parcels with its attributes, its recorded area apart.

    ids: their numbers, from west to east and south to north; by default the parcel's with -1, -2 and so on.
    version: that of the parcel on which this rests (None: what is stored now); ConflictError where somebody was faster.
    """
    parent, versions = _parcels(store, [id], {id: version})
    if not np.isfinite(shapely.get_coordinates(line)).all():
        raise BadEditError("the line has coordinates that are not numbers; correct them", "分割线含有非数值坐标,请更正")
    pieces = cut(parent.geometry.iloc[0], line)
    thin = shapely.is_empty(shapely.buffer(pieces, -book["supply.drawing_noise"], join_style="mitre"))
    if len(pieces) < 2 or thin.any():
        raise BadEditError(
            f"the line does not part {id}; draw it across the parcel and beyond its outline",
            f"该线没有分割 {id},请画成横穿宗地并超出其边界",
        )
    names = tuple(ids) or tuple(f"{id}-{n}" for n in range(1, len(pieces) + 1))
    if len(names) != len(pieces):
        raise BadEditError(
            f"{id} falls into {len(pieces)} parcels, and {len(names)} numbers are given",
            f"{id} 将分为 {len(pieces)} 宗,而给出了 {len(names)} 个编号",
        )
    values = _inherited(parent)
    born = [Wish(PARCELS, name, "create", values, piece) for name, piece in zip(names, pieces, strict=True)]
    return edit(store, [Wish(PARCELS, id, "delete", version=versions[id]), *born], change, book, accept)


def merge(
    store: Store,
    ids: Sequence[str],
    into: str,
    change: Change,
    book: Rulebook,
    values: Mapping[str, Any] | None = None,
    accept: str = "",
    versions: Mapping[str, int | None] | None = None,
) -> Done:
    """Merge neighbouring parcels into one with a number of its own.

    What they have alike it inherits, their recorded areas apart; `values` set the rest, else it is unknown. `versions` of the parcels
    are those on which this rests (None: what is stored now); ConflictError where somebody was faster.
    """
    parents, versions = _parcels(store, ids, versions or {})
    union = join(parents.geometry.to_numpy(), book["supply.drawing_noise"])
    some = named(ids)
    if len(parents) < 2 or union.geom_type != "Polygon":
        raise BadEditError(f"{some.en} do not border on each other; merge neighbours", f"{some.zh} 并不相邻,只能合并相邻宗地")
    born = Wish(PARCELS, into, "create", {**_inherited(parents), **(values or {})}, union)
    gone = [Wish(PARCELS, id, "delete", version=versions[id]) for id in ids]
    return edit(store, [*gone, born], change, book, accept)


def _parcels(
    store: Store, ids: Sequence[str], versions: Mapping[str, int | None]
) -> tuple[gpd.GeoDataFrame, dict[str, int | None]]:
    """Read parcels, and the versions of those of which none is stated; NotFoundError where one is not there."""
    with store.snapshot():
        found, now = store.read(PARCELS, ids=ids), store.stamps(PARCELS, ids)
    missing = [id for id in ids if id not in set(found["id"])]
    if missing:
        some = named(missing)
        raise NotFoundError(f"there are no parcels {some.en}; correct the numbers", f"没有宗地 {some.zh},请更正编号")
    return found, {id: now[id] if versions.get(id) is None else versions[id] for id in ids}


def _inherited(parents: gpd.GeoDataFrame) -> dict[str, Any]:
    """Take the attributes that parcels have alike, as states tell them; those of the outline apart."""
    told = states(parents)
    apart = ("id", "edition", "geometry", "area_recorded", "parents")
    return {name: v for name, v in told[0].items() if name not in apart and v is not None and all(s[name] == v for s in told)}


class Kin(NamedTuple):
    """A step of a parcel's descent: `child` was made of `parents` by an entry of the history."""

    child: str
    parents: tuple[str, ...]
    record: Record


def lineage(store: Store, id: str) -> tuple[tuple[Kin, ...], tuple[Kin, ...]]:
    """Trace the parcels that one was made of, and those made of it, nearest first. Time grows with the steps."""
    with store.snapshot():
        return _walk(store, id, _origin, lambda kin: kin.parents), _walk(store, id, _offspring, lambda kin: (kin.child,))


def _walk(
    store: Store, id: str, step: Callable[[Store, str], list[Kin]], onward: Callable[[Kin], tuple[str, ...]]
) -> tuple[Kin, ...]:
    """Go from parcel to parcel, each once."""
    found: list[Kin] = []
    ahead, seen = [id], {id}
    while ahead:
        for kin in step(store, ahead.pop(0)):
            found.append(kin)
            new = [n for n in onward(kin) if n not in seen]
            ahead += new
            seen.update(new)
    return tuple(found)


def _origin(store: Store, id: str) -> list[Kin]:
    """Tell what a parcel was made of, by the last that is known of it."""
    told = store.history(PARCELS, id)
    state = (told[-1].after or told[-1].before or {}) if told else {}
    parents = parents_of(state.get("parents"))
    since = next((r for r in told if parents_of((r.after or {}).get("parents")) == parents), None)
    return [Kin(id, parents, since)] if parents and since else []


def _offspring(store: Store, id: str) -> list[Kin]:
    """Tell what was made of a parcel: the parcels born in the writes that changed or removed it."""
    found = []
    for record in store.history(PARCELS, id):
        for write in store.writes(record.seq - 1, record.seq) if record.before is not None else ():
            ids = store.changed(PARCELS, write.first - 1, write.last)
            there = store.read(PARCELS, ids=ids, columns=["id", "parents"], as_of=write.last)
            born = there[~there["id"].isin(store.read(PARCELS, ids=ids, columns=["id"], as_of=write.first - 1)["id"])]
            made = [(child, parents_of(text)) for child, text in zip(born["id"], born["parents"], strict=True)]
            found += [Kin(child, parents, record) for child, parents in made if id in parents]
    return found
