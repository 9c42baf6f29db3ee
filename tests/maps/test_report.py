"""The report map: structure, safety of what it says, and a real browser that has no network."""

import json
import re
from datetime import date
from pathlib import Path

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from layers.base import Edition, Survey, Text
from layers.plan.supply import asked
from maps.offline import ForeignLinkError, OfflineFigure, VendorError, foreign_links, vendored
from maps.report import ReportError, report

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
ORIGIN = np.array([500_000.0, 4_077_000.0])


def at(*point: float) -> np.ndarray:
    return ORIGIN + np.array(point)


def way(y: float) -> shapely.LineString:
    return shapely.LineString([at(-50, y), at(650, y)])


def square(x: float, y: float, side: float = 80.0) -> shapely.Polygon:
    return shapely.box(*at(x, y), *at(x + side, y + side))


@pytest.fixture
def plots() -> gpd.GeoDataFrame:
    ids = ["A-1", "A-2", "A-3", "A-4", "A-5", EVIL]
    return gpd.GeoDataFrame(
        {
            "id": ids,
            "status": ["ready", "ready", "ready", "ready", "built", "ready"],
            "owner": ["", None, EVIL, "农场", "x", "y"],
        },
        geometry=[square(100 * k, 0) for k in range(6)],
        crs="EPSG:4548",
    )


@pytest.fixture
def findings(plots: gpd.GeoDataFrame) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "verdict": ["free", "free", "unknown", "blocked", "free"],
            "ready_state": ["ready", "dated", "ready", "ready", "ready"],
            "ready_from": np.array(["0001-01-01", "2027-06-30", "", "", ""], "datetime64[s]"),
            "missing": ["", "gas,heat", "", "", ""],
            "reason": ["", "", "C05:land_use.current", asked()[0].key, ""],
            "area": 6400.0,
            "free_area": [6400.0, 6400.0, 0.0, 1400.0, 6400.0],
            "blocked_area": [0.0, 0.0, 0.0, 5000.0, 0.0],
            "gas_state": ["available", "planned", "none", "unknown", None],
            "gas_from": pd.to_datetime(["2020-01-01", "2027-06-30", None, None, None]),
            "gas_line": ["G1", EVIL, None, None, None],
            "gas_distance": [3.25, 12.0, np.nan, np.nan, np.nan],
            "zone_code": ["1001"] * 5,
        },
        index=plots["id"].iloc[:5],
    )
    return frame


@pytest.fixture
def land(plots: gpd.GeoDataFrame) -> dict[str, Survey]:
    def survey(layer: str, kinds: tuple[str, ...], geometry: list, **columns: object) -> Survey:
        frame = gpd.GeoDataFrame(
            {"id": [f"{layer}{k}" for k in range(len(geometry))], **columns}, geometry=geometry, crs=plots.crs
        )
        return Survey(
            frame, (Edition(f"{layer}-1", layer, f"Survey of {layer} {EVIL}", date(2026, 3, 1), square(0, 0, 600), kinds),)
        )

    pipes = [way(-10), way(-20), shapely.Point(at(-50, -10))]
    dates = pd.to_datetime(["2020-01-01", "2027-06-30", None])
    return {
        "zoning": survey("zoning", (), [square(-20, -20, 700)], code=["1001"], name=[EVIL]),
        "control_lines": survey("control_lines", ("forest",), [square(300, 20, 60)], kind=["forest"], name=[EVIL]),
        "roads": survey("roads", (), [way(-30)], name=[EVIL], **{"class": ["local"]}),
        "utilities": survey("utilities", ("gas", "water"), pipes, kind=["gas", "water", "gas"], role=["main", "main", "source"],
                            status=["in_service", "planned", None], in_service_from=dates),
        "sites": survey("sites", (), [square(95, -5, 90)], name=[EVIL], status=["prospect"]),
    }  # fmt: skip


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def test_the_page_holds_all_and_names_nothing_outside(plots, findings, land):
    page = report(plots, findings, land, "Park", generated=True)
    assert foreign_links(page) == []
    assert "default-src 'none'" in page
    assert "unsafe" not in page.split("<title>")[0]
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", page)
    assert "jquery" not in page.lower()
    assert "bootstrap" not in page.lower()


def test_equal_input_gives_equal_bytes(plots, findings, land):
    assert report(plots, findings, land, "Park") == report(plots, findings, land, "Park")


def test_names_never_become_markup(plots, findings, land):
    page = report(plots, findings, land, EVIL)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert EVIL in data_of(page)["plots"]["own"]["columns"]["id"]["pool"]


def test_links_in_names_are_text_and_no_reason_to_refuse(plots, findings, land):
    named = plots.assign(owner="https://example.org/x")
    assert "https://example.org/x" in report(named, findings, land, "see http://example.org")


