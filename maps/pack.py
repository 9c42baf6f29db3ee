"""The pack of a listing: every paper of a plot that is put up for sale, in one archive that can be checked years later."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import geopandas as gpd
import numpy as np

from layers.assessment import Networks, mapped
from layers.base import Text
from layers.catalogue import LAYERS
from layers.evidence import Moment, inputs, verdict
from layers.formats.errors import FormatError
from layers.formats.export import WRITERS, Wish, export
from layers.formats.zipped import packed
from layers.listings import level_of, moment_of, scheme_files, state_of_land
from layers.pack import VERDICT, Told, sealed, written
from layers.plan.listing import Listing, faults
from layers.plan.notice import Section, body, notice
from layers.plan.sheet import Sheet
from layers.plan.supply import VERDICTS
from layers.standards import Standards
from layers.store.base import Store
from maps import notice as papers
from maps.report import of_base
from maps.sheet import parcel_sheet, picture

TITLE = Text("Notice of listing", "国有建设用地使用权挂牌出让公告")


def content(store: Store, made: Listing, moment: Moment, sheet: Sheet) -> tuple[tuple[Section, ...], Text]:
    """List the sections of a listing's notice, and say how its land is."""
    land = state_of_land(faults(sheet, level_of(made)))
    verdict = VERDICTS[sheet.verdict].name
    rows = [
        (Text("Verdict", "结论"), Text(f"{verdict.en}, on {moment.on}", f"{verdict.zh},{moment.on}")),
        (Text("Known", "依据"), Text(f"entry {moment.entry} of the history", f"历史条目 {moment.entry}")),
    ]
    return notice(made, land, rows), land


def pack(
    store: Store,
    made: Listing,
    standards: Standards,
    language: Literal["zh", "en"],
    told: Told,
    schemes: Path,
    networks: Networks | None = None,
) -> bytes:
    """Pack the papers of a listing; same base, same listing, same bytes.

    Notice (PDF, DOCX, JSON), parcel map, boundary in all formats, verdict with its evidence, map page, the scheme's files out of the
    folder `schemes`, and the manifest. A format that cannot hold the plot is left out, and the manifest says why.
    """
    moment, generated = moment_of(store, made), "generated" in store.title
    level = level_of(made)
    with store.snapshot():
        sheet = verdict(store, made.plot, moment, level, standards, networks)
        given = inputs(store, made.plot, moment, standards)
        drawn = mapped(store, made.plot, moment.entry, language)
        parcel = store.read("parcels", ids=[made.plot], as_of=moment.entry)
        page, _ = of_base(store, standards, None, language, made.plot, layer="parcels", moment=moment)
        written_at = store.writes(until=moment.entry, limit=1)
    sections, land = content(store, made, moment, sheet)
    printed = parcel_sheet(drawn, language, on=moment.on, generated=generated)
    outline = parcel.set_geometry(np.array([drawn.shape], object), crs=parcel.crs)
    files, left_out = boundary(outline, moment)
    when: dict[str, Any] = {"on": str(moment.on), "known": str(moment.known), "entry": moment.entry}
    as_of = {"as_of": written_at[-1].at.isoformat()} if written_at else {}
    proof = {"plot": made.plot, "crs": store.crs, "level": level, **when, **as_of, "inputs": given, "sheet": told(sheet)}
    about = {
        "listing": made.id, "plot": made.plot, "state": made.state, "generated": generated,
        "base": {"title": store.title, "crs": store.crs}, **when, **as_of, "engine": given["engine"],
        "standards": standards.digest, "left_out": left_out,
    }  # fmt: skip
    return packed(
        sealed(
            {
                "notice.pdf": papers.pdf(sections, TITLE, language, generated),
                "notice.docx": papers.docx(sections, TITLE, language, generated),
                "notice.json": written({**body(made, land), "generated": generated}),
                "parcel_map.pdf": printed,
                "parcel_map.png": picture(printed),
                **{f"boundary/{name}": data for name, data in files.items()},
                VERDICT: written(proof),
                "map.html": page.encode(),
                **{f"scheme/{n}_{name}": data for n, (name, data) in enumerate(scheme_files(schemes, made).items(), 1)},
            },
            about,
        )
    )


def boundary(parcel: gpd.GeoDataFrame, moment: Moment) -> tuple[dict[str, bytes], dict[str, Mapping[str, str]]]:
    """Write a plot's boundary in all formats; and why some cannot hold it."""
    left_out: dict[str, Mapping[str, str]] = {}
    with TemporaryDirectory(prefix="shudi-") as folder:
        for ending in WRITERS:
            wish = Wish(points=True, made=moment.on)
            try:
                export(parcel, LAYERS["parcels"], Path(folder) / f"parcel{ending}", wish)
            except FormatError as refused:
                left_out[f"parcel{ending}"] = refused.text._asdict()
        return {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}, left_out
