"""The wall map (挂图作战): all projects with land, numbered, beside their table; one vector PDF, A0 to A3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from fpdf import FPDF
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from layers.base import Text
from layers.ledger.projects import STAGES
from layers.plan.notice import GENERATED
from maps.sheet import BLACK, GREY, LIGHT, ROAD, Frame, font, north, scale_bar

SIZES = {"A0": (1189.0, 841.0), "A1": (841.0, 594.0), "A2": (594.0, 420.0), "A3": (420.0, 297.0)}
"""Pages lying on their side [mm]."""
SCALES = (
    500,
    1000,
    1500,
    2000,
    2500,
    3000,
    4000,
    5000,
    6000,
    7500,
    10_000,
    12_500,
    15_000,
    20_000,
    25_000,
    30_000,
    40_000,
    50_000,
)
WIDEST = 420.0
"""The width of the page [mm] at which letters and lines have the sizes that are written here."""
LEVELS = {"red": (213, 94, 0), "orange": (230, 159, 0), "yellow": (240, 228, 66), "notice": (86, 180, 233)}
SIGNS: Mapping[str, str] = {
    "prospect": "disc", "signed": "disc", "land": "hexagon", "permits": "hexagon", "construction": "square", "production": "diamond",
    "halted": "octagon",
}  # fmt: skip
"""The sign of each stage beside its colour."""
FILLS: Mapping[str, tuple[int, int, int]] = {
    "prospect": (255, 255, 255), "signed": (204, 204, 204), "land": (240, 228, 66), "permits": (230, 159, 0),
    "construction": (86, 180, 233), "production": (0, 158, 115), "halted": (204, 121, 167),
}  # fmt: skip
Letters = tuple[float, float, float, float]
"""A box on the page: left, top, right, bottom [mm]."""


class Row(NamedTuple):
    """One project of the map: its number, what its line in the table says, its stage, its worst warning, its land."""

    number: int
    name: str
    steward: str
    stage: str
    start: str
    production: str
    level: str
    level_name: str
    land: BaseGeometry | None


class Wall(NamedTuple):
    """What the wall map shows: the projects, the roads (`name`, `land`) and parcels around them, in the base's CRS."""

    title: str
    on: date
    crs: str
    rows: Sequence[Row]
    roads: gpd.GeoDataFrame
    parcels: NDArray[np.object_]
    box: tuple[float, float, float, float]
    generated: bool


HEADS = (
    (Text("No.", "序号"), 0.06), (Text("Project", "项目"), 0.31), (Text("Steward", "管家"), 0.11), (Text("Stage", "阶段"), 0.18),
    (Text("Start", "开工"), 0.12), (Text("Production", "投产"), 0.12), (Text("Warning", "预警"), 0.1),
)  # fmt: skip


def wall_map(wall: Wall, language: str, page: str = "A0") -> bytes:
    """Print the map and the table of projects; what does not fit beside the map follows on further pages.

    The scale is the largest round one at which all land fits. Same input, same bytes.
    """
    wide, high = SIZES[page]
    k = wide / WIDEST
    pdf = FPDF("landscape", "mm", (high, wide))
    pdf.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))
    pdf.set_title(wall.title)
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.add_font("sans", fname=str(font()))
    pdf.add_page()
    margin, head, foot, side = 10 * k, 16 * k, 15 * k, 150 * k
    _heading(pdf, wall, language, k, wide)
    frame = _fitted(wall.box, margin, margin + head, wide - 3 * margin - side, high - 2 * margin - head - foot)
    with pdf.rect_clip(frame.left, frame.top, frame.width, frame.height):
        _ground(pdf, wall, frame, k)
        _labels(pdf, wall, frame, k)
    pdf.set_draw_color(*BLACK)
    pdf.set_line_width(0.4 * k)
    pdf.rect(frame.left, frame.top, frame.width, frame.height)
    north(pdf, frame, k)
    scale_bar(pdf, frame, k)
    _legend(pdf, wall, frame, language, k)
    left = _listed(pdf, wall.rows, language, k, (wide - margin - side, margin + head, wide - margin, high - margin))
    while left:
        pdf.add_page()
        left = _listed(pdf, left, language, k, (margin, margin, wide - margin, high - margin))
    return bytes(pdf.output())


def _say(text: Text, language: str) -> str:
    return text.zh if language == "zh" else text.en


def _fitted(box: tuple[float, float, float, float], left: float, top: float, width: float, height: float) -> Frame:
    """Choose the largest round scale at which a box fits into a frame."""
    west, south, east, north_ = box
    need = max((east - west) / width, (north_ - south) / height) * 1000
    scale = next((s for s in SCALES if s >= need), int(np.ceil(need / 50_000) * 50_000))
    return Frame(left, top, width, height, (west + east) / 2, (south + north_) / 2, scale)


