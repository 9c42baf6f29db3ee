"""The park in PostGIS: every answer is that of the file, several workers see every write, and a restart is survived."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest
from pandas.testing import assert_frame_equal

from layers.catalogue import LAYERS
from layers.store import open_store
from tests.api.faces import DAY, ENVIRONMENT, Server, serving, shudi
from tests.postgres import Cluster

PLOT = "D001-B08-P01"
TILE = "14/13515/6414"


@pytest.fixture(scope="module")
def database(postgres: Cluster, park: Path) -> Iterator[str]:
    """The park, copied; only to be read."""
    with postgres.database() as url:
        assert shudi("copy", park, url).status == 0
        yield url


@pytest.fixture
def own(park: Path, postgres: Cluster) -> Iterator[str]:
    """A copy of the park that a test may change."""
    with postgres.database() as url:
        assert shudi("copy", park, url).status == 0
        yield url


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service of the database, with two workers."""
    with serving(database, tmp_path_factory.mktemp("served"), "--workers", "2") as running:
        yield running


@pytest.mark.parametrize(
    "command",
    [
        ("layers",),
        *(("check", site, "--on", DAY) for site in ("S-77", "S-104", "S-96", "S-road")),
        ("check", "S-77", "--on", DAY, "--as-of", "2099-01-01"),
        ("explain", PLOT, "--on", DAY),
        ("supply", "--by", "quarter"),
        ("level", "S-77"),
        ("history", "parcels", PLOT),
        ("project", "P-120(示例)", "--on", DAY),
        ("warnings", "--on", DAY),
        ("report", "--year", 2025, "--on", DAY),
    ],
    ids=lambda command: " ".join(map(str, command)),
)
def test_a_command_says_the_same_of_both(park: Path, database: str, command: tuple[str, ...]) -> None:
    for options in ((), ("--json",)):
        here, there = (shudi(*command, "--base", base, *options) for base in (park, database))
        assert here == there


def test_an_assessment_of_the_database_is_that_of_the_file(own_park: Path, own: str) -> None:
    for base in (own_park, own):
        assert shudi("assess", "--base", base, "--on", "2027-03-01").status == 0
    with closing(open_store(own_park)) as here, closing(open_store(own)) as there:
        one, other = here.findings(), there.findings()
        assert other[1] == one[1]
        assert len(one[0]) == 400
        assert_frame_equal(other[0], one[0], check_exact=True)
        for name, layer in LAYERS.items():
            if layer.geometry != "raster":
                mine, theirs = (pd.DataFrame(s.read(name).to_wkb()) for s in (here, there))
                assert_frame_equal(theirs, mine, check_exact=True)


def test_a_report_of_the_database_is_that_of_the_file(park: Path, database: str, tmp_path: Path) -> None:
    for base, name in ((park, "a.html"), (database, "b.html")):
        assert shudi("map", "--base", base, "--on", DAY, "--out", tmp_path / name).status == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/healthz", "/about.json", "/style.json", f"/plots/{PLOT}?on={DAY}", f"/plots/{PLOT}/levelling", "/supply", "/plots/nobody",
        *(f"/tiles/{layer}/{TILE}.mvt" for layer in ("readiness", "parcels", "roads", "utilities")),
        "/tiles/readiness/11/1689/801.mvt",
    ],
)  # fmt: skip
def test_the_service_answers_the_same_of_both(server: Server, served: Server, path: str) -> None:
    here, there = server.client.get(path), served.client.get(path)
    assert there.status_code == here.status_code
    if there.status_code == 200:
        assert there.content.replace(served.url.encode(), b"") == here.content.replace(server.url.encode(), b"")
        assert there.headers.get("etag") == here.headers.get("etag")


WRITER = """
import sys
from layers.store import open_store
from layers.store.base import Change, StoreError
store = open_store(sys.argv[1])
plot = store.read("parcels", ids=["D001-B08-P01"])
k = 0
while True:
    name = f"{sys.argv[2]}-{k}"
    try:
        store.edit("parcels", Change(sys.argv[2], name), put=plot.assign(id=name))
    except StoreError as error:
        print("refused", type(error).__name__, flush=True)
        continue
    print("stored", name, flush=True)
    k += 1
"""


