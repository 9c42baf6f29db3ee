"""Edit features, undo edits, look at the history."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

from api.commands.land import actor
from api.context import Context, a_when, command
from layers.base import Text
from layers.catalogue import LAYERS
from layers.edits import Difference, Done
from layers.edits import diff as diff_of
from layers.edits import edit as make
from layers.edits import undo as undo_of
from layers.errors import Refusal
from layers.refresh import refresh
from layers.standards import Rulebook, Standards
from layers.store.base import Change, Record, Store, When
from layers.wishes import BadEditError, Wish, read_json, wishes_of

accept = click.option("--accept", default="", metavar="REASON", help="accept overlaps and gaps among parcels for this reason")
reason = click.option("--reason", default="", help="reason or document number, for the history")
dry_run = click.option("--dry-run", is_flag=True, help="tell what would happen, change nothing")


def today() -> Rulebook:
    """Find the standards in force today."""
    return Standards.load().on(date.today())


@click.argument("layer", type=click.Choice(list(LAYERS)), required=False)
@click.argument("id", required=False)
@click.argument("pairs", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option(
    "--file", type=click.Path(path_type=Path), help="changes as GeoJSON, - for the input: features may say action, layer, version"
)
@click.option("--crs", help="the CRS of the file where it does not say (default EPSG:4326)")
@click.option("--delete", is_flag=True, help="remove the feature")
@click.option("--version", type=click.IntRange(min=0), help="the version that you read; another one stored is a conflict")
@reason
@accept
@dry_run
def edit(
    context: Context,
    layer: str | None,
    id: str | None,
    pairs: Sequence[str],
    file: Path | None,
    crs: str | None,
    delete: bool,
    version: int | None,
    reason: str,
    accept: str,
    dry_run: bool,
) -> None:
    """Edit features in one transaction: FIELD=VALUE of one (FIELD= makes it missing), or a FILE of changes."""
    one = id is not None and delete != bool(pairs)
    if one == (file is not None) or (file is not None and (id is not None or delete)):
        raise BadEditError(
            "say what to edit: LAYER ID FIELD=VALUE, LAYER ID --delete, or --file changes.geojson",
            "请说明编辑内容:图层 编号 字段=值,或 图层 编号 --delete,或 --file changes.geojson",
        )
    with context.store(read_only=dry_run) as store:
        if file is not None:
            wishes = wishes_of(read_json(content(file)), layer, crs, store.crs)
        else:
            assert layer is not None and id is not None  # noqa: PT018 - the arguments come in this order
            wishes = (Wish(layer, id, "delete" if delete else "update", values(pairs), None, version),)
        done = make(store, wishes, Change(actor(), reason), today(), accept, dry_run)
        tell(context, store, done, dry_run)


def content(file: Path) -> str:
    """Read a file, or the input for "-"."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadEditError(f"{file} cannot be read: {error}", f"{file} 无法读取:{error}") from error


def values(pairs: Sequence[str]) -> dict[str, str | None]:
    """Read FIELD=VALUE; an empty value makes it missing."""
    for pair in pairs:
        if "=" not in pair:
            raise BadEditError(f"{pair} is no FIELD=VALUE; write status=ready", f"{pair} 不是 字段=值,请写成 status=ready")
    return {name: value or None for name, _, value in (pair.partition("=") for pair in pairs)}


