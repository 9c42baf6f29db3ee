"""A basemap of other people under the land: off unless it is set, named by its tiles' address, never one with shifted coordinates.

GCJ-02 and BD-09 are coordinates with a secret shift of 50 to 700 m, which the makers of these maps must apply in China: plots drawn over
them lie beside themselves, so their tiles are refused. Tianditu's are CGCS2000, which is right to centimetres.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from layers.base import Text
from layers.errors import Refusal

NAME = "basemap"
TITLE = Text("Basemap (from elsewhere)", "底图(外部服务)")
SIDE = 256
SHIFTED: Mapping[str, tuple[str, ...]] = {
    "GCJ-02": (
        "amap.com",
        "autonavi.com",
        "gaode.com",
        "qq.com",
        "gtimg.com",
        "google.cn",
        "googleapis.cn",
        "gstatic.cn",
        "geoq.cn",
    ),
    "BD-09": ("baidu.com", "bdimg.com", "bdstatic.com"),
}
"""Hosts whose tiles of China are shifted, by the name of the shift; theirs are the names below them too."""
TIANDITU = "tianditu.gov.cn"
SERVED = "https://t0.tianditu.gov.cn/{set}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={set}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk={key}"
SETS: Mapping[str, tuple[str, ...]] = {"tianditu": ("vec", "cva"), "tianditu-imagery": ("img", "cia")}
"""Tianditu's sets by the word that sets them: the ground, and its names above."""
WMTS = {"{TileMatrix}": "{z}", "{TileRow}": "{y}", "{TileCol}": "{x}"}
CREDIT = Text("Tianditu (National Platform for Common Geospatial Information Services)", "天地图(国家地理信息公共服务平台)")


class BasemapError(Refusal):
    """The address of a basemap that cannot be drawn under the land."""


@dataclass(frozen=True, slots=True)
class Basemap:
    """Tiles in EPSG:3857 from elsewhere: their addresses with {z}, {x} and {y}, from the ground up; to whom they are owed (plain text)."""

    tiles: tuple[str, ...]
    credit: str

    @property
    def origins(self) -> tuple[str, ...]:
        """Name the hosts that the page may ask, as a content security policy does."""
        found = (urlsplit(address) for address in self.tiles)
        return tuple(dict.fromkeys(f"{at.scheme}://{at.netloc}" for at in found))

    def sources(self) -> dict[str, dict[str, Any]]:
        """Make the sources of a MapLibre style, by name; a credit is text and never markup."""
        return {
            f"{NAME}-{n}": {
                "type": "raster",
                "tiles": [address],
                "tileSize": SIDE,
                "maxzoom": 18,
                "attribution": html.escape(self.credit),
            }
            for n, address in enumerate(self.tiles)
        }

    def looks(self) -> list[dict[str, Any]]:
        """Make the layers of a MapLibre style."""
        return [{"id": name, "type": "raster", "source": name, "metadata": {"shudi:layer": NAME}} for name in self.sources()]


def basemap(wanted: str, key: str = "", credit: str = "") -> Basemap:
    """Read which basemap is wanted: tianditu, tianditu-imagery, or the address of XYZ or WMTS tiles with {z}, {x}, {y} and perhaps {key}.

    BasemapError for shifted ones, with the reason, and for what is no such address; it names the host and never the key.
    """
    addresses = [SERVED.replace("{set}", name) for name in SETS[wanted]] if wanted in SETS else [wanted]
    for name, ours in WMTS.items():
        addresses = [address.replace(name, ours) for address in addresses]
    try:
        host = urlsplit(addresses[0]).hostname or ""
        good = urlsplit(addresses[0]).scheme in ("http", "https") and re.fullmatch(r"[\w.:-]+", host, re.ASCII) is not None
    except ValueError:
        good, host = False, ""
    if not good or any(part not in addresses[0] for part in ("{z}", "{x}", "{y}")):
        raise BasemapError(
            "the basemap is no address of tiles: write https://host/{z}/{x}/{y}.png, an address of WMTS with {z}, {x} and {y}, or tianditu",
            "底图不是瓦片地址:请写成 https://主机/{z}/{x}/{y}.png、含 {z}、{x}、{y} 的 WMTS 地址,或 tianditu",
        )
    refuse_shifted(host, addresses[0])
    if "{key}" in addresses[0] and not re.fullmatch(r"[\w.~-]{8,200}", key, re.ASCII):
        raise BasemapError(
            f"the basemap of {host} needs a key: set it as SHUDI_BASEMAP_KEY", f"{host} 的底图需要密钥:请设置 SHUDI_BASEMAP_KEY"
        )
    owed = credit or (f"© {CREDIT.zh}" if host.endswith(TIANDITU) else host)
    return Basemap(tuple(address.replace("{key}", key) for address in addresses), owed)


def refuse_shifted(host: str, address: str) -> None:
    """Refuse tiles whose coordinates are shifted, or that count in degrees."""
    for shift, hosts in SHIFTED.items():
        if any(host == known or host.endswith(f".{known}") for known in hosts) or (
            shift == "GCJ-02" and "gl=cn" in address.lower()
        ):
            raise BasemapError(
                f"{host} draws China in {shift}, shifted by 50 to 700 m: plots would lie beside themselves; use tianditu, which is CGCS2000",
                f"{host} 的底图采用 {shift} 偏移坐标,偏差 50 至 700 米,地块会错位;请使用 CGCS2000 的天地图(tianditu)",
            )
    if host.endswith(TIANDITU) and re.search(r"_c/|tilematrixset=c\b", address.lower()):
        raise BasemapError(
            f"these tiles of {host} count in degrees (set c); write set w, as vec_w and TILEMATRIXSET=w",
            f"{host} 的该瓦片集为经纬度(c);请改用 w,如 vec_w 与 TILEMATRIXSET=w",
        )
