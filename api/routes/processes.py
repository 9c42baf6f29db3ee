"""OGC API - Processes: what can be run, and the jobs that run it."""

from __future__ import annotations

import zipfile
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, ValidationError, WithJsonSchema

from api.answers import HTML, JSON, Wish, answer
from api.auth import Person, ThePerson
from api.deps import AStore, TheJobs, TheNetworks, TheSettings, TheStandards
from api.jobs import Job, NoResultError, Progress
from api.models import Problem
from api.processes import PROCESSES, Land
from api.results import found, shown
from api.routes.features import TheWish, only
from layers.assessment import NotFoundError
from layers.filter.errors import FilterError

Json = dict[str, Any]
OUTPUT = "result"
RESULTS = "http://www.opengis.net/def/rel/ogc/1.0/results"
EXECUTE = "http://www.opengis.net/def/rel/ogc/1.0/execute"
DOCUMENT: dict[int | str, Json] = {200: {"content": {JSON: {}, HTML: {}}}, 404: {"model": Problem}}
ProcessId = Annotated[str, WithJsonSchema({"type": "string", "enum": list(PROCESSES)}), Path(alias="processId")]
JobId = Annotated[str, Path(alias="jobId", max_length=40)]
router = APIRouter(tags=["processes"], responses={400: {"model": Problem}})


class Execution(BaseModel):
    """What is asked of a process: its inputs, and whether the answer is the result itself (raw) or a document that holds it."""

    model_config = ConfigDict(extra="ignore")

    inputs: dict[str, Any] = {}
    response: str = "raw"


def known(name: str) -> str:
    """Pass the name of a process; NotFoundError for others."""
    if name not in PROCESSES:
        raise NotFoundError(
            f"there is no process {name}; there are {', '.join(PROCESSES)}", f"没有处理 {name};可用 {', '.join(PROCESSES)}"
        )
    return name


def whose(person: Person) -> str | None:
    """Tell whose jobs a person may see: their own, an admin everybody's (None)."""
    return None if person.may("admin") else person.name


@router.get("/processes", responses=DOCUMENT)
def processes(of: TheWish) -> Response:
    """List the processes."""
    only(of.request, "f")
    return answer(of, "Processes 处理", {"processes": [summary(of, name) for name in PROCESSES], "links": of.around()})


@router.get("/processes/{processId}", responses=DOCUMENT)
def process(name: ProcessId, of: TheWish) -> Response:
    """Describe a process: its inputs and its output, as JSON Schema."""
    only(of.request, "f")
    it = PROCESSES[known(name)]
    told = it.inputs.model_json_schema()
    need = told.get("required", [])
    inputs = {
        key: {"title": key, "schema": {**value, "$defs": told.get("$defs", {})}, "minOccurs": int(key in need)}
        for key, value in told["properties"].items()
    }
    output = {OUTPUT: {"title": it.title.en, "schema": it.output.model_json_schema()}}
    body = {**summary(of, name), "inputs": inputs, "outputs": output}
    return answer(of, f"{it.title.en} {it.title.zh}", {**body, "links": [*of.around(), *body["links"]]})


@router.post(
    "/processes/{processId}/execution",
    responses={200: {"content": {JSON: {}}}, 201: {"content": {JSON: {}}}, 404: {"model": Problem}, 409: {"model": Problem}},
)
def execute(
    name: ProcessId, of: TheWish, given: Annotated[Execution, Body()], store: AStore, standards: TheStandards,
    networks: TheNetworks, settings: TheSettings, jobs: TheJobs, person: ThePerson, prefer: Annotated[str, Header()] = "",
) -> Response:  # fmt: skip
    """Run a process: answer with its result, or with a job where the caller prefers `respond-async`."""
    only(of.request, "f")
    it = PROCESSES[known(name)]
    try:
        inputs = it.inputs.model_validate(given.inputs)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise FilterError(f"the inputs are not as described: {said}", f"输入不符合说明:{said}") from None
    land, raw = Land(store, standards, networks, settings), given.response != "document"

    def run(progress: Progress) -> Json:
        came = it.run(land, inputs, progress).model_dump(mode="json")
        return came if raw else {OUTPUT: came}

    if "respond-async" in prefer:
        job = jobs.start(name, person.name, run)
        sent = answer(of, name, status(of, job))
        sent.status_code = 201
        sent.raw_headers += [(b"Location", f"{of.url}/jobs/{job.id}".encode()), (b"Preference-Applied", b"respond-async")]
        return sent
    return answer(of, name, run(lambda done, total: None))


