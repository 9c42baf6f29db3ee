"""Boundary text of land approvals, in all the ways in which offices write it."""

import itertools
from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import shapely

from layers.catalogue import LAYERS
from layers.formats import vector
from layers.formats.boundary import write
from layers.formats.deliver import prepare
from layers.formats.errors import BadCRSError, MissingCRSError
from layers.formats.mapping import Mapping

ZONED = "EPSG:4527"
EXAMPLE = """[属性描述]
格式版本号=1.01版本
数据产生单位=
数据产生日期=2025-6-15
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=39
精度=0.001
转换参数=,,,,,,
[地块坐标]
10,5.7800,DK-01,一期地块,面,,工业用地,,@
J1,1,4077850.000,39497120.000
J2,1,4077850.000,39497380.000
J3,1,4077620.000,39497380.000
J4,1,4077620.000,39497120.000
J1,1,4077850.000,39497120.000
J5,2,4077760.000,39497220.000
J6,2,4077720.000,39497220.000
J7,2,4077720.000,39497270.000
J8,2,4077760.000,39497270.000
J5,2,4077760.000,39497220.000
"""


def ring(x, y, points):
    return [(39_497_000 + x + dx, 4_077_000 + y + dy) for dx, dy in points]


SQUARE = [(0, 0), (120.5, 3.25), (118, 90), (-4, 88)]
INNER = [(20, 20), (50, 20), (50, 50), (20, 50)]
TRIANGLE = [(0, 0), (30, 0), (0, 40)]
SHAPES = [
    shapely.Polygon(ring(0, 0, SQUARE)),
    shapely.Polygon(ring(300, 0, SQUARE), [ring(300, 0, INNER), ring(300, 0, [(60, 60), (80, 60), (80, 75)])]),
    shapely.MultiPolygon([shapely.Polygon(ring(600, 0, SQUARE), [ring(600, 0, INNER)]), shapely.Polygon(ring(800, 0, TRIANGLE))]),
]
PARCELS = gpd.GeoDataFrame(
    {"id": ["DK-01", "DK-02", "03"], "name": ["一期地块", "北区", "南区"], "use": ["工业用地", "工业用地", None]},
    geometry=SHAPES,
    crs=ZONED,
)


def read(tmp_path, text, encoding="utf-8", name="a.txt", crs=None):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return vector.read(path, crs)


def same(found, expected):
    return all(a.equals(b) for a, b in zip(found, expected, strict=True))


def test_the_example_of_the_standard_is_a_plot_with_a_hole(tmp_path):
    found = read(tmp_path, EXAMPLE)
    assert found.frame.crs == ZONED
    assert found.frame.geometry.area.tolist() == [57_800.0]
    assert found.frame.loc[0, ["地块编号", "地块名称", "地块用途", "地块面积"]].tolist() == [
        "DK-01",
        "一期地块",
        "工业用地",
        57_800.0,
    ]
    assert not found.notes


def test_it_becomes_a_parcel_by_itself(tmp_path):
    features = prepare(read(tmp_path, EXAMPLE, "gb18030"), LAYERS["parcels"], Mapping(), "EPSG:4548").features
    assert features.loc[0, ["id", "use_code", "area_recorded"]].tolist() == ["DK-01", "1001", 57_800.0]
    assert features.total_bounds.tolist() == pytest.approx([497_120, 4_077_620, 497_380, 4_077_850], abs=1e-6)


@pytest.mark.parametrize(("encoding", "through", "zone"), list(itertools.product(["gbk", "utf-8"], [False, True], [False, True])))
def test_what_is_written_reads_back(tmp_path, encoding, through, zone):
    text = write(PARCELS, "示例测绘院", date(2025, 6, 15), through, zone)
    assert text.count("\r\n") == text.count("\n")
    found = read(tmp_path, text, encoding)
    assert found.frame.crs == (ZONED if zone else "EPSG:4548")
    back = found.frame.to_crs(ZONED)
    assert back["地块编号"].tolist() == PARCELS["id"].tolist()
    assert max(shapely.hausdorff_distance(back.geometry.to_numpy(), PARCELS.geometry.to_numpy())) < 6e-4
    assert same(back.geometry.to_numpy(), PARCELS.geometry.to_numpy()) or not zone
    numbers = [row.split(",")[0] for row in text.splitlines() if row.startswith("J")]
    assert numbers.count("J1") == (2 if through else 8)


