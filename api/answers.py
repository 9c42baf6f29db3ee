"""How documents are sent: as JSON or HTML, with links, an ETag, and not again to who has them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Request, Response

from api.asked import FORMATS
from layers.filter.errors import FilterError
from maps.pages import page

JSON, HTML, GEOJSON, SCHEMA = "application/json", "text/html", "application/geo+json", "application/schema+json"
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"


class Wish(NamedTuple):
    """What a caller wants: `html` or `json`, and where the service is reached."""

    request: Request
    url: str
    format: str

    def link(self, path: str, rel: str, title: str, type: str = JSON, **more: Any) -> dict[str, Any]:
        """Make a link to a path of this service."""
        return {"href": f"{self.url}{path}", "rel": rel, "type": type, "title": title, **more}

    def around(self, type: str = JSON) -> list[dict[str, Any]]:
        """Link a document to itself and to its other form."""
        kept = [(k, v) for k, v in self.request.query_params.multi_items() if k != "f"]
        made = []
        for name, media in (("json", type), ("html", HTML)):
            rel = "self" if name == self.format else "alternate"
            made.append(self.link(f"{self.path}?{urlencode([*kept, ('f', name)])}", rel, f"{name.upper()}", media))
        return made

    @property
    def path(self) -> str:
        """The path that was asked for, as it stands in a URL."""
        raw: bytes = self.request.scope["raw_path"]
        return raw.decode("ascii").split("?")[0]


def wish(request: Request, url: str, wanted: str | None, more: Mapping[str, str] | None = None) -> Wish:
    """Settle the form of an answer: what `f` says, else what the caller accepts first of HTML and JSON; FilterError for others.

    `more` are further forms by name, each with its media type.
    """
    there = [*FORMATS, *(more or {})]
    if wanted is None:
        accepted = request.headers.get("accept", "").lower()
        for name, media in (more or {}).items():
            if accepted.startswith(media):
                return Wish(request, url, name)
        at = {name: accepted.find(name) for name in ("text/html", "json")}
        html = at["text/html"] >= 0 and (at["json"] < 0 or at["text/html"] < at["json"])
        return Wish(request, url, "html" if html else "json")
    if wanted not in there:
        raise FilterError(
            f"f={wanted[:40]} is no format here; there are {', '.join(there)}",
            f"f={wanted[:40]} 不是可用的格式;可用 {'、'.join(there)}",
        )
    return Wish(request, url, wanted)


def answer(of: Wish, title: str, body: Mapping[str, Any], media: str = JSON) -> Response:
    """Send a document."""
    if of.format == "html":
        return Response(page(title, body), media_type=HTML, headers={"Content-Security-Policy": POLICY, "Vary": "Accept"})
    return Response(json.dumps(body, ensure_ascii=False), media_type=media, headers={"Vary": "Accept"})


def tag(*made_from: object) -> str:
    """Make an ETag of all that an answer is made from."""
    return f'"{hashlib.sha256(repr(made_from).encode()).hexdigest()[:24]}"'


def kept(etag: str, modified: datetime | None = None) -> dict[str, str]:
    """Write the headers by which an answer is kept and asked for again; `modified` where it is known when it last changed."""
    dated = {} if modified is None else {"Last-Modified": _dated(modified)}
    return {"ETag": etag, "Cache-Control": "no-cache", **dated}


@lru_cache(maxsize=1_000)
def _dated(at: datetime) -> str:
    return format_datetime(at, usegmt=True)


def unchanged(request: Request, etag: str, modified: datetime | None = None) -> Response | None:
    """Answer 304 to who has the answer already, by its ETag, or without one by its time; no clock is trusted to run forward."""
    headers, tags = {**kept(etag, modified), "Vary": "Accept"}, request.headers.get("if-none-match")
    if tags is None:
        same = request.headers.get("if-modified-since", "") == headers.get("Last-Modified")
    else:
        same = bool({etag, "*"} & {t.strip().removeprefix("W/") for t in tags.split(",")})
    return Response(status_code=304, headers=headers) if same else None
