"""What routes are handed: a store for the time of a request, the standards."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from api.auth import ThePerson
from api.importing import Imports
from api.jobs import Jobs
from api.settings import Settings
from layers.assessment import Networks
from layers.collections import Collection, Known, catalogue
from layers.standards import Standards
from layers.store import open_store
from layers.store.base import Store
from maps.tiles import TileCache

PATIENCE = 30.0
"""How long [s] a request may keep a database at one statement."""


class Land:
    """The store of a service, opened when it is first asked for: a database may come up later than the service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: Store | None = None
        self._writing: Store | None = None
        self._lock = threading.Lock()

    def store(self) -> Store:
        """Give the store, which serves many requests at once."""
        with self._lock:
            if self._opened is None:
                settings = self._settings
                self._opened = open_store(settings.base, read_only=True, size=settings.readers, patience=PATIENCE)
            return self._opened

    def writer(self) -> Store:
        """Give the store that changes go to."""
        with self._lock:
            if self._writing is None:
                self._writing = open_store(self._settings.base, size=2, patience=PATIENCE)
            return self._writing

    def close(self) -> None:
        """Let go of the base."""
        with self._lock:
            for opened in (self._opened, self._writing):
                if opened is not None:
                    opened.close()


def a_store(request: Request) -> Store:
    """Hand out the store."""
    land: Land = request.app.state.land
    return land.store()


def a_writer(request: Request) -> Store:
    """Hand out the store that changes go to."""
    land: Land = request.app.state.land
    return land.writer()


AStore = Annotated[Store, Depends(a_store)]
AWriter = Annotated[Store, Depends(a_writer)]


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


def the_jobs(request: Request) -> Jobs:
    """Hand out the long work."""
    jobs: Jobs = request.app.state.jobs
    return jobs


def the_imports(request: Request) -> Imports:
    """Hand out the uploads."""
    imports: Imports = request.app.state.imports
    return imports


def the_settings(request: Request) -> Settings:
    """Hand out what the service was told at its start."""
    settings: Settings = request.app.state.settings
    return settings


def the_known(request: Request) -> Known:
    """Hand out the memory of counts and extents."""
    known: Known = request.app.state.known
    return known


TheKnown = Annotated[Known, Depends(the_known)]


def what_one_sees(store: AStore, known: TheKnown, person: ThePerson) -> Mapping[str, Collection]:
    """Decide which collections a person may see, and of which only some features (`Collection.only`); of the public, none yet."""
    return catalogue(store, known) if person.may("viewer") else {}


TheStandards = Annotated[Standards, Depends(the_standards)]
TheNetworks = Annotated[Networks, Depends(the_networks)]
TheJobs = Annotated[Jobs, Depends(the_jobs)]
Sees = Annotated[Mapping[str, Collection], Depends(what_one_sees)]
TheCache = Annotated[TileCache, Depends(the_cache)]
TheSettings = Annotated[Settings, Depends(the_settings)]
TheImports = Annotated[Imports, Depends(the_imports)]
