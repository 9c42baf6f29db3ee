"""One edit to fresh findings: a plot, a pipe; in one process that keeps its networks in mind, as the service does."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from layers.assessment import Networks, question
from layers.census import assess
from layers.edits import edit
from layers.refresh import refresh
from layers.standards import Standards
from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from layers.wishes import Wish
from tests.bench.city import percentile

ME = Change("bench")
EDITS = 40
TARGETS = {"parcels": 20, "utilities": 50}
"""The slowest twentieth [ms]."""


def run(base: Path) -> Iterator[str]:
    """Time edits of a copy of the city, each with its own transaction and refresh, after ten that warm up."""
    standards, networks, on = Standards.load(), Networks(), date(2026, 11, 22)
    book = standards.on(on)
    with tempfile.TemporaryDirectory() as folder:
        own = Path(shutil.copy(base, Path(folder) / "city.gpkg"))
        store = GpkgStore.open(own)
        assess(store, question(standards, on, None, None), standards)
        for layer, status in (("parcels", "built"), ("utilities", "retired")):
            ids = store.read(layer, columns=["id"])["id"].tolist()
            wall, work, again = [], [], []
            for id in random.Random(1).sample(ids, EDITS + 10):
                begun, worked = time.perf_counter(), time.process_time()
                edit(store, [Wish(layer, id, "update", {"status": status})], ME, book)
                found = refresh(store, standards, networks)
                wall.append(time.perf_counter() - begun)
                work.append(time.process_time() - worked)
                again.append(len(found.plots) if found else 0)
            wall, work, again = wall[10:], work[10:], again[10:]
            yield (
                f"one edit of {layer} to fresh findings: p50 {percentile(wall, 0.5):.0f} ms, p95 {percentile(wall, 0.95):.0f} ms "
                f"(target {TARGETS[layer]}), work p50 {percentile(work, 0.5):.0f} ms, "
                f"p95 {percentile(work, 0.95):.0f} ms; {sum(again) / EDITS:.0f} plots each"
            )
        store.close()
