"""Land put up for sale in a real browser: picked, its notice filled in, refused at its fields, published by roles, packed."""

import hashlib
import io
import re
import zipfile

import pytest

from api.jobs import beside
from tests.api.conftest import copied
from tests.api.test_listings import FAULTY, GOOD, TERMS
from tests.api.test_look import barriers
from tests.api.town import PASSWORD, guarded

pytestmark = pytest.mark.browser
WORDS = {
    "en": {"draft": "Draft", "review": "Mark as reviewed", "publish": "Publish", "save": "Save", "anyway": "Publish all the same", "withdraw": "Withdraw"},
    "zh": {"draft": "草拟", "review": "审核通过", "publish": "发布", "save": "保存", "anyway": "仍然发布", "withdraw": "撤回"},
}  # fmt: skip


@pytest.fixture(scope="module")
def town(park, tmp_path_factory):
    """A guarded service of a copy of the demo park."""
    folder = tmp_path_factory.mktemp("market")
    base = copied(park, folder / "park.gpkg")
    with guarded(base, folder) as running:
        yield running


@pytest.fixture
def at(town, watch):
    """Open an address as somebody of a role."""
    page = watch.page
    page.set_viewport_size({"width": 1400, "height": 950})
    page.on("dialog", lambda dialog: dialog.accept())

    def go(role, address):
        page.goto("about:blank")  # what it still asks for would be sent to sign in
        page.context.clear_cookies()
        page.goto(f"{town.url}/login")
        page.fill("[name=user]", role)
        page.fill("[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto(f"{town.url}/{address}")
        page.wait_for_selector("body[data-drawn]")
        return page

    yield go
    said = [s for s in watch.said if not re.search(r"^info:|status of (401|403|404|412|422)", s)]
    assert said == [], said
    assert all(url.startswith((town.url, "data:", f"blob:{town.url}")) for url in watch.asked), watch.asked


def results(town):
    """List the files that processes made, half-written ones too."""
    folder = beside(town.server.log.parent / "park.gpkg").with_suffix(".results")
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def press(page, name):
    page.locator("#listings-body").get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize(("lang", "plot"), [("en", GOOD), ("zh", FAULTY)])
def test_a_plot_is_drafted_filled_in_reviewed_published_and_packed(at, town, lang, plot, tmp_path):
    words, id = WORDS[lang], f"L-{plot}"
    page = at("planner", f"?lang={lang}&plot={plot}")
    page.locator("#card .history").wait_for()
    page.locator("#card header").get_by_role("button", name={"en": "Offer for sale", "zh": "拟供地"}[lang]).click()
    press(page, words["draft"])
    page.locator("#notice-form").wait_for()
    assert f"listing={id}" in page.url
    assert page.locator(".moves button").all_inner_texts() == [words["review"]]
    press(page, words["review"])
    page.locator("#wrong-start_price").wait_for()
    page.screenshot(path=tmp_path / f"lacks-{lang}.png")

    for name, text in (pair.split("=", 1) for pair in TERMS):
        box = page.locator(f"#notice-form [name={name}]")
        if box.evaluate("e => e.tagName") == "SELECT":
            box.select_option({"award": "price", "reserve": "false", "level": "5"}[name])
        else:
            box.fill("≥90%" if name == "green_ratio" else "dear" if name == "start_price" else text)
    press(page, words["save"])
    page.locator("#notice-form [name=start_price]:focus").wait_for()
    assert page.locator("#notice-form [name=far]").input_value() == "≥1.0"
    page.fill("#notice-form [name=start_price]", "1540万元")
    press(page, words["save"])
    page.locator("#wrong-green_ratio", has_text={"en": "cannot be with", "zh": "矛盾"}[lang]).wait_for()
    page.fill("#notice-form [name=green_ratio]", "≤20%")
    page.locator("#language").click()
    page.locator("html[lang={}]".format({"en": "zh-CN", "zh": "en"}[lang])).wait_for(state="attached")
    page.locator("#notice-form").get_by_role("button", name=WORDS[{"en": "zh", "zh": "en"}[lang]]["save"], exact=True).wait_for()
    assert page.locator("#notice-form [name=green_ratio]").input_value() == "≤20%"
    page.locator("#language").click()
    page.locator("#listings-body").get_by_role("button", name=words["save"], exact=True).click()
    page.locator("#listings-answer", has_text={"en": "Saved", "zh": "已保存"}[lang]).wait_for()
    page.fill("#notice-form [name=far]", "≥1.2")
    here = f"/listings/{id}"
    read = {"If-Match": town.ask("planner", "GET", here).headers["etag"]}
    assert town.ask("planner", "PATCH", here, json={"terms": {"contact": "Wang"}}, headers=read).status_code == 200
    press(page, words["save"])
    page.locator("#listings-answer", has_text={"en": "was changed since you read it", "zh": "已被更改"}[lang]).wait_for()
    typed = page.locator("#notice-form").evaluate("form => [form.far.value, form.contact.value]")
    assert typed == ["≥1.2", "Wang"], "what somebody else wrote is shown, and what was typed is still there"
    press(page, words["save"])
    page.locator("#listings-answer", has_text={"en": "Saved", "zh": "已保存"}[lang]).wait_for()
    page.set_input_files("#notice-file", {"name": "方案.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 x"})
    page.locator(".scheme small", has_text=hashlib.sha256(b"%PDF-1.4 x").hexdigest()).wait_for()
    assert barriers(page) == []
    press(page, words["review"])
    page.locator("#listings-body .listing-reviewed").wait_for()
    assert page.locator(".moves").get_by_role("button", name=words["publish"], exact=True).count() == 0

    page = at("approver", f"?lang={lang}&view=listings&listing={id}")
    press(page, words["publish"])
    if plot == FAULTY:
        page.locator("#listings-answer", has_text="C08").wait_for()
        page.fill("#notice-override", "会议纪要 9 号")
        press(page, words["anyway"])
    page.locator("#listings-body .listing-published").wait_for()
    assert ("会议纪要 9 号" in page.locator("#listings-body .facts").inner_text()) == (plot == FAULTY)
    assert page.locator("#notice-form").count() == 0
    page.locator("#notice-preview summary").click()
    page.locator("#sheet-preview summary").click()
    assert page.locator("img.sheet").evaluate("img => img.decode().then(() => img.naturalWidth)") > 500
    page.screenshot(path=tmp_path / f"published-{lang}.png", full_page=True)
    assert barriers(page) == []
    with page.expect_download() as download:
        page.click("#notice-pack")
    with zipfile.ZipFile(download.value.path()) as pack:
        assert "manifest.json" in pack.namelist()
        assert "scheme/1_方案.pdf" in pack.namelist()
    assert town.ask(None, "GET", f"/listings/{id}").status_code == 200


def test_plots_are_picked_on_the_map_many_are_packed_and_the_public_sees_the_published_only(at, town, tmp_path):
    page = at("planner", "?lang=zh&view=listings&plot=D001-B09-P03")
    page.locator("#card .history").wait_for()
    page.wait_for_timeout(2500)
    page.locator("#listings-body summary").first.click()
    page.click("#listings-pick")
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + (410 + box["width"] - 410) / 2, box["y"] + box["height"] / 2)
    page.locator("#listings-plots:not([value=''])").wait_for()
    page.screenshot(path=tmp_path / "picked.png")
    plot = page.locator("#listings-plots").input_value()
    page.fill("#listings-plots", f"{plot}, X-none")
    page.locator("#listings-plots").press("Tab")
    press(page, "草拟")
    page.locator("#listings-answer .refusal", has_text="X-none").wait_for()
    row = page.locator(".offer", has_text=f"L-{plot}")
    row.wait_for()
    row.locator("input").check()
    assert barriers(page) == []
    page.get_by_role("button", name="打包所选 (1)").click()
    page.locator(".packed a, #listings-answer .refusal").first.wait_for()
    page.screenshot(path=tmp_path / "packed.png")
    with page.expect_download() as download:
        page.click(".packed a")
    with zipfile.ZipFile(download.value.path()) as packs:
        assert zipfile.ZipFile(io.BytesIO(packs.read(f"L-{plot}.zip"))).testzip() is None
    public = {one["id"] for one in town.ask(None, "GET", "/listings").json()["listings"]}
    assert f"L-{plot}" not in public
    page = at("viewer", "?lang=en&view=listings")
    page.locator(".offer", has_text=f"L-{plot}").get_by_role("button").click()
    page.locator("#notice-preview").wait_for()
    assert (page.locator("#notice-form").count(), page.locator(".moves button").count()) == (0, 0)
    page.go_back()
    page.locator(".offer", has_text=f"L-{plot}").wait_for()


