"""A search for land: what is asked, as JSON and as options, and the matches, as JSON and as a person reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, Literal

import numpy as np
import shapely
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from shapely.geometry.base import BaseGeometry

from api.models import Words
from api.text import area as written
from geo.crs import transform
from layers.base import Text
from layers.catalogue import LAYERS
from layers.composed import Match
from layers.errors import Refusal
from layers.plan.counterfactual import Change, Counterfactual
from layers.plan.listing import whole
from layers.plan.readiness import SERVICES, required
from layers.plan.siting import CLASS_RANK, CRITERIA, Brief, Near
from layers.plan.terms import Term
from layers.search import Sitings
from layers.service import LOADS
from layers.standards import Rulebook
from layers.units import M2_PER_HA, m2, mu

UNITS = {"mu": m2(1), "亩": m2(1), "ha": float(M2_PER_HA), "公顷": float(M2_PER_HA), "m2": 1.0, "": 1.0}
KIND_NAMES = {"single": Text("plot", "整宗"), "part": Text("part", "部分"), "assembly": Text("assembly", "组合")}

MISSED = {
    "part": Text(
        "not every part of a plot was looked at: another could score up to {:.3f} higher than the best found",
        "未穷尽宗地的全部切分:其他部分的得分最多可比已找到的最高分高 {:.3f}",
    ),
    "assembly": Text(
        "not all assemblies were looked at: another could score up to {:.3f} higher than the best found",
        "未穷尽全部组合:其他组合的得分最多可比已找到的最高分高 {:.3f}",
    ),
}


class NearBody(BaseModel):
    """How far the land may be from features of a layer, of one kind or all."""

    model_config = ConfigDict(extra="forbid")
    layer: str
    kind: str = ""
    least_m: float = Field(0.0, ge=0, allow_inf_nan=False)
    most_m: float | None = Field(None, gt=0, allow_inf_nan=False)


class BriefBody(BaseModel):
    """What an investor asks for. `area_m2`: least and most. `wishes`: criteria that need not be met, with their weights."""

    model_config = ConfigDict(extra="forbid")
    area_m2: tuple[float, float] = Field(description="least and most")
    use: str | None = Field(None, max_length=8)
    services: list[str] = []
    by: date | None = None
    loads: dict[str, float] = {}
    sizes: dict[str, float] = Field(
        {}, description="least size of the line of a kind: nominal diameter [mm], of power voltage [kV]"
    )
    road_class: Literal["local", "secondary", "arterial", "expressway"] | None = None
    frontage_m: float | None = Field(None, gt=0, allow_inf_nan=False)
    slope: float | None = Field(None, gt=0, le=10, allow_inf_nan=False, description="as a share: 0.05 is 5 %")
    width_m: float | None = Field(None, gt=0, allow_inf_nan=False)
    earthwork_m: float | None = Field(None, gt=0, allow_inf_nan=False, description="m3 for each m2")
    near: list[NearBody] = Field([], max_length=8)
    budget_cny: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="start price of the land, as its listing has it; of a draft the answer says so",
    )
    wishes: dict[str, float] = {}
    weights: dict[str, float] = Field({}, description="how much criteria that must be met count in the rank; 1 if not said")
    kinds: list[Literal["single", "part", "assembly"]] = ["single", "part", "assembly"]
    across_roads: bool = False
    limit: int = Field(20, ge=1, le=200)
    why: str | None = Field(None, max_length=200, description="a plot of which is told why it does not fit")
    answer_crs: str | None = Field(None, description="CRS of the answer's geometry, east before north; default: the base's")

    def brief(self) -> Brief:
        """Make the brief; a Refusal names what is unknown or contradicts itself."""
        least, most = self.area_m2
        if not 0 < least <= most:
            raise Refusal(
                "the area needs a least and a most in m2, the least first and above 0",
                "面积应给出下限和上限(m²),下限大于 0 且不大于上限",
            )
        _known(self.services, SERVICES, Text("service", "配套"))
        _known((*self.loads, *self.sizes), LOADS, Text("kind of network", "管网种类"))
        _known((*self.wishes, *self.weights), CRITERIA, Text("criterion", "条件"))
        _known((n.layer for n in self.near), [n for n, y in LAYERS.items() if y.drawn], Text("layer", "图层"))
        if not all(
            weight > 0 for weight in (*self.wishes.values(), *self.weights.values(), *self.loads.values(), *self.sizes.values())
        ):
            raise Refusal("weights, loads and sizes are above 0", "权重、负荷和管径应大于 0")
        near = tuple(Near(n.layer, n.kind, n.least_m, n.most_m or float("inf")) for n in self.near)
        services = tuple(dict.fromkeys((*self.services, *self.loads, *self.sizes)))
        return Brief(
            (least, most), self.use, services, self.by, dict(self.loads), self.road_class, self.frontage_m, self.slope, self.width_m,
            self.earthwork_m, near, self.budget_cny, dict(self.wishes), dict(self.weights), sizes=dict(self.sizes),
        )  # fmt: skip


def _known(names: Iterable[str], among: Iterable[str], what: Text) -> None:
    """Refuse a name that is none of those there are."""
    listed = list(among)
    for name in names:
        if name not in listed:
            raise Refusal(
                f"{name} is no {what.en}; there are: {', '.join(listed)}", f"{name} 不是{what.zh};现有:{'、'.join(listed)}"
            )


def area_range(said: str, book: Rulebook) -> tuple[float, float]:
    """Read 70..85mu, 77mu (as exact as the standard supply.area_fit asks) or 5ha into m2."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:(?:\.\.|-|~|至)\s*(\d+(?:\.\d+)?))?\s*(mu|亩|ha|公顷|m2)?\s*", said)
    try:
        numbers = [float(n) for n in found.groups()[:2] if n is not None] if found else []
    except ValueError:
        numbers = []
    if not found or not numbers:
        raise Refusal(f"{said!r} is no area: write 70..85mu, 77mu or 5ha", f"{said!r} 不是面积:请写成 70..85亩、77亩 或 5ha")
    unit, fit = UNITS[found[3] or ""], float(book["supply.area_fit"])
    return (
        (numbers[0] * unit, numbers[1] * unit)
        if len(numbers) == 2
        else (numbers[0] * unit * (1 - fit), numbers[0] * unit * (1 + fit))
    )


