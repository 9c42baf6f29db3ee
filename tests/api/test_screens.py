"""The screens that change things, in a real browser on a service of its own: edit, infrastructure, dashboard, data and admin."""

import json
import re
import sqlite3
from contextlib import closing

import httpx
import pytest
import shapely

from tests.api.faces import serving
from tests.api.test_look import barriers

pytestmark = pytest.mark.browser
PLOT = "D001-B09-P03"


def switch(page, to: str) -> None:
    """Change the page's language without a reload: what was typed and what was answered stay."""
    page.click("#language")
    page.locator(f"html[lang={to}]").wait_for(state="attached")


@pytest.fixture(scope="module")
def changing(park, tmp_path_factory):
    """The service of a copy of the demo park that these tests change."""
    folder = tmp_path_factory.mktemp("screens")
    with closing(sqlite3.connect(park)) as source, closing(sqlite3.connect(folder / "own.gpkg")) as target:
        source.backup(target)
    with serving(folder / "own.gpkg", folder) as server:
        yield server


@pytest.fixture
def own(changing, watch):
    page = watch.page
    page.set_viewport_size({"width": 1400, "height": 950})
    page.set_default_timeout(180_000)
    page.on("dialog", lambda dialog: dialog.accept())

    def go(address):
        page.goto(f"{changing.url}/{address}")
        page.wait_for_selector("body[data-drawn]")
        return page

    go.client = changing.client
    yield go
    said = [s for s in watch.said if not re.search(r"status of (404|409|412|422|428)", s)]
    assert said == [], said
    assert all(url.startswith((changing.url, "data:", f"blob:{changing.url}")) for url in watch.asked), watch.asked


def stored(client: httpx.Client, id: str) -> dict:
    return client.get(f"/collections/parcels/items/{id}").json()


def test_a_plot_is_edited_undone_and_a_faster_hand_is_shown(own, tmp_path):
    page = own(f"?lang=en&view=edit&plot={PLOT}")
    page.locator("#edit-head", has_text=PLOT).wait_for()
    was = stored(own.client, PLOT)["properties"]["status"]
    page.select_option("#edit-fields [name=status]", "idle" if was != "idle" else "ready")
    page.fill("#edit-reason", "Doc 7")
    page.click("#edit-save")
    page.locator("#edit-answer", has_text="Saved").wait_for(timeout=180_000)
    switch(page, "zh-CN")
    page.locator("#edit-answer", has_text="已保存").wait_for()
    past = own.client.get(f"/collections/parcels/items/{PLOT}/history").json()
    assert (past[-1]["before"]["status"], past[-1]["reason"]) == (was, "Doc 7")
    page.locator("#edit-answer").get_by_role("button", name="撤销").click()
    page.locator("#edit-answer", has_text="已撤销").wait_for(timeout=180_000)
    assert stored(own.client, PLOT)["properties"]["status"] == was

    faster = {"type": "Feature", "properties": {"owner": "Somebody else"}}
    answer = own.client.patch(f"/collections/parcels/items/{PLOT}", json=faster, headers={"If-Match": "*"})
    assert answer.status_code == 204, answer.text
    page.fill("#edit-fields [name=owner]", "Me")
    switch(page, "en")
    assert page.input_value("#edit-fields [name=owner]") == "Me"
    page.click("#edit-save")
    row = page.locator(".conflict tr", has_text="Me")
    row.wait_for(timeout=180_000)
    assert "Somebody else" in row.inner_text()
    page.screenshot(path=tmp_path / "conflict.png")
    page.get_by_role("button", name="Write mine all the same").wait_for()
    switch(page, "zh-CN")
    page.locator(".conflict tr", has_text="Me").wait_for()
    page.screenshot(path=tmp_path / "conflict-zh.png")
    page.get_by_role("button", name="仍写入我的更改").click()
    page.locator("#edit-answer", has_text="已保存").wait_for(timeout=180_000)
    assert stored(own.client, PLOT)["properties"]["owner"] == "Me"


