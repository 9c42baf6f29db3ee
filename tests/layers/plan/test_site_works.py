"""Earth moved, ground shaped and planted, points set out: sums of named rows, and shares of what can be judged."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from layers.plan.figures import Figure, Tables
from layers.plan.site_works import site_works
from layers.standards import Standards
from layers.steward import steward
from tests.layers.plan.test_ledger import frame, made, projects, steps
from tests.layers.test_steward import park

ON = np.datetime64("2026-03-02", "D")


def told(**tables: list[dict[str, Any]]) -> dict[str, Figure]:
    none = np.zeros(0, object)
    others = [frame(name, []) for name in ("projects", "land_cases", "connections", "issues", "buildings", "approvals")]
    of = Tables(*others, none, None, *(frame(name, tables.get(name, [])) for name in ("landscaping", "set_outs")))
    found = site_works(made(projects("A"), steps(), ON), of, np.datetime64("2026-01-01"), ON)
    return {f.id: f for f in found}


def test_works_of_each_kind_are_summed_by_what_measures_them_with_the_year_before() -> None:
    rows = [
        {"id": "1", "project": "A", "kind": "fill", "volume": 100.0, "done_on": "2026-02-01"},
        {"id": "2", "project": "A", "kind": "fill", "volume": 50.0, "done_on": "2026-03-02"},
        {"id": "3", "project": "A", "kind": "fill", "volume": 999.0, "done_on": "2026-03-03"},
        {"id": "4", "project": "A", "kind": "fill", "volume": 80.0, "done_on": "2025-02-01"},
        {"id": "5", "project": "A", "kind": "fill", "done_on": "2026-02-02"},
        {"id": "6", "project": "A", "kind": "planting", "area": 30.0, "volume": 7.0, "done_on": "2026-02-01"},
        {"id": "7", "project": "A", "kind": "shaping", "area": 9.0},
    ]
    found = told(landscaping=rows)
    fill = found["landscaping_fill"]
    assert (fill.value, fill.unit, fill.before) == (150.0, "m3", 80.0)
    assert (fill.rows, fill.lacks) == (("landscaping:1", "landscaping:2"), ("landscaping:5",))
    assert (found["landscaping_planting"].value, found["landscaping_planting"].unit) == (30.0, "m2")
    assert found["landscaping_shaping"].value is found["landscaping_excavation"].value is None


def test_points_are_set_out_in_time_or_late_or_not_judged_yet() -> None:
    """27 February 2026 is a Friday before a working Saturday; ON is the Monday after."""
    asked = {"1": ("2026-02-25", "2026-02-27"), "2": ("2026-02-25", "2026-02-28"), "3": ("2026-02-24", None), "4": ("2026-02-27", None),
             "5": (None, "2026-02-27"), "6": ("2025-12-30", "2025-12-31")}  # fmt: skip
    rows = [{"id": id, "project": "A", "requested_on": begun, "done_on": done} for id, (begun, done) in asked.items()]
    found = told(set_outs=rows)["set_out_in_time"]
    assert (found.rows, found.of) == (("set_outs:1",), ("set_outs:1", "set_outs:2", "set_outs:3"))
    assert found.value == pytest.approx(1 / 3)
    assert told()["set_out_in_time"].value is None


def test_the_demo_tells_the_earth_and_green_of_the_founding_documents_and_what_is_not_set_out() -> None:
    of = steward(park(), Standards.load(), date(2026, 3, 31))
    year = {f.id: f.value for f in of.figures(date(2025, 1, 1), date(2025, 12, 31))}
    assert (year["landscaping_fill"], year["landscaping_shaping"], year["landscaping_planting"]) == (300_000, 60_000, 50_000)
    so_far = {f.id: f for f in of.figures(date(2026, 1, 1), date(2026, 3, 31))}["set_out_in_time"]
    assert (so_far.rows, so_far.of) == (("set_outs:SO-1",), ("set_outs:SO-1", "set_outs:SO-2", "set_outs:SO-3"))
    late = of.warnings[of.warnings["rule"] == "set_out"]
    assert (late["row"].tolist(), late["days"].tolist(), late["level"].tolist()) == (["set_outs:SO-3"], [8], ["yellow"])
