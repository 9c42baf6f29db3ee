"""Check one site against the city: warm through the API, cold through the command."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.bench.city import ROOT, SHUDI, percentile

PORT = 8123
SIDE = 226.568
"""Side [m] of a square of 77 mu."""


def sites(base: Path, count: int) -> list[dict[str, object]]:
    """Place squares of 77 mu at random over the city."""
    said = json.loads(
        subprocess.run([*SHUDI, "--base", str(base), "--json", "layers"], cwd=ROOT, check=True, capture_output=True).stdout
    )
    assert said
    from layers.store.gpkg import GpkgStore

    store = GpkgStore.open(base, read_only=True)
    _, (west, south, east, north) = store.extent("parcels")
    store.close()
    rng = random.Random(1)
    places = [(rng.uniform(west, east - SIDE), rng.uniform(south, north - SIDE)) for _ in range(count)]
    return [
        {"type": "Polygon", "coordinates": [[[x, y], [x + SIDE, y], [x + SIDE, y + SIDE], [x, y + SIDE], [x, y]]]}
        for x, y in places
    ]


def run(base: Path) -> Iterator[str]:
    """Time 300 checks over HTTP after 20 that warm up, then 10 commands."""
    shapes = sites(base, 320)
    server = subprocess.Popen([*SHUDI, "--base", str(base), "serve", "--port", str(PORT)], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz").read()
                break
            except OSError:
                time.sleep(0.1)
        times = []
        for shape in shapes:
            body = json.dumps({"geometry": shape, "crs": "EPSG:4548", "required_mu": 77, "use": "100102"}).encode()
            request = urllib.request.Request(f"http://127.0.0.1:{PORT}/checks", body, {"Content-Type": "application/json"})
            started = time.perf_counter()
            urllib.request.urlopen(request).read()
            times.append(time.perf_counter() - started)
        times = times[20:]
        yield f"POST /checks, {len(times)} sites of 77 mu: p50 {percentile(times, 0.5):.0f} ms, p95 {percentile(times, 0.95):.0f} ms (target 50)"
    finally:
        server.terminate()
        server.wait()
    cold = []
    with tempfile.TemporaryDirectory() as folder:
        for n, shape in enumerate(shapes[:10]):
            site = Path(folder) / f"site{n}.geojson"
            crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}
            feature = {"type": "Feature", "properties": {}, "geometry": shape}
            site.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
            started = time.perf_counter()
            done = subprocess.run([*SHUDI, "--base", str(base), "check", str(site)], cwd=ROOT, capture_output=True, check=False)
            cold.append(time.perf_counter() - started)
            assert done.returncode in (0, 1, 3), done.stderr.decode()
    yield f"shudi check, {len(cold)} commands: p50 {percentile(cold, 0.5):.0f} ms, slowest {max(cold) * 1000:.0f} ms (target 2,000); {sys.version.split()[0]}"
