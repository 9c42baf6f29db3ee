"""Bad input through both faces: one clear sentence with the remedy, a status that says so, and a base that is unchanged."""

import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import shapely

from tests.api.faces import DAY, content, serving, shudi

HOME = (500_200.0, 4_077_200.0)
INSIDE = [[500_200, 4_077_200], [500_300, 4_077_200], [500_300, 4_077_300], [500_200, 4_077_300], [500_200, 4_077_200]]
NAN, INFINITE = float("nan"), float("inf")


def polygon(*points):
    return {"type": "Polygon", "coordinates": [list(map(list, points))]}


def ring(count, radius=300.0):
    """Draw a circle of many points inside the park."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    xy = np.column_stack([HOME[0] + 400 + radius * np.cos(turn), HOME[1] + 400 + radius * np.sin(turn)])
    return shapely.geometry.mapping(shapely.Polygon(xy))


SWAPPED = polygon(*[(y, x) for x, y in INSIDE])
DEGREES = polygon((117.0, 36.8), (117.001, 36.8), (117.001, 36.801), (117.0, 36.801), (117.0, 36.8))
BOWTIE = polygon((500_200, 4_077_200), (500_300, 4_077_300), (500_300, 4_077_200), (500_200, 4_077_300), (500_200, 4_077_200))
LINE = {"type": "LineString", "coordinates": INSIDE}
NESTED = {"type": "GeometryCollection", "geometries": []}
for _ in range(200):
    NESTED = {"type": "GeometryCollection", "geometries": [NESTED]}

BAD_SITES = {
    "self-crossing": (BOWTIE, "EPSG:4548", "invalid|crosses"),
    "empty": ({"type": "Polygon", "coordinates": []}, "EPSG:4548", "empty"),
    "no geometry": (None, "EPSG:4548", "empty|geometry"),
    "a line": (LINE, "EPSG:4548", "polygon"),
    "a point": ({"type": "Point", "coordinates": [500_200, 4_077_200]}, "EPSG:4548", "polygon"),
    "nested for nothing": (NESTED, "EPSG:4548", "polygon|empty|cannot be read|no GeoJSON"),
    "of zero area": (polygon((500_200, 4_077_200), (500_300, 4_077_200), (500_200, 4_077_200), (500_200, 4_077_200)), "EPSG:4548", "invalid|area"),
    "outside of all coverage": (polygon((560_000, 4_077_200), (560_100, 4_077_200), (560_100, 4_077_300), (560_000, 4_077_200)), "EPSG:4548", "outside"),
    "x and y swapped": (SWAPPED, "EPSG:4548", "swapped|axis"),
    "x and y swapped, in degrees": (polygon((36.8, 117.0), (36.8, 117.001), (36.801, 117.001), (36.8, 117.0)), "EPSG:4490", "swapped"),
    "degrees that claim to be metres": (DEGREES, "EPSG:4548", "degrees"),
    "metres that claim to be degrees": (polygon(*INSIDE), "EPSG:4326", "metres"),
    "of another zone": (polygon(*[(x + 40e6, y) for x, y in INSIDE]), "EPSG:4548", "zone"),
    "of another datum": (polygon(*[(x, y) for x, y in INSIDE]), "EPSG:2384", "datum"),
    "huge numbers": (polygon((1e308, 1e308), (-1e308, 1e308), (1e308, -1e308), (1e308, 1e308)), "EPSG:4548", "cannot be in"),
}  # fmt: skip


@pytest.fixture(scope="module")
def before(park):
    return content(park)


@pytest.mark.parametrize("name", BAD_SITES)
def test_a_bad_site_is_refused_by_the_command(park, before, write, name):
    geometry, crs, word = BAD_SITES[name]
    found = shudi("check", write(geometry, crs), "--base", park, "--on", DAY)
    assert found.status == 2, found
    assert any(w in found.err for w in word.split("|")), found.err
    assert len(found.err.strip().splitlines()) == 1
    assert content(park) == before


@pytest.mark.parametrize("number", [NAN, INFINITE, -INFINITE])
def test_a_site_with_a_coordinate_that_is_no_number_is_refused_by_the_command(park, before, write, number):
    inside = [*INSIDE[:1], (number, INSIDE[1][1]), *INSIDE[2:]]
    found = shudi("check", write(polygon(*inside), "EPSG:4548"), "--base", park, "--on", DAY)
    assert (found.status, len(found.err.strip().splitlines())) == (2, 1), found
    assert content(park) == before


@pytest.mark.parametrize("name", [n for n in BAD_SITES if n != "no geometry"])
def test_a_bad_site_is_refused_by_the_service(server, park, before, name):
    geometry, crs, word = BAD_SITES[name]
    answer = server.client.post("/checks", json={"geometry": geometry, "crs": crs, "on": DAY})
    refused(answer, 422, park)
    assert any(w in answer.json()["detail"] for w in word.split("|")), answer.text
    assert content(park) == before


def refused(answer, status, base):
    """Hold an answer against RFC 9457, and see that it tells nothing of this machine."""
    assert answer.status_code in (status if isinstance(status, tuple) else (status,)), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["detail"]
    assert body["detail_zh"]
    for secret in ("Traceback", "/tmp", str(base.parent), "SELECT", ".py"):
        assert secret not in answer.text, answer.text


@pytest.mark.parametrize(
    "site",
    [
        "nobody",
        "missing.geojson",
        "'; DROP TABLE sites; --",
        "",
        ".",
        "/dev/null",
        "/etc/passwd",
        "S-77 ",
        "../../etc",
        "x" * 5000,
        "a\x00b",
    ],
)
def test_what_is_no_site_is_refused(park, before, site):
    found = shudi("check", site, "--base", park)
    assert found.status == 2, found
    assert len(found.err.strip().splitlines()) <= 4
    assert content(park) == before


def test_a_file_of_several_sites_is_refused(park, tmp_path):
    feature = {"type": "Feature", "properties": {}, "geometry": polygon(*INSIDE)}
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}
    path = tmp_path / "two.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature, feature]}))
    found = shudi("check", path, "--base", park)
    assert (found.status, "2 features" in found.err) == (2, True)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "<xml/>", '{"type":"FeatureCollection","features":[]}', '{"type": "Polygon"}', "NaN"]
)
def test_a_file_that_is_no_geojson_is_refused(park, tmp_path, text):
    path = tmp_path / "site.geojson"
    path.write_text(text)
    found = shudi("check", path, "--base", park)
    assert found.status == 2, found


@pytest.mark.parametrize("points", [20_000, 200_000, 1_000_000])
def test_a_million_vertices_are_answered_or_refused_and_change_nothing(park, server, before, write, points):
    found = shudi("check", write(ring(points), "EPSG:4548"), "--base", park, "--json")
    assert found.status in (0, 1, 2, 3)
    if found.status != 2:
        assert abs(found.body["residual_m2"]) <= 1e-6
    answer = server.client.post("/checks", json={"geometry": ring(points), "crs": "EPSG:4548"})
    assert answer.status_code == (200 if points < 50_000 else 413 if points == 1_000_000 else 422)
    assert server.client.get("/healthz").status_code == 200
    assert content(park) == before


@pytest.mark.parametrize(
    "sent",
    [
        b"", b"{", b"null", b"[]", b"7", b'"text"', b"\xff\xfe\x00", b"{}", b'{"geometry": null}', b'{"geometry": []}',
        b'{"geometry": {}}', b'{"geometry": {"type": "Polygon"}}', b'{"geometry": {"type": "Nonsense", "coordinates": []}}',
        b'{"geometry": {"type": "Polygon", "coordinates": "abc"}}', b'{"geometry": {"type": "Polygon", "coordinates": [[[1]]]}}',
        b'{"geometry": {"type": "Polygon", "coordinates": [[["a", "b"], [1, 2], [3, 4], [1, 2]]]}}',
        b'{"geometry": {"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [5, 6], [7, 8]]]}}',
        b'{"geometry": {"type": "Polygon", "coordinates": {"a": {"b": [1]}}}}',
        b'{"geometry": {"type": 5, "coordinates": [1, [2, [3, [4, null]]]]}}',
        b'{"geometry": {"type": "Polygon", "coordinates": [[[NaN, NaN], [1, 2], [3, 4], [NaN, NaN]]]}}',
        b'{"geometry": {"type": "Polygon", "coordinates": [[[1e999, 2], [1, 2], [3, 4], [1e999, 2]]]}}',
        b'{"geometry": {"type": "Polygon", "coordinates": [[[Infinity, 2], [1, 2], [3, 4], [Infinity, 2]]]}}',
        b'{"geometry": {"type": "Polygon", "coordinates": [[[null, 2], [1, 2], [3, 4], [null, 2]]]}}',
        b'{"geometry": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"geometry": {"type": "GeometryCollection", "geometries": ' + b'[{"type": "GeometryCollection", "geometries": ' * 20_000
        + b"[]" + b"}]" * 20_000 + b"}}",
        b'{"geometry": {"type": "Polygon", "coordinates": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}",
        b"[" * 2_000_000,
    ],
    ids=lambda sent: sent[:60].decode(errors="replace") + f" ({len(sent)})",
)  # fmt: skip
def test_a_body_of_any_content_is_refused_and_the_service_lives(server, park, before, sent):
    answer = server.client.post("/checks", content=sent, headers={"content-type": "application/json"})
    refused(answer, (400, 422), park)
    assert server.client.get("/healthz").status_code == 200
    assert content(park) == before


GOOD = {"geometry": polygon(*INSIDE), "crs": "EPSG:4548", "on": DAY}


@pytest.mark.parametrize(
    "more",
    [
        {"crs": "EPSG:nothing"}, {"crs": "EPSG:999999999"}, {"crs": ""}, {"crs": 7}, {"crs": None}, {"crs": "x" * 100_000},
        {"crs": "+proj=pipeline +step +proj=unitconvert"}, {"crs": "EPSG:5773"}, {"crs": "EPSG:4978"}, {"crs": "/etc/passwd"},
        {"crs": "GEOGCRS[" * 1000},
        {"on": "soon"}, {"on": -1e300}, {"on": "0001-01-01"}, {"as_of": "yesterday"}, {"as_of": "0001-01-01T00:00:00Z"},
        {"required_mu": 0}, {"required_mu": -1}, {"required_mu": "much"}, {"required_mu": "inf"}, {"required_mu": "nan"},
        {"required_mu": "1e999"}, {"level": 4}, {"level": "5; DROP"}, {"use": 7}, {"use": "999999"}, {"use": "x' OR 1=1 --"},
        {"use": ""},
    ],
    ids=lambda more: str(more)[:60],
)  # fmt: skip
def test_a_wrong_field_is_refused_by_the_service(server, park, more):
    refused(server.client.post("/checks", json={**GOOD, **more}), 422, park)


def test_numbers_beyond_all_numbers_are_refused(server, park):
    for number in ("1e999", "NaN", "Infinity"):
        sent = json.dumps(GOOD)[:-1] + f', "required_mu": {number}}}'
        refused(server.client.post("/checks", content=sent, headers={"content-type": "application/json"}), 422, park)


@pytest.mark.parametrize("declared", [True, False], ids=["with its length", "in chunks"])
def test_a_body_that_is_too_large_is_refused(server, park, declared):
    sent = b" " * (17 << 20)
    answer = server.client.post(
        "/checks", content=sent if declared else (sent[k : k + 65536] for k in range(0, len(sent), 65536))
    )
    refused(answer, 413, park)
    assert server.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tiles/nothing/14/13515/6414.mvt", 404),
        ("/tiles/terrain/14/13515/6414.mvt", 404),
        ("/tiles/sqlite_master/14/13515/6414.mvt", 404),
        ("/tiles/parcels/99/0/0.mvt", 404),
        ("/tiles/parcels/3/8/0.mvt", 404),
        ("/tiles/parcels/3/0/-1.mvt", 404),
        ("/tiles/parcels/-1/0/0.mvt", 404),
        (f"/tiles/parcels/{2**70}/{2**70}/0.mvt", 404),
        (f"/tiles/parcels/14/{'9' * 4000}/0.mvt", 404),
        (f"/tiles/parcels/14/{'9' * 5000}/0.mvt", 422),
        ("/tiles/parcels/a/b/c.mvt", 422),
        ("/tiles/parcels/1.5/0/0.mvt", 422),
        ("/plots/nobody", 404),
        ("/plots/%27%20OR%201%3D1%20--", 404),
        ("/plots/%00", 404),
        ("/plots/" + "x" * 300, 422),
        ("/plots/..%2f..%2fetc%2fpasswd", 404),
        ("/plots/D001-B08-P01?on=soon", 422),
        ("/plots/D001-B08-P01?as_of=yesterday", 422),
        ("/plots/D001-B08-P01?on=0001-01-01", 422),
        ("/style.json?lang=xx", 422),
        ("/legend.json?lang=../..", 422),
        ("/nowhere", 404),
        ("/web/../api/main.py", 404),
        ("/web/%2e%2e/%2e%2e/pyproject.toml", 404),
        ("/web/nothing.js", 404),
    ],
)
def test_an_address_of_nothing_is_told_so(server, park, path, status):
    refused(server.client.get(path), status, park)


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/plots/D001-B08-P01", "/checks", "/tiles/parcels/14/13515/6414.mvt", "/about.json", "/nowhere"]
)
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "POST"])
def test_other_methods_do_no_harm(server, park, before, path, method):
    answer = server.client.request(method, path)
    assert answer.status_code in (200, 404, 405, 422)
    assert "Traceback" not in answer.text
    assert content(park) == before


def test_another_host_is_refused_and_not_reflected(server, park):
    refused(server.client.get("/style.json", headers={"Host": "evil.example"}), 421, park)
    refused(server.client.get("/healthz", headers={"Host": "[evil"}), 421, park)
    assert server.client.get("/healthz", headers={"Host": "localhost:1"}).status_code == 200
    for name in ("X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"):
        answer = server.client.get("/style.json", headers={name: "evil.example"})
        assert (answer.status_code, "evil" in answer.text) == (200, False)


def test_the_base_is_the_one_named_else_that_of_the_environment_else_the_nearest(tmp_path, monkeypatch):
    assert shudi("init", tmp_path / "land.gpkg", "--crs", "EPSG:4548").status == 0
    inner = tmp_path / "deep" / "er"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert shudi("layers").status == 0
    broken = {name: tmp_path / name for name in ("deep/land.gpkg", "of-environment.gpkg", "named.gpkg")}
    for path in broken.values():
        path.write_text("this is no GeoPackage, " * 100)
    nearest, environment, named = broken.values()
    assert str(nearest) in shudi("layers").err
    assert str(environment) in shudi("layers", base=environment).err
    assert str(named) in shudi("layers", "--base", named, base=environment).err


COMMANDS = {
    "check": ("check", "S-77"),
    "explain": ("explain", "D001-B08-P01"),
    "layers": ("layers",),
    "history": ("history", "parcels", "D001-B08-P01"),
    "assess": ("assess",),
    "map": ("map", "--out", "never.html"),
    "serve": ("serve",),
    "import": ("import", "plots.geojson", "--layer", "parcels", "--crs", "EPSG:4548"),
    "edit": ("edit", "parcels", "D001-B08-P01", "owner=nobody"),
    "undo": ("undo", "1"),
    "supply": ("supply",),
    "networks": ("networks",),
    "warnings": ("warnings",),
    "level": ("level", "S-77"),
    "export": ("export", "parcels", "--out", "never.geojson"),
}
PLOTS = json.dumps({"type": "FeatureCollection", "features": [
    {"type": "Feature", "properties": {"id": "P"}, "geometry": {"type": "Polygon", "coordinates": [INSIDE]}}
]})  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_base_that_is_none_is_refused_by_every_command(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    text = tmp_path / "text.gpkg"
    text.write_text("this is no GeoPackage, " * 100)
    other = tmp_path / "other.gpkg"
    with closing(sqlite3.connect(other)) as c:
        c.execute("CREATE TABLE a (b)")
        c.commit()
    (tmp_path / "folder.gpkg").mkdir()
    (tmp_path / "hollow.gpkg").touch()
    (tmp_path / "plots.geojson").write_text(PLOTS)
    for base in ("text.gpkg", "other.gpkg", "folder.gpkg", "hollow.gpkg", "missing.gpkg", "no/where.gpkg"):
        found = shudi(*COMMANDS[name], "--base", base)
        assert found.status == 2, (base, found)
        assert len(found.err.strip().splitlines()) == 1, (base, found.err)
    assert "no land base" in shudi(*COMMANDS[name]).err
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "folder.gpkg",
        "hollow.gpkg",
        "other.gpkg",
        "plots.geojson",
        "text.gpkg",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_base_of_a_newer_version_is_refused_by_every_command(own_park, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect(own_park)) as c:
        c.execute("UPDATE shudi_meta SET value = '99' WHERE key = 'version'")
        c.commit()
    (tmp_path / "plots.geojson").write_text(PLOTS)
    before = content(own_park)
    found = shudi(*COMMANDS[name], "--base", own_park)
    assert (found.status, "newer" in found.err) == (2, True), found
    assert content(own_park) == before


def test_a_file_that_is_there_is_not_written_over(own_park):
    before = content(own_park)
    for command in (("demo", own_park), ("init", own_park, "--crs", "EPSG:4548")):
        found = shudi(*command)
        assert (found.status, "there already" in found.err) == (2, True)
    assert content(own_park) == before


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:nothing", "", "local", "EPSG:5773"])
def test_a_base_needs_a_projected_crs(tmp_path, crs):
    found = shudi("init", tmp_path / "a.gpkg", "--crs", crs)
    assert found.status == 2, found
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path, park):
    for command in (
        ("demo", tmp_path / "no" / "a.gpkg", "--plots", 1),
        ("init", tmp_path / "no" / "a.gpkg", "--crs", "EPSG:4548"),
        ("map", "--base", park, "--out", tmp_path / "no" / "map.html"),
    ):
        found = shudi(*command)
        assert found.status == 2, found
        assert len(found.err.strip().splitlines()) == 1


def test_a_service_whose_base_breaks_says_so_and_recovers(own_park, tmp_path):
    with serving(own_park, tmp_path) as running:
        good = own_park.read_bytes()
        aside = own_park.with_suffix(".aside")
        own_park.replace(aside)
        own_park.write_bytes(b"broken" * 10_000)
        answers = {running.client.get(path).status_code for path in ("/healthz", "/plots/D001-B08-P01")}
        assert answers <= {200, 503}
        own_park.write_bytes(good)
        assert running.client.get("/plots/D001-B08-P01").status_code == 200
