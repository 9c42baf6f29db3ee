"""A city of a million plots: the full assessment, and the same questions to other engines on a part of it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.overlay import overlaps
from geo.proximity import within
from layers.around import land_around
from layers.assessment import Networks, findings, question
from layers.base import Ask, Land
from layers.census import tiles
from layers.plan.supply import claimed
from layers.standards import Standards
from layers.store.gpkg import GpkgStore
from layers.utilities import KINDS
from tests.bench.city import ROOT, SHUDI, interleaved
from tests.bench.overlay import postgis

PARTS = (5_000, 20_000, 80_000)
"""Plots of the parts that the engines are asked about, one after the other, as long as they are quick enough."""
PATIENCE = 60.0
"""An engine that took longer than this [s] for one round is not asked about a larger part."""

Questions = tuple[str, str]
OVERLAY = (
    "select sum(case when st_covers(c.geom, p.geom) then st_area(p.geom) else st_area(st_intersection(p.geom, c.geom)) end) "
    "from plots p join claims c on st_intersects(p.geom, c.geom)"
)
NEAREST = (
    "select sum(d) from (select p.id, l.kind, min(st_distance(p.geom, l.geom)) d from plots p "
    "join lines l on st_dwithin(p.geom, l.geom, {reach}) group by p.id, l.kind) t"
)


class Part:
    """A part of the city: the plots of the lower left, their land, the polygons of all rules and the lines of all networks."""

    def __init__(self, base: Path, count: int) -> None:
        store = GpkgStore.open(base, read_only=True)
        self.ask: Ask = question(Standards.load(), date(2026, 11, 22), None, None)
        self.reach: float = self.ask.standards["utilities.max_connect"]
        total, box = store.extent("parcels")
        width = (box[2] - box[0]) * (count / total) ** 0.5
        height = (box[3] - box[1]) * (count / total) ** 0.5
        self.box = (box[0], box[1], box[0] + width, box[1] + height)
        traces = Networks().trace(store, self.ask)
        started = time.perf_counter()
        self.plots = store.read("parcels", box=self.box)
        self.land: Land = land_around(store, tuple(self.plots.total_bounds.tolist()), traces)
        self.reading = time.perf_counter() - started
        store.close()
        claims = claimed(self.land, self.ask)
        self.a = self.plots.geometry.to_numpy()
        self.b = np.concatenate([claims.shapes, claims.coverages])
        lines = self.land["utilities"].features
        lines = lines[(lines["role"] != "source").to_numpy(bool) & lines["kind"].isin(list(KINDS)).to_numpy(bool)]
        self.lines, self.kind = lines.geometry.to_numpy(), lines["kind"].to_numpy(object)

    def frames(self) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
        """Give plots, claims and lines as frames."""
        crs = self.plots.crs
        return (
            gpd.GeoDataFrame({"id": np.arange(len(self.a))}, geometry=self.a, crs=crs),
            gpd.GeoDataFrame({"claim": np.arange(len(self.b))}, geometry=self.b, crs=crs),
            gpd.GeoDataFrame({"kind": self.kind}, geometry=self.lines, crs=crs),
        )

    def wkb(self) -> dict[str, pd.DataFrame]:
        """Give plots, claims and lines as tables of WKB."""
        return {
            "plots": pd.DataFrame({"id": np.arange(len(self.a)), "wkb": shapely.to_wkb(self.a)}),
            "claims": pd.DataFrame({"wkb": shapely.to_wkb(self.b)}),
            "lines": pd.DataFrame({"kind": self.kind.astype(str), "wkb": shapely.to_wkb(self.lines)}),
        }

    def queries(self) -> Questions:
        """Write both questions in SQL."""
        return OVERLAY, NEAREST.format(reach=self.reach)


Answers = tuple[float, float]
Job = Callable[[], Answers]
"""Answers both questions: the area that plots share with claims [m2], the sum of the distances of the nearest lines [m]."""


def kernels(part: Part) -> Job:
    """Shudi's two kernels alone, on one thread."""

    def job() -> Answers:
        area = overlaps(part.a, part.b, outlines=False).area.sum()
        i, j, distance = within(part.a, part.lines, part.reach)
        nearest = pd.Series(distance).groupby([i, part.kind[j]]).min()
        return float(area), float(nearest.sum())

    return job


