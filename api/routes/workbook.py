"""The ledger as a workbook: fetched, edited elsewhere, brought back to be compared and confirmed."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.auth import Person, ThePerson
from api.deps import AStore, AWriter, TheImports, TheNetworks, TheStandards, TheStewards
from api.importing import Imports
from api.models import Problem
from api.routes.imports import kept
from api.workbook import BookBody, Sheets, book_of, compared, read, stored
from layers.refresh import refresh
from layers.store.base import Change

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILE = "upload.xlsx"
"""What an upload is kept as while it is read, whatever it is called."""
router = APIRouter(tags=["ledger"], prefix="/ledger/workbook")
REFUSED: dict[int | str, dict[str, type[Problem]]] = {code: {"model": Problem} for code in (413, 422, 429)}


class Asked(BaseModel):
    """What the workbook is called."""

    name: str = Field("ledger.xlsx", max_length=200, description="the file's name, for what is said of it")


class Confirmed(Asked):
    """What was shown of a workbook, and why it is stored."""

    token: str = Field(max_length=64, description="of the comparison that is confirmed")
    reason: str = Field("", max_length=500, description="reason or document number, for the history")


@router.get("", response_class=Response, responses={200: {"content": {XLSX: {}}}})
def fetch(store: AStore, standards: TheStandards, stewards: TheStewards, on: date | None = None) -> Response:
    """Fetch the ledger as a workbook: its tables, which may be edited and brought back, with the warnings and figures of the year."""
    day = on or date.today()
    with store.snapshot():
        made = book_of(store, stewards.get(store, standards, day), date(day.year, 1, 1), day)
    return Response(made, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="ledger-{day}.xlsx"'})


@router.post("", responses=REFUSED)
async def compare(
    request: Request,
    asked: Annotated[Asked, Query()],
    store: AStore,
    person: ThePerson,
    imports: TheImports,
    standards: TheStandards,
) -> BookBody:
    """Compare a workbook, the body of the request, with the ledger: what it changes cell by cell; nothing is stored."""
    sheets = await _read(request, asked, person, imports)
    return await to_thread.run_sync(lambda: compared(store, sheets, asked.name, standards.on(date.today())))


@router.put("", responses={**REFUSED, 409: {"model": Problem}})
async def confirm(
    request: Request, asked: Annotated[Confirmed, Query()], writer: AWriter, person: ThePerson, imports: TheImports,
    standards: TheStandards, networks: TheNetworks,
) -> BookBody:  # fmt: skip
    """Store what a workbook changes, if that is exactly what was shown of it (`token`); 409 where the ledger moved meanwhile."""
    sheets = await _read(request, asked, person, imports)

    def store() -> BookBody:
        done = stored(writer, sheets, asked.name, standards.on(date.today()), asked.token, Change(person.name, asked.reason))
        if done.stored:
            refresh(writer, standards, networks)
        return done

    return await to_thread.run_sync(store)


async def _read(request: Request, asked: Asked, person: Person, imports: Imports) -> Sheets:
    """Read the workbook in the body of a request; nothing of the file is kept."""
    it = await to_thread.run_sync(imports.make, person.name, asked.name)
    try:
        told = {"name": asked.name, "file": FILE}
        size = await kept(request, imports.folder(it) / FILE)
        return await to_thread.run_sync(read, imports.folder(it), told, size, limiter=imports.readers)
    finally:
        imports.forget(it)
