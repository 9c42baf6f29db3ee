"""The ledger from outside: commands and routes say the same."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pyogrio
import pytest

from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from tests.api.faces import Server, content, serving, shudi

DAY = "2026-03-31"


def test_projects_are_listed_and_told_alike_by_both_faces(server: Server, park: Path) -> None:
    listed = shudi("project", "--base", park, "--on", DAY, "--json").body
    assert listed == server.client.get("/projects", params={"on": DAY}).json()
    assert {"P-K01", "P-77(示例)", "P-road(示例)"} <= {p["id"] for p in listed}
    told = shudi("project", "P-K04", "--base", park, "--on", DAY, "--json").body
    assert told == server.client.get("/projects/P-K04", params={"on": DAY}).json()
    assert told["contract_to_start_days"] == 9
    assert told["contract_to_start"][0]["item"] == "construction_permit"
    assert told["production"][-1]["text"]["zh"]
    assert {s["lane"] for s in told["steps"]} == {"land", "permits", "construction", "statistics", "production"}


@pytest.mark.parametrize(("lang", "word"), [("en", "days from contract to start: 9"), ("zh", "拿地到开工天数:9")])
def test_a_person_reads_them_in_his_language(park: Path, lang: str, word: str) -> None:
    told = shudi("project", "P-K04", "--base", park, "--on", DAY, lang=lang).out
    assert word in told
    assert {"en": "20 working days", "zh": "20 个工作日"}[lang] in told, "each step has its time limit"
    assert shudi("project", "--base", park, "--on", DAY, lang=lang).status == 0
    assert shudi("report", "--year", 2025, "--base", park, "--on", DAY, lang=lang).status == 0
    assert shudi("warnings", "--base", park, "--on", DAY, lang=lang).out


def test_a_project_that_there_is_not_is_named(server: Server, park: Path) -> None:
    assert "there is no project Z" in shudi("project", "Z", "--base", park).err
    answer = server.client.get("/projects/Z")
    assert (answer.status_code, answer.json()["detail_zh"][:7]) == (404, "没有项目 Z,")


def test_warnings_and_figures_are_the_same_for_both_faces(server: Server, park: Path) -> None:
    said = shudi("warnings", "--base", park, "--on", DAY, "--json").body
    assert {"total": len(said), "warnings": said} == server.client.get("/warnings", params={"on": DAY}).json()
    assert said[0]["level"] == "red"
    assert {w["project"] for w in shudi("warnings", "--project", "P-K04", "--base", park, "--on", DAY, "--json").body} == {
        "P-K04"
    }
    report = shudi("report", "--year", 2025, "--base", park, "--on", DAY, "--json").body
    assert report == server.client.get("/report", params={"year": 2025, "on": DAY}).json()
    assert next(f["value"] for f in report["figures"] if f["id"] == "investment") == 356_000


def test_a_step_is_recorded_and_the_forecast_moves(own_park: Path) -> None:
    before = shudi("project", "P-K02", "--base", own_park, "--json").body
    forecast = {s["item"]: s["forecast"] for s in before["steps"]}
    assert (
        shudi(
            "permit", "P-K02", "utilities_connected", "--done", "2026-01-05", "--number", "接〔2026〕1", "--base", own_park
        ).status
        == 0
    )
    after = {s["item"]: s for s in shudi("project", "P-K02", "--base", own_park, "--json").body["steps"]}
    assert after["utilities_connected"]["actual"] == "2026-01-05"
    assert after["in_production"]["forecast"] <= forecast["in_production"]
    refused = shudi("permit", "P-K02", "in_production", "--done", "2026-01-06", "--base", own_park)
    assert refused.status == 2
    assert "needs trial_production" in refused.err
    assert "前置事项" in shudi("permit", "P-K02", "in_production", "--done", "2026-01-06", "--base", own_park, lang="zh").err
    assert "no step" in shudi("permit", "P-K02", "land_approval", "--planned", "2027-01-05", "--base", own_park).err


def test_a_level_set_by_hand_is_warned_of_and_stands_in_the_history(own_park: Path) -> None:
    def levels() -> set[str]:
        found = shudi("warnings", "--project", "P-K04", "--base", own_park, "--on", DAY, "--json").body
        return {w["level"] for w in found if w["item"] == "utilities_connected"}

    assert "red" in levels()
    by_hand = shudi(
        "permit", "P-K04", "utilities_connected", "--level", "none", "--reason", "moved to 2027 by the mayor", "--base", own_park
    )
    assert (by_hand.status, levels()) == (0, set())
    (*_, last) = shudi("history", "permits", "P-K04-utilities_connected", "--base", own_park, "--json").body
    assert (last["before"]["level"], last["after"]["level"], last["reason"]) == (None, "none", "moved to 2027 by the mayor")
    assert last["after"]["level_reason"] == last["reason"]


def test_the_same_warning_is_mailed_once(own_park: Path) -> None:
    first = shudi("warnings", "--new", "--base", own_park, "--on", DAY, "--json").body
    assert first
    assert shudi("warnings", "--new", "--base", own_park, "--on", DAY, "--json").body == []


def test_the_ledger_is_edited_as_a_workbook_and_each_cell_is_shown_before_it_is_stored(own_park: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.xlsx"
    assert shudi("report", "--out", path, "--base", own_park, "--on", DAY).status == 0
    before = content(own_park)
    assert "nothing differs" in shudi("report", "--from", path, "--base", own_park).out
    book = openpyxl.load_workbook(path)
    heads = {cell.value: cell.column for cell in book["projects"][1]}
    book["projects"].cell(2, heads["steward"], "赵Zhao")
    book["projects"].cell(2, heads["output_expected"], 30_000)
    book["land_cases"].cell(2, [c.value for c in book["land_cases"][1]].index("opinion_no") + 1, "联审9")
    book.save(path)
    shown = shudi("report", "--from", path, "--base", own_park)
    assert shown.out.splitlines() == [
        "projects P-K01 steward: 李Li → 赵Zhao", "projects P-K01 output_expected: (nothing) → 30000",
        "land_cases C-K01 opinion_no: 联审2024-001 → 联审9", "nothing was stored; --apply stores it",
    ]  # fmt: skip
    assert content(own_park) == before
    stored = shudi("report", "--from", path, "--apply", "--base", own_park, "--json").body
    assert (stored["stored"], stored["changed"]) == (True, [["land_cases", "C-K01"], ["projects", "P-K01"]])
    assert shudi("project", "P-K01", "--base", own_park, "--json").body["project"]["steward"] == "赵Zhao"
    book["projects"].cell(2, heads["kind"], "church")
    book.save(path)
    refused = shudi("report", "--from", path, "--apply", "--base", own_park)
    assert (refused.status, "kind cannot be 'church'" in refused.err) == (2, True)


def test_a_project_is_scheduled_back_from_its_target(server: Server, park: Path) -> None:
    months = shudi("project", "P-K04", "--tasks", "month", "--base", park, "--on", DAY, "--json").body
    assert months == server.client.get("/projects/P-K04/tasks", params={"on": DAY}).json()
    assert months[-1] == {
        "period": "2026-12",
        "item": "in_production",
        "phase": None,
        "latest": "2026-12-31",
        "begin_by": "2026-11-01",
    }
    weeks = server.client.get("/projects/P-K04/tasks", params={"on": DAY, "by": "week"}).json()
    assert weeks[-1]["period"] == "2026-W53"
    late = shudi("project", "P-K04", "--tasks", "week", "--base", park, "--on", "2027-01-02")
    assert (late.status, "its target 2026-12-31 is past" in late.err) == (2, True)


def test_an_empty_base_has_no_projects(empty_base: Path) -> None:
    assert shudi("project", "--base", empty_base).out == "no projects are recorded\n"
    assert shudi("warnings", "--base", empty_base).out == "no warnings\n"
    assert shudi("report", "--base", empty_base).status == 0


def test_an_existing_ledger_is_imported_by_its_headings_with_rejects(own_park: Path, tmp_path: Path) -> None:
    import pandas as pd

    from layers.formats import workbook

    path = tmp_path / "台账.xlsx"
    rows = [("N-1", "示例项目", "产业项目", "1200", "2027-06-30"), ("N-2", "示例项目二", "教堂", "x", "2027-06-30")]
    workbook.write(path, [("台账", pd.DataFrame(rows, columns=["编号", "名称", "类别", "计划总投资", "目标日期"]))])
    refused = shudi("import", path, "--layer", "projects", "--base", own_park, "--rejects", tmp_path / "r.geojson", "--json")
    assert refused.status == 2
    assert "N-2" in (tmp_path / "r.geojson").read_text("utf-8")
    done = shudi("import", path, "--layer", "projects", "--base", own_park, "--rejects", tmp_path / "r.geojson", "--skip-rejects")
    assert done.status == 0, done.err
    told = shudi("project", "N-1", "--base", own_park, "--json").body["project"]
    assert (told["kind"], told["investment_planned"], told["target_on"]) == ("industrial", 1200, "2027-06-30")
    steps = tmp_path / "steps.csv"
    steps.write_text("id,project,item,actual_on\nS-1,N-1,joint_review,2026-01-05\n", "utf-8")
    bad = shudi("import", steps, "--layer", "permits", "--base", own_park)
    assert (bad.status, "needs signing" in bad.err) == (2, True)
    assert shudi("import", own_park, "--layer", "permits", "--base", own_park).status == 2


@pytest.mark.parametrize(("lang", "out"), [("en", "m.zip"), ("zh", "folder")])
def test_the_papers_of_a_meeting_are_an_archive_or_a_folder(park: Path, tmp_path: Path, lang: str, out: str) -> None:
    asked = ("report", "meeting", "--on", DAY, "--page", "A3", "--base", park, "--out", tmp_path / out)
    assert shudi(*asked, lang=lang).status == 0
    names = {"ledger.xlsx", "ledger.pdf", "wall_map.pdf", "projects.pdf"}
    if lang == "en":
        with zipfile.ZipFile(tmp_path / out) as made:
            assert set(made.namelist()) == names
    else:
        assert {p.name for p in (tmp_path / out).iterdir()} == names
        (tmp_path / "file").write_text("x")
        refused = shudi(*asked[:-1], tmp_path / "file", lang=lang)
        assert (refused.status, "无法创建" in refused.err) == (2, True)


PAST, AHEAD = "2020-01-06", "2059-01-06"


@pytest.mark.parametrize(
    ("given", "en", "zh"),
    [
        (["P-77(示例)", "filing", "--planned", PAST], "planned_on 2020-01-06 is past", "已过"),
        (["P-77(示例)", "blessing", "--done", PAST], "there is no item blessing", "item blessing 不存在"),
        (["nobody", "filing", "--done", PAST], "there is no project nobody", "project nobody 不存在"),
        (["P-77(示例)", "start", "--done", PAST], "needs construction_permit, which is not done", "尚未完成"),
        (["P-77(示例)", "filing", "--done", AHEAD], "a day to come is planned_on", "未来的日期请填"),
        (["P-77(示例)", "filing", "--level", "red"], "level is red without level_reason", "缺少 level_reason"),
        (["P-77(示例)", "filing", "--owed", "deed"], "owed is deed without owed_until", "缺少 owed_until"),
        (["P-77(示例)", "filing", "--done", "soon"], "--done soon is no day", "--done soon 不是日期"),
    ],
)
def test_a_step_that_cannot_be_is_refused_in_both_languages_and_nothing_is_stored(park: Path, given: list[str], en: str, zh: str) -> None:  # fmt: skip
    before = content(park)
    for lang, told in (("en", en), ("zh", zh)):
        refused = shudi("permit", *given, "--base", park, lang=lang)
        assert (refused.status, told in refused.err) == (2, True), refused.err
    said = shudi("--json", "permit", *given, "--base", park)
    assert (said.status, en in said.body["error"]["en"], zh in said.body["error"]["zh"]) == (2, True, True)
    assert content(park) == before


def test_the_tables_of_the_ledger_are_read_by_gdal_as_collections(server: Server) -> None:
    for name in ("projects", "permits", "land_cases", "connections", "issues", "approvals"):
        stored = server.client.get(f"/collections/{name}/items", params={"limit": 1}).json()["numberMatched"]
        read = pyogrio.read_info(f"OAPIF:{server.url}", layer=name)
        assert read["features"] == stored > 0, name
    read = pyogrio.read_dataframe(f"OAPIF:{server.url}", layer="projects", where="level = 'provincial'", read_geometry=False)
    assert sorted(read["id"]) == ["P-K01", "P-K02", "P-K03", "P-K04"]
    assert read.loc[read["id"] == "P-K01", "investment_actual"].tolist() == [10470]


def test_a_line_that_opens_its_road_again_is_a_warning_on_both_faces(own_park: Path, tmp_path: Path) -> None:
    road = {"project": "P-road(示例)", "name": "street", "width": 20, "planned_from": "2026-07-01", "planned_to": "2026-09-30"}
    main = {"project": "P-K12", "name": "main", "utilities": "water", "planned_from": "2026-10-11", "planned_to": "2026-11-30"}
    both = [{"type": "Feature", "id": id, "layer": "sections", "action": "create", "geometry": None, "properties": {"road": "R-1", "round": "2026-3", **said}} for id, said in (("S-1", road), ("S-2", main))]  # fmt: skip
    (tmp_path / "both.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": both}), "utf-8")
    stored = shudi("edit", "--file", tmp_path / "both.geojson", "--base", own_park)
    assert stored.status == 0, stored.err
    every = shudi("warnings", "--base", own_park, "--on", DAY, "--json").body
    found, of_demo = sorted((w for w in every if w["rule"].startswith("road_")), key=lambda w: w["project"] != "P-K12")
    assert (of_demo["project"], of_demo["records"]) == ("P-K08", ["sections:SC-3", "sections:SC-2"])
    assert (found["rule"], found["level"], found["project"], found["days"]) == ("road_after", "red", "P-K12", 11)
    assert found["records"] == ["sections:S-2", "sections:S-1"]
    assert [q["en"] for q in found["checklist"]][-1] == "Was the road opened once for all lines?"
    own = shudi("warnings", "--project", "P-K12", "--base", own_park, "--on", DAY, "--json").body
    assert found in own, "the road of another project is looked at too"
    assert "道路完工11天后将再次开挖" in shudi("warnings", "--base", own_park, "--on", DAY, lang="zh").out
    with serving(own_park, tmp_path) as server:
        assert server.client.get("/warnings", params={"on": DAY}).json()["warnings"] == every
    assert shudi("edit", "projects", "P-road(示例)", "status=cancelled", "--base", own_park).status == 0
    assert [w for w in shudi("warnings", "--base", own_park, "--on", DAY, "--json").body if w["rule"].startswith("road_")] == []


def test_a_permit_in_stages_is_recorded_stage_by_stage(own_park: Path) -> None:
    assert shudi("edit", "projects", "P-189(示例)", "template=industrial_three_stages", "--base", own_park).status == 0
    told = shudi("project", "P-189(示例)", "--base", own_park, "--on", DAY, "--json").body
    names = {s["item"]: s["title"]["zh"] for s in told["steps"] if s["item"].startswith("construction_permit")}
    assert list(names.values()) == ["施工许可证(基坑支护和土方开挖)", "施工许可证(正负零以下)", "施工许可证(正负零以上)"]
    early = shudi("permit", "P-189(示例)", "construction_permit_below", "--done", DAY, "--base", own_park)
    assert (early.status, "needs construction_permit_pit" in early.err) == (2, True)


def phased(base: Path) -> None:
    """Tell the steps of P-77 by phase: the scheme of the first is prepared."""
    own = {
        "project": "P-77(示例)",
        "phase": 1,
        "name": "一期厂房 works",
        "area": 51333.33,
        "investment_planned": 9000,
        "target_on": "2027-12-31",
    }
    case = {
        "project": "P-77(示例)",
        "phase": 1,
        "parcels": "D001-B08-P01",
        "supplied_on": "2026-03-02",
        "supplied_area": 51333.33,
    }
    made = [{"type": "Feature", "id": id, "layer": table, "action": "create", "geometry": None, "properties": values} for table, id, values in (("phases", "F-1", own), ("land_cases", "C-F1", case))]  # fmt: skip
    changes = base.with_name("phases.geojson")
    changes.write_text(json.dumps({"type": "FeatureCollection", "features": made}), "utf-8")
    done = shudi("edit", "--file", changes, "--base", base)
    assert done.status == 0, done.err
    first = [("tender", "--planned", "2027-02-01"), ("scheme", "--prepared", "2026-03-02")]
    for phase, records in ((1, first), (2, [("tender", "--planned", "2029-02-01")])):
        for record in records:
            done = shudi("permit", "P-77(示例)", *record, "--phase", phase, "--base", base)
            assert done.status == 0, done.err


def test_each_phase_of_a_project_has_its_own_schedule_and_the_whole_is_told_honestly(own_park: Path, tmp_path: Path) -> None:
    phased(own_park)
    land = {"type": "Feature", "id": "C-2", "layer": "connections", "action": "create", "geometry": None}
    order = {**land, "properties": {"project": "P-77(示例)", "utility": "gas", "planned_on": "2030-05-01"}}
    (tmp_path / "c.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [order]}), "utf-8")
    assert shudi("edit", "--file", tmp_path / "c.geojson", "--base", own_park).status == 0
    told = shudi("project", "P-77(示例)", "--base", own_park, "--on", DAY, "--json").body
    one, two = told["phases"]
    assert (one["phase"], two["phase"]) == (1, 2)
    assert [one["record"][name] for name in ("name", "area", "investment_planned", "target_on")] == [
        "一期厂房 works",
        51333.33,
        9000,
        "2027-12-31",
    ]
    assert (one["land_cases"], one["parcels"], one["area_supplied_m2"]) == (["C-F1"], ["D001-B08-P01"], 51333.33)
    assert (two["record"], two["parcels"], two["area_supplied_m2"]) == ({}, [], None)
    steps = {(s["item"], s["phase"]): s for s in told["steps"]}
    assert len(steps) == len(told["steps"]) == 2 * len({item for item, _ in steps})
    assert steps["tender", 1]["planned"] < steps["tender", 2]["planned"]
    assert one["start"] == steps["start", 1]["forecast"] < two["start"] == steps["start", 2]["forecast"]
    assert one["production"][0]["phase"] == 1
    assert told["contract_to_start"] == one["contract_to_start"], "the whole starts with its first phase"
    assert told["production"] == max(one["production"], two["production"], key=lambda why: why[0]["on"])
    assert {s["phase"] for s in told["steps"]} == {1, 2}
    (row,) = [p for p in shudi("project", "--base", own_park, "--on", DAY, "--json").body if p["id"] == "P-77(示例)"]
    assert (row["phases"], row["start"]) == ([1, 2], one["start"])
    tasks = shudi("project", "P-77(示例)", "--tasks", "month", "--base", own_park, "--on", DAY, "--json").body
    assert {t["phase"] for t in tasks} == {1, 2}
    assert [t["latest"] for t in tasks] == sorted(t["latest"] for t in tasks)
    for lang, words in (
        ("en", ("phase 1", "phase 2", "Investment planned [10^4 CNY]: 9000", "parcels: D001-B08-P01")),
        ("zh", ("第1期", "第2期", "计划总投资 [10^4 CNY]: 9000", "宗地: D001-B08-P01")),
    ):
        said = shudi("project", "P-77(示例)", "--base", own_park, "--on", DAY, lang=lang).out
        assert all(word in said for word in words)


def test_warnings_come_by_pages_with_their_total(server: Server) -> None:
    def page(**more: object) -> dict[str, Any]:
        return server.client.get("/warnings", params={"on": DAY, **more}).json()

    whole = page()
    assert whole["total"] == len(whole["warnings"]) > 4
    parts = [page(limit=3, offset=k)["warnings"] for k in range(0, whole["total"], 3)]
    assert [w for part in parts for w in part] == whole["warnings"]
    beyond = page(offset=whole["total"])
    assert beyond == {"total": whole["total"], "warnings": []}
    assert page(level="red", limit=1)["total"] < whole["total"]
    for wrong in ({"limit": 0}, {"limit": 10_001}, {"offset": -1}):
        assert server.client.get("/warnings", params=wrong).status_code in (400, 422)
    assert page(as_of="2020-01-01T00:00:00Z") == {"total": 0, "warnings": []}


def test_a_permit_rests_on_the_scheme_with_which_its_land_was_offered(own_park: Path, tmp_path: Path) -> None:
    right, other = ("a" * 64, "b" * 64)
    store = GpkgStore.open(own_park)
    offer = {"id": "L-1", "plot": "D001-B08-P01", "state": "draft", "with_scheme": True, "scheme": json.dumps([{"name": "s.pdf", "size": 3, "sha256": right}])}  # fmt: skip

    def state(said: str) -> None:
        store.edit("listings", Change("Lin"), put=gpd.GeoDataFrame([{**offer, "state": said}], geometry=[None], crs=store.crs))

    def record(*given: str, lang: str = "en") -> Any:
        return shudi("permit", "P-77(示例)", "engineering_planning_permit", *given, "--base", own_park, lang=lang)

    state("draft")
    assert record("--scheme", "c" * 64).status == 0, "a draft binds nothing"
    state("published")
    before = content(own_park)
    refused = record("--scheme", other)
    assert (refused.status, "which listing L-1 does not bind" in refused.err, content(own_park) == before) == (2, True, True)
    assert "不是供地信息 L-1 所绑定的方案" in record("--scheme", other, lang="zh").err
    assert "is no SHA-256" in record("--scheme", "s.pdf").err
    assert record("--scheme", right).status == 0
    cases, sites = store.read("land_cases"), store.read("sites")
    store.edit("land_cases", Change("Lin"), put=cases[(cases["project"] == "P-77(示例)").to_numpy(bool)].assign(parcels=None))
    mine = sites[(sites["project"] == "P-77(示例)").to_numpy(bool)]
    assert record("--scheme", "d" * 64).status == 2, "its site lies on the land"
    store.edit("sites", Change("Lin"), put=mine.assign(status="cancelled"))
    assert record("--scheme", "d" * 64).status == 0, "a cancelled site takes no land"
    store.edit("sites", Change("Lin"), put=mine)
    assert record("--scheme", other, "--basis", "变更批复〔2026〕3").status == 0
    store.close()
