"""The HTTP service: its app is made from settings, nothing is built at import."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from api.auth import Doorkeeper, Gate
from api.deps import Land
from api.errors import handle
from api.importing import Imports
from api.jobs import Jobs
from api.jobs import beside as jobs_beside
from api.limits import Limits
from api.oidc import Provider
from api.openapi import describe
from api.routes import (
    admin,
    checks,
    community,
    edits,
    events,
    features,
    health,
    history,
    imports,
    ledger,
    listings,
    networks,
    oidc,
    page,
    parcels,
    people,
    places,
    plots,
    processes,
    sites,
    sitings,
    supply,
    tiles,
    tilesets,
    users,
    whatif,
    workbook,
)
from api.settings import Settings
from api.watch import Watch
from geo.errors import GeoError
from geo.tiles import holding
from layers.about import about
from layers.assessment import Networks
from layers.errors import Refusal
from layers.known import Known
from layers.plot_index import Index
from layers.standards import Standards
from layers.steward import Stewards
from layers.store.people import People, beside
from maps.tiles import PLOT_ZOOM, READINESS, TileCache, tile

ROUTES = (
    tiles, features, edits, events, history, tilesets, processes, health, people, users, oidc, imports, plots, places, checks, sites,
    sitings, listings, networks, supply, ledger, community, page, parcels, whatif, workbook, admin,
)  # fmt: skip
"""What is served, in the order in which addresses are matched."""
COMPRESSION = 1
"""Level of gzip: the fourth takes twice as long and saves a tenth."""

M_ARENA_MAX = -8
"""The setting of `malloc.h` for the number of heaps."""
SWITCH = 0.001
"""Seconds after which a thread that computes lets another go on: with Python's own five each request waits that long several times."""
COLLECTED = (20_000, 20, 20)
"""How many new objects, and rounds of it, start a search for cycles: a page of features is thousands of objects without any."""


def one_heap() -> None:
    """Let all threads allocate from one heap, where the C library is GNU's.

    It gives each thread one of its own, from which what GEOS needs for an answer goes back to the system and comes again: a
    twentieth of the time of a check.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_ARENA_MAX, 1)


def create_service(settings: Settings) -> FastAPI:
    """Make the app in a process of its own, which is set up for many short requests at once."""
    app = create_app(settings)
    warm(app)
    sys.setswitchinterval(SWITCH)
    one_heap()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED)
    return app


def warm(app: FastAPI) -> None:
    """Do beforehand what else the first to open a map waits for: build the routes, find the ways between CRSs, draw tiles."""
    for route in app.routes:
        route.matches({"type": "http", "method": "GET", "path": "/"})
    with suppress(Refusal, GeoError):  # what is wrong with the base is told to who asks
        store = app.state.land.store()
        for z in (PLOT_ZOOM - 1, PLOT_ZOOM):
            tile(store, READINESS, *holding(z, *about(store)["center"]))


def create_app(settings: Settings) -> FastAPI:
    """Make the app that serves one land base."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        app.state.watch.start()
        yield {"end": app.state.watch.end}
        app.state.watch.close()
        app.state.jobs.close()
        app.state.land.close()
        keeper.people.close()

    app = FastAPI(
        title="Shudi", version=version("shudi"), lifespan=life, docs_url=None, redoc_url=None,
        description="Which land can be built on, from which day, and what is still missing.",
    )  # fmt: skip
    app.state.land = Land(settings)
    app.state.standards = Standards.load()
    app.state.networks = Networks()
    app.state.index = Index()
    app.state.cache = TileCache()
    app.state.settings = settings
    app.state.known = Known()
    app.state.stewards = Stewards()
    app.state.watch = Watch(app.state.land, app.state.standards, app.state.networks)
    folder = jobs_beside(settings.base)
    app.state.jobs = Jobs(folder)
    app.state.imports = Imports(folder.with_suffix(".imports"), app.state.jobs)
    app.state.keeper = keeper = Doorkeeper(People(settings.people or beside(settings.base)), settings.guarded)
    app.state.provider = Provider(settings.oidc) if settings.oidc else None
    handle(app)
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=COMPRESSION)
    app.add_middleware(Gate, settings=settings, keeper=keeper)
    app.add_middleware(Limits, settings=settings)
    for module in ROUTES:
        app.include_router(module.router)
    page.mount(app)
    describe(app)
    return app
