"""Limits and headers of every answer: bodies that are too large are refused, pages may load nothing from elsewhere."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _TooLargeError(Exception):
    """The body went over the limit while it was read."""


class Limits:
    """Refuse bodies over `body` bytes, counted while they come, and set the security headers."""

    def __init__(self, app: ASGIApp, body: int) -> None:
        self._app, self._body = app, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read, started = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._body:
                raise _TooLargeError
            return message

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        try:
            await self._app(scope, counted, guarded)
        except _TooLargeError:
            if started:
                raise
            en, zh = f"the body is over {self._body} bytes; simplify the site", f"请求超过 {self._body} 字节,请简化选址"
            body = {"type": "about:blank", "title": "TooLarge", "status": 413, "detail": en, "detail_zh": zh}
            await JSONResponse(body, 413, media_type="application/problem+json")(scope, receive, guarded)
