import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.base import PANDAS
from layers.catalogue import LAYERS
from layers.formats.deliver import coverage, prepare, write_rejects
from layers.formats.errors import BadCRSError, ImplausibleError, MappingError, UnreadableError
from layers.formats.mapping import Mapping
from layers.formats.vector import Delivery

X, Y = 500000.0, 4077000.0
BASE = "EPSG:4548"


def square(x=0.0, y=0.0, size=10.0):
    return shapely.box(X + x, Y + y, X + x + size, Y + y + size)


BOWTIE = shapely.Polygon([(X, Y), (X + 10, Y + 10), (X + 10, Y), (X, Y + 10)])
FLAT = shapely.Polygon([(X, Y), (X + 10, Y), (X + 5, Y)])


def delivery(shapes, crs=BASE, driver="GPKG", damaged=None, **columns):
    frame = gpd.GeoDataFrame(columns, index=range(len(shapes)), geometry=gpd.GeoSeries(shapes, crs=crs))
    return Delivery("plots.gpkg", driver, frame, np.zeros(len(shapes), bool) if damaged is None else np.array(damaged))


def parcels(shapes, mapping=Mapping(), repair=False, target=BASE, **columns):  # noqa: B008
    found = delivery(shapes, **columns)
    prepared = prepare(found, LAYERS["parcels"], mapping, target, repair)
    assert len(prepared.features) + len(prepared.rejects) == len(shapes)
    return prepared


def test_features_have_the_layers_columns_and_types_and_no_edition():
    features = parcels([square()], id=["001"], area_recorded=["12.5"], valid_from=["2020-01-02"]).features
    assert list(features.columns) == [f.name for f in LAYERS["parcels"].columns if f.name != "edition"] + ["geometry"]
    for f in LAYERS["parcels"].columns[:-1]:
        assert features[f.name].dtype == pd.Series([], dtype=PANDAS[f.dtype]).dtype
    assert features.loc[0, ["id", "area_recorded"]].tolist() == ["001", 12.5]
    assert features.crs == BASE


def test_each_bad_geometry_has_its_reason_and_the_good_one_is_kept():
    with np.errstate(invalid="ignore"):
        nan = shapely.from_wkt(f"POLYGON (({X} {Y}, {X} nan, {X + 1} {Y}, {X} {Y}))")
    far = shapely.box(1e308, 1e308, 1.1e308, 1.1e308)
    shapes = [square(), None, shapely.Polygon(), shapely.Point(X, Y), nan, far, FLAT, BOWTIE]
    prepared = parcels(shapes, id=list("abcdefgh"))
    assert prepared.features["id"].tolist() == ["a"]
    assert prepared.rejects["reason"].tolist() == [
        "no_geometry", "empty_geometry", "wrong_type", "not_finite", "outside_crs", "zero_area", "invalid_geometry",
    ]  # fmt: skip
    assert prepared.rejects["number"].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert prepared.rejects["id"].tolist() == list("bcdefgh")
    assert "Self-intersection" in prepared.rejects["detail"].iloc[-1]


def test_each_bad_value_has_its_reason():
    prepared = parcels(
        [square(20 * i) for i in range(6)],
        id=["a", "a", None, "d", "e", "f"],
        area_recorded=["1", "1", "1", "many", "1", "1"],
        status=["ready", "ready", "ready", "ready", "gone", "净地"],
    )
    assert prepared.rejects.set_index("number")["reason"].to_dict() == {
        2: "duplicate_id", 3: "missing_value", 4: "unreadable_value", 5: "unknown_code",
    }  # fmt: skip
    assert prepared.rejects["detail"].tolist()[2:] == ["area_recorded: many", "status: gone"]
    assert prepared.features["status"].tolist() == ["ready", "ready"]
    assert prepared.summary.set_index("reason")["features"].sum() == 4


def test_a_number_is_free_again_when_its_first_bearer_is_refused():
    prepared = parcels([BOWTIE, square()], id=["a", "a"])
    assert prepared.features["id"].tolist() == ["a"]
    assert prepared.rejects["reason"].tolist() == ["invalid_geometry"]


