"""OGC API - Features over the demo park: what a client of the standard asks, and what GDAL makes of it."""

import json
import shutil
import subprocess
import time
from contextlib import closing

import geopandas as gpd
import pytest
import shapely

from layers import collections, paging
from layers.base import Edition
from layers.catalogue import LAYERS, LEDGER
from layers.filter.tree import Places, read
from layers.known import Known
from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from tests.api.faces import serving

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
PARCELS = "/collections/parcels/items"
PLOT = "D001-B08-P01"
VECTORS = [n for n, y in LAYERS.items() if y.geometry != "raster"]


def get(server, path, status=200, **params):
    answer = server.client.get(
        path, params={k.replace("_", "-") if k.endswith(("_crs", "_lang")) else k: v for k, v in params.items()}
    )
    assert answer.status_code == status, answer.text
    return answer


def body(server, path, **params):
    return get(server, path, **params).json()


def pages(server, path, **params):
    """Follow `next` to the end."""
    answer = get(server, path, **params).json()
    yield answer
    while following := [k["href"] for k in answer["links"] if k["rel"] == "next"]:
        assert following[0].startswith(server.url)
        answer = server.client.get(following[0]).json()
        yield answer


def ids(answer):
    return [f["id"] for f in answer["features"]]


@pytest.fixture(scope="module")
def land(park):
    """The parcels of the park as they are stored."""
    store = GpkgStore.open(park, read_only=True)
    yield store.read("parcels")
    store.close()


def test_the_landing_page_leads_to_everything(server):
    root = server.client.get("/", headers={"Accept": "application/json"}).json()
    assert root == body(server, "/", f="json")
    for link in root["links"]:
        answer = server.client.get(link["href"], headers={"Accept": link["type"]})
        assert answer.status_code == 200, link
        assert answer.headers["content-type"].split(";")[0] == link["type"].split(";")[0]
    assert {"self", "service-desc", "service-doc", "conformance", "data"} <= {k["rel"] for k in root["links"]}
    assert "<script" in server.client.get("/", headers={"Accept": "text/html,*/*"}).text  # the map


def test_every_document_is_there_in_both_forms_and_its_links_lead_somewhere(server):
    listed = body(server, "/collections")
    assert [c["id"] for c in listed["collections"]] == [*VECTORS, "readiness", "findings", "offers"]
    for c in listed["collections"]:
        alone = body(server, f"/collections/{c['id']}")
        assert alone["crs"] == listed["crs"]
        assert {**alone, "crs": 0, "links": 0} == {**c, "crs": 0, "links": 0}
        placed = c["id"] not in LAYERS or LAYERS[c["id"]].drawn
        held = body(server, f"/collections/{c['id']}/items", limit=1)["numberMatched"]
        assert ("extent" in c) == (placed and held > 0)
        west, south, east, north = c["extent"]["spatial"]["bbox"][0] if "extent" in c else (117.0, 37.0, 117.1, 37.1)
        assert 116 < west < east < 118
        assert 36 < south < north < 38
        for link in alone["links"]:
            answer = server.client.get(link["href"])
            assert answer.status_code == 200, link
            assert answer.headers["content-type"].split(";")[0] == link["type"]
            if link["type"] == "text/html":
                assert answer.text.startswith("<!doctype html>")
                assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_collection_holds_what_is_stored(server, land):
    answer = body(server, PARCELS, limit=10_000)
    assert answer["numberMatched"] == answer["numberReturned"] == len(answer["features"]) == len(land)
    assert ids(answer) == sorted(land["id"])
    found = gpd.GeoDataFrame.from_features(answer["features"], crs="OGC:CRS84").to_crs(land.crs).set_index("id")
    stored = land.set_index("id").loc[found.index]
    assert (found.geometry.distance(stored.geometry.centroid) < 200).all()
    assert shapely.hausdorff_distance(found.geometry.to_numpy(), stored.geometry.to_numpy()).max() < 1e-6
    assert found["status"].fillna("").tolist() == stored["status"].fillna("").tolist()
    assert found["area_recorded"].tolist() == stored["area_recorded"].tolist()


