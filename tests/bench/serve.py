"""The service under load from another process: items, tiles, verdicts, a hundred people panning; TiPg beside it, in turn."""

from __future__ import annotations

import asyncio
import http.client
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import quote

import numpy as np
from pyproj import Transformer

from geo.tiles import HALF_WORLD
from layers.catalogue import LAYERS
from layers.store.address import Address
from layers.store.gpkg import GpkgStore
from layers.store.moving import copy
from tests.bench.city import ROOT, SHUDI, percentile
from tests.postgres import cluster, free_port

WORKERS = 2
BATCH, ROUNDS = 50, 6
"""Requests of one kind that a service gets in a row before the other's turn, and how often it is its turn."""
CLIENTS = 4
"""Connections that ask at once where throughput is measured."""
USERS, PANS, PAUSE = 100, 10, 2.0
"""People who pan, how often each, and how long each looks at what came [s]."""
CROWD = 100_000
"""Plots that the large tile would hold."""
COLUMNS = ", ".join(f'"{field.name}"' for field in LAYERS["parcels"].columns)
PLAIN = (
    f"CREATE TABLE public.parcels AS SELECT fid, {COLUMNS}, geom::geometry(MultiPolygon, 4548) geom FROM shudi.parcels",
    "ALTER TABLE public.parcels ADD PRIMARY KEY (fid)",
    "CREATE INDEX ON public.parcels USING gist (geom)",
    "VACUUM ANALYZE",
)
"""The plots as TiPg wants them: it takes the CRS from the type of the column."""
BROWSER = {"Accept": "*/*", "Accept-Encoding": "gzip"}


@dataclass
class Service:
    """A running service, the processes that work for it, and what was measured of it."""

    name: str
    port: int
    roots: list[int]
    taken: dict[str, list[float]] = field(default_factory=dict)
    work: dict[str, float] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)

    def ask(self, what: str, paths: Sequence[str]) -> None:
        """Ask one thing after the other on one connection, and note what each took."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)) as door:
            worked = spent(self.roots)
            for path in paths:
                started = time.perf_counter()
                door.request("GET", path, headers=BROWSER)
                answer = door.getresponse()
                body = answer.read()
                self.taken.setdefault(what, []).append(time.perf_counter() - started)
                assert answer.status in (200, 204), (path, answer.status, body[:500])
                self.size[what] = max(self.size.get(what, 0), len(body))
            self.work[what] = self.work.get(what, 0.0) + spent(self.roots) - worked

    def told(self, what: str, target: str = "") -> str:
        """Tell the slowest twentieth and the work of one request."""
        times = self.taken[what]
        return (
            f"{what}, {self.name}: p50 {percentile(times, 0.5):.1f} ms, p95 {percentile(times, 0.95):.1f} ms{target}, "
            f"work {1000 * self.work[what] / len(times):.1f} ms, largest {self.size[what] / 1000:.1f} kB, {len(times)} requests"
        )


def spent(roots: Sequence[int]) -> float:
    """Tell the CPU time [s] of processes and of all that descend from them."""
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parts = (entry / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            stats[int(entry.name)] = int(parts[1]), sum(map(int, parts[11:15]))
    family = set(roots)
    while more := {pid for pid, (parent, _) in stats.items() if parent in family} - family:
        family |= more
    return float(sum(stats[pid][1] for pid in family if pid in stats)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(
    name: str, command: Sequence[object], port: int, ready: str, more: Sequence[int] = (), **settings: str
) -> Iterator[Service]:
    """Run a service; it has as long as it lives, five minutes at most, to answer `ready`."""
    with TemporaryFile() as said:
        process = subprocess.Popen(
            [*map(str, command)], cwd=ROOT, env=os.environ | settings, stderr=said, stdout=subprocess.DEVNULL
        )
        try:
            service = Service(name, port, [process.pid, *more])
            until = time.monotonic() + 300
            while not _answers(service, ready):
                if process.poll() is not None or time.monotonic() > until:
                    said.seek(0)
                    raise RuntimeError(f"{name} does not start: {said.read().decode()[-2000:]}")
                time.sleep(0.1)
            yield service
        finally:
            process.terminate()
            process.wait(30)


def _answers(service: Service, path: str) -> bool:
    try:
        service.ask("start", [path])
    except OSError:
        return False
    return True


class Town:
    """Where the plots lie, and addresses to ask: drawn by a seed, so that both services are asked the same."""

    def __init__(self, base: Path) -> None:
        store = GpkgStore.open(base, read_only=True)
        count, self.box = store.extent("parcels")
        west, south, east, north = self.box
        self.side = float(np.sqrt(130 * (east - west) * (north - south) / count))
        self.ids: list[str] = store.read("parcels", columns=["id"], limit=5_000)["id"].tolist()
        self.onto = Transformer.from_crs(store.crs, "EPSG:4326", always_xy=True)
        self.count, self.rng = count, random.Random(1)
        store.close()

    def place(self, margin: float = 0.0) -> tuple[float, float]:
        """Draw a place in the base's CRS."""
        west, south, east, north = self.box
        return self.rng.uniform(west, east - margin), self.rng.uniform(south, north - margin)

    def bbox(self) -> str:
        """Draw a box with somewhat over a hundred plots, in degrees."""
        x, y = self.place(self.side)
        return ",".join(f"{v:.7f}" for v in self.onto.transform_bounds(x, y, x + self.side, y + self.side))

    def tile(self, z: int) -> tuple[int, int]:
        """Draw a tile of a zoom: x, y."""
        return address(*self.onto.transform(*self.place()), z)

    def crowded(self) -> tuple[int, int, int]:
        """Find the zoom at which a tile in the middle holds `CROWD` plots, or as many as there are: z, x, y."""
        west, south, east, north = self.onto.transform_bounds(*self.box)
        share = min(1.0, CROWD / self.count)
        for z in range(13, 5, -1):
            x, y = address((west + east) / 2, (south + north) / 2, z)
            box = degrees(z, x, y)
            held = max(0.0, min(box[2], east) - max(box[0], west)) * max(0.0, min(box[3], north) - max(box[1], south))
            if held >= 0.99 * share * (east - west) * (north - south):
                return z, x, y
        return 6, *address((west + east) / 2, (south + north) / 2, 6)


