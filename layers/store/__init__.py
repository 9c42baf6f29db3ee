"""Where editions, edits, findings and history live."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from layers.store.address import Address, where
from layers.store.base import Store
from layers.store.connection import Connections
from layers.store.gpkg import GpkgStore


def open_store(base: str | Path | Address, read_only: bool = False, size: int = 8, patience: float = 600.0) -> Store:
    """Open the land base at a path, or at the address of a database.

    Of a database `size` connections are kept at most, and a statement may take `patience` [s].
    """
    at = where(base)
    if isinstance(at, Address):
        from layers.store.postgis import PostgisStore

        return PostgisStore.open(at, read_only, size=size, patience=patience)
    return GpkgStore.open(at, read_only)


def create_store(base: str | Path | Address, crs: str, title: str = "") -> Store:
    """Make an empty land base at a path or in a database, and open it; StoreError where there is one already."""
    at = where(base)
    if isinstance(at, Address):
        from layers.store.postgis import PostgisStore

        return PostgisStore.create(at, crs, title)
    return GpkgStore.create(at, crs, title)


def examine(base: str | Path | Address) -> None:
    """Read the whole file of a base, 1.3 s a GB; DamagedError where it is damaged. A database looks after its pages itself."""
    at = where(base)
    if not isinstance(at, Address):
        with closing(Connections(at, read_only=True)) as connections:
            connections.examine()


def migrate(base: str | Path | Address) -> None:
    """Bring a base of an older Shudi up to date; a file is so whenever it is opened."""
    at = where(base)
    if isinstance(at, Address):
        from layers.store.postgis import PostgisStore

        PostgisStore.migrate(at)
    else:
        GpkgStore.open(at).close()
