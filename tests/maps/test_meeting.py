"""The pack of a meeting, read back: pages, fonts, numbers, labels that meet nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import date
from itertools import combinations
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from pypdfium2 import PdfDocument
from pypdfium2.raw import FPDF_PAGEOBJ_TEXT

from layers.demo import CRS, TITLE, deliveries
from layers.plan.meeting import SECTIONS
from layers.standards import Standards
from layers.steward import Steward, steward
from layers.store.base import Change, Store
from layers.store.memory import MemoryStore
from maps.meeting import numbered, pack

ON = date(2026, 5, 20)
WANTED = ("projects", "permits", "land_cases", "buildings", "connections", "issues", "parcels", "sites", "roads")


@pytest.fixture(scope="module")
def base() -> Store:
    store = MemoryStore(CRS, str(TITLE.en))
    for edition, frames in deliveries(400, 1):
        if edition.layer in WANTED:
            store.add(edition, pd.concat(list(frames)), Change("Lin"))
    return store


@pytest.fixture(scope="module")
def of(base: Store) -> Steward:
    return steward(base, Standards.load(), ON)


@pytest.fixture(scope="module", params=["A0 en", "A3 zh"])
def made(request: pytest.FixtureRequest, base: Store, of: Steward) -> tuple[str, str, Mapping[str, bytes]]:
    page, language = request.param.split()
    return page, language, pack(base, of, language, page)


def words(pdf: bytes, page: int = 0) -> str:
    with closing(PdfDocument(pdf)) as document:
        return str(document[page].get_textpage().get_text_range())


def labels(pdf: bytes) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Read the texts of the first page as they were written, with their boxes [pt]."""
    with closing(PdfDocument(pdf)) as document:
        page = document[0]
        objects = page.get_objects(filter=[FPDF_PAGEOBJ_TEXT], textpage=page.get_textpage())
        return [(str(said.extract()).strip(), said.get_bounds()) for said in objects]


def test_the_wall_map_has_its_page_its_signs_and_every_project_with_its_number(made: tuple[str, str, Mapping[str, bytes]], of: Steward) -> None:  # fmt: skip
    page, language, papers = made
    with closing(PdfDocument(papers["wall_map.pdf"])) as document:
        assert len(document) == 1
        wide, high = (round(side * 25.4 / 72) for side in document[0].get_size())
    assert (wide, high) == {"A0": (1189, 841), "A3": (420, 297)}[page]
    told = words(papers["wall_map.pdf"])
    assert all(sign in told for sign in ("N 北", " m", "1:"))
    assert ("生成数据" if language == "zh" else "GENERATED") in told
    assert ("未记录用地: 4, 12, 20, 43" if language == "zh" else "Without recorded land: 4, 12, 20, 43") in told
    texts = [said for said, _ in labels(papers["wall_map.pdf"])]
    assert not [said for said in texts if said.endswith("…")], "no name is cut: the columns are as wide as what they hold"
    for number in numbered(of).values():
        assert texts.count(str(number)) == (1 if number in (4, 12, 20, 43) else 2), f"{number} stands on the map and in the table"


def test_no_two_labels_of_the_wall_map_overlap(made: tuple[str, str, Mapping[str, bytes]]) -> None:
    *_, papers = made
    found = labels(papers["wall_map.pdf"])
    assert len(found) > 300
    for (one, (a, b, c, d)), (other, (e, f, g, h)) in combinations(found, 2):
        across, up = min(c, g) - max(a, e), min(d, h) - max(b, f)
        assert across <= 0.2 or up <= 0.2, (one, other)


def test_fonts_are_embedded_and_nothing_runs(made: tuple[str, str, Mapping[str, bytes]]) -> None:
    *_, papers = made
    for name in ("wall_map.pdf", "ledger.pdf", "projects.pdf"):
        assert b"/FontFile2" in papers[name]
        assert b"/JavaScript" not in papers[name]


def test_each_project_has_its_sheet_under_its_number(made: tuple[str, str, Mapping[str, bytes]], of: Steward) -> None:
    _, language, papers = made
    names = of.tables.projects.set_index("id")["name"]
    with closing(PdfDocument(papers["projects.pdf"])) as document:
        outline = [entry.get_title() for entry in document.get_toc()]
        pages = [entry.get_dest().get_index() for entry in document.get_toc()]
        first = str(document[0].get_textpage().get_text_range())
    assert outline == [f"{n} {names[id]}" for id, n in numbered(of).items()]
    assert pages == list(range(len(outline))), "each is one page"
    assert ("包挂领导" if language == "zh" else "Leader in charge") in first
    assert ("试产" if language == "zh" else "Trial production") in first


def test_the_ledger_says_late_and_due_alike_in_print_and_workbook(
    made: tuple[str, str, Mapping[str, bytes]], tmp_path: Path
) -> None:
    _, language, papers = made
    told = words(papers["ledger.pdf"])
    assert "2026-05-01 – 2026-05-31" in told
    assert (SECTIONS["late"].zh if language == "zh" else SECTIONS["late"].en) in told
    (tmp_path / "l.xlsx").write_bytes(papers["ledger.xlsx"])
    book = openpyxl.load_workbook(tmp_path / "l.xlsx")
    assert book.sheetnames == (
        ["月台账", "周台账", "预警", "指标"] if language == "zh" else ["month", "week", "warnings", "figures"]
    )
    head, *rows = book.worksheets[0].iter_rows(values_only=True)
    assert (head[1], len(rows)) == ("序号" if language == "zh" else "No.", 20)


def test_the_same_day_gives_the_same_bytes(base: Store, of: Steward) -> None:
    assert pack(base, of, "en", "A3") == pack(base, of, "en", "A3")


def test_an_empty_ledger_has_papers_too() -> None:
    store = MemoryStore(CRS)
    papers = pack(store, steward(store, Standards.load(), ON), "en", "A3")
    assert "nothing is due, late or done" in words(papers["ledger.pdf"])