def address(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Find the tile of a place."""
    size = 2**z
    return int((lon + 180) / 360 * size), int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * size)


def degrees(z: int, x: int, y: int) -> tuple[float, float, float, float]:
    """Bound a tile in degrees."""
    size = 2 * HALF_WORLD / 2**z
    west, north = x * size - HALF_WORLD, HALF_WORLD - y * size
    lon = [v / HALF_WORLD * 180 for v in (west, west + size)]
    lat = [float(np.degrees(2 * np.arctan(np.exp(v / HALF_WORLD * np.pi)) - np.pi / 2)) for v in (north - size, north)]
    return lon[0], lat[0], lon[1], lat[1]


async def many(port: int, paths: Sequence[Sequence[str]], pause: float) -> tuple[list[float], int]:
    """Ask on as many connections as there are lists of addresses: the seconds of each answer, and how many were none.

    Who asks waits `pause` [s] after each tenth part of a list.
    """
    taken: list[float] = []
    wrong = 0

    async def one(own: Sequence[str], number: int) -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        step = max(1, len(own) // PANS)
        if pause:
            await asyncio.sleep(pause * number / len(paths))
        for k, path in enumerate(own):
            if pause and k and k % step == 0:
                await asyncio.sleep(pause)
            started = time.perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"transfer-encoding: chunked" in head:
                while length := int(await reader.readline(), 16):
                    await reader.readexactly(length + 2)
                await reader.readline()
            elif b"content-length: " in head:
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r")[0]))
            taken.append(time.perf_counter() - started)
            wrong += head.split(b" ", 2)[1] not in (b"200", b"204", b"304")
        writer.close()

    await asyncio.gather(*(one(own, n) for n, own in enumerate(paths)))
    return taken, wrong


def rate(service: Service, paths: Sequence[str]) -> float:
    """Measure answers a second on `CLIENTS` connections."""
    started = time.perf_counter()
    taken, wrong = asyncio.run(many(service.port, [paths[k::CLIENTS] for k in range(CLIENTS)], 0.0))
    assert not wrong
    return len(taken) / (time.perf_counter() - started)


def walk(town: Town, z: int = 15) -> list[str]:
    """Follow one person over the map: a screen of 4 by 3 tiles, then the row or column that each pan uncovers, always twelve."""
    x, y = town.tile(z)
    seen: list[str] = []
    for _ in range(PANS):
        seen += [f"/tiles/readiness/{z}/{x + i}/{y + j}.mvt" for i in range(4) for j in range(3)]
        x, y = x + town.rng.choice((-1, 0, 1)), y + town.rng.choice((-1, 0, 1))
    return seen


def run(base: Path) -> Iterator[str]:
    """Measure both services on the same data, with as many processes each."""
    subprocess.run([*SHUDI, "--base", str(base), "assess"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    town = Town(base)
    with ExitStack() as stack:
        postgres = stack.enter_context(cluster())
        url = stack.enter_context(postgres.database())
        copy(base, Address(url))
        postgres.sql(url.rpartition("/")[2], *PLAIN)
        master = int((postgres.folder / "db" / "postmaster.pid").read_text().split()[0])
        own, other = free_port(), free_port()
        ours = stack.enter_context(
            running("Shudi", [*SHUDI, "--base", base, "serve", "--port", own, "--workers", WORKERS], own, "/healthz")
        )
        tipg = [
            os.environ.get("TIPG_PYTHON", sys.executable),
            "-m",
            "uvicorn",
            "tipg.main:app",
            "--port",
            other,
            "--workers",
            WORKERS,
        ]
        theirs = stack.enter_context(
            running(
                "TiPg",
                tipg,
                other,
                "/healthz",
                [master],
                DATABASE_URL=url,
                TIPG_DB_SCHEMAS='["public"]',
                TIPG_DB_SPATIAL_EXTENT="false",
            )
        )
        yield from compared(ours, theirs, town)
        yield from alone(ours, town)
        yield from crowd(ours, town)


def compared(ours: Service, theirs: Service, town: Town) -> Iterator[str]:
    """Ask both for items and tiles, in turn."""

    def items(collection: str) -> Callable[[str], str]:
        return lambda box: f"/collections/{collection}/items?limit=100&bbox={box}"

    def tiles(template: str) -> Callable[[tuple[int, int]], str]:
        return lambda at: template.format(x=at[0], y=at[1])

    cold = "cold tile z14"
    kinds = [
        ("items by bbox", town.bbox, items("parcels"), items("public.parcels"), " (target 30)"),
        (cold, lambda: town.tile(14), tiles("/tiles/parcels/14/{x}/{y}.mvt"), tiles("/collections/public.parcels/tiles/WebMercatorQuad/14/{x}/{y}"), " (target 30)"),
    ]  # fmt: skip
    for what, draw, here, there, target in kinds:
        rates: dict[str, list[float]] = {"Shudi": [], "TiPg": []}
        for service, path in ((ours, here), (theirs, there)):
            service.ask("warm up", [path(draw()) for _ in range(10)])
        for _ in range(ROUNDS):
            places = [draw() for _ in range(BATCH)]
            for service, path in ((ours, here), (theirs, there)):
                service.ask(what, [path(p) for p in places])
            places = [draw() for _ in range(2 * BATCH)]
            for service, path in ((ours, here), (theirs, there)):
                rates[service.name].append(rate(service, [path(p) for p in places]))
        yield ours.told(what, target)
        yield theirs.told(what)
        shudi, tipg = (float(np.median(rates[n])) for n in rates)
        yield f"{what}, {CLIENTS} connections: Shudi {shudi:.0f}, TiPg {tipg:.0f} a second, {shudi / tipg:.1f} times (target 5)"


def alone(ours: Service, town: Town) -> Iterator[str]:
    """Ask for what only Shudi has."""
    at = town.tile(14)
    warm = f"/tiles/readiness/14/{at[0]}/{at[1]}.mvt"
    z, x, y = town.crowded()
    ours.ask("warm up", [warm] * 2)
    for _ in range(ROUNDS):
        cold = dict.fromkeys(town.tile(14) for _ in range(3 * BATCH))
        ours.ask("cold readiness tile z14", [f"/tiles/readiness/14/{x}/{y}.mvt" for x, y in list(cold)[:BATCH]])
        with closing(http.client.HTTPConnection("127.0.0.1", ours.port)):
            ours.ask("warm tile", [warm] * BATCH)
        ids = town.rng.sample(town.ids, BATCH)
        ours.ask("verdict of a plot", [f"/plots/{quote(id)}/verdict" for id in ids])
        ours.ask("whole sheet of a plot", [f"/plots/{quote(id)}" for id in ids])
        ours.ask("stored finding of a plot", [f"/collections/findings/items/{quote(id)}" for id in ids])
    for what, target in (
        ("cold readiness tile z14", 30),
        ("warm tile", 3),
        ("verdict of a plot", 20),
        ("whole sheet of a plot", 20),
        ("stored finding of a plot", 20),
    ):
        yield ours.told(what, f" (target {target})")
    large = f"tile z{z} of {min(CROWD, town.count):,} plots"
    spread = [(z, x + i, y + j) for i, j in ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1))]
    for k, path in enumerate([f"/tiles/readiness/{a}/{b}/{c}.mvt" for a, b, c in spread]):
        ours.ask(f"{large}, first" if not k else f"{large}, neighbours", [path])
    yield ours.told(f"{large}, first", " (target 150 ms, 300 kB)")
    yield ours.told(f"{large}, neighbours")


def crowd(ours: Service, town: Town) -> Iterator[str]:
    """Let people pan over the map."""
    paths = [walk(town) for _ in range(USERS)]
    worked, started = spent(ours.roots), time.perf_counter()
    taken, wrong = asyncio.run(many(ours.port, paths, PAUSE))
    took, work = time.perf_counter() - started, spent(ours.roots) - worked
    yield (
        f"{USERS} people panning: {len(taken)} tiles in {took:.0f} s, {wrong} errors (target 0), p50 {percentile(taken, 0.5):.0f} ms, "
        f"p95 {percentile(taken, 0.95):.0f} ms (target 250), work {1000 * work / len(taken):.1f} ms a tile"
    )
