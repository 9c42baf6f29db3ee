"""The ledger of a base: the founding documents' figures from the demo's rows, records that cannot be, warnings told once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely

from layers.demo import CRS, deliveries
from layers.demo.sites import MU
from layers.edits import edit, undo
from layers.formats import workbook
from layers.ledger_book import read_book, write_book
from layers.notices import claim, settle, unsent
from layers.plan.figures import Figure
from layers.plan.ledger import blocked_by, chain
from layers.plan.procedures import FutureError, PastError, UnexplainedError, UnknownItemError
from layers.plan.schedule import OutOfOrderError
from layers.plan.warnings import key
from layers.standards import Standards
from layers.steward import RESTS_ON, BadHashError, Steward, Stewards, steward
from layers.stock import all_figures
from layers.store.base import Change, Store
from layers.store.memory import MemoryStore
from layers.wishes import BadEditError, Wish

STANDARDS, ON = Standards.load(), date(2026, 3, 31)
BOOK, LIN = STANDARDS.on(ON), Change("Lin", "doc 1")
WANTED = (
    "projects", "permits", "land_cases", "buildings", "connections", "issues", "approvals", "parcels", "opinions", "relocations",
    "sections", "documents", "inspections", "roads", "phases", "landscaping", "set_outs",
)  # fmt: skip


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
            assert id in ids[table], row


def test_a_figure_is_the_sum_of_its_rows(demo: Store, told: dict[str, Figure]) -> None:
    for name, table, column in (("investment", "projects", "investment_actual"), ("reviewed_area", "land_cases", "total_area")):
        frame = demo.read(table).set_index("id")
        assert frame.loc[[r.partition(":")[2] for r in told[name].rows], column].sum() == told[name].value
    left, parcels = demo.read("approvals"), demo.read("parcels")
    bought = parcels[parcels["status"].isin(["supplied_unused", "under_construction", "built", "idle"])]
    area = shapely.difference(shapely.union_all(left.geometry), shapely.union_all(bought.geometry)).area
    assert told["approved_unsupplied"].value == pytest.approx(area)


def test_signings_by_tag_approvals_by_stage_cleared_land_and_funds_are_sums_of_named_rows(
    demo: Store, told: dict[str, Figure]
) -> None:
    projects, permits = demo.read("projects").set_index("id"), demo.read("permits")
    done = permits[permits["actual_on"].dt.year == 2025].groupby("item")["project"].agg(set)
    assert set(told["signed_projects"].rows) == {f"projects:{id}" for id in done["signing"]}
    tags = {name: f for name, f in told.items() if name.startswith("signed_investment_")}
    assert len(tags) == 4, "F43: four kinds of signings"
    assert all(
        "动能转换" in projects.loc[row.removeprefix("projects:"), "tags"]
        for row in tags["signed_investment_动能转换 new drivers"].rows
    )
    assert sum(f.value or 0 for f in tags.values()) == told["signed_investment"].value, "each bears one tag here"
    assert told["registered_projects"].value == len(done["filing"])
    every = permits[permits["actual_on"].notna()].groupby("item")["project"].agg(set)
    assert told["funnel_acceptance"].value == len(every["acceptance"])
    assert told["funnel_construction_permit"].value == len(every["construction_permit"] - every["acceptance"])
    assert (told["funnel_land_planning_permit"].value, told["funnel_engineering_planning_permit"].value) == (0, 0)
    assert told["land_cleared"].value == pytest.approx(150 * 2000 / 3)
    assert (told["land_cleared"].rows, told["cleared_unsupplied"].rows) == (("land_cases:C-land",), ("land_cases:C-land",))
    assert (told["funds_paid"].value, told["funds_rate"].value) == (7_500, 7_500 / 12_000)


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
        ({"item": "signing", "planned_on": "2026-03-30"}, PastError, "planned_on 2026-03-30 is past, today is 2026-03-31"),
        ({"item": "signing", "level": "red"}, UnexplainedError, "level is red without level_reason"),
        ({"item": "signing", "owed": "deed"}, UnexplainedError, "owed is deed without owed_until"),
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
    edit(base, [Wish("permits", "A-1", "create", {"project": "A", "item": "signing", "planned_on": "2026-03-30"})], LIN, STANDARDS.on(date(2026, 3, 1)))  # fmt: skip
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
    assert read_book(demo, path) == ((), ())
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
    wishes, cells = read_book(demo, path)
    assert cells[0] == ("projects", "P-K01", "steward", "李Li", "赵Zhao")
    assert [(w.layer, w.id, dict(w.values)) for w in wishes] == [
        ("projects", "P-K01", {"steward": "赵Zhao"}),
        ("permits", "new", {"project": "P-K01", "item": "full_capacity", "planned_on": "2027/1/5"}),
    ]
    sheets["permits"].loc[0, "planned_on"] = "soon"
    workbook.write(path, list(sheets.items()))
    with pytest.raises(BadEditError, match="planned_on cannot be 'soon'"):
        read_book(demo, path)


def test_a_workbook_does_not_take_back_what_others_changed_and_names_what_both_did(base: Store, tmp_path: Path) -> None:
    edit(base, [Wish("issues", "I", "create", {"project": "A", "subject": "dust"})], LIN, BOOK)
    path = tmp_path / "ledger.xlsx"
    write_book(base, steward(base, STANDARDS, ON), [], path)
    edit(base, [Wish("projects", "A", None, {"steward": "Wang", "leader": "Liu"})], LIN, BOOK)
    assert read_book(base, path) == ((), ()), "what somebody changed since is no edit of the workbook"
    book = openpyxl.load_workbook(path)
    heads = {cell.value: cell.column for cell in book["projects"][1]}
    book["projects"].cell(2, heads["target"], "produce")
    book["issues"].cell(2, [c.value for c in book["issues"][1]].index("first_contact") + 1, "Li")
    book.save(path)
    wishes, cells = read_book(base, path)
    assert [c[:3] for c in cells] == [("projects", "A", "target"), ("issues", "I", "first_contact")]
    edit(base, wishes, LIN, BOOK)
    assert base.read("projects")[["steward", "leader", "target"]].to_numpy().tolist() == [["Wang", "Liu", "produce"]]
    book["projects"].cell(2, heads["steward"], "Zhao")
    book.save(path)
    with pytest.raises(BadEditError, match="steward was None when the workbook was written, somebody made it Wang since"):
        read_book(base, path)
    book.create_sheet("isues")
    book.save(path)
    with pytest.raises(BadEditError, match="has a sheet isues: did you mean issues"):
        read_book(base, path)


def test_gdal_reads_the_workbook_too(demo: Store, of: Steward, tmp_path: Path) -> None:
    path = tmp_path / "ledger.xlsx"
    write_book(demo, of, [], path)
    read = pyogrio.read_dataframe(path, layer="projects", read_geometry=False)
    stored = demo.read("projects")
    assert read["id"].tolist() == stored["id"].tolist()
    assert read["investment_actual"].sum() == stored["investment_actual"].sum()
    assert {name for name, _ in pyogrio.list_layers(path)} >= {
        "projects",
        "permits",
        "land_cases",
        "issues",
        "connections",
        "figures",
    }


def test_a_target_is_not_set_to_a_day_that_has_been_and_what_is_late_already_may_be_edited(base: Store) -> None:
    before = base.versions()
    with pytest.raises(PastError, match="projects A: target_on 2026-03-30 is past"):
        edit(base, [Wish("projects", "A", None, {"target_on": "2026-03-30"})], LIN, BOOK)
    assert base.versions() == before
    edit(base, [Wish("projects", "A", None, {"target_on": "2026-03-31"})], LIN, BOOK)
    later = STANDARDS.on(date(2026, 6, 1))
    edit(base, [Wish("projects", "A", None, {"steward": "Li"})], LIN, later)
    edit(base, [Wish("permits", "A-1", "create", {"project": "A", "item": "signing", "planned_on": "2026-03-01", "actual_on": "2026-03-02"})], LIN, later)  # fmt: skip


def test_a_pit_may_be_permitted_before_the_land_is_supplied_on_a_named_basis(base: Store) -> None:
    edit(base, [Wish("projects", "A", None, {"template": "industrial_staged"})], LIN, BOOK)
    early = ("signing", "joint_review", "planning_conditions", "scheme", "drawing_review", "tender", "safety_measures")
    done = [Wish("permits", f"A-{i}", "create", {"project": "A", "item": i, "actual_on": "2026-03-02"}) for i in early]
    pit = {"project": "A", "item": "construction_permit_pit", "actual_on": "2026-03-09"}
    with pytest.raises(UnexplainedError, match="precedes the contract of the land; say on which basis"):
        edit(base, [*done, Wish("permits", "A-pit", "create", pit)], LIN, BOOK)
    edit(
        base, [*done, Wish("permits", "A-pit", "create", pit | {"exception_basis": "济南市优化营商环境条例第三十条"})], LIN, BOOK
    )
    of = steward(base, STANDARDS, ON).ledger
    waits = blocked_by(of, "A")
    assert waits["start"] == [], "the pit may be dug"
    assert "construction_permit" in waits["above_ground"], "and nothing built on it"


def test_a_level_set_by_hand_stands_in_the_history_with_its_reason(base: Store) -> None:
    raised = {"project": "A", "item": "signing", "level": "orange", "level_reason": "the investor hesitates"}
    edit(base, [Wish("permits", "A-1", "create", raised)], LIN, BOOK)
    edit(base, [Wish("permits", "A-1", None, {"level": None, "level_reason": None})], LIN, BOOK)
    first, second = base.history("permits", "A-1")
    assert (first.actor, first.after["level"], first.after["level_reason"]) == ("Lin", "orange", "the investor hesitates")
    assert (second.before["level"], second.after["level"]) == ("orange", None)


def test_each_connection_order_is_of_a_plot_and_a_utility_and_holds_its_project(base: Store) -> None:
    orders = [("O1", "P1", "gas", "2027-05-01"), ("O2", "P1", "water", "2026-05-01"), ("O3", "P2", "gas", None)]
    edit(base, [Wish("connections", i, "create", {"project": "A", "parcel": p, "utility": u, "planned_on": d, "ordered_on": "2026-03-01"}) for i, p, u, d in orders], LIN, BOOK)  # fmt: skip
    reasons = chain(steward(base, STANDARDS, ON).ledger, "A", "utilities_connected")
    assert reasons[-1].text.en == "gas is to be connected on 2027-05-01"
    with pytest.raises(BadEditError, match="utility cannot be"):
        edit(base, [Wish("connections", "O4", "create", {"project": "A", "utility": "steam"})], LIN, BOOK)


def test_an_inspection_has_a_place_and_a_document_a_hash(base: Store) -> None:
    found = {"project": "A", "kind": "dust", "day": "2026-03-09", "result": "mend", "subject": "no nets"}
    edit(base, [Wish("inspections", "N", "create", found, shapely.Point(500_050, 4_077_050))], LIN, BOOK)
    near = base.read("inspections", (500_000, 4_077_000, 500_100, 4_077_100))
    assert near["result"].tolist() == ["mend"]
    assert not len(base.read("inspections", (600_000, 4_077_000, 600_100, 4_077_100)))
    paper = {"project": "A", "title": "deed", "sha256": "ab" * 32}
    edit(base, [Wish("documents", "D", "create", paper)], LIN, BOOK)
    assert base.read("documents")["sha256"].tolist() == ["ab" * 32]
    with pytest.raises(BadHashError, match=r"documents D: sha256 'deed\.pdf' is no SHA-256"):
        edit(base, [Wish("documents", "D", None, {"sha256": "deed.pdf"})], LIN, BOOK)


def test_approved_and_not_supplied_is_exact_where_approvals_and_parcels_overlap(base: Store) -> None:
    box = shapely.box
    edit(base, [
        Wish("approvals", "1", "create", {"kind": "acquisition"}, box(500_000, 4_077_000, 500_100, 4_077_100)),
        Wish("approvals", "2", "create", {"kind": "acquisition"}, box(500_050, 4_077_000, 500_150, 4_077_100)),
        Wish("approvals", "3", "create", {"kind": "conversion"}, box(500_300, 4_077_000, 500_400, 4_077_100)),
        Wish("parcels", "S", "create", {"status": "built"}, box(500_120, 4_077_050, 500_200, 4_077_150)),
        Wish("parcels", "L", "create", {"status": "listed"}, box(500_000, 4_077_000, 500_030, 4_077_030)),
    ], LIN, BOOK)  # fmt: skip
    found = {f.id: f for f in steward(base, STANDARDS, ON).figures(date(2026, 1, 1), ON)}
    assert found["approved_unsupplied"].value == pytest.approx(150 * 100 - 30 * 50)
    assert found["approved_unsupplied"].rows == ("approvals:1", "approvals:2")


def test_the_demo_has_opinions_relocations_inspections_and_documents(demo: Store) -> None:
    opinions, moved, sections = (demo.read(name) for name in ("opinions", "relocations", "sections"))
    assert opinions["number"].notna().all()
    assert opinions["valid_until"].notna().all()
    assert len(opinions) == 21
    assert moved["done_on"].isna().sum() == 1
    works = sections[sections["project"] == "P-road(示例)"]
    assert (works["length"].sum(), set(works["width"])) == (1500, {20.0}), "F53: 1500 m, 20 m wide"
    assert set(sections["road"]) <= set(demo.read("roads")["id"]), "each section names a road that is there"
    assert demo.read("documents")["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert demo.read("inspections").geometry.notna().all()
    found = steward(demo, STANDARDS, ON).warnings
    assert found[found["rule"] == "department"]["en"].tolist() == [
        "the opinion of 水务局 water 示例函〔2025〕104-2号 expires on 2026-05-15: 45 days are left"
    ]
    (again,) = found[found["rule"].str.startswith("road_")].to_dict("records")
    assert (again["rule"], again["level"], again["project"], again["days"]) == ("road_after", "red", "P-K08", 42)
    assert again["records"] == "sections:SC-3, sections:SC-2"
    assert "道路完工42天后将再次开挖" in again["zh"]


def test_a_ledger_is_scheduled_once_while_what_it_rests_on_stays(base: Store) -> None:
    kept = Stewards()
    first = kept.get(base, STANDARDS, ON)
    assert kept.get(base, STANDARDS, ON) is first
    assert kept.get(base, STANDARDS, date(2026, 4, 1)) is not first
    edit(base, [Wish("service_log", "V", "create", {"project": "A", "subject": "visit"})], LIN, BOOK)
    assert kept.get(base, STANDARDS, ON) is first, "visits move nothing"
    entry = max(base.versions().values())
    edit(base, [Wish("permits", "S", "create", {"project": "A", "item": "signing", "actual_on": "2026-03-30"})], LIN, BOOK)
    now = kept.get(base, STANDARDS, ON)
    assert blocked_by(now.ledger, "A").keys() == blocked_by(first.ledger, "A").keys() - {"signing"}
    assert blocked_by(kept.get(base, STANDARDS, ON, entry).ledger, "A").keys() == blocked_by(first.ledger, "A").keys()


def test_what_a_ledger_is_read_from_is_all_that_it_is_kept_by(demo: Store) -> None:
    seen: set[str] = set()

    class Watched:
        def __getattr__(self, name: str) -> object:
            return getattr(demo, name)

        def read(self, layer: str, *given: object, **more: object) -> object:
            seen.add(layer)
            return demo.read(layer, *given, **more)  # type: ignore[arg-type]

    steward(Watched(), STANDARDS, ON)  # type: ignore[arg-type]
    assert seen == set(RESTS_ON)


def test_the_rates_of_the_demos_land_are_the_areas_of_the_parcels_that_they_name(demo: Store, of: Steward) -> None:
    found = {f.id: f for f in all_figures(demo, of, date(2025, 1, 1), date(2025, 12, 31))}
    area = demo.read("parcels").set_index("id").geometry.area
    for name in ("developed_rate", "supplied_rate", "built_rate", "industrial_share"):
        figure = found[name]
        part, whole = (area[[row.removeprefix("parcels:") for row in rows]].sum() for rows in (figure.rows, figure.of))
        assert figure.value == pytest.approx(part / whole), name
        assert 0 < figure.value < 1
    assert found["composite_far"].value
    assert found["composite_far"].lacking, "built parcels without buildings are told"
    use = [f for name, f in found.items() if name.startswith("land_supplied_")]
    assert sum(f.value for f in use if f.value) == pytest.approx(found["land_supplied"].value)
    assert 0 < (found["elapsed_share"].value or 0) < 1


def test_the_figures_of_a_year_stand_beside_those_of_the_year_before(demo: Store, told: dict[str, Figure]) -> None:
    cases = demo.read("land_cases")
    passed = cases[cases["review_status"] == "passed"].groupby(cases["opinion_on"].dt.year)["total_area"].sum()
    assert told["reviewed_area"].before == pytest.approx(passed[2024])
    assert told["reviewed_area"].growth == pytest.approx(passed[2025] / passed[2024] - 1)
    assert told["start_rate"].before is None, "nothing was due in the year before"


def test_the_land_is_read_again_only_when_it_or_what_is_beside_it_changed() -> None:
    store = park()
    read = 0

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        def read(self, layer: str, *given: object, **more: object) -> object:
            nonlocal read
            read += layer == "parcels"
            return store.read(layer, *given, **more)  # type: ignore[arg-type]

    kept, span, counting = Stewards(), (date(2025, 1, 1), date(2025, 12, 31)), Counting()

    def told() -> tuple[Figure, ...]:
        return all_figures(counting, kept.get(store, STANDARDS, ON), *span, known=kept.land)  # type: ignore[arg-type]

    first = told()
    assert first == all_figures(store, kept.get(store, STANDARDS, ON), *span)
    assert (read, told() == first, read) == (1, True, 1)
    plot = store.read("parcels", limit=1)["id"].iloc[0]
    edit(store, [Wish("service_log", "V", "create", {"project": "P-K01", "subject": "visit"})], LIN, BOOK)
    assert (told() == first, read) == (True, 1), "visits move nothing"
    edit(store, [Wish("parcels", plot, None, {"status": None})], LIN, BOOK)
    after = told()
    assert read == 2
    assert (
        next(f for f in after if f.id == "developed_rate").lacking
        == 1 + next(f for f in first if f.id == "developed_rate").lacking
    )
