"""Single plots that fit a brief, against brute force; an unknown is never a fit."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.plan.readiness import SERVICES
from layers.plan.siting import NEVER, NO, UNDATED, UNKNOWN, UNSURE, YES, Brief, Judged, Plots, find, judge
from layers.plan.terms import term

ON = date(2026, 6, 1)
TODAY = (ON - date(1970, 1, 1)).days


def table(n, seed=0):
    rng = np.random.default_rng(seed)
    days = [TODAY - 500, TODAY, TODAY + 90, TODAY + 900, UNSURE, UNDATED, NEVER]
    return Plots(
        np.array([f"P-{k:04}" for k in range(n)], object),
        rng.uniform(10_000, 80_000, n),
        rng.choice([NO, YES, UNKNOWN], n, p=[0.3, 0.5, 0.2]),
        rng.integers(0, 3, n).astype(np.int32),
        np.array(["100102", "0701", ""], object),
        {s: rng.choice(days, n, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05]).astype(np.int32) for s in SERVICES},
        rng.integers(0, 5, n).astype(np.int8),
        np.where(rng.random(n) < 0.1, np.nan, rng.uniform(0, 200, n)),
        np.where(rng.random(n) < 0.1, np.nan, rng.uniform(0, 0.2, n)),
        rng.integers(0, 5, n).astype(np.int32),
        np.array([f"owner {k}" for k in range(5)], object),
    )


def none(criterion, rows):
    raise AssertionError(f"{criterion} is measured of {len(rows)} plots")


def brute(plots, brief, lazy, limit):
    """Judge every plot alone, in Python, and sort."""
    scores = {}
    for k in range(len(plots.id)):
        row = np.array([k])
        said = {
            c: judge(plots, brief, c, row, ON) if c not in ("width", "distance", "load", "earthwork") else lazy(c, row)
            for c in brief.criteria
        }
        if all(j.fit[0] == YES for c, j in said.items() if brief.must(c)):
            whole = sum(brief.weight(c) for c in brief.criteria)
            scores[k] = sum(brief.weight(c) * j.score[0] for c, j in said.items()) / whole
    best = sorted(scores, key=lambda k: (-scores[k], plots.id[k]))[:limit]
    return best, [scores[k] for k in best]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 400), st.integers(0, 10**6), st.sets(st.sampled_from(sorted(SERVICES)), max_size=4), st.sampled_from([None, "1001", "07"]),
    st.sets(st.sampled_from(["frontage", "slope", "width", "area", "road_class"])), st.integers(1, 30),
)  # fmt: skip
def test_the_best_plots_are_those_of_brute_force(n, seed, services, use, wishes, limit):
    plots = table(n, seed)
    width = np.random.default_rng(seed).uniform(20, 150, n)
    width[width > 140] = np.nan

    def lazy(criterion, rows):
        assert criterion == "width"
        value = width[rows]
        fit = np.select([np.isnan(value), value >= 60], [UNKNOWN, YES], NO).astype(np.int8)
        return Judged(value, fit, np.clip(np.nan_to_num(value) / 60, 0, 1))

    brief = Brief(
        (20_000, 50_000),
        use,
        tuple(services),
        date(2026, 12, 1),
        {},
        "secondary",
        50.0,
        0.1,
        60.0,
        wishes={w: 0.5 for w in wishes},
    )
    found = find(plots, brief, ON, lazy, limit)
    rows, scores = brute(plots, brief, lazy, limit)
    assert found.rows.tolist() == rows
    assert np.allclose(found.score, scores)


def test_what_is_unknown_is_never_a_fit_and_is_counted_apart():
    plots = table(300)
    brief = Brief((1, 1e9), None, ("power",), ON)
    found = find(plots, brief, ON, none, 300)
    fits = (plots.verdict == YES) & (plots.day["power"] <= TODAY)
    assert sorted(found.rows) == np.flatnonzero(fits).tolist()
    assert found.dropped["land"] == (int((plots.verdict == NO).sum()), int((plots.verdict == UNKNOWN).sum()))
    left = plots.verdict == YES
    unsure = left & (plots.day["power"] == UNSURE)
    assert found.dropped["power"][1] == int(unsure.sum())


def test_dear_criteria_are_measured_only_as_far_as_they_can_change_the_ranking():
    plots = table(5000)
    seen = []

    def lazy(criterion, rows):
        seen.extend(rows.tolist())
        return Judged(np.full(len(rows), 100.0), np.full(len(rows), YES), np.ones(len(rows)))

    found = find(plots, Brief((20_000, 50_000), width=60.0), ON, lazy, 10)
    assert len(found.rows) == 10
    assert found.examined == len(seen) < 500


def test_the_parts_of_the_terms_add_up_to_the_score_and_a_wish_says_what_would_cure_it():
    plots = table(400)
    brief = Brief((20_000, 50_000), None, ("gas", "heat"), ON, frontage=120.0, wishes={"heat": 2.0, "frontage": 1.0})
    found = find(plots, brief, ON, none, 50)
    row = {"verdict": "free", "heat_state": "planned", "heat_line": "H-7", "gas_state": "available"}
    for n in range(len(found.rows)):
        terms = [term(brief, c, float(j.value[n]), int(j.fit[n]), float(j.score[n]), ON, row) for c, j in found.judged.items()]
        assert sum(t.part for t in terms) == pytest.approx(found.score[n])
        assert all(t.fit == "yes" for t in terms if t.must)
        heat = next(t for t in terms if t.criterion == "heat")
        if heat.fit == "no":
            assert heat.cure.en == "wait for H-7"
        front = next(t for t in terms if t.criterion == "frontage")
        if front.fit == "no":
            assert front.lacks == pytest.approx(120 - plots.frontage[found.rows[n]])
            assert front.cure.zh