def test_plots_without_findings_are_unknown_and_never_free(plots, land):
    classes = data_of(report(plots, pd.DataFrame(index=pd.Index([], name="id")), land, "Park"))["plots"]["classes"]
    assert classes["verdict"]["pool"] == ["unknown"]
    assert classes["ready_state"]["pool"] == ["unknown"]
    assert sorted(classes["status"]["pool"]) == ["supplied", "unknown"]


def test_status_tells_serviced_pending_unknown_blocked_and_supplied(plots, findings, land):
    column = data_of(report(plots, findings, land, "Park"))["plots"]["classes"]["status"]
    told = [column["pool"][k] for k in column["at"]]
    assert told == ["serviced", "pending", "unknown", "blocked", "supplied", "unknown"]


def test_geometry_is_in_degrees_rounded_to_7_decimals(plots, findings, land):
    ring = data_of(report(plots, findings, land, "Park"))["plots"]["geometry"][0]["coordinates"][0]
    assert all(116.9 < x < 117.1 and 36.7 < y < 36.9 for x, y in ring)
    assert all(len(str(v).split(".")[1]) <= 7 for point in ring for v in point)


def test_a_layer_that_nobody_delivered_is_listed_as_unknown(plots, findings, land):
    sources = {s["title"]["en"]: s["editions"] for s in data_of(report(plots, findings, land, "Park"))["sources"]}
    assert sources["Current land use"] == []
    assert sources["Zoning"][0]["date"] == "2026-03-01"


def test_what_cannot_be_drawn_is_refused_with_a_remedy(plots, findings, land):
    with pytest.raises(ReportError, match="no CRS"):
        report(gpd.GeoDataFrame(plots.drop(columns="geometry"), geometry=list(plots.geometry)), findings, land, "Park")
    with pytest.raises(ReportError, match="no plot has a geometry"):
        report(plots.iloc[:0], findings, land, "Park")
    with pytest.raises(ReportError, match="smaller area"):
        report(plots, findings, land, "Park", most=5)


def test_a_folium_child_that_needs_the_network_is_refused():
    figure = OfflineFigure("x", "en")
    figure.add_child(folium.Map([36.8, 117.0], tiles=None))
    with pytest.raises(ForeignLinkError, match="jquery"):
        figure.render()


def test_a_library_that_is_not_the_pinned_one_is_refused(tmp_path: Path):
    (tmp_path / "leaflet").mkdir()
    (tmp_path / "leaflet/leaflet.js").write_text("evil()")
    with pytest.raises(VendorError, match="missing"):
        vendored("leaflet/leaflet.js", tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"leaflet/leaflet.js": {"sha256": "0"}}))
    with pytest.raises(VendorError, match="not the file"):
        vendored("leaflet/leaflet.js", tmp_path)


@pytest.mark.browser
def test_a_browser_without_network_shows_the_plots_their_evidence_and_both_languages(plots, findings, land, watch, tmp_path):
    checks = pd.DataFrame(
        {"plot": [1, 1], "rule": [0, 1], "severity": ["pass", "unknown"], "area": [6400.0, 6400.0], "unknown_area": 0.0}
    )
    file = tmp_path / "map.html"
    file.write_text(report(plots, findings, land, Text(f"Park {EVIL}", "园区"), generated=True, checks=checks), "utf-8")
    page = watch.page
    page.context.set_offline(True)
    page.goto(file.as_uri())

    drawn = page.locator(".leaflet-plots-pane path")
    assert drawn.count() == 6
    fills = [drawn.nth(k).get_attribute("fill") for k in range(6)]
    assert fills[0] == "#0072B2"
    assert fills[1].startswith("url(#hatch")
    assert fills[2].startswith("url(#dots")
    assert page.locator("#banner").is_visible()
    assert page.locator("#title").inner_text() == "园区"

    drawn.nth(1).click(position={"x": 12, "y": 40})
    card = page.locator(".leaflet-popup-content")
    card.wait_for()
    assert "6,400.00 m²" in card.inner_text()
    assert "9.600 亩" in card.inner_text()
    page.locator("#language").click()
    text = card.inner_text()
    assert all(
        word in text for word in ("A-2", "pending", "2027-06-30", "gas, heat", EVIL, "12.0 m", "C01", "Zoning", "2026-03-01")
    )
    assert page.locator("#title").inner_text() == f"Park {EVIL}"
    assert page.evaluate("document.documentElement.lang") == "en"
    page.screenshot(path=tmp_path / "report.png")

    page.locator("#on").fill("2027-07-01")
    page.locator("#on").dispatch_event("change")
    assert drawn.nth(1).get_attribute("fill") == "#0072B2"
    page.locator("input[value=verdict]").check()
    assert drawn.nth(3).get_attribute("fill").startswith("url(#grid")
    page.locator("fieldset label", has_text="blocked").locator("input").uncheck()
    assert drawn.count() == 5
    page.locator("#find").fill("A-4")
    page.locator("#find").dispatch_event("change")
    assert drawn.count() == 6
    assert "A-4" in card.last.inner_text()

    assert watch.said == []
    assert watch.asked == [file.as_uri()]
    assert page.locator("#title script").count() == 0
