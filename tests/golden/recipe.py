"""The recipe of the golden files: draw a small world, and let PostGIS, QGIS and GDAL measure it.

Run it again by `python -m tests.golden.recipe`, with PostgreSQL 15, PostGIS 3, python3-qgis and gdal-bin of Debian 12 on the
machine.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import rasterio
import shapely
from affine import Affine

from tests.postgres import cluster

FOLDER = Path(__file__).parent
X, Y = 470_000.0, 4_077_000.0
HALF = (5.0, 10.0, 15.0)
"""Half widths of the lines that are roads [m]; the line k has HALF[k % 3]."""
CELL, LEVEL = 26.0, 30.0
"""Size of the cells of the ground and the height to which plots are levelled [m]."""
KINDS = {"overhead_line": 14.0, "buried_cable": 0.75, "highway": 25.0}
"""How far the zones of lines reach from their axes [m], line k being of kind k % 3: 110 kV whose outer conductor hangs 4 m off
the axis (10 m), a cable (0.75 m), a national highway whose land ends 5 m off the axis (20 m); domain.md section 3."""
DAYS = 11
"""Pipe k comes into service on day 7 k % DAYS."""
MEET = "ST_DWithin(ST_StartPoint({0}.g), {1}.g, 0.1) OR ST_DWithin(ST_EndPoint({0}.g), {1}.g, 0.1)"
"""Where an end of a line lies on another they meet; where they cross otherwise they do not."""
QUESTIONS = {
    "versions": "SELECT postgis_full_version()",
    "shared": """SELECT p.n, z.n, ST_Area(ST_Intersection(p.g, z.g)) FROM plots p JOIN zones z ON ST_Intersects(p.g, z.g)
        WHERE ST_Area(ST_Intersection(p.g, z.g)) > 1e-6 ORDER BY 1, 2""",
    "covered": "SELECT p.n, ST_Area(ST_Intersection(p.g, (SELECT ST_Union(g) FROM zones))) FROM plots p ORDER BY 1",
    "distance": "SELECT p.n, l.n, ST_Distance(p.g, l.g) FROM plots p JOIN lines l ON ST_DWithin(p.g, l.g, 60) ORDER BY 1, 2",
    "inside": """SELECT l.n, p.n, ST_Length(ST_Intersection(l.g, p.g)) FROM links l JOIN plots p ON ST_Intersects(l.g, p.g)
        WHERE ST_Length(ST_Intersection(l.g, p.g)) > 1e-6 ORDER BY 1, 2""",
    "frontage": """SELECT p.n, l.n, ST_Length(ST_Intersection(ST_Boundary(p.g), ST_Buffer(l.g, l.half, 'endcap=flat quad_segs=64')))
        FROM plots p JOIN lines l ON ST_DWithin(p.g, l.g, l.half) ORDER BY 1, 2""",
    "zones": f"""SELECT k, p.n, ST_Area(ST_Intersection(p.g, u.g)) FROM plots p JOIN
        (SELECT l.n % 3 k, ST_Union(ST_Buffer(l.g, ('{{{",".join(map(str, KINDS.values()))}}}'::float[])[l.n % 3 + 1], 'quad_segs=32')) g
         FROM lines l GROUP BY l.n % 3) u ON ST_Intersects(p.g, u.g) ORDER BY 1, 2""",
    "earthwork": f"""SELECT p.n, SUM(ST_Area(ST_Intersection(p.g, c.g)) * GREATEST(c.h - {LEVEL}, 0)),
        SUM(ST_Area(ST_Intersection(p.g, c.g)) * GREATEST({LEVEL} - c.h, 0)) FROM plots p JOIN cells c ON ST_Intersects(p.g, c.g)
        GROUP BY 1 ORDER BY 1""",
    "reach": f"""WITH RECURSIVE meet AS (SELECT a.n one, b.n other FROM pipes a JOIN pipes b ON a.n <> b.n
          AND ({MEET.format("a", "b")} OR {MEET.format("b", "a")})),
        reached(day, n) AS (
          SELECT d, p.n FROM generate_series(0, {DAYS - 1}) d, pipes p, works w WHERE 7 * p.n % {DAYS} <= d AND ST_DWithin(p.g, w.g, 0.1)
          UNION SELECT r.day, m.other FROM reached r JOIN meet m ON m.one = r.n WHERE 7 * m.other % {DAYS} <= r.day)
        SELECT n, MIN(day) FROM reached GROUP BY 1 ORDER BY 1""",
    "length": "SELECT n, ST_Length(g) FROM lines ORDER BY 1",
    "planar": "SELECT n, ST_Area(g) FROM plots ORDER BY 1",
    "geodesic": "SELECT n, ST_Area(ST_Transform(ST_Segmentize(g, 20), 4490)::geography) FROM plots ORDER BY 1",
}


def jagged(rng: np.random.Generator, x: float, y: float, radius: float, points: int) -> shapely.Polygon:
    """Draw a polygon around a place."""
    turn = np.sort(rng.uniform(0, 2 * np.pi, points))
    far = radius * rng.uniform(0.5, 1.1, points)
    return shapely.Polygon(np.c_[x + far * np.cos(turn), y + far * np.sin(turn)])


def world() -> dict[str, list[str]]:
    """Draw plots, zones that overlap, lines and short links, as WKT to the millimetre; some have holes, some have parts."""
    rng = np.random.default_rng(20261122)
    plots = [jagged(rng, 120 * (n % 6), 120 * (n // 6), 60, int(rng.integers(8, 21))) for n in range(36)]
    plots = [p.difference(shapely.Point(p.representative_point()).buffer(4)) if n % 7 == 0 else p for n, p in enumerate(plots)]
    zones = [jagged(rng, *rng.uniform(0, 600, 2), 180, 40) for _ in range(10)]
    zones.append(shapely.MultiPolygon([shapely.box(-50, -50, 100, 60), shapely.box(300, 300, 420, 410)]))
    start, step = rng.uniform(0, 500, (12, 2)), rng.uniform(40, 90, (12, 4, 2)) * rng.choice([-1, 1], (12, 1, 2))
    lines = [shapely.LineString(a + np.cumsum(np.vstack([[0, 0], b]), axis=0)) for a, b in zip(start, step, strict=True)]
    lines.append(shapely.MultiLineString([[(0, 300), (250, 310)], [(260, 310), (600, 280)]]))
    ends = rng.uniform(0, 600, (60, 2))
    links = [shapely.LineString([a, a + b]) for a, b in zip(ends, rng.uniform(-60, 60, (60, 2)), strict=True)]
    drawn = {"plots": plots, "zones": zones, "lines": lines, "links": links, **pipes(rng)}
    assert all(shapely.is_valid(shape) for shapes in drawn.values() for shape in shapes)
    moved = {
        name: shapely.transform(np.array(s, object), lambda xy: np.round(xy + np.array([X, Y]), 3)) for name, s in drawn.items()
    }
    return {name: shapely.to_wkt(shapes, rounding_precision=3).tolist() for name, shapes in moved.items()}


def pipes(rng: np.random.Generator) -> dict[str, list[shapely.Geometry]]:
    """Draw a network on a lattice, of pieces, of long lines that others end on, of lines that only cross, and its works."""
    at = [(50.0 * k, 50.0 * n) for k in range(9) for n in range(9)]
    pairs = [(a, b) for a in at for b in at if a < b and abs(a[0] - b[0]) + abs(a[1] - b[1]) == 50]
    pieces = [shapely.LineString(pair) for pair in pairs if rng.random() < 0.6]
    through = [shapely.LineString([(0, 50.0 * n), (400, 50.0 * n)]) for n in (2, 5)]
    across = [shapely.LineString([(x, y), (x + 120, y + 130)]) for x, y in rng.uniform(5, 250, (6, 2))]
    return {"pipes": [*pieces, *through, *across], "works": [shapely.Point(0, 0), shapely.Point(400, 300)]}


def ground() -> tuple[np.ndarray[Any, np.dtype[np.float32]], Affine]:
    """Draw the heights of 30 x 30 cells under the plots [m], to the centimetre, and where they lie."""
    rng = np.random.default_rng(20261123)
    x, y = np.meshgrid(np.arange(30), np.arange(30))
    heights = 30 + 4 * np.sin(x / 5) + 3 * np.cos(y / 4) + rng.normal(0, 0.4, (30, 30))
    return heights.round(2).astype(np.float32), Affine(CELL, 0, X - 80, 0, -CELL, Y - 80 + 30 * CELL)


def by_gdal() -> dict[str, Any]:
    """Let GDAL derive the slope of the ground [percent] after Horn, without its rim."""
    heights, transform = ground()
    with tempfile.TemporaryDirectory() as folder:
        dem, slope = Path(folder) / "dem.tif", Path(folder) / "slope.tif"
        shape = {"height": 30, "width": 30, "count": 1, "dtype": "float32", "crs": "EPSG:4548", "transform": transform}
        with rasterio.open(dem, "w", "GTiff", **shape) as file:
            file.write(heights, 1)
        subprocess.run(["gdaldem", "slope", "-p", "-alg", "Horn", str(dem), str(slope)], check=True, capture_output=True)
        version = subprocess.run(["gdalinfo", "--version"], check=True, capture_output=True, text=True).stdout
        with rasterio.open(slope) as file:
            return {"versions": version.strip(), "slope": file.read(1)[1:-1, 1:-1].round(4).tolist()}


def by_postgis(told: dict[str, list[str]]) -> dict[str, Any]:
    """Let PostGIS answer QUESTIONS."""
    with cluster() as server, server.database() as url, psycopg.connect(url) as connection:
        for name, shapes in told.items():
            connection.execute(f"CREATE TABLE {name} (n int, half float, g geometry(Geometry, 4548))")
            rows = [(n, HALF[n % len(HALF)], wkt) for n, wkt in enumerate(shapes)]
            connection.cursor().executemany(f"INSERT INTO {name} VALUES (%s, %s, ST_GeomFromText(%s, 4548))", rows)
        connection.execute("CREATE TABLE cells (h float, g geometry(Polygon, 4548))")
        heights, transform = ground()
        corners = [
            (h, *(transform @ (k, n)), *(transform @ (k + 1, n + 1))) for n, row in enumerate(heights) for k, h in enumerate(row)
        ]
        boxes = [(round(float(h), 2), x, y, right, bottom) for h, x, y, right, bottom in corners]
        connection.cursor().executemany("INSERT INTO cells VALUES (%s, ST_MakeEnvelope(%s, %s, %s, %s, 4548))", boxes)
        return {name: connection.execute(sql).fetchall() for name, sql in QUESTIONS.items()}


def by_qgis(told: dict[str, list[str]]) -> dict[str, Any]:
    """Let QGIS measure the plots on the ellipsoid; it runs in Debian's own Python."""
    command = ["/usr/bin/python3", str(FOLDER / "by_qgis.py")]
    done = subprocess.run(command, input=json.dumps(told["plots"]), capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write(name: str, content: dict[str, Any]) -> None:
    """Write a golden file: a line an entry."""
    rows = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in content.items())
    (FOLDER / f"{name}.json").write_text("{\n" + rows + "\n}\n", "utf-8")


if __name__ == "__main__":
    drawn = world()
    write("world", drawn)
    write("postgis", by_postgis(drawn))
    write("qgis", by_qgis(drawn))
    write("gdal", by_gdal())
