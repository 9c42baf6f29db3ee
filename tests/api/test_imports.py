"""Deliveries over HTTP: looked at in a process of their own, stored by whom they belong to, whole or not at all."""

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from api.importing import GoneError, Imports, preview, step
from api.jobs import Jobs
from tests.api.faces import content, serving, shudi
from tests.api.town import Town, settle

AREA = "500000,4070000,501000,4071000"
BOWTIE = shapely.Polygon([(500_500, 4_070_500), (500_600, 4_070_600), (500_600, 4_070_500), (500_500, 4_070_600)])


def plots(count=4, **more):
    return {**{f"P-{k}": shapely.box(500_100 + 100 * k, 4_070_100, 500_200 + 100 * k, 4_070_200) for k in range(count)}, **more}


def geojson(shapes):
    features = [
        {"type": "Feature", "properties": {"id": id}, "geometry": shapely.geometry.mapping(shape)} for id, shape in shapes.items()
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}
    return json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}).encode()


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imports")
    base = folder / "land.gpkg"
    assert shudi("init", base, "--crs", "EPSG:4548").status == 0
    tokens = settle(base)
    assert shudi("user", "add", "other", "--role", "planner", "--base", base, "--no-password").status == 0
    tokens["other"] = shudi("user", "token", "other", "--base", base).out.strip()
    with serving(base, folder) as server:
        yield Town(server, tokens)


def base_of(town):
    return town.server.log.with_name("land.gpkg")


def upload(town, body, role="planner", **asked):
    return town.ask(role, "POST", "/imports", params={"layer": "parcels", "name": "plots.geojson", **asked}, content=body)


def over(town, where, role="planner", seconds=60):
    """Wait until a job is over."""
    end = time.monotonic() + seconds
    while (found := town.ask(role, "GET", where).json())["state"] in ("accepted", "running"):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def looked(town, body, **asked):
    """Upload a file, and wait until it was looked at."""
    answer = upload(town, body, **asked)
    assert answer.status_code == 202, answer.text
    return answer.headers["location"], over(town, answer.headers["location"])


def test_a_file_is_looked_at_stored_and_told(town):
    before = content(base_of(town))
    where, seen = looked(town, geojson(plots()), coverage=AREA, source="surveyors", date="2026-03-01")
    assert (seen["state"], seen["progress"], seen["detail"]) == ("successful", 100, None)
    assert (seen["result"]["read"], seen["result"]["accepted"], seen["result"]["rejected"]) == (4, 4, 0)
    assert ("id", "id") in [(f["field"], f["source"]) for f in seen["result"]["mapping"]]
    assert ("id" in seen["result"]["columns"], "geometry" in seen["result"]["columns"]) == (True, False)
    shown = town.ask("planner", "GET", f"{where}/accepted").json()["features"]
    assert (len(shown), seen["result"]["shown"]) == (4, 4)
    assert all(116 < shapely.geometry.shape(f["geometry"]).centroid.x < 118 for f in shown), "in degrees, for a map"
    assert content(base_of(town)) == before
    assert town.ask("planner", "GET", f"{where}/delivery").status_code == 404
    answer = town.ask("planner", "POST", f"{where}/delivery", json={"reason": "文号 9"})
    assert (answer.status_code, answer.headers["location"]) == (202, f"{where}/delivery")
    done = over(town, f"{where}/delivery")
    assert (done["state"], done["result"]["stored"]) == ("successful", 4), done
    told = shudi("history", "parcels", "P-0", "--base", base_of(town), "--json").body
    assert (told[-1]["actor"], told[-1]["reason"]) == ("planner", "文号 9")
    edition = next(r for r in shudi("layers", "--base", base_of(town), "--json").body if r["layer"] == "parcels")["editions"][0]
    assert (edition["source"], edition["date"], edition["coverage"]) == ("surveyors", "2026-03-01", True)
    again = town.ask("planner", "POST", f"{where}/delivery", json={})
    assert again.status_code == 202
    assert "already" in over(town, f"{where}/delivery")["detail"]["en"]


def test_a_column_that_is_not_there_is_named_with_those_that_are(town):
    before = content(base_of(town))
    for asked, word in (("owner=eigentümer", "eigentümer"), ("colour=id", "colour")):
        where, seen = looked(town, geojson(plots()), map=asked)
        assert seen["state"] == "failed", seen
        assert word in seen["detail"]["en"]
        assert "id" in seen["detail"]["en"]
        assert word in seen["detail"]["zh"]
        assert town.ask("planner", "POST", f"{where}/delivery", json={}).status_code == 409
    assert content(base_of(town)) == before


