"""Zones, plausible coordinates, transformations and areas against known values and pyproj's geodesics."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer
from shapely import affinity

from geo.chart import chart
from geo.crs import (
    CRSMismatchError,
    DatumShiftError,
    ImplausibleCoordinatesError,
    NotProjectedError,
    area_sigma,
    box_in,
    cgcs2000,
    check_plausible,
    check_shapes,
    ellipsoidal_area,
    is_same,
    metres_per_unit,
    operation,
    planar_area,
    transform,
    transformer,
    zone,
)

JINAN = (117.0, 36.83)
MU = 2000 / 3


def square(mu, x=500_000.0, y=4_077_645.0):
    side = np.sqrt(mu * MU)
    return shapely.box(x, y, x + side, y + side)


def test_zones_and_their_codes():
    assert zone([117.0, 115.5, 118.49, 118.5, 120.0]).tolist() == [39, 39, 39, 40, 40]
    assert (cgcs2000(39, prefix=True), cgcs2000(39), cgcs2000(40)) == ("EPSG:4527", "EPSG:4548", "EPSG:4549")
    for number in range(25, 46):
        assert f"zone {number}" in CRS(cgcs2000(number, prefix=True)).name
        assert f"CM {3 * number}E" in CRS(cgcs2000(number)).name
    with pytest.raises(ImplausibleCoordinatesError, match="zone 12"):
        cgcs2000(12)


def test_same_crs_is_the_same_in_any_spelling():
    assert is_same("EPSG:4548", CRS(4548))
    assert is_same("OGC:CRS84", "EPSG:4326")
    assert not is_same("EPSG:4548", "EPSG:4527")
    assert not is_same(None, None)
    assert issubclass(CRSMismatchError, ValueError)


@pytest.mark.parametrize(
    ("bounds", "crs", "remedy"),
    [
        ((117.0, 36.8, 117.1, 36.9), "EPSG:4548", "degrees, not metres"),
        ((36.8, 117.0, 36.9, 117.1), "EPSG:4548", "degrees, not metres"),
        ((500000, 4077645, 500100, 4077745), "EPSG:4490", "metres, not degrees"),
        ((500000, 4077645, 500100, 4077745), "EPSG:4326", "metres, not degrees"),
        ((36.8, 117.0, 36.9, 117.1), "EPSG:4490", "swapped"),
        ((36.8, 117.0, 36.9, 117.1), "EPSG:4326", "swapped"),
        ((4077645, 500000, 4077745, 500100), "EPSG:4548", "swapped"),
        ((4077645, 39500000, 4077745, 39500100), "EPSG:4527", "swapped"),
        ((39500000, 4077645, 39500100, 4077745), "EPSG:4548", "EPSG:4527"),
        ((500000, 4077645, 500100, 4077745), "EPSG:4527", "prefix"),
        ((500000, 4077645, np.inf, 4077745), "EPSG:4548", "not finite"),
        ((np.nan, 4077645, 500100, 4077745), "EPSG:4548", "not finite"),
        ((1e308, 1e308, 1e308, 1e308), "EPSG:4548", "area of use"),
        ((-71.1, 42.3, -71.0, 42.4), "EPSG:4490", "area of use"),
        ((-71.1, 42.3, -71.0, 42.4), "+proj=tmerc +lat_0=0 +lon_0=117 +x_0=500000 +ellps=GRS80", "degrees"),
    ],
)
def test_coordinates_that_cannot_be_in_the_crs_are_refused_with_the_remedy(bounds, crs, remedy):
    with pytest.raises(ImplausibleCoordinatesError, match=remedy):
        check_plausible(bounds, crs)


@pytest.mark.parametrize(
    ("bounds", "crs"),
    [
        ((500000, 4077645, 500100, 4077745), "EPSG:4548"),
        ((39500000, 4077645, 39500100, 4077745), "EPSG:4527"),
        ((330000, 4077645, 500100, 4077745), "EPSG:4548"),
        ((117.0, 36.8, 117.1, 36.9), "EPSG:4490"),
        ((-71.1, 42.3, -71.0, 42.4), "EPSG:4326"),
        ((0, 0, 1, 1), "EPSG:3857"),
        ((235000, 900000, 236000, 901000), "EPSG:26986"),
        ((418000, 4577000, 420000, 4579000), "EPSG:25831"),
        ((3414000, 5372000, 3415000, 5373000), "EPSG:31467"),
    ],
)
def test_plausible_coordinates_pass(bounds, crs):
    check_plausible(bounds, crs)


def test_the_first_bad_feature_is_named():
    shapes = np.array([None, square(77), shapely.Polygon(), shapely.Point(117, 36.8), shapely.Point(117, 36.8)], object)
    with pytest.raises(ImplausibleCoordinatesError, match="degrees") as caught:
        check_shapes(shapes, "EPSG:4548")
    assert caught.value.at == 3
    with pytest.raises(ImplausibleCoordinatesError, match="finite") as caught:
        check_shapes(np.array([square(1), shapely.LineString([(500_000, 4e6), (np.inf, 4e6)])]), "EPSG:4548")
    assert caught.value.at == 1
    check_shapes(shapes[:3], "EPSG:4548")


def test_the_known_point_of_jinan():
    point = np.array([shapely.Point(*JINAN)])
    for crs, east in [("EPSG:4548", 500_000), ("EPSG:4527", 39_500_000)]:
        assert shapely.get_coordinates(transform(point, "EPSG:4490", crs))[0] == pytest.approx((east, 4_077_645.046), abs=5e-4)


def test_a_transformation_there_and_back_keeps_shapes_and_heights():
    shapes = np.array([square(77), None, shapely.Point(500_000, 4_077_645, 51.5), shapely.Polygon()], object)
    there = transform(shapes, "EPSG:4548", "EPSG:4326")
    back = transform(there, "EPSG:4326", "EPSG:4548")
    assert back[1] is None
    assert back[2].z == 51.5
    assert not shapely.has_z(back[0])
    assert shapely.get_coordinates(back) == pytest.approx(shapely.get_coordinates(shapes), abs=1e-6)
    assert transform(shapes, "EPSG:4548", CRS(4548)) is shapes


def test_a_datum_shift_without_parameters_is_refused():
    point = np.array([shapely.Point(500_000, 4_077_645)])
    for old in ("EPSG:2384", "EPSG:2436"):
        with pytest.raises(DatumShiftError, match="parameters"):
            transform(point, old, "EPSG:4548")
        with pytest.raises(DatumShiftError, match="parameters"):
            transform(point, "EPSG:4548", old)
    assert shapely.get_x(transform(point, "EPSG:2384", "EPSG:2363"))[0] == pytest.approx(39_500_000)
    given = "+proj=tmerc +lon_0=117 +x_0=500000 +a=6378140 +b=6356755.288 +towgs84=10,20,30,0,0,0,0 +type=crs"
    assert np.isfinite(shapely.get_x(transform(point, given, "EPSG:4548"))).all()


def test_what_has_no_image_is_refused():
    with pytest.raises(ImplausibleCoordinatesError, match="no place"):
        transform(np.array([shapely.Point(1e12, 1e12)]), "EPSG:4548", "EPSG:4490")


def test_planar_area_is_in_square_metres_and_never_of_degrees():
    assert planar_area(np.array([square(77)]), "EPSG:4548")[0] == pytest.approx(51333.333, abs=1e-3)
    foot = 1200 / 3937
    assert planar_area(np.array([shapely.box(0, 0, 10, 10)]), "EPSG:2249")[0] == pytest.approx(100 * foot**2)
    assert metres_per_unit("EPSG:4527") == 1.0
    with pytest.raises(NotProjectedError, match="EPSG:4490"):
        planar_area(np.array([square(77)]), "EPSG:4490")


def geodesic(shapes, crs):
    """Areas of the same polygons by pyproj's geodesics on CGCS2000, close points keeping them to the grid's straight lines."""
    geod = Geod(a=6378137, rf=298.257222101)
    return [abs(geod.geometry_area_perimeter(s)[0]) for s in transform(shapely.segmentize(shapes, 20), crs, "EPSG:4490")]


def test_five_hectares_equal_the_geodesic_area_within_a_ten_thousandth():
    x, y = 460_000.0, 4_077_645.0
    shapes = np.array([
        square(75), square(75, 369_000), square(75, 600_000, 2_700_000), shapely.box(x, y, x + 1000, y + 50),
        shapely.Polygon([(x, y), (x + 316.2, y), (x, y + 316.2)]), shapely.Polygon([(x, y), (x + 340, y), (x + 170, y + 294)]),
    ])  # fmt: skip
    assert ellipsoidal_area(shapes, "EPSG:4548") == pytest.approx(geodesic(shapes, "EPSG:4548"), abs=1e-4)


def placed(shape, east):
    """A shape where projected coordinates are, `east` m from the central meridian."""
    return affinity.translate(shape, 500_000 + east, 4_077_000)


HALF_TURN = {
    "square": shapely.box(0, 0, 223.6, 223.6),
    "long rectangle": shapely.box(0, 0, 500, 100),
    "turned square": affinity.rotate(shapely.box(0, 0, 223.6, 223.6), 30),
    "parallelogram": affinity.skew(shapely.box(0, 0, 223.6, 223.6), 20),
    "hexagon": shapely.Polygon([(139 * np.cos(t), 139 * np.sin(t)) for t in np.arange(6) * np.pi / 3]),
}
LOPSIDED = {
    "triangle": (shapely.Polygon([(0, 0), (316, 0), (0, 316)]), 0.93),
    "trapezoid": (shapely.Polygon([(0, 0), (300, 0), (250, 182), (0, 182)]), 0.06),
    "angle": (shapely.box(0, 0, 223.6, 223.6).difference(shapely.box(100, 100, 300, 300)), 0.08),
}


@pytest.mark.parametrize("east", [0, 30_000, 130_000])
@pytest.mark.parametrize("name", HALF_TURN)
def test_the_documents_formula_is_true_of_shapes_that_a_half_turn_leaves_as_they_are(name, east):
    """Why: it takes an edge for a curve that bows from the grid's straight line, and the opposite edge bows as far the other way."""
    shape = np.array([placed(HALF_TURN[name], east)])
    assert ellipsoidal_area(shape, "EPSG:4548", straight=False) == pytest.approx(geodesic(shape, "EPSG:4548"), abs=1e-4)


