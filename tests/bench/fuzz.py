"""Ten thousand hostile requests against the service of a demo park: none may be answered by a mistake of our own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.api.faces import DAY, serving, shudi
from tests.api.fuzz import storm

REQUESTS = 10_000


def run(base: Path) -> Iterator[str]:
    """Tell what was answered, and what should not have been; `base` is left alone."""
    with tempfile.TemporaryDirectory() as name:
        park = Path(name) / "park.gpkg"
        assert shudi("demo", park, "--plots", 400).status == 0
        assert shudi("assess", "--base", park, "--on", DAY).status == 0
        with serving(park, park.parent) as running:
            start = time.perf_counter()
            found, wrong = storm(running.url, REQUESTS)
            took = time.perf_counter() - start
    yield f"{sum(found.values()):,} requests in {took:.0f} s: {dict(sorted(found.items()))}"
    yield f"answered by a mistake of our own: {len(wrong)}"
    yield from (str(case) for case in wrong[:20])
