"""The ledger as a workbook that people edit, and back: what was edited in it becomes wishes to confirm, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Layer
from layers.catalogue import LEDGER
from layers.formats import workbook
from layers.formats.errors import did_you_mean
from layers.formats.values import convert
from layers.steward import Steward
from layers.store.base import Store
from layers.wishes import BadEditError, Wish

CELL = 32_767
"""Characters that a cell of a workbook holds."""
DIGITS = 1e-12
"""The share of a real that a workbook loses."""


BOOKED = tuple(name for name, table in LEDGER.items() if table.geometry == "none" and name not in ("notices", "listings"))
"""The tables that a workbook holds: records that people write; not what was sent, nor what goes through states by roles."""
TOLD = ("about", "warnings", "figures")
"""Sheets that are only read."""


class Cell(NamedTuple):
    """A value that a workbook changes: None before where the record is new or nothing was recorded, None after to take it out."""

    layer: str
    id: str
    column: str
    before: str | None
    after: str | None


def write_book(store: Store, of: Steward, figures: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the tables that may be edited and read back, and the warnings and figures of the day beside them."""
    with store.snapshot():
        sheets = [(name, pd.DataFrame(store.read(name).drop(columns=["geometry", "edition"]))) for name in BOOKED]
        entry = max(store.versions().values(), default=0)
    told = [
        {"figure": f["title"]["zh"], "id": f["id"], "value": f["value"], "unit": f["unit"], "formula": f["formula"]["zh"], "rows": ", ".join(f["rows"])[:CELL], "lacking": f["lacking"], "lacks": ", ".join(f["lacks"])[:CELL]}
        for f in figures
    ]  # fmt: skip
    warned = of.warnings[["level", "project", "item", "rule", "days", "on", "en", "zh"]]
    about = pd.DataFrame({"name": ["entry"], "value": [str(entry)]})
    workbook.write(path, [*sheets, ("warnings", warned), ("figures", pd.DataFrame(told)), ("about", about)])


def read_book(store: Store, path: Path) -> tuple[tuple[Wish, ...], tuple[Cell, ...]]:
    """Read a workbook back: what was edited in it since it was written, as `compare` tells; FormatError for a file that is none."""
    return compare(store, workbook.sheets(path), path.name)


def compare(store: Store, sheets: Mapping[str, pd.DataFrame], book: str) -> tuple[tuple[Wish, ...], tuple[Cell, ...]]:
    """Compare the sheets of a workbook, frames of text, with the base: as wishes and cell by cell; what it leaves out stays.

    What others changed in the base meanwhile stays too; where both changed the same value, BadEditError names it. It also names the
    sheet, column or cell that cannot be read. A workbook without the sheet `about` is held against the base as it is.
    book: its name, for what is said of it.
    """
    wishes: list[Wish] = []
    cells: list[Cell] = []
    for name in sheets:
        if name not in (*BOOKED, *TOLD):
            like = did_you_mean(name, BOOKED)
            raise BadEditError(f"{book} has a sheet {name}: {like.en}", f"{book} 有工作表 {name}:{like.zh}")
    if not set(sheets) & set(BOOKED):
        listed = ", ".join(BOOKED)
        raise BadEditError(f"{book} has no sheet of the ledger; there are {listed}", f"{book} 没有台账工作表;可有 {listed}")
    with store.snapshot():
        entry = _entry(store, sheets["about"], book) if "about" in sheets else None
        for name in (n for n in BOOKED if n in sheets and sheets[n].shape[1]):
            now = store.read(name)
            then = now if entry is None else store.read(name, as_of=entry)
            mine, of_sheet = _differing(LEDGER[name], then, now, sheets[name])
            wishes += mine
            cells += of_sheet
        stamps = {n: store.stamps(n, [w.id for w in wishes if w.layer == n]) for n in {w.layer for w in wishes}}
    return tuple(replace(w, version=stamps[w.layer].get(w.id, 0)) for w in wishes), tuple(cells)


def _entry(store: Store, about: pd.DataFrame, book: str) -> int:
    """Read at which entry of the history a workbook was written."""
    named = about.shape[1] > 1
    said = about.loc[(about.iloc[:, 0] == "entry").to_numpy(bool), about.columns[-1]].tolist() if named else []
    newest = max(store.versions().values(), default=0)
    if not said or not str(said[0]).isdigit() or int(said[0]) > newest:
        raise BadEditError(
            f"{book} was not written from this base: its sheet about names no entry of the history up to {newest}",
            f"{book} 不是由本库导出:其工作表 about 未指明本库历史条目(最大为 {newest})",
        )
    return int(said[0])