def test_parcels_are_split_and_merged_and_what_would_overlap_is_refused_with_its_place(own, tmp_path):
    page = own(f"?lang=zh&view=edit&plot={PLOT}")
    page.locator("#edit-head", has_text=PLOT).wait_for()
    shape = shapely.geometry.shape(stored(own.client, PLOT)["geometry"])
    page.wait_for_timeout(2500)
    page.click("#edit-split")
    box = page.locator("#map").bounding_box()
    middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for x in (middle - 230, middle + 230):
        page.mouse.click(x, height)
        page.wait_for_timeout(200)
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    page.locator("#edit-answer", has_text=f"{PLOT}-2").wait_for(timeout=180_000)
    one, two = f"{PLOT}-1", f"{PLOT}-2"
    page.screenshot(path=tmp_path / "split.png")
    page.fill("#edit-id", one)
    page.click("#edit-load")
    page.locator("#edit-head", has_text=one).wait_for()
    page.fill("#edit-with", two)
    page.fill("#edit-into", f"{PLOT}-again")
    page.click("#edit-merge")
    page.locator("#edit-answer", has_text=f"{PLOT}-again").wait_for(timeout=180_000)
    again = shapely.geometry.shape(stored(own.client, f"{PLOT}-again")["geometry"])
    assert again.symmetric_difference(shape).area < 1e-12

    page.click("#edit-new")
    page.click("#edit-draw")
    for x, y in ((0.42, 0.4), (0.55, 0.4), (0.55, 0.6), (0.42, 0.6)):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        page.wait_for_timeout(200)
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    page.fill("#edit-id", "X-1")
    page.click("#edit-save")
    page.locator(".faults li", has_text="重叠").first.wait_for(timeout=180_000)
    page.screenshot(path=tmp_path / "faults.png")
    switch(page, "en")
    page.locator(".faults li", has_text="Overlap of").first.wait_for()
    page.locator(".faults button").first.click()
    assert own.client.get("/collections/parcels/items/X-1").status_code == 404


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_moving_a_planned_line_tells_what_slips_and_stores_nothing(own, lang, tmp_path):
    before = own.client.get("/collections/utilities/items?limit=1").headers["etag"]
    planned = own.client.get("/collections/utilities/items?limit=500&filter=status='planned' AND kind='water'").json()["features"]
    line = next(f["id"] for f in planned if f["properties"]["in_service_from"])
    page = own(f"?lang={lang}&view=lines")
    row = page.locator(".planned", has_text=line).first
    row.wait_for(state="attached", timeout=180_000)
    row.locator("summary").click()
    row.locator("input[type=date]").fill("2031-06-30")
    row.locator("button", has_text={"en": "What slips?", "zh": "影响分析"}[lang]).click()
    row.locator(".slips").wait_for(timeout=180_000)
    page.screenshot(path=tmp_path / f"lines-{lang}.png")
    coming = "status IN ('planned','under_construction')"
    count = sum(
        own.client.get(f"/collections/{layer}/items?limit=1&filter={coming}").json()["numberMatched"]
        for layer in ("roads", "utilities")
    )
    assert re.search(r"\(([\d,]+)\)", page.locator("#lines-answer h3").inner_text())[1].replace(",", "") == str(count)
    said = own.client.post("/whatif", json={"layer": "utilities", "id": line, "day": "2031-06-30"}).json()
    assert f" {len(said['plots'])} " in row.locator(".slips").inner_text()
    assert all(
        (p["ready_state"], p["ready_from"]) != (p["new_ready_state"], p["new_ready_from"]) or p["deciding"] != p["new_deciding"]
        for p in said["plots"]
    )
    assert own.client.get("/collections/utilities/items?limit=1").headers["etag"] == before


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_planned_work_lists_the_plots_that_it_makes_serviced_each_with_its_day_and_place(own, lang, tmp_path):
    planned = own.client.get("/collections/utilities/items?limit=500&filter=status='planned' AND kind='water'").json()["features"]
    line = next(f["id"] for f in planned if f["properties"]["in_service_from"])
    waits = own.client.post("/whatif", json={"layer": "utilities", "id": line, "day": None}).json()["plots"]
    plots = sorted((p["ready_from"], p["id"]) for p in waits if p["ready_state"] == "dated")
    assert plots
    page = own(f"?lang={lang}&view=lines")
    row = page.locator(f".planned[data-line='{line}']")
    row.locator("summary").click()
    row.locator(".makes", has_text=f" {len(plots)} ").wait_for()
    assert sorted(row.locator("table th[scope=row]").all_inner_texts()) == sorted(id for _, id in plots)
    page.screenshot(path=tmp_path / f"makes-{lang}.png")
    row.locator("table th button").first.click()
    page.locator("#card .figures").first.wait_for()
    assert f"plot={row.locator('table th button').first.inner_text()}" in page.url
    row.locator("input[type=date]").fill("2031-06-30")
    row.locator("button", has_text={"en": "What slips?", "zh": "影响分析"}[lang]).click()
    row.locator(".slips").wait_for()
    said, link = row.locator(".slips").inner_text(), page.url
    page.goto("about:blank")
    page.goto(link)
    row.locator(".slips", has_text=said).wait_for()
    row.locator(".makes", has_text=f" {len(plots)} ").wait_for()
    page.click("#work-close")
    assert "line=" not in page.url


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_number_of_the_dashboard_leads_to_its_plots(own, lang, tmp_path):
    page = own(f"?lang={lang}&view=supply")
    page.locator("#supply-answer table").first.wait_for()
    rows = page.locator("#supply-answer table").first.locator("tr:has(button)")
    for n in range(rows.count()):
        count = int(rows.nth(n).locator("button").inner_text())
        rows.nth(n).locator("button").click()
        page.locator("#supply-plots h3", has_text=f" {count} ").wait_for(timeout=180_000)
    page.screenshot(path=tmp_path / "dashboard.png")
    legend = {e["colour"].lower() for e in own.client.get("/legend.json").json() if e["layer"] == "readiness"}
    fills = {r.get_attribute("fill").lower() for r in page.locator("#supply-answer .chart rect").all()}
    assert len(fills) > 3
    assert fills <= legend, "drawn as on the map"
    with page.expect_download() as download:
        page.get_by_role("button", name={"en": "Save as SVG", "zh": "保存为 SVG"}[lang]).first.click()
    assert download.value.path().read_text("utf-8").startswith("<svg")


