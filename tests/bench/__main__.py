"""Run the benchmarks that are named, or all: python -m tests.bench [NAME ...] [--plots N]."""

from __future__ import annotations

import argparse
import os
import platform

from tests.bench import assess, check, overlay
from tests.bench.city import city

BENCHES = {"assess": assess.run, "check": check.run, "overlay": overlay.run}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], default=list(BENCHES))
    parser.add_argument("--plots", type=int, default=100_000)
    options = parser.parse_args()
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, {options.plots:,} plots")
    base = city(options.plots)
    for name in options.names or BENCHES:
        print(f"\n## {name}")
        for row in BENCHES[name](base):
            print(row)


if __name__ == "__main__":
    main()