def test_repair_makes_valid_and_tells_the_change_in_area():
    prepared = parcels([BOWTIE, FLAT, square()], repair=True, id=list("abc"))
    assert prepared.features["id"].tolist() == ["a", "c"]
    assert prepared.features.is_valid.all()
    assert prepared.rejects["reason"].tolist() == ["zero_area"]
    row = prepared.repairs.iloc[0]
    assert (row["number"], row["id"]) == (1, "a")
    assert row["reason"].startswith("Self-intersection")
    assert (row["area_before"], row["area_after"], row["change"]) == (0.0, 50.0, 50.0)


def test_a_damaged_ring_is_refused_and_with_repair_closed_and_told():
    found = delivery([square(), square(20)], damaged=[True, False], id=["a", "b"])
    assert prepare(found, LAYERS["parcels"], Mapping(), BASE).rejects["reason"].tolist() == ["damaged_geometry"]
    prepared = prepare(found, LAYERS["parcels"], Mapping(), BASE, repair=True)
    assert len(prepared.features) == 2
    assert prepared.repairs[["id", "reason"]].to_numpy().tolist() == [["a", "Ring not closed"]]


def test_lines_without_length_are_refused_and_doubles_are_kept_and_told():
    line = shapely.LineString([(X, Y), (X + 5, Y)])
    found = delivery([line, line.reverse(), shapely.LineString([(X, Y), (X, Y)])])
    prepared = prepare(found, LAYERS["utilities"], Mapping(constants={"kind": "gas"}), BASE)
    assert prepared.rejects["reason"].tolist() == ["zero_length"]
    assert any("1 features lie exactly on an earlier one" in n.en for n in prepared.notes)


def test_features_without_numbers_are_numbered_by_row_with_a_note():
    prepared = parcels([BOWTIE, square()])
    assert prepared.features["id"].tolist() == ["parcels-000002"]
    assert any("--map id=COLUMN" in n.en for n in prepared.notes)


def test_templates_join_columns_and_rows_and_a_missing_part_misses_the_number():
    mapping = Mapping(columns={"id": {"template": "{a}-{B}/{row}"}})
    prepared = parcels([square(), square(20)], mapping, A=["x", "y"], b=[1.0, None])
    assert prepared.features["id"].tolist() == ["x-1/000001"]
    assert prepared.rejects["reason"].tolist() == ["missing_value"]


def test_codes_hold_by_the_code_system_of_each_feature():
    mapping = Mapping(columns={"code": "c", "code_system": "s"})
    found = delivery(
        [square(20 * i) for i in range(4)],
        c=["1001", "C-3", "C-3", "0101"],
        s=["planning_2023", "local", "planning_2023", "survey_gtdc"],
    )
    prepared = prepare(found, LAYERS["zoning"], mapping, BASE)
    assert prepared.rejects[["number", "reason"]].to_numpy().tolist() == [[3, "unknown_code"]]


def test_a_required_field_without_source_is_asked_for_once():
    with pytest.raises(MappingError, match=r"needs code_system, one of survey_gtdc.*code_system:=VALUE"):
        prepare(delivery([square()]), LAYERS["zoning"], Mapping(), BASE)


def test_a_delivery_in_degrees_is_transformed_and_back_within_a_millimetre():
    degrees = gpd.GeoSeries([square()], crs=BASE).to_crs("EPSG:4490")
    moved = parcels(list(degrees), crs="EPSG:4490").features.geometry[0]
    assert shapely.hausdorff_distance(moved, square()) < 1e-3


SQUARE = list(shapely.get_coordinates(square()))


@pytest.mark.parametrize(
    ("crs", "change", "what"),
    [
        ("EPSG:4490", lambda xy: xy, "no degrees.*give their projected system by --crs"),
        ("EPSG:4548", lambda xy: xy / [4274, 110000], "degrees that claim to be metres.*--crs EPSG:4326"),
        ("EPSG:4548", lambda xy: xy[:, ::-1], "x and y exchanged.*swap_xy"),
        ("EPSG:4548", lambda xy: xy + np.array([39e6, 0]), "zone number 39.*--crs EPSG:4527"),
        ("EPSG:4326", lambda xy: xy / [4274, 110000] * [0.1, 1], "outside the area"),
        ("EPSG:2384", lambda xy: xy, "cannot be brought into.*datum"),
    ],
)  # fmt: skip
def test_a_delivery_that_lies_elsewhere_is_refused_whole_with_the_likely_cause(crs, change, what):
    shape = shapely.transform(square(), lambda xy: change(xy))
    with pytest.raises((ImplausibleError, BadCRSError), match=what):
        parcels([shape], crs=crs)


