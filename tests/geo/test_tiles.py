"""Laws of the tile encoder, held against another decoder."""

from __future__ import annotations

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely.geometry import shape

from geo.tiles import BUFFER, EXTENT, HALF_WORLD, Column, TileError, TileLayer, bounds, encode, holding

BOX = bounds(14, 13490, 6411)
UNIT = (BOX[2] - BOX[0]) / EXTENT


def placed(geometry, box=BOX):
    """Put a geometry given in tile units, y down, into EPSG:3857."""
    return shapely.transform(geometry, lambda xy: np.stack([box[0] + xy[:, 0] * UNIT, box[3] - xy[:, 1] * UNIT], 1))


def layer(*geometries, **columns):
    shapes = np.array([placed(g) for g in geometries], object)
    return TileLayer(shapes, np.arange(len(shapes), dtype=np.uint64), {k: Column(*v) for k, v in columns.items()})


def decoded(tile, y_down=True):
    return mapbox_vector_tile.decode(tile, default_options={"y_coord_down": y_down})


def drawn(*geometries):
    tile = decoded(encode({"a": layer(*geometries)}, BOX))
    return {f["id"]: f["geometry"] for f in tile["a"]["features"]} if tile else {}


def shoelace(ring):
    x, y = np.array(ring, float).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def rings(geometry):
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    return [(k == 0, ring) for polygon in polygons for k, ring in enumerate(polygon)]


def area(geometry):
    return sum(abs(shoelace(r)) * (1 if outer else -1) for outer, r in rings(geometry))


whole = st.integers(1 - BUFFER, EXTENT + BUFFER - 1)
points = st.tuples(whole, whole)
far = st.tuples(st.integers(-3 * EXTENT, 4 * EXTENT), st.integers(-3 * EXTENT, 4 * EXTENT))

outside = st.tuples(st.integers(-9999, -BUFFER - 1), whole)


@st.composite
def stars(draw, least=200, most=2500, centre=far):
    """Make a valid polygon around a centre, with a hole around it, of either winding."""
    x, y = draw(centre)
    k = draw(st.integers(5, 12))
    angle = np.sort(draw(st.floats(0, 1)) + np.arange(k) * 2 * np.pi / k)
    radius = np.array(draw(st.lists(st.integers(least, most), min_size=k, max_size=k)))
    outer = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], 1)
    hole = np.stack([x + least / 3 * np.cos(angle), y + least / 3 * np.sin(angle)], 1)
    flip = draw(st.booleans())
    return shapely.Polygon(outer[::-1] if flip else outer, [hole] if draw(st.booleans()) else [])


@given(stars())
@settings(max_examples=80, deadline=None)
def test_a_polygon_keeps_its_area_inside_the_buffered_tile(polygon):
    window = shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
    expected = polygon.intersection(window)
    found = drawn(polygon)
    measured = area(found[0]) if found else 0.0
    assert measured == pytest.approx(expected.area, abs=expected.length + 4)