@pytest.mark.parametrize(
    ("code", "turned"), [("4548", True), ("4527", True), ("4490", True), ("4326", True), ("3857", False), ("4547", True)]
)
def test_coordinates_come_in_the_order_of_their_authority(server, land, code, turned):
    answer = get(server, PARCELS, limit=10_000, crs=EPSG + code)
    assert answer.headers["content-crs"] == f"<{EPSG}{code}>"
    found = gpd.GeoDataFrame.from_features(answer.json()["features"]).set_index("id")
    shapes = shapely.transform(found.geometry.to_numpy(), lambda xy: xy[:, ::-1] if turned else xy)
    expected = land.to_crs(f"EPSG:{code}").set_index("id").loc[found.index].geometry.to_numpy()
    assert shapely.hausdorff_distance(shapes, expected).max() < 1e-6
    one = get(server, f"{PARCELS}/{PLOT}", crs=EPSG + code)
    assert one.headers["content-crs"] == f"<{EPSG}{code}>"
    assert one.json()["geometry"] == next(f for f in answer.json()["features"] if f["id"] == PLOT)["geometry"]


def test_a_box_finds_what_its_polygon_meets_in_any_crs(server, land):
    west, south, east, north = land[land["block"] == "D001-B08"].to_crs("EPSG:4490").total_bounds
    expected = sorted(land[land.to_crs("EPSG:4490").intersects(shapely.box(west, south, east, north))]["id"])
    assert 0 < len(expected) < len(land)
    plain = body(server, PARCELS, bbox=f"{west},{south},{east},{north}", limit=1000)
    assert (ids(plain), plain["numberMatched"]) == (expected, len(expected))
    assert ids(body(server, PARCELS, bbox=f"{west},{south},0,{east},{north},99", limit=1000)) == expected
    turned = f"{south},{west},{north},{east}"
    assert ids(body(server, PARCELS, bbox=turned, bbox_crs=EPSG + "4490", limit=1000)) == expected
    x0, y0, x1, y1 = land[land["block"] == "D001-B08"].total_bounds
    near = sorted(land[land.intersects(shapely.box(x0, y0, x1, y1))]["id"])
    assert ids(body(server, PARCELS, bbox=f"{y0},{x0},{y1},{x1}", bbox_crs=EPSG + "4548", limit=1000)) == near
    assert body(server, PARCELS, bbox="170,-90,-170,90")["numberMatched"] == 0
    assert body(server, PARCELS, bbox="-180,-90,180,90")["numberMatched"] == len(land)
    assert body(server, PARCELS, bbox="116,-90,-170,90")["numberMatched"] == len(land)


@pytest.mark.parametrize("params", [{}, {"sortby": "-area_recorded"}, {"sortby": "owner,-id"}, {"filter": "status <> 'built'"}])
def test_pages_put_together_are_the_whole(server, land, params):
    whole = body(server, PARCELS, limit=10_000, **params)
    found = list(pages(server, PARCELS, limit=37, **params))
    assert [i for answer in found for i in ids(answer)] == ids(whole)
    assert {answer["numberMatched"] for answer in found} == {whole["numberMatched"]}
    assert all(answer["numberReturned"] == 37 for answer in found[:-1])


def test_sorting_puts_what_is_missing_last(server, land):
    for sortby, up in (("owner", True), ("-owner", False)):
        got = [f["properties"]["owner"] for f in body(server, PARCELS, limit=10_000, sortby=sortby)["features"]]
        known = [o for o in got if o is not None]
        assert known == sorted(known, reverse=not up)
        assert got[len(known) :] == [None] * (len(got) - len(known))


def test_pages_stay_whole_while_somebody_edits(own_park, tmp_path):
    with serving(own_park, tmp_path) as server:
        first = body(server, PARCELS, limit=50)
        rest = next(k["href"] for k in first["links"] if k["rel"] == "next")
        with_store = GpkgStore.open(own_park)
        before = sorted(with_store.read("parcels")["id"])
        new = with_store.read("parcels", ids=[before[0]]).assign(id="A000")
        with_store.edit("parcels", Change("Wu"), put=new, delete=[before[3]])
        with_store.close()
        second = server.client.get(rest).json()
        assert ids(second) == before[50:100]
        assert ids(body(server, PARCELS, limit=2)) == ["A000", before[0]]


