"""OGC API - Features, Part 4: create, replace, update and delete, one feature a request, on the version that the caller read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote

import numpy as np
import shapely
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from api.answers import tag
from api.auth import origin
from api.crs import CRS84, places
from api.deps import ADesk, AStore, Desk, Sees, TheStandards
from api.errors import problem
from api.models import Problem
from api.routes.features import Id, Number, find, only
from geo.crs import transform
from layers.assessment import NotFoundError
from layers.collections import Collection, state
from layers.edits import edit
from layers.formats.geojson import features
from layers.mosaic import Fault, MosaicError, drawn
from layers.paging import one
from layers.refresh import refresh
from layers.store.base import Change, ConflictError, Store
from layers.wishes import Action, BadEditError, Wish, read_json, wishes_of

Reason = Annotated[str, Query(max_length=500, description="reason or document number, for the history")]
Accept = Annotated[str, Query(max_length=500, description="why overlaps and gaps among parcels may stand")]
router = APIRouter(
    tags=["edits"], responses={400: {"model": Problem}, 404: {"model": Problem}, 412: {"model": Problem}, 428: {"model": Problem}}
)


async def the_body(request: Request) -> object:
    """Read the JSON of a request."""
    try:
        return read_json((await request.body()).decode("utf-8"))
    except UnicodeDecodeError:
        raise BadEditError("the body is no UTF-8; send GeoJSON", "请求体不是 UTF-8,请发送 GeoJSON") from None


Body = Annotated[object, Depends(the_body)]


class Editor(NamedTuple):
    """Who changes what, and on whose word."""

    desk: Desk
    reason: str
    accept: str


async def the_editor(desk: ADesk, reason: Reason = "", accept: Accept = "") -> Editor:
    """Collect what a change needs besides the feature."""
    return Editor(desk, reason, accept)


By = Annotated[Editor, Depends(the_editor)]


def editable(sees: Mapping[str, Collection], name: str) -> Collection:
    """Find a collection whose features are stored; readiness and findings are computed."""
    found = find(sees, name)
    if found.plot is not None:
        raise NotFoundError(f"{name} shows {found.layer}: change them there", f"{name} 展示的是 {found.layer},请在该处更改")
    if found.assessed:
        raise NotFoundError(
            f"{name} is computed: edit the parcels, roads and utilities that it rests on",
            f"{name} 由系统计算得出,请编辑其依据的宗地、道路和管线",
        )
    return found


def wished(request: Request, store: Store, body: object, name: str, action: Action, id: str | None, version: int | None) -> Wish:
    """Read the feature that a request sends, in the CRS that its Content-Crs names (default CRS84)."""
    if not isinstance(body, Mapping) or "features" in body:
        raise BadEditError("the body is no GeoJSON feature; send one", "请求体不是一个 GeoJSON 要素,请发送一个要素")
    named = request.headers.get("content-crs", "").strip("<> ") or CRS84
    there = places(named, store.crs)
    feature = {k: v for k, v in body.items() if k not in ("action", "version", "layer", "crs")}
    own = feature.get(
        "id", (feature.get("properties") or {}).get("id") if isinstance(feature.get("properties"), Mapping) else None
    )
    if id is not None and own is not None and str(own) != id:
        raise BadEditError(
            f"the body is feature {own}, the address {id}; send one", f"请求体为要素 {own},而地址为 {id},请保持一致"
        )
    feature = {**feature, "id": id if id is not None else own, "action": action, "layer": name}
    (wish,) = wishes_of(feature, name, str(there.crs), store.crs, there.north_first)
    return Wish(wish.layer, wish.id, wish.action, wish.values, wish.geometry, version)


def agreed(desk: Desk, found: Collection, id: str) -> tuple[int | None, Response | None]:
    """Find the version of a feature that a change rests on by the tags of its If-Match; the refusal where it is stale or missing.

    NotFoundError where there is no such feature.
    """
    with desk.store.snapshot():
        frame = one(desk.store, found, id)
        version = desk.store.stamps(found.layer, [id])[id]
    now, stated = tag(state(frame), ""), desk.request.headers.get("if-match")
    if stated is None:
        if desk.settings.unconditional:
            return None, None
        return None, problem(
            desk.request, 428, "PreconditionRequired",
            f"say which version you read: send the ETag of {id} as If-Match (serve --unconditional takes changes without)",
            f"请说明所读取的版本:将 {id} 的 ETag 作为 If-Match 发送(serve --unconditional 可接受不带版本的更改)",
        )  # fmt: skip
    if stated.strip() != "*" and now not in [t.strip() for t in stated.split(",")]:
        return None, stale(desk, found, id)
    return version, None


def stale(desk: Desk, found: Collection, id: str) -> Response:
    """Refuse a change of what somebody changed meanwhile, with both versions: the one expected, and the feature as it is."""
    frame = one(desk.writer, found, id)
    now = tag(state(frame), "")
    sent = problem(
        desk.request, 412, "ConflictError",
        f"{id} was changed since you read it, and nothing was changed now; read it again and decide",
        f"{id} 在您读取之后已被更改,此次未作任何更改,请重新读取后再决定",
    )  # fmt: skip
    current = json.loads(features(frame, found.fields, CRS84)[0])
    body = {
        **json.loads(bytes(sent.body)),
        "expected": desk.request.headers.get("if-match", ""),
        "found": now,
        "current": current,
    }
    return JSONResponse(body, 412, {"ETag": now}, "application/problem+json")


def unfit(by: Editor, error: MosaicError) -> Response:
    """Refuse an edit that would break the mosaic of parcels, with the places as features in longitude and latitude."""
    sent = problem(by.desk.request, 422, "MosaicError", error.text.en, error.text.zh)
    body = {**json.loads(bytes(sent.body)), "faults": placed(error.faults, by.desk.store.crs)}
    return JSONResponse(body, 422, media_type="application/problem+json")


def placed(faults: Sequence[Fault], crs: str) -> list[dict[str, Any]]:
    """Write faults as features in longitude and latitude."""
    shapes = transform(np.array([fault.geometry for fault in faults], object), crs, CRS84)
    return [
        {
            "type": "Feature",
            "geometry": json.loads(place),
            "properties": {"kind": f.kind, "parcels": f.parcels, "area_m2": f.area},
        }
        for f, place in zip(faults, shapely.to_geojson(shapes), strict=True)
    ]


def made(by: Editor, found: Collection, wish: Wish) -> Response:
    """Make a change and the findings that it concerns fresh; 201 with the place of a new feature, else 204 with the new ETag."""
    try:
        done = edit(by.desk.writer, [wish], Change(by.desk.person.name, by.reason), by.desk.standards.on(date.today()), by.accept)
    except MosaicError as error:
        return unfit(by, error)
    except ConflictError:
        return stale(by.desk, found, wish.id)
    refresh(by.desk.writer, by.desk.standards, by.desk.networks)
    if wish.action == "delete":
        return Response(status_code=204)
    written = by.desk.writer.read(found.layer, ids=[wish.id], as_of=done.last)  # not what came after
    etag = tag(state(written), "")
    sent = Response(status_code=201 if wish.action == "create" else 204, headers={"ETag": etag})
    if wish.action == "create":
        place = f"{origin(by.desk.request, by.desk.settings)}/collections/{quote(found.name)}/items/{quote(wish.id, safe='')}"
        sent.raw_headers.append((b"Location", place.encode("ascii")))  # QGIS looks for it in this case only
    return sent


@router.options("/collections/{collectionId}/items")
def ways(name: Id, sees: Sees) -> Response:
    """Say what may be done with the features of a collection."""
    may = "GET, HEAD, OPTIONS" if find(sees, name).computed else "GET, HEAD, POST, OPTIONS"
    return Response(status_code=204, headers={"Allow": may})


@router.options("/collections/{collectionId}/items/{featureId}")
def ways_of_one(name: Id, number: Number, sees: Sees) -> Response:
    """Say what may be done with a feature."""
    may = "GET, HEAD, OPTIONS" if find(sees, name).computed else "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
    return Response(status_code=204, headers={"Allow": may, "Accept-Patch": "application/merge-patch+json"})


@router.post("/collections/{collectionId}/items", status_code=201)
def create(name: Id, body: Body, by: By) -> Response:
    """Create a feature; its number is that of the body, else one is made."""
    only(by.desk.request, "reason", "accept")
    found = editable(by.desk.sees, name)
    return made(
        by, found, wished(by.desk.request, by.desk.store, numbered(body, by.desk.store, found), found.layer, "create", None, None)
    )


@router.post("/collections/{collectionId}/faults", responses={422: {"model": Problem}})
def faults(name: Id, body: Body, request: Request, store: AStore, sees: Sees, standards: TheStandards) -> dict[str, Any]:
    """Tell what the outline of a feature, stored or new, would break: where it crosses itself, and of a parcel the overlaps and gaps.

    Nothing is stored, and attributes are not looked at: a program asks while somebody draws.
    """
    only(request)
    found = editable(sees, name)
    wish = wished(request, store, {"id": "", **body} if isinstance(body, Mapping) else body, found.layer, "update", None, None)
    if wish.geometry is None:
        raise BadEditError("the feature has no geometry; send the outline", "要素没有几何,请发送其边界")
    with store.snapshot():
        broken = drawn(store, found.layer, wish.id, wish.geometry, standards.on(date.today()))
    return {"type": "FeatureCollection", "features": placed(broken, store.crs)}


def numbered(body: object, store: Store, found: Collection) -> object:
    """Give a feature without a number one that is free."""
    if not isinstance(body, Mapping):
        return body
    properties = body.get("properties")
    named = isinstance(properties, Mapping) and properties.get("id") not in (None, "")
    if body.get("id") not in (None, "") or named:
        return body
    return {**body, "id": f"{found.layer}-{max(store.versions().values()) + 1}"}


@router.put("/collections/{collectionId}/items/{featureId}", status_code=204)
def put(name: Id, number: Number, body: Body, by: By) -> Response:
    """Replace a feature: what the body leaves out is missing then."""
    return changed(by, name, number, "replace", body)


@router.patch("/collections/{collectionId}/items/{featureId}", status_code=204)
def patch(name: Id, number: Number, body: Body, by: By) -> Response:
    """Update a feature by a JSON merge patch (RFC 7396): what the body names changes, null makes a value missing."""
    return changed(by, name, number, "update", body)


@router.delete("/collections/{collectionId}/items/{featureId}", status_code=204)
def delete(name: Id, number: Number, by: By) -> Response:
    """Delete a feature; the history keeps it."""
    return changed(by, name, number, "delete")


def changed(by: Editor, name: str, id: str, action: Action, body: object = None) -> Response:
    """Change a stored feature on the version that the caller read."""
    only(by.desk.request, "reason", "accept")
    found = editable(by.desk.sees, name)
    version, refused = agreed(by.desk, found, id)
    if refused is not None:
        return refused
    if action == "delete":
        return made(by, found, Wish(found.layer, id, action, {}, None, version))
    return made(by, found, wished(by.desk.request, by.desk.store, body, found.layer, action, id, version))
