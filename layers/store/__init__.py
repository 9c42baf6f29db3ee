"""Where editions, edits, findings and history live."""

from __future__ import annotations

from pathlib import Path

from layers.store.base import Store
from layers.store.gpkg import GpkgStore


def open_store(where: str | Path, read_only: bool = False) -> Store:
    """Open the land base at a path."""
    return GpkgStore.open(where, read_only)
