"""Assess every plot of a base: tile by tile, in this process or in several."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property
from itertools import islice, pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from layers import contested
from layers.around import MARGIN, Traces, asked_of, land_around, wider
from layers.assessment import Networks, NotFoundError, findings
from layers.base import Ask, Land, Survey
from layers.catalogue import LAND
from layers.errors import Refusal
from layers.inputs import current, land_versions
from layers.plan.asked import CONTESTED, Asked, Counter
from layers.standards import Standards
from layers.store.base import Box, Store
from layers.traced import keep

TILE = 16_000
"""Plots that are assessed at once."""
MANY = 20_000
"""From so many plots processes pay for being started: a second and a half each."""


BEYOND = 210.0
"""How far parcels are read beyond the far edges of a tile, for plots that begin inside and what may be in their way [m]; where a
plot is larger they are read again."""


class ChangedError(Refusal):
    """The land was changed between two readings that must be of one moment."""


class WorkerLostError(Refusal):
    """A process that assessed a tile ended without an answer."""


class Tile(NamedTuple):
    """A part of a base: the features that have the lower left corner of their envelope in the box, its low edges included.

    `right` and `top` tell whether the tile is the last of its row or column, and so takes what lies beyond.
    """

    box: Box
    right: bool
    top: bool


class Job(NamedTuple):
    """What all tiles of an assessment share: the question, the versions of the layers, the networks as they were traced."""

    ask: Ask
    versions: Mapping[str, int]
    traces: Traces


Spread = Callable[[Store, Job, list[Tile]], Iterator[pd.DataFrame]]
"""How tiles are assessed elsewhere: their findings, in the order of the tiles, from the base at the moment of the job."""


class Census(NamedTuple):
    """What an assessment found, summed up.

    `groups`: plots and their area [m2] by verdict and state of readiness; `residual`: the largest of a plot's partition [m2].
    """

    plots: int
    groups: pd.DataFrame
    residual: float


def tiles(store: Store, layer: str) -> list[Tile]:
    """Part a layer into tiles of about `TILE` features; each feature is in one tile."""
    count, extent = store.extent(layer)
    parts = int(np.ceil(count / TILE))
    columns = int(np.ceil(np.sqrt(parts)))
    xs, ys = (np.linspace(extent[k], extent[k + 2], n + 1).tolist() for k, n in ((0, columns), (1, -(-parts // columns))))
    return [
        Tile((west, south, east, north), east == xs[-1], north == ys[-1])
        for south, north in pairwise(ys)
        for west, east in pairwise(xs)
    ]


def features_of(features: gpd.GeoDataFrame, tile: Tile) -> gpd.GeoDataFrame:
    """Pick the features of a tile."""
    west, south, east, north = tile.box
    x, y = shapely.bounds(features.geometry.to_numpy())[:, :2].T
    mine = (x >= west) & (y >= south) & ((x < east) | tile.right) & ((y < north) | tile.top)
    return features if mine.all() else features[mine].reset_index(drop=True)


def land_of(store: Store, tile: Tile, traces: Traces) -> tuple[gpd.GeoDataFrame, Land]:
    """Read the plots of a tile and what is stored around them; no plots, no land. Parcels are read once for both."""
    west, south, east, north = tile.box
    columns = asked_of("parcels")
    margin = MARGIN["parcels"]
    parcels = store.read("parcels", box=(west - margin, south - margin, east + BEYOND, north + BEYOND), columns=columns)
    plots = features_of(parcels, tile)
    if not len(plots):
        return plots, {}
    box = tuple(plots.total_bounds.tolist())
    _, _, right, top = wide = wider(box, margin)
    if right > east + BEYOND or top > north + BEYOND:
        parcels = store.read("parcels", box=wide, columns=columns)
    around = land_around(store, box, traces, layers=[name for name in LAND if name != "parcels"], words=False)
    return plots, {**around, "parcels": Survey(parcels, store.editions("parcels"))}


def found_in(store: Store, job: Job, tile: Tile) -> pd.DataFrame:
    """Find the verdict and the readiness of the plots of a tile; no rows where it has none."""
    with uncollected():
        plots, land = land_of(store, tile, job.traces)
        return findings(plots, land, job.ask) if len(plots) else pd.DataFrame()


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the collector of garbage wait: rows make so many objects that it looks at all of them again and again, a fifth of reading."""
    waits = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if waits:
            gc.enable()


@contextmanager
def unchanged(store: Store, job: Job) -> Iterator[None]:
    """Hold the moment of a job's versions; ChangedError where the base has others by now."""
    with store.snapshot():
        now = land_versions(store)
        changed = ", ".join(name for name in now if now[name] != job.versions.get(name))
        if changed:
            raise ChangedError(
                f"somebody changed {changed} while the assessment began, and nothing was stored; assess again",
                f"评估开始时{changed}已被他人更改,未存储任何结论,请重新评估",
            )
        yield


