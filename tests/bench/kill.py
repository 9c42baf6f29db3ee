"""The service is killed under four writers, again and again: what was acknowledged is there once, and it is back soon."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from layers.store import open_store
from layers.store.base import Store
from tests.api.faces import DAY, ENVIRONMENT, shudi
from tests.bench.city import ROOT, SHUDI, percentile
from tests.bench.serve import spent
from tests.postgres import Cluster, cluster, free_port

ROUNDS, DATABASE_ROUNDS = 200, 20
WRITERS = 4
LONGEST = 5.0
"""Seconds that a restart may take until the first answer."""
SIDE = 0.0001


@dataclass
class Ledger:
    """What writers asked for and what was acknowledged: the id of each site, how long each answer took [s], and what was refused."""

    asked: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    waits: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def write(self, name: str, port: int, stop: threading.Event) -> None:
        """Create one site after the other until the service dies or `stop` is set."""
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as door:
            while not stop.is_set():
                id = f"{name}-{len(self.asked)}-{time.monotonic_ns()}"
                self.asked.add(id)
                begun = time.monotonic()
                try:
                    door.request(
                        "POST",
                        f"/collections/sites/items?reason={id}",
                        json.dumps(site(id)),
                        {"Content-Type": "application/geo+json"},
                    )
                    answer = door.getresponse()
                    told = answer.read()
                except (OSError, http.client.HTTPException):
                    return
                self.waits.append(time.monotonic() - begun)
                if answer.status == 201:
                    self.stored.add(id)
                elif answer.status != 503:
                    self.wrong.append(f"{answer.status} {told[:200]!r}")


def site(id: str) -> dict[str, object]:
    """Write a site of its own at a place of its own."""
    rng = random.Random(id)
    x, y = 117.0 + rng.random() / 50, 36.8 + rng.random() / 50
    ring = [[x, y], [x + SIDE, y], [x + SIDE, y + SIDE], [x, y + SIDE], [x, y]]
    return {"type": "Feature", "id": id, "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


@contextmanager
def service(base: Path | str) -> Iterator[tuple[subprocess.Popen[bytes], int, float, float]]:
    """Start a service; gives how long it took until it answered from the base, and its CPU time till then [s].

    Its whole group is killed at the end.
    """
    port, started = free_port(), time.monotonic()
    process = subprocess.Popen(
        [*SHUDI, "--base", str(base), "serve", "--port", str(port)],
        cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        while True:
            assert process.poll() is None
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as door:
                try:
                    door.request("GET", "/collections/sites/items?limit=1")
                    if door.getresponse().status == 200:
                        break
                except OSError:
                    time.sleep(0.02)
            assert time.monotonic() - started < 120
        yield process, port, time.monotonic() - started, spent([process.pid])
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def sound(base: Path | str) -> bool:
    """Check the whole file, or that the database reads all of its rows."""
    if isinstance(base, Path):
        with closing(sqlite3.connect(f"{base.as_uri()}?mode=ro", uri=True)) as c:
            return bool(c.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
    with closing(psycopg.connect(base)) as c:
        rows = c.execute("SELECT count(*), count(DISTINCT id) FROM shudi.sites").fetchone()
        return rows is not None and rows[0] == rows[1]


def lost(store: Store, ledger: Ledger) -> list[str]:
    """Name what is not as acknowledged: lost, doubled, half there, or there without having been asked for."""
    found = store.read("sites")
    ids = set(found["id"])
    bad = [f"lost {id}" for id in ledger.stored - ids]
    bad += ["doubled"] * (len(found) - len(ids))
    bad += [f"not asked for {id}" for id in ids - ledger.asked if id.startswith("w")]
    bad += ["without a place"] * int(found.geometry.isna().sum())
    in_box = store.read("sites", store.extent("sites")[1])
    return bad + ["not found by its place"] * (len(found) - len(in_box))


def killed(base: Path | str, rounds: int, postgres: Cluster | None = None) -> Iterator[str]:
    """Kill the service so often, within a tenth of a second of some acknowledgements; every other time the database dies first."""
    rng, ledger = random.Random(1), Ledger()
    starts, works, unsound, bad = [], [], 0, 0
    for turn in range(rounds):
        with service(base) as (process, port, took, work):
            starts.append(took)
            works.append(work)
            stop = threading.Event()
            names = [f"w{turn}.{k}" for k in range(WRITERS)]
            writers = [threading.Thread(target=ledger.write, args=(name, port, stop)) for name in names]
            for writer in writers:
                writer.start()
            enough, until = len(ledger.stored) + rng.randrange(1, 3 * WRITERS), time.monotonic() + 60
            while len(ledger.stored) < enough and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(rng.uniform(0.0, 0.1))
            if postgres is not None and turn % 2:
                postgres.stop()
            os.killpg(process.pid, signal.SIGKILL)
            stop.set()
            for writer in writers:
                writer.join()
        if postgres is not None and turn % 2:
            postgres.start()
        unsound += not sound(base)
        with closing(open_store(base)) as store:
            bad += len(lost(store, ledger))
    with closing(open_store(base)) as store:
        entries = [len(store.history("sites", id)) for id in rng.sample(sorted(ledger.stored), min(200, len(ledger.stored)))]
        flying = len(set(store.read("sites")["id"]) & (ledger.asked - ledger.stored))
    yield (
        f"{rounds} kills under {WRITERS} writers: {len(ledger.stored):,} writes acknowledged, {bad} lost, doubled or half there, "
        f"{flying} there that the kill left unacknowledged, {unsound} times unsound, {len(ledger.wrong)} refused"
    )
    yield from ledger.wrong[:5]
    yield f"entries of the history of each of {len(entries)} acknowledged writes: {min(entries)} to {max(entries)} (must be 1)"
    yield (
        f"restart to the first answer: p50 {percentile(starts, 0.5):,.0f} ms, slowest {max(starts):.1f} s (of CPU time "
        f"{percentile(works, 0.5):,.0f} ms and {max(works):.1f} s), {sum(t > LONGEST for t in starts)} of {rounds} over {LONGEST:.0f} s"
    )


def run(base: Path) -> Iterator[str]:
    """Kill the service of a demo park in a file, and in PostGIS; `base` is left alone."""
    with tempfile.TemporaryDirectory() as name:
        park = Path(name) / "park.gpkg"
        assert shudi("demo", park, "--plots", 400).status == 0
        assert shudi("assess", "--base", park, "--on", DAY).status == 0
        with cluster() as postgres, postgres.database() as url:
            assert shudi("copy", park, url).status == 0
            for row in killed(url, DATABASE_ROUNDS, postgres):
                yield f"PostGIS, {row}"
        for row in killed(park, ROUNDS):
            yield f"file, {row}"
