"""Divisions of the land: a hierarchy without holes or circles, and what lies in one, in areas that add up."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from layers.assessment import NotFoundError
from layers.base import Ask
from layers.census import assess
from layers.demo import deliveries
from layers.divisions import LostDivisionError, division
from layers.edits import edit
from layers.living import living_circle
from layers.standards import Standards
from layers.store.base import Change, Store
from layers.store.memory import MemoryStore
from layers.wishes import Wish

STANDARDS = Standards.load()
ON = date(2026, 3, 31)
BOOK, LIN = STANDARDS.on(ON), Change("Lin", "doc 1")
X, Y = 500_000.0, 4_077_000.0


def box(west: float, south: float, east: float, north: float) -> BaseGeometry:
    return shapely.box(X + west, Y + south, X + east, Y + north)


def named(id: str, parent: str | None, shape: BaseGeometry | None = None, kind: str = "street") -> Wish:
    return Wish("divisions", id, None, {"name": f"name of {id}", "kind": kind, "parent": parent}, shape or box(0, 0, 100, 100))


@pytest.fixture
def base() -> Store:
    store = MemoryStore("EPSG:4548")
    edit(store, [named("D", None, kind="district"), named("S", "D"), named("V", "S", box(0, 0, 50, 50), "village")], LIN, BOOK)
    return store


def test_a_division_tells_what_it_belongs_to_and_its_parts(base: Store) -> None:
    told = division(base, STANDARDS, "S")
    assert (told.chain, told.parts) == ((("D", "name of D"),), (("V", "name of V"),))
    assert division(base, STANDARDS, "V").chain == (("S", "name of S"), ("D", "name of D"))
    with pytest.raises(NotFoundError):
        division(base, STANDARDS, "nowhere")


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ([named("N", "nobody")], "divisions N belongs to nobody, which there is not"),
        ([Wish("divisions", "D", "delete")], "divisions S belongs to D, which there is not"),
        ([Wish("divisions", "D", "update", {"parent": "V"})], "would belong to itself: D → V → S → D"),
        ([Wish("divisions", "D", "update", {"parent": "D"})], "would belong to itself: D → D"),
        ([named("A", "B"), named("B", "A")], "would belong to itself"),
    ],
)
def test_what_belongs_to_nothing_or_to_itself_is_refused_and_nothing_is_stored(
    base: Store, wishes: list[Wish], said: str
) -> None:
    before = base.versions()
    with pytest.raises(LostDivisionError, match=said.replace("?", ".")) as refused:
        edit(base, wishes, LIN, BOOK)
    assert "请" in refused.value.text.zh
    assert base.versions() == before


def test_a_division_and_what_lies_in_it_come_and_go_together(base: Store) -> None:
    edit(base, [named("N", "M"), named("M", "D")], LIN, BOOK)
    edit(base, [Wish("divisions", id, "delete") for id in ("M", "N")], LIN, BOOK)
    edit(base, [Wish("divisions", "V", "update", {"parent": None})], LIN, BOOK)
    assert division(base, STANDARDS, "S").parts == ()


def test_land_counts_with_what_lies_inside_and_all_of_it_adds_up(base: Store) -> None:
    plots = {
        "in": box(10, 10, 30, 30),
        "cut": box(90, 0, 120, 20),
        "touching": box(100, 50, 140, 80),
        "out": box(300, 0, 320, 20),
    }
    edit(base, [Wish("parcels", id, "create", {}, shape) for id, shape in plots.items()], LIN, BOOK)
    edit(base, [Wish("projects", "P", "create", {"name": "p", "kind": "industrial"}), Wish("sites", "T", "create", {"project": "P"}, box(95, 5, 130, 15)),
                Wish("resettlements", "R", "create", {"name": "r"}, box(90, 90, 130, 130)), Wish("resettlements", "Q", "create", {"name": "touching"}, box(100, 0, 110, 9))], LIN, BOOK)  # fmt: skip
    told = division(base, STANDARDS, "D")
    assert told.land.to_dict("records") == [{"verdict": "unknown", "ready_state": "unknown", "plots": 2, "area": 400.0 + 200.0}]
    assert told.area == told.land["area"].sum() + told.beside == 10_000
    assert (told.stale, told.resettlements, told.projects) == (True, ("R",), ("P",))


def test_the_demo_has_two_clusters_eleven_resettlement_sites_and_findings_by_division() -> None:
    store = MemoryStore("EPSG:4548")
    for edition, frames in deliveries(400, 1):
        store.add(edition, pd.concat(list(frames)), LIN)
    names = store.read("divisions")
    assert {"大桥组团", "崔寨组团"} <= {n.split(" ")[0] for n in names["name"][names["kind"] == "cluster"]}
    assert len(store.read("resettlements")) == 11
    assert division(store, STANDARDS, "V-1").stale
    assess(store, Ask(ON, BOOK, ON), STANDARDS)
    every = [division(store, STANDARDS, id) for id in ("V-C1", "V-C2", "V-1")]
    plots = store.read("parcels").geometry.area.sum()
    for told in every:
        assert told.land["area"].sum() + told.beside == pytest.approx(told.area, abs=1e-6)
    assert every[0].land["area"].sum() + every[1].land["area"].sum() == pytest.approx(every[2].land["area"].sum(), abs=1e-6)
    verdicts = store.findings(None, ["verdict"])[0]["verdict"].value_counts().to_dict()
    assert every[2].land.groupby("verdict")["plots"].sum().to_dict() == verdicts
    assert not every[2].stale
    assert every[2].land["area"].sum() == pytest.approx(plots, abs=1e-6), "the district holds all plots"
    _, reach, found = living_circle(store, STANDARDS, "resettlements", "RS-3", ON)
    states = {r.kind: r.state for r in found}
    assert (reach, states["market"]) == (1000.0, "unknown"), "nobody surveyed markets"
    assert "within" in states.values()