def assess(
    store: Store,
    ask: Ask,
    standards: Standards,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    spread: Spread | None = None,
) -> Census:
    """Assess every plot and store the findings with the versions of their inputs, all at once at the end.

    From MANY plots `workers` processes (by default one a core) read the base by themselves, at the moment at which the networks
    were traced, and this one takes in what they find. A base that no other process can open is assessed by this one alone.
    `spread` assesses the tiles elsewhere instead, as `layers.cluster.on` does.
    Memory grows with the lines of the networks (1 kB each in every process) and with the tiles in work and waiting (two a
    worker, of about `TILE` plots with what lies around them); with the plots only by 12 bytes for each service that one asks for.

    NotFoundError where there is no plot, ChangedError where somebody changes the land before all workers began, WorkerLostError
    where one ends unasked; then the findings stay as they were.
    """
    workers, open_ = workers or os.cpu_count() or 1, store.reopen
    total = store.extent("parcels")[0]
    if not total:
        raise NotFoundError("the base has no parcels to assess; import some first", "库中没有宗地可评估,请先导入")
    many = spread is None and workers > 1 and total >= MANY
    with ExitStack() as stack:
        pool = stack.enter_context(_processes(workers)) if open_ and many else None
        with store.snapshot():
            inputs = current(store, ask, standards)
            with uncollected():
                job = Job(ask, inputs["layers"], Networks().trace(store, ask))
            parts = tiles(store, "parcels")
        found = _pooled(pool, open_, job, parts, workers) if pool and open_ else (spread or _alone)(store, job, parts)
        tally = _Tally(total, progress, Counter(job.traces["utilities"]))
        store.save_findings(tally.counted(found), inputs, marks=tally.marks)
        keep(store, job.traces, ask, job.versions)
        contested.keep(store, tally.asked, inputs)
    return tally.census()


class _Tally:
    """Sums findings up as they pass, and what their plots ask of lines."""

    def __init__(self, total: int, progress: Callable[[int, int], None] | None, counter: Counter | None = None) -> None:
        self._total, self._progress, self._counter = total, progress, counter
        self._plots, self._residual = 0, 0.0
        self._groups: list[pd.DataFrame] = []

    def counted(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Pass frames on."""
        for found in frames:
            areas = found.groupby(["verdict", "ready_state"])["area"]
            self._groups.append(areas.agg(["size", "sum"]).set_axis(["plots", "area"], axis=1))
            self._plots += len(found)
            if self._counter:
                self._counter.add(found)
            self._residual = max(self._residual, float(found["residual"].abs().max()))
            yield found.assign(**{CONTESTED.name: ""}) if self._counter else found
            if self._progress:
                self._progress(self._plots, self._total)

    def marks(self) -> pd.DataFrame:
        """Tell which plots ask for what is not enough for all, now that all have passed."""
        assert self._counter is not None
        return self._counter.marks(self.asked)

    @cached_property
    def asked(self) -> Asked:
        """Give the sums of what is asked of lines."""
        assert self._counter is not None
        return self._counter.asked()

    def census(self) -> Census:
        """Give the sums."""
        return Census(self._plots, pd.concat(self._groups).groupby(level=[0, 1]).sum(), self._residual)


def summed(found: pd.DataFrame) -> Census:
    """Sum up findings that are there already."""
    tally = _Tally(len(found), None)
    deque(tally.counted([found]), maxlen=0)
    return tally.census()


def _alone(store: Store, job: Job, parts: list[Tile]) -> Iterator[pd.DataFrame]:
    """Assess tiles one after the other in this process."""
    with unchanged(store, job):
        for tile in parts:
            if len(found := found_in(store, job, tile)):
                yield found


@contextmanager
def _processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Start workers, which make themselves ready while this process traces the networks."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        for _ in range(workers):
            pool.submit(_ready)
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _ready() -> None:
    """Load what the first tile needs; numba takes its code from the disk.

    Rows make so many objects that the collector looks at all that is loaded again and again: it is told to leave that alone.
    """
    import geo.kernels
    import geo.routes
    import geo.segments  # noqa: F401

    gc.freeze()


def _pooled(
    pool: ProcessPoolExecutor, open_: Callable[[], Store], job: Job, parts: Iterable[Tile], workers: int
) -> Iterator[pd.DataFrame]:
    """Assess tiles in the workers of a pool, in their order; a few wait for whoever takes the findings."""
    waiting: deque[Future[pd.DataFrame]] = deque()
    todo = iter(parts)
    with tempfile.TemporaryDirectory(prefix="shudi-") as folder:
        told = Path(folder) / "job"
        told.write_bytes(pickle.dumps((open_, job)))
        try:
            while True:
                waiting.extend(pool.submit(_work, told, tile) for tile in islice(todo, 2 * workers - len(waiting)))
                if not waiting:
                    return
                if len(found := waiting.popleft().result()):
                    yield found
        except BrokenProcessPool:
            raise WorkerLostError(
                "a process that assessed plots was ended from outside (out of memory?), and nothing was stored;"
                " free some memory, or ask for fewer with --workers",
                "评估进程被外部终止(内存不足?),未存储任何结论;请释放内存,或用 --workers 减少进程数",
            ) from None


def _work(told: Path, tile: Tile) -> pd.DataFrame:
    """Assess a tile in a worker."""
    store, job, _ = _begun(told)
    return found_in(store, job, tile)


@cache
def _begun(told: Path) -> tuple[Store, Job, ExitStack]:
    """Open the base in a worker at the moment of the job, which is held as long as the answer."""
    open_, job = pickle.loads(told.read_bytes())
    store, moment = open_(), ExitStack()
    moment.enter_context(unchanged(store, job))
    return store, job, moment
