"""The views of the page in a real browser, on the real service of the demo park: check, find, supply."""

import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from api.siting import BriefBody
from tests.api.test_look import barriers

pytestmark = pytest.mark.browser


def test_land_is_found_compared_and_opened(page):
    page.click("[data-view-of=find]")
    assert "view=find" in page.url
    page.fill("#find-form [name=least]", "8")
    page.click("#find-form button[type=submit]")
    page.locator(".match").first.wait_for(timeout=180_000)
    assert page.locator(".match").count() > 3
    for n in (0, 1):
        page.locator(".match input[type=checkbox]").nth(n).check()
    assert page.locator(".compare th[scope=col]").count() == 2
    page.locator(".match summary").first.click()
    assert re.search(r"✓ power: (available|connected)", page.locator(".match").first.inner_text())
    page.click("#language")
    page.wait_for_selector("html[lang=zh-CN]")
    page.locator(".match", has_text="亩").first.wait_for()


@pytest.mark.parametrize(("lang", "table"), [("en", "As a table"), ("zh", "列表")])
def test_matches_are_ranked_in_a_table_a_file_and_on_the_map_and_a_link_keeps_what_is_compared(page, server, lang, table):
    link = f"{server.url}/?lang={lang}&view=find&compare=1,3&q=least%3D8%26most%3D80%26service%3Droad%26kind%3Dsingle"
    page.goto("about:blank")
    page.goto(link)
    page.locator(".match").first.wait_for(timeout=180_000)
    assert page.locator(".compare th[scope=col]").count() == 2
    assert [page.locator(".match input").nth(n).is_checked() for n in range(3)] == [True, False, True]
    page.locator("summary", has_text=table).click()
    rows = page.locator(".ranked tbody tr")
    found = matches(page)
    assert [
        (rows.nth(n).locator("th").inner_text(), rows.nth(n).locator("td").nth(2).inner_text()) for n in range(rows.count())
    ] == found
    with page.expect_download() as download:
        page.locator("#find-answer .actions button").first.click()
    told = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert [(row["rank"], row["plots"]) for row in told] == [(str(n + 1), plots) for n, (plots, _) in enumerate(found)]
    assert all(row["road fits"] == "yes" for row in told)
    page.locator(".match input").nth(1).check()
    assert "compare=1%2C3%2C2" in page.url
    page.locator(".match input").nth(0).uncheck()
    assert "compare=3%2C2" in page.url
    assert barriers(page) == []


@pytest.mark.parametrize(("lang", "said"), [("en", "Cancelled"), ("zh", "已取消")])
@pytest.mark.parametrize(("view", "path"), [("find", "sitings"), ("suitability", "processes/suitability/execution")])
def test_a_question_that_takes_long_is_seen_to_be_asked_and_can_be_cancelled(page, server, lang, said, view, path):
    page.goto("about:blank")
    page.goto(f"{server.url}/?lang={lang}")
    page.wait_for_selector("body[data-drawn]", timeout=180_000)
    page.evaluate("""() => {
      const real = window.fetch;
      window.fetch = (path, options = {}) => (options.method === "POST" ? new Promise((next, fail) => {
        const timer = setTimeout(() => next(real(path, options)), 4000);
        options.signal?.addEventListener("abort", () => (clearTimeout(timer), fail(options.signal.reason)));
      }) : real(path, options));
    }""")
    page.click(f"[data-view-of={view}]")
    pane = {"find": "#find-answer", "suitability": "#suit-answer"}[view]
    if view == "find":
        page.click("#find-form button[type=submit]")
    page.locator(f"{pane} progress").wait_for()
    page.locator(f"{pane} button").click()
    page.locator(pane, has_text=said).wait_for()
    assert page.locator(f"{pane} progress").count() == 0
    page.wait_for_timeout(4500)
    assert said in page.locator(pane).inner_text(), "and no answer comes behind it"


