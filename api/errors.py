"""The one table from refusals to HTTP statuses; bodies follow RFC 9457."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.importing import GoneError, NotReadyError, TooManyImportsError
from api.jobs import NoJobError, NoResultError
from api.models import Problem, Words
from api.refusals import REFUSALS, told
from api.workbook import MovedError
from geo.errors import GeoError
from geo.tiles import TileError
from layers.assessment import NotFoundError, StaleFindingsError
from layers.base import Text
from layers.errors import Refusal
from layers.filter.errors import FilterError
from layers.listings import NotYoursError
from layers.plan.listing import BadTermsError
from layers.plan.procedures import NoProjectError
from layers.store.base import BusyError, DamagedError, DuplicateError, ReadOnlyError, StaleError, StoreError
from layers.store.people import NobodyError

LOG = logging.getLogger("shudi")
STATUS: Mapping[type[Exception], int] = {
    FilterError: 400,
    NotFoundError: 404,
    NotYoursError: 403,
    NobodyError: 404,
    NoProjectError: 404,
    TileError: 404,
    StaleError: 412,
    NoJobError: 404,
    GoneError: 404,
    NoResultError: 409,
    DuplicateError: 409,
    NotReadyError: 409,
    MovedError: 409,
    TooManyImportsError: 429,
    StaleFindingsError: 409,
    BusyError: 503,
    ReadOnlyError: 507,
    StoreError: 503,
    Refusal: 422,
    GeoError: 422,
}
"""The status of each refusal: that of the nearest class."""
WORDS: Mapping[int, str] = {
    400: "请求无法解析,请检查其内容",
    404: "没有此地址",
    405: "该地址不支持此方法",
    408: "请求发送过慢,请重试",
    413: "请求过大,请先简化选址",
}
"""What the web server itself refuses, in Chinese."""


def problem(
    request: Request, status: int, title: str, en: str, zh: str, headers: Mapping[str, str] | None = None,
    cause: Exception | None = None, terms: Mapping[str, Text] | None = None,
) -> JSONResponse:  # fmt: skip
    """Write a problem; its id stands in the log, with the cause where the fault is on this side."""
    named = {name: Words(en=text.en, zh=text.zh) for name, text in terms.items()} if terms else None
    body = Problem(title=title, status=status, detail=en, detail_zh=zh, id=uuid.uuid4().hex[:12], terms=named)
    level = logging.ERROR if status >= 500 else logging.INFO
    LOG.log(level, "%s %s %s: %s", body.id, request.method, status, cause or en, exc_info=cause if status == 500 else None)
    return JSONResponse(body.model_dump(exclude_none=True), status, dict(headers or {}), "application/problem+json")


def handle(app: FastAPI) -> None:
    """Let the app answer refusals, bad requests and slips as problems, never with a path, SQL or a traceback."""

    def refused(request: Request, error: Exception) -> JSONResponse:
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        assert isinstance(error, REFUSALS)  # the table holds no other
        if isinstance(error, DamagedError):
            request.app.state.land.damage = error
        words, later = told(error), {"Retry-After": "5"} if status in (429, 503, 507) else None
        terms, kind = error.terms if isinstance(error, BadTermsError) else None, getattr(error, "kind", type(error).__name__)
        return problem(request, status, kind, words.en, words.zh, later, error, terms)

    for kind in STATUS:
        app.add_exception_handler(kind, refused)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        said = "; ".join(f"{'.'.join(str(k) for k in e['loc'])}: {e['msg']}" for e in error.errors()[:5])
        return problem(request, 422, "BadRequest", f"the request is not as documented: {said}", f"请求不符合接口说明:{said}")

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> JSONResponse:
        zh = WORDS.get(error.status_code, "请求无法处理")
        return problem(request, error.status_code, "HTTPError", str(error.detail), zh, error.headers)

    @app.exception_handler(Exception)
    def slip(request: Request, error: Exception) -> JSONResponse:
        en, zh = "Shudi made a mistake; its log has the id", "系统内部错误,日志中有此编号"
        return problem(request, 500, "InternalError", en, zh, cause=error)
