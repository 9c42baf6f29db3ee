"""Where a project fits: single plots, assemblies and parts; the single plots also asked for in SQL, of PostGIS, in turn.

`--plots` beyond CITY sets a city of CITY plots beside itself: plots and findings are copied, roads, lines and heights are not, so that
parts, which want a road, are not measured there.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg
import shapely

from layers.assessment import Networks, StaleFindingsError, fresh, question
from layers.census import assess
from layers.plan.siting import PATIENCE, YES, Brief, Plots, day_number
from layers.plot_index import Index
from layers.search import Sitings, search
from layers.standards import Standards
from layers.store import blobs, open_store
from layers.store.base import Store
from layers.units import m2
from tests.bench.city import city, percentile
from tests.bench.serve import spent
from tests.postgres import cluster

CITY = 100_000
SINGLES, OTHERS = 200, 30
"""Briefs that are asked, of single plots and of the others."""
ASKED = ("road", "power", "water", "sewage")
TABLE = f"""
create table plots (id text collate "C" primary key, area float8, verdict int2, use text collate "C", {", ".join(f"{s} int4" for s in ASKED)}, geom geometry)
"""
SQL = """
with fit as (
  select id, geom, (least + greatest(1 - 0.5 * abs(area - %(aim)s) / %(aim)s, 0)) / 3 as score from (
    select *, {late} as least from plots
    where verdict = 1 and area between %(least)s and %(most)s and use like %(use)s and {serves}
  ) one
)
select id, score, st_asbinary(geom) from fit order by score desc, id limit 20
"""


class Asked(NamedTuple):
    """A brief of single plots, and its services."""

    brief: Brief
    services: tuple[str, str]


def briefs(n: int) -> list[Asked]:
    """Draw briefs: an area out of 8 to 120 mu, two services, of every three one for any use and one for a rare one."""
    rng = np.random.default_rng(1)
    made = []
    for _ in range(n):
        least = m2(float(rng.uniform(8, 40)))
        one, other = (str(s) for s in rng.choice(ASKED, 2, replace=False))
        use = (None, "1001", "0701")[int(rng.integers(3))]
        made.append(Asked(Brief((least, least * float(rng.uniform(1.2, 3))), use, (one, other)), (one, other)))
    return made


def multiplied(plots: int) -> Path:
    """Set the city beside itself until there are `plots`, once: each copy north of the one before, with its findings."""
    base = city(min(plots, CITY))
    if plots <= CITY:
        return base
    made = base.with_name(f"city-{CITY}-times-{plots // CITY}.gpkg")
    if made.exists():
        return made
    part = shutil.copy(base, made.with_suffix(".part"))
    with closing(sqlite3.connect(part)) as c:
        triggers = c.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'parcels'").fetchall()
        for name, _ in triggers:
            c.execute(f'DROP TRIGGER "{name}"')
        columns = {t: [row[1] for row in c.execute(f"PRAGMA table_info({t})")][1:] for t in ("parcels", "findings")}
        rows = c.execute(f"SELECT {', '.join(columns['parcels'])} FROM parcels ORDER BY fid").fetchall()
        at, srs = columns["parcels"].index("id"), int(np.frombuffer(rows[0][0][4:8], "<i4")[0])
        shapes = blobs.decode([row[0] for row in rows], "polygon", "parcels")
        high = np.ptp(shapely.total_bounds(shapes)[[1, 3]]) + 1000
        for k in range(1, plots // CITY):
            moved = shapely.transform(shapes, lambda xy, k=k: xy + np.array([0, k * high]))  # type: ignore[misc]
            first = c.execute("SELECT max(fid) FROM parcels").fetchone()[0] + 1
            new = [
                (b, *row[1:at], f"{row[at]}~{k}", *row[at + 1 :])
                for b, row in zip(blobs.encode(moved, srs, "polygon"), rows, strict=True)
            ]
            marks = ", ".join("?" * len(columns["parcels"]))
            c.executemany(f"INSERT INTO parcels ({', '.join(columns['parcels'])}) VALUES ({marks})", new)
            boxes = shapely.bounds(moved)[:, [0, 2, 1, 3]].tolist()
            c.executemany("INSERT INTO rtree_parcels_geom VALUES (?, ?, ?, ?, ?)", [(first + n, *b) for n, b in enumerate(boxes)])
            rest = ", ".join(f'"{name}"' for name in columns["findings"][1:])
            c.execute(f"INSERT INTO findings (id, {rest}) SELECT id || '~{k}', {rest} FROM findings WHERE instr(id, '~') = 0")
        for _, sql in triggers:
            c.execute(sql)
        c.commit()
    Path(part).rename(made)
    return made


class Finder:
    """A base that briefs are asked of."""

    def __init__(self, store: Store) -> None:
        self.store, self.standards, self.index, self.networks = store, Standards.load(), Index(), Networks()
        self.ask = question(self.standards, None, None, None)

    def find(self, brief: Brief, *kinds: str) -> Sitings:
        """Find land, the geometry and the reasons of each match with it."""
        return search(self.store, brief, self.ask, self.standards, 20, kinds, False, self.index, self.networks)

    def plots(self) -> tuple[Plots, date]:
        """Give the table of plots and its day."""
        return self.index.plots(self.store, self.standards, self.networks)


class Sql:
    """The same plots as one indexed table of PostGIS; `work` is the CPU time of its process."""

    def __init__(self, url: str, store: Store, plots: Plots, on: date) -> None:
        self.connection, self.on = psycopg.connect(url, autocommit=True), day_number(on)
        self.connection.execute(TABLE)
        shapes = store.read("parcels", columns=["id"]).set_index("id").geometry.reindex(plots.id).to_numpy()
        columns = [
            plots.id,
            plots.area,
            plots.verdict,
            plots.uses[plots.use],
            *(plots.day[s] for s in ASKED),
            shapely.to_wkb(shapes, hex=True),
        ]
        with self.connection.cursor().copy("copy plots from stdin") as copy:
            for row in zip(*(c.tolist() for c in columns), strict=True):
                copy.write_row(row)
        self.connection.execute(f"create index on plots (area) where verdict = {int(YES)}")
        self.connection.execute("vacuum analyze plots")
        self.pid = self.connection.info.backend_pid

    def find(self, asked: Asked) -> list[tuple[str, float, bytes]]:
        """Find single plots: the same filter, the same score."""
        late = " + ".join(f"least(1, greatest(0, 1 - greatest({s} - {self.on}, 0) / {PATIENCE}.0))" for s in asked.services)
        sql = SQL.format(late=late, serves=" and ".join(f"{s} <= {self.on}" for s in asked.services))
        least, most = asked.brief.area
        given = {"least": least, "most": most, "aim": (least + min(most, 2 * least)) / 2, "use": f"{asked.brief.use or ''}%"}
        return self.connection.execute(sql, given).fetchall()  # type: ignore[arg-type]


def told(what: str, times: list[float], work: list[float]) -> str:
    """Tell how long questions took by the clock, and what CPU time they took."""
    return (
        f"{what}: p50 {percentile(times, 0.5):.1f} ms, p95 {percentile(times, 0.95):.1f} ms by the clock; "
        f"CPU p50 {percentile(work, 0.5):.1f}, p95 {percentile(work, 0.95):.1f}, {len(times)} briefs"
    )


def timed(job: Callable[[], Any], times: list[float], work: list[float]) -> Any:
    """Do a job; its seconds by the clock and of CPU of this process are added."""
    clock, cpu = time.perf_counter(), time.process_time()
    found = job()
    times.append(time.perf_counter() - clock)
    work.append(time.process_time() - cpu)
    return found


def singles(ours: Finder, theirs: Sql) -> Iterator[str]:
    """Ask both for single plots in turn; they must find the same."""
    asked = briefs(SINGLES)
    ours.find(asked[0].brief, "single"), theirs.find(asked[0])
    taken: dict[str, tuple[list[float], list[float]]] = {"Shudi": ([], []), "PostGIS": ([], [])}
    matches, before = 0, spent([theirs.pid])
    for one in asked:
        mine = timed(lambda one=one: ours.find(one.brief, "single"), *taken["Shudi"]).matches  # type: ignore[misc]
        rows = timed(lambda one=one: theirs.find(one), *taken["PostGIS"])  # type: ignore[misc]
        assert np.allclose([m.score for m in mine], [r[1] for r in rows], atol=1e-9), one
        matches += len(mine)
    work = (spent([theirs.pid]) - before + sum(taken["PostGIS"][1])) / len(asked)
    yield (
        told("single plots, with reasons and outlines", *taken["Shudi"])
        + f", {matches / len(asked):.1f} matches each (target p95 50 ms)"
    )
    clock = taken["PostGIS"][0]
    yield (
        f"the same plots in SQL, of PostGIS, with outlines: p50 {percentile(clock, 0.5):.1f} ms, p95 {percentile(clock, 0.95):.1f} ms "
        f"by the clock; CPU of both processes {1000 * work:.1f} ms on average, Shudi's {1000 * float(np.mean(taken['Shudi'][1])):.1f}"
    )


def run(base: Path) -> Iterator[str]:
    """Measure a city that is assessed, or assess it first."""
    standards = Standards.load()
    with closing(open_store(base)) as store:
        try:
            fresh(store, standards, ["area"])
        except StaleFindingsError:
            assess(store, question(standards, None, None, None), standards, workers=2)
    with closing(open_store(base, read_only=True)) as store, cluster() as postgres, postgres.database() as url:
        ours, cpu = Finder(store), time.process_time()
        plots, on = ours.plots()
        size = sum(
            a.nbytes
            for a in (plots.area, plots.verdict, plots.use, plots.road_class, plots.frontage, plots.slope, plots.owner, plots.id)
        )
        size += sum(a.nbytes for a in plots.day.values())
        yield f"table of {len(plots.id):,} plots read once: {time.process_time() - cpu:.1f} s of CPU, {size / 1e6:.0f} MB without the numbers' text"
        yield from singles(ours, Sql(url, store, plots, on))
        kinds = [("single", "assembly"), ("single", "part", "assembly")]
        for which in kinds[: 1 if "-times-" in base.name else 2]:
            taken: tuple[list[float], list[float]] = ([], [])
            for one in briefs(OTHERS):
                timed(lambda one=one, which=which: ours.find(one.brief, *which), *taken)  # type: ignore[misc]
            yield told(f"with {' and '.join(which[1:])}", *taken) + (" (target p95 1 s)" if len(which) == 2 else "")
