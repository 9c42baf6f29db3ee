"""Deliveries over HTTP: upload a file, see what it would bring, have it stored."""

from __future__ import annotations

import re
from datetime import date as date_
from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from api.auth import Person, ThePerson
from api.deps import AStore, AWriter, TheImports, TheSettings
from api.importing import ACCEPTED, BOX, REJECTS, Import, Imports, elsewhere, room
from api.jobs import State
from api.models import Problem, Words
from layers.assessment import NotFoundError
from layers.catalogue import LAYERS
from layers.errors import Refusal
from layers.store.address import Address

router = APIRouter(tags=["imports"], prefix="/imports", responses={404: {"model": Problem}})
CRS = Annotated[str | None, Query(max_length=2000, description="CRS of the answer, east before north")]
SUFFIX = re.compile(r"\.[a-z0-9]{1,12}")


class Asked(BaseModel):
    """What an upload is: the layer that it delivers, and what the file does not say itself."""

    layer: str = Field(pattern=f"^(?:{'|'.join(LAYERS)})$", description="the layer that it delivers")
    name: str = Field("upload", max_length=200, description="the file's name; its ending tells the format")
    map: list[Annotated[str, Field(max_length=300)]] = Field([], max_length=64, description="field=column, or field:=value")
    crs: str | None = Field(None, max_length=2000, description="the CRS where the file does not say, such as EPSG:4548")
    encoding: str | None = Field(None, max_length=40)
    sublayer: str | None = Field(None, max_length=200)
    coverage: str | None = Field(None, pattern=f"^(?:{BOX})$", description="xmin,ymin,xmax,ymax in the base's CRS, or none")
    kinds: list[Annotated[str, Field(max_length=100)]] = Field([], max_length=100, description="the kinds that were surveyed")
    source: str | None = Field(None, max_length=200)
    date: date_ | None = None
    repair: bool = False


class Bring(BaseModel):
    """How a delivery is stored."""

    reason: str = Field("", max_length=500, description="reason or document number, for the history")
    skip_rejects: bool = Field(False, description="store the rest; the land where rejected features lie stays unknown")
    replace: bool = Field(False, description="retire what earlier deliveries of the layer (and its kinds) brought")
    accept: str = Field("", max_length=500, description="why parcels may overlap each other; kept in the history")


class Step(BaseModel):
    """How a step of an import stands; `result` where it was successful, `detail` why it was not."""

    id: str
    job: str
    state: State
    progress: int
    created: str
    started: str | None
    finished: str | None
    detail: Words | None
    result: dict[str, Any] | None

    @classmethod
    def of(cls, imports: Imports, it: Import, id: str) -> Step:
        """Describe the job of a step; NoJobError where there is none."""
        job, own = imports.jobs.get(id, None), f"upload{suffix(it.name)}"
        en, zh = job.message or ("", "")
        detail = Words(en=en.replace(own, it.name), zh=zh.replace(own, it.name)) if job.message else None
        return cls(
            id=it.id, job=job.id, state=job.state, progress=job.progress, created=job.created, started=job.started,
            finished=job.finished, detail=detail, result=job.result,
        )  # fmt: skip


def suffix(name: str) -> str:
    """Take the ending of a name, which tells the format; nothing else of a name becomes part of a path."""
    ending = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
    return ending if SUFFIX.fullmatch(ending) else ""


def find(imports: Imports, person: Person, id: str) -> Import:
    """Find an import that is this person's, or any for an admin; NotFoundError for others and for those that there are not."""
    it = imports.get(id)
    if it is None or not (it.owner == person.name or person.may("admin")):
        raise NotFoundError(f"there is no import {id[:40]}", f"没有导入任务 {id[:40]}")
    return it


async def kept(request: Request, path: Path) -> int:
    """Write the body of a request to a new file; gives its size [bytes]."""
    size = 0
    with room(), path.open("xb") as sink:
        async for chunk in request.stream():
            size += len(chunk)
            await to_thread.run_sync(sink.write, chunk)
    if not size:
        raise Refusal("the body is empty; send the file as it is", "请求内容为空,请直接发送文件")
    return size


