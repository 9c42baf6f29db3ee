"""The projects on the page, in a real browser: board, table, chart, warnings, the page of one, and the way to its land and back."""

from __future__ import annotations

import csv
import re
import sqlite3
from contextlib import closing

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from tests.api.conftest import copied
from tests.api.faces import serving
from tests.api.test_ledger import phased
from tests.api.test_look import barriers

pytestmark = pytest.mark.browser
ON = "on=2026-03-31"
BESIDE = (
    "land_cases",
    "opinions",
    "buildings",
    "connections",
    "relocations",
    "stakeholders",
    "inspections",
    "landscaping",
    "set_outs",
    "documents",
)
PLOT = "D001-B08-P01"
WORDS = {
    "en": {"land": "Show the land on the map", "red": "red", "late": "Grant contract is 83 days behind", "free": "free", "back": "All projects", "stage": "Signed, under review"},
    "zh": {"land": "在地图上查看用地", "red": "红色", "late": "出让合同较计划滞后83天", "free": "可用", "back": "全部项目", "stage": "签约联审"},
}  # fmt: skip


@pytest.fixture
def at(server, watch):
    def go(address, scheme="light", own=server):
        watch.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        watch.page.set_viewport_size({"width": 1400, "height": 900})
        watch.page.goto(f"{own.url}/{address}")
        watch.page.wait_for_selector("body[data-drawn]", timeout=180_000)
        return watch.page

    yield go
    assert watch.said == [], watch.said


def columns(page):
    return {s.split("(")[0].strip(): s for s in page.locator(".stage h3").all_inner_texts()}


def test_the_board_shows_each_project_in_its_stage_and_is_walked_by_keys(at, server):
    page = at(f"?lang=en&view=projects&{ON}")
    page.locator(".cards a").first.wait_for()
    assert not page.locator("#panel").is_visible(), "a legend under the board cannot be read, and would take the focus"
    listed = server.client.get(f"/projects?{ON}").json()
    told = columns(page)
    for stage, title in (
        ("signed", "Signed, under review"),
        ("construction", "Under construction"),
        ("production", "In production"),
    ):
        assert told[title].endswith(f"({sum(p['stage'] == stage for p in listed)})")
    first = page.locator(".stage", has_text="Signed, under review").locator("a").first
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert first.evaluate("a => a === document.activeElement")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.closest('.stage').getAttribute('aria-label')") == "Land on the way"
    page.fill("#projects-text", "batter 储能")
    assert page.locator(".cards a").count() == sum("batter" in p["name"] and "储能" in p["name"] for p in listed)
    assert "text=batter" in page.url
    page.keyboard.press("Escape")
    assert page.locator("body").get_attribute("data-view") == "projects", "the field is left, not the view"
    page.keyboard.press("Escape")
    assert page.locator("body").get_attribute("data-view") == ""
    assert page.locator("#panel").is_visible()


@pytest.mark.parametrize(("lang", "scheme"), [("en", "light"), ("zh", "dark")])
def test_table_chart_and_warnings_say_the_same_as_the_service(at, server, lang, scheme, tmp_path):
    words = WORDS[lang]
    page = at(f"?lang={lang}&view=projects&part=table&sort=-production&{ON}", scheme)
    page.locator(".projects tbody tr").first.wait_for()
    listed = {p["id"]: p for p in server.client.get(f"/projects?{ON}").json()}
    rows = [row.split("\t")[0] for row in page.locator(".projects tbody tr").all_inner_texts()]
    made = [listed[id]["production"] for id in rows]
    assert set(rows) == set(listed)
    assert [d for d in made if d] == sorted((d for d in made if d), reverse=True)
    assert made[-1] is None
    page.click("[data-sort=warning]")
    assert page.locator("th[aria-sort=ascending] [data-sort=warning]").count() == 1
    page.click("[data-sort=warning]")
    assert words["red"] in page.locator(".projects tbody tr").first.inner_text()
    assert barriers(page) == []

    page.click("#projects-gantt")
    page.locator(".gantt-names a").first.wait_for()
    page.locator(".gantt .mark").first.wait_for()
    marks = {p["project"]: p["marks"] for p in server.client.get(f"/milestones?{ON}").json()["projects"]}
    drawn = page.locator(".gantt-names a").count()
    assert drawn == sum(any(m["forecast"] for m in of) for of in marks.values())
    late = [t for t in page.locator(".gantt .mark.late title").all_text_contents() if "83" in t]
    assert late
    assert page.locator(".gantt .mark.late text").first.inner_html().startswith("!")
    assert page.locator(".gantt-frame .today").count() == 1
    page.screenshot(path=tmp_path / f"gantt-{lang}.png")
    assert barriers(page) == []

    page.click("#projects-warnings")
    page.locator(".projects tbody tr").first.wait_for()
    first = page.locator(".projects tbody tr").first
    assert words["late"] in first.inner_text()
    assert words["red"] in first.inner_text()
    said = server.client.get(f"/warnings?{ON}&level=yellow").json()["warnings"]
    assert page.locator(".projects tbody tr").count() == len(said)
    page.select_option("#projects-warn", "notice")
    page.wait_for_function("n => document.querySelectorAll('.projects tbody tr').length > n", arg=len(said))
    assert barriers(page) == []
    first.get_by_role("button", name=words["land"]).click()
    page.locator("#project-page .grounds li", has_text="S-77").wait_for()


