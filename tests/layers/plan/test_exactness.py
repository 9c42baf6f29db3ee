"""How exact an area is, and verdicts that hang on a sliver."""

from dataclasses import replace
from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod

from layers.base import Ask, Edition, Survey, empty
from layers.catalogue import LAYERS
from layers.plan.sheet import sheet
from layers.standards import Standards

CRS = "EPSG:4548"
DAY = date(2026, 11, 22)
BOOK = Standards.load().on(DAY)
X, Y = 500_000.0, 4_077_000.0
WORLD = shapely.box(X - 1000, Y - 1000, X + 1000, Y + 1000)
FACTS = {
    "parcels": {"status": "ready", "ownership": "state"},
    "zoning": {"code_system": "planning_2023", "code": "100102"},
    "development_areas": {"status": "approved"},
    "land_use": {"code_system": "survey_gtdc", "code": "0601"},
}
KINDS = ("water", "sewage", "storm", "power", "gas", "heat", "telecom")


def survey(layer, shapes, coverage=WORLD, **columns):
    blank = empty(LAYERS[layer], CRS)
    made = gpd.GeoDataFrame({"id": [f"{layer}-{n}" for n in range(len(shapes))], **columns}, geometry=list(shapes), crs=CRS)
    whole = made.reindex(columns=blank.columns).astype({c: t for c, t in blank.dtypes.items() if c != "geometry"})
    kinds = tuple(LAYERS[layer].field("kind").codes) if LAYERS[layer].kind else ()
    return Survey(gpd.GeoDataFrame(whole, geometry="geometry", crs=CRS), (Edition("e", layer, "test", DAY, coverage, kinds),))


def land(*farmland, boundary=WORLD, road=-20.0, **surveys):
    """Make land that is free and serviced but for the farmland, on rows of pipes south of the origin."""
    lines = ["urban_development_boundary", "industrial_control_line", *["permanent_basic_farmland"] * len(farmland)]
    pipe = shapely.LineString([(X - 100, Y - 10), (X + 300, Y - 10)])
    street = shapely.LineString([(X - 100, Y + road), (X + 300, Y + road)])
    found = {layer: survey(layer, [WORLD], **facts) for layer, facts in FACTS.items()}
    found |= {
        "control_lines": survey("control_lines", [boundary, WORLD, *farmland], kind=lines),
        "corridors": survey("corridors", []),
        "sites": survey("sites", []),
        "roads": survey("roads", [street], **{"class": "local", "status": "in_service", "red_line_width": 20.0}),
        "utilities": survey(
            "utilities",
            [pipe] * len(KINDS),
            kind=KINDS,
            status="in_service",
            role="main",
            dn=400.0,
            voltage=10.0,
            pressure="medium",
        ),
    }
    return found | surveys


def of(shape, land_, own=""):
    frame = gpd.GeoDataFrame({"id": ["P"]}, geometry=[shape], crs=CRS)
    return sheet(frame, land_, Ask(DAY, BOOK, DAY, "100102"), own)


def square(x, y, side=100.0):
    return shapely.box(X + x, Y + y, X + x + side, Y + y + side)


PLOT = square(0, 0)
FARMLAND = "C01:control_lines.permanent_basic_farmland"


def turned(found):
    e = found.exactness
    return found.verdict, e.smaller, e.larger, e.because


def test_free_land_far_from_everything_stands():
    assert turned(of(PLOT, land())) == ("free", "free", "free", ())


def test_a_block_deep_inside_stands():
    assert turned(of(PLOT, land(square(60, 0)))) == ("blocked", "blocked", "blocked", ())


@pytest.mark.parametrize(("depth", "smaller"), [(0.10, "free"), (0.15, "free"), (0.30, "blocked")])
def test_a_block_thinner_than_the_tolerance_hangs_on_the_boundary(depth, smaller):
    found = of(PLOT, land(square(100 - depth, 0)))
    assert turned(found) == ("blocked", smaller, "blocked", (FARMLAND,) if smaller == "free" else ())
    assert found.exactness.survives is (smaller == "blocked")


@pytest.mark.parametrize(("gap", "larger"), [(0.05, "blocked"), (0.14999, "free"), (0.3, "free")])
def test_what_lies_within_the_tolerance_beyond_the_boundary_may_turn_free_land(gap, larger):
    # at 0.14999 m the overlap would itself be a drawing sliver
    assert turned(of(PLOT, land(square(100 + gap, 0)))) == ("free", "free", larger, (FARMLAND,) if larger == "blocked" else ())


