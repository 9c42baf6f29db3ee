"""The recipe of the golden files: draw a small world, and let PostGIS and QGIS measure it.

Run it again by `python -m tests.golden.recipe`, with PostgreSQL 15, PostGIS 3 and python3-qgis of Debian 12 on the machine.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely

from tests.postgres import cluster

FOLDER = Path(__file__).parent
X, Y = 470_000.0, 4_077_000.0
HALF = (5.0, 10.0, 15.0)
"""Half widths of the lines that are roads [m]; the line k has HALF[k % 3]."""
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
    drawn = {"plots": plots, "zones": zones, "lines": lines, "links": links}
    assert all(shapely.is_valid(shape) for shapes in drawn.values() for shape in shapes)
    moved = {
        name: shapely.transform(np.array(s, object), lambda xy: np.round(xy + np.array([X, Y]), 3)) for name, s in drawn.items()
    }
    return {name: shapely.to_wkt(shapes, rounding_precision=3).tolist() for name, shapes in moved.items()}


def by_postgis(told: dict[str, list[str]]) -> dict[str, Any]:
    """Let PostGIS answer QUESTIONS."""
    with cluster() as server, server.database() as url, psycopg.connect(url) as connection:
        for name, shapes in told.items():
            connection.execute(f"CREATE TABLE {name} (n int, half float, g geometry(Geometry, 4548))")
            rows = [(n, HALF[n % len(HALF)], wkt) for n, wkt in enumerate(shapes)]
            connection.cursor().executemany(f"INSERT INTO {name} VALUES (%s, %s, ST_GeomFromText(%s, 4548))", rows)
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
