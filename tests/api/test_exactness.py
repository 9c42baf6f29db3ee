"""A verdict that hangs on a sliver says so, through both faces and in both languages."""

import pytest
import shapely

from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, shudi


@pytest.fixture(scope="module")
def free_plot(park):
    """The outline of a plot that is free; streets and other plots begin at its line."""
    store = GpkgStore.open(park, read_only=True)
    found, _ = store.findings()
    id = found.index[(found["verdict"] == "free") & (found["ready_state"] == "ready")][0]
    shape = store.read("parcels", ids=[id]).geometry.iloc[0]
    store.close()
    return shape


def check(base, path, **how):
    return shudi("check", path, "--base", base, "--on", DAY, *how.pop("more", ()), **how)


def test_a_plot_whose_line_others_share_stands(park, server, free_plot, write):
    shape = shapely.geometry.mapping(free_plot)
    body = check(park, write(shape, "EPSG:4548"), more=["--json"]).body
    heard = server.client.post("/checks", json={"geometry": shape, "crs": "EPSG:4548", "on": DAY}).json()
    exact = body["exactness"]
    assert exact == heard["exactness"]
    assert (exact["survives"], exact["smaller"], exact["larger"], exact["because"]) == (True, "free", "free", [])
    assert exact["planar_m2"] == pytest.approx(body["area_m2"], abs=1e-4)
    assert 0 < exact["planar_m2"] - exact["ellipsoidal_m2"] < 1e-4 * exact["planar_m2"]
    assert (exact["survey_class"], exact["tolerance_m"]) == ("II", 0.15)


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("HANGS ON A SLIVER", "±0.15 m", "moved in: free", "moved out: blocked", "C12", "on the ellipsoid")),
        ("zh", ("结论取决于边界误差", "±0.15 m", "内缩: 可供", "外扩: 受限", "C12", "椭球面积")),
    ],
)
def test_a_plot_drawn_ten_centimetres_too_wide_hangs_on_a_sliver(park, free_plot, write, lang, words):
    path = write(shapely.geometry.mapping(free_plot.buffer(0.1, join_style="mitre")), "EPSG:4548")
    found = check(park, path, lang=lang)
    assert found.status == 1
    assert all(word in found.out for word in words), found.out
    assert not check(park, path, more=["--json"]).body["exactness"]["survives"]
