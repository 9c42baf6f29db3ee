"""Write features of a layer to an exchange file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from api.context import Context, a_moment, command
from layers.base import Text
from layers.catalogue import LAYERS
from layers.errors import Refusal
from layers.store.base import Box


def a_box(ctx: click.Context, param: click.Parameter, value: str | None) -> Box | None:
    """Read xmin,ymin,xmax,ymax."""
    if value is None:
        return None
    try:
        west, south, east, north = (float(n) for n in value.split(","))
    except ValueError:
        raise Refusal(
            f"{value!r} is no box: write xmin,ymin,xmax,ymax", f"{value!r} 不是矩形:请写成 xmin,ymin,xmax,ymax"
        ) from None
    return west, south, east, north


@click.argument("layer", type=click.Choice([name for name, layer in LAYERS.items() if layer.geometry != "raster"]))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="the file to write; its ending names the format")
@click.option("--id", "ids", multiple=True, help="only this feature; can be given several times")
@click.option("--bbox", callback=a_box, metavar="XMIN,YMIN,XMAX,YMAX", help="only what meets this box, in the base's CRS")
@click.option("--crs", default="", help="the CRS of the file (default: the base's; GeoJSON and KML have EPSG:4326)")
@click.option("--encoding", default="utf-8", type=click.Choice(["utf-8", "gbk", "gb18030"]), help="of boundary text")
@click.option("--points", is_flag=True, help="a row for each boundary point (CSV)")
@click.option("--unit", default="", help="who made the data (boundary text)")
@click.option("--as-of", callback=a_moment, help="the land as it was known at this moment")
@click.option("--overwrite", is_flag=True, help="replace the file")
def export(
    context: Context, layer: str, out: Path, ids: tuple[str, ...], bbox: Box | None, crs: str, encoding: str, points: bool,
    unit: str, as_of: datetime | None, overwrite: bool,
) -> None:  # fmt: skip
    """Export LAYER: GeoPackage, GeoJSON, Shapefile, FlatGeobuf, KML, GeoParquet, CSV, XLSX, DXF or boundary text (.txt)."""
    from layers.formats.export import Wish
    from layers.formats.export import export as write

    base = context.path()
    if isinstance(base, Path) and out.exists() and out.samefile(base):
        raise Refusal(f"{out} is the land base itself; choose another file", f"{out} 就是土地库本身,请另选文件")
    with context.store(read_only=True) as store:
        features = store.read(layer, box=bbox, ids=ids or None, as_of=as_of)
        some = layer == "parcels" and bool(ids or bbox) and len(features) > 0
        near = store.read(layer, tuple(features.total_bounds), columns=["id"], as_of=as_of).geometry if some else ()
    lacking = sorted(set(ids) - set(features["id"]))
    if lacking:
        raise Refusal(f"{layer} has no feature {lacking[0]}", f"{layer} 中没有编号 {lacking[0]}")
    done = write(features, LAYERS[layer], out, Wish(crs, encoding, points, unit, beside=tuple(near)), overwrite)
    names = ", ".join(str(file) for file in done.files)
    words = [Text(f"{done.features} features in {names}", f"{done.features} 个要素写入 {names}"), *done.notes]
    body = {"features": done.features, "files": [str(f) for f in done.files], "notes": [n._asdict() for n in done.notes]}
    context.answer(body, "\n".join(context.say(text) for text in words))


COMMANDS = (command(export),)
