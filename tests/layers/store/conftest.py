"""The stores that the tests of this folder run against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from layers.store.base import Store
from layers.store.gpkg import GpkgStore
from layers.store.memory import MemoryStore
from layers.store.postgis import PostgisStore
from tests.layers.store.samples import Clock
from tests.postgres import Cluster


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "gpkg", "postgis"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    if request.param == "postgis":
        postgres: Cluster = request.getfixturevalue("postgres")
        with postgres.database("template_park") as url, closing(PostgisStore.open(url, clock=clock)) as base:
            yield base
        return
    if request.param == "memory":
        made: Store = MemoryStore("EPSG:4548", "Test park", clock=clock)
    else:
        made = GpkgStore.create(tmp_path / "land.gpkg", "EPSG:4548", "Test park", clock=clock)
    yield made
    made.close()
