"""In which encoding a text is written, when its file does not say so."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from pathlib import Path

from layers.formats.errors import EncodingError

LDID = {
    0x01: "CP437", 0x02: "CP850", 0x03: "CP1252", 0x13: "CP932", 0x4D: "CP936", 0x4E: "CP949", 0x4F: "CP950",
    0x58: "CP1252", 0x59: "CP1252", 0x64: "CP852", 0x65: "CP866", 0x78: "CP950", 0x79: "CP949", 0x7A: "CP936",
    0x7B: "CP932", 0xC8: "CP1250", 0xC9: "CP1251", 0xCA: "CP1254", 0xCB: "CP1253",
}  # fmt: skip
"""Language driver of a DBF to encoding (ESRI and dBase lists); 0x57, "ANSI", says nothing and is left out."""

BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
TRIALS = ("UTF-8", "GB18030")
TOLERATED = 0.02
"""Share of unreadable characters that a trial forgives: DBF fields cut off in the middle of a character."""


def normal(name: str) -> str | None:
    """Turn what a .cpg or a user writes ("936", "ANSI 1252", "utf8") into a name that Python and GDAL know; None if unknown."""
    text = re.sub(r"(?i)^(ansi|oem)\s*", "", name.strip().strip("\x00").strip("\"'"))
    text = {"65001": "UTF-8"}.get(text, f"CP{text}" if text.isdigit() else text)
    try:
        found = codecs.lookup(text).name
    except LookupError:
        return None
    return {"utf-8": "UTF-8", "gb2312": "GB18030", "gbk": "GB18030", "cp936": "GB18030"}.get(found, text.upper())


def fits(values: Iterable[bytes], encoding: str) -> bool:
    """Tell whether texts read well in `encoding`; values cut off in the middle of a character are forgiven."""
    texts = [v.decode(encoding, "replace") for v in values]
    foreign = [c for text in texts for c in text if c > "\x7f"]
    lost = foreign.count("\ufffd")
    cut = sum(text.endswith("\ufffd") for text in texts)
    return lost - cut <= TOLERATED * len(foreign) and (lost < len(foreign) or not foreign)


def chinese(values: Iterable[bytes]) -> bool:
    """Tell whether texts are Chinese in GB18030.

    Most bytes above 127 decode as GB18030 whatever they are; only where most characters are of the everyday set GB 2312 are
    they taken for Chinese. Latin letters with accents, each followed by a plain one, give rare characters instead.
    """
    foreign = [c for value in values for c in value.decode("GB18030", "replace") if c > "\x7f" and c != "\ufffd"]
    everyday = sum(1 for c in foreign if c.encode("gb2312", "ignore"))
    return bool(foreign) and everyday >= 0.7 * len(foreign)


def guess(values: Iterable[bytes]) -> str | None:
    """Find the encoding of texts by trial: UTF-8, then GB18030; None where neither reads well."""
    foreign = [v for v in values if not v.isascii()]
    if fits(foreign, "UTF-8"):
        return "UTF-8"
    return "GB18030" if fits(foreign, "GB18030") and chinese(foreign) else None


def decode(path: Path, content: bytes, stated: str | None) -> str:
    """Decode a text file: as stated, by its byte order mark, by trial of UTF-8 and GB18030; EncodingError otherwise."""
    marked = next((name for mark, name in BOMS if content.startswith(mark)), None)
    name = (normal(stated) if stated else None) or marked or guess(content.splitlines())
    if name is None:
        raise EncodingError(
            f"{path.name} is neither UTF-8 nor GB18030: give --encoding, as CP1252",
            f"{path.name} 既不是 UTF-8 也不是 GB18030:请给出 --encoding,如 CP1252",
        )
    try:
        return content.decode(name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise EncodingError(
            f"{path.name} is not {name} in line {line}: give --encoding", f"{path.name} 第 {line} 行不是 {name}:请给出 --encoding"
        ) from error
