"""Bounds of notices, as people write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.plan.bounds import Bound, BoundError, bound


@pytest.mark.parametrize(
    ("said", "unit", "told"),
    [
        ("≥1.0", "", "≥1"), (">=1.0", "", "≥1"), ("不低于1.0", "", "≥1"), ("不小于 1", "", "≥1"), ("大于1.0", "", ">1"),
        ("≤24m", "m", "≤24"), ("不超过24米", "m", "≤24"), ("不大于20%", "%", "≤20"), ("20", "%", "=20"), ("建筑系数≥40%", "%", "≥40"),
        ("0.8≤容积率<2.0", "", "0.8≤x<2"), ("0.8<=x<2.0", "", "0.8≤x<2"), ("2.0>x≥0.8", "", "0.8≤x<2"), ("30%-40%", "%", "30≤x≤40"),
        ("10..20", "%", "10≤x≤20"), ("≥1.0且≤2.0", "", "1≤x≤2"), ("≥1.0,≤2.0", "", "1≤x≤2"), ("≥300万元/亩", "10^4 CNY/mu", "≥300"),
        ("≥0.4%", "%", "≥0.4"), ("1.2", "", "=1.2"), ("≧1.0", "", "≥1"), ("50~60", "m", "50≤x≤60"),
    ],
)  # fmt: skip
def test_a_bound_is_read_as_it_was_meant_and_written_in_one_way(said, unit, told):
    found = bound(said, unit)
    assert str(found) == told
    assert bound(str(found) + "%" * (unit == "%"), unit) == found


@pytest.mark.parametrize("said", ["≥2且≤1", ">1,<1", "20..10", "2≤x<2", "≥2≤1"])
def test_a_bound_that_nothing_meets_is_refused(said):
    with pytest.raises(BoundError):
        bound(said)


@pytest.mark.parametrize(
    ("said", "unit"),
    [("", ""), ("about 1", ""), ("1,5.2.1", ""), ("≥", ""), ("0.4", "%"), ("≥40%", ""), ("≥1e9999x", ""), ("≥" + "9" * 400, "")],
)
def test_what_does_not_read_or_could_be_two_things_is_refused(said, unit):
    with pytest.raises(BoundError):
        bound(said, unit)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.booleans(), st.booleans())
def test_every_bound_reads_back(low, width, least, most):
    made = Bound(low / 100, (low + width) / 100, least, most)
    assert bound(str(made)) == made
    assert made.meet(Bound()) == made
    assert made.meet(Bound(max=made.min, max_incl=False)).empty
    assert Bound(min=made.max, min_incl=False).meet(made).empty
    assert bound(str(Bound(min=made.min, min_incl=least))) == Bound(min=made.min, min_incl=least)
    assert math.isinf(Bound().max)
