"""Who lies along the works of a project: as JSON and as a person reads it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel

from api.ledger import day, table
from layers.along import COLUMNS, Along
from layers.base import Text
from layers.units import M2_PER_HA


class NeighbourRow(BaseModel):
    """A parcel or a recorded stakeholder along works: `name` is that of the right holder."""

    layer: Literal["stakeholders", "parcels"]
    id: str
    name: str | None
    distance_m: float
    contacted_on: date | None
    need: str | None
    settled_on: date | None


class AlongBody(BaseModel):
    """Who lies within a distance of the works of a project, the nearest first.

    `parcels_contacted`: parcels of which somebody was spoken to. `unsurveyed_m2`: land of the strip where nobody surveyed parcels; `absent`: roads that sections name and that are not stored.
    """

    project: str
    within_m: float
    rows: list[NeighbourRow]
    parcels: int
    parcels_contacted: int
    stakeholders: int
    stakeholders_contacted: int
    unsurveyed_m2: float
    absent: list[str]

    @classmethod
    def of(cls, project: str, within: float, found: Along) -> AlongBody:
        """Write what was found."""
        plain = found.rows.astype(object).where(found.rows.notna(), None)
        rows = [
            NeighbourRow(
                layer=layer, id=id, name=name, distance_m=away, contacted_on=day(spoken), need=need, settled_on=day(settled)
            )
            for layer, id, name, away, spoken, need, settled in plain[list(COLUMNS)].itertuples(index=False)
        ]
        counts: dict[str, int] = {}
        for layer in ("parcels", "stakeholders"):
            mine = [r for r in rows if r.layer == layer]
            counts |= {layer: len(mine), f"{layer}_contacted": sum(r.contacted_on is not None for r in mine)}
        return cls(
            project=project, within_m=within, rows=rows, unsurveyed_m2=found.unsurveyed_m2, absent=list(found.absent), **counts
        )  # fmt: skip


def render(body: AlongBody, zh: bool) -> str:
    """Table the neighbours for a person."""

    def say(text: Text) -> str:
        return text.zh if zh else text.en

    head = (
        ("图层", "编号", "名称", "距离(米)", "对接", "诉求", "落实")
        if zh
        else ("layer", "id", "name", "m away", "spoken to", "asks for", "settled")
    )
    rows = [
        (r.layer, r.id, r.name or "-", f"{r.distance_m:.1f}", str(r.contacted_on or "-"), r.need or "-", str(r.settled_on or "-"))
        for r in body.rows
    ]  # fmt: skip
    parcels, spoken, recorded, met, within = (
        body.parcels,
        body.parcels_contacted,
        body.stakeholders,
        body.stakeholders_contacted,
        f"{body.within_m:g}",
    )
    lines = [
        say(
            Text(
                f"{parcels} parcels lie within {within} m of the works, of {spoken} somebody was spoken to; {recorded} stakeholders are recorded, {met} were spoken to",
                f"工程{within}米范围内共{parcels}宗地,已对接{spoken}宗;已登记{recorded}户,已对接{met}户",
            )
        )
    ]
    if body.unsurveyed_m2 > 0:
        ha = f"{body.unsurveyed_m2 / M2_PER_HA:.2f}"
        lines.append(
            say(
                Text(
                    f"on {ha} ha of it nobody surveyed parcels: more may lie there", f"其中{ha}公顷未调查宗地,可能还有其他权利人"
                )
            )
        )
    if body.absent:
        names = ", ".join(body.absent)
        lines.append(say(Text(f"roads that are not stored: {names}", f"未入库的道路:{names}")))
    return "\n".join([*lines, table([head, *rows])] if rows else lines)