def money(said: str) -> int:
    """Read a sum [CNY]: 2000万元, or 20000000."""
    try:
        return whole(said.strip())
    except ValueError:
        raise Refusal(
            f"{said!r} is no sum: write it in CNY, as 20000000", f"{said!r} 不是金额:请写成 2000万元 或 20000000"
        ) from None


def near_of(said: str) -> NearBody:
    """Read LAYER[:KIND]<=METRES or >=METRES."""
    found = re.fullmatch(r"\s*([a-z_]+)(?::(\w+))?\s*(<=|>=)\s*(\d+(?:\.\d+)?)\s*", said, re.ASCII)
    if not found:
        raise Refusal(f"{said!r} is no distance: write roads:arterial<=500", f"{said!r} 不是距离条件:请写成 roads:arterial<=500")
    metres = float(found[4])
    far = {"most_m": metres} if found[3] == "<=" else {"least_m": metres}
    return NearBody.model_validate({"layer": found[1], "kind": found[2] or "", **far})


def brief_of(near: Iterable[str], **said: Any) -> BriefBody:
    """Make the body of a brief from options; a Refusal names what is out of its bounds."""
    try:
        return BriefBody(near=[near_of(n) for n in near], **said)
    except ValidationError as error:
        told = [bounded(e) for e in error.errors()]
        en, zh = "; ".join(t.en for t in told), ";".join(t.zh for t in told)
        raise Refusal(f"the brief asks for what cannot be: {en}", f"条件超出范围:{zh}") from None


def bounded(error: Any) -> Text:
    """Say which option is out of its bounds, and what these are."""
    name = str(error["loc"][0])
    name = "near" if name in ("least_m", "most_m") else name
    option = f"--{name.removesuffix('_m').removesuffix('_m2').removesuffix('_cny').replace('_', '-')}"
    limits = error.get("ctx", {})
    kinds = {
        "greater_than": Text("write more than {gt:g}", "应大于 {gt:g}"),
        "greater_than_equal": Text("write at least {ge:g}", "应不小于 {ge:g}"),
        "less_than_equal": Text("write at most {le:g}", "应不大于 {le:g}"),
        "string_too_long": Text("write at most {max_length} characters", "应不超过 {max_length} 个字符"),
        "too_long": Text("write at most {max_length} of them", "应不超过 {max_length} 个"),
    }
    words = kinds.get(error["type"])
    if words is None:
        return Text(f"{option} is not as described by shudi find --help", f"{option} 不符合 shudi find --help 的说明")
    factor = 100 if name == "slope" else 1
    numbers = {k: v * factor if isinstance(v, int | float) else v for k, v in limits.items()}
    return Text(f"{option}: {words.en.format(**numbers)}", f"{option}:{words.zh.format(**numbers)}")


