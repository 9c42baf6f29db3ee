"""XLSX in and out: every cell is text, and text never becomes a formula."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from layers.formats import sniff
from layers.formats.archive import Limits, unpack
from layers.formats.errors import ChooseSublayerError, FormatError, UnreadableError, did_you_mean, reason
from layers.formats.zipped import members, packed

LIMITS = Limits(members=1000)
ROWS = 1_048_576
CORE = "docProps/core.xml"


def read(path: Path, sheet: str | None) -> pd.DataFrame:
    """Read a sheet, the only one with rows where none is named, as a frame of text; its first row with cells names the columns.

    Numbers are written as Excel shows them in full, days as 2025-06-15; a formula gives the value that was last computed.
    ChooseSublayerError lists the sheets. An archive or XML made to harm is refused before it is read. Memory: about a
    hundred times the file.
    """
    book = _opened(path)
    try:
        sheets = {s.title: s for s in book.worksheets}
        if sheet is not None and sheet not in sheets:
            known = did_you_mean(sheet, sheets)
            raise ChooseSublayerError(
                f"{path.name} has no sheet {sheet}; {known.en}", f"{path.name} 没有工作表 {sheet};{known.zh}"
            )
        read = {name: _rows(s.iter_rows(values_only=True)) for name, s in sheets.items() if sheet in (None, name)}
    finally:
        book.close()
    filled = {name: rows for name, rows in read.items() if len(rows) > 1} or {n: r for n, r in read.items() if r}
    if not filled:
        raise UnreadableError(f"{path.name} has no rows: export it again", f"{path.name} 没有数据行:请重新导出")
    if len(filled) > 1:
        raise ChooseSublayerError(
            f"{path.name} holds several sheets, name one by --sublayer; there are: {', '.join(filled)}",
            f"{path.name} 含多个工作表,请用 --sublayer 指定一个;现有:{'、'.join(filled)}",
        )
    return _framed(next(iter(filled.values())))


def sheets(path: Path) -> dict[str, pd.DataFrame]:
    """Read all sheets as `read` reads one, at one opening of the file; one without any cell has no columns."""
    book = _opened(path)
    try:
        return {s.title: _framed(_rows(s.iter_rows(values_only=True))) for s in book.worksheets}
    finally:
        book.close()


def _framed(rows: list[list[str | None]]) -> pd.DataFrame:
    """Make a frame of text of rows, the first of which names the columns."""
    head, *body = rows or [[]]
    names = [name or f"column_{n}" for n, name in enumerate(head, 1)]
    return pd.DataFrame([(*row, *[None] * (len(names) - len(row)))[: len(names)] for row in body], columns=names, dtype="str")


def _opened(path: Path) -> Any:
    """Open a workbook that is none made to harm."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    with TemporaryDirectory(prefix="shudi-") as folder:
        try:
            unpack(path, Path(folder), LIMITS)
            for part in Path(folder).rglob("*.xml"):
                if part.stat().st_size:
                    sniff.refuse_doctype(part)
        except FormatError as error:
            raise type(error)(f"{path.name} is refused: {error.text.en}", f"{path.name} 被拒绝:{error.text.zh}") from error
    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile, SyntaxError, AttributeError, InvalidFileException) as error:
        raise UnreadableError(
            f"{path.name} is no workbook ({reason(error, path)}): save it again as XLSX",
            f"{path.name} 不是工作簿({reason(error, path)}):请另存为 XLSX",
        ) from error


def _rows(found: object) -> list[list[str | None]]:
    """Write the cells of a sheet as text, without the rows before the first that has two of them."""
    rows = [[_text(cell) for cell in row] for row in found]  # type: ignore[attr-defined]
    first = next((n for n, row in enumerate(rows) if sum(cell is not None for cell in row) > 1), len(rows))
    last = max((n for n, row in enumerate(rows) if any(cell is not None for cell in row)), default=-1)
    return rows[first : last + 1]


def _text(cell: object) -> str | None:
    """Write one cell as text; None for an empty one."""
    if isinstance(cell, datetime):
        return str(cell.date()) if not (cell.hour or cell.minute or cell.second) else str(cell)
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    said = "" if cell is None else str(cell).strip()
    return said or None


def write(path: Path, sheets: Sequence[tuple[str, pd.DataFrame]]) -> None:
    """Write frames as sheets: numbers as numbers, days as days, all else as text that no program takes for a formula.

    UnreadableError where a frame has more rows than a sheet may have. Memory: one row at a time.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils.exceptions import IllegalCharacterError

    book = Workbook(write_only=True)
    for title, frame in sheets:
        if len(frame) >= ROWS:
            raise UnreadableError(
                f"{len(frame)} rows are more than a sheet of XLSX holds: export as GeoPackage or CSV, or fewer by --bbox",
                f"{len(frame)} 行超过 XLSX 工作表上限:请导出为 GeoPackage 或 CSV,或用 --bbox 缩小范围",
            )
        sheet = book.create_sheet(title[:31])
        sheet.freeze_panes = "A2"

        def cell(value: object, bold: bool = False, sheet: Any = sheet) -> object:
            if isinstance(value, str):
                try:
                    made = WriteOnlyCell(sheet, value)
                except IllegalCharacterError:
                    made = WriteOnlyCell(sheet, "".join(c for c in value if c.isprintable()))
                made.data_type, made.quotePrefix = "s", value[:1] in "=+-@"
                if bold:
                    made.font = Font(bold=True)
                return made
            return value

        sheet.append([cell(str(name), True) for name in frame.columns])
        plain = [_plain(frame[name]) for name in frame.columns]
        for row in zip(*plain, strict=True):
            sheet.append([cell(value) for value in row])
    book.save(path)


def redate(path: Path, made: date) -> None:
    """Put a day in the place of the moment at which a workbook was saved: openpyxl writes that, whatever its properties say."""
    parts = members(path.read_bytes())
    parts[CORE] = re.sub(rb">\d{4}-\d\d-\d\dT[\d:]+Z<", f">{made}T00:00:00Z<".encode(), parts[CORE])
    path.write_bytes(packed(parts))


def _plain(column: pd.Series) -> list[object]:
    """Give a column as Python values; missing ones as None."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return [None if pd.isna(v) else v.date() for v in column]
    return [None if pd.isna(v) else (v.item() if hasattr(v, "item") else v) for v in column]
