"""Pages of collections: features found by box, filter and order, of one moment.

Pages are keyed by the features' numbers: a feature that somebody adds or deletes meanwhile moves no other to another page.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from geo.crs import transform
from layers.assessment import NotFoundError
from layers.base import KEY, arrays_of, framed, names, objects, places, texts
from layers.collections import GEOMETRY, Collection, records
from layers.filter.errors import FilterError
from layers.filter.evaluate import holds
from layers.filter.push import exact, meet, pushed
from layers.filter.tree import Call, Node, Places, print_of, properties
from layers.known import Known
from layers.refresh import standing
from layers.store.base import Box, Compare, Store, When
from layers.store.frames import placed
from layers.table import Table

MOST = 10_000
"""Features of one page."""
CHUNK = 20_000
"""Features in memory at once while a collection is searched."""
PATIENCE = 1.0
"""Seconds that counting may take; then nobody says how many there are."""
FEW = 2_000
"""So many features in a box are looked at all at once."""
UNKNOWN = {"verdict": "unknown", "ready_state": "unknown"}
"""What a plot is that nobody assessed."""


@dataclass(frozen=True, slots=True)
class Area:
    """A box that features must meet: its polygon and the CRS that it is in, its envelope in the CRS of the base."""

    shape: BaseGeometry
    crs: object
    box: Box | None

    @classmethod
    def of(cls, values: Sequence[float], places: Places) -> Area:
        """Make the area of a bbox; FilterError where it is none."""
        shape = places.box(values)
        plain = shapely.transform(shape, lambda xy: xy[:, ::-1]) if places.north_first else shape
        there = places.moved(shape)
        return cls(plain, places.crs, None if there.is_empty else there.bounds)

    def meets(self, frame: gpd.GeoDataFrame | Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell which features meet it."""
        light = isinstance(frame, Table)
        shapes = frame.moved(self.crs) if light else transform(frame.geometry.to_numpy(), frame.crs, self.crs)
        shapely.prepare(self.shape)
        return np.asarray(shapely.intersects(self.shape, shapes), bool)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of a collection: where, which, in what order and how many.

    `order`: columns, and whether downwards; ties and no order go by number. `after`: the key of the last feature that the
    reader has, as `Page.more` gave it. `columns`: None is all. `as_of`: what was known at a moment; None is now.
    """

    area: Area | None = None
    node: Node | None = None
    columns: tuple[str, ...] | None = None
    order: tuple[tuple[str, bool], ...] = ()
    after: tuple[Any, ...] | None = None
    limit: int = 100
    as_of: When | None = None


class Page(NamedTuple):
    """Features, how many there are in all (None: not counted) and the key behind which the next page begins (None: the end)."""

    features: gpd.GeoDataFrame | Table
    matched: int | None
    more: tuple[Any, ...] | None


def page(store: Store, of: Collection, query: Query, known: Known) -> Page:
    """Find one page of a collection, all of it of one moment.

    Memory grows with the page and one chunk, of a moment that has been with all features of the box or the collection. A page in an
    order of its own looks at every feature that matches.
    """
    with store.snapshot():
        area = query.area and (shapely.to_wkb(query.area.shape), str(query.area.crs))
        asked = "count", of.name, of.stamp(store), area, print_of(both(of.only, query.node)), query.as_of
        found = ordered(store, of, query) if query.order else around(store, of, query) or first(store, of, query)
        matched = found.matched
        counted = known.get(asked, lambda: count(store, of, query) if matched is None else matched)
        return found._replace(matched=counted)


def around(store: Store, of: Collection, query: Query) -> Page | None:
    """Find a page in a box that holds few features, without frames; None where it holds many or more is asked than the box."""
    area = query.area
    if area is None or area.box is None or of.assessed or query.as_of is not None or both(of.only, query.node) is not None:
        return None
    if store.count(of.layer, area.box, most=FEW) == FEW:
        return None
    table = store.table(of.layer, area.box)
    rows = np.flatnonzero(area.meets(table))
    ids = table[KEY.name].array[rows]
    order = np.argsort(ids, kind="stable")
    left = order if query.after is None else order[ids[order] > str(query.after[0])]
    more = (ids[left[query.limit - 1]],) if len(left) > query.limit else None
    found = table.take(rows[left[: query.limit]])
    return Page(found if query.columns is None else found.pick([KEY.name, *query.columns]), len(rows), more)


def first(store: Store, of: Collection, query: Query) -> Page:
    """Find the first features by number; where they lie far apart, by the columns alone that the filter needs."""
    after = None if query.after is None else str(query.after[0])
    found, after, last = next(scan(store, of, query, after, query.limit + 1))
    have = len(found)
    if have <= query.limit and not last:
        hits: list[str] = []
        for part, _, end in scan(store, of, query, after, CHUNK, used(of, query)):
            hits, last = hits + part[KEY.name].tolist(), end
            if have + len(hits) > query.limit:
                break
        have += len(hits)
        found = pd.concat([found, fetch(store, of, hits[: query.limit + 1 - len(found)])], ignore_index=True)
    more = (found[KEY.name].iloc[query.limit - 1],) if have > query.limit else None
    counted = have if last and query.after is None else None
    return Page(shown(found if more is None else found.iloc[: query.limit], of, query), counted, more)


def ordered(store: Store, of: Collection, query: Query) -> Page:
    """Find the first features in an order of their own; keys are kept of the page only, missing values come last."""
    matched, best = 0, pd.DataFrame()
    for part, _, _ in scan(store, of, query, None, CHUNK, used(of, query)):
        matched += len(part)
        if query.after is not None:
            part = part[beyond(part, query.order, query.after)]
        best = part if best.empty else pd.concat([best, part], ignore_index=True)
        by, up = [name for name, _ in query.order], [not down for _, down in query.order]
        best = best.sort_values([*by, KEY.name], ascending=[*up, True], na_position="last", kind="stable").head(query.limit + 1)
    more = tuple(key(best.iloc[query.limit - 1], query.order)) if len(best) > query.limit else None
    there = fetch(store, of, best[KEY.name].iloc[: query.limit].tolist(), query.as_of)
    place = pd.Series(there.index, there[KEY.name])[best[KEY.name].iloc[: query.limit]]
    return Page(shown(there.iloc[place], of, query), matched, more)


def key(row: pd.Series[Any], order: Sequence[tuple[str, bool]]) -> Iterator[Any]:
    """Tell the key of a feature in an order, in values that JSON knows."""
    for name in (*(n for n, _ in order), KEY.name):
        value = row[name]
        yield (
            None
            if pd.isna(value)
            else str(value)[:10]
            if isinstance(value, pd.Timestamp)
            else getattr(value, "item", lambda v=value: v)()
        )


def beyond(
    frame: gpd.GeoDataFrame, order: Sequence[tuple[str, bool]], after: tuple[Any, ...]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which features come behind a key; FilterError where it is no key of this order."""
    if len(after) != len(order) + 1:
        raise FilterError("the page's key is of another order; begin at the first page", "分页标记与排序不符,请从第一页开始")
    past, tied = np.zeros(len(frame), bool), np.ones(len(frame), bool)
    for (name, down), last in zip((*order, (KEY.name, False)), after, strict=True):
        values, known = frame[name], np.array(frame[name].notna(), bool)
        if last is None:
            tied &= ~known
            continue
        try:
            wanted = np.datetime64(last, "s") if pd.api.types.is_datetime64_any_dtype(values) else last
            here = values[known].to_numpy()
            less, same = ~known, np.zeros(len(frame), bool)
            less[known] = here < wanted if down else here > wanted
            same[known] = here == wanted
        except (TypeError, ValueError):
            raise FilterError(
                "the page's key is of another order; begin at the first page", "分页标记与排序不符,请从第一页开始"
            ) from None
        past |= tied & less
        tied &= same
    return past


