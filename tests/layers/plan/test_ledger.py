"""The ledger of projects: schedules that move with facts, what five permits lack, warnings, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from layers.base import PANDAS
from layers.catalogue import LEDGER
from layers.plan import ledger as steward
from layers.plan.ledger import Ledger
from layers.plan.procedures import LANES, FutureError, TwiceError, UnknownItemError, templates
from layers.plan.schedule import CycleError, OutOfOrderError, ordered
from layers.plan.warnings import key, warnings
from layers.plan.workdays import Calendar
from layers.standards import Standards

STANDARDS = Standards.load()
ON = np.datetime64("2026-03-02", "D")
BOOK, CALENDAR = STANDARDS.on(ON.item()), Calendar.of(STANDARDS)
BEFORE_CONTRACT = ("signing", "joint_review", "planning_conditions", "listing_notice", "listing", "grant_contract")


def frame(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make a frame of a table with the columns and types of its schema."""
    columns = {f.name: pd.Series([r.get(f.name) for r in rows], dtype=object) for f in LEDGER[table].columns}
    made = {f.name: pd.to_datetime(columns[f.name]).astype("datetime64[s]") if f.dtype == "date" else columns[f.name].astype(PANDAS[f.dtype]) for f in LEDGER[table].columns}  # fmt: skip
    return pd.DataFrame(made)


def projects(*ids: str, **all_: Any) -> pd.DataFrame:
    return frame("projects", [{"id": i, "name": i, "kind": "industrial", **all_} for i in ids])


