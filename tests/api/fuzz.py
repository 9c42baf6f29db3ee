"""Requests that nobody in their right mind sends, drawn by a seed: none may be answered by 5xx or tell what is inside."""

import random
import re
import threading
from collections import Counter
from urllib.parse import quote

import httpx

HOSTILE = [
    "", " ", "0", "-1", "1e999", "NaN", "Infinity", str(2**31), str(2**63), str(2**64), "9" * 400, "1.5", "true", "null", "None", "[]", "{}",
    "'", '"', "`", ";", "--", "/*", "%", "%%", "\\", "\x00", "\r\nX: y", "\t", "é", "熟地", "😀", "\u202e", "\ufeff", "\u0661",
    "' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE parcels; --", "1 UNION SELECT name FROM sqlite_master", "x' || (SELECT 1) || '",
    "exec(1)", "java.lang.Runtime", "__class__", "{{7*7}}", "${7*7}", "<script>alert(1)</script>", "javascript:alert(1)", "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd", "/dev/zero", "file:///etc/passwd", "http://127.0.0.1:9/", "(" * 3000, "a" * 9000, "x AND " * 1500 + "x",
    "status = 'ready'", "s_intersects(geometry, POINT(1e308 1e308))", "LIKE '%a'", "-180,-90,180,90", "1,2,3", "NaN,NaN,NaN,NaN",
    "180,-90,-180,90", ",".join("1" * 400), "2026-11-22", "../..", "0001-01-01", "9999-12-31T23:59:59Z", "zh", "html", "json", "en",
    "EPSG:4548", "EPSG:999999999", "http://www.opengis.net/def/crs/EPSG/0/4548", "+proj=pipeline", "parcels", "readiness", "terrain", "sites",
    "D001-B08-P01", "id", "-id,+status", "14", "13515", "6414", "WebMercatorQuad", "check", "supply", "10", "mvt", "*", "W/\"x\"",
]  # fmt: skip
HEADERS = [
    "Accept",
    "Accept-Language",
    "If-None-Match",
    "If-Match",
    "Range",
    "Prefer",
    "Content-Crs",
    "X-Forwarded-Host",
    "Content-Encoding",
]
MEDIA = [
    "application/json",
    "application/geo+json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "x/y",
    "",
]
GOOD = {
    "collectionId": ["parcels", "readiness", "findings", "zoning", "roads"], "layer": ["parcels", "readiness"], "z": ["14"], "x": ["13517"],
    "y": ["6386", "6386.mvt"], "featureId": ["D001-B08-P01"], "id": ["D001-B08-P01"], "processId": ["check", "supply"],
    "tileMatrixSetId": ["WebMercatorQuad"], "tileMatrix": ["14"], "tileRow": ["6386"], "tileCol": ["13517"],
}  # fmt: skip
"""What some of the parts of an address are called, so that requests come past the first door."""
LEFT_OUT = {("post", "/imports"), ("post", "/sites/read")}
"""Work that takes seconds each time: it has tests of its own, and so has the process `assess`."""
ENDLESS = "/events"
"""The answer that never ends; it has tests of its own."""
INSIDE = re.compile(r"Traceback|sqlite3\.|psycopg|File \"|/site-packages/")


def nested(rng, depth=0):
    """Draw some JSON."""
    kind = rng.randrange(7 if depth < 5 else 4)
    if kind < 3:
        return rng.choice(HOSTILE)
    if kind == 3:
        return rng.choice([None, True, -1, 1e308, 2**70, 0.1])
    if kind == 4:
        return [nested(rng, depth + 1) for _ in range(rng.randrange(4))]
    names = [
        "geometry",
        "type",
        "coordinates",
        "crs",
        "inputs",
        "properties",
        "id",
        "use",
        "on",
        "as_of",
        "level",
        rng.choice(HOSTILE),
    ]
    return {rng.choice(names): nested(rng, depth + 1) for _ in range(rng.randrange(5))}


def header(rng):
    """Draw a value that a header may carry on the wire."""
    return (
        rng.choice(HOSTILE)
        .encode("utf-8", "replace")
        .replace(b"\r", b"")
        .replace(b"\n", b"")
        .replace(b"\x00", b"")[:2000]
        .strip()
    )


def drawn(rng, api):
    """Draw a request: method, path with query, headers, body."""
    path, operations = rng.choice(sorted((path, of) for path, of in api["paths"].items() if path != ENDLESS))
    documented = [m for m in operations if m in ("get", "post", "put", "patch", "delete", "options", "head")]
    method = (
        rng.choice(documented)
        if rng.random() < 0.85
        else rng.choice(["get", "post", "put", "patch", "delete", "options", "head"])
    )
    known = [p for p in operations.get(method, operations[documented[0]]).get("parameters", []) if "name" in p]
    query = [(p["name"], rng.choice(HOSTILE)) for p in known if p["in"] == "query" and rng.random() < 0.4]
    query += [(rng.choice(HOSTILE)[:50], rng.choice(HOSTILE))] if rng.random() < 0.1 else []
    if (method, path) in LEFT_OUT:
        method = "get"

    def value(name):
        good = rng.random() < 0.6 and GOOD.get(name[1])
        return rng.choice(good) if good else quote(rng.choice(HOSTILE)[:3000], safe="" if rng.random() < 0.7 else "/")

    filled = re.sub(r"\{([^}]+)\}", value, path)
    if filled.endswith("/assess/execution"):
        method = "get"
    told = "&".join(f"{quote(k[:200])}={quote(v)}" for k, v in query)
    headers = {name: header(rng) for name in HEADERS if rng.random() < 0.15}
    body = None
    if method in ("post", "put", "patch"):
        headers["Content-Type"] = rng.choice(MEDIA).encode()
        body = httpx.Request("POST", "http://x", json=nested(rng)).content if rng.random() < 0.7 else rng.choice(HOSTILE).encode()
    return method.upper(), filled + (f"?{told}" if told else ""), headers, body


def storm(url, count, seed=1, threads=4):
    """Send so many requests; gives how often each status came, and what should not have been."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False, verify=False) as client:
        api = client.get("/openapi.json").json()
    found, wrong, lock = Counter(), [], threading.Lock()

    def send(part):
        rng = random.Random(f"{seed}/{part}")
        with httpx.Client(base_url=url, timeout=60, trust_env=False, verify=False) as client:
            for _ in range(count // threads):
                method, path, headers, body = drawn(rng, api)
                try:
                    answer = client.request(method, path, headers=headers, content=body)
                except httpx.InvalidURL:
                    continue
                except httpx.HTTPError as error:
                    with lock:
                        wrong.append((method, path[:300], repr(error)))
                    continue
                with lock:
                    found[answer.status_code] += 1
                    if answer.status_code >= 500 or INSIDE.search(answer.text):
                        wrong.append((method, path[:300], answer.status_code, headers, (body or b"")[:300], answer.text[:300]))

    workers = [threading.Thread(target=send, args=(part,)) for part in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found, wrong
