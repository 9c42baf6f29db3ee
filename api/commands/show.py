"""Draw the report map, serve the land."""

from __future__ import annotations

import os
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from api.context import Context, as_of, command, on, users, write
from api.settings import Oidc, Settings
from layers.base import Text
from layers.errors import Refusal
from layers.standards import Standards
from layers.store.people import People, beside

HUNG = 60
"""After how long [s] without a sign of life a worker is replaced, or not waited for at the end: one that computes may be busy for seconds."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def an_address(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read the address of a service: http or https, a name and perhaps a port, as browsers write it."""
    if value is None:
        return None
    try:
        parts = urlsplit(value.lower().rstrip("/"))
        default = {"http": 80, "https": 443}[parts.scheme]
        if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username is not None:
            raise ValueError(value)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, default) else "")
    except (KeyError, ValueError):
        raise Refusal(
            f"--url {value} is no address of a service; write https://land.example.org or http://10.1.2.3:8000",
            f"--url {value} 不是服务地址,请写成 https://land.example.org 或 http://10.1.2.3:8000",
        ) from None


@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("map.html"), show_default=True, help="the HTML file to write"
)
@click.option("--site", help="only the surroundings of a stored site")
@on
@as_of
def map_(context: Context, out: Path, site: str | None, on: date | None, as_of: datetime | None) -> None:
    """Draw the report map: one HTML file that needs no network."""
    from maps.report import of_base

    with context.store(read_only=True) as store:
        page, count = of_base(store, Standards.load(), on, "zh" if context.language == "zh" else "en", site, as_of)
    write(out, page.encode())
    context.answer({"file": str(out), "plots": count}, context.say(Text(f"{out}: {count} plots", f"{out}:{count} 宗地")))


@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--url", callback=an_address, metavar="URL", help="the address under which others open it: https://land.example.org"
)
@click.option("--proxy", metavar="ADDRESS", help="the reverse proxy whose word on where a request comes from is taken")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="processes that answer")
@users
@click.option(
    "--oidc-issuer", envvar="SHUDI_OIDC_ISSUER", metavar="URL", help="the OpenID Connect provider that vouches for people"
)
@click.option(
    "--oidc-client",
    envvar="SHUDI_OIDC_CLIENT",
    metavar="ID",
    help="as which it knows this service; its secret is SHUDI_OIDC_SECRET",
)
@click.option(
    "--basemap",
    "under",
    envvar="SHUDI_BASEMAP",
    metavar="URL",
    help="a map under the land: tianditu, tianditu-imagery, or tiles as https://host/{z}/{x}/{y}.png; its key is SHUDI_BASEMAP_KEY",
)
@click.option("--basemap-credit", envvar="SHUDI_BASEMAP_CREDIT", default="", metavar="TEXT", help="to whom its tiles are owed")
@click.option("--unconditional", is_flag=True, help="take changes that do not say which version they rest on, as QGIS sends them")
def serve(
    context: Context, host: str, port: int, url: str | None, proxy: str | None, workers: int, people: Path | None,
    oidc_issuer: str | None, oidc_client: str | None, under: str | None, basemap_credit: str, unconditional: bool,
) -> None:  # fmt: skip
    """Serve the base: map, API and tiles; on this machine only, until there are users."""
    import uvicorn
    from uvicorn.supervisors.multiprocess import Multiprocess

    from api.door import listening
    from api.main import create_service
    from api.patience import Patient
    from maps.basemap import basemap

    file = people or beside(context.path())
    settings = Settings(
        base=context.path(),
        people=file,
        unconditional=unconditional,
        oidc=vouched(oidc_issuer, oidc_client),
        basemap=basemap(under, os.environ.get("SHUDI_BASEMAP_KEY", ""), basemap_credit) if under else None,
        **open_to(host, url, People(file).any()),
    )
    with context.store(read_only=True):
        pass
    with listening(host, port, workers > 1) as door:
        at = f"http://{f'[{host}]' if ':' in host else host}:{door.getsockname()[1]}/"
        if context.as_json:
            context.answer({"url": url or at, "base": str(context.path()), "workers": workers}, "")
        else:
            click.echo(context.say(Text(f"open {url or at}  (Ctrl-C ends)", f"请打开 {url or at} (Ctrl-C 结束)")), err=True)
        config = uvicorn.Config(
            partial(create_service, settings), factory=True, workers=workers, log_level="warning", timeout_worker_healthcheck=HUNG,
            timeout_graceful_shutdown=HUNG, proxy_headers=proxy is not None, forwarded_allow_ips=proxy or "", http=Patient,
        )  # fmt: skip
        if workers > 1:
            Multiprocess(config, sockets=[door]).run()
        else:
            uvicorn.Server(config).run(sockets=[door])


def open_to(host: str, url: str | None, people: bool) -> dict[str, Any]:
    """Settle for whom a service is: people of elsewhere must be users, and must say by which name they know it."""
    here = host in LOOPBACK
    if not people and (url or not here):
        raise Refusal(
            f"{url or host} is open to others, and there are no users yet: add one by shudi user add NAME --role admin, or serve "
            "on 127.0.0.1",
            f"{url or host} 会对外开放,而系统尚无用户:请用 shudi user add 用户名 --role admin 添加,或使用 127.0.0.1",
        )
    if not url and host in ("", "0.0.0.0", "::"):
        raise Refusal(
            f"{host} is every address of this machine: say by --url under which one people open it, as --url http://land.example.org:8000",
            f"{host} 是本机的全部地址:请用 --url 说明从哪个地址访问,如 --url http://land.example.org:8000",
        )
    named = urlsplit(url).hostname if url else host
    return {"hosts": frozenset({*LOOPBACK, *([named] if named else [])}), "guarded": people, "url": url}


def vouched(issuer: str | None, client: str | None) -> Oidc | None:
    """Settle who vouches for people: all three or nothing, and over TLS unless it is on this machine."""
    secret = os.environ.get("SHUDI_OIDC_SECRET")
    if issuer is None:
        return None
    parts = urlsplit(issuer)
    if (
        not client
        or not secret
        or parts.scheme not in ("https", "http")
        or (parts.scheme == "http" and parts.hostname not in LOOPBACK)
    ):
        raise Refusal(
            f"--oidc-issuer {issuer} needs an https address, --oidc-client and the secret in SHUDI_OIDC_SECRET",
            f"--oidc-issuer {issuer} 须为 https 地址,并给出 --oidc-client 和环境变量 SHUDI_OIDC_SECRET",
        )
    return Oidc(issuer, client, secret)


COMMANDS = tuple(command(run) for run in (map_, serve))
