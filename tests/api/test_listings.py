"""Plots put up for sale: by states and roles, held against the land, packed, and verified again; read back by other tools."""

import csv
import hashlib
import io
import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import docx
import pytest
import shapely

from layers.formats.export import WRITERS
from layers.pack import verify
from layers.standards import Standards
from layers.store.gpkg import GpkgStore
from tests.api.conftest import copied
from tests.api.faces import DAY, ENVIRONMENT, ROOT, serving, shudi
from tests.api.town import guarded

TERMS = (
    "notice_no=TQ-G2026-01", "grantor=某市自然资源局", "authority=某市人民政府", "announced_on=2026-12-01",
    "registration_from=2026-12-01", "registration_to=2026-12-30", "deposit_by=2026-12-30", "listing_from=2026-12-21",
    "listing_to=2027-01-04", "platform==HYPERLINK(1)", "award=价高者得", "reserve=否", "contact=<b>李工</b>", "tenure_years=40", "far=≥1.0",
    "green_ratio=≤20%", "height=≤24m", "start_price=1540万元", "increment=15万元", "deposit=308万元", "level=5", "handover_on=2027-03-01",
)  # fmt: skip
GOOD, FAULTY, DRAFT = "D001-B03-P02", "D001-B03-P04", "D001-B03-P06"


def offered(base, plot, *more):
    """Draft and review a listing."""
    made = shudi("listing", "draft", plot, *TERMS, "--base", base)
    assert made.status == 0, made.err
    for step in more:
        assert shudi("listing", *step, "--base", base).status == 0
    assert shudi("listing", "state", f"L-{plot}", "reviewed", "--base", base).status == 0


@pytest.fixture(scope="module")
def market(park, tmp_path_factory):
    """A base with a listing of a good plot, one by override with a scheme, a draft, and the packs of the first two."""
    folder = tmp_path_factory.mktemp("market")
    base, plan = copied(park, folder / "park.gpkg"), folder / "方案 A.pdf"
    plan.write_bytes(b"%PDF-1.4 a scheme")
    offered(base, GOOD)
    offered(base, FAULTY, ("scheme", f"L-{FAULTY}", plan))
    assert shudi("listing", "draft", DRAFT, *TERMS, "--base", base).status == 0
    refused = shudi("listing", "state", f"L-{FAULTY}", "published", "--on", DAY, "--base", base)
    done = [
        shudi("listing", "state", f"L-{GOOD}", "published", "--on", DAY, "--base", base, "--json"),
        shudi(
            "listing",
            "state",
            f"L-{FAULTY}",
            "published",
            "--override",
            "会议纪要 9 号",
            "--on",
            DAY,
            "--base",
            base,
            "--json",
            lang="zh",
        ),
    ]
    packed = shudi("listing", "pack", "--all", "--out", folder / "packs", "--base", base, "--json", lang="zh")
    assert packed.status == 0, packed.err
    return SimpleNamespace(
        base=base, folder=folder, refused=refused, done=done, packs=[Path(file) for file in packed.body["files"]]
    )


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_only_land_as_stated_is_published_and_an_override_is_printed(market):
    assert market.refused.status == 2
    assert "C08 Acquired and cleared" in market.refused.err
    assert "--override" in market.refused.err
    good, faulty = (answer.body for answer in market.done)
    assert (good["state"], good["faults"], good["override"]) == ("published", [], None)
    assert [f["en"].split(":")[0] for f in faulty["faults"]] == ["C08 Acquired and cleared"]
    assert faulty["override"] == "会议纪要 9 号"


def test_the_plot_of_a_listing_is_listed_and_offered_no_more(market):
    with closing(GpkgStore.open(market.base, read_only=True)) as store:
        assert store.read("parcels", ids=[GOOD])["status"].tolist() == ["listed"]
        assert store.history("listings", f"L-{GOOD}")[-1].after["state"] == "published"
        assert store.findings([GOOD])[0]["verdict"].tolist() == ["blocked"]
    second = shudi("listing", "draft", GOOD, *TERMS, "--id", "L-2", "--base", market.base)
    assert second.status == 0
    assert shudi("listing", "state", "L-2", "reviewed", "--base", market.base).status == 0
    refused = shudi("listing", "state", "L-2", "published", "--base", market.base)
    assert (refused.status, "C10" in refused.err) == (2, True)


