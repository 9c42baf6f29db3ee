"""Basemaps: what is shifted or no address of tiles is refused with its reason, and a key stands in no refusal."""

import pytest

from maps.basemap import BasemapError, basemap
from maps.style import style

KEY = "0123456789abcdef"


@pytest.mark.parametrize(
    ("address", "shift"),
    [
        ("https://webrd01.is.autonavi.com/appmaptile?x={x}&y={y}&z={z}", "GCJ-02"), ("https://wprd01.AMAP.com/{z}/{x}/{y}", "GCJ-02"),
        ("https://rt0.map.gtimg.com/tile?z={z}&x={x}&y={y}", "GCJ-02"), ("http://mt0.google.cn/vt?x={x}&y={y}&z={z}", "GCJ-02"),
        ("https://mt1.google.com/vt?lyrs=m&gl=CN&x={x}&y={y}&z={z}", "GCJ-02"), ("https://maponline0.bdimg.com/tile/?x={x}&y={y}&z={z}", "BD-09"),
        ("https://api.map.baidu.com/{z}/{x}/{y}", "BD-09"),
    ],
)  # fmt: skip
def test_shifted_coordinates_are_refused_with_the_reason(address, shift):
    with pytest.raises(BasemapError, match=shift) as refused:
        basemap(f"{address}&ak={KEY}")
    assert "错位" in refused.value.text.zh
    assert KEY not in str(refused.value) + refused.value.text.zh


@pytest.mark.parametrize(
    "address",
    [
        "", "tianditu2", "https://host/tiles", "ftp://host/{z}/{x}/{y}", "https:///{z}/{x}/{y}", "https://a b/{z}/{x}/{y}", "https://[/{z}/{x}/{y}",
        "https://h;script-src/{z}/{x}/{y}", "https://t0.tianditu.gov.cn/vec_c/wmts?z={z}&x={x}&y={y}", "https://host/{key}/{z}/{x}/{y}",
    ],
)  # fmt: skip
def test_what_is_no_address_of_tiles_is_refused(address):
    with pytest.raises(BasemapError):
        basemap(address)


def test_tianditu_needs_a_key_and_brings_its_names_and_credit():
    with pytest.raises(BasemapError, match="SHUDI_BASEMAP_KEY"):
        basemap("tianditu")
    made = basemap("tianditu", KEY)
    assert [("vec_w" in tile, "cva_w" in tile) for tile in made.tiles] == [(True, False), (False, True)]
    assert all(f"tk={KEY}" in tile and "{z}" in tile for tile in made.tiles)
    assert (made.origins, "天地图" in made.credit) == (("https://t0.tianditu.gov.cn",), True)


def test_a_basemap_lies_under_everything_and_a_credit_is_no_markup():
    plain = style("http://here/")
    assert "basemap" not in plain["metadata"]["shudi:layers"]
    made = style(
        "http://here/", under=basemap("https://tiles.example.org/wmts/{TileMatrix}/{TileRow}/{TileCol}.png", credit="<b>us</b>")
    )
    assert [look["id"] for look in made["layers"][:2]] == ["background", "basemap-0"]
    assert made["sources"]["basemap-0"]["tiles"] == ["https://tiles.example.org/wmts/{z}/{y}/{x}.png"]
    assert made["sources"]["basemap-0"]["attribution"] == "&lt;b&gt;us&lt;/b&gt;"
