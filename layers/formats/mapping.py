"""How the columns of a delivery become the fields of a layer: stated, or by their names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, replace
from dataclasses import field as made
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from layers.base import Field, Layer
from layers.formats.errors import MappingError, did_you_mean

ALIASES: Dict[str, Dict[str, tuple[str, ...]]] = {
    "land_use": {"id": ("BSM",), "code": ("DLBM",), "name": ("DLMC",)},
    "parcels": {
        "id": ("ZDDM", "BSM", "地块编号"), "address": ("ZL",), "area_recorded": ("ZDMJ", "地块面积"), "approval_no": ("PZWH",),
        "use_code": ("地块用途",),
    },
    "sites": {"id": ("地块编号",), "name": ("地块名称",), "use_code": ("地块用途",)},
    "zoning": {"id": ("BSM", "地块编号"), "code": ("YDYHFLDM", "GHDLBM"), "name": ("YDYHFLMC", "GHDLMC")},
    "control_lines": {"id": ("BSM", "地块编号")},
    "development_areas": {"id": ("BSM", "地块编号")},
}  # fmt: skip
"""Columns of the national exchange standards (TD/T 1055, 1057, the registration databases, 报批坐标) that map by themselves."""
IMPLIED: Dict[str, tuple[str, str, str]] = {
    "DLBM": ("land_use", "code_system", "survey_gtdc"),
    "YDYHFLDM": ("zoning", "code_system", "planning_2023"),
}
"""What a standard column says about another field: column to (layer, field, value)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of one field come from; exactly one of column, constant, template and row is used.

    column: the source's column, multiplied by `scale`, dates read by `format` (strptime), values translated by `translation`
    ("*": any other, "": missing). template: text with {column} and {row} in it. by: why ("stated", "name", "title", "standard").
    """

    field: str
    column: str | None = None
    constant: object = None
    template: str | None = None
    scale: float = 1.0
    format: str = ""
    translation: Dict[str, str] = made(default_factory=dict)
    by: str = "stated"


@dataclass(frozen=True, slots=True)
class Mapping:
    """What a mapping file and --map say; the facts of the edition are None where they say nothing.

    columns: field to column name, "" for none, or a table {column, scale, format}, {template} or {prefix}. constants: field to
    value. translations: the file's [values], field to (source value to code). swap_xy: x and y are exchanged.
    """

    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    sublayer: str | None = None
    coverage: str | None = None
    source: str | None = None
    date: date | None = None
    kinds: tuple[str, ...] = ()
    swap_xy: bool = False
    columns: Dict[str, str | Dict[str, Any]] = made(default_factory=dict)
    constants: Dict[str, object] = made(default_factory=dict)
    translations: Dict[str, Dict[str, str]] = made(default_factory=dict)


KEYS: Dict[str, type] = {
    "layer": str, "crs": str, "encoding": str, "sublayer": str, "coverage": str, "source": str, "date": date, "kinds": list,
    "swap_xy": bool, "columns": dict, "constants": dict, "values": dict,
}  # fmt: skip
PARTS = ("column", "scale", "format", "template", "prefix")


def load(path: str | Path) -> Mapping:
    """Read a mapping from a TOML file; MappingError names a key that is unknown or of the wrong kind."""
    file = Path(path)
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(
            f"{file.name} is no mapping ({error}): write it as TOML in UTF-8",
            f"{file.name} 不是映射文件({error}):请写成 UTF-8 的 TOML",
        ) from error
    for key, value in content.items():
        if key not in KEYS:
            guess = did_you_mean(key, KEYS)
            raise MappingError(f"{file.name} has the unknown key {key}; {guess.en}", f"{file.name} 有未知的键 {key};{guess.zh}")
        if not isinstance(value, KEYS[key]):
            raise MappingError(
                f"{file.name} has {value!r} for {key}: write a {KEYS[key].__name__}",
                f"{file.name} 中 {key} 的值为 {value!r}:应为 {KEYS[key].__name__}",
            )
    values = {f: {str(k): str(v) for k, v in table.items()} for f, table in content.get("values", {}).items()}
    content.pop("values", None)
    return Mapping(**{**content, "kinds": tuple(content.get("kinds", ())), "translations": values})


def with_pairs(mapping: Mapping, pairs: Iterable[str]) -> Mapping:
    """Add what --map says, "field=column" ("field=" for none) or "field:=value" each, over what the mapping says."""
    columns, constants = dict(mapping.columns), dict(mapping.constants)
    for pair in pairs:
        name, sign, said = pair.partition("=")
        field_ = name.removesuffix(":").strip()
        if not sign or not field_:
            raise MappingError(
                f"--map {pair!r} is not understood: write field=column or field:=value",
                f"无法理解 --map {pair!r}:请写成 字段=列 或 字段:=值",
            )
        columns.pop(field_, None)
        constants.pop(field_, None)
        (constants if name.endswith(":") else columns)[field_] = said.strip()
    return replace(mapping, columns=columns, constants=constants)


def resolve(mapping: Mapping, layer: Layer, frame: pd.DataFrame) -> tuple[Source, ...]:
    """Find the source of each field of a layer, in the layer's order; fields without one are left out.

    What is stated comes first; then a column with the field's name, its title in either language, or its name in the national
    standards, in any case. Columns that hold nothing are not taken by themselves. MappingError for an unknown field or column.
    """
    fields = [f for f in layer.columns if f.name != "edition"]
    known = [f.name for f in fields]
    for name in [k for part in (mapping.columns, mapping.constants, mapping.translations) for k in part]:
        if name not in known:
            guess = did_you_mean(name, known)
            raise MappingError(
                f"the layer {layer.name} has no field {name}; {guess.en}", f"图层 {layer.name} 没有字段 {name};{guess.zh}"
            )
    available = [str(c) for c in frame.columns if c != "geometry"]
    by_name = {c.casefold(): c for c in reversed(available)}
    found: list[Source] = []
    for f in fields:
        translate = mapping.translations.get(f.name, {})
        if f.name in mapping.columns:
            stated = from_stated(f.name, mapping.columns[f.name], available, by_name)
            found += [replace(stated, translation=translate)] if stated else []
        elif f.name in mapping.constants:
            found.append(Source(f.name, constant=mapping.constants[f.name]))
        elif hit := by_itself(f, layer.name, by_name, frame):
            found.append(Source(f.name, column=hit[0], translation=translate, by=hit[1]))
        elif translate:
            raise MappingError(
                f"values are translated for {f.name}, but no column maps to it: give it in [columns] or by --map",
                f"{f.name} 有值的对照,但没有列映射到它:请在 [columns] 中或用 --map 给出",
            )
    taken = {s.field for s in found} | set(mapping.columns)
    used = {(s.column or "").upper() for s in found}
    found += [
        Source(name, constant=value, by="standard")
        for column, (owner, name, value) in IMPLIED.items()
        if owner == layer.name and column in used and name not in taken
    ]
    return tuple(sorted(found, key=lambda s: known.index(s.field)))


def by_itself(f: Field, layer: str, by_name: Dict[str, str], frame: pd.DataFrame) -> tuple[str, str] | None:
    """Find the column that maps to a field by its name, title or standard name; the column and why."""
    standard = ALIASES.get(layer, {}).get(f.name, ())
    for why, names in (("name", (f.name,)), ("title", f.title), ("standard", standard)):
        for name in names:
            column = by_name.get(name.casefold())
            if column is not None and frame[column].notna().any():
                return column, why
    return None


def from_stated(name: str, stated: str | Dict[str, Any], available: Sequence[str], by_name: Dict[str, str]) -> Source | None:
    """Read one entry of [columns]; None where it says that there is no source."""
    entry = {"column": stated} if isinstance(stated, str) else stated
    if unknown := next((k for k in entry if k not in PARTS), None):
        guess = did_you_mean(unknown, PARTS)
        raise MappingError(
            f"the mapping of {name} has the unknown key {unknown}; {guess.en}", f"{name} 的映射有未知的键 {unknown};{guess.zh}"
        )
    template = entry.get("template") or (f"{entry['prefix']}{{row}}" if "prefix" in entry else None)
    if template is not None:
        for column in re.findall(r"{([^{}]*)}", template):
            if column != "row":
                find(name, column, available, by_name)
        return Source(name, template=template)
    column = str(entry.get("column", ""))
    if not column:
        return None
    return Source(
        name, find(name, column, available, by_name), scale=float(entry.get("scale", 1.0)), format=str(entry.get("format", ""))
    )


def find(name: str, column: str, available: Sequence[str], by_name: Dict[str, str]) -> str:
    """Find a column by its name, in this case or another; MappingError lists what there is."""
    if column in available:
        return column
    if column.casefold() in by_name:
        return by_name[column.casefold()]
    guess = did_you_mean(column, available)
    raise MappingError(
        f"the delivery has no column {column} for {name}; {guess.en}", f"交付中没有供 {name} 使用的列 {column};{guess.zh}"
    )


def describe(mapping: Mapping, layer: Layer, frame: pd.DataFrame) -> pd.DataFrame:
    """Tell what an import would do: a row for each field of the layer with source, why, example values, missing values."""
    sources = {s.field: s for s in resolve(mapping, layer, frame)}
    rows = []
    for f in layer.columns:
        if f.name == "edition":
            continue
        s = sources.get(f.name, Source(f.name, by=""))
        text, examples, nulls = "", "", len(frame)
        if s.column is not None:
            column = frame[s.column]
            text = s.column + (f" x {s.scale:g}" if s.scale != 1.0 else "") + (" (translated)" if s.translation else "")
            examples, nulls = ", ".join(str(v) for v in column.dropna().unique()[:3]), int(column.isna().sum())
        elif s.template is not None:
            text, nulls = s.template, 0
        elif s.constant is not None:
            text, nulls = f"= {s.constant}", 0
        rows.append((f.name, f.title.en, f.title.zh, f.required, text, s.by, examples, nulls))
    return pd.DataFrame(rows, columns=["field", "en", "zh", "required", "source", "by", "examples", "nulls"])
