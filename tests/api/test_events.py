"""Open maps hear of every change, whoever made it, and the findings that depend on it are fresh again by themselves."""

import asyncio
import json
import subprocess
import threading
import time
from contextlib import closing
from datetime import date, timedelta

import httpx
import numpy as np
import psycopg
import pytest
import shapely

from api import watch
from api.deps import Land
from api.routes.events import written
from api.settings import Settings
from api.watch import Event, Watch
from layers.assessment import Networks
from layers.collections import catalogue
from layers.known import Known
from layers.standards import Standards
from layers.store import open_store
from tests.api.faces import DAY, serving, shudi
from tests.api.test_people import copy
from tests.api.test_serve import place, tile_at
from tests.api.test_threats import alone, impatient
from tests.api.town import Town, settle

PLOT = "D001-B03-P02"
SOON = 60.0


class Listener:
    """Hears the events of a service, as a browser does."""

    def __init__(self, url, since="", **headers):
        self.heard, self.opened, self.over = [], threading.Event(), threading.Event()
        self.ids, self.signs = [], 0
        self._ask = url, {"since": since} if since else {}, headers
        threading.Thread(target=self._listen, daemon=True).start()
        assert self.opened.wait(SOON)

    def _listen(self):
        url, query, headers = self._ask
        with (
            httpx.Client(timeout=60, trust_env=False) as client,
            client.stream("GET", f"{url}/events", params=query, headers=headers) as sent,
        ):
            self.status, self.kind = sent.status_code, sent.headers["content-type"].partition(";")[0]
            try:
                for row in sent.iter_lines():
                    field, _, value = row.partition(": ")
                    self.ids += [value] * (field == "id")
                    self.heard += [json.loads(value)] if field == "data" else []
                    self.signs += row == ":"
                    if field == "retry":
                        self.opened.set()
            except httpx.RemoteProtocolError:
                pass
        self.opened.set()
        self.over.set()

    def hears(self, layer, after=0):
        """Wait for the first event of a layer behind some; gives its boxes."""
        until = time.monotonic() + SOON
        while not (found := [event["layers"][layer] for event in self.heard[after:] if layer in event["layers"]]):
            assert time.monotonic() < until, self.heard
            time.sleep(0.05)
        return found[0]


@pytest.fixture(scope="module")
def changing(park, tmp_path_factory):
    """A service whose base the tests of this module change, one after the other."""
    folder = tmp_path_factory.mktemp("changing")
    base = copy(park, folder / "park.gpkg")
    with serving(base, folder) as running:
        yield running, base


def holds(boxes, base, id):
    """Tell whether boxes hold the place of a plot."""
    return shapely.intersects_xy(shapely.union_all(shapely.box(*np.array(boxes).T)), *place(base, id))


def by_api(running, base, status):
    where = f"/collections/parcels/items/{PLOT}"
    tag = running.client.get(where).headers["etag"]
    body = {"properties": {"status": status}}
    assert running.client.patch(where, json=body, headers={"If-Match": tag}).status_code == 204


def by_command(running, base, status):
    assert shudi("edit", "parcels", PLOT, f"status={status}", "--base", base).status == 0


def by_sql(running, base, status):
    sql = f"UPDATE parcels SET status = '{status}' WHERE id = '{PLOT}'"
    subprocess.run(["ogrinfo", str(base), "-sql", sql], check=True, capture_output=True)


def by_sql_in_postgis(running, base, status):
    with closing(psycopg.connect(base, autocommit=True)) as outside:
        outside.execute("UPDATE shudi.parcels SET status = %s WHERE id = %s", (status, PLOT))


def heard_and_fresh(running, base, park, edit, status, verdict):
    """Edit a plot; its place must be heard of, its finding be fresh and its tile another one."""
    listener = Listener(running.url)
    assert (listener.status, listener.kind) == (200, "text/event-stream")
    tile = f"/tiles/readiness/{tile_at(*place(park, PLOT), 15)}.mvt"
    before = running.client.get(tile).content
    edit(running, base, status)
    assert holds(listener.hears("parcels"), park, PLOT)
    assert holds(listener.hears("readiness"), park, PLOT)
    assert {layer for event in listener.heard for layer in event["layers"]} == {"parcels", "readiness"}
    assert running.client.get(tile).content != before
    found = shudi("explain", PLOT, "--base", base, "--on", DAY)
    assert ("fresh" in found.out, "STALE" in found.out) == (True, False)
    with closing(open_store(base, read_only=True)) as store:
        assert store.findings([PLOT])[0]["verdict"].tolist() == [verdict]


