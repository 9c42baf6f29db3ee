"""Who asks, and the one rule of who may: every request passes here before any route, so no route can forget it."""

from __future__ import annotations

import base64
import getpass
import hashlib
import hmac
import ipaddress
import re
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request
from itsdangerous import BadSignature, Signer
from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import passwords
from api.errors import problem
from api.settings import Settings
from layers.base import Text
from layers.store.base import StoreError
from layers.store.people import ROLES, TOKEN, People, User

Role = Literal["public", "viewer", "planner", "approver", "admin"]
RANK = {role: rank for rank, role in enumerate(ROLES)}
OPEN = ("/healthz", "/openapi.json", "/me", "/login", "/login/oidc", "/login/oidc/callback", "/logout")
"""Addresses that tell nothing of the land; so do the page's own files, below FILES."""
FILES = "/web/"
LISTED = re.compile(r"/listings(?:\.geojson|\.csv|/[^/]+(?:/(?:notice\.pdf|notice\.docx|parcel_map\.pdf|parcel_map\.png))?)?")
"""What everybody may read of listings; the routes show the public published ones only."""
OFFERED = re.compile(r"/|/conformance|/api|/collections(?:/offers(?:/(?:queryables|schema|items(?:/[^/]+)?))?)?")
"""The same by the standard: the collection of the published listings, and what leads there."""
ADMIN = ("/audit", "/people")
SAFE = ("GET", "HEAD", "OPTIONS")
EXPORTS = (
    "application/geo+json-seq",
    "application/flatgeobuf",
    "application/vnd.apache.parquet",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/zip",
    "image/tiff",
)
"""Kinds of answers that carry land away in bulk: who had one is in the audit log."""
PAPERS = re.compile(r"/listings(?:\.\w+|/[^/]+/.+)")
"""Papers and feeds of listings: who had one is in the audit log, whatever its kind."""
BULK = 1000
"""So is who had a page of so many features."""
ASKED = re.compile(r"/collections/[^/]+/faults")
"""What a page asks at each stroke of who draws, by POST for its length: it changes nothing, and the audit log does without it."""
COOKIE = "shudi"
SESSION = 12 * 3600
"""How long a session lasts [s]."""
REMEMBERED = 300.0
"""How long a password sent with each request, as QGIS does, is not hashed again [s]."""

PAIR, ADDRESS, USER = (5, 900.0), (20, 900.0), (50, 30.0)
"""Attempts that are free, and the longest wait [s] after more: of one user from one address, from one address, of one user."""

