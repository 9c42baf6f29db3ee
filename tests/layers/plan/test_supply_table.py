"""When free land becomes serviced: every plot under one state, and the areas add up."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.plan.readiness import UNKNOWN_READINESS
from layers.plan.supply_table import STATES, groups, period, supply_table, title, years
from layers.standards import Standards
from layers.units import m2

BOOK = Standards.load().on(date(2026, 11, 22))
SERVICES = BOOK["readiness.services_7"]


def findings(*rows):
    """Make findings of plots: (area, verdict, reason, {service: (state, day)}); other services serve since 2000."""
    data = []
    for area, verdict, reason, services in rows:
        row = {"area": area, "verdict": verdict, "reason": reason}
        for s in SERVICES:
            row[f"{s}_state"], row[f"{s}_from"] = services.get(s, ("available", "2000-01-01"))
        data.append(row)
    columns = ["area", "verdict", "reason", *(f"{s}_{c}" for s in SERVICES for c in ("state", "from"))]
    frame = pd.DataFrame(data, index=pd.Index([f"P{k}" for k in range(len(rows))], name="id"), columns=columns)
    days = {f"{s}_from": "datetime64[s]" for s in SERVICES}
    return frame.astype({"area": float} | days)


def parcels(*uses, system="planning_2023"):
    return pd.DataFrame({"id": [f"P{k}" for k in range(len(uses))], "code_system": system, "use_code": list(uses)}).astype("str")


def of(table, split="all", group=""):
    rows = table[(table["split"] == split) & (table["group"] == group)]
    return {(r["state"], None if pd.isna(r["begins"]) else str(r["begins"].date())): r["area"] for r in rows.to_dict("records")}


def free(area, **services):
    return (area, "free", "", services)


MIXED = findings(
    free(10_000.0),
    free(20_000.0, water=("planned", "2027-06-30")),
    free(30_000.0, water=("planned", "2027-04-01"), power=("planned", "2027-05-01")),
    free(40_000.0, water=("planned", "2027-07-01")),
    free(50_000.0, water=("planned", None)),
    free(60_000.0, water=("none", None)),
    (70_000.0, "unknown", UNKNOWN_READINESS, {"sewage": ("unknown", None)}),
    (80_000.0, "unknown", "C01:control_lines.permanent_basic_farmland", {}),
    (90_000.0, "blocked", "C10:parcels.taken", {}),
)
USES = parcels("100102", "100101", "0701", "10", "100102", None, "100102", "0901", "070102")


def test_each_plot_counts_once_in_the_quarter_of_its_last_service():
    assert of(supply_table(MIXED, USES, BOOK)) == {
        ("ready", None): 10_000.0,
        ("dated", "2027-04-01"): 50_000.0,
        ("dated", "2027-07-01"): 40_000.0,
        ("undated", None): 50_000.0,
        ("never", None): 60_000.0,
        ("unknown", None): 150_000.0,
        ("blocked", None): 90_000.0,
    }


def test_what_is_serviced_accumulates_and_nothing_else_does():
    table = supply_table(MIXED, USES, BOOK).query("split == 'all'")
    assert table["cumulative"].tolist() == pytest.approx([10_000.0, 60_000.0, 100_000.0, *[np.nan] * 4], nan_ok=True)


def test_years_are_quarters_joined():
    assert of(supply_table(MIXED, USES, BOOK, "year"))["dated", "2027-01-01"] == 90_000.0


def test_uses_are_top_classes_of_the_plan():
    table = supply_table(MIXED, USES, BOOK)
    assert of(table, "use", "07") == {("dated", "2027-04-01"): 30_000.0, ("blocked", None): 90_000.0}
    assert of(table, "use", "") == {("never", None): 60_000.0}
    other = supply_table(MIXED, parcels(*["0601"] * 9, system="survey_gtdc"), BOOK)
    assert set(other[other["split"] == "use"]["group"]) == {""}, "survey codes have other meanings"


def test_a_plot_at_the_edge_of_two_sizes_is_of_the_larger():
    table = supply_table(findings(free(m2(10)), free(m2(10) - 1e-6), free(m2(500))), parcels("10", "10", "10"), BOOK)
    assert [(g.group, g.plots) for g in groups(table) if g.split == "size"] == [("0", 1), ("1", 1), ("5", 1)]
    assert [title("size", g, BOOK).en for g in "015"] == [
        "under 10 mu (0.67 ha)", "10 mu (0.67 ha) to 30 mu (2.00 ha)", "200 mu (13.33 ha) and more",
    ]  # fmt: skip
    assert title("size", "1", BOOK).zh == "10亩(0.67公顷)至30亩(2.00公顷)"


def test_a_lower_level_asks_for_less():
    only_sewage = findings(
        (1_000.0, "unknown", UNKNOWN_READINESS, {"sewage": ("unknown", None)}), free(2_000.0, gas=("none", None))
    )
    uses = parcels("10", "10")
    assert of(supply_table(only_sewage, uses, BOOK, level=3)) == {("ready", None): 3_000.0}
    assert of(supply_table(only_sewage, uses, BOOK)) == {("ready", None): 2_000.0, ("unknown", None): 1_000.0}
    assert of(supply_table(only_sewage, uses, BOOK, level=7)) == {("never", None): 2_000.0, ("unknown", None): 1_000.0}


def test_the_supply_lasts_as_many_years_as_the_take_up_lets_it():
    assert years(supply_table(MIXED, USES, BOOK), 2.0) == pytest.approx((0.5, 5.0))


@pytest.mark.parametrize(("day", "quarter"), [("2027-01-01", "2027Q1"), ("2027-04-01", "2027Q2"), ("2027-10-01", "2027Q4")])
def test_a_quarter_is_named_by_its_first_day(day, quarter):
    assert (period(pd.Timestamp(day), "quarter"), period(pd.Timestamp(day), "year")) == (quarter, "2027")


plot = st.tuples(
    st.floats(1, 1e6),
    st.sampled_from([("free", ""), ("unknown", UNKNOWN_READINESS), ("unknown", "C01:x"), ("blocked", "C10:y")]),
    st.dictionaries(
        st.sampled_from(SERVICES),
        st.sampled_from(
            [("planned", "2026-12-31"), ("planned", "2150-05-05"), ("planned", None), ("none", None), ("unknown", None)]
        ),
    ),
    st.sampled_from(["100102", "0701", "99", None]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(plot, min_size=1, max_size=12), st.sampled_from(["quarter", "year"]), st.sampled_from([None, 3, 5, 7]))
def test_the_areas_and_plots_of_every_split_add_up_to_all_plots(made, by, level):
    found = findings(*[(area, *verdict, services) for area, verdict, services, _ in made])
    table = supply_table(found, parcels(*[use for *_, use in made]), BOOK, by, level)
    assert set(table["state"]) <= set(STATES)
    for split in ("all", "use", "size"):
        rows = table[table["split"] == split]
        assert rows["plots"].sum() == len(made)
        assert rows["area"].sum() == pytest.approx(found["area"].sum(), rel=1e-12)
        assert rows["begins"].notna().equals(rows["state"] == "dated")
        serviced = rows[rows["state"].isin(["ready", "dated"])]
        assert serviced.groupby("group")["cumulative"].max().sum() == pytest.approx(serviced["area"].sum())


def test_bands_of_sizes_stand_in_the_order_of_their_numbers():
    """Also where there are more than ten: the tenth comes after the second."""
    bands = {"supply.size_bands": [float(k) for k in range(1, 13)], "readiness.required": 7, "readiness.services_7": SERVICES}
    table = supply_table(findings(*(free(m2(k + 0.5)) for k in (11, 2, 10, 1))), parcels("10", "10", "10", "10"), bands)
    assert table.query("split == 'size'")["group"].tolist() == ["1", "2", "10", "11"]