def matches(page):
    """Read the found plots and their scores."""
    page.locator(".match, #find-answer .refusal").first.wait_for(timeout=180_000)
    return [
        (row.locator("button").first.inner_text().split(". ", 1)[1], row.locator("strong").inner_text())
        for row in page.locator(".match").all()
    ]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_whole_brief_is_asked_on_the_page_and_a_plot_that_is_not_found_says_why(page, server, lang, tmp_path):
    if lang == "zh":
        page.click("#language")
        page.wait_for_selector("html[lang=zh-CN]")
    page.click("[data-view-of=find]")
    unit, area = {"en": ("mu", [8 * 2000 / 3, 60 * 2000 / 3]), "zh": ("m2", [5400, 40000])}[lang]
    page.select_option("#find-form [name=unit]", unit)
    for name, value in {"least": {"mu": "8"}.get(unit, "5400"), "most": {"mu": "60"}.get(unit, "40000"), "slope": "8"}.items():
        page.fill(f"#find-form [name={name}]", value)
    page.uncheck("#find-form [name=kind][value=assembly]")
    page.uncheck("#find-form [name=kind][value=part]")
    page.fill("#find-form [name=load_power]", "10")
    page.fill("#find-form [name=size_power]", "10")
    page.click("#find-more summary")
    page.fill("#find-form [name=earthwork]", "2")
    page.fill("#find-form [name=budget]", "2000")
    page.click("#find-near-add")
    page.select_option("#find-near select >> nth=0", "roads:arterial")
    page.fill("#find-near input", "900")
    page.locator("#find-wishes").locator("xpath=..").locator("summary").click()
    page.check("#find-wishes [value=budget]")
    page.fill("#find-wishes [name=weight_budget]", "0.5")
    page.fill("#find-wishes [name=weight_area]", "3")
    page.screenshot(path=tmp_path / f"brief-{lang}.png")
    assert barriers(page) == []
    page.locator("#find-form button[type=submit]").click()
    told = matches(page)
    brief = {
        "area_m2": area, "services": ["road", "power", "water"], "kinds": ["single"], "slope": 0.08, "loads": {"power": 10}, "sizes": {"power": 10},
        "earthwork_m": 2, "budget_cny": 20_000_000, "near": [{"layer": "roads", "kind": "arterial", "most_m": 900}],
        "wishes": {"budget": 0.5}, "weights": {"area": 3},
    }  # fmt: skip
    same = server.client.post("/sitings", json=brief).json()["matches"]
    assert len(told) > 3
    assert told == [(m["plots"][0], f"{m['score']:.3f}".rstrip("0")) for m in same]
    page.fill("#find-answer [name=why]", "D001-B01-P01")
    page.keyboard.press("Enter")
    page.locator(".why li").first.wait_for()
    page.screenshot(path=tmp_path / f"why-{lang}.png")
    assert {"en": "does not fit", "zh": "不符合"}[lang] in page.locator(".why").inner_text()
    assert barriers(page) == []
    page.reload()
    assert matches(page) == told
    assert page.locator("#find-near input").input_value() == "900"
    assert page.locator("#find-form [name=unit]").input_value() == unit


def test_the_form_asks_for_all_that_a_brief_has(page):
    page.click("[data-view-of=find]")
    filled = {
        "use": "1001",
        "by": "2027-01-01",
        "frontage": "10",
        "width": "20",
        "slope": "8",
        "load_power": "1",
        "size_power": "10",
        "earthwork": "2",
        "budget": "9999",
    }
    page.evaluate("document.querySelectorAll('#find-form details').forEach((more) => { more.open = true; })")
    for name, value in {**filled, "weight_area": "2"}.items():
        page.fill(f"#find-form [name={name}]", value)
    page.select_option("#find-form [name=road]", "local")
    page.check("#find-wishes [value=budget]")
    page.click("#find-near-add")
    with page.expect_request("**/sitings") as asked:
        page.locator("#find-form button[type=submit]").click()
    body = BriefBody.model_validate(asked.value.post_data_json)
    assert body.model_fields_set == set(BriefBody.model_fields) - {"why"}  # which is asked beneath what was found
    options = {"local", "secondary", "arterial", "expressway"}
    assert {o.get_attribute("value") for o in page.locator("#find-form [name=road] option").all()} - {""} == options


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_says_by_how_much_parts_and_assemblies_that_it_did_not_look_at_could_be_better(server, watch, lang, tmp_path):
    page = watch.page
    page.goto(
        f"{server.url}/?lang={lang}&view=find&q=least%3D3%26most%3D6%26frontage%3D200%26wish%3Dfrontage%26kind%3Dpart%26kind%3Dassembly"
    )
    page.locator("#find-answer ol").wait_for(timeout=180_000)
    brief = {"area_m2": [2000, 4000], "frontage_m": 200, "wishes": {"frontage": 1}, "kinds": ["part", "assembly"], "services": []}
    gaps = server.client.post("/sitings", json=brief).json()["gaps"]
    assert gaps["part"] > 0
    told = [f"{gap:.3f}".rstrip("0") for gap in gaps.values() if gap]
    assert [row.inner_text().split()[-1] for row in page.locator("#find-answer .gap").all()] == told
    page.locator("#find-answer .gap").first.scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / f"gap-{lang}.png")
    words = {"en": "Not every part of a plot", "zh": "未穷尽宗地的全部切分"}
    assert words[lang] in page.locator("#find-answer .gap").first.inner_text()