def test_exchanged_axes_are_put_right_when_the_mapping_says_so():
    shape = shapely.transform(square(), lambda xy: xy[:, ::-1])
    assert parcels([shape], Mapping(swap_xy=True)).features.geometry[0].equals(square())


def test_a_polygon_around_the_earth_is_refused():
    around = shapely.box(-179, 36, 179, 37)
    degrees = gpd.GeoSeries([square()], crs=BASE).to_crs("EPSG:4326")[0]
    prepared = parcels([degrees, around], crs="EPSG:4326", target="EPSG:3857")
    assert prepared.rejects["reason"].tolist() == ["antimeridian"]


def test_closed_lines_of_a_drawing_and_collections_of_polygons_become_polygons():
    ring = shapely.LineString(SQUARE)
    found = delivery([ring, shapely.LineString([(X, Y), (X + 1, Y)])], driver="DXF")
    prepared = prepare(found, LAYERS["parcels"], Mapping(), BASE)
    assert prepared.features.geometry[0].equals(square())
    assert prepared.rejects["reason"].tolist() == ["wrong_type"]
    both = shapely.GeometryCollection([square(), square(20)])
    mixed = shapely.GeometryCollection([square(), shapely.Point(X, Y)])
    prepared = parcels([mixed, both])
    assert prepared.features.geom_type.tolist() == ["MultiPolygon"]
    assert prepared.rejects["reason"].tolist() == ["wrong_type"]


CASES = [square(), None, shapely.Polygon(), shapely.Point(X, Y), BOWTIE, FLAT, square(30), shapely.box(0, 0, 1, 1)]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(CASES), st.sampled_from(["a", "b", "c", None]), st.sampled_from(["1", "x", None])),
        min_size=1,
        max_size=8,
    ),
    st.booleans(),
)
def test_counts_in_equal_counts_out_and_rejects(rows, repair):
    shapes = [square(60), *(r[0] for r in rows)]
    ids, areas = ["z", *(r[1] for r in rows)], ["1", *(r[2] for r in rows)]
    prepared = parcels(shapes, repair=repair, id=pd.Series(ids, dtype="str"), area_recorded=pd.Series(areas, dtype="str"))
    numbers = prepared.rejects["number"].tolist()
    assert len(set(numbers)) == len(numbers)
    assert prepared.features["id"].is_unique
    assert prepared.features.is_valid.all()


def test_rejects_are_written_as_geojson_in_degrees(tmp_path):
    rejects = parcels([BOWTIE, None, square(), square(20)], id=["a", "b", "c", "c"]).rejects
    path = tmp_path / "rejects.geojson"
    write_rejects(rejects, path)
    read = gpd.read_file(path)
    assert read["reason"].tolist() == ["invalid_geometry", "no_geometry", "duplicate_id"]
    assert read.crs == "EPSG:4326"
    assert read.geometry.iloc[0].bounds[0] == pytest.approx(117, abs=0.01)
    assert [p.name for p in tmp_path.iterdir()] == ["rejects.geojson"]


def test_coverage_is_a_file_a_box_or_none(tmp_path):
    assert coverage(None, BASE) is None
    assert coverage("none", BASE) is None
    assert coverage("499000,4076000,501000,4078000", BASE).area == 4e6
    path = tmp_path / "c.gpkg"
    gpd.GeoDataFrame(geometry=[square(), square(5)], crs=BASE).to_file(path)
    assert coverage(str(path), BASE).area == 150.0
    for wrong in ("5,5,1,1", "1,2,3,nan", "1,2,3,4e"):
        with pytest.raises(UnreadableError):
            coverage(wrong, BASE)