@pytest.mark.parametrize(("lang", "scheme"), [("zh", "light"), ("en", "dark")])
def test_the_page_of_a_project_tells_all_and_leads_to_its_land_and_back(at, server, lang, scheme, tmp_path):
    words = WORDS[lang]
    page = at(f"?lang={lang}&view=projects&project=P-77(示例)&{ON}", scheme)
    body = page.locator("#project-page")
    body.locator(".grounds li").wait_for()
    told = server.client.get(f"/projects/P-77(示例)?{ON}").json()
    assert words["stage"] in body.inner_text()
    assert words["free"] in body.locator(".grounds").inner_text()
    assert body.locator(".alarms > li").count() == len(told["warnings"])
    assert body.locator(".alarms > li", has_text=words["late"]).locator(".questions li").count() == 2
    assert body.locator(".ones li").count() == 5
    steps = [s for s in told["steps"] if s["state"] != "not_applicable"]
    assert body.locator(".gantt-names li:not(.lane)").count() == len(told["steps"])
    assert body.locator(".gantt-scroll .mark").count() == len([s for s in steps if s["forecast"]])
    assert all(w["text"][lang] in body.inner_text() for w in told["production"][:3])
    tasks = server.client.get(f"/projects/P-77(示例)/tasks?{ON}").json()
    body.locator(".months strong").first.wait_for()
    assert body.locator(".months strong").count() == len({t["period"] for t in tasks})
    beside = body.locator("[data-of=beside]")
    beside.locator("details").first.wait_for()
    kept = {
        name: len(server.client.get(f"/collections/{name}/items", params={"filter": "project='P-77(示例)'"}).json()["features"])
        for name in BESIDE
    }
    assert {name: beside.locator(f"[data-table={name}] tbody tr").count() for name in BESIDE} == kept
    assert (kept["opinions"], kept["documents"]) == (3, 1)
    assert (
        beside.locator("[data-table=opinions] tr", has_text="示例函〔2025〕77-1号")
        .get_by_text({"en": "passed", "zh": "联审通过"}[lang])
        .count()
        == 1
    )
    open_ = next(s for s in told["steps"] if s["item"] == "filing")
    assert (open_["time"], open_["unit"], open_["needs"], open_["state"]) == (1, "wd", ["signing"], "open")
    assert {"en": "time limit 1 working days", "zh": "时限 1 个工作日"}[lang] in body.inner_text()
    with page.expect_download() as kept_file:
        body.get_by_role("button", name="CSV").click()
    checklist = list(csv.DictReader(kept_file.value.path().read_text("utf-8-sig").splitlines()))
    assert len(checklist) == len(told["steps"])
    row = next(r for r in checklist if open_["title"][lang] in r.values())
    assert {"en": "Signing", "zh": "签约"}[lang] in row.values(), "what it needs"
    assert open_["source"] in row.values()
    page.screenshot(path=tmp_path / f"project-{lang}.png")
    beside.scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / f"beside-{lang}.png")
    assert barriers(page) == []

    body.get_by_role("button", name=words["land"]).click()
    page.wait_for_url(re.compile("map=1[5-7]"))
    body.get_by_role("button", name="S-77", exact=True).click()
    page.locator("#card h2", has_text="S-77").wait_for()
    page.go_back()
    page.locator("#card").wait_for(state="hidden")
    body.get_by_role("button", name=words["back"]).click()
    page.locator(".cards a", has_text="first phase").click()
    body.locator(".grounds li").wait_for()
    page.go_back()
    page.locator(".cards a").first.wait_for()


