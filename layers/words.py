"""Words that people read, in both languages."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """Words that a person reads, in both languages."""

    en: str
    zh: str
