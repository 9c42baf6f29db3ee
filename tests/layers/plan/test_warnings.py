"""Early warnings: each thing has one name, opinions expire, levels are set by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from layers.plan.warnings import checklists, key, warnings
from tests.layers.plan.test_ledger import BEFORE_CONTRACT, BOOK, ON, frame, made, projects, row, steps


def told(permits: pd.DataFrame, on: Any = ON, who: tuple[str, ...] = ("A",), **tables: list[dict[str, Any]]) -> pd.DataFrame:
    of = made(projects(*who), permits, on)
    return warnings(
        of,
        *(frame(t, tables.get(t, [])) for t in ("land_cases", "connections", "issues", "opinions")),
        None,
        frame("set_outs", tables.get("set_outs", [])),
    )


def levels(found: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(found["rule"], found["level"], strict=True))


def test_two_issues_of_a_project_are_two_things_and_each_names_its_row() -> None:
    both = [{"id": i, "project": "A", "subject": i, "received_on": "2026-02-27"} for i in ("dust", "noise")]
    found = told(steps(), issues=both)
    assert found["row"].tolist() == ["issues:dust", "issues:noise"]
    assert key(found).nunique() == 2
    assert found["en"].tolist()[0] == "the issue dust, received on 2026-02-27, is not settled after 3 days"
    assert key(told(steps(), ON + 1, issues=both)).tolist() == key(found).tolist()


def test_a_plan_that_is_made_anew_and_late_again_is_another_thing() -> None:
    old, new = (told(steps(("A", "signing", {"planned_on": day}))) for day in ("2026-02-27", "2026-02-28"))
    assert levels(old) == levels(new) == [("lag", "yellow")]
    assert key(old).tolist() != key(new).tolist()
    assert old["row"].tolist() == ["permits:A-signing-0"]


def test_what_is_due_is_called_to_mind_thirty_and_seven_days_before() -> None:
    due = steps(("A", "signing", {"planned_on": "2026-04-01"}))
    names = [key(told(due, ON + k)).tolist() for k in (0, 1, 22, 23, 24, 30)]
    assert [len(n) for n in names] == [1] * 6
    assert names[0] == names[1] == names[2]
    assert names[3] == names[4] == names[5] != names[2], "seven days before it is told again"
    assert not len(told(due, ON - 1))


def test_the_opinion_of_a_department_expires_with_its_number_until_the_land_is_supplied() -> None:
    case = {"id": "C", "project": "A"}
    first = {"id": "O1", "project": "A", "land_case": "C", "department": "水务局", "number": "水〔2025〕9", "given_on": "2025-01-06", "valid_until": "2026-03-20"}  # fmt: skip
    found = told(steps(), land_cases=[case], opinions=[first])
    assert found[["rule", "level", "row"]].to_numpy().tolist() == [["department", "orange", "opinions:O1"]]
    assert found["en"].iloc[0] == "the opinion of 水务局 水〔2025〕9 expires on 2026-03-20: 18 days are left"
    assert found["zh"].iloc[0] == "水务局 水〔2025〕9的意见将于2026-03-20失效,剩余18天"
    again = first | {"id": "O2", "given_on": "2026-02-02", "valid_until": "2028-03-20"}
    assert not len(told(steps(), land_cases=[case], opinions=[again, first])), "a later opinion of the same department stands"
    assert not len(told(steps(), land_cases=[case | {"supplied_on": "2026-02-27"}], opinions=[first])), "it did its work"
    assert not len(told(steps(), land_cases=[case], opinions=[first | {"opinion": "rejected"}]))
    whole = first | {"land_case": None, "number": None}
    assert told(steps(), land_cases=[case], opinions=[whole])["en"].iloc[0].startswith("the opinion of 水务局 expires")


@pytest.mark.parametrize(
    ("asked", "done", "level", "waited"),
    [("2026-02-25", None, "yellow", 4), ("2026-02-26", None, "yellow", 3), ("2026-02-27", None, None, 2), ("2026-02-16", "2026-02-28", None, 0),
     ("2026-02-14", None, "yellow", 6), ("2026-02-11", None, "orange", 9), ("2026-01-28", None, "red", 19), (None, None, None, 0)],
)  # fmt: skip
def test_points_that_are_not_set_out_within_two_working_days_are_warned_of(
    asked: str | None, done: str | None, level: str | None, waited: int
) -> None:
    """ON is Monday 2026-03-02; 14 February and 28 February are working Saturdays, 15 to 23 February the Spring Festival."""
    found = told(steps(), set_outs=[{"id": "S", "project": "A", "parcel": "P-1", "requested_on": asked, "done_on": done}])
    assert levels(found) == ([("set_out", level)] if level else [])
    if level:
        assert found["row"].tolist() == ["set_outs:S"]
        assert found["en"].tolist() == [f"the points of P-1, requested on {asked}, are not set out after {waited} working days"]
        assert found["zh"].tolist() == [f"P-1于{asked}申请的规划放点已{waited}个工作日未完成"]


def test_the_joint_opinion_is_named_by_its_number() -> None:
    case = {"id": "C", "project": "A", "opinion_no": "联审2025-77", "valid_until": "2026-03-01"}
    assert told(steps(), land_cases=[case])["zh"].tolist() == ["联审意见联审2025-77将于2026-03-01失效,剩余1天"]


@pytest.mark.parametrize(
    ("item", "issued", "level"),
    [("land_planning_permit", "2024-04-30", "yellow"), ("land_planning_permit", "2024-04-02", "yellow"), ("land_planning_permit", "2024-04-01", "orange"),
     ("land_planning_permit", "2024-03-02", "red"), ("land_planning_permit", "2024-05-02", None)],
)  # fmt: skip
def test_a_permit_is_void_after_its_time_unless_the_next_step_is_done(item: str, issued: str, level: str | None) -> None:
    before = [("A", i, {"actual_on": "2024-01-08"}) for i in (*BEFORE_CONTRACT, "filing")]
    rest = [("A", i, {"applies": False}) for i in ("land_price_paid", "scheme", "scheme_notice")]
    found = told(steps(*before, ("A", item, {"actual_on": issued}), *rest))
    assert [r for r in levels(found) if r[0] == "expiry"] == ([] if level is None else [("expiry", level)])
    done = steps(*before, ("A", item, {"actual_on": issued}), *rest, ("A", "engineering_planning_permit", {"actual_on": "2026-02-02"}))  # fmt: skip
    assert not [r for r in told(done)["item"] if r == item]


def test_a_permit_with_a_day_of_its_own_expires_then_and_when_extended_is_another_thing() -> None:
    before = [("A", i, {"actual_on": "2026-01-08"}) for i in (*BEFORE_CONTRACT, "filing")]
    one, two = (told(steps(*before, ("A", "land_planning_permit", {"actual_on": "2026-01-08", "valid_until": day}))) for day in ("2026-03-10", "2026-03-12"))  # fmt: skip
    assert levels(one) == levels(two) == [("expiry", "orange")]
    assert key(one).tolist() != key(two).tolist()


def test_owed_documents_are_told_until_they_are_handed_in() -> None:
    owed = {"actual_on": "2026-02-27", "owed": "deed", "owed_until": "2026-03-02"}
    found = told(steps(("A", "signing", owed)))
    assert found["en"].tolist() == ["documents owed for Signing are due on 2026-03-02: 0 days are left"]
    assert levels(found) == [("owed", "red")]
    assert not len(told(steps(("A", "signing", owed | {"owed_met_on": "2026-03-01"}))))


@pytest.mark.parametrize(
    ("received", "handled", "level"),
    [("2026-03-02", None, None), ("2026-03-01", None, "yellow"), ("2026-03-01", "2026-03-01", None), ("2026-02-15", None, "red")],
)
def test_the_clock_of_issues_runs_from_the_day_on_which_they_came(received: str, handled: str | None, level: str | None) -> None:
    issue = {"id": "i", "project": "A", "subject": "dust", "received_on": received, "handled_on": handled}
    assert levels(told(steps(), issues=[issue])) == ([] if level is None else [("issue", level)])


@pytest.mark.parametrize(("left", "level"), [(61, None), (60, "orange"), (0, "orange"), (-1, "red")])
def test_a_utility_is_to_be_connected_sixty_days_before_production(left: int, level: str | None) -> None:
    free = made(projects("A"), steps())
    trial = row(free, "trial_production")["forecast"].to_datetime64().astype("datetime64[D]")
    done = [("A", s.id, {"actual_on": str(trial - 400)}) for s in free.groups[0].plan.steps if s.id not in ("in_production", "full_capacity", "statistics_registration", "trial_production")]  # fmt: skip
    of = made(projects("A"), steps(*done, ("A", "trial_production", {"actual_on": str(trial)})), trial)
    tables = (frame(t, []) for t in ("issues", "opinions"))
    order = frame("connections", [{"id": "o", "project": "A", "utility": "gas"}])
    at = of if left == 0 else made(projects("A"), steps(*done), trial, pd.DataFrame({"project": ["A"], "item": ["trial_production"], "day": [trial + left], "en": [""], "zh": [""]})) if left > 0 else made(projects("A"), steps(*done, ("A", "trial_production", {"actual_on": str(trial)})), trial + 1)  # fmt: skip
    found = warnings(at, frame("land_cases", []), order, *tables)
    mine = found[found["rule"] == "unconnected"]
    assert mine["level"].tolist() == ([] if level is None else [level])


def test_a_level_set_by_hand_is_told_with_its_reason_where_nothing_was_computed() -> None:
    raised = {"level": "red", "level_reason": "the owner stopped paying", "planned_on": "2026-12-01"}
    found = told(steps(("A", "signing", raised)))
    assert levels(found) == [("by_hand", "red")]
    assert found["en"].tolist() == ["Signing: raised by hand (the owner stopped paying)"]
    done = raised | {"actual_on": "2026-03-01"}
    assert not len(told(steps(("A", "signing", done)))), "what is done warns of nothing"


def test_a_computed_warning_whose_level_was_set_by_hand_says_so_with_the_reason() -> None:
    late = {"planned_on": "2026-01-01"}
    rows = (("A", "signing", late | {"level": "yellow", "level_reason": "agreed 已商定"}), ("B", "signing", late))
    found = told(steps(*rows), who=("A", "B")).set_index("project")
    assert found["level"].to_dict() == {"A": "yellow", "B": "red"}
    assert found.loc["A", "en"].endswith("is forecast or past (level set by hand: agreed 已商定)")
    assert found.loc["A", "zh"].endswith("(人工调整级别:agreed 已商定)")
    assert "hand" not in found.loc["B", "en"]


def test_a_level_set_by_hand_is_of_its_own_phase() -> None:
    late = {"planned_on": "2026-02-01"}
    both = steps(("A", "signing", {"actual_on": "2026-01-05"}), ("A", "joint_review", late | {"phase": 1, "level": "none"}), ("A", "joint_review", late | {"phase": 2}))  # fmt: skip
    found = told(both)
    assert found[found["item"] == "joint_review"]["phase"].tolist() == [2]


def test_the_steps_that_often_go_wrong_have_their_questions_in_both_languages() -> None:
    asked = checklists(BOOK)
    assert {"grant_contract", "construction_permit", "start", "utilities_connected", "acceptance", "in_production"} <= set(asked)
    assert all(q.en.endswith("?") and q.zh.endswith("?") for questions in asked.values() for q in questions)
