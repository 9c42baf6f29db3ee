import io
import json
import shutil
import sqlite3
import struct
import zipfile
from contextlib import closing

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from layers.catalogue import LAYERS
from layers.formats import gdal, shapefile, vector
from layers.formats.deliver import prepare
from layers.formats.errors import (
    BadCRSError,
    ChooseSublayerError,
    EncodingError,
    MissingCRSError,
    UnknownFormatError,
    UnreadableError,
    UnsafeFileError,
    reason,
)
from layers.formats.mapping import Mapping

PLOTS = gpd.GeoDataFrame(
    {"apn": ["000-001", "007"], "name": ["熟地", "b"], "far": [1.5, None], "floors": np.array([3, 4], "int32")},
    geometry=[shapely.box(500000, 4077000, 500100, 4077100), shapely.box(500200, 4077000, 500300, 4077100)],
    crs="EPSG:4548",
)
WRITERS = {
    "gpkg": "GPKG", "geojson": "GeoJSON", "shp": "ESRI Shapefile", "fgb": "FlatGeobuf", "gdb": "OpenFileGDB", "kml": "LIBKML",
}  # fmt: skip


def write(path, frame=PLOTS, **options):
    driver = WRITERS[path.suffix[1:]]
    plain = frame.to_crs("EPSG:4326") if driver in ("GeoJSON", "LIBKML") else frame
    pyogrio.write_dataframe(plain, path, driver=driver, **options)
    return path


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "shp", "fgb", "gdb", "kml", "parquet"])
def test_every_format_brings_the_same_plots(tmp_path, ending):
    path = tmp_path / f"plots.{ending}"
    if ending == "parquet":
        PLOTS.to_parquet(path)
    elif ending == "shp":
        write(path, encoding="UTF-8")
    else:
        write(path)
    found = vector.read(path)
    frame = found.frame.to_crs("EPSG:4548").sort_values("apn", ignore_index=True)  # FlatGeobuf sorts by place
    assert not found.damaged.any()
    assert list(frame["apn"]) == ["000-001", "007"]
    assert list(frame["name"] if ending != "kml" else frame["Name"]) == ["熟地", "b"]
    assert shapely.hausdorff_distance(frame.geometry.to_numpy(), PLOTS.geometry.to_numpy()).max() < 1e-3
    assert pd.isna(frame["far"].iloc[1]) or ending == "kml"


@pytest.mark.parametrize("ending", ["shp", "gdb"])
def test_a_zipped_shapefile_or_geodatabase_is_read(tmp_path, ending):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / f"plots.{ending}", **({"encoding": "UTF-8"} if ending == "shp" else {}))
    path = shutil.make_archive(str(tmp_path / f"plots.{ending}"), "zip", tmp_path / "in")
    assert list(vector.read(path).frame["name"]) == ["熟地", "b"]


def test_a_kmz_is_read_and_an_archive_of_two_asks_for_one(tmp_path):
    kml = write(tmp_path / "doc.kml").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("doc.kml", kml)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.kml", kml)
        archive.writestr("b.kml", kml)
    assert len(vector.read(tmp_path / "a.kmz").frame) == 2
    with pytest.raises(ChooseSublayerError, match=r"there are: a, b"):
        vector.read(tmp_path / "two.zip")
    assert len(vector.read(tmp_path / "two.zip", sublayer="b").frame) == 2


def test_dxf_and_topojson_and_csv_ask_for_a_crs(tmp_path):
    drawing = tmp_path / "plots.dxf"
    pyogrio.write_dataframe(gpd.GeoDataFrame(geometry=PLOTS.geometry.exterior), drawing, driver="DXF")
    topology = tmp_path / "plots.json"
    arcs = {
        "type": "Topology",
        "objects": {"a": {"type": "Point", "coordinates": [117, 36.8], "properties": {"n": "007"}}},
        "arcs": [],
    }
    topology.write_text(json.dumps(arcs), "utf-8")
    table = tmp_path / "plots.csv"
    table.write_text("id,lon,lat\n007,117,36.8\n", "utf-8")
    for path in (drawing, topology, table):
        with pytest.raises(MissingCRSError, match=rf"{path.name} .*--crs"):
            vector.read(path)
    assert vector.read(drawing, crs="EPSG:4548").frame.geom_type.eq("Polygon").all()
    assert vector.read(topology, crs="EPSG:4326").frame["n"].tolist() == ["007"]
    assert vector.read(table, crs="EPSG:4490").frame["id"].tolist() == ["007"]


