"""Assess a base on a dask.distributed cluster: the land of each tile goes to the workers as GeoParquet."""

from __future__ import annotations

import pickle
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from affine import Affine

from geo.raster import Grid
from layers.around import told
from layers.assessment import findings
from layers.base import Edition, Land, Survey
from layers.census import Job, Spread, Tile, WorkerLostError, features_of, land_of, unchanged
from layers.errors import Refusal
from layers.store.base import Store

if TYPE_CHECKING:
    from distributed import Client, Future

WAIT = 10
"""How long a scheduler may take to answer [s]."""
Files = Mapping[str, bytes | Path]
"""The land of a tile by layer: GeoParquet, as bytes or as a file that the workers can read too."""


class ClusterError(Refusal):
    """No cluster works for us there."""


class _Shared(NamedTuple):
    """What every worker is told once: the job with the traced networks, and the deliveries of each layer."""

    job: Job
    editions: Mapping[str, tuple[Edition, ...]]


def on(address: str, scratch: Path | None = None) -> Spread:
    """Spread tiles over the workers of the scheduler at `address`.

    This process reads the land tile by tile and hands it over, as files in `scratch`, a folder that all workers see under the
    same name, or with the tasks themselves; two tiles a thread of the cluster are under way, so that neither side's memory
    grows with the plots. The traced networks go to every worker once. A worker that is lost costs the tiles that it had.

    ClusterError where nobody answers or nobody works, WorkerLostError where a tile ends one worker after the other.
    """

    def spread(store: Store, job: Job, parts: list[Tile]) -> Iterator[pd.DataFrame]:
        with ExitStack() as stack:
            client = stack.enter_context(_client(address))
            import dask

            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shudi-", dir=scratch))) if scratch else None
            stack.enter_context(unchanged(store, job))
            stack.enter_context(dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}))
            yield from _assessed(client, store, job, parts, folder)

    return spread


@contextmanager
def _client(address: str) -> Iterator[Client]:
    """Connect to a scheduler that has workers."""
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError(
            "--scheduler needs dask.distributed: pip install 'shudi[cluster]', here and on the workers",
            "--scheduler 需要 dask.distributed:请在本机和各工作机上 pip install 'shudi[cluster]'",
        ) from None
    try:
        client = Client(address, timeout=WAIT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no scheduler answers at {address} ({error}); start one with dask scheduler --no-dashboard",
            f"{address} 没有调度器应答({error});请用 dask scheduler --no-dashboard 启动",
        ) from None
    with client:
        if not client.nthreads():
            raise ClusterError(
                f"the scheduler at {address} has no workers; start some with dask worker {address}",
                f"{address} 的调度器没有工作进程;请用 dask worker {address} 启动",
            )
        yield client


def _assessed(client: Client, store: Store, job: Job, parts: list[Tile], folder: Path | None) -> Iterator[pd.DataFrame]:
    """Hand tiles over and take their findings in, in the order of the tiles."""
    from distributed import KilledWorker

    editions: dict[str, tuple[Edition, ...]] = {}
    for edition in store.editions():
        editions[edition.layer] = (*editions.get(edition.layer, ()), edition)
    # a task, not scattered data: what a lost worker held of it is made again
    shared = client.submit(pickle.loads, pickle.dumps(_Shared(job, editions)), pure=False)
    waiting: deque[Future] = deque()
    try:
        for n, tile in enumerate(parts):
            plots, land = land_of(store, tile, {})
            if len(plots):
                files = pack(land, folder / f"{n:06}" if folder else None)
                waiting.append(client.submit(_found, shared, files, tile, pure=False))
            if len(waiting) > 2 * sum(client.nthreads().values()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except KilledWorker:
        raise WorkerLostError(
            "a tile ended one worker of the cluster after the other (out of memory?), and nothing was stored; give them more memory",
            "同一图块使集群工作进程接连退出(内存不足?),未存储任何结论;请给它们更多内存",
        ) from None


def _found(shared: _Shared, files: Files, tile: Tile) -> pd.DataFrame:
    """Assess a tile in a worker."""
    job = shared.job
    features = {name: unpack(file) for name, file in files.items()}
    plots = features_of(features["parcels"], tile)
    land = {
        name: Survey(told(frame, job.traces[name]) if name in job.traces else frame, shared.editions[name])
        for name, frame in features.items()
    }
    return findings(plots, land, job.ask)


def pack(land: Land, folder: Path | None = None) -> Files:
    """Write the features of each layer as GeoParquet, into a new folder or into memory."""
    if folder:
        folder.mkdir()
    files: dict[str, bytes | Path] = {}
    for name, survey in land.items():
        frame = _flat(survey.features) if "grid" in survey.features else survey.features
        to: Any = folder / f"{name}.parquet" if folder else BytesIO()
        frame.to_parquet(to, compression="zstd")
        files[name] = to if folder else to.getvalue()
    return files


def unpack(file: bytes | Path) -> gpd.GeoDataFrame:
    """Read the features of a layer as `pack` wrote them, column by column of the same type."""
    frame = gpd.read_parquet(BytesIO(file) if isinstance(file, bytes) else file)
    days = frame.select_dtypes("datetime").columns  # Parquet knows no seconds
    frame = frame.astype(dict.fromkeys(days, "datetime64[s]"))
    return _solid(frame) if "cells" in frame else frame


def _flat(rasters: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Write the grid of each raster in columns: its cells row by row, the number of columns, place, size of a cell, and CRS."""
    grids: list[Grid] = rasters["grid"].tolist()
    columns = {
        "cells": [g.values.tobytes() for g in grids],
        "columns": [g.values.shape[1] for g in grids],
        "x": [g.transform.c for g in grids],
        "y": [g.transform.f for g in grids],
        "dx": [g.transform.a for g in grids],
        "dy": [g.transform.e for g in grids],
        "crs": [g.crs for g in grids],
    }
    return rasters.drop(columns="grid").assign(**columns)


def _solid(flat: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Read grids from their columns."""
    columns = ["cells", "columns", "x", "y", "dx", "dy", "crs"]
    grids = [
        Grid(np.frombuffer(cells, np.float32).reshape(-1, wide), Affine(dx, 0.0, x, 0.0, dy, y), crs)
        for cells, wide, x, y, dx, dy, crs in zip(*(flat[c].tolist() for c in columns), strict=True)
    ]
    return flat.drop(columns=columns).assign(grid=pd.Series(grids, flat.index, dtype=object))
