"""Assessing on a dask.distributed cluster: the findings of one process, whatever happens to a worker."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal

from layers.around import land_around
from layers.assessment import question
from layers.census import assess
from layers.cluster import ClusterError, on, pack, unpack
from layers.demo import deliveries
from layers.standards import Standards
from layers.store.base import Change
from layers.store.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2]
STANDARDS = Standards.load()
ASK = question(STANDARDS, None, None, None)


@pytest.fixture(scope="module")
def park():
    store = MemoryStore()
    for edition, frames in deliveries(100):
        store.add(edition, frames, Change("test"))
    return store


def start(command, *options):
    """Start a part of a cluster."""
    quiet = {"DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h", "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", f"distributed.cli.dask_{command}", "--no-dashboard", *map(str, options)]
    return subprocess.Popen(line, cwd=ROOT, env={**os.environ, **quiet}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def cluster(tmp_path):
    """Run a scheduler and two workers of one thread; gives the scheduler's address and the workers."""
    from distributed import Client

    told = tmp_path / "scheduler.json"
    scheduler = start("scheduler", "--port", 0, "--host", "127.0.0.1", "--scheduler-file", told)
    workers = [start("worker", "--scheduler-file", told, "--no-nanny", "--nthreads", 1, "--memory-limit", 0) for _ in range(2)]
    try:
        for _ in range(600):
            if told.exists():
                break
            time.sleep(0.05)
        with Client(scheduler_file=str(told), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def test_a_killed_worker_does_not_change_the_findings(park, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("layers.census.TILE", 12)
    assess(park, ASK, STANDARDS)
    expected = park.findings()[0]
    address, workers = cluster
    told = []

    def progress(done, total):
        if not told:
            workers[0].send_signal(signal.SIGKILL)
        told.append(done)

    census = assess(park, ASK, STANDARDS, progress, spread=on(address, tmp_path))
    assert workers[0].wait() == -signal.SIGKILL
    assert len(told) > 4
    assert census.plots == told[-1] == 100
    pd.testing.assert_frame_equal(park.findings()[0], expected, check_exact=True)
    assert not [p for p in tmp_path.iterdir() if p.is_dir()]
    assess(park, ASK, STANDARDS, spread=on(address))
    pd.testing.assert_frame_equal(park.findings()[0], expected, check_exact=True)


def test_where_nobody_answers_nothing_is_stored(park, monkeypatch):
    monkeypatch.setattr("layers.cluster.WAIT", 0.5)
    before = park.findings()[1]
    with pytest.raises(ClusterError, match="no scheduler answers"):
        assess(park, ASK, STANDARDS, spread=on("tcp://127.0.0.1:9"))
    assert park.findings()[1] == before


@pytest.mark.parametrize("folder", [True, False], ids=["by files", "by bytes"])
def test_land_comes_back_from_geoparquet_as_it_was(park, folder, tmp_path):
    land = land_around(park, park.extent("parcels")[1], {})
    files = pack(land, tmp_path / "tile" if folder else None)
    assert set(files) == set(land)
    for name, survey in land.items():
        back, given = unpack(files[name]), survey.features.copy()
        grids = [frame.pop("grid") if "grid" in frame else [] for frame in (back, given)]
        assert_geodataframe_equal(back, given)
        for one, other in zip(*grids, strict=True):
            np.testing.assert_array_equal(one.values, other.values)
            assert (one.transform, one.crs) == (other.transform, other.crs)
