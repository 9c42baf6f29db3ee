"""Real deliveries, each with its saved mapping: counts in equal counts out plus rejects; hostile ones are read or refused."""

import shutil
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from layers.catalogue import LAYERS
from layers.formats import raster, vector
from layers.formats.deliver import coverage, prepare
from layers.formats.errors import FormatError
from layers.formats.mapping import Mapping, load
from layers.formats.vector import Delivery

TESTS = Path(__file__).resolve().parents[2]
DATA = TESTS.parent / "../shared/data"
HOSTILE = DATA / "hostile"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="no shared data")

CAMBRIDGE, NEWPORT, SANT_BOI, SCHUTTERWALD = "EPSG:26986", "EPSG:32145", "EPSG:25831", "EPSG:25832"
GISWATER, NETWORKS = "santboi_es/santboi_giswater.gpkg", "schutterwald_de/schutterwald_networks.gpkg"
DELIVERIES = [
    (
        "cambridge_parcels",
        "cambridge_ma/ASSESSING_ParcelsFY2014.topojson",
        CAMBRIDGE,
        13116,
        {"invalid_geometry": 37, "empty_geometry": 1},
    ),
    ("cambridge_zoning", "cambridge_ma/CDD_ZoningDistricts.geojson", CAMBRIDGE, 261, {}),
    ("cambridge_roads", "cambridge_ma/TRANS_Centerlines.geojson", CAMBRIDGE, 2643, {}),
    ("cambridge_flood", "cambridge_ma/FEMA_FloodPlains100Year.geojson", CAMBRIDGE, 21, {}),
    ("newport_utilities", "newport_vt/NewportCity_utility_lines.geojson", NEWPORT, 2500, {}),
    ("newport_zoning", "newport_vt/zoning_Orleans_NewportCity_rev.geoJSON", NEWPORT, 8, {}),
    ("santboi_parcels", GISWATER, SANT_BOI, 258, {}),
    ("santboi_roads", GISWATER, SANT_BOI, 26, {}),
    ("santboi_ws_arc", GISWATER, SANT_BOI, 269, {}),
    ("santboi_ws_link", GISWATER, SANT_BOI, 478, {}),
    ("santboi_ud_arc", GISWATER, SANT_BOI, 206, {}),
    ("santboi_ud_link", GISWATER, SANT_BOI, 708, {}),
    ("schutterwald_gas", NETWORKS, SCHUTTERWALD, 2559, {}),
    ("schutterwald_heat", NETWORKS, SCHUTTERWALD, 482, {"zero_length": 68}),
    ("schutterwald_power", NETWORKS, SCHUTTERWALD, 181, {}),
]

read = lru_cache(maxsize=64)(vector.read)


def bring(name, file, crs, repair=False):
    mapping = load(TESTS / "mappings" / f"{name}.toml")
    found = read(DATA / file, mapping.crs, mapping.encoding, mapping.sublayer)
    return found, prepare(found, LAYERS[mapping.layer], mapping, crs, repair)


@pytest.mark.parametrize(("name", "file", "crs", "count", "rejects"), DELIVERIES, ids=[d[0] for d in DELIVERIES])
def test_counts_in_equal_counts_out_and_rejects(name, file, crs, count, rejects):
    found, prepared = bring(name, file, crs)
    assert len(found.frame) == count
    assert prepared.rejects["reason"].value_counts().to_dict() == rejects
    assert len(prepared.features) == count - len(prepared.rejects)
    assert prepared.features["id"].is_unique
    assert prepared.features.crs == crs


def test_the_invalid_parcels_of_cambridge_are_all_repaired_and_told():
    _, prepared = bring(*DELIVERIES[0][:3], repair=True)
    assert len(prepared.repairs) == 37
    assert prepared.rejects[["number", "reason"]].to_numpy().tolist()[0][1] == "empty_geometry"
    assert len(prepared.features) == 13115
    assert prepared.features.is_valid.all()
    assert prepared.repairs["change"].abs().max() < 2.0


def test_the_lines_of_newport_keep_kind_and_status_and_unknown_stays_unknown():
    _, prepared = bring(*DELIVERIES[4][:3])
    assert prepared.features["kind"].value_counts().to_dict() == {"storm": 1891, "sewage": 327, "water": 282}
    assert prepared.features["status"].value_counts(dropna=False).to_dict() == {
        "in_service": 1714, "planned": 78, "retired": 18, np.nan: 690,
    }  # fmt: skip
    area = coverage(str(DATA / "newport_vt/orig_NewportCityServiceArea.geojson"), NEWPORT)
    assert 7e6 < area.area < 8e6


