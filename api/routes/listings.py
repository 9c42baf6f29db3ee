"""Listings: who works here sees all and moves them on, everybody else sees those that are published, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.answers import HTML, POLICY, answer, tag, wish
from api.auth import Person, ThePerson, origin
from api.deps import ADesk, AStore, Desk, TheNetworks, TheSettings, TheStandards
from api.models import Problem
from api.packs import sheet_told
from api.routes.edits import agreed, stale
from api.routes.features import find
from layers.assessment import NotFoundError, mapped
from layers.base import Text
from layers.collections import state
from layers.formats.export import csv
from layers.ledger.listings import LAYER, STATES
from layers.listings import (
    Arriving,
    By,
    advance,
    alterable,
    attach,
    beside,
    change,
    detach,
    draft,
    feed,
    land_of,
    listing,
    listings,
    moment_of,
    open_for_change,
    scheme_files,
    ways,
)
from layers.plan.listing import TERMS, Listing
from layers.plan.notice import Section, body, form, notice, said
from layers.plan.notice import printed as sections_of
from layers.refresh import refresh
from layers.store.base import ConflictError, Store
from maps import notice as papers

router = APIRouter(tags=["listings"], responses={404: {"model": Problem}})
COLUMNS = ("location", "area", "use_code", "start_price", "listing_to")
TITLE = Text("Land on offer", "在供地块")
Language = Annotated[Literal["en", "zh"] | None, Query(description="language; default: the browser's")]
Form = Annotated[str | None, Query(alias="f", json_schema_extra={"enum": ["json", "html"]})]
CACHED = {"Cache-Control": "no-cache"}
GEOJSON, CSV = "application/geo+json", "text/csv; charset=utf-8"
SCREEN = 110
"""Dots an inch of a picture on a screen."""
Reason = Annotated[str, Query(max_length=500, description="reason or document number, for the history")]
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class Draft(BaseModel):
    """A listing to draft: the plot and its terms, each as a person writes it."""

    model_config = ConfigDict(extra="forbid")
    plot: str = Field(max_length=200)
    id: str = Field("", max_length=200)
    terms: dict[str, str] = {}
    reason: str = Field("", max_length=500)


class Terms(BaseModel):
    """Terms to change, each as a person writes it; null takes one out."""

    model_config = ConfigDict(extra="forbid")
    terms: dict[str, str | None]
    reason: str = Field("", max_length=500)


class Move(BaseModel):
    """The state that a listing shall go to, and why it is published in spite of its faults."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["draft", "reviewed", "published", "withdrawn", "sold"]
    override: str = Field("", max_length=2000)
    reason: str = Field("", max_length=500)


def seen(store: Store, person: Person) -> list[Listing]:
    """List what a person may see."""
    return listings(store, None if person.may("viewer") else "published")


def one(store: Store, id: str, person: Person) -> Listing:
    """Find a listing that a person may see."""
    return listing(store, id, public=not person.may("viewer"))[0]


def mark(store: Store, id: str) -> str:
    """Make the ETag of a listing, that of its feature."""
    return tag(state(store.read(LAYER.name, ids=[id])), "")


def spoken(request: Request, lang: str | None) -> Literal["en", "zh"]:
    """Tell the reader's language."""
    first = request.headers.get("accept-language", "zh").lower()
    return "zh" if lang == "zh" or (lang is None and first.startswith("zh")) else "en"


def shown(made: Listing, person: Person) -> dict[str, Any]:
    """Write a listing for programs: with its notice, and what this person may do with it."""
    may = {"moves": ways(made, person.role), "alterable": alterable(made, person.role)}
    land = land_of(made)
    return {**body(made, land), "notice": sections_of(notice(made, land)), **may}


@router.get("/listings", response_model=None)
def offered(
    request: Request, store: AStore, person: ThePerson, settings: TheSettings, lang: Language = None, f: Form = None
) -> Response:
    """List the listings: as a page for readers, as JSON for programs; the public sees published ones only."""
    asked, offers = wish(request, origin(request, settings), f), seen(store, person)
    if asked.format == "json":
        told = [body(made, land_of(made)) for made in offers]
        return answer(asked, "listings", {"listings": told, "form": form(), "generated": "generated" in store.title})
    heads = [LAYER.field("plot").title, LAYER.field("state").title, *(TERMS[name].title for name in COLUMNS)]
    nothing = Text("", "")
    rows = [
        (
            f"/listings/{quote(made.id, safe='')}",
            [
                Text(made.plot, made.plot),
                STATES[made.state].name,
                *(said(TERMS[name], made.terms[name]) if name in made.terms else nothing for name in COLUMNS),
            ],
        )
        for made in offers
    ]
    page = papers.index(rows, heads, TITLE, spoken(request, lang), "generated" in store.title)
    return Response(page, media_type=HTML, headers={"Content-Security-Policy": POLICY, "Vary": "Accept, Accept-Language"})


