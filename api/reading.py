"""Sites out of files that people choose or drop: read in a process of their own that is bounded and killed, as deliveries are; kept nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field
from shapely.geometry import mapping

from api.importing import MEMORY, MEMORY_PER_BYTE, FailedError, step
from api.models import Words
from geo.crs import transform
from layers.base import Text
from layers.formats.outlines import areas, outlines
from layers.formats.vector import read

SECONDS = 20.0
"""How long reading a site may take [s]."""
OUTWARD = {"--crs": "crs", "--sublayer": "sublayer"}
"""Options of the command that a sentence names, as the request calls them."""


class OutlineBody(BaseModel):
    """A feature of the file: its number from 1, its polygon in the CRS that was asked for, or why it can be no site."""

    number: int
    name: str
    area_m2: float | None = Field(description="on the grid of the base's CRS")
    geometry: dict[str, Any] | None
    fault: Words | None


class OutlinesBody(BaseModel):
    """The features of a file that may be a site, in its order; `crs` is that of the geometry, `source_crs` the file's."""

    name: str
    crs: str
    source_crs: str
    features: list[OutlineBody]
    notes: list[Words]


def begin(folder: Path, request: Mapping[str, Any], size: int) -> OutlinesBody:
    """Have a file of so many bytes read by a process of its own; FailedError says why it cannot be."""
    asked = {**request, "memory": MEMORY + MEMORY_PER_BYTE * size}
    try:
        return OutlinesBody(**step(folder, "outlines", asked, SECONDS, {})(lambda done, total: None))
    except FailedError as error:
        said = error.text
        for option, name in {**OUTWARD, str(request["file"]): str(request["name"])}.items():
            said = Text(said.en.replace(option, name), said.zh.replace(option, name))
        raise FailedError(said.en, said.zh, error.kind) from None


def outlines_of(folder: Path, request: Mapping[str, Any], progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Read the file of a request; the step of `begin`."""
    delivery = read(folder / request["file"], request["crs"], request["encoding"], request["sublayer"])
    found, notes = outlines(delivery, request["base_crs"])
    shapes = transform(np.array([o.shape for o in found], object), request["base_crs"], request["answer_crs"])
    rows = [
        OutlineBody(
            number=o.number, name=o.name, area_m2=area, geometry=None if shape is None else mapping(shape),
            fault=o.fault and Words.of(o.fault),
        )
        for o, area, shape in zip(found, areas(found), shapes, strict=True)
    ]  # fmt: skip
    body = OutlinesBody(
        name=request["name"], crs=request["answer_crs"], source_crs=str(delivery.frame.crs.name), features=rows,
        notes=[Words.of(note) for note in notes],
    )  # fmt: skip
    return body.model_dump(mode="json")
