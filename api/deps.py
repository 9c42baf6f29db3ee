"""What routes are handed: a store for the time of a request, the standards."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request

from api.settings import Settings
from layers.assessment import Networks
from layers.standards import Standards
from layers.store.base import Store
from layers.store.gpkg import GpkgStore
from maps.tiles import TileCache


class Readers:
    """A pool of open stores; each serves one request at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._free: queue.LifoQueue[GpkgStore] = queue.LifoQueue()

    def take(self) -> GpkgStore:
        """Take an open store, or open one."""
        try:
            return self._free.get_nowait()
        except queue.Empty:
            return GpkgStore.open(self._settings.base, read_only=True)

    def give(self, store: GpkgStore) -> None:
        """Give a store back; beyond the pool's size it is closed."""
        if self._free.qsize() < self._settings.readers:
            self._free.put(store)
        else:
            store.close()

    def close(self) -> None:
        """Close all stores that are free."""
        while not self._free.empty():
            self._free.get_nowait().close()


def a_store(request: Request) -> Iterator[Store]:
    """Lend a store to a request."""
    readers: Readers = request.app.state.readers
    store = readers.take()
    try:
        yield store
    finally:
        readers.give(store)


def the_standards(request: Request) -> Standards:
    """Hand out the standards that were read at the start."""
    standards: Standards = request.app.state.standards
    return standards


def the_cache(request: Request) -> TileCache:
    """Hand out the tile cache."""
    cache: TileCache = request.app.state.cache
    return cache


def the_networks(request: Request) -> Networks:
    """Hand out the memory of traced networks."""
    networks: Networks = request.app.state.networks
    return networks


def the_settings(request: Request) -> Settings:
    """Hand out what the service was told at its start."""
    settings: Settings = request.app.state.settings
    return settings


AStore = Annotated[Store, Depends(a_store)]
TheStandards = Annotated[Standards, Depends(the_standards)]
TheNetworks = Annotated[Networks, Depends(the_networks)]
TheCache = Annotated[TileCache, Depends(the_cache)]
TheSettings = Annotated[Settings, Depends(the_settings)]