def _heading(pdf: FPDF, wall: Wall, language: str, k: float, wide: float) -> None:
    """Write the title, the day, the CRS, and that the data is generated."""
    pdf.set_xy(10 * k, 7 * k)
    pdf.set_font("sans", size=20 * k)
    pdf.cell(wide - 20 * k, 9 * k, clipped(pdf, wall.title, wide - 20 * k))
    words = [f"{_say(Text('As of', '截至'), language)} {wall.on}", f"{_say(Text('CRS', '坐标系'), language)} {wall.crs}"]
    words += [_say(GENERATED, language)] if wall.generated else []
    pdf.set_font("sans", size=9 * k)
    pdf.set_xy(10 * k, 17 * k)
    pdf.cell(wide - 20 * k, 5 * k, "    ".join(words))


def _polygons(shapes: NDArray[np.object_], box: BaseGeometry) -> Iterator[tuple[int, BaseGeometry]]:
    """Give the polygons of shapes as far as they lie in a box, with the numbers of their shapes."""
    cut = shapely.intersection(shapes, box)
    parts, of = shapely.get_parts(cut, return_index=True)
    keep = (shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)
    yield from zip(of[keep].tolist(), parts[keep].tolist(), strict=True)


def _ground(pdf: FPDF, wall: Wall, frame: Frame, k: float) -> None:
    """Draw roads, parcels, and the land of the projects in the colour of their stage."""
    box = frame.box()

    def draw(part: BaseGeometry, style: str) -> None:
        for n, ring in enumerate(shapely.get_rings(part)):
            if n:
                pdf.set_fill_color(255, 255, 255)
            pdf.polygon(frame.place(shapely.get_coordinates(ring)).tolist(), style=style)

    pdf.set_line_width(0.1 * k)
    pdf.set_draw_color(*LIGHT)
    for _, part in _polygons(wall.roads.geometry.to_numpy(object), box):
        pdf.set_fill_color(*ROAD)
        draw(part, "F")
    for _, part in _polygons(wall.parcels, box):
        draw(part, "D")
    placed = [r for r in wall.rows if r.land is not None]
    pdf.set_draw_color(*BLACK)
    pdf.set_line_width(0.35 * k)
    for n, part in _polygons(np.array([r.land for r in placed], object), box):
        pdf.set_fill_color(*FILLS[placed[n].stage])
        draw(part, "DF")


def _labels(pdf: FPDF, wall: Wall, frame: Frame, k: float) -> None:
    """Set the numbers of the projects on their land, or beside it with a line to it, then the names of roads where room is left."""
    placed = [r for r in wall.rows if r.land is not None]
    half = 2.6 * k
    anchors = frame.place(np.array([_centre(r.land) for r in placed]).reshape(-1, 2))
    taken, at = _furniture(frame, k), []
    for x, y in anchors.tolist():
        spot = _free(x, y, half, frame, taken)
        taken.append((spot[0] - half, spot[1] - half, spot[0] + half, spot[1] + half))
        at.append(spot)
    pdf.set_line_width(0.25 * k)
    for (x, y), (bx, by) in zip(anchors.tolist(), at, strict=True):
        if np.hypot(bx - x, by - y) > half / 2:
            pdf.set_draw_color(*BLACK)
            pdf.line(x, y, bx, by)
            pdf.set_fill_color(*BLACK)
            pdf.circle(x, y, 0.5 * k, style="F")
    for row, (bx, by) in zip(placed, at, strict=True):
        badge(pdf, bx, by, half, row.stage, str(row.number), k)
    held = [shapely.transform(r.land, frame.place) for r in placed]
    _streets(pdf, wall.roads, frame, k, taken, shapely.union_all(held))


def _furniture(frame: Frame, k: float) -> list[Letters]:
    """Keep clear where the north arrow and the scale bar stand."""
    right, bottom = frame.left + frame.width, frame.top + frame.height
    return [(right - 18 * k, frame.top, right, frame.top + 24 * k), (frame.left, bottom - 14 * k, frame.left + 66 * k, bottom)]


def _centre(shape: BaseGeometry | None) -> tuple[float, float]:
    """Find the point of a shape that lies farthest from its edge, in its largest part."""
    part = max(shapely.get_parts(shape).tolist(), key=lambda p: p.area)
    line = shapely.maximum_inscribed_circle(part, tolerance=max(part.length / 500, 0.1))
    x, y = shapely.get_coordinates(line)[0].tolist()
    return x, y