@pytest.mark.parametrize(
    ("edit", "status", "verdict"), [(by_api, "listed", "blocked"), (by_command, "ready", "free"), (by_sql, "listed", "blocked")]
)
def test_an_edit_of_any_kind_makes_findings_fresh_and_is_heard_with_its_place(park, changing, edit, status, verdict):
    running, base = changing
    heard_and_fresh(running, base, park, edit, status, verdict)


def test_nobody_is_told_that_they_listen_before_the_first_look(own_park):
    """What is changed before it would never be told of: it is part of what the watch found first."""

    async def listen():
        land = Land(Settings(base=own_park))
        early = Watch(land, Standards.load(), Networks())
        listener = asyncio.create_task(early.begun())
        await asyncio.sleep(0.2)
        assert (listener.done(), early.standing) == (False, "")
        early.start()
        await listener
        assert early.standing
        await early.begun()  # and whoever comes later does not wait
        early.close()
        land.close()

    alone(listen)


def test_an_edit_by_sql_in_postgis_is_heard_by_whoever_listens_to_any_worker(park, postgres, tmp_path):
    with postgres.database() as base:
        assert shudi("copy", park, base).status == 0
        with serving(base, tmp_path, "--workers", "2") as running:
            heard_and_fresh(running, base, park, by_sql_in_postgis, "listed", "blocked")


def test_who_comes_back_hears_what_was_missed_and_a_strange_moment_means_everything(changing):
    running, base = changing
    first = Listener(running.url)
    moment = running.client.get("/about.json").json()["moment"]
    assert first.ids == [moment]
    by_sql(running, base, "ready")
    first.hears("readiness")
    again = Listener(running.url, **{"Last-Event-ID": moment})
    assert again.hears("parcels") == first.hears("parcels")
    assert again.ids == first.ids[1:]
    late = Listener(running.url, since=f"{moment.partition('.')[0]}.elsewhere")
    assert late.hears("parcels") == first.hears("parcels")
    assert late.hears("readiness") is None
    for strange in ("-1", "999999", "９", "x" * 100, "1e9", "0x1"):
        lost = Listener(running.url, since=strange)
        assert lost.hears("zoning") is lost.hears("readiness") is None
    now = Listener(running.url)
    assert (now.ids, now.heard) == (first.ids[-1:], [])


def test_a_delivery_is_heard_at_once_and_the_plots_are_unknown_until_somebody_assesses_them(changing, tmp_path):
    running, base = changing
    listener = Listener(running.url)
    with closing(open_store(base)) as store:
        shape = store.read("parcels", ids=[PLOT]).to_crs(4326).geometry.iloc[0]
    file = tmp_path / "farmland.geojson"
    feature = {
        "type": "Feature",
        "properties": {"id": "F9", "kind": "permanent_basic_farmland"},
        "geometry": shape.__geo_interface__,
    }
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert shudi("import", file, "--layer", "control_lines", "--base", base).status == 0
    assert listener.hears("control_lines") is None
    assert listener.hears("readiness") is None
    sheet = running.client.get(f"/collections/readiness/items/{PLOT}").json()
    assert sheet["properties"]["verdict"] == "unknown"
    heard = len(listener.heard)
    assert shudi("assess", "--base", base, "--on", DAY).status == 0
    assert listener.hears("readiness", heard) is None


def test_nobody_hears_without_leave_and_who_signs_out_hears_no_more(own_park, tmp_path):
    tokens = settle(own_park)
    with serving(own_park, tmp_path) as running:
        town = Town(running, tokens)
        assert town.ask(None, "GET", "/events").status_code == 401
        with town.signed_in("viewer") as session:
            cookie = "; ".join(f"{name}={value}" for name, value in session.cookies.items())
            leaving = Listener(running.url, Cookie=cookie)
            staying = Listener(running.url, Authorization=f"Bearer {tokens['viewer']}")
            assert session.post("/logout").status_code in (200, 204, 303)
        assert shudi("edit", "parcels", PLOT, "status=listed", "--base", own_park).status == 0
        staying.hears("readiness")
        assert leaving.over.wait(SOON)
        assert leaving.heard == []
        assert shudi("user", "disable", "viewer", "--base", own_park).status == 0
        assert staying.over.wait(SOON)


def test_a_quiet_stream_lives_and_ends_with_the_service(own_park, tmp_path):
    with serving(own_park, tmp_path) as running:
        listener = Listener(running.url)
        until = time.monotonic() + SOON
        while not listener.signs:
            assert time.monotonic() < until
            time.sleep(0.1)
        begun = time.monotonic()
        running.process.terminate()
        assert listener.over.wait(SOON)
        assert running.process.wait(SOON) == -15
        assert time.monotonic() - begun < 30
        running.process.poll = lambda: None


