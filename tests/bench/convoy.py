"""Twenty write at once while a long export and QGIS read: nobody is refused, and nobody waits for long (threats.md A9)."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from layers.store import open_store
from tests.api.faces import ENVIRONMENT, qgis_asked, shudi
from tests.bench.city import SHUDI, percentile
from tests.bench.kill import Ledger, lost, service, sound

WRITERS, SECONDS = 20, 60.0
LONGEST = 2.0
"""Seconds that 99 of 100 writes may take."""


class Convoy(NamedTuple):
    """What came of it: the writes, how often the plots were exported meanwhile, the plots that QGIS read, what is not as acknowledged."""

    ledger: Ledger
    exports: int
    seen: int
    lost: list[str]
    sound: bool


def convoy(base: Path, seconds: float) -> Convoy:
    """Let writers create sites for so long, while the plots are exported again and again and QGIS holds the file open."""
    project, out = base.with_suffix(".qgs"), base.with_suffix(".exported.gpkg")
    assert shudi("qgis", "--base", base, "--out", project).status == 0
    ledger, stop, exports = Ledger(), threading.Event(), 0
    with service(base) as (_, port, _, _):
        reader = qgis_asked("hold", project, base.parent, str(seconds))
        writers = [threading.Thread(target=ledger.write, args=(f"w{k}", port, stop)) for k in range(WRITERS)]
        for writer in writers:
            writer.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            command = [*SHUDI, "--base", str(base), "export", "parcels", "--out", str(out), "--overwrite"]
            subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)
            exports += 1
        stop.set()
        for writer in writers:
            writer.join()
        told, said = reader.communicate(timeout=300)
        assert reader.returncode == 0, said
    with closing(open_store(base)) as store:
        bad = lost(store, ledger)
    return Convoy(ledger, exports, json.loads(told.splitlines()[-1])["seen"], bad, sound(base))


def run(base: Path) -> Iterator[str]:
    """Let them all loose on a copy of the city."""
    with tempfile.TemporaryDirectory() as folder:
        found = convoy(Path(shutil.copy(base, Path(folder) / "city.gpkg")), SECONDS)
    waits = found.ledger.waits
    yield (
        f"{WRITERS} writers for {SECONDS:.0f} s beside {found.exports} exports and QGIS, which read {found.seen:,} plots: {len(found.ledger.stored):,} "
        f"writes, {len(found.ledger.wrong)} refused, {len(found.lost)} lost or doubled, the file is {'sound' if found.sound else 'damaged'}"
    )
    yield from found.ledger.wrong[:5]
    yield f"a write: p50 {percentile(waits, 0.5):,.0f} ms, p99 {percentile(waits, 0.99):,.0f} ms (target {LONGEST * 1000:,.0f})"
