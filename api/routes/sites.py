"""Sites out of files: what a dropped file holds, to choose from; nothing of it is kept."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from api.auth import ThePerson
from api.deps import AStore, TheImports
from api.models import Problem
from api.reading import OutlinesBody, begin
from api.routes.imports import kept, suffix

router = APIRouter(tags=["checks"], prefix="/sites")


class Asked(BaseModel):
    """What a file does not say itself."""

    name: str = Field("site", max_length=200, description="the file's name; its ending tells the format")
    crs: str | None = Field(None, max_length=2000, description="the CRS where the file does not say, such as EPSG:4548")
    encoding: str | None = Field(None, max_length=40)
    sublayer: str | None = Field(None, max_length=200, description="which layer of several, or which file of an archive")
    answer_crs: str = Field("EPSG:4326", max_length=2000, description="CRS of the answer, east before north")


@router.post("/read", responses={413: {"model": Problem}, 422: {"model": Problem}, 429: {"model": Problem}})
async def read_site(
    request: Request, asked: Annotated[Asked, Query()], store: AStore, person: ThePerson, imports: TheImports
) -> OutlinesBody:
    """Read the polygons of a file, the body of the request, so that one can be checked as a site; nothing is stored."""
    it = await to_thread.run_sync(imports.make, person.name, asked.name)
    try:
        file = f"upload{suffix(asked.name)}"
        size = await kept(request, imports.folder(it) / file)
        told = {**asked.model_dump(), "file": file, "base_crs": await to_thread.run_sync(lambda: store.crs)}
        return await to_thread.run_sync(begin, imports.folder(it), told, size, limiter=imports.readers)
    finally:
        imports.forget(it)
