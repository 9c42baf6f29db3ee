"""A land base in PostGIS, for several writers and several machines: the same promises and answers as the file's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from layers.base import Edition, Layer, arrays_of
from layers.store import frames
from layers.store.address import Address
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
    When,
    Write,
)
from layers.store.blobs import collected
from layers.store.crs import project_crs
from layers.store.deliveries import admitted, now
from layers.store.history import Asked, kept
from layers.store.postgres import changes, history, rasters, schema
from layers.store.postgres import findings as assessed
from layers.store.postgres.history import fetch
from layers.store.postgres.place import address_of, connected, held, make, no_base
from layers.store.postgres.pool import Connection, Pool
from layers.store.rasters import conform as proper_rasters
from layers.store.rasters import count as count_tiles
from layers.store.schema import KEPT, quoted
from layers.store.schema import held as columns_of
from layers.table import Table


class PostgisStore:
    """A land base in a PostGIS database; see `layers.store.base.Store` for what it promises.

    Safe for many threads and many processes. Memory grows with what a read returns; a delivery is written in chunks.
    """

    def __init__(self, pool: Pool, clock: Callable[[], datetime] = now) -> None:
        self._pool = pool
        self._clock = clock
        self._extents: dict[str, tuple[int, tuple[int, Box]]] = {}
        self._lock = threading.Lock()
        try:
            meta = self._meta()
        except BaseException:
            pool.close()
            raise
        self._title = meta["title"]
        self._crs = CRS.from_user_input(meta["crs"])
        self._srs = int(meta["crs"].removeprefix("EPSG:"))

    @classmethod
    def create(
        cls, address: str | Address, crs: str = "EPSG:4548", title: str = "", timeout: float = 10.0,
        clock: Callable[[], datetime] = now,
    ) -> PostgisStore:  # fmt: skip
        """Make an empty land base in a database that is there, and open it; StoreError where it holds one already."""
        to = address_of(address)
        make(to, project_crs(crs)[1], title)
        return cls.open(to, timeout=timeout, clock=clock)

    @classmethod
    def open(
        cls, address: str | Address, read_only: bool = False, timeout: float = 10.0, clock: Callable[[], datetime] = now,
        size: int = 8, patience: float = 600.0,
    ) -> PostgisStore:  # fmt: skip
        """Open a land base; a writer waits `timeout` [s] for another, a statement may take `patience` [s].

        `size` connections are kept at most. StoreError where the database does not answer, NotABaseError where it holds no base
        or one of another version.
        """
        to = address_of(address)
        with connected(to):
            pass  # a wrong address or password is told at once; the pool would go on trying
        return cls(Pool(to, read_only, timeout, size, patience), clock)

    @staticmethod
    def migrate(address: str | Address) -> None:
        """Bring a base of an older Shudi to the tables of this one."""
        to = address_of(address)
        with connected(to) as connection:
            if not held(connection):
                raise no_base(to)
            row = connection.execute("SELECT value FROM shudi.shudi_meta WHERE key = 'crs'").fetchone()
            connection.rollback()
            schema.migrate(connection, int(str(row and row[0]).removeprefix("EPSG:")))

    def _meta(self) -> dict[str, str]:
        """Read what the base says of itself, and refuse what is no base of this version."""
        base = self._pool.address
        with self._pool.reading() as c:
            if not held(c):
                raise no_base(base)
            meta: dict[str, str] = dict(c.execute("SELECT key, value FROM shudi_meta").fetchall())
            version = int(fetch(c, "SELECT version_num FROM alembic_version")[0][0])
        if version > schema.VERSION:
            raise NotABaseError(
                f"{base} has version {version}, written by a newer Shudi; this one knows version {schema.VERSION}. Update Shudi.",
                f"{base} 的版本为 {version},由更新的 Shudi 写成,本程序只识别版本 {schema.VERSION},请升级 Shudi",
            )
        if lacking := schema.lacking(meta["layers"]) or ([f"version {schema.VERSION}"] if version < schema.VERSION else []):
            some = frames.named(lacking)
            raise NotABaseError(
                f"{base} was written by an older Shudi and lacks {some.en}. Run `shudi migrate` once.",
                f"{base} 由较旧的 Shudi 写成,缺少 {some.zh},请运行一次 `shudi migrate`",
            )
        return meta

    @property
    def crs(self) -> str:
        """The project CRS as "EPSG:n"."""
        return f"EPSG:{self._srs}"

    @property
    def title(self) -> str:
        """What the base calls itself; a generated park says so."""
        return self._title

    @property
    def reopen(self) -> Callable[[], PostgisStore]:
        """How another process opens this base for reading."""
        return partial(PostgisStore.open, self._pool.address, read_only=True)

    def close(self) -> None:
        """Let go of the base."""
        self._pool.close()

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all reads of this thread inside see one moment."""
        return self._pool.snapshot()

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether nobody else makes findings fresh, and keep others from it inside."""
        with self._pool.reading() as c:
            yield bool(fetch(c, "SELECT pg_try_advisory_xact_lock(%s)", (schema.LOCK + 2,))[0][0])

    def read(
        self, layer: str, box: Box | None = None, ids: Sequence[str] | None = None, columns: Sequence[str] | None = None,
        as_of: When | None = None, where: Sequence[Compare] = (), after: str | None = None, limit: int | None = None,
    ) -> gpd.GeoDataFrame:  # fmt: skip
        """Read features of a layer in the order of storage, or of ids; memory grows with what is read."""
        of = frames.layer_of(layer)
        with self._pool.reading() as c:
            since = history.later(c, layer, as_of)
            if of.geometry == "raster":
                return rasters.read(c, self._crs, box, ids, columns, since.first if since else None)
            fields = frames.pick(of, columns)
            asked = Asked(box, ids, frames.comparable(of, where), after, limit)
            if since is not None:
                found = fetch(c, *history.rows(of, of.columns, asked.whole, since))
                return kept(history.frame(of, of.columns, found, self._crs), of, asked, fields)
            found = fetch(c, *history.rows(of, fields, asked))
        read = history.frame(of, fields, found, self._crs)
        return frames.boxed(
            read, box, len(found) == limit, lambda n: self.read(layer, box, ids, columns, None, where, found[-1][0], n)
        )

    def count(self, layer: str, box: Box | None = None, where: Sequence[Compare] = (), most: int | None = None) -> int:
        """Count features, one or two too many at the rim of the box, where the index keeps single precision."""
        of = frames.layer_of(layer)
        with self._pool.reading() as c:
            return history.count(c, of, Asked(box, None, frames.comparable(of, where)), most)

    def table(self, layer: str, box: Box, as_of: When | None = None) -> Table:
        """Read all columns of features of a layer in a box."""
        return Table.of(self.read(layer, box, as_of=as_of))

    def extent(self, layer: str) -> tuple[int, Box]:
        """Count the features of a layer and bound their envelopes; zeros where there is none. Remembered until it changes."""
        of = frames.layer_of(layer)
        if of.geometry == "raster":
            return frames.extent(self.read(layer))
        with self._pool.reading() as c:
            version = history.versions(c)[layer]
            with self._lock:
                known = self._extents.get(layer)
            if known is not None and known[0] == version:
                return known[1]
            drawn = "min(st_xmin(geom)), min(st_ymin(geom)), max(st_xmax(geom)), max(st_ymax(geom))"
            edges = drawn if of.drawn else "NULL, NULL, NULL, NULL"
            count, *box = fetch(c, f"SELECT count(*), {edges} FROM {quoted(layer)}")[0]
        west, south, east, north = (0.0 if edge is None else edge for edge in box)
        found = count, (west, south, east, north)
        with self._lock:
            self._extents[layer] = version, found
        return found

    def editions(self, layer: str | None = None, as_of: When | None = None) -> tuple[Edition, ...]:
        """List the deliveries in force of a layer, or of all, in the order of arrival."""
        with self._pool.reading() as c:
            return history.editions(c, layer, as_of)

    def history(self, layer: str, id: str) -> tuple[Record, ...]:
        """Tell what happened to a feature, oldest first."""
        of = frames.layer_of(layer)
        with self._pool.reading() as c:
            return rasters.records(c, id) if of.geometry == "raster" else history.records(c, of, id, self._crs)

    def versions(self, as_of: When | None = None) -> Mapping[str, int]:
        """Stamp each layer with the number of its last change."""
        with self._pool.reading() as c:
            return history.versions(c, as_of)

    def stamps(self, layer: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Tell the versions of the features that are there."""
        with self._pool.reading() as c:
            return changes.stamps(c, frames.layer_of(layer), ids)

    def changed(self, layer: str, since: When, until: When | None = None) -> tuple[str, ...]:
        """Name the features to which anything was done in a span of the history."""
        with self._pool.reading() as c:
            return changes.changed(c, frames.layer_of(layer), since, until)

    def writes(self, since: When = 0, until: When | None = None, limit: int | None = None) -> tuple[Write, ...]:
        """Tell the writes that have entries in a span of the history, oldest first."""
        with self._pool.reading() as c:
            return changes.writes(c, since, until, limit)

    @contextmanager
    def _write(self, change: Change) -> Iterator[Connection]:
        """Lend a connection for one write; what it does is signed by the change at the moment of the commit."""
        with self._pool.writing(change.actor) as c:
            first = history.coming(c)
            yield c
            history.sign(c, first, self._clock(), change.actor, change.reason)

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
            span = (0, -1)
            if layer.geometry == "raster":
                seq = history.entered(c)
                self._add_rasters(c, edition, features, seq, replace, progress)
            else:
                if replace:
                    self._retire(c, layer, edition)
                seq = history.entered(c)
                span = self._fill(c, layer, edition, features, total, progress)
            self._deliver(c, edition, seq, replace, span)
        return edition

    def _deliver(self, c: Connection, edition: Edition, seq: int, replace: bool, span: tuple[int, int]) -> None:
        """Enter a delivery in the history and among the editions."""
        c.execute("INSERT INTO shudi_history (seq, layer, id) VALUES (%s, %s, %s)", (seq, edition.layer, edition.id))
        area = encode(np.array([edition.coverage], dtype=object), self._srs, "polygon")[0]
        kinds = json.dumps(edition.kinds, ensure_ascii=False)
        c.execute(
            "INSERT INTO editions VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (seq, edition.id, edition.layer, edition.source, edition.date, kinds, replace, *span, area),
        )

    def _retire(self, c: Connection, layer: Layer, edition: Edition) -> None:
        """Remove the features that an edition replaces; the history keeps them."""
        if edition.kinds and layer.kind:
            c.execute(f"DELETE FROM {quoted(layer.name)} WHERE {quoted(layer.kind)} = ANY(%s)", (list(edition.kinds),))
        else:
            c.execute(f"DELETE FROM {quoted(layer.name)}")

    def _fill(
        self, c: Connection, layer: Layer, edition: Edition, features: gpd.GeoDataFrame | Iterable[gpd.GeoDataFrame],
        total: int, progress: Progress | None,
    ) -> tuple[int, int]:  # fmt: skip
        """Insert a delivery without the trigger that fires for each feature; gives the first and last fid."""
        numbers = f"pg_get_serial_sequence('{quoted(layer.name)}', 'fid')"
        first = fid = fetch(c, f"SELECT nextval({numbers})")[0][0]
        c.execute("SELECT set_config('shudi.writing', 'delivery', true)")
        for chunk in frames.chunks(layer, features, self._crs):
            self._insert(c, layer, chunk.assign(edition=pd.Series(edition.id, chunk.index, "str")), fid)
            fid += len(chunk)
            if progress is not None:
                progress(fid - first, total)
        c.execute("SELECT set_config('shudi.writing', 'inside', true)")
        c.execute(f"SELECT setval({numbers}, %s, false)", (fid,))
        return first, fid - 1

    def _insert(self, c: Connection, layer: Layer, chunk: gpd.GeoDataFrame, fid: int) -> None:
        """Insert one chunk. DuplicateError names features that are stored already."""
        names = ", ".join(["fid", *columns_of(layer)])
        types = ["int8", *(schema.WIRE[f.dtype] for f in layer.columns), *(["bytea"] if layer.drawn else [])]
        data = [schema.wire(chunk[f.name], f.dtype) for f in layer.columns]
        if layer.drawn:
            data.append(encode(chunk.geometry.to_numpy(), self._srs, layer.geometry))
        try:
            with (
                c.transaction(),
                c.cursor().copy(f"COPY {quoted(layer.name)} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
            ):
                copy.set_types(types)
                for row in zip(range(fid, fid + len(chunk)), *data, strict=True):
                    copy.write_row(row)
        except psycopg.errors.UniqueViolation as error:
            raise frames.known(layer.name, self._known(c, layer, chunk["id"].tolist())) from error

    def _known(self, c: Connection, layer: Layer, ids: Sequence[str]) -> list[str]:
        """Pick those of some ids that are stored, in the order of storage."""
        return [row[0] for row in fetch(c, f"SELECT id FROM {quoted(layer.name)} WHERE id = ANY(%s) ORDER BY fid", (list(ids),))]

    def _add_rasters(
        self, c: Connection, edition: Edition, features: pd.DataFrame | Iterable[pd.DataFrame], seq: int, replace: bool,
        progress: Progress | None,
    ) -> None:  # fmt: skip
        """Store rasters; those that they replace stay readable as of before."""
        if replace:
            rasters.retire(c, None, seq)
        done, total = 0, count_tiles(features) if isinstance(features, pd.DataFrame) else 0
        for frame in [features] if isinstance(features, pd.DataFrame) else features:
            for _ in rasters.add(c, proper_rasters(frame, self._crs), edition.id, seq):
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
                    self._edit_rasters(c, edit.put, edit.delete)
                    continue
                self._delete(c, layer, edit.delete)
                if edit.put is not None and len(edit.put):
                    self._put(c, layer, frames.conform(layer, edit.put, self._crs))
            return history.last(c)

    def _delete(self, c: Connection, layer: Layer, ids: Sequence[str]) -> None:
        """Remove features. StaleError where one is not there."""
        gone = c.execute(f"DELETE FROM {quoted(layer.name)} WHERE id = ANY(%s)", ([str(i) for i in ids],)).rowcount
        if gone < len(set(ids)):
            raise frames.gone(layer.name, ids)

    def _put(self, c: Connection, layer: Layer, put: gpd.GeoDataFrame) -> None:
        """Update the features that are stored and insert the others, in the order given."""
        arrays = arrays_of(put)
        data = [frames.cells(arrays[f.name], f.dtype) for f in layer.columns]
        known = set(self._known(c, layer, data[0]))
        if layer.drawn:
            data.append(encode(put.geometry.to_numpy(), self._srs, layer.geometry))
        rows = list(zip(*data, strict=True))
        columns = columns_of(layer)
        marks = ", ".join(["%s"] * len(columns))
        cursor = c.cursor()
        cursor.executemany(
            f"UPDATE {quoted(layer.name)} SET ({', '.join(columns)}) = ROW({marks}) WHERE id = %s",
            [(*row, row[0]) for row in rows if row[0] in known],
        )
        cursor.executemany(
            f"INSERT INTO {quoted(layer.name)} ({', '.join(columns)}) VALUES ({marks})",
            [row for row in rows if row[0] not in known],
        )

    def _edit_rasters(self, c: Connection, put: pd.DataFrame | None, delete: Sequence[str]) -> None:
        """Retire rasters, each with an entry in the history."""
        if put is not None:
            raise frames.fixed()
        for id in dict.fromkeys(delete):
            seq = history.entered(c)
            if not rasters.retire(c, [id], seq):
                raise frames.gone("terrain", [id])
            c.execute("INSERT INTO shudi_history (seq, layer, id) VALUES (%s, 'terrain', %s)", (seq, id))

    def save_findings(
        self, findings: Findings, inputs: Inputs, progress: Progress | None = None, marks: Marks | None = None
    ) -> None:
        """Replace the findings of all plots and note what they were made from; memory grows with one frame or chunk."""
        with self._pool.writing("assess", schema.LOCK + 1) as c:
            assessed.save(c, findings, inputs, progress, marks)

    def update_findings(self, findings: pd.DataFrame, gone: Sequence[str], inputs: Inputs, expect: Inputs) -> None:
        """Replace the findings of some plots, and note what all are made from now."""
        with self._pool.writing("assess", schema.LOCK + 1) as c:
            assessed.update(c, findings, gone, inputs, expect)

    def findings(
        self, ids: Sequence[str] | None = None, columns: Sequence[str] | None = None, any_of: AnyOf | None = None
    ) -> tuple[pd.DataFrame, Inputs]:
        """Read findings by parcel id, and what they were made from."""
        with self._pool.reading() as c:
            return assessed.load(c, ids, columns, any_of)

    def overview(self, zoom: int, x: int, y: int) -> pd.DataFrame | None:
        """Read the sums of the findings in a tile."""
        with self._pool.reading() as c:
            return assessed.overview(c, zoom, x, y)

    def keep(self, name: str, note: Inputs, content: bytes) -> None:
        """Keep what takes long to derive again."""
        with self._pool.writing("assess", schema.LOCK + 1) as c:
            c.execute(KEPT.replace("BLOB", "bytea"))
            c.execute(
                "INSERT INTO shudi_kept VALUES (%s, %s, %s) "
                "ON CONFLICT (name) DO UPDATE SET note = excluded.note, content = excluded.content",
                (name, json.dumps(dict(note)), content),
            )

    def kept(self, name: str) -> tuple[Inputs, bytes] | None:
        """Take what is kept under a name."""
        with self._pool.reading() as c:
            if fetch(c, "SELECT to_regclass('shudi_kept')") == [(None,)]:
                return None
            found = fetch(c, "SELECT note, content FROM shudi_kept WHERE name = %s", (name,))
            return (json.loads(found[0][0]), bytes(found[0][1])) if found else None


def encode(shapes: NDArray[np.object_], srs: int, kind: str) -> list[bytes | None]:
    """Encode shapes as EWKB for a column of `kind` (polygon, line: stored as collections; any: as they are)."""
    blobs: list[bytes | None] = shapely.to_wkb(
        shapely.set_srid(collected(shapes, kind), srs), byte_order=1, flavor="extended", include_srid=True
    ).tolist()
    return blobs