def pairs(said: Iterable[str], default: float | None = None) -> dict[str, float]:
    """Read NAME=NUMBER, each; a NAME alone has the default where there is one."""
    made = {}
    for one in said:
        name, _, number = one.partition("=")
        try:
            made[name.strip()] = float(number) if number or default is None else default
        except ValueError:
            raise Refusal(f"{one!r} is not NAME=NUMBER", f"{one!r} 应写成 名称=数值") from None
    return made


def services_of(said: Iterable[str], book_ask: Any) -> list[str]:
    """Read names of services, and levels (3, 5, 7) as the services that they ask for."""
    return list(dict.fromkeys(s for one in said for s in (required(book_ask, int(one)) if one in ("3", "5", "7") else [one])))


class TermBody(BaseModel):
    """What one criterion gives to the score, what it found, what lacks and what would cure it from when."""

    criterion: str
    title: Words
    must: bool
    fit: Literal["yes", "no", "unknown"]
    part: float
    score: float
    value: Words
    wanted: Words
    lacks: float | None
    cure: Words | None
    cured_from: date | None

    @classmethod
    def of(cls, term: Term) -> TermBody:
        """Write a term."""
        return cls(
            criterion=term.criterion, title=Words.of(CRITERIA[term.criterion]), must=term.must, fit=term.fit,  # type: ignore[arg-type]
            part=round(term.part, 6), score=round(term.score, 6), value=Words.of(term.value), wanted=Words.of(term.wanted),
            lacks=term.lacks, cure=Words.of(term.cure) if term.cure else None, cured_from=term.from_,
        )  # fmt: skip


class MatchBody(BaseModel):
    """Land that meets the brief; the parts of its terms, and of its outline where it is an assembly, add up to the score."""

    kind: Literal["single", "part", "assembly"]
    plots: list[str]
    area_m2: float
    mu: float
    score: float
    terms: list[TermBody]
    rest_m2: float | None
    rest_width_m: float | None
    rest_front_m: float | None
    compactness: float | None
    owners: int | None
    geometry: dict[str, Any]

    @classmethod
    def of(cls, match: Match, shape: BaseGeometry) -> MatchBody:
        """Write a match, with its outline in the CRS of the answer."""
        return cls(
            kind=match.kind, plots=list(match.plots), area_m2=round(match.area, 2), mu=round(mu(match.area), 4),  # type: ignore[arg-type]
            score=round(match.score, 6), terms=[TermBody.of(t) for t in match.terms], rest_m2=match.rest_area,
            rest_width_m=match.rest_width, rest_front_m=match.rest_front, compactness=match.compactness, owners=match.owners,
            geometry=shapely.geometry.mapping(shape),
        )  # fmt: skip


class ChangeBody(BaseModel):
    """What a must that is not met asks for: a cure of the land, or less asked by the share `effort`; null where none would do."""

    criterion: str
    title: Words
    value: Words
    wanted: Words
    cure: Words | None
    cured_from: date | None
    instead: Words | None
    effort: float | None

    @classmethod
    def of(cls, change: Change) -> ChangeBody:
        """Write a change."""
        return cls(
            criterion=change.criterion, title=Words.of(change.title), value=Words.of(change.value), wanted=Words.of(change.wanted),
            cure=Words.of(change.cure) if change.cure else None, cured_from=change.from_,
            instead=Words.of(change.instead) if change.instead else None, effort=change.effort,
        )  # fmt: skip


class WhyBody(BaseModel):
    """Why a plot does not fit, and the least change for which it would: all of the changes, the easiest first.

    `asking_less`: it would fit a brief that gives way so; `fits_from`: it fits from that day, if nothing else is done than to wait.
    """

    plot: str
    fits: bool
    asking_less: bool
    fits_from: date | None
    changes: list[ChangeBody]

    @classmethod
    def of(cls, found: Counterfactual) -> WhyBody:
        """Write a counterfactual."""
        changes = [ChangeBody.of(change) for change in found.changes]
        return cls(plot=found.plot, fits=found.fits, asking_less=found.brief is not None, fits_from=found.from_, changes=changes)


