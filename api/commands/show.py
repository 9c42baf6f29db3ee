"""Draw the report map, serve the land."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

import click

from api.context import Context, command, on
from layers.base import Text
from layers.errors import Refusal
from layers.standards import Standards


@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("map.html"), show_default=True, help="the HTML file to write"
)
@click.option("--site", help="only the surroundings of a stored site")
@on
def map_(context: Context, out: Path, site: str | None, on: date | None) -> None:
    """Draw the report map: one HTML file that needs no network."""
    from maps.report import of_base

    with context.store(read_only=True) as store:
        page, count = of_base(store, Standards.load(), on or date.today(), "zh" if context.language == "zh" else "en", site)
    part = out.with_name(out.name + ".part")
    try:
        part.write_text(page, "utf-8")
        part.replace(out)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise Refusal(
            f"{out} cannot be written ({error.strerror}); choose a folder that you may write, on a disk with space",
            f"无法写入 {out}({error.strerror});请选择可写且有空间的文件夹",
        ) from error
    context.answer({"file": str(out), "plots": count}, context.say(Text(f"{out}: {count} plots", f"{out}:{count} 宗地")))


@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
def serve(context: Context, host: str, port: int) -> None:
    """Serve the base on this machine: map, API and tiles."""
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise Refusal(
            f"{host} is open to others, and there are no users yet: serve on 127.0.0.1",
            f"{host} 会对外开放,而系统尚无用户:请使用 127.0.0.1",
        )
    import uvicorn

    from api.main import create_app
    from api.settings import Settings

    with context.store(read_only=True):
        pass
    click.echo(
        context.say(Text(f"open http://{host}:{port}/  (Ctrl-C ends)", f"请打开 http://{host}:{port}/ (Ctrl-C 结束)")), err=True
    )
    uvicorn.run(create_app(Settings(base=context.path())), host=host, port=port, log_level="warning", proxy_headers=False)


COMMANDS = tuple(command(run) for run in (map_, serve))
