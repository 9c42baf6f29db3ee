"""Users, tokens and the audit log in a real browser, as an admin looks after them."""

import re

import pytest

from tests.api.conftest import copied
from tests.api.test_look import barriers
from tests.api.town import PASSWORD, guarded

pytestmark = pytest.mark.browser
LONG = "a password of some length"


@pytest.fixture(scope="module")
def town(park, tmp_path_factory):
    folder = tmp_path_factory.mktemp("users")
    with guarded(copied(park, folder / "park.gpkg"), folder) as running:
        yield running


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_users_are_added_shut_out_and_their_tokens_revoked_on_the_page(town, watch, lang, tmp_path):
    page, name = watch.page, f"zhou-{lang}"
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{town.url}/login?lang={lang}&next=%2F%3Flang%3D{lang}%26view%3Dadmin")
    page.locator("[name=user]").fill("admin")
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-drawn]")
    page.locator("#admin-people").locator("xpath=..").locator("summary").first.click()
    mine = page.locator("#people-list tr", has=page.locator("th", has_text=re.compile("^admin")))
    mine.locator("select").wait_for()
    assert mine.locator("select").is_disabled()
    assert mine.locator("td > button").is_disabled()
    for key, value in {"name": name, "password": LONG}.items():
        page.fill(f"#people-form [name={key}]", value)
    page.select_option("#people-form [name=role]", "planner")
    page.click("#people-form button")
    row = page.locator("#people-list tr", has=page.locator("th", has_text=name))
    row.wait_for()
    assert town.people()[name]["role"] == "planner"
    row.locator("details summary").click()
    row.locator("details input").fill("QGIS")
    row.locator("details p button").click()
    token = page.locator(".token").inner_text()
    assert town.ask(None, "GET", "/me", headers={"Authorization": f"Bearer {token}"}).json()["name"] == name
    page.screenshot(path=tmp_path / f"people-{lang}.png")
    assert barriers(page) == []
    row.locator("details summary").click()
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as gone:
        row.locator(".tokens button").click()
    assert gone.value.status == 204
    assert town.ask(None, "GET", "/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        row.locator("td > button").click()
    page.locator("#people-list tr.shut", has=page.locator("th", has_text=name)).wait_for()
    assert town.people()[name]["disabled"]

    page.locator("#admin-audit").locator("xpath=..").locator("summary").first.click()
    page.fill("#audit-form [name=about]", name)
    page.select_option("#audit-form [name=action]", "user")
    page.click("#audit-form button")
    first = page.locator("#audit-list tr", has_text={"en": "user shut out", "zh": "停用用户"}[lang])
    first.wait_for()
    page.locator("#audit-list tr").nth(3).wait_for(state="detached")
    assert page.locator("#audit-list tr").count() == 3, "a head, and the newest first: shut out, added"
    page.fill("#audit-form [name=since]", "2099-01-01")
    page.click("#audit-form button")
    page.locator("#audit-list", has_text={"en": "Nothing of this kind", "zh": "没有符合条件"}[lang]).wait_for()
    page.screenshot(path=tmp_path / f"audit-{lang}.png")
    page.evaluate("document.getElementById('audit-form').reset()")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert [said for said in watch.said if said.startswith(("error", "warning")) and "401" not in said] == []
