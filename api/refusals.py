"""What counts as a refusal, said in one sentence, against a mistake of Shudi's own."""

from __future__ import annotations

from geo.crs import CRSMismatchError, DatumShiftError, ImplausibleCoordinatesError, NotProjectedError
from geo.raster import GridError
from geo.tiles import TileError
from layers.base import Text
from layers.errors import Refusal
from layers.formats.errors import FormatError
from layers.standards import NoStandardError
from layers.store.base import StoreError

REFUSALS = (
    Refusal, FormatError, StoreError, NoStandardError, TileError, GridError,
    CRSMismatchError, DatumShiftError, ImplausibleCoordinatesError, NotProjectedError,
)  # fmt: skip


def said(error: Exception) -> Text:
    """Say a refusal in both languages."""
    return error.text if isinstance(error, Refusal) else Text(str(error), str(error))
