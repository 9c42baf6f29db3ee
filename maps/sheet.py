"""Print: the parcel map of a plot (宗地图) as a vector PDF, A4 or A3, with its coordinate table."""

from __future__ import annotations

from collections.abc import Sequence
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

from geo.shape import Points
from layers.base import Text
from layers.errors import Refusal
from layers.plan.parcel_map import SIDES, ParcelMap
from layers.units import mu

FONT = Path(str(files("maps"))) / "web/vendor/@fontsource/noto-sans-sc/noto-sans-sc-chinese-simplified-400-normal.woff"
PAGES = {"A4": (210.0, 297.0), "A3": (297.0, 420.0)}
MARGIN, FOOT, HEAD = 20.0, 20.0, 43.0
"""White around the page, at least 2 cm by the norm, height of the table below and of the title and the white above the map [mm]."""
SCALES = (50, 100, 200, 250, 500, 1000, 1500, 2000, 2500, 5000, 10_000, 20_000, 25_000, 50_000)
RED, BLACK, GREY, LIGHT, ROAD = (200, 0, 0), (0, 0, 0), (90, 90, 90), (170, 170, 170), (238, 232, 216)
CLEAR = 5.0
"""How far from the boundary the names of roads and neighbours stand [mm]."""
ROW, SHORT = 4.6, 24
"""Height of a row of the table [mm], and how many rows still stand on the first page."""
HEADS = {"zh": ("点号", "X (m)", "Y (m)", "边长 (m)"), "en": ("Point", "X north (m)", "Y east (m)", "Side (m)")}
TURNS = tuple(np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) for a in (0.0, 0.7, -0.7))
"""How a point's label may stand aside of its corner's bisector."""
Box = tuple[float, float, float, float]


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
    pdf.set_xy(MARGIN, MARGIN)
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
            _line(pdf, x, MARGIN + 9 + 4.6 * k, wide / 2 - MARGIN - 2, f"{name}: {value}")
    listed = table(plot)
    half = (len(listed) + 1) // 2
    below = (half + 1) * ROW + 3 if len(listed) <= SHORT else 0.0
    frame = fitted(plot.shape, MARGIN, HEAD + 2, wide - 2 * MARGIN, high - HEAD - FOOT - MARGIN - 4 - below)
    edge, low = frame.left + frame.width, frame.top + frame.height
    taken = [(edge - 15, frame.top, edge, frame.top + 22), (frame.left, low - 12, frame.left + 64, low)]  # north arrow, scale bar
    with pdf.rect_clip(frame.left, frame.top, frame.width, frame.height):
        _land(pdf, plot, frame)
        _boundary(pdf, plot, frame, taken)
        _names(pdf, plot, frame, taken)
    pdf.set_draw_color(*BLACK)
    pdf.set_line_width(0.4)
    pdf.rect(frame.left, frame.top, frame.width, frame.height)
    north(pdf, frame)
    scale_bar(pdf, frame)
    bounds = "; ".join(say(f"{side.en}: {b.en}", f"{side.zh}至{b.zh}") for side, b in zip(SIDES, plot.bounds, strict=True))
    if below:
        _columns(pdf, language, listed, half, low + 3)
    foot = low + 2 + below
    lines = [
        f"{say('Four bounds', '四至')}: {bounds}", f"{say('Address', '坐落')}: {plot.address}",
        f"{say('Drafter', '绘图')}: {drafter or '________'}    {say('Checker', '审核')}: {checker or '________'}    "
        f"{say('Date', '日期')}: {on}    {say('Scale', '比例尺')} 1:{frame.scale:,}",
    ]  # fmt: skip
    if generated:
        lines.append(say("Generated data, not a real place", "生成数据,并非真实地块"))
    for k, line in enumerate(lines):
        _line(pdf, MARGIN, foot + 4.8 * k, wide - 2 * MARGIN, line)


