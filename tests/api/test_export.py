"""Each export is read back by another tool, with the same keys and places."""

import csv
import errno
import json
import os
import sqlite3
import subprocess
import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date

import ezdxf
import geopandas as gpd
import numpy as np
import openpyxl
import pytest
import shapely
from ezdxf import recover

from layers.base import PANDAS
from layers.catalogue import LAYERS
from layers.formats import vector
from layers.formats.deliver import prepare
from layers.formats.errors import FormatError, UnknownFormatError
from layers.formats.export import Wish, export
from layers.formats.mapping import Mapping, load
from tests.api.faces import shudi

PARCELS = LAYERS["parcels"]
SHAPES = [
    shapely.Polygon([(500_000.1234, 4_077_000.4321), (500_100, 4_077_000), (500_100, 4_077_080), (500_000, 4_077_080)]),
    shapely.Polygon(
        [(500_200, 4_077_000), (500_300, 4_077_000), (500_300, 4_077_080)],
        [[(500_260, 4_077_010), (500_290, 4_077_010), (500_290, 4_077_030)]],
    ),
    shapely.MultiPolygon(
        [shapely.box(500_400, 4_077_000, 500_410, 4_077_010), shapely.box(500_420, 4_077_000, 500_430, 4_077_010)]
    ),
]
IDS = ["007", "裕兴-2", "=1+1"]


def plots():
    columns = {
        "id": IDS,
        "use_code": ["1001", "0701", None],
        "owner": ["-甲", "@乙", "某公司"],
        "area_recorded": [8000.5, None, 200.0],
    }
    columns["valid_from"] = np.array(["2021-03-01", "NaT", "2025-12-31"], "datetime64[s]")
    frame = gpd.GeoDataFrame(columns, geometry=SHAPES, crs="EPSG:4548")
    for field in PARCELS.columns:
        if field.name not in frame:
            frame[field.name] = None
    return frame.astype({f.name: PANDAS[f.dtype] for f in PARCELS.columns})[[*(f.name for f in PARCELS.columns), "geometry"]]


def ogr(path, *more):
    """Read a file by GDAL's command line, as GeoJSON features."""
    command = ["ogr2ogr", "-f", "GeoJSON", "/vsistdout/", path, "-lco", "COORDINATE_PRECISION=9", "-lco", "WRITE_BBOX=NO", *more]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return json.loads(done.stdout)["features"]


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "kml", "fgb", "shp", "parquet", "csv"])
def test_every_format_is_read_by_gdal_with_the_same_keys_and_places(tmp_path, ending):
    path = tmp_path / f"plots.{ending}"
    written = export(plots(), PARCELS, path, Wish())
    assert written.features == 3
    assert path in written.files
    if ending == "parquet":  # GDAL 3.6 of Debian has no Parquet
        found = gpd.read_parquet(path)
        shapes, ids, crs = found.geometry.to_numpy(), found["id"].tolist(), found.crs
    else:
        degrees = ending in ("geojson", "kml")
        more = ["-oo", "GEOM_POSSIBLE_NAMES=wkt"] if ending == "csv" else []
        more += ["-t_srs", "EPSG:4548"] if degrees else []
        features = ogr(path, *more)
        shapes = np.array([shapely.geometry.shape(f["geometry"]) for f in features], object)
        ids, crs = [f["properties"].get("id") or f["properties"]["Name"] for f in features], "EPSG:4548"
    key = [str(i).removeprefix("'") for i in ids]
    assert sorted(key) == sorted(IDS)
    expected = dict(zip(IDS, SHAPES, strict=True))
    assert crs == "EPSG:4548"
    assert max(shapely.hausdorff_distance(s, expected[k]) for k, s in zip(key, shapes, strict=True)) < 1e-4


