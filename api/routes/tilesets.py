"""OGC API - Tiles: the same tiles as `/tiles`, by the standard's addresses."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import WithJsonSchema

from api.answers import HTML, JSON, Wish, answer
from api.deps import AStore, Sees, TheCache, TheKnown
from api.models import Problem
from api.routes.features import TILES, Id, TheWish, find, only, said
from api.routes.tiles import MVT, send
from layers.assessment import NotFoundError
from maps.tiles import UntiledError, tiled
from maps.tilesets import QUAD, matrices, tileset

Matrices = Annotated[str, WithJsonSchema({"type": "string", "enum": [QUAD]}), Path(alias="tileMatrixSetId")]
Zoom = Annotated[str, Path(alias="tileMatrix", max_length=9, description="zoom, 0 to 22")]
Row = Annotated[str, Path(alias="tileRow", max_length=9, description="counted southwards")]
Column = Annotated[str, Path(alias="tileCol", max_length=9, description="counted eastwards")]
router = APIRouter(tags=["tiles"], responses={400: {"model": Problem}})
DOCUMENT: dict[int | str, dict[str, Any]] = {200: {"content": {JSON: {}, HTML: {}}}, 404: {"model": Problem}}


def only_quad(name: str) -> None:
    """Refuse tile matrix sets that are not here."""
    if name != QUAD:
        raise NotFoundError(f"there is no tile matrix set {name}; there is {QUAD}", f"没有瓦片矩阵集 {name};可用 {QUAD}")


@router.get("/tileMatrixSets", responses=DOCUMENT)
def sets(of: TheWish) -> Response:
    """List the tile matrix sets."""
    only(of.request, "f")
    link = of.link(f"/tileMatrixSets/{QUAD}", "self", QUAD)
    return answer(
        of,
        "Tile matrix sets 瓦片矩阵集",
        {"tileMatrixSets": [{"id": QUAD, "title": QUAD, "links": [link]}], "links": of.around()},
    )


@router.get("/tileMatrixSets/{tileMatrixSetId}", responses=DOCUMENT)
def one_set(of: TheWish, grid: Matrices) -> Response:
    """Describe a tile matrix set."""
    only(of.request, "f")
    only_quad(grid)
    return answer(of, QUAD, {**matrices(), "links": of.around()})


@router.get("/collections/{collectionId}/tiles", responses=DOCUMENT)
def tilesets(name: Id, of: TheWish, sees: Sees) -> Response:
    """List the tile sets of a collection."""
    only(of.request, "f")
    found = find(sees, name)
    return answer(
        of, said(found), {"tilesets": [described(of, found.name)] if found.name in tiled() else [], "links": of.around()}
    )


@router.get("/collections/{collectionId}/tiles/{tileMatrixSetId}", responses=DOCUMENT)
def one_tileset(name: Id, grid: Matrices, of: TheWish, sees: Sees) -> Response:
    """Describe the tiles of a collection."""
    only(of.request, "f")
    found = find(sees, name)
    only_quad(grid)
    body = described(of, found.name)
    return answer(of, said(found), {**body, "links": [*of.around(), *body["links"]]})


@router.get(
    "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}",
    response_class=Response,
    responses={200: {"content": {MVT: {}}}, 404: {"model": Problem}},
)
def tile(
    name: Id,
    grid: Matrices,
    zoom: Zoom,
    row: Row,
    column: Column,
    of: TheWish,
    sees: Sees,
    store: AStore,
    cache: TheCache,
    known: TheKnown,
) -> Response:
    """Draw one tile of a collection; 404 where there is none at this place."""
    only(of.request, "f")
    found = find(sees, name)
    only_quad(grid)
    if not all(part.isascii() and part.isdigit() for part in (zoom, row, column)):
        raise NotFoundError("a tile is named by three whole numbers", "瓦片由三个整数确定")
    return send(of.request, store, cache, known, found.name, int(zoom), int(column), int(row))


def described(of: Wish, name: str) -> dict[str, Any]:
    """Describe the tiles of a collection, with the links to them."""
    if name not in tiled():
        raise UntiledError(
            f"there are no tiles of {name}: ask for {', '.join(tiled())}", f"{name} 没有瓦片:可请求 {'、'.join(tiled())}"
        )
    root = f"/collections/{name}/tiles/{QUAD}"
    links = [
        of.link(root, TILES, "tile set"),
        of.link(f"{root}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}", "item", "tiles", MVT, templated=True),
        of.link(f"/tileMatrixSets/{QUAD}", "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme", QUAD),
    ]
    return {**tileset(name), "links": links}
