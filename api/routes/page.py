"""The page with the map, and what it asks first: about, legend, style."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.staticfiles import StaticFiles

from api.deps import AStore, TheSettings
from api.routes.events import TheWatch
from api.settings import Settings
from layers.about import about, columns
from maps.style import legend, style

router = APIRouter(tags=["map"])
WEB = Path(str(files("maps"))) / "web"
MODULES = ("map", "ui")
"""Folders of the page's own modules."""
Language = Literal["en", "zh"]


def policy(page: str, elsewhere: Sequence[str] = ()) -> str:
    """Write the content security policy of a page: everything from here, inline only the import map by its hash; tiles from `elsewhere` too."""
    inline = re.findall(r"<script type=\"importmap\">(.*?)</script>", page, re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inline)
    others = "".join(f" {origin}" for origin in elsewhere)
    return (
        f"default-src 'self'; connect-src 'self'{others}; script-src 'self' {hashes}; worker-src 'self' blob:; img-src 'self' data: blob:{others}; "
        "style-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
    )


def preloads() -> str:
    """Name every module of the page, so that a browser fetches them at once and not each after the one that imports it."""
    modules = sorted(path.relative_to(WEB).as_posix() for folder in MODULES for path in (WEB / folder).glob("*.js"))
    return "".join(f'<link rel="modulepreload" href="web/{module}">\n' for module in modules)


def index(settings: Settings) -> HTMLResponse:
    """Send the page."""
    elsewhere = settings.basemap.origins if settings.basemap else ()
    page = (WEB / "index.html").read_text("utf-8").replace("</head>", f"{preloads()}</head>")
    return HTMLResponse(page, headers={"Content-Security-Policy": policy(page, elsewhere), "Cache-Control": "no-cache"})


@router.get("/about.json")
def about_base(store: AStore, watch: TheWatch) -> dict[str, Any]:
    """Tell what the base is: title, CRS, extent, the editions of each layer, and from which moment on to listen for changes."""
    return {"moment": watch.standing, **about(store)}


@router.get("/legend.json")
def the_legend(lang: Language = "zh") -> list[dict[str, Any]]:
    """List the legend's entries from the layers' own code lists."""
    return legend(lang)


@router.get("/columns.json")
def the_columns(lang: Language = "zh") -> dict[str, Any]:
    """Describe the columns of the layers, with their code lists."""
    return columns(lang)


@router.get("/style.json")
def the_style(request: Request, store: AStore, settings: TheSettings, lang: Language = "zh") -> JSONResponse:
    """Write the MapLibre style from the layers' own code lists."""
    here = str(request.base_url).rstrip("/")
    return JSONResponse(
        style(here, lang, about(store)["center"], under=settings.basemap), headers={"Cache-Control": "private, no-cache"}
    )


def mount(app: FastAPI) -> None:
    """Serve the page's files."""
    app.mount("/web", StaticFiles(directory=WEB), name="web")
