"""Move a land base between a file and a database, with its history, editions, findings and rasters."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from layers.store import content, open_store
from layers.store.address import Address, Where
from layers.store.base import Progress, StoreError
from layers.store.connection import Connections
from layers.store.content import TILES, Batch
from layers.store.gpkg import GpkgStore

LOGS = ("", "-wal", "-shm")


def copy(source: Where, target: Where, progress: Progress | None = None) -> int:
    """Copy all that a base holds, as it was at one moment, to a new file or into a database without a base; counts the rows.

    The target is there at the end, whole, or not at all. Memory grows with a batch of rows.
    """
    with closing(open_store(source, read_only=True)) as store:
        srs, title = int(store.crs.removeprefix("EPSG:")), store.title
    if isinstance(target, Path) and target.exists():
        raise StoreError(f"{target} is there already. Choose another name.", f"{target} 已存在,请换一个名称")
    tally = Tally(progress)
    with _content(source) as (total, batches):
        told = tally.counted(batches, total)
        if isinstance(target, Address):
            from layers.store.postgres.content import fill
            from layers.store.postgres.place import make

            make(target, srs, title, partial(fill, srs=srs, batches=told))
        else:
            _make_file(target, srs, title, told)
    return tally.done


class Tally:
    """Counts rows while they pass."""

    def __init__(self, progress: Progress | None) -> None:
        self.done = 0
        self._progress = progress

    def counted(self, batches: Iterable[Batch], total: int) -> Iterator[Batch]:
        """Pass batches on; tiles of rasters count nothing, for nobody knows beforehand how many there are."""
        for batch in batches:
            yield batch
            if batch.table is not TILES:
                self.done += len(batch)
                if self._progress is not None:
                    self._progress(self.done, total)


@contextmanager
def _content(source: Where) -> Iterator[tuple[int, Iterator[Batch]]]:
    """Lend the count of rows and all that a base holds, of one moment."""
    if isinstance(source, Address):
        from layers.store.postgres import content as database
        from layers.store.postgres.pool import Pool

        with closing(Pool(source, True, 10.0, 1, 600.0)) as pool, pool.reading() as c:
            yield database.count(c), database.content(c)
    else:
        with closing(Connections(source.absolute(), read_only=True)) as connections, connections.reading() as c:
            yield content.count(c), content.content(c)


def _make_file(target: Path, srs: int, title: str, batches: Iterator[Batch]) -> None:
    """Make a GeoPackage of all that a base held: beside its place, and put there when it is whole."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        GpkgStore.create(part, f"EPSG:{srs}", title).close()
        with closing(Connections(part.absolute())) as connections, connections.writing("copy") as c:
            content.fill(c, srs, batches)
        part.replace(target)
    finally:
        for log in LOGS:
            part.with_name(part.name + log).unlink(missing_ok=True)
