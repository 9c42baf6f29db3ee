"""Divisions and living circles: as JSON and as a person reads them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel

from api.ledger import table
from api.models import Words
from layers.base import Codes, Text
from layers.catalogue import LAYERS
from layers.divisions import Division
from layers.ledger.community import AMENITY_KINDS, DIVISION_KINDS
from layers.plan.readiness import STATES as READY_STATES
from layers.plan.supply import VERDICTS
from layers.units import mu

if TYPE_CHECKING:
    from layers.plan.circle import Reach

STATES = {"within": Text("within reach", "可达"), "beyond": Text("out of reach", "不可达"), "unknown": Text("unknown", "未知")}


class Named(BaseModel):
    """A division by its number and name."""

    id: str
    name: str


class LandShare(BaseModel):
    """Land of one verdict and state of readiness; a plot that the division cuts counts with what lies inside."""

    verdict: str
    ready_state: str
    plots: int
    area_m2: float


class DivisionBody(BaseModel):
    """A division and what lies in it: the areas of `land` and `beside_m2`, what is in no plot, add up to `area_m2`.

    `chain`: what it belongs to, the next first; `stale`: something changed since the findings were made, so that all land is unknown.
    """

    id: str
    name: str
    kind: str
    chain: list[Named]
    parts: list[Named]
    area_m2: float
    mu: float
    land: list[LandShare]
    beside_m2: float
    stale: bool
    resettlements: list[str]
    projects: list[str]

    @classmethod
    def of(cls, d: Division) -> DivisionBody:
        """Write a division."""
        chain, parts = ([Named(id=id, name=name) for id, name in named] for named in (d.chain, d.parts))
        land = [
            LandShare(verdict=r["verdict"], ready_state=r["ready_state"], plots=r["plots"], area_m2=r["area"])
            for r in d.land.to_dict("records")
        ]
        return cls(
            id=d.id, name=d.name, kind=d.kind, chain=chain, parts=parts, area_m2=d.area, mu=mu(d.area), land=land, beside_m2=d.beside, stale=d.stale,
            resettlements=list(d.resettlements), projects=list(d.projects),
        )  # fmt: skip


class ReachRow(BaseModel):
    """One kind of amenity: whether one lies within the reach on foot, the nearest that is known to serve, and the way to it."""

    kind: str
    title: Words
    state: Literal["within", "beyond", "unknown"]
    amenity: str | None
    walk_m: float | None


class CircleBody(BaseModel):
    """The living circle of a place on a day: what is reached on foot along roads, from the middle of the place."""

    layer: str
    id: str
    on: date
    reach_m: float
    kinds: list[ReachRow]

    @classmethod
    def of(cls, layer: str, id: str, on: date, reach: float, found: list[Reach]) -> CircleBody:
        """Write what was found."""
        rows = [
            ReachRow(kind=r.kind, title=Words.of(AMENITY_KINDS[r.kind].name), state=r.state, amenity=r.amenity, walk_m=None if np.isnan(r.walk) else r.walk)
            for r in found
        ]  # fmt: skip
        return cls(layer=layer, id=id, on=on, reach_m=reach, kinds=rows)


def _say(codes: Codes, value: str, zh: bool) -> str:
    """Name a code."""
    name = codes[value].name
    return name.zh if zh else name.en


def render_division(body: DivisionBody, zh: bool) -> str:
    """Tell a division to a person."""
    chain = " < ".join(f"{one.name} ({one.id})" for one in [Named(id=body.id, name=body.name), *body.chain])
    lines = [f"{_say(DIVISION_KINDS, body.kind, zh)}: {chain}", f"{body.area_m2:,.2f} m2 = {body.mu:,.2f} {'亩' if zh else 'mu'}"]
    if body.stale:
        lines.append(
            "数据已变更,结论未知;请运行 shudi assess"
            if zh
            else "something changed since the plots were assessed: run shudi assess"
        )
    head = ("结论", "配套状态", "宗数", "面积(m2)") if zh else ("verdict", "readiness", "plots", "m2")

    def row(share: LandShare) -> tuple[str, ...]:
        verdict, ready = VERDICTS[share.verdict].name, READY_STATES[share.ready_state].name
        return (
            (verdict.zh, ready.zh, str(share.plots), f"{share.area_m2:,.2f}")
            if zh
            else (verdict.en, ready.en, str(share.plots), f"{share.area_m2:,.2f}")
        )

    rest = ("不在宗地内" if zh else "in no plot", "", "", f"{body.beside_m2:,.2f}")
    lines.append(table([head, *map(row, body.land), rest]))
    for title, ids in (("下级" if zh else "parts", [p.id for p in body.parts]), ("安置区" if zh else "resettlement sites", body.resettlements), ("项目" if zh else "projects", body.projects)):  # fmt: skip
        lines += [f"{title}: {', '.join(ids)}"] if ids else []
    return "\n".join(lines)


def render_divisions(rows: list[dict[str, str | None]], zh: bool) -> str:
    """List divisions for a person."""
    if not rows:
        return "没有区划" if zh else "no divisions are recorded"
    head = ("编号", "名称", "级别", "上级") if zh else ("id", "name", "kind", "belongs to")
    return table(
        [head, *((str(r["id"]), str(r["name"]), _say(DIVISION_KINDS, str(r["kind"]), zh), r["parent"] or "-") for r in rows)]
    )


def render_circle(body: CircleBody, zh: bool) -> str:
    """Table a living circle for a person."""
    title = LAYERS[body.layer].title
    head = ("设施", "状态", "最近设施", "步行距离(m)") if zh else ("amenity", "state", "the nearest", "m on foot")
    first = f"{title.zh if zh else title.en} {body.id}, {body.on}: {body.reach_m:g} m"
    rows = [
        (r.title.zh if zh else r.title.en, STATES[r.state].zh if zh else STATES[r.state].en, r.amenity or "-", "-" if r.walk_m is None else f"{r.walk_m:.0f}")
        for r in body.kinds
    ]  # fmt: skip
    return "\n".join([first, table([head, *rows])])
