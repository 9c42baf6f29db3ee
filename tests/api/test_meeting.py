"""The papers of a meeting over HTTP and on the page: a job that tells how far it is, can be ended, and gives files that open."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import openpyxl
import pytest
from playwright.sync_api import Page
from pypdfium2 import PdfDocument

from layers.formats.zipped import members
from tests.api.faces import Server, shudi
from tests.api.test_look import barriers
from tests.api.test_processes import finished

DAY = "2026-03-31"
NAMES = ["ledger.xlsx", "ledger.pdf", "wall_map.pdf", "projects.pdf"]
EXECUTION = "/processes/meeting/execution"
JOB = {"Prefer": "respond-async"}


def read(archive: bytes, language: str, page: str) -> None:
    """Read the papers back: their pages, their size, their sheets."""
    files = members(archive)
    assert list(files) == NAMES
    ledger, wall, sheets = (PdfDocument(files[name]) for name in NAMES[1:])
    assert (len(ledger) >= 2, len(wall)) == (True, 1)
    assert len(list(sheets.get_toc())) == 44
    assert [round(side * 25.4 / 72) for side in wall[0].get_size()] == {"A3": [420, 297], "A2": [594, 420]}[page]
    book = openpyxl.load_workbook(io.BytesIO(files["ledger.xlsx"]), read_only=True)
    assert book.sheetnames[0] == {"en": "month", "zh": "月台账"}[language]


def test_a_job_makes_the_papers_that_the_command_makes(server: Server, park: object, tmp_path: object) -> None:
    inputs = {"on": DAY, "page": "A3", "lang": "en"}
    begun = server.client.post(EXECUTION, json={"inputs": inputs}, headers=JOB)
    told = finished(server.client, begun.headers["location"])
    assert (told["status"], told["progress"]) == ("successful", 100)
    made = server.client.get(begun.headers["location"] + "/results").json()
    assert ([p["name"] for p in made["papers"]], made["on"]) == (NAMES, DAY)
    sent = server.client.get(f"/results/{made['file']}")
    assert (sent.headers["content-type"], "meeting.zip" in sent.headers["content-disposition"]) == ("application/zip", True)
    assert len(sent.content) == made["size"]
    read(sent.content, "en", "A3")
    out = f"{tmp_path}/m.zip"
    assert shudi("report", "meeting", "--on", DAY, "--page", "A3", "--base", park, "--out", out).status == 0
    with zipfile.ZipFile(out) as command:
        assert {name: command.read(name) for name in command.namelist()} == members(sent.content)


@pytest.mark.parametrize("inputs", [{"page": "A9"}, {"lang": "fr"}, {"on": "soon"}, {"day": DAY}])
def test_what_no_meeting_has_is_refused(server: Server, inputs: dict[str, str]) -> None:
    assert server.client.post(EXECUTION, json={"inputs": inputs}).status_code == 400


def test_a_job_that_is_ended_leaves_no_papers(server: Server) -> None:
    begun = server.client.post(EXECUTION, json={"inputs": {"on": DAY}}, headers=JOB)
    server.client.delete(f"/jobs/{begun.json()['jobID']}")
    assert finished(server.client, begun.headers["location"])["status"] == "dismissed"
    assert server.client.get(begun.headers["location"] + "/results").status_code == 409


@pytest.mark.browser
@pytest.mark.parametrize(("lang", "named", "page"), [("en", "Make the papers", "A3"), ("zh", "生成材料", "A2")])
def test_the_page_makes_them_and_they_are_downloaded(at: Callable[..., Page], lang: str, named: str, page: str, tmp_path: object) -> None:  # fmt: skip
    shown = at(f"?lang={lang}&view=projects&on={DAY}")
    shown.locator(".cards a").first.wait_for()
    shown.locator("#meeting summary").click()
    assert shown.locator("#meeting-lang").input_value() == lang
    shown.select_option("#meeting-page", page)
    shown.get_by_role("button", name=named).click()
    shown.locator("#meeting-answer a, #meeting-answer progress").first.wait_for()
    shown.screenshot(path=f"{tmp_path}/meeting-{lang}.png")
    link = shown.locator("#meeting-answer a")
    link.wait_for(timeout=120_000)
    assert barriers(shown) == []
    with shown.expect_download() as coming:
        link.click()
    assert coming.value.suggested_filename == "meeting.zip"
    read(coming.value.path().read_bytes(), lang, page)
    shown.screenshot(path=f"{tmp_path}/done-{lang}.png")


@pytest.mark.browser
def test_the_page_ends_it(at: Callable[..., Page]) -> None:
    shown = at(f"?lang=en&view=projects&on={DAY}")
    shown.locator("#meeting summary").click()
    shown.get_by_role("button", name="Make the papers").click()
    shown.locator("#meeting-answer").get_by_role("button", name="Cancel").click()
    shown.locator("#meeting-answer", has_text="no papers were made").wait_for()
    assert shown.locator("#meeting-answer a").count() == 0