def test_a_shapefile_says_its_encoding_and_gives_its_names_back(tmp_path):
    written = export(plots(), PARCELS, tmp_path / "地块.shp", Wish())
    assert (tmp_path / "地块.cpg").read_text() == "UTF-8"
    assert "cut to 10 bytes" in written.notes[0].en
    assert tomllib.loads((tmp_path / "地块.mapping.toml").read_text("utf-8"))["columns"]["area_recorded"] == "area_recor"
    assert {f["properties"]["id"] for f in ogr(tmp_path / "地块.shp")} == set(IDS)
    back = prepare(vector.read(tmp_path / "地块.shp"), PARCELS, load(tmp_path / "地块.mapping.toml"), "EPSG:4548").features
    again = plots().set_index("id").loc[back["id"]]
    assert back["area_recorded"].fillna(-1).tolist() == again["area_recorded"].fillna(-1).tolist()
    assert back["valid_from"].astype(str).tolist() == again["valid_from"].astype(str).tolist()
    assert back["owner"].tolist() == again["owner"].tolist()


def test_a_shapefile_is_split_by_kind_of_geometry(tmp_path):
    frame = plots()
    frame.loc[1, "geometry"] = shapely.LineString([(500_000, 4_077_000), (500_100, 4_077_000)])
    written = export(frame, PARCELS, tmp_path / "a.shp", Wish())
    assert {f.name for f in written.files if f.suffix == ".shp"} == {"a_polygon.shp", "a_line.shp"}
    assert len(ogr(tmp_path / "a_polygon.shp")) == 2


def test_tables_are_safe_in_a_spreadsheet_and_keep_their_zeros(tmp_path):
    export(plots(), PARCELS, tmp_path / "a.csv", Wish())
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["id"] for r in rows] == ["007", "裕兴-2", "'=1+1"]
    assert [r["owner"] for r in rows] == ["'-甲", "'@乙", "某公司"]
    assert rows[0]["valid_from"] == "2021-03-01"
    assert vector.read(tmp_path / "a.csv", "EPSG:4548").frame["id"].tolist() == IDS
    export(plots(), PARCELS, tmp_path / "a.xlsx", Wish())
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["parcels"]
    cells = {c.value: c for c in next(sheet.iter_cols(1, 1))}
    assert list(cells) == ["id", *IDS]
    assert {c.data_type for c in cells.values()} == {"s"}
    assert cells["=1+1"].quotePrefix


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_boundary_points_as_a_table_read_back(tmp_path, ending):
    path = tmp_path / f"points.{ending}"
    export(plots().iloc[:2], PARCELS, path, Wish(points=True))
    found = vector.read(path, "EPSG:4548", sublayer="points" if ending == "xlsx" else None).frame
    assert found["地块"].tolist() == IDS[:2]
    assert max(shapely.hausdorff_distance(found.geometry.to_numpy(), np.array(SHAPES[:2], object))) < 1e-4


def test_a_drawing_is_sound_and_reads_back(tmp_path):
    path = tmp_path / "a.dxf"
    export(plots(), PARCELS, path, Wish())
    document, auditor = recover.readfile(path)
    assert not auditor.errors
    assert not auditor.fixes
    assert document.dxfversion >= "AC1018"
    assert document.header["$INSUNITS"] == 6
    space = document.modelspace()
    assert all(p.closed for p in space.query("LWPOLYLINE"))
    assert {t.dxf.text for t in space.query("TEXT")} == set(IDS)
    found = vector.read(path, "EPSG:4548", sublayer="PARCELS").frame
    assert found.loc[0, "Text"] == "007"
    assert shapely.hausdorff_distance(found.geometry[0], SHAPES[0]) < 1e-4
    assert {f["properties"]["Layer"] for f in ogr(path)} == {"PARCELS", "PARCELS_ID"}


def test_arcs_of_a_drawing_become_lines_and_what_has_no_outline_is_counted(tmp_path):
    document = ezdxf.new("R2010")
    space = document.modelspace()
    space.add_lwpolyline([(500_000, 4_077_000, 0, 0, 1), (500_100, 4_077_000, 0, 0, 1)], close=True, dxfattribs={"layer": "JZD"})
    space.add_text("宗地 1").set_placement((500_050, 4_077_000))
    block = document.blocks.new("B")
    block.add_circle((0, 0), 10, dxfattribs={"layer": "JZD"})
    space.add_blockref("B", (500_300, 4_077_000))
    space.add_hatch()
    document.saveas(tmp_path / "a.dxf")
    found = vector.read(tmp_path / "a.dxf", "EPSG:4548")
    assert found.frame["Text"].fillna("").tolist() == ["宗地 1", ""]
    assert np.allclose(found.frame.geometry.area, [np.pi * 2500, np.pi * 100], rtol=1e-3)
    assert "1 HATCH" in found.notes[0].en


