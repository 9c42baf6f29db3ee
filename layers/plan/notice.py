"""The content of a listing's notice: sections of rows, each a label and a value in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple

from layers.base import Field, Text
from layers.ledger.listings import CONTRACT, LAYER, LOT, MONEY, NOTICE
from layers.plan.bounds import Bound, worded
from layers.plan.listing import DERIVED, NEEDED, TERMS, Listing, Value
from layers.units import mu

GENERATED = Text("GENERATED DATA, not real land", "生成数据,并非真实地块")
UNITS = {
    "%": Text(" %", "%"),
    "m": Text(" m", "米"),
    "10^4 CNY/mu": Text(" × 10,000 CNY/mu", "万元/亩"),
    "a": Text(" years", "年"),
}


class Section(NamedTuple):
    """A part of a notice."""

    title: Text
    rows: tuple[tuple[Text, Text], ...]


def said(what: Field, value: Value) -> Text:
    """Write a term as the notice prints it."""
    if what.codes is not None:
        name = what.codes[str(value)].name if str(value) in what.codes else Text(str(value), str(value))
        return Text(f"{name.en} ({value})", f"{name.zh}({value})") if what.name == "use_code" else name
    if isinstance(value, bool):
        return Text("yes", "是") if value else Text("no", "否")
    if what.unit == MONEY and isinstance(value, int):
        return Text(f"CNY {value:,}", f"{value / 10_000:,.12g}万元")
    if what.name == "area" and isinstance(value, float):
        return Text(f"{value:,.2f} m² ({mu(value):,.2f} mu)", f"{value:,.2f}㎡({mu(value):,.2f}亩)")
    unit = UNITS.get(what.unit, Text("", ""))
    if isinstance(value, Bound):
        return worded(value, unit)
    if isinstance(value, date):
        return Text(str(value), f"{value.year}年{value.month}月{value.day}日")
    return Text(f"{value}{unit.en}", f"{value}{unit.zh}")


def notice(listing: Listing, land: Text, evidence: Iterable[tuple[Text, Text]] = ()) -> tuple[Section, ...]:
    """List the sections of a notice. `land`: the state of the land in words; `evidence`: what the statement rests on."""

    def rows(fields: Iterable[Field]) -> Iterator[tuple[Text, Text]]:
        return ((f.title, said(f, listing.terms[f.name])) for f in fields if f.name in listing.terms)

    number = Text(listing.plot, listing.plot)
    lot = [(LAYER.field("plot").title, number), *rows(LOT), (Text("State of the land", "土地现状"), land)]
    sections = [
        Section(Text("Notice", "公告"), tuple(rows(NOTICE))),
        Section(Text("Lot", "宗地"), tuple(lot)),
        Section(Text("Contract", "合同"), tuple(rows(CONTRACT))),
        Section(
            Text("Scheme", "方案"),
            tuple((Text(f.name, f.name), Text(f"SHA-256 {f.sha256}", f"SHA-256 {f.sha256}")) for f in listing.scheme),
        ),
        Section(Text("Published by override", "经改判发布"), tuple(overridden(listing))),
        Section(Text("Evidence", "依据"), tuple(evidence)),
    ]
    return tuple(s for s in sections if s.rows)


def overridden(listing: Listing) -> Iterator[tuple[Text, Text]]:
    """List what an override passed over, and its reason."""
    if listing.override:
        yield from ((Text("Passed over", "不符事项"), fault) for fault in listing.faults)
        yield Text("Reason", "理由"), Text(listing.override, listing.override)


def body(listing: Listing, land: Text) -> dict[str, Any]:
    """Write a listing for programs: each term with its title, value, unit, words, and as one types it."""
    return {
        "id": listing.id,
        "plot": listing.plot,
        "state": listing.state,
        "published_on": listing.published_on and str(listing.published_on),
        "land": land._asdict(),
        "terms": {name: _term(TERMS[name], value) for name, value in listing.terms.items()},
        "scheme": [{"name": f.name, "size": f.size, "sha256": f.sha256} for f in listing.scheme],
        "override": listing.override or None,
        "faults": [fault._asdict() for fault in listing.faults],
    }


def printed(sections: Iterable[Section]) -> list[dict[str, Any]]:
    """Write the sections of a notice for programs."""
    return [
        {"title": section.title._asdict(), "rows": [[label._asdict(), value._asdict()] for label, value in section.rows]}
        for section in sections
    ]


def _term(what: Field, value: Value) -> dict[str, Any]:
    """Write one term; a bound is told by its least and most, null where open."""
    plain: Any = value
    if isinstance(value, Bound):
        finite = {"min": value.min, "max": value.max}
        plain = {k: v if abs(v) != float("inf") else None for k, v in finite.items()}
        plain |= {"min_incl": value.min_incl, "max_incl": value.max_incl}
    elif isinstance(value, date):
        plain = str(value)
    typed = f"{value}{'%' if what.unit == '%' else ''}" if isinstance(value, Bound) else str(value)
    return {"title": what.title._asdict(), "value": plain, "unit": what.unit, "said": said(what, value)._asdict(), "typed": typed}


def form() -> dict[str, Any]:
    """Describe the form of a notice: which terms stand together, without those that the plot gives, and which must be said."""
    sections = ((Text("Notice", "公告"), NOTICE), (Text("Lot", "宗地"), LOT), (Text("Contract", "合同"), CONTRACT))
    return {
        "sections": [
            {"title": title._asdict(), "terms": [f.name for f in fields if f.name not in DERIVED]} for title, fields in sections
        ],
        "needed": [name for name in NEEDED if name not in DERIVED],
    }
