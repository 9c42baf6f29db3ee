"""What counts as a refusal, said in one sentence, against a mistake of Shudi's own."""

from __future__ import annotations

from geo.errors import GeoError
from layers.base import Text
from layers.errors import Refusal

REFUSALS = (Refusal, GeoError)


def said(error: Refusal | GeoError) -> Text:
    """Say a refusal in both languages."""
    return error.text if isinstance(error, Refusal) else Text(error.en, error.zh)
