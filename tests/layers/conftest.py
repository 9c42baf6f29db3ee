"""Bases that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from layers.demo import deliveries
from layers.store.base import Change, Store
from layers.store.gpkg import GpkgStore
from layers.store.memory import MemoryStore
from layers.store.postgis import PostgisStore


@pytest.fixture(params=["gpkg", "postgis"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty base of each store that lasts."""
    if request.param == "postgis":
        with request.getfixturevalue("postgres").database("template_park") as url, closing(PostgisStore.open(url)) as base:
            yield base
        return
    with closing(GpkgStore.create(tmp_path / "land.gpkg", "EPSG:4548")) as base:
        yield base


@pytest.fixture(scope="module")
def generated() -> MemoryStore:
    """The demo park in memory, of each module its own: tests may change it."""
    store = MemoryStore()
    for edition, frames in deliveries(400):
        store.add(edition, frames, Change("test"))
    return store