def test_a_crs_that_is_none_is_named(tmp_path):
    with pytest.raises(BadCRSError, match=r"'EPSG:1'.*no coordinate reference system"):
        vector.read(write(tmp_path / "a.geojson"), crs="EPSG:1")
    assert "as stated" in vector.read(tmp_path / "a.geojson", crs="EPSG:4490").notes[0].en


def test_several_layers_ask_for_one_with_a_hint(tmp_path):
    path = write(tmp_path / "a.gpkg", layer="plots")
    pyogrio.write_dataframe(PLOTS, path, layer="roads", append=True)
    with pytest.raises(ChooseSublayerError, match=r"--sublayer; there are: plots, roads"):
        vector.read(path)
    with pytest.raises(ChooseSublayerError, match=r"did you mean roads"):
        vector.read(path, sublayer="road")
    assert len(vector.read(path, sublayer="roads").frame) == 2


def test_heights_are_dropped_with_a_note(tmp_path):
    high = PLOTS.set_geometry(shapely.force_3d(PLOTS.geometry.to_numpy(), 7.0), crs=PLOTS.crs)
    found = vector.read(write(tmp_path / "a.gpkg", high))
    assert not found.frame.has_z.any()
    assert "of 2 features were dropped" in found.notes[0].en


def test_coordinates_that_are_no_numbers_are_refused_by_feature_and_not_by_a_warning(tmp_path):
    ring = "500000 4077000,500010 {},500010 4077010,500000 4077000"
    rows = [f'a,"POLYGON(({ring.format("nan")}))"', f'b,"POLYGON(({ring.format("4077000")}))"', 'c,"POINT(inf 1e308)"']
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["id,wkt", *rows]), "utf-8")
    with np.errstate(invalid="ignore"):
        write(tmp_path / "b.gpkg", vector.read(path, crs="EPSG:4548").frame)
    for file in (path, tmp_path / "b.gpkg"):
        prepared = prepare(vector.read(file, crs="EPSG:4548"), LAYERS["parcels"], Mapping(), "EPSG:4548", repair=True)
        assert prepared.features["id"].tolist() == ["b"]
        assert prepared.rejects["reason"].tolist() == ["not_finite", "wrong_type"]


# encodings


def chinese_shapefile(folder, encoding, cpg=None, ldid=None, text="简体国语熟地"):
    path = write(folder / "a.shp", PLOTS.assign(name=text), encoding=encoding)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    table = path.with_suffix(".dbf")
    content = bytearray(table.read_bytes())
    content[29] = ldid or 0
    table.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("encoding", "cpg", "ldid"),
    [("UTF-8", "UTF-8", 0), ("GB18030", "936", 0), ("GB18030", None, 0x4D), ("GB18030", None, 0x57), ("UTF-8", None, 0),
     ("GB18030", "UTF-8", 0), ("UTF-8", None, 0x4D)],
)  # fmt: skip
def test_chinese_tables_read_by_cpg_then_driver_then_trial(tmp_path, encoding, cpg, ldid):
    path = chinese_shapefile(tmp_path, encoding, cpg, ldid)
    assert [t.decode(shapefile.encoding(path)[0]) for t in shapefile.texts(path.with_suffix(".dbf"))] == ["简体国语熟地"]


def test_accents_without_a_stated_encoding_are_not_taken_for_chinese(tmp_path):
    path = chinese_shapefile(tmp_path, "CP1252", text="Straße, Gießerei Öl")
    with pytest.raises(EncodingError, match=r"give --encoding, as CP1252"):
        vector.read(path)
    assert vector.read(path, encoding="cp1252").frame["name"].iloc[0] == "Straße, Gießerei Öl"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_csv_reads_in_every_likely_encoding_and_text_stays_text(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("编号;x;y;地类\n0007;500000,5;4077000;耕地\n".encode(encoding))
    frame = vector.read(path, crs="EPSG:4548").frame
    assert frame.loc[0, ["编号", "地类"]].tolist() == ["0007", "耕地"]
    assert frame.geometry[0].equals(shapely.Point(500000.5, 4077000))


def test_csv_takes_wkt_and_marks_what_is_none(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,wkt\n1,"POLYGON((0 0,1 0,1 1,0 0))"\n2,POLYGON((oops\n3,\n', "utf-8")
    found = vector.read(path, crs="EPSG:4326")
    assert found.frame.geometry.isna().tolist() == [False, True, True]
    assert found.damaged.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"a,b\n1,2\n", "no columns x and y"),
        (b"x,y\n1,2\n\x00,3\n", "NUL characters in line 3"),
        (b"x,y\n1,2\n1,2,3\n", "no table"),
        (",".join(f"c{i}" for i in range(100_000)).encode() + b"\n", "100000 columns"),
        (b"", "is empty"),
        (b"x,y\n", "no features"),
    ],
)
def test_odd_tables_are_refused_with_the_reason(tmp_path, content, what):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=what):
        vector.read(path, crs="EPSG:4326")


