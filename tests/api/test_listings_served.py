"""Listings over HTTP: who sees them, who moves them on and on which version, and who had which paper."""

import csv
import hashlib
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import docx

from tests.api.conftest import copied
from tests.api.faces import serving
from tests.api.test_listings import DRAFT, FAULTY, GOOD, TERMS, market
from tests.api.town import guarded

__all__ = ["market"]


def test_the_public_sees_published_listings_and_nothing_else(market, tmp_path):
    base = copied(market.base, tmp_path / "park.gpkg")
    with guarded(base, tmp_path) as town:
        found = town.ask(None, "GET", "/listings").json()["listings"]
        assert [one["id"] for one in found] == [f"L-{GOOD}", f"L-{FAULTY}"]
        absent = town.ask(None, "GET", "/listings/L-nobody")
        hidden = town.ask(None, "GET", f"/listings/L-{DRAFT}")
        assert (
            (hidden.status_code, hidden.json()["title"]) == (absent.status_code, absent.json()["title"]) == (404, "NotFoundError")
        )
        assert town.ask(None, "GET", f"/listings/L-{GOOD}/pack.zip").status_code == 401
        assert town.ask(None, "GET", f"/plots/{GOOD}").status_code == 401
        page = town.ask(None, "GET", "/listings", headers={"Accept": "text/html", "Accept-Language": "zh-CN"})
        assert (page.headers["content-type"][:9], "在供地块" in page.text, f"L-{DRAFT}" in page.text) == (
            "text/html",
            True,
            False,
        )
        notice = town.ask(None, "GET", f"/listings/L-{FAULTY}?lang=en", headers={"Accept": "text/html"})
        assert "会议纪要 9 号" in notice.text
        assert "<b>李工" not in notice.text
        features = town.ask(None, "GET", "/listings.geojson").json()["features"]
        assert {f["properties"]["plot"] for f in features} == {GOOD, FAULTY}
        assert all(-180 < f["geometry"]["coordinates"][0][0][0] < 180 for f in features)
        rows = list(csv.DictReader(io.StringIO(town.ask(None, "GET", "/listings.csv").content.decode("utf-8-sig"))))
        assert {row["plot"] for row in rows} == {GOOD, FAULTY}
        assert rows[0]["platform"] == "'=HYPERLINK(1)"
        pdf = town.ask(None, "GET", f"/listings/L-{GOOD}/notice.pdf")
        assert pdf.content.startswith(b"%PDF")
        assert town.ask(None, "GET", f"/listings/L-{GOOD}/parcel_map.pdf").content.startswith(b"%PDF")
        assert docx.Document(io.BytesIO(town.ask(None, "GET", f"/listings/L-{GOOD}/notice.docx").content)).tables
        assert len(town.ask("viewer", "GET", "/listings").json()["listings"]) > 2
        roles_move_a_listing(town)
        pack = town.ask("viewer", "GET", f"/listings/L-{GOOD}/pack.zip?lang=zh")
        assert pack.content == market.packs[0].read_bytes()
        who_had_a_paper_is_in_the_audit_log(town)


def who_had_a_paper_is_in_the_audit_log(town):
    """Whatever its kind, whether the public, a reader or a job asked for it; so is who had a page of many features."""

    def log():
        return town.ask("admin", "GET", "/audit", params={"limit": 1000}).json()

    papers = [f"/listings/L-{GOOD}/{name}" for name in ("notice.pdf", "notice.docx", "parcel_map.png", "pack.zip")]
    seen = len(log())
    for path in (*papers, "/listings.csv", "/listings.geojson", "/collections/parcels/items?limit=1000"):
        assert town.ask("viewer", "GET", path).status_code == 200
    for path in (f"/listings/L-{GOOD}", "/listings", "/collections/parcels/items?limit=10"):
        assert town.ask("viewer", "GET", path).status_code == 200
    assert [(e["actor"], e["action"], e["object"]) for e in log()[seen:]] == [
        ("viewer", "export", path)
        for path in (*papers, "/listings.csv", "/listings.geojson", "/collections/parcels/items?limit=1000")
    ]
    inputs = {"inputs": {"listings": [f"L-{GOOD}", f"L-{FAULTY}"]}}
    made = town.ask("planner", "POST", "/processes/packs/execution", json=inputs).json()
    seen, file = len(log()), f"/results/{made['file']}"
    assert town.ask("viewer", "GET", file).status_code == 200
    assert [e["object"] for e in log()[seen:]] == [file, f"{file}#L-{GOOD}.zip"], (
        "the other could not be packed: its scheme lies elsewhere"
    )
    assert town.ask(None, "GET", f"/listings/L-{GOOD}/notice.docx").status_code == 200
    assert (log()[-1]["actor"], log()[-1]["object"]) == ("", f"/listings/L-{GOOD}/notice.docx")