def test_streams_are_bounded(own_park, tmp_path, monkeypatch):
    monkeypatch.setattr("api.routes.events.MOST", 1)
    with impatient(own_park, 5.0) as port:
        url = f"http://127.0.0.1:{port}"
        one = Listener(url)
        refused = httpx.get(f"{url}/events", trust_env=False)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        assert not one.over.is_set()
    assert one.over.wait(SOON)


@pytest.mark.browser
def test_an_open_map_shows_a_change_and_asks_for_the_tiles_that_it_concerns_alone(own_park, tmp_path, watch):
    lon, lat = place(own_park, PLOT)
    with serving(own_park, tmp_path) as running:
        page = watch.page
        page.set_default_timeout(180_000)
        page.goto(f"{running.url}/?lang=en&plot={PLOT}#map=15.5/{lat}/{lon}")
        page.wait_for_selector("body[data-drawn]")
        page.locator("#card h2", has_text=PLOT).wait_for()
        page.locator("#card .figures").wait_for()
        assert page.locator("#card .severity.blocked").count() == 0
        page.wait_for_timeout(1_000)
        canvas = page.locator("#map canvas")
        before, asked = canvas.screenshot(), [url for url in watch.asked if "/tiles/" in url]
        seen = {url for url in asked if "/tiles/readiness/" in url}
        watch.asked.clear()
        by_sql(running, own_park, "listed")
        page.locator("#card .severity.blocked").wait_for()

        def again():
            return [url for url in watch.asked if "/tiles/" in url]

        def layers():
            return {url.split("/tiles/")[1].split("/")[0] for url in again()}

        until = time.monotonic() + 60
        while not layers() >= {"parcels", "readiness"} or canvas.screenshot() == before:
            assert time.monotonic() < until, layers()
            page.wait_for_timeout(100)
        page.wait_for_timeout(1_000)
        assert layers() == {"parcels", "readiness"}
        assert {url for url in again() if "/tiles/readiness/" in url} < seen
        assert watch.said == [], watch.said


def test_new_heights_are_heard_by_who_may_see_land_and_by_nobody_else(park):
    """Shading is tiles of a raster, which is no collection: an open map would keep the old one."""
    with closing(open_store(park, read_only=True)) as store:
        may = catalogue(store, Known())
    heights = Event("7.x", 7, {"terrain": None, "parcels": [(117.0, 36.8, 117.1, 36.9)]})
    assert set(json.loads(written(heights, may).split("data: ")[1].split("\n")[0])["layers"]) == {"terrain", "parcels"}
    assert "data" not in written(heights, {})


def test_findings_of_today_become_those_of_the_next_day_and_those_of_another_day_stay(own_park, monkeypatch):
    """A line that retires at midnight is none of tomorrow's; who asked for a day of his own keeps it."""
    monkeypatch.setattr(watch, "MINUTE", 0.05)
    today = [date.fromisoformat(DAY)]
    land = Land(Settings(base=own_park))
    turning = Watch(land, Standards.load(), Networks(), lambda: today[0])
    thread = threading.Thread(target=turning._turn)
    with closing(open_store(own_park)) as store:
        line = next(iter(store.findings([PLOT])[0]["water_line"]))
        assert store.findings([], [])[1]["on"] == DAY
        assert shudi("edit", "utilities", line, "retired_on=2026-11-23", "--base", own_park).status == 0
        assert store.findings([PLOT])[0]["water_line"].iloc[0] == line
        thread.start()
        try:
            time.sleep(0.3)
            today[0] += timedelta(days=1)
            end = time.monotonic() + SOON
            while store.findings([], [])[1]["on"] != "2026-11-23":
                assert time.monotonic() < end
                time.sleep(0.1)
            found = store.findings([PLOT])[0]
            assert (found["water_line"].iloc[0], found["water_state"].iloc[0]) != (line, "available")
            assert shudi("assess", "--on", "2027-01-01", "--full", "--base", own_park).status == 0
            today[0] += timedelta(days=1)
            time.sleep(0.5)
            assert store.findings([], [])[1]["on"] == "2027-01-01"
        finally:
            turning._closing.set()
            thread.join()
            land.close()


def test_what_was_computed_names_the_day_of_which_it_speaks(own_park, tmp_path):
    with serving(own_park, tmp_path) as server:
        for name in ("readiness", "findings"):
            for path in (f"/collections/{name}", f"/collections/{name}/items", f"/collections/{name}/items/{PLOT}"):
                assert server.client.get(path).json()["on"] == DAY, path
        assert "on" not in server.client.get("/collections/parcels/items").json()
        etag = server.client.get(f"/collections/readiness/items/{PLOT}").headers["etag"]
        assert shudi("assess", "--on", "2026-11-21", "--full", "--base", own_park).status == 0
        assert server.client.get(f"/collections/readiness/items/{PLOT}").headers["etag"] != etag
