"""Measure the page in a headless Chromium (`python -m tests.bench.web [PLOTS]`), or take pictures of every screen (`... shots`).

Times are those of software rendering on this machine: docs/benchmarks.md says on which. Pictures go to the folder `shots`.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.api.faces import DAY, Server, serving, shudi
from tests.conftest import SOFTWARE_GL

VIEWS = ("", "check", "find", "suitability", "lines", "projects", "supply", "listings", "edit", "admin")
SIZES = ((1400, 900), (360, 740), (3840, 2160))
WALL = 3000
SETTLED = 1500
"""How long a view may take to say what it says [ms]."""
FRAMES = """async () => {
  const [range, times] = [document.getElementById('quarter'), []];
  const middle = range.max >> 1;
  for (let n = 0; n < 20; n++) {
    const begun = performance.now();
    range.value = String(middle + (n % 8));
    range.dispatchEvent(new Event('input'));
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    times.push(performance.now() - begun);
  }
  return times;
}"""
"""Times of 20 steps of the slider, each until the frame after its own begins: a browser that draws too slowly begins late [ms]."""
FLOOR = """async () => {
  const { Map } = await import('maplibre-gl');
  const box = document.createElement('div');
  Object.assign(box.style, { position: 'fixed', inset: '0', zIndex: '99' });
  document.body.append(box);
  const layers = [{ id: 'ground', type: 'background', paint: { 'background-color': '#F7F6F2' } }];
  const map = new Map({ container: box, attributionControl: false, style: { version: 8, sources: {}, layers } });
  await new Promise((next) => map.once('idle', next));
  const times = [];
  for (let n = 0; n < 20; n++) {
    const begun = performance.now();
    map.triggerRepaint();
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    times.push(performance.now() - begun);
  }
  map.remove();
  box.remove();
  return times;
}"""
"""The same of a map of the window's size that draws nothing: what this machine takes at least [ms]."""
NEAR = 15
"""A zoom at which the slider draws every plot anew."""
CARD = """([x, y]) => new Promise((done) => {
  const [begun, card] = [performance.now(), document.getElementById('card')];
  const point = { bubbles: true, clientX: x, clientY: y, button: 0 };
  let named = 0;
  new MutationObserver((_, watcher) => {
    if (!card.hidden && card.querySelector('h2')) named ||= performance.now() - begun;
    if (card.querySelector('.figures')) (watcher.disconnect(), done([named, performance.now() - begun]));
  }).observe(card, { childList: true, subtree: true, attributes: true });
  for (const what of ['mousedown', 'mouseup', 'click']) document.querySelector('#map canvas').dispatchEvent(new MouseEvent(what, point));
})"""
"""Times from a click on a plot to its card's name and to the whole of its sheet [ms]."""


@contextmanager
def opened(plots: int) -> Iterator[tuple[Server, Page]]:
    """Serve a generated park, assessed, and open a browser."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "park.gpkg"
        assert shudi("demo", base, "--plots", plots).status == 0
        assert shudi("assess", "--base", base, "--on", DAY).status == 0
        with serving(base, Path(folder)) as server, sync_playwright() as driver:
            chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), args=SOFTWARE_GL)
            page = chromium.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB").new_page()
            page.set_default_timeout(120_000)
            yield server, page
            chromium.close()


def measure(plots: int = 10_000) -> None:
    """Print what the issue asks for: first map, bytes, a frame of the slider, a card; two rounds, the first with all cold."""
    with opened(plots) as (server, page):
        wire = page.context.new_cdp_session(page)
        wire.send("Network.enable")
        sizes: list[float] = []
        wire.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
        for warmth in ("cold", "warm"):
            sizes.clear()
            page.goto("about:blank")
            page.goto(f"{server.url}/?lang=en")
            page.wait_for_selector("body[data-drawn]")
            plotted, whole = page.evaluate("() => [Number(document.body.dataset.plotted), performance.now()]")
            print(
                f"{plots} plots, {warmth}: first map {plotted} ms, with shading {whole:.0f} ms, {sum(sizes) / 1e6:.2f} MB transferred"
            )
            _told("a frame of an empty map of this size", page.evaluate(FLOOR))
            _told("slider frame, the whole city", page.evaluate(FRAMES))
        plot = server.client.get("/places", params={"q": "D001-B02-P02"}).json()[0]
        west, south, east, north = plot["bounds"]
        page.goto("about:blank")
        page.goto(f"{server.url}/?lang=en#map={NEAR}/{(south + north) / 2}/{(west + east) / 2}")
        page.wait_for_selector("body[data-drawn]")
        _told("slider frame, plots drawn", page.evaluate(FRAMES))
        # beside each other, so that each click opens another plot
        cards = []
        for x in (500, 600, 700, 550, 650):
            page.wait_for_timeout(SETTLED)
            cards.append(page.evaluate(CARD, [x, 450]))
            page.keyboard.press("Escape")
        _told("click to name", [card[0] for card in cards])
        _told("click to card", [card[1] for card in cards])


def _told(what: str, times: list[float]) -> None:
    """Print the median of times [ms]."""
    print(f"{what}: {statistics.median(times):.0f} ms median of {len(times)}")


def shots(into: Path = Path("shots")) -> None:
    """Take a picture of every screen in both languages, light and dark, on a desk, on a phone and on a wall."""
    into.mkdir(exist_ok=True)
    with opened(400) as (server, page):
        for lang, scheme in (("en", "light"), ("zh", "dark")):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            words = server.client.get(f"/web/i18n/{lang}.json").json()
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                page.goto(f"{server.url}/?lang={lang}&plot=D001-B09-P03")
                page.wait_for_selector("body[data-drawn]")
                page.locator("#card .history").wait_for()
                page.screenshot(path=into / f"card-{lang}-{width}.png")
                page.keyboard.press("Escape")
                # One page for all views: a map in software takes seconds to begin and none to stay.
                for view in VIEWS[1:] if width < WALL else ():
                    page.evaluate("(view) => document.querySelector(`[data-view-of=${view}]`).click()", view)
                    page.wait_for_function(
                        "(word) => !document.getElementById('work').innerText.includes(word)", arg=words["loading"]
                    )
                    page.wait_for_timeout(SETTLED)
                    page.screenshot(path=into / f"{view}-{lang}-{width}.png")
                project = server.client.get("/projects").json()[0]["id"]
                page.goto(f"{server.url}/?lang={lang}&view=projects&project={project}")
                page.locator("#project-page h2, #project-page h3").first.wait_for()
                page.wait_for_timeout(SETTLED)
                page.screenshot(path=into / f"project-{lang}-{width}.png")
        print(f"{len(list(into.glob('*.png')))} pictures in {into}/")


if __name__ == "__main__":
    if sys.argv[1:] == ["shots"]:
        shots()
    else:
        measure(int(sys.argv[1]) if sys.argv[1:] else 10_000)
