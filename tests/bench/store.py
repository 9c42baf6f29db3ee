"""The same land in a file and in PostGIS: boxes, whole layers, edits and the way between them."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from layers.store import open_store
from layers.store.address import Address
from layers.store.base import Change, Store
from layers.store.moving import copy
from tests.bench.city import percentile
from tests.postgres import cluster

SIDES = (200.0, 1000.0)
ROUNDS = 200
ACTOR = Change("bench")


def timed(job: Callable[[], Any]) -> float:
    """Time a job [s]."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def rows(stores: dict[str, Store], what: str, jobs: list[Callable[[Store], Any]]) -> Iterator[str]:
    """Time jobs, each in every store in turn; one row a store."""
    taken: dict[str, list[float]] = {name: [] for name in stores}
    for job in jobs:
        for name, store in stores.items():
            taken[name].append(timed(lambda job=job, store=store: job(store)))  # type: ignore[misc]
    for name, times in taken.items():
        yield f"{what}, {name}: p50 {percentile(times, 0.5):.1f} ms, p95 {percentile(times, 0.95):.1f} ms"


def run(base: Path) -> Iterator[str]:
    """Copy the city into a database and back, then ask both the same."""
    with tempfile.TemporaryDirectory() as folder, cluster() as postgres, postgres.database() as url:
        back = Path(folder) / "back.gpkg"
        there = timed(lambda: copy(base, Address(url)))
        yield f"shudi copy: into the database {there:.1f} s, back {timed(lambda: copy(Address(url), back)):.1f} s"
        with closing(open_store(back)) as file, closing(open_store(url)) as database:
            stores: dict[str, Store] = {"file": file, "PostGIS": database}
            count, (west, south, east, north) = file.extent("parcels")
            rng = random.Random(1)
            for side in SIDES:
                corners = [(rng.uniform(west, east - side), rng.uniform(south, north - side)) for _ in range(ROUNDS)]
                boxes = [(x, y, x + side, y + side) for x, y in corners]
                found = sum(len(file.read("parcels", box)) for box in boxes) / ROUNDS
                yield from rows(
                    stores,
                    f"box of {side:.0f} m, {found:.0f} plots with all columns",
                    [lambda s, b=b: s.read("parcels", b) for b in boxes],  # type: ignore[misc]
                )
            yield from rows(stores, f"all {count:,} plots", [lambda s: s.read("parcels")] * 3)
            plots = file.read("parcels", columns=["id"], limit=ROUNDS)["id"]
            edits = [file.read("parcels", ids=[id]).assign(status="idle") for id in plots]
            yield from rows(
                stores,
                "edit of one plot, on disk (PostGIS: fsync off)",
                [lambda s, e=e: s.edit("parcels", ACTOR, put=e) for e in edits],  # type: ignore[misc]
            )