@pytest.mark.parametrize("east", [0, 30_000, 130_000])
@pytest.mark.parametrize("name", LOPSIDED)
def test_other_shapes_need_points_between_before_the_documents_formula_is_true_of_them(name, east):
    shape, off = LOPSIDED[name]
    shapes = np.array([placed(shape, east), placed(shape, east).segmentize(5)])
    exact = geodesic(shapes, "EPSG:4548")
    bare = ellipsoidal_area(shapes, "EPSG:4548", straight=False)
    assert abs(bare[0] - exact[0]) == pytest.approx(off, rel=0.15)
    assert bare[1] == pytest.approx(exact[1], abs=1e-3)
    assert ellipsoidal_area(shapes, "EPSG:4548") == pytest.approx(exact, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-150, 150), st.floats(-150, 150)), min_size=3, max_size=9),
    st.floats(-1.3, 1.3),
    st.floats(18, 53),
)
def test_ellipsoidal_area_equals_an_equal_area_projection_anywhere(points, east, north):
    corner = shapely.get_coordinates(transform(np.array([shapely.Point(117 + east, north)]), "EPSG:4490", "EPSG:4548"))[0]
    shape = np.array([shapely.MultiPoint(np.array(points) + corner).convex_hull.buffer(20, quad_segs=2)])
    equal_area = f"+proj=laea +lat_0={north} +lon_0={117 + east} +ellps=GRS80 +type=crs"
    on_degrees = transform(shapely.segmentize(shape, 10), "EPSG:4548", "EPSG:4490")
    move = Transformer.from_crs("EPSG:4490", equal_area, always_xy=True).transform
    oracle = shapely.area(shapely.transform(on_degrees, lambda xy: np.stack(move(*xy.T), axis=1)))
    assert ellipsoidal_area(shape, "EPSG:4548") == pytest.approx(oracle, abs=1e-4)