def _line(pdf: FPDF, x: float, y: float, width: float, text: str) -> None:
    """Write a line into a width: in smaller letters where it is long, cut with an ellipsis where it is longer still."""
    pdf.set_font("sans", size=9)
    while pdf.get_string_width(text) > width - 2 and pdf.font_size_pt > 6:
        pdf.set_font_size(pdf.font_size_pt - 0.5)
    if pdf.get_string_width(text) > width - 2:
        while text and pdf.get_string_width(f"{text}…") > width - 2:
            text = text[:-1]
        text = f"{text}…"
    pdf.set_xy(x, y)
    pdf.cell(width, 4.8, text)


def _land(pdf: FPDF, plot: ParcelMap, frame: Frame) -> None:
    """Draw roads and neighbours."""
    box = frame.box()
    pdf.set_line_width(0.15)
    pdf.set_draw_color(*LIGHT)
    for frames, fill in ((plot.roads, ROAD), (plot.neighbours, None)):
        for part in shapely.get_parts(shapely.intersection(frames.geometry.to_numpy(), box)):
            if part.geom_type != "Polygon" or part.is_empty:
                continue
            if fill:
                pdf.set_fill_color(*fill)
            pdf.polygon(frame.place(shapely.get_coordinates(part.exterior)).tolist(), style="DF" if fill else "D")


def _names(pdf: FPDF, plot: ParcelMap, frame: Frame, taken: list[Box]) -> None:
    """Write the names of roads and neighbours where there is room: first where most of their land is, then to its sides."""
    box = frame.box()
    west, south, east, north = box.bounds
    x, y = (west + east) / 2, (south + north) / 2
    halves = (
        box,
        *(
            shapely.box(*b)
            for b in ((west, south, x, north), (x, south, east, north), (west, south, east, y), (west, y, east, north))
        ),
    )
    clear = shapely.difference(box, shapely.buffer(plot.shape, CLEAR * frame.scale / 1000))
    for frames, name in ((plot.roads, "name"), (plot.neighbours, "id")):
        for shape, label in zip(frames.geometry.to_numpy(), frames[name].fillna("").tolist(), strict=True):
            if not label or shapely.intersection(shape, box).area <= 0.01 * box.area:
                continue
            land = [shapely.intersection(shapely.intersection(shape, clear), half) for half in halves]
            spots = [frame.place(shapely.get_coordinates(shapely.point_on_surface(s)))[0] for s in land if not s.is_empty]
            _labelled(pdf, spots, [np.zeros(2)], (0.0,), str(label), 7, GREY, taken)


