"""The published listings as a standard collection, which everybody may read; of what is not published it tells nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess

import geopandas as gpd
import pytest
import shapely

from api.auth import OFFERED
from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from tests.api.conftest import copied
from tests.api.test_listings import DRAFT, FAULTY, GOOD, market
from tests.api.test_listings_served import work
from tests.api.town import guarded

__all__ = ["market"]
ITEMS = "/collections/offers/items"
SEEN = (
    "/", "/conformance", "/collections", "/collections?f=html", "/collections/offers", "/collections/offers/queryables",
    "/collections/offers/schema", ITEMS, f"{ITEMS}?f=html", f"{ITEMS}?limit=1", f"{ITEMS}?f=geojsonseq", f"{ITEMS}?f=parquet",
    f"{ITEMS}?state=draft", f"{ITEMS}?filter=state<>'published'", f"{ITEMS}?filter=plot='{DRAFT}'", f"{ITEMS}?filter=id LIKE 'L-%25'",
    f"{ITEMS}?filter=NOT (id = 'x') OR TRUE", f"{ITEMS}?filter=start_price>0&sortby=-start_price", f"{ITEMS}/L-{GOOD}",
    f"{ITEMS}/L-{DRAFT}", f"{ITEMS}/L-nobody", f"{ITEMS}?bbox=-180,-90,180,90",
)  # fmt: skip
"""What the public may ask, also by ways that would lead to what is not published."""


@pytest.fixture
def town(market, tmp_path):
    with guarded(copied(market.base, tmp_path / "park.gpkg"), tmp_path) as running:
        yield running


def base_of(town):
    return town.server.log.with_name("park.gpkg")


def public(town, path, **more):
    return town.ask(None, "GET", path, **more)


def ids(answer):
    return [feature["id"] for feature in answer.json()["features"]]


def told(town):
    """All that the public hears, but for moments and the numbers of answers."""
    hidden = ("date", "content-length")
    answers = {path: public(town, path) for path in SEEN}
    return {
        path: (
            a.status_code,
            re.sub(r'"(id|timeStamp)": ?"[0-9a-f]{8,}"|"timeStamp": ?"[^"]*"', "", a.text)
            if "parquet" not in path
            else a.content,
            {k: v for k, v in a.headers.items() if k not in hidden},
        )
        for path, a in answers.items()
    }


def test_the_public_reads_what_is_on_offer_as_a_collection(town):
    assert [c["id"] for c in public(town, "/collections").json()["collections"]] == ["offers"]
    page = public(town, ITEMS).json()
    assert ([f["id"] for f in page["features"]], page["numberMatched"]) == ([f"L-{GOOD}", f"L-{FAULTY}"], 2)
    fed = {f["properties"]["id"]: f for f in public(town, "/listings.geojson").json()["features"]}
    for feature in page["features"]:
        own = fed[feature["id"]]
        assert shapely.geometry.shape(feature["geometry"]).hausdorff_distance(shapely.geometry.shape(own["geometry"])) < 1e-8
        assert feature["properties"].keys() == own["properties"].keys()
        assert feature["properties"]["far"] == own["properties"]["far"]
    box = public(town, "/collections/offers").json()["extent"]["spatial"]["bbox"][0]
    assert shapely.box(*box).contains(shapely.geometry.shape(page["features"][0]["geometry"]).centroid)
    near = shapely.geometry.shape(page["features"][0]["geometry"]).representative_point()
    around = f"{near.x - 1e-6},{near.y - 1e-6},{near.x + 1e-6},{near.y + 1e-6}"
    assert ids(public(town, f"{ITEMS}?bbox={around}")) == [f"L-{GOOD}"]
    assert ids(public(town, ITEMS, params={"filter": f"S_INTERSECTS(geometry, POINT({near.x} {near.y}))"})) == [f"L-{GOOD}"]
    assert ids(public(town, f"{ITEMS}?sortby=-id&limit=1")) == [f"L-{GOOD}" if GOOD > FAULTY else f"L-{FAULTY}"]
    north = public(town, f"{ITEMS}?crs=http://www.opengis.net/def/crs/EPSG/0/4548&limit=1").json()
    assert north["features"][0]["geometry"]["coordinates"][0][0][0] > 4_000_000
    assert public(town, f"{ITEMS}/L-{GOOD}").json()["properties"]["plot"] == GOOD
    assert public(town, "/collections/offers/tiles").status_code == 401


def test_gdal_reads_the_offers_without_signing_in(town):
    quiet = {**os.environ, "no_proxy": "*", "NO_PROXY": "*"}
    listed = subprocess.run(
        ["ogr2ogr", "-f", "GeoJSON", "/vsistdout/", f"OAPIF:{town.url}", "offers"],
        capture_output=True,
        text=True,
        check=True,
        env=quiet,
    )
    assert {f["properties"]["plot"] for f in json.loads(listed.stdout)["features"]} == {GOOD, FAULTY}
    whole = public(town, f"{ITEMS}?f=fgb")
    path = base_of(town).with_name("offers.fgb")
    path.write_bytes(whole.content)
    assert set(gpd.read_file(path)["plot"]) == {GOOD, FAULTY}


def test_b9_what_is_not_published_changes_nothing_that_the_public_hears(town):
    """Not its count, its extent, its stamp: nor drafts, nor terms of drafts, nor who edits the land beside."""
    before = told(town)
    assert {path: a[0] for path, a in before.items() if a[0] != 200} == {f"{ITEMS}/L-{DRAFT}": 404, f"{ITEMS}/L-nobody": 404}
    text = str(before)
    assert f"L-{DRAFT}" not in text.replace(f"{ITEMS}/L-{DRAFT}", "").replace(f"no feature L-{DRAFT}", "").replace(
        f"编号 L-{DRAFT}", ""
    )
    assert "Demo park" not in text
    for path in (f"{ITEMS}?state=draft", f"{ITEMS}?filter=state<>'published'", f"{ITEMS}?filter=plot='{DRAFT}'"):
        assert (ids(public(town, path)), public(town, path).json()["numberMatched"]) == ([], 0)
    assert work(town, "planner", "PATCH", f"/listings/L-{DRAFT}", json={"terms": {"far": "≥1.7"}}).status_code == 200
    store = GpkgStore.open(base_of(town))
    try:
        plots = store.read("parcels", columns=["id"])["id"].tolist()
        free = next(id for id in plots if id not in (GOOD, FAULTY, DRAFT))
        store.edit("stakeholders", Change("li"), put=store.read("stakeholders").head(1).assign(name="新"))
        found = store.read("parcels", ids=[free])
        store.edit("parcels", Change("li"), put=found.assign(owner="somebody"))
    finally:
        store.close()
    assert town.ask("planner", "POST", "/listings", json={"plot": free}).status_code == 201
    after = told(town)
    assert {path: a for path, a in after.items() if a != before[path]} == {}


def test_b9_what_one_may_not_see_is_no_oracle(town):
    for name in ("parcels", "listings", "findings", "nothing"):
        for rest in ("", "/items", "/items/1", "/queryables", "/schema"):
            answer = public(town, f"/collections/{name}{rest}")
            assert (answer.status_code, answer.json()["title"], "etag" in answer.headers) == (401, "WhoAreYou", False)
            assert OFFERED.fullmatch(f"/collections/{name}{rest}") is None
    hidden = public(town, f"{ITEMS}?filter=entry>0")
    unknown = public(town, f"{ITEMS}?filter=nothing>0")
    assert (hidden.status_code, unknown.status_code) == (400, 400)
    assert hidden.text.count("entry") == unknown.text.count("nothing"), "what is hidden is not among the names told either"
    assert public(town, f"{ITEMS}?as_of=2020-01-01").status_code == 400
    assert public(town, f"{ITEMS}/L-{GOOD}?as_of=2020-01-01").status_code == 400
    assert public(town, f"{ITEMS}/L-{GOOD}/history").status_code == 401


def test_what_is_published_or_withdrawn_is_there_or_gone_at_once(town):
    etag = public(town, ITEMS).headers["etag"]
    assert town.ask(None, "GET", ITEMS, headers={"If-None-Match": etag}).status_code == 304
    assert (
        work(town, "approver", "PUT", f"/listings/L-{GOOD}/state", json={"state": "withdrawn", "reason": "x"}).status_code == 200
    )
    answer = town.ask(None, "GET", ITEMS, headers={"If-None-Match": etag})
    assert (answer.status_code, ids(answer), answer.json()["numberMatched"]) == (200, [f"L-{FAULTY}"], 1)
    assert public(town, f"{ITEMS}/L-{GOOD}").status_code == 404


def test_offers_are_changed_as_listings(town):
    here = f"{ITEMS}/L-{GOOD}"
    etag = town.ask("planner", "GET", here).headers["etag"]
    for method, path, body in (
        ("POST", ITEMS, {"type": "Feature"}),
        ("PATCH", here, {"properties": {"far": "≥9"}}),
        ("DELETE", here, None),
    ):
        answer = town.ask("planner", method, path, headers={"If-Match": etag}, **({"json": body} if body else {}))
        assert (answer.status_code, "listings" in answer.json()["detail"]) == (404, True), method
        assert town.ask(None, method, path).status_code == 401
    assert town.ask("planner", "OPTIONS", ITEMS).headers["allow"] == "GET, HEAD, OPTIONS"
    assert [c["id"] for c in town.ask("viewer", "GET", "/collections").json()["collections"]][-1] == "offers"


def test_who_opens_the_map_without_a_name_signs_in_first(town):
    page = public(town, "/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2F")
    links = [link["href"] for link in public(town, "/").json()["links"]]
    assert all(
        public(town, href.removeprefix(town.url), headers={"Accept": "application/json"}).status_code == 200 for href in links
    )
    assert any("/jobs" in link["href"] for link in town.ask("viewer", "GET", "/").json()["links"])
