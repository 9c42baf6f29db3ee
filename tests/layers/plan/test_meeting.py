"""The ledger of a month and a week: what is late, due and done in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from layers.plan.meeting import month, period, week
from tests.layers.plan.test_ledger import ON, made, projects, steps, warned


@pytest.mark.parametrize(
    ("day", "first", "last"), [("2026-03-02", "2026-03-02", "2026-03-08"), ("2026-03-08", "2026-03-02", "2026-03-08"), ("2024-12-31", "2024-12-30", "2025-01-05")]
)  # fmt: skip
def test_a_week_is_from_monday_to_sunday(day: str, first: str, last: str) -> None:
    assert week(np.datetime64(day)) == (np.datetime64(first), np.datetime64(last))


def test_a_month_ends_on_its_last_day() -> None:
    assert month(np.datetime64("2024-02-10")) == (np.datetime64("2024-02-01"), np.datetime64("2024-02-29"))


def test_steps_are_late_due_or_done_in_a_span_with_what_people_wrote_of_them() -> None:
    said = {"cause": "crops", "owner": "Li", "action": "clear them", "action_due_on": "2026-03-20"}
    of = made(
        projects("A", "B"),
        steps(
            ("A", "signing", {"actual_on": "2026-03-01", "planned_on": "2026-02-20"}), ("A", "joint_review", {"planned_on": "2026-02-27", **said}),
            ("B", "signing", {"planned_on": "2026-03-05"}), ("B", "joint_review", {"planned_on": "2026-03-20"}), ("B", "filing", {"planned_on": "2026-04-20"}),
        ),
    )  # fmt: skip
    found = period(of, month(ON), warned(of))
    assert found[["section", "project", "item"]].to_numpy().tolist() == [
        ["late", "A", "joint_review"], ["due", "B", "signing"], ["due", "B", "joint_review"], ["done", "A", "signing"],
    ]  # fmt: skip
    assert found.loc[0, ["cause", "owner", "action"]].tolist() == ["crops", "Li", "clear them"]
    assert found.loc[0, "action_due_on"] == pd.Timestamp("2026-03-20")
    assert found["level"].tolist()[0] == "red"
    assert period(of, week(ON), warned(of))["section"].tolist() == ["late", "due"]


def test_what_must_end_in_a_span_for_the_target_is_due_without_a_plan() -> None:
    of = made(projects("A", target_on="2026-03-31", target_item="joint_review"), steps())
    assert period(of, month(ON), warned(of))["item"].tolist() == ["signing", "joint_review"]
