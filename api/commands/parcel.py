"""Split and merge parcels, and tell which was made of which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click
import shapely
from shapely.geometry.base import BaseGeometry

from api.commands.change import accept, content, reason, tell, today, values
from api.commands.land import actor
from api.context import Context, command
from layers.base import Text
from layers.drawn import moved, site_from
from layers.errors import Refusal
from layers.store.base import Change
from layers.subdivision import Kin, lineage, merge, split
from layers.wishes import BadEditError, read_json


@click.group()
def parcel() -> None:
    """Split and merge parcels; each keeps the numbers of those that it was made of."""


@click.argument("id")
@click.argument("line")
@click.option("--crs", help="the CRS of the line (default: the base's; of a GeoJSON file EPSG:4326)")
@click.option(
    "--ids", default="", help="numbers of the new parcels with commas, from west to east (default: ID-1,ID-2 and so on)"
)
@reason
@accept
def split_(context: Context, id: str, line: str, crs: str | None, ids: str, reason: str, accept: str) -> None:
    """Split parcel ID along a LINE: "x,y x,y …" in the base's CRS, or a GeoJSON file."""
    with context.store() as store:
        names = [name.strip() for name in ids.split(",") if name.strip()]
        tell(context, store, split(store, id, line_of(line, crs, store.crs), Change(actor(), reason), today(), names, accept))


def line_of(line: str, crs: str | None, to: str) -> BaseGeometry:
    """Read a line from coordinates or a file, in the base's CRS."""
    if re.fullmatch(r"\s*[-+\d.eE]+,[-+\d.eE]+(\s+[-+\d.eE]+,[-+\d.eE]+)+\s*", line):
        try:
            shape = shapely.LineString([[float(n) for n in pair.split(",")] for pair in line.split()])
        except ValueError as error:
            raise BadEditError(f"{line} is no line: {error}", f"{line} 不是线:{error}") from error
        return moved(shape, crs or to, to)
    body = read_json(content(Path(line)))
    first = body.get("features", [body])[0] if isinstance(body, dict) else {}
    found = site_from(first.get("geometry", first), crs or "EPSG:4326", to)
    if found.geom_type not in ("LineString", "MultiLineString"):
        raise BadEditError(f"{line} holds a {found.geom_type}; give a line", f"{line} 中是 {found.geom_type},请给出线")
    return found


@click.argument("ids", nargs=-1, required=True)
@click.option("--into", required=True, help="the number of the new parcel")
@click.option("--set", "pairs", multiple=True, metavar="FIELD=VALUE", help="an attribute in which the parcels differ")
@reason
@accept
def merge_(context: Context, ids: Sequence[str], into: str, pairs: Sequence[str], reason: str, accept: str) -> None:
    """Merge neighbouring parcels IDS into one; what they have alike it inherits."""
    with context.store() as store:
        tell(context, store, merge(store, ids, into, Change(actor(), reason), today(), values(pairs), accept))


@click.argument("id")
def lineage_(context: Context, id: str) -> None:
    """Tell the parcels that ID was made of, and those made of it."""
    with context.store(read_only=True) as store:
        up, down = lineage(store, id)
        if not (up or down or store.history("parcels", id)):
            raise Refusal(f"there never was a parcel {id}", f"从未有宗地 {id}")
    body = {name: [k._asdict() | {"record": k.record.seq} for k in kin] for name, kin in (("made_of", up), ("became", down))}
    rows = [told(context, kin) for kin in (*up, *down)]
    alone = Text(f"{id} was made of no other, and no other of it", f"{id} 与其他宗地没有来源关系")
    context.answer(body, "\n".join(rows) or context.say(alone))


def told(context: Context, kin: Kin) -> str:
    """Print a step of a descent."""
    r, parents = kin.record, ", ".join(kin.parents)
    made = context.say(Text(f"{kin.child} was made of {parents}", f"{kin.child} 由 {parents} 形成"))
    return f"{made} · {r.at:%Y-%m-%d %H:%M:%S} · {r.actor} · {r.reason}"


for run in (split_, merge_, lineage_):
    parcel.add_command(command(run))
COMMANDS = (parcel,)