def work(town, role, method, path, **more):
    """Work on a listing, on the version of it that is stored."""
    listing = "/".join(path.split("/")[:3])
    return town.ask(role, method, path, headers={"If-Match": town.ask("viewer", "GET", listing).headers["etag"]}, **more)


def nobody_works_on_a_listing_that_they_have_not_read(town, here):
    """Without a version 428, with that of before 412 and what is stored now; of two at once one wins."""
    read = town.ask("planner", "GET", here).headers["etag"]
    assert read == town.ask("planner", "GET", f"/collections/listings/items/{here.split('/')[-1]}").headers["etag"]
    steps = (
        ("PATCH", here, {"json": {"terms": {"far": "≥1.3"}}}),
        ("PUT", f"{here}/state", {"json": {"state": "reviewed"}}),
        ("PUT", f"{here}/scheme/a.pdf", {"content": b"x"}),
        ("DELETE", f"{here}/scheme/a.pdf", {}),
    )
    for method, path, more in steps:
        assert town.ask("planner", method, path, **more).status_code == 428, path
    done = work(town, "planner", "PATCH", here, json={"terms": {"far": "≥1.1"}})
    assert done.headers["etag"] == town.ask("planner", "GET", here).headers["etag"] != read
    for method, path, more in steps:
        stale = town.ask("planner", method, path, headers={"If-Match": read}, **more)
        assert (stale.status_code, stale.json()["found"]) == (412, done.headers["etag"]), path
        assert stale.json()["current"]["properties"]["far"] == "≥1.1"
    for far in ("≥1.4", "≥1.5", "≥1.6"):
        etag = town.ask("planner", "GET", here).headers["etag"]

        def race(more, etag=etag, far=far):
            terms = {"terms": {"far": f"{far}{more}"}}
            return town.ask("planner", "PATCH", here, json=terms, headers={"If-Match": etag}).status_code

        with ThreadPoolExecutor(2) as both:
            assert sorted(both.map(race, ("1", "2"))) == [200, 412]


def roles_move_a_listing(town):
    """A planner drafts, an approver publishes and withdraws; the others may not."""
    plot = "D001-B03-P08"
    terms = dict(pair.split("=", 1) for pair in TERMS)
    assert town.ask("viewer", "POST", "/listings", json={"plot": plot, "terms": terms}).status_code == 403
    made = town.ask("planner", "POST", "/listings", json={"plot": plot, "terms": terms})
    assert (made.status_code, made.json()["state"]) == (201, "draft"), made.text
    here = f"/listings/L-{plot}"
    assert work(town, "planner", "PATCH", here, json={"terms": {"far": "≥1.2"}}).json()["terms"]["far"]["value"]["min"] == 1.2
    wrong = work(town, "planner", "PATCH", here, json={"terms": {"far": "≥x", "start_price": "dear", "green_ratio": "≤10%"}})
    assert (wrong.status_code, set(wrong.json()["terms"])) == (422, {"far", "start_price"})
    assert all(wrong.json()["terms"]["far"].values())
    against = work(town, "planner", "PATCH", here, json={"terms": {"deposit": "1万元"}}).json()["terms"]
    assert "20%" in against["deposit"]["zh"]
    a_scheme_is_bound_by_its_hash(town, here)
    nobody_works_on_a_listing_that_they_have_not_read(town, here)
    assert (made.json()["moves"], made.json()["alterable"]) == (["reviewed"], True)
    seen = town.ask("viewer", "GET", here).json()
    assert (seen["moves"], seen["alterable"], seen["notice"][0]["title"]["zh"]) == ([], False, "公告")
    assert work(town, "planner", "PUT", f"{here}/state", json={"state": "reviewed"}).json()["state"] == "reviewed"
    denied = work(town, "planner", "PUT", f"{here}/state", json={"state": "published", "override": "x"})
    assert (denied.status_code, denied.json()["title"]) == (403, "NotYoursError")
    assert town.ask("approver", "GET", here).json()["moves"] == ["draft", "published"]
    done = work(town, "approver", "PUT", f"{here}/state", json={"state": "published", "override": "试点"})
    assert done.json()["state"] == "published", done.text
    assert town.ask(None, "GET", here).status_code == 200
    gone = work(town, "approver", "PUT", f"{here}/state", json={"state": "withdrawn", "reason": "文号 3"})
    assert gone.json()["state"] == "withdrawn", gone.text
    assert town.ask(None, "GET", here).status_code == 404
    assert work(town, "approver", "PUT", f"{here}/state", json={"state": "published"}).status_code == 422