def test_a_site_is_checked_drawn_and_typed_and_undone(page):
    page.click("[data-view-of=check]")
    page.click("#check-draw")
    page.wait_for_timeout(300)
    for x, y in ((650, 300), (900, 300), (950, 420), (900, 500), (650, 520)):
        page.mouse.click(x, y)
        page.wait_for_timeout(150)
    page.click("#check-undo")
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    page.locator("#check-answer table").first.wait_for(timeout=180_000)
    assert len(page.locator("#check-text").input_value().splitlines()) == 4
    page.locator("#check-answer details:not(.keep) > summary").first.click()
    text = page.locator("#check-answer").inner_text()
    assert "m²" in text
    assert "C01" in text
    with page.expect_download() as download:
        page.get_by_text("Save the verdict").click()
    saved = json.loads(download.value.path().read_text("utf-8"))
    assert abs(sum(part["area_m2"] for part in saved["parts"]) - saved["area_m2"]) < 1e-6

    page.fill("#check-text", "4077100,39500100\n4077100 39500200\n4077200 39500200\n4077200,39500100")
    page.locator("#check-form button[type=submit]").click()
    page.get_by_text("10,000.00 m²").first.wait_for(timeout=180_000)
    page.fill("#check-text", "nothing")
    page.locator("#check-form button[type=submit]").click()
    assert "one point a line" in page.locator("#check-note").inner_text()


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Key projects", "Start rate", "Composite floor", "do not record it")),
        ("zh", ("重点项目", "开工率", "综合容积率", "未记录")),
    ],
)
def test_the_figures_of_a_year_lead_to_their_rows(page, server, lang, words):
    told = {f["id"]: f for f in server.client.get("/report?year=2025").json()["figures"]}
    page.goto(f"{server.url}/?lang={lang}&view=supply")
    page.locator("#figures-answer tbody tr").first.wait_for()
    with page.expect_response(lambda r: "report?" in r.url and "year=2025" in r.url):
        page.locator("#figures-year").fill("2025")
        page.locator("#figures-year").blur()
    row = page.locator("#figures-answer tbody tr", has=page.locator("th", has_text=re.compile(f"^{words[1]}")))
    row.locator("td", has_text=f"{told['start_rate']['value']:.0%}").first.wait_for()
    count = page.locator("#figures-answer tbody tr", has=page.locator("th", has_text=re.compile(f"^{words[0]}"))).first.locator(
        "button"
    )
    assert count.inner_text() == "41"
    count.click()
    listed = page.locator("#figures-rows ul").first.locator("li")
    assert listed.count() == len(told["key_projects"]["rows"]) == 41
    with page.expect_download() as download:
        page.locator("#figures-answer .actions button").click()
    rows = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
    assert {row["id"]: len(row["rows"].split()) for row in rows}["key_projects"] == 41
    density = page.locator("#figures-answer tbody tr", has=page.locator("th", has_text=re.compile(f"^{words[2]}")))
    assert f"{words[3]}: {told['composite_far']['lacking']}" in density.inner_text()
    listed.first.locator("button").click()
    page.locator("#project-page .ones").wait_for()
    assert "view=projects" in page.url


def test_the_supply_adds_up_and_can_be_saved(page):
    page.click("[data-view-of=supply]")
    page.locator("#supply-answer table").first.wait_for()
    assert page.locator(".chart rect").count() >= 3
    with page.expect_download() as download:
        page.locator("#supply-answer").get_by_text("Save as CSV").click()
    rows = download.value.path().read_text("utf-8-sig").splitlines()
    assert rows[0] == "split,group,state,period,plots,ha,mu,contested_ha"
    whole = [row.split(",") for row in rows if row.startswith("all,")]
    assert sum(int(row[4]) for row in whole) == 400


