"""Put plots up for sale: draft, review, publish; the packs of their papers, and whether a pack still holds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Literal

import click

from api.commands.change import reason, values
from api.commands.land import actor
from api.context import Context, a_date, command, write
from api.packs import named, sheet_told
from layers.base import Text
from layers.errors import Refusal
from layers.ledger.listings import STATES
from layers.listings import By, advance, beside, bind, change, draft, kept, land_of, listing, listings
from layers.pack import PackError, Verified, opened, verify
from layers.plan.listing import Listing
from layers.plan.notice import body, notice
from layers.refresh import refresh
from layers.standards import Standards


@click.group("listing")
def group() -> None:
    """Put plots up for sale: draft, review, publish, and pack their papers."""


def by(reason: str) -> By:
    """Name who works at this terminal, who may do all."""
    return By(actor(), "admin", reason)


def said(pairs: Sequence[str]) -> dict[str, str]:
    """Read FIELD=VALUE of a new listing."""
    return {name: value for name, value in values(pairs).items() if value is not None}


def tell(context: Context, made: Listing) -> None:
    """Print a listing."""
    rows = [f"{made.id} · {made.plot} · {context.say(STATES[made.state].name)}"]
    for section in notice(made, land_of(made)):
        rows += [
            "",
            context.say(section.title),
            *(f"  {context.say(name)}: {context.say(value)}" for name, value in section.rows),
        ]
    context.answer(body(made, land_of(made)), "\n".join(rows))


@click.argument("plot")
@click.argument("pairs", nargs=-1, metavar="[TERM=VALUE]...")
@click.option("--id", default="", help="the number of the listing (default: L-PLOT)")
@reason
def draft_(context: Context, plot: str, pairs: Sequence[str], id: str, reason: str) -> None:
    """Draft the listing of a PLOT: far=">=1.0" start_price=1540万元 announced_on=2026-12-01, and so on."""
    with context.store() as store:
        tell(context, draft(store, plot, said(pairs), by(reason), Standards.load(), id))


@click.argument("id")
@click.argument("pairs", nargs=-1, required=True, metavar="TERM=VALUE...")
@reason
def edit_(context: Context, id: str, pairs: Sequence[str], reason: str) -> None:
    """Change terms of listing ID, which is a draft again; TERM= takes one out."""
    with context.store() as store:
        tell(context, change(store, id, values(pairs), by(reason), Standards.load()))


@click.argument("id")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@reason
def scheme_(context: Context, id: str, files: Sequence[Path], reason: str) -> None:
    """Bind the FILES of a scheme (带方案出让) to listing ID by their hashes; none unbinds."""
    given = [kept(beside(context.path()), file.name, [file.read_bytes()]) for file in files]
    with context.store() as store:
        tell(context, bind(store, id, given, by(reason), Standards.load()))


@click.argument("id")
@click.argument("state", type=click.Choice(list(STATES)))
@click.option(
    "--override", default="", metavar="REASON", help="publish a plot that is not as stated, for this reason, which is printed"
)
@click.option("--on", callback=a_date, metavar="DATE", help="the day of the publication (default: today)")
@reason
def state_(context: Context, id: str, state: str, override: str, on: date | None, reason: str) -> None:
    """Move listing ID to a STATE: draft, reviewed, published, then withdrawn or sold."""
    with context.store() as store:
        standards = Standards.load()
        made = advance(store, id, state, by(reason), standards, override, on=on)
        refresh(store, standards)
        tell(context, made)


@click.argument("id", required=False)
@click.option("--state", type=click.Choice(list(STATES)), help="only those in this state")
def show_(context: Context, id: str | None, state: str | None) -> None:
    """Show listing ID, or list all."""
    with context.store(read_only=True) as store:
        if id is not None:
            tell(context, listing(store, id)[0])
            return
        found = listings(store, state)
    rows = [f"{made.id} · {made.plot} · {context.say(STATES[made.state].name)} · {made.published_on or '-'}" for made in found]
    context.answer(
        [body(made, land_of(made)) for made in found], "\n".join(rows) or context.say(Text("no listings", "没有供地信息"))
    )


@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="all that are published")
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="the folder to write to (default: here)")
def pack_(context: Context, ids: Sequence[str], every: bool, out: Path) -> None:
    """Pack the papers of listings IDS: one ZIP each, which `shudi verify` holds against the base years later."""
    from maps.pack import pack

    language: Literal["zh", "en"] = "zh" if context.language == "zh" else "en"
    with context.store(read_only=True) as store, context.progress(Text("Packing", "打包中")) as progress:
        wanted = [made.id for made in listings(store, "published")] if every else list(ids)
        if not wanted:
            raise Refusal(
                "say which listings to pack, or --all that are published", "请指定要打包的供地信息,或用 --all 打包全部已发布的"
            )
        out.mkdir(parents=True, exist_ok=True)
        files, standards = [], Standards.load()
        for n, id in enumerate(wanted):
            made = listing(store, id)[0]
            target = out / named(made)
            write(target, pack(store, made, standards, language, sheet_told(store), beside(context.path())))
            files.append(str(target))
            if progress:
                progress(n + 1, len(wanted))
    context.answer({"files": files}, "\n".join(files))


@click.argument("pack", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--no-base", is_flag=True, help="hold the files against the manifest only")
def verify_(context: Context, pack: Path, no_base: bool) -> None:
    """Verify a PACK: its files against the manifest, its verdict against the base. Status 0 the same, 1 not, 2 bad input."""
    data = pack.read_bytes()
    try:
        opened(data)
        if no_base:
            found = verify(data, None, Standards.load(), lambda sheet: {})
        else:
            with context.store(read_only=True) as store:
                found = verify(data, store, Standards.load(), sheet_told(store))
    except PackError as refused:
        raise PackError(f"{pack.name} cannot be verified: {refused.text.en}", f"{pack.name} 无法核验:{refused.text.zh}") from None
    context.answer(asdict(found) | {"holds": found.holds}, "\n".join(context.say(text) for text in report(found, pack.name)))
    sys.exit(0 if found.holds else 1)


def report(found: Verified, name: str) -> list[Text]:
    """Say what a pack turned out to be."""
    n, moment, then, again = found.files, found.moment, found.verdict, found.again
    rows = [Text(f"{name}: {n} files, each as in the manifest", f"{name}:{n} 个文件,均与清单一致")]
    if found.altered:
        listed = ", ".join(found.altered)
        rows = [Text(f"{name}: ALTERED, missing or not in the manifest: {listed}", f"{name}:被改动、缺失或不在清单中:{listed}")]
    if again is None:
        return rows
    when = f"{moment.on}, entry {moment.entry}"
    if found.differences:
        rows.append(
            Text(f"verdict of {when}: {then}; made again: {again}, NOT THE SAME", f"{when} 的结论:{then};重现:{again},不一致")
        )
        rows += [Text(f"  {d}", f"  {d}") for d in found.differences[:20]]
    else:
        rows.append(Text(f"verdict of {when}: {then}; made again: the same", f"{when} 的结论:{then};重现一致"))
    rows += [Text(f"  then not as now: {t.en}", f"  依据变化:{t.zh}") for t in found.inputs]
    rows += [Text(f"  since then: {t.en}", f"  此后:{t.zh}") for t in found.since]
    today = found.today
    rows.append(
        Text("the plot is no more", "该宗地已不存在")
        if today is None
        else Text(f"verdict of today: {today}", f"今日结论:{today}")
    )
    return rows


for run in (draft_, edit_, scheme_, state_, show_, pack_):
    group.add_command(command(run))
COMMANDS = (group, command(verify_))