def a_scheme_is_bound_by_its_hash(town, here):
    """A file arrives by HTTP, is bound by its hash, given back as it was, and let go of; hostile names and empty files are refused."""
    plan, place = b"%PDF-1.4 " + bytes(range(256)) * 400, f"{here}/scheme/%E6%96%B9%E6%A1%88.pdf"
    assert work(town, "viewer", "PUT", place, content=plan).status_code == 403
    bound = work(town, "planner", "PUT", place, content=plan).json()
    assert bound["scheme"] == [{"name": "方案.pdf", "size": len(plan), "sha256": hashlib.sha256(plan).hexdigest()}]
    assert bound["terms"]["with_scheme"]["value"] is True
    back = town.ask("viewer", "GET", place)
    assert (back.content, back.headers["content-disposition"][:10]) == (plan, "attachment")
    assert town.ask(None, "GET", place).status_code == 401
    for name, content, status in (("a.pdf", b"", 422), ("%00a", b"x", 422), ("x" * 201, b"x", 422)):
        assert work(town, "planner", "PUT", f"{here}/scheme/{name}", content=content).status_code == status
    assert town.ask("planner", "PUT", "/listings/L-nobody/scheme/a.pdf", content=b"x").status_code == 404
    assert work(town, "planner", "DELETE", place).json()["scheme"] == []
    assert work(town, "planner", "DELETE", place).status_code == 404


def test_many_packs_are_one_file_that_a_job_makes(market, tmp_path):
    base = copied(market.base, tmp_path / "park.gpkg")
    with serving(base, tmp_path) as server:
        ask = server.client
        inputs = {"inputs": {"listings": [f"L-{GOOD}", "L-nobody", f"L-{DRAFT}"]}}
        job = ask.post("/processes/packs/execution", json=inputs, headers={"Prefer": "respond-async"})
        assert job.status_code == 201, job.text
        while (told := ask.get(job.headers["location"]).json())["status"] in ("accepted", "running"):
            pass
        assert told["status"] == "successful", told
        made = ask.get(f"{job.headers['location']}/results").json()
        good, nobody, draft = made["packs"]
        assert "没有供地信息" in nobody["detail"]["zh"]
        whole = ask.get(f"/results/{made['file']}")
        with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
            assert archive.namelist() == [good["name"], draft["name"]]
            assert archive.read(good["name"]) == market.packs[0].read_bytes()
            assert hashlib.sha256(archive.read(draft["name"])).hexdigest() == draft["sha256"]
        for name in ("../park.gpkg", "%2e%2e%2fpark.gpkg", "0" * 32 + ".zip", made["file"][:-4]):
            assert ask.get(f"/results/{name}").status_code == 404
        picture = ask.get(f"/listings/L-{GOOD}/parcel_map.png")
        assert picture.content.startswith(b"\x89PNG")
