"""The notice of a listing (挂牌公告): as PDF, as DOCX and as a page, from one list of rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from io import BytesIO

from layers.base import Text
from layers.formats.zipped import members, packed
from layers.plan.notice import GENERATED, Section

FACE = "Noto Sans SC"
MADE = datetime(2000, 1, 1, tzinfo=UTC)
"""When all notices say that they were made: the day that counts is printed, and equal notices are equal files."""


def _say(text: Text, language: str) -> str:
    return text.zh if language == "zh" else text.en


def pdf(sections: Sequence[Section], title: Text, language: str, generated: bool = False) -> bytes:
    """Print a notice, A4. NoFontError where the package's font is missing."""
    from fpdf import FPDF  # takes half as long to load as a service takes to start, as what writes documents does

    from maps.sheet import font

    made = FPDF("portrait", "mm", "A4")
    made.set_creation_date(MADE)
    made.set_title(_say(title, language))
    made.set_auto_page_break(True, 18)
    made.add_font("sans", fname=str(font()))
    made.add_page()
    made.set_font("sans", size=17)
    made.multi_cell(0, 10, _say(title, language), align="C", new_x="LMARGIN", new_y="NEXT")
    if generated:
        made.set_font("sans", size=9)
        made.multi_cell(0, 6, _say(GENERATED, language), align="C", new_x="LMARGIN", new_y="NEXT")
    for section in sections:
        made.set_font("sans", size=12)
        made.ln(2)
        made.multi_cell(0, 8, _say(section.title, language), new_x="LMARGIN", new_y="NEXT")
        made.set_font("sans", size=9)
        with made.table(col_widths=(30, 70), first_row_as_headings=False, line_height=6, text_align="LEFT") as table:
            for label, value in section.rows:
                row = table.row()
                row.cell(_say(label, language))
                row.cell(_say(value, language))
    return bytes(made.output())


def docx(sections: Sequence[Section], title: Text, language: str, generated: bool = False) -> bytes:
    """Write a notice for word processors."""
    from docx import Document
    from docx.oxml.ns import qn
    from docx.shared import Pt

    made = Document()
    style = made.styles["Normal"]
    style.font.name, style.font.size = FACE, Pt(10)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), FACE)
    made.core_properties.title = _say(title, language)
    made.core_properties.author = "Shudi"
    made.core_properties.created = made.core_properties.modified = MADE
    made.add_heading(_say(title, language), 0)
    if generated:
        made.add_paragraph(_say(GENERATED, language))
    for section in sections:
        made.add_heading(_say(section.title, language), 1)
        table = made.add_table(rows=0, cols=2, style="Table Grid")
        for label, value in section.rows:
            cells = table.add_row().cells
            cells[0].text, cells[1].text = _say(label, language), _say(value, language)
    out = BytesIO()
    made.save(out)
    return packed(members(out.getvalue()))


def html(sections: Sequence[Section], title: Text, language: str, generated: bool = False, links: str = "") -> str:
    """Write a notice as a page in one language; every text is escaped. `links`: markup that leads on from it."""
    banner = f"<p><strong>{escape(_say(GENERATED, language))}</strong></p>" if generated else ""
    tables = "".join(
        f"<h2>{escape(_say(section.title, language))}</h2><table><tbody>"
        + "".join(
            f"<tr><th scope='row'>{escape(_say(label, language))}</th><td>{escape(_say(value, language))}</td></tr>"
            for label, value in section.rows
        )
        + "</tbody></table>"
        for section in sections
    )
    return sheet_of(_say(title, language), language, f"{banner}{tables}<nav>{links}</nav>")


def index(rows: Sequence[tuple[str, Sequence[Text]]], heads: Sequence[Text], title: Text, language: str, generated: bool) -> str:
    """Write a page that lists listings: for each an address, which its first cell leads to, and its cells."""
    banner = f"<p><strong>{escape(_say(GENERATED, language))}</strong></p>" if generated else ""
    head = "".join(f"<th scope='col'>{escape(_say(name, language))}</th>" for name in heads)
    lines = "".join(
        f'<tr><td><a href="{escape(address)}">{escape(_say(cells[0], language))}</a></td>'
        + "".join(f"<td>{escape(_say(cell, language))}</td>" for cell in cells[1:])
        + "</tr>"
        for address, cells in rows
    )
    feeds = '<nav><a href="/listings.geojson">GeoJSON</a> <a href="/listings.csv">CSV</a></nav>'
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    return sheet_of(_say(title, language), language, banner + table + feeds)


def sheet_of(title: str, language: str, body: str) -> str:
    """Write a page that needs nothing but the service's own style sheet."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/web/records.css"></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
