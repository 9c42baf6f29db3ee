"""Who is asking: signing in and out, who am I, and what people did."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import parse_qs

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import AwareDatetime, BaseModel, Field

from api.auth import COOKIE, SESSION, Doorkeeper, Refused, TheKeeper, ThePerson, address, onward
from api.deps import TheSettings
from api.models import Words
from api.settings import Settings
from layers.store.people import ROLES
from maps.signin import POLICY, page

router = APIRouter(tags=["people"])
Language = Literal["en", "zh"]
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
"""Of the login page; a form of a page that sends no referrer would come with `Origin: null`, as those from elsewhere do."""


class Me(BaseModel):
    """Who asks and what they may; `name` is null where nobody has signed in."""

    name: str | None
    role: str
    may: Words
    via: Literal["session", "token", "password", "nobody", "loopback"]


class Entry(BaseModel):
    """One line of the audit log."""

    seq: int
    at: datetime
    actor: str
    address: str
    action: str
    object: str
    outcome: str


class Asked(BaseModel):
    """Which lines of the audit log: who, what and when; pages go on after a number, or before it where the newest come first."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = Field(None, description="before that moment")
    after: int = Field(0, ge=0, lt=2**63)
    before: int = Field(2**63 - 1, ge=0, lt=2**63)
    actor: str = Field("", max_length=64, description="the user, whatever the case")
    action: str = Field("", max_length=64, description="how the action begins: sign-in, POST, export, user")
    about: str = Field("", max_length=200, description="what stands in the object")
    newest: bool = Field(False, description="the newest first")
    limit: int = Field(1000, ge=1, le=10_000)


def spoken(request: Request, lang: Language | None) -> Language:
    """Choose the reader's language: as asked for, else the first of Accept-Language that is here, else Chinese."""
    if lang:
        return lang
    for entry in request.headers.get("accept-language", "")[:500].split(","):
        tag = entry.strip()[:2].lower()
        if tag in ("en", "zh"):
            return "en" if tag == "en" else "zh"
    return "zh"


@router.get("/login", response_class=HTMLResponse)
def login(
    request: Request, settings: TheSettings, next: Annotated[str, Query(max_length=2000)] = "/", lang: Language | None = None
) -> Response:
    """Show the page on which people sign in."""
    shown = page(spoken(request, lang), onward(next), provider=settings.oidc is not None)
    return HTMLResponse(shown, headers={**HEADERS, "Vary": "Accept-Language"})


@router.post("/login", response_class=RedirectResponse, status_code=303)
async def sign_in(request: Request, keeper: TheKeeper, settings: TheSettings, lang: Language | None = None) -> Response:
    """Begin a session with `user` and `password` of a form; goes on to `next`."""
    user, password, to = fields(await request.body(), "user", "password", "next")
    try:
        found = await keeper.sign_in(user, password, address(request))
        return await to_thread.run_sync(welcome, keeper, settings, found.name, onward(to))
    except Refused as refused:
        wait = int(refused.wait) + 1 if refused.wait else 0
    shown = page(spoken(request, lang), onward(to), "wait" if wait else "wrong", wait, settings.oidc is not None)
    return HTMLResponse(shown, 429 if wait else 401, {**HEADERS, **({"Retry-After": str(wait)} if wait else {})})


def fields(body: bytes, *names: str) -> list[str]:
    """Read fields of a form, "" where one is not there."""
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        form = {}
    return [form.get(name, [""])[0] for name in names]


def welcome(keeper: Doorkeeper, settings: Settings, name: str, to: str) -> Response:
    """Begin a session and send them on their way."""
    answer = RedirectResponse(to, 303, {"Cache-Control": "no-store"})
    secure = bool(settings.url and settings.url.startswith("https:"))
    answer.set_cookie(COOKIE, keeper.begin(name), max_age=SESSION, path="/", secure=secure, httponly=True, samesite="lax")
    return answer


@router.post("/logout", status_code=204)
def sign_out(request: Request, keeper: TheKeeper, person: ThePerson) -> Response:
    """End the session: its cookie is worth nothing from now on."""
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    if person.via == "session":
        keeper.end(request.cookies[COOKIE])
        keeper.people.note(person.name, address(request), "sign-out", "session", "ok")
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    return answer


@router.get("/me")
def me(person: ThePerson, response: Response) -> Me:
    """Tell who is asking, and what they may."""
    response.headers.update({"Cache-Control": "no-store", "Vary": "Authorization, Cookie"})
    return Me(name=person.name or None, role=person.role, may=Words.of(ROLES[person.role]), via=person.via)


@router.get("/audit")
def audit(keeper: TheKeeper, asked: Annotated[Asked, Query()]) -> list[Entry]:
    """List what people did, in order or the newest first: sign-ins, changes, exports."""
    lines = keeper.people.audit(
        asked.since, asked.after, asked.limit, until=asked.until, before=asked.before, actor=asked.actor, action=asked.action,
        about=asked.about, newest=asked.newest,
    )  # fmt: skip
    return [Entry(**line._asdict()) for line in lines]
