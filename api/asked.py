"""The parameters of OGC requests: declared as the document states them, read into what the land is asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Query as Parameter
from pydantic import BaseModel, TypeAdapter, ValidationError, WithJsonSchema

from api.crs import places
from api.models import Moment
from layers.base import names
from layers.collections import Collection, during
from layers.filter.errors import FilterError
from layers.filter.tree import Call, Constant, Node, Property, moment, read
from layers.paging import MOST, Area, Query, both

LIMIT = 100
MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
FORMATS = ("json", "html")
LANGUAGES = ("cql2-text", "cql2-json")


# Parameters are texts here and read below, so that every mistake in one is told alike; the document states their types.
Plain = Annotated[str | None, WithJsonSchema({"type": "string"})]
Count = Annotated[str | None, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT})]
Numbers = Annotated[str | None, WithJsonSchema({"type": "string", "example": "117.0,36.8,117.1,36.9"})]
Format = Annotated[str | None, WithJsonSchema({"type": "string", "enum": list(FORMATS)})]
AsOf = Annotated[str | None, WithJsonSchema({"type": "string", "format": "date-time", "example": "2026-11-01T08:00:00Z"})]
AS_OF = "as the features were known at this moment; a day means its end, a time without zone is UTC"
Language = Annotated[str | None, WithJsonSchema({"type": "string", "enum": list(LANGUAGES), "default": LANGUAGES[0]})]


class Asked(BaseModel):
    """The parameters of `items`."""

    limit: Annotated[Count, Parameter(description=f"features of one page, at most {MOST}; more counts as {MOST}")] = None
    bbox: Annotated[Numbers, Parameter(description="only features that meet this box; west may be east of east")] = None
    bbox_crs: Annotated[Plain, Parameter(alias="bbox-crs", description="CRS of bbox, a URI; default CRS84")] = None
    crs: Annotated[Plain, Parameter(description="CRS of the answer, a URI; default CRS84")] = None
    datetime: Annotated[
        Plain, Parameter(description="only features valid on this day, or between two: 2026-01-01/2026-12-31, ../2026-12-31")
    ] = None
    filter: Annotated[Plain, Parameter(description="only features that meet this condition, in CQL2")] = None
    filter_lang: Annotated[Language, Parameter(alias="filter-lang", description="language of filter")] = None
    filter_crs: Annotated[
        Plain, Parameter(alias="filter-crs", description="CRS of geometries in filter, a URI; default CRS84")
    ] = None
    sortby: Annotated[Plain, Parameter(description="columns to sort by, with commas; - in front turns the order")] = None
    properties: Annotated[Plain, Parameter(description="columns of the answer, with commas")] = None
    as_of: Annotated[AsOf, Parameter(description=AS_OF)] = None
    after: Annotated[Plain, Parameter(description="where the page begins, as `next` gives it")] = None


def query(asked: Asked, more: Mapping[str, str], of: Collection, base: str) -> Query:
    """Read a request: `more` are the parameters named after columns, whose values must be equal. FilterError says what is wrong."""
    columns = None
    if asked.properties is not None:
        columns = tuple(known(of, name) for name in asked.properties.split(",") if name)
    return Query(
        area=area(asked, base),
        node=condition(asked, more, of, base),
        columns=columns,
        order=tuple((known(of, name.lstrip("+-")), name.startswith("-")) for name in (asked.sortby or "").split(",") if name),
        after=None if asked.after is None else unpacked(asked.after),
        limit=limit(asked.limit),
        as_of=past(asked.as_of, of),
    )


def known(of: Collection, name: str) -> str:
    """Pass the name of a column."""
    if name not in names(of.fields):
        some = ", ".join(names(of.fields))
        raise FilterError(
            f"{of.name} has no property {name[:80]!r}; there are {some}", f"{of.name} 没有属性 {name[:80]!r};现有 {some}"
        )
    return name


def limit(value: str | None) -> int:
    """Read how many features a page has; more than `MOST` are `MOST`."""
    if value is None:
        return LIMIT
    if not (value.isascii() and value.isdigit()) or int(value[:20]) < 1:
        raise FilterError(f"limit={value[:40]} is no number from 1 to {MOST}", f"limit={value[:40]} 不是 1 至 {MOST} 的整数")
    return min(int(value[:20]), MOST)


def past(value: str | None, of: Collection) -> datetime | None:
    """Read a moment of knowledge; of what is computed only the present is listed."""
    if value is None:
        return None
    try:
        at = MOMENT.validate_python(value)
    except ValidationError:
        raise FilterError(
            f"as_of={value[:80]} is no day or time; write 2026-11-01T08:00:00Z",
            f"as_of={value[:80]} 不是日期或时间;请写成 2026-11-01T08:00:00Z",
        ) from None
    if of.plot is not None:
        raise FilterError(f"{of.name} is listed as it is now", f"{of.name} 只列出当前内容")
    if of.assessed:
        raise FilterError(
            f"{of.name} is listed as it is known now; ask /plots/{{id}}?as_of= for one plot as it was known",
            f"{of.name} 只列出当前结论;单宗地过去的结论请用 /plots/{{id}}?as_of= 查询",
        )
    return at


def area(asked: Asked, base: str) -> Area | None:
    """Read bbox and bbox-crs."""
    here = places(asked.bbox_crs, base)
    if asked.bbox is None:
        return None
    try:
        numbers = [float(part) for part in asked.bbox.split(",", 6)]
    except ValueError:
        raise FilterError(
            f"bbox={asked.bbox[:80]} is no box; write west,south,east,north",
            f"bbox={asked.bbox[:80]} 不是范围,请写成 西,南,东,北",
        ) from None
    return Area.of(numbers, here)


def condition(asked: Asked, more: Mapping[str, str], of: Collection, base: str) -> Node | None:
    """Join filter, datetime and the parameters named after columns."""
    node = None
    there = places(asked.filter_crs, base)
    language = asked.filter_lang or LANGUAGES[0]
    if language not in LANGUAGES:
        raise FilterError(f"filter-lang is one of {', '.join(LANGUAGES)}", f"filter-lang 应为 {'、'.join(LANGUAGES)} 之一")
    if asked.filter is not None:
        node = read(asked.filter, language, of.kinds, there)
    if asked.datetime is not None:
        node = both(node, during(of, *interval(asked.datetime)))
    for name, value in more.items():
        node = both(node, equal(of, name, value))
    return node


def equal(of: Collection, name: str, value: str) -> Node:
    """Read a parameter named after a column."""
    kind = of.kinds[name]
    wrong = FilterError(f"{name}={value[:80]} cannot be: it is of another type", f"{name}={value[:80]} 类型不符")
    if kind == "number":
        try:
            literal = Constant(float(value), "number")
        except ValueError:
            raise wrong from None
    elif kind == "flag":
        if value not in ("true", "false"):
            raise wrong
        literal = Constant(value == "true", "flag")
    else:
        literal = moment(value) if kind == "date" else Constant(value, "text")
    return Call("=", (Property(name, kind), literal))


def interval(value: str) -> tuple[date | None, date | None]:
    """Read a day, a moment or an interval as the days of its ends; None is open."""
    ends = value.split("/")
    if len(ends) > 2:
        raise FilterError(
            f"datetime={value[:80]} is no day or interval; write 2026-01-01/..",
            f"datetime={value[:80]} 不是日期或时段;请写成 2026-01-01/..",
        )
    days = [None if end in ("", "..") else moment(end).value.astype("datetime64[D]").item() for end in ends]
    if len(ends) == 1 and days[0] is None:
        raise FilterError("datetime is empty; write a day or an interval", "datetime 为空,请写日期或时段")
    first, last = days[0], days[-1]
    if first is not None and last is not None and first > last:
        raise FilterError(f"datetime={value[:80]} ends before it begins", f"datetime={value[:80]} 的终止早于起始")
    return first, last


def packed(key: tuple[Any, ...]) -> str:
    """Write the key of a page into a URL."""
    return base64.urlsafe_b64encode(json.dumps(key, ensure_ascii=False).encode()).decode().rstrip("=")


def unpacked(value: str) -> tuple[Any, ...]:
    """Read the key of a page."""
    try:
        key = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        if isinstance(key, list) and isinstance(key[-1], str) and all(isinstance(k, str | int | float | None) for k in key):
            return tuple(key)
    except (ValueError, IndexError, RecursionError):
        pass
    raise FilterError(
        "after is not what a link `next` gave; begin at the first page", "after 不是 next 链接所给的值,请从第一页开始"
    )