def tell(context: Context, store: Store, done: Done, dry: bool = False) -> None:
    """Make the findings fresh again, and say what an edit did."""
    again = None if dry else refresh(store, Standards.load())
    body = asdict(done) | {
        "accepted": [asdict(f) | {"geometry": f.geometry.wkt} for f in done.accepted],
        "dry_run": dry,
        "again": None if again is None else len(again.plots),
    }
    groups = (
        (done.created, Text("created", "新建")),
        (done.changed, Text("changed", "更改")),
        (done.deleted, Text("deleted", "删除")),
    )
    rows = [f"{context.say(what)}: {' '.join(one)}" for some, what in groups for one in some]
    rows += [
        context.say(
            Text(
                f"accepted: {f.kind} of {f.area:.2f} m² at ({f.x:.2f}, {f.y:.2f})",
                f"已接受:{'重叠' if f.kind == 'overlap' else '空隙'} {f.area:.2f} m²,位于 ({f.x:.2f}, {f.y:.2f})",
            )
        )
        for f in done.accepted
    ]
    if again is not None:
        few = len(again.plots)
        rows.append(context.say(Text(f"{few} plots assessed again", f"{few} 宗地已重新评估")))
    elif not dry and store.findings([], [])[1]:
        rows.append(context.say(Text("the findings are stale now; run shudi assess", "已存结论现已过期,请运行 shudi assess")))
    if dry:
        rows.append(context.say(Text("nothing was changed: a dry run", "试运行,未作任何更改")))
    context.answer(body, "\n".join(rows))


@click.argument("entry", type=click.IntRange(min=1))
@reason
@accept
@dry_run
def undo(context: Context, entry: int, reason: str, accept: str, dry_run: bool) -> None:
    """Undo the write that an ENTRY of the history belongs to, as a new change."""
    with context.store(read_only=dry_run) as store:
        done = undo_of(store, entry, Change(actor(), reason), today(), accept, dry_run)
        tell(context, store, done, dry_run)


@click.argument("layer", type=click.Choice(list(LAYERS)), required=False)
@click.argument("id", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="how many of the newest writes")
def history(context: Context, layer: str | None, id: str | None, limit: int) -> None:
    """Tell what happened to a feature: who, when, why, before and after; without one, the last writes of the base."""
    with context.store(read_only=True) as store:
        if layer is None:
            writes = store.writes(limit=limit)
            rows = [f"{w.first} · {w.at:%Y-%m-%d %H:%M:%S} · {w.actor} · {w.reason} · {w.last - w.first + 1}" for w in writes]
            context.answer([w._asdict() for w in writes], "\n".join(rows))
            return
        if id is None:
            raise Refusal(f"say which feature of {layer}: its number", f"请给出 {layer} 中的要素编号")
        records = store.history(layer, id)
    if not records:
        raise Refusal(f"{layer} never had a feature {id}", f"{layer} 中从未有编号 {id}")
    context.answer([r._asdict() for r in records], "\n".join(map(told, records)))


def told(r: Record) -> str:
    """Print an entry of the history."""
    changed = compared(Difference(r.layer, r.id, r.before, r.after))
    return f"{r.seq} · {r.at:%Y-%m-%d %H:%M:%S} · {r.actor} · {r.reason}\n    " + "\n    ".join(changed)


def compared(found: Difference) -> list[str]:
    """Print what differs."""
    old, new = found.before or {}, found.after or {}
    return [f"{name}: {old.get(name)} → {new.get(name)}" for name in found.columns]


@click.argument("since", callback=a_when, metavar="SINCE")
@click.argument("until", callback=a_when, metavar="[UNTIL]", required=False)
@click.option("--layer", "layers", multiple=True, type=click.Choice(list(LAYERS)), help="only this layer; may be repeated")
def diff(context: Context, since: When, until: When | None, layers: Sequence[str]) -> None:
    """Tell what differs between two moments: times, or numbers of entries of the history; UNTIL is now by default."""
    with context.store(read_only=True) as store, store.snapshot():
        found = list(diff_of(store, since, until, layers or tuple(LAYERS)))
    body: list[dict[str, Any]] = [f._asdict() | {"columns": f.columns} for f in found]
    rows = ["\n    ".join([f"{f.layer} {f.id}", *compared(f)]) for f in found]
    context.answer(body, "\n".join(rows) or context.say(Text("nothing differs", "没有差异")))


COMMANDS = tuple(command(run) for run in (edit, undo, history, diff))
