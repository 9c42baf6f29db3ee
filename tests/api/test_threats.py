"""The rows B10 to B14 and C of the list of threats, each by its recipe; the ids name the rows. docs/reliability.md has all rows."""

import asyncio
import io
import json
import logging
import re
import socket
import sqlite3
import struct
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

import httpx
import numpy as np
import pytest
import shapely
import uvicorn

from api.main import create_app
from api.patience import Patient
from api.settings import Settings
from tests.api.faces import content, ended, free_port, serving, shudi
from tests.api.test_imports import geojson, over, plots
from tests.api.test_people import copy
from tests.api.town import guarded

PLOT = "/plots/D001-B08-P01"


def refused(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"title", "status", "detail", "detail_zh", "id"} <= set(answer.json())


# requests


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example:80",
        "[::1]evil",
        "",
        "127.0.0.1:x",
        "localhost.",
    ],
)
def test_b10_another_host_is_refused_and_never_told_again(server, host):
    answer = server.client.get("/collections", headers={"Host": host})
    refused(answer, 421)
    assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "Forwarded", "X-Original-URL", "X-Rewrite-URL"]
)
def test_b10_headers_of_proxies_that_are_not_ours_say_nothing(server, header):
    plain, answer = (server.client.get("/collections?f=json", headers=h) for h in ({}, {header: "evil.example"}))
    assert answer.json() == plain.json()


def test_b10_no_header_is_slipped_in(server):
    for path in ("/login?next=/%0d%0aSet-Cookie:%20a=b", "/collections/%0d%0aX:%20y/items", "/login/oidc?next=%0d%0aX:y"):
        answer = server.client.get(path)
        assert answer.headers.get("set-cookie") is None
        assert "x" not in answer.headers


@contextmanager
def impatient(base, seconds):
    """Serve a base in this process, for clients in a hurry."""
    port = free_port()
    app = create_app(Settings(base=base, patience=seconds, pace=1e9))
    kind = type("Impatient", (Patient,), {"patience": seconds})
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", http=kind, proxy_headers=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield port
    finally:
        server.should_exit = True
        thread.join(20)


def test_b12_slow_clients_are_cut_off_and_hold_up_nobody(park):
    with impatient(park, 1.0) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
        try:
            begun = time.monotonic()
            for k in range(20):
                for door in slow:
                    with suppress(OSError):
                        door.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "[k : k + 1])
                assert client.get("/healthz").status_code == 200
                time.sleep(0.1)
            assert time.monotonic() - begun < 60
            for door in slow:
                door.settimeout(5)
                with suppress(ConnectionResetError):
                    assert door.recv(10) == b""
        finally:
            for door in slow:
                door.close()

        def trickle():
            for _ in range(40):
                yield b" "
                time.sleep(0.1)

        refused(client.post("/checks", content=trickle(), headers={"Content-Type": "application/json"}), 408)


