"""Drawing on the map in a real browser, on a service of its own: corner by corner, snapped, typed, and what it would break said at once."""

import json
import math
import re

import numpy as np
import pytest
import shapely

from layers.store.gpkg import GpkgStore
from tests.api.conftest import copied
from tests.api.faces import serving
from tests.api.test_look import barriers

pytestmark = pytest.mark.browser
NORTH_FIRST = "http://www.opengis.net/def/crs/EPSG/0/4548"
TILE = 512


@pytest.fixture(scope="module")
def changing(park, tmp_path_factory):
    """The service of a copy of the demo park that these tests change."""
    folder = tmp_path_factory.mktemp("sketch")
    with serving(copied(park, folder / "own.gpkg"), folder) as server:
        yield server


@pytest.fixture(scope="module")
def land(park):
    """The parcels as they are stored, in metres."""
    store = GpkgStore.open(park, read_only=True)
    yield store.read("parcels").set_index("id").geometry
    store.close()


class Desk:
    """A page with the Edit view open, whose map lies where it is told."""

    def __init__(self, server, page):
        self.server, self.client, self.page = server, server.client, page

    def open(self, lang, centre, zoom=18, more=""):
        """Open the view with the map's middle at a point of the base [m]."""
        lon, lat = self.degrees(centre)
        self.middle, self.zoom = (lon, lat), zoom
        self.page.goto("about:blank")
        self.page.goto(f"{self.server.url}/?lang={lang}&view=edit{more}#map={zoom}/{lat:.12f}/{lon:.12f}")
        self.page.wait_for_selector("body[data-drawn]")
        self.page.locator("#edit-head").wait_for()

    def degrees(self, point):
        """Find longitude and latitude of a point of the base, by the service's own chart of them."""
        chart = self.client.get("/plane?bbox=116.9,36.7,117.2,36.95").json()["back"]
        return shares(chart, *point)

    def place(self, point):
        """Find where on the screen a point of the base lies."""
        scale = TILE * 2**self.zoom / 360
        lon, lat = self.degrees(point)
        up = [math.degrees(math.asinh(math.tan(math.radians(y)))) for y in (lat, self.middle[1])]
        box = self.page.locator("#map").bounding_box()
        return box["x"] + box["width"] / 2 + (lon - self.middle[0]) * scale, box["y"] + box["height"] / 2 - (
            up[0] - up[1]
        ) * scale

    def click(self, *points):
        """Click points of the base, each no sooner than the one before is drawn."""
        for point in points:
            self.page.mouse.click(*self.place(point))
            self.page.wait_for_timeout(250)

    def drag(self, start, end):
        """Drag from one point of the base to another."""
        self.page.mouse.move(*self.place(start))
        self.page.mouse.down()
        x, y = self.place(end)
        self.page.mouse.move(x - 9, y - 9, steps=4)
        self.page.mouse.move(x, y)
        self.page.mouse.up()

    def typed(self, point):
        """Type a corner."""
        self.page.fill("#corner-at", f"{point[0]:.3f}, {point[1]:.3f}")
        self.page.keyboard.press("Enter")

    def key(self, name):
        """Press a key over the map."""
        self.page.locator("#map canvas").focus()
        self.page.keyboard.press(name)

    def saved(self, id=""):
        """Save, and wait until that is told."""
        if id:
            self.page.fill("#edit-id", id)
        with self.page.expect_response(lambda answer: "/history?" in answer.url):
            self.page.click("#edit-save")
        self.page.locator("#edit-answer p").first.wait_for()

    def stored(self, layer, id):
        """Read a geometry as it is stored, east first."""
        found = self.client.get(f"/collections/{layer}/items/{id}?crs={NORTH_FIRST}").json()["geometry"]
        return shapely.transform(shapely.geometry.shape(found), lambda xy: xy[:, ::-1])


def shares(chart, a, b):
    """Reckon by a chart, as the page does."""
    x, y = np.array(chart["x"]), np.array(chart["y"])
    n, box = len(x), chart["box"]
    angles = (2 * np.arange(n) + 1) * np.pi / (2 * n)

    def of(value, low, high):
        weights = (-1.0) ** np.arange(n) * np.sin(angles) / ((2 * value - low - high) / (high - low) - np.cos(angles))
        return weights / weights.sum()

    p, q = of(a, box[0], box[2]), of(b, box[1], box[3])
    return float(p @ x @ q), float(p @ y @ q)


