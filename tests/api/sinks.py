"""Servers that take what Shudi sends: one of mail, one of webhooks."""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Post:
    """A mail server: what it took, what it was told as passwords; `refuse`: its answer to the next mails, "" to take them."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    refuse: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak as much SMTP (RFC 5321, 4954) as a client needs."""

        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        say("220 sink")
        while line := (await reader.readline()).decode().strip():
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                say("250-sink\r\n250 AUTH PLAIN")
            elif verb == "AUTH":
                self.passwords.append(base64.b64decode(line.split(" ")[2]).decode().split("\0")[2])
                say("235 welcome")
            elif verb == "DATA":
                say("354 go on")
                lines = []
                while (part := await reader.readline()) not in (b".\r\n", b""):
                    lines.append(part)
                if not self.refuse:
                    self.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))  # type: ignore[arg-type]
                say(self.refuse or "250 taken")
            elif verb == "QUIT":
                say("221 bye")
                break
            else:
                say("250 well")
        writer.close()


@contextmanager
def post(tls: ssl.SSLContext | None = None) -> Iterator[Post]:
    """Run a mail server on a port of loopback."""
    made, ready, ends = Post(), threading.Event(), []

    async def run() -> None:
        stop = asyncio.Event()
        ends.append((asyncio.get_running_loop(), stop))
        async with await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls) as server:
            made.port = server.sockets[0].getsockname()[1]
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert ready.wait(30)
        yield made
    finally:
        loop, stop = ends[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)


@dataclass
class Hook:
    """A server of webhooks: headers and body of each request; `status`: its answer to the next ones."""

    url: str = ""
    took: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 204


@contextmanager
def hook() -> Iterator[Hook]:
    """Run a server of webhooks on a port of loopback."""
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.took.append((dict(self.headers), body))
            self.send_response(made.status)
            if made.status == 302:
                self.send_header("Location", made.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *said: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/hook/key-of-this-hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