@router.get("/jobs", responses=DOCUMENT)
def all_jobs(of: TheWish, jobs: TheJobs, person: ThePerson) -> Response:
    """List the jobs, newest first."""
    only(of.request, "f")
    return answer(of, "Jobs 任务", {"jobs": [status(of, job) for job in jobs.list(whose(person))], "links": of.around()})


@router.get("/jobs/{jobId}", responses=DOCUMENT)
def job_status(id: JobId, of: TheWish, jobs: TheJobs, person: ThePerson) -> Response:
    """Tell how a job goes."""
    only(of.request, "f")
    return answer(of, "Job 任务", status(of, jobs.get(id, whose(person))))


@router.get("/jobs/{jobId}/results", responses={**DOCUMENT, 409: {"model": Problem}})
def results(id: JobId, of: TheWish, jobs: TheJobs, person: ThePerson) -> Response:
    """Send what came of a job; 404 while it runs, 409 where nothing came of it."""
    only(of.request, "f")
    job = jobs.get(id, whose(person))
    if job.state == "successful":
        return answer(of, "Results 结果", job.result)
    if job.state in ("accepted", "running"):
        raise NotFoundError(
            f"job {id} is {job.state}; its results are not there yet", f"任务 {id} 尚未完成({job.state}),暂无结果"
        )
    en, zh = job.message or ("it was dismissed", "已取消")
    raise NoResultError(f"job {id} has no results: {en}", f"任务 {id} 没有结果:{zh}")


@router.get("/results/{name}", response_class=FileResponse, responses={404: {"model": Problem}})
def result_file(name: str, request: Request, settings: TheSettings) -> FileResponse:
    """Send a file that a process made: packs and papers as ZIP, a surface as GeoTIFF."""
    media = "application/zip" if name.endswith(".zip") else "image/tiff; application=geotiff"
    path = found(settings.base, name)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            request.state.parts = archive.namelist()  # the audit log names what was had
    return FileResponse(path, media_type=media, filename=shown(name), headers={"Cache-Control": "no-cache"})


@router.delete("/jobs/{jobId}", responses=DOCUMENT)
def dismiss(id: JobId, of: TheWish, jobs: TheJobs, person: ThePerson) -> Response:
    """End a job, or forget one that is over."""
    only(of.request, "f")
    return answer(of, "Job 任务", status(of, jobs.dismiss(id, whose(person))))


def summary(of: Wish, name: str) -> Json:
    """Describe a process in short."""
    it, root = PROCESSES[name], f"/processes/{name}"
    return {
        "id": name, "version": "1.0.0", "title": f"{it.title.en} {it.title.zh}", "description": f"{it.about.en} {it.about.zh}",
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"], "outputTransmission": ["value"],
        "links": [of.link(root, "process-desc", name), of.link(f"{root}/execution", EXECUTE, "Execute 执行")],
    }  # fmt: skip


def status(of: Wish, job: Job) -> Json:
    """Write the status of a job."""
    root = f"/jobs/{job.id}"
    done = [of.link(f"{root}/results", RESULTS, "Results 结果")] if job.state == "successful" else []
    times = {"created": job.created, "started": job.started, "finished": job.finished}
    return {
        "jobID": job.id, "processID": job.process, "type": "process", "status": job.state, "progress": job.progress,
        **{name: at for name, at in times.items() if at},
        **({"message": f"{job.message[0]} {job.message[1]}"} if job.message else {}),
        "links": [of.link(root, "monitor" if job.state in ("accepted", "running") else "self", "Job 任务"), *done],
    }  # fmt: skip
