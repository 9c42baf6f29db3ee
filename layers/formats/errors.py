"""What can be wrong with an exchange file: few classes, each message one sentence with the file, the place and the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from layers.base import Text
from layers.errors import Refusal


class FormatError(Refusal):
    """A file cannot be taken in; nothing was stored."""


class UnsafeFileError(FormatError):
    """The file would reach outside itself or is made to exhaust the machine."""


class UnreadableError(FormatError):
    """The file is damaged, incomplete, or not what its ending says."""


class UnknownFormatError(FormatError):
    """No reader of Shudi takes this kind of file."""


class ChooseSublayerError(FormatError):
    """The file holds several layers, or not the one that was asked for."""


class EncodingError(FormatError):
    """The encoding of the text is neither stated nor evident."""


class MissingCRSError(FormatError):
    """The file does not say in which coordinate reference system it is."""


class BadCRSError(FormatError):
    """The text names no coordinate reference system."""


class ImplausibleError(FormatError):
    """All features lie where this coordinate reference system is not used."""


class MappingError(FormatError):
    """The mapping names a layer field, a column or a key that is not there."""


FOLDERS = re.compile(r"(?:\b[A-Za-z]:)?(?<!\w)[\\/](?:[^\s\\/'\"]+[\\/])*")
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "WITH")
STATEMENT = re.compile(rf"\W*\b({'|'.join(VERBS)})\b.*", re.DOTALL)


def reason(error: BaseException | str, path: Path) -> str:
    """Tell why a reader of others failed, in its own words but for places of this machine and statements of a database."""
    first = str(error).strip().partition("\n")[0].replace(str(path.resolve()), path.name)
    return STATEMENT.sub("", FOLDERS.sub("", first)).split(";")[0].rstrip(" .:")[:200] or "damaged"


def did_you_mean(name: str, known: Iterable[str]) -> Text:
    """Say which known names there are, the most alike first; a clause to end a sentence with."""
    names = list(known)
    like = difflib.get_close_matches(name.casefold(), [n.casefold() for n in names], n=1, cutoff=0.6)
    guess = next((n for n in names if like and n.casefold() == like[0]), "")
    listed = ", ".join(names)
    return Text(
        (f"did you mean {guess}? " if guess else "") + f"there are: {listed or 'none'}",
        (f"是否指 {guess}?" if guess else "") + f"现有:{listed or '无'}",
    )
