"""The generated city that benchmarks run on, kept in a git-ignored folder."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHUDI = [sys.executable, "-c", "from api.cli import main; main()"]


def city(plots: int) -> Path:
    """Generate the city of `plots` plots once."""
    base = ROOT / "build" / "bench" / f"city-{plots}.gpkg"
    if not base.exists():
        base.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        subprocess.run(
            [*SHUDI, "demo", str(base), "--plots", str(plots), "--seed", "1"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        print(f"generated in {time.perf_counter() - started:.1f} s, peak {peak:.2f} GB")
    return base


def interleaved(jobs: dict[str, Callable[[], Any]], rounds: int = 3) -> dict[str, float]:
    """Time jobs in turn, `rounds` times each; the median seconds by name."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) for name, times in taken.items()}


def percentile(times: list[float], share: float) -> float:
    """The time [ms] below which a share of the sorted times lies."""
    return 1000 * sorted(times)[min(int(len(times) * share), len(times) - 1)]
