"""Where editions, edits, findings and history live."""

from __future__ import annotations

from pathlib import Path

from layers.store.address import Address, where
from layers.store.base import Store
from layers.store.gpkg import GpkgStore


def open_store(base: str | Path | Address, read_only: bool = False) -> Store:
    """Open the land base at a path, or at the address of a database."""
    at = where(base)
    if isinstance(at, Address):
        from layers.store.postgis import PostgisStore

        return PostgisStore.open(at, read_only)
    return GpkgStore.open(at, read_only)