@given(st.lists(stars(100, 800), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_exteriors_are_positive_and_holes_negative_with_y_down(polygons):
    for geometry in drawn(*polygons, shapely.MultiPolygon([p for k, p in enumerate(polygons) if k < 1])).values():
        for outer, ring in rings(geometry):
            assert (shoelace(ring) > 0) == outer


@given(st.lists(points, min_size=2, max_size=20))
@settings(max_examples=60, deadline=None)
def test_a_line_in_the_buffered_tile_comes_back_without_repeated_points(vertices):
    thin = [v for k, v in enumerate(vertices) if k == 0 or v != vertices[k - 1]]
    found = drawn(shapely.LineString(vertices))
    assert found == ({} if len(thin) < 2 else {0: {"type": "LineString", "coordinates": [list(v) for v in thin]}})


@given(st.lists(st.one_of(points, outside), min_size=1, max_size=30, unique=True))
@settings(max_examples=60, deadline=None)
def test_points_of_the_buffered_tile_come_back_and_others_do_not(vertices):
    inside = [list(v) for v in vertices if v[0] >= -BUFFER]
    found = drawn(*shapely.points(np.array(vertices, float)))
    assert sorted(g["coordinates"] for g in found.values()) == sorted(inside)


def test_points_of_one_feature_stay_one_feature():
    found = drawn(shapely.MultiPoint([(1, 2), (3000, 5), (-60, -60)]), shapely.Point(9, 9))
    assert found[0] == {"type": "MultiPoint", "coordinates": [[1, 2], [3000, 5], [-60, -60]]}
    assert found[1] == {"type": "Point", "coordinates": [9, 9]}


def test_mixed_types_and_multiparts_keep_their_order_and_numbers():
    square = shapely.box(10, 10, 20, 20)
    ring = shapely.box(100, 100, 200, 200) - shapely.box(120, 120, 150, 150)
    multi = shapely.MultiPolygon([ring, shapely.box(300, 300, 310, 310)])
    lines = shapely.MultiLineString([[(0, 0), (5, 5)], [(7, 7), (9, 0), (4000, 1)]])
    found = drawn(square, lines, shapely.Point(4, 4), multi)
    assert list(found) == [0, 1, 2, 3]
    assert [g["type"] for g in found.values()] == ["Polygon", "MultiLineString", "Point", "MultiPolygon"]
    assert found[1]["coordinates"] == [[[0, 0], [5, 5]], [[7, 7], [9, 0], [4000, 1]]]
    assert shape(found[3]).area == 10000 - 900 + 100


def test_what_has_no_area_in_the_tile_vanishes_with_its_holes():
    speck = shapely.box(10.1, 10.1, 10.2, 10.2)
    sliver = shapely.Polygon([(0, 0), (1000, 0.1), (2000, 0)])
    hole = shapely.box(0, 0, 100, 100) - shapely.box(50, 50, 50.2, 50.2)
    found = drawn(speck, sliver, hole, shapely.Point())
    assert list(found) == [2]
    assert len(rings(found[2])) == 1


def test_a_polygon_that_only_touches_the_buffer_leaves_nothing_of_another_type():
    assert drawn(shapely.box(EXTENT + BUFFER, 0, EXTENT + 500, 100)) == {}


def test_a_hole_that_holds_the_whole_tile_leaves_nothing():
    world = shapely.box(-9999, -9999, 19999, 19999)
    assert drawn(world - shapely.box(-999, -999, 9999, 9999)) == {}
    assert area(drawn(world)[0]) == (EXTENT + 2 * BUFFER) ** 2


def test_a_collection_shows_its_parts_of_highest_dimension():
    inner = shapely.GeometryCollection([shapely.MultiPolygon([shapely.box(5, 5, 9, 9)])])
    deep = shapely.GeometryCollection([shapely.Point(1, 1), inner])
    assert area(drawn(deep)[0]) == 16


@given(st.lists(points, min_size=3, max_size=9))
@settings(max_examples=80, deadline=None)
def test_an_invalid_polygon_never_stops_the_tile(vertices):
    moved = [(x * 3 - EXTENT, y * 3 - EXTENT) for x, y in vertices]
    for geometry in drawn(shapely.Polygon(moved), shapely.Polygon(vertices)).values():
        assert geometry["coordinates"]


ATTRIBUTES = {
    "name": st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    "count": st.integers(-(2**62), 2**62),
    "share": st.floats(allow_nan=False),
    "open": st.booleans(),
    "kind": st.sampled_from(["water", "gas"]),
}
DTYPES = {"name": object, "count": np.int64, "share": float, "open": bool, "kind": "U5"}


@given(st.lists(st.fixed_dictionaries({k: st.tuples(v, st.booleans()) for k, v in ATTRIBUTES.items()}), min_size=1, max_size=20))
@settings(max_examples=80, deadline=None)
def test_attributes_come_back_and_missing_ones_are_left_out(rows):
    columns = {k: (np.array([r[k][0] for r in rows], DTYPES[k]), np.array([r[k][1] for r in rows])) for k in ATTRIBUTES}
    tile = decoded(encode({"a": layer(*[shapely.Point(k, k) for k in range(len(rows))], **columns)}, BOX))
    expected = [{k: v for k, (v, missing) in row.items() if not missing} for row in rows]
    assert [f["properties"] for f in tile["a"]["features"]] == expected


def test_a_real_that_is_no_number_is_left_out():
    tile = decoded(encode({"a": layer(shapely.Point(1, 1), width=(np.array([np.nan]),))}, BOX))
    assert tile["a"]["features"][0]["properties"] == {}


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=9))
@settings(max_examples=30, deadline=None)
def test_numbers_of_features_survive_to_64_bits(ids):
    shapes = np.array([placed(shapely.Point(3, 3))] * len(ids), object)
    tile = decoded(encode({"a": TileLayer(shapes, np.array(ids, np.uint64))}, BOX))
    assert [f["id"] for f in tile["a"]["features"]] == ids