MANY = [f"D001-B{block:02}-P{plot:02}" for block in (7, 8, 9) for plot in range(5, 10)]


def test_packing_that_is_cancelled_ends_and_leaves_nothing(at, town, tmp_path):
    for plot in MANY:
        assert town.ask("planner", "POST", "/listings", json={"plot": plot}).status_code == 201
    page = at("planner", "?lang=en&view=listings")
    for plot in MANY:
        page.locator(".offer", has_text=f"L-{plot}").locator("input").check()
    before = {job["jobID"] for job in town.ask("planner", "GET", "/jobs").json()["jobs"]}
    made = set(results(town))
    page.get_by_role("button", name="Pack the ticked (15)").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.screenshot(path=tmp_path / "cancelling.png")
    page.locator("#listings-answer", has_text="Cancelled; no packs were made").wait_for()
    (job,) = [job for job in town.ask("planner", "GET", "/jobs").json()["jobs"] if job["jobID"] not in before]
    assert job["status"] == "dismissed"
    assert job["finished"] >= job["started"]
    assert job["progress"] < 100
    assert town.ask("planner", "GET", f"/jobs/{job['jobID']}/results").status_code == 409
    assert set(results(town)) == made
    assert page.locator("#listings-answer progress, #listings-answer a").count() == 0
    assert barriers(page) == []
    assert town.ask("planner", "GET", f"/listings/L-{MANY[0]}").json()["state"] == "draft"


def test_the_answer_for_a_listing_that_was_left_does_not_overwrite_the_next(at, town):
    """The first listing's answer is held back until the second one is shown: it comes too late, and is dropped."""
    plots = ("D001-B05-P01", "D001-B05-P02")
    for plot in plots:
        town.ask("planner", "POST", "/listings", json={"plot": plot, "id": f"L-{plot}"}).raise_for_status()
    page = at("planner", "?lang=en&view=listings")
    slow, quick = (f"L-{plot}" for plot in plots)
    page.locator("#listings-body .offer", has_text=quick).wait_for()
    held = []
    page.route(re.compile(rf"/listings/{slow}\?"), lambda route: held.append(route))
    press(page, slow)
    page.wait_for_timeout(300)
    press(page, quick)
    page.locator("#listings-body h3", has_text=quick).first.wait_for()
    assert len(held) == 1
    held[0].continue_()
    page.wait_for_timeout(2000)
    assert page.locator("#listings-body h3").first.inner_text() == quick
    assert f"listing={quick}" in page.url
