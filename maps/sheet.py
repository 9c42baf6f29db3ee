"""Print: the parcel map of a plot (宗地图) as a vector PDF, A4 or A3, with its coordinate table."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import shapely
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from numpy.typing import NDArray
from PIL import Image
from pypdfium2 import PdfDocument
from shapely.geometry.base import BaseGeometry

from layers.base import Text
from layers.errors import Refusal
from layers.plan.parcel_map import SIDES, ParcelMap
from layers.units import mu

FONT = Path(str(files("maps"))) / "web/vendor/@fontsource/noto-sans-sc/noto-sans-sc-chinese-simplified-400-normal.woff"
PAGES = {"A4": (210.0, 297.0), "A3": (297.0, 420.0)}
MARGIN, FOOT, HEAD = 15.0, 24.0, 34.0
"""White around the page, height of the table below and of the title above the map [mm]."""
SCALES = (50, 100, 200, 250, 500, 1000, 1500, 2000, 2500, 5000, 10_000, 20_000, 25_000, 50_000)
RED, BLACK, GREY, LIGHT, ROAD = (200, 0, 0), (0, 0, 0), (90, 90, 90), (170, 170, 170), (238, 232, 216)
CROWDED = 60
"""From so many points on not each is labelled on the map; all are in the table."""
ROW = 4.6


class NoFontError(Refusal):
    """The font that prints Chinese is not installed."""


class Frame(NamedTuple):
    """Where the map lies on the page: left, top, width, height [mm]; its centre in the land [m]; its scale."""

    left: float
    top: float
    width: float
    height: float
    x: float
    y: float
    scale: int

    def place(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Put points of the land on the page [mm], shape (n, 2)."""
        mm = 1000 / self.scale
        across = self.left + self.width / 2 + (xy[:, 0] - self.x) * mm
        return np.stack([across, self.top + self.height / 2 - (xy[:, 1] - self.y) * mm], axis=1)

    def box(self) -> BaseGeometry:
        """Give the land that the frame shows."""
        w, h = self.width * self.scale / 2000, self.height * self.scale / 2000
        return shapely.box(self.x - w, self.y - h, self.x + w, self.y + h)


def font() -> Path:
    """Find the font that prints Chinese; NoFontError where the package lacks it."""
    if not FONT.exists():
        raise NoFontError(
            f"the font {FONT.name} is missing; run make vendor, or install the wheel",
            f"缺少字体 {FONT.name};请运行 make vendor 或安装发布包",
        )
    return FONT


def parcel_sheet(
    plot: ParcelMap,
    language: str,
    page: str = "A4",
    drafter: str = "",
    checker: str = "",
    on: date | None = None,
    generated: bool = False,
) -> bytes:
    """Print a plot's map: title, boundary in red with numbered points and sides, neighbours, roads, four bounds, scale, table.

    The scale is the largest round one at which the plot fits. The coordinate table follows on the first page where it fits and
    continues on others. NoFontError where the package's font is missing. Same input, same bytes.
    """
    pdf = FPDF("portrait", "mm", page)
    pdf.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))
    pdf.set_title(f"{plot.id}")
    pdf.set_auto_page_break(False)
    pdf.add_font("sans", fname=str(font()))
    _map_page(pdf, plot, language, page, drafter, checker, on or date.today(), generated)
    _table(pdf, plot, language)
    return bytes(pdf.output())


def picture(pdf: bytes, resolution: int = 200) -> bytes:
    """Draw the pages of a PDF one below the other as a PNG, `resolution` dots an inch."""
    with closing(PdfDocument(pdf)) as document:
        pages = [page.render(scale=resolution / 72).to_pil() for page in document]
    whole = Image.new("RGB", (max(p.width for p in pages), sum(p.height for p in pages)), "white")
    for n, page in enumerate(pages):
        whole.paste(page, (0, sum(p.height for p in pages[:n])))
    out = BytesIO()
    whole.save(out, "PNG", dpi=(resolution, resolution))
    return out.getvalue()


def fitted(shape: BaseGeometry, left: float, top: float, width: float, height: float) -> Frame:
    """Choose the largest round scale at which a shape fills at most 60 % of a frame."""
    west, south, east, north = shape.bounds
    need = max((east - west) / width, (north - south) / height) * 1000 / 0.6
    scale = next((s for s in SCALES if s >= need), int(np.ceil(need / 50_000) * 50_000))
    return Frame(left, top, width, height, (west + east) / 2, (south + north) / 2, scale)


def _say(text: Text, language: str) -> str:
    return text.zh if language == "zh" else text.en


