"""Numbers of law and practice: dated, with unit, source and whether anybody checked them against the original."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from layers.errors import Refusal


class NoStandardError(Refusal, LookupError):
    """No value is in force for a name on a day."""


@dataclass(frozen=True, slots=True)
class Standard:
    """One dated line: the value in force from a day on, its unit, source and check mark.

    `verified` is true only where the figure was read in the original text.
    """

    name: str
    since: date
    value: Any
    unit: str
    source: str
    verified: bool
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The standards that are in force on one day; `digest` is that of all."""

    day: date
    lines: Mapping[str, Standard]
    digest: str = ""

    def line(self, name: str) -> Standard:
        """Find the line in force; NoStandardError where the day has none."""
        if name not in self.lines:
            raise NoStandardError(
                f"{name} has no value on {self.day}: add a dated line to layers/standards/{name.split('.')[0]}.toml",
                f"{name} 在 {self.day} 没有数值:请在 layers/standards/{name.split('.')[0]}.toml 中加一行带日期的数值",
            )
        return self.lines[name]

    def __getitem__(self, name: str) -> Any:
        return self.line(name).value


@dataclass(frozen=True, slots=True)
class Standards:
    """All dated lines of all layers; `digest` changes with any of them."""

    lines: tuple[Standard, ...]
    digest: str

    @classmethod
    @cache
    def load(cls) -> Standards:
        """Read the standards that ship with the package, once."""
        texts = {
            p.name.removesuffix(".toml"): p.read_text("utf-8") for p in files(__name__).iterdir() if p.name.endswith(".toml")
        }
        return cls.parse(texts)

    @classmethod
    def parse(cls, texts: Mapping[str, str]) -> Standards:
        """Read TOML texts by layer name: an array of dated tables for each standard."""
        lines = [
            Standard(
                f"{layer}.{name}", row["since"], row["value"], row["unit"], row["source"], row["verified"], row["en"], row["zh"]
            )
            for layer, text in sorted(texts.items())
            for name, rows in tomllib.loads(text).items()
            for row in rows
        ]
        digest = hashlib.sha256("\0".join(f"{k}\0{v}" for k, v in sorted(texts.items())).encode()).hexdigest()[:12]
        return cls(tuple(sorted(lines, key=lambda s: (s.name, s.since))), digest)

    def on(self, day: date) -> Rulebook:
        """Pick the lines that are in force on `day`: for each name the latest that has begun."""
        return Rulebook(day, {s.name: s for s in self.lines if s.since <= day}, self.digest)