# what would harm


VRT = '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


@pytest.mark.parametrize("name", ["a.vrt", "a.geojson", "a.kml", "a.shp", "a.gpkg", "a.dxf", "a.fgb", "a.json"])
def test_a_virtual_file_is_refused_under_every_name(tmp_path, name):
    canary = write(tmp_path / "canary.gpkg")
    path = tmp_path / name
    path.write_text(VRT.format(canary))
    with pytest.raises((UnreadableError, UnknownFormatError), match=r"not |no reader"):
        vector.read(path)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(path, name)
    with pytest.raises((UnreadableError, UnknownFormatError)):
        vector.read(tmp_path / "b.zip")


def test_the_worker_has_no_driver_but_the_one(tmp_path):
    path = tmp_path / "a.geojson"
    path.write_text(VRT.format(write(tmp_path / "canary.gpkg")))
    with pytest.raises(UnreadableError, match=r"cannot be read as GeoJSON"):
        gdal.read(path, "GeoJSON", None, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_kml_with_a_document_type_is_refused(tmp_path, encoding):
    path = tmp_path / "a.kml"
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml>&x;</kml>'
    path.write_bytes(text.encode(encoding))
    with pytest.raises(UnsafeFileError, match=r"document type"):
        vector.read(path)


def test_a_network_link_is_not_followed_but_told(tmp_path):
    path = tmp_path / "a.kml"
    path.write_text(
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>a</name>'
        "<NetworkLink><Link><href>http://127.0.0.1:9/x.kml</href></Link></NetworkLink>"
        "<Placemark><name>p</name><Point><coordinates>117,36.8</coordinates></Point></Placemark></Document></kml>"
    )
    found = vector.read(path)
    assert found.frame.geometry.notna().sum() == 1
    assert "1 network links were not followed" in found.notes[0].en


def test_a_view_of_a_geopackage_is_not_run(tmp_path):
    path = write(tmp_path / "a.gpkg", layer="plots")
    with closing(sqlite3.connect(path)) as base:
        base.execute(
            "CREATE VIEW bad AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) "
            "SELECT i AS fid, NULL AS geom FROM r"
        )
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('bad', 'features', 'bad', 4326)"
        )
        base.execute("INSERT INTO gpkg_geometry_columns VALUES ('bad', 'geom', 'POLYGON', 4326, 0, 0)")
        base.commit()
    with pytest.raises(UnsafeFileError, match=r"view bad"):
        vector.read(path, sublayer="bad")


def test_a_reader_that_hangs_is_stopped(tmp_path):
    with pytest.raises(UnreadableError, match=r"takes more than 0 s"):
        gdal.read(write(tmp_path / "a.geojson"), "GeoJSON", None, None, seconds=0.01)


def test_a_reader_that_dies_takes_nobody_with_it(tmp_path):
    path = tmp_path / "deep.geojson"
    path.write_text('{"type":"FeatureCollection","features":[' + "[" * 200_000)
    with pytest.raises(UnreadableError, match=r"deep.geojson"):
        vector.read(path)


@pytest.mark.parametrize(
    ("part", "change", "what"),
    [
        ("shx", lambda b: b[:104] + struct.pack(">i", 1 << 28) + b[108:], "points outside a.shp at feature 1"),
        ("shp", lambda b: b[:148] + struct.pack("<i", 2**31 - 1) + b[152:], "counts more points in feature 1"),
        ("shp", lambda b: b[:-40], "cut off"),
        ("dbf", lambda b: b[:-60], "shorter than its header"),
        ("dbf", lambda b: b[:4] + struct.pack("<i", 1) + b[8:], "1 rows and a.shp 2 features"),
        ("shx", lambda b: b"", "cut off in its header"),
    ],
)
def test_a_shapefile_that_lies_is_refused_with_the_part(tmp_path, part, change, what):
    path = write(tmp_path / "a.shp", encoding="UTF-8")
    liar = path.with_suffix(f".{part}")
    liar.write_bytes(change(liar.read_bytes()))
    with pytest.raises(UnreadableError, match=what):
        vector.read(path)


def test_a_shapefile_without_its_index_or_its_crs_says_which(tmp_path):
    path = write(tmp_path / "a.shp", encoding="UTF-8")
    path.with_suffix(".prj").unlink()
    with pytest.raises(MissingCRSError, match=r"never|do not guess"):
        vector.read(path)
    path.with_suffix(".dbf").unlink()
    assert "no .dbf" in vector.read(path, crs="EPSG:4548").notes[0].en
    path.with_suffix(".shx").unlink()
    with pytest.raises(UnreadableError, match=r"without its .shx"):
        vector.read(path)


