"""Examples that CI repeats, and a browser for the tests of pages, which fails them by what it says and where it goes."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, Page, sync_playwright

from tests.postgres import Cluster, cluster

# CI draws the same examples every time, so that it judges the change and not its luck; a desk draws new ones. Nothing is timed.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL with PostGIS for the tests of this process."""
    with cluster() as running:
        yield running


SOFTWARE_GL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=SOFTWARE_GL)
        yield running
        running.close()


@dataclass
class Watch:
    """A page, what its console said and what it asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    context = browser.new_context(viewport={"width": 1100, "height": 760}, locale="en-GB")
    watched = Watch(context.new_page())
    page = watched.page
    page.on("console", lambda message: watched.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: watched.said.append(f"error: {error}"))
    page.on("request", lambda request: watched.asked.append(request.url))
    page.set_default_timeout(180_000)
    yield watched
    context.close()
