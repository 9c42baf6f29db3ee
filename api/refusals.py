"""What counts as a refusal, said in one sentence, against a mistake of Shudi's own."""

from __future__ import annotations

from geo.errors import GeoError
from layers.base import Text
from layers.errors import Refusal
from layers.store.base import DuplicateError, StaleError, StoreError

REFUSALS = (Refusal, GeoError)
SHUT = Text("the land base cannot be used just now; try again shortly", "土地库暂时无法使用,请稍后再试")
"""Of a base that fails no more is told to people elsewhere: the store's own words name its path or address."""


def said(error: Refusal | GeoError) -> Text:
    """Say a refusal in both languages."""
    return error.text if isinstance(error, Refusal) else Text(error.en, error.zh)


def told(error: Refusal | GeoError) -> Text:
    """Say a refusal to people who are not at this machine."""
    outward = not isinstance(error, StoreError) or isinstance(error, DuplicateError | StaleError)
    return said(error) if outward else SHUT
