"""Tables of boundary points, in CSV and XLSX."""

import io
import zipfile

import openpyxl
import pandas as pd
import pytest
import shapely

from layers.formats import vector, workbook
from layers.formats.errors import ChooseSublayerError, FormatError, UnsafeFileError

NORTH, EAST = (4_077_850.0, 4_077_850.0, 4_077_620.0, 4_077_620.0), (497_120.0, 497_380.0, 497_380.0, 497_120.0)
PLOT = shapely.Polygon(zip(EAST, NORTH, strict=True))


def table(tmp_path, columns, ending="csv", encoding="utf-8"):
    path = tmp_path / f"points.{ending}"
    frame = pd.DataFrame(columns, dtype="str")
    if ending == "csv":
        path.write_bytes(frame.to_csv(index=False).encode(encoding))
    else:
        workbook.write(path, [("点", frame)])
    return path


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize(
    ("north", "east"),
    [("X", "Y"), ("纵坐标", "横坐标"), ("北坐标", "东坐标"), ("X坐标", "Y坐标"), ("X(m)", "Y(m)"), ("Northing", "Easting")],
)
def test_points_of_a_plot_become_its_polygon_whatever_the_axes_are_called(tmp_path, ending, north, east):
    path = table(tmp_path, {"点号": ["J1", "J2", "J3", "J4"], north: NORTH, east: EAST}, ending)
    found = vector.read(path, "EPSG:4548")
    assert [s.equals(PLOT) for s in found.frame.geometry] == [True]
    assert not found.damaged.any()


def test_rings_parcels_and_zones(tmp_path):
    inner = [(4_077_700, 497_200), (4_077_720, 497_200), (4_077_720, 497_220)]
    rows = [("A", 1, n, 39e6 + e) for n, e in zip(NORTH, EAST, strict=True)]
    rows += [("A", 2, n, 39e6 + e) for n, e in inner]
    rows += [("007", 1, n, 39e6 + e + 1000) for n, e in zip(NORTH, EAST, strict=True)]
    columns = {"地块": [r[0] for r in rows], "圈号": [r[1] for r in rows], "点号": range(len(rows)), "X": [r[2] for r in rows]}
    found = vector.read(table(tmp_path, {**columns, "Y": [f"{r[3]:.3f}" for r in rows]}, encoding="gb18030"), "EPSG:4548")
    assert found.frame["地块"].tolist() == ["A", "007"]
    assert found.frame.geometry.area.tolist() == [59_800 - 200, 59_800]
    assert found.frame.total_bounds[0] == 497_120
    assert any("zone 39" in note.en for note in found.notes)


def test_degrees_minutes_and_seconds(tmp_path):
    columns = {
        "点号": [1, 2, 3],
        "纬度": ["36°49′12.5″", "36°49′12.5″", "36.8"],
        "经度": ["117°0′0″", "117度1分0秒", "117:00:30"],
    }
    found = vector.read(table(tmp_path, columns), "EPSG:4490")
    expected = shapely.Polygon(
        [(117, 36 + 49 / 60 + 12.5 / 3600), (117 + 1 / 60, 36 + 49 / 60 + 12.5 / 3600), (117 + 30 / 3600, 36.8)]
    )
    assert found.frame.geometry[0].normalize().equals_exact(expected.normalize(), 1e-12)


def test_swapped_columns_are_turned_and_a_bad_number_damages_its_plot(tmp_path):
    swapped = vector.read(table(tmp_path, {"点号": range(4), "X": EAST, "Y": NORTH}), "EPSG:4548")
    assert swapped.frame.geometry[0].equals(PLOT)
    assert "swapped" in swapped.notes[0].en
    bad = vector.read(table(tmp_path, {"点号": range(4), "X": ["4O77850", *NORTH[1:]], "Y": EAST}), "EPSG:4548")
    assert bad.damaged.tolist() == [True]


def test_a_sheet_of_places_is_read_as_text_with_its_zeros(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "管井"
    for row in (
        ["某园区管井表"],
        [],
        ["id", "x", "y", "when"],
        ["007", 497_120.5, 4_077_850, "=1+1"],
        ["008", "497130.25", "4077851", None],
    ):
        book.active.append(row)
    book.create_sheet("说明").append(["由某院提供"])
    book.save(tmp_path / "wells.xlsx")
    found = vector.read(tmp_path / "wells.xlsx", "EPSG:4548")
    assert found.frame["id"].tolist() == ["007", "008"]
    assert found.frame.geometry.x.tolist() == [497_120.5, 497_130.25]


def test_several_sheets_are_asked_for_and_named(tmp_path):
    frame = pd.DataFrame({"x": ["1"], "y": ["2"]})
    workbook.write(tmp_path / "a.xlsx", [("一", frame), ("二", frame)])
    with pytest.raises(ChooseSublayerError, match=r"there are: 一, 二"):
        vector.read(tmp_path / "a.xlsx", "EPSG:4548")
    with pytest.raises(ChooseSublayerError, match=r"no sheet 三"):
        vector.read(tmp_path / "a.xlsx", "EPSG:4548", sublayer="三")


def test_workbooks_made_to_harm_are_refused(tmp_path):
    path = tmp_path / "a.xlsx"
    frame = pd.DataFrame({"x": ["1"], "y": ["2"]})
    workbook.write(path, [("一", frame)])
    content = {name: zipfile.ZipFile(path).read(name) for name in zipfile.ZipFile(path).namelist()}

    def packed(**changed):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in {**content, **changed}.items():
                archive.writestr(name, data)
        path.write_bytes(buffer.getvalue())

    sheet = content["xl/worksheets/sheet1.xml"].decode()
    packed(**{"xl/worksheets/sheet1.xml": '<!DOCTYPE a [<!ENTITY x "y">]>' + sheet})
    with pytest.raises(UnsafeFileError, match=r"document type"):
        vector.read(path, "EPSG:4548")
    packed(**{"xl/big.xml": b" " * (60 << 20)})
    with pytest.raises(UnsafeFileError, match=r"inflates"):
        vector.read(path, "EPSG:4548")
    packed(**{"xl/workbook.xml": b"<no"})
    with pytest.raises(FormatError, match=r"a.xlsx"):
        vector.read(path, "EPSG:4548")