def steps(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Make permits of (project, item, {fields})."""
    return frame("permits", [{"id": f"{p}-{i}-{k}", "project": p, "item": i, **more} for k, (p, i, more) in enumerate(rows)])


def made(projects: pd.DataFrame, permits: pd.DataFrame, on: np.datetime64 = ON, floors: pd.DataFrame | None = None) -> Ledger:
    return steward.ledger(projects, permits, on, BOOK, CALENDAR, floors)


def row(of: Ledger, item: str, project: str = "A") -> pd.Series:
    rows = steward.rows(of)
    return rows[(rows["project"] == project) & (rows["item"] == item)].iloc[0]


def warned(of: Ledger, cases: Any = (), connections: Any = (), issues: Any = ()) -> pd.DataFrame:
    return warnings(of, frame("land_cases", list(cases)), frame("connections", list(connections)), frame("issues", list(issues)))


@pytest.mark.parametrize("name", list(templates(BOOK)))
def test_every_procedure_has_its_steps_and_no_ring(name: str) -> None:
    template = templates(BOOK)[name]
    assert len(ordered(template.steps)) == len(template.steps)
    assert set(template.lanes) <= set(LANES)


def test_what_may_start_today_and_what_blocks_the_rest() -> None:
    of = made(projects("A"), steps(("A", "signing", {"actual_on": "2026-02-27"})))
    waits = steward.blocked_by(of, "A")
    assert [item for item, needs in waits.items() if not needs] == ["joint_review", "filing"]
    assert waits["grant_contract"] == ["listing"]
    assert "signing" not in waits


def test_forecasts_move_with_the_facts() -> None:
    early = row(made(projects("A"), steps(("A", "signing", {"actual_on": "2026-02-27"}))), "in_production")["forecast"]
    later = made(projects("A"), steps(("A", "signing", {"actual_on": "2026-02-27"})), ON + 30)
    assert row(later, "in_production")["forecast"] > early
    assert row(later, "signing")["actual"] == pd.Timestamp("2026-02-27")


def test_a_late_water_main_is_a_late_production_with_the_chain_of_reasons() -> None:
    late = pd.DataFrame(
        {"project": ["A"], "item": ["utilities_connected"], "day": [np.datetime64("2028-05-01")], "en": ["the water main serves from 2028-05-01"], "zh": ["给水主管2028-05-01投用"]}
    )  # fmt: skip
    of = made(projects("A"), steps(), floors=late)
    assert row(of, "utilities_connected")["forecast"] == pd.Timestamp("2028-05-01")
    assert row(of, "in_production")["forecast"] > pd.Timestamp("2028-07-30")
    reasons = steward.chain(of, "A", "in_production")
    assert [r.item for r in reasons] == ["in_production", "trial_production", "title", "acceptance", "utilities_connected"]
    assert reasons[-1].text.en == "the water main serves from 2028-05-01"
    assert "天" in reasons[0].text.zh


def test_a_prepared_permit_takes_no_time_and_five_can_be_issued_on_the_day_of_the_contract() -> None:
    done = [("A", i, {"actual_on": "2026-02-20"}) for i in BEFORE_CONTRACT]
    ready = ["filing", "scheme", "scheme_notice", "drawing_review", "tender", "safety_measures", "land_price_paid"]
    done += [("A", i, {"actual_on": "2026-02-20"}) for i in ready]
    five = BOOK["ledger.bundle"]
    lacking = steward.bundle(made(projects("A"), steps(*done)), "A")
    assert set(lacking.missing) == {(i, "prepared_on") for i in five}
    prepared = made(projects("A"), steps(*done, *[("A", i, {"prepared_on": "2026-02-20"}) for i in five]))
    assert (
        steward.bundle(prepared, "A") == (pytest.approx(np.datetime64("NaT"), nan_ok=True), ())
        or steward.bundle(prepared, "A").ready
    )
    assert row(prepared, "construction_permit")["forecast"] == pd.Timestamp("2026-03-02")
    issued = made(projects("A"), steps(*done, *[("A", i, {"actual_on": "2026-02-20"}) for i in five], ("A", "start", {"actual_on": "2026-02-20"})))  # fmt: skip
    assert steward.bundle(issued, "A").issued_on == np.datetime64("2026-02-20")
    assert steward.start_on_land(issued, "A") == (0, ())


def test_what_the_bundle_lacks_names_the_preparation() -> None:
    of = made(projects("A"), steps(("A", "land_planning_permit", {"prepared_on": "2026-02-20"})))
    missing = steward.bundle(of, "A").missing
    assert ("construction_permit", "tender") in missing
    assert ("land_planning_permit", "filing") in missing
    assert ("land_planning_permit", "prepared_on") not in missing
    away = made(projects("A"), steps(("A", "civil_defence_relocation", {"applies": False})))
    assert "civil_defence_relocation" not in dict(steward.bundle(away, "A").missing)


def test_days_from_contract_to_start_and_why_they_are_not_none() -> None:
    days, why = steward.start_on_land(made(projects("A"), steps()), "A")
    assert days is not None
    assert days > 0
    assert [r.item for r in why][:2] == ["construction_permit", "engineering_planning_permit"]
    with_scheme, _ = steward.start_on_land(made(projects("A", template="industrial_scheme"), steps()), "A")
    assert with_scheme is not None
    assert with_scheme < days


def test_a_target_is_scheduled_back_to_months_and_weeks() -> None:
    of = made(projects("A", target_on="2028-12-31"), steps(("A", "signing", {"actual_on": "2026-02-27"})))
    months = steward.tasks(of, "A")
    assert months["item"].iloc[-1] == "in_production"
    assert months["month"].iloc[-1] == "2028-12"
    assert (months["begin_by"] <= months["latest"]).all()
    assert steward.tasks(of, "A", "week")["week"].iloc[-1] == "2028-W52"
    assert row(of, "in_production")["slack"] == (pd.Timestamp("2028-12-31") - row(of, "in_production")["forecast"]).days
    with pytest.raises(FutureError, match="its target 2026-01-01 is past"):
        steward.tasks(made(projects("A", target_on="2026-01-01"), steps()), "A")


def test_phases_are_cases_of_their_own_and_share_what_names_no_phase() -> None:
    of = made(
        projects("A"),
        steps(("A", "signing", {"actual_on": "2026-01-05"}), ("A", "joint_review", {"phase": 1, "actual_on": "2026-02-02"}), ("A", "joint_review", {"phase": 2})),
    )  # fmt: skip
    rows = steward.rows(of)
    review = rows[rows["item"] == "joint_review"].set_index("phase")
    assert review["state"].to_dict() == {1: "done", 2: "open"}
    assert rows[rows["item"] == "signing"]["actual"].tolist() == [pd.Timestamp("2026-01-05")] * 2
    assert steward.phases(of, "A") == [1, 2]
    assert "joint_review" in steward.blocked_by(of, "A", 2)["planning_conditions"]
    assert steward.blocked_by(of, "A", 1)["planning_conditions"] == []


def test_a_service_that_is_late_for_the_land_of_one_phase_is_late_for_that_phase() -> None:
    late = pd.DataFrame({"project": ["A"], "phase": [2], "item": ["utilities_connected"], "day": [np.datetime64("2030-01-01")], "en": ["main"], "zh": ["主管"]})  # fmt: skip
    two = steps(
        ("A", "signing", {"phase": 1, "planned_on": "2026-04-01"}), ("A", "signing", {"phase": 2, "planned_on": "2026-04-01"})
    )
    of = made(projects("A"), two, floors=late)
    made_of = steward.rows(of).query("item == 'in_production'").set_index("phase")["forecast"]
    assert made_of[1] < pd.Timestamp("2028-01-01") < pd.Timestamp("2030-01-01") < made_of[2]
    assert [r.text.en for r in steward.chain(of, "A", "in_production", 2)][-1] == "main"
    whole = steward.rows(made(projects("A"), steps(), floors=late)).query("item == 'in_production'")["forecast"].iloc[0]
    assert whole == made_of[2], "of a project that tells no phases the land of one is its land"


def test_the_land_of_a_phase_stands_idle_until_that_phase_starts() -> None:
    names = [s.id for s in templates(BOOK)["industrial"].steps if s.id not in ("signing",)]
    begun = [("A", i, {"phase": 1, "actual_on": "2025-01-02"}) for i in names[: names.index("start") + 1]]
    of = made(projects("A"), steps(("A", "signing", {"actual_on": "2025-01-02"}), *begun, ("A", "filing", {"phase": 2})))
    land = [{"id": f"C{p}", "project": "A", "phase": p, "supplied_on": "2025-01-02"} for p in (1, 2, None)]
    found = warned(of, land)
    assert found[found["rule"] == "idle"]["row"].tolist() == ["land_cases:C2"]


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ([("A", "blessing", {})], UnknownItemError, "there is no item blessing"),
        ([("Z", "signing", {})], UnknownItemError, "there is no project Z"),
        ([("A", "land_approval", {})], UnknownItemError, "the procedure industrial of its project has no step land_approval"),
        ([("A", "signing", {}), ("A", "signing", {})], TwiceError, "recorded already"),
        ([("A", "signing", {"actual_on": "2026-03-03"})], FutureError, "actual_on is 2026-03-03, after 2026-03-02"),
        ([("A", "joint_review", {"actual_on": "2026-02-27"})], OutOfOrderError, "A: joint_review of 2026-02-27 needs signing"),
    ],
)
def test_records_that_cannot_be_are_refused(given: list[Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        made(projects("A"), steps(*given))


def test_an_exception_needs_its_basis_and_a_need_that_does_not_apply_blocks_nothing() -> None:
    early = ("A", "scheme", {"actual_on": "2026-02-27"})
    with pytest.raises(OutOfOrderError):
        made(projects("A"), steps(early))
    made(projects("A"), steps(("A", "scheme", {"actual_on": "2026-02-27", "exception_basis": "带方案出让"})))
    made(projects("A"), steps(early, ("A", "planning_conditions", {"applies": False})))


@pytest.mark.parametrize(("late", "level"), [(0, None), (1, "yellow"), (6, "yellow"), (7, "orange"), (14, "orange"), (15, "red")])
def test_a_lag_is_graded(late: int, level: str | None) -> None:
    planned = str(ON - late)
    found = warned(made(projects("A"), steps(("A", "signing", {"planned_on": planned}))))
    lag = found[found["rule"] == "lag"]
    assert lag["level"].tolist() == ([] if level is None else [level])


def test_what_is_near_expires_is_owed_or_unsettled_is_told_in_both_languages() -> None:
    done = [("A", i, {"actual_on": "2024-03-20"}) for i in (*BEFORE_CONTRACT, "filing")]
    of = made(
        projects("A"),
        steps(*done, ("A", "land_planning_permit", {"actual_on": "2024-03-20", "owed": "deed", "owed_until": "2026-03-20"}), ("A", "scheme", {"planned_on": "2026-03-17"})),
    )  # fmt: skip
    case = {"id": "c", "project": "A", "supplied_on": "2024-03-20"}
    waits = {"id": "d", "project": "A", "valid_until": "2026-03-01"}
    issue = {"id": "i", "project": "A", "subject": "dust", "received_on": "2026-03-01"}
    found = warned(of, [case, waits], [], [issue]).set_index("rule")
    assert found["level"].to_dict() == {"opinion": "red", "idle": "red", "expiry": "orange", "owed": "orange", "issue": "yellow", "lead": "notice"}  # fmt: skip
    assert found.loc["expiry", "en"] == "Land planning permit expires on 2026-03-20: 18 days are left"
    assert found.loc["idle", "zh"] == "自2024-03-20起已712天未动工"
    assert found["en"].iloc[0] == found.loc["idle", "en"], "the worst and oldest first"


@pytest.mark.parametrize(
    ("since", "told"),
    [("2025-09-03", None), ("2025-09-02", ("idle", "yellow")), ("2025-06-02", ("idle", "orange")), ("2025-03-03", ("idle", "orange")),
     ("2025-03-02", ("idle", "red")), ("2024-03-02", ("taken_back", "red"))],
)  # fmt: skip
def test_the_clock_of_idle_land_strikes_on_its_day(since: str, told: tuple[str, str] | None) -> None:
    found = warned(made(projects("A"), steps()), [{"id": "c", "project": "A", "supplied_on": since}])
    assert [tuple(r) for r in found[["rule", "level"]].to_numpy()] == ([] if told is None else [told])


def test_a_utility_that_is_not_connected_before_production_is_told_and_a_hand_may_silence_it() -> None:
    order = {"id": "o", "project": "A", "utility": "gas"}
    of = made(projects("A"), steps(), np.datetime64("2026-03-02"))
    far = warned(of, connections=[order])
    assert not len(far)
    trial = row(of, "trial_production")["forecast"].to_datetime64().astype("datetime64[D]")
    near = made(projects("A"), steps(*[("A", s.id, {"actual_on": "2025-01-01"}) for s in templates(BOOK)["industrial"].steps if s.id not in ("trial_production", "in_production", "full_capacity", "statistics_registration")]))  # fmt: skip
    assert warned(near, connections=[order])[["item", "level"]].to_numpy().tolist() == [["gas", "orange"]]
    assert not len(warned(near, connections=[{**order, "connected_on": "2025-01-01"}]))
    assert trial > ON + 60
    by_hand = made(
        projects("A"), steps(("A", "signing", {"planned_on": "2026-01-01", "level": "yellow", "level_reason": "agreed"}))
    )
    assert warned(by_hand)["level"].tolist() == ["yellow"]
    silent = made(projects("A"), steps(("A", "signing", {"planned_on": "2026-01-01", "level": "none"})))
    assert not len(warned(silent))


def test_the_same_thing_has_the_same_name_on_the_next_day() -> None:
    late = steps(("A", "signing", {"planned_on": "2026-02-20"}))
    one, other = (warned(made(projects("A"), late, ON + k)) for k in (0, 1))
    assert key(one).tolist() == key(other).tolist() == ["A|-1|signing|lag|orange|2026-02-20"]


def test_a_change_of_one_project_is_as_if_all_were_scheduled() -> None:
    everyone = projects("A", "B", "C")
    old = steps(("A", "signing", {"actual_on": "2026-02-02"}), ("B", "signing", {"actual_on": "2026-02-02"}))
    new = pd.concat([old, steps(("B", "joint_review", {"actual_on": "2026-02-20"}))], ignore_index=True)
    part = steward.changed(made(everyone, old), everyone[everyone["id"] == "B"], new[new["project"] == "B"])
    whole = made(everyone, new)
    sort = lambda f: steward.rows(f).sort_values(["project", "item"]).reset_index(drop=True)  # noqa: E731
    pd.testing.assert_frame_equal(sort(part), sort(whole))
    assert key(warned(part)).tolist() == key(warned(whole)).tolist()


def test_time_saved_is_told_against_the_statute() -> None:
    done = steps(("A", "signing", {"actual_on": "2026-01-05"}), ("A", "joint_review", {"actual_on": "2026-01-12"}))
    found = steward.saved(made(projects("A"), done))
    assert found.to_dict("records") == [
        {"project": "A", "item": "joint_review", "record": "A-joint_review-1", "statutory": 10, "taken": 5}
    ]


def test_the_five_ones_are_complete_or_named() -> None:
    told = steward.five_ones(projects("A", leader="Wang", steward="Li"))
    assert told["A"] == "department, work_plan, target"


def test_merged_stages_issue_the_second_and_third_on_one_day() -> None:
    of = made(projects("A", template="industrial_merged"), steps())
    apart = made(projects("A"), steps())
    permit, planning, tender = (
        row(of, i)["forecast"] for i in ("construction_permit", "engineering_planning_permit", "safety_measures")
    )
    assert permit == max(planning, tender)
    assert row(of, "start")["forecast"] < row(apart, "start")["forecast"]


def test_a_permit_on_a_promise_lets_the_next_step_begin_while_its_documents_are_owed() -> None:
    promised = {"actual_on": "2026-02-27", "owed": "land survey", "owed_until": "2026-04-15"}
    of = made(projects("A"), steps(("A", "signing", {"actual_on": "2026-01-05"}), ("A", "filing", promised)))
    assert steward.blocked_by(of, "A")["environmental_impact"] == []
    assert warned(of)[["rule", "item", "level"]].to_numpy().tolist() == [["owed", "filing", "yellow"]]


def test_a_staged_permit_lets_the_pit_begin_before_the_contract_and_the_start_follow_it() -> None:
    done = [("A", i, {"actual_on": "2026-02-27"}) for i in ("signing", "joint_review", "planning_conditions", "scheme", "drawing_review", "tender", "safety_measures")]  # fmt: skip
    of = made(projects("A", template="industrial_staged"), steps(*done))
    assert steward.blocked_by(of, "A")["construction_permit_pit"] == []
    assert row(of, "start")["forecast"] < row(of, "grant_contract")["forecast"]
    assert row(of, "above_ground")["forecast"] > row(of, "construction_permit")["forecast"]


def test_a_permit_in_three_stages_lets_each_part_of_the_works_begin_on_its_own() -> None:
    before = [("A", i, {"actual_on": "2026-02-27"}) for i in ("signing", "joint_review", "planning_conditions", "scheme", "drawing_review", "tender", "safety_measures")]  # fmt: skip
    whole = {"template": "industrial_three_stages"}
    of = made(projects("A", **whole), steps(*before))
    pit, below, above = (row(of, f"construction_permit{stage}") for stage in ("_pit", "_below", ""))
    assert pit["forecast"] < row(of, "grant_contract")["forecast"] < below["forecast"] < above["forecast"]
    assert row(of, "start")["forecast"] == pit["forecast"]
    needs = steward.blocked_by(of, "A")
    assert (needs["construction_permit_pit"], needs["construction_permit"][0]) == ([], "construction_permit_below")
    assert "construction_permit_below" in needs["above_ground"]
    assert needs["topped_out"] == ["above_ground", "construction_permit"], "what stands above the ground waits for the last stage"
    assert steward.titles(of)["A"]["construction_permit"].zh == "施工许可证(正负零以上)"
    assert steward.titles(made(projects("A"), steps()))["A"]["construction_permit"].zh == "施工许可证"
    early = steps(*before, ("A", "construction_permit_below", {"actual_on": "2026-02-27"}))
    with pytest.raises(OutOfOrderError, match="construction_permit_below of 2026-02-27 needs construction_permit_pit"):
        made(projects("A", **whole), early)
    late = warned(made(projects("A", **whole), steps(("A", "construction_permit", {"planned_on": "2026-03-09"}))))
    assert late["en"].iloc[0].startswith("Construction permit, above ±0.000 is")


def test_a_procedure_of_the_standards_that_turns_in_a_ring_is_refused_with_the_ring() -> None:
    line = BOOK.line("ledger.template_industrial")
    ring = replace(line, value={**line.value, "after": {"signing": ["filing"]}})
    book = replace(BOOK, lines={**BOOK.lines, "ledger.template_industrial": ring})
    with pytest.raises(CycleError, match="signing → filing → signing"):
        steward.ledger(projects("A"), steps(), ON, book, CALENDAR)
