"""Tables, drawings and boundary text of an export, read back by programs that did not write them: GDAL, ezdxf, pyarrow.

GDAL opens XLSX and CSV here where people would take LibreOffice, which is not worth its size on a machine that tests.
"""

import csv
import json
import re
from collections import defaultdict
from contextlib import closing

import ezdxf
import numpy as np
import pyarrow.parquet
import pytest
import shapely

from layers.assessment import mapped
from layers.formats import vector
from layers.formats.export import WRITERS, Wish, export
from layers.store.gpkg import GpkgStore
from maps.sheet import table
from tests.api.faces import shudi
from tests.api.test_export import IDS, PARCELS, SHAPES, ogr, plots

ELSEWHERE = {".xlsx", ".csv", ".txt", ".dxf", ".parquet"}
BY_GDAL = {".gpkg", ".geojson", ".kml", ".fgb", ".shp"}
"""Read in test_export.py, CSV with WKT too."""


def same(rings, shape, within=1e-4):
    """Tell whether rings, outer and inner in any order, are those of a shape."""
    built = shapely.node(shapely.MultiLineString([shapely.LinearRing(r) for r in rings]))
    return shapely.hausdorff_distance(built, shape.boundary) < within


def rings_of(rows):
    """Collect rows of plot, ring, north, east by plot and ring."""
    found = defaultdict(lambda: defaultdict(list))
    for plot, ring, north, east in rows:
        found[plot][ring].append((float(east), float(north)))
    return {plot: list(rings.values()) for plot, rings in found.items()}


def test_no_format_is_left_without_another_reader():
    assert set(WRITERS) == ELSEWHERE | BY_GDAL


