"""Assess every plot of the city over all layers."""

from __future__ import annotations

import json
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.city import ROOT, SHUDI


def run(base: Path) -> Iterator[str]:
    """Time the whole command, start-up, reading and storing included."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run([*SHUDI, "--base", str(base), "--json", "assess"], cwd=ROOT, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    said = json.loads(done.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    yield f"shudi assess, {said['plots']:,} plots: {' '.join(f'{t:.1f}' for t in times)} s (target 15 s at 100,000), peak {peak:.2f} GB"
    yield f"largest residual of a partition: {said['residual_m2']:.1e} m2 (target 1e-6)"
    yield f"verdicts {said['verdict']}, readiness {said['ready_state']}"