class SitingBody(BaseModel):
    """The matches of a brief, best first; of the plots how many each must left out, and of how many nobody knows.

    `gaps`: by how much a part, and an assembly, that was not looked at could score higher than the best that was found; 0: none can.
    """

    on: date
    crs: str
    generated: bool
    plots: int
    left_out: dict[str, dict[str, int]]
    gaps: dict[str, float]
    matches: list[MatchBody]
    why: WhyBody | None = None

    @classmethod
    def of(
        cls, found: Sitings, crs: str, generated: bool, answer_crs: str | None = None, why: Counterfactual | None = None
    ) -> SitingBody:
        """Write what was found in a base of `crs`."""
        left = {name: {"no": n[0], "unknown": n[1]} for name, n in found.dropped.items()}
        shapes = transform(np.array([m.geometry for m in found.matches], object), crs, answer_crs or crs)
        matches = [MatchBody.of(m, shape) for m, shape in zip(found.matches, shapes, strict=True)]
        return cls(
            on=found.on, crs=answer_crs or crs, generated=generated, plots=found.plots, left_out=left, gaps={kind: round(gap, 6) for kind, gap in found.gaps.items()},
            matches=matches, why=WhyBody.of(why) if why else None,
        )  # fmt: skip


def _match(k: int, match: MatchBody, language: str, say: Callable[[Text | Words], str]) -> Iterator[str]:
    """Write one match and its terms."""
    yield f"{k}. {say(KIND_NAMES[match.kind])} {' + '.join(match.plots)} · {written(match.area_m2, language)} · {match.score:.3f}"
    if match.rest_m2 is not None:
        area, width, front = written(match.rest_m2, language), match.rest_width_m or 0.0, match.rest_front_m or 0.0
        yield "   " + say(
            Text(
                f"left over: {area}, {width:.1f} m wide, {front:.1f} m on a public road",
                f"剩余:{area},宽 {width:.1f} 米,临公共道路 {front:.1f} 米",
            )
        )
    if match.compactness is not None:
        n, round_ = match.owners, match.compactness
        yield "   " + say(Text(f"compactness {round_:.2f}, owners {n}", f"紧凑度 {round_:.2f},权利人 {n}"))
    for term in match.terms:
        sign = {"yes": "✓", "no": "✗", "unknown": "?"}[term.fit]
        cure = f" → {say(term.cure)}{f' ({term.cured_from})' if term.cured_from else ''}" if term.cure else ""
        yield f"   {sign} {say(term.title)}: {say(term.value)} ({say(term.wanted)}) +{term.part:.3f}{cure}"


def told_why(why: WhyBody, say: Callable[[Text | Words], str]) -> list[str]:
    """Write why a plot does not fit."""
    if why.fits:
        return [say(Text(f"{why.plot} fits by itself", f"{why.plot} 本身即符合"))]
    rows = [say(Text(f"{why.plot} does not fit; it would by all of this:", f"{why.plot} 不符合;同时满足以下各项即可:"))]
    for change in why.changes:
        ways = [say(change.cure) + (f" ({change.cured_from})" if change.cured_from else "")] if change.cure else []
        if change.instead and change.effort is not None:
            less = f" ({change.effort:.1%})" if change.effort else ""
            ways.append(say(Text("ask for ", "改为要求 ")) + say(change.instead) + less)
        rows.append(
            f"   {say(change.title)}: {say(change.value)} ({say(change.wanted)}) → {say(Text(' or ', ' 或 ')).join(ways) or '?'}"
        )
    if why.fits_from:
        rows.append(say(Text(f"   it fits from {why.fits_from} by waiting alone", f"   只需等待,自 {why.fits_from} 起即符合")))
    return rows


def render(body: SitingBody, language: str) -> str:
    """Write what was found for a person."""

    def say(text: Text | Words) -> str:
        return text.zh if language == "zh" else text.en

    rows = [say(Text(f"{len(body.matches)} matches among {body.plots} plots, as of {body.on}",
                     f"{body.plots} 宗地中有 {len(body.matches)} 个结果,截至 {body.on}"))]  # fmt: skip
    for name, n in body.left_out.items():
        rows.append(
            "  "
            + say(CRITERIA[name])
            + say(Text(f": left out {n['no']}, unknown {n['unknown']}", f":不符 {n['no']},未知 {n['unknown']}"))
        )
    rows += [line for k, match in enumerate(body.matches, 1) for line in _match(k, match, language, say)]
    rows += [say(MISSED[kind]).format(gap) for kind, gap in body.gaps.items() if gap]
    rows += told_why(body.why, say) if body.why else []
    if not body.matches:
        rows.append(
            say(Text("turn a must into a wish by --wish to see what comes near", "可用 --wish 将条件改为意愿,查看相近结果"))
        )
    return "\n".join(rows)


ROAD_CLASSES = tuple(CLASS_RANK)
