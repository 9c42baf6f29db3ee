"""Lines are laid under a road in one round with it, or a warning says which are not and why."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from layers.plan.coordination import coordination
from tests.layers.plan.test_ledger import BOOK, ON, frame

ROAD = {"id": "SC-1", "project": "R", "name": "section 1", "road": "L-1", "width": 20.0, "round": "2026-3", "planned_from": "2026-07-01", "planned_to": "2026-09-30"}  # fmt: skip
NEXT = ROAD | {"id": "SC-2", "name": "section 2", "planned_from": "2026-10-01", "planned_to": "2026-12-31"}
MAIN = {"id": "W-1", "project": "W", "name": "water main", "road": "L-1", "utilities": "water", "round": "2026-3", "planned_from": "2026-08-01", "planned_to": "2026-10-31"}  # fmt: skip


def told(*rows: dict[str, Any]) -> pd.DataFrame:
    return coordination(frame("sections", list(rows)), ON, BOOK)


def test_a_line_within_the_works_of_its_road_and_of_its_round_is_coordinated() -> None:
    assert not len(told(ROAD, NEXT, MAIN)), "the sections of a road follow each other"
    assert not len(told(MAIN)), "alone under a road"
    assert not len(told(ROAD | {"road": None}, MAIN | {"road": None}))
    assert not len(told())


@pytest.mark.parametrize(
    ("line", "rule", "level", "days", "said"),
    [
        ({"planned_from": "2027-01-10", "planned_to": "2027-02-10"}, "road_after", "red", 10, "the road would be opened again 10 days after it is finished"),
        ({"planned_from": "2026-06-01"}, "road_outside", "orange", 30, "30 days of it are outside of them"),
        ({"planned_to": "2027-01-31"}, "road_outside", "orange", 31, "31 days of it are outside of them"),
        ({"round": "2026-7"}, "road_round", "yellow", 0, "agreed in 2026-7, the road in 2026-3"),
        ({"round": None}, "road_unknown", "notice", 0, "not known to be coordinated"),
        ({"planned_to": None}, "road_unknown", "notice", 0, "from 2026-08-01 to no day"),
    ],
)  # fmt: skip
def test_a_line_that_is_not_is_told_with_its_reasons_and_records(line: dict[str, Any], rule: str, level: str, days: int, said: str) -> None:  # fmt: skip
    found = told(ROAD, NEXT, MAIN | line)
    assert found[["project", "rule", "level", "days", "row"]].to_numpy().tolist() == [["W", rule, level, days, "sections:W-1"]]
    assert found["records"].iloc[0] == "sections:W-1, sections:SC-1, sections:SC-2"
    assert said in found["en"].iloc[0]
    assert all(name in found["zh"].iloc[0] for name in ("water main(W-1)", "道路L-1", "SC-1, SC-2"))
    assert not len(told(ROAD, NEXT, MAIN | line | {"started_on": "2026-02-01", "done_on": "2026-02-20"})), "what is done is done"


def test_days_of_the_road_that_nobody_recorded_are_unknown_and_those_that_were_done_stand_before_the_plan() -> None:
    found = told(ROAD, NEXT | {"planned_to": None}, MAIN)
    assert found["rule"].tolist() == ["road_unknown"]
    early = told(ROAD | {"started_on": "2026-01-05", "done_on": "2026-02-20"}, MAIN)
    assert (early["rule"].tolist(), early["days"].tolist()) == (["road_after"], [162])


def test_a_road_that_nobody_builds_is_opened_once_for_lines_that_follow_each_other_closely() -> None:
    gas = MAIN | {
        "id": "G-1",
        "project": "G",
        "name": "gas",
        "utilities": "gas",
        "planned_from": "2026-11-30",
        "planned_to": "2026-12-31",
    }
    assert not len(told(MAIN, gas)), "thirty days after the water main"
    late = told(gas | {"planned_from": "2026-12-01"}, MAIN | {"id": "W-0", "planned_to": "2026-08-31"}, MAIN)
    assert late[["project", "rule", "days", "records"]].to_numpy().tolist() == [
        ["G", "road_twice", 31, "sections:G-1, sections:W-1"]
    ]
    assert "works there (W-1) end on 2026-10-31: the road would be opened again 31 days later" in late["en"].iloc[0]
    done = {"started_on": "2025-08-01", "done_on": "2025-09-01"}
    assert told(MAIN | done, gas)["project"].tolist() == ["G"], "what was laid is not laid again with it"
    assert told(MAIN, gas | {"planned_from": None})["rule"].tolist() == ["road_unknown"]


def test_lines_that_a_road_is_built_with_have_a_round_or_are_not_known_to_be_coordinated() -> None:
    found = told(ROAD | {"utilities": "water,gas", "round": None})
    assert found[["rule", "row", "records"]].to_numpy().tolist() == [["road_unknown", "sections:SC-1", "sections:SC-1"]]
    assert not len(told(ROAD | {"utilities": "water,gas"}))
