"""Signing in through the organisation's OpenID Connect provider."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from api.auth import TheKeeper, address, onward, origin
from api.deps import TheSettings
from api.oidc import Provider, ProviderError
from api.routes.people import HEADERS, Language, spoken, welcome
from api.settings import Settings
from layers.assessment import NotFoundError
from maps.signin import Failure, page

router = APIRouter(tags=["people"], prefix="/login/oidc", include_in_schema=False)
COOKIE, PATH, MINUTES = "shudi_oidc", "/login/oidc", 10


def the_provider(request: Request) -> Provider:
    """Hand out the provider; NotFoundError where there is none."""
    found: Provider | None = request.app.state.provider
    if found is None:
        raise NotFoundError("no provider of identities is set up here", "此处未设置身份提供方")
    return found


def failed(request: Request, lang: Language | None, to: str, failure: Failure, status: int) -> Response:
    """Show the login page again, and say what went wrong."""
    answer = HTMLResponse(page(spoken(request, lang), to, failure, provider=True), status, HEADERS)
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


def back_to(request: Request, settings: Settings) -> str:
    """Tell the address to which the provider sends people back."""
    return f"{origin(request, settings)}{PATH}/callback"


@router.get("")
def begin(
    request: Request, keeper: TheKeeper, settings: TheSettings, next: Annotated[str, Query(max_length=2000)] = "/",
    lang: Language | None = None,
) -> Response:  # fmt: skip
    """Send people to the provider."""
    provider = the_provider(request)
    try:
        there, kept = provider.begin(back_to(request, settings))
    except ProviderError:
        return failed(request, lang, onward(next), "unconfirmed", 502)
    answer = RedirectResponse(there, 303, {"Cache-Control": "no-store"})
    sealed = URLSafeTimedSerializer(keeper.people.key(), salt=COOKIE).dumps({**kept, "next": onward(next)})
    secure = back_to(request, settings).startswith("https:")
    answer.set_cookie(COOKIE, str(sealed), max_age=60 * MINUTES, path=PATH, secure=secure, httponly=True, samesite="lax")
    return answer


@router.get("/callback")
def finish(request: Request, keeper: TheKeeper, settings: TheSettings, lang: Language | None = None) -> Response:
    """Take people back from the provider, and begin a session for those who are users here."""
    provider = the_provider(request)
    try:
        sealed = request.cookies.get(COOKIE, "")
        kept: dict[str, Any] = URLSafeTimedSerializer(keeper.people.key(), salt=COOKIE).loads(sealed, max_age=60 * MINUTES)
        who = provider.finish(f"{back_to(request, settings)}?{request.url.query}", back_to(request, settings), kept)
    except (BadSignature, ProviderError):
        return failed(request, lang, "/", "unconfirmed", 401)
    user = keeper.people.by_identity(who.subject, who.email)
    if user is None or user.disabled:
        keeper.people.note(who.email or who.subject, address(request), "sign-in", "oidc", "refused")
        return failed(request, lang, "/", "stranger", 403)
    if user.subject is None:
        keeper.people.change(user.name, subject=who.subject)
    keeper.people.note(user.name, address(request), "sign-in", "oidc", "ok")
    answer = welcome(keeper, settings, user.name, onward(str(kept["next"])))
    answer.delete_cookie(COOKIE, path=PATH)
    return answer
