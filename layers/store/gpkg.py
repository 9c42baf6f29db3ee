"""A land base in one GeoPackage file, through sqlite3 alone: GDAL never opens the live file in this process.

Two SQLite libraries in one process break each other's locks (sqlite.org, How To Corrupt, 2.2). For GDAL, make a copy with
`GpkgStore.copy`.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from layers.base import Edition, Layer, arrays_of
from layers.catalogue import LAYERS
from layers.store import blobs, changes, frames, history, rasters, schema
from layers.store import findings as assessed
from layers.store.base import (
    AnyOf,
    Box,
    Change,
    Compare,
    Edit,
    Findings,
    Inputs,
    Marks,
    NotABaseError,
    Progress,
    Record,
    StoreError,
    When,
    Write,
)
from layers.store.connection import Connections
from layers.store.crs import project_crs
from layers.store.deliveries import admitted, now, stamp
from layers.store.schema import quoted
from layers.table import Table


class GpkgStore:
    """A land base in a GeoPackage; see `layers.store.base.Store` for what it promises.

    Safe for many threads and many processes. Memory grows with what a read returns; a delivery is written in chunks.
    """

    def __init__(self, connections: Connections, clock: Callable[[], datetime] = now) -> None:
        self._connections = connections
        self._clock = clock
        meta = self._meta()
        self._title = meta.get("title", "")
        self._crs = CRS.from_user_input(meta["crs"])
        self._srs = int(meta["crs"].removeprefix("EPSG:"))
        with self._connections.reading() as c:
            old = int(meta["version"]) < schema.VERSION or bool(schema.lacking(c))
        if old:
            self._upgrade()

    @classmethod
    def create(
        cls, path: str | Path, crs: str = "EPSG:4548", title: str = "", timeout: float = 10.0, clock: Callable[[], datetime] = now
    ) -> GpkgStore:
        """Make an empty land base in a projected CRS and open it; StoreError where the file is there already."""
        path = Path(path).absolute()
        if path.exists():
            raise StoreError(
                f"{path} is there already. Open it, or choose another name.", f"{path} 已存在,请直接打开,或换一个名称"
            )
        if not path.parent.is_dir():
            raise StoreError(f"There is no folder {path.parent}. Make it first.", f"没有文件夹 {path.parent},请先建立")
        project, srs = project_crs(crs)
        part = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            with closing(sqlite3.connect(part, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("BEGIN IMMEDIATE")
                schema.create(connection, project, srs, title)
                connection.execute("COMMIT")
            part.replace(path)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{path} cannot be made: {error}. Choose a folder that you may write, on a disk with space.",
                f"{path} 无法建立:{error},请选择可写且有空间的文件夹",
            ) from error
        finally:
            for left in ("", "-wal", "-shm"):
                part.with_name(part.name + left).unlink(missing_ok=True)
        return cls.open(path, timeout=timeout, clock=clock)

    @classmethod
    def open(
        cls, path: str | Path, read_only: bool = False, timeout: float = 10.0, clock: Callable[[], datetime] = now
    ) -> GpkgStore:
        """Open a land base; a writer waits `timeout` [s] for another.

        StoreError where there is none, NotABaseError where the file is something else or of a newer Shudi.
        """
        path = Path(path).absolute()
        if not path.exists():
            raise StoreError(
                f"There is no land base {path}. Name one with --base, or make one with `shudi demo {path}`.",
                f"没有土地库 {path},请用 --base 指定,或用 `shudi demo {path}` 新建",
            )
        return cls(Connections(path, read_only, timeout), clock)

    def _meta(self) -> dict[str, str]:
        """Read what the base says of itself, and refuse what is no base of this version or an older one."""
        path = self._connections.path
        with self._connections.reading() as c:
            tables = {row[0] for row in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "gpkg_contents" not in tables:
                raise NotABaseError(
                    f"{path} is no GeoPackage. Name a land base, or import this file into one.",
                    f"{path} 不是 GeoPackage,请指定土地库,或将此文件导入库中",
                )
            if "shudi_meta" not in tables:
                raise NotABaseError(
                    f"{path} is a GeoPackage but no land base. Import its layers into one with `shudi import`.",
                    f"{path} 是 GeoPackage 但不是土地库,请用 `shudi import` 将其图层导入库中",
                )
            meta: dict[str, str] = dict(c.execute("SELECT key, value FROM shudi_meta"))
        self._connections.newest = schema.VERSION
        self._connections.hold(meta["version"])
        return meta

    def _upgrade(self) -> None:
        """Bring a base of an older Shudi up to date; its content stays as it is."""
        with closing(Connections(self.path, timeout=self._connections.timeout)) as upgrading, upgrading.writing("upgrade") as c:
            schema.upgrade(c, self._srs)

    @property
    def crs(self) -> str:
        """The project CRS as "EPSG:n"."""
        return f"EPSG:{self._srs}"

    @property
    def title(self) -> str:
        """What the base calls itself; a generated park says so."""
        return self._title

    @property
    def path(self) -> Path:
        """The file."""
        return self._connections.path

    @property
    def reopen(self) -> Callable[[], GpkgStore]:
        """How another process opens this file for reading."""
        return partial(GpkgStore.open, self.path, read_only=True)

    def close(self) -> None:
        """Let go of the base."""
        self._connections.close()

    def copy(self, to: str | Path) -> None:
        """Write a copy of one moment to a new file, for GDAL and for keeping; writers go on meanwhile."""
        to = Path(to)
        if to.exists():
            raise StoreError(f"{to} is there already. Choose another name.", f"{to} 已存在,请换一个名称")
        part = to.with_name(f"{to.name}.{os.getpid()}.part")
        try:
            with self._connections.reading() as c, closing(sqlite3.connect(part)) as target:
                c.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all reads of this thread inside see one moment."""
        return self._connections.snapshot()

    def alone(self) -> AbstractContextManager[bool]:
        """Tell whether nobody else makes findings fresh, and keep others from it inside."""
        return self._connections.alone()

    def read(
        self, layer: str, box: Box | None = None, ids: Sequence[str] | None = None, columns: Sequence[str] | None = None,
        as_of: When | None = None, where: Sequence[Compare] = (), after: str | None = None, limit: int | None = None,
    ) -> gpd.GeoDataFrame:  # fmt: skip
        """Read features of a layer in the order of storage, or of ids; memory grows with what is read."""
        of = frames.layer_of(layer)
        with self._connections.reading() as c:
            since = history.later(c, layer, as_of)
            if of.geometry == "raster":
                return rasters.read(c, self._crs, box, ids, columns, since.first if since else None)
            fields = frames.pick(of, columns)
            asked = history.Asked(box, ids, frames.comparable(of, where), after, limit)
            if since is not None:
                rows = c.execute(*history.rows(of, of.columns, asked.whole, since)).fetchall()
                return history.kept(history.frame(of, of.columns, rows, self._crs), of, asked, fields)
            rows = c.execute(*history.rows(of, fields, history.planned(c, of, asked))).fetchall()
        found = history.frame(of, fields, rows, self._crs)
        return frames.boxed(
            found, box, len(rows) == limit, lambda n: self.read(layer, box, ids, columns, None, where, rows[-1][0], n)
        )

    def count(self, layer: str, box: Box | None = None, where: Sequence[Compare] = (), most: int | None = None) -> int:
        """Count features, one or two too many at the rim of the box, where the R-tree keeps single precision."""
        of = frames.layer_of(layer)
        with self._connections.reading() as c:
            return history.count(c, of, history.Asked(box, None, frames.comparable(of, where)), most)

    def table(self, layer: str, box: Box, as_of: When | None = None) -> Table:
        """Read all columns of features, or of the rasters, of a layer in a box."""
        of = frames.layer_of(layer)
        with self._connections.reading() as c:
            if of.geometry == "raster" or history.later(c, layer, as_of) is not None:
                return Table.of(self.read(layer, box, as_of=as_of))
            return history.table(of, c.execute(*history.rows(of, of.columns, history.Asked(box))).fetchall(), self._crs, box)

    def extent(self, layer: str) -> tuple[int, Box]:
        """Count the features of a layer and bound their envelopes; zeros where there is none."""
        of = frames.layer_of(layer)
        if of.geometry == "raster":
            return frames.extent(self.read(layer))
        with self._connections.reading() as c:
            count: int = c.execute(f"SELECT count(*) FROM {quoted(layer)}").fetchone()[0]
            return count, schema.bounds(c, layer) if of.drawn else (0.0, 0.0, 0.0, 0.0)

    def editions(self, layer: str | None = None, as_of: When | None = None) -> tuple[Edition, ...]:
        """List the deliveries in force of a layer, or of all, in the order of arrival."""
        with self._connections.reading() as c:
            return history.editions(c, layer, as_of)

    def history(self, layer: str, id: str) -> tuple[Record, ...]:
        """Tell what happened to a feature, oldest first."""
        of = frames.layer_of(layer)
        with self._connections.reading() as c:
            return rasters.records(c, id) if of.geometry == "raster" else history.records(c, of, id, self._crs)

    def versions(self, as_of: When | None = None) -> Mapping[str, int]:
        """Stamp each layer with the number of its last change."""
        with self._connections.reading() as c:
            return self._connections.once(("versions", as_of), lambda: history.versions(c, LAYERS, as_of))

    def stamps(self, layer: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Tell the versions of the features that are there."""
        with self._connections.reading() as c:
            return changes.stamps(c, frames.layer_of(layer), ids)

    def changed(self, layer: str, since: When, until: When | None = None) -> tuple[str, ...]:
        """Name the features to which anything was done in a span of the history."""
        with self._connections.reading() as c:
            return changes.changed(c, frames.layer_of(layer), since, until)

    def writes(self, since: When = 0, until: When | None = None, limit: int | None = None) -> tuple[Write, ...]:
        """Tell the writes that have entries in a span of the history, oldest first."""
        with self._connections.reading() as c:
            return changes.writes(c, since, until, limit)

    @contextmanager
    def _write(self, change: Change) -> Iterator[sqlite3.Connection]:
        """Lend a connection for one write; what it does is signed by the change at the moment of the commit."""
        with self._connections.writing(change.actor) as c:
            c.execute("UPDATE shudi_context SET inside = 1")
            first = history.last(c) + 1
            yield c
            if history.last(c) >= first:
                c.execute(
                    "INSERT INTO shudi_writes VALUES (?, ?, ?, ?)", (first, stamp(self._clock()), change.actor, change.reason)
                )
            c.execute("UPDATE shudi_context SET inside = 0")

    def add(
        self,
        edition: Edition,
        features: gpd.GeoDataFrame | Iterable[gpd.GeoDataFrame],
        change: Change,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> Edition:
        """Store a delivery: all of it or nothing; memory grows with one chunk, or with one frame of a stream."""
        layer = frames.layer_of(edition.layer)
        total = len(features) if isinstance(features, gpd.GeoDataFrame) else 0
        with self._write(change) as c:
            edition = admitted(edition, {row[0] for row in c.execute("SELECT id FROM editions")})
            seq, span = history.last(c) + 1, (0, -1)
            if layer.geometry == "raster":
                self._add_rasters(c, edition, features, seq, replace, progress)
            else:
                if replace:
                    self._retire(c, layer, edition)
                    seq = history.last(c) + 1
                span = self._fill(c, layer, edition, features, total, progress)
            self._deliver(c, edition, seq, replace, span)
        return edition

    def _deliver(self, c: sqlite3.Connection, edition: Edition, seq: int, replace: bool, span: tuple[int, int]) -> None:
        """Enter a delivery in the history and among the editions."""
        c.execute("INSERT INTO shudi_history (seq, layer, id) VALUES (?, ?, ?)", (seq, edition.layer, edition.id))
        area = blobs.encode(np.array([edition.coverage], dtype=object), self._srs, "polygon")[0]
        row = (
            edition.layer,
            edition.source,
            edition.date.isoformat(),
            json.dumps(edition.kinds, ensure_ascii=False),
            replace,
            *span,
            area,
        )
        c.execute("INSERT INTO editions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (seq, edition.id, *row))

    def _retire(self, c: sqlite3.Connection, layer: Layer, edition: Edition) -> None:
        """Remove the features that an edition replaces; the history keeps them."""
        where = ""
        if edition.kinds and layer.kind:
            where = f" WHERE {quoted(layer.kind)} IN ({', '.join('?' * len(edition.kinds))})"
        c.execute(f"DELETE FROM {quoted(layer.name)}{where}", edition.kinds if where else ())

    def _fill(
        self, c: sqlite3.Connection, layer: Layer, edition: Edition, features: gpd.GeoDataFrame | Iterable[gpd.GeoDataFrame],
        total: int, progress: Progress | None,
    ) -> tuple[int, int]:  # fmt: skip
        """Insert a delivery without the triggers that fire for each feature; gives the first and last fid."""
        births = schema.birth_triggers(layer)
        for name in births:
            c.execute(f"DROP TRIGGER {quoted(name)}")
        row = c.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (layer.name,)).fetchone()
        first = fid = (row[0] if row else 0) + 1
        for chunk in frames.chunks(layer, features, self._crs):
            self._insert(c, layer, chunk.assign(edition=pd.Series(edition.id, chunk.index, "str")), fid)
            fid += len(chunk)
            if progress is not None:
                progress(fid - first, total)
        for sql in births.values():
            c.execute(sql)
        return first, fid - 1

    def _insert(self, c: sqlite3.Connection, layer: Layer, chunk: gpd.GeoDataFrame, fid: int) -> None:
        """Insert one chunk and its boxes into the R-tree. DuplicateError names features that are stored already."""
        shapes = chunk.geometry.to_numpy()
        data = [frames.cells(chunk[f.name], f.dtype) for f in layer.columns]
        fids = range(fid, fid + len(chunk))
        c.execute("SAVEPOINT chunk")
        try:
            held = [fids, *data, *([blobs.encode(shapes, self._srs, layer.geometry)] if layer.drawn else [])]
            columns = ", ".join(["fid", *schema.held(layer)])
            sql = f"INSERT INTO {quoted(layer.name)} ({columns}) VALUES ({', '.join('?' * len(held))})"
            c.executemany(sql, zip(*held, strict=True))
        except sqlite3.IntegrityError as error:
            c.execute("ROLLBACK TO chunk")
            raise frames.known(layer.name, self._known(c, layer, data[0])) from error
        c.execute("RELEASE chunk")
        schema.place(c, layer.name, fids, shapes)

    def _known(self, c: sqlite3.Connection, layer: Layer, ids: Sequence[str]) -> list[str]:
        """Pick those of some ids that are stored."""
        sql = f"SELECT id FROM {quoted(layer.name)} WHERE id IN (SELECT value FROM json_each(?))"
        return [row[0] for row in c.execute(sql, (json.dumps(list(ids)),))]

    def _add_rasters(
        self, c: sqlite3.Connection, edition: Edition, features: pd.DataFrame | Iterable[pd.DataFrame], seq: int, replace: bool,
        progress: Progress | None,
    ) -> None:  # fmt: skip
        """Store rasters; those that they replace stay readable as of before."""
        if replace:
            rasters.retire(c, None, seq)
        done, total = 0, rasters.count(features) if isinstance(features, pd.DataFrame) else 0
        for frame in [features] if isinstance(features, pd.DataFrame) else features:
            for _ in rasters.add(c, rasters.conform(frame, self._crs), edition.id, self._srs, seq):
                done += 1
                if progress is not None:
                    progress(done, total)

    def edit(self, layer: str, change: Change, put: gpd.GeoDataFrame | None = None, delete: Sequence[str] = ()) -> None:
        """Edit one layer in one transaction."""
        self.batch([Edit(layer, put, delete)], change)

    def batch(self, edits: Sequence[Edit], change: Change) -> int:
        """Make edits of one or several layers in one transaction."""
        asked = [(frames.layer_of(edit.layer), edit) for edit in edits]
        with self._write(change) as c:
            changes.check(c, asked)
            for layer, edit in asked:
                if layer.geometry == "raster":
                    rasters.edit(c, edit.put, edit.delete)
                    continue
                self._delete(c, layer, edit.delete)
                if edit.put is not None and len(edit.put):
                    self._put(c, layer, frames.conform(layer, edit.put, self._crs))
            return history.last(c)

    def _delete(self, c: sqlite3.Connection, layer: Layer, ids: Sequence[str]) -> None:
        """Remove features. StaleError where one is not there."""
        sql = f"DELETE FROM {quoted(layer.name)} WHERE id IN (SELECT value FROM json_each(?))"
        if c.execute(sql, (json.dumps([str(i) for i in ids]),)).rowcount < len(set(ids)):
            raise frames.gone(layer.name, ids)

    def _put(self, c: sqlite3.Connection, layer: Layer, put: gpd.GeoDataFrame) -> None:
        """Update the features that are stored and insert the others, in the order given."""
        arrays = arrays_of(put)
        data = [frames.cells(arrays[f.name], f.dtype) for f in layer.columns]
        known = set(self._known(c, layer, data[0]))
        if layer.drawn:
            data.append(blobs.encode(put.geometry.to_numpy(), self._srs, layer.geometry))
        rows = list(zip(*data, strict=True))
        columns = schema.held(layer)
        setting = ", ".join(f"{name} = ?{k}" for k, name in enumerate(columns, 1))
        c.executemany(f"UPDATE {quoted(layer.name)} SET {setting} WHERE id = ?1", [row for row in rows if row[0] in known])
        c.executemany(
            f"INSERT INTO {quoted(layer.name)} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            [row for row in rows if row[0] not in known],
        )
        schema.stretch(c, layer.name, put.geometry.to_numpy())

    def save_findings(
        self, findings: Findings, inputs: Inputs, progress: Progress | None = None, marks: Marks | None = None
    ) -> None:
        """Replace the findings of all plots and note what they were made from; memory grows with one frame or chunk."""
        assessed.save(self._connections, findings, inputs, progress, marks)

    def update_findings(self, findings: pd.DataFrame, gone: Sequence[str], inputs: Inputs, expect: Inputs) -> None:
        """Replace the findings of some plots, and note what all are made from now."""
        with self._connections.writing("assess") as c:
            assessed.update(c, findings, gone, inputs, expect)

    def findings(
        self, ids: Sequence[str] | None = None, columns: Sequence[str] | None = None, any_of: AnyOf | None = None
    ) -> tuple[pd.DataFrame, Inputs]:
        """Read findings by parcel id, and what they were made from."""
        with self._connections.reading() as c:
            return assessed.load(c, ids, columns, any_of)

    def overview(self, zoom: int, x: int, y: int) -> pd.DataFrame | None:
        """Read the sums of the findings in a tile."""
        with self._connections.reading() as c:
            return assessed.overview(c, zoom, x, y)

    def keep(self, name: str, note: Inputs, content: bytes) -> None:
        """Keep what takes long to derive again."""
        with self._connections.writing("assess") as c:
            assessed.keep(c, name, note, content)

    def kept(self, name: str) -> tuple[Inputs, bytes] | None:
        """Take what is kept under a name."""
        with self._connections.reading() as c:
            return assessed.kept(c, name)
