"""A listing: its terms as typed values, what in them contradicts itself, and the states that it goes through."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

import pandas as pd

from layers.base import Field, Text
from layers.errors import Refusal
from layers.ledger.listings import BOUNDS, CONTRACT, LOT, MONEY, NOTICE
from layers.plan.bounds import Bound, bound
from layers.plan.sheet import Sheet
from layers.plan.supply import SEVERITIES
from layers.standards import Rulebook

Value = str | int | float | bool | date | Bound
TERMS: Mapping[str, Field] = {f.name: f for f in (*NOTICE, *LOT, *CONTRACT)}
DERIVED = ("area",)
"""Terms that the plot gives and nobody sets."""
NEEDED = (
    "notice_no", "grantor", "authority", "announced_on", "registration_from", "registration_to", "deposit_by", "listing_from",
    "listing_to", "platform", "award", "contact", "location", "area", "use_code", "tenure_years", "far", "green_ratio", "start_price",
    "increment", "deposit", "level", "handover_on",
)  # fmt: skip
"""Terms without which no listing is reviewed."""
MOVES: Mapping[tuple[str, str], str] = {
    ("draft", "reviewed"): "planner",
    ("reviewed", "draft"): "planner",
    ("reviewed", "published"): "approver",
    ("published", "withdrawn"): "approver",
    ("published", "sold"): "approver",
}
"""From which state to which a listing goes, and the least role for it."""
FLAGS = {
    "yes": True,
    "true": True,
    "是": True,
    "有": True,
    "1": True,
    "no": False,
    "false": False,
    "否": False,
    "无": False,
    "0": False,
}
SUM = re.compile(r"(\d+(?:\.\d+)?)\s*(万元|万|元|CNY)?")
UNIT_CODE = re.compile(r"\d{12}[A-Z]{2}\d{5}[FLQW]\d{8}")


class Wrong(NamedTuple):
    """What is wrong with terms: the names of those that it is said of, and the words."""

    terms: tuple[str, ...]
    text: Text


class BadTermsError(Refusal):
    """Terms of a listing cannot be read, lack or contradict each other; `terms` says of each by its name what is wrong with it."""

    def __init__(self, en: str, zh: str, wrong: Iterable[Wrong] = ()) -> None:
        super().__init__(en, zh)
        told: dict[str, list[Text]] = {}
        for each in wrong:
            for name in each.terms:
                told.setdefault(name, []).append(each.text)
        self.terms = {name: joined(texts) for name, texts in told.items()}


class NoMoveError(Refusal):
    """A listing cannot go from its state to the one that was asked for."""


class FaultyError(Refusal):
    """A plot is not as its listing says, and no override passes over that."""


@dataclass(frozen=True, slots=True)
class SchemeFile:
    """A file of the scheme that a listing binds: its name, size [bytes] and SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing. `terms`: by field, what is not said is not there; `faults`: what its override passed over."""

    id: str
    plot: str
    state: str
    terms: Mapping[str, Value] = field(default_factory=dict)
    override: str = ""
    faults: tuple[Text, ...] = ()
    scheme: tuple[SchemeFile, ...] = ()
    published_on: date | None = None
    entry: int | None = None

    def bound(self, name: str) -> Bound:
        """Give a term that is a bound; where it is not said every number meets it."""
        found = self.terms.get(name)
        return found if isinstance(found, Bound) else Bound()


def joined(texts: Iterable[Text]) -> Text:
    """Say several things in one sentence."""
    told = list(texts)
    return Text("; ".join(t.en for t in told), ";".join(t.zh for t in told))


def terms(said: Mapping[str, str]) -> dict[str, Value]:
    """Read terms as somebody wrote them; BadTermsError tells of all that do not read."""
    made: dict[str, Value] = {}
    wrong = []
    for name, text in said.items():
        try:
            made[name] = term(name, text)
        except Refusal as refused:
            wrong.append(Wrong((name,), refused.text))
    if wrong:
        told = joined(w.text for w in wrong)
        raise BadTermsError(f"terms do not read: {told.en}", f"条款无法识别:{told.zh}", wrong)
    return made


def term(name: str, said: str) -> Value:
    """Read a term as somebody wrote it; BadTermsError and BoundError say how to write it."""
    if name not in TERMS or name in DERIVED:
        known = ", ".join(n for n in TERMS if n not in DERIVED)
        raise BadTermsError(f"a listing has no term {name}; there are {known}", f"供地信息没有 {name} 一项;现有 {known}")
    what = TERMS[name]
    if name in BOUNDS:
        return bound(said, what.unit, name)
    if what.codes is not None:
        same = (c.value for c in what.codes.values() if said.strip().casefold() in (c.value, c.name.en.casefold(), c.name.zh))
        return _read(what, said, lambda text: next(same))
    return _read(what, said.strip(), READERS[what.dtype])


def _read(what: Field, said: str, reader: Callable[[str], Value]) -> Value:
    """Read a value in its type."""
    try:
        return reader(said)
    except (ValueError, KeyError, StopIteration):
        shape = {"date": "2026-11-22", "integer": "1540万元" if what.unit == MONEY else "50", "flag": "yes"}.get(what.dtype, "1")
        listed = ", ".join(what.codes)[:80] if what.codes else shape
        raise BadTermsError(
            f"{what.name} {said[:40]!r} does not read; write as {listed}", f"{what.name} {said[:40]!r} 无法识别;请写成 {listed}"
        ) from None


def whole(said: str) -> int:
    """Read a whole number or a sum of money [CNY]."""
    found = SUM.fullmatch(said.replace(",", ""))
    if not found:
        raise ValueError(said)
    number, unit = found.groups()
    whole, _, rest = number.partition(".")
    shift = 4 if unit in ("万元", "万") else 0
    if len(rest.rstrip("0")) > shift or len(whole) > 14:
        raise ValueError(said)
    return int(whole + rest.rstrip("0").ljust(shift, "0"))


def _day(said: str) -> date:
    """Read a day."""
    return date.fromisoformat("-".join(part.zfill(2) for part in re.split(r"[年月/.-]", said.rstrip("日"))))


def _text(said: str) -> str:
    """Read words; nothing is no term."""
    if not said:
        raise ValueError(said)
    return said


READERS: Mapping[str, Callable[[str], Value]] = {
    "text": _text,
    "integer": whole,
    "real": float,
    "date": _day,
    "flag": lambda said: FLAGS[said.casefold()],
}


def read(row: Mapping[str, Any]) -> Listing:
    """Read a stored listing."""
    said = {name: row[name] for name in row if not pd.isna(row[name])}
    terms = {name: _typed(what, said[name]) for name, what in TERMS.items() if name in said}
    return Listing(
        str(said["id"]),
        str(said["plot"]),
        str(said["state"]),
        terms,
        str(said.get("override", "")),
        tuple(Text(**words) for words in json.loads(said.get("faults", "[]"))),
        tuple(SchemeFile(**file) for file in json.loads(said.get("scheme", "[]"))),
        pd.Timestamp(said["published_on"]).date() if "published_on" in said else None,
        int(said["entry"]) if "entry" in said else None,
    )


def _typed(what: Field, value: Any) -> Value:
    """Give a stored value in its type."""
    if what.name in BOUNDS:
        return bound(str(value), what.unit, what.name)
    if what.dtype == "date":
        return pd.Timestamp(value).date()
    kinds: Mapping[str, Callable[[Any], Value]] = {"text": str, "integer": int, "real": float, "flag": bool}
    return kinds[what.dtype](value)


def written(listing: Listing) -> dict[str, Any]:
    """Write a listing as the columns that are stored, what is not said as None."""
    terms = {name: listing.terms.get(name) for name in TERMS}
    return {
        "plot": listing.plot,
        "state": listing.state,
        "override": listing.override or None,
        "faults": json.dumps([t._asdict() for t in listing.faults], ensure_ascii=False) if listing.faults else None,
        "scheme": json.dumps([{"name": f.name, "size": f.size, "sha256": f.sha256} for f in listing.scheme], ensure_ascii=False)
        if listing.scheme
        else None,
        "published_on": listing.published_on and str(listing.published_on),
        "entry": listing.entry,
        **{name: _stored(TERMS[name], value) for name, value in terms.items()},
    }


def _stored(what: Field, value: Value | None) -> Any:
    """Write a term for its column."""
    if isinstance(value, Bound):
        return f"{value}{'%' if what.unit == '%' else ''}"
    return str(value) if isinstance(value, date) else value


def complete(listing: Listing) -> None:
    """Raise BadTermsError where terms lack without which it cannot be reviewed."""
    if lacks := [name for name in NEEDED if name not in listing.terms]:
        named = joined(TERMS[name].title for name in lacks)
        raise BadTermsError(
            f"listing {listing.id} cannot be reviewed yet, it lacks: {named.en}", f"供地信息 {listing.id} 尚不能审核,缺:{named.zh}",
            [Wrong(tuple(lacks), Text("needed before it is reviewed", "审核前须填写"))],
        )  # fmt: skip


def contradictions(listing: Listing, use: str | None, book: Rulebook) -> list[Wrong]:
    """List what in the terms contradicts itself, the plot's `use` or the periods and shares of the standards `book`."""
    return [wrong for rule in (_days, _money, _tenure, _shares, _indices, _plain) for wrong in rule(listing, use, book)]


