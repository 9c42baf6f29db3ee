"""Suitability: scores, weights by pairwise comparison, and what is unknown."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.plan.readiness import SERVICES
from layers.plan.suitability import BadModelError, Factor, compared, factors, suitability, sure
from layers.standards import Standards

BOOK = Standards.load().on(date(2026, 11, 22))
SLOPE = Factor("slope", 3.0, ((0.0, 10.0), (5.0, 8.0), (15.0, 0.0)))
FRONT = Factor("front", 1.0, ((0.0, 0.0), (100.0, 10.0)))


def test_scores_open_into_parts_that_add_up_and_the_unknown_is_a_span():
    found = pd.DataFrame({"slope": [0.0, 10.0, np.nan, 99.0], "front": [100.0, 50.0, 100.0, np.nan]}, index=["a", "b", "c", "d"])
    told = suitability(found, (SLOPE, FRONT))
    assert told["score"].tolist()[:2] == [10.0, (3 * 4 + 5) / 4]
    assert told["score"].isna().tolist() == [False, False, True, True]
    assert told.loc["c", ["score_min", "score_max"]].tolist() == [2.5, 10.0]
    assert told.loc["d", ["score_min", "score_max"]].tolist() == [0.0, 2.5]
    assert (told["slope_part"] + told["front_part"]).dropna().tolist() == told["score"].dropna().tolist()


@given(st.lists(st.floats(0.5, 20), min_size=2, max_size=8))
def test_comparisons_that_agree_give_back_their_weights(true):
    names = [f"f{k}" for k in range(len(true))]
    pairs = {(a, b): true[i] / true[j] for i, a in enumerate(names) for j, b in enumerate(names) if i < j}
    if not all(1 / 9 <= times <= 9 for times in pairs.values()):
        return
    found = compared(names, pairs, BOOK)
    assert list(found.weights.values()) == pytest.approx(np.array(true) / sum(true), abs=1e-9)
    assert found.ratio == pytest.approx(0, abs=1e-9)
    assert found.holds


def test_comparisons_that_contradict_each_other_do_not_hold():
    round_ = compared(["a", "b", "c"], {("a", "b"): 9, ("b", "c"): 9, ("c", "a"): 9}, BOOK)
    assert not round_.holds
    textbook = compared(["a", "b", "c"], {("a", "b"): 3, ("a", "c"): 5, ("b", "c"): 3}, BOOK)
    assert list(textbook.weights.values()) == pytest.approx([0.637, 0.258, 0.105], abs=5e-4)
    assert textbook.ratio == pytest.approx(0.033, abs=1e-3)


@pytest.mark.parametrize(
    "rows",
    [[], [{"column": "slope"}], [{"column": "slope", "scores": [[5, 1], [0, 2]]}], [{"column": "slope", "scores": [[0, 11]]}],
     [{"column": "nothing", "scores": [[0, 1]]}], [{"column": "slope", "scores": [[0, 1]], "weight": 0}],
     [{"column": "slope", "scores": [[0, 1]]}] * 2],
)  # fmt: skip
def test_a_model_that_cannot_be_is_refused(rows):
    with pytest.raises(BadModelError):
        factors(rows, ["slope", "front"])


@pytest.mark.parametrize("pairs", [{}, {("a", "b"): 10}, {("a", "x"): 2}, {("a", "a"): 1}])
def test_comparisons_that_lack_or_exceed_are_refused(pairs):
    with pytest.raises(BadModelError):
        compared(["a", "b"], pairs, BOOK)


def test_a_level_that_services_of_which_nobody_knows_could_raise_is_unknown_and_not_the_lower_one():
    states = {f"{kind}_state": ["available"] * 4 for kind in SERVICES}
    states["water_state"] = ["available", "unknown", "unknown", "planned"]
    states["power_state"] = ["available", "available", "none", "available"]
    findings = pd.DataFrame({**states, "serviced_level": pd.array([7, 0, 0, 0], "Int64")}, index=list("abcd"))
    told = sure(findings, Standards.load().on(date(2026, 11, 22)))["serviced_level"]
    assert told.isna().tolist() == [False, True, False, False]
    assert told.dropna().tolist() == [7, 0, 0]
