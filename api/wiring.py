"""The report on networks: as JSON and as a person reads it."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import BaseModel

from api.models import Words
from layers.base import Text
from layers.plan.readiness import SERVICES

if TYPE_CHECKING:
    from layers.plan.networks import Report

WORDS = {
    "empty": Text("the base holds no roads and no utilities", "库中没有道路和市政管线"),
    "in_service": Text("in service", "在用"),
    "connected": Text("connected to a source", "已接通源点"),
    "no_source": Text("no source is known: nobody can say what is connected", "源点未知,无法判断是否接通"),
    "not_connected": Text("not connected", "未接通"),
}


class Why(BaseModel):
    """Why a length in service is not connected."""

    reason: str
    title: Words
    length_m: float


class FaultCount(BaseModel):
    """How often a fault of the drawing was found."""

    fault: str
    title: Words
    count: int


class Place(BaseModel):
    """Where the drawing looks wrong, in the base's CRS, east before north; loose ends are counted only."""

    kind: str
    fault: str
    id: str | None
    other: str | None
    x: float
    y: float


class NetworkLine(BaseModel):
    """One network: `connected` is the share of the length in service that is connected; null where no source is known."""

    kind: str
    title: Words
    lines: int
    length_m: float
    in_service_m: float
    connected: float | None
    why: list[Why]
    faults: list[FaultCount]


class WiringBody(BaseModel):
    """How much of each network is connected on a day, why the rest is not, and what is drawn wrong."""

    on: date
    as_of: datetime | None
    generated: bool
    networks: list[NetworkLine]
    places: list[Place]

    @classmethod
    def of(cls, report: Report, on: date, as_of: datetime | None, generated: bool) -> WiringBody:
        """Write a report."""
        from layers.plan.networks import FAULTS, WHY  # brings in scipy, which a service need not load before it answers

        networks = [
            NetworkLine(
                kind=kind,
                title=Words.of(SERVICES[kind]),
                lines=row["lines"],
                length_m=round(row["length"], 1),
                in_service_m=round(row["in_service"], 1),
                connected=None if pd.isna(row["connected"]) else round(row["connected"], 4),
                why=[
                    Why(reason=k, title=Words.of(code.name), length_m=round(row[k], 1)) for k, code in WHY.items() if row[k] > 0
                ],
                faults=[FaultCount(fault=k, title=Words.of(c.name), count=row[k]) for k, c in FAULTS.items() if row[k]],
            )
            for kind, row in ((str(kind), row) for kind, row in report.summary.to_dict("index").items())
        ]
        found = report.found[(report.found["fault"] != "dangling").to_numpy(bool)]
        spots = found.geometry.representative_point()
        columns = (found[name].astype(object).where(found[name].notna(), None) for name in ("kind", "fault", "id", "other"))
        places = [
            Place(kind=kind, fault=fault, id=id, other=other, x=round(x, 3), y=round(y, 3))
            for kind, fault, id, other, x, y in zip(*columns, spots.x, spots.y, strict=True)
        ]
        return cls(on=on, as_of=as_of, generated=generated, networks=networks, places=places)


def render(body: WiringBody, language: str) -> str:
    """Print a report: a paragraph for each network."""

    def say(text: Text | Words) -> str:
        return text.zh if language == "zh" else text.en

    rows = []
    for n in body.networks:
        share = say(WORDS["no_source"]) if n.connected is None else f"{say(WORDS['connected'])} {n.connected:.1%}"
        rows.append(
            f"{say(n.title)}: {n.lines} · {n.length_m:,.0f} m · {say(WORDS['in_service'])} {n.in_service_m:,.0f} m · {share}"
        )
        rows += [f"  {say(WORDS['not_connected'])} {w.length_m:,.0f} m: {say(w.title)}" for w in n.why]
        if n.faults:
            rows.append("  " + " · ".join(f"{say(f.title)} {f.count}" for f in n.faults))
    return "\n".join(rows or [say(WORDS["empty"])])
