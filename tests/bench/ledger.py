"""What the schedule and the warnings of many projects cost: `python -m tests.bench.ledger 1000`.

CPU seconds of one process: of the whole ledger with its warnings, and of one change to fresh dates.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

from layers.base import PANDAS
from layers.catalogue import LEDGER
from layers.plan.ledger import changed, ledger
from layers.plan.procedures import templates
from layers.plan.schedule import ordered
from layers.plan.warnings import warnings
from layers.plan.workdays import Calendar
from layers.standards import Standards

TIMES = 50
ON = np.datetime64("2026-03-02", "D")


def blank(table: str, count: int) -> pd.DataFrame:
    """Make rows of a table of which nothing is known."""
    return pd.DataFrame({f.name: pd.Series([None] * count, dtype=PANDAS[f.dtype]) for f in LEDGER[table].columns})


def base(count: int, items: list[str], rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Make projects with all their steps, the first of each done, with plans, contracts and connection orders."""
    ids = [f"P{k:04d}" for k in range(count)]
    projects = blank("projects", count).assign(id=ids, name=ids, kind="industrial")
    projects["target_on"] = np.datetime64("2028-06-30", "s")
    k = len(items)
    done = np.tile(np.arange(k), count) < np.repeat(rng.integers(0, k, count), k)
    begun = np.repeat(np.datetime64("2025-01-06", "D") + rng.integers(0, 100, count), k)
    day = begun + np.tile(np.arange(k) * 10, count)
    permits = blank("permits", count * k).assign(
        id=[f"{p}-{i}" for p in ids for i in items], project=np.repeat(ids, k), item=np.tile(items, count),
        planned_on=(day + rng.integers(-20, 5, count * k)).astype("datetime64[s]"),
        actual_on=np.where(done & (day < ON), day, np.datetime64("NaT")).astype("datetime64[s]"),
    )  # fmt: skip
    cases = blank("land_cases", count).assign(id=ids, project=ids, supplied_on=np.datetime64("2025-03-01", "s"))
    orders = blank("connections", count).assign(id=ids, project=ids, utility="water")
    return projects, permits, cases, orders


def main(count: int) -> None:
    """Measure and print."""
    standards = Standards.load()
    book, calendar = standards.on(ON.item()), Calendar.of(standards)
    items = [s.id for s in ordered(templates(book)["industrial"].steps)]
    projects, permits, cases, orders = base(count, items, np.random.default_rng(1))
    issues = blank("issues", 0)
    begin = time.process_time()
    of = ledger(projects, permits, ON, book, calendar)
    scheduled = time.process_time()
    found = warnings(of, cases, orders, issues)
    warned = time.process_time()
    print(
        f"{count} projects x {len(items)} steps: schedule {scheduled - begin:.3f} s, {len(found)} warnings {warned - scheduled:.3f} s"
    )
    one, own = projects.iloc[[7]], permits[permits["project"] == projects["id"].iloc[7]]
    begin = time.process_time()
    for _ in range(TIMES):
        changed(of, one, own)
    print(f"one change to fresh dates {(time.process_time() - begin) / TIMES * 1000:.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