@router.post("", status_code=202, responses={413: {"model": Problem}, 429: {"model": Problem}})
async def upload(
    request: Request, response: Response, asked: Annotated[Asked, Query()], store: AStore, person: ThePerson, imports: TheImports
) -> Step:
    """Take a file as the body of the request, and begin to look what it would bring; nothing is stored yet."""
    it = await to_thread.run_sync(imports.make, person.name, asked.name)
    file = f"upload{suffix(asked.name)}"
    try:
        size = await kept(request, imports.folder(it) / file)
        crs = await to_thread.run_sync(lambda: store.crs)
    except BaseException:
        imports.forget(it)
        raise
    it = await to_thread.run_sync(imports.begin, it, {**asked.model_dump(mode="json"), "file": file, "base_crs": crs}, size)
    response.headers["Location"] = f"/imports/{it.id}"
    return Step.of(imports, it, it.look)


@router.get("")
def mine(person: ThePerson, imports: TheImports) -> list[Step]:
    """List one's imports, the oldest first."""
    return [Step.of(imports, it, it.look) for it in imports.of(person.name)]


@router.get("/{id}")
def status(id: str, person: ThePerson, imports: TheImports) -> Step:
    """Tell how an import stands: the mapping that is used, what is accepted, rejected and repaired."""
    it = find(imports, person, id)
    return Step.of(imports, it, it.look)


@router.get("/{id}/rejects", response_class=Response)
def rejects(id: str, person: ThePerson, imports: TheImports, crs: CRS = None) -> Response:
    """List the features that were rejected, each with its place and the reason, as GeoJSON; in longitude and latitude unless `crs` is given."""
    path = imports.folder(find(imports, person, id)) / REJECTS
    if not path.exists():
        raise NotFoundError("nothing was rejected", "没有被拒绝的要素")
    if crs is None:
        return FileResponse(path, media_type="application/geo+json")
    return Response(elsewhere(path, crs), media_type="application/geo+json")


@router.get("/{id}/accepted", response_class=Response)
def accepted(id: str, person: ThePerson, imports: TheImports) -> Response:
    """Draw what an import would store: the first accepted features as GeoJSON, with their numbers; `shown` of the import tells how many."""
    path = imports.folder(find(imports, person, id)) / ACCEPTED
    if not path.exists():
        raise NotFoundError("nothing that was accepted has an outline", "被接受的要素均没有图形")
    return FileResponse(path, media_type="application/geo+json")


@router.post("/{id}/delivery", status_code=202, responses={409: {"model": Problem}})
def bring(
    id: str, how: Bring, response: Response, person: ThePerson, imports: TheImports, settings: TheSettings, _: AWriter
) -> Step:
    """Begin to store what an import brings, all of it or nothing; not where the base takes no writes."""
    base = settings.base.dsn if isinstance(settings.base, Address) else str(settings.base)
    it = imports.store(find(imports, person, id), how.model_dump(), person.name, base)
    response.headers["Location"] = f"/imports/{id}/delivery"
    return Step.of(imports, it, it.delivery)


@router.get("/{id}/delivery")
def delivery(id: str, person: ThePerson, imports: TheImports) -> Step:
    """Tell how the storing of an import stands."""
    it = find(imports, person, id)
    return Step.of(imports, it, it.delivery)


@router.delete("/{id}/delivery")
def stop(id: str, person: ThePerson, imports: TheImports) -> Step:
    """End the storing of an import; nothing of it is stored then."""
    it = find(imports, person, id)
    step = Step.of(imports, it, it.delivery)
    if step.state in ("accepted", "running"):
        imports.jobs.dismiss(it.delivery, None)
    return Step.of(imports, it, it.delivery)


@router.delete("/{id}", status_code=204)
def forget(id: str, person: ThePerson, imports: TheImports) -> Response:
    """End an import where it still works, and forget it with its files; what was stored stays."""
    imports.forget(find(imports, person, id))
    return Response(status_code=204)