def test_filters_in_text_and_json_find_the_same(server, land):
    text = "status IN ('ready', 'listed') AND (area_recorded > 8000 OR owner IS NULL)"
    as_json = {
        "op": "and",
        "args": [
            {"op": "in", "args": [{"property": "status"}, ["ready", "listed"]]},
            {"op": "or", "args": [
                {"op": ">", "args": [{"property": "area_recorded"}, 8000]},
                {"op": "isNull", "args": [{"property": "owner"}]},
            ]},
        ],
    }  # fmt: skip
    some = land[land["status"].isin(["ready", "listed"]) & ((land["area_recorded"] > 8000) | land["owner"].isna())]
    one = body(server, PARCELS, filter=text, limit=10_000)
    other = body(server, PARCELS, filter=json.dumps(as_json), filter_lang="cql2-json", limit=10_000)
    assert 0 < len(some) < len(land)
    assert ids(one) == ids(other) == sorted(some["id"])
    x, y = land.geometry.iloc[0].representative_point().coords[0]
    place = f"s_intersects(geometry, POINT({y} {x}))"
    assert ids(body(server, PARCELS, filter=place, filter_crs=EPSG + "4548")) == [land["id"].iloc[0]]
    assert ids(server.client.get(PARCELS, params={"status": "ready", "block": "D001-B08"}).json()) == sorted(
        land[(land["status"] == "ready") & (land["block"] == "D001-B08")]["id"]
    )


def test_columns_are_chosen_and_described(server):
    answer = body(server, PARCELS, properties="status,block", limit=3)
    assert [list(f["properties"]) for f in answer["features"]] == [["id", "block", "status"]] * 3
    assert "geometry" not in body(server, "/collections/projects/queryables")["properties"]
    for name in [*(n for n in VECTORS if n not in LEDGER), "findings", "readiness"]:
        told = body(server, f"/collections/{name}/queryables")["properties"]
        assert told["geometry"]["format"].startswith("geometry-")
        sample = body(server, f"/collections/{name}/items", limit=1)["features"][0]
        assert set(sample["properties"]) == set(told) - {"geometry"}
        assert [column for column, of in told.items() if of.get("title") == column] == []  # a name is no title
        assert body(server, f"/collections/{name}/schema")["properties"] == told
    assert told["ready_state"]["enum"] == ["ready", "dated", "undated", "never", "unknown"]


def test_readiness_and_findings_are_collections(server, land):
    for name in ("readiness", "findings"):
        path = f"/collections/{name}/items"
        whole = body(server, path, limit=10_000)
        assert ids(whole) == sorted(land["id"])
        ready = {f["id"] for f in whole["features"] if f["properties"]["ready_state"] == "ready"}
        assert set(ids(body(server, path, limit=10_000, filter="ready_state = 'ready'"))) == ready
        assert 0 < len(ready) < len(land)


def test_days_choose_what_is_valid(server, own_park, tmp_path):
    store = GpkgStore.open(own_park)
    some = store.read("parcels").head(4)
    days = gpd.pd.to_datetime(["2026-01-10", None, "2026-01-10", None])
    ends = gpd.pd.to_datetime(["2026-01-20", "2026-01-20", None, None])
    store.edit(
        "parcels", Change("Wu"), put=some.assign(valid_from=days, valid_to=ends), delete=store.read("parcels")["id"].tolist()[4:]
    )
    store.close()
    a, b, c, d = some["id"]
    with serving(own_park, tmp_path) as own:
        for asked, expected in {
            "2026-01-09": [b, d], "2026-01-10": [a, b, c, d], "2026-01-19T23:00:00Z": [a, b, c, d], "2026-01-20": [c, d],
            "2026-01-01/2026-01-09": [b, d], "2026-01-20/..": [c, d], "../2026-01-01": [b, d], "2026-01-19/2026-02-01": [a, b, c, d],
        }.items():  # fmt: skip
            assert ids(body(own, PARCELS, datetime=asked)) == sorted(expected), asked
    assert body(server, "/collections/roads/items", datetime="1900-01-01", limit=1)["numberMatched"] > 0


