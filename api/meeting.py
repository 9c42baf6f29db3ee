"""The papers of a meeting as one file: the process `meeting`, and what the command writes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from api.jobs import Progress
from api.models import Moment
from api.results import found, made
from layers.formats.zipped import packed
from layers.standards import Standards
from layers.steward import steward
from layers.store.address import Where
from layers.store.base import Store


class MeetingInputs(BaseModel):
    """The day of the meeting, by default today; the size of the wall map, and the language of the papers."""

    model_config = ConfigDict(extra="forbid")

    on: date | None = None
    as_of: Moment | None = None
    page: Literal["A0", "A1", "A2", "A3"] = "A0"
    lang: Literal["en", "zh"] = "zh"


class PaperBody(BaseModel):
    """A paper in the file: its name there and size [bytes]."""

    name: str
    size: int


class MeetingBody(BaseModel):
    """The file of papers, below `/results/`, and what it holds."""

    file: str
    size: int
    on: date
    papers: list[PaperBody]


def papers(
    store: Store, standards: Standards, on: date, lang: str, page: str, as_of: datetime | None = None, progress: Progress | None = None
) -> dict[str, bytes]:  # fmt: skip
    """Make the papers by name, all of one moment of the base."""
    from maps.meeting import pack

    with store.snapshot():
        return pack(store, steward(store, standards, on, as_of), lang, page, as_of, progress or (lambda done, total: None))


def meeting(store: Store, base: Where, standards: Standards, given: MeetingInputs, progress: Progress) -> MeetingBody:
    """Make the papers into one file."""
    on = given.on or date.today()
    done = papers(store, standards, on, given.lang, given.page, given.as_of, progress)
    with made(base, ".meeting.zip") as (name, part):
        part.write_bytes(packed(done))
    told = [PaperBody(name=paper, size=len(content)) for paper, content in done.items()]
    return MeetingBody(file=name, size=found(base, name).stat().st_size, on=on, papers=told)