def test_b12_who_reads_no_answer_does_not_keep_the_service_from_ending(park, tmp_path):
    """The answer is larger than what the machine keeps for a reader, so that the service is still writing when it is told to end."""
    with serving(park, tmp_path) as server, socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect(("127.0.0.1", server.client.base_url.port))
        for _ in range(20):
            idle.sendall(b"GET /collections/parcels/items?limit=10000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        assert server.client.get("/healthz").status_code == 200
        begun = time.monotonic()
        ended(server.process, server.log)
        assert time.monotonic() - begun < 100, "a service that is told to end ends"


def alone(run):
    """Run a coroutine in a thread of its own: a browser of another test may keep a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, run()).result()


def test_b12_an_upload_over_its_limit_is_refused_and_kept_nowhere(park, tmp_path):
    base = copy(park, tmp_path / "park.gpkg")
    assert shudi("listing", "draft", "D001-B03-P02", "--base", base).status == 0

    async def run():
        app = create_app(Settings(base=base, upload=1 << 20))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            large = b" " * (3 << 20)
            return [
                await client.post("/imports?layer=parcels&name=x.geojson", content=large),
                await client.put("/listings/L-D001-B03-P02/scheme/a.pdf", content=large, headers={"If-Match": "*"}),
            ]

    for answer in alone(run):
        refused(answer, 413)
    assert list((tmp_path / "park.imports").iterdir()) == list((tmp_path / "park.schemes").iterdir()) == []


def test_b14_a_fault_tells_its_number_and_the_log_its_cause(park, tmp_path):
    base = copy(park, tmp_path / "park.gpkg")
    with serving(base, tmp_path) as running:
        assert running.client.get(PLOT).status_code == 200
        base.with_suffix(".users.db").write_bytes(b"no database " * 1000)
        answer = running.client.get(PLOT, headers={"Authorization": "Bearer shudi_secret-token"})
        refused(answer, 503)
        assert answer.headers["retry-after"]
        for secret in (str(tmp_path), "park", "sqlite", "SELECT", "Traceback"):
            assert secret not in answer.text
        log = running.said()
        assert answer.json()["id"] in log
        assert "shudi_secret-token" not in log


def test_b14_a_mistake_of_our_own_tells_only_its_number(park, caplog):
    app = create_app(Settings(base=park))

    @app.get("/broken")
    def broken():
        raise RuntimeError("/secret/path SELECT * FROM parcels")

    async def run():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get("/broken")

    with caplog.at_level(logging.ERROR, "shudi"):
        answer = alone(run)
    refused(answer, 500)
    assert "secret" not in answer.text
    assert "SELECT" not in answer.text
    assert answer.json()["id"] in caplog.text
    assert "/secret/path" in caplog.text


# uploads


@contextmanager
def guarded_and_empty(folder):
    """Serve an empty base beside which lies a file that nobody may be shown."""
    base = folder / "land.gpkg"
    assert shudi("init", base, "--crs", "EPSG:4548").status == 0
    (folder / "canary.geojson").write_bytes(geojson({"CANARY-7": plots()["P-0"]}))
    with guarded(base, folder) as town:
        yield town


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with guarded_and_empty(tmp_path_factory.mktemp("threats")) as running:
        yield running


def zipped(*members, **more):
    """Pack (name, bytes) pairs."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **more) as archive:
        for name, body in members:
            archive.writestr(name, body)
    return out.getvalue()


def link():
    info = zipfile.ZipInfo("plots.geojson")
    info.external_attr = 0o120777 << 16
    return zipped((info, "/etc/passwd"))


def vrt(source):
    return (
        f'<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{source}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
    ).encode()


def kml(head="", inner="<Placemark><name>p</name><Point><coordinates>117,36.8</coordinates></Point></Placemark>"):
    return (
        f'<?xml version="1.0"?>{head}<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>a</name>{inner}</Document></kml>'
    ).encode()


def base_with(sql, tmp_path):
    """A GeoPackage with something in it that runs."""
    from layers.store.gpkg import GpkgStore

    path = tmp_path / "evil.gpkg"
    GpkgStore.create(path).close()
    with closing(sqlite3.connect(path)) as c, c:
        c.executescript(sql)
    return path.read_bytes()


ENDLESS = (
    "CREATE VIEW bad AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i AS fid, NULL AS geom FROM r;"
    "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('bad', 'features', 'bad', 4548);"
    "INSERT INTO gpkg_geometry_columns VALUES ('bad', 'geom', 'POLYGON', 4548, 0, 0);"
)


def star(count):
    """A star of so many points whose every edge crosses half of the others."""
    turn = np.arange(count) * np.pi * 2 * (count // 2 - 1) / count
    return shapely.Polygon(np.column_stack([500_500 + 100 * np.cos(turn), 4_070_500 + 100 * np.sin(turn)]))


def holes(count):
    ring = [(500_110, 4_070_110), (500_120, 4_070_110), (500_120, 4_070_120), (500_110, 4_070_110)]
    return shapely.Polygon(plots()["P-0"].exterior, [ring] * count)


def tiff(size):
    """The head of a GeoTIFF that claims to be size by size."""
    tags = [
        (256, 4, 1, size),
        (257, 4, 1, size),
        (258, 3, 1, 32),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, size),
        (279, 4, 1, 4),
    ]
    return (
        b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *t) for t in tags) + b"\x00" * 8
    )


