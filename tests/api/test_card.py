"""The card of a plot in a real browser, on the real service: every figure adds up and leads to its object, in both languages."""

import io
import re

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser
PLOT = "D001-B08-P01"
WORDS = {
    "en": ("Plot", "mu", "On the ellipsoid", "Services", "Planning indices", "History", "Save as page", "created"),
    "zh": ("地块", "亩", "椭球面积", "配套", "规划指标", "变更历史", "保存为网页", "新建"),
}


HOME = """(id) => (history.pushState(null, '', `?lang=en&plot=${id}`), dispatchEvent(new PopStateEvent('popstate')))"""
"""Go to the card of a plot as the back button does."""


def ink(page):
    """Count the black pixels of the map: those of outlines, and the few of what lies over it and of the cross of who moves by keys."""
    picture = np.asarray(Image.open(io.BytesIO(page.locator("#map canvas").screenshot())).convert("RGB"))
    return int((picture.max(axis=2) == 0).sum())


def inked(page, holds):
    """Wait until the ink on the map is as it must be."""
    for _ in range(200):
        if holds(found := ink(page)):
            return found
    raise AssertionError(found)


def metres(text):
    return float(re.search(r"([\d,]+\.\d\d) m²", text)[1].replace(",", ""))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_plots_card_adds_up_and_leads_to_its_objects(at, server, lang, tmp_path):
    page = at(f"?lang={lang}&plot={PLOT}")
    card = page.locator("#card")
    card.locator(".history").wait_for()
    text = card.inner_text()
    assert all(word in text for word in WORDS[lang][:7])
    sheet = server.client.get(f"/plots/{PLOT}").json()
    rows = [metres(row) for row in card.locator("table").first.locator("tr").all_inner_texts()]
    assert rows[-1] == round(sheet["area_m2"], 2) == metres(card.locator(".figures").inner_text())
    assert abs(sum(rows[:-1]) - rows[-1]) < 0.011 * len(rows)
    assert card.locator(".services th[scope=row]").count() == 8
    assert card.locator(".bar rect").count() == len(sheet["parts"])
    card.locator(".history summary").click()
    card.locator(".past li", has_text=WORDS[lang][7]).wait_for()
    page.screenshot(path=tmp_path / f"card-{lang}.png")

    line = next(s["line"] for s in sheet["services"] if s["kind"] == "water")
    card.get_by_role("button", name=line, exact=True).first.click()
    card.locator("h2", has_text=line).wait_for()
    assert f"object=utilities%2F{line}" in page.url
    page.go_back()
    card.locator("h2", has_text=PLOT).wait_for()
    card.locator("summary", has_text="(").first.click()
    with page.expect_download() as download:
        card.get_by_role("button", name=WORDS[lang][6]).click()
    saved = download.value.path().read_text("utf-8")
    assert PLOT in saved
    assert "data:image/jpeg" in saved
    assert not re.search(r"(?:src|href)=\"(?!data:)", saved)


@pytest.mark.parametrize(("lang", "permits"), [("en", "Permits and milestones"), ("zh", "手续与节点")])
def test_a_plots_card_tells_how_far_the_permits_of_its_projects_are(at, server, lang, permits):
    plot = "D001-B01-P02"
    (project,) = (one["project"] for one in server.client.get(f"/plots/{plot}/projects").json())
    row = at(f"?lang={lang}&plot={plot}").locator("#card .of-plot li", has_text=project["name"])
    row.wait_for()
    assert f"{permits} {project['done']}/{project['steps']}" in row.inner_text()


def test_paper_shows_the_card_and_nothing_else(at, tmp_path):
    page = at(f"?lang=zh&plot={PLOT}")
    page.locator("#card .history").wait_for()
    page.emulate_media(media="print")
    assert page.locator("#card").is_visible()
    assert not any(page.locator(part).is_visible() for part in ("#time", "#panel", "header h1 >> nth=0", "#card .actions"))
    page.pdf(path=tmp_path / "card.pdf")
    assert (tmp_path / "card.pdf").read_bytes().count(b"/Type /Page\n") + 1 < 9


