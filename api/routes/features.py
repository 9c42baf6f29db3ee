"""OGC API - Features: landing page, conformance, collections and their items."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path as Path_
from tempfile import TemporaryDirectory
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import WithJsonSchema

from api.answers import GEOJSON, HTML, JSON, SCHEMA, Wish, answer, kept, tag, unchanged, wish
from api.asked import AS_OF, FORMATS, Asked, AsOf, Format, Plain, packed, past, query
from api.auth import ThePerson, origin, unknown
from api.crs import CRS84, offered, places, uri
from api.deps import AStore, Sees, Sight, TheKnown, TheSettings
from api.models import Problem
from api.routes import page as front
from layers.assessment import NotFoundError
from layers.base import KEY, Field, names
from layers.collections import GEOMETRY, NAMED, Collection, extent, state, written
from layers.filter.errors import FilterError
from layers.filter.tree import print_of
from layers.formats.geojson import features
from layers.formats.stream import FORMATS as FILES
from layers.known import Known
from layers.paging import Page, one, page, stream
from layers.paging import Query as Ask
from layers.store.base import Store
from maps.tiles import tiled

Json = dict[str, Any]
OGC = "http://www.opengis.net/spec/"
CONFORMANCE = [
    OGC + name
    for name in (
        "ogcapi-common-1/1.0/conf/core", "ogcapi-common-1/1.0/conf/landing-page", "ogcapi-common-1/1.0/conf/json",
        "ogcapi-common-1/1.0/conf/html", "ogcapi-common-1/1.0/conf/oas30", "ogcapi-common-2/1.0/conf/collections",
        "ogcapi-features-1/1.0/conf/core", "ogcapi-features-1/1.0/conf/oas30", "ogcapi-features-1/1.0/conf/html",
        "ogcapi-features-1/1.0/conf/geojson", "ogcapi-features-2/1.0/conf/crs", "ogcapi-features-3/1.0/conf/filter",
        "ogcapi-features-3/1.0/conf/features-filter", "ogcapi-features-3/1.0/conf/queryables",
        "ogcapi-features-3/1.0/conf/queryables-query-parameters", "cql2/1.0/conf/cql2-text", "cql2/1.0/conf/cql2-json",
        "cql2/1.0/conf/basic-cql2", "cql2/1.0/conf/advanced-comparison-operators",
        "cql2/1.0/conf/case-insensitive-comparison", "cql2/1.0/conf/accent-insensitive-comparison",
        "cql2/1.0/conf/basic-spatial-functions", "cql2/1.0/conf/basic-spatial-operators",
        "cql2/1.0/conf/basic-spatial-functions-plus", "cql2/1.0/conf/spatial-functions",
        "ogcapi-features-4/1.0/conf/create-replace-delete", "ogcapi-features-4/1.0/conf/update",
        "ogcapi-features-4/1.0/conf/features", "ogcapi-features-4/1.0/conf/optimistic-locking-etags",
        "cql2/1.0/conf/temporal-functions", "cql2/1.0/conf/property-property", "cql2/1.0/conf/arithmetic",
        "ogcapi-tiles-1/1.0/conf/core", "ogcapi-tiles-1/1.0/conf/tileset", "ogcapi-tiles-1/1.0/conf/tilesets-list",
        "ogcapi-tiles-1/1.0/conf/geodata-tilesets", "ogcapi-tiles-1/1.0/conf/mvt",
        "ogcapi-processes-1/1.0/conf/core", "ogcapi-processes-1/1.0/conf/ogc-process-description",
        "ogcapi-processes-1/1.0/conf/json", "ogcapi-processes-1/1.0/conf/oas30", "ogcapi-processes-1/1.0/conf/job-list",
        "ogcapi-processes-1/1.0/conf/dismiss",
    )
]  # fmt: skip
"""What is here. QGIS looks for basic-spatial-operators, as drafts of CQL2 called the spatial functions."""
TYPES = {"text": "string", "integer": "integer", "real": "number", "date": "string", "flag": "boolean"}
TILES = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
MEDIA = {name: media for name, (media, _) in FILES.items()}
AnyFormat = Annotated[str | None, WithJsonSchema({"type": "string", "enum": [*FORMATS, *MEDIA]})]
SHAPES = {"polygon": "geometry-multipolygon", "line": "geometry-multilinestring", "any": "geometry-any"}


async def the_wish(
    request: Request, settings: TheSettings, f: Annotated[Format, Query(description="JSON or HTML")] = None
) -> Wish:
    """Settle the form of the answer."""
    return wish(request, origin(request, settings), f)


TheWish = Annotated[Wish, Depends(the_wish)]
Id = Annotated[
    str, WithJsonSchema({"type": "string", "enum": list(NAMED)}), Path(alias="collectionId", description="name of a collection")
]
Number = Annotated[str, Path(alias="featureId", max_length=200, description="number of a feature")]
NAMES = {field.alias or name for name, field in Asked.model_fields.items()} | {"f"}
router = APIRouter(tags=["features"], responses={400: {"model": Problem}})


def only(request: Request, *known: str) -> None:
    """Refuse parameters that a route does not know."""
    for name in request.query_params:
        if name not in known:
            raise FilterError(f"there is no parameter {name[:80]!r} here", f"此处没有参数 {name[:80]!r}")


def find(sees: Mapping[str, Collection], name: str) -> Collection:
    """Find a collection that the caller may see; NotFoundError for others and for those that there are not."""
    if name not in sees:
        raise NotFoundError(
            f"there is no collection {name[:100]}; /collections lists them", f"没有集合 {name[:100]};见 /collections"
        )
    return sees[name]


@router.get("/", responses={200: {"content": {JSON: {}, HTML: {}}}})
def landing(
    request: Request, settings: TheSettings, store: AStore, person: ThePerson,
    f: Annotated[Format, Query(description="JSON or HTML")] = None,
) -> Response:  # fmt: skip
    """Open the map for a browser; for programs, say what is here: to the public, what they may see."""
    of = wish(request, origin(request, settings), f)
    within = person.may("viewer")
    if f is None and of.format == "html":
        return front.index(settings) if within else unknown(request, None)
    only(request, "f", "lang")
    links = [
        *of.around(),
        of.link("/api", "service-desc", "OpenAPI 3.0", "application/vnd.oai.openapi+json;version=3.0"),
        of.link("/api?f=html", "service-doc", "OpenAPI 3.0", HTML),
        of.link("/conformance", "conformance", "Conformance 符合的标准"),
        of.link("/collections", "data", "Collections 数据集"),
    ]
    inside = [
        of.link("/tileMatrixSets", "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes", "Tile matrix sets 瓦片矩阵集"),
        of.link("/processes", "http://www.opengis.net/def/rel/ogc/1.0/processes", "Processes 处理"),
        of.link("/jobs", "http://www.opengis.net/def/rel/ogc/1.0/job-list", "Jobs 任务"),
        of.link("/", "alternate", "Map 地图", HTML),
    ]
    title = f"熟地 Shudi · {store.title}" if within and store.title else "熟地 Shudi"
    return answer(
        of, title, {"title": title, "description": request.app.description, "links": links + inside if within else links}
    )


@router.get("/conformance", responses={200: {"content": {JSON: {}, HTML: {}}}})
def conformance(of: TheWish) -> Response:
    """List the classes of the standards that are here."""
    only(of.request, "f")
    return answer(of, "Conformance 符合的标准", {"conformsTo": CONFORMANCE, "links": of.around()})


@router.get("/api", responses={200: {"content": {JSON: {}, HTML: {}}}})
def description(of: TheWish) -> Response:
    """Describe every path and parameter, as OpenAPI 3.0."""
    only(of.request, "f")
    return answer(
        of, "OpenAPI", {**of.request.app.openapi(), "servers": [{"url": of.url}]}, "application/vnd.oai.openapi+json;version=3.0"
    )


@router.get("/collections", responses={200: {"content": {JSON: {}, HTML: {}}}})
def collections(of: TheWish, store: AStore, sees: Sees, known: TheKnown) -> Response:
    """List the collections."""
    only(of.request, "f")
    listed = [described(of, store, c, known) for c in sees.values()]
    body = {"links": of.around(), "crs": offered(store.crs), "collections": listed}
    return answer(of, "Collections 数据集", body)


@router.get("/collections/{collectionId}", responses={200: {"content": {JSON: {}, HTML: {}}}, 404: {"model": Problem}})
def collection(name: Id, of: TheWish, store: AStore, sees: Sees, known: TheKnown) -> Response:
    """Describe a collection: its extent, its CRSs, where its features are."""
    only(of.request, "f")
    found = find(sees, name)
    body = described(of, store, found, known)
    return answer(of, said(found), {**body, "crs": offered(store.crs), "links": [*of.around(), *body["links"]]})


@router.get(
    "/collections/{collectionId}/queryables", responses={200: {"content": {SCHEMA: {}, HTML: {}}}, 404: {"model": Problem}}
)
def queryables(name: Id, of: TheWish, sees: Sees) -> Response:
    """Describe the columns that filters may name, as JSON Schema."""
    only(of.request, "f")
    return schema(of, find(sees, name), "queryables")


@router.get("/collections/{collectionId}/schema", responses={200: {"content": {SCHEMA: {}, HTML: {}}}, 404: {"model": Problem}})
def the_schema(name: Id, of: TheWish, sees: Sees) -> Response:
    """Describe the columns of the features, as JSON Schema."""
    only(of.request, "f")
    return schema(of, find(sees, name), "schema")


@router.get(
    "/collections/{collectionId}/items",
    responses={200: {"content": {GEOJSON: {}, HTML: {}, **{media: {} for media in MEDIA.values()}}}, 404: {"model": Problem}},
)
def items(
    request: Request, name: Id, asked: Annotated[Asked, Query()], settings: TheSettings, store: AStore, sight: Sight, known: TheKnown,
    f: Annotated[AnyFormat, Query(description="JSON or HTML by pages; the others at once, all of it or the first `limit`")] = None,
) -> Response:  # fmt: skip
    """List features, page by page, in the order of their numbers or as `sortby` says; `next` leads to the page behind."""
    of = wish(request, origin(request, settings), f, MEDIA)
    more = {k: v for k, v in of.request.query_params.items() if k not in NAMES}
    with store.snapshot():
        found = find(sight(), name)
        only(of.request, *NAMES, *(set(names(found.fields))))
        there = places(asked.crs, store.crs)
        etag = tag(of.url, of.format, str(of.request.url.query), of.path, found.stamp(store), print_of(found.only))
        modified = None if found.computed else written(store, store.versions()[found.layer], known)
        if (same := unchanged(of.request, etag, modified)) is not None:
            return same
        wanted = query(asked, more, found, store.crs)
        if of.format in MEDIA:
            return whole(of, store, found, wanted, asked, there.crs, etag)
        got = page(store, found, wanted, known)
        links = [*of.around(GEOJSON), of.link(f"/collections/{quote(name)}", "collection", said(found))]
        if got.more is not None:
            same_as = [(k, v) for k, v in of.request.query_params.multi_items() if k not in ("after", "f")]
            ask = urlencode([*same_as, ("f", of.format), ("after", packed(got.more))])
            links.append(of.link(f"{of.path}?{ask}", "next", "next page", GEOJSON if of.format == "json" else HTML))
        sent = listing(of, found, got, there.crs, links, speaks_of(store, found))
        sent.headers.update({**kept(etag, modified), "Content-Crs": f"<{(asked.crs and named(there.crs)) or CRS84}>"})
    return sent


@router.get(
    "/collections/{collectionId}/items/{featureId}",
    responses={200: {"content": {GEOJSON: {}, HTML: {}}}, 404: {"model": Problem}},
)
def item(
    name: Id, number: Number, of: TheWish, store: AStore, sight: Sight, known: TheKnown,
    crs: Annotated[Plain, Query(description="CRS of the answer, a URI; default CRS84")] = None,
    as_of: Annotated[AsOf, Query(description=AS_OF)] = None,
) -> Response:  # fmt: skip
    """Send one feature."""
    only(of.request, "f", "crs", "as_of")
    with store.snapshot():
        found = find(sight(), name)
        there, moment = places(crs, store.crs), past(as_of, found)
        frame, day = one(store, found, number, moment), speaks_of(store, found)
        dated = not found.computed and moment is None
        modified = written(store, store.stamps(found.layer, [number])[number], known) if dated else None
    etag = tag(state(frame), *day.values(), "" if of.format == "json" else HTML)
    if (same := unchanged(of.request, etag, modified)) is not None:
        return same
    body = json.loads(features(frame, found.fields, there.crs)[0])
    links = [*of.around(GEOJSON), of.link(f"/collections/{quote(name)}", "collection", said(found))]
    sent = answer(of, f"{said(found)} {number}", {**body, **day, "links": links}, GEOJSON)
    sent.headers.update({**kept(etag, modified), "Content-Crs": f"<{named(there.crs)}>"})
    return sent


def whole(of: Wish, store: Store, found: Collection, wanted: Ask, asked: Asked, crs: object, etag: str) -> Response:
    """Send all that matches as one file, written aside first: it is sent whole or not at all."""
    if wanted.order or wanted.after:
        raise FilterError(f"f={of.format} knows no sortby and no pages", f"f={of.format} 不支持排序和分页")
    media, write = FILES[of.format]
    columns = [f for f in found.fields if wanted.columns is None or f.name in (KEY.name, *wanted.columns)]
    with TemporaryDirectory(prefix="shudi-") as folder:
        path = Path_(folder) / f"{found.name}.{of.format}"
        write(stream(store, found, wanted, None if asked.limit is None else int(asked.limit[:9])), columns, str(crs), path)
        body = path.open("rb")
    headers = {
        "ETag": etag, "Cache-Control": "no-cache", "Content-Crs": f"<{named(crs)}>", "Vary": "Accept",
        "Content-Disposition": f'attachment; filename="{found.name}.{of.format}"',
    }  # fmt: skip
    return StreamingResponse(pieces(body), media_type=media, headers=headers)


def speaks_of(store: Store, found: Collection) -> Json:
    """Name the day of which a computed collection speaks; nothing of the others, and where nothing was computed."""
    on = store.findings([], [])[1].get("on") if found.assessed else None
    return {"on": on} if on else {}


def pieces(body: BinaryIO) -> Iterator[bytes]:
    """Read a file piece by piece, and let go of it."""
    with body:
        while piece := body.read(1 << 18):
            yield piece


def said(of: Collection) -> str:
    """Name a collection in both languages."""
    return f"{of.title.en} {of.title.zh}"


def named(crs: object) -> str:
    """Write the URI of a CRS."""
    return CRS84 if str(crs) == "OGC:CRS84" else uri(str(crs))


def described(of: Wish, store: Store, found: Collection, known: Known) -> Json:
    """Describe a collection."""
    root, box = f"/collections/{found.name}", extent(store, found, known)
    body: Json = {
        "id": found.name,
        "title": said(found),
        "description": f"{found.about.en} {found.about.zh}",
        "itemType": "feature",
        "crs": ["#/crs"],
        "storageCrs": uri(store.crs),
        "links": [
            of.link(f"{root}/items", "items", said(found), GEOJSON),
            of.link(f"{root}/items?f=html", "items", said(found), HTML),
            *(of.link(f"{root}/items?f={form}", "items", said(found), media) for form, media in MEDIA.items()),
            of.link(f"{root}/queryables", "http://www.opengis.net/def/rel/ogc/1.0/queryables", "Queryables", SCHEMA),
            of.link(f"{root}/schema", "http://www.opengis.net/def/rel/ogc/1.0/schema", "Schema", SCHEMA),
            *([of.link(f"{root}/tiles", TILES, "Tiles 瓦片")] if found.name in tiled() else []),
        ],
    }
    body |= speaks_of(store, found)
    return {**body, "extent": {"spatial": {"bbox": [box], "crs": CRS84}}} if box else body


def schema(of: Wish, found: Collection, what: str) -> Response:
    """Describe columns as JSON Schema; units and codes as the layer states them."""
    columns = {f.name: described_column(f) for f in found.fields}
    shape = {"title": "Geometry 几何", "format": SHAPES.get(found.geometry), "x-ogc-role": "primary-geometry"}
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{of.url}/collections/{found.name}/{what}",
        "type": "object",
        "title": said(found),
        "properties": {**columns, **({GEOMETRY: shape} if found.geometry in SHAPES else {})},
        **({"additionalProperties": False} if what == "queryables" else {}),
    }
    return answer(of, said(found), body, SCHEMA)


def described_column(field: Field) -> Json:
    """Describe one column."""
    body: Json = {"title": f"{field.title.en} {field.title.zh}", "type": TYPES[field.dtype]}
    if field.meaning:
        body["description"] = field.meaning
    if field.dtype == "date":
        body["format"] = "date"
    if field.unit:
        body["x-ogc-unit"] = field.unit
    if field.codes:
        body["enum"] = list(field.codes)
        body["x-enum-names"] = {c.value: f"{c.name.en} {c.name.zh}" for c in field.codes.values()}
    return {**body, "x-ogc-role": "id"} if field.name == "id" else body


def listing(of: Wish, found: Collection, got: Page, crs: object, links: list[Json], more: Json) -> Response:
    """Write a page of features, and `more` beside them; what is long is not parsed again."""
    written = features(got.features, found.fields, crs)
    facts: Json = {"numberReturned": len(written), "links": links, **more}
    if got.matched is not None:
        facts["numberMatched"] = got.matched
    if of.format == "html":
        return answer(of, said(found), {"type": "FeatureCollection", "features": [json.loads(w) for w in written], **facts})
    rest = json.dumps(facts, ensure_ascii=False)[1:]
    return Response(
        f'{{"type":"FeatureCollection","features":[{",".join(written)}],{rest}', media_type=GEOJSON, headers={"Vary": "Accept"}
    )
