"""The ledger as a workbook that people edit, and back: what differs from the base becomes wishes to confirm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Layer
from layers.catalogue import LEDGER
from layers.formats import workbook
from layers.formats.errors import did_you_mean
from layers.formats.values import convert
from layers.steward import GUARDED, Steward
from layers.store.base import Store
from layers.wishes import BadEditError, Wish

DIGITS = 1e-12
"""The share of a real that a workbook loses."""


def write_book(store: Store, of: Steward, figures: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write projects and steps, which may be edited and read back, and the warnings and figures of the day beside them."""
    sheets = [(name, pd.DataFrame(store.read(name).drop(columns=["geometry", "edition"]))) for name in GUARDED]
    told = [
        {"figure": f["title"]["zh"], "id": f["id"], "value": f["value"], "unit": f["unit"], "formula": f["formula"]["zh"], "rows": ", ".join(f["rows"])}
        for f in figures
    ]  # fmt: skip
    warned = of.warnings[["level", "project", "item", "rule", "days", "on", "en", "zh"]]
    workbook.write(path, [*sheets, ("warnings", warned), ("figures", pd.DataFrame(told))])


def read_book(store: Store, path: Path) -> tuple[Wish, ...]:
    """Read projects and steps back: a wish for each record that is new or differs; what a sheet leaves out stays.

    BadEditError names the cell that cannot be read, FormatError a file that is no such workbook.
    """
    found: list[Wish] = []
    for name in GUARDED:
        found += _differing(LEDGER[name], store.read(name), workbook.read(path, name))
    return tuple(found)


def _differing(layer: Layer, stored: pd.DataFrame, sheet: pd.DataFrame) -> list[Wish]:
    """Compare a sheet with the stored records, column by column."""
    fields = {f.name: f for f in (*layer.columns[:1], *layer.fields)}
    for column in sheet.columns:
        if column not in fields:
            like = did_you_mean(str(column), fields)
            raise BadEditError(
                f"sheet {layer.name} has a column {column}: {like.en}", f"工作表 {layer.name} 有列 {column}:{like.zh}"
            )
    if "id" not in sheet or sheet["id"].isna().any():
        raise BadEditError(f"sheet {layer.name}: a row has no id; give it one", f"工作表 {layer.name}:有行缺少 id,请填写")
    at = pd.Index(stored["id"]).get_indexer(pd.Index(sheet["id"]))
    changes: list[dict[str, Any]] = [{} for _ in range(len(sheet))]
    for name in sheet.columns.drop("id"):
        typed, bad = convert(sheet[name], fields[name])
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            id, value = sheet["id"].iloc[k], sheet[name].iloc[k]
            raise BadEditError(
                f"sheet {layer.name}, {id}: {name} cannot be {value!r}", f"工作表 {layer.name},{id}:{name} 不能为 {value!r}"
            )
        old = stored[name].take(np.maximum(at, 0)).reset_index(drop=True) if len(stored) else typed.iloc[:0].reindex(sheet.index)
        old = old.where(at >= 0)
        same = _same(typed, old, fields[name].dtype == "real")
        for k in np.flatnonzero(~same).tolist():
            changes[k][str(name)] = None if pd.isna(sheet[name].iloc[k]) else sheet[name].iloc[k]
    return [Wish(layer.name, id, None, values) for id, values in zip(sheet["id"], changes, strict=True) if values]


def _same(one: pd.Series, other: pd.Series, real: bool) -> NDArray[np.bool_]:
    """Tell which values are the same, missing ones too; reals as far as a workbook keeps them."""
    if real:
        same = np.isclose(one.to_numpy(float), other.to_numpy(float), rtol=DIGITS, atol=0)
    else:
        same = (one == other).to_numpy(bool, na_value=False)
    return np.asarray(same | (one.isna() & other.isna()).to_numpy(bool), bool)
