"""Limits and headers of every answer: bodies that are too large are refused, pages may load nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from layers.base import Text

WRONG_HOST = Text(
    "this service answers to its own address only; open it as it was printed", "本服务只响应自身地址,请按启动时给出的地址打开"
)


class Limits:
    """Refuse other `hosts` and bodies over `body` bytes, counted while they come, and set the security headers.

    Another host's name means a page from elsewhere that had its own name point to this machine.
    """

    def __init__(self, app: ASGIApp, body: int, hosts: Collection[str]) -> None:
        self._app, self._body, self._hosts = app, body, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to one of the hosts on, counting its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if named(Headers(scope=scope).get("host", "")) not in self._hosts:
            refused = problem(Request(scope), 421, "WrongHost", *WRONG_HOST)
            await refused(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._body:
                raise HTTPException(413, f"the body is over {self._body} bytes; simplify the site")
            return message

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        await self._app(scope, counted, guarded)


def named(host: str) -> str | None:
    """Read the name in a Host header, without port and brackets; None where it is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
