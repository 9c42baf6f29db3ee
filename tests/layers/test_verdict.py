"""The verdict of one plot in short: stored findings where they surely hold, the land itself where they may not."""

from datetime import date

import pytest

from layers.assessment import Networks, NotFoundError
from layers.census import assess
from layers.refresh import refresh
from layers.verdict import verdict
from tests.layers.test_refresh import ME, STANDARDS, ask, frame, square, world


def told(store, id, on=None):
    return verdict(store, STANDARDS, id, on, Networks())


def test_a_verdict_is_never_told_from_findings_that_an_edit_may_have_changed():
    store = world()
    assess(store, ask(), STANDARDS)
    before = told(store, "P21")
    assert before.stored
    store.edit(
        "control_lines", ME, put=frame("control_lines", [{"id": "F", "kind": "forest", "geometry": square(3.4, 3.2, 0.2, 0.2)}])
    )
    far, near = told(store, "P0"), told(store, "P21", ask().on)
    assert (far.stored, near.stored) == (True, False)
    refresh(store, STANDARDS)
    fresh = told(store, "P21")
    assert fresh.stored
    assert {**near.found, "contested": ""} == pytest.approx({**near.found, **fresh.found, "contested": ""}, abs=1e-9)
    assert fresh.found["reason"] != before.found["reason"]
    assert fresh.inputs["layers"] == near.inputs["layers"]


def test_another_day_than_that_of_the_findings_is_found_now():
    store = world()
    assess(store, ask(), STANDARDS)
    assert told(store, "P5").inputs["on"] == "2026-11-22"
    other = told(store, "P5", date(2027, 12, 31))
    assert (other.stored, other.inputs["on"], other.found["contested"]) == (False, "2027-12-31", None)
    assert other.found["water_state"] == "available" != told(store, "P5").found["water_state"]


def test_a_plot_that_nobody_assessed_is_assessed_and_one_that_is_not_there_is_told():
    store = world()
    assert not told(store, "P0").stored
    with pytest.raises(NotFoundError, match="no plot P99"):
        told(store, "P99")
