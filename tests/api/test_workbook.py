"""The ledger as a workbook over HTTP and on the page: fetched, edited, compared cell by cell, and stored only as it was compared."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from layers.formats import workbook
from tests.api.conftest import copied
from tests.api.faces import content, serving, shudi
from tests.api.test_look import barriers
from tests.api.town import Town, guarded
from tests.conftest import Watch

BOOK, DAY = "/ledger/workbook", "2026-03-31"
WORDS_EN = {
    "fetch": "Download the ledger as XLSX", "compare": "Compare with the ledger", "table": "Projects", "steward": "Project steward",
    "plan": "Work plan", "nothing": "nothing", "store": "Store just these changes", "moved": "compare it again", "stored": "Stored: 2 records",
}  # fmt: skip
WORDS_ZH = {
    "fetch": "下载台账 XLSX", "compare": "与台账比对", "table": "项目", "steward": "项目管家", "plan": "工作方案", "nothing": "无",
    "store": "仅存入以上更改", "moved": "请重新比对", "stored": "2 条记录",
}  # fmt: skip


@pytest.fixture(scope="module")
def base(park: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(park, tmp_path_factory.mktemp("workbook") / "own.gpkg")


@pytest.fixture(scope="module")
def town(base: Path) -> Iterator[Town]:
    with guarded(base, base.parent) as town:
        yield town


def fetched(town: Town) -> Any:
    answer = town.ask("viewer", "GET", BOOK, params={"on": DAY})
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
    assert "ledger-2026-03-31.xlsx" in answer.headers["content-disposition"]
    return openpyxl.load_workbook(io.BytesIO(answer.content))


def put(book: Any, sheet: str, id: str, column: str, value: object) -> None:
    heads = [c.value for c in book[sheet][1]]
    (row,) = [r for r in book[sheet].iter_rows() if r[0].value == id]
    row[heads.index(column)].value = value


def bytes_of(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def send(town: Town, method: str, body: bytes, role: str | None = "planner", **asked: str) -> Any:
    return town.ask(role, method, BOOK, params={"name": "台账.xlsx", **asked}, content=body)


def test_what_was_edited_is_shown_cell_by_cell_and_stored_as_it_was_shown(town: Town, base: Path, tmp_path: Path) -> None:
    book = fetched(town)
    assert send(town, "POST", bytes_of(book)).json()["cells"] == []
    put(book, "projects", "P-K01", "steward", "赵Zhao")
    put(book, "land_cases", "C-K01", "supplied_area", 1234.5)
    before, body = content(base), bytes_of(book)
    shown = send(town, "POST", body).json()
    assert shown["stored"] is False
    assert [(c["layer"], c["id"], c["column"], c["before"], c["after"]) for c in shown["cells"]][:1] == [
        ("projects", "P-K01", "steward", "李Li", "赵Zhao")
    ]
    assert shown["cells"][0]["title"] == {"en": "Project steward", "zh": "项目管家"}
    assert shown["changed"] == [["land_cases", "C-K01"], ["projects", "P-K01"]]
    assert content(base) == before
    path = tmp_path / "台账.xlsx"
    path.write_bytes(body)
    assert [c["after"] for c in shudi("report", "--from", path, "--base", base, "--json").body["cells"]] == ["赵Zhao", "1234.5"]
    done = send(town, "PUT", body, token=shown["token"], reason="例会〔2026〕7").json()
    assert (done["stored"], done["cells"]) == (True, shown["cells"])
    told = shudi("history", "projects", "P-K01", "--base", base, "--json").body[-1]
    assert (told["actor"], told["reason"]) == ("planner", "例会〔2026〕7")
    assert send(town, "POST", body).json()["cells"] == []


def test_what_moved_meanwhile_is_not_stored(town: Town, base: Path) -> None:
    book = fetched(town)
    put(book, "projects", "P-K02", "leader", "Qian")
    body = bytes_of(book)
    token = send(town, "POST", body).json()["token"]
    put(book, "projects", "P-K02", "target", "produce in May")
    other = send(town, "PUT", bytes_of(book), token=token)
    assert other.status_code == 409, "another workbook than was compared"
    assert shudi("edit", "projects", "P-K02", "department=招商 trade", "--base", base).status == 0
    before = content(base)
    late = send(town, "PUT", body, token=token)
    assert (late.status_code, late.json()["title"]) == (409, "MovedError")
    assert "compare" in late.json()["detail"]
    assert "重新比对" in late.json()["detail_zh"]
    assert content(base) == before
    again = send(town, "POST", body).json()
    assert [c["column"] for c in again["cells"]] == ["leader"]
    assert send(town, "PUT", body, token=again["token"]).json()["stored"] is True
    assert shudi("project", "P-K02", "--base", base, "--json").body["project"]["department"] == "招商 trade"


def test_a_workbook_that_cannot_be_is_refused_in_both_languages_and_leaves_nothing(town: Town, base: Path) -> None:
    before = content(base)
    book = fetched(town)
    put(book, "projects", "P-K03", "kind", "church")
    wrong = bytes_of(book)
    put(book, "projects", "P-K03", "kind", "industrial")
    put(book, "permits", "P-77(示例)-start", "actual_on", "2026-01-05")
    early = bytes_of(book)
    for body, en, zh in (
        (wrong, "kind cannot be 'church'", "kind 不能为 'church'"),
        (early, "needs construction_permit", "前置事项"),
        (b"no workbook", "台账.xlsx", "台账.xlsx"),
        (b"", "the body is empty", "请求内容为空"),
    ):
        said = send(town, "POST", body)
        assert (said.status_code, en in said.json()["detail"], zh in said.json()["detail_zh"]) == (422, True, True), said.text
        assert "upload" not in said.text
    assert content(base) == before
    assert list((base.parent / "own.imports").iterdir()) == []


def test_planners_bring_a_workbook_back_and_nobody_sees_it_unasked(town: Town) -> None:
    for role, get, post in ((None, 401, 401), ("viewer", 200, 403), ("planner", 200, 422)):
        assert town.ask(role, "GET", BOOK).status_code == get
        assert send(town, "POST", b"x", role).status_code == post
        assert send(town, "PUT", b"x", role, token="0").status_code == post
    audit = town.ask("admin", "GET", "/audit").text
    assert BOOK in audit


def test_all_sheets_are_read_at_one_opening(town: Town, tmp_path: Path) -> None:
    path = tmp_path / "all.xlsx"
    path.write_bytes(bytes_of(fetched(town)))
    every = workbook.sheets(path)
    assert list(every)[-3:] == ["warnings", "figures", "about"]
    assert every["projects"].equals(workbook.read(path, "projects"))


@pytest.fixture
def own(own_park: Path, tmp_path: Path, watch: Watch) -> Iterator[tuple[str, Path]]:
    with serving(own_park, tmp_path) as server:
        watch.page.set_viewport_size({"width": 1300, "height": 850})
        yield server.url, own_park


@pytest.mark.browser
@pytest.mark.parametrize(("lang", "words"), [("en", WORDS_EN), ("zh", WORDS_ZH)])
def test_the_page_shows_what_a_workbook_changes_and_stores_it_when_confirmed(own: tuple[str, Path], watch: Watch, tmp_path: Path, lang: str, words: dict[str, str]) -> None:  # fmt: skip
    page, (url, base) = watch.page, own
    page.goto(f"{url}/?lang={lang}&view=projects&on={DAY}")
    page.locator(".cards a").first.wait_for()
    page.locator("#workbook summary").click()
    with page.expect_download() as coming:
        page.get_by_role("link", name=words["fetch"]).click()
    assert coming.value.suggested_filename == "ledger-2026-03-31.xlsx"
    book = openpyxl.load_workbook(io.BytesIO(coming.value.path().read_bytes()))
    put(book, "projects", "P-K01", "steward", "赵Zhao")
    put(book, "projects", "P-K02", "work_plan", None)
    path = tmp_path / "台账.xlsx"
    book.save(path)
    before = content(base)
    page.set_input_files("#workbook-file", path)
    page.get_by_role("button", name=words["compare"]).click()
    rows = page.locator("#workbook-answer tbody tr")
    rows.first.wait_for(timeout=120_000)
    assert [text.split("\t") for text in rows.all_inner_texts()] == [
        [words["table"], "P-K01", words["steward"], "李Li", "赵Zhao"],
        [words["table"], "P-K02", words["plan"], "方案2025-001", words["nothing"]],
    ]
    page.screenshot(path=tmp_path / f"diff-{lang}.png")
    assert barriers(page) == []
    assert content(base) == before
    assert shudi("edit", "projects", "P-K02", "leader=Qian", "--base", base).status == 0
    page.get_by_role("button", name=words["store"]).click()
    page.locator("#workbook-answer .refusal", has_text=words["moved"]).wait_for(timeout=120_000)
    assert all("409" in said for said in watch.said), watch.said
    watch.said.clear()
    page.get_by_role("button", name=words["compare"]).click()
    rows.first.wait_for(timeout=120_000)
    page.fill("#workbook-reason", "例会9")
    page.get_by_role("button", name=words["store"]).click()
    page.locator("#workbook-answer p", has_text=words["stored"]).wait_for(timeout=120_000)
    told = shudi("history", "projects", "P-K01", "--base", base, "--json").body[-1]
    assert (told["after"]["steward"], told["reason"]) == ("赵Zhao", "例会9")
    page.click("#workbook-import")
    page.locator("#import-layer option:checked", has_text=words["table"]).wait_for(state="attached")
    assert watch.said == []
