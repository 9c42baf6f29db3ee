"""A demo park that is made once, its service, and sites to ask about."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from tests.api.faces import DAY, Server, serving, shudi
from tests.conftest import Watch


@pytest.fixture(scope="session")
def park(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo park, assessed on DAY; only to be read."""
    base = tmp_path_factory.mktemp("park") / "park.gpkg"
    assert shudi("demo", base, "--plots", 400).status == 0
    assert shudi("assess", "--base", base, "--on", DAY).status == 0
    return base


def copied(base: Path, own: Path) -> Path:
    """Copy a base that others may have open."""
    with closing(sqlite3.connect(base)) as source, closing(sqlite3.connect(own)) as target:
        source.backup(target)
    return own


@pytest.fixture
def own_park(park: Path, tmp_path: Path) -> Path:
    """A copy of the demo park that a test may change."""
    return copied(park, tmp_path / "own.gpkg")


@pytest.fixture(scope="session")
def server(park: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service of the demo park."""
    with serving(park, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def page(server: Server, watch: Watch) -> Page:
    """The page of the demo park, drawn, in English."""
    watch.page.set_viewport_size({"width": 1300, "height": 800})
    watch.page.goto(f"{server.url}/?lang=en")
    watch.page.wait_for_selector("body[data-drawn]", timeout=180_000)
    return watch.page


@pytest.fixture
def at(server: Server, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Opens an address of the page; at the end it said nothing and asked nobody else."""

    def go(address: str, width: int = 1300, height: int = 850, scheme: Literal["light", "dark"] = "light") -> Page:
        watch.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        watch.page.set_viewport_size({"width": width, "height": height})
        watch.page.goto(f"{server.url}/{address}")
        watch.page.wait_for_selector("body[data-drawn]", timeout=180_000)
        return watch.page

    yield go
    assert watch.said == [], watch.said
    assert all(url.startswith((server.url, "data:", f"blob:{server.url}")) for url in watch.asked), watch.asked


@pytest.fixture
def empty_base(tmp_path: Path) -> Path:
    """A base in which nothing is."""
    base = tmp_path / "empty.gpkg"
    assert shudi("init", base, "--crs", "EPSG:4548").status == 0
    return base


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a site as GeoJSON, with a CRS where one is named."""

    def written(geometry: Any, crs: str | None = None, name: str = "site.geojson") -> Path:
        body: dict[str, Any] = {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": {}, "geometry": geometry}],
        }
        if crs:
            body["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{crs.replace(':', '::')}"}}
        path = tmp_path / name
        path.write_text(json.dumps(body), "utf-8")
        return path

    return written
