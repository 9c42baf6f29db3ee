"""The served page in a real browser, with the real style and legend, canned sheets and one small tile."""

import base64
import hashlib
import re
import threading
import time
from collections.abc import Iterator

import mapbox_vector_tile
import numpy as np
import pytest
import rasterio
import uvicorn
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from layers.about import columns
from layers.catalogue import LAYERS
from layers.plan.readiness import SERVICES
from maps.offline import WEB
from maps.readiness import DRAWN, LACKED
from maps.style import BACKGROUND, legend, style

EVIL = "<img src=x onerror=alert(1)>"
CENTER = (117.0, 36.83)
BOUNDS = [116.99, 36.825, 117.01, 36.835]
WORDS = {"en": "Use", "zh": "用途"}
PLOTS = {
    "P-1": ([[100, 100], [2000, 100], [2000, 4000], [100, 4000]], {"verdict": "free", "ready_state": "ready", "ready_from": 0}),
    "P-2": (
        [[2100, 100], [4000, 100], [4000, 4000], [2100, 4000]],
        {"verdict": "free", "ready_state": "dated", "ready_from": 40000, "missing": 1 << list(SERVICES).index("gas")},
    ),
}


def policy(page: str) -> str:
    """Allow this server's files and the import map by its hash; no inline style, no inline script."""
    text = re.search(r'<script type="importmap">(.*?)</script>', page, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; worker-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def sheet(request: Request) -> Response:
    id = request.path_params["id"]
    if id not in PLOTS:
        return JSONResponse({"title": "no such plot"}, 404)
    check = {
        "id": "C01", "layer": "control_lines", "title": {"en": "Farmland", "zh": "农田"}, "severity": "block", "area_m2": 100.0,
        "objects": [EVIL], "detail": {"en": EVIL, "zh": EVIL}, "rule": {"en": "r", "zh": "r"}, "source": EVIL, "verified": False, "data_date": None,
    }  # fmt: skip
    service = {
        "kind": "gas", "title": {"en": "gas", "zh": "燃气"}, "state": "planned", "from": "2027-06-30", "line": EVIL, "source": None,
        "distance_m": 3.0, "required": True, "until": None, "capacity": None, "route": None,
    }  # fmt: skip
    square = [[116.999, 36.829], [117.001, 36.829], [117.001, 36.831], [116.999, 36.829]]
    part = {"reason": "C01:x", "severity": "block", "area_m2": 1000.0, "geometry": {"type": "Polygon", "coordinates": [square]}}
    state = PLOTS[id][1]["ready_state"]
    exact = {"ellipsoidal_m2": 1000.1, "sigma_m2": 1.0, "tolerance_m": 0.1, "survives": True, "because": []}
    return JSONResponse(
        {"id": id, "on": "2026-11-22", "area_m2": 1000.0, "verdict": "blocked", "ready_state": state, "ready_from": "2027-06-30", "deciding": "gas",
         "missing": ["gas"], "checks": [check, check | {"id": "C15", "layer": ""}], "parts": [part], "services": [service], "exactness": exact, "terrain": {}, "levelling": {},
         "not_asked": []}
    )  # fmt: skip


def feature(request: Request) -> Response:
    """A stored plot whose words are hostile."""
    shape = {"type": "Polygon", "coordinates": [[[116.999, 36.829], [117.001, 36.829], [117.001, 36.831], [116.999, 36.829]]]}
    return JSONResponse({"id": request.path_params["id"], "geometry": shape, "properties": {"owner": EVIL, "status": EVIL}})


def found(text: str) -> list[dict[str, object]]:
    """What the search box is told."""
    return [{"layer": "parcels", "id": id, "name": EVIL, "bounds": BOUNDS} for id in PLOTS if id.startswith(text)]


def tile(request: Request) -> Response:
    if request.path_params["layer"] != "readiness" or request.path_params["z"] < 13:
        return Response(b"", media_type="application/vnd.mapbox-vector-tile")
    features = [
        {"geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}, "properties": {"id": id, **properties}}
        for id, (ring, properties) in PLOTS.items()
    ]
    body = mapbox_vector_tile.encode({"name": "readiness", "features": features})
    return Response(body, media_type="application/vnd.mapbox-vector-tile")


def index(_: Request) -> Response:
    page = (WEB / "index.html").read_text("utf-8")
    return HTMLResponse(page, headers={"Content-Security-Policy": policy(page)})


def about(_: Request) -> Response:
    layers = [{"name": n, "title": y.title._asdict(), "editions": []} for n, y in LAYERS.items()]
    layers[0]["editions"] = [{"source": EVIL, "date": "2026-03-01", "kinds": []}]
    return JSONResponse({"title": "Park", "generated": True, "center": CENTER, "bounds": BOUNDS, "layers": layers})


def styled(request: Request) -> Response:
    return JSONResponse(style(str(request.base_url), request.query_params["lang"], CENTER))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    app = Starlette(
        routes=[
            Route("/", index),
            Route("/about.json", about),
            Route("/me", lambda _: JSONResponse({"name": None, "role": "admin", "via": "loopback"})),
            Route("/style.json", styled),
            Route("/legend.json", lambda request: JSONResponse(legend(request.query_params["lang"]))),
            Route("/columns.json", lambda request: JSONResponse(columns(request.query_params["lang"]))),
            Route("/places", lambda request: JSONResponse(found(request.query_params["q"]))),
            Route("/collections/sites/items", lambda _: JSONResponse({"features": [{"id": EVIL, "properties": {"name": EVIL}}]})),
            Route("/collections/{layer}/items/{id}", feature),
            Route("/events", lambda _: Response("", media_type="text/event-stream")),
            Route("/supply", lambda _: JSONResponse({"groups": []})),
            Route("/plots/{id}/projects", lambda _: JSONResponse([{"id": EVIL, "sites": [], "cases": [], "project": None}])),
            Route("/plots/{id:path}", sheet),
            Route("/tiles/{layer}/{z:int}/{x:int}/{y}", tile),
            Mount("/web", StaticFiles(directory=str(WEB))),
        ]
    )
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    running.should_exit = True
    thread.join()


def pixels(picture: bytes) -> np.ndarray:
    """Decode a screenshot to colours, shape (n, 3)."""
    with rasterio.MemoryFile(picture) as memory, memory.open() as image:
        return image.read()[:3].reshape(3, -1).T


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_the_page_draws_plots_tells_their_sheet_and_speaks_both_languages(server, watch, tmp_path):
    page, today = watch.page, "new Date().toISOString().slice(0, 10)"
    begun = page.evaluate(today)  # midnight may come while the page is read
    page.goto(f"{server}/?lang=zh#map=15/36.83/117.0")
    page.wait_for_selector("body[data-drawn]")
    assert page.locator("#banner").is_visible()
    assert not page.locator("#notice").is_visible()
    assert page.locator("#day").input_value() in (begun, page.evaluate(today))

    blue = (np.abs(pixels(page.locator("#map canvas").screenshot()) - np.array([0x3D, 0x93, 0xC3])) < 12).all(axis=1)
    assert blue.mean() > 0.1

    page.mouse.click(300, 500)
    card = page.locator("#card")
    card.locator("h2").wait_for()
    assert "地块 P-" in card.inner_text()
    card.get_by_text("1,000.00 m²").first.wait_for()
    page.locator("#language").click()
    page.wait_for_selector("html[lang=en]")
    page.locator("#card h2", has_text="Plot P-").wait_for()
    card.get_by_text("30 Jun 2027").first.wait_for()
    text = card.inner_text()
    assert all(word in text for word in ("blocked", "C01 Farmland", EVIL, "1.500 mu", "30 Jun 2027", "no delivery: unknown"))
    page.wait_for_timeout(500)
    page.screenshot(path=tmp_path / "page.png")

    page.locator("#day").fill("2090-01-01")
    page.keyboard.press("Escape")
    assert not card.is_visible()
    page.locator("#legend input[name=parcels]").uncheck()
    assert "layers=-parcels" in page.url
    page.locator("#number").fill("P-2")
    page.keyboard.press("Enter")
    page.locator("#card h2", has_text="Plot P-2").wait_for()
    assert "plot=P-2" in page.url
    assert "lang=en" in page.url
    assert watch.said == [], watch.said
    assert all(url.startswith((server, "data:", f"blob:{server}")) for url in watch.asked)


def share(page: Page, colour: str) -> float:
    """Tell what part of the map is of a colour of plots, over the ground."""
    of, ground = (np.array([int(c[k : k + 2], 16) for k in (1, 3, 5)]) for c in (colour, BACKGROUND))
    return (np.abs(pixels(page.locator("#map canvas").screenshot()) - (0.75 * of + 0.25 * ground)) < 12).all(axis=1).mean()


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("lang", "said"), [("en", "gas missing"), ("zh", "缺燃气")])
def test_pending_plots_are_coloured_by_when_or_by_what_is_missing_and_the_legend_says_which(server, watch, lang, said):
    page, gas = watch.page, {code.value: code.colour for code in LACKED}["missing:gas"]
    page.goto(f"{server}/?lang={lang}#map=15/36.83/117.0")
    page.wait_for_selector("body[data-drawn]")
    if not page.locator("#pending").is_visible():
        page.locator("#layers > summary").click()
    entry = page.locator("#legend li", has_text=said)
    for by in ("state", "missing", "state"):
        page.select_option("#pending", by)
        wanted, other = (gas, DRAWN["dated"].colour) if by == "missing" else (DRAWN["dated"].colour, gas)
        for _ in range(50):
            page.wait_for_timeout(100)
            if share(page, wanted) > 0.05:
                break
        assert share(page, wanted) > 0.05, by
        assert share(page, other) < 0.01, by
        assert entry.count() == (by == "missing")
        assert ("pending=missing" in page.url) == (by == "missing")
        assert page.locator("#legend li", has_text=getattr(DRAWN["dated"].name, lang)).count() == 1, (
            "the hatching tells the state either way"
        )
    page.goto(f"{server}/?lang={lang}&pending=missing#map=15/36.83/117.0")
    page.wait_for_selector("body[data-drawn]")
    assert share(page, gas) > 0.05, "as the link says"
    assert watch.said == [], watch.said


@pytest.mark.browser
def test_a_narrow_screen_far_out_says_to_zoom_in_and_an_unknown_number_is_told(server, watch, tmp_path):
    page = watch.page
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(f"{server}/?lang=en#map=11/36.83/117.0")
    page.wait_for_selector("body[data-drawn]")
    assert "Zoom in" in page.locator("#notice").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#number").fill("nobody/knows")
    page.keyboard.press("Enter")
    page.locator("#notice", has_text="was found").wait_for()
    assert not page.locator("#card").is_visible()
    page.locator("#number").fill("P-1")
    page.keyboard.press("Enter")
    page.locator("#card h2").wait_for()
    page.screenshot(path=tmp_path / "narrow.png")
    assert [said for said in watch.said if "404" not in said] == []