def test_a_plots_card_leads_to_its_project_and_a_project_that_there_is_not_is_named(at, watch):
    page = at(f"?lang=en&plot={PLOT}&{ON}")
    row = page.locator("#card .of-plot li")
    row.first.wait_for()
    assert "Signed, under review" in row.first.inner_text()
    assert "red" in row.first.inner_text()
    row.first.get_by_role("button").first.click()
    page.locator("#project-page .grounds li", has_text="S-77").wait_for()
    assert "project=P-77" in page.url
    page.go_back()
    page.locator("body[data-view='']").wait_for()
    page.locator("#card h2", has_text=PLOT).wait_for()
    page.fill("#number", "P-K04")
    page.keyboard.press("Enter")
    page.locator("#project-page h2", has_text="pharmaceuticals 4").wait_for()
    at("?lang=zh&view=projects&project=nobody")
    page.locator("#project-page .refusal", has_text="没有项目 nobody").wait_for()
    assert all("404" in said for said in watch.said)
    watch.said.clear()


@pytest.mark.parametrize(
    ("address", "asked", "shown"),
    [
        (f"plot={PLOT}", f"/plots/{PLOT}?", "#card .figures"),
        ("view=projects&project=P-K03", "/projects/P-K03?", "#project-page .actions"),
    ],
)
def test_who_types_while_an_answer_is_on_its_way_types_on(at, server, address, asked, shown):
    page, held = at(f"?lang=en&{ON}"), []
    page.route(lambda url: asked in url, lambda route: held.append(route))
    page.evaluate(f"(history.pushState(null, '', '?lang=en&{ON}&{address}'), dispatchEvent(new PopStateEvent('popstate')))")
    page.locator(f"{shown.split()[0]}:focus").wait_for()
    page.fill("#number", "P-K04")
    page.locator("#places li").first.wait_for()
    assert page.locator(shown).count() == 0
    for route in held:
        route.continue_()
    page.locator(shown).first.wait_for()
    assert page.evaluate("document.activeElement.id") == "number"
    page.keyboard.press("Enter")
    page.locator("#project-page h2:focus", has_text="pharmaceuticals 4").wait_for()


@pytest.mark.parametrize(("lang", "said"), [("en", "Who lies along its works"), ("zh", "沿线对接")])
def test_who_lies_along_the_works_of_a_project_is_read_when_it_is_opened_and_leads_to_the_map(at, server, lang, said):
    page = at(f"?lang={lang}&view=projects&project=P-road(示例)&{ON}")
    along = page.locator("#project-page .along")
    along.wait_for()
    along.locator("summary", has_text=said).click()
    told = server.client.get("/projects/P-road(示例)/stakeholders", params={"within": 50}).json()
    along.locator("tbody tr").nth(len(told["rows"]) - 1).wait_for()
    assert along.locator("tbody tr").count() == len(told["rows"])
    along.locator("select").select_option("20")
    fewer = server.client.get("/projects/P-road(示例)/stakeholders", params={"within": 20}).json()
    along.locator(f"p:has-text('{fewer['parcels']}')").first.wait_for()
    along.locator("tbody tr", has_text="2026").first.wait_for()
    assert along.locator("tbody tr").count() == len(fewer["rows"]) < len(told["rows"])
    assert barriers(page) == []
    along.get_by_role("button", name="D001-B07-P02", exact=True).click()
    page.locator("#card h2", has_text="D001-B07-P02").wait_for()


@pytest.mark.parametrize(("lang", "said"), [("en", "phase 2"), ("zh", "分期 2")])
def test_a_project_with_phases_tells_each_of_them(at, in_phases, lang, said, tmp_path):
    page = at(f"?lang={lang}&view=projects&project=P-77(示例)&{ON}", own=in_phases)
    body = page.locator("#project-page")
    body.locator(".grounds li").first.wait_for()
    told = in_phases.client.get(f"/projects/P-77(示例)?{ON}").json()
    assert body.get_by_role("heading", name=said, exact=True).count() == 1
    assert "一期厂房 works" in body.locator(".of-phase").inner_text()
    assert body.get_by_role("button", name=PLOT, exact=True).count() >= 1
    assert all(w["text"][lang] in body.inner_text() for part in told["phases"] for w in part["production"][:3])
    assert body.locator(".gantt-names li:not(.lane)").count() == len(told["steps"])
    body.get_by_role("heading", name=said, exact=True).scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / f"phases-{lang}.png")
    assert barriers(page) == []


