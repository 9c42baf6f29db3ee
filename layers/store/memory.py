"""A land base in memory: for tests and for land that nobody keeps. The oracle of the other stores, plain rather than fast."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.raster import Grid
from layers.base import Edition, Layer, empty
from layers.catalogue import LAYERS
from layers.overview import CELL, of_tile, sums
from layers.store import findings as assessed
from layers.store import frames, rasters
from layers.store.base import (
    AnyOf,
    Box,
    Change,
    Compare,
    Edit,
    Findings,
    Inputs,
    Marks,
    Progress,
    Record,
    StoreError,
    When,
    Write,
)
from layers.store.changes import agreed
from layers.store.crs import project_crs
from layers.store.deliveries import admitted, in_force, now, stamp
from layers.table import Table

Raster = tuple[str, str, Grid]


@dataclass(frozen=True, slots=True)
class State:
    """All that a base holds at a moment, and the number of its last entry; never changed, only replaced."""

    features: Mapping[str, gpd.GeoDataFrame]
    rasters: tuple[Raster, ...] = ()
    deliveries: tuple[tuple[Edition, bool], ...] = ()
    records: tuple[Record, ...] = ()
    last: int = 0
    write: Write | None = None
    versions: Mapping[str, int] = field(default_factory=dict)


def own(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Copy geometries, as a file's reader would: GEOS prepares them in place, which no two threads may do to the same one."""
    copies: NDArray[np.object_] = shapely.from_wkb(shapely.to_wkb(shapes))
    return copies


