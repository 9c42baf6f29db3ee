"""A shapefile's parts held against each other before anything reads them, and the encoding of its table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layers.formats.encoding import LDID, fits, guess, normal
from layers.formats.errors import EncodingError, UnreadableError

HEADER = 100
SAMPLE = 20_000
"""Rows of a table that its encoding is tried on, spread over the whole."""
PARTED = (3, 5, 8, 13, 15, 18, 23, 25, 28, 31)
"""Shape types that count their parts or points: lines, polygons, multipoints, with Z, with M, multipatch."""


def part(path: Path, suffix: str) -> Path | None:
    """Find the part of a shapefile with this ending, in any case; None where it is missing."""
    wanted = path.stem + suffix
    return next((p for p in path.parent.iterdir() if p.name.lower() == wanted.lower()), None)


def check(path: Path) -> None:
    """Hold the lengths and counts of .shp, .shx and .dbf against each other; UnreadableError names the part and the record.

    Nothing is repaired, for a shapefile that lies about its length is a partial delivery. Memory: the index, 8 bytes a record.
    """
    index = part(path, ".shx")
    if index is None:
        raise UnreadableError(
            f"{path.name} comes without its .shx: ask for all parts of the shapefile",
            f"{path.name} 缺少 .shx:请索取 shapefile 的全部文件",
        )
    shape = np.memmap(path, np.uint8, "r")  # sniffed: it is not empty
    records = np.frombuffer(index.read_bytes()[HEADER:], np.uint8)
    records = records[: len(records) // 4 * 4].view(">i4")
    if len(shape) < HEADER or index.stat().st_size < HEADER or len(records) % 2:
        raise UnreadableError(
            f"{index.name} or {path.name} is cut off in its header: ask for the delivery again",
            f"{index.name} 或 {path.name} 的文件头不完整:请要求重新交付",
        )
    claimed = 2 * int(shape[24:28].view(">i4")[0])
    if claimed != len(shape):
        raise UnreadableError(
            f"{path.name} says it has {claimed} bytes and has {len(shape)}: it is cut off, ask for it again",
            f"{path.name} 自称 {claimed} 字节,实有 {len(shape)}:文件被截断,请重新索取",
        )
    offset, length = 2 * records[0::2].astype(np.int64), 2 * records[1::2].astype(np.int64)
    outside = np.flatnonzero((offset < HEADER) | (length < 4) | (offset + 8 + length > len(shape)))
    if outside.size:
        raise UnreadableError(
            f"{index.name} points outside {path.name} at feature {outside[0] + 1}: ask for the delivery again",
            f"{index.name} 的第 {outside[0] + 1} 个要素指向 {path.name} 之外:请要求重新交付",
        )
    check_counts(path, shape, offset, length)
    check_table(path, len(offset))


def at(shape: NDArray[np.uint8], offset: NDArray[np.int64]) -> NDArray[np.int64]:
    """Read the little-endian integers at byte offsets."""
    return np.ascontiguousarray(shape[offset[:, None] + np.arange(4)]).view("<i4").ravel().astype(np.int64)


def check_counts(path: Path, shape: NDArray[np.uint8], offset: NDArray[np.int64], length: NDArray[np.int64]) -> None:
    """See that every record is as long as the parts and points that it counts."""
    kind = at(shape, offset + 8) if len(offset) else offset
    many = np.isin(kind, PARTED)
    short = many & (length < 40)
    rows = np.flatnonzero(many & ~short)
    points_only = np.isin(kind[rows], (8, 18, 28))
    first = at(shape, offset[rows] + 44) if rows.size else rows
    second = np.zeros(rows.size, np.int64)
    lines = ~points_only & (length[rows] >= 44)
    second[lines] = at(shape, offset[rows][lines] + 48) if lines.any() else 0
    parts, points = np.where(points_only, 0, first), np.where(points_only, first, second)
    need = np.where(points_only, 40, 44) + 4 * parts + 16 * points
    lie = rows[(parts < 0) | (points < 0) | (need > length[rows])]
    wrong = np.r_[np.flatnonzero(short), lie]
    if wrong.size:
        raise UnreadableError(
            f"{path.name} counts more points in feature {wrong.min() + 1} than it holds: ask for the delivery again",
            f"{path.name} 第 {wrong.min() + 1} 个要素自称的点数多于实有:请要求重新交付",
        )


def check_table(path: Path, features: int) -> None:
    """See that the table has a row for each feature; a missing table is allowed."""
    table = part(path, ".dbf")
    if table is None:
        return
    head = table.read_bytes()[:32]
    rows, start, width = shape_of(head)
    if len(head) < 32 or start < 33 or width < 1 or start + rows * width > table.stat().st_size:
        raise UnreadableError(
            f"{table.name} is shorter than its header says: ask for the delivery again",
            f"{table.name} 比其文件头所说的短:请要求重新交付",
        )
    if rows != features:
        raise UnreadableError(
            f"{table.name} has {rows} rows and {path.name} {features} features: ask for the delivery again",
            f"{table.name} 有 {rows} 行,而 {path.name} 有 {features} 个要素:请要求重新交付",
        )


def shape_of(head: bytes) -> tuple[int, int, int]:
    """Read rows, start of the rows and width of a row [bytes] from a DBF header."""
    return int.from_bytes(head[4:8], "little"), int.from_bytes(head[8:10], "little"), int.from_bytes(head[10:12], "little")


def texts(table: Path) -> list[bytes]:
    """Sample the distinct values of a DBF's text fields that are not plain ASCII."""
    content = np.memmap(table, np.uint8, "r")
    rows, start, width = shape_of(bytes(content[:32]))
    rows = min(rows, (len(content) - start) // width) if width else 0
    if not rows:
        return []
    grid = content[start : start + rows * width].reshape(rows, width)[:: max(1, rows // SAMPLE)]
    found: set[bytes] = set()
    place = 1
    for at_ in range(32, start - 1, 32):
        if content[at_] == 0x0D:
            break
        kind, size = chr(content[at_ + 11]), int(content[at_ + 16])
        if kind == "C":
            cell = np.ascontiguousarray(grid[:, place : place + size])
            found |= {row.tobytes().rstrip(b" \x00") for row in cell[(cell > 127).any(axis=1)]}
        place += size
    return sorted(found)


def encoding(path: Path, stated: str | None = None) -> tuple[str, str]:
    """Find the encoding of a shapefile's table: as stated, by .cpg, by language driver, by trial of UTF-8 and GB18030.

    Gives the encoding and where it comes from. A .cpg or driver that does not fit the text gives way to the trial.
    EncodingError where nothing fits or the stated one is unknown.
    """
    table = part(path, ".dbf")
    if stated is not None:
        known = normal(stated)
        if known is None:
            raise EncodingError(
                f"{stated!r} is no encoding that is known: write UTF-8, GB18030 or CP1252",
                f"{stated!r} 不是已知的编码:请写 UTF-8、GB18030 或 CP1252",
            )
        return known, "as stated"
    if table is None:
        return "UTF-8", "no table"
    page = part(path, ".cpg")
    with table.open("rb") as file:
        driver = file.read(32)[29]
    values = texts(table)
    for claim, source in ((normal(page.read_text("latin-1")) if page else None, ".cpg"), (LDID.get(driver), "language driver")):
        if claim and fits(values, claim):
            return claim, source
    found = guess(values)
    if found is None:
        raise EncodingError(
            f"the text of {table.name} is neither UTF-8 nor GB18030, and nothing says what: give --encoding, as CP1252",
            f"{table.name} 的文字既不是 UTF-8 也不是 GB18030,又无说明:请给出 --encoding,如 CP1252",
        )
    return found, "trial" if values else "plain ASCII"
