"""OGC API - Processes and Tiles, streams, and jobs that tell the truth whatever happens to the service."""

import json
import subprocess
import sys
import threading
import time

import geopandas as gpd
import pytest
import shapely

from api.jobs import Jobs, NoJobError
from layers.catalogue import LAYERS
from layers.errors import Refusal
from layers.store.gpkg import GpkgStore
from maps.tiles import tiled
from tests.api.faces import DAY, ENVIRONMENT, ROOT, serving, shudi

SITE = {
    "type": "Polygon",
    "coordinates": [[[500_200, 4_077_200], [500_300, 4_077_200], [500_300, 4_077_300], [500_200, 4_077_200]]],
}
CHECK = {"inputs": {"geometry": SITE, "crs": "EPSG:4548", "on": DAY}}
ITEMS = "/collections/{}/items"


def until(question, seconds=60):
    """Wait until something holds, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := question()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def finished(client, url):
    """Wait for the end of a job."""
    return until(lambda: ((told := client.get(url).json())["status"] in ("successful", "failed", "dismissed") and told) or None)


def test_processes_are_listed_and_described(server):
    listed = server.client.get("/processes").json()["processes"]
    assert [p["id"] for p in listed] == ["check", "assess", "supply", "packs", "suitability", "meeting"]
    for p in listed:
        told = server.client.get(f"/processes/{p['id']}").json()
        assert told["inputs"]
        assert told["outputs"]["result"]["schema"]["properties"]
        assert server.client.get(f"/processes/{p['id']}", headers={"Accept": "text/html"}).text.startswith("<!doctype html>")
    assert server.client.get("/processes/drain").status_code == 404
    assert server.client.post("/processes/drain/execution", json={}).status_code == 404


def test_a_process_says_at_once_what_its_route_says(server):
    sheet = server.client.post("/checks", json=CHECK["inputs"]).json()
    assert server.client.post("/processes/check/execution", json=CHECK).json() == sheet
    document = server.client.post("/processes/check/execution", json={**CHECK, "response": "document"}).json()
    assert document == {"result": sheet}
    table = server.client.get("/supply", params={"by": "year"}).json()
    assert server.client.post("/processes/supply/execution", json={"inputs": {"by": "year"}}).json() == table


def test_a_job_gives_the_same_later(server):
    begun = server.client.post("/processes/check/execution", json=CHECK, headers={"Prefer": "respond-async"})
    assert begun.status_code == 201
    assert (b"Location", begun.headers["location"].encode()) in begun.headers.raw  # QGIS looks for it as it is written here
    told = finished(server.client, begun.headers["location"])
    assert (told["status"], told["progress"], told["processID"]) == ("successful", 100, "check")
    results = next(k["href"] for k in told["links"] if k["rel"].endswith("/results"))
    assert server.client.get(results).json() == server.client.post("/processes/check/execution", json=CHECK).json()
    assert told["jobID"] in [job["jobID"] for job in server.client.get("/jobs").json()["jobs"]]
    assert server.client.delete(f"/jobs/{told['jobID']}").json()["status"] == "dismissed"
    assert server.client.get(f"/jobs/{told['jobID']}").status_code == 404


@pytest.mark.parametrize(
    ("process", "body", "status"),
    [
        ("check", {}, 400), ("check", {"inputs": {"geometry": 3}}, 400), ("supply", {"inputs": {"by": "week"}}, 400),
        ("assess", {"inputs": {"on": "soon"}}, 400), ("assess", {"inputs": {"off": 1}}, 400), ("check", {"inputs": []}, 422),
        ("check", {"inputs": {**CHECK["inputs"], "use": "zz"}}, 422), ("check", {"inputs": {**CHECK["inputs"], "crs": "EPSG:1"}}, 422),
    ],
)  # fmt: skip
def test_wrong_inputs_are_refused(server, process, body, status):
    answer = server.client.post(f"/processes/{process}/execution", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_job_that_is_refused_says_why(server):
    wrong = {"inputs": {**CHECK["inputs"], "geometry": {"type": "Point", "coordinates": [500_200, 4_077_200]}}}
    begun = server.client.post("/processes/check/execution", json=wrong, headers={"Prefer": "respond-async"})
    told = finished(server.client, begun.headers["location"])
    assert told["status"] == "failed"
    assert "draw one polygon" in told["message"]
    answer = server.client.get(begun.headers["location"] + "/results")
    assert (answer.status_code, "draw one polygon" in answer.json()["detail"]) == (409, True)


def test_assessing_by_a_job_makes_the_findings_fresh_and_their_etag_new(own_park, tmp_path):
    assert shudi("assess", "--base", own_park, "--on", "2020-01-01").status == 0
    with serving(own_park, tmp_path) as own:
        old = own.client.get(ITEMS.format("readiness"), params={"limit": 10_000})
        asked = {"inputs": {"on": DAY}}
        begun = own.client.post("/processes/assess/execution", json=asked, headers={"Prefer": "respond-async"})
        assert finished(own.client, begun.headers["location"])["status"] == "successful"
        counted = own.client.get(begun.headers["location"] + "/results").json()
        new = own.client.get(ITEMS.format("readiness"), params={"limit": 10_000}, headers={"If-None-Match": old.headers["etag"]})
        assert (counted["plots"], counted["on"], new.status_code) == (400, DAY, 200)
        states = [f["properties"]["ready_state"] for f in new.json()["features"]]
        assert {s: states.count(s) for s in set(states)} == counted["ready_state"]
        stored = new.headers["etag"]
        moment = {"inputs": {"on": DAY, "as_of": "2099-01-01T00:00:00Z"}}
        then = own.client.post("/processes/assess/execution", json=moment).json()
        assert (then["plots"], then["on"], then["as_of"], counted["as_of"]) == (400, DAY, "2099-01-01T00:00:00Z", None)
        assert then["verdict"]["unknown"] >= counted["verdict"]["unknown"]
        assert own.client.get(ITEMS.format("readiness"), params={"limit": 10_000}).headers["etag"] == stored


def test_a_job_is_failed_when_the_service_was_killed(own_park, tmp_path):
    with serving(own_park, tmp_path) as own:
        done = own.client.post("/processes/check/execution", json=CHECK, headers={"Prefer": "respond-async"}).headers["location"]
        assert finished(own.client, done)["status"] == "successful"
    killed = subprocess.run([sys.executable, "-c", CRASH, str(own_park)], env=ENVIRONMENT, cwd=ROOT, check=False, timeout=60)
    assert killed.returncode == 9
    with serving(own_park, tmp_path) as own:
        kept = {job["jobID"]: job for job in own.client.get("/jobs").json()["jobs"]}
        assert sorted(job["status"] for job in kept.values()) == ["failed", "successful"]
        failed = next(job for job in kept.values() if job["status"] == "failed")
        assert (failed["progress"], "the service stopped" in failed["message"]) == (50, True)
        assert own.client.get(f"/jobs/{done.rpartition('/')[2]}/results").status_code == 200


CRASH = """
import os, sys, threading
from pathlib import Path
from api.jobs import Jobs, beside
begun = threading.Event()
def work(progress):
    progress(1, 2)
    begun.set()
    threading.Event().wait()
