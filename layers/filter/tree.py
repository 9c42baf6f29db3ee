"""A filter, read from text or JSON and checked against the columns that there are, before any data is touched."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

import numpy as np
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from geo.crs import in_reach, is_same, transform
from layers.filter import text
from layers.filter.errors import FilterError
from layers.words import Text

Kind = Literal["flag", "text", "number", "date", "timestamp", "interval", "geometry"]
KINDS: Mapping[Kind, Text] = {
    "flag": Text("true or false", "是否值"),
    "text": Text("a text", "文本"),
    "number": Text("a number", "数"),
    "date": Text("a day", "日期"),
    "timestamp": Text("a moment", "时刻"),
    "interval": Text("an interval", "时段"),
    "geometry": Text("a geometry", "几何"),
}
OPERATORS = 256
"""Operators that a filter may have: each costs a pass over the features."""
ARITHMETIC = ("+", "-", "*", "/", "%", "div", "^")
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
SPATIAL = ("s_intersects", "s_disjoint", "s_contains", "s_within", "s_equals", "s_touches", "s_crosses", "s_overlaps")
TIMES: tuple[Kind, ...] = ("date", "timestamp", "interval")
TEMPORAL = (
    "t_after", "t_before", "t_contains", "t_disjoint", "t_during", "t_equals", "t_finishedby", "t_finishes", "t_intersects",
    "t_meets", "t_metby", "t_overlappedby", "t_overlaps", "t_startedby", "t_starts",
)  # fmt: skip
SIGNATURES: Mapping[str, tuple[tuple[Kind, ...], Kind]] = {
    "not": (("flag",), "flag"),
    "isnull": ((), "flag"),
    "casei": (("text",), "text"),
    "accenti": (("text",), "text"),
    "like": (("text",), "flag"),
    **dict.fromkeys(ARITHMETIC, (("number",), "number")),
    **dict.fromkeys(SPATIAL, (("geometry",), "flag")),
    **dict.fromkeys(TEMPORAL, (TIMES, "flag")),
}
"""Of each operator what its operands may be (nothing: anything) and what it gives."""
OPEN = ".."
EDGES = 32
"""Parts into which the longest edge of a bbox is cut."""


@dataclass(frozen=True, slots=True)
class Property:
    """A column."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant: bool, float, str, a moment (datetime64, UTC) or a geometry in the CRS of the features."""

    value: Any
    kind: Kind


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or a function with its operands."""

    op: str
    args: tuple[Node, ...]
    kind: Kind = "flag"


Node = Property | Constant | Call


@dataclass(frozen=True, slots=True)
class Places:
    """Where geometries of a filter are: their CRS, whether it puts north first, and the CRS of the features."""

    crs: object = "OGC:CRS84"
    north_first: bool = False
    to: object = "OGC:CRS84"

    def moved(self, shape: BaseGeometry) -> BaseGeometry:
        """Move a geometry to where the features are."""
        flat = shapely.force_2d(shape)
        turned = shapely.transform(flat, lambda xy: xy[:, ::-1]) if self.north_first else flat
        near = turned if is_same(self.crs, self.to) else in_reach(turned, self.crs, self.to)
        found: BaseGeometry = transform(np.array([near], object), self.crs, self.to)[0]
        return found

    def box(self, values: Any) -> BaseGeometry:
        """Make the polygon of a bbox of 4 numbers, or 6 with heights, in this CRS and axis order; FilterError where it is none.

        West of west is legal in degrees: the box then crosses the 180th meridian. Its edges get points, as they are curves
        elsewhere.
        """
        numbers = [as_float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) not in (4, 6) or len(values) != len(numbers) or not np.isfinite(numbers).all():
            raise FilterError("a bbox has four numbers, or six with heights", "bbox 应为四个数,带高程时为六个")
        half = len(numbers) // 2
        low, high = numbers[:2], numbers[half : half + 2]
        west, east = (low[1], high[1]) if self.north_first else (low[0], high[0])
        south, north = (low[0], high[0]) if self.north_first else (low[1], high[1])
        if south > north or (west > east and not CRS.from_user_input(self.crs).is_geographic):
            raise FilterError("the corners of a bbox are swapped: lower ones first", "bbox 角点颠倒:应先小后大")
        parts = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        boxes = [shapely.box(a, south, b, north) for a, b in parts]
        land = boxes[0] if len(boxes) == 1 else shapely.union_all(boxes)
        if not is_same(self.crs, self.to):
            land = shapely.segmentize(land, max((east - west) % 360 if west > east else east - west, north - south, 1e-9) / EDGES)
        return shapely.transform(land, lambda xy: xy[:, ::-1]) if self.north_first else land


def read(source: str, language: str, columns: Mapping[str, Kind], places: Places) -> Node:
    """Read a filter in `language` (cql2-text or cql2-json) about columns of the kinds given; FilterError says what is wrong."""
    tree = text.parse(source) if language == "cql2-text" else from_json(source)
    return Checker(columns, places).condition(tree)


def from_json(source: str) -> Any:
    """Read CQL2 JSON; FilterError where it is too long, nests too deep or is none."""
    depth = deepest = 0
    for sign in source[: text.LENGTH + 1]:
        depth += (sign in "[{") - (sign in "]}")
        deepest = max(deepest, depth)
    if len(source.encode()) > text.LENGTH or deepest > 2 * text.DEPTH:
        raise FilterError(
            f"the filter is longer than {text.LENGTH} bytes or nests deeper than {text.DEPTH}; simplify it",
            f"过滤条件超过 {text.LENGTH} 字节或嵌套超过 {text.DEPTH} 层,请简化",
        )
    try:
        return json.loads(source, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise FilterError(
            'the filter is no JSON; write for example {"op": "=", "args": [{"property": "status"}, "ready"]}',
            '过滤条件不是 JSON;例如 {"op": "=", "args": [{"property": "status"}, "ready"]}',
        ) from None


def no_constant(name: str) -> None:
    """Refuse what JSON does not know: NaN and Infinity."""
    raise ValueError(name)


class Checker:
    """Checks a tree node by node."""

    def __init__(self, columns: Mapping[str, Kind], places: Places) -> None:
        self._columns, self._places = columns, places
        self._operators = self._depth = 0

    def condition(self, tree: Any) -> Node:
        """Check a whole filter, which is true or false."""
        return self._of(tree, ("flag",))

    def _of(self, tree: Any, kinds: Sequence[Kind]) -> Node:
        """Check a node that must be of one of some kinds; a text may stand for a day or a moment."""
        node = self._node(tree)
        if (
            node.kind not in kinds
            and node.kind == "text"
            and isinstance(node, Constant)
            and ("date" in kinds or "timestamp" in kinds)
        ):
            node = moment(node.value)
        if node.kind not in kinds:
            found, wanted = KINDS[node.kind], KINDS[kinds[0]]
            raise FilterError(
                f"the filter has {found.en} ({shown(tree)}) where {wanted.en} belongs",
                f"过滤条件中 {shown(tree)} 是{found.zh},此处应为{wanted.zh}",
            )
        return node

    def _node(self, tree: Any) -> Node:
        """Check a node of any kind."""
        self._depth += 1
        if self._depth > text.DEPTH:
            raise FilterError(
                f"the filter nests deeper than {text.DEPTH}; simplify it", f"过滤条件嵌套超过 {text.DEPTH} 层,请简化"
            )
        node = self._call(tree) if isinstance(tree, dict) and "op" in tree else self._leaf(tree)
        self._depth -= 1
        return node

    def _leaf(self, tree: Any) -> Node:
        """Check a column or a constant."""
        if isinstance(tree, bool | str):
            return Constant(tree, "flag" if isinstance(tree, bool) else "text")
        if isinstance(tree, int | float) and math.isfinite(as_float(tree)):
            return Constant(as_float(tree), "number")
        if isinstance(tree, BaseGeometry):
            return self._shape(tree)
        found = self._told(tree) if isinstance(tree, dict) else None
        if found is None:
            raise FilterError(
                f"the filter has {shown(tree)}, which is nothing in CQL2", f"过滤条件中的 {shown(tree)} 在 CQL2 中无意义"
            )
        return found

    def _told(self, tree: Mapping[str, Any]) -> Node | None:
        """Check an object that is no operator; None where it is nothing."""
        for name, kind in (("property", str), ("date", str), ("timestamp", str), ("interval", list), ("bbox", list)):
            if isinstance(tree.get(name), kind):
                return self._member(name, tree[name])
        return self._shape(from_geojson(tree)) if "coordinates" in tree or "geometries" in tree else None

    def _member(self, name: str, value: Any) -> Node:
        """Check an object by its member."""
        if name == "property":
            return self._property(value)
        if name == "interval":
            if len(value) != 2:
                raise FilterError(
                    "an interval has two ends; write interval('2026-01-01', '..')",
                    "时段应有两端,请写成 interval('2026-01-01', '..')",
                )
            return Call(name, tuple(self._end(end) for end in value), "interval")
        return self._shape(self._places.box(value), strict=False) if name == "bbox" else moment(value)

    def _property(self, name: str) -> Property:
        """Find a column."""
        if name not in self._columns:
            some = ", ".join(self._columns)
            raise FilterError(f"there is no property {name[:80]!r}; there are {some}", f"没有属性 {name[:80]!r};现有 {some}")
        return Property(name, self._columns[name])

    def _end(self, tree: Any) -> Node:
        """Check the beginning or the end of an interval; ".." is open."""
        return Constant(OPEN, "date") if tree == OPEN else self._of(tree, ("date", "timestamp"))

    def _shape(self, shape: BaseGeometry, strict: bool = True) -> Constant:
        """Check a geometry and move it to where the features are; a box may be flat."""
        if shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
            raise FilterError("a geometry of the filter is empty or not finite", "过滤条件中的几何为空或非有限数")
        if strict and not shape.is_valid:
            why = shapely.is_valid_reason(shape)
            raise FilterError(f"a geometry of the filter is invalid: {why}", f"过滤条件中的几何无效:{why}")
        return Constant(self._places.moved(shape), "geometry")

    def _call(self, tree: Mapping[str, Any]) -> Node:
        """Check an operator and its operands."""
        self._operators += 1
        if self._operators > OPERATORS:
            raise FilterError(
                f"the filter has more than {OPERATORS} operators; use IN, or ask in parts",
                f"过滤条件的运算符超过 {OPERATORS} 个;请用 IN,或分次请求",
            )
        op, args = str(tree["op"]).lower(), tree.get("args")
        if not isinstance(args, list) or not args:
            raise FilterError(f"{op[:80]} has no operands in the filter", f"过滤条件中 {op[:80]} 没有运算对象")
        if op in ("and", "or"):
            return Call(op, tuple(self._of(a, ("flag",)) for a in args))
        wanted = {"not": 1, "isnull": 1, "casei": 1, "accenti": 1, "between": 3}.get(op, 2)
        if len(args) != wanted:
            raise FilterError(
                f"{op[:80]} takes {wanted} operands, not {len(args)}", f"{op[:80]} 应有 {wanted} 个运算对象,而不是 {len(args)} 个"
            )
        return self._applied(op, args)

    def _applied(self, op: str, args: list[Any]) -> Node:
        """Check an operator of a fixed number of operands."""
        if op in SIGNATURES:
            kinds, result = SIGNATURES[op]
            return Call(op, tuple(self._of(a, kinds) if kinds else self._node(a) for a in args), result)
        if op in COMPARISONS or op == "between":
            return Call(op, self._alike(args))
        if op == "in" and isinstance(args[1], list) and args[1]:
            return Call(op, self._alike([args[0], *args[1]]))
        there = ", ".join((*SIGNATURES, *COMPARISONS, "between", "in"))
        raise FilterError(
            f"{op[:80]!r} is no operator or function here; there are {there}", f"{op[:80]!r} 不是可用的运算符或函数;可用 {there}"
        )

    def _alike(self, trees: Sequence[Any]) -> tuple[Node, ...]:
        """Check operands that are compared: all of one kind, days and moments being one."""
        nodes = [self._node(tree) for tree in trees]
        kind = next((n.kind for n in nodes if not isinstance(n, Constant)), nodes[0].kind)
        kinds: tuple[Kind, ...] = ("date", "timestamp") if kind in ("date", "timestamp") else (kind,)
        if kind in ("geometry", "interval"):
            raise FilterError(
                f"{KINDS[kind].en} is compared by the functions s_... and t_... only",
                f"{KINDS[kind].zh}只能用 s_… 和 t_… 函数比较",
            )
        return tuple(n if n.kind in kinds else self._of(tree, kinds) for n, tree in zip(nodes, trees, strict=True))


def properties(node: Node | None) -> set[str]:
    """Name the columns that a filter looks at."""
    if isinstance(node, Call):
        return {name for arg in node.args for name in properties(arg)}
    return {node.name} if isinstance(node, Property) else set()


def print_of(node: Node | None) -> str:
    """Write a filter so that no other has the same words."""
    if isinstance(node, Call):
        return f"{node.op}({','.join(map(print_of, node.args))})"
    if isinstance(node, Constant):
        return node.value.wkb_hex if isinstance(node.value, BaseGeometry) else f"{node.kind}:{node.value!r}"
    return repr(node)


def as_float(value: float) -> float:
    """Turn a number into a float; one beyond them all is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def shown(tree: Any) -> str:
    """Show a part of a filter, cut short."""
    return f"{tree.get('property', '') if isinstance(tree, dict) else tree}"[:80] or "…"


def moment(value: str) -> Constant:
    """Read a day, or a moment (UTC where it names no zone); FilterError where it is neither."""
    try:
        if len(value) == 10:
            return Constant(np.datetime64(date.fromisoformat(value), "us"), "date")
        at = datetime.fromisoformat(value)
    except ValueError:
        raise FilterError(
            f"{value[:80]!r} is no day or moment; write 2026-11-22 or 2026-11-22T08:00:00Z",
            f"{value[:80]!r} 不是日期或时刻;请写成 2026-11-22 或 2026-11-22T08:00:00Z",
        ) from None
    utc = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return Constant(np.datetime64(utc, "us"), "timestamp")


def from_geojson(tree: Mapping[str, Any]) -> BaseGeometry:
    """Read a GeoJSON geometry; FilterError where it is none."""
    try:
        return shapely.from_geojson(json.dumps(tree))
    except (shapely.errors.GEOSException, TypeError, ValueError):
        raise FilterError("a geometry of the filter is no GeoJSON", "过滤条件中的几何不是 GeoJSON") from None