@pytest.fixture(scope="module")
def in_phases(park, tmp_path_factory):
    """The service of a park with a project in two phases."""
    folder = tmp_path_factory.mktemp("phases")
    phased(copied(park, folder / "park.gpkg"))
    with serving(folder / "park.gpkg", folder) as server:
        yield server


@pytest.fixture
def many(park, tmp_path):
    """The service of a park with a thousand projects more."""
    with closing(sqlite3.connect(park)) as source, closing(sqlite3.connect(tmp_path / "many.gpkg")) as target:
        source.backup(target)
    store = GpkgStore.open(tmp_path / "many.gpkg")
    ids = [f"Q-{k:04d}" for k in range(1000)]
    frame = gpd.GeoDataFrame({"id": ids, "name": ids, "kind": "industrial", "status": np.resize(["signed", "started"], 1000)}, geometry=[None] * 1000, crs=store.crs)  # fmt: skip
    store.edit("projects", Change("Lin", "doc 9"), put=frame)
    late = gpd.GeoDataFrame({"id": [f"{id}-signing" for id in ids], "project": ids, "item": "signing", "planned_on": pd.Timestamp("2026-01-05")}, geometry=[None] * 1000, crs=store.crs)  # fmt: skip
    store.edit("permits", Change("Lin", "doc 9"), put=late)
    store.close()
    with serving(tmp_path / "many.gpkg", tmp_path) as server:
        yield server


def test_a_thousand_projects_are_drawn_as_far_as_one_looks(at, many):
    page = at(f"?lang=en&view=projects&{ON}", own=many)
    page.locator("#projects-count", has_text="1,044 / 1,044").wait_for()
    assert page.locator(".cards a").count() <= 7 * 40
    page.locator(".more").first.click()
    assert page.locator(".stage", has_text="Signed").locator("a").count() == 80
    for part, drawn, row in (("table", 100, ".projects tbody tr"), ("gantt", 50, ".gantt-names li")):
        page.click(f"#projects-{part}")
        page.locator(row).first.wait_for()
        assert page.locator(row).count() == drawn
        page.click(".more")
        assert page.locator(row).count() == 2 * drawn
    page.click("#projects-warnings")
    total = many.client.get(f"/warnings?{ON}&level=yellow&limit=1").json()["total"]
    found = page.locator("#projects-answer p", has_text=f"500 / {total:,}")
    found.wait_for()
    page.locator("#more-warnings").click()
    found.wait_for(state="detached")
    page.locator("#projects-answer p", has_text=f"1,000 / {total:,}").wait_for()
    page.click("#projects-gantt")
    page.locator(".gantt-names li").first.wait_for()
    page.fill("#projects-text", "Q-0999")
    page.locator("#projects-count", has_text="1 / 1,044").wait_for()
    assert page.locator(".gantt-names li").count() == 1


@pytest.mark.parametrize(
    ("lang", "again"), [("en", "the road would be opened again 42 days"), ("zh", "道路完工42天后将再次开挖")]
)
def test_the_demo_shows_a_line_that_would_open_its_road_again_and_leads_to_the_road(at, lang, again, tmp_path):
    page = at(f"?lang={lang}&view=projects&project=P-K08&{ON}")
    body = page.locator("#project-page")
    body.locator(".works li").wait_for()
    assert body.locator(".alarms > li", has_text=again).locator(".questions li").count() == 2
    page.goto(page.url.replace("P-K08", "P-road(示例)"))
    works = body.locator(".works li")
    works.first.wait_for()
    assert works.count() == 2
    assert ("storm water" if lang == "en" else "雨水") in works.first.inner_text()
    works.first.scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / f"works-{lang}.png")
    assert barriers(page) == []
    works.first.get_by_role("button", name="R-D001-H2-2").click()
    page.locator("#card h2", has_text="R-D001-H2-2").wait_for()


def test_who_filters_before_the_chart_has_come_is_not_told_that_there_are_no_projects(at):
    page = at(f"?lang=en&view=projects&{ON}")
    page.locator(".cards a").first.wait_for()
    held = []

    def hold(route):
        held.append(route)

    for part, path, row in (("gantt", "milestones", ".gantt-names li"), ("warnings", "warnings", ".projects tbody tr")):
        page.route(f"**/{path}?*", hold)
        with page.expect_request(f"**/{path}?*"):
            page.click(f"#projects-{part}")
        page.fill("#projects-text", "batter")
        assert page.locator("#projects-answer").inner_text() == "Loading"
        page.wait_for_timeout(0)  # lets the held request be handed over
        while held:
            held.pop().continue_()
        page.locator(row).first.wait_for()
        page.unroute(f"**/{path}?*")
