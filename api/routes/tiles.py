"""Vector tiles of the layers and of the readiness, and the terrain as shaded relief."""

from __future__ import annotations

import gzip

from fastapi import APIRouter, Request, Response

from api.answers import kept, tag, unchanged
from api.deps import AStore, TheCache, TheKnown
from api.models import Problem
from layers.collections import written
from layers.known import Known
from layers.store.base import Store
from maps import relief
from maps.tiles import READINESS, TileCache, is_packed, packed

MVT, PNG = "application/vnd.mapbox-vector-tile", "image/png"
router = APIRouter(tags=["tiles"])


@router.get(
    "/tiles/{layer}/{z}/{x}/{y}.mvt", response_class=Response, responses={200: {"content": {MVT: {}}}, 404: {"model": Problem}}
)
def tile(layer: str, z: int, x: int, y: int, request: Request) -> Response:
    """Draw one tile of a layer, or of `readiness`; 304 where the caller has it already."""
    held = request.app.state  # asked for as dependencies they take as long as finding the tile
    return send(request, held.land.store(), held.cache, held.known, layer, z, x, y)


@router.get(
    "/tiles/terrain/{z}/{x}/{y}.png", response_class=Response, responses={200: {"content": {PNG: {}}}, 404: {"model": Problem}}
)
def relief_tile(z: int, x: int, y: int, request: Request, store: AStore, cache: TheCache, known: TheKnown) -> Response:
    """Draw one tile of shaded relief from the stored heights, transparent where there are none; 304 where the caller has it already."""
    body, version = cache.get(store, relief.LAYER, z, x, y, relief.relief)
    etag = tag("relief", z, x, y, version)
    modified = written(store, int(version.rpartition("=")[2]), known)
    if (same := unchanged(request, etag, modified)) is not None:
        return same
    return Response(body, media_type=PNG, headers=kept(etag, modified))


def send(request: Request, store: Store, cache: TileCache, known: Known, layer: str, z: int, x: int, y: int) -> Response:
    """Send a tile, packed as it is kept to who takes that."""
    body, version = cache.get(store, layer, z, x, y, packed)
    etag = tag("tile", layer, z, x, y, version)
    modified = None if layer == READINESS else written(store, int(version.rpartition("=")[2]), known)
    if (same := unchanged(request, etag, modified)) is not None:
        return same
    headers = kept(etag, modified)
    if is_packed(body):
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
    return Response(body, media_type=MVT, headers=headers)
