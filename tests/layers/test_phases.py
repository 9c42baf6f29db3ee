"""Phases of projects, and the land of projects in figures: what each holds of its own, and what nobody recorded of it."""

from __future__ import annotations

from datetime import date

import pytest
import shapely

from layers.demo import CRS
from layers.demo.sites import MU
from layers.edits import edit
from layers.plan.ledger import phases, tasks
from layers.plan.procedures import BadPhaseError, PastError, UnknownItemError
from layers.standards import Standards
from layers.steward import steward
from layers.stock import all_figures
from layers.store.base import Change, Store
from layers.store.memory import MemoryStore
from layers.wishes import Wish

STANDARDS, ON = Standards.load(), date(2026, 3, 31)
BOOK, LIN = STANDARDS.on(ON), Change("Lin", "doc 1")


@pytest.fixture
def base() -> Store:
    store = MemoryStore(CRS)
    edit(store, [Wish("projects", "A", "create", {"name": "Plant", "kind": "industrial"})], LIN, BOOK)
    return store


def test_a_phase_holds_its_own_figures_target_and_land(base: Store) -> None:
    first = {"project": "A", "phase": 1, "name": "one", "area": 900.0, "investment_planned": 100, "target_on": "2027-06-30"}
    both = [Wish("phases", "F1", "create", first), Wish("phases", "F2", "create", {"project": "A", "phase": 2, "target_item": "start", "target_on": "2028-01-31"})]  # fmt: skip
    edit(base, [*both, Wish("projects", "A", None, {"target_on": "2029-12-31"})], LIN, BOOK)
    of = steward(base, STANDARDS, ON)
    assert phases(of.ledger, "A") == [1, 2], "no step names them yet"
    ends = [tasks(of.ledger, "A", "month", k).iloc[-1] for k in (1, 2)]
    assert [(t["item"], str(t["latest"])[:10]) for t in ends] == [("in_production", "2027-06-30"), ("start", "2028-01-31")]
    one = steward(base, STANDARDS, ON, None, "A")
    assert phases(one.ledger, "A") == [1, 2]
    edit(base, [Wish("phases", "F1", None, {"target_on": None})], LIN, BOOK)
    last = tasks(steward(base, STANDARDS, ON).ledger, "A", "month", 1).iloc[-1]
    assert str(last["latest"])[:10] == "2029-12-31", "the target of the whole holds where a phase has none"


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"project": "Z", "phase": 1}, BadPhaseError, "there is no project Z"),
        ({"project": "A", "phase": 0}, BadPhaseError, "phase 0 is none; number them from 1"),
        ({"project": "A", "phase": 1}, BadPhaseError, "phase 1 of project A is recorded already"),
        ({"project": "A", "phase": 2, "target_on": "2026-03-30"}, PastError, "phases F: target_on 2026-03-30 is past"),
        ({"project": "A", "phase": 2, "target_item": "blessing", "target_on": "2027-01-01"}, UnknownItemError, "target blessing is no step"),
    ],
)  # fmt: skip
def test_a_phase_that_cannot_be_is_refused_and_nothing_is_stored(
    base: Store, values: dict[str, object], error: type[Exception], said: str
) -> None:
    edit(base, [Wish("phases", "F1", "create", {"project": "A", "phase": 1})], LIN, BOOK)
    before = base.versions()
    with pytest.raises(error, match=said):
        edit(base, [Wish("phases", "F", "create", values)], LIN, BOOK)
    assert base.versions() == before


def test_land_that_nobody_measured_is_told_beside_the_sum(base: Store) -> None:
    case = {"project": "A", "supplied_on": "2026-03-02"}
    edit(
        base,
        [Wish("land_cases", "1", "create", case | {"supplied_area": 900.0}), Wish("land_cases", "2", "create", case)],
        LIN,
        BOOK,
    )
    edit(
        base,
        [Wish("parcels", "P", "create", {"status": "ready"}, shapely.box(500_000, 4_077_000, 500_100, 4_077_100))],
        LIN,
        BOOK,
    )
    found = {f.id: f for f in all_figures(base, steward(base, STANDARDS, ON), date(2026, 1, 1), ON)}
    for name in ("land_supplied", "supplied_unused", "land_supplied_unsaid"):
        assert (found[name].value, found[name].rows, found[name].lacks) == (900, ("land_cases:1",), ("land_cases:2",)), name
    assert found["developed_rate"].value == 1
    assert (found["serviced_ratio"].value, found["serviced_ratio"].lacking) == (None, 1), (
        "nothing was assessed: that is no ratio of 0"
    )
    assert found["industrial_share"].value is None


