"""Recording what happened to a project on its page, in a real browser: dates move, refusals and conflicts are shown, and who may not sees no form."""

from __future__ import annotations

import re

import pytest

from tests.api.conftest import copied
from tests.api.town import guarded

pytestmark = pytest.mark.browser
WORDS = {"en": ("needs trial_production", "Recorded"), "zh": ("前置事项 trial_production", "已记录")}


@pytest.fixture(scope="module")
def town(park, tmp_path_factory):
    """The guarded service of a copy of the demo park that these tests change."""
    folder = tmp_path_factory.mktemp("record")
    base = copied(park, folder / "own.gpkg")
    with guarded(base, folder) as running:
        yield running


@pytest.fixture
def as_(town, watch):
    def go(role, address):
        watch.page.goto("about:blank")  # what the page before still asks for is nobody's
        watch.page.context.clear_cookies()
        with town.signed_in(role) as client:
            cookies = [{"name": c.name, "value": c.value, "url": town.url} for c in client.cookies.jar]
        watch.page.context.add_cookies(cookies)
        watch.page.set_viewport_size({"width": 1400, "height": 950})
        watch.page.goto(f"{town.url}/{address}")
        watch.page.wait_for_selector("body[data-drawn]", timeout=180_000)
        return watch.page

    yield go
    assert [s for s in watch.said if not re.search(r"status of (412|422)", s)] == [], watch.said


def step_of(town, project, item):
    steps = town.ask("viewer", "GET", f"/projects/{project}").json()["steps"]
    return next((n, s) for n, s in enumerate(steps) if s["item"] == item)


@pytest.mark.parametrize(("lang", "project"), [("en", "P-K02"), ("zh", "P-K06")])
def test_a_step_is_recorded_what_cannot_be_is_refused_and_a_faster_hand_is_shown(town, as_, lang, project, tmp_path):
    refused, recorded = WORDS[lang]
    before = step_of(town, project, "in_production")
    page = as_("planner", f"?lang={lang}&view=projects&project={project}")
    form = page.locator("#project-page .record")
    form.locator("summary").click()
    form.locator("[name=status]").wait_for()
    form.locator("[name=what]").select_option(str(before[0]))
    form.locator(f"[data-record='{before[1]['record']}']").wait_for()
    form.locator("[name=actual_on]").fill("2026-01-06")
    form.locator("[type=submit]").click()
    form.locator(".refusal", has_text=refused).wait_for()
    assert step_of(town, project, "in_production") == before

    number, connected = step_of(town, project, "utilities_connected")
    form.locator("[name=what]").select_option(str(number))
    form.locator(f"[data-record='{connected['record']}']").wait_for()
    faster = {"type": "Feature", "properties": {"owner": "Somebody else"}}
    place = f"/collections/permits/items/{connected['record']}"
    assert town.ask("planner", "PATCH", place, json=faster, headers={"If-Match": "*"}).status_code == 204
    form.locator("[name=actual_on]").fill("2026-01-05")
    form.locator("[name=number]").fill("接〔2026〕1")
    form.locator("[name=reason]").fill("Doc 11")
    form.locator("[type=submit]").click()
    form.locator(".conflict tr", has_text="Somebody else").wait_for()
    page.screenshot(path=tmp_path / f"conflict-{lang}.png")
    form.locator(".conflict + .actions button").last.click()
    form.locator("[aria-live]", has_text=recorded).wait_for()
    told = step_of(town, project, "utilities_connected")[1]
    assert (told["state"], told["actual"]) == ("done", "2026-01-05")
    last = town.ask("viewer", "GET", f"{place}/history").json()[-1]
    assert (last["actor"], last["after"]["owner"], last["reason"]) == ("planner", "Somebody else", "Doc 11")
    assert page.locator("#project-page summary", has_text=re.compile(r"(Done|已完成) \(26\)")).count() == 1
    page.screenshot(path=tmp_path / f"recorded-{lang}.png")


def test_a_new_record_and_a_new_status_are_stored_and_a_viewer_sees_no_form(town, as_):
    page = as_("planner", "?lang=en&view=projects&project=P-189(示例)")
    form = page.locator("#project-page .record")
    form.locator("summary").click()
    form.locator("[name=status]").select_option("signed")
    form.locator("[type=submit]").click()
    form.locator("[aria-live]", has_text="Recorded").wait_for()
    number, signing = step_of(town, "P-189(示例)", "signing")
    assert signing["record"] is None
    form.locator("[name=what]").select_option(str(number))
    form.locator("[name=actual_on]").fill("2026-01-05")
    form.locator("[type=submit]").click()
    page.locator("#project-page summary", has_text="Done (1)").wait_for()
    assert step_of(town, "P-189(示例)", "signing")[1]["actual"] == "2026-01-05"
    assert town.ask("viewer", "GET", "/projects/P-189(示例)").json()["project"]["status"] == "signed"
    page = as_("viewer", "?lang=en&view=projects&project=P-189(示例)")
    page.locator("#project-page .ones").wait_for()
    assert page.locator("#project-page .record").count() == 0
    assert page.get_by_role("button", name="Edit", exact=True).count() == 0


HAND = {"en": ("level is red without level_reason", "red", "orange"), "zh": ("缺少 level_reason", "红色", "橙色")}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_warning_is_graded_by_hand_with_its_reason_and_the_history_tells_who(town, as_, lang, tmp_path):
    project, address = {"en": "P-K04", "zh": "P-K12"}[lang], "/warnings?on=2026-03-31&project="
    refused, *words = HAND[lang]

    def levels():
        found = town.ask("viewer", "GET", address + project).json()["warnings"]
        return {w["level"] for w in found if w["item"] == "utilities_connected" and w["rule"] == "lag"}

    (computed,) = levels()
    assert computed == "red"
    number, step = step_of(town, project, "utilities_connected")
    page = as_("planner", f"?lang={lang}&view=projects&project={project}&on=2026-03-31")
    form = page.locator("#project-page .record")
    form.locator("summary").click()
    form.locator("[name=status]").wait_for()
    form.locator("[name=what]").select_option(str(number))
    form.locator(f"[data-record='{step['record']}']").wait_for()
    form.locator("[name=level]").select_option("red")
    form.locator("[type=submit]").click()
    form.locator(".refusal", has_text=refused).wait_for()
    form.locator("[name=level]").select_option("orange")
    form.locator("[name=level_reason]").fill("agreed with the mayor 已商定")
    form.locator("[type=submit]").click()
    form.locator("[aria-live]", has_text=WORDS[lang][1]).wait_for()
    assert levels() == {"orange"}
    page.locator(".alarms > li", has_text=words[1]).filter(has_text="agreed with the mayor 已商定").first.wait_for()
    place = f"/collections/permits/items/{step['record']}"
    last = town.ask("viewer", "GET", f"{place}/history").json()[-1]
    told = (last["actor"], last["before"]["level"], last["after"]["level"], last["after"]["level_reason"])
    assert told == ("planner", None, "orange", "agreed with the mayor 已商定")
    by_hand = {"type": "Feature", "properties": {"level": "none", "level_reason": "solved"}}
    assert town.ask("viewer", "PATCH", place, json=by_hand, headers={"If-Match": "*"}).status_code == 403
    assert town.ask("planner", "PATCH", place, json=by_hand, headers={"If-Match": "*"}).status_code == 204
    assert levels() == set(), "none silences it"
    page.screenshot(path=tmp_path / f"by-hand-{lang}.png")