def _boundary(pdf: FPDF, plot: ParcelMap, frame: Frame, taken: list[Box]) -> None:
    """Draw the boundary in red, its points with their numbers and the lengths of its sides beside it, as far as there is room.

    Points nearer to each other than a circle are drawn as the line only; all are in the table.
    """
    points = plot.points
    rings = [
        frame.place(shapely.get_coordinates(ring)) for part in shapely.get_parts(plot.shape) for ring in shapely.get_rings(part)
    ]
    line = shapely.MultiLineString(rings)
    at, out = frame.place(points.xy), outward(plot.shape, points) * (1, -1)
    along = at[points.following] - at
    length = np.hypot(*along.T)
    across = np.column_stack([along[:, 1], -along[:, 0]]) / np.maximum(length, 1e-9)[:, None]
    across *= np.where((across * (out + out[points.following])).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    shown = spaced(at, 1.2)
    for n in shown:
        _labelled(pdf, at[n : n + 1], [out[n] @ turn for turn in TURNS], (0.6, 2.2), f"J{points.number[n]}", 7, RED, taken, line)
    for n in np.flatnonzero(length > 11).tolist():
        spots = at[n] + along[n] * np.array([[0.5], [0.35], [0.65]])
        _labelled(pdf, spots, [across[n], -across[n]], (0.3,), f"{points.side[n]:.3f}", 6, BLACK, taken, line)
    pdf.set_draw_color(*RED)
    pdf.set_line_width(0.3)
    for ring in rings:
        pdf.polyline(ring.tolist())
    pdf.set_fill_color(255, 255, 255)
    pdf.set_line_width(0.15)
    for n in shown:
        pdf.circle(float(at[n, 0]), float(at[n, 1]), 0.4, style="DF")


def outward(shape: BaseGeometry, points: Points) -> NDArray[np.float64]:
    """Point from each boundary point away from the plot's land, along the bisector of its corner; unit vectors, shape (n, 2)."""
    xy = points.xy
    before = np.empty_like(points.following)
    before[points.following] = np.arange(len(xy))
    steps = [xy[other] - xy for other in (before, points.following)]
    back, on = (step / np.maximum(np.hypot(*step.T), 1e-9)[:, None] for step in steps)
    both = back + on
    straight = np.hypot(*both.T) < 0.2
    both[straight] = np.stack([-on[:, 1], on[:, 0]], axis=1)[straight]
    both /= np.maximum(np.hypot(*both.T), 1e-9)[:, None]
    near = 0.01 * np.minimum(*(np.hypot(*step.T) for step in steps))[:, None]
    turned: NDArray[np.float64] = np.where(shapely.contains_xy(shape, xy + both * near)[:, None], -both, both)
    return turned


def spaced(at: NDArray[np.float64], gap: float) -> list[int]:
    """Pick points in their order so that no two are nearer than `gap` to each other."""
    cells: dict[tuple[int, int], list[NDArray[np.float64]]] = {}
    shown = []
    for n, (column, row) in enumerate(np.floor(at / gap).astype(int).tolist()):
        around = (p for i in (-1, 0, 1) for j in (-1, 0, 1) for p in cells.get((column + i, row + j), ()))
        if all(np.hypot(*(at[n] - p)) >= gap for p in around):
            cells.setdefault((column, row), []).append(at[n])
            shown.append(n)
    return shown


def _labelled(
    pdf: FPDF, at: Sequence[NDArray[np.float64]] | NDArray[np.float64], ways: Sequence[NDArray[np.float64]], off: Sequence[float],
    text: str, size: float, colour: tuple[int, int, int], taken: list[Box], line: BaseGeometry | None = None,
) -> None:  # fmt: skip
    """Write a text `off` [mm] one of some places, in one of the `ways`, where it covers no other text; rather not on a line."""
    pdf.set_font("sans", size=size)
    half = np.array([pdf.get_string_width(text) / 2 + 0.4, size * 0.2 + 0.1])
    spots = [spot + way * (far + np.abs(way) @ half) for way in ways for far in off for spot in at]
    boxes: list[Box] = [(*(spot - half).tolist(), *(spot + half).tolist()) for spot in spots]
    free = [n for n, b in enumerate(boxes) if not any(b[0] < t[2] and t[0] < b[2] and b[1] < t[3] and t[1] < b[3] for t in taken)]
    best = next((n for n in free if line is None or not line.intersects(shapely.box(*boxes[n]))), free[0] if free else None)
    if best is not None:
        taken.append(boxes[best])
        _label(pdf, spots[best], text, size, colour)


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
    """Write a coordinate table that is too long for the first page, over as many pages as it takes; a ring ends with its first point."""
    rows = table(plot)
    if len(rows) <= SHORT:
        return
    fit = int((pdf.h - 2 * MARGIN - 8) // ROW) - 1
    for first in range(0, len(rows), 2 * fit):
        pdf.add_page()
        pdf.set_font("sans", size=11)
        pdf.set_xy(MARGIN, MARGIN)
        title = "界址点坐标表" if language == "zh" else "Boundary points"
        pdf.cell(0, 7, f"{plot.id} · {title}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        _columns(pdf, language, rows[first : first + 2 * fit], fit, MARGIN + 8)


def _columns(pdf: FPDF, language: str, rows: Sequence[Sequence[str]], fit: int, top: float) -> None:
    """Write rows of the table in two columns of `fit` rows each."""
    width = (pdf.w - 2 * MARGIN - 6) / 2
    pdf.set_font("sans", size=8)
    pdf.set_draw_color(*BLACK)
    pdf.set_line_width(0.15)
    for column in range(2):
        some = rows[column * fit : (column + 1) * fit]
        for k, row in enumerate([HEADS["zh" if language == "zh" else "en"], *some] if some else []):
            pdf.set_xy(MARGIN + column * (width + 6), top + k * ROW)
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
