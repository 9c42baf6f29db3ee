"""Draw the report map, serve the land."""

from __future__ import annotations

import socket
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
    with listening(host, port) as door:
        at = f"http://{f'[{host}]' if ':' in host else host}:{door.getsockname()[1]}/"
        click.echo(context.say(Text(f"open {at}  (Ctrl-C ends)", f"请打开 {at} (Ctrl-C 结束)")), err=True)
        app = create_app(Settings(base=context.path()))
        uvicorn.Server(uvicorn.Config(app, log_level="warning", proxy_headers=False)).run(sockets=[door])


def listening(host: str, port: int) -> socket.socket:
    """Take a port of this machine, any free one for 0."""
    door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        raise Refusal(
            f"port {port} of {host} cannot be taken ({error.strerror}); choose another by --port",
            f"无法使用 {host} 的端口 {port}({error.strerror});请用 --port 另选",
        ) from error
    return door


COMMANDS = tuple(command(run) for run in (map_, serve))
