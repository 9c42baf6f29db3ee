"""Import a file as a delivery of a layer."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from api.commands.land import actor
from api.context import Context, a_date, command
from layers.base import Text
from layers.catalogue import LAYERS
from layers.delivery import Plan, deliver, foretold, plan
from layers.errors import Refusal
from layers.formats.deliver import write_rejects
from layers.formats.mapping import Mapping, load, with_pairs
from layers.store.base import Change


@click.argument("file", type=click.Path(path_type=Path))
@click.option("--layer", type=click.Choice(list(LAYERS)), help="the layer that it delivers")
@click.option(
    "--map", "pairs", multiple=True, metavar="FIELD=COLUMN", help="where a field comes from; field:=value for a constant"
)
@click.option("--map-file", type=click.Path(path_type=Path), help="a saved mapping, TOML")
@click.option("--crs", help="the CRS of the file where it does not say, such as EPSG:4548")
@click.option("--encoding", help="the encoding of a DBF or CSV where it does not say, such as gb18030")
@click.option("--sublayer", help="which layer of a file that holds several")
@click.option(
    "--coverage", metavar="FILE|BBOX|none", help="the area that was surveyed; default none: nothing is known to be absent"
)
@click.option("--kinds", help="the kinds that were surveyed, with commas (default: those in the file)")
@click.option("--source", help="who delivered it (default: the file's name)")
@click.option("--date", "when", callback=a_date, help="the day of the data (default: the file's own)")
@click.option("--reason", default="", help="reason or document number, for the history")
@click.option("--repair", is_flag=True, help="make invalid geometries valid, and list each change of area")
@click.option("--skip-rejects", is_flag=True, help="store the rest where features are rejected; their places stay unknown")
@click.option(
    "--replace", "replace_all", is_flag=True, help="retire what earlier deliveries of the layer (and its kinds) brought"
)
@click.option("--accept", default="", metavar="REASON", help="why parcels may overlap each other; kept in the history")
@click.option("--rejects", type=click.Path(path_type=Path), help="where to list rejects (default: FILE.rejects.geojson here)")
@click.option("--dry-run", is_flag=True, help="tell what would happen, store nothing")
def import_(context: Context, file: Path, layer: str | None, **options: Any) -> None:
    """Import FILE: GeoPackage, GeoJSON, Shapefile, FlatGeobuf, KML, FileGDB, GeoParquet, TopoJSON, DXF, CSV or GeoTIFF."""
    mapping = settled(options)
    name = layer or mapping.layer
    if name is None or name not in LAYERS:
        raise Refusal(
            f"say which layer it delivers: --layer {'|'.join(LAYERS)}", f"请说明导入到哪个图层:--layer {'|'.join(LAYERS)}"
        )
    with context.store(read_only=bool(options["dry_run"])) as store:
        kinds = tuple(filter(None, (options["kinds"] or "").split(",")))
        planned = plan(
            store, file, name, mapping, options["crs"], options["encoding"], options["coverage"], kinds, options["repair"]
        )
        if options["dry_run"]:
            planned = foretold(store, planned, options["replace_all"])
        listed = options["rejects"] or Path(f"{file.name}.rejects.geojson")
        if len(planned.rejects):
            write_rejects(planned.rejects, listed)
        if not context.as_json:
            click.echo(report(context, planned, listed, options["dry_run"]))
        edition = None
        if not options["dry_run"]:
            change = Change(actor(), options["reason"] or f"import {file.name}")
            with context.progress(Text("Storing", "存储中")) as progress:
                edition = deliver(
                    store, planned, change, options["skip_rejects"], options["replace_all"], progress, options["accept"]
                ).id
    if context.as_json:
        context.answer(body(planned, edition), "")
    elif edition:
        click.echo(context.say(Text(f"stored as {edition}", f"已存为 {edition}")))


def settled(options: dict[str, Any]) -> Mapping:
    """Join the saved mapping with what the options say."""
    from dataclasses import replace

    mapping = with_pairs(load(options["map_file"]) if options["map_file"] else Mapping(), options["pairs"])
    said: dict[str, str | date] = {"sublayer": options["sublayer"], "source": options["source"], "date": options["when"]}
    return replace(mapping, **{k: v for k, v in said.items() if v})  # type: ignore[arg-type]


def body(planned: Plan, edition: str | None) -> dict[str, Any]:
    """Tell a program what happened."""
    return {
        "layer": planned.layer.name,
        "read": planned.read,
        "stored": len(planned.features) if edition else 0,
        "accepted": len(planned.features),
        "rejected": len(planned.rejects),
        "repaired": len(planned.repairs),
        "edition": edition,
        "rejects": planned.summary.to_dict("records"),
        "repairs": planned.repairs.to_dict("records"),
        "notes": [n._asdict() for n in planned.notes],
    }


def report(context: Context, planned: Plan, listed: Path, dry: bool) -> str:
    """Tell a person what goes in, what is rejected and why."""

    def say(en: str, zh: str) -> str:
        return context.say(Text(en, zh))

    rows = [say("the mapping that is used:", "使用的映射:")] if dry else []
    if dry:
        for f in planned.fields.to_dict("records"):
            rows.append(
                f"  {f['field']:26} {f[context.language]} ← {f['source'] or '-'}"
                + (f" ({f['examples']})" if f["examples"] else "")
            )
    n = (planned.read, len(planned.features), len(planned.rejects), len(planned.repairs))
    rows.append(
        say(
            f"{n[0]} read = {n[1]} accepted + {n[2]} rejected; {n[3]} repaired",
            f"读入 {n[0]} = 接受 {n[1]} + 拒绝 {n[2]};修复 {n[3]}",
        )
    )
    for r in planned.summary.to_dict("records"):
        rows.append(f"  {r['features']} × {r[context.language]} ({say('first', '首个')}: #{r['first']})")
    if len(planned.rejects):
        rows.append(say(f"  each with its place in {listed}", f"  逐个位置见 {listed}"))
    for r in planned.repairs.head(50).to_dict("records"):
        rows.append(f"  {r['id']}: {r['reason']} · {r['area_before']:.2f} → {r['area_after']:.2f} m² ({r['change']:+.2f})")
    rows += [context.say(note) for note in planned.notes]
    return "\n".join(rows)


COMMANDS = (command(import_),)