@dataclass
class Writer:
    """A process that writes, one feature after the other, and notes what was acknowledged and what refused."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self, word: str) -> list[str]:
        return re.findall(rf"^{word} (.*)\n", self.log.read_text("utf-8"), re.M)

    def writes_on(self) -> None:
        """Wait for the next acknowledgement."""
        seen, until = len(self.lines("stored")), time.monotonic() + 60
        while len(self.lines("stored")) == seen:
            assert time.monotonic() < until, self.log.read_text("utf-8")
            time.sleep(0.02)


@contextmanager
def writers(base: str, folder: Path, count: int = 4) -> Iterator[list[Writer]]:
    found = []
    for n in range(count):
        log = folder / f"w{n}.log"
        with log.open("w") as out:
            process = subprocess.Popen([sys.executable, "-c", WRITER, base, f"w{n}"], env=ENVIRONMENT, stdout=out, stderr=out)
        found.append(Writer(process, log))
    try:
        for each in found:
            each.writes_on()
        yield found
    finally:
        for each in found:
            each.process.kill()
            each.process.wait(20)


def test_a3_a_crash_of_the_database_under_four_writers_loses_nothing_and_is_over_by_itself(
    postgres: Cluster, own: str, tmp_path: Path
) -> None:
    with serving(own, tmp_path, "--workers", "2") as running, writers(own, tmp_path) as four:
        postgres.stop()
        try:
            refused = running.client.get(f"/plots/{PLOT}")
        finally:
            postgres.start()
        up = time.monotonic()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "detail_zh" in refused.json()
        while running.client.get(f"/plots/{PLOT}").status_code != 200:
            assert time.monotonic() - up < 60
        for each in four:
            each.writes_on()
        assert {running.client.get("/healthz").status_code for _ in range(20)} == {200}
    acknowledged = {name for each in four for name in each.lines("stored")}
    refusals = {name for each in four for name in each.lines("refused")}
    assert "DownError" in refusals
    assert refusals <= {"DownError", "BusyError"}
    with closing(open_store(own)) as store:
        found = store.read("parcels")["id"]
        assert found.is_unique
        stored = set(found[found.str.startswith("w")])
        assert acknowledged <= stored
        assert len(stored) <= len(acknowledged) + 4  # the one in flight of each when it was ended may be there, whole
        assert len(store.history("parcels", "w0-0")) == 1


def test_a8_what_was_written_is_seen_by_every_worker_at_once(own: str, tmp_path: Path) -> None:
    with serving(own, tmp_path, "--workers", "2") as running, closing(open_store(own)) as store:
        tags = set()
        for k in range(10):
            with closing(psycopg.connect(own, autocommit=True)) as outside:
                outside.execute("UPDATE shudi.parcels SET block = %s WHERE id = %s", (f"block {k}", PLOT))
            version = store.versions()["parcels"]
            for _ in range(4):
                assert running.client.get("/healthz", headers={"Connection": "close"}).json()["layers"]["parcels"] == version
            tags.add(running.client.get(f"/tiles/parcels/{TILE}.mvt").headers["etag"])
        assert len(tags) == 10


def test_a_worker_that_is_killed_is_replaced(served: Server) -> None:
    def workers() -> set[int]:
        children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
        return {pid for pid in map(int, children) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()}

    before = workers()
    assert len(before) == 2
    os.kill(min(before), signal.SIGKILL)
    until = time.monotonic() + 180  # its supervisor may be waiting for its pulse
    while len(workers()) < 2 or workers() == before:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert served.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://lin:s3cr3t@127.0.0.1:1/park",
        "postgresql://lin:s3cr3t@[::1/park",
        "postgresql://lin@127.0.0.1:1/x?password=s3cr3t",
    ],
)
def test_no_command_tells_a_password(address: str, park: Path) -> None:
    commands: list[list[Any]] = [
        ["--base", address, "layers"], ["serve", "--store", address], ["init", address, "--crs", "EPSG:4548"], ["copy", park, address],
        ["demo", address], ["--json", "--base", address, "migrate"],
    ]  # fmt: skip
    for lang in ("en", "zh"):
        for command in commands:
            found = shudi(*command, lang=lang)
            assert found.status == 2
            assert "s3cr3t" not in found.out + found.err


def test_migrate_says_that_a_base_is_up_to_date(own: str, own_park: Path) -> None:
    for base in (own, own_park):
        found = shudi("migrate", "--base", base)
        assert (found.status, "up to date" in found.out) == (0, True)
