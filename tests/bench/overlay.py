"""The overlay of plots with zones and control lines, beside geopandas and, where installed, PostGIS."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.overlay import overlaps
from layers.store.gpkg import GpkgStore
from tests.bench.city import interleaved

SQL = """
select sum(st_area(case when st_covers(b.geom, a.geom) then a.geom else st_intersection(a.geom, b.geom) end))
from a join b on st_intersects(a.geom, b.geom)
"""


@contextmanager
def postgis(a: np.ndarray, b: np.ndarray) -> Iterator[list[str] | None]:
    """Start a throw-away PostGIS with both tables; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or not Path(found[-1].parents[1] / "lib" / "postgis-3.so").exists():
        yield None
        return
    binaries = found[-1].parent
    with tempfile.TemporaryDirectory() as folder:
        shutil.chown(folder, "postgres")

        def sudo(*command: str, **options: object) -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                ["runuser", "-u", "postgres", "--", *command], check=True, capture_output=True, cwd="/", **options
            )  # type: ignore[call-overload,no-any-return]

        sudo(str(binaries / "initdb"), "-D", f"{folder}/db", "-A", "trust")
        sudo(
            str(binaries / "pg_ctl"),
            "-D",
            f"{folder}/db",
            "-o",
            f"-c listen_addresses='' -k {folder}",
            "-l",
            f"{folder}/log",
            "-w",
            "start",
        )
        psql = ["runuser", "-u", "postgres", "--", "psql", "-h", folder, "-q", "-v", "ON_ERROR_STOP=1", "-At"]
        try:
            sudo(*psql[4:], "-c", "create extension postgis; create table a(geom geometry); create table b(geom geometry)")
            for name, shapes in (("a", a), ("b", b)):
                rows = "\n".join(shapely.to_wkb(shapes, hex=True).tolist()).encode()
                sudo(*psql[4:], "-c", f"copy {name} from stdin", input=rows)
                sudo(*psql[4:], "-c", f"create index on {name} using gist(geom); analyze {name}")
            yield psql
        finally:
            sudo(str(binaries / "pg_ctl"), "-D", f"{folder}/db", "-m", "immediate", "stop")


def run(base: Path) -> Iterator[str]:
    """Sum the areas that plots share with zones and control lines, three rounds interleaved."""
    store = GpkgStore.open(base, read_only=True)
    a = store.read("parcels").geometry.to_numpy()
    b = pd.concat(
        [store.read(name)[["geometry"]] for name in ("zoning", "control_lines", "development_areas")]
    ).geometry.to_numpy()
    crs = store.crs
    store.close()
    left, right = (
        gpd.GeoDataFrame({"a": np.arange(len(a))}, geometry=a, crs=crs),
        gpd.GeoDataFrame({"b": np.arange(len(b))}, geometry=b, crs=crs),
    )
    sums: dict[str, float] = {}

    def ours() -> None:
        sums["shudi"] = overlaps(a, b).area.sum()

    def theirs() -> None:
        sums["geopandas.overlay"] = gpd.overlay(left, right, how="intersection", keep_geom_type=True).area.sum()

    jobs = {"shudi": ours, "geopandas.overlay": theirs}
    with postgis(a, b) as psql:
        if psql:

            def sql() -> None:
                sums["PostGIS"] = float(subprocess.run([*psql, "-c", SQL], check=True, capture_output=True, cwd="/").stdout)

            jobs["PostGIS"] = sql
        medians = interleaved(jobs)
    yield f"{len(a):,} plots, {len(b):,} zones and lines"
    for name, seconds in medians.items():
        yield f"{name}: {seconds:.2f} s, {seconds / medians['shudi']:.1f} times shudi; shared area {sums[name]:,.2f} m2"
