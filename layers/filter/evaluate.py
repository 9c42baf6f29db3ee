"""Filters over frames, all features at once, in three-valued logic: what is missing is unknown, and unknown is no hit."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from layers.filter.tree import OPEN, Call, Constant, Node, Property

Flags = NDArray[np.bool_]
DAY = np.timedelta64(1, "D") - np.timedelta64(1, "us")
EARLIEST, LATEST = (np.datetime64(day, "us") for day in ("-9999-01-01", "9999-12-31"))


class Truth(NamedTuple):
    """What is true and what is false of each feature; the rest is unknown."""

    yes: Flags
    no: Flags


class Values(NamedTuple):
    """A value of each feature, shape (n,), and where it is known."""

    data: NDArray[Any]
    known: Flags


class Span(NamedTuple):
    """The beginning and end of each feature's time, both inside; a moment is one with two equal ends."""

    begin: NDArray[np.datetime64]
    end: NDArray[np.datetime64]
    known: Flags
    days: bool


def holds(node: Node, frame: gpd.GeoDataFrame) -> Flags:
    """Tell for which features a filter is true; memory grows with the features and the depth of the filter."""
    return truth(node, frame).yes


def truth(node: Node, frame: gpd.GeoDataFrame) -> Truth:
    """Find what is true and what is false by a condition."""
    if not isinstance(node, Call):
        found = values(node, frame)
        wanted = found.data.astype(bool)
        return Truth(found.known & wanted, found.known & ~wanted)
    if node.op == "not":
        inner = truth(node.args[0], frame)
        return Truth(inner.no, inner.yes)
    if node.op in ("and", "or"):
        parts = [truth(arg, frame) for arg in node.args]
        every, some = np.logical_and.reduce, np.logical_or.reduce
        yes, no = [p.yes for p in parts], [p.no for p in parts]
        return Truth(every(yes), some(no)) if node.op == "and" else Truth(some(yes), every(no))
    if node.op == "isnull":
        known = values(node.args[0], frame).known
        return Truth(~known, known)
    return settled(*relation(node, frame))


def settled(found: Flags, known: Flags) -> Truth:
    """Make a truth of what was found where it is known."""
    return Truth(found & known, ~found & known)


def relation(node: Call, frame: gpd.GeoDataFrame) -> tuple[Flags, Flags]:
    """Evaluate an operator on values: what it says, and where it can say anything."""
    if node.op in TIMES:
        a, b = (span(arg, frame) for arg in node.args)
        if not (a.days and b.days):
            a, b = (s._replace(end=s.end + DAY) if s.days else s for s in (a, b))
        return np.asarray(TIMES[node.op](a, b), bool), a.known & b.known
    if node.op in PLACES:
        return placed(node, frame)
    operands = [values(arg, frame) for arg in node.args]
    if node.op == "in":
        return among(operands)
    known = np.logical_and.reduce([o.known for o in operands])
    if node.op == "between":
        inside = (part(operator.ge, operands[0], operands[1], known), part(operator.le, operands[0], operands[2], known))
        return np.logical_and(*inside), known
    if node.op == "like":
        return like(operands[0], operands[1], known), known
    return part(ORDER[node.op], operands[0], operands[1], known), known


ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def part(op: Callable[[Any, Any], Any], a: Values, b: Values, known: Flags) -> Flags:
    """Compare what is known; text by code points."""
    found = np.zeros(len(known), bool)
    found[known] = op(a.data[known], b.data[known])
    return found


def among(operands: list[Values]) -> tuple[Flags, Flags]:
    """Tell which values are in a list; where one of the list is unknown, so is a miss."""
    value, *listed = operands
    hits, sure = np.zeros(len(value.known), bool), value.known.copy()
    for one in listed:
        both = value.known & one.known
        hits |= part(operator.eq, value, one, both)
        sure &= both
    return hits, sure | hits


def like(text: Values, pattern: Values, known: Flags) -> Flags:
    """Match texts with patterns, each distinct pair once."""
    found = np.zeros(len(known), bool)
    numbers, distinct = pd.factorize(text.data[known])
    wanted, patterns = pd.factorize(pattern.data[known])
    hits = np.zeros(len(numbers), bool)
    for k, one in enumerate(patterns):
        match, mine = matcher(one), wanted == k
        hits[mine] = np.array([match(t) for t in distinct], bool)[numbers[mine]]
    found[known] = hits
    return found


def matcher(pattern: str) -> Callable[[str], bool]:
    """Make the test of a LIKE pattern: % is any text, _ any character, a backslash takes what follows as it is.

    What lies between two % is found from left to right, never sought again, so that no pattern takes long.
    """
    parts: list[list[str]] = [[]]
    for sign in re.findall(r"\\?.", pattern, re.DOTALL):
        if sign == "%":
            parts.append([])
        else:
            parts[-1].append("." if sign == "_" else re.escape(sign[-1]))
    first, *middle = [re.compile("".join(part), re.DOTALL) for part in parts]
    if not middle:
        return lambda text: first.fullmatch(text) is not None
    last, size = middle.pop(), len(parts[-1])

    def test(text: str) -> bool:
        met = first.match(text)
        for part in middle:
            met = part.search(text, met.end()) if met else None
        return met is not None and met.end() <= len(text) - size and last.match(text, len(text) - size) is not None

    return test


