"""Vector tiles of the layers and of the readiness."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.answers import tag, unchanged
from api.deps import AStore, TheCache
from api.models import Problem
from layers.store.base import Store
from maps.tiles import TileCache

MVT = "application/vnd.mapbox-vector-tile"
router = APIRouter(tags=["tiles"])


@router.get(
    "/tiles/{layer}/{z}/{x}/{y}.mvt", response_class=Response, responses={200: {"content": {MVT: {}}}, 404: {"model": Problem}}
)
def tile(layer: str, z: int, x: int, y: int, request: Request, store: AStore, cache: TheCache) -> Response:
    """Draw one tile of a layer, or of `readiness`; 304 where the caller has it already."""
    return send(request, store, cache, layer, z, x, y)


def send(request: Request, store: Store, cache: TileCache, layer: str, z: int, x: int, y: int) -> Response:
    """Send a tile."""
    body, version = cache.get(store, layer, z, x, y)
    etag = tag("tile", layer, z, x, y, version)
    if (same := unchanged(request, etag)) is not None:
        return same
    return Response(body, media_type=MVT, headers={"ETag": etag, "Cache-Control": "no-cache"})
