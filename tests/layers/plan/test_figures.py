"""Ratios of sums: what is recorded of one side only counts on neither; what nobody recorded is told."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import shapely

from layers.plan.figures import NAT, Figure, Tables, Wide, _land, _projects
from layers.plan.land_rates import Stock, land_rates
from layers.standards import Standards


def test_a_ratio_is_of_those_that_record_both_sides():
    projects = pd.DataFrame({"id": ["A", "B", "C"], "level": "municipal", "investment_planned": [100.0, 900.0, None],
                             "investment_actual": [50.0, None, 70.0], "five_ones": None})  # fmt: skip
    days = pd.Series(np.datetime64("2026-05-01", "s"), range(2))
    cases = pd.DataFrame({"id": ["L1", "L2"], "project": ["A", "B"], "opinion_on": days, "review_status": "passed",
                          "total_area": [100.0, None], "first_phase_area": [40.0, 60.0], "supplied_on": pd.Series(NAT, range(2)),
                          "supplied_area": [None, None]})  # fmt: skip
    tables = Tables(projects, cases, *[pd.DataFrame()] * 4, np.zeros(0, object))
    wide = Wide(*[pd.DataFrame()] * 3)
    told = {f.id: f for f in _first(_projects(None, tables, wide), "investment_rate")}
    told |= {f.id: f for f in _land(tables, np.datetime64("2026-01-01"), np.datetime64("2026-12-31"))}
    assert told["investment_rate"].value == pytest.approx(0.5)
    assert told["investment_rate"].of == ("projects:A",)
    assert told["first_phase_ratio"].value == pytest.approx(0.4)
    assert told["first_phase_area"].value == pytest.approx(100)
    assert (told["investment_rate"].lacks, told["first_phase_ratio"].lacks) == (("projects:B", "projects:C"), ("land_cases:L2",))
    assert (told["reviewed_area"].value, told["reviewed_area"].rows, told["reviewed_area"].lacks) == (
        100,
        ("land_cases:L1",),
        ("land_cases:L2",),
    )


def _first(found, last):
    """Take figures up to one."""
    for figure in found:
        yield figure
        if figure.id == last:
            return


BOOK = Standards.load().on(date(2026, 3, 31))


def stock() -> Stock:
    """Six parcels by hand: one of unknown status, one built without a recorded use."""
    parcels = pd.DataFrame([
        ("R", "ready", "planning_2023", "100101", 100.0, "ready", None), ("S", "supplied_unused", "planning_2023", "100101", 200.0, None, None),
        ("B", "built", "planning_2023", "100102", 300.0, None, None), ("C", "built", "survey_gtdc", "0601", 100.0, None, None),
        ("P", "planned", "planning_2023", "1401", 300.0, None, None), ("U", None, "planning_2023", "1401", 999.0, None, None),
        ("N", "ready", "planning_2023", "100101", 50.0, "unknown", None), ("L", "ready", "planning_2023", "070102", 100.0, "dated", "2026-04-01"),
    ], columns=["id", "status", "code_system", "use_code", "area", "ready_state", "ready_from"])  # fmt: skip
    plans = pd.DataFrame({"id": ["A1", "A2", "A3"], "area": [100.0, 300.0, 50.0], "public_interest_ratio": [0.5, 0.3, None]})
    pairs = pd.DataFrame({"project": ["X", "Y", "X"], "parcel": ["B", "C", "B"]})
    return Stock(parcels.assign(ready_from=pd.to_datetime(parcels["ready_from"])), plans, pairs)


def batches() -> pd.DataFrame:
    """Approvals by hand: the 616 mu of S0 as one batch of arable land, two small ones of which one says nothing, 71 ha of waste land."""
    hectares = [
        ("A", "1", 21.0, 21.0),
        ("B", "1", 20.0667, 20.0667),
        ("C", "2", 35.0, 35.0),
        ("D", None, 5.0, None),
        ("E", None, 71.0, 0.5),
    ]
    sides = [np.sqrt(total * 1e4) for _, _, total, _ in hectares]
    return pd.DataFrame({
        "id": [id for id, *_ in hectares], "kind": "acquisition", "batch": [batch for _, batch, *_ in hectares],
        "arable_area": pd.array([None if arable is None else arable * 1e4 for *_, arable in hectares], "Float64"),
        "geometry": np.array([shapely.box(0, 0, side, side) for side in sides], object),
    })  # fmt: skip


def test_a_batch_of_more_than_35_hectares_of_arable_land_is_for_the_state_council():
    told = rates(stock())["batches_state_council"]
    assert told.value == 2
    assert told.rows == ("approvals:A", "approvals:B", "approvals:E"), "35 ha exactly are for the province"
    assert (told.lacks, told.lacking) == (("approvals:D",), 1)


def rates(of: Stock) -> dict[str, Figure]:
    buildings = pd.DataFrame([("b1", "X", 400.0, "completed"), ("b2", "X", 200.0, "accepted"), ("b3", "X", 90.0, "started"), ("b4", "Y", 70.0, "accepted"), ("b5", "Y", None, "accepted")],
                             columns=["id", "project", "floor_area", "progress"])  # fmt: skip
    tables = Tables(*[pd.DataFrame()] * 4, buildings, batches(), np.zeros(0, object))
    return {f.id: f for f in land_rates(of, tables, np.datetime64("2026-03-31", "D"), BOOK)}


RATES = {
    "developed_rate": (850 / 1150, ["U"]), "supplied_rate": (600 / 850, ["U"]), "built_rate": (400 / 600, ["U"]),
    "industrial_share": (1.0, ["C"]), "composite_far": (600 / 300, ["C"]), "serviced_ratio": (0.5, ["N"]),
}  # fmt: skip


@pytest.mark.parametrize("name", list(RATES))
def test_a_rate_of_land_is_of_what_is_known_and_tells_what_is_not(name):
    figure, (value, lacks) = rates(stock())[name], RATES[name]
    assert figure.value == pytest.approx(value)
    assert (figure.lacking, figure.lacks) == (len(lacks), tuple(f"parcels:{id}" for id in lacks))


def test_land_of_public_interest_is_weighted_by_area_and_no_land_has_no_rates():
    public = rates(stock())["public_interest_ratio"]
    assert public.value == pytest.approx((100 * 0.5 + 300 * 0.3) / 400)
    assert public.lacks == ("development_areas:A3",)
    of = stock()
    none = rates(Stock(of.parcels.iloc[:0], of.plans.iloc[:0], of.pairs.iloc[:0]))
    assert {f.value for f in none.values() if f.unit} == {None}


def test_the_rows_of_a_rate_are_named_until_there_are_too_many(monkeypatch):
    assert rates(stock())["built_rate"].rows == ("parcels:B", "parcels:C")
    monkeypatch.setattr("layers.plan.land_rates.NAMED", 1)
    assert rates(stock())["built_rate"].rows == ()


def test_what_counts_as_developed_is_an_unverified_line_of_the_standards():
    for name in ("land_developed", "land_supplied", "land_built", "industrial_uses"):
        assert not BOOK.line(f"ledger.{name}").verified
