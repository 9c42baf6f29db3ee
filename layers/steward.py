"""The ledger of a base: read, held against what can be, and told as schedule, warnings and figures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from layers.collections import made_from
from layers.divisions import hold_divisions
from layers.enterprises import known_codes
from layers.errors import Refusal
from layers.known import Known
from layers.parcels import TAKEN
from layers.plan import ledger as planned
from layers.plan.figures import Figure, Tables, figures
from layers.plan.ledger import Ledger
from layers.plan.procedures import ahead, check
from layers.plan.readiness import SERVICES
from layers.plan.site_works import site_works
from layers.plan.warnings import warnings
from layers.plan.workdays import Calendar
from layers.project_land import SHARED, each_parcel
from layers.standards import Rulebook, Standards
from layers.store.base import Compare, Edit, Store, When

OFFERED = ("published", "sold")
"""States of listings that bind their scheme."""
GUARDED = ("projects", "permits", "phases")
"""The tables whose records are held against each other."""
HELD = (*GUARDED, "documents", "divisions", "parcels")
"""The tables whose records `hold` passes or refuses."""

RESTS_ON = (
    "projects", "permits", "land_cases", "opinions", "approvals", "buildings", "connections", "relocations", "sections", "issues",
    "parcels", "phases", "landscaping", "set_outs",
)  # fmt: skip
"""The layers that a ledger is read from."""


class BadHashError(Refusal):
    """What stands as the hash of a document is none."""


class OnOfferError(Refusal):
    """A plot with a published listing would become another one."""


class OtherSchemeError(Refusal):
    """A permit rests on another scheme than that with which the land was offered."""


@dataclass(frozen=True, slots=True)
class Steward:
    """The ledger of a base on a day: schedules, what is recorded beside them, and the warnings."""

    ledger: Ledger
    tables: Tables
    warnings: pd.DataFrame

    def figures(self, since: date, until: date) -> tuple[Figure, ...]:
        """Tell the figures of a period, both days inside."""
        first, last = np.datetime64(since, "D"), np.datetime64(until, "D")
        works = site_works(self.ledger, self.tables, first, last)
        return (*figures(self.ledger, self.tables, first, last, self.warnings), *works)


def steward(store: Store, standards: Standards, on: date, as_of: datetime | None = None, project: str | None = None) -> Steward:
    """Read the ledger, all of one moment, or that of one project; schedule it and find what is to be warned of.

    Time and memory grow with the projects and their steps.
    """
    with store.snapshot():
        tables, permits, relocations, opinions = _tables(store, as_of, project)
        floors = _floors(store, tables, relocations)
        sections = _sections(store, as_of, project)
    day, book = np.datetime64(on, "D"), standards.on(on)
    of = planned.ledger(tables.projects, permits, day, book, Calendar.of(standards), floors, tables.phases)
    return Steward(of, tables, warnings(of, tables.cases, tables.connections, tables.issues, opinions, sections, tables.set_outs))


class Stewards:
    """Whole ledgers of a base, kept until a table, a parcel or the findings change: nobody may change what they hold.

    land: what is kept of the land beside them, the figures of `layers.stock`.
    """

    def __init__(self, keep: int = 4) -> None:
        self._known, self.land = Known(keep), Known(keep)

    def get(self, store: Store, standards: Standards, on: date, as_of: datetime | None = None) -> Steward:
        """Remember the ledger of a day, as it was known at a moment, or read and schedule it."""
        with store.snapshot():
            versions = store.versions()
            key = (on, as_of, *(versions[name] for name in RESTS_ON), made_from(store))
            made: Steward = self._known.get(key, lambda: steward(store, standards, on, as_of))
        return made


def _tables(
    store: Store, as_of: When | None, project: str | None
) -> tuple[Tables, pd.DataFrame, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Read the tables, of all projects or of one; of a base that holds approvals the land supplied on them."""
    only = [] if project is None else [Compare("project", "=", project)]

    def read(name: str) -> gpd.GeoDataFrame:
        return store.read(name, where=only, as_of=as_of)

    projects = store.read("projects", ids=None if project is None else [project], as_of=as_of)
    approvals = store.read("approvals", as_of=as_of) if project is None else store.read("approvals", ids=[])
    supplied: gpd.GeoDataFrame | None = None
    if len(approvals):
        west, south, east, north = shapely.total_bounds(approvals.geometry.to_numpy()).tolist()
        sold = Compare("status", "in", tuple(s for s in TAKEN if s != "listed"))
        supplied = store.read("parcels", (west, south, east, north), columns=["id"], as_of=as_of, where=[sold])
    shapes = np.zeros(0, object) if supplied is None else np.asarray(supplied.geometry.to_numpy(), object)
    cases, connections, issues, buildings = (read(name) for name in ("land_cases", "connections", "issues", "buildings"))
    tables = Tables(
        projects, cases, connections, issues, buildings, approvals, shapes, read("phases"), read("landscaping"), read("set_outs")
    )
    return tables, read("permits"), read("relocations"), read("opinions")