def test_areas_in_chunks_equal_areas_at_once(monkeypatch):
    shapes = np.array([square(k + 1, 480_000 + 7_000 * k) for k in range(7)])
    whole = ellipsoidal_area(shapes, "EPSG:4548")
    monkeypatch.setattr("geo.crs.CHUNK", 3)
    assert ellipsoidal_area(shapes, "EPSG:4548").tolist() == whole.tolist()


def test_planar_excess_grows_with_the_distance_from_the_meridian():
    shapes = np.array([square(77, 500_000), square(77, 530_000), square(77, 600_000), square(77, 631_000)])
    excess = planar_area(shapes, "EPSG:4548") / ellipsoidal_area(shapes, "EPSG:4548") - 1
    assert excess * 1e6 == pytest.approx([0, 22, 247, 423], abs=2)


def test_holes_and_parts_count_once_and_nothing_is_nothing():
    one, hole = square(77), square(7, 500_050.0, 4_077_700.0)
    several = shapely.MultiPolygon([hole, square(1)])
    shapes = np.array([one, hole, one.difference(hole), several, None, shapely.Point(1, 1)], object)
    area = ellipsoidal_area(shapes, "EPSG:4548")
    assert area[2] == pytest.approx(area[0] - area[1], abs=1e-6)
    assert area[3] == pytest.approx(area[1] + ellipsoidal_area(np.array([square(1)]), "EPSG:4548")[0], abs=1e-6)
    assert area[4:].tolist() == [0, 0]
    assert ellipsoidal_area(transform(shapes[:4], "EPSG:4548", "EPSG:4490"), "EPSG:4490") == pytest.approx(area[:4], abs=1e-3)
    assert ellipsoidal_area(np.array([], object), "EPSG:4548").shape == (0,)


