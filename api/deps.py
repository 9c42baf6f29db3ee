"""What routes are handed: a store for the time of a request, the standards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from api.auth import Person, ThePerson
from api.importing import Imports
from api.jobs import Jobs
from api.settings import Settings
from layers.assessment import Networks
from layers.collections import OFFERS, Collection, catalogue, offers
from layers.known import Known
from layers.plot_index import Index
from layers.standards import Standards
from layers.steward import Stewards
from layers.store import examine, open_store
from layers.store.base import DamagedError, Store
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
        self.damage: DamagedError | None = None
        """What was found wrong with the base; from then on nothing is written to it."""

    def examine(self) -> None:
        """Read the whole base; where it is damaged, nothing is written to it from now on."""
        try:
            examine(self._settings.base)
        except DamagedError as error:
            self.damage = error
            raise

    @property
    def opened(self) -> Store | None:
        """The store, once it is open."""
        return self._opened

    def store(self) -> Store:
        """Give the store, which serves many requests at once."""
        with self._lock:
            if self._opened is None:
                settings = self._settings
                self._opened = open_store(settings.base, read_only=True, size=settings.readers, patience=PATIENCE)
            return self._opened

    def writer(self) -> Store:
        """Give the store that changes go to; DamagedError where the base was found damaged."""
        if self.damage is not None:
            raise self.damage
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


async def a_store(request: Request) -> Store:
    """Hand out the store; only the first to ask waits, in a thread, until it is open."""
    land: Land = request.app.state.land
    opened = land.opened
    return opened if opened is not None else await run_in_threadpool(land.store)


def a_writer(request: Request) -> Store:
    """Hand out the store that changes go to."""
    land: Land = request.app.state.land
    return land.writer()


AStore = Annotated[Store, Depends(a_store)]
AWriter = Annotated[Store, Depends(a_writer)]


def held(name: str) -> Any:
    """Make the dependency that hands out what the app holds under a name."""

    async def hand_out(request: Request) -> Any:
        return getattr(request.app.state, name)

    return Depends(hand_out)


TheLand = Annotated[Land, held("land")]
TheStandards = Annotated[Standards, held("standards")]
TheNetworks = Annotated[Networks, held("networks")]
TheIndex = Annotated[Index, held("index")]
TheJobs = Annotated[Jobs, held("jobs")]
TheImports = Annotated[Imports, held("imports")]
TheCache = Annotated[TileCache, held("cache")]
TheSettings = Annotated[Settings, held("settings")]
TheKnown = Annotated[Known, held("known")]
TheStewards = Annotated[Stewards, held("stewards")]


def what_one_sees(store: AStore, known: TheKnown, person: ThePerson) -> Mapping[str, Collection]:
    """Decide which collections a person may see, and of which only some features (`Collection.only`)."""
    return catalogue(store, known) if person.may("viewer") else {OFFERS: offers()}


Sees = Annotated[Mapping[str, Collection], Depends(what_one_sees)]


async def a_sight(store: AStore, known: TheKnown, person: ThePerson) -> Callable[[], Mapping[str, Collection]]:
    """Let a route ask `what_one_sees` itself: in its own thread and moment of the base, which spares a thread and a transaction."""
    return partial(what_one_sees, store, known, person)


Sight = Annotated[Callable[[], Mapping[str, Collection]], Depends(a_sight)]


class Desk(NamedTuple):
    """Who changes something, and all that it takes."""

    request: Request
    person: Person
    settings: Settings
    store: Store
    writer: Store
    sees: Mapping[str, Collection]
    standards: Standards
    networks: Networks


async def a_desk(
    request: Request, person: ThePerson, settings: TheSettings, store: AStore, writer: AWriter, sees: Sees,
    standards: TheStandards, networks: TheNetworks,
) -> Desk:  # fmt: skip
    """Collect what a change takes."""
    return Desk(request, person, settings, store, writer, sees, standards, networks)


ADesk = Annotated[Desk, Depends(a_desk)]
