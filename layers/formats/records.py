"""Records out of tables of text, XLSX and CSV: rows without a place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from layers.formats import table, workbook
from layers.formats.errors import UnknownFormatError
from layers.formats.vector import Delivery


def read(path: Path, encoding: str | None, sublayer: str | None, crs: str) -> Delivery:
    """Read a table as text, each row a record; `crs` is that of the base, in which no row has a place.

    UnknownFormatError for other files, UnreadableError where the file is no table.
    """
    ending = path.suffix.lower()
    if ending not in READERS:
        known = ", ".join(READERS)
        raise UnknownFormatError(
            f"{path.name} is no table of records; give one as {known}", f"{path.name} 不是台账表格,请给出 {known}"
        )
    frame = READERS[ending](path, encoding, sublayer)
    placeless = gpd.GeoDataFrame(frame, geometry=[None] * len(frame), crs=crs)
    return Delivery(path.name, ending.removeprefix(".").upper(), placeless, np.zeros(len(frame), bool))


READERS: Mapping[str, Callable[[Path, str | None, str | None], pd.DataFrame]] = {
    ".xlsx": lambda path, _, sheet: workbook.read(path, sheet),
    ".csv": lambda path, encoding, _: table.frame(path, encoding)[0],
}