def test_the_heights_of_sant_boi_are_read_at_their_place():
    frame = raster.read(DATA / "santboi_es/santboi_dem.tif", SANT_BOI)
    assert frame["grid"][0].values.shape == (420, 299)
    assert 0 < np.nanmin(frame["grid"][0].values) < np.nanmax(frame["grid"][0].values) < 200


# The bowties and holes of mapshaper are drawn in small numbers, read as degrees.
EXPECTED = {
    "mapshaper/clean/ex10_bowtie.json": "wrong_type|invalid_geometry|1 taken",
    "mapshaper/clean/ex11_ogc.geojson": "1 taken|invalid_geometry",
    "mapshaper/clean/ex12_ogc.geojson": "1 taken|invalid_geometry",
    "mapshaper/clean/ex13_ogc.json": "1 taken|invalid_geometry",
    "mapshaper/clean/ex14_ogc.json": "1 taken|invalid_geometry",
    "mapshaper/clean/ex15_ogc.json": "1 taken|invalid_geometry",
    "mapshaper/openring/openring.json": "damaged_geometry",
    "mapshaper/dbf/chinese.shp": "wrong_type",
    "mapshaper/dbf/chinese.dbf": "import chinese.shp",
    "mapshaper/dbf/gbk.dbf": "ask for the .shp",
    "mapshaper/dbf/gb2312.dbf": "ask for the .shp",
    "mapshaper/dbf/duplicate_fields.dbf": "ask for the .shp",
    "mapshaper/mixed_crs/a_utm.shp": "1 taken",
    "mapshaper/mixed_crs/b_utm.shp": "1 taken",
    "mapshaper/mixed_crs/c_utm.shp": "does not say its coordinate reference system",
    "mapshaper/mixed_crs/d_geo.shp": "1 taken",
    "mapshaper/mixed_crs/e_merc.shp": "1 taken",
    "mapshaper/shp_corrupt/data_corruption_error.shp": "wrong_type",
    "mapshaper/shp_corrupt/max_callstack_error.shp": "wrong_type",
    "pyogrio/curve.gpkg": "wrong_type",
    "pyogrio/curvepolygon.gpkg": "1 taken",
    "pyogrio/line_zm.gpkg": "wrong_type",
    "pyogrio/multisurface.gpkg": "1 taken",
    "pyogrio/test_gpkg_nulls.gpkg": "wrong_type|empty_geometry",
}


def outcome(path):
    try:
        prepared = prepare(read(path), LAYERS["parcels"], Mapping(), "EPSG:3857")
    except FormatError as error:
        return str(error)
    reasons = sorted(set(prepared.rejects["reason"]))
    return ", ".join([f"{len(prepared.features)} taken"] * bool(len(prepared.features)) + reasons)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_hostile_file_is_read_right_or_refused_with_a_reason(name):
    assert any(part in outcome(HOSTILE / name) for part in EXPECTED[name].split("|"))


def test_no_hostile_file_is_left_out():
    files = {p for p in HOSTILE.rglob("*") if p.is_file() and p.name != "LICENSE"}
    for part in files - {HOSTILE / name for name in EXPECTED}:
        assert "part of a shapefile" in outcome(part)


@pytest.mark.parametrize(("table", "text"), [("gbk", "简体国语"), ("gb2312", "简"), ("chinese", "简体")])
def test_a_chinese_table_is_decoded(tmp_path, table, text):
    folder = HOSTILE / "mapshaper/dbf"
    for part in (".shp", ".shx", ".prj"):
        shutil.copy(folder / f"chinese{part}", tmp_path / f"a{part}")
    shutil.copy(folder / f"{table}.dbf", tmp_path / "a.dbf")
    assert read(tmp_path / "a.shp").frame["NAME"][0].startswith(text)


def test_a_file_in_a_coordinate_system_of_another_name_lies_at_one_place():
    frames = [read(HOSTILE / f"mapshaper/mixed_crs/{n}.shp").frame.to_crs("EPSG:4326") for n in ("a_utm", "d_geo", "e_merc")]
    centres = np.array([f.union_all().centroid.coords[0] for f in frames])
    assert np.ptp(centres, axis=0).max() < 10
    assert isinstance(read(HOSTILE / "pyogrio/curve.gpkg"), Delivery)