def _sections(store: Store, as_of: When | None, project: str | None) -> pd.DataFrame:
    """Read the sections of roads, those of other projects on the roads of one too; those of cancelled projects are left out."""
    roads: list[Compare] = [Compare("road", "known")]
    if project is not None:
        mine = store.read("sections", columns=["road"], where=[*roads, Compare("project", "=", project)], as_of=as_of)
        roads = [Compare("road", "in", tuple(mine["road"].unique().tolist()))]
    sections: pd.DataFrame = store.read("sections", where=roads, as_of=as_of)
    whose = store.read("projects", ids=sections["project"].unique().tolist(), columns=["id", "status"], as_of=as_of)
    gone = whose["id"][(whose["status"] == "cancelled").to_numpy(bool, na_value=False)]
    return sections[~sections["project"].isin(gone).to_numpy(bool)]


def _floors(store: Store, tables: Tables, relocations: pd.DataFrame) -> pd.DataFrame:
    """Tell before which days steps cannot end: services of the parcels, connections and relocations that are to come."""
    parts = [*_services(store, tables.cases), *_coming(tables.connections, relocations)]
    return pd.DataFrame(parts, columns=["project", "phase", "item", "day", "en", "zh"])


def _services(store: Store, cases: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Tell from which day the parcels of cases are serviced, by the stored findings."""
    pairs = each_parcel(cases[["project", "phase", "parcels"]])
    if not len(pairs):
        return
    found, _ = store.findings(pairs["parcel"].unique().tolist(), ["ready_state", "ready_from", "deciding"])
    if not len(found):
        return
    joined = pairs.join(found, on="parcel", how="inner")
    dated = joined[(joined["ready_state"] == "dated").to_numpy(bool)]
    told = (dated[n] for n in ("project", "phase", "parcel", "ready_from", "deciding"))
    for project, phase, parcel, day, service in zip(*told, strict=True):
        title, on = SERVICES[service], day.date()
        yield (
            project,
            phase,
            "utilities_connected",
            day,
            f"parcel {parcel}: {title.en} serves from {on}",
            f"宗地{parcel}:{title.zh}自{on}起可用",
        )


def _coming(connections: pd.DataFrame, relocations: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Tell when connections and relocations that are not done are planned."""
    waits = connections[connections["connected_on"].isna() & connections["planned_on"].notna()]
    for project, utility, day in zip(waits["project"], waits["utility"], waits["planned_on"], strict=True):
        title, on = SERVICES[utility], day.date()
        yield project, None, "utilities_connected", day, f"{title.en} is to be connected on {on}", f"{title.zh}计划{on}接入"
    moves = relocations[relocations["done_on"].isna() & relocations["planned_on"].notna()]
    for project, name, day in zip(moves["project"], moves["name"].fillna(moves["id"]), moves["planned_on"], strict=True):
        yield project, None, "start", day, f"{name} is to be moved by {day.date()}", f"{name}计划{day.date()}完成迁改"


def hold(store: Store, edits: Sequence[Edit], book: Rulebook) -> None:
    """Pass edits after which projects and their steps can be; the refusals of `layers.plan.procedures` name what cannot."""
    for papers in (e.put for e in edits if e.layer == "documents" and e.put is not None):
        _hashes("documents", "sha256", papers)
    for put in (e.put for e in edits if e.layer == "permits" and e.put is not None):
        _hashes("permits", "scheme_hash", put)
        _same_scheme(store, put[put["scheme_hash"].notna() & put["exception_basis"].isna()])
    for projects in (e.put for e in edits if e.layer == "projects" and e.put is not None):
        known_codes(projects, book)
    hold_divisions(store, edits)
    for parcels in (e for e in edits if e.layer == "parcels"):
        _on_offer(store, parcels)
    mine = {e.layer: e for e in edits if e.layer in GUARDED}
    if not mine:
        return
    ids: set[str] = set()
    for name, column in (("projects", "id"), ("permits", "project"), ("phases", "project")):
        if (e := mine.get(name)) is not None:
            old = store.read(name, ids=list({*e.delete, *([] if e.put is None else e.put["id"])}))
            ids.update(old[column], [] if e.put is None else e.put[column])
    projects = _after(store.read("projects", ids=sorted(ids)), mine.get("projects"))
    permits = _after(store.read("permits", where=[Compare("project", "in", tuple(sorted(ids)))]), mine.get("permits"))
    phases = _after(store.read("phases", where=[Compare("project", "in", tuple(sorted(ids)))]), mine.get("phases"))
    check(projects, permits, np.datetime64(book.day, "D"), book, phases)


def _hashes(table: str, column: str, records: pd.DataFrame) -> None:
    """Pass records whose hash, where there is one, is a SHA-256."""
    known = records[records[column].notna()]
    wrong = known[~known[column].str.fullmatch("[0-9a-f]{64}").to_numpy(bool)]
    if len(wrong):
        id, said = wrong["id"].iloc[0], str(wrong[column].iloc[0])[:80]
        raise BadHashError(
            f"{table} {id}: {column} {said!r} is no SHA-256; write its 64 digits 0-9a-f, as sha256sum prints them",
            f"{table} {id}:{column} {said!r} 不是 SHA-256,请填 64 位 0-9a-f(可由 sha256sum 得到)",
        )


def _same_scheme(store: Store, permits: pd.DataFrame) -> None:
    """Pass permits that rest on the scheme with which the land of their project was offered (带方案出让), where one binds it."""
    if not len(permits):
        return
    offers = store.read(
        "listings", where=[Compare("state", "in", OFFERED), Compare("scheme", "known")], columns=["id", "plot", "scheme"]
    )
    if not len(offers):
        return
    whose = [Compare("project", "in", tuple(permits["project"].unique().tolist()))]
    named = each_parcel(store.read("land_cases", where=[*whose, Compare("parcels", "known")], columns=["project", "parcels"]))
    sites = store.read("sites", where=whose, columns=["project", "status"])
    sites = sites[(sites["status"] != "cancelled").to_numpy(bool, na_value=True)]
    land = store.read("parcels", ids=offers["plot"].unique().tolist(), columns=["id"])
    for permit, project, told in zip(permits["id"], permits["project"], permits["scheme_hash"], strict=True):
        plots = set(named["parcel"][named["project"] == project])
        own = shapely.union_all(sites.geometry[(sites["project"] == project).to_numpy(bool)].to_numpy(object))
        plots.update(land["id"][shapely.area(shapely.intersection(land.geometry.to_numpy(object), own)) > SHARED])
        mine = offers[offers["plot"].isin(plots).to_numpy(bool)]
        bound = {file["sha256"] for files in mine["scheme"] for file in json.loads(files)}
        if bound and told not in bound:
            listing = ", ".join(mine["id"])
            raise OtherSchemeError(
                f"permits {permit}: it rests on scheme {told[:12]}, which listing {listing} does not bind; correct scheme_hash, or say in exception_basis why another scheme holds",
                f"permits {permit}:所依据的方案 {told[:12]} 不是供地信息 {listing} 所绑定的方案,请更正 scheme_hash,或在 exception_basis 说明依据",
            )


def _on_offer(store: Store, parcels: Edit) -> None:
    """Pass an edit that leaves the plots of published listings where they are, outlined and on offer as was published."""
    if not store.versions()["listings"]:
        return
    offers = store.read("listings", where=[Compare("state", "=", "published")], columns=["id", "plot"])
    if not len(offers):
        return
    wrong = set(offers["plot"]) & set(parcels.delete)
    if parcels.put is not None:
        put = parcels.put[parcels.put["id"].isin(offers["plot"])].set_index("id")
        old = store.read("parcels", ids=list(put.index)).set_index("id")
        put = put.loc[old.index]
        same = shapely.equals(old.geometry.to_numpy(), put.geometry.to_numpy()) & (
            old["status"].fillna("") == put["status"].fillna("")
        )
        wrong |= set(old.index[~same.to_numpy(bool)])
    if wrong:
        plot, listing = offers.loc[offers["plot"].isin(wrong), ["plot", "id"]].min()
        raise OnOfferError(
            f"parcel {plot} is on offer by listing {listing}: its outline and status stand; withdraw the listing first",
            f"宗地 {plot} 正由供地信息 {listing} 公开供应,其边界和状态不可更改;请先撤回该供地信息",
        )


def coming(store: Store, edits: Sequence[Edit], book: Rulebook) -> None:
    """Pass edits that set no plan or target to a day that has been; PastError names it. A delivery may bring what is late."""
    for e in edits:
        if e.layer in GUARDED and e.put is not None and len(e.put):
            ahead(e.layer, store.read(e.layer, ids=e.put["id"].tolist()), e.put, np.datetime64(book.day, "D"))


def _after(stored: gpd.GeoDataFrame, edit: Edit | None) -> gpd.GeoDataFrame:
    """Tell a table as it will be after an edit."""
    if edit is None:
        return stored
    put = stored.iloc[:0] if edit.put is None else edit.put
    kept = stored[~stored["id"].isin([*edit.delete, *put["id"]])]
    return pd.concat([part for part in (kept, put) if len(part)], ignore_index=True) if len(kept) or len(put) else kept