ORDER = (
    ("announced_on", "registration_from"), ("registration_from", "registration_to"), ("registration_to", "listing_to"),
    ("deposit_by", "listing_to"), ("listing_from", "listing_to"), ("listing_to", "handover_on"), ("handover_on", "complete_by"),
    ("start_by", "complete_by"),
)  # fmt: skip
"""Days of which the first is not after the second."""


def _days(listing: Listing, use: str | None, book: Rulebook) -> Iterator[Wrong]:
    """Hold the days against each other and the periods."""
    days = {name: day for name, day in listing.terms.items() if isinstance(day, date)}
    for first, second in ORDER:
        if first in days and second in days and days[first] > days[second]:
            a, b = TERMS[first].title, TERMS[second].title
            yield Wrong(
                (first, second),
                Text(
                    f"{a.en} ({days[first]}) is after {b.en} ({days[second]})", f"{a.zh}({days[first]})晚于{b.zh}({days[second]})"
                ),
            )
    for first, second, name in (("announced_on", "listing_from", "announced_days"), ("listing_from", "listing_to", "open_days")):
        least = book[f"listings.{name}"]
        if first in days and second in days and days[second] < days[first] + timedelta(least):
            a, b = TERMS[first].title, TERMS[second].title
            yield Wrong(
                (first, second), Text(f"from {a.en} to {b.en} there are less than {least} days", f"{a.zh}至{b.zh}不足 {least} 天")
            )