@pytest.fixture
def desk(changing, watch):
    watch.page.set_viewport_size({"width": 1500, "height": 950})
    watch.page.set_default_timeout(30_000)
    watch.page.on("dialog", lambda dialog: dialog.accept())
    yield Desk(changing, watch.page)
    said = [s for s in watch.said if not re.search(r"status of (404|409|412|422|428)", s)]
    assert said == [], said
    assert all(url.startswith((changing.url, "data:", f"blob:{changing.url}", "about:")) for url in watch.asked), watch.asked


def corners(shape):
    return [tuple(xy) for xy in shapely.get_coordinates(shape).tolist()]


def neighbours(land):
    """Find two parcels with a side in common, and a corner on it that both have to the last digit."""
    for id, shape in land.items():
        for other, its in land.items():
            common = set(corners(shape)) & set(corners(its))
            if other != id and len(common) >= 2:
                return id, other, sorted(common)[len(common) // 2]
    raise AssertionError("the park has neighbours")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_drawn_takes_the_very_corners_of_what_is_stored(desk, land, lang, tmp_path):
    """A site along a parcel: two corners that snap, to the last digit in the base's own metres, and two that are free."""
    shape = land.loc["D001-B08-P01"]
    ring = corners(shape)[:-1]
    first, second = ring[0], ring[1]
    middle = shape.centroid.coords[0]
    desk.open(lang, middle)
    desk.page.select_option("#edit-layer", "sites")
    desk.page.click("#edit-draw")
    aside = [(x + 1.5, y - 1.5) for x, y in (first, second)]
    desk.click(*aside, middle)
    desk.page.screenshot(path=tmp_path / f"drawing-{lang}.png")
    desk.key("Enter")
    desk.page.locator("#sketch-note", has_text={"en": "Outline drawn", "zh": "已绘制"}[lang]).wait_for()
    assert barriers(desk.page) == []
    desk.saved(f"snap-{lang}")
    drawn = corners(desk.stored("sites", f"snap-{lang}"))
    assert drawn[:2] == [first, second], "to the last bit"
    assert math.dist(drawn[2], middle) < 0.5


def test_a_corner_snaps_to_the_edges_of_roads_and_lines_too(desk, land):
    lines = desk.client.get(f"/collections/utilities/items?limit=200&filter=kind='water'&crs={NORTH_FIRST}").json()["features"]
    shapes = [shapely.transform(shapely.geometry.shape(f["geometry"]), lambda xy: xy[:, ::-1]) for f in lines]
    tree = shapely.STRtree(land.to_numpy())
    line = next(s for s in shapes if s.length > 60 and tree.query(s.interpolate(s.length / 2).buffer(12), "intersects").size == 0)
    at = line.interpolate(line.length / 2 + 3)
    desk.open("en", at.coords[0], zoom=19)
    desk.page.select_option("#edit-layer", "sites")
    desk.page.click("#edit-draw")
    desk.click((at.x + 0.8, at.y + 0.8), (at.x + 30, at.y + 8), (at.x + 20, at.y + 30))
    desk.key("Enter")
    desk.page.locator("#sketch-note", has_text="Outline drawn").wait_for()
    desk.saved("snap-line")
    first = shapely.Point(corners(desk.stored("sites", "snap-line"))[0])
    everything = shapely.union_all([line, *shapes, *shapely.boundary(land.to_numpy()[tree.query(first.buffer(20))])])
    assert first.distance(everything) < 1e-8, "on the edge, not beside it"
    assert first.distance(at) < 3


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_corner_is_moved_and_what_that_would_break_is_told_before_anything_is_saved(desk, land, lang, tmp_path):
    id, other, low = neighbours(land)
    desk.open(lang, low, more=f"&plot={id}")
    page = desk.page
    page.locator("#edit-head", has_text=id).wait_for()
    page.keyboard.press("Escape")
    if page.locator("#card").is_visible():
        page.locator("#card .actions button").last.click()
    page.wait_for_timeout(2500)
    page.evaluate("(hash) => (location.hash = hash)", f"map=18/{desk.middle[1]:.12f}/{desk.middle[0]:.12f}")
    page.wait_for_timeout(1000)
    was = desk.client.get(f"/collections/parcels/items/{id}").headers["etag"]
    page.click("#sketch-change")
    page.wait_for_timeout(1500)
    theirs = land.loc[other].centroid
    into = low[0] + (theirs.x - low[0]) * 0.4, low[1] + (theirs.y - low[1]) * 0.4
    desk.drag(low, into)
    page.locator("#sketch-faults li", has_text={"en": "Overlap of", "zh": "重叠"}[lang]).first.wait_for()
    page.screenshot(path=tmp_path / f"overlap-{lang}.png")
    assert barriers(page) == []
    assert desk.client.get(f"/collections/parcels/items/{id}").headers["etag"] == was
    page.click("#sketch-undo")
    page.locator("#sketch-faults li").first.wait_for(state="detached")
    assert page.locator("#sketch-faults").inner_text() == ""
    mine = land.loc[id].centroid
    desk.drag(low, (low[0] + (mine.x - low[0]) * 0.4, low[1] + (mine.y - low[1]) * 0.4))
    page.locator("#sketch-faults li", has_text={"en": "Gap", "zh": "空隙"}[lang]).first.wait_for()
    assert page.locator("#corner-which").inner_text().startswith({"en": "Corner ", "zh": "第 "}[lang])


def test_keys_alone_draw_a_figure_with_a_hole_and_a_second_part_and_change_its_corners(desk, tmp_path):
    page = desk.page
    x, y = 500_150.0, 4_076_050.0
    desk.open("en", (x, y))
    page.select_option("#edit-layer", "sites")
    page.locator("#edit-draw").focus()
    page.keyboard.press("Enter")
    page.locator("#corner-form").wait_for()

    def ring(*points):
        page.locator("#corner-at").focus()
        for point in points:
            desk.typed((x + point[0], y + point[1]))
        page.locator("#corner-which", has_text=f"corner {len(points) + 1}").wait_for()
        page.locator("#sketch-end").focus()
        page.keyboard.press("Enter")
        page.locator("#sketch-note", has_text="Outline drawn").wait_for()

    ring((0, 0), (40, 0), (40, 40), (0, 40))
    page.locator("#sketch-hole").focus()
    page.keyboard.press("Enter")
    ring((10, 10), (20, 10), (20, 20))
    page.locator("#sketch-part").focus()
    page.keyboard.press("Enter")
    ring((60, 0), (80, 0), (80, 20))
    page.screenshot(path=tmp_path / "parts.png")
    desk.saved("holed")
    drawn = desk.stored("sites", "holed")
    assert (drawn.geom_type, drawn.area) == ("MultiPolygon", pytest.approx(1600 - 50 + 200))
    assert len(drawn.geoms[0].interiors) == 1

    page.locator("#sketch-change").focus()
    page.keyboard.press("Enter")
    for _ in range(6):
        page.locator("#corner-after").focus()
        page.keyboard.press("Enter")
    page.locator("#corner-which", has_text="Corner 6 of 10").wait_for()
    assert page.input_value("#corner-at") == f"{x + 20:.3f}, {y + 10:.3f}"
    page.fill("#corner-length", "25")
    page.keyboard.press("Enter")
    assert page.input_value("#corner-at") == f"{x + 35:.3f}, {y + 10:.3f}"
    page.click("#corner-after")
    page.fill("#corner-at", f"{x + 20},{y + 30}")
    page.keyboard.press("Enter")
    page.click("#corner-add")
    page.click("#corner-remove")
    page.click("#sketch-undo")
    desk.saved()
    holed = desk.stored("sites", "holed")
    assert corners(holed.geoms[0].interiors[0])[1:3] == [(x + 35, y + 10), (x + 20, y + 30)]
    assert len(corners(holed.geoms[0].interiors[0])) == 5, "the corner that was added stays, as its removal was undone"
    assert holed.geoms[1].equals(drawn.geoms[1])


def test_an_outline_that_crosses_itself_is_told_with_its_place_and_another_hand_is_shown(desk):
    page = desk.page
    x, y = 500_350.0, 4_076_050.0
    box = shapely.box(x, y, x + 30, y + 30)
    body = {"type": "Feature", "id": "mine", "properties": {}, "geometry": shapely.geometry.mapping(shapely.transform(box, lambda xy: xy[:, ::-1]))}  # fmt: skip
    desk.client.post("/collections/sites/items", json=body, headers={"Content-Crs": f"<{NORTH_FIRST}>"}).raise_for_status()
    desk.open("en", (x, y))
    page.select_option("#edit-layer", "sites")
    page.fill("#edit-id", "mine")
    page.click("#edit-load")
    page.locator("#edit-head", has_text="mine").wait_for()
    page.click("#sketch-change")
    page.wait_for_timeout(1000)
    page.click("#corner-after")
    first = [float(v) for v in page.input_value("#corner-at").split(",")]
    desk.typed((x + 15, y - 8 if first[1] > y else y + 38))  # across the side that does not end in it
    page.locator("#sketch-faults li", has_text="crosses or touches itself").wait_for()
    page.click("#sketch-undo")
    page.locator("#sketch-faults li").first.wait_for(state="detached")
    desk.typed((first[0] + 1, first[1] + 1))
    theirs = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(shapely.transform(shapely.box(x, y, x + 44, y + 30), lambda xy: xy[:, ::-1]))}  # fmt: skip
    headers = {"If-Match": "*", "Content-Crs": f"<{NORTH_FIRST}>", "Content-Type": "application/geo+json"}
    desk.client.patch("/collections/sites/items/mine", json=theirs, headers=headers).raise_for_status()
    page.click("#edit-save")
    page.locator(".redrawn", has_text="The outline was changed too").wait_for()
    page.get_by_role("button", name="Write mine all the same").click()
    page.locator("#edit-answer", has_text="Saved").wait_for()
    assert desk.stored("sites", "mine").area == pytest.approx(box.area, abs=60)


