"""Sites out of files: every format gives the same outline, what a file does not say is asked, hostile files are refused."""

import base64
import json
import re
import socket
import zipfile

import ezdxf
import geopandas as gpd
import pytest
import shapely

from layers.formats import boundary
from tests.api.faces import DAY, content, shudi
from tests.api.test_threats import ROWS, geojson, guarded_and_empty, kml, plots, vrt

PLOT = "D001-B08-P01"
BOWTIE = shapely.Polygon([(500_500, 4_070_500), (500_600, 4_070_600), (500_600, 4_070_500), (500_500, 4_070_600)])


def drawing(frame, path):
    made = ezdxf.new()
    for shape in frame.geometry:
        made.modelspace().add_lwpolyline(list(shape.exterior.coords)[:-1], close=True, dxfattribs={"layer": "site"})
    made.saveas(path)


def zipped(frame, path):
    frame.to_file(path.with_suffix(".shp"), encoding="utf-8")
    with zipfile.ZipFile(path, "w") as archive:
        for part in ("shp", "shx", "dbf", "prj", "cpg"):
            archive.write(path.with_suffix(f".{part}"), f"site.{part}")


WRITERS = {
    "txt": lambda frame, path: path.write_bytes(boundary.write(frame).encode("gbk")),
    "zip": zipped,
    "dxf": drawing,
    "kml": lambda frame, path: frame.to_crs("EPSG:4326").to_file(path, driver="LIBKML"),
    "geojson": lambda frame, path: frame.to_file(path),
    "gpkg": lambda frame, path: frame.to_file(path),
}


def written(shapes, folder, ending):
    """Write polygons to a file of a format."""
    frame = gpd.GeoDataFrame({"id": list(shapes), "name": list(shapes)}, geometry=list(shapes.values()), crs="EPSG:4548")
    path = folder / f"site.{ending}"
    path.unlink(missing_ok=True)
    WRITERS[ending](frame, path)
    return path


@pytest.fixture(scope="module")
def plot(park):
    found = json.loads(shudi("explain", PLOT, "--base", park, "--on", DAY, "--json").out)
    frame = gpd.read_file(park, layer="parcels")
    return found, shapely.get_parts(frame.loc[frame["id"] == PLOT].geometry.iloc[0])[0]


def sent(client, file, **asked):
    return client.post("/sites/read", params={"name": file.name, **asked}, content=file.read_bytes())


def test_each_format_gives_the_same_outline_and_verdict(server, plot, tmp_path):
    sheet, shape = plot
    for ending in WRITERS:
        file = written({"A": shape}, tmp_path, ending)
        answer = sent(server.client, file, **({"crs": "EPSG:4548"} if ending == "dxf" else {}))
        assert answer.status_code == 200, (ending, answer.text)
        (feature,) = answer.json()["features"]
        assert feature["area_m2"] == pytest.approx(sheet["area_m2"], abs=0.2), ending
        assert (feature["number"], feature["fault"]) == (1, None)
        assert feature["name"] == ("" if ending == "dxf" else "A"), ending
        if ending in ("gpkg", "zip", "geojson", "dxf"):
            asked = {"geometry": feature["geometry"], "crs": "EPSG:4326", "on": DAY}
            verdict = server.client.post("/checks", json=asked).json()
            assert verdict["area_m2"] == pytest.approx(sheet["area_m2"], abs=1e-6), ending


def test_what_a_file_does_not_say_is_asked_for_by_name(server, plot, tmp_path):
    file = written({"A": plot[1]}, tmp_path, "dxf")
    answer = sent(server.client, file)
    assert (answer.status_code, answer.json()["title"]) == (422, "MissingCRSError")
    assert "site.dxf" in answer.json()["detail"]
    assert "--" not in answer.json()["detail"] + answer.json()["detail_zh"]
    wrong = sent(server.client, file, crs="EPSG:32649")
    assert (wrong.status_code, wrong.json()["title"]) == (422, "ImplausibleError")
    frame = gpd.GeoDataFrame(geometry=[plot[1]], crs="EPSG:4548")
    frame.to_file(tmp_path / "two.gpkg", layer="one")
    frame.to_file(tmp_path / "two.gpkg", layer="other")
    answer = sent(server.client, tmp_path / "two.gpkg")
    assert (answer.status_code, answer.json()["title"]) == (422, "ChooseSublayerError")
    assert sent(server.client, tmp_path / "two.gpkg", sublayer="other").status_code == 200


