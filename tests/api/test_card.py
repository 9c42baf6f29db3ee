"""The card of a plot in a real browser, on the real service: every figure adds up and leads to its object, in both languages."""

import re

import pytest

pytestmark = pytest.mark.browser
PLOT = "D001-B08-P01"
WORDS = {
    "en": ("Plot", "mu", "On the ellipsoid", "Services", "Planning indices", "History", "Save as page", "created"),
    "zh": ("地块", "亩", "椭球面积", "配套", "规划指标", "变更历史", "保存为网页", "新建"),
}


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
