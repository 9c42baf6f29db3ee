"""Documents of the service as plain HTML pages: whatever JSON says, read by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

FIGURES = 200
"""Characters of a coordinate list that a page shows."""


def page(title: str, body: Mapping[str, Any]) -> str:
    """Write a document as a page that needs nothing from elsewhere; every text is escaped."""
    return (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/web/records.css"></head>'
        f'<body><header><a href="/">熟地 Shudi</a> <a href="/collections?f=html">数据集 Collections</a></header>'
        f"<h1>{escape(title)}</h1>{shown(body)}</body></html>"
    )


def shown(value: Any) -> str:
    """Show a value of JSON: links as links, features as a table, the rest as nested lists."""
    if isinstance(value, Mapping):
        if isinstance(value.get("href"), str):
            return link(value)
        if value.get("type") == "FeatureCollection":
            return table(value["features"]) + shown({k: v for k, v in value.items() if k not in ("features", "type")})
        return f"<dl>{''.join(f'<dt>{escape(str(k))}</dt><dd>{shown(v)}</dd>' for k, v in value.items())}</dl>"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if value and not isinstance(value[0], Mapping):
            text = ", ".join(str(v) for v in value)
            return escape(text if len(text) <= FIGURES else text[:FIGURES] + " …")
        return f"<ul>{''.join(f'<li>{shown(v)}</li>' for v in value)}</ul>"
    return escape("" if value is None else str(value))


def link(value: Mapping[str, Any]) -> str:
    """Show a link; templates cannot be followed."""
    words = escape(str(value.get("title") or value["href"]))
    about = f" <small>{escape(str(value.get('rel', '')))} {escape(str(value.get('type', '')))}</small>"
    target = str(value["href"])
    if value.get("templated") or not target.startswith(("http://", "https://", "/")):
        return f"{words}: <code>{escape(target)}</code>{about}"
    return f'<a href="{escape(target)}">{words}</a>{about}'


def table(features: Sequence[Mapping[str, Any]]) -> str:
    """Show features as a table of their properties."""
    columns = list(features[0]["properties"]) if features else []
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(str(v)) if v is not None else str()}</td>' for v in f['properties'].values())}</tr>"
        for f in features
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
