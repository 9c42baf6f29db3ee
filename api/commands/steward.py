"""The steward's ledger: projects, their steps, early warnings, figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import click

from api.along import AlongBody
from api.along import render as render_along
from api.commands.change import dry_run, reason, tell
from api.commands.land import actor
from api.context import BAD_INPUT, Context, a_date, a_number, as_of, command, on, write
from api.ledger import (
    FigureRow,
    ReportBody,
    WarningRow,
    projects,
    render_project,
    render_projects,
    render_report,
    render_tasks,
    render_warnings,
    tasks,
    whole,
)
from api.meeting import papers
from layers.along import FARTHEST, along
from layers.base import Text
from layers.edits import edit
from layers.errors import Refusal
from layers.formats.zipped import packed
from layers.ledger_book import read_book, write_book
from layers.notices import claim, settle, unsent
from layers.plan.warnings import RANK
from layers.standards import Rulebook, Standards
from layers.steward import steward
from layers.stock import all_figures
from layers.store.base import Change
from layers.wishes import Wish


class UnnamedProjectError(Refusal):
    """What is told of one project was asked of all."""


LEVELS = [name for name in RANK if name != "none"]


@click.argument("id", required=False)
@click.option("--tasks", "by", type=click.Choice(["month", "week"]), help="what must end in which month or week for its target")
@click.option(
    "--along",
    "within",
    type=click.FloatRange(0, FARTHEST),
    callback=a_number,
    metavar="METRES",
    help="who lies so near to its works, and who was spoken to",
)
@on
@as_of
def project(
    context: Context, id: str | None, by: Literal["month", "week"] | None, within: float | None, on: date | None, as_of: datetime | None
) -> None:  # fmt: skip
    """List the projects, or tell one: its steps, what they wait for, when it starts and produces and why then, its warnings."""
    if id is None and (by is not None or within is not None):
        raise UnnamedProjectError(
            "--tasks and --along tell of one project: name it", "--tasks 与 --along 只针对一个项目,请给出项目编号"
        )
    with context.store(read_only=True) as store:
        of = steward(store, Standards.load(), on or date.today(), as_of, id)
        if id is not None and within is not None:
            of.ledger.find(id)
            beside = AlongBody.of(id, within, along(store, id, within, as_of))
            context.answer(beside.model_dump(mode="json"), render_along(beside, context.language == "zh"))
            return
    zh = context.language == "zh"
    if id is not None and by is not None:
        due = tasks(of, id, by)
        context.answer([t.model_dump(mode="json") for t in due], render_tasks(due, zh))
        return
    if id is not None:
        body = whole(of, id)
        context.answer(body.model_dump(mode="json"), render_project(body, zh))
        return
    rows = projects(of)
    told = render_projects(rows, zh) if rows else context.say(Text("no projects are recorded", "没有项目"))
    context.answer([r.model_dump(mode="json") for r in rows], told)


@click.argument("project")
@click.argument("item")
@click.option("--done", callback=a_date, metavar="DATE", help="the day on which it was done")
@click.option("--planned", callback=a_date, metavar="DATE", help="the day for which it is planned")
@click.option("--prepared", callback=a_date, metavar="DATE", help="the day on which all but its issue was ready")
@click.option("--number", help="number of the document")
@click.option("--valid-until", callback=a_date, metavar="DATE", help="the last day on which it holds (default: by the standard)")
@click.option("--owed", help="documents that are owed (容缺), with --owed-until")
@click.option("--owed-until", callback=a_date, metavar="DATE", help="the day by which they are owed")
@click.option("--basis", help="on which basis it precedes what it needs")
@click.option(
    "--scheme", metavar="SHA256", help="hash of the scheme that it rests on: one of the listing, where that binds a scheme"
)
@click.option("--phase", type=int, help="the phase of the project")
@click.option("--level", type=click.Choice(list(RANK)), help="a level of warning set by hand; --reason says why")
@reason
@dry_run
def permit(
    context: Context, project: str, item: str, done: date | None, planned: date | None, prepared: date | None,
    number: str | None, valid_until: date | None, owed: str | None, owed_until: date | None, basis: str | None, scheme: str | None,
    phase: int | None, level: str | None, reason: str, dry_run: bool,
) -> None:  # fmt: skip
    """Record a step (ITEM) of a PROJECT; the schedule moves with it."""
    values = {
        "actual_on": done, "planned_on": planned, "prepared_on": prepared, "number": number, "valid_until": valid_until,
        "owed": owed, "owed_until": owed_until, "exception_basis": basis, "scheme_hash": scheme, "level": level,
    }  # fmt: skip
    wanted = {name: str(value) for name, value in values.items() if value is not None}
    wanted |= {"level_reason": reason} if level else {}
    with context.store(read_only=dry_run) as store:
        known = store.read("permits", ids=None, where=[])
        mine = known[((known["project"] == project) & (known["item"] == item)).to_numpy(bool)]
        mine = mine[(mine["phase"].isna() if phase is None else mine["phase"] == phase).to_numpy(bool, na_value=False)]
        id = mine["id"].iloc[0] if len(mine) else f"{project}-{item}" + ("" if phase is None else f"-{phase}")
        own = {} if len(mine) else {"project": project, "item": item, **({} if phase is None else {"phase": str(phase)})}
        standards = Standards.load()
        made = edit(
            store, [Wish("permits", id, None, own | wanted)], Change(actor(), reason), standards.on(date.today()), "", dry_run
        )
        tell(context, store, made, dry_run)


@on
@click.option("--level", type=click.Choice(LEVELS), default="notice", show_default=True, help="the least level told")
@click.option("--project", help="of this project only")
@click.option("--new", is_flag=True, help="only those that --new has not told before")
@click.option(
    "--mail", multiple=True, metavar="NAME@HOST", help="mail those that this address was not told before; may be given often"
)
@click.option(
    "--smtp", envvar="SHUDI_SMTP", metavar="smtp[s]://USER@HOST:PORT", help="the mail server (password: SHUDI_SMTP_PASSWORD)"
)
@click.option("--sender", envvar="SHUDI_MAIL_FROM", metavar="NAME@HOST", help="whose mail it is (default: the recipient's)")
@click.option(
    "--webhook", multiple=True, metavar="URL", help="post those that it was not told before, signed with SHUDI_WEBHOOK_SECRET"
)
@dry_run
def warnings(
    context: Context, on: date | None, level: str, project: str | None, new: bool, mail: Sequence[str], smtp: str | None,
    sender: str | None, webhook: Sequence[str], dry_run: bool,
) -> None:  # fmt: skip
    """List what is late or will be, what expires, what stands idle, the worst first; or send it, each thing once."""
    from api.digest import Mail, Webhook, deliver, render

    day, told = on or date.today(), Change(actor(), "warnings sent 预警已发送")
    channels: list[Mail | Webhook] = [*(Mail.of(to, smtp, sender) for to in mail), *(Webhook.of(url) for url in webhook)]
    with context.store(read_only=dry_run or not (new or channels)) as store:
        of = steward(store, Standards.load(), day, None, project)
        found = of.warnings[of.warnings["level"].map(RANK).ge(RANK[level]).to_numpy(bool)].reset_index(drop=True)
        if channels:
            made = deliver(store, found, channels, day, told, lambda mine: WarningRow.every(mine, of.ledger.book), context.language, dry_run)  # fmt: skip
            context.answer([d.model_dump(mode="json") for d in made], render(made, context.language == "zh"))
            if any(d.state == "failed" for d in made):
                click.get_current_context().exit(BAD_INPUT)
            return
        if new and dry_run:
            found = unsent(store, found)
        elif new:
            found = claim(store, found, "", day, told)
            settle(store, found, "", day, True, told)
    rows = WarningRow.every(found, of.ledger.book)
    context.answer([r.model_dump(mode="json") for r in rows], render_warnings(rows, context.language == "zh"))


@click.argument("what", type=click.Choice(["figures", "meeting"]), default="figures")
@click.option("--year", type=click.IntRange(1990, 2060), help="the year of the figures (default: this year so far)")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="write the ledger as XLSX: projects, steps, warnings, figures; of a meeting a folder, or an archive (.zip)",
)
@click.option("--page", type=click.Choice(["A0", "A1", "A2", "A3"]), default="A0", show_default=True, help="of the wall map")
@click.option("--from", "back", type=click.Path(path_type=Path, exists=True), help="read such an XLSX back: tell what differs")
@click.option("--apply", is_flag=True, help="store what differs, all of it or nothing")
@reason
@on
def report(
    context: Context, what: str, year: int | None, out: Path | None, page: str, back: Path | None, apply: bool, reason: str,
    on: date | None,
) -> None:  # fmt: skip
    """Tell the figures of a year with their formulas; write the ledger as XLSX, or take an edited one back; or print a meeting.

    The papers of a MEETING: the ledger of the month and the week of --on (PDF, XLSX), the wall map with all projects numbered,
    a sheet for each project.
    """
    day, standards, zh = on or date.today(), Standards.load(), context.language == "zh"
    if what == "meeting":
        _meeting(context, day, out or Path(f"meeting-{day}.zip"), page)
        return
    if back is not None:
        _taken_back(context, back, apply, reason, standards.on(day))
        return
    since, until = date(year or day.year, 1, 1), date(year, 12, 31) if year else day
    with context.store(read_only=True) as store:
        of = steward(store, standards, day)
        body = ReportBody(
            since=since, until=until, on=day, figures=[FigureRow.of_(f) for f in all_figures(store, of, since, until)]
        )
        if out is not None:
            write_book(store, of, body.model_dump()["figures"], out)
    context.answer(body.model_dump(mode="json"), render_report(body, zh))


def _taken_back(context: Context, back: Path, apply: bool, reason: str, book: Rulebook) -> None:
    """Tell what was edited in a workbook, cell by cell; store it, all of it or nothing."""
    with context.store(read_only=not apply) as store:
        wishes, cells = read_book(store, back)
        if wishes:
            edit(store, wishes, Change(actor(), reason or back.name), book, "", dry_run=not apply)
    empty = context.say(Text("(nothing)", "(空)"))
    rows = [f"{c.layer} {c.id} {c.column}: {c.before or empty} → {c.after or empty}" for c in cells]
    if not wishes:
        rows = [context.say(Text("nothing differs", "没有差异"))]
    elif not apply:
        rows.append(context.say(Text("nothing was stored; --apply stores it", "尚未存入;加 --apply 存入")))
    changed = sorted({(w.layer, w.id) for w in wishes})
    context.answer({"changed": changed, "cells": [c._asdict() for c in cells], "stored": apply and bool(wishes)}, "\n".join(rows))


def _meeting(context: Context, day: date, out: Path, page: str) -> None:
    """Print the papers of a meeting into a folder or an archive, all of them or none."""
    with context.store(read_only=True) as store:
        made = papers(store, Standards.load(), day, context.language, page)
    files = {out: packed(made)} if out.suffix.lower() == ".zip" else {out / name: content for name, content in made.items()}
    folder = next(iter(files)).parent
    if folder == out:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(f"{out} cannot be made ({error.strerror})", f"无法创建 {out}({error.strerror})") from error
    for path, content in files.items():
        write(path, content)
    context.answer({"files": list(map(str, files)), "papers": list(made)}, "\n".join(map(str, files)))


COMMANDS = (command(project), command(permit), command(warnings), command(report))
