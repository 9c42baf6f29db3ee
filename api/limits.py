"""Limits and headers of every answer: bodies that are too large are refused, pages may load nothing from elsewhere."""

from __future__ import annotations

import asyncio
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from api.settings import Settings
from layers.base import Text

WRONG_HOST = Text(
    "this service answers to its own address only; open it as it was printed", "本服务只响应自身地址,请按启动时给出的地址打开"
)


UPLOADS = re.compile(r"/imports|/ledger/workbook|/listings/[^/]+/scheme/[^/]+")
"""Addresses that take files."""
HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::\d+)?", re.ASCII)


class Limits:
    """Refuse other hosts, bodies that are too large, counted while they come, or too slow; set the security headers.

    Another host's name means a page from elsewhere that had its own name point to this machine.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to one of the hosts on, counting its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if named(Headers(scope=scope).get("host", "")) not in self._settings.hosts:
            refused = problem(Request(scope), 421, "WrongHost", *WRONG_HOST)
            await refused(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        await self._app(scope, self._counted(scope["path"], receive), guarded)

    def _counted(self, path: str, receive: Receive) -> Receive:
        """Count a body while it comes, and the time that it takes; who breaks off the connection is not waited for."""
        settings = self._settings
        most = settings.upload if UPLOADS.fullmatch(path) else settings.body
        read, whole, begun = 0, False, time.monotonic()

        async def counted() -> Message:
            nonlocal read, whole
            if whole:
                return await receive()
            left = begun + settings.patience + read / settings.pace - time.monotonic()
            try:
                async with asyncio.timeout(max(0.0, left)):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "the body comes too slowly; send it again") from None
            read, whole = read + len(message.get("body", b"")), not message.get("more_body", False)
            if read > most:
                raise HTTPException(413, f"the body is over {most} bytes; simplify or split it")
            return message

        return counted


def named(host: str) -> str | None:
    """Read the name in a Host header, without port and brackets; None where it is none."""
    found = HOST.fullmatch(host)
    return found and (found[1] or found[2]).lower()
