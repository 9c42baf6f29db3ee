"""Pages that keep to themselves: libraries written into the page, and policies under which it can fetch nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from branca.element import CssLink, Element, Figure, JavascriptLink
from jinja2 import Template

from layers.errors import Refusal

WEB = files("maps") / "web"
INLINED: Mapping[str, str] = {"leaflet": "leaflet/leaflet.js", "leaflet_css": "leaflet/leaflet.css"}
"""folium's name of a link -> the vendored file that replaces it."""
NAMED = ("http://www.w3.org/", "https://leafletjs.com")
"""Addresses that libraries mention and never fetch: XML namespaces and the home page in a licence."""

OUTWARD = re.compile(r"url\((?!['\"]?(?:data:|#))[^)]*\)")


class VendorError(Refusal):
    """A library of the browser is missing or is not the one that was pinned."""


class ForeignLinkError(Exception):
    """A page that must stand alone refers to something outside."""


def vendored(name: str, vendor: Traversable | None = None) -> str:
    """Read a library of `maps/web/vendor` and check it against the manifest's SHA-256.

    Raises VendorError if the file is missing, unlisted or altered.
    """
    folder = vendor or WEB / "vendor"
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        content = (folder / name).read_bytes()
    except FileNotFoundError as absent:
        missing = absent.filename
        raise VendorError(f"{missing} is missing; run `make vendor`", f"缺少 {missing},请运行 `make vendor`") from absent
    if hashlib.sha256(content).hexdigest() != manifest.get(name, {}).get("sha256"):
        raise VendorError(
            f"{name} is not the file that the manifest pins; run `make vendor`", f"{name} 与清单不符,请运行 `make vendor`"
        )
    return content.decode("utf-8")


class Verbatim(Element):
    """An element that renders to exactly its text; branca would take the text for a template."""

    _template = Template("{{ this.text }}")

    def __init__(self, text: str) -> None:
        super().__init__()
        self._name, self.text = "Verbatim", text


def inline(name: str, link: Element) -> Element:
    """Replace a link to a script or a style sheet by its vendored content; any other element is kept."""
    if not isinstance(link, JavascriptLink | CssLink):
        return link
    if name not in INLINED:
        raise ForeignLinkError(f"nothing vendored replaces {link.url} ({name!r}); add it to maps/offline.py and package.json")
    text = vendored(INLINED[name])
    if isinstance(link, JavascriptLink):
        return Verbatim(f"<script>{re.sub(r'//# sourceMappingURL=.*', '', text)}</script>")
    rules = re.sub(r"/\*(?!!).*?\*/", "", text, flags=re.S)
    return Verbatim(f"<style>{OUTWARD.sub('none', rules)}</style>")


class OfflineFigure(Figure):
    """A branca figure that renders to one page without any link to the outside, under a policy that allows none."""

    _template = Template(
        '<!DOCTYPE html>\n<html lang="{{ this.language }}">\n<head>\n<title>{{ this.title }}</title>\n'
        "{{ this.header.render(**kwargs) }}\n</head>\n<body>\n{{ this.html.render(**kwargs) }}\n"
        "<script>\n{{ this.script.render(**kwargs) }}\n</script>\n</body>\n</html>\n"
    )

    def __init__(self, title: str, language: str) -> None:
        super().__init__(title=html.escape(title))
        self.language = language

    def render(self, **kwargs: Any) -> str:
        """Render the page; raises ForeignLinkError if a child needs the network, VendorError if a library is missing."""
        for child in self._children.values():
            child.render(**kwargs)
        for name, link in list(self.header._children.items()):
            self.header._children[name] = inline(name, link)
        return sealed(str(self._template.render(this=self, kwargs=kwargs)))


def foreign_links(page: str) -> list[str]:
    """List what a page would fetch or link to outside itself; data blocks and the title, being text, are left out."""
    code = re.sub(r'<script type="application/json".*?</script>|<title>.*?</title>', "", page, flags=re.S)
    named = [link for link in re.findall(r"https?://[^\s\"'<>)`\\]+", code) if not link.startswith(NAMED)]
    tags = re.findall(r"<(?:link|script|img|iframe|object|embed|source)\b[^>]*\s(?:src|href|data)\s*=[^>]*>", code)
    return named + tags + re.findall(r"@import[^;]*;", code) + OUTWARD.findall(code)


def inline_hashes(page: str, tag: str) -> str:
    """List the SHA-256 sources of a page's inline `tag` elements that a browser executes, as a policy spells them."""
    blocks = re.findall(rf"<{tag}(?![^>]*(?:\ssrc=|application/json))[^>]*>(.*?)</{tag}>", page, flags=re.S)
    digests = (base64.b64encode(hashlib.sha256(block.encode("utf-8")).digest()).decode() for block in blocks)
    return " ".join(dict.fromkeys(f"'sha256-{digest}'" for digest in digests)) or "'none'"


def sealed(page: str) -> str:
    """Put a policy into a page by which a browser runs only the page's own code and opens no connection at all.

    Raises ForeignLinkError if the page names an outside address.
    """
    page = page.replace("\r\n", "\n")
    if links := foreign_links(page):
        raise ForeignLinkError(f"the page must need no network, but it names {links[0]}; vendor it or leave it out")
    rules = f"script-src {inline_hashes(page, 'script')}; style-src {inline_hashes(page, 'style')}; img-src data:"
    policy = f"default-src 'none'; {rules}; base-uri 'none'; form-action 'none'"
    return page.replace("<head>", f'<head>\n<meta http-equiv="Content-Security-Policy" content="{policy}">', 1)
