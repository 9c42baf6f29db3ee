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
from tests.api.faces import DAY, ENVIRONMENT, ROOT, shudi

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
