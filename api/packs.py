"""Packs of many listings at once: the process `packs`, its file beside the base."""

from __future__ import annotations

import hashlib
import zipfile
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.jobs import Progress
from api.models import SheetBody, Words
from api.results import found, made
from layers.assessment import Networks
from layers.errors import Refusal
from layers.formats.zipped import MADE
from layers.listings import beside, listing, listings
from layers.pack import Told
from layers.plan.listing import Listing
from layers.standards import Standards
from layers.store.address import Where
from layers.store.base import Store


class PacksInputs(BaseModel):
    """The listings that are packed, by default all that are published, and the language of their papers."""

    model_config = ConfigDict(extra="forbid")

    listings: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=10_000)
    lang: Literal["en", "zh"] = "zh"


class PackBody(BaseModel):
    """A pack in the file: its name there, size [bytes] and SHA-256; or why it is not there."""

    listing: str
    name: str | None = None
    size: int | None = None
    sha256: str | None = None
    detail: Words | None = None


class PacksBody(BaseModel):
    """The file of packs, below `/results/`, and what it holds."""

    file: str
    size: int
    packs: list[PackBody]


def sheet_told(store: Store) -> Told:
    """Write sheets as JSON has them, in the CRS of a base."""

    def told(sheet: Any) -> dict[str, Any]:
        return SheetBody.of(sheet, store.crs, "generated" in store.title).model_dump(mode="json")

    return told


def named(made: Listing) -> str:
    """Name the file of a pack."""
    return f"{''.join(c if c.isalnum() or c in '-_.' else '_' for c in made.id)}.zip"


def packs(
    store: Store, base: Where, standards: Standards, networks: Networks, given: PacksInputs, progress: Progress
) -> PacksBody:
    """Pack listings into one file, one after the other; of one that cannot be packed the reason is told."""
    wanted = list(dict.fromkeys(given.listings)) or [made.id for made in listings(store, "published")]
    if not wanted:
        raise Refusal("no listing is published; say which to pack", "没有已发布的供地信息;请指定要打包的供地信息")
    told = []
    with made(base, ".zip") as (name, part):
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for n, id in enumerate(wanted):
                progress(n, len(wanted))
                told.append(_one(store, base, standards, networks, given.lang, id, archive))
        progress(len(wanted), len(wanted))
    return PacksBody(file=name, size=found(base, name).stat().st_size, packs=told)


def _one(
    store: Store, base: Where, standards: Standards, networks: Networks, lang: Literal["en", "zh"], id: str, archive: zipfile.ZipFile
) -> PackBody:  # fmt: skip
    """Add the pack of one listing to the file."""
    from maps.pack import pack

    try:
        it = listing(store, id)[0]
        data = pack(store, it, standards, lang, sheet_told(store), beside(base), networks)
    except Refusal as refused:
        return PackBody(listing=id, detail=Words(en=refused.text.en, zh=refused.text.zh))
    name, taken = named(it), archive.namelist()
    member = zipfile.ZipInfo(f"{len(taken)}_{name}" if name in taken else name, MADE)
    member.external_attr = 0o644 << 16
    archive.writestr(member, data)
    return PackBody(listing=id, name=member.filename, size=len(data), sha256=hashlib.sha256(data).hexdigest())