def _map_page(
    pdf: FPDF, plot: ParcelMap, language: str, page: str, drafter: str, checker: str, on: date, generated: bool
) -> None:
    """Draw the first page."""

    def say(en: str, zh: str) -> str:
        return zh if language == "zh" else en

    wide, high = PAGES[page]
    pdf.add_page()
    pdf.set_font("sans", size=18)
    pdf.set_xy(MARGIN, 10)
    pdf.cell(wide - 2 * MARGIN, 9, say("Parcel map", "宗地图"), align="C")
    pdf.set_font("sans", size=9)
    area = f"{plot.area:,.2f} m² = {mu(plot.area):,.3f} {say('mu', '亩')}"
    left = [(say("Parcel", "宗地编号"), plot.id), (say("Use", "用途"), plot.use), (say("Right holder", "权利人"), plot.owner)]
    right = [
        (say("Area", "面积"), area),
        (say("On the ellipsoid", "椭球面积"), f"{plot.ellipsoidal:,.2f} m²"),
        (say("CRS", "坐标系"), plot.crs),
    ]
    for rows, x in ((left, MARGIN), (right, wide / 2)):
        for k, (name, value) in enumerate(rows):
            pdf.set_xy(x, 20 + 4.6 * k)
            pdf.cell(wide / 2 - MARGIN, 4.6, f"{name}: {value}")
    frame = fitted(plot.shape, MARGIN, HEAD + 2, wide - 2 * MARGIN, high - HEAD - FOOT - MARGIN - 4)
    with pdf.rect_clip(frame.left, frame.top, frame.width, frame.height):
        _land(pdf, plot, frame)
        _boundary(pdf, plot, frame)
    pdf.set_draw_color(*BLACK)
    pdf.set_line_width(0.4)
    pdf.rect(frame.left, frame.top, frame.width, frame.height)
    north(pdf, frame)
    scale_bar(pdf, frame)
    bounds = "; ".join(say(f"{side.en}: {b.en}", f"{side.zh}至{b.zh}") for side, b in zip(SIDES, plot.bounds, strict=True))
    foot = frame.top + frame.height + 2
    lines = [
        f"{say('Four bounds', '四至')}: {bounds}", f"{say('Address', '坐落')}: {plot.address}",
        f"{say('Drafter', '绘图')}: {drafter or '________'}    {say('Checker', '审核')}: {checker or '________'}    "
        f"{say('Date', '日期')}: {on}    {say('Scale', '比例尺')} 1:{frame.scale:,}",
    ]  # fmt: skip
    if generated:
        lines.append(say("Generated data, not a real place", "生成数据,并非真实地块"))
    for k, line in enumerate(lines):
        pdf.set_xy(MARGIN, foot + 4.8 * k)
        pdf.set_font("sans", size=9)
        while pdf.get_string_width(line) > wide - 2 * MARGIN and pdf.font_size_pt > 5:
            pdf.set_font_size(pdf.font_size_pt - 0.5)
        pdf.cell(wide - 2 * MARGIN, 4.8, line)


def _land(pdf: FPDF, plot: ParcelMap, frame: Frame) -> None:
    """Draw roads and neighbours, each with its name."""
    box = frame.box()
    pdf.set_line_width(0.15)
    for frames, name, fill in ((plot.roads, "name", ROAD), (plot.neighbours, "id", None)):
        pdf.set_draw_color(*LIGHT)
        cut = shapely.intersection(frames.geometry.to_numpy(), box)
        for shape, label in zip(cut, frames[name].fillna("").tolist(), strict=True):
            for part in shapely.get_parts(shape):
                if part.geom_type != "Polygon" or part.is_empty:
                    continue
                if fill:
                    pdf.set_fill_color(*fill)
                pdf.polygon(frame.place(shapely.get_coordinates(part.exterior)).tolist(), style="DF" if fill else "D")
            if shape.area > 0.01 * box.area:
                _label(pdf, frame.place(shapely.get_coordinates(shapely.point_on_surface(shape)))[0], str(label), 7, GREY)


def _boundary(pdf: FPDF, plot: ParcelMap, frame: Frame) -> None:
    """Draw the boundary in red, its points with their numbers and the lengths of its sides."""
    points = plot.points
    pdf.set_draw_color(*RED)
    pdf.set_line_width(0.5)
    for part in shapely.get_parts(plot.shape):
        for ring in shapely.get_rings(part):
            pdf.polyline(frame.place(shapely.get_coordinates(ring)).tolist())
    at = frame.place(points.xy)
    every = int(np.ceil(len(at) / CROWDED))
    centre = at.mean(axis=0)
    on = at[points.following]
    pdf.set_fill_color(255, 255, 255)
    pdf.set_line_width(0.25)
    for n, (x, y) in enumerate(at.tolist()):
        pdf.circle(x, y, 0.7, style="DF")
        if n % every:
            continue
        away = at[n] - centre
        out = away / max(float(np.hypot(*away)), 1e-6) * (3.2 if points.ring[n] == 0 else -3.2)
        _label(pdf, at[n] + out, f"J{points.number[n]}", 7, RED)
        middle = (at[n] + on[n]) / 2
        if np.hypot(*(on[n] - at[n])) > 9 and every == 1:
            _label(pdf, middle, f"{points.side[n]:.3f}", 6, BLACK)


