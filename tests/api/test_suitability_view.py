"""Suitability in a real browser: the form, the surface on the map with its legend, a score opened into its parts."""

import re

import pytest
import shapely

from tests.api.test_look import barriers

pytestmark = pytest.mark.browser
FACTORS = "f=slope%7C2%7C0%3D10%2C+25%3D0&f=distance%3Aroads%7C1%7C0%3D10%2C+300%3D0&f=area%7C1%7C0%3D0%2C+20000%3D10"
PLOTS = "f%3Darea%7C1%7C0%253D0%2C+20000%253D10%26f%3Dtelecom_distance%7C1%7C0%253D10%2C+300%253D0%26every%3D1"
SAY = {
    "en": {"unknown": "unknown", "bad": "Slope.*write value=score", "cells": "cells", "contradict": "contradict each other"},
    "zh": {"unknown": "未知", "bad": "坡度.*数值=分值", "cells": "个像元", "contradict": "相互矛盾"},
}


def parts(page):
    """Read the parts of the open score."""
    page.locator("#suit-parts tbody tr").first.wait_for(timeout=180_000)
    return [row.locator("td").all_inner_texts() for row in page.locator("#suit-parts tbody tr").all()]


@pytest.mark.parametrize(("lang", "scheme"), [("en", "light"), ("zh", "dark")])
def test_plots_are_scored_drawn_and_opened_by_hand_and_by_key(at, lang, scheme, tmp_path):
    words = SAY[lang]
    page = at(f"?lang={lang}&view=suitability&s={PLOTS}", scheme=scheme)
    page.locator(".classes").wait_for(timeout=180_000)
    counts = [int(re.search(r": ([\d,]+)$", text)[1].replace(",", "")) for text in page.locator(".classes li").all_inner_texts()]
    scored = int(re.match(r"([\d,]+)", page.locator("#suit-answer > p").first.inner_text())[1].replace(",", ""))
    assert sum(counts) == scored
    assert page.locator("#suit-factors .factor").count() == 2
    assert counts[-1] > 0
    assert words["unknown"] in page.locator(".classes li").last.inner_text()
    page.locator("#suit-answer ol button").first.focus()
    page.keyboard.press("Enter")
    told = parts(page)
    head = page.locator("#suit-parts h3").inner_text()
    assert sum(float(cells[3]) for cells in told) == pytest.approx(float(re.search(r"· ([\d.]+)", head)[1]), abs=0.03)
    assert page.evaluate("document.activeElement.id") == "suit-parts"
    page.wait_for_timeout(500)
    page.screenshot(path=tmp_path / f"plots-{lang}.png")
    assert barriers(page) == []
    plot = head.split(" · ")[0]
    assert f"open%3D{plot}" in page.url
    page.reload()
    page.locator("#suit-parts h3", has_text=plot).wait_for(timeout=180_000)


def test_a_plot_whose_factor_nobody_knows_is_drawn_and_told_as_unknown(at, server, tmp_path):
    factors = [{"column": "area", "scores": [[0, 0], [20000, 10]]}, {"column": "telecom_distance", "scores": [[0, 10], [300, 0]]}]
    asked = {"inputs": {"factors": factors, "drawn": True, "limit": 1, "every": True}}
    drawn = server.client.post("/processes/suitability/execution", json=asked).json()["drawn"]["plots"]
    lacking = [id for id, score in drawn.items() if score is None]
    there = shapely.geometry.shape(
        server.client.get(f"/collections/parcels/items/{lacking[0]}").json()["geometry"]
    ).point_on_surface()
    page = at(f"?lang=en&view=suitability&s={PLOTS}#map=17/{there.y}/{there.x}")
    page.locator(".classes").wait_for(timeout=180_000)
    page.wait_for_timeout(1500)
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    told = parts(page)
    page.screenshot(path=tmp_path / "unknown.png")
    assert lacking[0] in page.locator("#suit-parts h3").inner_text()
    assert re.search(r"unknown \(\d+\.\d–\d+\.\d\)", page.locator("#suit-parts h3").inner_text())
    assert any(cells[0] == cells[3] == "unknown" for cells in told)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_grid_is_weighed_by_pairs_drawn_and_a_cell_opened(at, lang, tmp_path):
    words = SAY[lang]
    page = at(f"?lang={lang}&view=suitability&s={FACTORS.replace('&', '%26').replace('=', '%3D')}%26cell%3D25")
    page.locator("#suit-answer .classes").wait_for(timeout=180_000)
    assert words["cells"] in page.locator("#suit-answer > p").first.inner_text()
    weights = page.locator("#suit-factors input[type=number]")
    assert [weights.nth(n).input_value() for n in range(3)] == ["2", "1", "1"]
    page.check("#suit-form [name=compare]")
    for cell, times in (("0-1", "3"), ("0-2", "5"), ("1-2", "3")):
        page.select_option(f"#pair-{cell}", times)
    page.locator("#suit-form button[type=submit]").focus()
    page.keyboard.press("Enter")
    page.locator("#suit-ratio:not(.refusal)").wait_for(timeout=180_000)
    assert float(weights.nth(0).input_value()) == pytest.approx(0.637, abs=5e-4)
    page.wait_for_timeout(1500)
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    assert len(parts(page)) == 3
    page.screenshot(path=tmp_path / f"grid-{lang}.png")
    assert barriers(page) == []
    link, head = page.url, page.locator("#suit-parts h3").inner_text()
    with page.expect_download() as download:
        page.locator("a[download='suitability.tif']").click()
    assert download.value.path().read_bytes()[:2] in (b"II", b"MM")
    page.select_option("#pair-1-2", index=8)
    page.locator("#suit-form button[type=submit]").click()
    page.locator("#suit-ratio.refusal", has_text=words["contradict"]).wait_for(timeout=180_000)
    page.fill("#suit-factors .reclass input >> nth=0", "nonsense")
    page.locator("#suit-form button[type=submit]").click()
    page.locator("#suit-answer .refusal").wait_for()
    assert re.search(words["bad"], page.locator("#suit-answer .refusal").inner_text(), re.IGNORECASE)
    page.goto(link)
    page.reload()
    page.locator("#suit-parts h3", has_text=head.strip()).wait_for(timeout=180_000)
    assert page.locator("#suit-ratio").count() == 1