def test_a_drawing_that_holds_itself_ends(tmp_path):
    rows = ["0", "SECTION", "2", "BLOCKS", "0", "BLOCK", "2", "B", "10", "0", "20", "0"]
    rows += ["0", "INSERT", "2", "B", "10", "0", "20", "0", "0", "ENDBLK", "0", "ENDSEC"]
    rows += ["0", "SECTION", "2", "ENTITIES", "0", "INSERT", "2", "B", "10", "0", "20", "0", "0", "ENDSEC", "0", "EOF"]
    path = tmp_path / "a.dxf"
    path.write_text("\n".join(rows))
    with pytest.raises(UnreadableError, match=r"a.dxf"):
        vector.read(path, crs="EPSG:4548")


def test_a_part_of_a_shapefile_or_an_unknown_ending_says_what_to_give(tmp_path):
    (tmp_path / "a.dbf").write_bytes(b"x")
    with pytest.raises(UnknownFormatError, match=r"only a part of a shapefile"):
        vector.read(tmp_path / "a.dbf")
    (tmp_path / "a.geojso").write_bytes(b"{}")
    with pytest.raises(UnknownFormatError, match=r"did you mean .geojson"):
        vector.read(tmp_path / "a.geojso")
    with pytest.raises(UnreadableError, match=r"is not there"):
        vector.read(tmp_path / "none.gpkg")


def test_an_empty_or_broken_geopackage_is_refused(tmp_path):
    path = write(tmp_path / "a.gpkg", PLOTS.iloc[:0])
    with pytest.raises(UnreadableError, match=r"no features"):
        vector.read(path)
    broken = bytearray(write(tmp_path / "b.gpkg").read_bytes())
    broken[100:8000] = np.random.default_rng(1).bytes(7900)
    (tmp_path / "b.gpkg").write_bytes(broken)
    with pytest.raises(UnreadableError, match=r"b.gpkg"):
        vector.read(tmp_path / "b.gpkg")


def test_a_parquet_without_geometry_is_refused(tmp_path):
    buffer = io.BytesIO()
    pd.DataFrame({"a": [1]}).to_parquet(buffer)
    (tmp_path / "a.parquet").write_bytes(buffer.getvalue())
    with pytest.raises(UnreadableError, match=r"GeoParquet"):
        vector.read(tmp_path / "a.parquet")


@pytest.mark.parametrize("ending", ["parquet", "gpkg"])
def test_a_damaged_file_is_refused_without_a_place_of_this_machine_or_a_statement(tmp_path, ending):
    """Cut, or with a page of noise wherever it may be: read, or refused in a sentence that may be told to anybody."""
    path = tmp_path / f"plots.{ending}"
    PLOTS.to_parquet(path) if ending == "parquet" else write(path, layer="parcels")
    whole, refused = path.read_bytes(), []
    damaged = [whole[: len(whole) * part // 9] for part in range(5, 9)]
    noise = b"\xa5" * 600
    damaged += [whole[:at] + noise + whole[at + len(noise) :] for at in range(500, len(whole) - 600, len(whole) // 60)]
    for content in damaged:
        path.write_bytes(content)
        try:
            vector.read(path, "EPSG:4548")
        except UnreadableError as error:
            refused.append(str(error))
    assert len(refused) > 4
    for said in refused:
        for secret in (str(tmp_path), "/tmp", "SELECT", "None"):
            assert secret not in said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Cannot open '/srv/land/a.parquet' twice", "Cannot open 'a.parquet' twice"),
        ("sqlite3_prepare_v2(SELECT * FROM x) failed: /srv/x.gpkg", "sqlite3_prepare_v2"),
        (r"in C:\\data\\secret\\b.gpkg: locked; and more", "in b.gpkg: locked"),
        ("SELECT 1", "damaged"),
        ("a ratio of 3/4 and/or less", "a ratio of 3/4 and/or less"),
    ],
)
def test_of_the_words_of_other_readers_the_reason_alone_is_told(tmp_path, said, told):
    assert reason(said, tmp_path / "a.parquet") == told


def test_text_that_is_not_in_the_encoding_of_a_geopackage_is_refused(tmp_path):
    path = write(tmp_path / "plots.gpkg", layer="parcels")
    with closing(sqlite3.connect(path)) as base, base:
        base.create_function("ST_IsEmpty", 1, lambda _: 0)
        for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        base.execute("UPDATE parcels SET name = CAST(X'FF41' AS TEXT) WHERE fid = 1")
    with pytest.raises(EncodingError, match=r"plots\.gpkg holds text"):
        vector.read(path)