def test_terms_that_contradict_the_plot_or_each_other_store_nothing(market):
    for wrong, words in (
        ("green_ratio=≥90%", "Green ratio"),
        ("listing_to=2026-12-22", "less than 10 days"),
        ("far=≥2且≤1", "contradicts"),
    ):
        answer = shudi("listing", "edit", f"L-{DRAFT}", wrong, "--base", market.base)
        assert (answer.status, words in answer.err) == (2, True), answer.err
    assert shudi("listing", "edit", f"L-{GOOD}", "far=≥2", "--base", market.base).status == 2
    assert "1,540" in shudi("listing", "show", f"L-{DRAFT}", "--base", market.base, lang="zh").out
    answer = shudi("edit", "listings", f"L-{DRAFT}", "state=published", "--base", market.base)
    assert (answer.status, "shudi listing" in answer.err) == (2, True)


def test_a_copy_of_a_base_carries_the_files_of_its_schemes_and_tells_that_users_stay(market, tmp_path):
    source, target = copied(market.base, tmp_path / "park.gpkg"), tmp_path / "copy.gpkg"
    shutil.copytree(market.base.with_suffix(".schemes"), source.with_suffix(".schemes"))
    assert shudi("user", "add", "li", "--role", "viewer", "--base", source, "--no-password").status == 0
    told = shudi("copy", source, target)
    assert (told.status, "1 files of schemes" in told.out, "users" in told.out) == (0, True, True), told.out
    assert "users" not in {path.name.split(".")[-2] for path in tmp_path.glob("copy.*.*")}
    packed = shudi("listing", "pack", f"L-{FAULTY}", "--out", tmp_path / "packs", "--base", target, "--json")
    assert packed.status == 0, packed.err
    assert any(name.startswith("scheme/") for name in members(Path(packed.body["files"][0])))


