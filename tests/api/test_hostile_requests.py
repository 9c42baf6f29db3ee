"""The rows B1 to B8 of the list of threats, each by its recipe, against a running service."""

import time
from pathlib import Path

import pytest

PARCELS = "/collections/parcels/items"
PLOT = "D001-B08-P01"
TRUE = ["' OR '1'='1", "' OR 1=1 --", "x' OR status IS NOT NULL OR 'x'='", "1) OR (1=1", "%' OR '%'='"]
"""Strings that match everything where they become part of a statement."""
CODE = ["exec(1)", "java.lang.Runtime", "__class__", "{{7*7}}", "${7*7}", "system('id')", "@@version"]


def refused(answer, *statuses):
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    for inside in ("SELECT", "sqlite", "psycopg", "Traceback", "syntax error at"):
        assert inside not in answer.json()["detail"].replace("SELECT", "", str(answer.url).count("SELECT"))


@pytest.mark.parametrize("text", TRUE)
def test_b1_no_string_becomes_part_of_a_statement(server, text):
    def matched(**asked):
        answer = server.client.get(PARCELS, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()["numberMatched"]

    quoted = text.replace("'", "''")
    assert matched(status=text) == matched(id=text) == matched(filter=f"status = '{quoted}'") == 0
    assert matched(filter=f"status LIKE '{quoted}'") == matched(filter=f"id IN ('{quoted}')") == 0
    for asked in ({"sortby": text}, {"properties": text}, {text: "x"}, {"filter": f'"{text}" = 1'}, {"datetime": text}):
        refused(server.client.get(PARCELS, params=asked), 400)
    for path in (f"{PARCELS}/{text}", f"/collections/{text}/items", f"/plots/{text}", f"/tiles/{text}/14/13515/6414.mvt"):
        refused(server.client.get(path), 404)


@pytest.mark.parametrize("text", CODE)
def test_b2_no_name_of_a_property_is_evaluated(server, text):
    for asked in ({"filter": f'"{text}" = 49'}, {"filter": f"{text} = 49"}, {"sortby": text}, {"properties": text}, {text: "49"}):
        answer = server.client.get(PARCELS, params=asked)
        refused(answer, 400)
        assert "49" not in answer.json()["detail"].replace("= 49", "")


@pytest.mark.parametrize("deep", [65, 500, 2_700])
def test_b3_nested_parentheses_are_refused_and_the_service_lives(server, deep):
    for text in ("(" * deep + "id = 'x'" + ")" * deep, "(" * deep, "NOT " * deep + "id = 'x'", "-" * deep + "1 = 1"):
        refused(server.client.get(PARCELS, params={"filter": text}), 400)
    nested = '{"op":"not","args":[' * deep + "true" + "]}" * deep
    refused(server.client.get(PARCELS, params={"filter": nested[:8_000], "filter-lang": "cql2-json"}), 400)
    assert server.process.poll() is None


@pytest.mark.parametrize(
    "text",
    [
        " AND ".join(["status <> 'x'"] * 1_500),
        " AND ".join(["status <> 'x'"] * 250),
        "status LIKE '" + "%a" * 3_000 + "'",
        "address LIKE '" + "%a" * 1_500 + "'",
        "s_intersects(geometry, LINESTRING(" + ", ".join(f"{117 + k / 1e5:.5f} {36.8 + k % 2 / 10:.1f}" for k in range(400)) + "))",
        "s_intersects(geometry, LINESTRING(" + ", ".join(f"{117 + k / 1e5:.5f} {36.8 + k % 2 / 10:.1f}" for k in range(3_000)) + "))",
        "id IN (" + ", ".join(f"'{k}'" for k in range(1_000)) + ")",
    ],
    ids=["1500 ANDs", "250 ANDs", "LIKE of 3000", "LIKE of 1500", "400 vertices", "3000 vertices", "IN of 1000"],
)  # fmt: skip
def test_b4_no_filter_keeps_the_service_busy(server, text):
    begun = cpu(server.process.pid)
    answer = server.client.get(PARCELS, params={"filter": text})
    assert answer.status_code in (200, 400, 414), answer.text
    assert cpu(server.process.pid) - begun < 2


def cpu(pid):
    """Tell the CPU time of a process [s]: its clock does not stop while others work."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(parts[11]) + int(parts[12])) / 100


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1e400"])
def test_b5_what_is_no_number_bounds_nothing(server, number):
    refused(server.client.get(PARCELS, params={"bbox": f"{number},36,118,37"}), 400)
    refused(server.client.get(PARCELS, params={"bbox": "118,37,117,36"}), 400)
    assert server.client.get(PARCELS, params={"bbox": "118,36,-170,37"}).status_code == 200
    body = f'{{"geometry": {{"type": "Polygon", "coordinates": [[[{number}, 1], [2, 1], [2, 2], [{number}, 1]]]}}}}'
    refused(server.client.post("/checks", content=body, headers={"Content-Type": "application/json"}), 400, 422)


@pytest.mark.parametrize("id", ["nope", str(2**70), "-1", "1e9", "%00", "..%2f..", "x" * 200, "熟地", "0x10", "None"])
def test_b6_an_id_of_any_kind_is_found_or_not(server, id):
    refused(server.client.get(f"{PARCELS}/{id}"), 404)
    refused(server.client.get(f"/plots/{id}"), 404)
    refused(server.client.get(f"/jobs/{id}"), 404, 422)


def test_b7_no_limit_grows_the_answer_or_the_memory(server):
    def peak():
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1e3

    server.client.get(PARCELS, params={"limit": 10_000})
    before = peak()
    for limit in ("1000000000", str(2**64), "9" * 400):
        answer = server.client.get(PARCELS, params={"limit": limit})
        assert (answer.status_code, answer.json()["numberReturned"]) == (200, 400)
    for asked in ({"offset": "1000000000"}, {"startindex": "5"}, {"limit": "-1"}, {"limit": "0"}, {"limit": "1e9"}):
        refused(server.client.get(PARCELS, params=asked), 400)
    assert peak() < before + 30


@pytest.mark.parametrize(
    "address",
    [
        "99/0/0",
        "25/0/0",
        "14/16384/0",
        "14/0/16384",
        "14/-1/0",
        "-1/0/0",
        f"14/{2**70}/0",
        "14/1.5/0",
        "a/b/c",
        "14/%00/0",
        "14/1e3/1",
    ],
)
def test_b8_a_tile_that_is_not_there_is_not_found(server, address):
    z, x, y = address.split("/")
    refused(server.client.get(f"/tiles/parcels/{z}/{x}/{y}.mvt"), 404, 422)
    refused(server.client.get(f"/collections/parcels/tiles/WebMercatorQuad/{z}/{y}/{x}"), 404, 422)
    begun = time.monotonic()
    assert server.client.get("/healthz").status_code == 200
    assert time.monotonic() - begun < 30


def test_an_answer_is_asked_for_in_no_crs(server):
    for crs in ("-1", "nonsense", "EPSG:0"):
        said = server.client.get("/plots/D001-B08-P01", params={"answer_crs": crs})
        assert (said.status_code, "is no CRS" in said.json()["detail"]) == (422, True), said.text