def values(node: Node, frame: gpd.GeoDataFrame) -> Values:
    """Evaluate an operand."""
    count = len(frame)
    if isinstance(node, Property):
        return column(frame, node)
    if isinstance(node, Constant):
        data = np.full(count, node.value, object if node.kind in ("text", "geometry") else None)
        return Values(data, np.ones(count, bool))
    if node.kind == "flag":
        found = truth(node, frame)
        return Values(found.yes, found.yes | found.no)
    if node.kind == "interval":
        found_span = span(node, frame)
        return Values(found_span.begin, found_span.known)
    if node.op in FOLDED:
        return folded(FOLDED[node.op], values(node.args[0], frame))
    a, b = (values(arg, frame) for arg in node.args)
    with np.errstate(all="ignore"):
        result = np.asarray(ARITHMETIC[node.op](a.data.astype(np.float64), b.data.astype(np.float64)))
    return Values(result, a.known & b.known & np.isfinite(result))


def column(frame: gpd.GeoDataFrame, of: Property) -> Values:
    """Read a column; what is missing is not known."""
    if of.kind == "geometry":
        shapes = frame.geometry.to_numpy()
        return Values(shapes, ~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    series = frame[of.name]
    known = np.array(series.notna(), bool)
    if of.kind in ("date", "timestamp"):
        moments = series.dt.tz_convert(None) if isinstance(series.dtype, pd.DatetimeTZDtype) else series
        return Values(moments.to_numpy("datetime64[us]"), known)
    if of.kind == "number":
        return Values(pd.to_numeric(series).to_numpy(np.float64, na_value=np.nan), known)
    data = np.full(len(series), "" if of.kind == "text" else False, object)
    data[known] = series[known].to_numpy(object)
    return Values(data, known)


def bare(text: str) -> str:
    """Take the accents off a text."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


FOLDED: Mapping[str, Callable[[str], str]] = {"casei": str.casefold, "accenti": bare}
ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.fmod, "^": np.power,
    "div": lambda a, b: np.trunc(np.divide(a, b)),
}  # fmt: skip


def folded(fold: Callable[[str], str], text: Values) -> Values:
    """Fold texts, each distinct one once."""
    numbers, distinct = pd.factorize(text.data)
    return Values(np.array([fold(t) for t in distinct], object)[numbers], text.known)


def span(node: Node, frame: gpd.GeoDataFrame) -> Span:
    """Evaluate a time; ".." is before or behind all others."""
    if isinstance(node, Call):
        first, last = node.args
        begin = values(Constant(EARLIEST, "date") if is_open(first) else first, frame)
        end = values(Constant(LATEST, "date") if is_open(last) else last, frame)
        return Span(begin.data, end.data, begin.known & end.known, all(is_open(a) or a.kind == "date" for a in node.args))
    found = values(node, frame)
    return Span(found.data, found.data, found.known, node.kind == "date")


def is_open(node: Node) -> bool:
    """Tell whether an end of an interval is left open."""
    return isinstance(node, Constant) and isinstance(node.value, str) and node.value == OPEN


TIMES: Mapping[str, Callable[[Span, Span], Any]] = {
    "t_after": lambda a, b: a.begin > b.end,
    "t_before": lambda a, b: a.end < b.begin,
    "t_contains": lambda a, b: (a.begin < b.begin) & (a.end > b.end),
    "t_disjoint": lambda a, b: (a.begin > b.end) | (a.end < b.begin),
    "t_during": lambda a, b: (a.begin > b.begin) & (a.end < b.end),
    "t_equals": lambda a, b: (a.begin == b.begin) & (a.end == b.end),
    "t_finishedby": lambda a, b: (a.begin < b.begin) & (a.end == b.end),
    "t_finishes": lambda a, b: (a.begin > b.begin) & (a.end == b.end),
    "t_intersects": lambda a, b: (a.begin <= b.end) & (a.end >= b.begin),
    "t_meets": lambda a, b: a.end == b.begin,
    "t_metby": lambda a, b: a.begin == b.end,
    "t_overlappedby": lambda a, b: (a.begin > b.begin) & (a.begin < b.end) & (a.end > b.end),
    "t_overlaps": lambda a, b: (a.begin < b.begin) & (a.end > b.begin) & (a.end < b.end),
    "t_startedby": lambda a, b: (a.begin == b.begin) & (a.end > b.end),
    "t_starts": lambda a, b: (a.begin == b.begin) & (a.end < b.end),
}
PLACES: Mapping[str, Callable[[Any, Any], Any]] = {
    "s_intersects": shapely.intersects, "s_disjoint": shapely.disjoint, "s_contains": shapely.contains,
    "s_within": shapely.within, "s_equals": shapely.equals, "s_touches": shapely.touches, "s_crosses": shapely.crosses,
    "s_overlaps": shapely.overlaps,
}  # fmt: skip
TURNED = {"s_contains": "s_within", "s_within": "s_contains"}


def placed(node: Call, frame: gpd.GeoDataFrame) -> tuple[Flags, Flags]:
    """Evaluate a relation of places; a constant is prepared once and asked about all features."""
    op, (a, b) = node.op, node.args
    if isinstance(b, Constant) and not isinstance(a, Constant):
        op, a, b = TURNED.get(op, op), b, a
    other = values(b, frame)
    if isinstance(a, Constant):
        shapely.prepare(a.value)
        one, known = a.value, other.known
    else:
        left = values(a, frame)
        one, known = left.data, left.known & other.known
    try:
        return np.asarray(PLACES[op](one, other.data), bool), known
    except shapely.errors.GEOSException:
        # an outline that crosses itself: its relations are those of the land that it means
        mended = [shapely.make_valid(shapes) for shapes in (one, other.data)]
        return np.asarray(PLACES[op](*mended), bool), known