def variant(rng):
    """Write PARCELS as one of the many offices does."""
    sep = rng.choice([",", "\uff0c", ", "])
    end = rng.choice(["\n", "\r\n", "\r"])
    swap, zone, mark, close = rng.random() < 0.3, rng.random() < 0.7, rng.choice(["J", ""]), rng.random() < 0.7
    head, keep = rng.integers(0, 3), int(rng.integers(3, 14))
    spare = ("格式", "数据", "计量", "精度", "转换", "投影")
    lines = (
        []
        if head == 0
        else [row for row in EXAMPLE.split("[地块坐标]")[0].splitlines() if not row.startswith(spare) or rng.random() < 0.6]
    )
    if head == 2:
        lines = ["[项目信息]", "项目名称=某园区", "", *lines, "[地块坐标]"]
    reuse = rng.choice(["number", "one", "zero", "feature"])
    number = 0
    for n, row in enumerate(PARCELS.itertuples()):
        for block in shapely.get_parts(row.geometry) if rng.random() < 0.5 else [row.geometry]:
            rings = shapely.get_rings(shapely.get_parts(block))
            factor = {"ha": 1e-4, "m2": 1.0, "mu": 0.0015}[rng.choice(["ha", "m2", "mu"])]
            count = sum(shapely.get_num_points(r) - (not close) for r in rings) + (rng.random() < 0.2)
            cells = [
                str(count),
                f"{block.area * factor:.4f}",
                row.id,
                row.name,
                "面",
                "",
                row.use if isinstance(row.use, str) else "",
                "",
                "x",
                "y",
                "z",
                "w",
                "v",
            ]
            lines.append(sep.join(cells[:keep]) + sep + rng.choice(["@", "@ ", "\uff20"]))
            for r, one in enumerate(rings):
                xy = shapely.get_coordinates(one)[: None if close else -1]
                label = {"number": r + 1, "one": 1, "zero": r, "feature": n + 1}[reuse] if close else r + 5
                for e, north in xy:
                    number += 1
                    pair = [f"{north:.3f}", f"{e - (0 if zone else 39e6):.3f}"]
                    lines.append(sep.join([f"{mark}{number}", str(label), *(pair[::-1] if swap else pair)]))
    text = (end.join(lines) + (end if rng.random() < 0.8 else "")).encode(rng.choice(["utf-8", "gb18030", "utf-8-sig"]))
    return text, "EPSG:4527" if zone else "EPSG:4548", head == 0


@pytest.mark.parametrize("seed", range(200))
def test_every_offices_variant_reads_to_the_same_rings(tmp_path, seed):
    text, crs, bare = variant(np.random.default_rng(seed))
    if bare:
        with pytest.raises(MissingCRSError, match=r"--crs"):
            read(tmp_path, text)
    found = read(tmp_path, text, crs=crs if bare else None)
    shift = 39e6 if crs == "EPSG:4548" else 0.0
    back = shapely.transform(found.frame.geometry.to_numpy(), lambda xy: xy + np.array([shift, 0.0]))
    assert found.frame["地块编号"].tolist() == ["DK-01", "DK-02", "03"]
    assert same(back, SHAPES)
    assert np.allclose(found.frame["地块面积"], [s.area for s in SHAPES], atol=0.6)


def test_swapped_columns_wrong_counts_and_areas_are_noted(tmp_path):
    text = EXAMPLE.replace("10,5.7800", "12,9.1")
    rows = [",".join([*r.split(",")[:2], *r.split(",")[:1:-1]]) if r.startswith("J") else r for r in text.splitlines()]
    found = read(tmp_path, "\n".join(rows))
    assert found.frame.geometry.area.tolist() == [57_800.0]
    assert [word in note.zh for word, note in zip(["对调", "不符", "界址点数"], found.notes, strict=True)] == [True] * 3
    assert np.isnan(found.frame.loc[0, "地块面积"])


def test_a_row_that_is_no_point_damages_its_parcel_only(tmp_path):
    other = EXAMPLE.split("[地块坐标]\n")[1].replace("DK-01", "DK-02").replace("J3,1,4077620.000", "J3,1,40776O0.000")
    found = read(tmp_path, EXAMPLE + other)
    assert found.damaged.tolist() == [False, True]
    assert shapely.is_missing(found.frame.geometry.to_numpy()).tolist() == [False, True]


def test_old_datums_are_refused_on_import_and_zones_are_not_mixed(tmp_path):
    old = read(tmp_path, EXAMPLE.replace("2000国家大地坐标系", "1980西安坐标系"))
    assert "Xian 1980" in old.frame.crs.name
    with pytest.raises(Exception, match=r"(?i)datum"):
        prepare(old, LAYERS["parcels"], Mapping(), "EPSG:4548")
    with pytest.raises(BadCRSError, match=r"several zones \(39, 40\)"):
        read(tmp_path, EXAMPLE + EXAMPLE.split("[地块坐标]\n")[1].replace(",39", ",40"))
    with pytest.raises(BadCRSError, match=r"EPSG:4548"):
        write(PARCELS.to_crs("EPSG:32650"))


def test_the_zone_in_the_eastings_may_stand_beside_a_crs_without(tmp_path):
    found = read(tmp_path, EXAMPLE.split("[地块坐标]")[1], crs="EPSG:4548")
    assert found.frame.total_bounds.tolist() == [497_120, 4_077_620, 497_380, 4_077_850]
    assert "zone 39" in found.notes[0].en