def used(of: Collection, query: Query) -> list[str]:
    """Name the columns that a filter and an order look at."""
    looked = {*properties(both(of.only, query.node)), *(name for name, _ in query.order), KEY.name}
    return [name for name in names(of.fields) if name in looked]


def fetch(store: Store, of: Collection, ids: list[str], as_of: When | None = None) -> gpd.GeoDataFrame:
    """Read whole features by their numbers, in their order."""
    if as_of is not None:
        return store.read(of.layer, ids=ids, as_of=as_of).sort_values(KEY.name, ignore_index=True)
    return load(store, of, None, [Compare(KEY.name, "in", tuple(ids))], None, len(ids), None)


def scan(
    store: Store, of: Collection, query: Query, after: str | None, size: int, columns: Sequence[str] | None = None
) -> Iterator[tuple[gpd.GeoDataFrame, str | None, bool]]:
    """Give the features that match, in the order of their numbers, how far the search has come, and whether that is the end.

    What a store can filter it does; chunks grow from `size`, or from 4,096 where a box or a filter leaves something to ask.
    """
    node = both(of.only, query.node)
    where, box = pushed(node, of.stored)
    area = query.area
    if area is not None:
        box = meet([b for b in (box, area.box or (1.0, 1.0, 0.0, 0.0)) if b is not None])
    left = None if exact(node, of.stored) else node
    size = min(max(size, 4_096 if left is not None or area is not None else 1), CHUNK)
    while True:
        if query.as_of is None:
            frame = load(store, of, box, where, after, size, columns)
        else:  # of a moment that has been a store looks at all in the box, so that chunks would look at it again and again
            frame = store.read(of.layer, box, columns=columns, as_of=query.as_of, where=where)
            frame = frame[frame[KEY.name] > (after or "")].sort_values(KEY.name, ignore_index=True)
        last = query.as_of is not None or len(frame) < size
        if len(frame):
            after = frame[KEY.name].iloc[-1]
        keep = np.ones(len(frame), bool) if area is None else area.meets(frame)
        if left is not None:
            keep &= holds(left, frame)
        yield frame if keep.all() else frame[keep].reset_index(drop=True), after, last
        if last:
            return
        size = min(2 * size, CHUNK)


