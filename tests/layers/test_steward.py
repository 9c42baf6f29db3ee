"""The ledger of a base: the founding documents' figures from the demo's rows, records that cannot be, warnings told once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from layers.demo import CRS, deliveries
from layers.demo.sites import MU
from layers.edits import edit, undo
from layers.formats import workbook
from layers.ledger_book import read_book, write_book
from layers.notices import claim, settle, unsent
from layers.plan.figures import Figure
from layers.plan.ledger import chain
from layers.plan.procedures import FutureError, UnknownItemError
from layers.plan.schedule import OutOfOrderError
from layers.plan.warnings import key
from layers.standards import Standards
from layers.steward import Steward, steward
from layers.store.base import Change, Store
from layers.store.memory import MemoryStore
from layers.wishes import BadEditError, Wish

STANDARDS, ON = Standards.load(), date(2026, 3, 31)
BOOK, LIN = STANDARDS.on(ON), Change("Lin", "doc 1")
WANTED = ("projects", "permits", "land_cases", "buildings", "connections", "issues", "approvals", "parcels")


def park() -> Store:
    store = MemoryStore(CRS)
    for edition, frames in deliveries(400, 1):
        if edition.layer in WANTED:
            store.add(edition, pd.concat(list(frames)), LIN)
    return store


@pytest.fixture(scope="module")
def demo() -> Store:
    return park()


@pytest.fixture(scope="module")
def of(demo: Store) -> Steward:
    return steward(demo, STANDARDS, ON)


@pytest.fixture(scope="module")
def told(of: Steward) -> dict[str, Figure]:
    return {f.id: f for f in of.figures(date(2025, 1, 1), date(2025, 12, 31))}


@pytest.fixture
def base() -> Store:
    store = MemoryStore(CRS)
    edit(store, [Wish("projects", "A", "create", {"name": "Plant", "kind": "industrial"})], LIN, BOOK)
    return store


GOLDEN = {
    "key_projects": 41, "key_projects_provincial": 4, "key_projects_municipal": 16, "start_rate": 1.0, "investment": 356_000,
    "new_floor_area": 710_000, "reviewed_projects": 7,
}  # fmt: skip
"""The founding document S0: 41 key projects, 4 provincial and 16 municipal, all started, 35.6 hundred million yuan, 710,000 m2."""


@pytest.mark.parametrize("name", list(GOLDEN))
def test_the_demo_gives_the_figures_of_the_founding_document(told: dict[str, Figure], name: str) -> None:
    assert told[name].value == pytest.approx(GOLDEN[name], abs=1e-9)


def test_616_mu_of_7_projects_a_fifth_more_than_the_year_before_77_of_them_a_first_phase(told: dict[str, Figure]) -> None:
    reviewed, growth, phase = told["reviewed_area"].value, told["reviewed_area"].growth, told["first_phase_area"].value
    assert reviewed is not None and growth is not None and phase is not None  # noqa: PT018
    assert round(reviewed / MU, 6) == 616
    assert round(growth, 9) == 0.2
    assert round(phase / MU, 6) == 77


def test_every_figure_says_its_formula_in_both_languages_and_its_rows_are_there(demo: Store, told: dict[str, Figure]) -> None:
    ids = {name: set(demo.read(name)["id"]) for name in WANTED}
    for figure in told.values():
        assert figure.formula.en
        assert figure.formula.zh
        for row in (*figure.rows, *figure.of):
            table, _, id = row.partition(":")
            assert table == "permits" or id in ids[table], row


def test_a_figure_is_the_sum_of_its_rows(demo: Store, told: dict[str, Figure]) -> None:
    for name, table, column in (("investment", "projects", "investment_actual"), ("reviewed_area", "land_cases", "total_area")):
        frame = demo.read(table).set_index("id")
        assert frame.loc[[r.partition(":")[2] for r in told[name].rows], column].sum() == told[name].value
    left, parcels = demo.read("approvals"), demo.read("parcels")
    bought = parcels[parcels["status"].isin(["supplied_unused", "under_construction", "built", "idle"])]
    area = shapely.difference(shapely.union_all(left.geometry), shapely.union_all(bought.geometry)).area
    assert told["approved_unsupplied"].value == pytest.approx(area)


def test_nothing_due_has_no_start_rate(of: Steward) -> None:
    found = {f.id: f for f in of.figures(date(2019, 1, 1), date(2019, 12, 31))}
    assert found["start_rate"].value is None
    assert found["land_supplied"].value is None


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"item": "blessing"}, UnknownItemError, "there is no item blessing"),
        ({"item": "joint_review", "actual_on": "2026-03-01"}, OutOfOrderError, "needs signing"),
        ({"item": "signing", "actual_on": "2026-04-01"}, FutureError, "after 2026-03-31"),
        ({"item": "signing", "project": "Z"}, UnknownItemError, "there is no project Z"),
    ],
)
def test_a_record_that_cannot_be_is_refused_and_nothing_is_stored(
    base: Store, values: dict[str, str], error: type[Exception], said: str
) -> None:
    before = base.versions()
    wishes = [Wish("permits", "A-1", "create", {"project": "A", "item": "filing"}), Wish("permits", "A-2", "create", {"project": "A"} | values)]  # fmt: skip
    with pytest.raises(error, match=said):
        edit(base, wishes, LIN, BOOK)
    assert base.versions() == before
    assert not len(base.read("permits"))


def test_a_project_with_steps_stays_and_an_undo_is_held_too(base: Store) -> None:
    edit(base, [Wish("permits", "A-1", "create", {"project": "A", "item": "signing", "actual_on": "2026-03-01"})], LIN, BOOK)
    with pytest.raises(UnknownItemError, match="there is no project A"):
        edit(base, [Wish("projects", "A", "delete")], LIN, BOOK)
    signed = base.versions()["permits"]
    edit(base, [Wish("permits", "A-2", "create", {"project": "A", "item": "joint_review", "actual_on": "2026-03-09"})], LIN, BOOK)
    with pytest.raises(OutOfOrderError):
        undo(base, signed, LIN, BOOK)


def test_a_late_main_of_the_plot_is_a_late_production(base: Store) -> None:
    plot = gpd.GeoDataFrame({"id": ["P1"]}, geometry=[shapely.box(500_000, 4_077_000, 500_100, 4_077_100)], crs=CRS)
    base.edit("parcels", LIN, put=plot)
    found = pd.DataFrame(
        {"ready_state": pd.array(["dated"], "str"), "ready_from": pd.to_datetime(["2029-06-01"]).astype("datetime64[s]"), "deciding": pd.array(["water"], "str")},
        index=pd.Index(["P1"], name="id"),
    )  # fmt: skip
    base.save_findings(found, {"on": "2026-03-31"})
    edit(base, [Wish("land_cases", "C", "create", {"project": "A", "parcels": "P1, P2"})], LIN, BOOK)
    reasons = chain(steward(base, STANDARDS, ON).ledger, "A", "in_production")
    assert reasons[-1].item == "utilities_connected"
    assert reasons[-1].text.en == "parcel P1: water serves from 2029-06-01"
    assert str(reasons[0].day) > "2029-09"


def test_a_warning_is_told_once_and_again_when_it_is_worse(base: Store) -> None:
    edit(base, [Wish("permits", "A-1", "create", {"project": "A", "item": "signing", "planned_on": "2026-03-30"})], LIN, BOOK)
    first = claim(base, steward(base, STANDARDS, ON).warnings, "", ON, LIN)
    assert first["level"].tolist() == ["yellow"]
    settle(base, first, "", ON, True, LIN)
    assert not len(unsent(base, steward(base, STANDARDS, date(2026, 4, 1)).warnings))
    worse = unsent(base, steward(base, STANDARDS, date(2026, 4, 15)).warnings)
    assert worse["level"].tolist() == ["red"]
    assert base.read("notices")["id"].tolist() == key(first).tolist()


def test_the_ledger_goes_into_a_workbook_and_back_with_what_differs(demo: Store, of: Steward, tmp_path: Path) -> None:
    path = tmp_path / "ledger.xlsx"
    write_book(demo, of, [], path)
    assert read_book(demo, path) == ()
    sheets = {name: workbook.read(path, name) for name in ("projects", "permits")}
    sheets["projects"].loc[sheets["projects"]["id"] == "P-K01", "steward"] = "赵Zhao"
    new = pd.DataFrame(
        [
            {
                "id": "new",
                "project": "P-K01",
                "item": "full_capacity",
                "planned_on": "2027/1/5",
            }
        ],
        dtype="str",
    )
    sheets["permits"] = pd.concat([sheets["permits"], new], ignore_index=True)
    workbook.write(path, list(sheets.items()))
    wishes = read_book(demo, path)
    assert [(w.layer, w.id, dict(w.values)) for w in wishes] == [
        ("projects", "P-K01", {"steward": "赵Zhao"}),
        ("permits", "new", {"project": "P-K01", "item": "full_capacity", "planned_on": "2027/1/5"}),
    ]
    sheets["permits"].loc[0, "planned_on"] = "soon"
    workbook.write(path, list(sheets.items()))
    with pytest.raises(BadEditError, match="planned_on cannot be 'soon'"):
        read_book(demo, path)