def test_boundary_files_have_the_points_of_the_parcel_map_those_of_neighbours_too(own_park, tmp_path):
    with closing(GpkgStore.open(own_park)) as store:
        plots = store.read("parcels").set_index("id")
        west, south, east, north = plots.geometry["D001-B03-P03"].bounds
        middle = (south + north) / 2
        line = f"{west - 5},{middle} {east + 5},{middle}"
        assert shudi("parcel", "split", "D001-B03-P03", line, "--base", own_park, "--reason", "test").status == 0
        near = list(store.read("parcels", (west - 1, south, east + 1, north))["id"])
        sheets = {id: table(mapped(store, id, None, "zh")) for id in near}
    met = [id for id in near if id in plots.index and len(sheets[id]) > shapely.get_num_coordinates(plots.geometry[id])]
    assert met, "no neighbour has the new corners on its edge"
    for name, more in (("one", ["--id", met[0]]), ("all", [])):
        done = shudi("export", "parcels", "--base", own_park, "--out", tmp_path / f"{name}.csv", "--points", *more)
        assert done.status == 0, done.err
        assert shudi("export", "parcels", "--base", own_park, "--out", tmp_path / f"{name}.txt", *more).status == 0
        with (tmp_path / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = [r for r in csv.DictReader(file) if r["地块"] == met[0]]
        printed = [row for row in sheets[met[0]] if row[3]]
        assert [(r["点号"], f"{float(r['X']):.3f}", f"{float(r['Y']):.3f}", f"{float(r['边长']):.3f}") for r in rows] == printed
        text = (tmp_path / f"{name}.txt").read_text("utf-8").split("[地块坐标]")[1]
        (block,) = [b for b in re.split(r"(?m)^(?=.*@\r?$)", text) if f",{met[0]}," in b.split("@")[0]]
        points = [line.split(",") for line in block.splitlines() if line.startswith("J")]
        assert [(p[0], p[2], p[3][-10:]) for p in points[: len(printed)]] == [(n, x, y.rjust(10, "0")) for n, x, y, _ in printed]


@pytest.mark.parametrize(
    ("crs", "accuracy", "exact"),
    [
        ("EPSG:4527", "accuracy 0 m", "精度 0 米"),
        ("EPSG:4490", "accuracy 0 m", "精度 0 米"),
        ("EPSG:4326", "accuracy unknown", "精度未知"),
    ],
)
def test_a_conversion_names_its_operation_and_accuracy(park, tmp_path, crs, accuracy, exact):
    done = shudi("export", "parcels", "--base", park, "--out", tmp_path / "a.gpkg", "--crs", crs, "--json")
    (note, *_) = done.body["notes"]
    assert "Inverse of Gauss-Kruger CM 117E" in note["en"]
    assert note["en"].endswith(accuracy)
    assert note["zh"].endswith(exact)


@pytest.mark.parametrize("crs", ["EPSG:2384", "EPSG:2436", "EPSG:2363"])
def test_old_datums_without_local_parameters_are_refused_and_nothing_is_written(park, tmp_path, crs):
    refused = shudi("export", "parcels", "--base", park, "--out", tmp_path / "a.gpkg", "--crs", crs)
    assert (refused.status, "whose parameters are local" in refused.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_tables_of_boundary_points_are_read_by_gdal(tmp_path, ending):
    path = tmp_path / f"points.{ending}"
    export(plots(), PARCELS, path, Wish(points=True))
    rows = [f["properties"] for f in ogr(path, *(["points"] if ending == "xlsx" else []))]
    rings = rings_of((str(r["地块"]).removeprefix("'"), r["圈号"], r["X"], r["Y"]) for r in rows)
    assert set(rings) == set(IDS)
    assert all(same(rings[k], shape) for k, shape in zip(IDS, SHAPES, strict=True))
    assert {len(r) for r in rings["=1+1"]} == {4}
    found = vector.read(path, "EPSG:4548", sublayer="points" if ending == "xlsx" else None).frame
    assert shapely.hausdorff_distance(found.geometry.to_numpy(), np.array(SHAPES, object)).max() < 1e-4


def test_a_workbook_is_read_by_gdal_as_text_numbers_and_days(tmp_path):
    export(plots(), PARCELS, tmp_path / "a.xlsx", Wish())
    rows = [f["properties"] for f in ogr(tmp_path / "a.xlsx", "parcels")]
    assert [r["id"] for r in rows] == IDS
    assert [r["owner"] for r in rows] == ["-甲", "@乙", "某公司"]
    assert [r.get("area_recorded") for r in rows] == [8000.5, None, 200.0]
    assert rows[0]["valid_from"].replace("/", "-").startswith("2021-03-01")


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_the_points_of_boundary_text_are_read_by_gdal(tmp_path, encoding):
    export(plots(), PARCELS, tmp_path / "a.txt", Wish(encoding=encoding))
    raw = (tmp_path / "a.txt").read_bytes()
    assert b"\r\n" in raw
    blocks = raw.decode(encoding).split("[地块坐标]\r\n")[1]
    (tmp_path / "points.csv").write_bytes(blocks.encode())
    plot, rows = -1, []
    for row in (list(f["properties"].values()) for f in ogr(tmp_path / "points.csv", "-oo", "HEADERS=NO")):
        if "@" in row:
            plot, named = plot + 1, str(row[2])
            key = (named, plot)
        else:
            assert re.fullmatch(r"J\d+", row[0])
            rows.append((key, row[1], row[2], float(row[3]) - 39_000_000 if float(row[3]) > 1e7 else row[3]))
    rings = rings_of(rows)
    assert {named for named, _ in rings} == set(IDS)
    parts = [part for shape in SHAPES for part in shapely.get_parts(shape)]
    assert len(rings) == len(parts)  # one block a part
    for part in parts:
        assert any(same(r, part, 1e-3) for r in rings.values()), part  # the format has three decimals
    assert all(r[0] == r[-1] for block in rings.values() for r in block)


def test_a_drawing_is_read_by_ezdxf_and_gdal_with_keys_and_places(tmp_path):
    export(plots(), PARCELS, tmp_path / "a.dxf", Wish())
    space = ezdxf.readfile(tmp_path / "a.dxf").modelspace()
    rings = [[tuple(p) for p in line.get_points("xy")] for line in space.query("LWPOLYLINE")]
    texts = {t.dxf.text: shapely.Point(t.dxf.insert.x, t.dxf.insert.y) for t in space.query("TEXT")}
    for key, shape in zip(IDS, SHAPES, strict=True):
        mine = [r for r in rings if shapely.Polygon(r).intersects(shape.envelope)]
        assert same(mine, shape)
        assert texts[key].intersects(shape)
    lines = [shapely.geometry.shape(f["geometry"]) for f in ogr(tmp_path / "a.dxf") if f["properties"]["Layer"] == "PARCELS"]
    whole = shapely.MultiLineString([line for shape in SHAPES for line in shapely.get_parts(shape.boundary)])
    found = shapely.union_all([one if one.geom_type == "LineString" else one.boundary for one in lines])
    assert shapely.hausdorff_distance(found, whole) < 1e-4
    assert {f["properties"].get("Text") for f in ogr(tmp_path / "a.dxf")} >= set(IDS)
    export(plots().assign(id=["é-1", "𠮷-2", "한-3"]), PARCELS, tmp_path / "b.dxf", Wish())
    texts = {t.dxf.text for t in ezdxf.readfile(tmp_path / "b.dxf").modelspace().query("TEXT")}
    assert texts == {"é-1", "𠮷-2", "한-3"}


def test_geoparquet_is_what_its_specification_says(tmp_path):
    export(plots(), PARCELS, tmp_path / "a.parquet", Wish())
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    said = json.loads(table.schema.metadata[b"geo"])
    column = said["columns"][said["primary_column"]]
    assert (column["encoding"], column["crs"]["id"]) == ("WKB", {"authority": "EPSG", "code": 4548})
    shapes = shapely.from_wkb(table[said["primary_column"]].to_numpy(zero_copy_only=False))
    assert table["id"].to_pylist() == IDS
    assert shapely.hausdorff_distance(shapes, np.array(SHAPES, object)).max() < 1e-4