def straightforward(part: Part) -> Job:
    """Straightforward geopandas: two spatial joins, and what they pair measured."""
    plots, claims, lines = part.frames()

    def job() -> Answers:
        met = gpd.sjoin(plots, claims, predicate="intersects")
        shared = met.geometry.intersection(claims.geometry.loc[met["index_right"]].set_axis(met.index), align=False)
        near = gpd.sjoin(plots, lines, predicate="dwithin", distance=part.reach)
        far = near.geometry.distance(lines.geometry.loc[near["index_right"]].set_axis(near.index), align=False)
        return float(shared.area.sum()), float(far.groupby([near["id"], near["kind"]]).min().sum())

    return job


def floor(part: Part) -> Job:
    """One prepared GEOS predicate for each pair whose envelopes meet, and nothing else."""

    def job() -> Answers:
        j, i = shapely.STRtree(part.a).query(part.b)
        shapely.prepare(part.b)
        met = shapely.intersects(part.b[j], part.a[i])
        j, i = shapely.STRtree(part.a).query(shapely.box(*(shapely.bounds(part.lines) + part.reach * np.array([-1, -1, 1, 1])).T))
        shapely.prepare(part.lines)
        return float(met.sum()), float(shapely.dwithin(part.lines[j], part.a[i], part.reach).sum())

    return job


def whole(part: Part) -> Job:
    """All that Shudi finds of each plot: verdict, partition, readiness, capacity and terrain, on one thread."""

    def job() -> Answers:
        found = findings(part.plots, part.land, part.ask)
        return float(found["area"].sum()), float(len(found))

    return job


@contextmanager
def duckdb(part: Part) -> Iterator[Job | None]:
    """DuckDB with its spatial extension, two threads; None where either is not there."""
    try:
        import duckdb as engine
        import duckdb_extension_spatial
    except ImportError:
        yield None
        return
    found = sorted(Path(duckdb_extension_spatial.__file__).parent.rglob("*.duckdb_extension"))
    with engine.connect(config={"allow_unsigned_extensions": "true", "threads": 2}) as connection:
        connection.execute(f"load '{found[0]}'")
        for name, table in part.wkb().items():
            connection.register("given", table)
            connection.execute(f"create table {name} as select * exclude wkb, st_geomfromwkb(wkb) geom from given")
        yield lambda: tuple(connection.execute(q).fetchone()[0] for q in part.queries())  # type: ignore[index,return-value]


@contextmanager
def sedona(part: Part) -> Iterator[Job | None]:
    """SedonaDB; None where it is not there."""
    try:
        import sedonadb
    except ImportError:
        yield None
        return
    connection = sedonadb.connect()
    for name, frame in zip(("plots", "claims", "lines"), part.frames(), strict=True):
        connection.create_data_frame(frame.rename_geometry("geom")).to_memtable().to_view(name)
    yield lambda: tuple(float(connection.sql(q).to_arrow_table()[0][0].as_py()) for q in part.queries())  # type: ignore[return-value]


@contextmanager
def database(part: Part) -> Iterator[Job | None]:
    """PostGIS in a throw-away server; None where it is not installed."""
    with postgis(part.a, part.b) as psql:
        if psql is None:
            yield None
            return

        def run(*options: str, stdin: bytes | None = None) -> str:
            done = subprocess.run([*psql, *options], input=stdin, check=True, capture_output=True, cwd="/")
            return done.stdout.decode()

        run("-c", "alter table a rename to plots; alter table plots add id serial; alter table b rename to claims")
        rows = "\n".join(f"{k}\t{g}" for k, g in zip(part.kind, shapely.to_wkb(part.lines, hex=True), strict=True))
        run("-c", "create table lines(kind text, geom geometry)")
        run("-c", "copy lines from stdin", stdin=rows.encode())
        run("-c", "create index on lines using gist(geom)")
        run("-c", "vacuum analyze")
        yield lambda: tuple(float(run("-c", q)) for q in part.queries())  # type: ignore[return-value]