def test_an_overlap_that_was_taken_for_a_drawing_sliver_hangs_on_the_boundary():
    found = of(PLOT, land(square(100 - 0.005, 0)))
    assert turned(found) == ("free", "free", "blocked", (FARMLAND,))


def test_a_line_that_both_share_moves_for_both():
    assert turned(of(PLOT, land(square(100, 0), square(-100, 0)))) == ("free", "free", "free", ())
    assert turned(of(PLOT, land(boundary=PLOT))) == ("free", "free", "free", ())
    neighbours = survey("parcels", [PLOT, square(100, 0)], status=["ready", "built"], ownership="state")
    assert turned(of(PLOT, land(parcels=neighbours), "parcels")) == ("free", "free", "free", ())


def test_a_road_whose_red_line_comes_near_is_told():
    assert turned(of(PLOT, land(road=-10.1))) == ("free", "free", "blocked", ("C12:roads.red_line",))


def test_land_that_leaves_the_development_boundary_by_centimetres_hangs_on_it():
    found = of(PLOT, land(boundary=shapely.box(X - 500, Y - 500, X + 99.95, Y + 500)))
    assert (found.verdict, found.exactness.smaller) == ("blocked", "free")
    assert not found.exactness.survives


def test_a_verdict_that_is_unknown_for_other_reasons_does_not_hang_on_the_boundary():
    dark = land()
    del dark["utilities"]
    assert turned(of(PLOT, dark)) == ("unknown", "unknown", "unknown", ())


def test_a_survey_that_ends_at_the_edge_makes_it_hang():
    half = survey("land_use", [WORLD], shapely.box(X - 500, Y - 500, X + 99.9, Y + 500), **FACTS["land_use"])
    features = half.features.assign(geometry=half.features.geometry.intersection(half.coverage()))
    found = of(PLOT, land(land_use=Survey(features, half.editions)))
    assert (found.verdict, found.exactness.smaller, found.exactness.larger) == ("unknown", "free", "unknown")
    assert not found.exactness.survives


def test_a_site_thinner_than_its_error_does_not_survive():
    found = of(shapely.box(X, Y, X + 200, Y + 0.25), land())
    assert (found.exactness.survives, found.exactness.smaller) == (False, "unknown")
    assert "" in found.exactness.because


def test_areas_on_the_grid_and_the_ellipsoid_and_their_error():
    # 131 km off the central meridian the grid exaggerates areas by 423 ppm (domain.md section 4)
    far = shapely.segmentize(shapely.transform(square(0, 0, 223.607), lambda xy: np.add(xy, (131_000, 0))), 20.0)
    e = of(shapely.segmentize(square(0, 0, 226.55), 300), land()).exactness
    assert e.sigma == pytest.approx(17.0, abs=0.1)  # 77 mu, class II
    assert (e.survey_class, e.tolerance) == ("II", 0.15)
    assert e.planar == pytest.approx(226.55**2)
    assert e.ellipsoidal == pytest.approx(e.planar, rel=1e-7)
    frame = gpd.GeoDataFrame({"id": ["P"]}, geometry=[far], crs=CRS)
    measured = sheet(frame, {}, Ask(DAY, BOOK, DAY, None)).exactness
    assert measured.planar / measured.ellipsoidal - 1 == pytest.approx(423e-6, rel=0.01)
    geodesic = Geod(ellps="GRS80").geometry_area_perimeter(shapely.orient_polygons(frame.to_crs("EPSG:4490").geometry.iloc[0]))[0]
    assert measured.ellipsoidal == pytest.approx(geodesic, abs=1e-3)


def test_the_tolerance_follows_the_survey_class():
    line = BOOK.line("parcels.boundary_point_class")
    fine = replace(BOOK, lines={**BOOK.lines, line.name: replace(line, value="I")})
    frame = gpd.GeoDataFrame({"id": ["P"]}, geometry=[PLOT], crs=CRS)
    found = sheet(frame, land(square(99.88, 0)), Ask(DAY, fine, DAY, "100102"))
    assert found.exactness.tolerance == 0.1
    assert (found.verdict, found.exactness.smaller, found.exactness.survives) == ("blocked", "blocked", True)