Jobs(beside(Path(sys.argv[1]))).start("assess", "li", work)
begun.wait()
os._exit(9)
"""


@pytest.fixture
def jobs(tmp_path):
    made = Jobs(tmp_path / "park.jobs")
    yield made
    made.close()


def test_a_job_is_ended_where_it_runs_by_whoever_asks(jobs, tmp_path):
    begun, seen = threading.Event(), []

    def work(progress):
        for k in range(100_000):
            progress(k, 100_000)
            begun.set()
            seen.append(k)
            time.sleep(0.01)

    job = jobs.start("assess", "li", work)
    begun.wait(10)
    elsewhere = Jobs(tmp_path / "park.jobs")
    assert elsewhere.get(job.id, "li").state == "running"
    with pytest.raises(NoJobError):
        elsewhere.get(job.id, "wu")
    assert elsewhere.list("wu") == []
    assert [j.id for j in elsewhere.list(None)] == [job.id]
    assert elsewhere.dismiss(job.id, "li").state == "dismissed"
    until(lambda: jobs.get(job.id, "li").finished)
    count = len(seen)
    time.sleep(0.1)
    assert (len(seen), jobs.get(job.id, "li").state) == (count, "dismissed")
    elsewhere.close()


def test_a_mistake_of_our_own_is_told_without_its_words(jobs):
    def slip(progress):
        raise RuntimeError("/secret/path")

    job = jobs.start("check", "li", slip)
    told = until(lambda: ((j := jobs.get(job.id, None)).state == "failed" and j) or None)
    assert "secret" not in json.dumps(told.message)

    def refuse(progress):
        raise Refusal("no land", "没有土地")

    job = jobs.start("check", "li", refuse)
    assert until(lambda: ((j := jobs.get(job.id, None)).state == "failed" and j) or None).message == ["no land", "没有土地"]


def test_stopping_the_service_fails_what_runs(tmp_path):
    jobs, begun = Jobs(tmp_path / "a.jobs", workers=1), threading.Event()

    def work(progress):
        while True:
            progress(1, 4)
            begun.set()
            time.sleep(0.01)

    one, waiting = jobs.start("assess", "li", work), jobs.start("assess", "li", work)
    begun.wait(10)
    jobs.close()
    assert [jobs.get(j.id, "li").state for j in (one, waiting)] == ["failed", "failed"]


@pytest.mark.parametrize("id", ["nope", "../park", "0" * 32, "%2e%2e%2fpark", "x" * 500])
def test_what_is_no_job_is_not_found(server, id):
    assert server.client.get(f"/jobs/{id}").status_code in (404, 422)
    assert server.client.get(f"/jobs/{id}/results").status_code in (404, 422)


def test_streams_hold_the_whole_collection(server, park, tmp_path):
    store = GpkgStore.open(park, read_only=True)
    for name in ("parcels", "utilities"):
        stored = store.read(name).sort_values("id").set_index("id")
        for form, media in {
            "geojsonseq": "application/geo+json-seq", "fgb": "application/flatgeobuf", "parquet": "application/vnd.apache.parquet",
        }.items():  # fmt: skip
            answer = server.client.get(
                ITEMS.format(name), params={"f": form, "crs": "http://www.opengis.net/def/crs/EPSG/0/3857"}
            )
            assert (answer.status_code, answer.headers["content-type"]) == (200, media)
            assert server.client.get(ITEMS.format(name), headers={"Accept": media}).headers["content-type"] == media
            path = tmp_path / f"{name}.{form}"
            path.write_bytes(answer.content)
            found = gpd.read_parquet(path) if form == "parquet" else gpd.read_file(path)
            found = found.set_crs(3857, allow_override=True).set_index("id").sort_index()
            assert found.index.tolist() == stored.index.tolist(), (name, form)
            expected = stored.to_crs(3857).geometry.to_numpy()
            assert (
                shapely.hausdorff_distance(shapely.force_2d(found.geometry.to_numpy()), shapely.force_2d(expected)).max() < 1e-6
            )
            assert found["status"].fillna("").tolist() == stored["status"].fillna("").tolist()
    some = server.client.get(ITEMS.format("readiness"), params={"f": "geojsonseq", "filter": "ready_state='ready'", "limit": 7})
    lines = [json.loads(line) for line in some.text.replace("\x1e", "").splitlines()]
    assert [f["properties"]["ready_state"] for f in lines] == ["ready"] * 7
    assert server.client.get(ITEMS.format("parcels"), params={"f": "fgb", "sortby": "id"}).status_code == 400
    nothing = server.client.get(ITEMS.format("parcels"), params={"f": "parquet", "filter": "status = 'none'"})
    (tmp_path / "none.parquet").write_bytes(nothing.content)
    assert len(gpd.read_parquet(tmp_path / "none.parquet")) == 0
    store.close()


def test_tiles_have_the_standards_addresses(server):
    quad = server.client.get("/tileMatrixSets/WebMercatorQuad").json()
    assert quad["tileMatrices"][0]["scaleDenominator"] == pytest.approx(559082264.0287178)
    assert server.client.get("/tileMatrixSets/Mine").status_code == 404
    for name in [n for n in LAYERS if n in tiled()] + ["readiness"]:
        (listed,) = server.client.get(f"/collections/{name}/tiles").json()["tilesets"]
        told = server.client.get(f"/collections/{name}/tiles/WebMercatorQuad").json()
        assert told["layers"] == listed["layers"]
        template = next(k["href"] for k in told["links"] if k.get("templated"))
        answer = server.client.get(template.format(tileMatrix=14, tileRow=6370, tileCol=13517))
        same = server.client.get(f"/tiles/{name}/14/13517/6370.mvt")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.mapbox-vector-tile")
        assert answer.content == same.content
        again = server.client.get(
            template.format(tileMatrix=14, tileRow=6370, tileCol=13517), headers={"If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304
    for bad in ("99/0/0", "3/8/0", "3/-1/0", "a/0/0", "3/0/²"):
        assert server.client.get(f"/collections/parcels/tiles/WebMercatorQuad/{bad}").status_code == 404, bad
    assert server.client.get("/collections/findings/tiles").json()["tilesets"] == []
    assert server.client.get("/collections/findings/tiles/WebMercatorQuad").status_code == 404
    assert server.client.get("/collections/parcels/tiles/Mine/1/0/0").status_code == 404
