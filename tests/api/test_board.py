"""Projects beside each other and beside their land: what the page asks, and what a visitor may not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from api.board import milestones
from layers.standards import Standards
from layers.steward import steward
from layers.store.memory import MemoryStore
from tests.api.conftest import copied
from tests.api.faces import Server, serving, shudi
from tests.api.town import Town, guarded

DAY = "2026-03-31"
PLOT = "D001-B08-P01"


def test_each_project_has_a_stage_by_its_status_and_its_steps(server: Server) -> None:
    rows = {p["id"]: p for p in server.client.get("/projects", params={"on": DAY}).json()}
    assert {rows[id]["stage"] for id in ("P-K01", "P-K03")} == {"production"}
    assert (rows["P-K02"]["stage"], rows["P-77(示例)"]["stage"], rows["P-189(示例)"]["stage"]) == (
        "construction",
        "signed",
        "prospect",
    )
    assert rows["P-K01"]["five_ones_missing"] == []
    assert server.client.get("/projects/P-K02", params={"on": DAY}).json()["stage"] == "construction"


def test_the_milestones_of_all_projects_say_what_is_late(server: Server) -> None:
    body = server.client.get("/milestones", params={"on": DAY}).json()
    titles = {i["item"]: i["title"]["zh"] for i in body["items"]}
    assert (titles["grant_contract"], titles["in_production"]) == ("出让合同", "投产")
    rows = {p["project"]: {m["item"]: m for m in p["marks"]} for p in body["projects"]}
    assert set(rows) == {p["id"] for p in server.client.get("/projects", params={"on": DAY}).json()}
    late = rows["P-77(示例)"]["grant_contract"]
    assert (late["planned"], late["forecast"], late["late"], late["state"]) == ("2026-03-31", "2026-06-22", 83, "blocked")
    assert rows["P-K01"]["start"]["actual"] == rows["P-K01"]["start"]["forecast"] == "2025-02-20"


def test_a_warning_carries_what_often_goes_wrong_before_its_step(server: Server) -> None:
    body = server.client.get("/projects/P-77(示例)", params={"on": DAY}).json()
    asked = {w["item"]: w["checklist"] for w in body["warnings"]}
    assert any("预审方案" in question["zh"] for question in asked["grant_contract"])
    steps = {s["item"]: s for s in body["steps"]}
    assert (steps["grant_contract"]["record"], steps["filing"]["record"]) == ("P-77(示例)-grant_contract", None)
    red = server.client.get("/warnings", params={"on": DAY, "level": "red"}).json()["warnings"]
    assert {w["level"] for w in red} == {"red"}


def test_the_land_of_a_project_is_judged_as_a_check_judges_it(server: Server, park: Path) -> None:
    land = server.client.get("/projects/P-77(示例)/land", params={"on": DAY}).json()
    (site,) = land["land"]
    told = shudi("check", "S-77", "--on", DAY, "--base", park, "--json").body
    assert (site["layer"], site["id"], site["verdict"]) == ("sites", "S-77", told["verdict"])
    assert site["area_m2"] == told["area_m2"]
    assert [c["id"] for c in site["found"]] == [c["id"] for c in told["checks"] if c["severity"] != "pass"]
    west, south = site["geometry"]["coordinates"][0][0]
    assert 116.9 < west < 117.2
    assert 36.7 < south < 37
    assert server.client.get("/projects/P-K04/land").json()["land"] == []
    assert server.client.get("/projects/nobody/land").status_code == 404


def test_a_plot_leads_to_its_projects_by_sites_and_by_land_cases(own_park: Path, tmp_path: Path) -> None:
    plots = f"{PLOT}, D001-B09-P03, D999-gone"
    assert shudi("edit", "land_cases", "C-K04", f"parcels={plots}", "--base", own_park).status == 0
    with serving(own_park, tmp_path) as own:
        found, *more = own.client.get(f"/plots/{PLOT}/projects", params={"on": DAY}).json()
        assert all(p["sites"] and not p["cases"] for p in more)
        assert (found["id"], found["cases"], found["sites"]) == ("P-K04", ["C-K04"], [])
        assert (found["project"]["stage"], found["project"]["warning"]) == ("construction", "red")
        land = own.client.get("/projects/P-K04/land").json()
        assert [(g["layer"], g["id"]) for g in land["land"]] == [("parcels", PLOT), ("parcels", "D001-B09-P03")]
        assert land["absent"] == ["D999-gone"]
        plot = own.client.get(f"/plots/{PLOT}").json()
        assert (land["land"][0]["verdict"], land["land"][0]["ready_from"]) == (plot["verdict"], plot["ready_from"])
        held = {p["id"]: p for p in own.client.get("/plots/D001-B09-P03/projects").json()}
        assert held["P-K04"]["cases"] == ["C-K04"]
        assert own.client.get("/plots/nobody/projects").status_code == 404


def test_an_empty_ledger_has_no_milestones() -> None:
    body = milestones(steward(MemoryStore("EPSG:4548"), Standards.load(), date(2026, 3, 31)))
    assert (body.projects, len(body.items) > 5) == ([], True)


@pytest.fixture(scope="module")
def town(park: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    with guarded(copied(park, folder / "town.gpkg"), folder) as town:
        yield town


def test_the_public_sees_nothing_of_projects(town: Town) -> None:
    for path in ("/projects", "/milestones", "/warnings", "/projects/P-K04/land", f"/plots/{PLOT}/projects", "/collections/projects/items"):  # fmt: skip
        nobody, viewer = town.ask(None, "GET", path), town.ask("viewer", "GET", path)
        assert (nobody.status_code, viewer.status_code) == (401, 200), path
        assert "P-K04" not in nobody.text


def test_planners_make_the_papers_of_a_meeting_and_nobody_else(town: Town) -> None:
    for role, status in ((None, 401), ("viewer", 403), ("planner", 201)):
        begun = town.ask(
            role, "POST", "/processes/meeting/execution", json={"inputs": {"on": DAY}}, headers={"Prefer": "respond-async"}
        )
        assert begun.status_code == status
    job = begun.json()["jobID"]
    assert town.ask("approver", "GET", f"/jobs/{job}").status_code == 404
    town.ask("planner", "DELETE", f"/jobs/{job}")


def test_who_lies_along_works_is_told_over_http_and_by_the_command_alike(server: Server, park: Path) -> None:
    told = server.client.get("/projects/P-road(示例)/stakeholders", params={"within": 100}).json()
    assert shudi("project", "P-road(示例)", "--along", "100", "--base", park, "--json").body == told
    assert (told["stakeholders"], told["stakeholders_contacted"], told["parcels_contacted"]) == (3, 2, 2)
    assert told["parcels"] == sum(r["layer"] == "parcels" for r in told["rows"]) > 20
    assert "3户,已对接2户" in shudi("--lang", "zh", "--base", park, "project", "P-road(示例)", "--along", "100").out
    assert (
        "3 stakeholders are recorded, 2 were spoken to" in shudi("project", "P-road(示例)", "--along", "100", "--base", park).out
    )
    assert server.client.get("/projects/nobody/stakeholders").status_code == 404
    assert server.client.get("/projects/P-road(示例)/stakeholders", params={"within": 1001}).status_code == 422
    refused = shudi("project", "P-K03", "--along", "1001", "--base", park)
    assert refused.status == 2
    for asked in (("--along", "50"), ("--tasks", "week")):
        refused = shudi("--lang", "zh", "--base", park, "project", *asked)
        assert (refused.status, "请给出项目编号" in refused.err) == (2, True), "it lists no projects in their place"