def test_the_sigma_of_a_77_mu_square_by_class():
    shapes = np.array([square(77)] * 3)
    assert area_sigma(shapes, [0.05, 0.075, 0.10]) == pytest.approx([11.3, 17.0, 22.7], abs=0.05)
    assert area_sigma(np.array([square(77), None, shapely.Polygon()], object), 0.05)[1:].tolist() == [0, 0]


def test_sigma_equals_the_spread_of_disturbed_areas():
    rng = np.random.default_rng(3)
    corners = np.array([(0, 0), (90, 10), (120, 80), (60, 130), (-10, 70)], float)
    areas = shapely.area(shapely.polygons(corners + rng.normal(0, 0.05 / np.sqrt(2), (20_000, 5, 2))))
    assert area_sigma(np.array([shapely.Polygon(corners)]), 0.05)[0] == pytest.approx(areas.std(), rel=0.03)


BOUND = (
    "+proj=tmerc +lat_0=0 +lon_0=117 +k=1 +x_0=500000 +ellps=krass +towgs84=15.8,-154.4,-82.3,0,0,0,0 +units=m +no_defs +type=crs"
)
WAYS = [(a, b) for a in ("EPSG:4326", "EPSG:4490", "EPSG:3857") for b in (*map(cgcs2000, range(25, 46)), cgcs2000(39, prefix=True), "EPSG:32650", "EPSG:2154", "EPSG:27700", "EPSG:25832", "EPSG:2263", "EPSG:4267", "EPSG:5514", BOUND)]  # fmt: skip