@pytest.mark.parametrize(
    ("layer", "id", "ring", "kinds"),
    [
        ("parcels", "", [(0, 0), (9, 0), (9, 9), (0, 9)], {"overlap"}),
        ("parcels", "D001-B08-P01", [(0, 0), (9, 0), (9, 9), (0, 9)], {"gap"}),
        ("parcels", "D001-B08-P01", [(0, 0), (9, 0), (0, 9), (9, 9)], {"invalid"}),
        ("zoning", "", [(0, 0), (9, 0), (0, 9), (9, 9)], {"invalid"}),
        ("zoning", "", [(0, 0), (9, 0), (9, 9), (0, 9)], set()),
    ],
)
def test_what_an_outline_would_break_is_told_and_nothing_is_stored(server, land, layer, id, ring, kinds):
    """A square within the parcel P01: new it overlaps it, as its outline it leaves a gap around; crossed it is no outline."""
    at = land.loc["D001-B08-P01"].centroid
    before = server.client.get(f"/collections/{layer}/items?limit=1").headers["etag"]
    shape = {"type": "Polygon", "coordinates": [[(at.y + b, at.x + a) for a, b in [*ring, ring[0]]]]}
    body = {"type": "Feature", "properties": {}, "geometry": shape, **({"id": id} if id else {})}
    told = server.client.post(f"/collections/{layer}/faults", json=body, headers={"Content-Crs": f"<{NORTH_FIRST}>"}).json()
    assert {f["properties"]["kind"] for f in told["features"]} == kinds, told
    for fault in told["features"]:
        assert -180 <= shapely.geometry.shape(fault["geometry"]).bounds[0] <= 180
    assert server.client.get(f"/collections/{layer}/items?limit=1").headers["etag"] == before


@pytest.mark.parametrize("wrong", ["", "1,2,3", "1,2,3,4,5", "3,2,1,4", "0,0,0,1", "-181,0,0,1", "a,b,c,d", "nan,0,1,1"])
def test_a_plane_of_no_box_is_refused_in_a_sentence(server, wrong):
    answer = server.client.get("/plane", params={"bbox": wrong})
    assert answer.status_code == 422
    assert set(json.loads(answer.text)) >= {"detail", "detail_zh"}