def delivery(path, count, name="name"):
    """Write plots beside each other, and one that crosses itself, whose numbers are in the column `name`."""
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}
    good = [shapely.box(500_100 + 20 * k, 4_076_000, 500_120 + 20 * k, 4_076_100) for k in range(count)]
    bad = shapely.Polygon([(500_500, 4_076_500), (500_600, 4_076_600), (500_600, 4_076_500), (500_500, 4_076_600)])
    features = [
        {"type": "Feature", "properties": {name: f"N-{k}", "holder": "Somebody"}, "geometry": shapely.geometry.mapping(shape)}
        for k, shape in enumerate([*good, bad], 1)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}), "utf-8")
    return path


def test_a_delivery_is_mapped_by_the_files_columns_drawn_with_its_rejects_and_the_rest_stored(own, tmp_path):
    page = own("?lang=en&view=admin")
    page.select_option("#import-layer", "parcels")
    page.set_input_files("#import-form [name=file]", delivery(tmp_path / "plots.geojson", 2))
    page.fill("#import-form [name=coverage]", "none")
    page.click("#import-form button[type=submit]")
    page.locator("[name=map-id]").wait_for(timeout=180_000)
    offered = [o.inner_text() for o in page.locator("[name=map-id] option").all()]
    assert offered == ["—", "name", "holder", "one value for all"]
    page.select_option("[name=map-id]", "name")
    page.select_option("[name=map-owner]", "holder")
    page.select_option("[name=map-status]", label="one value for all")
    page.locator("[name=status]").select_option("idle")
    page.screenshot(path=tmp_path / "mapping.png")
    assert barriers(page) == []
    with page.expect_response(lambda answer: answer.url.endswith("/accepted")) as drawn:
        page.get_by_role("button", name="Look again with these columns").click()
    shown = drawn.value.json()["features"]
    assert [f["id"] for f in shown] == ["N-1", "N-2"]
    assert all(116 < x < 118 for x in shapely.get_coordinates([shapely.geometry.shape(f["geometry"]) for f in shown])[:, 0])
    page.locator(".rejects li", has_text="N-3").first.wait_for(timeout=180_000)
    page.locator(".rejects li button", has_text="on the map").wait_for()
    assert "Accepted: 2 · rejected: 1" in page.locator(".accepted").inner_text()
    assert page.locator("[name=map-owner]").input_value() == "holder"
    page.wait_for_timeout(2500)
    page.screenshot(path=tmp_path / "import.png")
    page.fill("#import-reason", "Doc 8")
    switch(page, "zh-CN")
    page.locator(".accepted", has_text="接受: 2 · 拒绝: 1").wait_for()
    assert page.input_value("#import-reason") == "Doc 8"
    assert page.locator("[name=map-status]").input_value() == "\0"
    page.screenshot(path=tmp_path / "import-zh.png")
    page.get_by_role("button", name="除被拒绝外存入").click()
    page.locator("#import-answer", has_text=re.compile("^已存入$")).wait_for(timeout=180_000)
    assert {k: stored(own.client, "N-1")["properties"][k] for k in ("owner", "status")} == {"owner": "Somebody", "status": "idle"}
    for part in ("layers", "standards", "people", "audit"):
        page.locator(f"#admin-{part}").locator("xpath=..").locator("summary").first.click()
    assert "未核对原文" in page.locator("#admin-standards").inner_text()
    switch(page, "en")
    page.locator("#admin-standards", has_text="not checked against the original").wait_for()
    assert "not checked against the original" in page.locator("#admin-standards").inner_text()
    assert "shudi user add" in page.locator("#admin-people").inner_text()
    page.screenshot(path=tmp_path / "admin.png")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_import_that_runs_is_ended_and_that_is_all_it_says(own, lang, tmp_path):
    page = own(f"?lang={lang}&view=admin")
    said, before = {"en": "Cancelled", "zh": "已取消"}[lang], own.client.get("/imports").json()
    page.select_option("#import-layer", "parcels")
    page.set_input_files("#import-form [name=file]", delivery(tmp_path / "many.geojson", 6000, "id"))
    page.fill("#import-form [name=coverage]", "none")
    page.click("#import-form button[type=submit]")
    page.locator("#import-answer progress").wait_for()
    with page.expect_response(lambda answer: answer.request.method == "DELETE" and "/imports/" in answer.url) as ended:
        page.locator("#import-answer button").click()
    assert ended.value.status == 204
    page.wait_for_timeout(2500)
    assert said in page.locator("#import-answer").inner_text()
    assert own.client.get("/imports").json() == before
    assert own.client.get("/collections/parcels/items/N-3").status_code == 404


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_a_delivery_covers_is_shown_on_the_map(own, lang):
    page = own(f"?lang={lang}&view=admin")
    layers = page.locator("#admin-layers")
    layers.locator("xpath=..").locator("summary").click()
    row = layers.locator("tr", has_text={"en": "Control lines", "zh": "控制线"}[lang]).first
    with page.expect_response(lambda answer: "/coverage?" in answer.url) as told:
        row.locator("button").click()
    assert told.value.json()["type"] in ("Polygon", "MultiPolygon")
    west, south, east, north = own.client.get("/about.json").json()["bounds"]
    assert shapely.geometry.shape(told.value.json()).intersects(shapely.box(west, south, east, north))
    assert own.client.get("/coverage?edition=nothing").status_code == 404


