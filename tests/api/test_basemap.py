"""A basemap from elsewhere on the page: its host alone is asked beside the service, its key is in no log, its credit is shown."""

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from tests.api.faces import serving, shudi

KEY = "canary-key-0123456789"


@pytest.fixture
def tiles():
    """A server of grey tiles."""
    out = io.BytesIO()
    Image.new("RGB", (256, 256), "#b0c4de").save(out, "PNG")
    asked = []

    class Tiles(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(out.getvalue())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Tiles) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        running.asked = asked
        yield running
        running.shutdown()


def test_a_shifted_basemap_stops_the_start(park):
    found = shudi("serve", "--base", park, "--basemap", "https://webrd01.is.autonavi.com/{z}/{x}/{y}")
    assert (found.status, "GCJ-02" in found.err) == (2, True)


@pytest.mark.browser
def test_only_the_basemaps_host_is_asked_and_its_key_is_in_no_log(park, tiles, watch, tmp_path):
    there = f"http://127.0.0.1:{tiles.server_port}"
    address = there + "/{z}/{x}/{y}.png?tk={key}"
    with serving(park, tmp_path, "--basemap", address, "--basemap-credit", "Survey <office>", SHUDI_BASEMAP_KEY=KEY) as server:
        policy = server.client.get("/", headers={"Accept": "text/html"}).headers["content-security-policy"]
        assert f"connect-src 'self' {there};" in policy
        page = watch.page
        page.goto(f"{server.url}/?lang=en&layers=-readiness#map=14/36.83/117.015")
        page.wait_for_selector("body[data-drawn]")
        assert "Survey <office>" in page.locator(".maplibregl-ctrl-attrib").inner_text()
        assert page.locator("#legend input[name=basemap]").is_checked()
        page.screenshot(path=tmp_path / "basemap.png")
        assert watch.said == []
        assert all(url.startswith((server.url, there, "data:", f"blob:{server.url}")) for url in watch.asked), watch.asked
        assert any(f"tk={KEY}" in path for path in tiles.asked)
        assert KEY not in server.said()