def _differing(layer: Layer, then: pd.DataFrame, now: pd.DataFrame, sheet: pd.DataFrame) -> tuple[list[Wish], list[Cell]]:
    """Compare a sheet with the records as they were when it was written and as they are now, column by column."""
    fields = {f.name: f for f in (*layer.columns[:1], *layer.fields)}
    for column in sheet.columns:
        if column not in fields:
            like = did_you_mean(str(column), fields)
            raise BadEditError(
                f"sheet {layer.name} has a column {column}: {like.en}", f"工作表 {layer.name} 有列 {column}:{like.zh}"
            )
    if "id" not in sheet or sheet["id"].isna().any():
        raise BadEditError(f"sheet {layer.name}: a row has no id; give it one", f"工作表 {layer.name}:有行缺少 id,请填写")
    changes: list[dict[str, Any]] = [{} for _ in range(len(sheet))]
    cells: list[Cell] = []
    for name in sheet.columns.drop("id"):
        typed, bad = convert(sheet[name], fields[name])
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            id, value = sheet["id"].iloc[k], sheet[name].iloc[k]
            raise BadEditError(
                f"sheet {layer.name}, {id}: {name} cannot be {value!r}", f"工作表 {layer.name},{id}:{name} 不能为 {value!r}"
            )
        real = fields[name].dtype == "real"
        old, new = (_looked_up(frame, name, sheet["id"], typed) for frame in (then, now))
        edited = ~_same(typed, old, real) & ~_same(typed, new, real)
        _no_conflict(layer, name, sheet, old, new, edited & ~_same(old, new, real))
        for k in np.flatnonzero(edited).tolist():
            said = sheet[name].iloc[k]
            changes[k][str(name)] = None if pd.isna(said) else said
            cells.append(Cell(layer.name, sheet["id"].iloc[k], str(name), _plain(new.iloc[k]), _plain(typed.iloc[k])))
    known = sheet["id"].isin(now["id"]).tolist()
    bare = [not k for k in known]
    wishes = [Wish(layer.name, id, None, values) for id, values, new_ in zip(sheet["id"], changes, bare, strict=True) if values or (new_ and id not in set(then["id"]))]  # fmt: skip
    return wishes, cells


def _looked_up(frame: pd.DataFrame, name: str, ids: pd.Series, typed: pd.Series) -> pd.Series:
    """Look the values of a column up by number, missing where there is no record."""
    if not len(frame):
        return typed.where(np.zeros(len(typed), bool))
    at = pd.Index(frame["id"]).get_indexer(pd.Index(ids))
    return frame[name].take(np.maximum(at, 0)).reset_index(drop=True).where(at >= 0)


def _no_conflict(layer: Layer, name: str, sheet: pd.DataFrame, old: pd.Series, new: pd.Series, both: NDArray[np.bool_]) -> None:
    """Refuse a value that somebody else changed since the workbook was written."""
    if both.any():
        k = int(np.flatnonzero(both)[0])
        id, said, was, now = sheet["id"].iloc[k], sheet[name].iloc[k], _plain(old.iloc[k]), _plain(new.iloc[k])
        raise BadEditError(
            f"sheet {layer.name}, {id}: {name} was {was} when the workbook was written, somebody made it {now} since, and the workbook "
            f"says {said}; write a new workbook, or put {now} there",
            f"工作表 {layer.name},{id}:导出时 {name} 为 {was},此后已被改为 {now},而工作簿为 {said};请重新导出,或在表中填 {now}",
        )


def _plain(value: Any) -> str | None:
    """Write a value as a person reads it."""
    return None if pd.isna(value) else str(value.date()) if isinstance(value, pd.Timestamp) else str(value)


def _same(one: pd.Series, other: pd.Series, real: bool) -> NDArray[np.bool_]:
    """Tell which values are the same, missing ones too; reals as far as a workbook keeps them."""
    if real:
        same = np.isclose(one.to_numpy(float), other.to_numpy(float), rtol=DIGITS, atol=0)
    else:
        same = (one == other).to_numpy(bool, na_value=False)
    return np.asarray(same | (one.isna() & other.isna()).to_numpy(bool), bool)
