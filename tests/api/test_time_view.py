"""The map through time in a real browser: plots, cells and lines as of a day, moved without a request to the server."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from layers.catalogue import LAYERS

pytestmark = pytest.mark.browser


def test_time_moves_the_map_without_a_request_and_tells_the_hectares(page, server):
    page.wait_for_function("document.querySelector('#serviced').textContent.includes(' ha')")
    before = float(re.search(r"([\d.,]+) ha", page.locator("#serviced").inner_text())[1].replace(",", ""))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#quarter").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    after = float(re.search(r"([\d.,]+) ha", page.locator("#serviced").inner_text())[1].replace(",", ""))
    assert after > before
    assert asked == []
    day = re.search(r"on=(20\d\d-\d\d-01)", page.url)[1]
    rows = server.client.get("/supply", params={"by": "day"}).json()["groups"][0]["rows"]
    assert after == pytest.approx(
        sum(r["ha"] for r in rows if r["state"] in ("ready", "dated") and (r["begins"] or "") <= day), abs=0.06
    )


def pictured(page):
    return np.asarray(Image.open(io.BytesIO(page.locator("#map canvas").screenshot())).convert("RGB"), int)


def test_plots_turned_one_by_one_look_as_if_the_map_had_begun_on_that_day(page, server):
    """The slider tells single plots; a page opened on the same day draws its tiles for it. Both pictures must be the same."""
    dated = server.client.get("/collections/readiness/items", params={"filter": "ready_state = 'dated'", "limit": 1}).json()[
        "features"
    ][0]
    lon, lat = dated["geometry"]["coordinates"][0][0]
    where = f"#map=15/{lat}/{lon}"

    def picture():
        return pictured(page)

    def opened(day):
        page.goto("about:blank")
        page.goto(f"{server.url}/?lang=en&layers=-roads,-utilities&on={day}{where}")
        page.wait_for_selector("body[data-drawn]", timeout=180_000)
        return picture()

    first = opened("2026-04-01")
    seen = {}
    for key, presses in (("ArrowRight", 3), ("ArrowRight", 9), ("ArrowLeft", 5), ("ArrowLeft", 12)):
        for _ in range(presses):
            page.locator("#quarter").press(key)
        page.evaluate("() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)))")
        page.locator("#quarter").blur()
        seen[re.search(r"on=([\d-]+)", page.url)[1]] = picture()
    assert len(seen) == 4
    for _ in range(12):
        page.locator("#quarter").press("ArrowRight")
    page.locator("#day").fill("2016-01-01")
    page.evaluate("() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)))")
    long_ago = picture()
    assert any((one != first).any() for one in seen.values()), "nothing turned"
    blue = [
        (np.abs(one - np.array([0x3D, 0x93, 0xC3])) < 60).all(axis=2) & (one[..., 2] > one[..., 0] + 60)
        for one in (long_ago, opened("2016-01-01"))
    ]
    assert (blue[0] & ~blue[1]).mean() < 1e-4, "nothing is shown ready on a day long before it was, not for a moment"
    for day, one in seen.items():
        assert (np.abs(one - opened(day)).max(axis=2) > 40).mean() < 1e-4, day


def test_from_afar_too_the_map_moves_through_time_without_a_request(page, server):
    """Cells of the grid turn at each step of the slider, and look as on a page opened on that day."""
    alone = ",".join(f"-{name}" for name in LAYERS if name != "readiness")

    def opened(on):
        page.goto("about:blank")
        page.goto(f"{server.url}/?lang=en&layers={alone}&on={on}#map=12.5/36.831/117.017")
        page.wait_for_selector("body[data-drawn]", timeout=180_000)
        return pictured(page)

    now, later = opened("2026-12-01"), opened("2030-01-01")
    coloured = [(np.abs(one - np.array([0x3D, 0x93, 0xC3])) < 70).all(axis=2).mean() for one in (now, later)]
    assert coloured[1] > coloured[0], "more land is serviced"
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for on, wanted in (("2026-12-01", now), ("2030-01-01", later)):
        page.locator("#day").fill(on)
        for _ in range(50):
            page.wait_for_timeout(100)
            if (np.abs(pictured(page) - wanted).max(axis=2) > 8).mean() < 1e-4:
                break
        assert (np.abs(pictured(page) - wanted).max(axis=2) > 8).mean() < 1e-4, on
    assert asked == []


def test_a_planned_line_is_drawn_as_in_service_from_its_day_on(page, server):
    """The slider tells the map another day of lines; the picture is that of a page opened on that day."""
    alone = ",".join(f"-{name}" for name in ("readiness", "parcels", "terrain", "sites", "control_lines", "corridors"))
    planned = {"filter": "status = 'planned' AND in_service_from > DATE('2026-12-01')", "limit": 1}
    line = server.client.get("/collections/utilities/items", params=planned).json()["features"][0]
    (lon, lat), day = line["geometry"]["coordinates"][0], line["properties"]["in_service_from"]

    def opened(on):
        page.goto("about:blank")
        page.goto(f"{server.url}/?lang=en&layers={alone}&on={on}#map=16/{lat}/{lon}")
        page.wait_for_selector("body[data-drawn]", timeout=180_000)
        return pictured(page)

    def differs(one, other):
        return (np.abs(one - other).max(axis=2) > 40).mean()

    before, after = opened("2026-11-24"), opened(day)
    assert differs(before, after) > 1e-3
    for on, wanted in (("2026-11-24", before), (day, after)):
        page.locator("#day").fill(on)
        for _ in range(50):
            page.wait_for_timeout(100)
            if differs(pictured(page), wanted) < 1e-4:
                break
        assert differs(pictured(page), wanted) < 1e-4, on