def _free(x: float, y: float, half: float, frame: Frame, taken: Sequence[Letters]) -> tuple[float, float]:
    """Find the nearest place around a point where a badge meets no other; the point itself where the page is full."""
    gap = half * 1.1
    for ring in range(40):
        for turn in range(1 if ring == 0 else 8 + 4 * ring):
            angle = 2 * np.pi * turn / (8 + 4 * ring)
            u, v = x + ring * half * np.cos(angle), y + ring * half * np.sin(angle)
            inside = (
                frame.left + gap < u < frame.left + frame.width - gap and frame.top + gap < v < frame.top + frame.height - gap
            )
            if inside and not _met((u - gap, v - gap, u + gap, v + gap), taken):
                return float(u), float(v)
    return x, y


def _met(box: Letters, taken: Sequence[Letters]) -> bool:
    """Tell whether a box overlaps another."""
    return any(box[0] < t[2] and box[2] > t[0] and box[1] < t[3] and box[3] > t[1] for t in taken)


def badge(pdf: FPDF, x: float, y: float, half: float, stage: str, text: str, k: float) -> None:
    """Draw the sign of a stage with a number in it."""
    pdf.set_draw_color(*BLACK)
    pdf.set_fill_color(255, 255, 255)
    pdf.set_line_width(0.3 * k)
    sign = SIGNS[stage]
    if sign == "disc":
        pdf.circle(x, y, half, style="DF")
    elif sign == "square":
        pdf.rect(x - half * 0.9, y - half * 0.9, half * 1.8, half * 1.8, style="DF")
    elif sign == "diamond":
        far = half * 1.1
        pdf.polygon([(x, y - far), (x + far, y), (x, y + far), (x - far, y)], style="DF")
    else:
        corners = 6 if sign == "hexagon" else 8
        turn = np.pi / corners + 2 * np.pi * np.arange(corners) / corners
        pdf.polygon([(x + half * np.cos(a), y + half * np.sin(a)) for a in turn.tolist()], style="DF")
    pdf.set_text_color(*BLACK)
    pdf.set_font("sans", size=7 * k if len(text) < 3 else 5.5 * k)
    pdf.set_xy(x - half, y - 1.5 * k)
    pdf.cell(2 * half, 3 * k, text, align="C")


def _streets(
    pdf: FPDF, roads: gpd.GeoDataFrame, frame: Frame, k: float, taken: list[Letters], held: BaseGeometry
) -> None:  # fmt: skip
    """Write the name of each road once along it, where it meets nothing that is written already and no land of a project."""
    shapely.prepare(held)
    pdf.set_font("sans", size=6.5 * k)
    pdf.set_text_color(*GREY)
    box = frame.box()
    for name, mine in roads[roads["name"].notna()].groupby("name"):
        width, height = pdf.get_string_width(str(name)), 2.6 * k
        lines = shapely.get_parts(shapely.intersection(shapely.line_merge(shapely.union_all(mine["axis"].to_numpy(object))), box))
        for line in sorted(lines.tolist(), key=lambda part: -part.length):
            if spot := _along(frame, line, width, height, taken, held):
                x, y, angle, letters = spot
                taken.append(letters)
                with pdf.rotation(angle, x, y):
                    pdf.set_xy(x - width / 2, y - height / 2)
                    pdf.cell(width, height, str(name), align="C")
                break


def _along(
    frame: Frame, line: BaseGeometry, width: float, height: float, taken: Sequence[Letters], held: BaseGeometry
) -> tuple[float, float, float, Letters] | None:
    """Find a place for a name along a line: its middle, its angle [degrees] and the box that it takes."""
    for share in np.concatenate([0.5 + d * np.array([1, -1]) for d in np.linspace(0, 0.45, 12)]).tolist():
        ends = [line.interpolate(line.length * share + d * frame.scale / 1000) for d in (-width / 2, 0.0, width / 2)]
        (x0, y0), (x, y), (x1, y1) = frame.place(np.array([(p.x, p.y) for p in ends])).tolist()
        if np.hypot(x1 - x0, y1 - y0) < width * 0.9:
            continue
        angle = float(np.degrees(np.arctan2(y0 - y1, x1 - x0)))
        angle = angle - 180 if angle > 90 else angle + 180 if angle < -90 else angle
        across = abs(np.cos(np.radians(angle))) * width + abs(np.sin(np.radians(angle))) * height
        tall = abs(np.sin(np.radians(angle))) * width + abs(np.cos(np.radians(angle))) * height
        letters = (x - across / 2, y - tall / 2, x + across / 2, y + tall / 2)
        inside = letters[0] > frame.left and letters[2] < frame.left + frame.width and letters[1] > frame.top and letters[3] < frame.top + frame.height  # fmt: skip
        if inside and not _met(letters, taken) and not shapely.intersects(held, shapely.box(*letters)):
            return x, y, angle, letters
    return None


