"""Edits over HTTP by OGC API - Features, Part 4: nobody overwrites what he has not read, and findings are fresh at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import shapely
from pandas.testing import assert_frame_equal

from layers.inputs import land_versions
from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, Server, serving, shudi

EPSG = "http://www.opengis.net/def/crs/EPSG/0/4548"
PARCELS = "/collections/parcels/items"
PLOT = f"{PARCELS}/D001-B01-P01"


@pytest.fixture
def served(own_park: Path, tmp_path: Path):
    with serving(own_park, tmp_path) as running:
        yield running


def tagged(server: Server, path: str) -> str:
    return server.client.get(path).headers["etag"]


def patch(server: Server, path: str, etag: str | None, **values: object):
    headers = {"Content-Type": "application/merge-patch+json"} | ({"If-Match": etag} if etag else {})
    return server.client.patch(path, content=json.dumps({"properties": values}), headers=headers)


def test_a_change_rests_on_the_version_that_was_read(served: Server) -> None:
    etag = tagged(served, PLOT)
    assert patch(served, PLOT, None, status="idle").status_code == 428
    done = patch(served, PLOT, etag, status="idle", owner=None)
    assert (done.status_code, done.headers["etag"]) == (204, tagged(served, PLOT))
    stale = patch(served, PLOT, etag, status="ready")
    assert stale.status_code == 412
    assert stale.headers["content-type"] == "application/problem+json"
    told = stale.json()
    assert (told["expected"], told["found"]) == (etag, done.headers["etag"])
    assert told["current"]["properties"]["status"] == "idle"
    assert "更改" in told["detail_zh"]
    assert served.client.get(PLOT).json()["properties"]["status"] == "idle"


def test_of_two_who_change_the_same_version_one_wins(served: Server) -> None:
    def race(owner: str) -> int:
        return patch(served, PLOT, etag, owner=owner).status_code

    for turn in range(5):
        etag = tagged(served, PLOT)
        with ThreadPoolExecutor(2) as both:
            assert sorted(both.map(race, (f"Li {turn}", f"Wang {turn}"))) == [204, 412]


def test_a_split_and_a_merge_rest_on_the_versions_that_were_read(served: Server) -> None:
    """Each parcel that goes is named by its tag; who was slower loses nothing of the other."""
    id = PLOT.split("/")[-1]
    xmin, ymin, xmax, ymax = shapely.geometry.shape(served.client.get(PLOT).json()["geometry"]).bounds
    middle = (xmin + xmax) / 2
    line = {"line": {"type": "LineString", "coordinates": [[middle, ymin - 0.001], [middle, ymax + 0.001]]}}

    def post(path: str, body: object, *tags: str):
        return served.client.post(f"/parcels/{path}", json=body, headers={"If-Match": ", ".join(tags)} if tags else {})

    read = tagged(served, PLOT)
    assert post(f"{id}/split", line).status_code == 428
    assert patch(served, PLOT, read, owner="Li").status_code == 204
    stale = post(f"{id}/split", line, read)
    assert (stale.status_code, stale.json()["current"]["properties"]["owner"]) == (412, "Li")
    made = post(f"{id}/split", line, tagged(served, PLOT))
    assert made.status_code == 200, made.text
    west, east = (f"{PARCELS}/{one}" for one in made.json()["created"])
    tags = [tagged(served, one) for one in (west, east)]
    both = {"ids": made.json()["created"], "into": id}
    assert post("merge", both).status_code == 428
    assert post("merge", both, tags[0]).status_code == 412
    assert patch(served, east, tags[1], owner="Wang").status_code == 204
    stale = post("merge", both, *tags)
    assert (stale.status_code, stale.json()["current"]["properties"]["owner"]) == (412, "Wang")
    assert post("merge", both, tags[0], tagged(served, east)).status_code == 200
    assert served.client.get(east).status_code == 404


def test_features_are_listed_as_they_were_known_and_told_apart_between_two_moments(served: Server) -> None:
    ask = served.client.get
    before = datetime.now(UTC).isoformat()
    was = ask(PLOT).json()["properties"]
    assert patch(served, PLOT, "*", status="idle" if was["status"] != "idle" else "built", owner="Zhao").status_code == 204
    assert served.client.delete(f"{PARCELS}/D001-B01-P02", params={"accept": "x"}, headers={"If-Match": "*"}).status_code == 204
    after = datetime.now(UTC).isoformat()
    assert patch(served, PLOT, "*", owner="Qian").status_code == 204

    def owners(at: str | None, **more: object) -> list[object]:
        listed = ask(PARCELS, params={"filter": "id LIKE 'D001-B01-P0%'", **({"as_of": at} if at else {}), **more}).json()
        assert listed.get("numberMatched") == len(listed["features"]) or "limit" in more
        return [(f["id"][-3:], f["properties"]["owner"]) for f in listed["features"]]

    first, second = was["owner"], ask(f"{PARCELS}/D001-B01-P02", params={"as_of": before}).json()["properties"]["owner"]
    assert owners(before)[:2] == [("P01", first), ("P02", second)]
    assert owners(before, sortby="-id")[-2:] == [("P02", second), ("P01", first)]
    assert owners(before, limit=1) == [("P01", first)]
    assert owners(after)[:2] == [("P01", "Zhao"), owners(before)[2]]
    assert owners(None)[0] == ("P01", "Qian")
    box = ",".join(map(str, shapely.geometry.shape(ask(PLOT).json()["geometry"]).bounds))
    assert ask(PARCELS, params={"bbox": box, "as_of": after}).json()["features"][0]["properties"]["owner"] == "Zhao"
    follow = ask(PARCELS, params={"limit": 1, "as_of": before}).json()
    (more,) = [link["href"] for link in follow["links"] if link["rel"] == "next"]
    assert ask(more.removeprefix(served.url)).json()["features"][0]["id"] == "D001-B01-P02"
    assert ask(PLOT, params={"as_of": after}).json()["properties"]["owner"] == "Zhao"
    assert ask(PLOT, params={"as_of": "2000-01-01T00:00:00Z"}).status_code == 404
    assert ask(PARCELS, params={"as_of": "2000-01-01T00:00:00Z"}).json()["features"] == []
    for wrong in ("yesterday", "2026-13-01", ""):
        assert ask(PARCELS, params={"as_of": wrong}).status_code == 400
    assert ask("/collections/readiness/items", params={"as_of": before}).status_code == 400

    told = ask("/diff", params={"since": before, "until": after}).json()
    found = {(d["layer"], d["id"]): d for d in told["differences"]}
    assert {("parcels", "D001-B01-P01"), ("parcels", "D001-B01-P02")} <= found.keys()
    changed, gone = found["parcels", "D001-B01-P01"], found["parcels", "D001-B01-P02"]
    assert (changed["before"]["owner"], changed["after"]["owner"]) == (first, "Zhao")
    assert set(changed["columns"]) == {"status", "owner"}
    assert (gone["after"], gone["before"]["id"], told["more"]) == (None, "D001-B01-P02", False)
    short = ask("/diff", params={"since": before, "layer": "parcels", "limit": 1}).json()
    assert (len(short["differences"]), short["more"]) == (1, True)
    assert ask("/diff", params={"since": before, "layer": "lakes"}).status_code == 404
    assert ask("/diff", params={"since": after, "layer": "roads"}).json() == {"differences": [], "more": False}
    assert [w["reason"] for w in ask("/history", params={"since": before, "until": after}).json()] == ["", "accepted 接受: x"]


def test_an_outside_edit_makes_the_etag_stale(served: Server, own_park: Path) -> None:
    etag = tagged(served, PLOT)
    assert shudi("edit", "parcels", "D001-B01-P01", "status=listed", "--base", own_park).status == 0
    assert patch(served, PLOT, etag, status="idle").status_code == 412


def test_features_are_created_replaced_and_deleted(served: Server, own_park: Path) -> None:
    pipe = {
        "type": "Feature",
        "properties": {"kind": "water", "role": "main", "status": "in_service"},
        "geometry": {"type": "LineString", "coordinates": [[4061000.5, 500100.25], [4061000.5, 500200.25]]},
    }
    made = served.client.post("/collections/utilities/items?reason=Doc%207", json=pipe, headers={"Content-Crs": f"<{EPSG}>"})
    assert made.status_code == 201, made.text
    assert (b"Location", made.headers["location"].encode()) in made.headers.raw
    place = made.headers["location"].removeprefix(served.url)
    read = served.client.get(place, params={"crs": EPSG}).json()
    assert read["geometry"]["coordinates"] == [[4061000.5, 500100.25], [4061000.5, 500200.25]]
    pipe["properties"] = {"kind": "gas"}
    assert served.client.put(place, json=pipe).status_code == 428
    put = served.client.put(place, json=pipe, headers={"If-Match": made.headers["etag"], "Content-Crs": f"<{EPSG}>"})
    assert put.status_code == 204, put.text
    assert served.client.get(place).json()["properties"]["role"] is None
    gone = served.client.delete(place, headers={"If-Match": put.headers["etag"]})
    assert (gone.status_code, served.client.get(place).status_code) == (204, 404)
    store = GpkgStore.open(own_park, read_only=True)
    records = store.history("utilities", read["id"])
    assert [r.reason for r in records] == ["Doc 7", "", ""]
    found, inputs = store.findings()
    assert inputs["layers"] == land_versions(store)
    assert shudi("assess", "--on", DAY, "--full", "--base", own_park).status == 0
    assert_frame_equal(found.sort_index(), store.findings()[0].sort_index(), check_exact=True)
    store.close()


def test_what_cannot_stand_is_refused(served: Server) -> None:
    def post(body: object, path: str = PARCELS) -> tuple[int, str]:
        answer = served.client.post(path, content=body if isinstance(body, str) else json.dumps(body))
        return answer.status_code, answer.json().get("detail", "")

    square = {"type": "Polygon", "coordinates": [[[117, 36.6], [117.001, 36.6], [117.001, 36.601], [117, 36.601], [117, 36.6]]]}
    assert post("{")[0] == 422
    assert post([])[0] == 422
    assert post({"type": "FeatureCollection", "features": []})[0] == 422
    assert post({"type": "Feature", "id": "D001-B01-P01", "properties": {}, "geometry": square})[0] == 409
    assert "status cannot be" in post({"type": "Feature", "properties": {"status": "sold"}, "geometry": square})[1]
    assert post({"type": "Feature", "properties": {}, "geometry": square}, "/collections/readiness/items")[0] == 404
    assert post({"type": "Feature", "properties": {}, "geometry": square}, "/collections/lakes/items")[0] == 404
    other = served.client.put(PLOT, json={"id": "X", "properties": {}, "geometry": square}, headers={"If-Match": "*"})
    assert (other.status_code, "the address D001-B01-P01" in other.json()["detail"]) == (422, True)
    gap = served.client.delete(PLOT, headers={"If-Match": "*"})
    assert (gap.status_code, "a gap of" in gap.json()["detail"]) == (422, True)
    assert served.client.delete(PLOT, params={"accept": "a road"}, headers={"If-Match": "*"}).status_code == 204
    assert served.client.delete(PLOT, headers={"If-Match": "*"}).status_code == 404


def test_clients_learn_what_they_may_do(served: Server) -> None:
    assert "POST" in served.client.options(PARCELS).headers["allow"]
    assert {"PUT", "DELETE"} <= set(served.client.options(PLOT).headers["allow"].split(", "))
    assert "POST" not in served.client.options("/collections/readiness/items").headers["allow"]
    classes = served.client.get("/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/optimistic-locking-etags" in classes


def test_a_service_may_take_changes_without_a_version(own_park: Path, tmp_path: Path) -> None:
    with serving(own_park, tmp_path, "--unconditional") as server:
        assert patch(server, PLOT, None, status="idle").status_code == 204
        assert patch(server, PLOT, '"old"', status="ready").status_code == 412