def test_a_checked_site_is_saved_as_a_site(own):
    page = own("?lang=zh&view=check&site=117.0150,36.8300;117.0160,36.8300;117.0160,36.8310;117.0150,36.8310")
    page.locator("#check-answer .keep summary").click()
    page.fill("#check-answer [name=number]", "S-new")
    page.locator("#check-answer .keep button").click()
    page.locator("#card h2", has_text="S-new").wait_for()
    assert own.client.get("/collections/sites/items/S-new").status_code == 200


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_site_in_zone_coordinates_is_stored_where_it_was_checked(own, lang):
    page = own(f"?lang={lang}&view=check")
    page.fill("#check-text", "4077100,39500100\n4077100 39500200\n4077200 39500200\n4077200,39500100")
    page.locator("#check-form button[type=submit]").click()
    page.locator(".keep summary").click(timeout=180_000)
    page.fill(".keep [name=number]", f"zone-{lang}")
    page.locator(".keep button").click()
    page.locator("#card h2", has_text=f"zone-{lang}").wait_for(timeout=180_000)
    kept = own.client.get(f"/collections/sites/items/zone-{lang}?crs=http://www.opengis.net/def/crs/EPSG/0/4548").json()
    ring = shapely.get_coordinates(shapely.geometry.shape(kept["geometry"]))
    assert ring.min(axis=0) == pytest.approx([4077100, 500100], abs=1e-6)
    assert ring.max(axis=0) == pytest.approx([4077200, 500200], abs=1e-6)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_change_is_undone_from_the_history_of_its_feature(own, lang):
    plot = "D001-B03-P05"
    own.client.patch(f"/collections/parcels/items/{plot}", json={"type": "Feature", "properties": {"owner": f"holder {lang}"}}, headers={"If-Match": "*", "Content-Type": "application/geo+json"}).raise_for_status()  # fmt: skip
    page = own(f"?lang={lang}&plot={plot}")
    page.locator("#card .history summary").click()
    first = page.locator("#card .past > li").first
    first.filter(has_text=f"holder {lang}").wait_for()
    with page.expect_response(lambda answer: answer.url.endswith("/undo")) as undone:
        first.locator("button").first.click()
    assert undone.value.status == 204
    assert stored(own.client, plot)["properties"]["owner"] != f"holder {lang}"
    page.locator("#card .past > li").first.filter(has_text=re.compile({"en": "undo", "zh": "撤销"}[lang])).wait_for()
    page.wait_for_timeout(3000)
    assert page.locator("#card .history[open] .past > li").count() > 2, "what others hear of the change does not fold it"
    assert len(own.client.get(f"/collections/parcels/items/{plot}/history").json()) > 2, "an undo is a change of its own"
