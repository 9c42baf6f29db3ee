"""Parcel maps: what is printed is what the polygon says; read back by poppler."""

import io
import re
import subprocess
from dataclasses import replace
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image
from scipy import ndimage

from geo.shape import boundary_points
from layers.plan.parcel_map import parcel_map
from maps.sheet import PAGES, fitted, outward, parcel_sheet, picture, table

ANGLE = np.linspace(0, 2 * np.pi, 300, endpoint=False)
SHAPES = {
    "triangle": shapely.Polygon([(500_000, 4_077_000), (500_120.1234, 4_077_010), (500_040, 4_077_090)]),
    "hole": shapely.box(500_000, 4_077_000, 500_120, 4_077_090) - shapely.box(500_050, 4_077_030, 500_070, 4_077_050),
    "round": shapely.Polygon(np.c_[500_060 + 55 * np.cos(ANGLE), 4_077_045 + 45 * np.sin(ANGLE)]),
    "parts": shapely.MultiPolygon(
        [shapely.box(500_000, 4_077_000, 500_040, 4_077_060), shapely.box(500_050, 4_077_000, 500_120, 4_077_090)]
    ),
}
NEIGHBOUR = shapely.box(500_120, 4_076_950, 500_200, 4_077_150)


def content(shape):
    parcels = gpd.GeoDataFrame({"id": ["P-1", "东邻"]}, geometry=[shape, NEIGHBOUR], crs="EPSG:4548")
    roads = gpd.GeoDataFrame(
        {"name": ["裕兴路"], "red_line_width": [20.0]},
        geometry=[shapely.LineString([(499_900, 4_077_100), (500_300, 4_077_100)])],
        crs="EPSG:4548",
    )
    plot = pd.Series({"id": "P-1", "use_code": "1001", "owner": None, "address": "某街", "geometry": shape})
    return parcel_map(plot, parcels, roads, {"1001": "工业用地"})


def text(pdf, tmp_path):
    path = tmp_path / "sheet.pdf"
    path.write_bytes(pdf)
    return subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True, text=True).stdout


@pytest.mark.parametrize("name", SHAPES)
def test_the_sheet_prints_every_point_and_closes_each_ring(tmp_path, name):
    plot = content(SHAPES[name])
    said = text(parcel_sheet(plot, "zh", on=date(2026, 6, 1)), tmp_path)
    rows = table(plot)
    rings = sum(len(shapely.get_rings(p)) for p in shapely.get_parts(SHAPES[name]))
    assert len(rows) == shapely.get_num_coordinates(SHAPES[name])
    assert sum(row[3] == "" for row in rows) == rings
    for number, x, y, _ in rows:
        assert x in said
        assert y in said
        assert number in said
    assert f"{SHAPES[name].area:,.2f} m²" in said
    assert "宗地图" in said
    assert "工业用地 (1001)" in said


def words(pdf, tmp_path):
    """List what a sheet prints: page, text, box [pt], as poppler finds it."""
    path = tmp_path / "sheet.pdf"
    path.write_bytes(pdf)
    said = subprocess.run(["pdftotext", "-bbox", path, "-"], capture_output=True, check=True, text=True).stdout
    found = []
    for page in said.split("<page ")[1:]:
        size = [float(n) for n in re.findall(r'(?:width|height)="([\d.]+)"', page)[:2]]
        found.append(
            (
                size,
                [
                    (*map(float, w[:4]), w[4])
                    for w in re.findall(r'<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.*?)<', page)
                ],
            )
        )
    return found


@pytest.mark.parametrize(("name", "pages"), [("triangle", 1), ("hole", 1), ("round", 4), ("parts", 1)])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nothing_is_printed_off_the_page_or_over_another_label(tmp_path, name, pages, lang):
    plot = content(SHAPES[name])
    found = words(parcel_sheet(plot, lang, on=date(2026, 6, 1), generated=True), tmp_path)
    assert len(found) == pages
    for (wide, high), there in found:
        white = 20 / 25.4 * 72 - 3.5  # boxes of letters are taller than these
        assert all(white < x0 < x1 < wide - white and white < y0 < y1 < high - white for x0, y0, x1, y1, _ in there)
    body = "".join(f" {word} " for _, there in found for *_, word in there)
    assert all(f" {x} " in body and f" {y} " in body for _, x, y, _ in table(plot))
    foot = min(w[1] for w in found[0][1] if w[4] in ("点号", "Point", "Four") or w[4].startswith("四至"))
    drawn = [w for w in found[0][1] if 100 < w[1] < foot and re.fullmatch(r"J\d+|\d+\.\d{3}|裕兴路|东邻", w[4])]
    assert len(drawn) > 5
    for k, a in enumerate(drawn):
        for b in drawn[k + 1 :]:
            across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            assert across <= 0.5 or down <= 3.5, (a, b)
    labels = {w[4] for w in drawn}
    assert {"裕兴路", "东邻", "J1"} <= labels
    if name != "round":
        assert {row[0] for row in table(plot)} <= labels


def test_long_names_are_cut_and_stay_in_their_half(tmp_path):
    plot = replace(content(SHAPES["hole"]), owner="很长的权利人名称" * 20, address="very long address " * 40)
    (_, there), *_ = words(parcel_sheet(plot, "zh", on=date(2026, 6, 1)), tmp_path)
    owner = next(w for w in there if "很长" in w[4])
    assert owner[2] < 105 * 72 / 25.4
    assert "…" in owner[4]


