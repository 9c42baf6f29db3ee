"""Vector tiles of the layers and of the readiness."""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, Request, Response

from api.deps import AStore, TheCache
from api.models import Problem

router = APIRouter(tags=["tiles"])


@router.get(
    "/tiles/{layer}/{z}/{x}/{y}.mvt",
    response_class=Response,
    responses={200: {"content": {"application/vnd.mapbox-vector-tile": {}}}, 404: {"model": Problem}},
)
def tile(layer: str, z: int, x: int, y: int, request: Request, store: AStore, cache: TheCache) -> Response:
    """Draw one tile of a layer, or of `readiness`; 304 where the caller has it already."""
    body, version = cache.get(store, layer, z, x, y)
    etag = f'"{hashlib.sha256(f"{layer}/{z}/{x}/{y}/{version}".encode()).hexdigest()[:20]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/vnd.mapbox-vector-tile", headers=headers)
