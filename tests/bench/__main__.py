"""Run the benchmarks that are named, or all: python -m tests.bench [NAME ...] [--plots N]."""

from __future__ import annotations

import argparse
import os
import platform

from tests.bench import assess, check, convoy, edits, fuzz, kill, million, overlay, serve, siting, store
from tests.bench.city import city

BENCHES = {
    "assess": assess.run,
    "check": check.run,
    "convoy": convoy.run,
    "edits": edits.run,
    "fuzz": fuzz.run,
    "kill": kill.run,
    "overlay": overlay.run,
    "serve": serve.run,
    "siting": siting.run,
    "store": store.run,
}
LARGE = {"million": million.run}
"""Only when they are named; with a million plots where --plots says nothing else."""

MADE = {"siting": siting.multiplied}
"""Where the base of a benchmark comes from, if not generated whole."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*BENCHES, *LARGE, []], default=list(BENCHES))
    parser.add_argument("--plots", type=int)
    options = parser.parse_args()
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores")
    for name in options.names or BENCHES:
        plots = options.plots or (1_000_000 if name in LARGE else 100_000)
        print(f"\n## {name}, {plots:,} plots")
        for row in {**BENCHES, **LARGE}[name](MADE.get(name, city)(plots)):
            print(row, flush=True)


if __name__ == "__main__":
    main()
