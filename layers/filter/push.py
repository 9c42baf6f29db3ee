"""What of a filter a store can do itself: simple comparisons and a box that all hits meet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, get_args

from shapely.geometry.base import BaseGeometry

from layers.filter.tree import COMPARISONS, Call, Constant, Node, Property
from layers.store.base import Box, Compare, Op

MET = ("s_intersects", "s_contains", "s_within", "s_equals", "s_touches", "s_crosses", "s_overlaps")
SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def pushed(node: Node | None, columns: Collection[str]) -> tuple[list[Compare], Box | None]:
    """Find conditions on `columns`, and a box in the CRS of the features, that every feature meets for which a filter is true.

    They need not say all that the filter says.
    """
    where, boxes = [], []
    for part in conjuncts(node):
        where += conditions(part, columns)
        boxes += [shape.bounds for shape in met(part)]
    return where, meet(boxes)


def exact(node: Node | None, columns: Collection[str]) -> bool:
    """Tell whether the conditions that are pushed say all that a filter says."""
    return all(conditions(part, columns) for part in conjuncts(node))


def conjuncts(node: Node | None) -> list[Node]:
    """List the conditions that must all hold."""
    if node is None:
        return []
    return [p for arg in node.args for p in conjuncts(arg)] if isinstance(node, Call) and node.op == "and" else [node]


def meet(boxes: Collection[Box]) -> Box | None:
    """Intersect boxes; None where there are none. Boxes that do not meet give one with its corners swapped, which finds nothing."""
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return max(west), max(south), min(east), min(north)


def met(node: Node) -> list[BaseGeometry]:
    """Find the geometry that features must meet for a spatial relation to hold."""
    if not isinstance(node, Call) or node.op not in MET:
        return []
    fixed = [arg.value for arg in node.args if isinstance(arg, Constant)]
    return [shape for shape in fixed if not shape.is_empty] if len(fixed) == 1 else []


def conditions(node: Node, columns: Collection[str]) -> list[Compare]:
    """Write a condition as comparisons; none where that cannot be done."""
    if not isinstance(node, Call):
        return []
    op, args = node.op, node.args
    if op == "not" and isinstance(args[0], Call) and args[0].op == "isnull":
        return compared(args[0].args[0], "known", (), columns)
    if op == "isnull":
        return compared(args[0], "missing", (), columns)
    if op == "between":
        low, high = (compared(args[0], o, [a], columns) for o, a in ((">=", args[1]), ("<=", args[2])))
        return [*low, *high] if low and high else []
    if op == "in":
        return compared(args[0], "in", args[1:], columns)
    if op in COMPARISONS:
        return compared(args[0], op, args[1:], columns) or compared(args[1], SWAPPED.get(op, op), args[:1], columns)
    return []


def compared(node: Node, op: str, literals: Collection[Node], columns: Collection[str]) -> list[Compare]:
    """Compare a stored column with constants of its own kind."""
    if not isinstance(node, Property) or node.name not in columns or node.kind not in ("text", "number", "date"):
        return []
    values = [plain(a) for a in literals if isinstance(a, Constant) and a.kind == node.kind]
    if len(values) < len(literals):
        return []
    assert op in get_args(Op)
    return [Compare(node.name, op, tuple(values) if op == "in" else values[0] if values else None)]  # type: ignore[arg-type]


def plain(literal: Constant) -> Any:
    """Turn a constant into a value of Python."""
    return date.fromisoformat(str(literal.value)[:10]) if literal.kind == "date" else literal.value