WHO = Text("sign in first: with a session, an API token, or user and password", "请先登录:使用会话、API 令牌或用户名和密码")
WRONG = Text("this user and password, token or session does not hold; sign in again", "用户名密码、令牌或会话无效,请重新登录")
NOTHING = Text("there is nothing at this address", "没有此地址")
SHUT = Text("who you are cannot be looked up just now; try again shortly", "暂时无法核实身份,请稍后再试")
ELSEWHERE = Text(
    "a page from elsewhere asked for a change and was refused; use this service's own page",
    "来自其他网站的更改请求已被拒绝,请使用本服务自己的页面",
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: a user by what they showed, nobody (`public`), or who sits at a machine on which there are no users yet."""

    name: str
    role: Role
    via: Literal["session", "token", "password", "nobody", "loopback"]

    def may(self, role: Role) -> bool:
        """Tell whether this person may what a role may."""
        return RANK[self.role] >= RANK[role]


NOBODY = Person("", "public", "nobody")


class Refused(Exception):
    """Credentials that do not hold, or come too often: `wait` seconds to go."""

    def __init__(self, wait: float = 0.0) -> None:
        super().__init__(wait)
        self.wait = wait


def needed(method: str, path: str) -> Role:
    """Tell the least role for a request: looking needs a viewer, anything else a planner, unless the address says otherwise."""
    if path in OPEN or path.startswith(FILES) or (method in SAFE and (LISTED.fullmatch(path) or OFFERED.fullmatch(path))):
        return "public"
    if path.startswith(ADMIN):
        return "admin"
    return "viewer" if method in SAFE else "planner"


def rule(user: User, via: Literal["session", "token", "password"]) -> Person:
    """Make the person of a user; one with a role that is not known here may nothing."""
    return Person(user.name, user.role if user.role in RANK else "public", via)  # type: ignore[arg-type]


class Doorkeeper:
    """Finds out who asks, and slows down who guesses."""

    def __init__(self, people: People, guarded: bool) -> None:
        self.people = people
        self._guarded = guarded
        self._salt = secrets.token_bytes(32)
        self._held: OrderedDict[bytes, tuple[str | None, float]] = OrderedDict()
        self._lock = Lock()
        self._line = CapacityLimiter(2)
        self._sitter = ""

    @property
    def guarded(self) -> bool:
        """Tell whether people must say who they are; once so, it stays so."""
        self._guarded = self._guarded or self.people.any()
        return self._guarded

    async def who(self, request: Request) -> Person:
        """Find who asks; Refused where what they show does not hold."""
        if not self.guarded:
            self._sitter = self._sitter or getpass.getuser()  # reads the machine's list of users each time
            return Person(self._sitter, "admin", "loopback")
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return rule(self._of_token(shown.strip(), None), "token")
        if scheme.lower() == "basic":
            name, password = pair(shown)
            if password.startswith(TOKEN):
                return rule(self._of_token(password, name), "token")
            return rule(await self.sign_in(name, password, address(request), remember=True), "password")
        if (cookie := request.cookies.get(COOKIE)) and (user := self.of_session(cookie)):
            return rule(user, "session")
        return NOBODY

    def _of_token(self, secret: str, name: str | None) -> User:
        user = self.people.by_token(secret)
        if user is None or (name is not None and name.casefold() != user.name.casefold()):
            raise Refused
        return user

    def of_session(self, cookie: str) -> User | None:
        """Find whose session a cookie is; None where it is over or was never ours."""
        try:
            return self.people.by_session(self._secret(cookie))
        except BadSignature:
            return None

    def _secret(self, cookie: str) -> str:
        """Read a cookie; BadSignature where it is not, to the letter, what we gave: Base64 can spell one signature in four ways."""
        signer = Signer(self.people.key())
        secret = signer.unsign(cookie)
        if not hmac.compare_digest(signer.sign(secret), cookie.encode()):
            raise BadSignature(cookie)
        return secret.decode()

    def begin(self, name: str) -> str:
        """Begin a session; gives the cookie."""
        return Signer(self.people.key()).sign(self.people.open_session(name, SESSION)).decode()

    def end(self, cookie: str) -> None:
        """End the session of a cookie."""
        try:
            self.people.close_session(self._secret(cookie))
        except BadSignature:
            return

    async def sign_in(self, name: str, password: str, address: str, remember: bool = False) -> User:
        """Find the user of a name and a password; Refused where it does not match, or after too many attempts.

        Hashing takes 64 MiB and all it gets of a core: a crowd that signs in waits in line, and holds up nobody else.
        """
        proof = hmac.digest(self._salt, f"{name}\0{password}".encode(), hashlib.sha256)
        user = self.people.user(name)
        if remember and user and not user.disabled and self._recalls(proof, user.hash):
            return user
        user = await to_thread.run_sync(self._tried, name, password, address, limiter=self._line)
        if remember:
            self._hold(proof, user.hash)
        return user

    def _tried(self, name: str, password: str, address: str) -> User:
        """Try a password, and count it."""
        known = name.casefold()[:64]
        limits = {f"{known} from {address}": PAIR, f"from {address}": ADDRESS, f"as {known}": USER}
        if wait := self.people.wait(list(limits)):
            raise Refused(wait)
        user = self.people.user(name)
        if not passwords.matches(user.hash if user and not user.disabled else None, password) or user is None:
            self.people.fail(limits)
            self.people.note(name, address, "sign-in", "password", "refused")
            raise Refused
        self.people.forgive(list(limits))
        self.people.note(user.name, address, "sign-in", "password", "ok")
        return user

    def _recalls(self, proof: bytes, hash: str | None) -> bool:
        with self._lock:
            held, until = self._held.get(proof, (None, 0.0))
        return held is not None and held == hash and time.monotonic() < until

    def _hold(self, proof: bytes, hash: str | None) -> None:
        with self._lock:
            self._held[proof] = (hash, time.monotonic() + REMEMBERED)
            while len(self._held) > 1000:
                self._held.popitem(last=False)


def pair(shown: str) -> tuple[str, str]:
    """Read user and password of HTTP Basic (RFC 7617); Refused where they cannot be read."""
    try:
        name, colon, password = base64.b64decode(shown.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError:
        raise Refused from None
    if not colon:
        raise Refused
    return name, password


def address(request: Request) -> str:
    """Tell where a request comes from; of an IPv6 address the network, for a household has billions of them."""
    host = request.client.host if request.client else ""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((host, 64), strict=False)) if found.version == 6 else host


def origin(request: Request, settings: Settings) -> str:
    """Tell the address under which people have this service, without a slash at its end."""
    return (settings.url or str(request.base_url)).rstrip("/")


def foreign(request: Request, settings: Settings, person: Person) -> bool:
    """Tell whether a change was asked for by a page from elsewhere; with a session a browser must show that it was not."""
    site, came = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = (None, origin(request, settings), str(request.base_url).rstrip("/"))
    if site not in (None, "same-origin", "none") or came not in own:
        return True
    return person.via == "session" and site is None and came is None


class Gate:
    """Let each request pass that its person may make; note changes and exports; keep answers out of shared caches."""

    def __init__(self, app: ASGIApp, settings: Settings, keeper: Doorkeeper) -> None:
        self._app, self._settings, self._keeper = app, settings, keeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            person = await self._keeper.who(request)
            answer = self._refusal(request, person)
        except Refused as refused:
            person, answer = NOBODY, unknown(request, refused)
        except StoreError as error:
            person, answer = NOBODY, problem(request, 503, type(error).__name__, *SHUT, {"Retry-After": "5"}, error)
        if answer is not None:
            await answer(scope, receive, send)
            return
        scope.setdefault("state", {})["person"] = person
        await self._app(scope, receive, self._watched(request, person, send))

    def _refusal(self, request: Request, person: Person) -> Response | None:
        """Refuse a request that this person may not make: as if nothing were there, or by asking who they are."""
        method, least = request.method, needed(request.method, request.scope["path"])
        if method not in SAFE and foreign(request, self._settings, person):
            return problem(request, 403, "FromElsewhere", *ELSEWHERE)
        if person.may(least):
            return None
        if person is NOBODY:
            return unknown(request, None)
        if method in SAFE or least == "admin":
            return problem(request, 404, "HTTPError", *NOTHING)
        return problem(
            request, 403, "NotYours", f"this needs the role {least}, and {person.name} has {person.role}; ask an admin",
            f"此操作需要角色 {least},而 {person.name} 是 {person.role};请联系管理员",
        )  # fmt: skip

    def _watched(self, request: Request, person: Person, send: Send) -> Send:
        """Mark answers as one person's own, and note in the audit log what was changed or carried away."""
        path = request.scope["path"]
        changing = request.method not in SAFE and not ASKED.fullmatch(path)
        if path in OPEN or path.startswith(FILES):
            return send

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                private(headers)
                exported = message["status"] == 200 and carries(request, headers.get("content-type", ""))
                if person.via != "loopback" and (changing or exported):
                    query = f"?{request.url.query}" if request.url.query else ""
                    action = request.method if changing else "export"
                    note = (person.name, address(request), action, path + query, str(message["status"]))
                    await to_thread.run_sync(self._keeper.people.note, *note, getattr(request.state, "parts", ()))
            await send(message)

        return watched


def carries(request: Request, kind: str) -> bool:
    """Tell whether an answer of a kind carries land away in bulk."""
    path, limit = request.scope["path"], request.query_params.get("limit", "")
    many = path.endswith("/items") and limit.isascii() and limit.isdigit() and int(limit[:9]) >= BULK
    return request.method == "GET" and (many or kind.partition(";")[0] in EXPORTS or PAPERS.fullmatch(path) is not None)


def private(headers: MutableHeaders) -> None:
    """Keep an answer for one person out of caches that several share."""
    kept = headers.get("cache-control", "no-cache")
    if "private" not in kept and "no-store" not in kept:
        headers["Cache-Control"] = f"private, {kept.replace('public, ', '')}"
    headers.add_vary_header("Authorization")
    headers.add_vary_header("Cookie")


def unknown(request: Request, refused: Refused | None) -> Response:
    """Ask who they are, whatever the address: a reader of pages by the login page, a program by 401; 429 while they must wait."""
    if refused is not None and refused.wait:
        wait = int(refused.wait) + 1
        return problem(
            request, 429, "TooManyAttempts", f"too many attempts to sign in; try again in {wait} seconds", f"登录尝试过多,请在 {wait} 秒后再试",
            {"Retry-After": str(wait), "Cache-Control": "no-store"},
        )  # fmt: skip
    browser = "sec-fetch-mode" in request.headers
    if refused is None and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        query = f"?{request.url.query}" if request.url.query else ""
        to = quote(request.scope["path"] + query, safe="")
        return RedirectResponse(f"/login?next={to}", 303, {"Cache-Control": "no-store"})
    ways = 'Bearer realm="Shudi"' if browser else 'Basic realm="Shudi", charset="UTF-8", Bearer realm="Shudi"'
    words = WHO if refused is None else WRONG
    return problem(request, 401, "WhoAreYou", *words, {"WWW-Authenticate": ways, "Cache-Control": "no-store"})


def onward(to: str) -> str:
    """Pass an address below this service to go on to; the map's where it would lead elsewhere."""
    parts = urlsplit(to.replace("\\", "/"))
    plain = to.isprintable() and to.startswith("/") and not to.replace("\\", "/").startswith("//")
    return to if plain and not parts.scheme and not parts.netloc else "/"


async def the_person(request: Request) -> Person:
    """Hand out who asks."""
    person: Person = request.state.person
    return person


async def the_keeper(request: Request) -> Doorkeeper:
    """Hand out the doorkeeper."""
    keeper: Doorkeeper = request.app.state.keeper
    return keeper


ThePerson = Annotated[Person, Depends(the_person)]
TheKeeper = Annotated[Doorkeeper, Depends(the_keeper)]