def _money(listing: Listing, use: str | None, book: Rulebook) -> Iterator[Wrong]:
    """Hold the sums against each other."""
    start = listing.terms.get("start_price")
    if not isinstance(start, int):
        return
    if start <= 0:
        yield Wrong(("start_price",), Text("the start price is nothing", "起始价为零"))
    share = book["listings.deposit_min"]
    for name in ("increment", "deposit", "earnest"):
        sum_ = listing.terms.get(name)
        title = TERMS[name].title
        if isinstance(sum_, int) and sum_ > start:
            yield Wrong((name,), Text(f"{title.en} is more than the start price", f"{title.zh}高于起始价"))
        if isinstance(sum_, int) and name == "deposit" and sum_ < share * start:
            yield Wrong(
                (name,), Text(f"the deposit is less than {share:.0%} of the start price", f"竞买保证金低于起始价的 {share:.0%}")
            )


def _tenure(listing: Listing, use: str | None, book: Rulebook) -> Iterator[Wrong]:
    """Hold use and tenure against the plan and the law."""
    code, years = str(listing.terms.get("use_code", "")), listing.terms.get("tenure_years")
    if use and code and not code.startswith(use) and not use.startswith(code):
        yield Wrong(("use_code",), Text(f"the use {code} is not the plot's, {use}", f"用途 {code} 与宗地用途 {use} 不符"))
    most = next((row["years"] for row in book["listings.tenure_max"] if code.startswith(row["use"])), None)
    if isinstance(years, int) and (years < 1 or (most is not None and years > most)):
        yield Wrong(
            ("tenure_years",),
            Text(f"a tenure of {years} years; at most {most} for {code}", f"出让年限 {years} 年;{code} 最高 {most} 年"),
        )


def _shares(listing: Listing, use: str | None, book: Rulebook) -> Iterator[Wrong]:
    """Hold ratios against each other: no land is covered twice, and each building has a storey."""
    for name in BOUNDS:
        if TERMS[name].unit == "%" and listing.bound(name).meet(Bound(0, 100)).empty:
            yield Wrong((name,), Text(f"{TERMS[name].title.en} is no share of the land", f"{TERMS[name].title.zh}不是用地的比例"))
    far, density, coefficient = (listing.bound(n) for n in ("far", "building_density", "building_coefficient"))
    green = listing.bound("green_ratio")
    if density.min > far.max * 100:
        yield Wrong(
            ("building_density", "far"),
            Text(
                f"building density {density} % needs a floor area ratio of at least {density.min / 100:g}, not {far}",
                f"建筑密度 {density} % 要求容积率不低于 {density.min / 100:g},而非 {far}",
            ),
        )
    if density.min > coefficient.max:
        yield Wrong(
            ("building_density", "building_coefficient"),
            Text(
                f"building density {density} % is more than the building coefficient {coefficient} %",
                f"建筑密度 {density} % 大于建筑系数 {coefficient} %",
            ),
        )
    for name, built in (("building_density", density), ("building_coefficient", coefficient)):
        title = TERMS[name].title
        if math.isfinite(built.min) and math.isfinite(green.min) and built.min + green.min > 100:
            yield Wrong(
                (name, "green_ratio"),
                Text(
                    f"{title.en} {built} % and green ratio {green} % are more than the whole",
                    f"{title.zh} {built} % 与绿地率 {green} % 合计超过全部用地",
                ),
            )