class Watched:
    """The memory of a process and those that it starts [GB]: the most that they had at once."""

    def __init__(self, pid: int) -> None:
        self.peak, self._pid, self._done = 0.0, pid, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            self.peak = max(self.peak, self._own(self._pid))

    def _own(self, pid: int) -> float:
        total = 0.0
        with suppress(OSError, ValueError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            total = sum(float(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1e6
            for task in Path(f"/proc/{pid}/task").iterdir():
                total += sum(self._own(int(child)) for child in (task / "children").read_text().split())
        return total

    def stop(self) -> float:
        """Stop watching; gives the peak."""
        self._done.set()
        self._thread.join()
        return self.peak


def full(base: Path) -> Iterator[str]:
    """Time the whole command: start, trace, tiles in processes, findings stored."""
    started = time.perf_counter()
    command = subprocess.Popen([*SHUDI, "--base", str(base), "--json", "assess"], cwd=ROOT, stdout=subprocess.PIPE)
    watched = Watched(command.pid)
    told = command.communicate()[0]
    taken, peak = time.perf_counter() - started, watched.stop()
    said = json.loads(told)
    yield f"shudi assess, {said['plots']:,} plots: {taken:.1f} s, {peak:.2f} GB in all processes (target 30 s, 6 GB)"
    yield f"largest residual of a partition: {said['residual_m2']:.1e} m2"


def tracing(base: Path) -> Iterator[str]:
    """Time the trace of all networks, reading apart."""
    store = GpkgStore.open(base, read_only=True)
    ask = question(Standards.load(), date(2026, 11, 22), None, None)
    lines = {name: store.extent(name)[0] for name in ("roads", "utilities")}
    started = time.perf_counter()
    for name in lines:
        store.read(name)
    reading = time.perf_counter() - started
    started = time.perf_counter()
    Networks().trace(store, ask)
    tracing = time.perf_counter() - started - reading
    each = tracing / sum(lines.values())
    yield f"trace of {sum(lines.values()):,} lines: {tracing:.1f} s beside {reading:.1f} s of reading; {each * 2e5:.2f} s for 200,000 (target 1 s)"
    started = time.perf_counter()
    count = sum(len(store.read("parcels", box=tile.box)) for tile in tiles(store, "parcels")[:10])
    yield f"reading parcels: {(time.perf_counter() - started) / count * 1e6:.1f} us a plot"
    store.close()


def run(base: Path) -> Iterator[str]:
    """Assess the whole city, then ask all engines about parts of it, three rounds interleaved."""
    yield from full(base)
    yield from tracing(base)
    slow: set[str] = set()
    for count in PARTS:
        yield from side_by_side(Part(base, count), slow)


def side_by_side(part: Part, slow: set[str]) -> Iterator[str]:
    """Ask those that are not too slow; who is, is noted."""
    with database(part) as sql, duckdb(part) as duck, sedona(part) as sed:
        offered: dict[str, Any] = {
            "Shudi, everything": whole(part),
            "Shudi, both questions": kernels(part),
            "floor": floor(part),
            "geopandas": straightforward(part),
            "PostGIS": sql,
            "DuckDB spatial": duck,
            "SedonaDB": sed,
        }
        answers: dict[str, Answers] = {}

        def timed(name: str, job: Job) -> Callable[[], None]:
            return lambda: answers.__setitem__(name, job())

        jobs = {name: timed(name, job) for name, job in offered.items() if job is not None and name not in slow}
        medians = interleaved(jobs)
    n = len(part.a)
    yield f"{n:,} plots, {len(part.b):,} claims, {len(part.lines):,} lines within {part.reach:g} m; frames read in {part.reading:.2f} s"
    yield f"left out: {', '.join(sorted(slow)) or 'nobody'}; not installed: {', '.join(k for k, v in offered.items() if v is None) or 'none'}"
    for name, seconds in medians.items():
        area, distance = answers[name]
        every, both = (seconds / medians[k] for k in ("Shudi, everything", "Shudi, both questions"))
        yield f"{name}: {seconds:.2f} s, {seconds / n * 1e6:.0f} us a plot, {every:.1f} / {both:.1f} times Shudi; {area:,.1f} {distance:,.1f}"
        if seconds > PATIENCE:
            slow.add(name)