def test_what_land_yields_is_as_the_founding_documents_tell_it(base: Store) -> None:
    """F55: 20 mu, 1.5 hundred million yuan, 2.5 of revenue, 170 jobs; R1: 9,475 of 25,215 mu are first phases, 37.6 %."""
    edit(base, [
        Wish("projects", "A", None, {"investment_planned": 15_000, "output_actual": 25_000, "jobs_actual": 170}),
        Wish("land_cases", "1", "create", {"project": "A", "supplied_on": "2026-03-02", "supplied_area": 20 * MU}),
        Wish("land_cases", "2", "create", {"project": "A", "opinion_on": "2026-02-02", "review_status": "passed", "total_area": 25_215 * MU, "first_phase_area": 9_475 * MU}),
    ], LIN, BOOK)  # fmt: skip
    found = {f.id: f for f in steward(base, STANDARDS, ON).figures(date(2026, 1, 1), ON)}
    told = {name: found[f"{name}_per_mu"].value for name in ("investment", "output", "jobs")}
    assert told == {"investment": pytest.approx(750), "output": pytest.approx(1250), "jobs": pytest.approx(8.5)}
    assert (found["tax_per_mu"].value, found["tax_per_mu"].lacks) == (None, ("projects:A",))
    assert round(found["first_phase_ratio"].value or 0, 3) == 0.376


def test_the_account_of_cleared_land_is_of_each_phase_until_it_is_supplied(base: Store) -> None:
    own = {"project": "A", "template": "industrial_acquired"}
    edit(base, [Wish("projects", "A", None, {"template": own["template"]})], LIN, BOOK)
    before = ("signing", "joint_review", "pre_notice", "land_survey", "compensation_notice", "compensation_agreement", "land_approval", "acquisition_notice")  # fmt: skip
    wishes = [
        Wish("permits", f"A-{i}", "create", {"project": "A", "item": i, "actual_on": f"2026-01-{n + 5:02d}"})
        for n, i in enumerate(before)
    ]
    wishes += [
        Wish("permits", "A-c1", "create", {"project": "A", "item": "land_cleared", "phase": "1", "actual_on": "2026-02-02"})
    ]
    wishes += [Wish("phases", f"F{k}", "create", {"project": "A", "phase": str(k)}) for k in (1, 2)]
    wishes += [
        Wish("land_cases", f"C{k}", "create", {"project": "A", "total_area": f"{k}00", **({"phase": str(k)} if k < 3 else {})})
        for k in (1, 2, 3)
    ]
    edit(base, wishes, LIN, BOOK)

    def account(since: date, until: date) -> dict[str, tuple[float | None, tuple[str, ...]]]:
        found = steward(base, STANDARDS, ON).figures(since, until)
        return {f.id: (f.value, f.rows) for f in found if f.id in ("land_cleared", "cleared_unsupplied")}

    february, march = (date(2026, 2, 1), date(2026, 2, 28)), (date(2026, 3, 1), ON)
    only = (100.0, ("land_cases:C1",))
    assert account(*february) == {"land_cleared": only, "cleared_unsupplied": only}, "the whole is cleared with its last phase"
    edit(base, [Wish("land_cases", "C1", None, {"supplied_on": "2026-03-09"}), Wish("permits", "A-c2", "create", {"project": "A", "item": "land_cleared", "phase": "2", "actual_on": "2026-03-20"})], LIN, BOOK)  # fmt: skip
    assert account(*february)["cleared_unsupplied"] == only, "it was not supplied by then"
    both = (500.0, ("land_cases:C2", "land_cases:C3"))
    assert account(*march) == {"land_cleared": both, "cleared_unsupplied": both}
