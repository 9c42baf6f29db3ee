"""Make a base, fill it, look at what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
import geopandas as gpd

from api.context import Base, Context, as_of, command
from layers.base import Text
from layers.catalogue import LAYERS
from layers.errors import Refusal
from layers.standards import Standards
from layers.store import create_store
from layers.store.address import Address, Where
from layers.store.base import Change, Store
from layers.store.gpkg import GpkgStore


def actor() -> str:
    """Name who works at this terminal."""
    import getpass

    return getpass.getuser()


@click.argument("place", type=Base())
@click.option("--crs", required=True, help="the project CRS, such as EPSG:4548")
@click.option("--title", default="", help="what the base calls itself")
def init(context: Context, place: Where, crs: str, title: str) -> None:
    """Make an empty land base: a FILE, or the tables in a PostGIS database."""
    create_store(place, crs, title).close()
    context.answer(
        {"base": str(place), "crs": crs}, context.say(Text(f"{place}: an empty land base in {crs}", f"{place}:空土地库,{crs}"))
    )


@click.argument("file", type=Base())
@click.option("--plots", type=click.IntRange(1, 3_000_000), default=400, show_default=True, help="how many plots")
@click.option("--seed", type=int, default=1, show_default=True, help="the same seed gives the same park")
@click.option("--offer", "offered", is_flag=True, help="also put a plot up for sale, as of today")
@click.option("--force", is_flag=True, help="replace a FILE that is there")
def demo(context: Context, file: Where, plots: int, seed: int, offered: bool, force: bool) -> None:
    """Generate a believable park (no real land) in a new base FILE."""
    from layers.demo import CRS, TITLE, deliveries
    from layers.demo.offer import offer

    if isinstance(file, Address):
        raise Refusal(
            "a park is made in a file: shudi demo park.gpkg, then shudi copy park.gpkg postgresql://…",
            "演示园区先生成到文件:shudi demo park.gpkg,再用 shudi copy park.gpkg postgresql://… 复制",
        )
    if file.exists() and not force:
        raise Refusal(f"{file} is there already; --force replaces it", f"{file} 已存在;用 --force 覆盖")
    counts: dict[str, int] = {}
    with (
        beside(file) as part,
        closing(GpkgStore.create(part, CRS, f"{TITLE.zh} {TITLE.en}")) as store,
        context.progress(Text("Generating", "生成中")) as progress,
    ):
        for edition, chunks in deliveries(plots, seed):
            stored = counted(chunks, counts, edition.layer)
            store.add(edition, stored, Change("shudi demo", f"seed {seed}"), progress=progress)
        if offered:
            counts["listings"] = counts.get("listings", 0) + bool(offer(store, Standards.load(), date.today()))
    rows = [f"  {context.say(LAYERS[name].title)}: {count}" for name, count in counts.items()]
    context.answer({"base": str(file), "seed": seed, "features": counts}, "\n".join([f"{file} ({context.say(TITLE)})", *rows]))


@contextmanager
def beside(file: Path) -> Iterator[Path]:
    """Lend a name beside a base; what is made there takes the base's place whole, or goes away."""
    part = file.with_name(file.name + ".part")
    logs = ("-wal", "-shm")
    for left in ("", *logs):
        part.with_name(part.name + left).unlink(missing_ok=True)
    try:
        yield part
        for log in logs:  # the log of the base that was there would be replayed into the new one
            file.with_name(file.name + log).unlink(missing_ok=True)
        part.replace(file)
    finally:
        for left in ("", *logs):
            part.with_name(part.name + left).unlink(missing_ok=True)


def counted(chunks: Iterator[gpd.GeoDataFrame], counts: dict[str, int], layer: str) -> Iterator[gpd.GeoDataFrame]:
    """Count features while they pass."""
    for chunk in chunks:
        counts[layer] = counts.get(layer, 0) + len(chunk)
        yield chunk


@as_of
def layers(context: Context, as_of: datetime | None) -> None:
    """List what the base holds, or held at a moment: features and deliveries of each layer."""
    with context.store(read_only=True) as store:
        body = [entry(store, name, as_of) for name in LAYERS]
    rows = []
    for found in body:
        rows.append(f"{found['layer']:18} {context.say(LAYERS[str(found['layer'])].title)} · {found['features']}")
        for e in found["editions"]:
            where = context.say(
                Text("coverage stated", "有覆盖范围") if e["coverage"] else Text("no coverage stated", "无覆盖范围")
            )
            rows.append(
                f"    {e['id']} · {e['date']} · {e['source']} · {where}" + (f" · {', '.join(e['kinds'])}" if e["kinds"] else "")
            )
    context.answer(body, "\n".join(rows))


def entry(store: Store, name: str, when: datetime | None) -> dict[str, Any]:
    """Describe a layer of the base as it was known at a moment."""
    editions = [
        {"id": e.id, "source": e.source, "date": str(e.date), "kinds": list(e.kinds), "coverage": e.coverage is not None}
        for e in store.editions(name, when)
    ]
    features = len(store.read(name, columns=["id"], as_of=when)) if when else store.extent(name)[0]
    return {"layer": name, "features": features, "editions": editions}


COMMANDS = tuple(command(run) for run in (init, demo, layers))