def test_a_plot_on_offer_stays_as_it_was_published(market, tmp_path):
    """No edit and no delivery takes away, redraws or frees the plot of a published listing; a withdrawal opens it again."""
    base = copied(market.base, tmp_path / "park.gpkg")
    moved = {
        "type": "Feature",
        "properties": {"id": GOOD},
        "geometry": shapely.geometry.mapping(shapely.box(117.9, 36.9, 117.91, 36.91)),
    }
    (tmp_path / "survey.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [moved]}))
    refused = [
        shudi("edit", "parcels", GOOD, "--delete", "--base", base),
        shudi("edit", "parcels", GOOD, "status=ready", "--base", base),
        shudi("import", tmp_path / "survey.geojson", "--layer", "parcels", "--replace", "--base", base),
    ]
    for answer in refused:
        assert (answer.status, f"parcel {GOOD} is on offer by listing L-{GOOD}" in answer.err) == (2, True), answer.err
    assert shudi("edit", "parcels", GOOD, "owner=somebody", "--base", base).status == 0
    assert shudi("listing", "state", f"L-{GOOD}", "withdrawn", "--base", base).status == 0
    assert shudi("edit", "parcels", GOOD, "--delete", "--accept", "it makes a gap", "--base", base).status == 0


def test_a_listing_that_lacks_terms_is_not_reviewed(own_park):
    assert shudi("listing", "draft", GOOD, "--base", own_park).status == 0
    answer = shudi("listing", "state", f"L-{GOOD}", "reviewed", "--base", own_park, lang="zh")
    assert (answer.status, "起始价" in answer.err) == (2, True)


def test_equal_listings_are_equal_packs_also_in_another_process(market):
    from tests.api.faces import COMMAND, ENVIRONMENT

    again = market.folder / "again"
    subprocess.run(
        [*COMMAND, "--lang", "zh", "listing", "pack", f"L-{GOOD}", "--out", again, "--base", market.base],
        env=ENVIRONMENT | {"PYTHONHASHSEED": "7", "TZ": "Asia/Shanghai"}, check=True, capture_output=True,
    )  # fmt: skip
    a, b = members(market.packs[0]), members(again / f"L-{GOOD}.zip")
    assert [name for name in a if a[name] != b[name]] == []
    assert (again / f"L-{GOOD}.zip").read_bytes() == market.packs[0].read_bytes()


def test_the_demos_packs_hold_and_their_verdicts_follow_again(market):
    for path in market.packs:
        answer = shudi("verify", path, "--base", market.base, "--json")
        assert answer.status == 0, answer.out
        assert (answer.body["altered"], answer.body["differences"], answer.body["inputs"]) == ([], [], [])
        assert answer.body["again"] == answer.body["verdict"] == "free"
        assert any("layer parcels" in said[0] for said in answer.body["since"])
        assert answer.body["today"] == "blocked"


def made(folder):
    """Run `make demo SERVE=0` in a folder, with this checkout's Python and what is installed; gives what it said and each command."""
    command = folder / "shudi"
    command.write_text(
        f'#!/bin/sh\necho "$*" >> "{folder}/log"\nexec "{sys.executable}" -W error -c "from api.cli import main; main()" "$@"\n'
    )
    command.chmod(0o755)
    recipe = ["make", "-f", str(ROOT / "Makefile"), "-o", ".venv/.shudi", "demo"]
    done = subprocess.run(
        [*recipe, "SERVE=0", "SITES=S-77", f"SHUDI={command}"],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, (folder / "log").read_text().splitlines()


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_make_demo_goes_from_nothing_to_a_report_and_a_pack_that_holds_and_does_nothing_twice(tmp_path):
    said, ran = made(tmp_path)
    packs, base = list((tmp_path / "demo/packs").glob("*.zip")), tmp_path / "demo/park.gpkg"
    assert [line.split()[0] for line in ran] == ["demo", "check", "assess", "listing", *["verify"] * len(packs), "map"]
    assert "open demo/report.html" in said
    assert "Verdict: " in said
    assert "<!DOCTYPE html>" in (tmp_path / "demo/report.html").read_text("utf-8")
    (told,) = shudi("listing", "show", "--base", base, "--json").body
    assert (told["state"], told["faults"], told["override"]) == ("published", [], None)
    found = shudi("verify", *packs, "--base", base, "--json")
    assert (found.status, found.body["altered"], found.body["differences"], found.body["inputs"]) == (0, [], [], [])
    again, more = made(tmp_path)
    assert more == ran
    assert "open demo/report.html" in again


def test_a_verdict_is_held_against_the_areas_that_deliveries_covered(market):
    own = copied(market.base, market.folder / "narrowed.gpkg")
    with closing(sqlite3.connect(own)) as c:
        for (trigger,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'editions'").fetchall():
            c.execute(f'DROP TRIGGER "{trigger}"')
        c.execute("UPDATE editions SET geom = NULL WHERE layer = 'zoning'")
        c.commit()
    answer = shudi("verify", market.packs[0], "--base", own, "--json")
    assert any("zoning" in said[0] and "cover" in said[0] for said in answer.body["inputs"]), answer.body["inputs"]


def test_a_pack_still_holds_after_the_land_changed_and_says_what_changed(market):
    own = copied(market.base, market.folder / "later.gpkg")
    with closing(GpkgStore.open(own, read_only=True)) as store:
        line = store.findings([GOOD])[0]["power_line"].iloc[0]
    assert shudi("edit", "utilities", line, "--delete", "--base", own, "--reason", "迁改").status == 0
    answer = shudi("verify", market.packs[0], "--base", own)
    assert (answer.status, "made again: the same" in answer.out) == (0, True)
    assert "since then: layer utilities: 1 features changed" in answer.out
    zh = shudi("verify", market.packs[0], "--base", own, lang="zh").out
    assert "重现一致" in zh


def test_a_pack_of_a_file_holds_against_the_copy_in_postgis(market, postgres):
    with postgres.database() as url:
        assert shudi("copy", market.base, url).status == 0
        answer = shudi("verify", market.packs[1], "--base", url, "--json")
        assert answer.status == 0, answer.out
        assert (answer.body["differences"], answer.body["inputs"]) == ([], [])


def test_a_standard_that_changed_is_named(market):
    from importlib.resources import files

    from api.packs import sheet_told

    texts = {
        p.name.removesuffix(".toml"): p.read_text("utf-8")
        for p in files("layers.standards").iterdir()
        if p.name.endswith(".toml")
    }
    texts["parcels"] = texts["parcels"].replace('value = "warn"', 'value = "block"')
    with closing(GpkgStore.open(market.base, read_only=True)) as store:
        data = market.packs[1].read_bytes()
        found = verify(data, store, Standards.parse(texts), sheet_told(store))
    assert not found.holds
    assert (found.verdict, found.again) == ("free", "blocked")
    assert any("parcels.not_cleared" in text.en and "block" in text.en for text in found.inputs)
    assert any(text.startswith("verdict: free") for text in found.differences)


def test_an_altered_pack_and_one_of_another_base_are_told(market, own_park):
    files, forged = members(market.packs[0]), market.folder / "forged.zip"
    files["notice.json"] = files["notice.json"].replace(b"15400000", b"15400001")
    files["more.txt"] = b"x"
    with zipfile.ZipFile(forged, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    answer = shudi("verify", forged, "--no-base", "--json")
    assert (answer.status, answer.body["altered"]) == (1, ["more.txt", "notice.json"])
    strange = shudi("verify", market.packs[0], "--base", own_park)
    assert (strange.status, "of another base" in strange.err) == (2, True)
    forged.write_bytes(b"no zip")
    for lang in ("en", "zh"):
        answer = shudi("verify", forged, "--no-base", lang=lang)
        assert (answer.status, "forged.zip" in answer.err) == (2, True)


def test_other_tools_read_what_the_pack_holds(market, tmp_path):
    files = members(market.packs[1])
    manifest = json.loads(files["manifest.json"])
    assert {n: hashlib.sha256(files[n]).hexdigest() for n in files if n != "manifest.json"} == {
        n: row["sha256"] for n, row in manifest["files"].items()
    }
    assert (manifest["left_out"], manifest["generated"]) == ({}, True)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    said = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "notice.pdf", "-"], capture_output=True, check=True, text=True
    ).stdout
    word = docx.Document(tmp_path / "notice.docx")
    cells = [[c.text for c in row.cells] for table in word.tables for row in table.rows]
    for words in ("会议纪要 9 号", "1,540万元", "不低于1", "五通一平", "生成数据"):
        assert words in said, words
        assert words in str(cells) or words == "生成数据"
    assert ["理由", "会议纪要 9 号"] in cells
    assert files["scheme/1_方案 A.pdf"] == b"%PDF-1.4 a scheme"
    area = json.loads(files["notice.json"])["terms"]["area"]["value"]
    told = json.loads(files["verdict.json"])
    assert told["sheet"]["area_m2"] == pytest.approx(area, abs=1e-6)
    assert set(told["inputs"]["layers"]) >= {"parcels", "utilities", "control_lines"}
    assert {f".{n.rsplit('.', 1)[1]}" for n in files if n.startswith("boundary/")} >= set(WRITERS)
    for ending in ("gpkg", "shp", "fgb", "geojson", "kml", "dxf"):
        path = tmp_path / f"boundary/parcel.{ending}"
        text = subprocess.run(["ogrinfo", "-al", "-so", path], capture_output=True, check=True, text=True).stdout
        assert "Feature Count" in text, text
    with closing(GpkgStore.open(market.base, read_only=True)) as store:
        shape = store.read("parcels", ids=[FAULTY]).geometry.iloc[0]
    rows = list(csv.DictReader(io.StringIO(files["boundary/parcel.csv"].decode("utf-8-sig"))))
    drawn = shapely.Polygon([(float(r["Y"]), float(r["X"])) for r in rows])
    assert drawn.symmetric_difference(shape).area < 1e-4 * shape.length
    assert b'http-equiv="Content-Security-Policy"' in files["map.html"]


def test_nothing_is_published_on_a_day_to_come(market, tmp_path):
    base = copied(market.base, tmp_path / "park.gpkg")
    assert shudi("listing", "state", f"L-{DRAFT}", "reviewed", "--base", base).status == 0
    refused = shudi("listing", "state", f"L-{DRAFT}", "published", "--on", "2099-01-01", "--override", "x", "--base", base)
    assert refused.status == 2
    assert "2099-01-01" in refused.err
    assert json.loads(shudi("listing", "show", f"L-{DRAFT}", "--base", base, "--json").out)["state"] == "reviewed"


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
