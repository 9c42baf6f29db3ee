"""The supply of serviced land through both faces: it adds up, and stale findings are never shown as fresh."""

import re

import pytest

from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, serving, shudi


def test_the_command_and_the_service_table_the_same(park, server):
    said = shudi("supply", "--by", "quarter", "--take-up", 20, "--level", 3, "--base", park, "--json").body
    assert said == server.client.get("/supply", params={"by": "quarter", "take_up": 20, "level": 3}).json()
    assert (said["on"], said["level"], said["generated"]) == (DAY, 3, True)


def test_the_tables_add_up_to_what_was_assessed(park):
    store = GpkgStore.open(park, read_only=True)
    found, _ = store.findings()
    store.close()
    body = shudi("supply", "--base", park, "--take-up", 10, "--json").body
    for split in ("all", "use", "size"):
        parts = [g for g in body["groups"] if g["split"] == split]
        assert sum(g["plots"] for g in parts) == len(found)
        assert sum(g["area_m2"] for g in parts) == pytest.approx(found["area"].sum(), abs=0.01 * len(parts))
        assert all(sum(r["area_m2"] for r in g["rows"]) == pytest.approx(g["area_m2"], abs=0.1) for g in parts)
    whole = body["groups"][0]
    assert (whole["mu"], whole["ha"]) == (round(found["area"].sum() * 3 / 2000, 4), round(found["area"].sum() / 10_000, 4))
    by_state = found[found["verdict"] == "free"].groupby("ready_state")["area"].sum()
    assert next(r["area_m2"] for r in whole["rows"] if r["state"] == "ready") == pytest.approx(by_state["ready"], abs=0.01)
    assert body["years_serviced"] == pytest.approx(by_state["ready"] / 1e5, abs=0.01)
    assert body["years_with_dated"] == pytest.approx((by_state["ready"] + by_state["dated"]) / 1e5, abs=0.01)


def test_the_sizes_of_a_table_are_told_as_numbers_and_leave_no_gap(park):
    groups = [g for g in shudi("supply", "--base", park, "--json").body["groups"] if g["split"] == "size"]
    assert len(groups) > 1
    for g in groups:
        told = [float(t) * 2000 / 3 for t in re.findall(r"([\d.]+) mu", g["title"]["en"])]
        assert [v for v in (g["least_m2"], g["below_m2"]) if v] == pytest.approx(told)
    assert all(g["least_m2"] is None for g in shudi("supply", "--base", park, "--json").body["groups"] if g["split"] != "size")


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            (
                "GENERATED",
                f"on {DAY}, level 5",
                "All plots",
                "industry",
                "serviced from 2028Q1",
                "cumulative",
                "10 mu",
                "20 ha a year",
            ),
        ),
        ("zh", ("示例", DAY, "全部宗地", "工矿用地", "2028Q1", "累计", "10亩", "每年20公顷")),
    ],
)
def test_a_person_reads_the_supply(park, lang, words):
    found = shudi("supply", "--base", park, "--take-up", 20, lang=lang)
    assert found.status == 0
    assert all(word in found.out for word in words)


def test_stale_findings_are_refused_with_the_remedy(own_park, tmp_path):
    store = GpkgStore.open(own_park)
    store.edit("roads", Change("tester"), put=store.read("roads").head(1).assign(name="改名路"))
    store.close()
    found = shudi("supply", "--base", own_park)
    assert (found.status, "roads" in found.err, "shudi assess" in found.err) == (2, True, True)
    with serving(own_park, tmp_path) as server:
        heard = server.client.get("/supply")
    assert (heard.status_code, "shudi assess" in heard.json()["detail"]) == (409, True)
    assert shudi("assess", "--base", own_park, "--on", DAY).status == 0
    assert shudi("supply", "--base", own_park).status == 0


def test_a_base_that_nobody_assessed_is_refused(empty_base):
    found = shudi("supply", "--base", empty_base, lang="zh")
    assert (found.status, "shudi assess" in found.err) == (2, True)


@pytest.mark.parametrize(
    "wrong", [("--take-up", "nan"), ("--take-up", "inf"), ("--take-up", 0), ("--level", 4), ("--by", "week")]
)
def test_a_wrong_question_is_refused(park, server, wrong):
    assert shudi("supply", "--base", park, *wrong).status == 2
    assert server.client.get("/supply", params={wrong[0].strip("-").replace("-", "_"): wrong[1]}).status_code == 422


@pytest.mark.parametrize("asked", [{}, {"by": "day"}, {"by": "year", "level": "3"}])
def test_each_row_of_a_table_leads_to_just_the_plots_that_it_counts(server, asked):
    table = server.client.get("/supply", params=asked).json()
    seen = {}
    for group in table["groups"]:
        for row in group["rows"]:
            of = {"split": group["split"], "group": group["group"], "state": row["state"], **asked}
            found = server.client.get("/supply/plots", params=of | ({"begins": row["begins"]} if row["begins"] else {})).json()
            assert len(set(found["id"])) == len(found["area_m2"]) == len(found["ready_from"]) == row["plots"] > 0
            assert sum(found["area_m2"]) == pytest.approx(row["area_m2"], abs=0.01 * row["plots"])
            seen.setdefault(group["split"], []).extend(found["id"])
    assert len({frozenset(ids) for ids in seen.values()}) == 1, "every split holds all plots"
    assert all(len(ids) == len(set(ids)) for ids in seen.values())


def test_a_table_by_day_tells_what_was_serviced_on_any_day(server):
    """Also on days that have been: what is ready today was not always."""
    rows = server.client.get("/supply", params={"by": "day"}).json()["groups"][0]["rows"]
    findings = server.client.get("/collections/findings/items", params={"limit": 10_000, "filter": "verdict='free'"}).json()[
        "features"
    ]
    for day in ("2020-01-01", "2026-02-01", DAY, "2027-05-17", "2032-01-01"):
        known = [f["properties"] for f in findings if f["properties"]["ready_state"] in ("ready", "dated")]
        served = sum(p["area"] for p in known if (p["ready_from"] or "")[:10] <= day)
        told = sum(r["area_m2"] for r in rows if r["state"] in ("ready", "dated") and (r["begins"] or "") <= day)
        assert told == pytest.approx(served, abs=1), day