@pytest.mark.parametrize(
    ("src", "dst"), [*WAYS, *((b, a) for a, b in WAYS), ("EPSG:4548", "EPSG:4549"), ("EPSG:4527", "EPSG:4548")]
)
def test_a_way_that_is_kept_by_its_text_leads_where_proj_leads_to_the_bit(src, dst):
    """Among them British, French, American and Czech ways, of which PROJ chooses by the place; points far outside, and none."""
    plain = Transformer.from_crs(src, dst, always_xy=True)
    uses = [CRS(c).area_of_use for c in (src, dst) if c != BOUND]
    west, south, east, north = (
        (115, 30, 119, 40) if BOUND in (src, dst) else min((u.bounds for u in uses if u), key=lambda b: b[2] - b[0])
    )
    lon, lat = (
        c.ravel()
        for c in np.meshgrid(np.linspace(west - 3, east + 3, 9), np.linspace(max(south - 3, -89), min(north + 3, 89), 9))
    )
    at = Transformer.from_crs(CRS(src).geodetic_crs, src, always_xy=True).transform(lon, lat)
    x, y = (np.append(c, [np.inf, np.nan, 1e12]) for c in at)
    for _ in range(2):  # the first points make PROJ choose
        found, known = transformer(src, dst).transform(x, y), plain.transform(x, y)
        assert [c.tobytes() for c in found] == [c.tobytes() for c in known]


def test_threads_that_ask_for_a_way_at_once_share_the_one_that_the_first_finds():
    """The first requests of a service come together, and each would find the same for itself, one after the other."""
    start = Barrier(8)

    def ask(_):
        start.wait()
        return transformer("EPSG:4523", "EPSG:3857")

    with ThreadPoolExecutor(8) as pool:
        assert len({id(way) for way in pool.map(ask, range(8))}) == 1


def test_one_way_is_kept_by_its_text_and_still_named():
    assert transformer("EPSG:4548", "EPSG:4326").source_crs is None, "else each thread finds it anew"
    assert "Inverse of Gauss-Kruger CM 117E" in operation("EPSG:4548", "EPSG:4326")[0]
    assert transformer("EPSG:27700", "EPSG:4326").source_crs is not None, "several ways, by the place"


@pytest.mark.parametrize(("src", "dst"), [way for way in WAYS if way[1] != "EPSG:4267"])
def test_a_box_is_bound_in_another_crs_as_proj_bounds_it(src, dst):
    """But for boxes across the antimeridian, where some of North America's degrees lie."""
    west, south, east, north = CRS(dst).area_of_use.bounds if dst != BOUND else (115, 30, 119, 40)
    box = Transformer.from_crs("EPSG:4326", src, always_xy=True).transform_bounds(west, south, east, north)
    known = Transformer.from_crs(src, dst, always_xy=True).transform_bounds(*box, densify_pts=21)
    assert box_in(box, src, dst) == pytest.approx(known, rel=1e-12, abs=1e-6)


def test_a_box_without_an_image_is_none():
    assert box_in((np.inf, 0, np.inf, 1), "EPSG:4326", "EPSG:4548") is None


@pytest.mark.parametrize("box", [(116.9, 36.7, 117.0, 36.8), (115.5, 35.0, 118.5, 38.0)], ids=["a view", "a zone"])
def test_the_polynomial_through_the_nodes_of_a_chart_is_the_projection(box):
    """The barycentric formula, as the page has it, against PROJ; a city is exact to the micrometre, a whole zone to the millimetre."""
    n = 12
    x, y = chart(box, "EPSG:4326", "EPSG:4548", n)
    angles = (2 * np.arange(n) + 1) * np.pi / (2 * n)

    def shares(value, low, high):
        weights = (-1.0) ** np.arange(n) * np.sin(angles) / ((2 * value - low - high) / (high - low) - np.cos(angles))
        return weights / weights.sum()

    west, south, east, north = box
    rng = np.random.default_rng(1)
    for lon, lat in rng.uniform((west, south), (east, north), (50, 2)):
        a, b = shares(lon, west, east), shares(lat, south, north)
        there = transformer("EPSG:4326", "EPSG:4548").transform(lon, lat)
        assert np.hypot(a @ x @ b - there[0], a @ y @ b - there[1]) < (1e-6 if east - west < 1 else 1e-3)
