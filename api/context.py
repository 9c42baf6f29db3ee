"""What all commands share: the base, the language, progress and how refusals are said."""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from api.moments import moment
from api.refusals import REFUSALS, said
from layers.base import Text
from layers.errors import Refusal
from layers.store.address import Address, Where, where
from layers.store.base import Store

PLACE = "FILE|postgresql://…"
BASE = "the land base: a GeoPackage, or a PostGIS database"
STATUS = {"free": 0, "blocked": 1, "unknown": 3}
BAD_INPUT = 2
MISTAKE = 70


@dataclass
class Context:
    """What all commands share: the base, the language and whether a program reads the answer."""

    base: Where | None
    language: str
    as_json: bool

    def say(self, text: Text) -> str:
        """Pick the reader's language."""
        return text.zh if self.language == "zh" else text.en

    def answer(self, body: Any, words: str) -> None:
        """Print an answer for a program or for a person."""
        click.echo(json.dumps(body, ensure_ascii=False, default=str) if self.as_json else words)

    def path(self) -> Where:
        """Find the base: --base, SHUDI_BASE (click reads both), or the nearest land.gpkg."""
        if self.base:
            return self.base
        here = Path.cwd()
        found = next((d / "land.gpkg" for d in (here, *here.parents) if (d / "land.gpkg").exists()), None)
        if found is None:
            raise Refusal(
                "no land base: name one by --base FILE or SHUDI_BASE, or make one by shudi init land.gpkg --crs EPSG:4548",
                "没有土地库:请用 --base 文件 或 SHUDI_BASE 指定,或用 shudi init land.gpkg --crs EPSG:4548 新建",
            )
        return found

    @contextmanager
    def store(self, read_only: bool = False) -> Iterator[Store]:
        """Open the base for one command."""
        from layers.store import open_store

        with closing(open_store(self.path(), read_only)) as opened:
            yield opened

    @contextmanager
    def progress(self, text: Text) -> Iterator[Callable[[int, int], None] | None]:
        """Show a progress bar on a terminal; nothing where a program reads."""
        if self.as_json or not sys.stderr.isatty():
            yield None
            return
        with click.progressbar(length=0, label=self.say(text), file=sys.stderr) as bar:

            def show(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            yield show


def write(out: Path, content: bytes) -> None:
    """Write a file that a command makes, whole or not at all."""
    part = out.with_name(out.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(out)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise Refusal(
            f"{out} cannot be written ({error.strerror}); choose a folder that you may write, on a disk with space",
            f"无法写入 {out}({error.strerror});请选择可写且有空间的文件夹",
        ) from error


def language() -> str:
    """Guess the reader's language from the environment."""
    spoken = os.environ.get("SHUDI_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "zh" if spoken.startswith("zh") else "en"


class Base(click.ParamType[Where]):
    """The place of a land base: a file, or the address of a PostGIS database."""

    name = "base"

    def convert(self, value: str | Path | Address, param: click.Parameter | None, ctx: click.Context | None) -> Where:
        """Read the place; a refusal repeats no password."""
        return where(value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Say what is expected."""
        return PLACE


class Commands(click.Group):
    """A group that says refusals in one sentence; no mistake of Shudi's own ends with the status of a verdict."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command: status 2 for a refusal, 70 for a mistake of Shudi's own."""
        try:
            return super().invoke(ctx)
        except REFUSALS as refusal:
            words, context = said(refusal), ctx.find_object(Context)
            if context and context.as_json:
                click.echo(json.dumps({"error": words._asdict()}, ensure_ascii=False))
            click.echo(f"shudi: {words.zh if ctx.params.get('lang') == 'zh' else words.en}", err=True)
            ctx.exit(BAD_INPUT)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception:
            traceback.print_exc()
            click.echo("shudi: a mistake of Shudi's own, please report it 系统内部错误,请反馈", err=True)
            ctx.exit(MISTAKE)


def command(run: Callable[..., None]) -> click.Command:
    """Make a command of a function that takes the context first; --base and --json may stand behind it too."""

    @wraps(run)
    def call(base_here: Where | None, json_here: bool, **options: Any) -> None:
        context: Context = click.get_current_context().obj
        context.base = base_here or context.base
        context.as_json = json_here or context.as_json
        run(context, **options)

    called = click.option("--json", "json_here", is_flag=True, help="answer for programs")(call)
    called = click.option("--base", "--store", "base_here", type=Base(), help=BASE)(called)
    return click.command(name=run.__name__.rstrip("_"))(called)


def a_date(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    """Read a day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        name = param.opts[0]
        raise Refusal(f"{name} {value} is no day; write YYYY-MM-DD", f"{name} {value} 不是日期,请写成 YYYY-MM-DD") from None


def an_area(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Pass an area that is a number: neither infinite nor none."""
    if value is not None and not math.isfinite(value):
        raise Refusal(f"--required-mu {value} is no area; write the mu as a number", f"--required-mu {value} 不是面积,请写亩数")
    return value


def a_number(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Pass a number that is one: neither infinite nor none."""
    if value is not None and not math.isfinite(value):
        name = param.opts[0]
        raise Refusal(f"{name} {value} is no number; write it in digits", f"{name} {value} 不是数,请用数字写出")
    return value


def a_moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Read a moment as ISO 8601; a day alone means its end, a time without zone is UTC."""
    try:
        return moment(value) if value else None
    except ValueError:
        raise Refusal(
            f"--as-of {value} is no moment; write 2026-11-22 or 2026-11-22T08:00:00+08:00",
            f"--as-of {value} 不是时间,请写成 2026-11-22 或 2026-11-22T08:00:00+08:00",
        ) from None


def a_when(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | int | None:
    """Read a moment of knowledge: digits alone are the number of an entry of the history, else as `a_moment`."""
    if value and value.isdigit():
        return int(value)
    try:
        return moment(value) if value else None
    except ValueError:
        raise Refusal(
            f"{value} is no moment; write 2026-11-22, 2026-11-22T08:00:00+08:00 or the number of an entry of the history",
            f"{value} 不是时间,请写成 2026-11-22、2026-11-22T08:00:00+08:00 或历史条目的编号",
        ) from None


on = click.option("--on", callback=a_date, metavar="DATE", help="the day on which the land is asked about (default: today)")
as_of = click.option("--as-of", callback=a_moment, metavar="TIME", help="what was known at that moment (default: now)")
users = click.option(
    "--users", "people", type=click.Path(path_type=Path), envvar="SHUDI_USERS",
    help="the file of users (default: beside the base, park.gpkg has park.users.db)",
)  # fmt: skip