@pytest.mark.parametrize(("lang", "mu"), [("en", "mu"), ("zh", "亩")])
def test_bars_are_opened_by_keys_told_in_the_unit_of_choice_and_kept_by_the_link(page, server, lang, mu):
    page.goto("about:blank")
    page.goto(f"{server.url}/?lang={lang}&view=supply")
    bar = page.locator("#supply-answer .chart g[role=button]").first
    bar.wait_for(timeout=180_000)
    assert re.search(rf"[\d.,]+ {mu}$", bar.get_attribute("aria-label"))
    bar.focus()
    page.keyboard.press("Enter")
    page.locator("#supply-plots h3").wait_for(timeout=180_000)
    assert barriers(page) == []
    head, link = page.locator("#supply-plots h3").inner_text(), page.url
    page.click("#taste summary")
    page.select_option("#unit", "ha")
    page.locator("#supply-answer .chart g[aria-label$=' ha']").first.wait_for()
    assert not re.search(rf"\d {mu}\b", page.locator("#supply-answer .chart").first.inner_html())
    page.goto("about:blank")
    page.goto(link)
    page.locator("#supply-plots h3", has_text=head).wait_for(timeout=180_000)
    page.click("#work-close")
    assert "figure=" not in page.url


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_one_typed_or_drew_stays_until_it_is_stored(page, server, lang):
    """Neither Escape in a field, nor another view, nor another language takes it away."""
    page.goto(f"{server.url}/?lang={lang}&view=check")
    page.fill("#check-text", "117.01, 36.83")
    page.locator("#check-text").press("Escape")
    assert page.locator("#check-text").is_visible()
    page.goto("about:blank")
    page.goto(f"{server.url}/?lang={lang}&view=edit&plot=D001-B01-P01")
    owner = page.locator("#edit-fields [name=owner]")
    owner.wait_for(timeout=180_000)
    page.locator("#edit-head", has_text="D001-B01-P01").wait_for(timeout=180_000)
    owner.fill("another holder")
    page.click("[data-view-of=lines]")
    page.click("[data-view-of=edit]")
    assert owner.input_value() == "another holder"
    page.once("dialog", lambda asked: asked.accept())
    page.click("[data-view-of=lines]")
    page.fill("#number", "D001-B01-P02")
    page.press("#number", "Enter")
    page.locator("#card h2", has_text="D001-B01-P02").wait_for(timeout=180_000)
    page.click("[data-view-of=edit]")
    page.locator("#edit-head", has_text="D001-B01-P02").wait_for(timeout=180_000)
    assert owner.input_value() != "another holder"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_sketch_outlives_a_change_of_language(page, server, lang):
    page.goto(f"{server.url}/?lang={lang}&view=edit")
    page.wait_for_selector("body[data-drawn]", timeout=180_000)
    page.click("#edit-new")
    page.click("#edit-draw")
    box = page.locator("#map").bounding_box()
    before = np.asarray(Image.open(io.BytesIO(page.locator("#map canvas").screenshot())).convert("RGB"), int)
    corners = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in ((0.45, 0.4), (0.6, 0.4), (0.6, 0.6))]
    for x, y in corners:
        page.mouse.click(x, y)
    page.click("#language")
    page.wait_for_selector(f"html[lang={'zh-CN' if lang == 'en' else 'en'}]")

    def drawn():
        after = np.asarray(Image.open(io.BytesIO(page.locator("#map canvas").screenshot())).convert("RGB"), int)
        x, y = (int(v) for v in (corners[1][0] - box["x"], (corners[0][1] + corners[2][1]) / 2 - box["y"]))
        return (np.abs(after - before)[y - 4 : y + 5, x - 4 : x + 5].max(axis=2) > 40).any()

    for _ in range(100):
        if drawn():
            break
        page.wait_for_timeout(200)
    assert drawn(), "the side between the second and the third corner"


def test_back_switches_layers_as_the_address_says(page):
    box = page.locator("#legend input[name=zoning]").first
    assert not box.is_checked()
    box.check()
    page.click("[data-view-of=lines]")
    box.uncheck()
    page.go_back()
    page.locator("body[data-view='']").wait_for()
    assert "layers=zoning" in page.url
    assert box.is_checked()