@router.get("/listings.geojson", response_class=Response)
def as_geojson(store: AStore, person: ThePerson) -> Response:
    """Feed the listings as GeoJSON."""
    features = feed(store, seen(store, person)).to_crs("EPSG:4326")
    return Response(features.to_json(na="null", drop_id=True, ensure_ascii=False), media_type=GEOJSON, headers=CACHED)


@router.get("/listings.csv", response_class=Response)
def as_csv(store: AStore, person: ThePerson) -> Response:
    """Feed the listings as CSV."""
    features = feed(store, seen(store, person))
    return Response(csv(features.drop(columns="geometry")), media_type=CSV, headers=CACHED)


def printed(store: Store, made: Listing) -> tuple[tuple[Section, ...], Text, bool]:
    """Give what all forms of a notice print."""
    return notice(made, land_of(made)), Text(f"Listing {made.plot}", f"挂牌公告 {made.plot}"), "generated" in store.title


@router.get("/listings/{id}", response_model=None)
def listed(
    id: str, request: Request, store: AStore, person: ThePerson, settings: TheSettings, lang: Language = None, f: Form = None
) -> Response:
    """Show one listing: its notice as a page, or as JSON."""
    asked = wish(request, origin(request, settings), f)
    with store.snapshot():
        made, etag = one(store, id, person), mark(store, id)
    if asked.format == "json":
        sent = answer(asked, "listing", shown(made, person))
        sent.headers["ETag"] = etag
        return sent
    here = f"/listings/{quote(made.id, safe='')}"
    links = " ".join(f'<a href="{here}/{name}">{name}</a>' for name in ("notice.pdf", "notice.docx", "parcel_map.pdf"))
    sections, title, generated = printed(store, made)
    page = papers.html(sections, title, spoken(request, lang), generated, links)
    return Response(page, media_type=HTML, headers={"Content-Security-Policy": POLICY, "Vary": "Accept, Accept-Language"})


@router.get("/listings/{id}/notice.pdf", response_class=Response)
def as_pdf(id: str, request: Request, store: AStore, person: ThePerson, lang: Language = None) -> Response:
    """Send the notice of a listing as PDF."""
    sections, title, generated = printed(store, one(store, id, person))
    return Response(papers.pdf(sections, title, spoken(request, lang), generated), media_type="application/pdf", headers=CACHED)


@router.get("/listings/{id}/notice.docx", response_class=Response)
def as_docx(id: str, request: Request, store: AStore, person: ThePerson, lang: Language = None) -> Response:
    """Send the notice of a listing for word processors."""
    sections, title, generated = printed(store, one(store, id, person))
    return Response(papers.docx(sections, title, spoken(request, lang), generated), media_type=DOCX, headers=CACHED)


def map_of(store: Store, made: Listing, language: str) -> bytes:
    """Print the parcel map of a listing."""
    from maps.sheet import parcel_sheet

    moment = moment_of(store, made)
    return parcel_sheet(
        mapped(store, made.plot, moment.entry, language), language, on=moment.on, generated="generated" in store.title
    )


@router.get("/listings/{id}/parcel_map.pdf", response_class=Response)
def as_map(id: str, request: Request, store: AStore, person: ThePerson, lang: Language = None) -> Response:
    """Send the parcel map of a listing as PDF."""
    printed = map_of(store, one(store, id, person), spoken(request, lang))
    return Response(printed, media_type="application/pdf", headers=CACHED)


@router.get("/listings/{id}/parcel_map.png", response_class=Response)
def as_picture(id: str, request: Request, store: AStore, person: ThePerson, lang: Language = None) -> Response:
    """Send the parcel map of a listing as PNG."""
    from maps.sheet import picture

    drawn = picture(map_of(store, one(store, id, person), spoken(request, lang)), SCREEN)
    return Response(drawn, media_type="image/png", headers=CACHED)


@router.get("/listings/{id}/pack.zip", response_class=Response)
def as_pack(
    id: str, request: Request, store: AStore, person: ThePerson, settings: TheSettings, standards: TheStandards,
    networks: TheNetworks, lang: Language = None,
) -> Response:  # fmt: skip
    """Send the pack of a listing: every paper, with the evidence of its verdict."""
    from maps.pack import pack

    made = one(store, id, person)
    data = pack(store, made, standards, spoken(request, lang), sheet_told(store), beside(settings.base), networks)
    return Response(data, media_type="application/zip", headers=CACHED)


