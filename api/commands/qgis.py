"""Write a QGIS project of the base."""

from __future__ import annotations

from pathlib import Path

import click

from api.context import Context, command, write
from layers.base import Text
from layers.errors import Refusal


@click.option("--out", type=click.Path(path_type=Path), default=Path("land.qgs"), show_default=True, help="the project to write")
@click.option("--url", metavar="URL", help="take the land from the service at this address; by default from the file")
def qgis(context: Context, out: Path, url: str | None) -> None:
    """Write a QGIS project: every layer, coloured by its codes, readiness too, with names in Chinese and English."""
    from layers.collections import catalogue
    from layers.known import Known
    from maps.qgis import Source, project

    base = context.path()
    if url is None and not isinstance(base, Path):
        raise Refusal(
            "this base is a database: serve it, and name the service by --url http://127.0.0.1:8000",
            "此土地库在数据库中:请先启动服务,并用 --url http://127.0.0.1:8000 指定",
        )
    if url is not None and not url.startswith(("http://", "https://")):
        raise Refusal(
            f"--url {url} is no address; write http://127.0.0.1:8000", f"--url {url} 不是地址;请写成 http://127.0.0.1:8000"
        )
    if out.suffix != ".qgs":
        raise Refusal(f"{out.name} is no project; let its name end in .qgs", f"{out.name} 不是工程文件名;请以 .qgs 结尾")
    with context.store(read_only=True) as store:
        source = Source.file(base, out) if url is None and isinstance(base, Path) else Source.service(url or "")
        text = project(store.title or "Shudi", store.crs, catalogue(store, Known()), source)
    write(out, text.encode())
    context.answer({"file": str(out)}, context.say(Text(f"{out}: open it in QGIS", f"{out}:请用 QGIS 打开")))


COMMANDS = (command(qgis),)
