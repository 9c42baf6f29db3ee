"""Ratios of sums: what is recorded of one side only counts on neither."""

import numpy as np
import pandas as pd
import pytest

from layers.plan.figures import NAT, Tables, Wide, _land, _projects


def test_a_ratio_is_of_those_that_record_both_sides():
    projects = pd.DataFrame({"id": ["A", "B", "C"], "level": "municipal", "investment_planned": [100.0, 900.0, None],
                             "investment_actual": [50.0, None, 70.0], "five_ones": None})  # fmt: skip
    days = pd.Series(np.datetime64("2026-05-01", "s"), range(2))
    cases = pd.DataFrame({"id": ["L1", "L2"], "project": ["A", "B"], "opinion_on": days, "review_status": "passed",
                          "total_area": [100.0, None], "first_phase_area": [40.0, 60.0], "supplied_on": pd.Series(NAT, range(2)),
                          "supplied_area": [None, None]})  # fmt: skip
    tables = Tables(projects, cases, *[pd.DataFrame()] * 4, np.zeros(0, object))
    wide = Wide(*[pd.DataFrame()] * 3)
    told = {f.id: f for f in _first(_projects(tables, wide), "investment_rate")}
    told |= {f.id: f for f in _land(tables, np.datetime64("2026-01-01"), np.datetime64("2026-12-31"))}
    assert told["investment_rate"].value == pytest.approx(0.5)
    assert told["investment_rate"].of == ("projects:A",)
    assert told["first_phase_ratio"].value == pytest.approx(0.4)
    assert told["first_phase_area"].value == pytest.approx(100)


def _first(found, last):
    """Take figures up to one."""
    for figure in found:
        yield figure
        if figure.id == last:
            return