def test_what_is_clicked_is_told_whatever_it_is(at):
    page = at("?lang=en&object=roads/R-D001-H2-1")
    card = page.locator("#card")
    card.locator("h2", has_text="R-D001-H2-1").wait_for()
    assert "Jiaye Street" in card.inner_text()
    page.keyboard.press("Escape")
    assert not card.is_visible()
    assert "object=" not in page.url


def test_what_is_stored_is_read_while_the_sheet_is_made_and_nothing_more(at):
    page, held = at("?lang=en"), []
    page.route(lambda url: f"/plots/{PLOT}?" in url, lambda route: held.append(route))
    page.evaluate(HOME, PLOT)
    card = page.locator("#card")
    card.locator("h3", has_text="Recorded").wait_for()
    assert PLOT in card.locator("h2").inner_text()
    assert card.locator(".severity, .figures, .bar").count() == 0
    for route in held:
        route.continue_()
    card.locator(".history").wait_for()
    assert card.locator("h3", has_text="Recorded").count() == 1


def test_a_late_sheet_does_not_overwrite_the_card_that_followed(at):
    page, held = at("?lang=en"), []
    page.route(lambda url: f"/plots/{PLOT}?" in url, lambda route: held.append(route))
    for id in (PLOT, "D001-B08-P02", PLOT):
        page.evaluate(HOME, id)
        page.locator("#card h3", has_text="Recorded").wait_for()
    assert len(held) == 2
    body = held[1].fetch()
    held[1].fulfill(response=body)
    page.locator("#card .history").wait_for()
    held[0].fulfill(response=body, body=body.text().replace(f'"id":"{PLOT}"', '"id":"OLD"', 1))
    page.locator("#card .history summary").click()
    page.locator("#card .past li").first.wait_for()
    assert PLOT in page.locator("#card h2").inner_text()


def test_the_plot_of_the_card_and_the_plots_of_a_view_are_outlined(at):
    page = at("?lang=en")
    none = ink(page)
    page.evaluate(HOME, PLOT)
    page.locator("#card .figures").wait_for()
    inked(page, lambda n: n > none + 300)
    page.keyboard.press("Escape")
    inked(page, lambda n: n < none + 150)
    page.click("[data-view-of=supply]")
    page.locator("#supply-answer button").first.wait_for()
    page.locator("#supply-answer table").first.locator("tr:has(button)").first.get_by_role("button").click()
    page.locator("#supply-plots h3").wait_for()
    many = inked(page, lambda n: n > none + 300)
    page.evaluate("document.querySelector('#supply-plots .plots button').click()")
    page.locator("#card .figures").wait_for()
    page.keyboard.press("Escape")
    inked(page, lambda n: n > many - 150)
    page.locator("#work-close").click()
    inked(page, lambda n: n < none + 150)


def test_the_plots_behind_a_figure_are_those_of_the_last_click(at):
    page, held = at("?lang=en&view=supply"), []
    rows = page.locator("#supply-answer table").first.get_by_role("button")
    rows.nth(1).wait_for()
    page.route(lambda url: "/supply/plots" in url, lambda route: held.append(route) if not held else route.continue_())
    rows.nth(0).click()
    rows.nth(1).click()
    page.locator("#supply-plots h3").wait_for()
    last = page.locator("#supply-plots").inner_text()
    with page.expect_response(lambda answer: "/supply/plots" in answer.url):
        held[0].continue_()
    page.locator("#number").fill("x")  # the late answer was read by now
    assert page.locator("#supply-plots").inner_text() == last


def test_a_feature_that_comes_after_another_was_begun_is_not_edited(at):
    page, held = at(f"?lang=en&view=edit&plot={PLOT}"), []
    page.locator("#edit-head", has_text=PLOT).wait_for()
    page.route(lambda url: f"/collections/parcels/items/{PLOT}" in url, lambda route: held.append(route))
    page.click("#edit-load")
    page.select_option("#edit-layer", "roads")
    page.locator("#edit-head", has_text="New").wait_for()
    with page.expect_response(lambda answer: f"/items/{PLOT}" in answer.url):
        held[0].continue_()
    page.evaluate("fetch('about.json').then((answer) => answer.json())")  # the late answer was read by now
    assert PLOT not in page.locator("#edit-head").inner_text()
    assert page.locator("#edit-id").input_value() == ""
    assert page.locator("#edit-delete").is_hidden()