class Clerk(NamedTuple):
    """Who works on listings, at what desk."""

    desk: Desk

    def by(self, reason: str, version: int | None = None) -> By:
        """Name who acts."""
        return By(self.desk.person.name, self.desk.person.role, reason, version)

    def told(self, made: Listing, status: int = 200) -> JSONResponse:
        """Answer with a listing and the tag of its version."""
        return JSONResponse(shown(made, self.desk.person), status, {"ETag": mark(self.desk.writer, made.id)})

    def agreed(self, id: str) -> tuple[int | None, Response | None]:
        """Find the version of a listing that a change rests on by its If-Match; the refusal where it is stale or missing."""
        return agreed(self.desk, find(self.desk.sees, LAYER.name), id)

    def step(self, id: str, reason: str, work: Callable[[By], Listing]) -> Response:
        """Work on a listing, on the version that the caller read."""
        version, refused = self.agreed(id)
        return refused or self.done(id, self.by(reason, version), work)

    def done(self, id: str, by: By, work: Callable[[By], Listing]) -> Response:
        """Work on a version of a listing that was agreed on."""
        try:
            return self.told(work(by))
        except ConflictError:
            return stale(self.desk, find(self.desk.sees, LAYER.name), id)


async def the_clerk(desk: ADesk) -> Clerk:
    """Put somebody who works on listings at a desk."""
    return Clerk(desk)


AClerk = Annotated[Clerk, Depends(the_clerk)]
CHANGED: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (403, 412, 413, 422, 428)}


@router.post("/listings", status_code=201, responses={422: {"model": Problem}})
def drafted(asked: Draft, clerk: AClerk) -> Response:
    """Draft the listing of a plot."""
    by = clerk.by(asked.reason)
    return clerk.told(draft(clerk.desk.writer, asked.plot, asked.terms, by, clerk.desk.standards, asked.id), 201)


@router.patch("/listings/{id}", responses=CHANGED)
def changed(id: str, asked: Terms, clerk: AClerk) -> Response:
    """Change terms of a listing, which is a draft again."""
    return clerk.step(id, asked.reason, lambda by: change(clerk.desk.writer, id, asked.terms, by, clerk.desk.standards))


@router.put("/listings/{id}/state", responses=CHANGED)
def moved(id: str, asked: Move, clerk: AClerk) -> Response:
    """Move a listing to another state, as far as the role allows."""

    def move(by: By) -> Listing:
        made = advance(clerk.desk.writer, id, asked.state, by, clerk.desk.standards, asked.override, clerk.desk.networks)
        refresh(clerk.desk.writer, clerk.desk.standards, clerk.desk.networks)
        return made

    return clerk.step(id, asked.reason, move)


@router.put("/listings/{id}/scheme/{name}", responses=CHANGED)
async def sent(id: str, name: str, request: Request, clerk: AClerk, reason: Reason = "") -> Response:
    """Bind a file of a scheme to a listing by its hash; the body is the file as it is. One of the same name is replaced."""
    version, refused = await to_thread.run_sync(clerk.agreed, id)
    if refused is not None:
        return refused
    await to_thread.run_sync(open_for_change, clerk.desk.writer, id)
    file = await to_thread.run_sync(Arriving, beside(clerk.desk.settings.base), name)
    try:
        async for chunk in request.stream():
            await to_thread.run_sync(file.add, chunk)
        bound = await to_thread.run_sync(file.end)
    finally:
        file.close()
    by = clerk.by(reason, version)
    return await to_thread.run_sync(clerk.done, id, by, lambda by: attach(clerk.desk.writer, id, bound, by, clerk.desk.standards))


@router.delete("/listings/{id}/scheme/{name}", responses=CHANGED)
def unbound(id: str, name: str, clerk: AClerk, reason: Reason = "") -> Response:
    """Unbind a file of a scheme."""
    return clerk.step(id, reason, lambda by: detach(clerk.desk.writer, id, name, by, clerk.desk.standards))


@router.get("/listings/{id}/scheme/{name}", response_class=Response)
def scheme_file(id: str, name: str, store: AStore, person: ThePerson, settings: TheSettings) -> Response:
    """Send a file of a scheme, held against its hash."""
    held = scheme_files(beside(settings.base), one(store, id, person))
    if name not in held:
        raise NotFoundError(f"listing {id} has no file {name[:80]}", f"供地信息 {id} 没有文件 {name[:80]}")
    headers = {**CACHED, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(held[name], media_type="application/octet-stream", headers=headers)