def _label(pdf: FPDF, at: NDArray[np.float64], text: str, size: float, colour: tuple[int, int, int]) -> None:
    """Write a text around a point, on white so that lines do not cross it."""
    if not text:
        return
    pdf.set_font("sans", size=size)
    pdf.set_text_color(*colour)
    width, height = pdf.get_string_width(text) + 0.6, size * 0.4
    pdf.set_fill_color(255, 255, 255)
    pdf.set_xy(float(at[0]) - width / 2, float(at[1]) - height / 2)
    pdf.cell(width, height, text, align="C", fill=True)
    pdf.set_text_color(*BLACK)


def north(pdf: FPDF, frame: Frame, k: float = 1.0) -> None:
    """Draw the north arrow, `k` times as large as on a parcel map: up is grid north."""
    x, y = frame.left + frame.width - 9 * k, frame.top + 16 * k
    pdf.set_draw_color(*BLACK)
    pdf.set_fill_color(*BLACK)
    pdf.polygon([(x, y - 12 * k), (x - 3 * k, y), (x, y - 2.5 * k), (x + 3 * k, y)], style="DF")
    _label(pdf, np.array([x, y + 2.5 * k]), "N 北", 8 * k, BLACK)


def scale_bar(pdf: FPDF, frame: Frame, k: float = 1.0) -> None:
    """Draw a bar of a round length, in four parts, `k` times as large as on a parcel map."""
    metres = 10.0 ** np.floor(np.log10(frame.scale * 0.05 * k))
    metres *= next(n for n in (5, 2, 1) if n * metres * 1000 / frame.scale <= 50 * k)
    step = metres * 1000 / frame.scale / 4
    x, y = frame.left + 6 * k, frame.top + frame.height - 6 * k
    pdf.set_draw_color(*BLACK)
    pdf.set_line_width(0.2 * k)
    for n in range(4):
        pdf.set_fill_color(*(BLACK if n % 2 == 0 else (255, 255, 255)))
        pdf.rect(x + n * step, y, step, 1.6 * k, style="DF")
    for n, value in ((0, 0.0), (2, metres / 2), (4, metres)):
        _label(pdf, np.array([x + n * step, y - 2.2 * k]), f"{value:g}{' m' if n == 4 else ''}", 7 * k, BLACK)


def _table(pdf: FPDF, plot: ParcelMap, language: str) -> None:
    """Write the coordinate table in columns, over as many pages as it takes; each ring ends with its first point again."""
    heads = ("点号", "X (m)", "Y (m)", "边长 (m)") if language == "zh" else ("Point", "X north (m)", "Y east (m)", "Side (m)")
    rows = list(table(plot))
    width = (pdf.w - 2 * MARGIN - 6) / 2
    fit = int((pdf.h - 2 * MARGIN - 12) // ROW) - 1
    for first in range(0, len(rows), 2 * fit):
        pdf.add_page()
        pdf.set_font("sans", size=11)
        pdf.set_xy(MARGIN, MARGIN - 4)
        pdf.cell(
            0, 7, f"{plot.id} · {'界址点坐标表' if language == 'zh' else 'Boundary points'}", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
        for column in range(2):
            some = rows[first + column * fit : first + (column + 1) * fit]
            for k, row in enumerate([heads, *some] if some else []):
                pdf.set_font("sans", size=8)
                pdf.set_xy(MARGIN + column * (width + 6), MARGIN + 6 + k * ROW)
                for cell, share in zip(row, (0.16, 0.3, 0.32, 0.22), strict=True):
                    pdf.cell(width * share, ROW, cell, border=1, align="C" if k == 0 else "R")


def table(plot: ParcelMap) -> list[tuple[str, str, str, str]]:
    """List number, X (north), Y (east) and side of each boundary point, to the millimetre; a ring's last row is its first point."""
    points = plot.points
    ring = points.part * 1_000_000 + points.ring
    rows = []
    for r in dict.fromkeys(ring.tolist()):
        mine = np.flatnonzero(ring == r)
        told = [
            (f"J{points.number[n]}", f"{points.xy[n, 1]:.3f}", f"{points.xy[n, 0]:.3f}", f"{points.side[n]:.3f}") for n in mine
        ]
        rows += [*told, (*told[0][:3], "")]
    return rows