def until(question):
    """Wait until something holds: the second in which a thing was written must be over."""
    end = time.monotonic() + 20
    while not question():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_who_has_it_already_gets_it_not_again(server, own_park, tmp_path):
    with serving(own_park, tmp_path) as own:
        for path in (PARCELS, f"{PARCELS}/{PLOT}", "/collections/findings/items"):
            first = own.client.get(path)
            assert first.headers["content-encoding"] == "gzip"
            assert {"Accept", "Accept-Encoding"} <= {v.strip() for v in first.headers["vary"].split(",")}
            again = own.client.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            store = GpkgStore.open(own_park)
            plot = store.read("parcels", ids=[PLOT])
            store.edit("parcels", Change("Wu"), put=plot.assign(address=path))
            store.close()
            changed = own.client.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert changed.status_code == 200
            assert changed.headers["etag"] != first.headers["etag"]
            assert own.client.get(path, headers={"Accept": "text/html"}).headers["etag"] != changed.headers["etag"]
        for path in (
            PARCELS,
            f"{PARCELS}/{PLOT}",
            "/tiles/parcels/14/13515/6414.mvt",
            "/collections/parcels/tiles/WebMercatorQuad/14/6414/13515",
        ):
            until(lambda path=path: "last-modified" in own.client.get(path).headers)
            dated = own.client.get(path).headers["last-modified"]
            assert own.client.get(path, headers={"If-Modified-Since": dated}).status_code == 304
            for other in ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 2094 08:49:37 GMT", "yesterday", ""):
                assert own.client.get(path, headers={"If-Modified-Since": other}).status_code == 200
            both = {"If-Modified-Since": dated, "If-None-Match": '"other"'}
            assert own.client.get(path, headers=both).status_code == 200
        assert "last-modified" not in own.client.get("/collections/readiness/items").headers
        with closing(GpkgStore.open(own_park)) as store:
            store.edit("parcels", Change("Wu"), put=plot.assign(address="again"))
        for path in (PARCELS, f"{PARCELS}/{PLOT}"):
            now = own.client.get(path, headers={"If-Modified-Since": dated})
            assert (now.status_code, now.headers.get("last-modified") != dated) == (200, True)


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"limit": "0"}, 400), ({"limit": "-1"}, 400), ({"limit": "x"}, 400), ({"limit": "1.5"}, 400), ({"limit": "٣"}, 400),
        ({"limit": str(2**64)}, 200), ({"limit": "10001"}, 200), ({"bbox": "1,2,3"}, 400), ({"bbox": "NaN,1,2,3"}, 400),
        ({"bbox": "1e999,1,2,3"}, 400), ({"bbox": ",".join("1" * 400)}, 400), ({"bbox": "1,5,2,3"}, 400), ({"bbox": ""}, 400),
        ({"bbox": "1,2,3,4", "bbox-crs": EPSG + "9999"}, 400), ({"crs": "EPSG:1"}, 400), ({"crs": "'; --"}, 400),
        ({"bbox": "5,2,3,4", "bbox-crs": EPSG + "3857"}, 400), ({"datetime": "soon"}, 400), ({"datetime": "a/b/c"}, 400),
        ({"datetime": "2026-02-01/2026-01-01"}, 400), ({"datetime": ""}, 400), ({"filter": "(" * 3000}, 400), ({"filter": ""}, 400),
        ({"filter": "status='x' OR 1=1"}, 200), ({"filter": "status = '' UNION SELECT 1"}, 400), ({"filter-lang": "sql"}, 400),
        ({"sortby": "nope"}, 400), ({"sortby": "id; DROP TABLE parcels"}, 400), ({"sortby": "geometry"}, 400),
        ({"properties": "__class__"}, 400), ({"offset": "5"}, 400), ({"after": "x"}, 400), ({"after": "WzFd"}, 400),
        ({"after": "WyJhIiwiYiJd"}, 200), ({"sortby": "status", "after": "WyJhIl0"}, 400), ({"area_recorded": "many"}, 400),
        ({"sortby": "area_recorded", "after": "WyJhIiwiYiJd"}, 400), ({"status": "' OR '1'='1"}, 200), ({"f": "xml"}, 400),
        ({"valid_from": "never"}, 400), ({"filter": "s_intersects(geometry, POINT(1e308 1e308))"}, 200), ({"filter": "{{7*7}} = 1"}, 400),
    ],
)  # fmt: skip
def test_no_parameter_breaks_it(server, params, status):
    answer = server.client.get(PARCELS, params=params)
    assert answer.status_code == status, answer.text
    if status != 200:
        told = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert told["detail"]
        assert told["detail_zh"]
        assert "SELECT" not in told["detail"] or "SELECT" in str(params)
    elif "limit" in params:
        assert answer.json()["numberReturned"] == 400