def load(
    store: Store, of: Collection, box: Box | None, where: Sequence[Compare], after: str | None, size: int,
    columns: Sequence[str] | None,
) -> gpd.GeoDataFrame:  # fmt: skip
    """Read a chunk of a collection, all of its columns or some; of records at their plots the box is left to the caller."""
    if of.plot is not None:
        return records(store, of, where, after, size, columns)
    if not of.assessed:
        return store.read(of.layer, box, columns=columns, where=where, after=after, limit=size)
    plots = store.read(of.layer, box, columns=[KEY.name], where=where, after=after, limit=size)
    fields = [f for f in of.fields[1:] if columns is None or f.name in columns]
    told, ids = standing(store, plots, names(fields)), plots[KEY.name].array
    at = places(told.index.to_numpy(object), np.asarray(ids, object))
    arrays, unknown = arrays_of(told), UNKNOWN.keys() & set(names(fields))
    found = {f.name: placed(arrays.get(f.name), at, f.dtype) for f in fields}
    found |= {name: texts([UNKNOWN[name] if v is None else v for v in objects(found[name])]) for name in unknown}
    return framed({KEY.name: ids, **found}, plots.geometry.to_numpy(), plots.crs)


def both(one: Node | None, other: Node | None) -> Node | None:
    """Join two conditions."""
    return Call("and", (one, other)) if one is not None and other is not None else one or other


def shown(frame: pd.DataFrame, of: Collection, query: Query) -> gpd.GeoDataFrame:
    """Keep the columns that are asked for, and the key."""
    if query.columns is None and isinstance(frame, gpd.GeoDataFrame):
        return frame
    wanted = names(of.fields) if query.columns is None else [KEY.name, *(c for c in query.columns if c != KEY.name)]
    return gpd.GeoDataFrame(frame[[*wanted, GEOMETRY]].reset_index(drop=True), geometry=GEOMETRY)


def count(store: Store, of: Collection, query: Query) -> int | None:
    """Count the features that match; None where that takes longer than `PATIENCE`."""
    node = both(of.only, query.node)
    if query.area is None and query.as_of is None and exact(node, of.stored):
        return store.count(of.layer, where=pushed(node, of.stored)[0])
    until, found = time.monotonic() + PATIENCE, 0
    for part, _, last in scan(store, of, query, None, CHUNK, used(of, query)):
        found += len(part)
        if not last and time.monotonic() > until:
            return None
    return found


def stream(store: Store, of: Collection, query: Query, limit: int | None) -> Iterator[gpd.GeoDataFrame]:
    """Give all that matches, or the first `limit`, in the order of numbers; memory grows with one chunk."""
    left = limit
    for part, _, _ in scan(store, of, query, None, CHUNK if limit is None else min(limit, CHUNK)):
        yield shown(part if left is None else part.head(left), of, query)
        if left is not None and (left := left - len(part)) <= 0:
            return


def one(store: Store, of: Collection, id: str, as_of: When | None = None) -> gpd.GeoDataFrame:
    """Read one feature of a collection, a frame of one row; NotFoundError where there is, or was, none that may be seen."""
    frame = fetch(store, of, [id], as_of)
    if not len(frame) or (of.only is not None and not holds(of.only, frame)[0]):
        raise NotFoundError(f"{of.name} has no feature {id[:200]}", f"{of.name} 中没有编号 {id[:200]}")
    return frame