def test_a_labels_place_is_outside_the_land_also_in_holes_and_notches():
    notched = shapely.Polygon([(0, 0), (100, 0), (100, 80), (60, 80), (50, 40), (40, 80), (0, 80)]) - shapely.box(20, 10, 30, 20)
    points = boundary_points(np.array([notched], object))
    out = outward(notched, points)
    assert np.allclose(np.hypot(*out.T), 1)
    assert not shapely.contains_xy(notched, points.xy + out * 0.5).any()


def test_sides_and_area_agree_with_the_printed_coordinates_to_the_millimetre():
    plot = content(SHAPES["triangle"])
    rows = table(plot)[:-1]
    xy = np.array([(float(y), float(x)) for _, x, y, _ in rows])
    sides = np.hypot(*(np.roll(xy, -1, axis=0) - xy).T)
    assert np.abs(sides - [float(row[3]) for row in rows]).max() < 2e-3
    assert shapely.Polygon(xy).area == pytest.approx(plot.area, abs=0.2)
    assert rows[0][0] == "J1"


def test_four_bounds_name_the_neighbour_the_road_and_what_nobody_surveyed():
    box = shapely.box(500_000, 4_077_000, 500_120, 4_077_090)
    north, east, south, west = content(box).bounds
    assert (north.zh, east.zh) == ("裕兴路", "东邻")
    assert south.en == west.en == "land that nobody surveyed"


@pytest.mark.parametrize("page", PAGES)
def test_the_scale_is_round_and_the_plot_fits(tmp_path, page):
    frame = fitted(SHAPES["hole"], 15, 36, PAGES[page][0] - 30, PAGES[page][1] - 100)
    assert frame.box().contains(SHAPES["hole"])
    assert f"1:{frame.scale:,}"[-2:] == "00"
    assert parcel_sheet(content(SHAPES["hole"]), "en", page, on=date(2026, 6, 1)) == parcel_sheet(
        content(SHAPES["hole"]), "en", page, on=date(2026, 6, 1)
    )


def test_many_points_continue_on_further_pages_and_the_font_is_embedded(tmp_path):
    path = tmp_path / "sheet.pdf"
    path.write_bytes(parcel_sheet(content(SHAPES["round"]), "en", on=date(2026, 6, 1)))
    info = subprocess.run(["pdfinfo", path], capture_output=True, check=True, text=True).stdout
    assert int(info.split("Pages:")[1].split()[0]) == 1 + int(np.ceil(301 / (2 * 54)))
    fonts = subprocess.run(["pdffonts", path], capture_output=True, check=True, text=True).stdout.splitlines()[2:]
    assert fonts
    assert all("NotoSansSC" in row and " yes yes yes" in row for row in fonts)
    images = subprocess.run(["pdfimages", "-list", path], capture_output=True, check=True, text=True).stdout.splitlines()[2:]
    assert images == []


def test_a_neighbours_corner_on_an_edge_is_a_boundary_point():
    low = shapely.box(500_120, 4_076_950, 500_200, 4_077_040)
    high = shapely.box(500_120, 4_077_040, 500_200, 4_077_150)
    parcels = gpd.GeoDataFrame(
        {"id": ["P-1", "低", "高"]}, geometry=[shapely.box(500_000, 4_077_000, 500_120, 4_077_090), low, high]
    )
    roads = gpd.GeoDataFrame({"name": [], "red_line_width": []}, geometry=[])
    plot = pd.Series({"id": "P-1", "use_code": None, "owner": None, "address": None, "geometry": parcels.geometry[0]})
    made = parcel_map(plot, parcels.set_crs("EPSG:4548"), roads.set_crs("EPSG:4548"), {})
    rows = table(made)
    assert ("J3", "4077040.000", "500120.000", "40.000") in rows
    assert len(rows) == 6
    assert made.area == 120 * 90


def test_the_picture_has_every_page_and_the_red_boundary():
    pdf = parcel_sheet(content(SHAPES["round"]), "zh", on=date(2026, 6, 1))
    drawn = Image.open(io.BytesIO(picture(pdf, 72)))
    assert (drawn.width, drawn.height) == (596, 842 * 4)
    red, green, _ = np.asarray(drawn)[:842].transpose(2, 0, 1).astype(int)
    assert ((red > 150) & (green < 80)).sum() > 500


@pytest.mark.parametrize("name", SHAPES)
def test_the_boundary_is_one_closed_red_line_that_no_label_breaks(tmp_path, name):
    pdf = parcel_sheet(content(SHAPES[name]), "en", "A3", on=date(2026, 6, 1))
    scale = int(re.search(r"1:([\d,]+)", text(pdf, tmp_path))[1].replace(",", ""))
    whole = np.asarray(Image.open(io.BytesIO(picture(pdf, 200))))
    page = whole[: round(PAGES["A3"][1] / 25.4 * 200)].astype(int)
    red = (page[:, :, 0] > 120) & (page[:, :, 1] < 130) & (page[:, :, 2] < 130)
    regions, _ = ndimage.label(ndimage.binary_fill_holes(ndimage.binary_dilation(red)))
    sizes = np.sort(np.bincount(regions.ravel())[1:])[::-1] * (25.4 / 200 / 1000 * scale) ** 2
    shells = sorted((shapely.Polygon(part.exterior).area for part in shapely.get_parts(SHAPES[name])), reverse=True)
    assert sizes[: len(shells)] == pytest.approx(shells, rel=0.04)