def _legend(pdf: FPDF, wall: Wall, frame: Frame, language: str, k: float) -> None:
    """Show the sign and the colour of each stage below the map, with the scale and the projects that are not on it."""
    pdf.set_font("sans", size=8 * k)
    x, y = frame.left, frame.top + frame.height + 3 * k
    entries = [(stage, _say(code.name, language)) for stage, code in STAGES.items()]
    for stage, name in entries:
        width = 12 * k + pdf.get_string_width(name) + 4 * k
        if x + width > frame.left + frame.width:
            x, y = frame.left, y + 6 * k
        pdf.set_fill_color(*FILLS[stage])
        pdf.set_draw_color(*BLACK)
        pdf.set_line_width(0.3 * k)
        pdf.rect(x, y, 5 * k, 4 * k, style="DF")
        badge(pdf, x + 8 * k, y + 2 * k, 2 * k, stage, "", k)
        pdf.set_font("sans", size=8 * k)
        pdf.set_xy(x + 11 * k, y)
        pdf.cell(width, 4 * k, name)
        x += width
    said = f"{_say(Text('Scale', '比例尺'), language)} 1:{frame.scale:,}"
    if absent := [str(row.number) for row in wall.rows if row.land is None]:
        said += f"    {_say(Text('Without recorded land', '未记录用地'), language)}: {', '.join(absent)}"
    pdf.set_xy(frame.left - pdf.c_margin, y + 5 * k)
    pdf.cell(frame.width, 4 * k, clipped(pdf, said, frame.width))


def clipped(pdf: FPDF, said: str, width: float) -> str:
    """Cut a text so that it fits a width in the font that is set."""
    if pdf.get_string_width(said) <= width:
        return said
    while said and pdf.get_string_width(said + "…") > width:
        said = said[:-1]
    return said + "…"


def _listed(pdf: FPDF, rows: Sequence[Row], language: str, k: float, box: Letters) -> Sequence[Row]:
    """Table projects in a box; gives those that found no room."""
    left, top, right, bottom = box
    line = min(max((bottom - top) / (len(rows) + 1), 3.2 * k), 5.2 * k)
    fits = int((bottom - top) // line) - 1
    pdf.set_line_width(0.1 * k)
    pdf.set_draw_color(*LIGHT)
    size = min(line * 1.75, 7.5 * k)
    pdf.set_font("sans", size=size)
    table = [_cells(row, language) for row in rows]
    widths = _widths(pdf, [[_say(title, language) for title, _ in HEADS], *table], right - left, k)

    def write(y: float, cells: Sequence[str], bold: bool = False) -> None:
        pdf.set_font("sans", size=size)
        pdf.set_text_color(*BLACK)
        x = left
        for cell, width in zip(cells, widths, strict=True):
            if bold:
                pdf.set_fill_color(235, 235, 235)
            room = width - 1.6 * k
            pdf.set_font("sans", size=size * float(np.clip(0.99 * room / max(pdf.get_string_width(cell), 1e-9), 0.7, 1.0)))
            pdf.set_xy(x, y)
            pdf.cell(width, line, clipped(pdf, cell, room), border=1, fill=bold)
            pdf.set_font("sans", size=size)
            x += width

    pdf.c_margin = 0.8 * k
    write(top, [_say(title, language) for title, _ in HEADS], True)
    for n, row in enumerate(rows[:fits], 1):
        y = top + n * line
        write(y, table[n - 1])
        if row.level in LEVELS:
            pdf.set_fill_color(*LEVELS[row.level])
            pdf.rect(right - 2.6 * k, y + line * 0.25, 2 * k, line * 0.5, style="F")
    return rows[fits:]


def _cells(row: Row, language: str) -> tuple[str, ...]:
    """Write the row of a project under HEADS."""
    stage = _say(STAGES[row.stage].name, language)
    return (str(row.number), row.name, row.steward, stage, row.start, row.production, row.level_name)


def _widths(pdf: FPDF, table: Sequence[Sequence[str]], wide: float, k: float) -> list[float]:
    """Give each column what its longest text asks for, and the names the rest; where that is less than their share, all have their shares."""
    asked = [max(pdf.get_string_width(cell) for cell in column) + 2.4 * k for column in zip(*table, strict=True)]
    asked[-1] += 3 * k  # the square of the level
    asked[1] = wide - sum(asked) + asked[1]
    return asked if asked[1] >= HEADS[1][1] * wide else [share * wide for _, share in HEADS]