def _indices(listing: Listing, use: str | None, book: Rulebook) -> Iterator[Wrong]:
    """Hold the terms of industrial land against the national indices: at least one value must meet both."""
    code = str(listing.terms.get("use_code", ""))
    if not code.startswith(tuple(book["listings.industrial"])):
        return
    least_far = min(row["far"] for row in book["zoning.far_min"])
    indices = {
        "far": ("zoning.far_min", Bound(min=least_far)),
        "building_coefficient": ("zoning.building_coefficient_min", Bound(min=book["zoning.building_coefficient_min"] * 100)),
        "green_ratio": ("zoning.green_ratio_max", Bound(max=book["zoning.green_ratio_max"] * 100)),
        "admin_share": ("zoning.admin_land_max", Bound(max=book["zoning.admin_land_max"] * 100)),
    }
    for name, (standard, asked) in indices.items():
        if name in listing.terms and listing.bound(name).meet(asked).empty:
            title, line = TERMS[name].title, book.line(standard)
            yield Wrong(
                (name,),
                Text(
                    f"{title.en} {listing.bound(name)} cannot be with {asked}: {line.en} [{line.source}]",
                    f"{title.zh} {listing.bound(name)} 与 {asked} 矛盾:{line.zh}[{line.source}]",
                ),
            )


def _plain(listing: Listing, use: str | None, book: Rulebook) -> Iterator[Wrong]:
    """Hold the scheme against its files, and codes against their form."""
    bound_to = listing.terms.get("with_scheme")
    if bound_to is True and not listing.scheme:
        yield Wrong(
            ("with_scheme",), Text("it is with a scheme, but no file of the scheme is bound to it", "带方案出让,但未绑定方案文件")
        )
    if bound_to is not True and listing.scheme:
        yield Wrong(
            ("with_scheme",),
            Text("files of a scheme are bound to it, but it is not with a scheme", "已绑定方案文件,但未注明带方案出让"),
        )
    unit = listing.terms.get("unit_code")
    if unit is not None and not UNIT_CODE.fullmatch(str(unit)):
        yield Wrong(
            ("unit_code",),
            Text(f"{unit} is no code of a real-estate unit: it has 28 characters", f"{unit} 不是不动产单元代码:应为 28 位"),
        )


def move(listing: Listing, to: str) -> str:
    """Tell the least role for a move; NoMoveError where there is none from its state."""
    if (listing.state, to) not in MOVES:
        ways = [state for before, state in MOVES if before == listing.state]
        listed = ", ".join(ways) or "-"
        raise NoMoveError(
            f"listing {listing.id} is {listing.state} and cannot become {to}; from there it goes to: {listed}",
            f"供地信息 {listing.id} 的状态为 {listing.state},不能变为 {to};可变为:{listed}",
        )
    return MOVES[listing.state, to]


def refuse(listing: Listing, found: Iterable[Wrong], what: Text) -> None:
    """Raise BadTermsError where anything was found."""
    if told := list(found):
        all_ = joined(wrong.text for wrong in told)
        raise BadTermsError(f"listing {listing.id} {what.en}: {all_.en}", f"供地信息 {listing.id} {what.zh}:{all_.zh}", told)


def faults(sheet: Sheet, level: int) -> tuple[Text, ...]:
    """List why a plot is not net land, serviced to a level and free: what an override would pass over."""
    found = []
    for line in sheet.lines:
        if line.id in ("C15", "C16") or line.severity not in (
            ("block", "unknown", "warn") if line.id == "C08" else ("block", "unknown")
        ):
            continue
        said, area = SEVERITIES[line.severity].name, max(line.area, line.unknown_area)
        found.append(
            Text(f"{line.id} {line.title.en}: {said.en}, {area:,.2f} m²", f"{line.id} {line.title.zh}:{said.zh},{area:,.2f} m²")
        )
    if sheet.serviced_level < level:
        named = [s.title for s in sheet.services if s.kind in sheet.missing]
        found.append(
            Text(
                f"serviced to {sheet.serviced_level}, not {level}; missing: {', '.join(t.en for t in named)}",
                f"开发程度为 {sheet.serviced_level} 通,未达 {level} 通;缺:{'、'.join(t.zh for t in named)}",
            )
        )
    if sheet.levelling.earthwork is not False:
        state = Text("unknown", "未知") if sheet.levelling.earthwork is None else Text("it needs earthwork", "需土方工程")
        found.append(Text(f"not shown to be level: {state.en}", f"场地未平整:{state.zh}"))
    return tuple(found)
