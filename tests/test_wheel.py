"""The wheel: all rooms, their data and the browser's libraries, and a command that needs no checkout beside it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.api.faces import answers

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("geo", "layers", "maps", "api")
pytestmark = pytest.mark.slow


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    folder = wheel.parent / "site"
    pip("install", "--no-deps", "--no-compile", "--target", str(folder), str(wheel))
    return folder


def run(installed: Path, *code: str) -> str:
    """Run Python where the installation comes before everything else, far from the checkout."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, *code], cwd=installed.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_rooms(members: set[str]) -> None:
    listed = subprocess.run(["git", "ls-files", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    assert {name for name in listed if name and (ROOT / name).exists()} - members == set()


def test_the_wheel_holds_nothing_but_the_rooms(members: set[str]) -> None:
    assert {name.split("/")[0] for name in members if ".dist-info/" not in name} == set(ROOMS)


def test_the_wheel_holds_the_pinned_browser_libraries_with_their_licences(wheel: Path, members: set[str]) -> None:
    pinned = json.loads((ROOT / "maps/web/package.json").read_text("utf-8"))["dependencies"]
    with zipfile.ZipFile(wheel) as archive:
        manifest = json.loads(archive.read("maps/web/vendor/manifest.json"))
        for name, row in manifest.items():
            assert hashlib.sha256(archive.read(f"maps/web/vendor/{name}")).hexdigest() == row["sha256"]
            assert row["version"] == pinned[row["package"]]
            assert row["licence"]
    assert {row["package"] for row in manifest.values()} == set(pinned)
    assert {name.rsplit("/", 1)[0] for name in manifest if "LICENSE" in name} == set(pinned)


def test_the_pages_scripts_stay_within_their_budget(wheel: Path, members: set[str]) -> None:
    """What a browser transfers, packed: the page's own scripts and styles, and the library that draws."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {
            n: len(gzip.compress(archive.read(n))) for n in members if n.startswith("maps/web/") and n.endswith(("js", "css"))
        }
    own = sum(size for name, size in packed.items() if "/vendor/" not in name)
    drawing = sum(size for name, size in packed.items() if "/vendor/maplibre-gl/" in name)
    assert 50_000 < own < 150_000
    assert 300_000 < drawing < 600_000


def test_an_installation_reads_its_data_without_a_checkout(installed: Path) -> None:
    code = """
import importlib.resources as r, geo, layers, maps, api
from layers.standards import Standards
print(*(m.__path__[0] for m in (geo, layers, maps, api)), sep="\\n")
assert Standards.load().lines
assert (r.files("maps") / "web/vendor/maplibre-gl/maplibre-gl.mjs").is_file()
"""
    assert all(path.startswith(str(installed)) for path in run(installed, "-c", code).split())


def test_an_installation_answers_on_the_command_line(installed: Path) -> None:
    pytest.importorskip("api.cli")
    assert "shudi, version" in run(installed, "-c", "from api.cli import main; main(['--version'], prog_name='shudi')")
    assert "check" in run(installed, "-c", "from api.cli import main; main(['--help'], prog_name='shudi')")


def test_an_installation_serves_the_page_its_files_and_tiles(installed: Path) -> None:
    base, environment = installed.parent / "park.gpkg", os.environ | {"PYTHONPATH": str(installed)}
    shudi = ["-c", "from api.cli import main; main()"]
    run(installed, *shudi, "demo", str(base), "--plots", "4")
    command = [sys.executable, *shudi, "serve", "--base", str(base), "--port", "0", "--json"]
    with (
        (installed.parent / "log").open("wb") as log,
        subprocess.Popen(
            command, cwd=installed.parent, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as service,
    ):
        try:
            assert service.stdout is not None
            url = json.loads(service.stdout.readline())["url"]
            with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
                until = time.monotonic() + 120
                while not answers(client):
                    assert service.poll() is None
                    assert time.monotonic() < until
                    time.sleep(0.05)
                page = client.get("/", headers={"Accept": "text/html"})
                assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
                files = re.findall(r'(?:src|href)="(/?web/[^"]+)"', page.text)
                assert any(name.endswith(".js") for name in files), page.text
                for name in [*files, "web/vendor/maplibre-gl/maplibre-gl.mjs"]:
                    assert client.get(f"/{name.lstrip('/')}").status_code == 200, name
                tile = client.get("/tiles/parcels/14/13516/6395.mvt")
                assert tile.status_code in (200, 204)
                assert client.get("/style.json").json()["layers"]
        finally:
            service.terminate()


def test_the_lock_of_the_browser_libraries_names_no_address() -> None:
    text = (ROOT / "maps/web/package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    assert "://" not in text
    assert all(row["integrity"].startswith("sha512-") for path, row in packages.items() if path)