XLSX = [
    ("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>"), ("xl/worksheets/sheet1.xml", b" " * (200 << 20)),
]  # fmt: skip
SWAPPED = {"P-0": shapely.box(4_070_100, 500_100, 4_070_200, 500_200)}
HUGE = {"P-0": shapely.box(1e300, 1e300, 1e308, 1e308)}
DATELINE = {"P-0": shapely.Polygon([(179.9, 36.8), (-179.9, 36.8), (-179.9, 36.9), (179.9, 36.9)])}

ROWS = {
    "C1 relative": (lambda _: zipped(("../../evil.geojson", b"x")), "a.zip", {}, "outside"),
    "C1 link": (lambda _: link(), "a.zip", {}, "link"),
    "C2 bomb": (lambda _: zipped(("a.geojson", b" " * (200 << 20))), "a.zip", {}, "inflates"),
    "C2 xlsx": (lambda _: zipped(*XLSX), "a.xlsx", {"crs": "EPSG:4548"}, None),
    "C3 vrt as geojson": (lambda town: vrt(canary(town)), "a.geojson", {}, "not JSON"),
    "C3 vrt in a zip": (lambda town: zipped(("a.vrt", vrt(canary(town)))), "a.zip", {}, "no file"),
    "C5 file": (lambda _: kml('<!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;"), "a.kml", {}, "document type"),
    "C6 view": (lambda town: base_with(ENDLESS, town.server.log.parent), "a.gpkg", {"sublayer": "bad"}, "view"),
    "C8": (lambda _: b"id,x,y\n1,500100,4070100\n", "a.csv", {}, "coordinate reference system"),
    "C9 swapped": (lambda _: geojson(SWAPPED), "a.geojson", {}, None),
    "C9 huge": (lambda _: geojson(HUGE), "a.geojson", {}, None),
    "C10 star": (lambda _: geojson({"P-0": star(6000)}), "a.geojson", {}, "without an answer"),
    "C10 holes": (lambda _: geojson({"P-0": holes(20_000)}), "a.geojson", {}, "rejected"),
    "C11": (lambda _: geojson(DATELINE).replace(b"EPSG::4548", b"EPSG::4326"), "a.geojson", {}, "outside the area"),
    "C12": (lambda _: tiff(1_000_000), "a.tif", {"layer": "terrain"}, None),
    "C14 NUL": (lambda _: b"x,y\n1,2\n\x00,3\n", "a.csv", {"crs": "EPSG:4548"}, "NUL"),
}  # fmt: skip
"""Row -> (the file's bytes, its name, what is said with it, a word of the refusal)."""


def canary(town):
    return town.server.log.with_name("canary.geojson")


def tried(town, body, name, **asked):
    answer = town.ask("planner", "POST", "/imports", params={"layer": "parcels", "name": name, **asked}, content=body)
    assert answer.status_code == 202, answer.text
    found = over(town, answer.headers["location"], seconds=90)
    assert town.ask("planner", "DELETE", answer.headers["location"]).status_code == 204
    return found


@pytest.mark.parametrize("row", ROWS)
def test_a_hostile_upload_is_refused_in_its_own_words(town, row):
    make, name, asked, word = ROWS[row]
    around = set(town.server.log.parent.rglob("*"))
    before = content(town.server.log.with_name("land.gpkg"))
    found = tried(town, make(town), name, **asked)
    told = json.dumps(found, ensure_ascii=False)
    if found["state"] == "successful":
        assert word == "rejected" or word is None
        assert (found["result"]["accepted"], found["result"]["rejected"]) == (0, 1), told
    else:
        assert found["state"] == "failed"
        assert (word or name.rpartition(".")[2]) in found["detail"]["en"] or word is None, told
    for secret in ("CANARY", "root:", str(town.server.log.parent), "Traceback"):
        assert secret not in told
    assert content(town.server.log.with_name("land.gpkg")) == before
    left = {p.relative_to(town.server.log.parent).parts[0] for p in set(town.server.log.parent.rglob("*")) - around}
    assert left <= {
        "land.gpkg-wal",
        "land.gpkg-shm",
        "land.users.db-wal",
        "land.users.db-shm",
        "land.imports",
        "land.jobs",
        "evil.gpkg",
    }
    assert list((town.server.log.parent / "land.imports").iterdir()) == []
    assert town.ask(None, "GET", "/healthz").status_code == 200


def test_c4_nothing_that_is_uploaded_reaches_another_address(town):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        there = f"http://127.0.0.1:{trap.getsockname()[1]}/x"
        files = {
            "b.geojson": vrt(f"/vsicurl/{there}"),
            "c.kml": kml(inner=f"<NetworkLink><Link><href>{there}</href></Link></NetworkLink>"),
            "d.kml": kml(f'<!DOCTYPE k SYSTEM "{there}">'),
            "e.kml": f"<OGRWFSDataSource><URL>{there}</URL></OGRWFSDataSource>".encode(),
        }  # fmt: skip
        for name, body in files.items():
            found = tried(town, body, name)
            assert found["state"] == "failed" or found["result"]["accepted"] == 0
        with pytest.raises(TimeoutError):
            trap.accept()


def test_c10_a_legal_plot_of_many_vertices_is_taken(town):
    turn = np.linspace(0, 2 * np.pi, 120_000, endpoint=False)
    circle = shapely.Polygon(np.column_stack([500_500 + 300 * np.cos(turn), 4_070_500 + 300 * np.sin(turn)]))
    found = tried(town, geojson({"P-round": circle}), "a.geojson")
    assert (found["state"], found["result"]["accepted"]) == ("successful", 1)


@pytest.mark.parametrize(
    "name",
    ["../../evil.geojson", "a\x00b\\..\\evil.geojson"],
)
def test_c16_a_files_name_is_never_part_of_a_path(town, name):
    around = {p.name for p in town.server.log.parent.parent.iterdir()}
    found = tried(town, geojson(plots()), name)
    assert (found["state"], found["result"]["accepted"]) == ("successful", 4)
    assert {p.name for p in town.server.log.parent.parent.iterdir()} == around
    assert not re.search(r"land\.imports/\w+", json.dumps(found))


def test_c15_a_script_in_a_name_stays_a_text(town):
    script = "<script>alert(1)</script>"
    body = json.loads(geojson({"P-script": shapely.box(500_900, 4_070_900, 500_950, 4_070_950)}))
    body["features"][0]["properties"] |= {"owner": script, "address": f'"><img src=x onerror=alert(1)>{script}'}
    asked = {"layer": "parcels", "name": "a.geojson", "coverage": "500000,4070000,501000,4071000"}
    sent = town.ask("planner", "POST", "/imports", params=asked, content=json.dumps(body).encode())
    where = sent.headers["location"]
    assert over(town, where)["state"] == "successful"
    assert town.ask("planner", "POST", f"{where}/delivery", json={}).status_code == 202
    assert over(town, f"{where}/delivery")["state"] == "successful"
    stored = town.ask("planner", "GET", "/collections/parcels/items/P-script").json()
    assert stored["properties"]["owner"] == script
    for page in ("/collections/parcels/items/P-script?f=html", "/collections/parcels/items?f=html"):
        shown = town.ask("planner", "GET", page)
        assert "<script" not in shown.text
        assert "<img" not in shown.text
        assert "default-src 'none'" in shown.headers["content-security-policy"]
