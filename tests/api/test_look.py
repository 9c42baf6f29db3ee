"""How the page feels: no barrier that axe finds, keys and Back everywhere, links that restore, phone to wall, light and dark."""

import posixpath
import re

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser
PLOT = "D001-B08-P01"
VIEWS = ("", "check", "find", "suitability", "lines", "projects", "supply", "listings", "edit", "admin")


def barriers(page):
    """List what axe calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [(v["id"], v["nodes"][0]["html"][:160]) for v in found if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize(("lang", "scheme"), [("en", "light"), ("zh", "dark")])
def test_no_view_has_a_barrier(at, lang, scheme, tmp_path):
    page = at(f"?lang={lang}&plot={PLOT}", scheme=scheme)
    page.locator("#card .history").wait_for()
    assert page.locator("html").get_attribute("data-theme") == scheme
    assert barriers(page) == []
    for view in VIEWS[1:]:
        page.click(f"[data-view-of={view}]")
        page.wait_for_timeout(300)
        page.screenshot(path=tmp_path / f"{view}-{lang}.png")
        assert barriers(page) == [], view


def test_the_page_names_each_of_its_modules_so_that_none_waits_for_the_one_that_imports_it(server):
    page = server.client.get("/", headers={"Accept": "text/html"}).text
    named = set(re.findall(r'rel="modulepreload" href="([^"]+)"', page))
    seen, left = set(), set(re.findall(r'<script type="module" src="([^"]+)"', page))
    assert left
    while left:
        module = left.pop()
        seen.add(module)
        imported = re.findall(r'from "(\.[^"]+)"', server.client.get(f"/{module}").text)
        left |= {posixpath.normpath(posixpath.join(posixpath.dirname(module), path)) for path in imported} - seen
    assert seen == {module for module in named if "/vendor/" not in module}


def test_every_view_is_said_in_the_language_that_is_chosen_without_reload(at, server):
    page = at("")
    assert page.locator("html").get_attribute("lang") == "en", "as this browser's reader asks for"
    page.evaluate("window.same = true")
    for lang in ("zh", "en"):
        page.click("#language")
        page.wait_for_selector(f"html[lang^={lang}]")
        words = server.client.get(f"/web/i18n/{lang}.json").json()
        page.wait_for_function("(title) => document.getElementById('title').textContent.startsWith(title)", arg=words["title"])
        for view in VIEWS:
            if view:
                page.click(f"[data-view-of={view}]")
            said = page.eval_on_selector_all("[data-text]", "(all) => all.map((e) => [e.dataset.text, e.textContent])")
            assert [pair for pair in said if words.get(pair[0]) != pair[1]] == [], view
            assert "undefined" not in page.inner_text("body"), (view, lang)
    assert page.evaluate("window.same")


@pytest.mark.parametrize("width", [360, 820, 3840])
def test_the_page_fits_from_a_phone_to_a_wall(at, width, tmp_path):
    page = at(f"?lang=zh&plot={PLOT}&view=check", width=width, height=700 if width < 900 else 2000)
    page.locator("#card .history").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for part in ("#card", "header", "#time"):
        box = page.locator(part).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    page.screenshot(path=tmp_path / f"wide-{width}.png")


def test_everything_is_found_by_keys_and_back_goes_back(at):
    page = at("?lang=en")
    page.keyboard.press("/")
    page.keyboard.type("Jiaye")
    page.locator("#places li").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#card h2", has_text="S-road").wait_for()
    for typed, where in {"117.0150, 36.8305": "117.015", "4077700,39502000": "117.0224", "39501000 4077700": "117.0112"}.items():
        page.fill("#number", typed)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(rf"#map=17/36\.83\d*/{where}"))
    page.fill("#number", PLOT)
    page.keyboard.press("Enter")
    page.locator("#card h2", has_text=PLOT).wait_for()
    page.click("[data-view-of=supply]")
    assert "view=supply" in page.url
    page.go_back()
    page.locator("body[data-view='']").wait_for()
    page.go_back()
    page.locator("#card h2", has_text="S-road").wait_for()
    page.go_forward()
    page.locator("#card h2", has_text=PLOT).wait_for()
    page.locator("#map canvas").focus()
    page.keyboard.press("Escape")
    assert not page.locator("#card").is_visible()
    page.keyboard.press("Enter")
    page.locator("#card h2").wait_for()


def test_a_link_restores_what_its_sender_saw(at):
    page = at("?lang=en&view=find&q=least%3D8%26most%3D80%26service%3Droad%26kind%3Dsingle&layers=zoning")
    page.locator(".match").first.wait_for(timeout=180_000)
    assert page.locator("#legend input[name=zoning]").is_checked()
    assert page.locator("#find-form [name=least]").input_value() == "8"
    assert page.locator("#find-form [name=service]:checked").count() == 1
    page = at("?lang=zh&view=check&level=3&site=4077100,39500100;4077100 39500200;4077200 39500200;4077200,39500100")
    page.locator("#check-answer .figures", has_text="10,000.00 m²").wait_for(timeout=180_000)


def test_mu_or_hectares_light_or_dark_are_the_readers_choice(at):
    page = at(f"?lang=en&plot={PLOT}")
    page.locator("#card table").first.wait_for()
    page.click("#taste summary")
    page.select_option("#unit", "ha")
    page.locator("#card .sum", has_text=re.compile(r"[\d.]+ ha")).wait_for()
    page.select_option("#theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 26)"
    page.reload()
    page.wait_for_selector("body[data-drawn]", timeout=180_000)
    page.locator("#card .sum", has_text=re.compile(r"[\d.]+ ha")).wait_for()
    assert page.locator("html").get_attribute("data-theme") == "dark"