def test_attributes_follow_their_feature_when_others_vanish():
    shapes = [shapely.Point(9e5, 0), shapely.Point(5, 5), shapely.box(1, 1, 1.1, 1.1), shapely.Point(6, 6)]
    tile = decoded(encode({"a": layer(*shapes, n=(np.arange(4),))}, BOX))
    assert [(f["id"], f["properties"]["n"]) for f in tile["a"]["features"]] == [(1, 1), (3, 3)]


def test_a_tile_without_features_is_a_valid_empty_tile():
    nothing = TileLayer(np.array([], object), np.array([], np.uint64), {"n": Column(np.array([], int))})
    assert encode({}, BOX) == b""
    assert encode({"a": nothing, "b": layer(shapely.Point(9e6, 9e6), shapely.Polygon())}, BOX) == b""
    assert decoded(b"") == {}


def test_layers_stand_beside_each_other_with_version_and_extent():
    tile = decoded(encode({"线": layer(shapely.LineString([(0, 0), (9, 9)])), "b": layer(shapely.Point(1, 1))}, BOX))
    assert {k: (v["version"], v["extent"]) for k, v in tile.items()} == {"线": (2, EXTENT), "b": (2, EXTENT)}


def test_a_coordinate_that_is_no_number_is_named():
    with np.errstate(invalid="ignore"):
        broken = shapely.from_wkt(f"POLYGON (({BOX[0]} {BOX[1]}, {BOX[2]} NaN, {BOX[2]} {BOX[3]}, {BOX[0]} {BOX[1]}))")
    shapes = np.array([shapely.Point(BOX[0], BOX[1]), broken], object)
    with pytest.raises(TileError, match="feature 1"):
        encode({"a": TileLayer(shapes)}, BOX)


def test_an_attribute_of_unknown_type_is_named():
    with pytest.raises(TileError, match="since"):
        encode({"a": layer(shapely.Point(1, 1), since=(np.array(["2026-01-01"], "M8[D]"),))}, BOX)


@given(st.integers(0, 24), st.data())
def test_tiles_share_their_edges_and_tile_the_world(z, data):
    x, y = data.draw(st.integers(0, 2**z - 1)), data.draw(st.integers(0, 2**z - 1))
    box = bounds(z, x, y)
    assert box[2] - box[0] == pytest.approx(2 * HALF_WORLD / 2**z)
    if x + 1 < 2**z:
        assert bounds(z, x + 1, y)[0] == box[2]
    if y + 1 < 2**z:
        assert bounds(z, x, y + 1)[3] == box[1]


@pytest.mark.parametrize("tile", [(-1, 0, 0), (25, 0, 0), (3, 8, 0), (3, 0, 8), (3, -1, 0), (0, 0, -1)])
def test_a_tile_out_of_range_is_refused(tile):
    with pytest.raises(TileError, match="zoom"):
        bounds(*tile)


@given(st.integers(0, 24), st.floats(-180, 179.99), st.floats(-85, 85))
def test_the_tile_that_holds_a_place_is_found(z, longitude, latitude):
    west, south, east, north = bounds(*holding(z, longitude, latitude))
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform(longitude, latitude)
    assert west - 1e-6 <= x <= east + 1e-6
    assert south - 1e-6 <= y <= north + 1e-6


def test_beyond_the_end_of_the_map_the_outermost_tile_is_nearest():
    assert [holding(3, 180, 90), holding(3, -181, -90)] == [(3, 7, 0), (3, 0, 7)]
