"""The ledger as a workbook over HTTP: written, read back by a process of its own that is bounded, compared, stored as it was compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from pydantic import BaseModel, Field

from api.importing import BYTES_PER_SECOND, MEMORY, MEMORY_PER_BYTE, SECONDS, FailedError, step
from api.ledger import FigureRow
from api.models import Words
from layers.base import Text
from layers.catalogue import LEDGER
from layers.edits import edit
from layers.errors import Refusal
from layers.formats import workbook
from layers.ledger_book import Cell, compare, write_book
from layers.standards import Rulebook
from layers.steward import Steward
from layers.stock import all_figures
from layers.store.base import Change, ConflictError, Store
from layers.wishes import Wish

Sheets = Mapping[str, pd.DataFrame]


class MovedError(Refusal):
    """A workbook would no longer do what was shown of it."""


def _moved(book: str) -> MovedError:
    """Say that a workbook must be compared again."""
    return MovedError(
        f"what {book} changes is no longer what was shown: the ledger was edited since, or this is another workbook; nothing was stored, compare it again",
        f"{book} 的更改与所示差异已不一致:台账此后被修改,或上传的是另一工作簿;未存入任何数据,请重新比对",
    )


class CellBody(BaseModel):
    """A value that a workbook changes, as text: null before where nothing was recorded, null after to take it out."""

    layer: str
    id: str
    column: str
    title: Words
    before: str | None
    after: str | None


class BookBody(BaseModel):
    """What a workbook changes, as (table, number) and cell by cell; `token` stands for exactly that, on the records as they are."""

    token: str = Field(description="send it with the same workbook to store just this")
    changed: list[tuple[str, str]]
    cells: list[CellBody]
    stored: bool


def book_of(store: Store, of: Steward, since: date, until: date) -> bytes:
    """Write the ledger of a moment as a workbook, with the figures of a period."""
    with TemporaryDirectory(prefix="shudi-") as folder:
        path = Path(folder) / "ledger.xlsx"
        write_book(store, of, [FigureRow.of_(f).model_dump() for f in all_figures(store, of, since, until)], path)
        return path.read_bytes()


def read(folder: Path, request: Mapping[str, Any], size: int) -> Sheets:
    """Have a workbook of so many bytes read by a process of its own; FailedError says why it cannot be."""
    asked = {**request, "memory": MEMORY + MEMORY_PER_BYTE * size}
    try:
        told = step(folder, "sheets", asked, SECONDS + size / BYTES_PER_SECOND, {})(lambda done, total: None)
    except FailedError as error:
        own, name = str(request["file"]), str(request["name"])
        said = Text(error.text.en.replace(own, name), error.text.zh.replace(own, name))
        raise FailedError(said.en, said.zh, error.kind) from None
    return {name: pd.DataFrame(s["rows"], columns=s["columns"], dtype="str") for name, s in told.items()}


def sheets_of(folder: Path, request: Mapping[str, Any], progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Read the sheets of a workbook as text; the step of `read`."""
    found = workbook.sheets(folder / request["file"])
    return {name: {"columns": list(s.columns), "rows": s.astype(object).where(s.notna(), None).to_numpy().tolist()} for name, s in found.items()}  # fmt: skip


def compared(store: Store, sheets: Sheets, name: str, book: Rulebook) -> BookBody:
    """Tell what a workbook would change; the refusals of an edit where that cannot be. Nothing is stored."""
    wishes, cells = compare(store, sheets, name)
    if wishes:
        edit(store, wishes, Change("", name), book, dry_run=True)
    return _body(wishes, cells)


def stored(store: Store, sheets: Sheets, name: str, book: Rulebook, token: str, change: Change) -> BookBody:
    """Store what a workbook changes, all of it or nothing, if that is still what `token` stands for; MovedError where not."""
    wishes, cells = compare(store, sheets, name)
    body = _body(wishes, cells)
    if body.token != token:
        raise _moved(name)
    if wishes:
        try:
            edit(store, wishes, replace(change, reason=change.reason or name), book)
        except ConflictError:
            raise _moved(name) from None
    return body.model_copy(update={"stored": bool(wishes)})


def _body(wishes: tuple[Wish, ...], cells: tuple[Cell, ...]) -> BookBody:
    """Write what a workbook changes, with the token of it: of all values, before and after, and of the versions that they rest on."""
    told = [[w.layer, w.id, w.version, sorted(w.values.items())] for w in wishes], [list(c) for c in cells]
    titles = {(name, f.name): f.title for name, table in LEDGER.items() for f in table.fields}
    return BookBody(
        token=hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest(), stored=False,
        changed=sorted((w.layer, w.id) for w in wishes),
        cells=[CellBody(**c._asdict(), title=Words.of(titles[c.layer, c.column])) for c in cells],
    )  # fmt: skip