def test_rejects_are_told_with_their_place_and_stop_the_delivery(town):
    before = content(base_of(town))
    where, seen = looked(town, geojson(plots(bad=BOWTIE)), coverage=AREA)
    assert seen["result"]["rejected"] == 1
    listed = town.ask("planner", "GET", f"{where}/rejects").json()["features"]
    assert [f["properties"]["reason"] for f in listed] == ["invalid_geometry"]
    for crs, (west, south) in {"": (117, 36), "EPSG:4326": (117, 36), "EPSG:4548": (500_500, 4_070_500)}.items():
        found = town.ask("planner", "GET", f"{where}/rejects", params={"crs": crs} if crs else {}).json()["features"]
        assert shapely.geometry.shape(found[0]["geometry"]).bounds[:2] == pytest.approx((west, south), abs=1), crs
    assert town.ask("planner", "POST", f"{where}/delivery", json={}).status_code == 202
    done = over(town, f"{where}/delivery")
    assert (done["state"], "rejected" in done["detail"]["en"]) == ("failed", True)
    assert content(base_of(town)) == before


def test_b9_an_import_is_there_for_whom_it_belongs_to_only(town):
    where, _ = looked(town, geojson(plots()))
    for role, status in (("planner", 200), ("admin", 200), ("other", 404), ("viewer", 404), (None, 401)):
        assert town.ask(role, "GET", where).status_code == status, role
    for method, path in (
        ("POST", f"{where}/delivery"),
        ("DELETE", where),
        ("GET", f"{where}/rejects"),
        ("GET", f"{where}/accepted"),
        ("DELETE", f"{where}/delivery"),
    ):
        answer = town.ask("other", method, path, **({"json": {}} if method == "POST" else {}))
        absent = town.ask(
            "other", method, path.replace(where, "/imports/" + "0" * 24), **({"json": {}} if method == "POST" else {})
        )
        assert (answer.status_code, answer.json()["title"]) == (404, absent.json()["title"])
    assert [job["id"] for job in town.ask("other", "GET", "/imports").json()] == []
    assert where.rpartition("/")[2] in [job["id"] for job in town.ask("planner", "GET", "/imports").json()]
    assert upload(town, b"x", role="viewer").status_code == 403
    assert town.ask("planner", "DELETE", where).status_code == 204
    assert town.ask("planner", "GET", where).status_code == 404


def test_an_import_that_is_ended_stores_nothing_and_leaves_nothing(town):
    before, folder = content(base_of(town)), base_of(town).with_name("land.imports")
    answer = upload(town, geojson(plots()))
    where = answer.headers["location"]
    assert town.ask("planner", "DELETE", where).status_code == 204
    assert town.ask("planner", "GET", where).status_code == 404
    time.sleep(0.5)
    assert not (folder / where.rpartition("/")[2]).exists()
    assert content(base_of(town)) == before