@pytest.mark.parametrize(
    "path",
    ["/collections/nope", "/collections/nope/items", "/collections/terrain/items", "/collections/__class__/schema", f"{PARCELS}/nope",
     f"{PARCELS}/{2**70}", f"{PARCELS}/%27%20OR%201=1", "/collections/parcels'--/items", "/collections/findings/items/nope"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(server, path):
    assert server.client.get(path).status_code == 404


def test_links_come_from_the_service_not_from_the_request(server):
    answer = server.client.get("/collections", headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})
    assert "evil" not in answer.text
    assert server.client.get("/collections?%0d%0aSet-Cookie:x=1").headers.get("set-cookie") is None


def test_texts_are_escaped_in_html(own_park, tmp_path):
    store = GpkgStore.open(own_park)
    plot = store.read("parcels", ids=[PLOT])
    store.edit("parcels", Change("Wu"), put=plot.assign(address="<script>alert(1)</script>", owner='"><img src=x>'))
    store.close()
    with serving(own_park, tmp_path) as own:
        for path in (f"{PARCELS}/{PLOT}?f=html", f"{PARCELS}?f=html&status=ready&limit=1000"):
            assert "<script" not in own.client.get(path).text
            assert "<img" not in own.client.get(path).text


def test_every_parameter_is_described_in_openapi_3_0(server):
    answer = get(server, "/api")
    assert answer.headers["content-type"].startswith("application/vnd.oai.openapi+json;version=3.0")
    told = answer.json()
    assert told["openapi"].startswith("3.0.")
    assert told["servers"] == [{"url": server.url}]
    parameters = {p["name"]: p for p in told["paths"]["/collections/{collectionId}/items"]["get"]["parameters"]}
    assert {"collectionId", "limit", "bbox", "bbox-crs", "crs", "datetime", "filter", "filter-lang", "filter-crs", "sortby",
            "properties", "after", "f"} <= set(parameters)  # fmt: skip
    assert parameters["limit"]["schema"]["maximum"] == 10_000
    text = json.dumps(told)
    assert '"null"' not in text
    assert '"const"' not in text


def test_a_base_elsewhere_is_served_in_its_own_crs(tmp_path):
    store = GpkgStore.create(tmp_path / "land.gpkg", "EPSG:26986")
    plots = gpd.GeoDataFrame({"id": ["1"]}, geometry=[shapely.box(232_000, 900_000, 232_100, 900_100)], crs="EPSG:26986")
    store.add(Edition("", "parcels", "survey", gpd.pd.Timestamp("2026-01-01").date()), plots, Change("Wu"))
    store.close()
    with serving(tmp_path / "land.gpkg", tmp_path) as own:
        told = body(own, "/collections/parcels")
        assert EPSG + "26986" in told["crs"]
        assert EPSG + "4548" not in told["crs"]
        assert body(own, PARCELS, bbox="-71.2,42.3,-71.0,42.5")["numberMatched"] == 1
        assert body(own, "/collections/roads/items")["features"] == []
        assert "extent" not in body(own, "/collections/roads")
        assert body(own, "/collections/readiness/items")["features"][0]["properties"]["verdict"] == "unknown"


@pytest.mark.skipif(not shutil.which("ogrinfo"), reason="no GDAL tools on this machine")
def test_gdal_reads_filters_and_pages(server, land):
    def ogrinfo(*args):
        done = subprocess.run(
            ["ogrinfo", f"OAPIF:{server.url}", *map(str, args)], capture_output=True, text=True, timeout=60, check=True,
            env={"PATH": "/usr/bin:/bin", "no_proxy": "*"},
        )  # fmt: skip
        assert "ERROR" not in done.stderr, done.stderr
        return done.stdout

    assert all(name in ogrinfo() for name in [*VECTORS, "readiness", "findings"])
    told = ogrinfo("-so", "parcels")
    assert f"Feature Count: {len(land)}" in told
    assert "area_recorded: Real" in told
    assert ogrinfo("-q", "parcels", "--config", "OGR_OAPIF_PAGE_SIZE", 50).count("OGRFeature") == len(land)
    assert ogrinfo("-q", "parcels", "-where", "status = 'ready'").count("OGRFeature") == (land["status"] == "ready").sum()
    x0, y0, x1, y1 = land.to_crs("EPSG:4490").iloc[[7]].total_bounds
    near = land.to_crs("EPSG:4490").intersects(shapely.box(x0, y0, x1, y1)).sum()
    assert ogrinfo("-q", "parcels", "-spat", x0, y0, x1, y1).count("OGRFeature") == near


def test_a_slow_count_is_left_out(park, monkeypatch):
    monkeypatch.setattr(paging, "PATIENCE", -1.0)
    monkeypatch.setattr(paging, "CHUNK", 100)
    store = GpkgStore.open(park, read_only=True)
    plots = collections.catalogue(store, Known())["parcels"]
    node = read("area_recorded > 0 OR status = 'x'", "cql2-text", plots.kinds, Places(to=store.crs))
    found = paging.page(store, plots, paging.Query(node=node, limit=5), Known())
    store.close()
    assert (len(found.features), found.matched) == (5, None)
