"""Sites out of exchange files: the polygons that a file holds, each with what tells it from the others."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from layers.base import Text
from layers.formats.errors import FormatError
from layers.formats.shapes import REASONS, judge
from layers.formats.vector import Delivery

MOST = 500
"""Features of a file that a site may be chosen from."""
LONGEST = 80
"""Characters of a name."""
NAMES = re.compile(r"(?i)name|title|number|^id$|text|编号|名称|宗地号|地块号|dkbh|dkmc|zddm")
"""Columns whose texts tell features apart."""


class NoSiteError(FormatError):
    """No feature of the file can be a site, or too many could."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A feature of a file that may be a site: its number in the file from 1, its name, its polygon or why it is none."""

    number: int
    name: str
    shape: BaseGeometry | None
    fault: Text | None


def outlines(delivery: Delivery, crs: str) -> tuple[list[Outline], tuple[Text, ...]]:
    """List the features of a file as polygons in `crs`, and notes; NoSiteError names the first feature's fault where none is sound."""
    count = len(delivery.frame)
    if count > MOST:
        raise NoSiteError(
            f"{delivery.name} holds {count} features, more than the {MOST} that a site can be chosen from: save the site alone",
            f"{delivery.name} 含 {count} 个要素,超过可供选择的 {MOST} 个:请单独保存选址",
        )
    judged = judge(delivery, "polygon", CRS.from_user_input(crs), swap_xy=False, repair=False)
    faults = [fault(reason, detail) for reason, detail in zip(judged.marks.reason, judged.marks.detail, strict=True)]
    rows = zip(names(pd.DataFrame(delivery.frame.drop(columns="geometry"))), judged.shapes, faults, strict=True)
    found = [Outline(n, name, None if why else shape, why) for n, (name, shape, why) in enumerate(rows, 1)]
    if (first := faults[0]) is not None and all(faults):
        raise NoSiteError(
            f"{delivery.name}, feature 1: {first.en}; a site is one polygon or multipolygon, draw it anew and save it again",
            f"{delivery.name} 第 1 个要素:{first.zh};选址应为一个面,请重绘后再保存",
        )
    return found, (*delivery.notes, *judged.notes)


def fault(reason: str, detail: str) -> Text | None:
    """Say why a feature cannot be taken; None where it can."""
    if not reason:
        return None
    said = REASONS[reason]
    return Text(f"{said.en} ({detail})", f"{said.zh}({detail})") if detail else said


def names(attributes: pd.DataFrame) -> list[str]:
    """Name features by the texts of at most two columns that look like names; "" where nothing does."""
    named = [c for c in attributes if NAMES.search(str(c))][:2]
    if not named:
        return [""] * len(attributes)
    texts = [attributes[c].astype("string").fillna("").str.strip().to_numpy(object) for c in named]
    return [" · ".join(dict.fromkeys(filter(None, map(str, row))))[:LONGEST] for row in zip(*texts, strict=True)]


def areas(found: list[Outline]) -> list[float | None]:
    """Measure the outlines on the grid of their CRS [CRS unit squared]; None where there is none."""
    size = shapely.area(np.array([o.shape for o in found], object))
    return [None if o.shape is None else float(a) for o, a in zip(found, size, strict=True)]