def test_an_export_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.gpkg"
    export(plots(), PARCELS, path, Wish())
    before = path.read_bytes()
    with pytest.raises(FormatError, match=r"a.gpkg is already there"):
        export(plots(), PARCELS, path, Wish())
    with pytest.raises(UnknownFormatError, match=r"there are: .gpkg"):
        export(plots(), PARCELS, tmp_path / "a.dwg", Wish())
    long = plots().assign(owner="长" * 200)
    with pytest.raises(FormatError, match=r"owner of 007 is longer"):
        export(long, PARCELS, tmp_path / "b.shp", Wish())
    with pytest.raises(FormatError, match=r"cannot be written in gbk"):
        export(plots().assign(id=["\U0001f600", "b", "c"]), PARCELS, tmp_path / "b.txt", Wish(encoding="gbk"))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.gpkg"]


@pytest.mark.parametrize("parts", range(5))
def test_a_shapefile_appears_after_its_parts(tmp_path, monkeypatch, parts):
    put = os.replace

    def until_the_disk_is_full(source, target):
        if len(list(tmp_path.glob("a.*"))) == parts:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(source, target)

    monkeypatch.setattr(os, "replace", until_the_disk_is_full)
    with pytest.raises(FormatError, match="No space left"):
        export(plots(), PARCELS, tmp_path / "a.shp", Wish())
    assert len(list(tmp_path.glob("a.*"))) == parts
    assert not (tmp_path / "a.shp").exists()


def test_the_command_exports_names_the_operation_and_spares_the_base(park, tmp_path):
    found = shudi("export", "parcels", "--base", park, "--out", tmp_path / "a.geojson", "--json")
    assert found.status == 0, found.err
    assert found.body["features"] == 400
    assert "Gauss-Kruger CM 117E" in found.body["notes"][0]["en"]
    one = shudi("export", "parcels", "--base", park, "--out", tmp_path / "b.txt", "--id", "D001-B01-P01", "--encoding", "gbk")
    assert one.status == 0, one.err
    assert (tmp_path / "b.txt").read_bytes().decode("gbk").count("@") == 1
    spared = shudi("export", "parcels", "--base", park, "--out", park, "--overwrite", lang="zh")
    assert spared.status == 2
    assert "土地库本身" in spared.err
    assert "no feature nowhere" in shudi("export", "parcels", "--base", park, "--out", tmp_path / "c.csv", "--id", "nowhere").err


def test_an_import_mapping_is_not_needed_for_our_own_files(tmp_path):
    export(plots(), PARCELS, tmp_path / "a.gpkg", Wish())
    back = prepare(vector.read(tmp_path / "a.gpkg"), PARCELS, Mapping(), "EPSG:4548")
    assert not len(back.rejects)
    assert back.features["use_code"].fillna("").tolist() == ["1001", "0701", ""]


def test_the_parcel_map_is_printed_by_a_command(park, tmp_path):
    done = shudi("sheet", "D001-B01-P01", "--base", park, "--out", tmp_path / "a.pdf", "--page", "A3", "--json", lang="zh")
    assert done.status == 0, done.err
    assert done.body["points"] >= 4
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert "nowhere" in shudi("sheet", "nowhere", "--base", park, "--out", tmp_path / "b.pdf").err
    assert [p.name for p in tmp_path.iterdir()] == ["a.pdf"]


def test_each_of_several_packages_written_at_once_has_its_own_day(tmp_path):
    def written(k):
        path = tmp_path / f"{k}.gpkg"
        export(plots(), PARCELS, path, Wish(made=date(2001 + k, 1, 1)))
        with closing(sqlite3.connect(path)) as c:
            return {day[:10] for (day,) in c.execute("SELECT last_change FROM gpkg_contents")}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(written, range(16))) == [{f"{2001 + k}-01-01"} for k in range(16)]