class MemoryStore:
    """A land base in memory; see `layers.store.base.Store`. Every write keeps the state before it: memory grows with writes."""

    def __init__(self, crs: str = "EPSG:4548", title: str = "", clock: Callable[[], datetime] = now) -> None:
        self._crs, number = project_crs(crs)
        self.crs = f"EPSG:{number}"
        self.title = title
        self._clock = clock
        self._lock, self._refreshing = threading.Lock(), threading.Lock()
        self._seen = threading.local()
        start = State({name: empty(layer, self._crs) for name, layer in LAYERS.items() if layer.geometry != "raster"})
        self._states: list[tuple[str, State]] = [("", start)]
        self._kept: dict[str, tuple[Inputs, bytes]] = {}
        self._findings: tuple[pd.DataFrame, Mapping[str, Any]] = assessed.nothing(), {}

    @property
    def reopen(self) -> None:
        """Nobody else can open what is in this process's memory."""
        return None

    def _all(self) -> list[tuple[str, State]]:
        """List the states that a reader sees, his snapshot's or all."""
        return getattr(self._seen, "states", None) or self._states

    def _state(self, as_of: When | None = None, layer: str | None = None) -> State:
        """Find the state that a reader sees: the last, or the last one known at a moment; of a batch each layer has its own end."""
        if as_of is None:
            return self._all()[-1][1]
        if isinstance(as_of, int):
            return next(s for _, s in reversed(self._all()) if (s.versions.get(layer, 0) if layer else s.last) <= as_of)
        return next(state for at, state in reversed(self._all()) if at <= stamp(as_of))

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of this thread inside see one moment."""
        if getattr(self._seen, "states", None) is not None:
            yield
            return
        self._seen.states = list(self._states)
        try:
            yield
        finally:
            self._seen.states = None

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether nobody else makes findings fresh, and keep others from it inside."""
        mine = self._refreshing.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                self._refreshing.release()

    @contextmanager
    def _write(self, change: Change) -> Iterator[Draft]:
        """Lend a draft of the next state, which comes into force at the end."""
        if getattr(self._seen, "states", None) is not None:
            raise StoreError(
                "This thread reads a snapshot of the base. Leave the snapshot before writing.",
                "本线程正在读取库的快照,请离开快照后再写入",
            )
        with self._lock:
            before = self._states[-1][1]
            draft = Draft(before, change)
            yield draft
            if draft.state is not before:
                at = self._clock()
                records = tuple(r if r.at is not None else r._replace(at=at) for r in draft.state.records)
                write = Write(before.last + 1, draft.state.last, at, change.actor, change.reason)
                self._states.append((stamp(at), replace(draft.state, records=records, write=write)))

    def read(
        self,
        layer: str,
        box: Box | None = None,
        ids: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        as_of: When | None = None,
        where: Sequence[Compare] = (),
        after: str | None = None,
        limit: int | None = None,
    ) -> gpd.GeoDataFrame:
        """Read features of a layer in the order of storage, or of ids."""
        of, state = frames.layer_of(layer), self._state(as_of, layer)
        if of.geometry == "raster":
            return self._rasters(state, box, ids, columns)
        names = [f.name for f in frames.pick(of, columns)]
        found = state.features[layer]
        if ids is not None:
            found = found[found["id"].isin(list(ids))]
        if box is not None:
            found = found[frames.meets(found.geometry.to_numpy(), box)]
        found = found[frames.holds(of, found, where)]
        if limit is not None:
            found = frames.first(found, after, limit)
        answer = found[[*names, "geometry"]].reset_index(drop=True)
        return answer.set_geometry(gpd.GeoSeries(own(answer.geometry.to_numpy()), crs=answer.crs))

    def _rasters(
        self, state: State, box: Box | None, ids: Sequence[str] | None, columns: Sequence[str] | None
    ) -> gpd.GeoDataFrame:
        """Read rasters, cut to the box."""
        rows: list[tuple[str, str, Grid | None, shapely.Geometry]] = []
        for id, edition, grid in state.rasters:
            w = rasters.window(grid, box)
            if w is not None and (ids is None or id in ids):
                rows.append((id, edition, rasters.cut(grid, w), rasters.footprint(grid.transform, w)))
        return rasters.frame(rows, columns, self._crs)

    def table(self, layer: str, box: Box, as_of: When | None = None) -> Table:
        """Read all columns of features of a layer in a box."""
        return Table.of(self.read(layer, box, as_of=as_of))

    def count(self, layer: str, box: Box | None = None, where: Sequence[Compare] = (), most: int | None = None) -> int:
        """Count features, not beyond `most`."""
        found = len(self.read(layer, box, where=where))
        return found if most is None else min(found, most)

    def extent(self, layer: str) -> tuple[int, Box]:
        """Count the features of a layer and bound their envelopes; zeros where there is none."""
        return frames.extent(self.read(layer))

    def editions(self, layer: str | None = None, as_of: When | None = None) -> tuple[Edition, ...]:
        """List the deliveries in force of a layer, or of all, in the order of arrival."""
        found = in_force((e, replaces) for e, replaces in self._state(as_of, layer).deliveries if layer in (None, e.layer))
        return tuple(replace(e, coverage=own(np.array([e.coverage], object))[0]) for e in found)

    def add(
        self,
        edition: Edition,
        features: gpd.GeoDataFrame | Iterable[gpd.GeoDataFrame],
        change: Change,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> Edition:
        """Store a delivery: all of it or nothing."""
        layer = frames.layer_of(edition.layer)
        total = len(features) if isinstance(features, gpd.GeoDataFrame) else 0
        with self._write(change) as draft:
            edition = admitted(edition, {e.id for e, _ in draft.state.deliveries})
            if layer.geometry == "raster":
                draft.add_rasters(edition, features, self._crs, replace, progress)
            else:
                if replace:
                    draft.retire(layer, edition)
                done = 0
                for chunk in frames.chunks(layer, features, self._crs):
                    draft.insert(layer, chunk.assign(edition=pd.Series(edition.id, chunk.index, "str")))
                    done += len(chunk)
                    if progress is not None:
                        progress(done, total)
            draft.deliver(edition, replace)
        return edition

    def edit(self, layer: str, change: Change, put: gpd.GeoDataFrame | None = None, delete: Sequence[str] = ()) -> None:
        """Edit one layer in one transaction."""
        self.batch([Edit(layer, put, delete)], change)

    def batch(self, edits: Sequence[Edit], change: Change) -> int:
        """Make edits of one or several layers in one transaction."""
        asked = [(frames.layer_of(edit.layer), edit) for edit in edits]
        with self._write(change) as draft:
            agreed(asked, self.versions(), [self.stamps(layer.name, list(edit.expect)) for layer, edit in asked])
            for layer, edit in asked:
                if layer.geometry == "raster":
                    draft.edit_rasters(edit.put, edit.delete)
                    continue
                draft.delete(layer, edit.delete)
                if edit.put is not None and len(edit.put):
                    draft.put(layer, frames.conform(layer, edit.put, self._crs))
            return draft.state.last

    def history(self, layer: str, id: str) -> tuple[Record, ...]:
        """Tell what happened to a feature, oldest first."""
        frames.layer_of(layer)
        return tuple(r for r in self._state().records if r.layer == layer and r.id == id)

    def versions(self, as_of: When | None = None) -> Mapping[str, int]:
        """Tell the version of each layer."""
        return {name: self._state(as_of, name).versions.get(name, 0) for name in LAYERS}

    def stamps(self, layer: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Tell the versions of the features that are there."""
        last = {r.id: r for r in self._state().records if r.layer == layer and r.id in set(map(str, ids))}
        return {id: record.seq for id, record in last.items() if record.after is not None}

    def changed(self, layer: str, since: When, until: When | None = None) -> tuple[str, ...]:
        """Name the features to which anything was done in a span of the history."""
        frames.layer_of(layer)
        before, after = (when if isinstance(when, int) else self._state(when).last for when in (since, until))
        return tuple(sorted({r.id for r in self._state().records if r.layer == layer and before < r.seq <= after}))

    def writes(self, since: When = 0, until: When | None = None, limit: int | None = None) -> tuple[Write, ...]:
        """Tell the writes that have entries in a span of the history, oldest first."""
        before, after = (when if isinstance(when, int) else self._state(when).last for when in (since, until))
        found = tuple(s.write for _, s in self._all() if s.write and s.write.last > before and s.write.first <= after)
        return found if limit is None else found[max(0, len(found) - limit) :]

    def save_findings(
        self, findings: Findings, inputs: Inputs, progress: Progress | None = None, marks: Marks | None = None
    ) -> None:
        """Replace the findings of all plots and note what they were made from."""
        parts = list(assessed.stream(findings))
        whole = pd.concat(parts) if parts else assessed.nothing()
        kept = assessed.conform(whole)[0]
        for name, numbers, told in assessed.marked(marks):
            texts = kept[name].to_numpy(object)
            texts[np.array(numbers) - 1] = told
            kept[name] = pd.Series(texts, kept.index, "str")
        self._findings = kept, dict(inputs)
        if progress is not None and len(whole):
            progress(len(whole), len(whole))

    def update_findings(self, findings: pd.DataFrame, gone: Sequence[str], inputs: Inputs, expect: Inputs) -> None:
        """Replace the findings of some plots, and note what all are made from now."""
        with self._lock:
            old, noted = self._findings
            types = assessed.matching(findings, assessed.conform(old)[1], noted, expect)
            new = assessed.conform(findings, types)[0]
            kept = old[~old.index.isin([*gone, *new.index])]
            whole = pd.concat([kept, new]) if len(kept) and len(new) else new if len(new) else kept
            self._findings = whole, dict(inputs)

    def findings(
        self, ids: Sequence[str] | None = None, columns: Sequence[str] | None = None, any_of: AnyOf | None = None
    ) -> tuple[pd.DataFrame, Inputs]:
        """Read findings by parcel id, and what they were made from."""
        found, inputs = self._findings
        if any_of is not None:
            found = found[np.any([found[name].isin(list(values)) for name, values in any_of.items()], axis=0)]
        if columns is not None:
            found = found[[c for c in found.columns if c in columns]]
        return (found.copy() if ids is None else found[found.index.isin(list(ids))].copy()), inputs

    def overview(self, zoom: int, x: int, y: int) -> pd.DataFrame | None:
        """Sum up the findings in a tile."""
        found, _ = self._findings
        return of_tile(sums(found), zoom, x, y) if CELL.name in found.columns else None

    def keep(self, name: str, note: Inputs, content: bytes) -> None:
        """Keep what takes long to derive again."""
        self._kept[name] = dict(note), content

    def kept(self, name: str) -> tuple[Inputs, bytes] | None:
        """Take what is kept under a name."""
        return self._kept.get(name)

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


@dataclass(slots=True)
class Draft:
    """The next state of a base while a write makes it."""

    state: State
    change: Change

    def _record(self, layer: str, id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Record:
        """Note a change; the moment is filled in when the write ends."""
        return Record(self.state.last, None, layer, id, self.change.actor, self.change.reason, before, after)  # type: ignore[arg-type]

    def _set(self, layer: Layer, found: gpd.GeoDataFrame, changes: Sequence[tuple[str, Any, Any]]) -> None:
        """Put a layer's features in place and note the changes."""
        self._stamp(layer.name, changes)
        self.state = replace(self.state, features={**self.state.features, layer.name: found.reset_index(drop=True)})

    def _stamp(self, layer: str, changes: Sequence[tuple[str, Any, Any]]) -> None:
        """Note changes as records and number them; a delivery is an entry too."""
        records = list(self.state.records)
        last = self.state.last + max(1, len(changes))
        for change in changes:
            self.state = replace(self.state, last=self.state.last + 1)
            records.append(self._record(layer, *change))
        versions = {**self.state.versions, layer: last}
        self.state = replace(self.state, last=last, records=tuple(records), versions=versions)

    def insert(self, layer: Layer, new: gpd.GeoDataFrame) -> None:
        """Append features. DuplicateError names those that are stored already."""
        old = self.state.features[layer.name]
        known = old["id"][old["id"].isin(new["id"])]
        if len(known):
            raise frames.known(layer.name, known)
        born = [(state["id"], None, state) for state in frames.states(new)]
        self._set(layer, new if old.empty else old if new.empty else pd.concat([old, new]), born)

    def _remove(self, layer: Layer, gone: pd.Series) -> None:
        """Drop the features of a mask."""
        if gone.any():
            old = self.state.features[layer.name]
            self._set(layer, old[~gone], [(state["id"], state, None) for state in frames.states(old[gone])])

    def retire(self, layer: Layer, edition: Edition) -> None:
        """Remove the features that an edition replaces."""
        old = self.state.features[layer.name]
        everything = pd.Series(True, old.index)
        self._remove(layer, old[layer.kind].isin(edition.kinds) if edition.kinds and layer.kind else everything)

    def delete(self, layer: Layer, ids: Sequence[str]) -> None:
        """Remove features by id. StaleError where one is not there."""
        gone = self.state.features[layer.name]["id"].isin(list(ids))
        if gone.sum() < len(set(ids)):
            raise frames.gone(layer.name, ids)
        self._remove(layer, gone)

    def put(self, layer: Layer, put: gpd.GeoDataFrame) -> None:
        """Replace the features that are stored in their places and append the others."""
        old = self.state.features[layer.name]
        known = put[put["id"].isin(old["id"])]
        if len(known):
            before = old.set_index("id", drop=False).loc[known["id"]]
            changes = [(b["id"], b, a) for b, a in zip(frames.states(before), frames.states(known), strict=True)]
            place = pd.Series(old.index, old["id"])[known["id"]].to_numpy()
            kept = old.drop(index=place)
            moved = known.set_index(place)
            self._set(layer, (moved if kept.empty else pd.concat([kept, moved])).sort_index(), changes)
        fresh = put[~put["id"].isin(old["id"])]
        if len(fresh):
            self.insert(layer, fresh)

    def add_rasters(
        self, edition: Edition, features: pd.DataFrame | Iterable[pd.DataFrame], crs: CRS, retire: bool, progress: Progress | None
    ) -> None:
        """Append rasters. DuplicateError names those that are stored already."""
        if retire:
            self.edit_rasters(None, [id for id, _, _ in self.state.rasters])
        done = 0
        for frame in [features] if isinstance(features, pd.DataFrame) else features:
            checked = rasters.conform(frame, crs)
            for id, grid in zip(checked["id"], checked["grid"], strict=True):
                if any(id == known for known, _, _ in self.state.rasters):
                    raise frames.known("terrain", [id])
                grid = Grid(grid.values[:, :], grid.transform, grid.crs)  # cells of a file come into memory
                self.state = replace(self.state, rasters=(*self.state.rasters, (id, edition.id, grid)))
                self._stamp("terrain", [(id, None, _told(id, edition.id, grid))])
                done += 1
                if progress is not None:
                    progress(done, len(frame) if isinstance(features, pd.DataFrame) else 0)

    def edit_rasters(self, put: pd.DataFrame | None, delete: Sequence[str]) -> None:
        """Retire rasters."""
        if put is not None:
            raise frames.fixed()
        for id in dict.fromkeys(delete):
            gone = [r for r in self.state.rasters if r[0] == id]
            if not gone:
                raise frames.gone("terrain", [id])
            self.state = replace(self.state, rasters=tuple(r for r in self.state.rasters if r[0] != id))
            self._stamp("terrain", [(id, _told(*gone[0]), None)])

    def deliver(self, edition: Edition, replaces: bool) -> None:
        """Enter a delivery among the editions."""
        self.state = replace(self.state, deliveries=(*self.state.deliveries, (edition, replaces)))
        self._stamp(edition.layer, ())


def _told(id: str, edition: str, grid: Grid) -> dict[str, Any]:
    """Tell a raster as the history does."""
    shape = shapely.box(*grid.bounds)
    return {"id": id, "edition": edition, "geometry": shapely.to_wkt(shape, rounding_precision=-1)}