def worker(part):
    """Find the process of a step by a part of its folder's name."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for told in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if "api.work" in told.read_text() and part in told.read_text():
                    return int(told.parent.name)
        time.sleep(0.02)
    raise AssertionError(part)


def test_a_step_whose_process_was_killed_has_failed(town):
    where = upload(town, geojson(plots(2000))).headers["location"]
    os.killpg(worker(where.rpartition("/")[2]), signal.SIGKILL)
    found = over(town, where)
    assert (found["state"], "without an answer" in found["detail"]["en"], found["result"]) == ("failed", True, None)


def test_what_was_under_way_when_the_service_was_killed_has_failed_and_its_processes_end(tmp_path):
    base = tmp_path / "land.gpkg"
    assert shudi("init", base, "--crs", "EPSG:4548").status == 0
    with serving(base, tmp_path) as running:
        for _ in range(4):
            answer = running.client.post("/imports?layer=parcels&name=x.geojson", content=geojson(plots()))
            assert answer.status_code == 202
        child = worker(str(tmp_path))
        running.process.kill()
        running.process.wait()
    end = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()
    with serving(base, tmp_path) as running:
        states = [step["state"] for step in running.client.get("/imports").json()]
        assert len(states) == 4
        assert set(states) <= {"failed", "successful"}
        assert states[-1] == "failed"


def test_one_person_cannot_take_all_places(town):
    answers = [upload(town, geojson(plots()), role="approver") for _ in range(14)]
    assert {a.status_code for a in answers} == {202, 429}
    assert next(a for a in answers if a.status_code == 429).headers["retry-after"]
    for answer in answers:
        if answer.status_code == 202:
            assert town.ask("approver", "DELETE", answer.headers["location"]).status_code == 204


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"layer": "nothing"}, 422), ({"layer": "users"}, 422), ({"coverage": "/etc/passwd"}, 422), ({"coverage": "http://x/"}, 422),
        ({"coverage": "1,2,3"}, 422), ({"date": "soon"}, 422), ({"repair": "perhaps"}, 422), ({"name": "x" * 300}, 422),
        ({"map": ["x" * 600]}, 422), ({"crs": "x" * 5000}, 422),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_upload_is_refused_before_its_body_is_kept(town, asked, status):
    folder = base_of(town).with_name("land.imports")
    before = set(folder.iterdir())
    answer = upload(town, geojson(plots()), **asked)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert set(folder.iterdir()) == before


def test_an_empty_body_is_refused_and_kept_nowhere(town):
    folder = base_of(town).with_name("land.imports")
    before = set(folder.iterdir())
    assert upload(town, b"").status_code == 422
    assert set(folder.iterdir()) == before


def test_an_import_that_is_taken_away_under_a_step_is_told_so_and_nothing_comes_back(tmp_path):
    imports = Imports(tmp_path / "land.imports", Jobs(tmp_path / "land.jobs", workers=1))
    it = imports.make("li", "plots.geojson")
    folder = imports.folder(it)

    def taken(work):
        (folder / "upload.geojson").write_bytes(geojson(plots()))
        imports.forget(it)
        return work()

    for work in (
        lambda: step(folder, "look", {}, 60, {})(lambda done, total: None),
        lambda: imports.begin(it, {}, 9),
    ):
        folder.mkdir(exist_ok=True)
        with pytest.raises(GoneError, match="taken away"):
            taken(work)
        assert list(folder.parent.iterdir()) == []
    imports.jobs.close()


def test_an_upload_publishes_no_listing_past_its_states(town):
    """A planner may bring in data, and only an approver publishes."""
    shown = town.ask("approver", "GET", "/listings").json()
    asked = {"layer": "listings", "name": "listings.csv", "crs": "EPSG:4548"}
    answer = town.ask(
        "planner", "POST", "/imports", params=asked, content=b"id,plot,state,notice_no\nL-EVIL,P-0,published,evil\n"
    )
    if answer.status_code == 202:
        seen = over(town, answer.headers["location"])
        assert (seen["state"], "shudi listing" in seen["detail"]["en"]) == ("failed", True)
        begun = town.ask("planner", "POST", f"{answer.headers['location']}/delivery", json={})
        assert begun.status_code != 202 or over(town, f"{answer.headers['location']}/delivery")["state"] == "failed"
        town.ask("planner", "DELETE", answer.headers["location"])
    assert town.ask("approver", "GET", "/listings").json() == shown


def test_an_upload_of_parcels_over_others_is_told_when_looked_at_and_refused_when_stored(town):
    there = {"Q-1": shapely.box(500_700, 4_070_700, 500_800, 4_070_800)}
    over_it = {
        "Q-2": shapely.box(500_750, 4_070_700, 500_850, 4_070_800),
        "Q-3": shapely.box(500_840, 4_070_700, 500_900, 4_070_800),
    }
    first = upload(town, geojson(there)).json()["id"]
    assert over(town, f"/imports/{first}")["state"] == "successful"
    assert town.ask("planner", "POST", f"/imports/{first}/delivery", json={}).status_code == 202
    assert over(town, f"/imports/{first}/delivery")["state"] == "successful"
    second = upload(town, geojson(over_it)).json()["id"]
    notes = over(town, f"/imports/{second}")["result"]["notes"]
    assert any("Q-2 and Q-3" in note["en"] and "Q-2、Q-3" in note["zh"] for note in notes), notes
    town.ask("planner", "POST", f"/imports/{second}/delivery", json={})
    refused = over(town, f"/imports/{second}/delivery")
    assert (refused["state"], "Q-2 and Q-1 of 5000.00" in refused["detail"]["en"]) == ("failed", True), refused
    town.ask("planner", "POST", f"/imports/{second}/delivery", json={"accept": "协议 3"})
    assert over(town, f"/imports/{second}/delivery")["state"] == "successful"
    assert "协议 3" in town.ask("planner", "GET", "/collections/parcels/items/Q-2/history").text


def test_what_is_drawn_before_it_is_stored_is_bounded(tmp_path, monkeypatch):
    """Whole features in their order up to so many vertices; those without an outline are left out, and of none there is no file."""
    monkeypatch.setattr("api.importing.PREVIEW", 12)
    shapes = [shapely.box(5e5, 4e6, 5e5 + 9, 4e6 + 9), None, *[shapely.box(5e5, 4e6, 5e5 + 9, 4e6 + 9)] * 3]
    frame = gpd.GeoDataFrame({"id": pd.Series([f"P-{k}" for k in range(5)], dtype="str")}, geometry=shapes, crs="EPSG:4548")
    assert preview(frame, tmp_path / "some.geojson") == 2
    assert [f["id"] for f in json.loads((tmp_path / "some.geojson").read_text("utf-8"))["features"]] == ["P-0", "P-2"]
    assert (preview(frame.iloc[1:2], tmp_path / "none.geojson"), (tmp_path / "none.geojson").exists()) == (0, False)