def test_of_several_features_each_is_told_and_the_faulty_say_why(server, plot, tmp_path):
    shapes = {"A": plot[1], "B": BOWTIE, "C": shapely.transform(plot[1], lambda xy: xy + 100)}
    answer = sent(server.client, written(shapes, tmp_path, "gpkg")).json()
    assert [(f["number"], f["name"], f["fault"] is None) for f in answer["features"]] == [
        (1, "A", True),
        (2, "B", False),
        (3, "C", True),
    ]
    assert "Self-intersection" in answer["features"][1]["fault"]["en"]
    assert answer["features"][1]["geometry"] is None
    answer = sent(server.client, written({"B": BOWTIE}, tmp_path, "geojson"))
    assert (answer.status_code, answer.json()["title"]) == (422, "NoSiteError")
    assert answer.json()["detail"].startswith("site.geojson, feature 1: invalid geometry")
    assert "第 1 个要素" in answer.json()["detail_zh"]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with guarded_and_empty(tmp_path_factory.mktemp("sites")) as running:
        yield running


def tried(town, body, name, **asked):
    asked = {k: v for k, v in asked.items() if k != "layer"}
    return town.ask("planner", "POST", "/sites/read", params={"name": name, **asked}, content=body)


@pytest.mark.parametrize("row", ROWS)
def test_c_a_hostile_file_is_refused_in_its_own_words(town, row):
    make, name, asked, _ = ROWS[row]
    before = content(town.server.log.with_name("land.gpkg"))
    answer = tried(town, make(town), name, **asked)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    for secret in ("CANARY", "root:", str(town.server.log.parent), "Traceback", "upload."):
        assert secret not in answer.text
    assert content(town.server.log.with_name("land.gpkg")) == before
    assert list((town.server.log.parent / "land.imports").iterdir()) == []


def test_c4_no_file_of_a_site_reaches_another_address(town):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        there = f"http://127.0.0.1:{trap.getsockname()[1]}/x"
        link = kml(inner=f"<NetworkLink><Link><href>{there}</href></Link></NetworkLink>")
        for name, body in {"b.geojson": vrt(f"/vsicurl/{there}"), "c.kml": link}.items():
            assert tried(town, body, name).status_code == 422
        with pytest.raises(TimeoutError):
            trap.accept()


def test_only_who_may_check_may_have_a_file_read_and_never_a_large_or_empty_one(town):
    for role, status in ((None, 401), ("viewer", 403), ("planner", 200)):
        answer = town.ask(role, "POST", "/sites/read", params={"name": "a.geojson"}, content=geojson(plots(1)))
        assert answer.status_code == status, answer.text
    assert tried(town, b"", "a.geojson").status_code == 422
    assert tried(town, geojson(plots(501)), "a.geojson").json()["title"] == "NoSiteError"
    assert tried(town, b" " * (17 << 20), "a.geojson").status_code == 413
    assert tried(town, geojson(plots(1)), "../../evil.geojson").status_code == 200


DROP = """async ([name, body]) => {
  const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name));
  const pane = document.querySelector("[data-pane=check]");
  for (const kind of ["dragover", "drop"]) pane.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_dropped_file_of_each_format_is_checked(server, watch, plot, lang, tmp_path):
    sheet, shape = plot
    page = watch.page
    page.goto(f"{server.url}/?lang={lang}&view=check&on={DAY}")
    page.wait_for_selector("body[data-drawn]")
    said = page.locator("#check-answer .figures")

    def area():
        said.wait_for()
        return float(re.search(r"([\d,]+\.\d\d) m²", said.inner_text())[1].replace(",", ""))

    for ending in WRITERS if lang == "en" else ["dxf"]:
        file = written({"A": shape}, tmp_path, ending)
        page.evaluate(DROP, [file.name, base64.b64encode(file.read_bytes()).decode()])
        if ending == "dxf":
            page.locator("#check-crs").wait_for()
            assert "site.dxf" in page.locator("#check-note").inner_text()
            page.screenshot(path=tmp_path / f"drop-{lang}.png")
            page.fill("#check-crs", "EPSG:4548")
            page.click("#check-again")
        assert area() == pytest.approx(sheet["area_m2"], abs=0.2), ending
        page.locator("#check-answer button", has_text={"en": "Clear", "zh": "清除"}[lang]).click()
        assert said.count() == 0
    several = {"A": shape, "B": BOWTIE, "C": shapely.transform(shape, lambda xy: xy + 100)}
    page.set_input_files("#check-file", written(several, tmp_path, "gpkg"))
    page.locator("#check-choice li").nth(2).wait_for()
    assert "Self-intersection" in page.locator("#check-choice li").nth(1).inner_text()
    page.screenshot(path=tmp_path / f"choice-{lang}.png")
    page.locator("#check-choice button", has_text="A").click()
    assert area() == round(sheet["area_m2"], 2)
    assert all("status of 422" in said for said in watch.said), watch.said
